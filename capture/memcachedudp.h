/* memcachedudp: memcached over UDP on any port, told by content: before each message stand eight octets, the number of
 * the request, that of the datagram, how many there are, and two that are 0 (memcached's protocol.txt). A request is
 * one datagram; what comes back the other way under its number is its answer. A number that is used again before its
 * request was answered leaves the answer untold. */
#ifndef CAPTURE_MEMCACHEDUDP_H
#define CAPTURE_MEMCACHEDUDP_H

#include "capture/cachetalk.h"
#include "capture/dedup.h"

enum { MEMCACHEDUDP_HEAD = 8, MEMCACHEDUDP_ASKS = 4096, MEMCACHEDUDP_BUCKETS = 4096, MEMCACHEDUDP_SERVERS = 1024 };
/* How long a request waits for an answer; for the rest of one; and, where it may be several messages, for one more. */
enum { MEMCACHEDUDP_ANSWER_US = 10000000, MEMCACHEDUDP_REST_US = 1000000, MEMCACHEDUDP_MORE_US = 50000 };

enum memcachedudp_wait { WAIT_ANSWER, WAIT_REST, WAIT_MORE, MEMCACHEDUDP_WAITS };

struct udp_ask;

struct memcachedudp {
    struct cache_env *env;
    struct capture_stats *stats;
    struct dedup *dedup; /* NULL: second copies of packets are not looked for */
    struct udp_ask **bucket;
    uint64_t *server; /* hashes of those that were asked */
    struct udp_ask *free;
    struct {
        struct udp_ask *first, *last; /* by the time of their last datagram */
    } list[MEMCACHEDUDP_WAITS];
    uint32_t made, waiting; /* requests there is room for, and that wait */
    unsigned eased;         /* capture/ease.h: whose requests are read */
    int64_t now;
};

/* `dedup` is borrowed. */
void memcachedudp_init(struct memcachedudp *u, struct cache_env *e, struct capture_stats *stats, struct dedup *dedup);
/* Whether a datagram may be one of these, by its header alone: p holds n octets behind that of UDP. */
static inline bool memcachedudp_possible(const uint8_t *p, uint32_t n)
{
    return n > MEMCACHEDUDP_HEAD && !p[6] && !p[7] && (p[2] << 8 | p[3]) < (p[4] << 8 | p[5]);
}
/* One that may. False: it is none. `order`: of capture, as of struct chunk. */
bool memcachedudp_datagram(struct memcachedudp *u, const struct segment *d, uint64_t order);
/* Packet time moved on. */
void memcachedudp_tick(struct memcachedudp *u, int64_t now);
/* Nothing more comes: all that wait end. */
void memcachedudp_finish(struct memcachedudp *u);
void memcachedudp_fini(struct memcachedudp *u);

#endif
