#include "web/web.h"

#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "web/http.h"

/* What the browser keeps instead of the token; another one for every run. */
static bool new_session(struct access *a)
{
    unsigned char raw[ACCESS_SESSION / 2];
    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        return false;
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(a->session + 2 * i, 3, "%02x", raw[i]);
    return true;
}

static bool fill_access(struct access *a, const struct listen *l)
{
    a->wildcard = listen_wildcard(l);
    snprintf(a->cookie, sizeof a->cookie, "spanwise-%u", l->port);
    return access_add_host(a, slice_str(l->host)) && (!*a->token || new_session(a));
}

bool web_run(const struct web_options *o, char why[256])
{
    struct routes routes;
    struct listen l = o->listen;
    sigset_t end;
    char url[128];
    int which;
    /* Before threads begin, so that none of them gets the signals. */
    sigemptyset(&end);
    sigaddset(&end, SIGINT);
    sigaddset(&end, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    routes_init(&routes, o->db, &o->access, o->certificate != NULL);
    struct http *h = NULL;
    if (!fill_access(&routes.access, &l))
        snprintf(why, 256, "too many host names, or no random numbers");
    else
        h = http_start(&routes, &l, o->certificate, o->key, why);
    if (h) {
        if (o->ready)
            o->ready(listen_url(&l, o->certificate != NULL, url));
        sigwait(&end, &which);
        http_stop(h);
    }
    routes_fini(&routes);
    return h != NULL;
}
