/* From an exchange to a fact: what its fields say of key, variant, content and eligibility (CONTRACT: ttl[]). */
#include <endian.h>

#include "analysis/cacheable.h"
#include "analysis/heads.h"
#include "analysis/quota.h"
#include "analysis/state.h"
#include "base/prefetch.h"

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

_Static_assert(TIME_NONE == INT64_MIN, "what is not known comes before all that is");

static inline struct times times_of(const struct exchange *x)
{
    if (x->t_req0 != TIME_NONE && x->t_req0 <= x->t_req1 && x->t_req1 <= x->t_rsp0 && x->t_rsp0 <= x->t_rsp1) {
        int64_t ttfb = x->t_rsp0 - x->t_req1;
        return (struct times){x->t_req1 - x->t_req0, ttfb, x->t_rsp1 - x->t_req0, server_time(ttfb, x->rtt_server)};
    }
    int64_t ttfb = span(x->t_req1, x->t_rsp0);
    return (struct times){span(x->t_req0, x->t_req1), ttfb, span(x->t_req0, x->t_rsp1),
                          server_time(ttfb, x->rtt_server)};
}

static void fill_plain(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct times *t,
                       uint32_t address)
{
    *r = (struct row_exchange){.arrival_us = x->arrival,
                               .address = address,
                               .server = addresses_id(&a->addresses, &x->server, true),
                               .status = x->status,
                               .end = x->end,
                               .proto = x->proto,
                               .flags = x->flags | (x->tls ? ROW_TLS : 0),
                               .request_bytes = x->request_bytes,
                               .response_bytes = x->response_bytes,
                               .request_us = t->request,
                               .ttfb_us = t->ttfb,
                               .duration_us = t->duration,
                               .server_us = t->server,
                               .body = x->request_bytes ? (uint32_t)x->request_body_id : 0,
                               .rtt = (uint32_t)(x->rtt_client + 1),
                               .conn = (uint32_t)x->conn,
                               .trace = (uint32_t)x->trace_id,
                               .request_id = (uint32_t)x->request_id,
                               .window_us = x->window_us,
                               .loss_us = x->loss_us};
}

static bool own_lifetime(const struct heads *h, int64_t now_us)
{
    return cacheable_lifetime(heads_get(h, HEAD_cache_control), heads_get(h, HEAD_expires), heads_get(h, HEAD_date),
                              floor_div(now_us, 1000000)) > 0;
}

/* A sealed tag, `~` and 12 hex digits, is a keyed hash already: 32 bits of it, the last eight digits, all at once. */
static uint32_t sealed_id(struct slice tag)
{
    uint64_t v;
    memcpy(&v, tag.p + 5, sizeof v);
    v = be64toh(v);                                                   /* first digit highest */
    v = (v & 0x0f0f0f0f0f0f0f0f) + (v >> 6 & 0x0101010101010101) * 9; /* a digit a byte */
    v = (v | v >> 4) & 0x00ff00ff00ff00ff;                            /* two */
    v = (v | v >> 8) & 0x0000ffff0000ffff;                            /* four */
    return (uint32_t)(v | v >> 16);
}

static uint32_t tag_id(const struct analysis *a, struct slice tag)
{
    if (!tag.p)
        return 0;
    struct slice hidden = heads_weak(tag) ? slice_sub(tag, 2, tag.n) : tag;
    bool sealed = hidden.n == 13 && hidden.p[0] == '~';
    uint32_t id = sealed ? sealed_id(hidden) : (uint32_t)hash_bytes(&a->key, 'e', tag.p, tag.n);
    return id ? id : 1;
}

/* What the tag last stood for with this key; 0: unknown. */
static uint32_t content_of(const struct analysis *a, const struct key *key, struct slice tag)
{
    uint32_t id = tag_id(a, tag);
    return !id ? 0 : id == key->tag ? key->tag_content : etags_content(&a->etags, key->hash, id);
}

