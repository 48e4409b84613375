/* socks: the talk before a SOCKS tunnel opens (version 4, 4a; RFC 1928, RFC 1929), of both directions. Names and
 * passwords in it are passed over, never kept. */
#ifndef CAPTURE_SOCKS_H
#define CAPTURE_SOCKS_H

#include "base/slice.h"

struct socks {
    uint8_t version, method; /* method: the server's choice, SOCKS_UNCHOSEN before */
    uint8_t step[2];         /* messages read of client, server */
    bool open[2];            /* what follows in this direction is the tunnel's */
};

enum { SOCKS_UNCHOSEN = 0xfe, SOCKS_BAD = -1, SOCKS_MORE = 0 };

/* Whether a client's first bytes are a greeting, as a whole. */
bool socks_begins(struct slice bytes);
void socks_init(struct socks *s);
/* Reads one message at the start of bytes, role 0 the client. Returns its length, SOCKS_MORE when it is not whole or
 * has to wait for the other direction, SOCKS_BAD when no tunnel will open: refused, another command, or no SOCKS. */
int socks_message(struct socks *s, int role, struct slice bytes);

#endif
