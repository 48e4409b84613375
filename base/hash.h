/* hash: the keyed hashes of the house. One key per run (--secret); nothing here is global.
 * hash_bytes / hash_words  SipHash-1-3: table positions and pseudonyms of what an attacker chooses.
 * hash_quick               multiply and fold under the key: fast, for equality of short texts and places in tables that
 *                          never probe. Who cannot guess the key cannot choose its values, but it is no SipHash.
 * body_*                   XXH3-64 seeded from the key, then SipHash over digest and length: identity of bodies,
 * compared only. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

struct hash_key {
    uint64_t k0, k1;
    uint64_t body_seed;
};

/* Derives a key from secret bytes of any length. The same bytes give the same key on any machine. */
struct hash_key hash_key_from(const void *secret, size_t n);
/* A key nobody knows, from the kernel. False when it gives none. */
bool hash_key_random(struct hash_key *key);
/* Tells keys apart, and nothing of them: 12 hex digits. */
enum { HASH_KEY_MARK = 13 };
void hash_key_mark(const struct hash_key *key, char out[HASH_KEY_MARK]);

/* Keyed hash of bytes; `tag` separates domains. */
uint64_t hash_bytes(const struct hash_key *key, uint8_t tag, const void *p, size_t n);
/* The same over whole words, for fixed-size table keys. */
uint64_t hash_words(const struct hash_key *key, const uint64_t *words, size_t count);

/* What hashing bodies takes of a key: made once. */
struct body_key {
    struct hash_key key;
    uint8_t secret[192];
};
void body_key_make(struct body_key *b, const struct hash_key *key);

/* A body seen as a whole, or piece by piece. The result is never 0. */
uint64_t body_hash(const struct body_key *b, const void *p, size_t n);
struct body_state;                                     /* 640 bytes; take it only for bodies in several pieces */
struct body_state *body_new(const struct body_key *b); /* which must live as long; NULL: out of memory */
void body_reset(struct body_state *s);
void body_add(struct body_state *s, const void *p, size_t n);
uint64_t body_end(struct body_state *s);
void body_free(struct body_state *s);

/* Bijective mixer of 64 bits (Stafford variant 13). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Multiplies, and folds the product. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
#ifdef __x86_64__ /* gcc 12 moves the halves of a product to and fro */
    __asm__("mulq %1" : "+a"(a), "+d"(b));
    return a ^ b;
#else
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#endif
}

static inline uint64_t hash_quick(const struct hash_key *key, const void *p, size_t n)
{
    const unsigned char *at = (const unsigned char *)p;
    uint64_t h = key->body_seed, a = 0, b = 0, length = n;
    for (; n > 16; n -= 16, at += 16) {
        memcpy(&a, at, 8);
        memcpy(&b, at + 8, 8);
        h = hash_fold(a ^ key->k0, b ^ h);
    }
    if (n >= 8) {
        memcpy(&a, at, 8);
        memcpy(&b, at + n - 8, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, at, 4);
        memcpy(&last, at + n - 4, 4);
        a = (uint64_t)first << 32 | last;
    } else if (n) {
        a = (uint64_t)at[0] << 16 | (uint64_t)at[n / 2] << 8 | at[n - 1];
    }
    return hash_fold(a ^ key->k1, b ^ h) +
           length * 0x9e3779b97f4a7c15u; /* behind it: beside the text they could cancel out */
}

#endif
