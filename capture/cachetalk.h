/* cachetalk: a connection to Redis or memcached, told by content: by the client's first octets where they can be
 * nothing else, by both sides' where they could. */
#ifndef CAPTURE_CACHETALK_H
#define CAPTURE_CACHETALK_H

#include "capture/memcached.h"

enum cachetalk_kind { CACHETALK_NONE, CACHETALK_UNSURE, CACHETALK_REDIS, CACHETALK_LINES, CACHETALK_BINARY };

struct cachetalk;

/* What the first octets of both sides say; UNSURE: more of them may. */
enum cachetalk_kind cachetalk_tell(struct slice client, struct slice server);

/* `whole`: both directions are read from where they begin. NULL: no room. */
struct cachetalk *cachetalk_open(struct cache_env *e, struct conn *conn, enum cachetalk_kind kind, bool whole);
void cachetalk_feed(struct cachetalk *t, struct cache_env *e, int role, const struct chunk *c);
void cachetalk_gap(struct cachetalk *t, struct cache_env *e, int role, uint64_t n, uint64_t offset);
/* Frees it. *kind: what it was; false: none of its commands could be read. */
bool cachetalk_close(struct cachetalk *t, struct cache_env *e, enum end_state end, enum cachetalk_kind *kind);

/* What connections share is there from now on. False: no memory. */
bool cache_env_open(struct cache_env *e);
void cache_env_fini(struct cache_env *e);

#endif
