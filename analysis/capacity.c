#include "analysis/capacity.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/slab.h"
#include "base/clones.h"
#include "base/map.h"

enum { CELLS = CAPACITY_TTLS * CAPACITY_IDLES, FILLS_MOST = 1 << 22 };

#define EMPTY INT32_MIN /* in f: older than any lifetime */
#define NEVER INT32_MAX

/* Times are ms since the first look-up; those of 24 days and more stand still, as whatif reads no audit that long. */
struct row {
    uint64_t hash;
    int32_t last;
    uint32_t bytes; /* of the latest answer */
    int32_t f[CELLS];
} __attribute__((aligned(64)));

struct fill {
    int64_t ms;
    uint64_t bytes;
};

struct capacity {
    struct slab rows;
    struct map map;
    int64_t first_ms, ttl_ms;
    int32_t ttl[CELLS], idle[CELLS];
    uint64_t lookups, lost, hits[CELLS];
    double entry_ms[CELLS], byte_ms[CELLS];
    struct fill *fills; /* ring; fresh with the first lifetime and no idle limit */
    uint32_t head, n_fills, room;
    bool peak_lost;
    uint64_t now_bytes, peak_bytes, peak_entries;
};

static double idle_s(int i)
{
    return pow(604800, i / (CAPACITY_IDLES - 1.));
}

static int32_t clamp(double ms)
{
    return ms >= NEVER ? NEVER : (int32_t)ms;
}

struct capacity *capacity_new(int64_t ttl_ms)
{
    struct capacity *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ttl_ms = ttl_ms;
    for (int i = 0; i < CELLS; i++) {
        int which = i / CAPACITY_IDLES;
        c->ttl[i] = which == 2 ? NEVER : clamp((double)(which ? (ttl_ms + 3) / 4 : ttl_ms));
        c->idle[i] = clamp(1000 * idle_s(i % CAPACITY_IDLES));
    }
    if (slab_init(&c->rows, sizeof(struct row), CAPACITY_KEYS) &&
        map_init(&c->map, c->rows.base, c->rows.unit, CAPACITY_KEYS))
        return c;
    capacity_free(c);
    return NULL;
}

void capacity_free(struct capacity *c)
{
    if (!c)
        return;
    map_free(&c->map);
    slab_fini(&c->rows);
    free(c->fills);
    free(c);
}

/* What the row held from its last look-up until now: to the end of the idle limit or of the lifetime, if that is
 * sooner. */
CLONES static void hold(struct capacity *c, const struct row *r, int32_t now)
{
    for (int i = 0; i < CELLS; i++) {
        int32_t since = now - r->last, idle = c->idle[i];
        int64_t left = r->f[i] == EMPTY ? 0 : (int64_t)r->f[i] + c->ttl[i] - r->last;
        int64_t held = since < idle ? since : idle;
        held = held < left ? held : left > 0 ? left : 0;
        c->entry_ms[i] += (double)held;
        c->byte_ms[i] += (double)held * r->bytes;
    }
}

CLONES static void look_up(struct capacity *c, struct row *r, int32_t now, bool fillable)
{
    int32_t filled = fillable ? now : EMPTY;
    for (int i = 0; i < CELLS; i++) {
        bool hit = r->f[i] != EMPTY && now - r->last <= c->idle[i] && now - r->f[i] < c->ttl[i];
        c->hits[i] += hit;
        r->f[i] = hit ? r->f[i] : filled;
    }
}

static void expire(struct capacity *c, int64_t ms)
{
    while (c->n_fills && ms - c->fills[c->head].ms >= c->ttl_ms) {
        c->now_bytes -= c->fills[c->head].bytes;
        c->head = (c->head + 1) & (c->room - 1);
        c->n_fills--;
    }
}

static bool grow(struct capacity *c)
{
    uint32_t room = c->room ? c->room * 2 : 1024;
    struct fill *fills = room <= FILLS_MOST ? malloc(room * sizeof *fills) : NULL;
    if (!fills)
        return false;
    for (uint32_t i = 0; i < c->n_fills; i++)
        fills[i] = c->fills[(c->head + i) & (c->room - 1)];
    free(c->fills);
    c->fills = fills;
    c->room = room;
    c->head = 0;
    return true;
}

