#include "analysis/sandwich.h"

#include <math.h>

#include "analysis/cacheable.h"
#include "analysis/interval.h"

enum { KEEP_CHANCE = 8, DIFFERING_LEAST = 5, OTHERS_MOST = (1 << 14) - 1 };

#define DIFFERING_SHARE 0.2 /* of a few, which is enough as well */

_Static_assert(sizeof(struct sandwich) == 32, "two fit into a cache line");

static void begin(struct sandwich *s, const struct sandwich_visit *v)
{
    *s = (struct sandwich){.context = v->context, .value = v->value, .content = v->content, .at_ms = v->now_ms};
}

static bool is_old(const struct sandwich *s, const struct sandwich_visit *v)
{
    return v->now_ms - s->at_ms > SANDWICH_WINDOW_MS;
}

/* A young one stays, but for one chance in eight, so that neither old nor new contexts are left out for good. */
static bool gives_way(const struct sandwich *s, const struct sandwich_visit *v)
{
    return !s->context || is_old(s, v) || hash_mix(v->context ^ v->now_ms) % KEEP_CHANCE == 0;
}

static void add_between(struct sandwich *s, uint32_t value, uint32_t content)
{
    if (value == s->between[0] && content == s->content)
        return;
    if (value != s->between[0])
        s->between[1] = s->between[0];
    s->between[0] = value;
    if (s->others == OTHERS_MOST)
        return;
    s->others++;
    s->differing += content != s->content;
}

/* The same value again. */
static bool close(struct sandwich *s, const struct sandwich_visit *v, struct sandwich_result *out)
{
    bool some = s->others || s->refused || s->barred, closed = some && s->content == v->content && !is_old(s, v);
    if (closed)
        *out = (struct sandwich_result){s->others,  s->differing, s->value, {s->between[0], s->between[1]},
                                        s->refused, s->barred};
    begin(s, v);
    return closed;
}

/* Whether a refusal stands between answers to another value. Where it is of the same one, what was there is gone, for
 * all that is known. */
static bool is_between(struct sandwich *s, const struct sandwich_visit *v)
{
    if (s->context != v->context || is_old(s, v))
        return false;
    if (v->value == s->value)
        s->context = 0;
    return v->value != s->value;
}

bool sandwich_visit(struct sandwich *s, const struct sandwich_visit *v, struct sandwich_result *out)
{
    if (v->refused) {
        if (is_between(s, v))
            add_between(s, v->value, 0);
    } else if (s->context != v->context) {
        if (gives_way(s, v))
            begin(s, v);
    } else if (v->value == s->value) {
        return close(s, v, out);
    } else if (is_old(s, v) || !(v->coded || cacheable_comparable(s->content, v->content))) {
        begin(s, v);
    } else {
        add_between(s, v->value, v->content);
    }
    return false;
}

void sandwich_refuse(struct sandwich *s, const struct sandwich_visit *v, bool barred)
{
    if (!is_between(s, v))
        return;
    s->refused |= !barred;
    s->barred |= barred;
}

bool sandwich_relevant(uint64_t differing, uint64_t n, double level)
{
    double k = (double)differing;
    return n && ((differing >= DIFFERING_LEAST && k / (double)n >= DIFFERING_SHARE) ||
                 interval_low(k, (double)n, level) > SANDWICH_RELEVANT);
}

/* 1 - level^(1/n) at most that. */
uint64_t sandwich_enough(double level)
{
    return (uint64_t)ceil(log(level) / log(1 - SANDWICH_IRRELEVANT));
}
