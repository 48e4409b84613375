/* written: which writes change an endpoint's answers, and whether a purge on write pays (ALGORITHMS.md 4.6), from its
 * stored row. */
#ifndef REPORT_WRITTEN_H
#define REPORT_WRITTEN_H

#include "analysis/store/read.h"
#include "analysis/writes.h"
#include "base/json.h"

enum { WRITTEN_SHOWN = 8 };

struct written {
    struct writes_result pair[WRITES_PAIRS]; /* the most changes explained first */
    unsigned n;
    const struct writes_result *purge; /* the advised one that explains most; NULL: none is */
};

/* *w holds pointers into itself: do not copy it. */
void written_of(struct written *w, const struct row_endpoint *e);

/* Names of endpoints by id: "PUT http://api.example/items/{int}". */
struct written_names {
    struct written_name {
        size_t at, n; /* n 0: not known */
    } * name;
    size_t names;
    struct buf text;
};

bool written_name(struct written_names *names, const struct row_endpoint *e); /* false: out of memory */
struct slice written_name_of(const struct written_names *names, uint32_t endpoint);
void written_names_free(struct written_names *names);

/* The key `writes` with a list of the first ones. */
void written_json(struct json *j, const struct row_endpoint *e, const struct written_names *names);

#endif