/* As it was sent, unless equal contents of the target are known to be sent in different ways (ALGORITHMS.md 4.1). */
static uint32_t content_seen(const struct exchange *x)
{
    if ((x->flags & FLAG_CANONICAL) && x->decoded_id)
        return cacheable_decoded(x->decoded_id);
    return cacheable_content(x->body_id, x->encoding);
}

/* Content of the answer (CONTRACT: ttl[]): that of a 304 is the one its tag stands for; of HEAD, 206, 416, what was cut
 * or is ambiguous, unknown. */
static void fill_content(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct heads *h,
                         const struct key *key)
{
    bool unknown = (r->flags & (REPLAY_HEAD | FLAG_TRUNCATED | FLAG_AMBIGUOUS)) || r->status == 206 || r->status == 416;
    if (r->status != 304) {
        r->etag = tag_id(a, heads_get(h, HEAD_etag));
        if (r->etag && r->etag != key->tag) { /* whether it told of another content before; and what its last one did */
            etags_prefetch(&a->etags, key->hash, r->etag);
            if (key->tag)
                etags_prefetch(&a->etags, key->hash, key->tag);
        }
        r->content = unknown ? 0 : content_seen(x);
        r->notes |= NOTE(wasted_full,
                         r->status == 200 && r->content && heads_has(h, HEAD_if_none_match) &&
                             content_of(a, key, cacheable_single_tag(heads_get(h, HEAD_if_none_match))) == r->content);
        return;
    }
    struct slice tag =
        heads_has(h, HEAD_etag) ? heads_get(h, HEAD_etag) : cacheable_single_tag(heads_get(h, HEAD_if_none_match));
    r->etag = tag_id(a, tag);
    if (!unknown)
        r->content = content_of(a, key, tag);
}

/* The list in effect is the response's own, else that of the key's last response that had one. */
static void fill_variant(struct analysis *a, struct row_exchange *r, const struct exchange *x, const struct heads *h,
                         struct key *key)
{
    if (heads_has(h, HEAD_vary))
        key->vary = (uint16_t)vary_list(a->vary, heads_get(h, HEAD_vary));
    r->flags |= (uint32_t)key->vary << REPLAY_VARY_SHIFT;
    if (!key->vary)
        return;
    struct variant variant = vary_variant(a->vary, key->vary, x);
    r->variant = variant.hash;
    r->accepts = variant.accepts;
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
    bool fills = cacheable_fills(r->status, &negative) && !(key->vary && vary_star(a->vary, key->vary));
    if (fills && negative == NEGATIVE_MAYBE)
        fills = own_lifetime(h, x->t_rsp0 == TIME_NONE ? x->arrival : x->t_rsp0);
    r->flags |= fills ? ROW_FILLABLE : 0;
}

static bool is_http(const struct exchange *x)
{
    return x->proto < TOTALS_PROTOCOLS;
}

/* Whether it has a credential that its client is not told by. */
static bool has_besides(const struct analysis *a, const struct exchange *x)
{
    if (!a->options.clients_by_address)
        return x->credential_besides;
    return x->credential_besides || (x->identity != IDENTITY_ADDRESS && x->identity != IDENTITY_FORWARDED);
}

/* Who the client is to be: what capture found, or the address with the pseudonym that capture gives to one (IPv6 by its
 * /64). Of whose address nothing but the network is left the identity stays: clients of one network are many. */
static uint64_t who_is(const struct analysis *a, const struct exchange *x, enum identity *kind)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool told = x->client.known != ADDR_NETWORK || x->address_hash;
    *kind = a->options.clients_by_address && told ? IDENTITY_ADDRESS : (enum identity)x->identity;
    if (*kind == (enum identity)x->identity)
        return x->client_hash;
    if (x->address_hash)
        return x->address_hash;
    size_t n = memcmp(x->client.ip, mapped, sizeof mapped) == 0 ? 16 : 8;
    return hash_bytes(&a->key, 'A' + IDENTITY_ADDRESS, x->client.ip, n) & 0xffffffffffffu;
}

