#include "analysis/promise.h"

#include <math.h>

const char *const promise_verdicts[PROMISE_VERDICTS] = {"kept", "not_kept", "cannot_tell"};

const char *const promise_names[PROMISE_REASONS] = {
#define PROMISE(id, name, verdict, words) name,
#include "analysis/promise.def"
#undef PROMISE
};

const char *const promise_words[PROMISE_REASONS] = {
#define PROMISE(id, name, verdict, words) words,
#include "analysis/promise.def"
#undef PROMISE
};

enum promise_verdict promise_verdict_of(enum promise_reason r)
{
    static const enum promise_verdict of[PROMISE_REASONS] = {
#define PROMISE(id, name, verdict, words) PROMISE_##verdict,
#include "analysis/promise.def"
#undef PROMISE
    };
    return of[r];
}

/* k of n is more than edges and chance explain. */
static bool many(uint64_t k, uint64_t n, double room)
{
    return n && interval_wilson((double)k / (double)n, (double)n, INTERVAL_Z95).low > room;
}

static double ratio(uint64_t a, uint64_t b)
{
    return b ? (double)a / (double)b : NAN;
}

/* ---- beside the clients ---- */

double promise_stale(const struct watched_sums *s, struct interval *of)
{
    *of = (struct interval){0, 1};
    if (!s->cycle_hits)
        return NAN;
    double share = s->stale / (double)s->cycle_hits;
    *of = interval_wilson(share, (double)s->cycles, INTERVAL_Z95);
    return share;
}

/* Whether another lifetime explains what was fetched too early: what is younger than nearly all such fetches is given
 * out, what is older is not. A second is what the edges of products differ by. */
static bool is_shorter(const struct watched_sums *s)
{
    double given = hist_quantile(&s->hit_age, 0.95), fetched = hist_quantile(&s->early_age, 0.05);
    return s->hit_age.n && fetched >= given - 1100;
}

static enum promise_reason early(const struct watched_sums *s)
{
    if (!many(s->ruled_hits, s->model.lookups, PROMISE_ROOM / 2))
        return PROMISE_NO_HIT;
    if (s->early_client * 10 >= s->early * 9 && s->given_own * 10 >= s->given * 9)
        return PROMISE_PER_CLIENT;
    return is_shorter(s) ? PROMISE_SHORTER : PROMISE_FINER;
}

/* Copies of what another key fetched; where keys have equal contents anyway that means nothing. */
static bool is_coarser(const struct watched_sums *s)
{
    double alike = s->fills ? interval_wilson(ratio(s->alike, s->fills), (double)s->fills, INTERVAL_Z95).high : 0;
    return many(s->foreign, s->ruled_hits, fmax(PROMISE_ROOM, alike));
}

enum promise_reason promise_cache(const struct promise_cache *c)
{
    const struct watched_sums *s = c->seen;
    struct interval stale;
    if (many(s->passed_hits, s->passed, PROMISE_ROOM))
        return PROMISE_WRONG_CLIENT;
    if (is_coarser(s) && s->ruled_hits >= PROMISE_LEAST)
        return PROMISE_COARSER;
    if (s->judged < PROMISE_LEAST || s->fresh < PROMISE_LEAST / 2)
        return PROMISE_FEW;
    /* Where both are seen the larger share names what is wrong. */
    bool late = many(s->late, s->judged, PROMISE_ROOM);
    if (many(s->early, s->fresh, PROMISE_ROOM) && !(late && ratio(s->late, s->judged) > ratio(s->early, s->fresh)))
        return early(s);
    if (late)
        return PROMISE_LONGER;
    promise_stale(s, &stale);
    if (!isnan(c->stale_most) && stale.low > c->stale_most)
        return PROMISE_STALE;
    return c->refresh ? PROMISE_ONLY_HITS : PROMISE_AS_SAID;
}

/* ---- beside the origin ---- */

double promise_spared(const struct promise_rates *r, struct interval *of)
{
    *of = (struct interval){NAN, NAN};
    if (r->before < PROMISE_LEAST || r->other_before < PROMISE_LEAST || r->other_after < PROMISE_LEAST)
        return NAN;
    double after = fmax((double)r->after, 0.5);
    double left = after / (double)r->before * (double)r->other_before / (double)r->other_after;
    double sd = sqrt(r->dispersion *
                     (1 / after + 1 / (double)r->before + 1 / (double)r->other_before + 1 / (double)r->other_after));
    *of = (struct interval){1 - left * exp(INTERVAL_Z95 * sd), 1 - left * exp(-INTERVAL_Z95 * sd)};
    return 1 - left;
}

double promise_at_volume(double h, double volume)
{
    return h < 1 ? volume * h / (1 - h + volume * h) : 1;
}

enum promise_reason promise_origin(const struct promise_origin *c)
{
    const struct watched_sums *s = c->seen;
    bool known = !isnan(c->spared.low);
    if (s->fresh && many(s->early, s->judged, PROMISE_ROOM))
        return s->judged < PROMISE_LEAST                 ? PROMISE_FEW
               : ratio(s->early, s->judged) > c->low / 2 ? PROMISE_NOTHING_SPARED
                                                         : PROMISE_LESS_SPARED;
    if (known && c->spared.high < c->low - PROMISE_ROOM)
        return PROMISE_LESS_SPARED;
    if (known && c->spared.low > c->high + PROMISE_ROOM)
        return PROMISE_MORE_SPARED;
    /* Enough to tell it from a cache that keeps nothing: then that share would be fetched early. */
    if (s->judged < PROMISE_LEAST &&
        !(interval_wilson(ratio(s->early, s->judged), (double)s->judged, INTERVAL_Z95).high < c->low / 4))
        return PROMISE_FEW;
    return known ? PROMISE_AS_SAID : PROMISE_SPACED;
}

/* ---- limits ---- */

enum promise_reason promise_limit(const struct promise_limit *l)
{
    uint64_t off = l->expected > l->observed ? l->expected - l->observed : l->observed - l->expected;
    bool more = l->observed > l->expected;
    if (l->requests < PROMISE_LEAST)
        return PROMISE_FEW;
    if (l->rejected_before)
        return PROMISE_OWN_LIMITS;
    if ((double)off <= fmax(2, l->room * (double)l->requests) || !many(off, l->requests, l->room))
        return l->expected || l->observed ? PROMISE_AS_SAID : PROMISE_UNTESTED;
    return more ? PROMISE_REJECTS_MORE : PROMISE_LETS_THROUGH;
}

/* ---- latency ---- */

double promise_quantile(double q, double hit_ratio)
{
    return q <= hit_ratio || !(hit_ratio < 1) ? NAN : (q - hit_ratio) / (1 - hit_ratio);
}

struct interval promise_quantile_bounds(double q, double n)
{
    double half = n > 0 ? INTERVAL_Z95 * sqrt(q * (1 - q) / n) : 1;
    return (struct interval){fmax(0, q - half), fmin(1, q + half)};
}
