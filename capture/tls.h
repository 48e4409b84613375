/* tls: what a TLS connection carried, where its secrets are known (RFC 5246, RFC 8446). Follows the handshake of both
 * directions by its records, opens what is protected and hands it on in order; nothing that does not verify is handed
 * on. Records whose secret is not there yet wait, bounded; after a loss the next record is found by its head and by
 * opening it under the numbers that are possible.
 *
 * Not read: sessions whose beginning was not captured, since nothing tells which secret is theirs. */
#ifndef CAPTURE_TLS_H
#define CAPTURE_TLS_H

#include "capture/chunk.h"
#include "capture/tlscrypt.h"
#include "capture/tlssession.h"

enum { TLS_HELD_MAX = 1 << 20 }; /* bytes of a connection that wait for a secret */

struct tls_env {
    struct tls_keys *keys; /* NULL: nothing is opened */
    uint64_t *memory;      /* bytes held, shared with others */
    uint64_t memory_limit;
    const struct hash_key *key;   /* of identities */
    struct tlssessions *sessions; /* NULL: who takes one up again is not known */
};

/* Takes what was inside, in order for each role; offsets are of the inner stream. */
struct tls_sink {
    void *context;
    void (*chunk)(void *context, int role, const struct chunk *c);
    void (*gap)(void *context, int role, uint64_t n, uint64_t offset);
};

/* All but the first two are final: nothing more comes out. */
enum tls_verdict {
    TLS_GOING,     /* on the way */
    TLS_WAITING,   /* for a secret */
    TLS_NO_SECRET, /* waited too long for one */
    TLS_MIDSTREAM, /* the hello of one side was not seen */
    TLS_SUITE,     /* a version or suite that is not decrypted */
    TLS_BROKEN,    /* no TLS, or the secrets are of another connection */
};

struct tls;

/* Whether these bytes begin with the hello of a client (role 0) or server. */
bool tls_begins(struct slice bytes, int role);

struct tls *tls_open(const struct tls_env *env); /* NULL: out of memory */
void tls_close(struct tls *t, const struct tls_env *env);
/* Bytes of one direction, in order. */
enum tls_verdict tls_feed(struct tls *t, const struct tls_env *env, int role, const struct chunk *c,
                          const struct tls_sink *sink);
/* Secrets came: whatever waits is tried again. */
enum tls_verdict tls_retry(struct tls *t, const struct tls_env *env, const struct tls_sink *sink);
/* Whatever waits gets one more chance; before tls_close. */
void tls_end(struct tls *t, const struct tls_env *env, const struct tls_sink *sink);
bool tls_waits(const struct tls *t); /* records wait for a secret */
bool tls_is_final(const struct tls *t);
/* Whether something is missing since, and how far the inner stream goes. */
bool tls_is_lost(const struct tls *t, int role);
uint64_t tls_inner(const struct tls *t, int role);
/* Hash of whom the client's certificate names (identity_of_certificate); 0: it showed none yet, or one that was not
 * read. In a session that is taken up again that of its beginning. What comes out from now on is this client's. */
uint64_t tls_certificate(const struct tls *t);
/* n bytes are missing. */
enum tls_verdict tls_gap(struct tls *t, const struct tls_env *env, int role, uint64_t n);

#endif
