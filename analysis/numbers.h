/* numbers: reads back the lists of whole numbers that the analysis keeps as JSON text in columns of the store. Brackets
 * and commas are skipped: the reader knows the shape. The text may be damaged: nothing is believed but digits. */
#ifndef ANALYSIS_NUMBERS_H
#define ANALYSIS_NUMBERS_H

#include "base/slice.h"

struct numbers {
    struct slice left;
    bool bad; /* a number was asked for and there was none, or it did not fit */
};

static inline struct numbers numbers_of(struct slice text)
{
    return (struct numbers){text, false};
}

/* Whether another number follows. */
static inline bool numbers_more(struct numbers *r)
{
    while (r->left.n && !ascii_digit(r->left.p[0]))
        r->left.p++, r->left.n--;
    return r->left.n > 0 && !r->bad;
}

/* The next number; 0 and bad when there is none. */
static inline uint64_t numbers_next(struct numbers *r)
{
    uint64_t v = 0;
    if (!numbers_more(r)) {
        r->bad = true;
        return 0;
    }
    for (; r->left.n && ascii_digit(r->left.p[0]); r->left.p++, r->left.n--)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(r->left.p[0] - '0'), &v))
            r->bad = true;
    return r->bad ? 0 : v;
}

#endif
