/* look: whether an answer's body is looked into, and what was seen there: codings are taken off (capture/coding.h),
 * JSON is read by leaves (capture/leaves.h). Decided within capture from what it saw before, by tables of fixed size:
 *
 * - Of every whole 200 to a GET whose body is JSON or coded, the wire identity is kept by target. One that differs from
 *   the one before within 60 s, or comes in another coding, puts its path (the service's and the target's without the
 *   query) in scope.
 * - Bodies of paths in scope are looked into as long as there is credit: LOOK_CREDIT octets to begin with, and one for
 *   each LOOK_SHARE octets of such bodies that pass. At most LOOK_ACTIVE paths at once are looked at all the time,
 * until LOOK_ENOUGH bodies or LOOK_BYTES octets, then one burst of LOOK_BURST in LOOK_PERIOD visits.
 * - A path whose bodies turn out not to be what they say four times in a row is left alone.
 *
 * What a look sees becomes part of the exchange: decoded_id, leaves, flags. */
#ifndef CAPTURE_LOOK_H
#define CAPTURE_LOOK_H

#include "capture/slot.h"

enum {
    LOOK_TARGETS = 8192,
    LOOK_PATHS = 1024,
    LOOK_ACTIVE = 16,
    LOOK_OPEN = 64, /* bodies at once */
    LOOK_ENOUGH = 1024,
    LOOK_BYTES = 1 << 20,
    LOOK_BURST = 64,
    LOOK_PERIOD = 512,
    LOOK_SHARE = 192,
    LOOK_CREDIT = 160 * 1024,
    LOOK_NEAR_MS = 60000,
    LOOK_FAILURES = 4,
};

struct looks;
struct look; /* at one body */

/* memory: bytes that decoders may hold. NULL: out of memory. */
struct looks *looks_new(const struct hash_key *key, uint64_t memory);
void looks_free(struct looks *l);

/* Whether no other bodies are looked into from now on; what is open is gone on with. */
void looks_pause(struct looks *l, bool paused);
/* The request's head was read, and its target seen (redact_expect). */
void look_expect(struct looks *l, struct slot *s);
/* The answer's head was read and a body follows: s->look is set if it is to be looked into. */
void look_begin(struct looks *l, struct slot *s, int64_t now_us);
void look_data(struct look *k, const char *p, size_t n);
/* The body is whole: its identity as it was sent is in s->x. Fills what a look saw. */
void look_end(struct looks *l, struct slot_pool *pool, struct slot *s);
/* It will not be whole. */
void look_drop(struct looks *l, struct slot *s);

#endif
