/* The rules in their order; each names what it rests on. */
#include "analysis/classify.h"

#include "analysis/stock.h"

enum { HEURISTIC_PART = 10, HEURISTIC_MOST_S = 86400 };

enum classify_method classify_method(struct slice m)
{
    if (slice_eq(m, SLICE("GET")) || slice_eq(m, SLICE("HEAD")))
        return METHOD_READ;
    if (slice_eq(m, SLICE("POST")))
        return METHOD_POST;
    if (slice_eq(m, SLICE("OPTIONS")) || slice_eq(m, SLICE("TRACE"))) /* safe by RFC 9110 section 9.2.1 */
        return METHOD_SAFE;
    return slice_eq(m, SLICE("CONNECT")) ? METHOD_CONNECT : METHOD_UNSAFE;
}

/* RFC 9110 section 15.1. */
static bool heuristic_status(uint16_t status)
{
    switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
        return true;
    default:
        return false;
    }
}

/* What must-understand asks for: a status whose rules for caching are known (RFC 9111 section 5.2.2.3). */
static bool understood(uint16_t status)
{
    return heuristic_status(status) || status == 302 || status == 303 || status == 304 || status == 307;
}

/* ---- lifetimes: RFC 9111 section 4.2.1, most important first ---- */

struct lifetime {
    int64_t seconds; /* -1: none */
    enum classify_source source;
};

static int64_t answered(const struct classify_input *in)
{
    return in->date.is == DATE_GOOD ? in->date.seconds : in->now;
}

static struct lifetime declared(const struct classify_input *in, const struct directives *d, bool shared)
{
    if (shared && d->s_maxage >= 0)
        return (struct lifetime){d->s_maxage, TTL_S_MAXAGE};
    if (d->max_age >= 0)
        return (struct lifetime){d->max_age, TTL_MAX_AGE};
    if (in->expires.is == DATE_ABSENT)
        return (struct lifetime){-1, TTL_NONE};
    int64_t left = in->expires.is == DATE_GOOD ? in->expires.seconds - answered(in) : 0; /* bad: past (section 5.3) */
    return (struct lifetime){left > 0 ? left : 0, TTL_EXPIRES};
}

/* A tenth of what it has been unchanged for (RFC 9111 section 4.2.2). */
static struct lifetime guessed(const struct classify_input *in)
{
    int64_t unchanged = answered(in) - in->last_modified.seconds;
    if (in->last_modified.is != DATE_GOOD || unchanged < 0)
        return (struct lifetime){-1, TTL_NONE};
    int64_t part = unchanged / HEURISTIC_PART;
    return (struct lifetime){part < HEURISTIC_MOST_S ? part : HEURISTIC_MOST_S, TTL_HEURISTIC};
}

static struct lifetime lifetime(const struct classify_input *in, const struct directives *d, bool shared)
{
    struct lifetime l = declared(in, d, shared);
    if (d->bits & DIRECTIVE_NO_CACHE && l.seconds != 0) /* not reused unasked, whatever it declares (section 5.2.2.4) */
        return (struct lifetime){0, l.source};
    return l.source == TTL_NONE ? guessed(in) : l;
}

static bool is_explicit(const struct classify_input *in, const struct directives *d)
{
    return d->s_maxage >= 0 || d->max_age >= 0 || in->expires.is != DATE_ABSENT;
}

/* ---- rules ---- */

/* Rules 1 to 5: exchanges that are no answer to store, and what the request forbids. */
static enum reason by_exchange(const struct classify_input *in, bool with_lifetime)
{
    if (in->damaged || in->status < 100 || (in->status < 200 && in->status != 101))
        return REASON_INCOMPLETE; /* RFC 9111 section 3: a final status; section 3.3: incomplete ones are of no use */
    if (in->status == 101 || in->method == METHOD_CONNECT || (in->event_stream && !with_lifetime))
        return REASON_STREAM;
    if (in->method == METHOD_UNSAFE || in->method == METHOD_SAFE) /* RFC 9110 section 9.2.3 */
        return REASON_METHOD;
    if (in->method == METHOD_POST && !(with_lifetime && in->for_target)) /* RFC 9110 section 9.3.3 */
        return REASON_POST;
    if (in->request->bits & DIRECTIVE_NO_STORE) /* RFC 9111 section 5.2.1.5 */
        return REASON_REQ_NO_STORE;
    return REASON_NONE;
}

