#include "capture/trace.h"

#include <string.h>

/* 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01; later versions may go on behind another dash. */
enum { TRACE_AT = 3, TRACE_N = 32, SPAN_AT = 36, SPAN_N = 16, FLAGS_AT = 53, ALL_N = 55 };

static bool is_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != '0')
            return false;
    return true;
}

static bool is_traceparent(struct slice t)
{
    if (t.n < ALL_N || t.p[TRACE_AT - 1] != '-' || t.p[SPAN_AT - 1] != '-' || t.p[FLAGS_AT - 1] != '-')
        return false;
    bool first = t.p[0] == '0' && t.p[1] == '0';
    if (t.n > ALL_N && (first || t.p[ALL_N] != '-'))
        return false;
    return is_hex(t.p, 2) && memcmp(t.p, "ff", 2) != 0 && is_hex(t.p + TRACE_AT, TRACE_N) &&
           is_hex(t.p + SPAN_AT, SPAN_N) && is_hex(t.p + FLAGS_AT, 2) && !is_zero(t.p + TRACE_AT, TRACE_N) &&
           !is_zero(t.p + SPAN_AT, SPAN_N);
}

uint64_t trace_of(const struct hash_key *key, struct slice traceparent)
{
    struct slice t = slice_trim(traceparent);
    if (!is_traceparent(t))
        return 0;
    uint64_t id = hash_bytes(key, 'T', t.p + TRACE_AT, TRACE_N);
    return (uint32_t)id ? id : id | 1;
}

uint64_t trace_request(const struct hash_key *key, struct slice id)
{
    struct slice t = slice_trim(id);
    uint64_t hash = t.n ? hash_bytes(key, 'Q', t.p, t.n) : 0;
    return !t.n || (uint32_t)hash ? hash : hash | 1;
}
