#include "web/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

/* The host is written again, in the one form that browsers use. */
static bool set_v6(struct listen *l)
{
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)&l->address;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(l->port);
    return inet_pton(AF_INET6, l->host, &a->sin6_addr) == 1 &&
           inet_ntop(AF_INET6, &a->sin6_addr, l->host, sizeof l->host);
}

static bool set_v4(struct listen *l)
{
    struct sockaddr_in *a = (struct sockaddr_in *)&l->address;
    a->sin_family = AF_INET;
    a->sin_port = htons(l->port);
    return inet_pton(AF_INET, l->host, &a->sin_addr) == 1;
}

bool listen_parse(const char *text, struct listen *l)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    *l = (struct listen){0};
    if (!colon || !slice_u64(slice_str(colon + 1), &port) || port > 65535)
        return false;
    struct slice host = slice_of(text, (size_t)(colon - text));
    bool brackets = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    if (brackets)
        host = slice_sub(host, 1, host.n - 1);
    if (slice_eq(host, SLICE("localhost")))
        host = SLICE("127.0.0.1");
    if (!host.n || host.n >= sizeof l->host)
        return false;
    memcpy(l->host, host.p, host.n);
    l->port = (uint16_t)port;
    return brackets ? set_v6(l) : set_v4(l);
}

bool listen_loopback(const struct listen *l)
{
    if (l->address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&l->address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)&l->address)->sin_addr.s_addr) >> 24 == 127;
}

bool listen_wildcard(const struct listen *l)
{
    if (l->address.ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&l->address)->sin6_addr);
    return ((const struct sockaddr_in *)&l->address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

const char *listen_url(const struct listen *l, bool tls, char out[128])
{
    bool v6 = l->address.ss_family == AF_INET6;
    snprintf(out, 128, "%s://%s%s%s:%u/", tls ? "https" : "http", v6 ? "[" : "", l->host, v6 ? "]" : "", l->port);
    return out;
}
