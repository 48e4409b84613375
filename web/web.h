/* web: the web service on a DB: the page, the report, series, events, metrics. Reads only: no request changes anything.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "web/access.h"
#include "web/listen.h"

struct web_options {
    const char *db;
    struct listen listen;
    struct access access;           /* hosts, and the token; the rest is filled in here */
    const char *certificate, *key;  /* PEM text; NULL: plain HTTP */
    void (*ready)(const char *url); /* called once it listens; may be NULL */
};

/* Serves until SIGINT or SIGTERM, which it takes over. False: it never began, `why` is one line. */
bool web_run(const struct web_options *o, char why[256]);

#endif