/* Rules 6 to 10: answers that nobody may store, or that are none of their own. */
static enum reason by_answer(const struct classify_input *in, const struct directives *d, bool with_lifetime)
{
    bool excused = d->bits & DIRECTIVE_MUST_UNDERSTAND && understood(in->status);
    if (d->bits & DIRECTIVE_NO_STORE && !excused) /* RFC 9111 sections 5.2.2.5 and 5.2.2.3 */
        return REASON_NO_STORE;
    if (in->vary_star) /* RFC 9111 section 4.1: never matches */
        return REASON_VARY_STAR;
    if (in->status == 304) /* RFC 9111 section 4.3.4: renews what is stored */
        return REASON_REVALIDATED;
    if (in->status == 206 || in->status == 416) /* RFC 9111 section 3.4, which we do not do */
        return REASON_PARTIAL;
    if (!with_lifetime && !(d->bits & DIRECTIVE_PUBLIC) && !heuristic_status(in->status)) /* RFC 9111 section 3 */
        return REASON_STATUS;
    return REASON_NONE;
}

/* Rules 11 to 16: who may store it, and with what use. */
static enum reason by_reuse(const struct classify_input *in, const struct directives *d, bool with_lifetime)
{
    static const uint32_t shares = DIRECTIVE_PUBLIC | DIRECTIVE_MUST_REVALIDATE;
    if (d->bits & DIRECTIVE_PRIVATE) /* RFC 9111 section 5.2.2.7 */
        return REASON_PRIVATE;
    if (in->authorization && !(d->bits & shares) && d->s_maxage < 0) /* RFC 9111 section 3.5 */
        return REASON_AUTHORIZATION;
    if (in->set_cookie) /* RFC 9111 section 7.3 does not forbid it; products do */
        return REASON_SET_COOKIE;
    if (d->bits & DIRECTIVE_NO_CACHE || (with_lifetime && declared(in, d, true).seconds <= 0))
        return in->validator ? REASON_VALIDATE : REASON_VALIDATE_NO_VALIDATOR; /* RFC 9111 section 4.3.1 */
    return with_lifetime ? REASON_EXPLICIT : REASON_HEURISTIC;
}

static enum reason reason(const struct classify_input *in, const struct directives *d)
{
    bool with_lifetime = is_explicit(in, d);
    enum reason r = by_exchange(in, with_lifetime);
    if (!r)
        r = by_answer(in, d, with_lifetime);
    return r ? r : by_reuse(in, d, with_lifetime);
}

static bool shared_by(enum reason r)
{
    return r >= REASON_SET_COOKIE;
}

static bool private_by(enum reason r)
{
    return r >= REASON_PRIVATE;
}

/* A targeted field replaces Cache-Control and Expires altogether for the caches it is meant for (RFC 9213 section 2.2);
 * Surrogate-Control is its forerunner. */
static void for_cdn(const struct classify_input *in, struct verdict *v)
{
    struct directives own;
    v->cdn = v->shared;
    v->ttl_cdn = v->ttl;
    if (!in->targeted.p || !directives_targeted(in->targeted, &own)) {
        if (!in->surrogate.p)
            return;
        own = directives_read(in->surrogate);
    }
    struct classify_input targeted = *in;
    targeted.expires.is = DATE_ABSENT;
    v->cdn = shared_by(reason(&targeted, &own));
    v->ttl_cdn = v->cdn ? lifetime(&targeted, &own, true).seconds : -1;
}

static void notes(const struct classify_input *in, struct verdict *v)
{
    bool stale_forbidden = in->response->bits & (DIRECTIVE_MUST_REVALIDATE | DIRECTIVE_PROXY_REVALIDATE) ||
                           in->response->s_maxage >= 0; /* RFC 9111 section 4.2.4 */
    v->swr = stale_forbidden ? -1 : in->response->swr;
    v->sie = stale_forbidden ? -1 : in->response->sie;
    v->needs_validation = v->private && lifetime(in, in->response, v->shared).seconds == 0;
    v->forced_refresh = in->request->bits & DIRECTIVE_NO_CACHE || in->request->max_age == 0 || in->pragma_no_cache;
    v->cookie = in->cookie;
    v->personal = in->set_cookie || (in->response->bits & DIRECTIVE_PRIVATE);
    v->from_cache = in->age > 0 || in->hit;
    v->immutable = in->response->bits & DIRECTIVE_IMMUTABLE; /* RFC 8246 */
}

struct verdict classify(const struct classify_input *in)
{
    struct verdict v = {.reason = reason(in, in->response), .ttl = -1, .ttl_private = -1, .ttl_cdn = -1};
    v.shared = shared_by(v.reason);
    v.private = private_by(v.reason);
    if (v.private) {
        struct lifetime l = lifetime(in, in->response, v.shared);
        v.source = l.source;
        v.ttl = v.shared ? l.seconds : -1;
        v.ttl_private = lifetime(in, in->response, false).seconds;
    }
    for_cdn(in, &v);
    notes(in, &v);
    v.nginx = stock_nginx(in);
    v.varnish = stock_varnish(in);
    return v;
}
