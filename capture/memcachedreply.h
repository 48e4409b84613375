/* memcachedreply: the datagrams of an answer of memcached over UDP, put in order and given to the decoder. A message
 * is cut into numbered datagrams that say how many they are; a server makes one message of an answer, or, to several
 * keys or commands, several, which have no numbers (memcached 1.6): those are kept until no more come, and put in the
 * order of the keys that were asked for. Whether they are an answer is tried before anything is said of it. */
#ifndef CAPTURE_MEMCACHEDREPLY_H
#define CAPTURE_MEMCACHEDREPLY_H

#include "capture/memcached.h"

enum { REPLY_HELD = 1024, REPLY_BYTES = 2 << 20 }; /* datagrams kept of one answer, and their octets */

/* One of them, without the header of eight octets. */
struct reply_part {
    int64_t ts;
    uint64_t order;
    const char *p;
    uint32_t n, wire_n; /* n < wire_n: cut by the snap length */
    uint16_t seq, total;
};

struct reply_held;

struct memcachedreply {
    struct reply_held *first, *last; /* kept: by number, or as they came */
    uint32_t n, bytes;
    uint32_t next, total; /* of the message that is read; total 0: none is */
    uint32_t full;        /* octets of a datagram that is not its message's last; 0: not known */
    uint64_t offset;      /* in the stream that the messages make */
};

/* A datagram of an answer in one message at a time. False: it contradicts what came before, or there is no room. */
bool memcachedreply_add(struct memcachedreply *r, struct memcached *m, struct cache_env *e, const struct reply_part *d);
/* No more come of it: what is kept is read, with holes. Returns the datagrams that are missing. */
uint32_t memcachedreply_end(struct memcachedreply *r, struct memcached *m, struct cache_env *e);
/* A datagram of one of several messages is kept. False: there is no room. */
bool memcachedreply_keep(struct memcachedreply *r, struct cache_env *e, const struct reply_part *d);
/* No more come: they are read. Returns the datagrams that are missing. */
uint32_t memcachedreply_settle(struct memcachedreply *r, struct memcached *m, struct cache_env *e);
void memcachedreply_drop(struct memcachedreply *r, struct cache_env *e);

#endif
