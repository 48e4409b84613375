/* parts: what answers may depend on besides the path and query, out of a request's head (ALGORITHMS.md 5.1): Accept,
 * Accept-Encoding, Accept-Language, Origin, the product of the User-Agent, X- fields, cookies. Of each its name and the
 * keyed hash of its value; nothing else is kept.
 *
 * Names of X- fields and cookies are kept when they are met in one of a hundred requests, not before 32 times, and with
 * values that repeat: what differs with every request is no part of a key, and what is rare may be somebody's secret.
 * Sessions are who asks, and left out. Most requests repeat the parts of others, so equal ones are made once. */
#ifndef CAPTURE_PARTS_H
#define CAPTURE_PARTS_H

#include "capture/slot.h"

enum { PARTS_MOST = 32, PARTS_NAME = 40 };

struct parts_maker;

struct parts_maker *parts_new(const struct hash_key *key); /* NULL: out of memory */
void parts_free(struct parts_maker *m);

/* Those of a request: begin, its fields (raw), end. NULL: none. What is not shared lives in the slot. */
void parts_begin(struct parts_maker *m);
void parts_field(struct parts_maker *m, enum token t, struct slice name, struct slice value);
/* Fields that parts_field has a use for; of those with other names, which most are not. */
extern const bool parts_reads[TOKEN_COUNT], parts_fixed[TOKEN_COUNT];
static inline bool parts_reads_other(struct slice name)
{
    return name.n > 2 && ascii_lower(name.p[0]) == 'x' && name.p[1] == '-';
}
/* Whether a field may be a part under a name that is not always one: what comes of it depends on others before it. */
static inline bool parts_learns(enum token t, struct slice name)
{
    return t == TOKEN_OTHER ? parts_reads_other(name) : parts_reads[t] && !parts_fixed[t];
}
/* Of a request's first fields, n of which are parts_fixed: what they add up to, and to begin with it without them. */
uint64_t parts_print(const struct parts_maker *m, enum token t, struct slice value);
void parts_begin_with(struct parts_maker *m, unsigned n, uint64_t print);
/* The set if there is one that is shared; NULL: those that it began without are needed, in their order. */
const struct parts *parts_shared(struct parts_maker *m);
void parts_late(struct parts_maker *m, unsigned at, enum token t, struct slice value);
/* What the credential claims, by the hash of its value. */
void parts_claim(struct parts_maker *m, struct slice name, uint64_t id);
/* One that was sealed before: "accept", "cookie:theme" and its value's hash, or the value. */
void parts_sealed(struct parts_maker *m, struct slice name, struct slice value);
const struct parts *parts_end(struct parts_maker *m, struct slot_pool *pool, struct slot *slot);

/* What stands for a kind before the name in a sealed one: "", "cookie:", "claim:". */
struct slice parts_prefix(enum part_kind kind);

#endif
