/* sixteen: sixteen characters at once, where the processor has SSE2; who includes it has a way without. */
#ifndef BASE_SIXTEEN_H
#define BASE_SIXTEEN_H

#ifdef __SSE2__
#include <emmintrin.h>

/* Those at p, wherever that is. */
static inline __m128i sixteen(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
#endif

#endif
