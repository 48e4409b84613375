/* chatty: what clients do in one go (ALGORITHMS.md 8.9): requests of an action, which ends when nothing of the client
 * was under way for more than a second; the longest chain of requests that do not overlap, each of which had to wait
 * for the one before; and chains that are made again and again. Calls come in order of arrival, microseconds. What goes
 * on without a pause for a minute, or for 512 requests, is no action. */
#ifndef ANALYSIS_CHATTY_H
#define ANALYSIS_CHATTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHATTY_CLIENTS = 8192, /* whose figures are kept; the first ones */
    CHATTY_OPEN = 4096,    /* actions at once: when there are more, the one of a set that was silent longest is over */
    CHATTY_COUNTS = 64,    /* requests of an action, told apart up to here */
    CHATTY_CHAINS = 1 << 14,
    CHATTY_LEAST = 4, /* endpoints of a chain that is kept; equal ones in a row are one */
    CHATTY_STEPS = 12,
    CHATTY_TIMES = 5 /* a chain is made again and again */
};

struct chatty_call {
    uint32_t client, endpoint; /* not 0 */
    int64_t start_us, end_us;
    int64_t rtt_us; /* to the client; -1: unknown */
    bool ended;     /* end_us is known */
};

struct chatty_client {
    uint64_t hash;
    uint64_t actions, unbroken;
    uint32_t requests[CHATTY_COUNTS + 1], depth[CHATTY_COUNTS + 1]; /* actions with so many; the last: and more */
    uint32_t deepest;
    uint64_t waits; /* for an answer before the next request: sum of depth - 1 */
};

/* A chain of steps, by the endpoints asked for. */
struct chatty_chain {
    uint64_t hash;
    uint32_t endpoint[CHATTY_STEPS];
    uint32_t n; /* of them */
    uint64_t actions, requests;
    uint64_t us;           /* from the first request to the last answer, all actions */
    uint64_t rtt_us;       /* round trips between the steps, of those that are known */
    uint64_t clients_mask; /* a bit for each client, folded */
    double expected;       /* actions, if each step were asked for as often as it is, in any order */
};

struct chatty;

struct chatty *chatty_new(void); /* NULL: out of memory */
void chatty_free(struct chatty *c);
void chatty_add(struct chatty *c, const struct chatty_call *call);
/* Ends all actions. */
void chatty_end(struct chatty *c);
/* NULL: nothing is known of it. */
const struct chatty_client *chatty_client(const struct chatty *c, uint32_t client);
/* The q-quantile of counts; NaN: there are none. */
double chatty_quantile(const uint32_t counts[CHATTY_COUNTS + 1], double q);
/* Those that were made CHATTY_TIMES times and ten times as often as by chance, most steps in all first. */
const struct chatty_chain *chatty_chains(const struct chatty *c, uint32_t *n);
uint64_t chatty_untracked(const struct chatty *c);

#endif
