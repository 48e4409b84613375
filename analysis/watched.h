/* watched: what stood in front of an API in a later audit, request by request, beside what a rule would have done with
 * the same requests (verify). A copy's age is counted from the last answer that was seen to be fetched, so neither a
 * warm start nor other traffic than before counts against a rule. What hangs on less than the band around the end of a
 * lifetime (ALGORITHMS.md B.5), or comes while the answer is being fetched, decides nothing. Reads exchange blocks. */
#ifndef ANALYSIS_WATCHED_H
#define ANALYSIS_WATCHED_H

#include "analysis/store/read.h"
#include "analysis/ttlcache.h"
#include "base/hist.h"

enum { WATCHED_SLOTS = 1 << 22, WATCHED_SLICES = 20, WATCHED_BAND_US = 25000 };

/* One endpoint behind a cache. */
struct watched_rule {
    uint32_t endpoint; /* as resolved */
    int64_t ttl_us;
    bool refresh;  /* an old copy is given out while it is renewed: then its lifetime cannot be seen */
    bool override; /* no-store is not heeded */
};

struct watched_sums {
    uint64_t lookups, shown, hits; /* shown: a cache shows in the answer; hits: it gave it */
    uint64_t ruled_hits;           /* of the look-ups that `model` counts */
    uint64_t passed, passed_hits;  /* requests that should pass, and such of them that got a copy */
    struct ttlcache_sums model;    /* the rule on these arrivals alone, from an empty cache */
    uint64_t judged, fresh;        /* requests that tell something; of those, where the rule would give a copy */
    uint64_t early, late, unfound; /* fetched though fresh; copies past their lifetime; unfound: of keys that nobody
                                      fetched within it */
    uint64_t early_client;         /* of `early`: where a cache of the client's own would have had no fresh copy */
    uint64_t given, given_own;     /* judged copies; such that the client had fetched itself within the lifetime */
    uint64_t foreign, fills,
        alike; /* copies of what another key fetched; fetches, and such with another key's content */
    uint64_t cycles, cycle_hits, changed_hits; /* closed cycles with hits, those, and those whose content had changed */
    double stale;                              /* hits that were stale, a change coming at any moment of its cycle */
    uint64_t untracked;                        /* no room */
    struct hist_dense hit_age, early_age;      /* milliseconds */
};

/* Requests of an endpoint, or of a client, and how they came. */
struct watched_count {
    uint64_t n, rejected, refused; /* answered 429; 503 */
    uint64_t slice[WATCHED_SLICES];
};

struct watched {
    struct watched_sums *sums; /* by place among the rules */
    struct watched_count *endpoint, *client;
    size_t n_endpoints, n_clients; /* by id: entries there are */
    uint64_t records, audited;
    int64_t from_us, to_us; /* TIME_NONE (INT64_MIN): nothing */
};

/* What becomes of a request: the rule answers or fetches it, lets it past the cache, or that is not known. */
enum watched_turn { WATCHED_RULED, WATCHED_PASSED, WATCHED_UNSURE };

struct watched_options {
    const struct watched_rule *rule;
    size_t n_rules;
    enum ttlcache_profile profile;
    int64_t from_us, to_us; /* of the audit, for the slices */
    uint32_t (*resolve)(const void *context, uint32_t endpoint);
    enum watched_turn (*turn)(const void *context, size_t rule, const struct row_exchange *x);
    const void *context;
};

/* Between store_read_begin and end. False: `why` is one line. */
bool watched_run(struct store_reader *r, const struct watched_options *o, struct watched *out, char why[256]);
void watched_free(struct watched *w);

/* Variance of counts over their mean in slices of equal length, at least 1 (Poisson). */
double watched_dispersion(const uint64_t slice[WATCHED_SLICES]);

#endif