static void note_time(struct analysis *a, const struct exchange *x)
{
    int64_t first = x->t_req0 == TIME_NONE ? x->arrival : x->t_req0;
    int64_t last = x->t_rsp1 == TIME_NONE || x->t_rsp1 < x->arrival ? x->arrival : x->t_rsp1;
    a->first_us = first < a->first_us ? first : a->first_us;
    a->last_us = last > a->last_us ? last : a->last_us;
}

/* n records, each `apart` octets behind the one before. */
static void record(struct analysis *a, const struct row_exchange *r, size_t apart, size_t n)
{
    if (!n)
        return;
    if (a->store)
        store_exchanges(a->store, r, apart, (unsigned)n);
    for (const char *p = (const char *)r, *end = p + n * apart; a->options.record && p < end; p += apart)
        a->options.record(a->options.context, (const struct row_exchange *)(const void *)p);
}

static void take_orphan(struct analysis *a, const struct exchange *x)
{
    struct row_exchange r;
    struct times t = times_of(x);
    fill_plain(a, &r, x, &t, addresses_id(&a->addresses, &x->client, false));
    r.flags |= ROW_ORPHAN;
    observe_orphan(a, &r);
    record(a, &r, sizeof r, 1);
}

/* What it was asked with, and that it was asked. */
static bool is_certain(const struct exchange *x)
{
    return !(x->flags & (FLAG_UNKNOWN_FIELDS | FLAG_PUSHED));
}

static struct keys_operation operation_of(const struct exchange *x)
{
    const struct operation_facts *f = x->operation;
    return f ? (struct keys_operation){f->name, f->safe} : (struct keys_operation){{NULL, 0}, false};
}

/* Row of a key that is new, or that some endpoint no longer follows all of; its endpoint is found here, once. Where
 * that unites others, what waits is counted first, with the same scratch memory. */
static uint32_t admit(struct analysis *a, struct fact *f)
{
    const struct exchange *x = f->x;
    if (!target_is_plain(x->target))
        take_settle(a);
    f->row.endpoint = f->key != MAP_NONE ? keys_at(&a->keys, f->key)->endpoint
                                         : observe_endpoint(a, x->method, x->service, take_key_text(a, x->target).path,
                                                            x->flags & FLAG_METHOD, operation_of(x));
    f->row.endpoint = endpoints_resolve(&a->endpoints, f->row.endpoint);
    struct admission_visit v = {.hash = f->hash,
                                .row = f->key,
                                .endpoint = f->row.endpoint,
                                .lookup = is_certain(x) &&
                                          cacheable_eligible(f->origin.reads, x->status, x->end == END_COMPLETE),
                                .method = x->method,
                                .service = x->service,
                                .target = x->target,
                                .operation = operation_of(x)};
    return admission_row(a, &v);
}

/* Seconds, or a date (RFC 9110 section 10.2.3), which counts from the answer's own Date, else from when it came. */
static uint32_t fill_wait(const struct exchange *x, const struct heads *h)
{
    struct slice text = slice_trim(heads_get(h, HEAD_retry_after));
    uint64_t wait;
    int64_t until, now;
    if (slice_u64(text, &wait))
        return wait < UINT32_MAX ? (uint32_t)wait + 1 : UINT32_MAX;
    if (!httpdate_parse(text, &until))
        return 0;
    if (!heads_has(h, HEAD_date) || !httpdate_parse(heads_get(h, HEAD_date), &now))
        now = floor_div(x->t_rsp0 == TIME_NONE ? x->arrival : x->t_rsp0, 1000000);
    return until <= now ? 1 : until - now < UINT32_MAX ? (uint32_t)(until - now) + 1 : UINT32_MAX;
}

static void fill_flags(struct row_exchange *r, const struct exchange *x, const struct heads *h, bool head)
{
    if (head)
        r->flags |= REPLAY_HEAD;
    if (r->status == 429 || (r->status == 503 && heads_has(h, HEAD_retry_after)))
        r->flags |= REPLAY_THROTTLED;
    if (r->flags & REPLAY_THROTTLED && heads_has(h, HEAD_retry_after))
        r->retry_after = fill_wait(x, h);
}

