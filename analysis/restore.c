/* An audit goes on: dictionaries first, so that ids stay what they were, then either every exchange again with counting
 * on, or the stored rows as the base and the exchanges there are with counting off. */
#include "analysis/restore.h"

#include <stdlib.h>

#include "analysis/state.h"
#include "analysis/target.h"

/* Rows of clients by their row id. */
struct people {
    uint32_t *row;
    uint32_t n;
};

static bool restore_addresses(struct analysis *a, const struct restore *r)
{
    struct row_address row;
    struct addr addr;
    while (r->address && r->address(r->context, &row))
        if (!addr_parse(row.text, &addr) || addresses_id(&a->addresses, &addr, true) != row.id)
            return false;
    a->addresses.written = a->addresses.rows.used;
    return true;
}

static uint64_t hash_key_text(struct analysis *a, const struct row_key *k, struct slice *path)
{
    struct key_text text = take_key_text(a, k->target);
    *path = text.path;
    return take_key_hash(a, *origins_find(&a->origins, k->method, k->service), take_text_hash(a, text.whole),
                         k->operation);
}

/* Whether the key is still to be followed, and has room. */
static bool wanted(struct analysis *a, const struct row_key *row, uint64_t hash)
{
    size_t name_n = row->method.n + row->service.n + row->target.n + 1 + row->operation.n;
    if (keys_tight(&a->keys, name_n))
        admission_make_room(a, name_n);
    return row->hot || admission_stands_for(a, hash, endpoints_resolve(&a->endpoints, row->endpoint));
}

/* Replaying finds endpoints anew, at the first exchange of each key, as they were found; else they are as stored. */
static bool restore_key(struct analysis *a, const struct row_key *row, bool complete)
{
    struct slice path;
    struct keys *k = &a->keys;
    uint64_t hash = hash_key_text(a, row, &path);
    if (row->id < k->next_id || (!complete && row->endpoint >= a->endpoints.rows.used))
        return false;
    keys_number(k, row->id);
    if (!complete && !wanted(a, row, hash))
        return true;
    struct keys_operation operation = {slice_sub(row->operation, 0, UINT8_MAX), row->safe};
    uint32_t at = keys_add(k, hash, row->method, row->service, row->target, operation);
    if (at == MAP_NONE)
        return false;
    k->written = k->rows.used;
    if (complete)
        return true;
    keys_at(k, at)->endpoint = (uint16_t)row->endpoint;
    keys_at(k, at)->eligible = slice_eq(row->method, SLICE("GET"));
    if (row->hot)
        keys_promote(k, at); /* fewer may be hot than were */
    return true;
}

static bool restore_keys(struct analysis *a, const struct restore *r)
{
    struct row_key row;
    while (r->key && r->key(r->context, &row))
        if (!restore_key(a, &row, r->complete))
            return false;
    a->keys.promoted_told = a->keys.promoted.used;
    return true;
}

static bool parse_client(struct slice text, enum identity *kind, uint64_t *hash)
{
    size_t colon = slice_find(text, ':', 0);
    *hash = 0;
    for (size_t i = colon + 1; i < text.n; i++) {
        int digit = ascii_hex(text.p[i]);
        if (digit < 0)
            return false;
        *hash = *hash << 4 | (uint64_t)digit;
    }
    for (int i = 0; i < IDENTITY_COUNT; i++)
        if (slice_eq(slice_sub(text, 0, colon), slice_str(identity_name((enum identity)i)))) {
            *kind = (enum identity)i;
            return text.n == colon + 13;
        }
    return false;
}

static bool remember(struct people *p, uint32_t id, uint32_t row)
{
    if (id >= p->n) {
        uint32_t n = id < 512 ? 1024 : id * 2;
        uint32_t *grown = realloc(p->row, n * sizeof *grown);
        if (!grown)
            return false;
        for (uint32_t i = p->n; i < n; i++)
            grown[i] = MAP_NONE;
        p->row = grown;
        p->n = n;
    }
    p->row[id] = row;
    return true;
}

