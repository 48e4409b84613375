/* sampling: what the ladder would have counted had every key been followed (ALGORITHMS.md 3.6). Of an endpoint with
 * level L the keys are followed whose sampling hash ends in L zero bits, and the hot ones. Hot keys are counted in the
 * endpoint's own ladder, the others, the tail, here; each look-up of the tail is counted, followed or not.
 *
 * Between two changes of the level the followed tail keys are one uniform sample with complete histories, so
 * hits = look-ups of the tail * hits of the sample / look-ups of the sample. When the level rises this estimate joins
 * the endpoint's ladder and the sample begins anew: nothing that was counted at a higher rate is thrown away, and what
 * was counted before sampling stays exact. Spreads of such segments are added up, not squared, for they share keys. */
#ifndef ANALYSIS_SAMPLING_H
#define ANALYSIS_SAMPLING_H

#include "analysis/ladder.h"
#include "base/buf.h"
#include "base/hash.h"

enum { SAMPLING_LEVELS = 30, SAMPLING_FEW = 30 /* keys: below, no interval can be relied upon */ };

/* What one tail key did in its segment; zero for a new key. */
struct sampling_key {
    uint32_t segment;
    uint16_t lookups, hits[LADDER_RUNGS];
    uint16_t variants; /* the owner's: slots of the key beyond the first */
};

struct sampling_tail {
    uint32_t segment; /* number of the current one, never given twice; 0: none */
    uint32_t level;
    uint32_t keys;      /* followed tail keys that were looked up in the segment */
    uint32_t most_keys; /* those of the segment with the most look-ups, closed ones only */
    uint64_t most_n;    /* its look-ups */
    uint64_t n;         /* look-ups of the tail, followed or not */
    uint64_t same;      /* of the followed: repeats with the content before */
    uint64_t lookups2;  /* sums over keys: look-ups squared, and at each rung hits squared and hits times look-ups */
    uint64_t hits2[LADDER_RUNGS], mixed[LADDER_RUNGS];
    struct ladder_sums sums;      /* of the followed */
    double spread[LADDER_RUNGS];  /* of the hits estimated in closed segments: standard deviations, added up */
    uint64_t extra[LADDER_RUNGS]; /* estimated cycles_hit less those seen, of closed segments */
};

/* Whether a key of this sampling hash is followed at a level. */
static inline bool sampling_in(uint64_t hash, uint32_t level)
{
    return !(hash & (((uint64_t)1 << level) - 1));
}

/* One look-up of a followed tail key, that `hit` these rungs (a bit each); sums have it already, n has not. True: the
 * key cannot count more, the segment must be closed before its next look-up. */
bool sampling_note(struct sampling_tail *t, struct sampling_key *k, uint32_t hit);
/* The segment's estimate joins what was counted exactly; the next one has that number. With fewer than two keys there
 * is no estimate: their look-ups wait for the next segment. */
void sampling_close(struct sampling_tail *t, uint32_t segment, struct ladder_sums *into, uint64_t *same);
/* `from` is closed and joins `into`, closed, too; levels become the higher one. */
void sampling_merge(struct sampling_tail *into, const struct sampling_tail *from);

/* As stored with the endpoint. Empty: everything is exact. */
struct sampling_stored {
    uint32_t level;                /* 0: exact */
    uint64_t keys;                 /* that the estimate rests on, hot ones aside */
    uint64_t spread[LADDER_RUNGS]; /* standard deviation of hits, rounded up */
    uint64_t cycles[LADDER_RUNGS]; /* cycles_hit that were seen, not estimated */
};

/* Adds what the tail did to exact sums: the whole endpoint. */
void sampling_estimate(const struct sampling_tail *t, struct ladder_sums *sums, uint64_t *same,
                       struct sampling_stored *out);
/* JSON: [level, keys, [spread, cycles] a rung]. */
void sampling_write(const struct sampling_stored *s, struct buf *out);
/* False when the text is damaged; empty text is exact. */
bool sampling_read(struct sampling_stored *out, struct slice text);
/* Goes on from what was stored beside `sums`, in the segment that it has. */
void sampling_load(struct sampling_tail *t, const struct sampling_stored *from, const struct ladder_sums *sums);

#endif
