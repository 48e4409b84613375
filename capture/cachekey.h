/* cachekey: what may be said of a key of Redis or memcached: its pattern, made of the lexical classes of path segments
 * (ALGORITHMS.md 6.1) and of few short words, and a keyed hash. Patterns are numbered and never change; there are at
 * most CACHEKEY_PATTERNS of them. */
#ifndef CAPTURE_CACHEKEY_H
#define CAPTURE_CACHEKEY_H

#include "base/hash.h"
#include "capture/redact.h"

enum { CACHEKEY_PATTERNS = 4096, CACHEKEY_TEXT = 96, CACHEKEY_OTHER = 0 };

struct cachekeys;

/* `names` knows which names are sensitive; borrowed. NULL: out of memory. */
struct cachekeys *cachekeys_new(const struct hash_key *key, const struct redact *names);
void cachekeys_free(struct cachekeys *k);
/* Number of a key's pattern, CACHEKEY_OTHER when there are too many. */
uint16_t cachekeys_pattern(struct cachekeys *k, struct slice key);
/* Its text; that of CACHEKEY_OTHER is "(other)". Lives as long as k and does not move. */
struct slice cachekeys_text(const struct cachekeys *k, uint16_t pattern);
/* 48 bits, never 0. */
uint64_t cachekeys_hash(const struct cachekeys *k, struct slice key);

#endif
