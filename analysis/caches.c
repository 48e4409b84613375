#include "analysis/caches.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/store/store.h"
#include "base/pages.h"

enum { SET = 4 };
enum { HOT_ID = 1 << 24 }; /* rows of keys are numbered from here, by rank */

bool caches_init(struct caches *c, const struct budget *b)
{
    c->n_keys = b->most[ROOM_CACHE_KEYS] / SET * SET;
    c->key = pages_reserve(c->n_keys * sizeof *c->key);
    return c->key && slab_init(&c->rows, sizeof(struct caches_row), b->most[ROOM_CACHE_ROWS]) &&
           map_init(&c->map, c->rows.base, c->rows.unit, c->rows.most);
}

void caches_fini(struct caches *c)
{
    pages_release(c->key, c->n_keys * sizeof *c->key);
    map_free(&c->map);
    slab_fini(&c->rows);
}

uint64_t caches_bytes(const struct caches *c)
{
    return slab_bytes(&c->rows) + map_bytes(c->map.used) + (c->rows.used ? c->n_keys * sizeof *c->key : 0);
}

/* ---- rows ---- */

static struct caches_row *row_at(const struct caches *c, uint32_t row)
{
    return slab_at(&c->rows, row);
}

static void begin_row(struct caches_row *row, enum cache_row what, enum proto proto, struct slice server,
                      struct slice name)
{
    row->what = (uint8_t)what;
    row->proto = (uint8_t)proto;
    memcpy(row->server, server.p, server.n < sizeof row->server ? server.n : sizeof row->server - 1);
    memcpy(row->name, name.p, name.n < sizeof row->name ? name.n : sizeof row->name - 1);
    row->first_us = INT64_MAX;
    row->last_us = INT64_MIN;
}

/* Row of a hash; that of all others when there is no room. The last rows are theirs. */
static uint32_t find_row(struct caches *c, uint64_t hash, enum cache_row what, enum proto proto, struct slice server,
                         struct slice name)
{
    uint32_t row = map_find(&c->map, hash);
    if (row != MAP_NONE)
        return row;
    uint32_t left = c->rows.most - c->rows.used, open = 0;
    for (int i = 0; i < CACHE_ROWS; i++)
        open += !c->other[i];
    bool room = left > open;
    if (!room && c->other[what])
        return c->other[what] - 1;
    if (!room) {
        server = name = SLICE("(other)");
        hash = what + 1;
    }
    row = slab_row(&c->rows, &c->map, hash);
    if (row == SLAB_NONE) /* many places in a row of the map are taken */
        return c->other[what] ? c->other[what] - 1 : 0;
    begin_row(row_at(c, row), what, proto, server, name);
    if (!room)
        c->other[what] = row + 1;
    return row;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    return hash_mix(a ^ hash_mix(b + 0x9e3779b97f4a7c15u));
}

static uint64_t text_hash(struct slice s)
{
    static const struct hash_key plain = {1, 2, 3}; /* what it is of is few and capture's own; rows are bounded */
    return hash_bytes(&plain, 'c', s.p, s.n);
}

static uint64_t server_hash(const struct exchange *x)
{
    uint64_t words[3] = {0, 0, (uint64_t)x->proto << 16 | x->server.port};
    memcpy(words, x->server.ip, 16);
    return mix(mix(words[0], words[1]), words[2]);
}

/* ---- what one exchange says ---- */

static void note_time(struct caches_row *row, int64_t us)
{
    row->first_us = us < row->first_us ? us : row->first_us;
    row->last_us = us > row->last_us ? us : row->last_us;
}

static void take_latency(struct caches_row *row, const struct exchange *x, struct hist_pool *pages)
{
    const struct cache_facts *f = x->cache;
    if (!f->answered || f->blocks || f->queued || x->t_rsp1 == TIME_NONE || x->t_rsp1 < x->t_req0)
        return;
    int64_t us = x->t_rsp1 - x->t_req0;
    hist_add(&row->latency, pages, (uint64_t)us);
    row->count[CACHE_COUNT_latency_us] += (uint64_t)us;
    row->count[CACHE_COUNT_slow] += us >= CACHES_SLOW_US;
}

static void take_value(struct caches_row *row, uint64_t bytes)
{
    row->count[CACHE_COUNT_value_bytes] += bytes;
    row->count[CACHE_COUNT_large] += bytes >= CACHES_LARGE;
    if (bytes > row->count[CACHE_COUNT_value_max])
        row->count[CACHE_COUNT_value_max] = bytes;
}

