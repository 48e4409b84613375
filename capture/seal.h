/* seal: the privacy wall (CONTRACT: client identity and privacy). Turns raw heads into what may leave capture/:
 * identity, redacted target, keyed hashes; then wipes the raw heads. Deterministic for the same key and order of
 * exchanges. */
#ifndef CAPTURE_SEAL_H
#define CAPTURE_SEAL_H

#include "base/idorder.h"
#include "capture/redact.h"
#include "capture/slot.h"

/* --privacy strict: the client's address becomes its network, and its pseudonym stands for it. What is a network
 * already stays as it is. */
void seal_address(const struct hash_key *key, struct exchange *x);

struct seal_options {
    struct redact_options redact;
    const char *trusted_proxies; /* "10.0.0.0/8,192.168.1.1"; NULL: forwarding headers are ignored */
    struct idorder order;        /* by what clients are told apart */
    bool show_names;             /* exchanges have the name of their client beside its hash */
};

struct seal;

/* NULL: out of memory, or `why` says what of the options cannot be read. The options' text is borrowed. */
struct seal *seal_new(const struct hash_key *key, const struct seal_options *o, char why[128]);
void seal_free(struct seal *s);
/* Whether parts of requests are left out from now on: such exchanges are flagged. */
void seal_pause(struct seal *s, bool paused);
/* Knows which names are sensitive. Lives as long as s. */
const struct redact *seal_names(const struct seal *s);
/* identity_of_address of it. */
uint64_t seal_address_of(struct seal *s, const struct addr *client);
/* The request's head is in the slot: asks for what sealing it will read, so that it is near by then. */
void seal_expect(struct seal *s, struct slot *slot);
/* What a command of a cache, which has no heads, must not show. */
void seal_command(const struct seal *s, struct exchange *x);
/* Fills s->x from the raw heads of the slot and wipes them. Text that does not fit the slot's bounds is left out
 * (flagged truncated). */
void seal_exchange(struct seal *s, struct slot_pool *pool, struct slot *slot);

#endif
