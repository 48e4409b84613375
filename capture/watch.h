/* watch: what frames say of the mirror before anything in them is read: their lengths, their times, whom they are for.
 * For `doctor`; a capture does without. */
#ifndef CAPTURE_WATCH_H
#define CAPTURE_WATCH_H

#include "capture/segment.h"

enum {
    WATCH_LARGE = 2000,           /* bytes: more than a frame of 1518 with any tunnel around it, less than two merged */
    WATCH_PAUSE_US = 3600000000u, /* no traffic for an hour: two captures in one, or a clock that was set */
};

struct watch {
    uint64_t frames;
    int64_t last;               /* time of the frame before; valid when frames */
    uint64_t back;              /* frames with an earlier time than the one before */
    int64_t back_us;            /* and by how much at most */
    uint64_t pauses;            /* WATCH_PAUSE_US and more between a frame and the next */
    uint64_t untimed;           /* before the year 2000 */
    uint64_t whole_ms, whole_s; /* whose time has no microseconds, no milliseconds */
    int64_t least, greatest;    /* times */
    uint64_t large;             /* longer than WATCH_LARGE on the wire */
    uint32_t largest;           /* on the wire, bytes */
    uint64_t cut;               /* of which the capture has a part only */
    uint32_t cut_at;            /* and at most so many bytes of those */
    uint64_t ethernet, group;   /* Ethernet frames; of them those for a group address */
    uint16_t link;              /* of the latest frame */
};

void watch_frame(struct watch *w, const struct frame *f);

#endif
