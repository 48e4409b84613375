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

/* Classes of ids, as their labels have them: {int}. */
enum route_class {
    ROUTE_HEX,
    ROUTE_B64,
    ROUTE_JWT,
    ROUTE_EMAIL,
    ROUTE_LETTERS, /* from here on a letter tells them where they are hidden */
    ROUTE_INT = ROUTE_LETTERS,
    ROUTE_DATE,
    ROUTE_UUID,
    ROUTE_ULID,
    ROUTE_IP,
    ROUTE_CLASSES
};

/* Label of one segment; parameters after ';' and a fragment are no part of it. What redaction hid (`~` and 12 hex
 * digits), a segment or a piece of one, carries the class of what stood there in its last digit: its low two bits, or,
 * from ROUTE_LETTERS on, the upper-case letter that it is (A: ROUTE_INT, B: ROUTE_DATE, …). */
struct route_label route_label(struct slice segment, char made[ROUTE_LABEL]);

struct route_id {
    size_t from, to; /* of the segment; what stands around it is a literal prefix, or an extension */
    enum route_class class;
};
/* The part of a segment, without parameters and fragment, that its label replaces with a class. False: there is none;
 * pieces that redaction hid inside it are none. */
bool route_id(struct slice segment, struct route_id *out);
/* Whether this is what redaction puts in a value's place: `~` and 12 hex digits, lower-case ones but for a last one
 * that tells a class. */
bool route_is_hidden(struct slice s);
/* The class that it tells (enum route_class), whatever hid it; -1: it is nothing of the kind. */
int route_hidden_class(struct slice s);
/* Whether this is an extension that is kept behind a class. */
bool route_extension(struct slice extension);

#endif
