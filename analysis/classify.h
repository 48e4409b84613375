/* classify: whether an answer may be stored and for how long, as HTTP says (RFC 9111 section 3) and as stock nginx and
 * Varnish do (ALGORITHMS.md 1.2). Pure: the same exchange gives the same verdict, with the rule that decided it. */
#ifndef ANALYSIS_CLASSIFY_H
#define ANALYSIS_CLASSIFY_H

#include "analysis/directives.h"
#include "analysis/store/rows.h"

enum classify_method { METHOD_READ /* GET, HEAD */, METHOD_POST, METHOD_SAFE, METHOD_UNSAFE, METHOD_CONNECT };

enum classify_date { DATE_ABSENT, DATE_BAD, DATE_GOOD };

/* A date field, in seconds since 1970. */
struct classify_when {
    enum classify_date is;
    int64_t seconds;
};

/* An exchange as the rules see it. */
struct classify_input {
    enum classify_method method;
    uint16_t status;
    bool damaged;                 /* no whole answer: cut, lost, aborted */
    bool authorization, cookie;   /* the request has that field */
    bool set_cookie, vary_star;   /* the answer has */
    bool event_stream, validator; /* its type; it has an ETag or Last-Modified */
    bool for_target;              /* its Content-Location is the target (RFC 9110 section 9.3.3) */
    bool expires_first;           /* Expires stands before Cache-Control, which nginx 1.22 minds */
    bool pragma_no_cache;         /* of the request */
    bool hit;                     /* a cache on the way says that it answered */
    const struct directives *request, *response;
    struct slice targeted, surrogate, accel; /* CDN-Cache-Control, Surrogate-Control, X-Accel-Expires; p NULL: absent */
    struct classify_when expires, date, last_modified;
    int64_t now; /* when it was answered, seconds: stands in for a missing Date */
    int64_t age; /* of the Age field, seconds; -1: absent */
};

enum classify_source { TTL_NONE, TTL_S_MAXAGE, TTL_MAX_AGE, TTL_EXPIRES, TTL_HEURISTIC };

/* Seconds are -1 where there is none. */
struct verdict {
    enum reason reason;
    bool shared, private, cdn; /* may be stored by a shared, a private, a CDN's cache (RFC 9213) */
    bool nginx, varnish;       /* would be stored for reuse by these as they come */
    bool needs_validation;     /* no reuse without asking (RFC 9111 section 5.2.2.4) */
    bool forced_refresh, cookie, from_cache, immutable;
    bool personal;                     /* Set-Cookie or private, also where an earlier rule is the reason */
    enum classify_source source;       /* of ttl, or of ttl_private where a shared cache may not store */
    int64_t ttl, ttl_private, ttl_cdn; /* freshness lifetimes for these caches */
    int64_t swr, sie;                  /* stale-while-revalidate, stale-if-error, where stale may be served at all */
};

struct verdict classify(const struct classify_input *in);
/* Of a method as sent. */
enum classify_method classify_method(struct slice method);

#endif
