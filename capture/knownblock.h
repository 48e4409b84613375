/* knownblock: what heads begin with. Of requests the field lines, as many as say nothing that is another thing each
 * time, nor who asks: a client sends the same ones again and again, and many clients are one program. Of answers the
 * status line, too, and fields up to their Content-Type: most of one second are the same. Like single lines
 * (capture/knownlines.h) they are known by a keyed hash, without their text; what sealing made of a request's goes by
 * it, too (capture/seal.c). */
#ifndef CAPTURE_KNOWNBLOCK_H
#define CAPTURE_KNOWNBLOCK_H

#include "capture/knownlines.h"

enum { KNOWN_BLOCKS = 256, BLOCK_BEGIN = 64, BLOCK_LONGEST = 1024, BLOCK_FIELDS = 12 }; /* an even number */

/* Its first fields are in its first cache line. */
struct known_block {
    _Alignas(64) uint64_t hash; /* of all octets */
    uint64_t id;                /* what it goes by elsewhere; not 0 */
    uint16_t n;                 /* octets; 0: none */
    uint16_t status;            /* of an answer; its version are the first octets */
    uint8_t version_n, n_fields;
    bool has_host, close, vary;          /* as its fields say (struct head) */
    uint32_t begin;                      /* hash of the first octets */
    struct rawfield field[BLOCK_FIELDS]; /* as if the block began the head */
};

/* Two a place, by its first 64 octets; the last ones stay. */
struct known_blocks {
    unsigned told; /* those that might have been added: one of two is */
    struct known_block block[KNOWN_BLOCKS / 2][2];
};

/* Hash of the first 64 octets at p: of two halves, so that neither waits for the other, for it is waited for. */
static inline uint64_t block_begin(const struct hash_key *key, const char *p)
{
    uint64_t even = known_fold(key->k0, key->k1, p), odd = known_fold(key->k1, key->body_seed, p + 16);
    return known_fold(key->k0, even, p + 32) + known_fold(key->k0, odd, p + 48);
}

static inline uint64_t block_hash(const struct hash_key *key, uint64_t begin, const char *p, size_t n)
{
    return known_hash(key->k0, begin, p + BLOCK_BEGIN - 16, n - (BLOCK_BEGIN - 16));
}

/* The block at p if it is known; `left` octets are there. */
static inline const struct known_block *block_find(const struct known_blocks *k, const struct hash_key *key,
                                                   const char *p, size_t left)
{
    if (left < BLOCK_BEGIN)
        return NULL;
    uint64_t begin = block_begin(key, p);
    const struct known_block *b = k->block[begin % (KNOWN_BLOCKS / 2)];
    b += b->begin != begin >> 32;
    return b->n && b->n <= left && block_hash(key, begin, p, b->n) == b->hash ? b : NULL;
}

/* The n octets at p were read as what `said` says otherwise. */
static inline void block_add(struct known_blocks *k, const struct hash_key *key, const char *p, size_t n,
                             const struct known_block *said)
{
    uint64_t begin = block_begin(key, p);
    struct known_block *b = k->block[begin % (KNOWN_BLOCKS / 2)];
    if (b->begin != begin >> 32) /* else it is another that begins so */
        b[1] = b[0];
    *b = *said;
    b->begin = (uint32_t)(begin >> 32);
    b->n = (uint16_t)n;
    b->hash = block_hash(key, begin, p, n);
    b->id = (b->hash + n) | 1;
}

#endif