struct key_text take_key_text(struct analysis *a, struct slice target)
{
    if (target_is_plain(target))
        return (struct key_text){target, slice_sub(target, 0, slice_find(target, '?', 0))};
    a->text.n = 0;
    if (buf_reserve(&a->text, target.n + 1))
        return target_key(target, a->text.p);
    a->failed = true;
    return (struct key_text){{NULL, 0}, {NULL, 0}};
}

/* The text alone. */
static struct slice whole_text(struct analysis *a, struct slice target)
{
    return target_is_plain(target) ? target : take_key_text(a, target).whole;
}

uint64_t take_text_hash(const struct analysis *a, struct slice text)
{
    return hash_bytes(&a->key, 'k', text.p, text.n);
}

/* What is asked for in a target is part of it already: only what stands in a body makes another key. */
uint64_t take_key_hash(const struct analysis *a, struct origin origin, uint64_t text, struct slice operation)
{
    uint64_t hash = text + origin.hash;
    return operation.n && !origin.reads ? hash + hash_bytes(&a->key, 'o', operation.p, operation.n) : hash;
}

/* The steps ahead of the work: each asks for the memory that the next one reads. */
static void look_at_exchange(const struct exchange *x)
{
    prefetch_lines(x, sizeof *x);
}

static void look_at_texts(const struct exchange *x)
{
    prefetch(x->target.p);
    prefetch(x->service.p);
}

static void look_up(struct analysis *a, struct fact *h)
{
    const struct exchange *x = h->x;
    h->times = times_of(x);
    struct origin *origin = origins_find(&a->origins, x->method, x->service);
    if (!origin->counted)
        origin->counted = (uint8_t)totals_place(&a->totals, x->method);
    h->origin = *origin;
    h->text = take_text_hash(a, whole_text(a, x->target));
    h->hash = take_key_hash(a, h->origin, h->text, operation_of(x).name);
    h->read = h->origin.reads ? h->hash : h->origin.get + h->text;
    h->who = who_is(a, x, &h->kind);
    h->place = clients_hash(&a->clients, h->kind, h->who);
    h->pair = pairs_hash(h->hash, h->place);
}

/* The next two in loops of their own, with little in them, so that translations of addresses are waited for together:
 * what asks for a line waits for its page to be found. */
static void look_at_places(const struct analysis *a, const struct fact *h)
{
    map_prefetch(&a->keys.map, h->hash);
    map_prefetch(&a->keys.map, h->read);
    map_prefetch(&a->clients.map, h->place);
    pairs_prefetch(&a->pairs, h->pair);
    prefetch(sharing_places(a->contexts, SHARING_CONTEXTS, h->hash));
    if (a->admission.popular)
        spacesaving_prefetch(a->admission.popular, h->hash);
}

static void look_at_rows(struct analysis *a, struct fact *h)
{
    h->key = map_expect(&a->keys.map, h->hash);
    if (h->key != MAP_NONE)
        keys_prefetch(&a->keys, h->key);
    h->client = map_expect(&a->clients.map, h->place);
}

/* May have become another's name: then it is asked for in vain. */
static const struct endpoint *endpoint_ahead(const struct analysis *a, const struct key *key)
{
    return endpoints_at(&a->endpoints, key->endpoint);
}

static void look_at_slots(struct analysis *a, struct fact *h)
{
    h->key = map_expected(&a->keys.map, h->hash, h->key);
    h->generation = a->keys.generation;
    if (h->key != MAP_NONE)
        keys_prefetch_slot(&a->keys, keys_at(&a->keys, h->key));
}

