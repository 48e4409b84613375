#include "analysis/copies.h"

#include "analysis/cacheable.h"
#include "analysis/vary.h"
#include "base/hash.h"

uint32_t copies_variant(enum ttlcache_profile profile, uint32_t hash, uint32_t accepts)
{
    switch (accepts ? profile : TTLCACHE_EXACT) {
    case TTLCACHE_NGINX:
        return (uint32_t)hash_mix((uint64_t)vary_rest(hash, accepts) << 32 | accepts >> ACCEPTS_SHIFT);
    case TTLCACHE_VARNISH:
    case TTLCACHE_HAPROXY:
        return vary_rest(hash, accepts);
    default:
        return hash;
    }
}

bool copies_asked_past(enum ttlcache_profile profile, bool refresh)
{
    return refresh && profile == TTLCACHE_HAPROXY;
}

bool copies_filled_by(enum ttlcache_profile profile, uint16_t status, bool head)
{
    return profile == TTLCACHE_EXACT || (profile == TTLCACHE_HAPROXY ? status == 200 && !head : status < 400);
}

bool copies_kept(enum ttlcache_profile profile, struct slice names)
{
    enum { NGINX_VARY = 128 };
    struct slice name;
    if (profile == TTLCACHE_NGINX)
        return names.n <= NGINX_VARY;
    while (profile == TTLCACHE_HAPROXY && slice_next(&names, ',', &name))
        if (!slice_ieq(name, SLICE("accept-encoding")) && !slice_ieq(name, SLICE("referer")))
            return false;
    return true;
}

/* Classes of cacheable_content. */
enum { IDENTITY, GZIP, BROTLI, OTHER };

unsigned copies_coding(uint32_t content, uint32_t accepts)
{
    unsigned class = content >> CONTENT_CLASS_SHIFT;
    if (content && class < COPIES_CODINGS)
        return class;
    return accepts & ACCEPTS_GZIP ? GZIP : accepts & ACCEPTS_BR ? BROTLI : accepts & ACCEPTS_ZSTD ? OTHER : IDENTITY;
}

static bool accepted(unsigned coding, uint32_t accepts)
{
    static const uint32_t asks[COPIES_CODINGS] = {[IDENTITY] = ~0u,
                                                  [GZIP] = ACCEPTS_GZIP | ACCEPTS_ANY,
                                                  [BROTLI] = ACCEPTS_BR | ACCEPTS_ANY,
                                                  [OTHER] = ACCEPTS_ZSTD | ACCEPTS_ANY};
    return asks[coding] & accepts;
}

static bool older(const struct ttlcache_slot *a, const struct ttlcache_slot *b)
{
    return a && a->filled && (!b || a->fresh_from < b->fresh_from);
}

static bool drop_old(struct ttlcache_slot *s, int64_t ttl_us, int64_t us)
{
    bool old = s && !ttlcache_fresh(s, TTLCACHE_HAPROXY, ttl_us, us);
    if (old)
        s->filled = false;
    return old;
}

struct ttlcache_slot *copies_choose(struct ttlcache_slot *const copy[COPIES_CODINGS], uint32_t accepts, int64_t ttl_us,
                                    int64_t us)
{
    struct ttlcache_slot *first = NULL, *fit = NULL;
    for (unsigned i = 0; i < COPIES_CODINGS; i++) {
        first = older(copy[i], first) ? copy[i] : first;
        fit = accepted(i, accepts) && older(copy[i], fit) ? copy[i] : fit;
    }
    return drop_old(first, ttl_us, us) || drop_old(fit, ttl_us, us) ? NULL : fit;
}

void copies_replace(struct ttlcache_slot *const copy[COPIES_CODINGS], uint32_t accepts, int64_t ttl_us, int64_t us)
{
    struct ttlcache_slot *fit = copies_choose(copy, accepts, ttl_us, us);
    if (fit)
        fit->filled = false;
}
