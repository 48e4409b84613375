#include "base/hashwide.h"

#ifdef HASHWIDE
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#include <immintrin.h>
#include <xxhash.h>

#include "base/hash.h"

/* XXH3's: a stripe takes the secret from 8 octets further on than the one before; a block uses it up. */
enum { STRIPE = HASHWIDE_STRIPE, STEP = 8, BLOCK = (HASHWIDE_SECRET - STRIPE) / STEP, LAST = 7, MERGE = 11 };

_Static_assert(HASHWIDE_HELD % STRIPE == 0 && HASHWIDE_HELD >= XXH3_MIDSIZE_MAX, "short bodies are held whole");

struct sums {
    __m256i half[2];
};

static inline __m256i at(const void *p, size_t half)
{
    return _mm256_loadu_si256((const __m256i *)p + half);
}

static inline struct sums stripe(struct sums sum, const unsigned char *p, const unsigned char *secret)
{
    for (size_t i = 0; i < 2; i++) {
        __m256i data = at(p, i), keyed = _mm256_xor_si256(data, at(secret, i));
        __m256i product = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
        __m256i swapped = _mm256_shuffle_epi32(data, _MM_SHUFFLE(1, 0, 3, 2));
        sum.half[i] = _mm256_add_epi64(sum.half[i], _mm256_add_epi64(product, swapped));
    }
    return sum;
}

static inline struct sums scramble(struct sums sum, const unsigned char *secret)
{
    const __m256i prime = _mm256_set1_epi32((int)XXH_PRIME32_1);
    for (size_t i = 0; i < 2; i++) {
        __m256i mixed = _mm256_xor_si256(sum.half[i], _mm256_srli_epi64(sum.half[i], 47));
        mixed = _mm256_xor_si256(mixed, at(secret, i));
        __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(mixed, 32), prime);
        sum.half[i] = _mm256_add_epi64(_mm256_mul_epu32(mixed, prime), _mm256_slli_epi64(high, 32));
    }
    return sum;
}

/* The sums so far, in registers. */
struct run {
    struct sums sum;
    const unsigned char *secret;
    size_t stripe; /* of a block, which the next one is */
};

static inline struct run go_on(const struct hashwide *s)
{
    return (struct run){{{at(s->sum, 0), at(s->sum, 1)}}, s->secret, s->stripe};
}

static inline void keep(struct hashwide *s, const struct run *r)
{
    for (size_t i = 0; i < 2; i++)
        _mm256_store_si256((__m256i *)(void *)s->sum + i, r->sum.half[i]);
    s->stripe = (uint32_t)r->stripe;
}

/* So many stripes of one block were taken. */
static inline void stepped(struct run *r, size_t n)
{
    r->stripe += n;
    if (r->stripe == BLOCK) {
        r->sum = scramble(r->sum, r->secret + HASHWIDE_SECRET - STRIPE);
        r->stripe = 0;
    }
}

static inline void take_one(struct run *r, const unsigned char *p)
{
    r->sum = stripe(r->sum, p, r->secret + r->stripe * STEP);
    stepped(r, 1);
}

static inline void take(struct run *r, const unsigned char *p, size_t stripes)
{
    while (stripes) {
        size_t room = BLOCK - r->stripe, n = stripes < room ? stripes : room;
        const unsigned char *secret = r->secret + r->stripe * STEP, *end = p + n * STRIPE;
        for (; p != end; p += STRIPE, secret += STEP)
            r->sum = stripe(r->sum, p, secret);
        stripes -= n;
        stepped(r, n);
    }
}

void hashwide_begin(struct hashwide *s, uint64_t seed)
{
    XXH3_state_t made;
    XXH3_INITSTATE(&made);
    XXH3_64bits_reset_withSeed(&made, seed);
    memcpy(s->secret, made.extSecret ? made.extSecret : made.customSecret, sizeof s->secret);
    s->seed = seed;
    hashwide_again(s);
}

void hashwide_again(struct hashwide *s)
{
    static const uint64_t start[8] = {XXH_PRIME32_3, XXH_PRIME64_1, XXH_PRIME64_2, XXH_PRIME64_3,
                                      XXH_PRIME64_4, XXH_PRIME32_2, XXH_PRIME64_5, XXH_PRIME32_1};
    memcpy(s->sum, start, sizeof start);
    s->held = s->stripe = 0;
}

/* What is held becomes whole stripes, and counts. Returns how many of n octets that took. */
static inline size_t complete(struct hashwide *s, struct run *r, const unsigned char *p, size_t n)
{
    unsigned char *held = s->text + STRIPE;
    size_t more = -(size_t)s->held % STRIPE, whole = s->held + more;
    if (n >= STRIPE)
        memcpy(held + s->held, p, STRIPE); /* there is room for too much */
    else
        memcpy(held + s->held, p, more);
    for (size_t i = 0; i < whole; i += STRIPE)
        take_one(r, held + i);
    memcpy(s->text, held + whole - STRIPE, STRIPE);
    s->held = 0;
    return more;
}

void hashwide_add(struct hashwide *s, const void *piece, size_t n)
{
    const unsigned char *p = (const unsigned char *)piece;
    if (s->held + n > HASHWIDE_HELD) {
        struct run r = go_on(s);
        size_t more = s->held ? complete(s, &r, p, n) : 0, stripes = (n - more - 1) / STRIPE;
        take(&r, p + more, stripes);
        keep(s, &r);
        p += more + stripes * STRIPE;
        n -= more + stripes * STRIPE;
        if (stripes) {
            memcpy(s->text + n, p + n - STRIPE, STRIPE); /* and some of what is before them */
            s->held = (uint32_t)n;
            return;
        }
    }
    memcpy(s->text + STRIPE + s->held, p, n);
    s->held += (uint32_t)n;
}

/* Two by two, under the secret; then all bits touch all. */
static uint64_t merged(const struct hashwide *s, uint64_t n)
{
    uint64_t h = n * XXH_PRIME64_1, secret[8];
    memcpy(secret, s->secret + MERGE, sizeof secret);
    for (size_t i = 0; i < 8; i += 2)
        h += hash_fold(s->sum[i] ^ secret[i], s->sum[i + 1] ^ secret[i + 1]);
    h = (h ^ h >> 37) * 0x165667919e3779f9u;
    return h ^ h >> 32;
}

uint64_t hashwide_end(struct hashwide *s, uint64_t n)
{
    if (n <= HASHWIDE_HELD)
        return hashwide_of(s->text + STRIPE, n, s->seed);
    struct run r = go_on(s);
    for (size_t i = 0; i + STRIPE < s->held; i += STRIPE)
        take_one(&r, s->text + STRIPE + i);
    r.sum = stripe(r.sum, s->text + s->held, s->secret + sizeof s->secret - STRIPE - LAST);
    keep(s, &r);
    return merged(s, n);
}

uint64_t hashwide_of(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}
#else
typedef int nothing_here; /* ISO C: no file is empty */
#endif
