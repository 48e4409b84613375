/* word: a short text that comes in pieces, of which the beginning and a hash of all are kept. */
#ifndef CAPTURE_WORD_H
#define CAPTURE_WORD_H

#include "base/hash.h"

enum { WORD_MOST = 64 };

struct word {
    uint64_t rest; /* of what does not fit */
    uint8_t n;     /* WORD_MOST + 1: longer */
    char p[WORD_MOST];
};

static inline void word_begin(struct word *w)
{
    w->n = 0;
    w->rest = 0;
}

static inline void word_add(struct word *w, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (w->n < WORD_MOST) {
            w->p[w->n++] = p[i];
            continue;
        }
        w->n = WORD_MOST + 1;
        w->rest = hash_mix(w->rest + (unsigned char)p[i] + 1);
    }
}

/* The whole text; empty for one that is longer than WORD_MOST. */
static inline struct slice word_text(const struct word *w)
{
    return slice_of(w->p, w->n > WORD_MOST ? 0 : w->n);
}

/* Of all of it; not 0. */
static inline uint64_t word_hash(const struct word *w, const struct hash_key *key)
{
    uint64_t h = hash_bytes(key, 'o', w->p, w->n > WORD_MOST ? WORD_MOST : w->n);
    h = w->rest ? hash_words(key, (const uint64_t[]){'o', h, w->rest}, 3) : h;
    return h + !h;
}

#endif
