/* knownlines: field lines of heads that were read before. Most lines come again and again, on this connection or
 * others, and what stands where in them need not be found out again. Of a line a keyed hash is kept, like those that
 * leave capture/, and none of its text. Only whole lines that can be read in one way are known. */
#ifndef CAPTURE_KNOWNLINES_H
#define CAPTURE_KNOWNLINES_H

#include "base/hash.h"
#include "capture/slot.h"

enum { KNOWN_LINES = 256, KNOWN_LONGEST = 256 };

struct known_line {
    uint64_t hash;         /* of the whole line */
    struct rawfield field; /* as if the line began the head */
    uint32_t begins;       /* part of the hash of its first sixteen octets */
    uint16_t n;            /* CR LF included; 0: none */
    bool tells;            /* the field says more than itself: of framing */
};

/* One line a place, by its first sixteen octets (which may reach into the next line); the last one stays. Zero but for
 * the key: nothing is known. */
struct known_lines {
    struct hash_key key;
    unsigned
        told; /* lines that might have been added: one of four is, so that those that never come again cost little */
    struct known_line line[KNOWN_LINES];
};

static inline uint64_t known_fold(uint64_t a, uint64_t b, const char *p)
{
    uint64_t first, second;
    memcpy(&first, p, 8);
    memcpy(&second, p + 8, 8);
    return hash_fold(first ^ a, second ^ b);
}

/* Hash of a line of n octets, from that of the first sixteen at p; the last sixteen may count twice. */
static inline uint64_t known_hash(uint64_t key, uint64_t begin, const char *p, size_t n)
{
    const char *last = p + n - 16;
    uint64_t h = begin;
    if (last <= p)
        return h;
    while ((p += 16) < last)
        h = known_fold(key, h, p);
    return known_fold(key, h, last);
}

/* The line at p if it is known; `left` octets are there, at least sixteen. */
static inline const struct known_line *known_find(const struct known_lines *k, const char *p, size_t left)
{
    uint64_t begin = known_fold(k->key.k0, k->key.k1, p);
    const struct known_line *l = &k->line[begin % KNOWN_LINES];
    if (l->begins != (uint32_t)(begin >> 32) || l->n > left || p[l->n - 1] != '\n')
        return NULL;
    return known_hash(k->key.k0, begin, p, l->n) == l->hash ? l : NULL;
}

/* The n octets at p, where at least sixteen are, are a line that was read as this field, `at` octets into the head. */
static inline void known_add(struct known_lines *k, const char *p, size_t n, struct rawfield f, size_t at, bool tells)
{
    if (n > KNOWN_LONGEST || ++k->told % 4)
        return;
    uint64_t begin = known_fold(k->key.k0, k->key.k1, p);
    f.name = 0;
    f.value = (uint16_t)(f.value - at);
    k->line[begin % KNOWN_LINES] =
        (struct known_line){known_hash(k->key.k0, begin, p, n), f, (uint32_t)(begin >> 32), (uint16_t)n, tells};
}

#endif
