#include "analysis/ladder.h"

#include <stddef.h>

#include "analysis/cacheable.h"
#include "base/clones.h"

#define EACH_RUNG(i) for (unsigned i = 0; i < LADDER_RUNGS; i++)

const uint32_t ladder_ttl_s[LADDER_RUNGS] = {
#define RUNG(s) s,
#include "analysis/rungs.def"
#undef RUNG
};

static const int32_t ttl_ms[LADDER_RUNGS] = {
#define RUNG(s) s * 1000,
#include "analysis/rungs.def"
#undef RUNG
};

/* Older than any lifetime: what an empty rung's age is held at, so that it never wraps round to fresh. */
#define FOREVER ((1u << 31) - 1)

/* A slot left alone this long, 24 days, is as new: its times would soon be ambiguous. */
enum { LAST_SHIFT = 10, IDLE = 24 * 86400 * 125 / 128 };

_Static_assert(sizeof(struct ladder_slot) == 256, "four cache lines");
_Static_assert(LADDER_RUNGS * 3 <= 64, "a bit per rung, thrice");
_Static_assert(IDLE < CHANGES_IDLE_MS >> LAST_SHIFT, "what the slot holds of changes goes in time, too");

struct step {
    uint32_t now, seen, content; /* seen: content as a hit compares it; content: as a fill keeps it */
    uint32_t fills, fetch;       /* all ones or 0; 4 ms units */
    int32_t since;               /* ms since the start, at most FOREVER */
    uint32_t bytes, server_us;
};

static const uint32_t rung_bit[LADDER_RUNGS] = {1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,
                                                1u << 7,  1u << 8,  1u << 9,  1u << 10, 1u << 11, 1u << 12, 1u << 13,
                                                1u << 14, 1u << 15, 1u << 16, 1u << 17, 1u << 18, 1u << 19};

/* A bit per rung. */
struct outcome {
    uint32_t hit, stale;
};

/* Moves the slot on and counts into `n`. No branches on the rung, all numbers of 32 bits, ages below 2^31 and compared
 * as signed ones: so that the compiler makes short vectors of it. Masks are all ones or 0, and all ones is -1. */
CLONES static struct outcome walk(struct ladder_slot *restrict s, const struct step *restrict v,
                                  struct ladder_recent *restrict n)
{
    const uint32_t now = v->now, seen = v->seen, content = v->content, fills = v->fills, fetch = v->fetch;
    const uint32_t bytes = v->bytes, server_us = v->server_us, seen_known = seen ? ~0u : 0;
    const int32_t since = v->since;
    uint32_t hit = 0, stale = 0;
    EACH_RUNG(i)
    {
        uint32_t age = now - s->f[i], h = s->h[i], d = (uint32_t)s->d[i] * 4;
        age = age < FOREVER ? age : FOREVER;
        uint32_t fresh = (int32_t)age < ttl_ms[i] ? ~0u : 0;
        uint32_t known =
            (h ? ~0u : 0) & ((h ^ seen) >> CONTENT_CLASS_SHIFT ? 0 : ~0u) & seen_known; /* same class of coding */
        uint32_t fill = ~fresh & fills, warm = since >= ttl_ms[i] ? ~0u : 0;            /* warm: ALGORITHMS.md 3.5 */
        uint32_t differs = fresh & known & (h != seen ? ~0u : 0);
        hit |= fresh & rung_bit[i];
        stale |= differs & rung_bit[i];
        n->hits[i] -= fresh;
        n->stale_hits[i] -= differs;
        n->unknown_hits[i] -= fresh & ~known;
        n->coalesced[i] -= fresh & ((int32_t)age < (int32_t)d ? ~0u : 0);
        n->warm_lookups[i] -= warm;
        n->warm_hits[i] -= fresh & warm;
        n->bytes_saved[i] += fresh & bytes;
        n->server_us_saved[i] += fresh & server_us;
        n->cycles[i] -= fill;
        n->swr_async[i] -= ~fresh & ((int32_t)age < 2 * ttl_ms[i] ? ~0u : 0);
        s->f[i] = now - (age & ~fill);
        s->h[i] = (h & ~fill) | (content & fill);
        s->d[i] = (uint16_t)((s->d[i] & ~fill) | (fetch & fill));
    }
    return (struct outcome){hit, stale};
}

static void count_bits(uint64_t counter[LADDER_RUNGS], uint32_t b, uint64_t n)
{
    for (; b; b &= b - 1)
        counter[__builtin_ctz(b)] += n;
}

static int32_t since_start(const struct ladder_visit *v)
{
    int64_t ms = v->now - v->start;
    return ms < 0 ? 0 : ms > (int64_t)FOREVER ? (int32_t)FOREVER : (int32_t)ms;
}

uint16_t ladder_quanta(int64_t us)
{
    uint64_t q = us < 0 ? 0 : ((uint64_t)us + 3999) / 4000;
    return q > UINT16_MAX ? UINT16_MAX : (uint16_t)q;
}

void ladder_reset(struct ladder_slot *s, int64_t now)
{
    EACH_RUNG(i)
    {
        s->f[i] = (uint32_t)now - FOREVER;
        s->h[i] = 0;
        s->d[i] = 0;
    }
    s->errors = s->hit = s->stale = s->today = 0;
    s->changes = (struct changes){0};
    s->last = (uint32_t)(now >> LAST_SHIFT);
}

/* What was counted lately joins the sums. */
static void settle(struct ladder_sums *s)
{
    EACH_RUNG(i)
    {
#define WALK(name) s->name[i] += s->recent.name[i];
#define RARE(name)
#define RUNG_COLUMN(place, name, how, what) how(name)
#include "analysis/store/rung.def"
#undef WALK
#undef RARE
#undef RUNG_COLUMN
    }
    s->recent = (struct ladder_recent){0};
}