static void load_rest(struct analysis *a, const struct row_client *row)
{
    a->clients.other = row->id;
    a->clients.rest = (struct client_sums){
        row->requests, row->bytes, row->errors, row->throttled, row->first_us == TIME_NONE ? INT64_MAX : row->first_us,
        row->last_us};
}

static void load_addresses(struct analysis *a, struct client *c, struct slice list)
{
    struct slice item;
    struct addr addr;
    while (slice_next(&list, ',', &item))
        if (addr_parse(item, &addr))
            clients_address(&a->clients, c, addresses_id(&a->addresses, &addr, false));
}

/* Peaks and bursts go on from where they stood; gaps and levels begin anew. */
static void load_profile(struct profile *p, const struct row_client *row)
{
    struct peaks *k = &p->peaks;
    k->peak1 = (uint32_t)row->peak_1s;
    k->peak10 = (uint32_t)row->peak_10s;
    k->peak60 = (uint32_t)row->peak_60s;
    k->window[0].peak = (uint32_t)row->sliding_1s;
    k->window[1].peak = (uint32_t)row->sliding_10s;
    memcpy(p->envelope.burst, row->envelope_burst, sizeof p->envelope.burst);
}

static void load_client(struct analysis *a, uint32_t at, const struct row_client *row)
{
    struct client *c = clients_at(&a->clients, at);
    if (clients_admit(&a->clients, at, row->id))
        load_profile(clients_profile(&a->clients, c), row);
    c->id = row->id;
    c->requests = row->requests;
    c->bytes = row->bytes;
    c->errors = row->errors;
    c->throttled = row->throttled;
    c->first_us = row->first_us;
    c->last_us = row->last_us;
    load_addresses(a, c, row->addresses);
    clients_name(&a->clients, at, row->name);
    if (row->name.n)
        clients_touch(&a->clients, at); /* without names it is written without one */
}

static bool restore_clients(struct analysis *a, const struct restore *r, struct people *people)
{
    struct row_client row;
    enum identity kind;
    uint64_t hash;
    while (r->client && r->client(r->context, &row)) {
        uint32_t at = MAP_NONE;
        if (!parse_client(row.client, &kind, &hash))
            load_rest(a, &row);
        else if ((at = clients_row(&a->clients, kind, hash)) != MAP_NONE)
            load_client(a, at, &row);
        if (!remember(people, row.id, at))
            return false;
        if (row.id >= a->clients.next_id)
            a->clients.next_id = row.id + 1;
    }
    return true;
}

/* Replaying needs the hashes of clients before their rows exist: a list of its own. */
struct names {
    uint64_t *who;
    uint32_t n;
    struct buf text; /* what clients are called: of each who, a length, so many octets */
};

static void note_name(struct names *names, uint64_t who, struct slice name)
{
    if (!name.n || name.n > CLIENTS_NAME)
        return;
    buf_add(&names->text, &who, sizeof who);
    buf_char(&names->text, (char)name.n);
    buf_slice(&names->text, name);
}

/* Once they have rows. */
static bool give_names(struct analysis *a, const struct names *names)
{
    struct slice rest = slice_of(names->text.p, names->text.n);
    uint64_t who;
    while (rest.n) {
        memcpy(&who, rest.p, sizeof who);
        size_t n = (unsigned char)rest.p[sizeof who], from = sizeof who + 1;
        uint32_t row = clients_find(&a->clients, (enum identity)(who >> 48), who & 0xffffffffffffu);
        if (row != MAP_NONE)
            clients_name(&a->clients, row, slice_sub(rest, from, from + n));
        rest = slice_sub(rest, from + n, rest.n);
    }
    return !names->text.failed;
}

static bool restore_names(const struct restore *r, struct names *names)
{
    struct row_client row;
    enum identity kind;
    uint64_t hash;
    while (r->client && r->client(r->context, &row)) {
        if (row.id >= names->n) {
            uint32_t n = row.id < 512 ? 1024 : row.id * 2;
            uint64_t *grown = realloc(names->who, n * sizeof *grown);
            if (!grown)
                return false;
            for (uint32_t i = names->n; i < n; i++)
                grown[i] = UINT64_MAX;
            names->who = grown;
            names->n = n;
        }
        if (parse_client(row.client, &kind, &hash))
            note_name(names, names->who[row.id] = (uint64_t)kind << 48 | hash, row.name);
    }
    return true;
}

