/* Rows for the store: what changed since the last batch, and the small things whole. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/state.h"
#include "base/pages.h"

enum { LAST_KEYS = 64 };
enum { PAUSES_MOST = 1000 }; /* that are told; more of them are no more left out of rates */

static struct slice slice_of_buf(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

static struct slice blob(const struct analysis *a, const struct hist *h, struct buf *out)
{
    out->n = 0;
    hist_write_paged(h, &a->pages, out);
    return slice_of_buf(out);
}

static void name_endpoint(struct analysis *a, const struct endpoint *e, struct row_endpoint *out)
{
    a->route.n = 0;
    if (e->other) {
        buf_str(&a->route, "(other)");
        out->method = out->service = SLICE("");
    } else if (e->alias) {
        out->method = out->service = SLICE(""); /* its place is gone */
    } else {
        trie_route(a->trie, e->node, &a->route);
        out->method = trie_method(a->trie, e->node);
        out->service = trie_service(a->trie, e->node);
    }
    out->route = slice_of_buf(&a->route);
    if (e->grpc && !e->alias) /* package.Service/Method */
        out->operation = slice_sub(out->route, 1, out->route.n);
    else if (!e->alias && !e->other)
        out->operation = trie_operation(a->trie, e->node);
    out->operation_safe = e->safe;
}

/* What is estimated is written as if it had been counted; what the estimate rests on stands beside it. */
static void fill_ladder(struct analysis *a, const struct endpoint *e, struct row_endpoint *out)
{
    if (!e->tail) {
        ladder_row(&e->ladder, out->ttl);
        out->sampling = SLICE("");
        return;
    }
    struct ladder_sums sums = e->ladder;
    struct sampling_stored stored;
    sampling_estimate(endpoints_tail(&a->endpoints, e), &sums, &out->repeats_same, &stored);
    ladder_row(&sums, out->ttl);
    a->sampling.n = 0;
    sampling_write(&stored, &a->sampling);
    out->sampling = slice_of_buf(&a->sampling);
}

static struct slice write_live(struct analysis *a, const struct endpoint *e)
{
    struct live_sum sums[LIVE_TTLS];
    live_sums(&e->live, &a->endpoints.live, floor_div(a->start_us, 1000), floor_div(a->greatest, 1000), sums);
    a->live.n = 0;
    live_write(sums, &a->live);
    return slice_of_buf(&a->live);
}

bool analysis_endpoint_row(struct analysis *a, uint32_t id, struct row_endpoint *out)
{
    if (!id || id >= a->endpoints.rows.used)
        return false;
    const struct endpoint *e = endpoints_at(&a->endpoints, id);
    *out = (struct row_endpoint){
        .id = id,
        .alias = endpoints_resolve(&a->endpoints, id) == id ? 0 : endpoints_resolve(&a->endpoints, id),
        .requests = e->requests,
        .eligible = e->eligible,
        .keys = e->keys,
        .clients = e->clients,
        .request_bytes = e->request_bytes,
        .response_bytes = e->response_bytes,
        .errors = e->errors,
        .throttled = e->throttled,
        .unanswered = e->unanswered,
        .repeats_same = e->repeats_same,
        .observed_gaps = e->observed_gaps,
        .changes = e->changes,
        .latency_n = e->latency.n,
        .server_n = e->server.n,
        .server_us_total = e->server_us_total,
        .websockets = e->sockets.websockets,
        .websocket_us = e->sockets.us,
        .websocket_messages_client = e->sockets.messages[0],
        .websocket_messages_server = e->sockets.messages[1],
        .websocket_bytes_client = e->sockets.bytes[0],
        .websocket_bytes_server = e->sockets.bytes[1],
        .websocket_lost = e->sockets.lost,
        .event_streams = e->events.streams,
        .event_stream_us = e->events.us,
        .events = e->events.events,
        .event_bytes = e->events.bytes,
        .event_gaps = e->events.gaps,
        .event_gap_us = e->events.gap_us,
        .event_gap_max_us = e->events.gap_max_us,
        .event_streams_resumed = e->events.resumed,
        .event_streams_lost = e->events.lost,
        .operation_answers = e->operation_answers,
        .first_us = e->first_us == INT64_MAX ? TIME_NONE : e->first_us,
        .last_us = e->last_us};
    name_endpoint(a, e, out);
    out->latency = blob(a, &e->latency, &a->latency);
    out->server_time = blob(a, &e->server, &a->server);
    a->lifetimes.n = 0;
    changes_write(&e->lifetimes, &a->endpoints.lifetimes, &a->lifetimes);
    out->lifetimes = slice_of_buf(&a->lifetimes);
    out->live = write_live(a, e);
    a->sharing.n = 0;
    sharing_write(&e->sharing, &a->sharing);
    out->sharing = slice_of_buf(&a->sharing);
    a->sources.n = 0;
    if (e->sources.n)
        sources_write(&e->sources, &a->sources);
    out->sources = slice_of_buf(&a->sources);
    out->learned = depend_write(a, e);
    out->fields = masked_write(a, e);
    out->writes = bound_text(a, e, &a->written);
    fill_ladder(a, e, out);
    endpoints_settle(&a->endpoints, endpoints_at(&a->endpoints, id));
    memcpy(out->declared, e->declared, sizeof out->declared);
    memcpy(out->reasons, e->reasons, sizeof out->reasons);
    out->declared_ttl = !e->declared_ttl.n ? SLICE("") : blob(a, &e->declared_ttl, &a->declared_ttl);
    return true;
}

static void join_addresses(struct analysis *a, const struct client *c)
{
    uint32_t ids[CLIENTS_SHOWN];
    char text[56];
    a->addresses_text.n = 0;
    for (unsigned i = 0, n = clients_addresses(&a->clients, c, ids); i < n; i++) {
        if (i)
            buf_char(&a->addresses_text, ',');
        buf_add(&a->addresses_text, text, addr_format(addresses_at(&a->addresses, ids[i]), false, text));
    }
}

static void fill_profile(const struct analysis *a, const struct profile *p, struct row_client *out)
{
    out->peak_1s = p->peaks.peak1;
    out->peak_10s = p->peaks.peak10;
    out->peak_60s = p->peaks.peak60;
    out->sliding_1s = peaks_sliding(&p->peaks, &a->clients.rings, 0);
    out->sliding_10s = peaks_sliding(&p->peaks, &a->clients.rings, 1);
    out->burstiness = gaps_burstiness(&p->gaps);
    out->poller_period_s = gaps_period(&p->gaps);
    memcpy(out->envelope_burst, p->envelope.burst, sizeof out->envelope_burst);
}

static void fill_client(struct analysis *a, const struct client *c, struct row_client *out)
{
    const struct profile *p = clients_profile(&a->clients, c);
    enum identity kind = (enum identity)(c->who >> 48);
    a->text.n = 0;
    if (buf_reserve(&a->text, 32))
        a->text.n = client_format(kind, c->who & 0xffffffffffffu, a->text.p);
    join_addresses(a, c);
    clients_settle(&a->clients, c);
    *out = (struct row_client){.id = c->id,
                               .client = slice_of_buf(&a->text),
                               .identity = slice_str(identity_name(kind)),
                               .addresses = slice_of_buf(&a->addresses_text),
                               .name = clients_named(&a->clients, c),
                               .n_addresses = c->n_addresses,
                               .requests = c->requests,
                               .bytes = c->bytes,
                               .errors = c->errors,
                               .throttled = c->throttled,
                               .burstiness = NAN,
                               .poller_period_s = NAN,
                               .first_us = c->first_us,
                               .last_us = c->last_us};
    memcpy(out->envelope_rate, a->clients.rate, sizeof out->envelope_rate);
    if (p)
        fill_profile(a, p, out);
}

static void fill_rest(const struct analysis *a, struct row_client *out)
{
    const struct client_sums *s = &a->clients.rest;
    *out = (struct row_client){.id = a->clients.other,
                               .client = SLICE("(other)"),
                               .identity = SLICE("(other)"),
                               .requests = s->requests,
                               .bytes = s->bytes,
                               .errors = s->errors,
                               .throttled = s->throttled,
                               .burstiness = NAN,
                               .poller_period_s = NAN,
                               .first_us = s->first_us == INT64_MAX ? TIME_NONE : s->first_us,
                               .last_us = s->last_us};
    memcpy(out->envelope_rate, a->clients.rate, sizeof out->envelope_rate);
}

bool analysis_client_row(struct analysis *a, uint32_t id, struct row_client *out)
{
    if (!id || id >= a->clients.next_id)
        return false;
    if (id == a->clients.other) {
        fill_rest(a, out);
        return true;
    }
    for (uint32_t row = 0; row < a->clients.rows.used; row++)
        if (clients_at(&a->clients, row)->id == id) {
            fill_client(a, clients_at(&a->clients, row), out);
            return true;
        }
    return false;
}

static void settle_totals(struct analysis *a)
{
    struct totals *t = &a->totals;
    t->clients = clients_count(&a->clients);
    t->clients_estimated = a->clients.estimated;
    t->services = trie_services(a->trie);
    t->client_overflow = a->clients.overflow;
    t->sampling_level = admission_level(a);
}

uint64_t analysis_total(struct analysis *a, const char *name)
{
    settle_totals(a);
#define TOTAL(field, text)                                                                                             \
    if (strcmp(name, text) == 0)                                                                                       \
        return a->totals.field;
#include "analysis/totals.def"
#undef TOTAL
    return 0;
}

uint32_t analysis_endpoints(const struct analysis *a)
{
    return a->endpoints.rows.used - 1;
}

uint32_t analysis_clients(const struct analysis *a)
{
    return a->clients.next_id - 1;
}

uint64_t analysis_memory(const struct analysis *a)
{
    const struct clients *c = &a->clients;
    return (SHARING_CONTEXTS + (a->equals_used ? SHARING_EQUALS : 0)) * sizeof *a->contexts + pairs_bytes(&a->pairs) +
           learning_bytes(&a->learning) + slab_bytes(&a->keys.rows) + slab_bytes(&a->keys.names) +
           slab_bytes(&a->keys.slots) + slab_bytes(&a->endpoints.tails) +
           (a->admission.popular ? (uint64_t)a->admission.popular_most * budget_unit(ROOM_POPULAR) : 0) +
           (a->admission.sampled ? (uint64_t)a->keys.rows.used * sizeof(struct sampling_key) : 0) +
           map_bytes(a->keys.map.used) + map_bytes(a->keys.slot_map.used) + slab_bytes(&a->etags.rows) +
           map_bytes(a->etags.map.used) + slab_bytes(&a->endpoints.rows) + slab_bytes(&a->endpoints.sets.words) +
           slab_bytes(&a->endpoints.lifetimes.words) + slab_bytes(&a->endpoints.live.words) + slab_bytes(&c->rows) +
           slab_bytes(&c->profiles) + map_bytes(c->map.used) + slab_bytes(&c->rings.words) +
           slab_bytes(&c->lists.words) + slab_bytes(&c->names) + slab_bytes(&a->addresses.rows) +
           map_bytes(a->addresses.map.used) + slab_bytes(&a->minutes.rows) + caches_bytes(&a->caches) +
           slab_bytes(&a->writes.names) + slab_bytes(&a->writes.sums) + map_bytes(a->writes.map.used) +
           (uint64_t)a->pages.used * sizeof(struct hist_page) + (uint64_t)trie_nodes(a->trie) * 128;
}

/* Fills a row of the batch; its text is copied there. */
static void keep(struct store *s, struct slice *text)
{
    *text = text->p ? store_text(s, *text) : *text;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Rows in the order in which the store has them: what it keeps of its file in memory is little. */
static void in_order(struct slab *rows)
{
    qsort(rows->base, rows->used, sizeof(uint32_t), by_number);
}

static void commit_endpoints(struct analysis *a, struct store *s)
{
    struct slab *dirty = &a->endpoints.dirty;
    in_order(dirty);
    for (uint32_t i = 0; i < dirty->used; i++) {
        uint32_t id = *(uint32_t *)slab_at(dirty, i);
        struct row_endpoint *row = store_endpoint(s);
        endpoints_at(&a->endpoints, id)->dirty = false;
        if (!row || !analysis_endpoint_row(a, id, row))
            continue;
        keep(s, &row->method);
        keep(s, &row->service);
        keep(s, &row->route);
        keep(s, &row->operation);
        keep(s, &row->latency);
        keep(s, &row->server_time);
        keep(s, &row->lifetimes);
        keep(s, &row->live);
        keep(s, &row->declared_ttl);
        keep(s, &row->sharing);
        keep(s, &row->sampling);
        keep(s, &row->sources);
        keep(s, &row->learned);
        keep(s, &row->fields);
        keep(s, &row->writes);
    }
    dirty->used = 0;
}

static void commit_client(struct store *s, struct row_client *filled)
{
    struct row_client *row = store_client(s);
    if (!row)
        return;
    keep(s, &filled->client);
    keep(s, &filled->identity);
    keep(s, &filled->addresses);
    keep(s, &filled->name);
    *row = *filled;
}

static void commit_clients(struct analysis *a, struct store *s)
{
    struct clients *c = &a->clients;
    struct row_client filled;
    in_order(&c->dirty);
    for (uint32_t i = 0; i < c->dirty.used; i++) {
        struct client *at = clients_at(c, *(uint32_t *)slab_at(&c->dirty, i));
        at->dirty = false;
        fill_client(a, at, &filled);
        commit_client(s, &filled);
    }
    c->dirty.used = 0;
    if (!c->rest_dirty)
        return;
    fill_rest(a, &filled);
    commit_client(s, &filled);
    c->rest_dirty = false;
}

/* A text as it stands in the batch already, or a copy. */
static struct slice shared(struct store *s, struct slice text, struct slice before)
{
    return before.p && slice_same(text, before) ? before : store_text(s, text);
}

/* `lasts`: keys written last, by endpoint, since most texts are the same there. */
static void commit_key(struct analysis *a, struct store *s, uint32_t at, struct row_key lasts[LAST_KEYS])
{
    struct key *key = keys_at(&a->keys, at);
    struct row_key *row = store_key(s), *last = &lasts[key->endpoint % LAST_KEYS];
    if (!row)
        return;
    *row = (struct row_key){.id = keys_id(&a->keys, at),
                            .endpoint = endpoints_resolve(&a->endpoints, key->endpoint),
                            .method = shared(s, keys_method(&a->keys, key), last->method),
                            .service = shared(s, keys_service(&a->keys, key), last->service),
                            .target = store_text(s, keys_target(&a->keys, key)),
                            .hot = key->hot,
                            .operation = shared(s, keys_operation(&a->keys, key).name, last->operation),
                            .safe = key->safe};
    *last = *row;
}

static void commit_keys(struct analysis *a, struct store *s)
{
    struct keys *k = &a->keys;
    struct row_key lasts[LAST_KEYS] = {0};
    for (; k->promoted_told < k->promoted.used; k->promoted_told++) {
        uint32_t row = keys_row(k, *(const uint32_t *)slab_at(&k->promoted, k->promoted_told));
        if (row < k->written)
            commit_key(a, s, row, lasts);
    }
    for (; k->written < k->rows.used; k->written++)
        commit_key(a, s, k->written, lasts);
}

static void commit_addresses(struct analysis *a, struct store *s)
{
    char text[56];
    for (; a->addresses.written < a->addresses.rows.used; a->addresses.written++) {
        const struct addr *addr = addresses_at(&a->addresses, a->addresses.written + 1);
        struct row_address *row = store_address(s);
        if (!row)
            return;
        row->id = a->addresses.written + 1;
        row->text = store_text(s, slice_of(text, addr_format(addr, addr->port != 0, text)));
    }
}

static void commit_minutes(struct analysis *a, struct store *s)
{
    for (uint64_t place = a->minutes.written; place < a->minutes.end; place++) {
        struct row_minute *row = store_minute(s);
        if (!row)
            continue;
        *row = *minutes_row(&a->minutes, place);
        row->repeats = row->repeats < row->eligible ? row->repeats : row->eligible; /* estimated when sampled */
    }
    minutes_written(&a->minutes);
}

static void commit_statuses(struct analysis *a, struct store *s)
{
    char text[8];
    for (unsigned i = 0; i < TOTALS_STATUSES; i++)
        if (a->totals.status[i])
            store_counter(s, "status", slice_of(text, (size_t)snprintf(text, sizeof text, "%u", i)),
                          a->totals.status[i]);
}

static void commit_eased(struct analysis *a, struct store *s)
{
    const struct capture_stats *n = &a->stats, *b = &a->base;
    for (int i = 0; i < EASE_STEPS; i++) {
        if (!(b->eased[i].times + n->eased[i].times))
            continue;
        store_counter(s, "eased", slice_str(ease_name((enum ease_step)i)), b->eased[i].times + n->eased[i].times);
        store_counter(s, "eased_us", slice_str(ease_name((enum ease_step)i)), b->eased[i].us + n->eased[i].us);
    }
    if (b->packets_skipped + n->packets_skipped) {
        store_counter(s, "skipped", SLICE("packets"), b->packets_skipped + n->packets_skipped);
        store_counter(s, "skipped", SLICE("flows"), b->flows_skipped + n->flows_skipped);
    }
}

/* Between the last packet of the run before and the first of this live one nobody watched. */
static void commit_pause(const struct analysis *a, struct store *s)
{
    char name[24];
    int64_t from = a->base_ended, to = a->stats.first_us;
    if (!a->options.live || !a->stats_known || from == TIME_NONE || to == TIME_NONE || to <= from ||
        a->base_pauses >= PAUSES_MOST)
        return;
    int n = snprintf(name, sizeof name, "%lld", (long long)from);
    store_counter(s, "pause", slice_of(name, (size_t)n), (uint64_t)(to - from));
}

static void commit_counters(struct analysis *a, struct store *s)
{
    const struct totals *t = &a->totals;
    settle_totals(a);
#define TOTAL(field, name) store_counter(s, "total", SLICE(name), t->field);
#include "analysis/totals.def"
#undef TOTAL
    commit_statuses(a, s);
    for (unsigned i = 0; i < t->n_methods; i++)
        store_counter(s, "method", slice_of(t->method[i].name, t->method[i].n), t->method[i].count);
    for (int i = 0; i < TOTALS_PROTOCOLS; i++)
        if (t->protocol[i])
            store_counter(s, "protocol", slice_str(proto_name((enum proto)i)), t->protocol[i]);
    for (int i = 0; i < OPAQUE_COUNT; i++)
        if (a->base.flows_opaque[i] + a->stats.flows_opaque[i])
            store_counter(s, "opaque", slice_str(opaque_name((enum opaque_reason)i)),
                          a->base.flows_opaque[i] + a->stats.flows_opaque[i]);
    for (int i = 0; i < ENCAP_COUNT; i++)
        if (a->base.encapsulations[i] + a->stats.encapsulations[i])
            store_counter(s, "encapsulation", slice_str(encap_name((enum encapsulation)i)),
                          a->base.encapsulations[i] + a->stats.encapsulations[i]);
    for (int i = 0; i < MEMCACHED_UDP_COUNTS; i++)
        if (a->base.memcached_udp[i] + a->stats.memcached_udp[i])
            store_counter(s, "memcached_udp", slice_str(memcached_udp_name((enum memcached_udp_count)i)),
                          a->base.memcached_udp[i] + a->stats.memcached_udp[i]);
    for (int i = 0; i < UNPARSED_COUNT; i++)
        if (a->base.unparsed_by[i] + a->stats.unparsed_by[i])
            store_counter(s, "unparsed", slice_str(unparsed_name((enum unparsed_reason)i)),
                          a->base.unparsed_by[i] + a->stats.unparsed_by[i]);
#define PACKETS(member, name)                                                                                          \
    if (a->base.member + a->stats.member)                                                                              \
        store_counter(s, "packets", SLICE(name), a->base.member + a->stats.member);
    CAPTURE_PACKETS(PACKETS)
#undef PACKETS
    if (a->base.heads_unread + a->stats.heads_unread)
        store_counter(s, "unread", SLICE("heads"), a->base.heads_unread + a->stats.heads_unread);
    commit_eased(a, s);
    commit_pause(a, s);
    for (; a->vary_written < vary_count(a->vary); a->vary_written++)
        store_counter(s, "vary", vary_text(a->vary, a->vary_written + 1), a->vary_written + 1);
}

/* First and last packet, or record; the runs before included. */
static void fill_span(const struct analysis *a, struct row_capture *row)
{
    bool packets = !a->options.from_records && a->stats_known && a->stats.first_us != TIME_NONE;
    bool records = a->first_us != INT64_MAX;
    int64_t first = packets ? a->stats.first_us : records ? a->first_us : TIME_NONE;
    int64_t last = packets ? a->stats.last_us : records ? a->last_us : TIME_NONE;
    row->started_us =
        a->base_started != TIME_NONE && (first == TIME_NONE || a->base_started < first) ? a->base_started : first;
    row->ended_us = a->base_ended > last ? a->base_ended : last; /* TIME_NONE is the least */
}

static void commit_capture(struct analysis *a, struct store *s, bool final)
{
    const struct capture_stats *n = &a->stats, *b = &a->base;
    struct row_capture *row = store_capture(s);
    char order[IDORDER_TEXT], mark[HASH_KEY_MARK];
    uint64_t own = analysis_memory(a);
    a->own_peak = own > a->own_peak ? own : a->own_peak;
    uint64_t memory = a->own_peak + n->memory_peak_bytes;
    if (a->options.live) { /* of a file the figure must not depend on how large this machine's pages are */
        uint64_t held = pages_resident();
        memory = held > memory ? held : memory;
    }
    a->memory_peak = memory > a->memory_peak ? memory : a->memory_peak;
    if (!row)
        return;
    *row = (struct row_capture){.sources = store_text(s, slice_str(a->options.sources)),
                                .live = a->options.live,
                                .ended = final,
                                .packets = b->packets + n->packets,
                                .bytes = b->bytes + n->bytes,
                                .kernel_dropped = b->kernel_dropped + n->kernel_dropped,
                                .interface_dropped = b->interface_dropped + n->interface_dropped,
                                .duplicates = b->duplicates + n->duplicates,
                                .unparsed_packets = b->unparsed_packets + n->unparsed_packets,
                                .flows = b->flows + n->flows,
                                .flows_midstream = b->flows_midstream + n->flows_midstream,
                                .flows_oneway = b->flows_oneway + n->flows_oneway,
                                .flows_evicted = b->flows_evicted + n->flows_evicted,
                                .gaps = b->gaps + n->gaps,
                                .gap_bytes = b->gap_bytes + n->gap_bytes,
                                .acked_unseen_bytes = b->acked_unseen_bytes + n->acked_unseen_bytes,
                                .overlap_bytes = b->overlap_bytes + n->overlap_bytes,
                                .stream_bytes = b->stream_bytes + n->stream_bytes,
                                .memory_ceiling_bytes = a->options.memory_ceiling,
                                .memory_peak_bytes = a->memory_peak,
                                .from_records = a->options.from_records,
                                .window_us = a->window_us,
                                .retransmitted = b->retransmitted + n->retransmitted,
                                .flows_split = b->flows_split + n->flows_split};
    if (a->clients.other || a->clients.estimated) /* else each has a row of its own */
        row->clients_met = store_text(s, slice_of((const char *)a->clients.met, sizeof a->clients.met));
    idorder_write(&a->options.order, order);
    row->identity_order = store_text(s, slice_str(order));
    hash_key_mark(&a->key, mark);
    row->secret_mark = store_text(s, a->options.fleeting ? SLICE("") : slice_str(mark));
    fill_span(a, row);
}

/* What is there at the end depends on when that is. */
static void touch_live(struct analysis *a)
{
    for (uint32_t id = 1; id < a->endpoints.rows.used; id++)
        if (endpoints_at(&a->endpoints, id)->live.block)
            endpoints_touch(&a->endpoints, id);
}

static void commit_all(struct analysis *a, struct store *s, bool final)
{
    if (final)
        touch_live(a);
    commit_endpoints(a, s);
    commit_clients(a, s);
    commit_keys(a, s);
    commit_addresses(a, s);
    commit_minutes(a, s);
    caches_commit(&a->caches, s, &a->pages);
    commit_counters(a, s);
    commit_capture(a, s, final);
    store_submit(s);
}

void analysis_commit(struct analysis *a, bool final)
{
    if (a->store && (final || store_wants(a->store)))
        commit_all(a, a->store, final);
}

void analysis_commit_names(struct analysis *a)
{
    uint64_t own = analysis_memory(a);
    a->own_peak = own > a->own_peak ? own : a->own_peak;
    bool news = a->keys.written < a->keys.rows.used;
    if (a->store && news && (!a->options.live || store_wants(a->store)))
        commit_all(a, a->store, false);
}

/* Nothing is written for the first hour of all: there is nothing before it. */
void analysis_turn(struct analysis *a, int64_t us)
{
    int64_t before = a->window_us, hour = floor_div(us, ANALYSIS_WINDOW_US) * ANALYSIS_WINDOW_US;
    bool first = before == TIME_NONE && a->start_us == INT64_MAX && !a->totals.exchanges;
    if (a->store && !first && a->options.live && !store_idle(a->store))
        return;
    a->window_us = hour;
    a->window_ends = hour + ANALYSIS_WINDOW_US;
    if (!a->store || first)
        return;
    store_turn(a->store, before, hour);
    commit_all(a, a->store, false);
}