static void look_at_sets(struct analysis *a, struct fact *h)
{
    h->client = map_expected(&a->clients.map, h->place, h->client);
    if (h->key != MAP_NONE)
        prefetch(endpoint_ahead(a, keys_at(&a->keys, h->key)));
    if (h->client != MAP_NONE)
        clients_prefetch(&a->clients, h->client);
}

/* What the endpoint's sums lead to. */
static void look_at_sums(const struct analysis *a, const struct fact *h, const struct key *key)
{
    const struct endpoint *ep = endpoint_ahead(a, key);
    if (h->client != MAP_NONE)
        endpoints_prefetch_client(&a->endpoints, ep, h->client);
    if (h->times.duration >= 0)
        hist_prefetch(&ep->latency, &a->pages, (uint64_t)h->times.duration);
    if (h->times.server >= 0)
        hist_prefetch(&ep->server, &a->pages, (uint64_t)h->times.server);
    live_prefetch(&ep->live, &a->endpoints.live);
    if (ep->learner)
        learning_prefetch(&a->learning, ep->learner);
    if (key->query)
        prefetch_lines(&a->queries[key->hash % QUERY_MEMO], offsetof(struct query, part[4]));
}

static void look_at_client(const struct analysis *a, struct fact *h)
{
    h->ms = floor_div(h->x->arrival, 1000);
    if (h->client != MAP_NONE)
        clients_prefetch_rest(&a->clients, h->client);
}

static void look_at_key(struct analysis *a, const struct fact *h)
{
    const struct key *key = keys_at(&a->keys, h->key);
    look_at_sums(a, h, key);
}

/* What expires first. Returns whether writes are looked for: not where no gap can end. */
static bool look_at_due(struct analysis *a, const struct fact *h)
{
    const struct key *key = keys_at(&a->keys, h->key);
    const struct endpoint *ep = endpoint_ahead(a, key);
    if (!key->slot)
        return false;
    const struct changes *c = &keys_slot_at(&a->keys, key)->changes;
    changes_prefetch(c, &ep->lifetimes, &a->endpoints.lifetimes, h->ms);
    return c->content && bound_asks(a, ep) && bound_expect(a, h->key, 0);
}

/* Id of the client's address: most come from where they came from before. */
static uint32_t client_address(struct analysis *a, uint32_t client, const struct addr *addr)
{
    struct client *c = client == MAP_NONE ? NULL : clients_at(&a->clients, client);
    if (c && c->from_id && addr->known == c->from_known && memcmp(c->from, addr->ip, sizeof c->from) == 0)
        return c->from_id;
    uint32_t id = addresses_id(&a->addresses, addr, false);
    if (c && id) {
        c->from_id = id;
        c->from_network = addresses_row(&a->addresses, id)->network;
        memcpy(c->from, addr->ip, sizeof c->from);
        c->from_known = addr->known;
    }
    return id;
}

/* The rows of a request, made when they are new; an earlier one of the batch may have made them meanwhile. */
static struct key *find_rows(struct analysis *a, struct fact *f)
{
    const struct exchange *x = f->x;
    if (f->client == MAP_NONE)
        f->client = clients_row(&a->clients, f->kind, f->who);
    fill_plain(a, &f->row, x, &f->times, client_address(a, f->client, &x->client));
    size_t name_n = x->method.n + x->service.n + x->target.n + 1 + (x->operation ? x->operation->name.n : 0);
    if (keys_tight(&a->keys, name_n)) {
        take_settle(a);
        admission_make_room(a, name_n);
    }
    if (f->key == MAP_NONE || f->generation != a->keys.generation)
        f->key = keys_find(&a->keys, f->hash);
    if (f->key == MAP_NONE || a->admission.sampled)
        f->key = admit(a, f);
    return f->key == MAP_NONE ? NULL : keys_at(&a->keys, f->key);
}