static void take_common(struct caches_row *row, const struct exchange *x)
{
    const struct cache_facts *f = x->cache;
    uint64_t *n = row->count;
    n[CACHE_COUNT_commands]++;
    n[CACHE_COUNT_answered] += f->answered;
    n[CACHE_COUNT_failed] += f->failed;
    n[CACHE_COUNT_writes] += f->kind == CACHE_WRITE && !f->failed;
    n[CACHE_COUNT_deletes] += f->kind == CACHE_DELETE && !f->failed;
    note_time(row, x->arrival);
    row->dirty = true;
}

/* A server's, or a command's. */
static void take_whole(struct caches_row *row, const struct exchange *x, struct hist_pool *pages)
{
    const struct cache_facts *f = x->cache;
    uint64_t *n = row->count;
    take_common(row, x);
    n[CACHE_COUNT_lookups] += f->lookup ? (uint64_t)f->hits + f->misses + f->untold : 0;
    n[CACHE_COUNT_hits] += f->hits;
    n[CACHE_COUNT_misses] += f->misses;
    n[CACHE_COUNT_untold] += f->untold;
    n[CACHE_COUNT_request_bytes] += x->request_bytes;
    n[CACHE_COUNT_response_bytes] += x->response_bytes;
    take_value(row, f->value_bytes);
    take_latency(row, x, pages);
}

/* ---- keys ---- */

/* The entry of a key; the least asked of its set makes room, and what it counted is an error from then on. */
static struct caches_key *find_key(struct caches *c, uint64_t hash, uint32_t pattern)
{
    struct caches_key *set = &c->key[hash % (c->n_keys / SET) * SET], *least = set;
    for (int i = 0; i < SET; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].commands < least->commands)
            least = &set[i];
    }
    *least = (struct caches_key){.hash = hash,
                                 .set_us = TIME_NONE,
                                 .expires_us = TIME_NONE,
                                 .miss_us = TIME_NONE,
                                 .commands = least->commands,
                                 .error = least->commands,
                                 .pattern = pattern};
    return least;
}

static void take_ttl(struct caches_row *row, struct caches_key *k, int64_t ttl_us, int64_t now, struct hist_pool *pages)
{
    if (ttl_us < 0)
        return;
    row->count[ttl_us ? CACHE_COUNT_ttl_sets : CACHE_COUNT_ttl_forever]++;
    if (ttl_us)
        hist_add(&row->ttl, pages, (uint64_t)ttl_us / 1000);
    k->expires_us = ttl_us ? now + ttl_us : 0;
}

static void take_written(struct caches_row *row, struct caches_key *k, const struct exchange *x,
                         struct hist_pool *pages)
{
    const struct cache_facts *f = x->cache;
    int64_t since = k->miss_us == TIME_NONE ? -1 : x->t_req0 - k->miss_us;
    take_ttl(row, k, f->ttl_us, x->arrival, pages);
    if (f->value_bytes || k->set_us == TIME_NONE)
        k->set_us = x->arrival;
    if (since >= 0 && since <= CACHES_FILL_US) {
        row->count[CACHE_COUNT_fills]++;
        row->count[CACHE_COUNT_fill_us] += (uint64_t)since;
        hist_add(&row->fill, pages, (uint64_t)since);
    }
    k->miss_us = TIME_NONE;
}

static void take_miss(struct caches_row *row, struct caches_key *k, int64_t now)
{
    int64_t slack = row->proto == PROTO_MEMCACHED ? 1000000 : 2000; /* whole seconds; the way there */
    row->count[CACHE_COUNT_misses_again] += k->miss_us != TIME_NONE;
    if (k->set_us != TIME_NONE && k->expires_us != TIME_NONE) {
        bool over = k->expires_us && now >= k->expires_us - slack;
        row->count[over ? CACHE_COUNT_expired : CACHE_COUNT_early]++;
    }
    k->set_us = k->expires_us = TIME_NONE;
    k->miss_us = now;
}

static void take_hit(struct caches_row *row, struct caches_key *k, int64_t now, struct hist_pool *pages)
{
    k->hits += k->hits < UINT32_MAX;
    k->miss_us = TIME_NONE;
    if (k->set_us != TIME_NONE && now >= k->set_us)
        hist_add(&row->age, pages, (uint64_t)(now - k->set_us) / 1000);
}