static void load_hist(struct analysis *a, struct hist *h, struct slice text)
{
    struct hist_dense d;
    if (hist_read(text, &d))
        hist_load(h, &d, &a->pages);
}

static void load_lifetimes(struct analysis *a, struct endpoint *e, struct slice text)
{
    struct changes_stored stored;
    if (changes_read(&stored, text))
        changes_load(&e->lifetimes, &a->endpoints.lifetimes, &stored);
}

static void load_live(struct analysis *a, struct endpoint *e, struct slice text)
{
    struct live_sum sums[LIVE_TTLS];
    live_read(sums, text);
    live_load(&e->live, &a->endpoints.live, sums);
}

/* The sample goes on; what was estimated until now counts as it is written. */
static void load_sampling(struct analysis *a, struct endpoint *e, const struct row_endpoint *row)
{
    struct sampling_stored stored;
    struct sampling_tail *tail;
    if (!sampling_read(&stored, row->sampling) || !stored.level || !(tail = endpoints_sample(&a->endpoints, e)))
        return;
    sampling_load(tail, &stored, &e->ladder);
    admission_begin(&a->admission);
}

/* Added: one may have been united into another meanwhile. */
static void load_sockets(struct endpoint *e, const struct row_endpoint *row)
{
    e->sockets.websockets += row->websockets;
    e->sockets.us += row->websocket_us;
    e->sockets.messages[0] += row->websocket_messages_client;
    e->sockets.messages[1] += row->websocket_messages_server;
    e->sockets.bytes[0] += row->websocket_bytes_client;
    e->sockets.bytes[1] += row->websocket_bytes_server;
    e->sockets.lost += row->websocket_lost;
    e->operation_answers += row->operation_answers;
    struct event_sums *s = &e->events;
    s->streams += row->event_streams;
    s->us += row->event_stream_us;
    s->events += row->events;
    s->bytes += row->event_bytes;
    s->gaps += row->event_gaps;
    s->gap_us += row->event_gap_us;
    s->resumed += row->event_streams_resumed;
    s->lost += row->event_streams_lost;
    s->gap_max_us = row->event_gap_max_us > s->gap_max_us ? row->event_gap_max_us : s->gap_max_us;
}

static void load_endpoint(struct analysis *a, struct endpoint *e, const struct row_endpoint *row)
{
    e->requests = row->requests;
    e->eligible = row->eligible;
    e->keys = row->keys;
    e->clients = row->clients;
    e->request_bytes = row->request_bytes;
    e->response_bytes = row->response_bytes;
    e->errors = row->errors;
    e->throttled = row->throttled;
    e->unanswered = row->unanswered;
    e->repeats_same = row->repeats_same;
    e->observed_gaps = row->observed_gaps;
    e->changes = row->changes;
    e->server_us_total = row->server_us_total;
    load_sockets(e, row);
    e->first_us = row->first_us == TIME_NONE ? INT64_MAX : row->first_us;
    e->last_us = row->last_us;
    load_hist(a, &e->latency, row->latency);
    load_hist(a, &e->server, row->server_time);
    ladder_load(&e->ladder, row->ttl);
    load_sampling(a, e, row);
    load_lifetimes(a, e, row->lifetimes);
    sharing_read(&e->sharing, row->sharing);
    sources_read(&e->sources, row->sources);
    depend_load(a, row->id, row->learned);
    bound_load(a, e, row->writes);
    masked_load(a, e, row->fields);
    if (row->ttl[LADDER_RUNGS - 1].cycles)
        load_live(a, e, row->live);
    memcpy(e->declared, row->declared, sizeof e->declared);
    memcpy(e->reasons, row->reasons, sizeof e->reasons);
    load_hist(a, &e->declared_ttl, row->declared_ttl);
}

static bool place(struct analysis *a, const struct row_endpoint *row, uint32_t id)
{
    struct slice operation = row_operation_apart(row);
    if ((row->operation.n && !operation.n) || knownroutes_has(a->options.routes, row->route))
        return trie_place_known(a->trie, row->method, row->service, row->route, operation, id);
    return trie_place(a->trie, row->method, row->service, row->route, operation, id);
}