static void fill_fields(struct analysis *a, const struct heads *h, struct fact *f)
{
    const struct exchange *x = f->x;
    struct row_exchange *r = &f->row;
    fill_flags(r, x, h, f->origin.head);
    r->managed =
        (uint8_t)(heads_has(h, HEAD_idempotency_key) * MANAGED_KEY +
                  heads_has(h, HEAD_deprecation) * MANAGED_DEPRECATION + heads_has(h, HEAD_sunset) * MANAGED_SUNSET +
                  (x->websocket || x->events) * MANAGED_STAYS + has_besides(a, x) * MANAGED_BESIDES);
    r->version = x->api_version;
    if (heads_has(h, HEAD_ratelimit))
        r->quota = quota_pack(heads_get(h, HEAD_ratelimit),
                              floor_div(x->t_rsp0 == TIME_NONE ? x->arrival : x->t_rsp0, 1000000));
    declare(&a->declarer, x, h, (enum classify_method)f->origin.method, r);
    if (x->unsized)
        r->notes |=
            NOTE(unsized_request, x->unsized & UNSIZED_REQUEST) | NOTE(unsized_response, x->unsized & UNSIZED_RESPONSE);
}

/* Of what few exchanges have. */
static void take_more(struct analysis *a, const struct exchange *x, const struct fact *f)
{
    struct endpoint *ep = endpoints_at(&a->endpoints, f->row.endpoint);
    if (x->events)
        endpoints_events(ep, x->events);
    if (x->websocket)
        endpoints_websocket(ep, x->websocket);
    if (x->operation)
        ep->operation_answers += x->operation->answer == OPERATION_READ;
    if (x->leaves || ep->masked)
        masked_observe(a, x, f);
    if (x->client_name.n && f->client != MAP_NONE)
        clients_name(&a->clients, f->client, x->client_name);
}

static void take_request(struct analysis *a, struct fact *f)
{
    const struct exchange *x = f->x;
    struct heads h;
    struct key *key = find_rows(a, f);
    heads_read(&h, x);
    fill_fields(a, &h, f);
    if (key && x->status) {
        fill_variant(a, &f->row, x, &h, key);
        depend_expect(a, x, key, f->row.variant);
    }
    if (is_certain(x) && cacheable_eligible(f->origin.reads, x->status, x->end == END_COMPLETE))
        fill_eligible(a, &f->row, x, &h, key);
    f->row.key = key ? keys_id(&a->keys, f->key) : 0;
    observe_key(a, f, true);
    depend_compare(a, f);
    take_more(a, x, f);
}

/* Metric by metric, so that the code and the tables of each are fetched once for all of the batch. */
void take_settle(struct analysis *a)
{
    struct fact *from = a->taken + a->settled, *end = a->taken + a->n_taken;
    a->settled = a->n_taken;
    observe_sums(a, from, (size_t)(end - from));
    for (struct fact *f = from; f < end; f++)
        depend_observe(a, f);
    record(a, &from->row, sizeof *from, (size_t)(end - from));
}

/* In the totals alone; no row is made for it, and its record is not kept. */
static void take_ignored(struct analysis *a, const struct exchange *x)
{
    struct row_exchange r;
    struct times t = times_of(x);
    fill_plain(a, &r, x, &t, 0);
    observe_ignored(a, &r, x->method);
    a->settled++; /* of the batch, too */
}

static bool is_ignored(const struct analysis *a, const struct exchange *x)
{
    return a->options.ignore && x->method.p && ignore_takes(a->options.ignore, x->method, x->service, x->target);
}

/* No exchange of HTTP: it has rows of its own, and no place among their records. */
static void take_cache(struct analysis *a, const struct exchange *x)
{
    if (!x->cache)
        return;
    note_time(a, x);
    caches_take(&a->caches, x, &a->pages);
}

/* What has no key: answers without their requests, and what the user wants no more than counted. */
static void take_keyless(struct analysis *a, const struct exchange *x)
{
    take_settle(a);
    if (x->method.p)
        take_ignored(a, x);
    else
        take_orphan(a, x);
}

