#include "analysis/stock.h"

enum { VARNISH_DEFAULT_S = 120 };

static int64_t answered(const struct classify_input *in)
{
    return in->date.is == DATE_GOOD ? in->date.seconds : in->now;
}

/* X-Accel-Expires: seconds from now, or `@` and a moment. False: nothing that nginx can read. */
static bool accel(const struct classify_input *in, int64_t *lifetime)
{
    bool moment = in->accel.n && in->accel.p[0] == '@';
    uint64_t n;
    if (!slice_u64(slice_sub(in->accel, moment, in->accel.n), &n))
        return false;
    *lifetime = moment ? (int64_t)n - in->now : (int64_t)n;
    return true;
}

/* X-Accel-Expires goes first and silences the rest; a lifetime of 0 refuses; a past Expires that comes first is final.
 */
static bool nginx_lifetime(const struct classify_input *in)
{
    int64_t lifetime;
    bool expires_good = in->expires.is == DATE_GOOD && in->expires.seconds >= answered(in);
    if (in->accel.p && accel(in, &lifetime))
        return lifetime > 0;
    if (in->response->bits & DIRECTIVE_REFUSED)
        return false;
    if (in->response->product < 0)
        return expires_good;
    return in->response->product > 0 && (in->expires.is == DATE_ABSENT || !in->expires_first || expires_good);
}

bool stock_nginx(const struct classify_input *in)
{
    if (in->method != METHOD_READ || in->damaged || in->set_cookie || in->vary_star)
        return false;
    if (in->status < 200 || in->status == 206 || in->status == 304) /* it asks for the whole itself */
        return false;
    return nginx_lifetime(in);
}

/* Seconds; a date that cannot be read counts as none. */
static int64_t varnish_lifetime(const struct classify_input *in, int64_t otherwise)
{
    if (in->response->product >= 0)
        return in->response->product;
    return in->expires.is == DATE_GOOD ? in->expires.seconds - answered(in) : otherwise;
}

bool stock_varnish(const struct classify_input *in)
{
    struct directives surrogate;
    int64_t otherwise;
    if (in->method != METHOD_READ || in->damaged || in->authorization || in->cookie || in->set_cookie || in->vary_star)
        return false;
    if (in->surrogate.p) {
        surrogate = directives_read(in->surrogate);
        if (surrogate.bits & DIRECTIVE_NO_STORE)
            return false;
    } else if (in->response->bits & DIRECTIVE_REFUSED) {
        return false;
    }
    switch (in->status) {
    case 302:
    case 307: /* only with a lifetime of their own */
        otherwise = 0;
        break;
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 404:
    case 410:
    case 414:
        otherwise = VARNISH_DEFAULT_S;
        break;
    default:
        return false;
    }
    return varnish_lifetime(in, otherwise) > (in->age > 0 ? in->age : 0);
}
