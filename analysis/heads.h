/* heads: which fields of an exchange the analysis reads, and where they are, found in one pass. */
#ifndef ANALYSIS_HEADS_H
#define ANALYSIS_HEADS_H

#include "capture/exchange.h"

enum head {
    HEAD_unread,
#define HEAD(response, token, name) HEAD_##name,
#include "analysis/heads.def"
#undef HEAD
    HEAD_COUNT
};

struct heads {
    const struct field *field; /* of the exchange */
    uint32_t present;          /* a bit for each HEAD_* */
    uint8_t at[HEAD_COUNT];    /* where; means something for those present */
};

void heads_read(struct heads *h, const struct exchange *x);

static inline bool heads_has(const struct heads *h, enum head which)
{
    return h->present >> which & 1;
}

/* Borrowed from the exchange; p NULL: the field is not there. */
static inline struct slice heads_get(const struct heads *h, enum head which)
{
    return heads_has(h, which) ? h->field[h->at[which]].value : (struct slice){NULL, 0};
}

/* Whether an entity tag, sealed or as sent, is weak (RFC 9110 section 8.8.3). */
static inline bool heads_weak(struct slice tag)
{
    return tag.n > 1 && tag.p[0] == 'W' && tag.p[1] == '/';
}

#endif