/* f: that is prepared for the next request, which this may be. Whether it was. */
static bool take_one(struct analysis *a, const struct exchange *x, struct fact *f)
{
    if (!is_http(x)) {
        take_cache(a, x);
        return false;
    }
    if (x->arrival >= a->window_ends) {
        take_settle(a);
        analysis_turn(a, x->arrival);
    }
    note_time(a, x);
    bool keyed = x->method.p;
    if (!keyed || is_ignored(a, x))
        take_keyless(a, x);
    else
        take_request(a, f);
    return keyed;
}

/* Most of the time would go into waiting for memory; so the waits of several exchanges are made to overlap. */
static void look_ahead(struct analysis *a, struct fact *next, size_t n)
{
    struct fact *known[ANALYSIS_TOGETHER],
        *bound[ANALYSIS_TOGETHER]; /* whose keys are; of them, those bound to writes */
    size_t n_known = 0, n_bound = 0;
    for (size_t i = 0; i < n; i++)
        look_at_texts(next[i].x);
    for (size_t i = 0; i < n; i++)
        look_up(a, &next[i]);
    for (size_t i = 0; i < n; i++)
        look_at_places(a, &next[i]);
    for (size_t i = 0; i < n; i++) {
        map_guess(&a->keys.map, next[i].hash);
        map_guess(&a->keys.map, next[i].read);
    }
    for (size_t i = 0; i < n; i++)
        look_at_rows(a, &next[i]);
    for (size_t i = 0; i < n; i++) {
        look_at_slots(a, &next[i]);
        known[n_known] = &next[i];
        n_known += next[i].key != MAP_NONE;
    }
    for (size_t i = 0; i < n; i++)
        look_at_sets(a, &next[i]);
    for (size_t i = 0; i < n; i++)
        look_at_client(a, &next[i]);
    for (size_t i = 0; i < n_known; i++)
        look_at_key(a, known[i]);
    for (size_t i = 0; i < n_known; i++) {
        bound[n_bound] = known[i];
        n_bound += look_at_due(a, known[i]);
    }
    for (unsigned step = 1; step < 3; step++) {
        size_t n_named = 0;
        for (size_t i = 0; i < n_bound; i++) {
            bound[n_named] = bound[i];
            n_named += bound_expect(a, bound[i]->key, step);
        }
        n_bound = n_named;
    }
}

/* Shortly before its turn: by then it has left the nearest cache. */
static void look_last(const struct analysis *a, const struct fact *f)
{
    prefetch_lines(f->x, sizeof *f->x);
    prefetch_lines(f->x->fields, 3 * sizeof *f->x->fields); /* few have more */
    pairs_prefetch(&a->pairs, f->pair);
    prefetch(sharing_places(a->contexts, SHARING_CONTEXTS, f->hash));
    if (f->key == MAP_NONE)
        return;
    keys_prefetch(&a->keys, f->key);
    endpoints_prefetch(endpoint_ahead(a, keys_at(&a->keys, f->key)));
}

static void take_batch(struct analysis *a, const struct exchange *const *x, size_t n)
{
    size_t keyed = 0;
    for (size_t i = 0; i < n; i++)
        look_at_exchange(x[i]);
    for (size_t i = 0; i < n; i++)
        if (is_http(x[i]) && x[i]->method.p)
            a->taken[keyed++].x = x[i];
    look_ahead(a, a->taken, keyed);
    a->n_taken = a->settled = 0;
    for (size_t i = 0; i < n; i++) {
        if (a->n_taken + 1 < keyed)
            look_last(a, &a->taken[a->n_taken + 1]);
        a->n_taken += take_one(a, x[i], &a->taken[a->n_taken]);
    }
    take_settle(a);
}

void analysis_take_all(struct analysis *a, const struct exchange *const *x, size_t n)
{
    for (size_t from = 0; from < n; from += ANALYSIS_TOGETHER)
        take_batch(a, x + from, n - from < ANALYSIS_TOGETHER ? n - from : ANALYSIS_TOGETHER);
}

void analysis_take(struct analysis *a, const struct exchange *x)
{
    analysis_take_all(a, &x, 1);
}
