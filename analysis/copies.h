/* copies: which copies of a key a product keeps apart, by what its answers' Vary names (RFC 9111 section 4.1), which of
 * them it answers from, and to whom it gives none. Of Accept-Encoding products make different things; of other fields
 * they take the value as it is, but for HAProxy, which keeps answers that vary on Accept-Encoding or Referer alone.
 * Pure. Tried: nginx 1.22.1, Varnish 7.1.1, HAProxy 2.6.12 (docs/ACCURACY.md). */
#ifndef ANALYSIS_COPIES_H
#define ANALYSIS_COPIES_H

#include "analysis/ttlcache.h"
#include "base/slice.h"

/* What tells copies of one key apart. `hash` and `accepts` are those of struct variant.
 *
 * exact: the best coding that is offered. nginx: the members of Accept-Encoding in their order. Varnish: nothing of it,
 * for it asks for gzip always and unpacks where it must. HAProxy: see copies_choose. */
uint32_t copies_variant(enum ttlcache_profile profile, uint32_t hash, uint32_t accepts);
/* Whether a request that asks for no copy (`refresh`: no-cache, max-age=0) gets none: HAProxy then keeps what comes
 * instead, but where answers vary. */
bool copies_asked_past(enum ttlcache_profile profile, bool refresh);
/* Whether an answer with this status, which may fill a slot (cacheable.h), does so under the rules that are written for
 * the product: errors do not, whatever lifetime they declare; a 304 and what answers HEAD stand for the 200 that a
 * cache gets, which asks with GET and without conditions, but HAProxy passes both on and keeps answers 200 to GET
 * alone. */
bool copies_filled_by(enum ttlcache_profile profile, uint16_t status, bool head);
/* Whether the product keeps answers whose Vary names these fields ("accept-encoding, origin"): nginx does up to 128
 * octets of it. */
bool copies_kept(enum ttlcache_profile profile, struct slice names);

/* HAProxy's copies of a key that vary on Accept-Encoding, oldest first, by the coding that answers came in. A request
 * gets the oldest whose coding it accepts. If that is old, or the oldest of all is, this one is dropped and the origin
 * asked; and before what comes is kept, the same is done once more, and the copy that would fit goes in any case. */
enum { COPIES_CODINGS = 4 };

/* Coding of an answer with this content (cacheable.h) to such a request. */
unsigned copies_coding(uint32_t content, uint32_t accepts);
/* Of the copies by coding (NULL: there is none) the one that answers at `us`; NULL: none. */
struct ttlcache_slot *copies_choose(struct ttlcache_slot *const copy[COPIES_CODINGS], uint32_t accepts, int64_t ttl_us,
                                    int64_t us);
/* Before an answer is kept. */
void copies_replace(struct ttlcache_slot *const copy[COPIES_CODINGS], uint32_t accepts, int64_t ttl_us, int64_t us);

#endif
