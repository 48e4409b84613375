/* activity: how many requests over time, in slots of a round length: a picture, not a measurement. Pure. */
#ifndef ANALYSIS_ACTIVITY_H
#define ANALYSIS_ACTIVITY_H

#include <stdint.h>

enum { ACTIVITY_SLOTS = 64 };

struct activity_scale {
    int64_t from_s,
        step_s; /* Unix seconds, a multiple of step_s; 1, 2, 5, 10, 15 or 30 s or min, 1, 2, 3, 6, 12 h, days */
    unsigned n; /* slots, at most ACTIVITY_SLOTS; 0: there is no such time */
};

/* The shortest slots that hold from_us to to_us (both inside). */
struct activity_scale activity_scale(int64_t from_us, int64_t to_us);
/* The slot of a moment; n: it is outside. */
unsigned activity_slot(const struct activity_scale *s, int64_t us);

#endif
