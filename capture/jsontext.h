/* jsontext: how a string of JSON goes on. */
#ifndef CAPTURE_JSONTEXT_H
#define CAPTURE_JSONTEXT_H

#include <stddef.h>

#include "base/sixteen.h"

/* How many of these characters stand for themselves, from the first on. */
static inline size_t jsontext_plain(const char *p, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        __m128i v = sixteen(p + i);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
        __m128i mark = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        unsigned stops = (unsigned)_mm_movemask_epi8(_mm_or_si128(control, mark));
        if (stops)
            return i + (size_t)__builtin_ctz(stops);
    }
#endif
    while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= ' ')
        i++;
    return i;
}

#endif
