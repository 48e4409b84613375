/* listen: the address to listen on, as users write it: "127.0.0.1:8930", "[::1]:8930", "0.0.0.0:80". Numbers only: a
 * name could mean another address tomorrow. */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct listen {
    struct sockaddr_storage address;
    char host[64]; /* without brackets: "127.0.0.1", "::1" */
    uint16_t port; /* 0: any free one */
};

/* False: `text` is no address with a port; *l is undefined. "localhost:8930" is taken as 127.0.0.1. */
bool listen_parse(const char *text, struct listen *l);
/* Only this machine can reach it. */
bool listen_loopback(const struct listen *l);
/* Every address of the machine. */
bool listen_wildcard(const struct listen *l);
/* "http://127.0.0.1:8930/" of an address; returns out. */
const char *listen_url(const struct listen *l, bool tls, char out[128]);

#endif