/* Whether the visit's numbers fit into what is counted lately, made so if need be. `most` bounds each of its counters.
 */
static bool fits(struct ladder_sums *s, const struct ladder_visit *v)
{
    uint64_t more = (v->bytes > v->server_us ? v->bytes : v->server_us) + 1;
    if (more > UINT32_MAX / 2)
        return false;
    if (s->recent.most + more > UINT32_MAX)
        settle(s);
    s->recent.most += more;
    return true;
}

/* Of the rungs that were hit with something stale, those that were filled before the last write. */
static uint32_t purgeable(const struct ladder_slot *s, const struct ladder_visit *v, uint32_t stale)
{
    uint32_t found = 0;
    int64_t ago = v->purged == INT64_MIN ? -1 : v->now - v->purged;
    if (ago < 0 || ago > (int64_t)FOREVER)
        return 0;
    for (; stale; stale &= stale - 1) {
        unsigned i = (unsigned)__builtin_ctz(stale);
        found |= (uint32_t)v->now - s->f[i] > (uint32_t)ago ? rung_bit[i] : 0;
    }
    return found;
}

/* What few look-ups do. */
static void count_rare(struct ladder_slot *s, const struct ladder_visit *v, struct outcome o, struct ladder_sums *sums)
{
    count_bits(sums->cycles_hit, o.hit & ~(uint32_t)s->hit, 1);
    count_bits(sums->cycles_stale, o.stale & ~(uint32_t)s->stale, 1);
    if (v->error)
        count_bits(sums->errors_masked, o.hit & ~(uint32_t)s->errors, 1);
    if (o.stale)
        count_bits(sums->stale_purgeable, purgeable(s, v, o.stale), 1);
}

static struct outcome count(struct ladder_slot *s, const struct ladder_visit *v, struct step *step,
                            struct ladder_sums *sums)
{
    bool small = fits(sums, v);
    sums->lookups++;
    if (small) {
        step->bytes = (uint32_t)v->bytes;
        step->server_us = (uint32_t)v->server_us;
    }
    struct outcome o = walk(s, step, &sums->recent);
    if (!small) {
        sums->recent.most++;
        count_bits(sums->bytes_saved, o.hit, v->bytes);
        count_bits(sums->server_us_saved, o.hit, v->server_us);
    }
    count_rare(s, v, o, sums);
    return o;
}

/* What is known of the content of each rung, after the walk. */
static void note(struct ladder_slot *s, const struct ladder_visit *v, struct outcome o)
{
    const uint32_t all = (1u << LADDER_RUNGS) - 1;
    uint32_t kept = v->fillable ? o.hit : all; /* the others were filled anew */
    s->hit = ((uint32_t)s->hit | o.hit) & kept;
    s->stale = ((uint32_t)s->stale | o.stale) & kept;
    s->errors = ((uint32_t)s->errors & kept) | (v->fillable && v->error ? all & ~o.hit : 0);
}

uint32_t ladder_visit(struct ladder_slot *s, const struct ladder_visit *v, struct ladder_sums *sums)
{
    struct ladder_recent nowhere;
    struct step step = {(uint32_t)v->now,
                        v->error ? 0 : v->content,
                        v->content,
                        v->fillable ? ~0u : 0,
                        ladder_quanta(v->fetch_us),
                        since_start(v),
                        0,
                        0};
    if ((uint32_t)(v->now >> LAST_SHIFT) - s->last > IDLE)
        ladder_reset(s, v->now);
    s->last = (uint32_t)(v->now >> LAST_SHIFT);
    if (!sums)
        nowhere = (struct ladder_recent){0};
    struct outcome o = sums ? count(s, v, &step, sums) : walk(s, &step, &nowhere);
    note(s, v, o);
    return o.hit;
}

void ladder_merge(struct ladder_sums *into, const struct ladder_sums *from)
{
    into->lookups += from->lookups;
    EACH_RUNG(i)
    {
#define WALK(name) into->name[i] += from->name[i] + from->recent.name[i];
#define RARE(name) into->name[i] += from->name[i];
#define RUNG_COLUMN(place, name, how, what) how(name)
#include "analysis/store/rung.def"
#undef WALK
#undef RARE
#undef RUNG_COLUMN
    }
}

void ladder_scale(struct ladder_sums *into, const struct ladder_sums *sample, uint64_t n)
{
    struct ladder_sums s = *sample;
    double by = (double)n / (double)s.lookups;
    settle(&s);
    into->lookups += n;
    EACH_RUNG(i)
    {
#define RUNG_COLUMN(place, name, how, what) s.name[i] = (uint64_t)((double)s.name[i] * by + .5);
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
        uint64_t known = s.hits[i] > s.unknown_hits[i] ? s.hits[i] - s.unknown_hits[i] : 0; /* rounded apart */
        s.stale_hits[i] = s.stale_hits[i] < known ? s.stale_hits[i] : known;
#define RUNG_COLUMN(place, name, how, what) into->name[i] += s.name[i];
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    }
}

void ladder_row(const struct ladder_sums *sums, struct row_rung out[LADDER_RUNGS])
{
    struct ladder_sums s = *sums;
    settle(&s);
    EACH_RUNG(i)
    {
        out[i] = (struct row_rung){.ttl_s = ladder_ttl_s[i], .lookups = s.lookups};
#define RUNG_COLUMN(place, name, how, what) out[i].name = s.name[i];
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    }
}

void ladder_load(struct ladder_sums *s, const struct row_rung rungs[LADDER_RUNGS])
{
    s->lookups = rungs[0].lookups;
    EACH_RUNG(i)
    {
#define RUNG_COLUMN(place, name, how, what) s->name[i] = rungs[i].name;
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    }
}
