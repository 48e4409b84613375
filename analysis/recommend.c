#include "analysis/recommend.h"

#include <math.h>
#include <stddef.h>

enum {
    HITS_LEAST = 100,
    WARM_LEAST = 100,
    WINDOWS = 3,    /* the audit against a lifetime (3.5) */
    LONG_S = 86400, /* where writes purge */
    MICRO_S = 1,
    MICRO_RATE = 20,    /* look-ups a second and key from which a second of caching pays */
    LARGE_BODY = 10240, /* bytes that a 304 spares, to be worth it */
};

#define NEARLY_ALL 0.95     /* of the hits of the longest lifetime: more is only risk */
#define CHEAP_304 0.1       /* share of answers */
#define VALIDATORS_MOST 0.8 /* of the 200s, to count as present */
#define WRITES_EXPLAIN 0.8  /* of the changes */

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

/* Hits of which it is known whether they were stale. */
static uint64_t compared(const struct recommend_rung *r)
{
    return r->hits > r->unknown_hits ? r->hits - r->unknown_hits : 0;
}

/* The sample that a bound rests on: cycles that had a hit, and no more than could be compared. */
static uint64_t sample(const struct recommend_rung *r)
{
    return r->cycles_hit < compared(r) ? r->cycles_hit : compared(r);
}

static double stale_ratio(const struct recommend_rung *r)
{
    return ratio(r->stale_hits, compared(r));
}

static double hit_ratio(const struct recommend_rung *r)
{
    return ratio(r->warm_hits, r->warm_lookups);
}

static struct interval stale_interval(const struct recommend_rung *r)
{
    return interval_wilson(stale_ratio(r), (double)sample(r), INTERVAL_Z95);
}

static double bound(const struct recommend_input *in)
{
    return in->strict ? in->budget : 2 * in->budget;
}

static bool long_enough(const struct recommend_input *in, const struct recommend_rung *r)
{
    return in->duration_s >= WINDOWS * (double)r->ttl_s && r->warm_lookups >= WARM_LEAST;
}

/* Over the budget, and not by the chance of a few hits. */
static bool too_stale(const struct recommend_input *in, const struct recommend_rung *r)
{
    double stale = stale_ratio(r);
    return stale > in->budget && (compared(r) >= HITS_LEAST || stale_interval(r).low > in->budget);
}

static bool qualifies(const struct recommend_input *in, const struct recommend_rung *r)
{
    return r->hits >= HITS_LEAST && stale_ratio(r) <= in->budget && stale_interval(r).high <= bound(in);
}

/* T_max, or NULL; why there is none longer; and the first rung that lacked evidence. */
static const struct recommend_rung *longest(const struct recommend_input *in, enum recommend_end *end,
                                            const struct recommend_rung **thin)
{
    const struct recommend_rung *most = NULL;
    *end = RECOMMEND_END_LADDER;
    *thin = NULL;
    for (unsigned i = 0; i < in->n; i++) {
        const struct recommend_rung *r = &in->rung[i];
        if (!long_enough(in, r) || too_stale(in, r)) {
            *end = long_enough(in, r) ? RECOMMEND_END_STALE : RECOMMEND_END_WINDOW;
            break;
        }
        bool good = qualifies(in, r);
        *end = good ? RECOMMEND_END_LADDER : RECOMMEND_END_FEW;
        most = good ? r : most;
        *thin = good || *thin ? *thin : r;
    }
    return most;
}

/* T*: the shortest that has nearly all the hits. */
static const struct recommend_rung *shortest(const struct recommend_input *in, const struct recommend_rung *most)
{
    const struct recommend_rung *r = in->rung;
    while (r < most && !(qualifies(in, r) && hit_ratio(r) >= NEARLY_ALL * hit_ratio(most)))
        r++;
    return r;
}

static void describe(struct recommendation *out, const struct recommend_rung *r)
{
    out->hit_ratio = hit_ratio(r);
    out->hits = interval_wilson(out->hit_ratio, (double)r->warm_lookups, INTERVAL_Z95);
    out->stale_ratio = stale_ratio(r);
    out->stale_high = stale_interval(r).high;
    out->cycles = sample(r);
    out->requests_saved = r->hits;
    out->bytes_saved = r->bytes_saved;
    out->server_us_saved = r->server_us_saved;
}