static void take_key(struct caches *c, const struct exchange *x, const struct cache_key *key, uint64_t server,
                     struct slice server_text, struct hist_pool *pages)
{
    const struct cache_facts *f = x->cache;
    uint64_t hash = mix(server + CACHE_ROW_pattern, text_hash(key->pattern));
    uint32_t at = find_row(c, hash, CACHE_ROW_pattern, (enum proto)x->proto, server_text, key->pattern);
    struct caches_row *row = row_at(c, at);
    struct caches_key *k = find_key(c, mix(server, key->hash) | 1, at);
    int64_t now = x->t_rsp1 == TIME_NONE ? x->arrival : x->t_rsp1;
    k->commands += k->commands < UINT32_MAX;
    take_common(row, x);
    take_value(row, key->bytes);
    if (f->n == 1)
        take_latency(row, x, pages);
    if (f->lookup) {
        row->count[CACHE_COUNT_lookups]++;
        row->count[CACHE_COUNT_hits] += key->outcome == CACHE_HIT;
        row->count[CACHE_COUNT_misses] += key->outcome == CACHE_MISS;
        row->count[CACHE_COUNT_untold] += key->outcome == CACHE_UNTOLD;
    }
    if (f->lookup && key->outcome == CACHE_MISS)
        take_miss(row, k, now);
    if (f->lookup && key->outcome == CACHE_HIT)
        take_hit(row, k, now, pages);
    if (f->kind == CACHE_WRITE && !f->failed &&
        (f->lookup || key->outcome != CACHE_MISS)) /* only if absent, and it was */
        take_written(row, k, x, pages);
    else if (f->kind == CACHE_READ && key->outcome == CACHE_HIT)
        take_ttl(row, k, f->ttl_us, now, pages);
    if (f->kind == CACHE_DELETE && !f->failed)
        k->set_us = k->expires_us = TIME_NONE;
}

void caches_take(struct caches *c, const struct exchange *x, struct hist_pool *pages)
{
    char text[56];
    struct slice server = slice_of(text, addr_format(&x->server, true, text));
    uint64_t hash = server_hash(x);
    enum proto proto = (enum proto)x->proto;
    take_whole(row_at(c, find_row(c, hash, CACHE_ROW_server, proto, server, SLICE(""))), x, pages);
    take_whole(row_at(c, find_row(c, mix(hash + CACHE_ROW_command, text_hash(x->method)), CACHE_ROW_command, proto,
                                  server, x->method)),
               x, pages);
    for (uint32_t i = 0; i < x->cache->n; i++)
        take_key(c, x, &x->cache->key[i], hash, server, pages);
    c->dirty = true;
}

/* ---- to the store and back ---- */

static struct slice write_hist(struct store *s, const struct hist *h, const struct hist_pool *pages)
{
    struct buf blob = {0};
    if (!h->n)
        return SLICE("");
    hist_write_paged(h, pages, &blob);
    struct slice kept = store_text(s, slice_of(blob.p, blob.n));
    buf_free(&blob);
    return kept;
}

static void commit_row(const struct caches_row *row, uint32_t id, struct store *s, const struct hist_pool *pages)
{
    struct row_cache *out = store_cache(s);
    if (!out)
        return;
    *out = (struct row_cache){.id = id,
                              .what = store_text(s, slice_str(row_cache_names[row->what])),
                              .proto = store_text(s, slice_str(proto_name((enum proto)row->proto))),
                              .server = store_text(s, slice_str(row->server)),
                              .name = store_text(s, slice_str(row->name)),
                              .pattern = SLICE(""),
                              .first_us = row->first_us,
                              .last_us = row->last_us,
                              .latency = write_hist(s, &row->latency, pages),
                              .ttl = write_hist(s, &row->ttl, pages),
                              .age = write_hist(s, &row->age, pages),
                              .fill = write_hist(s, &row->fill, pages)};
#define CACHE_COUNT(field, holds) out->field = row->count[CACHE_COUNT_##field];
#include "analysis/store/cache.def"
#undef CACHE_COUNT
}

/* Sure counts first, then by hash. */
static int by_heat(const void *x, const void *y)
{
    const struct caches_key *a = *(const struct caches_key *const *)x, *b = *(const struct caches_key *const *)y;
    uint32_t sure_a = a->commands - a->error, sure_b = b->commands - b->error;
    if (sure_a != sure_b)
        return sure_a < sure_b ? 1 : -1;
    return (a->hash > b->hash) - (a->hash < b->hash);
}

