#include "web/access.h"

bool access_add_host(struct access *a, struct slice name)
{
    if (a->hosts == ACCESS_HOSTS)
        return false;
    a->host[a->hosts++] = name;
    return true;
}

/* Without port and brackets; empty when it is malformed. */
static struct slice host_name(struct slice host)
{
    uint64_t port;
    bool brackets = host.n && host.p[0] == '[';
    size_t end = slice_find(host, brackets ? ']' : ':', 0), rest = end + brackets;
    if (rest > host.n)
        return (struct slice){host.p, 0};
    if (rest < host.n && (host.p[rest] != ':' || !slice_u64(slice_sub(host, rest + 1, host.n), &port) || port > 65535))
        return (struct slice){host.p, 0};
    return slice_sub(host, brackets, end);
}

bool access_host(const struct access *a, struct slice host, struct slice local)
{
    struct slice name = host_name(host);
    if (!name.n)
        return false;
    if (slice_ieq(name, SLICE("localhost")) || (a->wildcard && slice_ieq(name, local)))
        return true;
    for (unsigned i = 0; i < a->hosts; i++)
        if (slice_ieq(name, a->host[i]))
            return true;
    return false;
}

bool access_same(struct slice a, struct slice b)
{
    unsigned char differ = a.n != b.n;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)a.p[i] ^ (unsigned char)(i < b.n ? b.p[i] : 0);
    return differ == 0;
}

bool access_token(const struct access *a, struct slice token)
{
    return *a->token && token.n && access_same(token, slice_str(a->token));
}

static bool bearer(const struct access *a, struct slice authorization)
{
    size_t blank = slice_find(authorization, ' ', 0);
    return slice_ieq(slice_sub(authorization, 0, blank), SLICE("bearer")) &&
           access_token(a, slice_trim(slice_sub(authorization, blank, authorization.n)));
}

static bool cookie(const struct access *a, struct slice header)
{
    struct slice one;
    while (slice_next(&header, ';', &one)) {
        size_t equals = slice_find(one, '=', 0);
        if (slice_eq(slice_sub(one, 0, equals), slice_str(a->cookie)) && *a->session &&
            access_same(slice_sub(one, equals + 1, one.n), slice_str(a->session)))
            return true;
    }
    return false;
}

enum verdict_access access_check(const struct access *a, const struct access_request *r)
{
    if (!access_host(a, r->host, r->local))
        return ACCESS_HOST;
    if (!slice_eq(r->method, SLICE("GET")) && !slice_eq(r->method, SLICE("HEAD")))
        return ACCESS_METHOD;
    if (!*a->token || slice_eq(r->path, SLICE("/healthz")) || bearer(a, r->authorization) || cookie(a, r->cookie))
        return ACCESS_OK;
    return ACCESS_UNKNOWN;
}
