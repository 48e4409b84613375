#include "analysis/ladder.h"

#include <stddef.h>

#if defined(NO_MULTIVERSION) || defined(__clang__) /* clang 14 names the clones so that other files cannot find them   \
                                                    */
#define CLONES
#else
#define CLONES __attribute__((target_clones("avx2", "default")))
#endif

#define EACH_RUNG(i) for (unsigned i = 0; i < LADDER_RUNGS; i++)

const uint32_t ladder_ttl_s[LADDER_RUNGS] = {
#define RUNG(s) s,
#include "analysis/rungs.def"
#undef RUNG
};

static const uint32_t ttl_ms[LADDER_RUNGS] = {
#define RUNG(s) s * 1000u,
#include "analysis/rungs.def"
#undef RUNG
};

/* Older than any lifetime: what an empty rung's age is held at, so that it never wraps round to fresh. */
#define FOREVER (1u << 31)

/* A slot left alone this long is empty for every rung; its times may have wrapped. */
enum { IDLE_MS = 1 << 30 };

struct step {
    uint32_t now, seen, content; /* seen: content as a hit compares it; content: as a fill keeps it */
    uint32_t fills, fetch;       /* all ones or 0; 4 ms units */
    uint32_t since;              /* ms since the start, at most FOREVER */
    uint64_t bytes, server_us;
};

/* All ones per rung that ... */
struct masks {
    uint32_t fresh[LADDER_RUNGS], stale[LADDER_RUNGS], unknown[LADDER_RUNGS], coalesced[LADDER_RUNGS];
};

/* No branches on the rung: written so that the compiler makes vectors of it. */
CLONES static void walk(struct ladder_slot *restrict s, const struct step *restrict v, struct masks *restrict m)
{
    const uint32_t now = v->now, seen = v->seen, content = v->content, fills = v->fills, fetch = v->fetch;
    const uint32_t seen_known = seen ? ~0u : 0;
    EACH_RUNG(i)
    {
        uint32_t age = now - s->f[i], h = s->h[i], d = (uint32_t)s->d[i] * 4;
        age = age < FOREVER ? age : FOREVER;
        uint32_t fresh = age < ttl_ms[i] ? ~0u : 0;
        uint32_t differs = h != seen ? ~0u : 0;
        uint32_t known = (h != 0 && (h ^ seen) < 1u << 30 ? ~0u : 0) & seen_known; /* same class of coding */
        uint32_t fill = ~fresh & fills;
        m->fresh[i] = fresh;
        m->stale[i] = fresh & known & differs;
        m->unknown[i] = fresh & ~known;
        m->coalesced[i] = fresh & (age < d ? ~0u : 0);
        s->f[i] = now - (age & ~fill);
        s->h[i] = (h & ~fill) | (content & fill);
        s->d[i] = (uint16_t)((s->d[i] & ~fill) | (fetch & fill));
    }
}

CLONES static void count(struct ladder_sums *restrict s, const struct masks *restrict m, const struct step *restrict v)
{
    const uint64_t bytes = v->bytes, server_us = v->server_us;
    const uint32_t since = v->since;
    EACH_RUNG(i)
    {
        uint64_t fresh = (uint64_t)(int64_t)(int32_t)m->fresh[i];
        s->hits[i] -= fresh; /* all ones is -1 */
        s->stale[i] -= (uint64_t)(int64_t)(int32_t)m->stale[i];
        s->unknown[i] -= (uint64_t)(int64_t)(int32_t)m->unknown[i];
        s->coalesced[i] -= (uint64_t)(int64_t)(int32_t)m->coalesced[i];
        s->bytes[i] += bytes & fresh;
        s->server_us[i] += server_us & fresh;
        uint32_t warm = since >= ttl_ms[i] ? ~0u : 0; /* ALGORITHMS.md 3.5 */
        s->warm_lookups[i] -= (uint64_t)(int64_t)(int32_t)warm;
        s->warm_hits[i] -= (uint64_t)(int64_t)(int32_t)(warm & m->fresh[i]);
    }
}

