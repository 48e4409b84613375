/* facts: what every document begins with: the capture row, the counters, and ratios derived from rows. */
#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H

#include "analysis/sampling.h"
#include "analysis/sources.h"
#include "analysis/store/read.h"
#include "base/idorder.h"

enum { FACTS_COUNTERS = 4096, FACTS_CACHES = 2 };

struct facts_counter {
    char what[24], name[64];
    uint64_t value;
};

struct rekey; /* analysis/rekey.h */

struct facts {
    struct row_capture capture; /* text lives as long as the read moment */
    struct idorder order;       /* by what clients are told apart */
    bool any;                   /* something was captured */
    bool windowed;              /* all is of this window, not of the whole audit */
    struct store_span window;
    size_t joined;                 /* all is the sum of so many audits; 0: of one */
    uint64_t cached[FACTS_CACHES]; /* commands to caches by protocol, where there is no HTTP; else 0 */
    struct facts_counter *counter;
    size_t n, cap;
    uint64_t endpoints, clients; /* rows listed */
    uint64_t unsized[2];         /* requests, answers whose body had a size that is not known */
    int64_t first_us, last_us;   /* arrivals, of all endpoints; INT64_MAX and INT64_MIN: none */
    uint64_t tested_parts;       /* of all endpoints: what tests share their level among (analysis/learned.h) */
    const struct rekey *rekey;   /* what other keys would do (keyeffect.h); NULL: the records were not read for it */
};

/* Between store_read_begin and end. False: out of memory. */
bool facts_load(struct facts *f, struct store_reader *r);
void facts_free(struct facts *f);
uint64_t facts_counted(const struct facts *f, const char *what, const char *name); /* a counter of the store */
uint64_t facts_total(const struct facts *f, const char *name);                     /* of what = "total" */
uint64_t facts_caches_alone(const struct facts *f); /* commands to caches, where there is no HTTP; else 0 */
/* What to say beside errors and misses where the answers were not mirrored, which then read like an outage; NULL: most
 * flows have both directions. */
const char *facts_one_sided(const struct facts *f);
const char *facts_no_times(const struct facts *f); /* why no exchange has a duration, where none has */
double facts_duration_s(const struct facts *f);    /* NaN: nothing captured */
double facts_watched_s(const struct facts *f);     /* first to last arrival, as records have it, too; NaN: none */
/* What the audit's own rate is of: with what was quiet before and behind the exchanges, without pauses. */
double facts_captured_s(const struct facts *f);
double facts_coverage(const struct facts *f);      /* NaN: unknown */
double facts_clients_error(const struct facts *f); /* of the number of clients, relative; 0: exact */

/* What is shown of clients: "standard", "strict" (of addresses the networks alone), "mixed"; NULL: there are none. */
const char *facts_privacy(const struct facts *f);
/* Whether a sum of sizes is: nothing that could be added was known. `unsized`: of how many not. */
bool facts_unsized(uint64_t sum, uint64_t unsized);
/* How long exchanges of it took was in no record. */
bool facts_untimed(const struct row_endpoint *e);
/* Of the hits of a lifetime: the octets, the server's time. */
bool facts_bytes_saved_unknown(const struct row_endpoint *e, const struct row_rung *r);
bool facts_server_saved_unknown(const struct row_endpoint *e, const struct row_rung *r);
/* Look-ups of a key with the content of the one before, a share of all; NaN: no content is known. */
double facts_repeat_content(const struct row_endpoint *e);
/* Whether packets that were dropped before they could be read are counted: a file does not say. */
bool facts_drops_known(const struct facts *f);
/* a / b, NaN when b is 0. */
double facts_ratio(uint64_t a, uint64_t b);
double facts_repeat_ratio(uint64_t keys, uint64_t eligible);
double facts_hit_ratio(const struct row_rung *r);
double facts_hit_ratio_low(const struct row_rung *r); /* without collapsed forwarding */
/* The same with three standard deviations of the estimate taken off and added, within 0 and 1, where the endpoint is
 * sampled (ALGORITHMS.md 3.6). */
struct facts_bracket {
    double low, high;
};
struct facts_bracket facts_hit_bracket(const struct row_endpoint *e, const struct row_rung *r);
/* Share of the repeats that one client gave, at least; NaN: there was none. */
double facts_top_client(const struct row_endpoint *e);
/* Sampled, with fewer keys than an interval can rest on. */
bool facts_few_sampled(const struct row_endpoint *e);
/* Share of the keys that are followed: 2 to minus the level; 1: all are, every number is exact. */
double facts_sampling_rate(uint64_t level);
double facts_stale_ratio(const struct row_rung *r);
double facts_hit_ratio_warm(const struct row_rung *r); /* of look-ups at least ttl_s after the start */
/* Appends METHOD service/route, and #operation where the route does not say it. */
void facts_name(struct buf *out, const struct row_endpoint *e);
/* Whether that ratio can be relied upon (ALGORITHMS.md 3.5): an audit of three lifetimes, 100 look-ups after one. */
bool facts_long_enough(const struct row_rung *r, double duration_s);
/* False: there was no room to profile it, so its peaks and envelope are unknown. */
bool facts_profiled(const struct row_client *c);
/* The rung of this TTL, NULL when the ladder has none. */
const struct row_rung *facts_rung(const struct row_endpoint *e, uint32_t ttl_s);

/* Quantiles of a stored histogram, seconds; NaN when it is empty. max is exact; NaN: of a window. */
struct facts_quantiles {
    double p50, p95, p99, max;
};
struct facts_quantiles facts_quantiles(struct slice blob);
/* The same for people: none above max, as midpoints of buckets may be. */
struct facts_quantiles facts_shown(struct facts_quantiles q);

/* The q-quantile of the lifetimes declared for shared caches, seconds: exact when all are the same or below 64, else at
 * most 1/64 off. NaN: none was declared. */
double facts_declared_ttl(const struct row_endpoint *e, double q);
/* Exchanges whose reason is known. */
uint64_t facts_judged(const struct row_endpoint *e);
/* Share of the answers that a shared cache may store, 304s aside. */
double facts_storable(const struct row_endpoint *e);
/* What most often keeps answers from being stored and reused; REASON_NONE: nothing does. */
enum reason facts_blocker(const struct row_endpoint *e);
/* The longest lifetime up to which every shorter one, too, served at most that share of its hits stale. 0: not even the
 * shortest; NaN: no hit was seen. Lifetimes longer than what was observed are left out; `open`: no longer one was seen
 * to do worse. */
double facts_fresh_s(const struct row_endpoint *e, double stale, bool *open);

#endif
