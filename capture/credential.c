#include "capture/credential.h"

#include <stdint.h>

/* Who asks, the first that is there; and what signs one request only. */
static const struct slice names[] = {
    SLICE("username"), SLICE("username*"),   SLICE("credential"),        SLICE("keyid"),
    SLICE("id"),       SLICE("oauth_token"), SLICE("oauth_consumer_key")};
static const struct slice signs[] = {SLICE("signature"), SLICE("response"), SLICE("mac"), SLICE("oauth_signature")};
enum { NAMES = sizeof names / sizeof *names, USERS = 2, CREDENTIAL = 2, SIGNS = sizeof signs / sizeof *signs };

static unsigned find(const struct slice *list, unsigned n, struct slice name)
{
    unsigned i = 0;
    while (i < n && !slice_ieq(list[i], name))
        i++;
    return i;
}

static bool any(struct slice scheme, const struct slice *list, unsigned n)
{
    return find(list, n, scheme) < n;
}

static bool separates(char c)
{
    return c == ',' || c == ' ' || c == '\t' || c == '&'; /* & of Azure */
}

/* The next name=value or name="value" of a list. */
static bool next_parameter(struct slice *rest, struct slice *name, struct slice *value)
{
    size_t from = 0, equals, at;
    while (from < rest->n && separates(rest->p[from]))
        from++;
    equals = slice_find(*rest, '=', from);
    if (equals >= rest->n)
        return false;
    *name = slice_trim(slice_sub(*rest, from, equals));
    at = equals + 1;
    if (at < rest->n && rest->p[at] == '"') {
        for (from = ++at; at < rest->n && rest->p[at] != '"'; at++)
            if (rest->p[at] == '\\' && at + 1 < rest->n)
                at++;
        *value = slice_sub(*rest, from, at++);
    } else {
        for (from = at; at < rest->n && !separates(rest->p[at]); at++) {
        }
        *value = slice_sub(*rest, from, at);
    }
    *rest = slice_sub(*rest, at < rest->n ? at : rest->n, rest->n);
    return true;
}

static enum credential_kind of_parameters(struct slice rest, struct slice *who)
{
    struct slice name, value;
    unsigned best = NAMES;
    bool is_signed = false;
    while (next_parameter(&rest, &name, &value)) {
        unsigned n = find(names, NAMES, name);
        if (n < best && value.n) {
            best = n;
            *who =
                n == CREDENTIAL ? slice_sub(value, 0, slice_find(value, '/', 0)) : value; /* AWS: key/date/region/… */
        }
        is_signed |= any(name, signs, SIGNS);
    }
    if (best == NAMES || !is_signed || !who->n)
        return CREDENTIAL_WHOLE;
    return best < USERS ? CREDENTIAL_USER : CREDENTIAL_KEY;
}

enum credential_kind credential_read(struct slice scheme, struct slice rest, struct slice *who)
{
    static const struct slice connections[] = {SLICE("NTLM"), SLICE("Negotiate")};
    static const struct slice pairs[] = {SLICE("AWS"), SLICE("SharedKey"), SLICE("SharedKeyLite"), SLICE("GOOG1"),
                                         SLICE("OSS")};
    if (any(scheme, connections, sizeof connections / sizeof *connections))
        return CREDENTIAL_CONNECTION;
    if (!any(scheme, pairs, sizeof pairs / sizeof *pairs))
        return of_parameters(rest, who);
    *who = slice_sub(rest, 0, slice_find(rest, ':', 0)); /* key:signature */
    return who->n && who->n < rest.n ? CREDENTIAL_KEY : CREDENTIAL_WHOLE;
}
