#include "capture/apiversion.h"

#include "base/sixteen.h"

enum { MINORS = 1000, MAJOR_MOST = 9999, FIRST_DATE = 10000000 };

const bool apiversion_reads[TOKEN_COUNT] = {
    [TOKEN_ACCEPT] = true,         [TOKEN_ACCEPT_VERSION] = true, [TOKEN_API_VERSION] = true,
    [TOKEN_STRIPE_VERSION] = true, [TOKEN_X_API_VERSION] = true,  [TOKEN_X_GITHUB_API_VERSION] = true,
    [TOKEN_X_MS_VERSION] = true};

static bool number(struct slice text, uint64_t most, uint64_t *out)
{
    return text.n <= 8 && slice_u64(text, out) && *out <= most;
}

/* 2024-01-31. */
static uint32_t date_of(struct slice text)
{
    uint64_t y, m, d;
    if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-' || !number(slice_sub(text, 0, 4), 2999, &y) ||
        !number(slice_sub(text, 5, 7), 12, &m) || !number(slice_sub(text, 8, 10), 31, &d) || y < 1000)
        return 0;
    return (uint32_t)(y * 10000 + m * 100 + d);
}

/* One more than the number of a version: 2, v2, 2.1, a date; what stands after a blank or a second `-` is left out.
 * 0: it is none. */
static uint32_t version_of(struct slice text)
{
    uint64_t major, minor = 0;
    text = slice_trim(text);
    if (text.n > 1 && text.p[0] == '"' && text.p[text.n - 1] == '"')
        text = slice_sub(text, 1, text.n - 1);
    if (text.n >= 10 && date_of(slice_sub(text, 0, 10)))
        return date_of(slice_sub(text, 0, 10)) + 1;
    if (text.n && ascii_lower(text.p[0]) == 'v')
        text = slice_sub(text, 1, text.n);
    size_t dot = slice_find(text, '.', 0), end = slice_find(text, '.', dot + 1);
    if (!number(slice_sub(text, 0, dot), MAJOR_MOST, &major) ||
        (dot < text.n && !number(slice_sub(text, dot + 1, end), MINORS - 1, &minor)))
        return 0;
    return (uint32_t)(major * MINORS + minor) + 1;
}

/* v2 among the parts of a vendor's subtype. */
static uint32_t of_subtype(struct slice type)
{
    size_t at = slice_find(type, '/', 0) + 1;
    if (at + 4 > type.n || !slice_ieq(slice_sub(type, at, at + 4), SLICE("vnd.")))
        return 0;
    for (size_t end; at < type.n; at = end + 1) {
        end = at;
        while (end < type.n && !memchr(".-_+", type.p[end], 4))
            end++;
        bool begins = end > at + 1 && ascii_lower(type.p[at]) == 'v';
        while (begins && end + 1 < type.n &&
               (ascii_digit(type.p[end]) || (type.p[end] == '.' && ascii_digit(type.p[end + 1]))))
            end++;
        struct slice part = slice_sub(type, at, end);
        if (part.n > 1 && ascii_lower(part.p[0]) == 'v' && version_of(part))
            return version_of(part);
    }
    return 0;
}

static uint32_t of_media_range(struct slice range)
{
    struct slice part = {NULL, 0};
    slice_next(&range, ';', &part);
    uint32_t v = of_subtype(part);
    while (!v && slice_next(&range, ';', &part)) {
        size_t eq = slice_find(part, '=', 0);
        struct slice name = slice_trim(slice_sub(part, 0, eq));
        if (slice_ieq(name, SLICE("version")) || slice_ieq(name, SLICE("v")) || slice_ieq(name, SLICE("api-version")))
            v = eq < part.n ? version_of(slice_sub(part, eq + 1, part.n)) : 0;
    }
    return v;
}

#ifdef __SSE2__
static inline __m128i is_v(__m128i v)
{
    return _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('v'));
}
#endif

/* Either case. */
static bool has_v(struct slice text)
{
#ifdef __SSE2__
    if (text.n >= 16) {
        __m128i any = _mm_setzero_si128(), last = sixteen(text.p + text.n - 16);
        for (size_t at = 0; at + 16 < text.n; at += 16)
            any = _mm_or_si128(any, is_v(sixteen(text.p + at)));
        return _mm_movemask_epi8(_mm_or_si128(any, is_v(last)));
    }
#endif
    for (size_t i = 0; i < text.n; i++)
        if (ascii_lower(text.p[i]) == 'v')
            return true;
    return false;
}

uint32_t apiversion_of(enum token t, struct slice value)
{
    struct slice range;
    uint32_t v = 0;
    if (t != TOKEN_ACCEPT)
        v = version_of(value);
    else if (has_v(value))
        while (!v && slice_next(&value, ',', &range))
            v = of_media_range(range);
    return v ? v << API_VERSION_SHIFT | (t == TOKEN_ACCEPT ? API_VERSION_ACCEPT : API_VERSION_FIELD) : 0;
}

uint32_t apiversion_parse(struct slice text)
{
    size_t colon = slice_find(text, ':', 0);
    bool accept = slice_eq(slice_sub(text, 0, colon), SLICE("accept"));
    bool field = slice_eq(slice_sub(text, 0, colon), SLICE("field"));
    uint32_t v = colon < text.n ? version_of(slice_sub(text, colon + 1, text.n)) : 0;
    return v && (accept || field) ? v << API_VERSION_SHIFT | (accept ? API_VERSION_ACCEPT : API_VERSION_FIELD) : 0;
}
