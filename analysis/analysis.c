#include "analysis/analysis.h"

#include <stdlib.h>

#include "analysis/cacheable.h"
#include "analysis/state.h"
#include "analysis/target.h"

static uint32_t open_endpoint(void *context, uint32_t node)
{
    struct analysis *a = context;
    return endpoints_open(&a->endpoints, node);
}

static uint64_t endpoint_requests(const void *context, uint32_t id)
{
    return endpoints_at(&((const struct analysis *)context)->endpoints, id)->requests;
}

static void move_endpoint(void *context, uint32_t id, uint32_t node)
{
    struct analysis *a = context;
    endpoints_at(&a->endpoints, id)->node = node;
    endpoints_touch(&a->endpoints, id);
}

static void unite_endpoints(void *context, uint32_t from, uint32_t into)
{
    struct analysis *a = context;
    endpoints_unite(&a->endpoints, from, into);
}

static bool init_parts(struct analysis *a)
{
    struct budget b = budget_of(a->options.memory);
    struct trie_owner owner = {a, open_endpoint, endpoint_requests, move_endpoint, unite_endpoints};
    if (!slab_init(&a->page_memory, sizeof(struct hist_page), b.most[ROOM_PAGES]))
        return false;
    hist_pool_init(&a->pages, (struct hist_page *)(void *)a->page_memory.base, b.most[ROOM_PAGES]);
    a->trie = trie_new(&a->key, &owner, b.most[ROOM_NODES], a->options.strict_templates);
    a->vary = vary_new(&a->key);
    return a->trie && a->vary && endpoints_init(&a->endpoints, &b, &a->pages) && keys_init(&a->keys, &b) &&
           etags_init(&a->etags, b.most[ROOM_ETAGS]) && clients_init(&a->clients, &b, &a->key, &a->pages) &&
           addresses_init(&a->addresses, &a->key, b.most[ROOM_ADDRESSES]) &&
           minutes_init(&a->minutes, b.most[ROOM_MINUTES]);
}

struct analysis *analysis_new(const struct analysis_options *o, struct store *store)
{
    struct analysis *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->options = *o;
    a->key = *o->key;
    a->store = store;
    a->start_us = a->first_us = INT64_MAX;
    a->greatest = a->last_us = INT64_MIN;
    a->base_started = a->base_ended = TIME_NONE;
    if (init_parts(a))
        return a;
    analysis_free(a);
    return NULL;
}

void analysis_free(struct analysis *a)
{
    if (!a)
        return;
    trie_free(a->trie);
    vary_free(a->vary);
    endpoints_fini(&a->endpoints);
    keys_fini(&a->keys);
    etags_fini(&a->etags);
    clients_fini(&a->clients);
    addresses_fini(&a->addresses);
    minutes_fini(&a->minutes);
    slab_fini(&a->page_memory);
    buf_free(&a->text);
    buf_free(&a->route);
    buf_free(&a->latency);
    buf_free(&a->server);
    buf_free(&a->addresses_text);
    free(a);
}

/* The fields the analysis reads, found in one pass. */
struct heads {
    struct slice vary, etag, if_none_match, cache_control, expires, date;
    bool retry_after;
};

static void read_response_field(struct heads *h, const struct field *f)
{
    switch (f->token) {
    case TOKEN_VARY:
        h->vary = f->value;
        break;
    case TOKEN_ETAG:
        h->etag = f->value;
        break;
    case TOKEN_CACHE_CONTROL:
        h->cache_control = f->value;
        break;
    case TOKEN_EXPIRES:
        h->expires = f->value;
        break;
    case TOKEN_DATE:
        h->date = f->value;
        break;
    case TOKEN_RETRY_AFTER:
        h->retry_after = true;
        break;
    default:
        break;
    }
}

static void read_fields(struct heads *h, const struct exchange *x)
{
    for (unsigned i = 0; i < x->n_fields; i++) {
        const struct field *f = &x->fields[i];
        if (f->response)
            read_response_field(h, f);
        else if (f->token == TOKEN_IF_NONE_MATCH)
            h->if_none_match = f->value;
    }
}

