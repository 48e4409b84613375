/* totals: counters of the audit as a whole, HTTP exchanges only (CONTRACT: totals). */
#ifndef ANALYSIS_TOTALS_H
#define ANALYSIS_TOTALS_H

#include "base/slice.h"

enum { TOTALS_METHODS = 64, TOTALS_METHOD = 32, TOTALS_STATUSES = 1000, TOTALS_PROTOCOLS = 4 };

struct totals_method {
    char name[TOTALS_METHOD];
    size_t n;
    uint64_t count;
};

struct totals {
#define TOTAL(field, name) uint64_t field;
#include "analysis/totals.def"
#undef TOTAL
    uint64_t status[TOTALS_STATUSES]; /* 0: codes of more than three digits */
    uint64_t protocol[TOTALS_PROTOCOLS];
    struct totals_method method[TOTALS_METHODS]; /* the last one is `(other)` when all are taken */
    unsigned n_methods;
};

/* Place + 1 of a method, good from then on; 0: it is not there. */
unsigned totals_place(const struct totals *t, struct slice name);
/* The same; it is there then. */
unsigned totals_enter(struct totals *t, struct slice name);

static inline void totals_status(struct totals *t, unsigned status, uint64_t n)
{
    t->status[status < TOTALS_STATUSES ? status : 0] += n;
}

/* Sets the total of this name; false when there is none. */
bool totals_set(struct totals *t, struct slice name, uint64_t value);

#endif
