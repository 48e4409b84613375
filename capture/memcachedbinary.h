/* memcachedbinary: memcached's binary protocol. */
#ifndef CAPTURE_MEMCACHEDBINARY_H
#define CAPTURE_MEMCACHEDBINARY_H

#include "capture/memcached.h"

/* Whether octets of a client begin with a binary command. */
enum cache_guess memcachedbinary_guess(struct slice bytes);
/* Octets of the client, of the server. False: order is lost. */
bool memcachedbinary_commands(struct memcached *m, struct cache_env *e, const struct chunk *c);
bool memcachedbinary_replies(struct memcached *m, struct cache_env *e, const struct chunk *c);

#endif