static int64_t span(int64_t from, int64_t to)
{
    if (from == TIME_NONE || to == TIME_NONE)
        return -1;
    return to > from ? to - from : 0;
}

/* ttfb minus the least round trip to the server, taken as 0 when unknown (CONTRACT: server_time). */
static int64_t server_time(int64_t ttfb, int32_t rtt)
{
    if (ttfb < 0 || rtt <= 0)
        return ttfb;
    return ttfb > rtt ? ttfb - rtt : 0;
}

static void fill_plain(struct analysis *a, struct row_exchange *r, const struct exchange *x)
{
    *r = (struct row_exchange){.arrival_us = x->arrival,
                               .address = addresses_id(&a->addresses, &x->client, false),
                               .server = addresses_id(&a->addresses, &x->server, true),
                               .status = x->status,
                               .end = x->end,
                               .proto = x->proto,
                               .flags = x->flags | (x->tls ? ROW_TLS : 0),
                               .request_bytes = x->request_bytes,
                               .response_bytes = x->response_bytes,
                               .request_us = span(x->t_req0, x->t_req1),
                               .ttfb_us = span(x->t_req1, x->t_rsp0),
                               .duration_us = span(x->t_req0, x->t_rsp1)};
    r->server_us = server_time(r->ttfb_us, x->rtt_server);
}

static bool own_lifetime(const struct heads *h, int64_t now_us)
{
    return cacheable_lifetime(h->cache_control, h->expires, h->date, floor_div(now_us, 1000000)) > 0;
}

static uint32_t tag_id(const struct analysis *a, struct slice tag)
{
    uint32_t id = tag.p ? (uint32_t)hash_bytes(&a->key, 'e', tag.p, tag.n) : 0;
    return tag.p && !id ? 1 : id;
}

/* Content of the answer (CONTRACT: ttl[]): that of a 304 is the one its tag stands for; of HEAD, 206, 416, what was cut
 * or is ambiguous, unknown. */
static void fill_content(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct heads *h,
                         const struct key *key)
{
    bool unknown = (r->flags & (REPLAY_HEAD | FLAG_TRUNCATED | FLAG_AMBIGUOUS)) || r->status == 206 || r->status == 416;
    if (r->status != 304) {
        r->etag = tag_id(a, h->etag);
        r->content = unknown ? 0 : cacheable_content(x->body_id, x->encoding);
        return;
    }
    r->etag = tag_id(a, h->etag.p ? h->etag : cacheable_single_tag(h->if_none_match));
    if (unknown || !r->etag)
        return;
    r->content = r->etag == key->tag ? key->tag_content : etags_content(&a->etags, key->hash, r->etag);
}

/* The list in effect is the response's own, else that of the key's last response that had one. */
static void fill_variant(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct heads *h,
                         struct key *key)
{
    if (h->vary.p)
        key->vary = (uint16_t)vary_list(a->vary, h->vary);
    r->flags |= (uint32_t)key->vary << REPLAY_VARY_SHIFT;
    r->variant = vary_variant(a->vary, key->vary, x);
}

/* What makes a look-up of an exchange. */
static void fill_eligible(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct heads *h,
                          struct key *key)
{
    enum negative negative;
    r->flags |= ROW_ELIGIBLE;
    if (!key)
        return;
    fill_content(a, r, x, h, key);
    bool fills = cacheable_fills(r->status, &negative) && !vary_star(a->vary, key->vary);
    if (fills && negative == NEGATIVE_MAYBE)
        fills = own_lifetime(h, x->t_rsp0 == TIME_NONE ? x->arrival : x->t_rsp0);
    r->flags |= fills ? ROW_FILLABLE : 0;
}

static uint32_t client_of(struct analysis *a, const struct exchange *x)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!a->options.clients_by_address || x->identity == IDENTITY_ADDRESS)
        return clients_row(&a->clients, x->identity, x->client_hash);
    /* The same pseudonym that capture gives to an address: IPv6 by its /64. */
    size_t n = memcmp(x->client.ip, mapped, sizeof mapped) == 0 ? 16 : 8;
    uint64_t hash = hash_bytes(&a->key, 'A' + IDENTITY_ADDRESS, x->client.ip, n) & 0xffffffffffffu;
    return clients_row(&a->clients, IDENTITY_ADDRESS, hash);
}