static const struct recommend_rung *rung_of(const struct recommend_input *in, uint32_t ttl_s)
{
    for (unsigned i = 0; i < in->n; i++)
        if (in->rung[i].ttl_s == ttl_s)
            return &in->rung[i];
    return NULL;
}

static bool revalidation_is_cheap(const struct recommend_input *in)
{
    return in->not_modified >= CHEAP_304 || (in->body_bytes >= LARGE_BODY && in->validators >= VALIDATORS_MOST);
}

/* With purges: what stays stale is what no write explains. */
static struct recommend_rung purged(const struct recommend_rung *r)
{
    struct recommend_rung left = *r;
    left.stale_hits -= left.stale_purgeable < left.stale_hits ? left.stale_purgeable : left.stale_hits;
    return left;
}

/* By the longest lifetime that the audit can tell of, before those with too few cycles to be sure. */
static void describe_purged(const struct recommend_input *in, struct recommendation *out)
{
    struct recommend_rung best = {0};
    for (unsigned i = 0; i < in->n && long_enough(in, &in->rung[i]); i++) {
        struct recommend_rung left = purged(&in->rung[i]);
        if (!best.ttl_s || qualifies(in, &left))
            best = left;
    }
    if (best.ttl_s)
        describe(out, &best);
}

/* Contents change too fast for any lifetime. */
static void instead(const struct recommend_input *in, struct recommendation *out)
{
    const struct recommend_rung *second = rung_of(in, MICRO_S);
    if (revalidation_is_cheap(in)) {
        out->action = RECOMMEND_REVALIDATE;
    } else if (in->write_recall >= WRITES_EXPLAIN) {
        out->action = RECOMMEND_PURGE;
        out->ttl_s = LONG_S;
        describe_purged(in, out);
    } else if (in->rate_per_key >= MICRO_RATE && second) {
        out->action = RECOMMEND_MICRO;
        out->ttl_s = MICRO_S;
        describe(out, second);
    }
}

/* Clean cycles until Wilson's bound of what was seen is small enough: z^2 (1 / bound - 1) of them when all are clean.
 */
static double cycles_needed(const struct recommend_input *in, const struct recommend_rung *r)
{
    double n = (double)sample(r), stale = n * fmax(stale_ratio(r), 0), low = n, high = 1e12;
    if (isnan(stale))
        stale = low = 0;
    for (int i = 0; i < 100 && high - low > 0.5; i++) {
        double middle = (low + high) / 2;
        if (interval_wilson(stale / middle, middle, INTERVAL_Z95).high <= bound(in))
            high = middle;
        else
            low = middle;
    }
    return ceil(high - n);
}

/* Nothing qualifies and nothing is over the budget: it cannot be told yet. */
static void undecided(const struct recommend_input *in, struct recommendation *out, const struct recommend_rung *thin)
{
    out->standing = out->end == RECOMMEND_END_WINDOW && !thin ? STANDING_SHORT_WINDOW : STANDING_LOW_N;
    if (thin)
        out->cycles_needed = cycles_needed(in, thin);
    else if (in->n && in->duration_s < WINDOWS * (double)in->rung[0].ttl_s)
        out->hours_needed = (WINDOWS * (double)in->rung[0].ttl_s - in->duration_s) / 3600;
}

/* What spoils all numbers alike comes before what spoils this one. */
static void weigh(const struct recommend_input *in, struct recommendation *out)
{
    out->shown = !(in->coverage < STANDING_HOPELESS);
    if (in->coverage < STANDING_COVERAGE)
        out->standing = STANDING_LOW_COVERAGE;
    else if (in->truncated)
        out->standing = STANDING_TRUNCATED;
}

static const struct recommendation none = {.action = RECOMMEND_NOTHING,
                                           .hit_ratio = NAN,
                                           .hits = {NAN, NAN},
                                           .stale_ratio = NAN,
                                           .stale_high = NAN,
                                           .cycles_needed = NAN,
                                           .hours_needed = NAN};

struct recommendation recommend_purge(const struct recommend_input *in)
{
    struct recommendation out = none;
    out.action = RECOMMEND_PURGE;
    out.ttl_s = LONG_S;
    describe_purged(in, &out);
    if (!(out.stale_ratio <= in->budget && out.stale_high <= bound(in) && out.requests_saved >= HITS_LEAST))
        out.standing = STANDING_LOW_N;
    weigh(in, &out);
    return out;
}

