/* access: who may ask. Three gates in this order: the Host a browser was sent to (421: DNS rebinding ends here), the
 * method (405: nothing can be changed), the token when there is one (401). Pure: no I/O, no clock. */
#ifndef WEB_ACCESS_H
#define WEB_ACCESS_H

#include "base/slice.h"

enum { ACCESS_HOSTS = 16, ACCESS_TOKEN = 512, ACCESS_SESSION = 32 };

struct access {
    struct slice host[ACCESS_HOSTS]; /* names besides localhost that are ours, without port and brackets; borrowed */
    unsigned hosts;
    bool wildcard;            /* listening on every address: the one that a connection came in on is ours, too */
    char token[ACCESS_TOKEN]; /* empty: everybody may ask */
    char session[ACCESS_SESSION + 1]; /* what the cookie holds instead of the token */
    char cookie[24];                  /* its name; ports do not separate cookies, so it names the port */
};

enum verdict_access { ACCESS_OK, ACCESS_HOST, ACCESS_METHOD, ACCESS_UNKNOWN };

struct access_request {
    struct slice method, path, host, authorization, cookie;
    struct slice local; /* address the connection came in on */
};

/* False: there is no room for more names. */
bool access_add_host(struct access *a, struct slice name);
/* Is the Host header one of ours? The port does not matter: a tunnel may have changed it. */
bool access_host(const struct access *a, struct slice host, struct slice local);
/* /healthz needs no token. */
enum verdict_access access_check(const struct access *a, const struct access_request *r);
/* Compares in a time that depends on lengths alone. */
bool access_same(struct slice a, struct slice b);
bool access_token(const struct access *a, struct slice token);

#endif