static void note_time(struct analysis *a, const struct exchange *x)
{
    int64_t first = x->t_req0 == TIME_NONE ? x->arrival : x->t_req0;
    int64_t last = x->t_rsp1 == TIME_NONE || x->t_rsp1 < x->arrival ? x->arrival : x->t_rsp1;
    a->first_us = first < a->first_us ? first : a->first_us;
    a->last_us = last > a->last_us ? last : a->last_us;
}

static void record(struct analysis *a, const struct row_exchange *r)
{
    if (a->store)
        store_exchange(a->store, r);
    if (a->options.record)
        a->options.record(a->options.context, r);
}

static void take_orphan(struct analysis *a, const struct exchange *x)
{
    struct row_exchange r;
    fill_plain(a, &r, x);
    r.flags |= ROW_ORPHAN;
    observe_orphan(a, &r);
    record(a, &r);
}

/* Row of a key first seen; its endpoint is found here, once. */
static uint32_t add_key(struct analysis *a, const struct exchange *x, uint64_t hash, struct slice path,
                        uint32_t *endpoint)
{
    *endpoint = observe_endpoint(a, x->method, x->service, path);
    uint32_t row = keys_add(&a->keys, hash, x->method, x->service, x->target);
    if (row != MAP_NONE)
        keys_at(&a->keys, row)->endpoint = *endpoint;
    return row;
}

static void fill_flags(struct row_exchange *r, const struct exchange *x, const struct heads *h)
{
    if (slice_eq(x->method, SLICE("HEAD")))
        r->flags |= REPLAY_HEAD;
    if (r->status == 429 || (r->status == 503 && h->retry_after))
        r->flags |= REPLAY_THROTTLED;
}

/* Memory is asked for early, so that it has arrived when its turn comes: index of keys, row of the key, slot. */
static void take_request(struct analysis *a, const struct exchange *x)
{
    struct fact f = {.method = x->method};
    struct heads h = {0};
    struct key_text text = target_key(x->method, x->service, x->target, a->text.p);
    uint64_t hash = hash_bytes(&a->key, 'k', text.whole.p, text.whole.n);
    map_prefetch(&a->keys.map, hash);
    f.client = client_of(a, x);
    map_prefetch_row(&a->keys.map, hash);
    if (f.client != MAP_NONE)
        clients_prefetch(&a->clients, f.client, x->arrival);
    fill_plain(a, &f.row, x);
    f.key = keys_find(&a->keys, hash);
    if (f.key == MAP_NONE)
        f.key = add_key(a, x, hash, text.path, &f.row.endpoint);
    struct key *key = f.key == MAP_NONE ? NULL : keys_at(&a->keys, f.key);
    if (key)
        keys_prefetch_slot(&a->keys, key);
    read_fields(&h, x);
    fill_flags(&f.row, x, &h);
    if (key && x->status)
        fill_variant(a, &f.row, x, &h, key);
    if (cacheable_eligible(x->method, x->status, x->end == END_COMPLETE))
        fill_eligible(a, &f.row, x, &h, key);
    f.row.key = key ? f.key + 1 : 0;
    observe(a, &f, true);
    record(a, &f.row);
}

void analysis_take(struct analysis *a, const struct exchange *x)
{
    if (x->proto >= TOTALS_PROTOCOLS)
        return; /* not HTTP */
    note_time(a, x);
    if (!x->method.p) {
        take_orphan(a, x);
        return;
    }
    a->text.n = 0;
    if (!buf_reserve(&a->text, x->method.n + x->service.n + x->target.n + 4)) {
        a->failed = true;
        return;
    }
    take_request(a, x);
}

void analysis_stats(struct analysis *a, const struct capture_stats *s)
{
    a->stats = *s;
    a->stats_known = true;
}
