#include "analysis/ladder.h"

#include <stddef.h>

#include "analysis/cacheable.h"
#include "base/clones.h"
#include "base/cold.h"

#define EACH_RUNG(i) for (unsigned i = 0; i < LADDER_RUNGS; i++)

const uint32_t ladder_ttl_s[LADDER_RUNGS] = {
#define RUNG(s) s,
#include "analysis/rungs.def"
#undef RUNG
};

/* The rungs eight at a time; the compiler lowers it to what the machine has. Beyond the last one lanes of no lifetime,
 * which are never fresh. Aligned to numbers alone. */
typedef uint32_t lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t signed_lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint16_t short_lanes __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint8_t octets __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint32_t half __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint16_t short_half __attribute__((vector_size(8), aligned(2), may_alias));

static const int32_t ttl_ms[LADDER_LANES * LADDER_VECTORS] = {
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
_Static_assert(LADDER_RUNGS == 2 * LADDER_LANES + LADDER_LANES / 2, "the last vector is half a one");

struct step {
    uint32_t now, seen, content;           /* seen: content as a hit compares it; content: as a fill keeps it */
    uint32_t seen_known, fills;            /* all ones or 0 */
    uint32_t fetch;                        /* 4 ms units */
    uint32_t bytes_saved, server_us_saved; /* of a hit */
};

/* A bit per rung. */
struct outcome {
    uint32_t hit, stale;
};

/* What is told of each rung, all ones or 0, which is -1 or 0: an octet for each vector beside each other. */
struct marks {
    lanes fresh, known, equal; /* known: contents that can be compared */
    lanes running;             /* younger than the fetch took */
    lanes younger;             /* than twice the lifetime */
};

/* What a slot holds of some rungs, and which of them are fresh. */
struct state {
    lanes f, h, d, fresh;
};

#define INLINE static inline __attribute__((always_inline))

/* Moves some rungs on; the octets of `mine` are theirs. No branches on the rung, all numbers of
 * 32 bits, ages below 2^31 and compared as signed ones. */
INLINE void move(const struct step *v, unsigned from, uint32_t mine, struct state *s, struct marks *m)
{
    const signed_lanes ttl = *(const signed_lanes *)&ttl_ms[from];
    lanes age = v->now - s->f, h = s->h, differ = h ^ v->seen;
    age = (age | (lanes)((signed_lanes)age >> 31)) & FOREVER; /* at most that */
    s->fresh = (lanes)((signed_lanes)age < ttl);
    lanes fill = ~s->fresh & v->fills;
    m->fresh |= s->fresh & mine;
    m->known |= ~(lanes)(h == 0) & (lanes)(differ >> CONTENT_CLASS_SHIFT == 0) & mine;
    m->equal |= (lanes)(differ == 0) & mine;
    m->running |= (lanes)((signed_lanes)age < (signed_lanes)(s->d * 4)) & mine;
    m->younger |= (lanes)((signed_lanes)age < 2 * ttl) & mine;
    s->f = v->now - (age & ~fill);
    s->h = (h & ~fill) | (v->content & fill);
    s->d = (s->d & ~fill) | (v->fetch & fill);
}

INLINE void walk_vector(struct ladder_slot *s, const struct step *v, unsigned i, struct marks *m,
                        struct ladder_recent *n)
{
    lanes *f = (lanes *)&s->f[i * LADDER_LANES], *h = (lanes *)&s->h[i * LADDER_LANES];
    short_lanes *d = (short_lanes *)&s->d[i * LADDER_LANES];
    struct state state = {*f, *h, __builtin_convertvector(*d, lanes), {0}};
    move(v, i * LADDER_LANES, 0xffu << 8 * i, &state, m);
    *f = state.f;
    *h = state.h;
    *d = __builtin_convertvector(state.d, short_lanes);
    *(lanes *)&n->bytes_saved.of[i * LADDER_LANES] += state.fresh & v->bytes_saved;
    *(lanes *)&n->server_us_saved.of[i * LADDER_LANES] += state.fresh & v->server_us_saved;
}

/* The same of the last rungs, half a vector. */
INLINE void walk_rest(struct ladder_slot *s, const struct step *v, struct marks *m, struct ladder_recent *n)
{
    enum { FROM = 2 * LADDER_LANES };
    half *f = (half *)&s->f[FROM], *h = (half *)&s->h[FROM], none = {0};
    short_half *d = (short_half *)&s->d[FROM];
#define WIDE(x) __builtin_shufflevector(x, none, 0, 1, 2, 3, 4, 5, 6, 7)
#define NARROW(x) __builtin_shufflevector(x, x, 0, 1, 2, 3)
    struct state state = {WIDE(*f), WIDE(*h), WIDE(__builtin_convertvector(*d, half)), {0}};
    move(v, FROM, 0xff0000u, &state, m);
    *f = NARROW(state.f);
    *h = NARROW(state.h);
    *d = __builtin_convertvector(NARROW(state.d), short_half);
    *(half *)&n->bytes_saved.of[FROM] += NARROW(state.fresh) & v->bytes_saved;
    *(half *)&n->server_us_saved.of[FROM] += NARROW(state.fresh) & v->server_us_saved;
#undef WIDE
#undef NARROW
}

/* A bit per rung: that of its lane in the octet of its vector. */
INLINE uint32_t bits_of(const lanes *marks)
{
    const lanes bit = {0x010101, 0x020202, 0x040404, 0x080808, 0x101010, 0x202020, 0x404040, 0x808080};
    lanes all = *marks & bit;
    half some = __builtin_shufflevector(all, all, 0, 1, 2, 3) | __builtin_shufflevector(all, all, 4, 5, 6, 7);
    some |= __builtin_shufflevector(some, some, 2, 3, 0, 1);
    return some[0] | some[1];
}

/* Leaves the marks of the rungs whose bits are not set. */
INLINE void mask_out(lanes *marks, uint32_t bits)
{
    const lanes bit = {0x010101, 0x020202, 0x040404, 0x080808, 0x101010, 0x202020, 0x404040, 0x808080};
    *marks &= ~(lanes)((octets)(bit & bits) == (octets)bit);
}

/* Moves the slot on and counts into `n`. */
CLONES static struct outcome walk(struct ladder_slot *restrict s, const struct step *restrict v,
                                  struct ladder_recent *restrict n)
{
    struct marks m = {{0}, {0}, {0}, {0}, {0}};
    walk_vector(s, v, 0, &m, n);
    walk_vector(s, v, 1, &m, n);
    walk_rest(s, v, &m, n);
    lanes known = m.known & v->seen_known, stale = m.fresh & known & ~m.equal, hit_first = m.fresh, stale_first = stale;
    mask_out(&hit_first, (uint32_t)s->hit);
    mask_out(&stale_first, (uint32_t)s->stale);
#define COUNT(name, marks) *(octets *)n->name.of -= (octets)(marks)
    COUNT(hits, m.fresh);
    COUNT(stale_hits, stale);
    COUNT(unknown_hits, m.fresh & ~known);
    COUNT(coalesced, m.fresh & m.running);
    COUNT(cycles, ~m.fresh & v->fills);
    COUNT(cycles_hit, hit_first);
    COUNT(cycles_stale, stale_first);
    COUNT(swr_async, ~m.fresh & m.younger);
#undef COUNT
    return (struct outcome){bits_of(&m.fresh), bits_of(&stale)};
}

/* Counts nothing. */
static COLD struct outcome walk_alone(struct ladder_slot *s, const struct step *v)
{
    struct ladder_recent nowhere = {0};
    return walk(s, v, &nowhere);
}

static void count_bits(uint64_t counter[LADDER_RUNGS], uint32_t b, uint64_t n)
{
    for (; b; b &= b - 1)
        counter[__builtin_ctz(b)] += n;
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
static COLD void settle(struct ladder_sums *s)
{
    struct ladder_recent *r = &s->recent;
    EACH_RUNG(i)
    {
        bool warm = r->warm_from > ttl_ms[i];
        s->warm_lookups[i] += warm ? r->lookups : 0;
        s->warm_hits[i] += warm ? ladder_lately(&r->hits, i) : 0;
#define WALK(name) s->name[i] += ladder_lately(&r->name, i);
#define ADD(name) s->name[i] += r->name.of[i];
#define WARM(name)
#define RARE(name)
#define RUNG_COLUMN(place, name, how, what) how(name)
#include "analysis/store/rung.def"
#undef WALK
#undef ADD
#undef WARM
#undef RARE
#undef RUNG_COLUMN
    }
    *r = (struct ladder_recent){.warm_from = r->warm_from, .warm_span = r->warm_span};
}

/* A rung is warm where the look-up is at least its lifetime after the start; in ms, and one more, at most FOREVER. */
static int32_t warm_below(const struct ladder_visit *v)
{
    int64_t ms = v->now - v->start;
    return ms < 0 ? 1 : ms >= (int64_t)FOREVER ? (int32_t)FOREVER : (int32_t)ms + 1;
}

static COLD void warm_up(struct ladder_recent *r, int32_t warm)
{
    unsigned i = 0;
    while (i < LADDER_RUNGS && ttl_ms[i] < warm)
        i++;
    r->warm_from = i ? ttl_ms[i - 1] + 1 : 0;
    r->warm_span = (i < LADDER_RUNGS ? (uint32_t)ttl_ms[i] : (uint32_t)FOREVER) + 1 - (uint32_t)r->warm_from;
}

/* Whether the visit's numbers fit into what is counted lately, made so if need be. `most` bounds what is added up. */
static bool fits(struct ladder_sums *s, const struct ladder_visit *v)
{
    struct ladder_recent *r = &s->recent;
    int32_t warm = warm_below(v);
    uint64_t more = v->bytes > v->server_us ? v->bytes : v->server_us;
    bool fit = more <= UINT32_MAX / 2;
    more = fit ? more : 0;
    if (r->lookups == LADDER_LATELY || r->most + more > UINT32_MAX || (uint32_t)(warm - r->warm_from) >= r->warm_span) {
        settle(s);
        warm_up(r, warm);
    }
    r->lookups++;
    r->most += (uint32_t)more;
    return fit;
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
        found |= (uint32_t)v->now - s->f[i] > (uint32_t)ago ? 1u << i : 0;
    }
    return found;
}

/* What few look-ups do. */
static void count_rare(struct ladder_slot *s, const struct ladder_visit *v, struct outcome o, struct ladder_sums *sums)
{
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
        step->bytes_saved = (uint32_t)v->bytes;
        step->server_us_saved = (uint32_t)v->server_us;
    }
    struct outcome o = walk(s, step, &sums->recent);
    if (!small) {
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
    uint64_t hit = s->hit, stale = s->stale, errors = s->errors & kept;
    errors |= v->fillable && v->error ? all & ~o.hit : 0;
    s->errors = errors;
    s->hit = (hit | o.hit) & kept;
    s->stale = (stale | o.stale) & kept;
}

uint32_t ladder_visit(struct ladder_slot *s, const struct ladder_visit *v, struct ladder_sums *sums)
{
    uint32_t seen = v->error ? 0 : v->content;
    struct step step = {.now = (uint32_t)v->now,
                        .seen = seen,
                        .content = v->content,
                        .seen_known = seen ? ~0u : 0,
                        .fills = v->fillable ? ~0u : 0,
                        .fetch = ladder_quanta(v->fetch_us)};
    if ((uint32_t)(v->now >> LAST_SHIFT) - s->last > IDLE)
        ladder_reset(s, v->now);
    s->last = (uint32_t)(v->now >> LAST_SHIFT);
    struct outcome o = sums ? count(s, v, &step, sums) : walk_alone(s, &step);
    note(s, v, o);
    return o.hit;
}

void ladder_merge(struct ladder_sums *into, const struct ladder_sums *from)
{
    struct ladder_sums s = *from;
    settle(&s);
    into->lookups += s.lookups;
    EACH_RUNG(i)
    {
#define RUNG_COLUMN(place, name, how, what) into->name[i] += s.name[i];
#include "analysis/store/rung.def"
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
