/* quotasaid: what an answer says of the quota that its client is held to, as numbers alone: `limit=100, remaining=7,
 * reset=30, window=60`, as much of it as is said (RateLimit and RateLimit-Policy of
 * draft-ietf-httpapi-ratelimit-headers, the three fields of its earlier drafts, and the X- ones before it). Names of
 * policies are not kept. Pure. */
#ifndef CAPTURE_QUOTASAID_H
#define CAPTURE_QUOTASAID_H

#include "capture/exchange.h"

enum { QUOTASAID_MOST = 112 };

/* Whether a field is one of these; all of them are sealed as one TOKEN_RATELIMIT. */
bool quotasaid_is(enum token t);
/* Writes the numbers; returns the length, 0: there are none. Its own output stays itself, as TOKEN_RATELIMIT. */
size_t quotasaid(enum token t, struct slice value, char out[QUOTASAID_MOST]);

#endif
