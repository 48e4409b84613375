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
_Static_assert(HASHWIDE_FEW >= 2 * STRIPE, "more than a few are whole stripes, whatever is held before them");

struct sums {
    __m256i half[2];
};

static inline __m256i at(const void *p, size_t half)
{
    return _mm256_loadu_si256((const __m256i *)p + half);
}

/* So many stripes, of one block. What is read also counts for the sum beside its own: that is added up apart, and
 * crossed over once. */
static inline struct sums stripes(struct sums sum, const unsigned char *p, const unsigned char *secret, size_t n)
{
    struct sums read = {{_mm256_setzero_si256(), _mm256_setzero_si256()}};
    const unsigned char *end = p + n * STRIPE, *secret_end = secret + n * STEP;
    for (ptrdiff_t at_step = -(ptrdiff_t)(n * STEP); at_step; at_step += STEP)
        for (size_t i = 0; i < 2; i++) {
            __m256i data = at(end + at_step * (STRIPE / STEP), i);
            __asm__("" : "+x"(data)); /* it is loaded once */
            __m256i keyed = _mm256_xor_si256(data, at(secret_end + at_step, i));
            sum.half[i] = _mm256_add_epi64(sum.half[i], _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32)));
            read.half[i] = _mm256_add_epi64(read.half[i], data);
        }
    for (size_t i = 0; i < 2; i++)
        sum.half[i] = _mm256_add_epi64(sum.half[i], _mm256_shuffle_epi32(read.half[i], _MM_SHUFFLE(1, 0, 3, 2)));
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

static inline void end_block(struct run *r)
{
    r->sum = scramble(r->sum, r->secret + BLOCK * STEP);
    r->stripe = 0;
}

static inline void take_one(struct run *r, const unsigned char *p)
{
    r->sum = stripes(r->sum, p, r->secret + r->stripe * STEP, 1);
    if (++r->stripe == BLOCK)
        end_block(r);
}

static inline void take(struct run *r, const unsigned char *p, size_t n)
{
    for (size_t room = BLOCK - r->stripe; n >= room; room = BLOCK) {
        r->sum = stripes(r->sum, p, r->secret + r->stripe * STEP, room);
        end_block(r);
        p += room * STRIPE;
        n -= room;
    }
    if (n)
        r->sum = stripes(r->sum, p, r->secret + r->stripe * STEP, n);
    r->stripe += n;
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

static inline void copy_stripe(unsigned char *to, const unsigned char *from)
{
    __m256i half[2] = {at(from, 0), at(from, 1)};
    _mm256_storeu_si256((__m256i *)(void *)to, half[0]);
    _mm256_storeu_si256((__m256i *)(void *)to + 1, half[1]);
}

/* Few octets, or the first ones. When much is held, all but its last octets count. */
static __attribute__((noinline)) void hold(struct hashwide *s, const unsigned char *p, size_t n)
{
    memcpy(s->text + STRIPE + s->held, p, n);
    s->held += (uint32_t)n;
    if (s->held <= HASHWIDE_HELD)
        return;
    struct run r = go_on(s);
    size_t whole = (s->held - 1) / STRIPE;
    take(&r, s->text + STRIPE, whole);
    keep(s, &r);
    s->held -= (uint32_t)(whole * STRIPE);
    memmove(s->text, s->text + whole * STRIPE, STRIPE + s->held);
}

void hashwide_add(struct hashwide *s, const void *piece, size_t n)
{
    const unsigned char *p = (const unsigned char *)piece;
    size_t held = s->held, more = -held % STRIPE; /* which with what is held makes whole stripes */
    if (n <= HASHWIDE_FEW || held + n <= HASHWIDE_HELD) {
        hold(s, p, n);
        return;
    }
    struct run r = go_on(s);
    copy_stripe(s->text + STRIPE + held, p); /* there is room for too much */
    for (size_t i = 0; i < held; i += STRIPE)
        take_one(&r, s->text + STRIPE + i);
    size_t whole = (n - more - 1) / STRIPE;
    take(&r, p + more, whole);
    s->held = (uint32_t)(n - more - whole * STRIPE);
    copy_stripe(s->text + s->held, p + n - STRIPE); /* and some of what is before them */
    keep(s, &r);
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
    take(&r, s->text + STRIPE, (s->held - 1) / STRIPE);
    r.sum = stripes(r.sum, s->text + s->held, s->secret + sizeof s->secret - STRIPE - LAST, 1);
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