/* The first lifetime before those that are too stale that may do: of use, and short of evidence alone. */
static const struct recommend_rung *unproven(const struct recommend_input *in)
{
    for (unsigned i = 0; i < in->n; i++) {
        const struct recommend_rung *r = &in->rung[i];
        if (!long_enough(in, r) || too_stale(in, r))
            return NULL;
        if (r->hits >= HITS_LEAST && !(stale_ratio(r) > in->budget))
            return r;
    }
    return NULL;
}

static struct recommendation judge(const struct recommend_input *in)
{
    struct recommendation out = none;
    const struct recommend_rung *thin, *most = longest(in, &out.end, &thin);
    if (most) {
        const struct recommend_rung *best = shortest(in, most);
        out.action = RECOMMEND_CACHE;
        out.most_s = most->ttl_s;
        out.ttl_s = best->ttl_s;
        describe(&out, best);
    } else if (out.end == RECOMMEND_END_STALE) {
        instead(in, &out);
        thin = unproven(in);
        if (out.action == RECOMMEND_NOTHING && thin) {
            out.end = RECOMMEND_END_FEW;
            undecided(in, &out, thin);
        }
    } else {
        undecided(in, &out, thin);
    }
    return out;
}

/* What is too much of one client's proves nothing, but what was stale for others may not hide in it: hits and cycles
 * shrink, stale hits do not. */
static struct recommend_rung without(const struct recommend_rung *r, double excess)
{
    double keep = 1 - excess;
    struct recommend_rung out = *r;
    out.hits = (uint64_t)((double)r->hits * keep);
    out.unknown_hits = (uint64_t)((double)r->unknown_hits * keep);
    out.warm_lookups = (uint64_t)((double)r->warm_lookups * keep);
    out.warm_hits = (uint64_t)((double)r->warm_hits * keep);
    out.cycles_hit = (uint64_t)((double)r->cycles_hit * keep);
    uint64_t known = out.hits > out.unknown_hits ? out.hits - out.unknown_hits : 0;
    out.stale_hits = r->stale_hits < known ? r->stale_hits : known;
    return out;
}

/* A lifetime must stand without the excess, too; it may be a shorter one, then. */
static void cut_down(const struct recommend_input *in, struct recommendation *out)
{
    struct recommend_rung rung[RECOMMEND_RUNGS];
    struct recommend_input less = *in;
    less.rung = rung;
    less.n = in->n < RECOMMEND_RUNGS ? in->n : RECOMMEND_RUNGS;
    for (unsigned i = 0; i < less.n; i++)
        rung[i] = without(&in->rung[i], in->excess);
    struct recommendation stands = judge(&less);
    if (stands.action == RECOMMEND_CACHE && out->action == RECOMMEND_CACHE) {
        double high = stands.stale_high;
        *out = stands;
        describe(out, rung_of(in, stands.ttl_s));
        out->stale_high = fmax(out->stale_high, high);
    } else if (out->action == RECOMMEND_CACHE || !in->n || rung[0].warm_lookups < WARM_LEAST) {
        out->standing = STANDING_SINGLE_SOURCE;
    }
}

struct recommendation recommend(const struct recommend_input *in)
{
    struct recommendation out = judge(in);
    if (in->excess > 0 && out.action != RECOMMEND_NOTHING)
        cut_down(in, &out);
    weigh(in, &out);
    return out;
}

const char *recommend_action_name(enum recommend_action a)
{
    switch (a) {
    case RECOMMEND_CACHE:
        return "cache";
    case RECOMMEND_REVALIDATE:
        return "revalidate";
    case RECOMMEND_PURGE:
        return "purge";
    case RECOMMEND_MICRO:
        return "micro";
    case RECOMMEND_NOTHING:
        return "none";
    }
    return "?";
}

struct recommend_price recommend_price(const struct recommendation *r, uint64_t n, uint64_t lookups, double duration_s)
{
    double share = lookups ? (double)(n < lookups ? n : lookups) / (double)lookups : 0;
    if (!(duration_s > 0))
        return (struct recommend_price){0, 0, 0};
    return (struct recommend_price){share * (double)r->requests_saved / duration_s,
                                    share * (double)r->server_us_saved / 1e6 * 3600 / duration_s,
                                    share * (double)r->bytes_saved * 3600 / duration_s};
}
