/* route: lexical classes of path segments (ALGORITHMS.md section 6.1). Pure: a segment in, the label of its place in
 * the route out. */
#ifndef BASE_ROUTE_H
#define BASE_ROUTE_H

#include "base/slice.h"

enum { ROUTE_LABEL = 48 };  /* longest label that is made up */
enum { ROUTE_HIDDEN = 13 }; /* length of a value that redaction hid */

enum route_kind {
    ROUTE_LITERAL, /* the segment itself; may be united with its siblings */
    ROUTE_PREFIX,  /* "cus_{b64}": a literal prefix, so united like one */
    ROUTE_TYPED,   /* "{int}", "{uuid}.json": one child per class, never united */
};

struct route_label {
    struct slice text; /* borrowed from the segment, from `made`, or static */
    enum route_kind kind;
};

/* Label of one segment; parameters after ';' and a fragment are no part of it. What redaction hid (`~` and 12 hex
 * digits), a segment or a piece of one, carries the class of what stood there in the low two bits of its last digit. */
struct route_label route_label(struct slice segment, char made[ROUTE_LABEL]);
/* Whether this is what redaction puts in a value's place: `~` and 12 lower-case hex digits. */
bool route_is_hidden(struct slice s);
/* Whether this is an extension that is kept behind a class. */
bool route_extension(struct slice extension);

#endif
