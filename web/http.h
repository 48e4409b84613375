/* http: the one place that talks to libmicrohttpd: requests become queries (routes.h), answers become responses. A
 * thread per connection, so that a large report delays nobody; connections are bounded in number, memory and time. */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "web/listen.h"
#include "web/routes.h"

enum { HTTP_CONNECTIONS = 64, HTTP_PER_ADDRESS = 48, HTTP_STREAMS = 24, HTTP_MEMORY = 32768, HTTP_IDLE_S = 30 };

struct http;

/* Listens and answers. certificate, key: PEM text, NULL for plain HTTP. The port taken is put into l->port. NULL: `why`
 * is one line. */
struct http *http_start(struct routes *r, struct listen *l, const char *certificate, const char *key, char why[256]);
/* Ends every connection and stream. */
void http_stop(struct http *h);

#endif
