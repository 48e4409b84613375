/* verifyshow: what became of a policy's promises, as text for a person or as JSON (docs/VERIFY.md). */
#ifndef CMD_VERIFYSHOW_H
#define CMD_VERIFYSHOW_H

#include "analysis/promise.h"
#include "base/buf.h"

enum { VERIFY_QUANTILES = 3, VERIFY_NAMED = 8 };

/* Seconds; NaN: not known. `said`: NaN also where answers come from the cache. */
struct verify_latency {
    double q, before, said, seen;
    bool from_cache, slower;
};

struct verify_client {
    struct slice name;
    uint64_t requests, expected, observed;
};

/* One rule and what was seen of it. NaN: not known. */
struct verify_rule {
    struct slice kind;     /* "cache", "limit" */
    struct slice id, what; /* what: "GET http://api.example/items/{int}", or whom a limit counts */
    struct slice spec;     /* of a limit, as whatif reads it */
    const char *doubt;     /* it was made by --force */
    enum promise_reason reason;
    const char *evidence; /* "answers", "origin", NULL: none */
    uint32_t ttl_s;
    uint64_t requests;           /* in the later audit */
    double said, expected, seen; /* share of hits, or of rejected requests: before, on the later arrivals, and seen */
    struct interval seen_of;
    double stale_said, stale_most, stale_seen;
    struct interval stale_of;
    double spared;
    struct interval spared_of;
    uint64_t judged, early, late, passed, passed_hits; /* passed: to the API, as they should; and copies they got */
    double oldest_s;                                   /* age below which 95 % of the copies given out were */
    struct verify_latency latency[VERIFY_QUANTILES];
    uint64_t rejected_expected, rejected_seen;
    struct verify_client client[VERIFY_NAMED]; /* of a limit: whom it rejects most */
    unsigned n_clients;
};

struct verify_audit {
    const char *path;
    uint64_t exchanges;
    int64_t from_us, to_us;
};

struct verify_show {
    const char *product;
    struct verify_audit before, after;
    struct verify_rule *rule;
    size_t n;
    uint64_t verdicts[PROMISE_VERDICTS];
};

void verifyshow_text(const struct verify_show *s, struct buf *out);
void verifyshow_json(const struct verify_show *s, struct buf *out);

#endif
