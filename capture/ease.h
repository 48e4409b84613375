/* ease: what a live capture gives up when it cannot keep up, and when it takes it up again (ALGORITHMS.md 11.3). Rules
 * alone: who is behind is told from outside, time is that of packets. Never for files. */
#ifndef CAPTURE_EASE_H
#define CAPTURE_EASE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/exchange.h"

enum {
    EASE_AFTER_US = 5000000,  /* behind for so long: one step more */
    EASE_BACK_US = 60000000,  /* not behind for so long: one step less */
    EASE_BEHIND_US = 1000000, /* behind is who handles frames so late */
    EASE_HOLD_US = 2000000,   /* and for so long after it last was */
    EASE_LONGEST_US =
        10000000, /* of one look to the next that is counted: time in which nothing was looked at is none */
};

struct ease {
    unsigned step; /* enum ease_step + 1: that and all before are given up; 0: nothing is */
    int64_t last;  /* when it was told last; TIME_NONE: never */
    int64_t since; /* when what is now, behind or not, began, or the last step was taken */
    bool behind;   /* as it was told last */
};

void ease_init(struct ease *e);
/* At `now`, packet time in us: whether frames are handled late or were lost for want of time. Counts in `counts` how
 * long each step was in force and how often it was taken. True: the step is another one. */
bool ease_note(struct ease *e, int64_t now, bool behind, struct ease_count counts[EASE_STEPS]);
/* Of a connection with this hash: whether it is read. */
static inline bool ease_reads(unsigned step, uint32_t hash)
{
    unsigned halvings = step > EASE_HALF ? step - EASE_HALF : 0;
    return !(hash >> 20 & ((1u << halvings) - 1));
}

#endif
