/* recommend: from the ladder's counters of one endpoint to the lifetime that a cache should give it, or to what else to
 * do (ALGORITHMS.md 3.9). Pure: the same input, the same advice.
 *
 * A rung qualifies when the audit is three times as long and 100 look-ups came after one lifetime, with at least 100
 * hits, at most `budget` of them stale, and the 95 % bound of that within twice the budget (the budget itself when
 * strict). Hits within a cycle are stale together, so the bound's sample are the cycles that had a hit, but
 * no more than hits whose contents could be compared. A rung whose
 * staleness is over the budget ends the ladder; one that merely has too few hits or cycles to tell does not: short
 * lifetimes have few hits on quiet endpoints. */
#ifndef ANALYSIS_RECOMMEND_H
#define ANALYSIS_RECOMMEND_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/interval.h"
#include "analysis/standing.h"

enum { RECOMMEND_RUNGS = 24 }; /* of an input, at most */

struct recommend_rung {
    uint32_t ttl_s;
    uint64_t lookups, hits, stale_hits, unknown_hits;
    uint64_t stale_purgeable;         /* of the stale hits, those that a purge on write would have spared */
    uint64_t warm_lookups, warm_hits; /* at least ttl_s after the start */
    uint64_t cycles_hit;              /* fetch cycles with at least one hit */
    uint64_t bytes_saved, server_us_saved;
};

#define RECOMMEND_BUDGET 0.01 /* share of hits served stale */

struct recommend_input {
    const struct recommend_rung *rung; /* by lifetime */
    unsigned n;
    double budget;
    bool strict;
    double duration_s; /* of the audit */
    double coverage;   /* NaN: unknown, counts as complete */
    double excess;     /* share of the evidence that is too much of one client's (analysis/sources.h) */
    bool truncated;    /* keys or counts were left out for want of memory */
    /* For when no lifetime will do; NaN: unknown. */
    double not_modified; /* 304 of the GET and HEAD answers */
    double validators;   /* 200s with an ETag or Last-Modified of the 200s */
    double body_bytes;   /* mean of the 200s */
    double write_recall; /* changes that a bound write explains, of all (analysis/writes.h) */
    double rate_per_key; /* look-ups a second of the average key */
};

enum recommend_action {
    RECOMMEND_CACHE,      /* ttl_s */
    RECOMMEND_REVALIDATE, /* no-cache and an ETag */
    RECOMMEND_PURGE,      /* ttl_s, which is long, and a purge on write */
    RECOMMEND_MICRO,      /* a second, whatever it is stale */
    RECOMMEND_NOTHING,    /* do not cache, or not known yet: see standing */
};

/* What the ladder ended at. */
enum recommend_end {
    RECOMMEND_END_LADDER, /* the longest lifetime is fine */
    RECOMMEND_END_STALE,  /* the next one is over the budget */
    RECOMMEND_END_WINDOW, /* the audit is too short for the next one */
    RECOMMEND_END_FEW,    /* the next ones have too few hits or cycles */
};

struct recommendation {
    enum recommend_action action;
    enum recommend_end end;
    enum standing standing;
    bool shown;      /* false: not even on demand (coverage under STANDING_HOPELESS) */
    uint32_t ttl_s;  /* T*; 0: none */
    uint32_t most_s; /* T_max; 0: none */
    /* Of T* where there is one; NaN and 0 otherwise. */
    double hit_ratio; /* warm */
    struct interval hits;
    double stale_ratio, stale_high;
    uint64_t cycles, requests_saved, bytes_saved, server_us_saved;
    /* What would settle a standing other than ok; NaN: does not apply. */
    double cycles_needed; /* more clean cycles at the shortest lifetime that lacks them */
    double hours_needed;  /* more of watching */
};

struct recommendation recommend(const struct recommend_input *in);
/* A long lifetime with a purge on write, by the longest lifetime that the audit can be sure of; its stale hits are
 * those that no purge would have spared. standing ok: they are within the budget. */
struct recommendation recommend_purge(const struct recommend_input *in);
const char *recommend_action_name(enum recommend_action a); /* "cache", "revalidate", "purge", "micro", "none" */

/* What T* would save if `n` of the endpoint's `lookups` were not kept from it (by a reason of the classifier). */
struct recommend_price {
    double requests_per_s, server_s_per_h, bytes_per_h;
};

struct recommend_price recommend_price(const struct recommendation *r, uint64_t n, uint64_t lookups, double duration_s);

#endif
