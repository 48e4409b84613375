/* placement: where copies of an endpoint's answers belong: with each client, in the memory of the gateway, or in a
 * cache of its own behind it. From who repeats whom (ALGORITHMS.md 2.2), and from how much there is to keep at once
 * (3.4). Pure. What clients must not share belongs to clients or nowhere. */
#ifndef REPORT_PLACEMENT_H
#define REPORT_PLACEMENT_H

#include "analysis/report/advice.h"
#include "base/json.h"

enum placement_where {
    PLACEMENT_NONE,    /* see reason */
    PLACEMENT_CLIENT,  /* each client keeps its own, and asks before it uses it where nothing else is known */
    PLACEMENT_GATEWAY, /* the memory of what passes it on */
    PLACEMENT_SHARED   /* a cache or store of its own */
};

struct placement {
    enum placement_where where;
    const char *reason;                /* words; static */
    double repeats, repeats_of_client; /* of the look-ups; NaN: unknown */
    double hits_of_client; /* look-ups that clients' own caches answer at the advised lifetime, as if each came
                              back at random; NaN: unknown */
    double bytes;          /* what the cache must hold (ALGORITHMS.md 3.4); NaN: unknown */
};

/* a: advice_of(e, f). */
struct placement placement_of(const struct row_endpoint *e, const struct facts *f, const struct advice *a);
/* The members `repeat_ratio_client` and `placement`. */
void placement_json(struct json *j, const struct placement *p);
/* Nothing for PLACEMENT_NONE. Where: "in the gateway's memory (48.4 kB at most)"; what for: "98.8 % of look-ups repeat,
 * ..."; both, with the reason. */
void placement_words(const struct placement *p, struct buf *out);
void placement_repeats(const struct placement *p, struct buf *out);
void placement_says(const struct placement *p, struct buf *out);

#endif