static const uint32_t rung_bit[LADDER_RUNGS] = {1u << 0,  1u << 1,  1u << 2,  1u << 3,  1u << 4,  1u << 5,  1u << 6,
                                                1u << 7,  1u << 8,  1u << 9,  1u << 10, 1u << 11, 1u << 12, 1u << 13,
                                                1u << 14, 1u << 15, 1u << 16, 1u << 17, 1u << 18, 1u << 19};

static uint32_t bits(const uint32_t mask[LADDER_RUNGS])
{
    uint32_t b = 0;
    EACH_RUNG(i)
    b |= mask[i] & rung_bit[i];
    return b;
}

static void count_bits(uint64_t counter[LADDER_RUNGS], uint32_t b)
{
    for (; b; b &= b - 1)
        counter[__builtin_ctz(b)]++;
}

static uint32_t since_start(const struct ladder_visit *v)
{
    int64_t ms = v->now - v->start;
    return ms < 0 ? 0 : ms > FOREVER ? FOREVER : (uint32_t)ms;
}

static uint32_t quanta(int64_t us)
{
    int64_t q = us < 0 ? 0 : (us + 3999) / 4000;
    return q > UINT16_MAX ? UINT16_MAX : (uint32_t)q;
}

void ladder_reset(struct ladder_slot *s, int64_t now)
{
    EACH_RUNG(i)
    {
        s->f[i] = (uint32_t)now - FOREVER;
        s->h[i] = 0;
        s->d[i] = 0;
    }
    s->errors = 0;
    s->last = now;
}

uint32_t ladder_visit(struct ladder_slot *s, const struct ladder_visit *v, struct ladder_sums *sums)
{
    struct masks m;
    struct step step = {(uint32_t)v->now,
                        v->error ? 0 : v->content,
                        v->content,
                        v->fillable ? ~0u : 0,
                        quanta(v->fetch_us),
                        since_start(v),
                        v->bytes,
                        v->server_us};
    if (v->now - s->last > IDLE_MS)
        ladder_reset(s, v->now);
    s->last = v->now;
    walk(s, &step, &m);
    uint32_t fresh = bits(m.fresh);
    if (sums) {
        sums->lookups++;
        count(sums, &m, &step);
        if (v->error)
            count_bits(sums->masked, fresh & ~s->errors);
    }
    if (v->fillable && (s->errors || v->error)) {
        s->errors &= fresh;
        s->errors |= v->error ? ~fresh & ((1u << LADDER_RUNGS) - 1) : 0;
    }
    return fresh;
}

void ladder_merge(struct ladder_sums *into, const struct ladder_sums *from)
{
    uint64_t *a = (uint64_t *)into;
    const uint64_t *b = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *into / sizeof *a; i++)
        a[i] += b[i];
}

void ladder_row(const struct ladder_sums *s, struct row_rung out[LADDER_RUNGS])
{
    EACH_RUNG(i)
    {
        out[i] = (struct row_rung){.ttl_s = ladder_ttl_s[i],
                                   .lookups = s->lookups,
                                   .hits = s->hits[i],
                                   .stale_hits = s->stale[i],
                                   .unknown_hits = s->unknown[i],
                                   .errors_masked = s->masked[i],
                                   .coalesced = s->coalesced[i],
                                   .warm_lookups = s->warm_lookups[i],
                                   .warm_hits = s->warm_hits[i],
                                   .bytes_saved = s->bytes[i],
                                   .server_us_saved = s->server_us[i]};
    }
}

void ladder_load(struct ladder_sums *s, const struct row_rung rungs[LADDER_RUNGS])
{
    s->lookups = rungs[0].lookups;
    EACH_RUNG(i)
    {
        s->hits[i] = rungs[i].hits;
        s->stale[i] = rungs[i].stale_hits;
        s->unknown[i] = rungs[i].unknown_hits;
        s->masked[i] = rungs[i].errors_masked;
        s->coalesced[i] = rungs[i].coalesced;
        s->warm_lookups[i] = rungs[i].warm_lookups;
        s->warm_hits[i] = rungs[i].warm_hits;
        s->bytes[i] = rungs[i].bytes_saved;
        s->server_us[i] = rungs[i].server_us_saved;
    }
}
