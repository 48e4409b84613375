/* memcachedtext: memcached in lines, the meta commands as well. */
#ifndef CAPTURE_MEMCACHEDTEXT_H
#define CAPTURE_MEMCACHEDTEXT_H

#include "capture/memcached.h"

/* Whether octets of a client begin with a line that is a command: NO, MAYBE (not whole yet), YES. *sure: it could
 * hardly be anything else. */
enum cache_guess memcachedtext_guess(struct slice bytes, bool *sure);
/* Whether octets of a server may begin an answer to a line. */
bool memcachedtext_may_answer(struct slice bytes);
/* Octets of the client, of the server. False: order is lost. */
bool memcachedtext_commands(struct memcached *m, struct cache_env *e, const struct chunk *c);
bool memcachedtext_replies(struct memcached *m, struct cache_env *e, const struct chunk *c);

#endif
