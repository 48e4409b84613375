#include "analysis/schedule.h"

#include <math.h>

#include "base/floor.h"

#define CHANCE 1e-6
#define AT_ONE_MOMENT 0.8 /* a time of day when more is done is no schedule */

enum { GAP = 8 /* a gap of at most this part of a period */ };

static const int64_t seconds[SCHEDULE_PERIODS] = {60, 300, 900, 3600, 86400};

void schedule_gap(struct schedule *s, int64_t from_us, int64_t to_us, bool changed)
{
    int64_t gap = to_us - from_us, middle = from_us + gap / 2;
    for (int i = SCHEDULE_PERIODS - 1; i >= 0 && gap <= seconds[i] * (1000000 / GAP); i--) {
        struct schedule_period *p = &s->period[i];
        int64_t place = floor_div(middle, seconds[i] * (1000000 / SCHEDULE_BINS));
        unsigned bin = (unsigned)(place - floor_div(place, SCHEDULE_BINS) * SCHEDULE_BINS);
        p->watched_ms[bin] += (uint64_t)gap / 1000;
        if (!changed || p->last == place + 1)
            continue;
        p->last = place + 1;
        p->changes[bin]++;
    }
}

static struct schedule_found test(const struct schedule_period *p, int64_t period_s)
{
    double n = 0, watched = 0, c = 0, s = 0, wc = 0, ws = 0;
    for (int i = 0; i < SCHEDULE_BINS; i++) {
        double angle = 2 * M_PI * (i + .5) / SCHEDULE_BINS;
        n += p->changes[i];
        c += p->changes[i] * cos(angle);
        s += p->changes[i] * sin(angle);
        watched += (double)p->watched_ms[i];
        wc += (double)p->watched_ms[i] * cos(angle);
        ws += (double)p->watched_ms[i] * sin(angle);
    }
    struct schedule_found f = {.changes = (uint64_t)n, .p = 1};
    if (!(n > 0) || !(watched > 0))
        return f;
    double dc = c - n * wc / watched, ds = s - n * ws / watched, phase = atan2(s, c) / (2 * M_PI);
    f.period_s = (uint32_t)period_s;
    f.concentration = hypot(c, s) / n;
    f.at_s = (phase < 0 ? phase + 1 : phase) * (double)period_s;
    f.p = fmin(1, SCHEDULE_PERIODS * exp(-(dc * dc + ds * ds) / n));
    return f;
}

struct schedule_found schedule_find(const struct schedule *s)
{
    for (int i = SCHEDULE_PERIODS - 1; i >= 0; i--) {
        struct schedule_found f = test(&s->period[i], seconds[i]);
        if (f.p < CHANCE && f.concentration >= AT_ONE_MOMENT)
            return f;
    }
    return (struct schedule_found){.p = 1};
}
