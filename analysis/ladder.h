/* ladder: Model Z, the counterfactual cache at 20 lifetimes at once (CONTRACT: ttl[]; ALGORITHMS.md section 3). One
 * slot holds the state of one key and variant; counters belong to endpoints. Times are whole milliseconds, modulo 2^32
 * inside a slot. */
#ifndef ANALYSIS_LADDER_H
#define ANALYSIS_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/changes.h"
#include "analysis/store/rows.h"

extern const uint32_t ladder_ttl_s[LADDER_RUNGS];

struct ladder_slot {                /* 4 cache lines; zero until ladder_reset */
    uint64_t hash;                  /* of key and variant */
    uint64_t errors : LADDER_RUNGS; /* bit per rung: the content is an error answer */
    uint64_t hit : LADDER_RUNGS;    /* bit per rung: what it holds was hit */
    uint64_t stale : LADDER_RUNGS;  /* bit per rung: ... was a stale hit */
    uint64_t today : 1;             /* the slot beside it (analysis/today.h) holds something */
    uint32_t last;                  /* last look-up, in 1024 ms since the epoch */
    uint16_t d[LADDER_RUNGS];       /* duration of the fetch, 4 ms units */
    struct changes changes;         /* whatever the rungs hold; here because its line is at hand */
    uint32_t f[LADDER_RUNGS];       /* when filled */
    uint32_t h[LADDER_RUNGS];       /* content, 0 unknown */
} __attribute__((aligned(64)));

enum { LADDER_LANES = 8, LADDER_VECTORS = 3, LADDER_LATELY = 255 }; /* rungs at a time; times; look-ups */

/* Of each lane an octet for each vector. */
struct ladder_counts {
    uint32_t of[LADDER_LANES];
};

struct ladder_added {
    uint32_t of[LADDER_RUNGS];
};

/* What was counted lately, in little memory and with little work; joins the sums before it could overflow, and when
 * other rungs are warm (ALGORITHMS.md 3.5). */
struct ladder_recent {
#define WALK(name) struct ladder_counts name;
#define ADD(name)
#define WARM(name)
#define RARE(name)
#define RUNG_COLUMN(place, name, how, what) how(name)
#include "analysis/store/rung.def"
#undef WALK
#undef ADD
#define WALK(name)
#define ADD(name) struct ladder_added name;
#include "analysis/store/rung.def"
#undef WALK
#undef ADD
#undef WARM
#undef RARE
#undef RUNG_COLUMN
    uint32_t most;      /* nothing added up is greater */
    uint32_t lookups;   /* at most LADDER_LATELY */
    int32_t warm_from;  /* look-ups at least so many ms after the start, and one more, ... */
    uint32_t warm_span; /* and by less than that later, have the same rungs warm; 0: there were none */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct ladder_recent) == 448, "seven cache lines");

static inline uint32_t ladder_lately(const struct ladder_counts *n, unsigned rung)
{
    return n->of[rung % LADDER_LANES] >> 8 * (rung / LADDER_LANES) & 0xff;
}

/* Sums per endpoint; cumulative: what is here and in `recent`. */
struct ladder_sums {
    struct ladder_recent recent;
    uint64_t lookups;
#define RUNG_COLUMN(place, name, how, what) uint64_t name[LADDER_RUNGS];
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
};

struct ladder_visit {
    int64_t now;      /* ms since the epoch, never less than the key's last */
    int64_t start;    /* first exchange of the audit, ms */
    int64_t purged;   /* last write to the resource, ms; INT64_MIN: none */
    uint32_t content; /* of this answer, 0 unknown */
    bool error;       /* status >= 400: a hit's content is unknown, then */
    bool fillable;
    int64_t fetch_us; /* last request byte to last response byte; < 0 unknown */
    uint64_t bytes, server_us;
};

/* The duration of a fetch as slots keep it: in 4 ms units, rounded up. */
uint16_t ladder_quanta(int64_t us);
/* An empty slot, to be visited at `now`. */
void ladder_reset(struct ladder_slot *s, int64_t now);
/* One look-up. sums NULL: rebuild the slot, count nothing. Returns a bit per rung that hit. */
uint32_t ladder_visit(struct ladder_slot *s, const struct ladder_visit *v, struct ladder_sums *sums);
void ladder_merge(struct ladder_sums *into, const struct ladder_sums *from);
/* Adds what `n` look-ups would have done that behave like those of the sample, which has some. */
void ladder_scale(struct ladder_sums *into, const struct ladder_sums *sample, uint64_t n);
void ladder_row(const struct ladder_sums *s, struct row_rung out[LADDER_RUNGS]);
void ladder_load(struct ladder_sums *s, const struct row_rung rungs[LADDER_RUNGS]);

#endif
