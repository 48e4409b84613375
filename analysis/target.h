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

static inline bool target_has(uint64_t word, char c)
{
    uint64_t ones = 0x0101010101010101, left = word ^ ones * (unsigned char)c;
    return (left - ones) & ~left & ones << 7;
}

/* No dot and no escape, as in most; what is very short is not looked at. */
static inline bool target_is_bare(struct slice target)
{
    size_t at = 0;
    if (target.n < 8)
        return false;
#ifdef __SSE2__
    const __m128i dot = _mm_set1_epi8('.'), percent = _mm_set1_epi8('%');
    for (; at + 16 <= target.n; at += 16) {
        __m128i some = sixteen(target.p + at);
        if (_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(some, dot), _mm_cmpeq_epi8(some, percent))))
            return false;
    }
#endif
    for (; at < target.n; at += 8) {
        uint64_t word = slice_word(target.p + (at + 8 > target.n ? target.n - 8 : at));
        if (target_has(word, '.') || target_has(word, '%'))
            return false;
    }
    return true;
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
