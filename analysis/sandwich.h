/* sandwich: whether a component of requests matters to answers, told from whether time passed (ALGORITHMS.md 5.2). Two
 * answers may differ for either reason, so only what lies between two equal answers to one value of the component, all
 * else equal, counts: A, B, A. If both A are the same, nothing changed meanwhile (but for a reversal in between), and a
 * B that differs means that the component matters. All that lies between counts, A, B, C, A, so that the number of
 * comparisons does not fall with the number of values; but a value that is answered several times in a row counts
 * once.
 *
 * What is watched of a context (all else) stands in a table with one place for each of its hashes; an old one gives
 * way, a young one now and then. */
#ifndef ANALYSIS_SANDWICH_H
#define ANALYSIS_SANDWICH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum { SANDWICH_WINDOW_MS = 600000 };

#define SANDWICH_LEVEL 0.05       /* of all tests of a family together */
#define SANDWICH_IRRELEVANT 0.005 /* the share of differing answers that is ruled out */
#define SANDWICH_RELEVANT 0.02    /* the share that is proven */

struct sandwich {
    uint64_t context; /* 0: free */
    uint32_t value, content, at_ms;
    uint32_t between[2];                           /* values answered since, latest first; 0: none */
    uint16_t others : 14, refused : 1, barred : 1; /* answers since to another value than the one before */
    uint16_t differing;                            /* of them, with other content */
};

struct sandwich_visit {
    uint64_t context; /* hash of all else; not 0 */
    uint32_t value;   /* sandwich_value of its hash */
    uint32_t content; /* as cacheable_content; not 0 */
    uint32_t now_ms;  /* modulo 2^32 */
    bool coded;       /* the component chooses the content-coding: answers that differ by it differ */
    bool refused;     /* an error that says the request was wrong: unlike any content; it never stands first */
};

/* Of a hash, or of its hash_mix; not 0. */
static inline uint32_t sandwich_mixed(uint64_t mixed)
{
    return (uint32_t)mixed ? (uint32_t)mixed : 1;
}

static inline uint32_t sandwich_value(uint64_t hash)
{
    return sandwich_mixed(hash_mix(hash));
}

/* What a closed sandwich showed. */
struct sandwich_result {
    uint32_t others, differing;
    uint32_t value, between[2]; /* as above */
    bool refused, barred;       /* as told to sandwich_refuse */
};

/* One answer, in order of time for its context. True: a sandwich was closed; *out is written. */
bool sandwich_visit(struct sandwich *s, const struct sandwich_visit *v, struct sandwich_result *out);
/* An answer that refuses this value (`barred`: one that stands for no value) what others are given. Between two equal
 * answers to another value it is kept until they are a closed sandwich; else it says nothing. Content is not read. */
void sandwich_refuse(struct sandwich *s, const struct sandwich_visit *v, bool barred);

/* Whether differing of n show that the component matters: Clopper and Pearson's bound, or a fifth and five of them. */
bool sandwich_relevant(uint64_t differing, uint64_t n, double level);
/* How many without a difference rule it out. */
uint64_t sandwich_enough(double level);

#endif
