#include "analysis/sampling.h"

#include <math.h>
#include <string.h>

#include "analysis/numbers.h"
#include "base/json.h"

#define EACH_RUNG(i) for (unsigned i = 0; i < LADDER_RUNGS; i++)

bool sampling_note(struct sampling_tail *t, struct sampling_key *k, uint32_t hit)
{
    if (k->segment != t->segment) {
        *k = (struct sampling_key){.segment = t->segment, .variants = k->variants};
        t->keys++;
    }
    uint64_t n = ++k->lookups;
    t->lookups2 += 2 * n - 1;
    EACH_RUNG(i)
    {
        uint64_t yes = hit >> i & 1, h = k->hits[i];
        t->mixed[i] += h + yes * n;
        t->hits2[i] += yes * (2 * h + 1);
        k->hits[i] = (uint16_t)(h + yes);
    }
    return n == UINT16_MAX;
}

/* Standard deviation of the estimated hits of one rung. */
static double spread_of(const struct sampling_tail *t, unsigned rung)
{
    double q = (double)t->sums.lookups, n = t->keys;
    double r = (double)(t->sums.hits[rung] + ladder_lately(&t->sums.recent.hits, rung)) / q;
    double left = (double)t->hits2[rung] - 2 * r * (double)t->mixed[rung] + r * r * (double)t->lookups2;
    double rate = ldexp(1, -(int)t->level);
    return left > 0 ? (double)t->n * sqrt((1 - rate) * n / (n - 1) * left) / q : 0;
}

static uint64_t share_of(uint64_t n, uint64_t part, uint64_t whole)
{
    return (uint64_t)((double)n * (double)part / (double)whole + .5);
}

static bool has_estimate(const struct sampling_tail *t)
{
    return t->keys >= 2;
}

static uint64_t cycles_hit(const struct sampling_tail *t, unsigned rung)
{
    return t->sums.cycles_hit[rung] + ladder_lately(&t->sums.recent.cycles_hit, rung);
}

void sampling_close(struct sampling_tail *t, uint32_t segment, struct ladder_sums *into, uint64_t *same)
{
    if (t->n && has_estimate(t)) {
        EACH_RUNG(i)
        {
            t->spread[i] += spread_of(t, i);
            uint64_t seen = cycles_hit(t, i);
            t->extra[i] += share_of(t->n, seen, t->sums.lookups);
            t->extra[i] -= t->extra[i] < seen ? t->extra[i] : seen;
        }
        *same += share_of(t->n, t->same, t->sums.lookups);
        ladder_scale(into, &t->sums, t->n);
        if (t->n > t->most_n) {
            t->most_n = t->n;
            t->most_keys = t->keys;
        }
        t->n = 0;
    }
    t->segment = segment;
    t->keys = 0;
    t->same = t->lookups2 = 0;
    memset(t->hits2, 0, sizeof t->hits2);
    memset(t->mixed, 0, sizeof t->mixed);
    memset(&t->sums, 0, sizeof t->sums);
}

void sampling_merge(struct sampling_tail *into, const struct sampling_tail *from)
{
    into->level = from->level > into->level ? from->level : into->level;
    into->n += from->n;
    if (from->most_n > into->most_n) {
        into->most_n = from->most_n;
        into->most_keys = from->most_keys;
    }
    EACH_RUNG(i)
    {
        into->spread[i] += from->spread[i];
        into->extra[i] += from->extra[i];
    }
}

/* Nothing of the tail was followed: what the rest of the endpoint did, give or take everything. */
static void guess(const struct sampling_tail *t, struct ladder_sums *sums, struct sampling_stored *out)
{
    struct ladder_sums rest = *sums;
    if (rest.lookups)
        ladder_scale(sums, &rest, t->n);
    else
        sums->lookups += t->n;
    EACH_RUNG(i)
    out->spread[i] += (t->n + 2) / 3;
    out->keys = t->keys;
}

void sampling_estimate(const struct sampling_tail *t, struct ladder_sums *sums, uint64_t *same,
                       struct sampling_stored *out)
{
    *out = (struct sampling_stored){.level = t->level, .keys = t->n >= t->most_n ? t->keys : t->most_keys};
    struct row_rung rung[LADDER_RUNGS];
    ladder_row(sums, rung);
    EACH_RUNG(i)
    {
        bool now = t->n && has_estimate(t);
        out->spread[i] = (uint64_t)ceil(t->spread[i] + (now ? spread_of(t, i) : 0));
        out->cycles[i] =
            (rung[i].cycles_hit > t->extra[i] ? rung[i].cycles_hit - t->extra[i] : 0) + (now ? cycles_hit(t, i) : 0);
    }
    if (t->n && !has_estimate(t)) {
        guess(t, sums, out);
    } else if (t->n) {
        *same += share_of(t->n, t->same, t->sums.lookups);
        ladder_scale(sums, &t->sums, t->n);
    }
}

void sampling_write(const struct sampling_stored *s, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    json_u64(&j, s->level);
    json_u64(&j, s->keys);
    EACH_RUNG(i)
    {
        json_open(&j, '[');
        json_u64(&j, s->spread[i]);
        json_u64(&j, s->cycles[i]);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool sampling_read(struct sampling_stored *out, struct slice text)
{
    struct numbers n = numbers_of(text);
    *out = (struct sampling_stored){0};
    if (!text.n)
        return true;
    uint64_t level = numbers_next(&n);
    out->keys = numbers_next(&n);
    EACH_RUNG(i)
    {
        out->spread[i] = numbers_next(&n);
        out->cycles[i] = numbers_next(&n);
    }
    out->level = level <= SAMPLING_LEVELS ? (uint32_t)level : 0;
    if (n.bad || level > SAMPLING_LEVELS)
        *out = (struct sampling_stored){0};
    return !n.bad && level <= SAMPLING_LEVELS;
}

void sampling_load(struct sampling_tail *t, const struct sampling_stored *from, const struct ladder_sums *sums)
{
    struct row_rung rung[LADDER_RUNGS];
    ladder_row(sums, rung);
    *t = (struct sampling_tail){
        .segment = t->segment, .level = from->level, .most_n = sums->lookups, .most_keys = (uint32_t)from->keys};
    EACH_RUNG(i)
    {
        t->spread[i] = (double)from->spread[i];
        t->extra[i] = rung[i].cycles_hit > from->cycles[i] ? rung[i].cycles_hit - from->cycles[i] : 0;
    }
}
