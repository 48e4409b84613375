/* recordcache: the member `cache` of a record: a command of Redis or memcached (struct cache_facts). */
#ifndef CAPTURE_RECORDCACHE_H
#define CAPTURE_RECORDCACHE_H

#include "base/json.h"
#include "capture/slot.h"

struct cJSON;

void recordcache_write(struct json *j, const struct cache_facts *f);
/* Into the slot's arena. NULL: it is no object, or there is no room. */
const struct cache_facts *recordcache_read(const struct cJSON *o, struct slot_pool *pool, struct slot *s);

#endif
