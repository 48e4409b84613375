/* promise: does a deployed rule do what was said of it? Rules from counts to a verdict and its reason; a difference is
 * one only when the interval of what was seen lies outside of what was said (ALGORITHMS.md 4.5). Pure. */
#ifndef ANALYSIS_PROMISE_H
#define ANALYSIS_PROMISE_H

#include "analysis/interval.h"
#include "analysis/watched.h"

enum promise_verdict { PROMISE_KEPT, PROMISE_BROKEN, PROMISE_UNKNOWN, PROMISE_VERDICTS };

enum promise_reason {
#define PROMISE(id, name, verdict, words) PROMISE_##id,
#include "analysis/promise.def"
#undef PROMISE
    PROMISE_REASONS
};

/* For JSON: "kept", "not_kept", "cannot_tell"; names and words of reasons. */
extern const char *const promise_verdicts[PROMISE_VERDICTS];
extern const char *const promise_names[PROMISE_REASONS], *const promise_words[PROMISE_REASONS];
enum promise_verdict promise_verdict_of(enum promise_reason r);

/* Requests below which nothing is said, and the share of them that may differ: edges, retries, evictions. */
enum { PROMISE_LEAST = 100 };
#define PROMISE_ROOM 0.01
#define PROMISE_COVERAGE 0.98

/* Of a cache whose answers say where they come from (seen beside its clients). */
struct promise_cache {
    const struct watched_sums *seen;
    bool refresh;
    double stale_most; /* stale share of hits that was said, at most; NaN: none was */
};
enum promise_reason promise_cache(const struct promise_cache *c);
/* Share of hits that were stale, and its interval, the cycles being what is independent; NaN and 0..1: not known. */
double promise_stale(const struct watched_sums *s, struct interval *of);

/* Of a cache that does not show (seen beside the origin). */
struct promise_origin {
    const struct watched_sums *seen;
    double low, high;       /* share that was said to be spared, without and with coalescing */
    struct interval spared; /* what was; NaN: not known */
};
enum promise_reason promise_origin(const struct promise_origin *c);
/* What the origin is spared: requests of the endpoint, and of what no rule touches, before and after. The relative
 * error is that of the counts, `dispersion` times Poisson's. NaN: one is below PROMISE_LEAST that must not be. */
struct promise_rates {
    uint64_t before, after, other_before, other_after;
    double dispersion;
};
double promise_spared(const struct promise_rates *r, struct interval *of);
/* A share h of hits, at `volume` times the requests, each key being asked for at random. */
double promise_at_volume(double h, double volume);

/* Of a limit: requests it counts, those the rule would reject of them, and those that were. */
struct promise_limit {
    uint64_t requests, expected, observed, rejected_before;
    double room; /* share of the requests by which a product's clock may differ */
};
enum promise_reason promise_limit(const struct promise_limit *l);

/* Latency with a cache in front: the quantile q of all requests is that of the fetched ones at (q - h) / (1 - h); NaN:
 * it falls among those from the cache. And bounds of a quantile of n values, as quantiles. */
double promise_quantile(double q, double hit_ratio);
struct interval promise_quantile_bounds(double q, double n);

#endif