/* The hottest ones, hottest first. Returns how many. */
static unsigned hottest(const struct caches *c, const struct caches_key *out[CACHES_HOT])
{
    unsigned n = 0;
    for (uint32_t i = 0; i < c->n_keys; i++) {
        const struct caches_key *k = &c->key[i];
        if (k->commands - k->error < 2 || (n == CACHES_HOT && by_heat(&k, &out[n - 1]) > 0))
            continue;
        unsigned at = n < CACHES_HOT ? n++ : n - 1;
        for (; at && by_heat(&k, &out[at - 1]) < 0; at--)
            out[at] = out[at - 1];
        out[at] = k;
    }
    return n;
}

static void commit_key(const struct caches *c, const struct caches_key *k, uint32_t id, struct store *s)
{
    const struct caches_row *row = row_at(c, k->pattern);
    struct row_cache *out = store_cache(s);
    char name[20];
    if (!out)
        return;
    snprintf(name, sizeof name, "%016" PRIx64, k->hash);
    *out = (struct row_cache){.id = id,
                              .what = SLICE("key"),
                              .proto = store_text(s, slice_str(proto_name((enum proto)row->proto))),
                              .server = store_text(s, slice_str(row->server)),
                              .name = store_text(s, slice_str(name)),
                              .pattern = store_text(s, slice_str(row->name)),
                              .commands = k->commands,
                              .untold = k->error,
                              .hits = k->hits,
                              .first_us = TIME_NONE,
                              .last_us = TIME_NONE};
    out->latency = out->ttl = out->age = out->fill = SLICE("");
}

void caches_commit(struct caches *c, struct store *s, const struct hist_pool *pages)
{
    const struct caches_key *hot[CACHES_HOT];
    if (!c->dirty)
        return;
    for (uint32_t i = 0; i < c->rows.used; i++)
        if (row_at(c, i)->dirty) {
            commit_row(row_at(c, i), i + 1, s, pages);
            row_at(c, i)->dirty = false;
        }
    for (unsigned i = 0, n = hottest(c, hot); i < n; i++)
        commit_key(c, hot[i], HOT_ID + i, s);
    c->dirty = false;
}

static void load_hist(struct hist *h, struct slice blob, struct hist_pool *pages)
{
    struct hist_dense d;
    if (blob.n && hist_read(blob, &d))
        hist_load(h, &d, pages);
}

static bool parse_server(const struct row_cache *row, struct exchange *x)
{
    *x = (struct exchange){.proto = slice_eq(row->proto, slice_str(proto_name(PROTO_REDIS))) ? PROTO_REDIS
                                                                                             : PROTO_MEMCACHED};
    return addr_parse(row->server, &x->server);
}

static void load_key(struct caches *c, const struct row_cache *row, uint64_t server)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < row->name.n && ascii_hex(row->name.p[i]) >= 0; i++)
        hash = hash << 4 | (uint64_t)ascii_hex(row->name.p[i]);
    uint32_t pattern = map_find(&c->map, mix(server + CACHE_ROW_pattern, text_hash(row->pattern)));
    if (!hash || pattern == MAP_NONE)
        return;
    struct caches_key *k = find_key(c, hash, pattern);
    k->commands = row->commands < UINT32_MAX ? (uint32_t)row->commands : UINT32_MAX;
    k->error = row->untold < k->commands ? (uint32_t)row->untold : k->commands;
    k->hits = row->hits < UINT32_MAX ? (uint32_t)row->hits : UINT32_MAX;
}

void caches_load(struct caches *c, const struct row_cache *row, struct hist_pool *pages)
{
    struct exchange x;
    enum cache_row what = CACHE_ROW_server;
    while (what < CACHE_ROWS && !slice_eq(row->what, slice_str(row_cache_names[what])))
        what++;
    bool other = !parse_server(row, &x);
    uint64_t server = other ? 0 : server_hash(&x);
    if (what == CACHE_ROW_key) {
        load_key(c, row, server);
        return;
    }
    if (what == CACHE_ROWS)
        return;
    uint64_t hash = other ? what + 1u : what == CACHE_ROW_server ? server : mix(server + what, text_hash(row->name));
    uint32_t at = find_row(c, hash, what, (enum proto)x.proto, row->server, row->name);
    struct caches_row *to = row_at(c, at);
    if (other)
        c->other[what] = at + 1;
#define CACHE_COUNT(field, holds) to->count[CACHE_COUNT_##field] += row->field;
#include "analysis/store/cache.def"
#undef CACHE_COUNT
    to->dirty = c->dirty = true; /* its number may be another */
    to->first_us = row->first_us;
    to->last_us = row->last_us;
    load_hist(&to->latency, row->latency, pages);
    load_hist(&to->ttl, row->ttl, pages);
    load_hist(&to->age, row->age, pages);
    load_hist(&to->fill, row->fill, pages);
}
