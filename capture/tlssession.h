/* tlssession: whose certificate a session of TLS was begun with. A client that takes it up again shows none, and is the
 * same (RFC 8446 section 2.2, RFC 5246 section 7.3). Sessions are known by keyed hashes: of the ticket in TLS 1.3, of
 * the master secret before, which is the same only in the same session. The table is of fixed size; of two sessions in
 * one place the later one stays. */
#ifndef CAPTURE_TLSSESSION_H
#define CAPTURE_TLSSESSION_H

#include "base/hash.h"
#include "base/slice.h"

enum { TLSSESSION_PLACES = 1 << 14, TLSSESSION_OFFERED = 4 };

struct tlssessions;

struct tlssessions *tlssession_new(const struct hash_key *key); /* NULL: out of memory */
void tlssession_free(struct tlssessions *s);                    /* NULL is allowed */

/* What a session is known by, from its master secret; from a server's NewSessionTicket of TLS 1.3, without type and
 * length: 0: malformed. */
uint64_t tlssession_of_secret(const struct tlssessions *s, struct slice master);
uint64_t tlssession_of_ticket(const struct tlssessions *s, struct slice message);
/* The first sessions that a client's hello offers to take up, from its extension pre_shared_key; 0: none. */
void tlssession_offered(const struct tlssessions *s, struct slice extension, uint64_t out[TLSSESSION_OFFERED]);

void tlssession_keep(struct tlssessions *s, uint64_t session, uint64_t certificate);
uint64_t tlssession_find(const struct tlssessions *s, uint64_t session); /* its certificate; 0: not known */

#endif