static bool restore_endpoints(struct analysis *a, const struct restore *r)
{
    struct row_endpoint row;
    while (r->endpoint && r->endpoint(r->context, &row)) {
        bool other = slice_eq(row.route, SLICE("(other)"));
        uint32_t id = other ? endpoints_other(&a->endpoints) : endpoints_open(&a->endpoints, 0);
        if (id != row.id)
            return false;
        struct endpoint *e = endpoints_at(&a->endpoints, id);
        load_endpoint(a, e, &row);
        e->alias = row.alias;
        e->grpc = row.operation.n && !row_operation_apart(&row).n;
        e->safe = row.operation_safe;
        if (!other && !row.alias && !place(a, &row, id))
            return false;
        if (e->first_us < a->start_us)
            a->start_us = e->first_us;
    }
    a->start_ms = floor_div(a->start_us, 1000);
    return true;
}

static struct slice names_at(char kept[VARY_LISTS + 1][VARY_TEXT], const uint16_t n[VARY_LISTS + 1], unsigned i)
{
    return slice_of(kept[i], n[i]);
}

/* Lists get their old numbers: they are interned in the order of these. */
static bool intern_lists(struct analysis *a, char kept[VARY_LISTS + 1][VARY_TEXT], const uint16_t n[VARY_LISTS + 1])
{
    for (unsigned i = 1; i <= VARY_LISTS && n[i]; i++)
        if (vary_list(a->vary, names_at(kept, n, i)) != i)
            return false;
    a->vary_written = vary_count(a->vary);
    return true;
}

static void load_capture_counter(struct analysis *a, const struct row_counter *c)
{
    for (int i = 0; i < OPAQUE_COUNT && strcmp(c->what, "opaque") == 0; i++)
        if (slice_eq(c->name, slice_str(opaque_name((enum opaque_reason)i))))
            a->base.flows_opaque[i] = c->value;
    for (int i = 0; i < ENCAP_COUNT && strcmp(c->what, "encapsulation") == 0; i++)
        if (slice_eq(c->name, slice_str(encap_name((enum encapsulation)i))))
            a->base.encapsulations[i] = c->value;
    for (int i = 0; i < MEMCACHED_UDP_COUNTS && strcmp(c->what, "memcached_udp") == 0; i++)
        if (slice_eq(c->name, slice_str(memcached_udp_name((enum memcached_udp_count)i))))
            a->base.memcached_udp[i] = c->value;
    for (int i = 0; i < UNPARSED_COUNT && strcmp(c->what, "unparsed") == 0; i++)
        if (slice_eq(c->name, slice_str(unparsed_name((enum unparsed_reason)i))))
            a->base.unparsed_by[i] = c->value;
#define PACKETS(member, text)                                                                                          \
    if (strcmp(c->what, "packets") == 0 && slice_eq(c->name, SLICE(text)))                                             \
        a->base.member = c->value;
    CAPTURE_PACKETS(PACKETS)
#undef PACKETS
    a->base_pauses += strcmp(c->what, "pause") == 0;
    if (strcmp(c->what, "unread") == 0)
        a->base.heads_unread = c->value;
    for (int i = 0; i < EASE_STEPS && slice_starts(slice_str(c->what), SLICE("eased")); i++)
        if (slice_eq(c->name, slice_str(ease_name((enum ease_step)i))))
            *(strcmp(c->what, "eased") ? &a->base.eased[i].us : &a->base.eased[i].times) = c->value;
    if (strcmp(c->what, "skipped") == 0)
        *(slice_eq(c->name, SLICE("flows")) ? &a->base.flows_skipped : &a->base.packets_skipped) = c->value;
}

static void load_counter(struct analysis *a, const struct row_counter *c)
{
    uint64_t status;
    if (strcmp(c->what, "total") == 0)
        totals_set(&a->totals, c->name, c->value);
    else if (strcmp(c->what, "method") == 0)
        a->totals.method[totals_enter(&a->totals, c->name) - 1].count += c->value;
    else if (strcmp(c->what, "status") == 0 && slice_u64(c->name, &status))
        totals_status(&a->totals, (unsigned)status, c->value);
    for (int i = 0; i < TOTALS_PROTOCOLS && strcmp(c->what, "protocol") == 0; i++)
        if (slice_eq(c->name, slice_str(proto_name((enum proto)i))))
            a->totals.protocol[i] = c->value;
}

