/* decode: who speaks on a connection, told by content alone; feeds the decoder that knows the language, counts the rest
 * by name. */
#ifndef CAPTURE_DECODE_H
#define CAPTURE_DECODE_H

#include "capture/cachetalk.h"
#include "capture/h2.h"
#include "capture/socks.h"
#include "capture/tls.h"
#include "capture/tlsprofile.h"

enum decoding_state {
    DECODING_NOTHING,
    DECODING_UNDECIDED,
    DECODING_H1,
    DECODING_H2,
    DECODING_CACHE,
    DECODING_SOCKS, /* until the tunnel opens; then told by content again */
    DECODING_OPAQUE,
};

struct decoding {
    enum decoding_state state : 8;
    enum opaque_reason opaque : 8; /* while OPAQUE, or UNDECIDED and counted */
    bool counted;                  /* in stats->flows_opaque */
    bool direct;                   /* HTTP/1 as it is, and nobody else looks on: of decode_any */
    bool line_kept;             /* in the middle of a connection, a line of the client that may be a cache's command */
    struct tls *tls;            /* what is read comes out of it; NULL: as it is */
    struct tlsprofile *profile; /* of TLS that may turn out not to be read; NULL: none */
    struct h1 h1;
    struct h2 *h2;           /* while DECODING_H2; it goes on with h1's pairing */
    struct cachetalk *cache; /* while DECODING_CACHE */
    struct socks socks;      /* while DECODING_SOCKS; and where what was kept of a direction ends */
    uint64_t socks_end[2];
};

struct decode_env {
    struct h1_env h1;
    struct h2_env h2;
    struct tls_env tls;
    struct opaque *opaque; /* takes the profiles of what was not read */
    struct cache_env cache;
    struct capture_stats *stats;
};

/* What the first bytes of a direction say. */
enum guess { GUESS_NO, GUESS_MAYBE, GUESS_YES };
enum guess decode_guess(struct slice bytes, bool *from_server);

void decode_open(struct decoding *s, struct conn *conn);
/* Of any connection. */
void decode_any(struct decode_env *e, struct decoding *s, int role, const struct chunk *c);
/* HTTP/1 went over into something else with this chunk. */
void decode_upgrade(struct decode_env *e, struct decoding *s, enum h1_event event, const struct chunk *c);

/* c: not empty. */
static inline void decode_chunk(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    unsigned no_h2 = (c->p[0] & ~'P') | role; /* hardly ever 0, whoever speaks, which nobody can guess */
    if (__builtin_expect(!s->direct, 0) || (__builtin_expect(!no_h2, 0) && h2_possible(slice_of(c->p, c->n)))) {
        decode_any(e, s, role, c);
        return;
    }
    enum h1_event event = h1_feed(&e->h1, &s->h1, role, c);
    if (__builtin_expect(event != H1_OK, 0))
        decode_upgrade(e, s, event, c);
}

void decode_gap(struct decode_env *e, struct decoding *s, int role, uint64_t n, uint64_t offset);
void decode_end(struct decode_env *e, struct decoding *s, int role, enum chunk_end how);
void decode_close(struct decode_env *e, struct decoding *s, enum chunk_end how, int first);
/* Secrets came: what waits for one is tried again. */
void decode_secrets(struct decode_env *e, struct decoding *s);
/* What would let it be read may still come, after its end. */
static inline bool decode_waits(const struct decoding *s)
{
    return s->tls && tls_waits(s->tls);
}
/* Whether this can be nothing but what a client of a cache says. */
bool decode_is_cache_client(struct slice bytes);
/* Two copies of the same bytes differed: whatever is being read cannot be trusted. */
void decode_ambiguous(struct decoding *s);
/* Client and server were taken for each other; nothing was decoded yet. */
void decode_swap(struct decoding *s);

#endif
