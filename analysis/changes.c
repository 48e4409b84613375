#include "analysis/changes.h"

#include <math.h>

#include "analysis/cacheable.h"
#include "analysis/numbers.h"
#include "base/json.h"

/* More than the tail's beginning; ages are held here, so that they fit. */
#define LIVED_MOST (UINT32_C(45) * 86400 * 1000)

_Static_assert(sizeof(struct changes) == 36, "fits into the rest of a cache slot");

/* The first known content, or the first after ones that it cannot be compared with. */
static void begin(struct changes *c, uint32_t now, uint32_t content)
{
    *c = (struct changes){.content = content, .visit = now};
    for (int i = 0; i < CHANGES_RETURNS - 2; i++)
        c->spacing[i] = UINT16_MAX;
}

static void forget_version(struct changes *c, struct changes_sums *sums, struct blocks *pool)
{
    if (sums && (c->flags & CHANGES_BORN))
        survival_alive_no_more(&sums->survival, pool, c->cell);
    c->flags &= (uint8_t)~CHANGES_BORN;
}

/* Same content: the version is that much older. */
static void age(struct changes *c, uint32_t gap, struct changes_sums *sums, struct blocks *pool)
{
    uint64_t lived = (uint64_t)c->lived + gap;
    c->lived = lived < LIVED_MOST ? (uint32_t)lived : LIVED_MOST;
    if (!(c->flags & CHANGES_BORN))
        return;
    unsigned cell = survival_least(c->lived);
    if (cell != c->cell && sums) {
        survival_alive_no_more(&sums->survival, pool, c->cell);
        survival_alive(&sums->survival, pool, cell);
    }
    c->cell = (uint8_t)cell;
}

/* Whether this return is the fifth within a minute. */
static bool returns(struct changes *c, uint32_t now)
{
    uint32_t since = c->flags & CHANGES_RETURNED ? now - c->returned : UINT16_MAX, sum;
    since = since < UINT16_MAX ? since : UINT16_MAX;
    sum = since;
    for (int i = 0; i < CHANGES_RETURNS - 2; i++)
        sum += c->spacing[i];
    for (int i = CHANGES_RETURNS - 3; i > 0; i--)
        c->spacing[i] = c->spacing[i - 1];
    c->spacing[0] = (uint16_t)since;
    c->returned = now;
    c->flags |= CHANGES_RETURNED;
    return sum <= CHANGES_RETURNS_MS;
}

/* Remembers the content that is left; whether the new one was among those before. */
static bool remember(struct changes *c, uint32_t content)
{
    bool known = content == c->before[0] || content == c->before[1];
    if (content != c->before[0])
        c->before[1] = c->before[0];
    c->before[0] = c->content;
    return known;
}

/* Another content: one version died in the gap, another was born in it. */
static void succeed(struct changes *c, uint32_t now, uint32_t gap, uint32_t content, struct changes_sums *sums,
                    struct blocks *pool)
{
    bool multi = remember(c, content) && returns(c, now);
    if (sums && (c->flags & CHANGES_BORN))
        survival_died(&sums->survival, pool, c->lived, (uint64_t)c->lived + gap + c->born_within);
    forget_version(c, sums, pool);
    c->content = content;
    c->lived = 0;
    c->born_within = gap;
    c->cell = 0;
    if (multi) {
        c->flags |= CHANGES_MULTI;
        if (sums)
            sums->multi_valued++;
        return;
    }
    c->flags |= CHANGES_BORN;
    if (sums)
        survival_alive(&sums->survival, pool, 0);
}

void changes_prefetch(const struct changes *c, const struct changes_sums *sums, const struct blocks *pool,
                      int64_t now_ms)
{
    uint32_t gap = (uint32_t)now_ms - c->visit;
    uint64_t lived = (uint64_t)c->lived + gap;
    gaptable_prefetch(&sums->gaps, pool, gap);
    if (!(c->flags & CHANGES_BORN))
        return;
    survival_expect_death(&sums->survival, pool, c->lived, lived + c->born_within);
    survival_expect_alive(&sums->survival, pool, c->cell);
    survival_expect_alive(&sums->survival, pool, survival_least(lived));
}

