#include "analysis/activity.h"

#include "base/floor.h"

enum { DAY = 86400 };

static const int32_t steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY};

static struct activity_scale with_step(int64_t from_us, int64_t to_us, int64_t step_s)
{
    int64_t first = floor_div(from_us, step_s * 1000000), last = floor_div(to_us, step_s * 1000000);
    struct activity_scale s = {first * step_s, step_s, 0};
    if (last - first < ACTIVITY_SLOTS)
        s.n = (unsigned)(last - first + 1);
    return s;
}

struct activity_scale activity_scale(int64_t from_us, int64_t to_us)
{
    struct activity_scale s = {0};
    if (to_us < from_us)
        return s;
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        s = with_step(from_us, to_us, steps[i]);
        if (s.n)
            return s;
    }
    /* Longer audits in whole days; two more than are needed, for both ends. */
    return with_step(from_us, to_us, DAY * ((to_us - from_us) / 1000000 / DAY / (ACTIVITY_SLOTS - 2) + 1));
}

unsigned activity_slot(const struct activity_scale *s, int64_t us)
{
    int64_t at = s->n ? floor_div(us, s->step_s * 1000000) - s->from_s / s->step_s : 0;
    return at < 0 || at >= (int64_t)s->n ? s->n : (unsigned)at;
}
