/* today: what caches give by the headers that are sent today: Model Z in the mode `declared` (ALGORITHMS.md 3.1), a
 * slot beside those of the ladder. An answer that a shared cache may store and that declares a lifetime fills it for so
 * long; lifetimes that caches would guess are none, nor is the age counted that an answer may have. A 304 that may be
 * shared renews what is there for the lifetime that it had (RFC 9111 section 4.3.4). */
#ifndef ANALYSIS_TODAY_H
#define ANALYSIS_TODAY_H

#include <stdbool.h>
#include <stdint.h>

struct today {
    uint32_t filled_ms; /* when, modulo 2^32 */
    uint32_t content;   /* 0: unknown */
    uint32_t seconds;   /* its lifetime */
};

struct today_visit {
    uint32_t now_ms;
    uint32_t seen, content; /* as a hit compares it; as a fill keeps it */
    uint32_t lifetime;      /* 1 + seconds that a shared cache may keep it; 0: not by its word */
    bool renews;            /* a 304 that may be shared */
};

enum today_outcome { TODAY_MISS, TODAY_FILL, TODAY_FRESH, TODAY_STALE, TODAY_UNKNOWN };

/* Whether the visit has anything to do with the slot; `filled`: whether it holds something. */
static inline bool today_matters(bool filled, uint32_t lifetime)
{
    return filled || lifetime;
}

/* One look-up. After TODAY_FILL the slot holds something. The last three outcomes are hits. */
enum today_outcome today_visit(struct today *t, bool filled, const struct today_visit *v);

#endif