struct changes_gap changes_visit(struct changes *c, int64_t now_ms, uint32_t content, struct changes_sums *sums,
                                 struct blocks *pool)
{
    uint32_t now = (uint32_t)now_ms, gap = now - c->visit;
    if (gap > INT32_MAX)
        c->content = 0; /* too long ago; the version stays in the sums as old as it was seen */
    if (!content)
        return (struct changes_gap){0};
    if (!cacheable_comparable(c->content, content)) {
        begin(c, now, content);
        return (struct changes_gap){0};
    }
    bool changed = content != c->content;
    c->visit = now;
    if (c->flags & CHANGES_MULTI) {
        c->content = content;
        return (struct changes_gap){gap, true, changed, true};
    }
    if (sums)
        gaptable_add(&sums->gaps, pool, gap, changed);
    if (changed)
        succeed(c, now, gap, content, sums, pool);
    else
        age(c, gap, sums, pool);
    return (struct changes_gap){gap, true, changed, false};
}

void changes_merge(struct changes_sums *into, const struct changes_sums *from, struct blocks *pool)
{
    gaptable_merge(&into->gaps, &from->gaps, pool);
    survival_merge(&into->survival, &from->survival, pool);
    into->multi_valued += from->multi_valued;
}

void changes_drop(struct changes_sums *s, struct blocks *pool)
{
    gaptable_drop(&s->gaps, pool);
    survival_drop(&s->survival, pool);
    *s = (struct changes_sums){0};
}

void changes_write(const struct changes_sums *s, const struct blocks *pool, struct buf *out)
{
    struct json j = {out, false};
    struct lifetime gaps;
    gaptable_get(&s->gaps, pool, &gaps);
    json_open(&j, '{');
    json_key_u64(&j, "multi", s->multi_valued);
    json_key(&j, "lost");
    json_open(&j, '[');
    json_u64(&j, s->gaps.lost);
    json_u64(&j, s->survival.lost);
    json_close(&j, ']');
    json_key(&j, "gaps");
    lifetime_write(&gaps, out);
    j.comma = true;
    json_key(&j, "versions");
    survival_write(&s->survival, pool, out);
    json_close(&j, '}');
}

/* Up to where the member of this name begins, for the ones that follow are read from there. */
static bool member(struct slice text, const char *name, struct slice *before, struct slice *value)
{
    const char *at = memmem(text.p, text.n, name, strlen(name));
    if (!at)
        return false;
    *before = slice_of(text.p, (size_t)(at - text.p));
    *value = slice_sub(text, before->n + strlen(name), text.n);
    return true;
}

bool changes_read(struct changes_stored *out, struct slice text)
{
    struct slice multi, gaps, versions, rest;
    out->multi_valued = out->lost_gaps = out->lost_versions = 0;
    lifetime_read(&out->lifetime, SLICE(""));
    survival_read(&out->versions, SLICE(""));
    if (!text.n)
        return true;
    if (!member(text, ",\"gaps\":", &multi, &rest) || !member(rest, ",\"versions\":", &gaps, &versions))
        return false;
    struct numbers n = numbers_of(multi);
    out->multi_valued = numbers_next(&n);
    out->lost_gaps = numbers_next(&n);
    out->lost_versions = numbers_next(&n);
    if (!n.bad && lifetime_read(&out->lifetime, gaps) && survival_read(&out->versions, versions))
        return true;
    changes_read(out, SLICE(""));
    return false;
}

void changes_load(struct changes_sums *s, struct blocks *pool, const struct changes_stored *from)
{
    s->multi_valued = from->multi_valued;
    gaptable_load(&s->gaps, pool, &from->lifetime);
    s->gaps.lost += from->lost_gaps;
    survival_load(&s->survival, pool, &from->versions);
    s->survival.lost += from->lost_versions;
}

struct changes_result changes_result(const struct changes_stored *s)
{
    static const struct lifetime no_gaps;
    static const struct survival_list no_versions;
    return (struct changes_result){lifetime_result(s->lost_gaps ? &no_gaps : &s->lifetime),
                                   survival_result(s->lost_versions ? &no_versions : &s->versions)};
}

/* Comparisons with what is unknown are false. */
static bool meet(const struct lifetime_result *p, double low, double high)
{
    return !(p->mean_high * M_LN2 <= low) && !(p->mean_low * M_LN2 > high);
}

bool changes_fit(const struct changes_stored *s, const struct changes_result *r)
{
    double low, high;
    if (meet(&r->poisson, r->versions.median_low, r->versions.median_high))
        return true;
    survival_bootstrap(&s->versions, 100, 1, &low, &high);
    return meet(&r->poisson, low, high);
}
