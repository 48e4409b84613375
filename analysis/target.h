/* target: what a request names. Splits targets into path and query, and writes what stands for one in a key: the
 * RFC 3986-normalised path with the query as it is (CONTRACT: words, key). Pure. */
#ifndef ANALYSIS_TARGET_H
#define ANALYSIS_TARGET_H

#include "base/sixteen.h"
#include "base/slice.h"

/* Path of the target (absolute form without scheme and authority) and its query with the '?', NULL p when there is
 * none. */
struct target {
    struct slice path, query;
};

struct target target_split(struct slice target);

/* Whether normalisation leaves the path alone. */
bool target_is_normal(struct slice path);
/* RFC 3986 section 6.2.2: escapes in upper case, unreserved characters decoded, dot segments removed, an empty path is
 * "/". Writes at most path.n + 1 bytes; returns how many. */
size_t target_normalise(struct slice path, char *out);

struct key_text {
    struct slice whole; /* normalised path, query */
    struct slice path;  /* within whole */
};

static inline uint64_t target_has(uint64_t word, char c)
{
    uint64_t ones = 0x0101010101010101, left = word ^ ones * (unsigned char)c;
    return (left - ones) & ~left & ones << 7;
}

#ifdef __SSE2__
/* Bits of the dots and escapes among sixteen characters. */
static inline int target_odd(const char *p)
{
    __m128i some = sixteen(p), dot = _mm_cmpeq_epi8(some, _mm_set1_epi8('.'));
    return _mm_movemask_epi8(_mm_or_si128(dot, _mm_cmpeq_epi8(some, _mm_set1_epi8('%'))));
}
#endif

/* No dot and no escape, as in most; what is very short or long is not looked at. Pieces overlap rather than be counted.
 */
static inline bool target_is_bare(struct slice target)
{
    const char *p = target.p, *end = target.p + target.n;
    if (target.n < 8 || target.n > 64)
        return false;
    if (target.n < 16) {
        uint64_t first = slice_word(p), last = slice_word(end - 8);
        return !(target_has(first, '.') | target_has(first, '%') | target_has(last, '.') | target_has(last, '%'));
    }
#ifdef __SSE2__
    size_t middle = target.n > 32 ? 16 : 0;
    return !(target_odd(p) | target_odd(end - 16) | target_odd(p + middle) | target_odd(end - 16 - middle));
#else
    return !memchr(p, '.', target.n) && !memchr(p, '%', target.n);
#endif
}

/* Of a target in origin form: whether normalisation leaves it alone. */
bool target_keeps(struct slice target);

/* Whether the target is its own text: origin form, nothing in it that normalisation could change. May say no of one
 * that is. */
static inline bool target_is_plain(struct slice target)
{
    return target.n && target.p[0] == '/' && (target_is_bare(target) || target_keeps(target));
}

/* What stands for the target in a key; in `out`, which needs target.n + 1 bytes. */
struct key_text target_key(struct slice target, char *out);

#endif
