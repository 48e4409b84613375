#include "analysis/today.h"

#include "analysis/cacheable.h"

/* What an age is held at, so that it never wraps round: longer than a slot is left alone. */
#define FOREVER ((1u << 31) - 1)

static enum today_outcome compare(const struct today *t, const struct today_visit *v)
{
    if (!cacheable_comparable(t->content, v->seen))
        return TODAY_UNKNOWN;
    return t->content == v->seen ? TODAY_FRESH : TODAY_STALE;
}

static enum today_outcome fill(struct today *t, const struct today_visit *v, uint32_t seconds)
{
    *t = (struct today){v->now_ms, v->content, seconds};
    return TODAY_FILL;
}

enum today_outcome today_visit(struct today *t, bool filled, const struct today_visit *v)
{
    if (filled) {
        uint32_t age = v->now_ms - t->filled_ms;
        age = age < FOREVER ? age : FOREVER;
        t->filled_ms = v->now_ms - age;
        if (age < (uint64_t)t->seconds * 1000)
            return compare(t, v);
    }
    if (v->lifetime)
        return fill(t, v, v->lifetime - 1);
    return filled && v->renews ? fill(t, v, t->seconds) : TODAY_MISS;
}