static bool restore_counters(struct analysis *a, const struct restore *r)
{
    char(*lists)[VARY_TEXT] = calloc(VARY_LISTS + 1, sizeof *lists);
    uint16_t n[VARY_LISTS + 1] = {0};
    struct row_counter c;
    if (!lists)
        return false;
    while (r->counter && r->counter(r->context, &c)) {
        load_capture_counter(a, &c);
        if (strcmp(c.what, "vary") == 0 && c.value <= VARY_LISTS && c.name.n <= VARY_TEXT) {
            memcpy(lists[c.value], c.name.p, c.name.n);
            n[c.value] = (uint16_t)c.name.n;
        } else if (!r->complete) {
            load_counter(a, &c);
        }
    }
    a->clients.overflow = a->totals.client_overflow;
    bool good = intern_lists(a, lists, n);
    free(lists);
    return good;
}

static void restore_minutes(struct analysis *a, const struct restore *r)
{
    struct row_minute row;
    while (!r->complete && r->minute && r->minute(r->context, &row))
        *minutes_at(&a->minutes, row.minute) = row;
    a->minutes.written = a->minutes.end;
}

static void restore_capture(struct analysis *a, const struct restore *r)
{
    struct row_capture row;
    struct capture_stats *b = &a->base;
    if (!r->capture || !r->capture(r->context, &row))
        return;
    a->base_started = row.started_us;
    a->base_ended = row.ended_us;
    a->window_us = row.window_us;
    a->window_ends = row.window_us == TIME_NONE ? INT64_MIN : row.window_us + ANALYSIS_WINDOW_US;
    a->memory_peak = row.memory_peak_bytes;
    b->packets = row.packets;
    b->bytes = row.bytes;
    b->kernel_dropped = row.kernel_dropped;
    b->interface_dropped = row.interface_dropped;
    b->duplicates = row.duplicates;
    b->unparsed_packets = row.unparsed_packets;
    b->flows = row.flows;
    b->flows_midstream = row.flows_midstream;
    b->flows_oneway = row.flows_oneway;
    b->flows_evicted = row.flows_evicted;
    b->gaps = row.gaps;
    b->gap_bytes = row.gap_bytes;
    b->acked_unseen_bytes = row.acked_unseen_bytes;
    b->overlap_bytes = row.overlap_bytes;
    b->stream_bytes = row.stream_bytes;
    b->retransmitted = row.retransmitted;
    b->flows_split = row.flows_split;
    clients_meet(&a->clients, row.clients_met.p, row.clients_met.n);
}

/* Endpoint of a key at its first exchange. */
static void find_endpoint(struct analysis *a, struct key *key, bool literal)
{
    struct slice path = {NULL, 0};
    struct row_key row = {.method = keys_method(&a->keys, key),
                          .service = keys_service(&a->keys, key),
                          .target = keys_target(&a->keys, key)};
    hash_key_text(a, &row, &path);
    key->endpoint = observe_endpoint(a, row.method, row.service, path, literal, keys_operation(&a->keys, key));
}

static struct slice method_of(struct analysis *a, const struct fact *f)
{
    const struct endpoint *e = endpoints_at(&a->endpoints, f->row.endpoint);
    if (f->row.flags & REPLAY_HEAD)
        return SLICE("HEAD");
    if (f->key != MAP_NONE)
        return keys_method(&a->keys, keys_at(&a->keys, f->key));
    return e->node && !e->other ? trie_method(a->trie, e->node) : SLICE("(other)");
}

