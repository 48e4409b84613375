#include "analysis/cacheable.h"

#include "analysis/directives.h"
#include "analysis/httpdate.h"

bool cacheable_fills(uint16_t status, enum negative *negative)
{
    *negative = NEGATIVE_NO;
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 304: /* renews what is there */
    case 308:
        return true;
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
        *negative = NEGATIVE_MAYBE;
        return true;
    default:
        return false;
    }
}

int64_t cacheable_lifetime(struct slice cache_control, struct slice expires, struct slice date, int64_t now)
{
    struct directives d = directives_read(cache_control);
    int64_t until, from = now;
    if (d.s_maxage >= 0)
        return d.s_maxage;
    if (d.max_age >= 0)
        return d.max_age;
    if (!httpdate_parse(expires, &until)) /* "0" and other bad values: already expired (RFC 9111 section 5.3) */
        return 0;
    if (date.p)
        httpdate_parse(date, &from);
    return until > from ? until - from : 0;
}

static uint32_t coding_class(struct slice encoding)
{
    if (!encoding.n || slice_ieq(encoding, SLICE("identity")))
        return 0;
    if (slice_ieq(encoding, SLICE("gzip")) || slice_ieq(encoding, SLICE("x-gzip")))
        return 1;
    return slice_ieq(encoding, SLICE("br")) ? 2 : 3;
}

enum { CLASS_DECODED = 4 };

static uint32_t content(uint64_t id, uint32_t class)
{
    uint32_t bits = (uint32_t)(id ^ id >> 32) & ((1u << CONTENT_CLASS_SHIFT) - 1);
    return id ? (bits ? bits : 1) | class << CONTENT_CLASS_SHIFT : 0;
}

uint32_t cacheable_content(uint64_t body_id, struct slice encoding)
{
    return content(body_id, coding_class(slice_trim(encoding)));
}

uint32_t cacheable_decoded(uint64_t decoded_id)
{
    return content(decoded_id, CLASS_DECODED);
}

struct slice cacheable_single_tag(struct slice t)
{
    static const struct slice none = {NULL, 0};
    t = slice_trim(t);
    if (!t.n || slice_eq(t, SLICE("*")))
        return none;
    bool quoted = false;
    for (size_t i = 0; i < t.n; i++) {
        quoted ^= t.p[i] == '"';
        if (t.p[i] == ',' && !quoted)
            return none;
    }
    return t;
}
