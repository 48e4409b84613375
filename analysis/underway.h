/* underway: how many calls of a group are under way, and how many end, in each second (ALGORITHMS.md 8.4, 8.6). Calls
 * come in order of their start and last over [start, end), microseconds; a call belongs to up to four groups. A second
 * is handed on when it is over, if anything ended in it. What ends when another begins is over. */
#ifndef ANALYSIS_UNDERWAY_H
#define ANALYSIS_UNDERWAY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    UNDERWAY_MOST = 1 << 16, /* calls under way at once; seconds with further ones are `damaged` */
    UNDERWAY_GROUPS = 4,     /* of a call */
    UNDERWAY_KINDS = 5,      /* of calls, in a group */
};

struct underway_second {
    int64_t second;                /* Unix time */
    uint64_t area_us;              /* call microseconds: 1e6 times the mean that was under way */
    uint32_t done, failed;         /* that ended in it, and those of them that failed */
    uint32_t lost;                 /* begun in it, and nobody knows when they ended */
    uint32_t kind[UNDERWAY_KINDS]; /* of those that ended */
    uint64_t server_us;            /* of those that ended, of which it is known; `timed` are */
    uint32_t timed;
    bool damaged; /* not all of it was seen */
};

/* Zero-initialise. */
struct underway_group {
    uint64_t area_us, done; /* within the span */
    uint32_t now, peak;     /* peak: within the span */
    int64_t at_us;          /* `current` is counted up to here */
    int64_t blind_until_us; /* until when calls are under way that there was no room for */
    struct underway_second current;
    bool any;
};

struct underway_call {
    int64_t start_us, end_us;
    uint32_t group[UNDERWAY_GROUPS]; /* places in the array of groups, + 1; 0: none */
    uint8_t kind[UNDERWAY_GROUPS];   /* in each of these groups, + 1; 0: none of its kinds */
    bool failed;
    int64_t server_us; /* below 0: unknown */
};

struct underway;

typedef void underway_each(void *context, uint32_t group, const struct underway_second *s);
/* A call of known server time ended in this second of a group. */
typedef void underway_ended(void *context, uint32_t group, int64_t second, int64_t server_us);

/* Counts what lies in [from_us, to_us); seconds that lie in it wholly are handed on. The groups must outlive it and not
 * move. NULL: out of memory. */
struct underway *underway_new(int64_t from_us, int64_t to_us, struct underway_group *groups, underway_each *each,
                              void *context);
void underway_free(struct underway *u);
/* Every end is told from now on, before its second is handed on. */
void underway_tell(struct underway *u, underway_ended *ended);
void underway_add(struct underway *u, const struct underway_call *c);
/* One of which it is not known when it ended; damaged: bytes of it were not captured. */
void underway_lost(struct underway *u, const struct underway_call *c, bool damaged);
/* No further calls: hands on what is left. n: groups. */
void underway_end(struct underway *u, uint32_t n);
uint64_t underway_untracked(const struct underway *u); /* calls that there was no room for */

#endif