static bool replay_request(struct analysis *a, struct fact *f, bool counting)
{
    uint32_t key = f->row.key;
    f->key = key ? keys_row(&a->keys, key) : MAP_NONE;
    if (key && f->key == MAP_NONE && counting)
        return false;
    keys_number(&a->keys, key + 1); /* names of dropped keys may be missing */
    if (f->key != MAP_NONE) {
        struct key *at = keys_at(&a->keys, f->key);
        if (f->row.status) /* else it says nothing of Vary, and what was in effect stays */
            at->vary = (uint16_t)replay_list(&f->row);
        if (!at->endpoint)
            find_endpoint(a, at, f->row.flags & FLAG_METHOD);
    } else if (f->row.endpoint >= a->endpoints.rows.used || !f->row.endpoint) {
        f->row.endpoint = endpoints_other(&a->endpoints);
    }
    f->row.endpoint = f->key != MAP_NONE ? keys_at(&a->keys, f->key)->endpoint : f->row.endpoint;
    struct slice method = method_of(a, f);
    f->origin.method = (uint8_t)classify_method(method);
    f->origin.counted = counting ? (uint8_t)totals_enter(&a->totals, method) : 0;
    f->ms = floor_div(f->row.arrival_us, 1000);
    observe(a, f, counting);
    return true;
}

static void note_replayed(struct analysis *a, const struct row_exchange *r)
{
    int64_t first = r->arrival_us - (r->request_us > 0 ? r->request_us : 0);
    int64_t last = r->duration_us < 0 ? r->arrival_us : first + r->duration_us;
    a->first_us = first < a->first_us ? first : a->first_us;
    a->last_us = last > a->last_us ? last : a->last_us;
    if (r->arrival_us > a->greatest)
        a->greatest = r->arrival_us;
}

static bool replay(struct analysis *a, const struct restore *r, const struct people *people, const struct names *names)
{
    struct fact f = {.x = NULL};
    while (r->exchange && r->exchange(r->context, &f.row)) {
        uint32_t client = f.row.client;
        if (f.row.flags & ROW_ORPHAN) {
            if (r->complete)
                observe_orphan(a, &f.row);
        } else {
            f.client = MAP_NONE;
            if (r->complete && client < names->n && names->who[client] != UINT64_MAX)
                f.client = clients_row(&a->clients, (enum identity)(names->who[client] >> 48),
                                       names->who[client] & 0xffffffffffffu);
            else if (!r->complete && client < people->n)
                f.client = people->row[client];
            if (!replay_request(a, &f, r->complete))
                return false;
        }
        note_replayed(a, &f.row);
    }
    return true;
}

/* Exchanges that are replayed do not show which of their fields were equal either. */
static void load_equal(struct endpoint *e, struct slice blob)
{
    struct sharing stored;
    sharing_read(&stored, blob);
    struct sharing equal = {.equal = stored.equal};
    sharing_merge(&e->sharing, &equal);
}

/* Exchanges that are replayed do not show what was learned of their parts; endpoints have their ids again. */
static void restore_learned(struct analysis *a, const struct restore *r)
{
    struct row_endpoint row;
    while (r->endpoint && r->endpoint(r->context, &row))
        if (!row.alias && row.id < a->endpoints.rows.used) {
            uint32_t id = endpoints_resolve(&a->endpoints, row.id);
            depend_load(a, id, row.learned);
            load_equal(endpoints_at(&a->endpoints, id), row.sharing);
            masked_load(a, endpoints_at(&a->endpoints, id), row.fields);
            load_sockets(endpoints_at(&a->endpoints, id), &row);
        }
}

static void restore_caches(struct analysis *a, const struct restore *r)
{
    struct row_cache row;
    while (r->cache && r->cache(r->context, &row))
        caches_load(&a->caches, &row, &a->pages);
}

bool analysis_restore(struct analysis *a, const struct restore *r)
{
    struct people people = {0};
    struct names names = {0};
    restore_capture(a, r);
    bool good = restore_addresses(a, r) && restore_counters(a, r) && (r->complete || restore_endpoints(a, r)) &&
                restore_keys(a, r) && (r->complete ? restore_names(r, &names) : restore_clients(a, r, &people));
    if (good) {
        restore_minutes(a, r);
        restore_caches(a, r);
        good = replay(a, r, &people, &names);
        if (good && r->complete)
            restore_learned(a, r);
        good = good && give_names(a, &names);
    }
    buf_free(&names.text);
    free(people.row);
    free(names.who);
    return good;
}
