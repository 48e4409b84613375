/* resp: the framing of Redis' protocol, RESP2 and RESP3, of one direction. Values are counted and passed by; of each
 * the first `keep` octets are kept for whoever asked. Bounded: RESP_DEPTH levels. */
#ifndef CAPTURE_RESP_H
#define CAPTURE_RESP_H

#include "base/slice.h"

enum { RESP_DEPTH = 16, RESP_KEPT = 512, RESP_LINE = 64 };

enum resp_state { RESP_TYPE, RESP_IN_LINE, RESP_IN_BULK };

struct resp {
    enum resp_state state;
    char type;
    uint8_t depth;
    uint32_t line_n; /* octets of the line so far; those beyond RESP_LINE are not kept */
    char line[RESP_LINE];
    uint64_t left, size; /* of a value: octets to go with the line end, octets in all */
    uint32_t keep, kept_n;
    char kept[RESP_KEPT];
    uint64_t want[RESP_DEPTH]; /* elements to come on each level */
    bool aside[RESP_DEPTH];    /* the level is an attribute's: no element of what is around it */
};

enum resp_got { RESP_MORE, RESP_ITEM, RESP_BAD };

/* One element, or the beginning of several. */
struct resp_item {
    char type;
    bool open; /* n elements follow, one level deeper */
    bool nil;
    bool aside; /* in an attribute */
    bool last;  /* with it a whole message ends */
    uint8_t depth;
    int64_t n;         /* elements, octets of a value, or the number */
    struct slice text; /* a line, or the kept beginning of a value; until the next call */
};

/* Zero-initialised; *p and *n move on past what was read. After RESP_BAD nothing that follows can be read. */
enum resp_got resp_read(struct resp *r, const char **p, size_t *n, struct resp_item *out);
/* Between messages. */
static inline bool resp_idle(const struct resp *r)
{
    return r->state == RESP_TYPE && !r->depth;
}
/* Passes by n octets that were lost, if all lie within a value of which no more is kept. False: what follows cannot be
 * read. */
bool resp_skip(struct resp *r, uint64_t n);
/* A decimal number with an optional sign, nothing else. */
bool resp_number(struct slice text, int64_t *out);

#endif