static void note_fill(struct capacity *c, int64_t ms, uint64_t bytes)
{
    expire(c, ms);
    if (c->n_fills == c->room && !grow(c)) {
        c->peak_lost = true;
        return;
    }
    c->fills[(c->head + c->n_fills++) & (c->room - 1)] = (struct fill){ms, bytes};
    c->now_bytes += bytes;
    c->peak_bytes = c->now_bytes > c->peak_bytes ? c->now_bytes : c->peak_bytes;
    c->peak_entries = c->n_fills > c->peak_entries ? c->n_fills : c->peak_entries;
}

static struct row *row_of(struct capacity *c, uint64_t hash, int32_t now)
{
    uint32_t at = map_find(&c->map, hash);
    if (at != MAP_NONE)
        return slab_at(&c->rows, at);
    if (c->rows.used == c->rows.most || !map_insert(&c->map, hash, c->rows.used))
        return NULL;
    struct row *r = slab_at(&c->rows, slab_take(&c->rows));
    r->hash = hash;
    r->last = now;
    for (int i = 0; i < CELLS; i++)
        r->f[i] = EMPTY;
    return r;
}

static int32_t since_first(const struct capacity *c, int64_t ms)
{
    return ms < c->first_ms ? 0 : clamp((double)(ms - c->first_ms)); /* late ones of another key */
}

void capacity_visit(struct capacity *c, const struct capacity_visit *v)
{
    if (!c->lookups && !c->lost)
        c->first_ms = v->ms;
    int32_t now = since_first(c, v->ms);
    struct row *r = row_of(c, v->hash, now);
    if (!r) {
        c->lost++;
        return;
    }
    const int unlimited = CAPACITY_IDLES - 1; /* 7 days; with the first lifetime */
    c->lookups++;
    hold(c, r, now);
    uint64_t hits = c->hits[unlimited];
    look_up(c, r, now, v->fillable);
    if (c->hits[unlimited] == hits && v->fillable)
        note_fill(c, v->ms, v->bytes);
    r->last = now;
    r->bytes = v->bytes < UINT32_MAX ? (uint32_t)v->bytes : UINT32_MAX;
}

void capacity_end(struct capacity *c, int64_t start_ms, int64_t end_ms, struct capacity_point out[CELLS])
{
    int32_t end = since_first(c, end_ms);
    double watched = end_ms > start_ms ? (double)(end_ms - start_ms) : NAN;
    for (uint32_t i = 0; i < c->rows.used; i++)
        hold(c, slab_at(&c->rows, i), end);
    for (int i = 0; i < CELLS; i++)
        out[i] = (struct capacity_point){c->ttl[i] == NEVER ? INFINITY : c->ttl[i] / 1e3, idle_s(i % CAPACITY_IDLES),
                                         c->byte_ms[i] / watched, c->entry_ms[i] / watched,
                                         c->lookups ? (double)c->hits[i] / (double)c->lookups : NAN};
}

uint64_t capacity_lost(const struct capacity *c)
{
    return c->lost;
}

bool capacity_peak(const struct capacity *c, uint64_t *bytes, uint64_t *entries)
{
    *bytes = c->peak_bytes;
    *entries = c->peak_entries;
    return !c->peak_lost && !c->lost;
}

uint64_t capacity_recommended(uint64_t peak_bytes, uint64_t peak_entries, uint64_t overhead)
{
    return (uint64_t)ceil((double)peak_bytes * 1.1) + peak_entries * overhead;
}

double capacity_at(const struct capacity_point curve[CAPACITY_IDLES], double bytes)
{
    double before = 0, ratio = 0;
    for (int i = 0; i < CAPACITY_IDLES; i++) {
        double here = curve[i].bytes;
        if (bytes <= here)
            return here > before ? ratio + (curve[i].hit_ratio - ratio) * (bytes - before) / (here - before)
                                 : curve[i].hit_ratio;
        before = here;
        ratio = curve[i].hit_ratio;
    }
    return ratio;
}
