#include "analysis/ttlcache.h"

#include "analysis/cacheable.h"
#include "analysis/ladder.h"
#include "base/floor.h"

const char *const ttlcache_profiles[TTLCACHE_PROFILES] = {"exact", "nginx", "varnish", "haproxy"};

enum { SECOND_US = 1000000, QUANTUM_MS = 4 };

bool ttlcache_fresh(const struct ttlcache_slot *s, enum ttlcache_profile profile, int64_t ttl_us, int64_t us)
{
    if (!s->filled)
        return false;
    switch (profile) {
    case TTLCACHE_NGINX:
        return floor_div(us, SECOND_US) <= floor_div(s->fresh_from, SECOND_US) + ttl_us / SECOND_US;
    case TTLCACHE_HAPROXY:
        return floor_div(us, SECOND_US) < floor_div(s->fresh_from, SECOND_US) + ttl_us / SECOND_US;
    case TTLCACHE_VARNISH:
        return us - s->fresh_from < ttl_us;
    default:
        return (floor_div(us, 1000) - floor_div(s->fresh_from, 1000)) * 1000 < ttl_us;
    }
}

static void fill(struct ttlcache_slot *s, enum ttlcache_profile profile, const struct ttlcache_visit *v)
{
    int64_t later = profile == TTLCACHE_EXACT || v->ttfb_us < 0 ? 0 : v->ttfb_us;
    s->filled = true;
    s->fresh_from = v->us + later;
    s->filled_ms = floor_div(v->us, 1000);
    s->content = v->content;
    s->error = v->error;
    s->fetch = ladder_quanta(v->fetch_us);
}

static void count(struct ttlcache_sums *n, const struct ttlcache_slot *s, const struct ttlcache_visit *v)
{
    uint32_t seen = v->error ? 0 : v->content;
    bool known = cacheable_comparable(s->content, seen);
    n->hits++;
    n->stale += known && s->content != seen;
    n->wrong += known && s->content != seen && floor_div(v->us, 1000) - s->filled_ms < 1000;
    n->unknown += !known;
    n->masked += v->error && !s->error;
    n->coalesced += floor_div(v->us, 1000) - s->filled_ms < (int64_t)s->fetch * QUANTUM_MS;
    n->bytes += v->bytes;
    n->server_us += v->server_us;
}

bool ttlcache_visit(struct ttlcache_slot *s, enum ttlcache_profile profile, int64_t ttl_us,
                    const struct ttlcache_visit *v, struct ttlcache_sums *sums)
{
    bool hit = ttlcache_fresh(s, profile, ttl_us, v->us);
    sums->lookups++;
    if (hit)
        count(sums, s, v);
    else if (v->fillable)
        fill(s, profile, v);
    return hit;
}
