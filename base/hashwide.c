#include "base/hashwide.h"

#ifdef HASHWIDE
#pragma GCC target("avx2")
#define XXH_INLINE_ALL
#include <immintrin.h>
#include <stdbool.h>
#include <xxhash.h>

#include "base/hash.h"

/* XXH3's: a stripe takes the secret from 8 octets further on than the one before; a block uses it up. */
enum { STRIPE = HASHWIDE_STRIPE, STEP = 8, BLOCK = (XXH_SECRET_DEFAULT_SIZE - STRIPE) / STEP, LAST = 7, MERGE = 11 };

_Static_assert(HASHWIDE_HELD >= XXH3_MIDSIZE_MAX, "short bodies are held whole");

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

static const _Alignas(64) uint64_t first_sums[8] = {XXH_PRIME32_3, XXH_PRIME64_1, XXH_PRIME64_2, XXH_PRIME64_3,
                                                    XXH_PRIME64_4, XXH_PRIME32_2, XXH_PRIME64_5, XXH_PRIME32_1};

static inline struct run start(const unsigned char *secret)
{
    return (struct run){{{at(first_sums, 0), at(first_sums, 1)}}, secret, 0};
}

static inline struct run go_on(const struct hashwide *s, const unsigned char *secret)
{
    return (struct run){{{at(s->sum, 0), at(s->sum, 1)}}, secret, s->stripe};
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

static inline void take_one(struct run *r, const unsigned char *p)
{
    r->sum = stripes(r->sum, p, r->secret + r->stripe * STEP, 1);
    if (++r->stripe == BLOCK)
        end_block(r);
}

static inline void copy_stripe(unsigned char *to, const unsigned char *from)
{
    __m256i half[2] = {at(from, 0), at(from, 1)};
    _mm256_storeu_si256((__m256i *)(void *)to, half[0]);
    _mm256_storeu_si256((__m256i *)(void *)to + 1, half[1]);
}

/* The n octets at text, of which those before `from` are in the sum: all but the last ones become so. */
static void roll(struct hashwide *s, struct run *r, size_t from, size_t n)
{
    size_t whole = (n - from - 1) / STRIPE;
    take(r, s->text + from, whole);
    s->held = (uint32_t)(n - from - whole * STRIPE);
    copy_stripe(s->text, s->text + n - STRIPE);
    keep(s, r);
}

static inline bool is_few(uint64_t before, size_t n)
{
    return before ? before <= HASHWIDE_HELD || n < STRIPE : n <= HASHWIDE_HELD;
}

/* Few octets, or the first ones. */
static __attribute__((noinline)) void hold(struct hashwide *s, const unsigned char *secret, uint64_t before,
                                           const unsigned char *p, size_t n)
{
    bool longer = before > HASHWIDE_HELD;
    size_t had = longer ? STRIPE : (size_t)before, part = n;
    if (had + n > HASHWIDE_HELD)
        part = n < STRIPE ? n : STRIPE;
    memcpy(s->text + had, p, part);
    if (!longer && had + n <= HASHWIDE_HELD)
        return;
    struct run r = longer ? go_on(s, secret) : start(secret);
    roll(s, &r, longer ? STRIPE - s->held : 0, had + part);
    if (n > part)
        hashwide_add(s, secret, HASHWIDE_HELD + 1, p + part, n - part);
}

void hashwide_add(struct hashwide *s, const unsigned char *secret, uint64_t before, const void *piece, size_t n)
{
    const unsigned char *p = (const unsigned char *)piece;
    size_t used = 0;
    if (is_few(before, n)) {
        hold(s, secret, before, p, n);
        return;
    }
    struct run r = before ? go_on(s, secret) : start(secret);
    if (before) { /* what is held and the next octets are a stripe */
        used = STRIPE - s->held;
        copy_stripe(s->text + STRIPE, p);
        take_one(&r, s->text + used);
    }
    size_t whole = (n - used - 1) / STRIPE;
    take(&r, p + used, whole);
    s->held = (uint32_t)(n - used - whole * STRIPE);
    copy_stripe(s->text, p + n - STRIPE);
    keep(s, &r);
}

/* The last octets are a stripe of their own, whatever of them is in the sum. Then sums are merged two by two, under the
 * secret, until all bits touch all. */
static inline uint64_t finish(struct sums sum, const unsigned char *secret, const unsigned char *last, uint64_t n)
{
    _Alignas(32) uint64_t merge[8];
    uint64_t h = n * XXH_PRIME64_1;
    sum = stripes(sum, last, secret + XXH_SECRET_DEFAULT_SIZE - STRIPE - LAST, 1);
    for (size_t i = 0; i < 2; i++)
        _mm256_store_si256((__m256i *)(void *)merge + i, _mm256_xor_si256(sum.half[i], at(secret + MERGE, i)));
    __asm__("" : "+m"(merge)); /* or gcc takes the vectors apart */
    for (size_t i = 0; i < 8; i += 2)
        h += hash_fold(merge[i], merge[i + 1]);
    h = (h ^ h >> 37) * 0x165667919e3779f9u;
    return h ^ h >> 32;
}

uint64_t hashwide_end(const struct hashwide *s, const unsigned char *secret, uint64_t n)
{
    return finish(go_on(s, secret).sum, secret, s->text, n);
}

uint64_t hashwide_of(const unsigned char *secret, const void *p, size_t n)
{
    struct run r = start(secret);
    take(&r, p, (n - 1) / STRIPE);
    return finish(r.sum, secret, (const unsigned char *)p + n - STRIPE, n);
}

/* ---- pieces with AVX-512 ---- */

#pragma GCC target("avx512bw")

static inline __m512i all(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline __m512i stripe512(__m512i sum, __m512i data, const unsigned char *secret)
{
    __m512i keyed = _mm512_xor_si512(data, all(secret));
    return _mm512_add_epi64(sum, _mm512_mul_epu32(keyed, _mm512_srli_epi64(keyed, 32)));
}

static inline __m512i crossed(__m512i sum, __m512i read)
{
    return _mm512_add_epi64(sum, _mm512_shuffle_epi32(read, _MM_PERM_BADC));
}

static inline __m512i scramble512(__m512i sum, const unsigned char *secret)
{
    const __m512i prime = _mm512_set1_epi32((int)XXH_PRIME32_1);
    __m512i mixed = _mm512_xor_si512(_mm512_xor_si512(sum, _mm512_srli_epi64(sum, 47)), all(secret + BLOCK * STEP));
    __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(mixed, 32), prime);
    return _mm512_add_epi64(_mm512_mul_epu32(mixed, prime), _mm512_slli_epi64(high, 32));
}

/* n: no more than the block has. */
static inline __m512i stripes512(__m512i sum, const unsigned char *p, const unsigned char *secret, size_t n)
{
    __m512i read = _mm512_setzero_si512();
    for (const unsigned char *end = p + n * STRIPE; p < end; p += STRIPE, secret += STEP) {
        __m512i data = all(p);
        __asm__("" : "+v"(data)); /* it is loaded once */
        sum = stripe512(sum, data, secret);
        read = _mm512_add_epi64(read, data);
    }
    return crossed(sum, read);
}

/* Octets that are held and those that follow are loaded as the stripe they make: what was just stored would have to be
 * waited for. Those before p are not read, for the mask leaves them out. */
static inline __m512i joined(const struct hashwide *s, const unsigned char *p)
{
    __mmask64 new = ~(UINT64_MAX >> (STRIPE - s->held));
    return _mm512_mask_loadu_epi8(all(s->text + STRIPE - s->held), new, p - s->held);
}

void hashwide_add512(struct hashwide *s, const unsigned char *secret, uint64_t before, const void *piece, size_t n)
{
    const unsigned char *p = (const unsigned char *)piece, *end = p + n;
    size_t stripe = 0;
    if (is_few(before, n)) {
        hold(s, secret, before, p, n);
        return;
    }
    __m512i sum = all(before ? s->sum : first_sums);
    if (before) {
        __m512i data = joined(s, p);
        sum = crossed(stripe512(sum, data, secret + s->stripe * STEP), data);
        stripe = s->stripe + 1;
        p += STRIPE - s->held;
    }
    size_t left = ((size_t)(end - p) - 1) / STRIPE;
    for (size_t room = BLOCK - stripe; left >= room; room = BLOCK) {
        sum = scramble512(stripes512(sum, p, secret + stripe * STEP, room), secret);
        p += room * STRIPE;
        left -= room;
        stripe = 0;
    }
    sum = stripes512(sum, p, secret + stripe * STEP, left);
    s->held = (uint32_t)((size_t)(end - p) - left * STRIPE);
    s->stripe = (uint32_t)(stripe + left);
    _mm512_storeu_si512(s->text, all(end - STRIPE));
    _mm512_store_si512(s->sum, sum);
}
#else
typedef int nothing_here; /* ISO C: no file is empty */
#endif
