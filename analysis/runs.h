/* runs: requests that a client makes one by one where one would do (ALGORITHMS.md 8.9). A run is a sequence of safe
 * requests of one client to one endpoint, all with different keys, each of which starts at most max(50 ms, 2 rtt + 10
 * ms) after the one before ended, or, if that is still under way, after it began. What the client does elsewhere
 * meanwhile does not break it; a key that comes again does. Where it is known for which request, or in which trace,
 * calls are made, those of each are a client's of their own. Five and more are an N+1 event; its trigger is the
 * client's last call to another endpoint that ended at most 1 s before the run, else the request that it was made for.
 * Calls come in order of arrival, microseconds. */
#ifndef ANALYSIS_RUNS_H
#define ANALYSIS_RUNS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RUNS_EVENT = 5,     /* calls of an event, at least */
    RUNS_CLIENTS = 4096 /* followed at once: when there are more, the one of a set that was silent longest gives way */
};

struct runs_call {
    uint32_t client, endpoint, key; /* not 0 */
    int64_t start_us, end_us;
    int64_t rtt_us; /* to the client; -1: unknown */
    bool safe;
    uint64_t group;  /* whose call it is within its client: of a request, of a trace; 0: the client's */
    uint32_t within; /* endpoint of the request that it was made for; 0: not known */
};

struct runs_event {
    uint32_t client, trigger, child; /* endpoints; trigger 0: none */
    uint32_t calls;
    uint32_t sequential;       /* of the calls - 1 steps, those that began after the one before had ended */
    int64_t start_us, last_us; /* of the first call, of the last one */
    bool within;               /* the trigger is the request that they were made for */
    int64_t rtt_us;            /* greatest of its calls; -1: unknown */
};

struct runs;

/* `each` is called when a run is over. NULL: out of memory. */
struct runs *runs_new(void (*each)(void *context, const struct runs_event *e), void *context);
void runs_free(struct runs *r);
void runs_add(struct runs *r, const struct runs_call *c);
/* Ends all runs. */
void runs_end(struct runs *r);

#endif
