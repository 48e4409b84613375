#include "analysis/hosts.h"

#include <stdlib.h>

#include "base/dense.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/table.h"
#include "capture/exchange.h"

enum { HOSTS_MOST = 1 << 20 };

struct loading {
    struct hosts *hosts;
    struct hash_key key;
    struct map map;
    uint64_t *hash; /* of hosts and networks, by number - 1 */
    uint32_t n;
    bool failed;
};

static uint32_t number_of(struct loading *l, const struct addr *a)
{
    uint64_t hash = hash_bytes(&l->key, a->known, a->ip, sizeof a->ip);
    uint32_t at = map_find(&l->map, hash);
    if (at != MAP_NONE)
        return at + 1;
    if (l->n == HOSTS_MOST || !map_insert(&l->map, hash, l->n))
        return 0;
    l->hash[l->n++] = hash;
    return l->n;
}

static bool add(void *context, const struct row_address *row)
{
    struct loading *l = context;
    struct addr a;
    if (!addr_parse(row->text, &a))
        return true;
    if (!dense_grow((void **)&l->hosts->at, &l->hosts->n, row->id, sizeof *l->hosts->at)) {
        l->failed = true;
        return false;
    }
    struct addr network = addr_network(&a);
    l->hosts->at[row->id] = (struct host){a.known == ADDR_WHOLE ? number_of(l, &a) : 0, number_of(l, &network)};
    return true;
}

bool hosts_load(struct hosts *h, struct store_reader *r)
{
    struct loading l = {.hosts = h};
    *h = (struct hosts){0};
    l.hash = table_new(HOSTS_MOST, sizeof *l.hash); /* touched as it fills */
    l.failed = !l.hash || !hash_key_random(&l.key) || !map_init(&l.map, l.hash, sizeof *l.hash, HOSTS_MOST);
    if (!l.failed)
        store_read_addresses(r, add, &l);
    map_free(&l.map);
    table_free(l.hash);
    return !l.failed;
}

void hosts_free(struct hosts *h)
{
    free(h->at);
    *h = (struct hosts){0};
}
