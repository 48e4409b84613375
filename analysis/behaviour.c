#include "analysis/behaviour.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/hosts.h"
#include "analysis/restore.h"
#include "analysis/runs.h"
#include "base/floor.h"
#include "base/hash.h"
#include "base/table.h"
#include "capture/exchange.h"

enum { IDS_MOST = 1 << 20, VISITS = 1 << 16 };

const char *const error_class_names[ERROR_CLASSES] = {"server",    "throttled", "client",
                                                      "transport", "protocol",  "application"};

/* The latest answer of a key whose content is known. */
struct visit {
    uint64_t hash; /* 0: free */
    int64_t at_us;
    uint32_t content;
};

struct reading {
    struct behaviour *b;
    struct inflight *inflight;
    struct retries *retries;
    struct runs *runs;
    struct polling *polling;
    struct expiry *expiry;
    struct visit *visit; /* by hash; a newer one takes an older one's place */
    struct recurrence recurrence;
    struct map pairs, sets;
    uint64_t *set; /* hashes of a client with a key, or an address with a credential */
    uint32_t n_set;
    uint64_t *id; /* integer in the path, by key; + 1; 0: none */
    size_t n_ids;
    uint32_t *target; /* hash of method and target, by key */
    size_t n_targets;
    struct hosts hosts;
    uint32_t *alias; /* by endpoint id; 0: not read */
    bool *safe;      /* by method */
    bool *query;     /* by operation: what is asked for stands in the body */
    uint32_t other;  /* client `(other)`, which is many */
    uint32_t active; /* clients with an activity */
    int64_t last_us;
    int64_t least_us, most_us; /* first and last byte of all calls */
};

/* ---- what there is ---- */

static bool grow(void **rows, size_t *n, uint32_t id, size_t unit)
{
    return id < IDS_MOST && dense_grow(rows, n, id, unit);
}

static bool is_safe(struct slice method)
{
    return slice_eq(method, SLICE("GET")) || slice_eq(method, SLICE("OPTIONS")) || slice_eq(method, SLICE("TRACE"));
}

/* Rows of endpoints must not move once calls are under way. */
static bool count_endpoint(void *context, const struct row_endpoint *e)
{
    struct reading *g = context;
    size_t safe = g->b->n_endpoints, alias = safe, query = safe;
    if (!grow((void **)&g->b->endpoint, &g->b->n_endpoints, e->id, sizeof *g->b->endpoint) ||
        !grow((void **)&g->alias, &alias, e->id, sizeof *g->alias) ||
        !grow((void **)&g->safe, &safe, e->id, sizeof *g->safe) ||
        !grow((void **)&g->query, &query, e->id, sizeof *g->query)) {
        g->b->failed = true;
        return false;
    }
    g->alias[e->id] = e->alias ? e->alias : e->id;
    g->safe[e->id] = is_safe(e->method);
    g->query[e->id] = e->operation_safe && !g->safe[e->id];
    return true;
}

/* Two networks are two addresses; a network and an address in it may be one. */
static bool several_addresses(const struct row_client *c)
{
    size_t comma = slice_find(c->addresses, ',', 0);
    struct addr one, two;
    if (c->n_addresses != 2 || !addr_parse(slice_sub(c->addresses, 0, comma), &one) ||
        !addr_parse(slice_sub(c->addresses, comma + 1, c->addresses.n), &two))
        return c->n_addresses > 1;
    return one.known == two.known || addr_network_bits(&one) != addr_network_bits(&two);
}

static bool count_client(void *context, const struct row_client *c)
{
    struct reading *g = context;
    if (!grow((void **)&g->b->client, &g->b->n_clients, c->id, sizeof *g->b->client)) {
        g->b->failed = true;
        return false;
    }
    if (slice_eq(c->identity, SLICE("(other)")))
        g->other = c->id;
    g->b->client[c->id].credential =
        !slice_eq(c->identity, SLICE("address")) && !slice_eq(c->identity, SLICE("forwarded")) && c->id != g->other;
    g->b->client[c->id].several = several_addresses(c);
    if (c->id != g->other && g->active + 1 < BEHAVIOUR_ACTIVE)
        g->b->client[c->id].active = ++g->active; /* they come by requests, most first */
    return true;
}

static bool count_key(void *context, const struct row_key *k)
{
    struct reading *g = context;
    uint64_t id;
    if (grow((void **)&g->target, &g->n_targets, k->id, sizeof *g->target))
        g->target[k->id] = (uint32_t)hash_bytes(&g->b->named.key, (uint8_t)k->method.n, k->target.p, k->target.n);
    if (!suspect_id_of(k->target.p, k->target.n, &id))
        return true;
    if (!grow((void **)&g->id, &g->n_ids, k->id, sizeof *g->id))
        return true; /* further keys show no order */
    g->id[k->id] = id + 1;
    return true;
}

static uint32_t resolve(const struct reading *g, uint32_t id)
{
    return named_follow(g->alias, g->b->n_endpoints, id);
}

/* ---- one record ---- */

/* A call with sane times. */
struct call {
    const struct row_exchange *x;
    int64_t start_us, first_us, end_us; /* whole request; its first byte; the answer's last byte, or as long as known */
    uint64_t server_us;
    uint32_t endpoint, client; /* client 0: unknown, or many */
    bool ended, error, inside; /* ended: end_us is known */
};

static bool unanswered(const struct row_exchange *x)
{
    return !x->status && !(x->flags & FLAG_UNKNOWN_FIELDS);
}

/* An attempt that somebody would make again (ALGORITHMS.md 7.8). */
static bool is_failed(const struct row_exchange *x)
{
    return x->status == 408 || x->status == 429 || x->status >= 500 || unanswered(x) || x->end == END_CLIENT_ABORT ||
           x->end == END_SERVER_ABORT;
}

static enum error_class class_of(const struct row_exchange *x)
{
    if (x->status >= 500)
        return ERRORS_SERVER;
    if (x->status == 429)
        return ERRORS_THROTTLED;
    if (x->status >= 400 && x->status != 404 && x->status != 401 && x->status != 409 && x->status != 412)
        return ERRORS_CLIENT;
    if (unanswered(x) || x->end == END_SERVER_ABORT || x->end == END_CLIENT_ABORT)
        return ERRORS_TRANSPORT;
    if (x->flags & (FLAG_AMBIGUOUS | FLAG_MISCODED))
        return ERRORS_PROTOCOL;
    return x->flags & FLAG_FAILED ? ERRORS_APPLICATION : ERROR_CLASSES;
}

static struct call call_of(struct reading *g, const struct row_exchange *x)
{
    struct call c = {.x = x, .start_us = row_sane_us(x->arrival_us), .endpoint = resolve(g, x->endpoint)};
    int64_t request = x->request_us > 0 ? row_sane_us(x->request_us) : 0;
    c.first_us = c.start_us - request;
    c.ended = x->duration_us >= 0 && x->end == END_COMPLETE; /* else records of a log do not say when */
    c.end_us = c.ended ? c.first_us + row_sane_us(x->duration_us) : c.start_us;
    c.start_us = c.start_us < g->last_us ? g->last_us : c.start_us; /* time never runs backwards */
    c.end_us = c.end_us < c.start_us ? c.start_us : c.end_us;
    c.server_us = x->server_us < 0 ? 0 : (uint64_t)x->server_us;
    c.client = x->client < g->b->n_clients && x->client != g->other ? x->client : 0;
    c.error =
        x->status >= 500 || x->status == 429 || unanswered(x) || x->end == END_SERVER_ABORT || (x->flags & FLAG_FAILED);
    c.inside = c.start_us >= g->b->from_us && c.start_us < g->b->to_us;
    return c;
}

static uint64_t identity(const struct row_exchange *x, uint32_t client)
{
    uint64_t h = hash_mix((uint64_t)x->key << 32 | x->body);
    h = hash_mix(h + client + (uint64_t)(x->flags & REPLAY_HEAD));
    return h ? h : 1;
}

static void see_concurrency(struct reading *g, const struct call *c, struct behaviour_endpoint *e)
{
    const struct row_exchange *x = c->x;
    if (!c->ended)
        return;
    uint64_t like = g->safe[c->endpoint] && x->key ? identity(x, 0) + x->variant : 0;
    uint32_t alike = inflight_add(g->inflight, &e->inflight, like, c->start_us, c->end_us);
    if (like && c->inside)
        expiry_take(g->expiry,
                    &(struct expiry_call){.hash = like,
                                          .endpoint = c->endpoint,
                                          .lifetime = x->lifetime,
                                          .alike = alike > 0,
                                          .start_us = c->start_us,
                                          .answered_us = c->start_us + (x->ttfb_us > 0 ? row_sane_us(x->ttfb_us) : 0),
                                          .server_us = c->server_us});
    if (!alike || !c->inside)
        return;
    e->coalescable++;
    e->coalescable_us += c->server_us;
    e->coalescable_bytes += x->response_bytes;
    e->most_alike = alike + 1 > e->most_alike ? alike + 1 : e->most_alike;
}

static void keep_waits(struct reading *g, struct behaviour_client *c, const struct retries_seen *s)
{
    if (!c->waits && g->b->waiters < BEHAVIOUR_WAITERS) {
        c->waits = calloc(1, sizeof *c->waits);
        g->b->waiters += c->waits != NULL;
    }
    struct behaviour_waits *w = c->waits;
    if (!w)
        return;
    if (w->n_gaps < BEHAVIOUR_GAPS)
        w->gap_s[w->n_gaps++] = (float)s->gap_s;
    if (!isnan(s->ratio) && w->n_ratios < BEHAVIOUR_RATIOS)
        w->ratio[w->n_ratios++] = (float)s->ratio;
}

static bool see_retry(struct reading *g, const struct call *c, struct behaviour_endpoint *e,
                      struct behaviour_client *who)
{
    if (!c->client || !c->x->key)
        return false;
    struct retries_call call = {.hash = identity(c->x, c->client),
                                .start_us = c->start_us,
                                .end_us = c->end_us,
                                .wait_us = c->x->retry_after ? ((int64_t)c->x->retry_after - 1) * 1000000 : -1,
                                .failed = is_failed(c->x)};
    struct retries_seen s = retries_add(g->retries, &call);
    if (!s.retry || !c->inside)
        return false;
    e->retries++;
    e->retries_us += c->server_us;
    who->retries++;
    who->chains += s.attempt == 2;
    who->early += s.early;
    who->retries_us += c->server_us;
    who->longest = s.attempt > who->longest ? s.attempt : who->longest;
    keep_waits(g, who, &s);
    return true;
}

/* What it is made for, if that is known. */
static struct hops_parent see_hop(struct reading *g, const struct call *c)
{
    const struct row_exchange *x = c->x;
    uint32_t service = named_service_of(&g->b->named, 0, c->endpoint);
    if (!service)
        return (struct hops_parent){0};
    return hops_add(g->b->hops, &(struct hops_call){.trace = x->trace,
                                                    .request_id = x->request_id,
                                                    .endpoint = c->endpoint,
                                                    .service = service,
                                                    .target = x->key < g->n_targets ? g->target[x->key] : 0,
                                                    .client_host = hosts_of(&g->hosts, x->address),
                                                    .client_network = hosts_network(&g->hosts, x->address),
                                                    .server_host = hosts_of(&g->hosts, x->server),
                                                    .start_us = c->first_us,
                                                    .end_us = c->end_us,
                                                    .ended = c->ended,
                                                    .failed = c->error,
                                                    .inside = c->inside,
                                                    .server = x->server});
}

static int64_t whole_rtt(const struct row_exchange *x)
{
    int64_t server = x->ttfb_us >= 0 && x->server_us >= 0 ? x->ttfb_us - x->server_us : 0;
    return x->rtt ? (int64_t)x->rtt - 1 + (server > 0 ? server : 0) : -1;
}

static void see_backend(struct reading *g, const struct call *c, const struct hops_parent *parent)
{
    const struct row_exchange *x = c->x;
    uint32_t service = named_service_of(&g->b->named, 0, c->endpoint);
    bool vague = hosts_vague(&g->hosts, x->address);
    if (!service || !x->server)
        return;
    if (parent->passed_on && parent->server != x->server)
        backends_relays(g->b->backends, service, parent->server);
    backends_add(g->b->backends,
                 &(struct backends_call){.service = service,
                                         .server = x->server,
                                         .endpoint = c->endpoint,
                                         .address = vague ? 0 : x->address,
                                         .client_host = hosts_of(&g->hosts, x->address),
                                         .server_host = hosts_of(&g->hosts, x->server),
                                         .client_network = vague ? hosts_network(&g->hosts, x->address) : 0,
                                         .server_network = hosts_network(&g->hosts, x->server),
                                         .conn = x->conn,
                                         .start_us = c->first_us,
                                         .end_us = c->end_us,
                                         .server_us = x->status ? x->server_us : -1,
                                         .rtt_us = whole_rtt(x),
                                         .failed = c->error,
                                         .unanswered = unanswered(x),
                                         .tls = (x->flags & ROW_TLS) != 0});
}

/* Queries of one operation are told apart by their bodies; what these are must be known. */
static void see_run(struct reading *g, const struct call *c, const struct hops_parent *parent)
{
    bool query = g->query[c->endpoint] && c->x->body;
    if (c->client && c->x->key)
        runs_add(g->runs, &(struct runs_call){.client = c->client,
                                              .endpoint = c->endpoint,
                                              .key = query ? (uint32_t)identity(c->x, 0) : c->x->key,
                                              .start_us = c->first_us,
                                              .end_us = c->end_us,
                                              .rtt_us = (int64_t)c->x->rtt - 1,
                                              .safe = g->safe[c->endpoint] || query,
                                              .group = parent->number ? parent->number : c->x->trace,
                                              .within = parent->endpoint});
}

/* What is asked for to answer another request is no doing of a user. */
static void see_action(struct reading *g, const struct call *c, const struct hops_parent *parent)
{
    if (c->client && !parent->number && c->inside)
        chatty_add(g->b->chatty, &(struct chatty_call){.client = c->client,
                                                       .endpoint = c->endpoint,
                                                       .start_us = c->first_us,
                                                       .end_us = c->end_us,
                                                       .rtt_us = (int64_t)c->x->rtt - 1,
                                                       .ended = c->ended});
}

static void see_polling(struct reading *g, const struct call *c)
{
    const struct row_exchange *x = c->x;
    if (x->key && g->safe[c->endpoint])
        polling_read(g->polling, &(struct polling_read){.client = c->client,
                                                        .key = x->key,
                                                        .endpoint = c->endpoint,
                                                        .content = x->status < 400 ? x->content : 0,
                                                        .at_us = c->start_us,
                                                        .server_us = c->server_us,
                                                        .unmodified = x->status == 304});
}

static struct expiry_sums *expiry_of(void *context, uint32_t endpoint)
{
    struct reading *g = context;
    return &g->b->endpoint[endpoint].expiry;
}

/* When contents change; those of errors are none. */
static void see_change(struct reading *g, const struct call *c, struct behaviour_endpoint *e)
{
    const struct row_exchange *x = c->x;
    uint64_t hash = hash_mix(hash_mix((uint64_t)x->key << 32 | x->variant)) | 1;
    struct visit *v = &g->visit[hash >> 32 & (VISITS - 1)];
    if (!x->key || !x->content || !(x->flags & ROW_ELIGIBLE) || (x->flags & REPLAY_HEAD) || x->status >= 400)
        return;
    bool changed = v->hash == hash && v->content != x->content;
    if (changed && !e->schedule)
        e->schedule = calloc(1, sizeof *e->schedule);
    if (v->hash == hash && e->schedule)
        schedule_gap(e->schedule, v->at_us, c->start_us, changed);
    *v = (struct visit){hash, c->start_us, x->content};
}

static struct polling_sums *polling_of(void *context, uint32_t endpoint)
{
    struct reading *g = context;
    return &g->b->endpoint[endpoint].polling;
}

static void see_quota(const struct call *c, struct behaviour_endpoint *e, struct behaviour_client *who)
{
    struct behaviour_quota nobody = {.told = {.wait = {0}}};
    bool told = c->x->quota || c->x->retry_after;
    if (told && c->client && !who->quota)
        who->quota = calloc(1, sizeof *who->quota);
    struct behaviour_quota *q = c->client && who->quota ? who->quota : &nobody;
    if (told || q != &nobody)
        quota_take(
            &e->quota, &q->sums, q == &nobody ? NULL : &q->told,
            &(struct quota_call){.endpoint = c->endpoint,
                                 .start_us = c->start_us,
                                 .end_us = c->end_us,
                                 .packed = c->x->quota,
                                 .wait_us = c->x->retry_after ? ((int64_t)c->x->retry_after - 1) * 1000000 : -1});
}

/* Whether the two were not seen together before; false, too, when there is no room. */
static bool is_new(struct reading *g, uint32_t kind, uint32_t one, uint32_t two)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)one << 32 | two) + kind);
    if (map_find(&g->sets, hash) != MAP_NONE)
        return false;
    if (g->n_set == BEHAVIOUR_PAIRS || !map_insert(&g->sets, hash, g->n_set)) {
        g->b->untracked++;
        return false;
    }
    g->set[g->n_set++] = hash;
    return true;
}

static void see_signs(struct reading *g, const struct call *c, struct behaviour_client *who)
{
    const struct row_exchange *x = c->x;
    int64_t hour = floor_div(c->start_us, 3600000000);
    who->hour[hour - floor_div(hour, 24) * 24]++;
    if (x->key && who->refused) {
        who->since++;
        who->distinct += is_new(g, 1, c->client, x->key);
    }
    if (x->key < g->n_ids && g->id[x->key])
        suspect_id(&who->ids, c->endpoint, g->id[x->key] - 1);
    if (!who->credential || !x->address || hosts_vague(&g->hosts, x->address) ||
        !grow((void **)&g->b->address, &g->b->n_addresses, x->address, sizeof *g->b->address))
        return;
    struct behaviour_address *a = &g->b->address[x->address];
    a->requests++;
    a->denied += x->status == 401 || x->status == 403;
    a->credentials += is_new(g, 2, x->address, c->client);
}

static void count_client_call(const struct call *c, struct behaviour_client *who)
{
    uint16_t status = c->x->status;
    who->requests++;
    who->good += status >= 200 && status < 300;
    who->denied += status == 401 || status == 403;
    who->refused += status >= 400 && status < 500;
    who->throttled += (c->x->flags & REPLAY_THROTTLED) != 0;
    who->asked_to_wait += c->x->retry_after != 0;
}

static void see_activity(struct behaviour *b, const struct call *c, const struct behaviour_client *who)
{
    unsigned slot = activity_slot(&b->scale, row_sane_us(c->x->arrival_us));
    if (who->active && slot < b->scale.n)
        b->activity[who->active][slot]++;
}

/* What clamping of times left of it. */
static void count_transfer(struct behaviour_endpoint *e, const struct row_exchange *x, uint64_t transfer_us)
{
    uint64_t loss = x->loss_us < transfer_us ? x->loss_us : transfer_us, rest = transfer_us - loss;
    e->judged_us += transfer_us;
    e->loss_us += loss;
    e->window_us += x->window_us < rest ? x->window_us : rest;
}

static void count_endpoint_call(const struct call *c, struct behaviour_endpoint *e)
{
    const struct row_exchange *x = c->x;
    enum error_class class = class_of(x);
    e->requests++;
    if (class < ERROR_CLASSES)
        e->class[class]++;
    e->failed += c->error;
    e->failed_us += c->error ? c->server_us : 0;
    if (x->end == END_COMPLETE && x->ttfb_us >= 0 && c->ended) {
        int64_t transfer = c->end_us - c->start_us - row_sane_us(x->ttfb_us);
        e->transfer_us += transfer > 0 ? (uint64_t)transfer : 0;
        e->transfer_bytes += x->response_bytes;
        if (transfer > 0 && !(x->flags & (FLAG_ONEWAY | FLAG_MIDSTREAM)))
            count_transfer(e, x, (uint64_t)transfer);
    }
}

static void see(void *context, const struct row_exchange *x)
{
    struct reading *g = context;
    struct call c = call_of(g, x);
    if ((x->flags & ROW_ORPHAN) || !c.endpoint)
        return;
    g->last_us = c.start_us;
    g->least_us = c.first_us < g->least_us ? c.first_us : g->least_us;
    g->most_us = c.end_us > g->most_us ? c.end_us : g->most_us;
    struct behaviour_endpoint *e = &g->b->endpoint[c.endpoint];
    recurrence_visit(&g->recurrence, x, c.inside ? &e->recurrence : NULL);
    struct behaviour_client *who = &g->b->client[c.client];
    see_concurrency(g, &c, e);
    bool retry = see_retry(g, &c, e, who);
    struct hops_parent parent = x->trace || x->request_id ? see_hop(g, &c) : (struct hops_parent){0};
    see_run(g, &c, &parent);
    see_action(g, &c, &parent);
    if (!c.inside)
        return;
    g->b->vague += hosts_vague(&g->hosts, x->address);
    count_endpoint_call(&c, e);
    see_quota(&c, e, who);
    see_change(g, &c, e);
    see_backend(g, &c, &parent);
    storm_add(&e->storm, c.start_us, retry, c.error);
    if (!c.client)
        return;
    count_client_call(&c, who);
    see_activity(g->b, &c, who);
    see_signs(g, &c, who);
    see_polling(g, &c);
    if (who->flood)
        floods_take(&g->b->floods.item[who->flood - 1], c.start_us, c.server_us);
    storm_add(&who->storm, c.start_us, retry, c.error);
}

/* ---- runs ---- */

static void add_run(void *context, const struct runs_event *e)
{
    struct reading *g = context;
    struct behaviour *b = g->b;
    uint64_t hash = hash_mix(hash_mix((uint64_t)e->trigger << 32 | e->child) + e->within);
    uint32_t at = map_find(&g->pairs, hash);
    if (e->start_us < b->from_us || e->start_us >= b->to_us)
        return;
    b->client[e->client].runs++;
    b->client[e->client].run_calls += e->calls;
    if (at == MAP_NONE) {
        if (b->n_runs == BEHAVIOUR_RUNS || !map_insert(&g->pairs, hash, b->n_runs)) {
            b->untracked++;
            return;
        }
        at = b->n_runs++;
        b->runs[at] =
            (struct behaviour_runs){.hash = hash, .trigger = e->trigger, .child = e->child, .within = e->within};
    }
    struct behaviour_runs *r = &b->runs[at];
    r->events++;
    r->calls += e->calls;
    r->sequential += e->sequential;
    r->clients_mask |= UINT64_C(1) << (hash_mix(e->client) & 63);
    r->rtt_us += e->rtt_us > 0 ? (uint64_t)e->rtt_us * (e->calls - 1) : 0;
}

static int by_calls(const void *x, const void *y)
{
    const struct behaviour_runs *a = x, *b = y;
    uint64_t one = a->calls - a->events, two = b->calls - b->events;
    if (one != two)
        return one > two ? -1 : 1;
    if (a->child != b->child || a->trigger != b->trigger)
        return a->child != b->child ? (a->child > b->child) - (a->child < b->child)
                                    : (a->trigger > b->trigger) - (a->trigger < b->trigger);
    return a->within - b->within;
}

/* ---- all ---- */

static bool choose_floods(struct behaviour *b, struct store_reader *r)
{
    if (!floods_choose(&b->floods, r))
        return false;
    for (uint32_t i = 0; i < b->floods.n; i++)
        if (b->floods.item[i].client < b->n_clients)
            b->client[b->floods.item[i].client].flood = (uint16_t)(i + 1);
    return true;
}

static void note_first(void *context, const struct row_exchange *x)
{
    struct behaviour *b = context;
    if (!b->records++ || x->arrival_us < b->from_us)
        b->from_us = x->arrival_us;
}

/* From the first record, or the window's begin, to the end of the audit, or the window. */
static void choose_scale(struct behaviour *b, struct store_reader *r, int64_t first)
{
    struct row_capture audit;
    int64_t from = first > b->from_us ? first : b->from_us;
    if (store_read_capture(r, &audit) && audit.ended_us != INT64_MIN)
        b->scale = activity_scale(row_sane_us(from), audit.ended_us < b->to_us ? audit.ended_us : b->to_us - 1);
}

/* All there is, or the window; what the records cover of that is known when they have been read. */
static void choose_span(struct behaviour *b, struct store_reader *r, uint64_t audited)
{
    struct store_span window;
    int64_t id, first;
    store_read_block(r, 0, &id, note_first, b);
    b->any = b->records > 0;
    first = b->from_us;
    b->records = store_read_exchange_count(r);
    b->whole = b->records >= audited;
    b->from_us = -ROW_SANE_US;
    b->to_us = ROW_SANE_US;
    if (store_read_window_is(r, &window)) {
        b->from_us = window.from_s * 1000000;
        b->to_us = window.to_s * 1000000;
        b->whole |= first <= b->from_us;
    }
    choose_scale(b, r, first);
}

static bool prepare(struct reading *g, struct store_reader *r)
{
    struct behaviour *b = g->b;
    if (!named_load(&b->named, r, false) || !hosts_load(&g->hosts, r))
        return false;
    store_read_all_endpoints(r, count_endpoint, g);
    store_read_clients(r, count_client, g);
    store_read_keys(r, count_key, g);
    g->set = table_new(BEHAVIOUR_PAIRS, sizeof *g->set);
    g->inflight = inflight_new(b->from_us, b->to_us);
    g->retries = retries_new();
    g->runs = runs_new(add_run, g);
    g->polling = polling_new(polling_of, g);
    g->expiry = expiry_new(expiry_of, g);
    g->visit = table_new(VISITS, sizeof *g->visit);
    b->hops = hops_new();
    b->backends = backends_new();
    b->chatty = chatty_new();
    b->runs = table_new(BEHAVIOUR_RUNS, sizeof *b->runs);
    b->activity = calloc(g->active + 1, sizeof *b->activity);
    bool clients = b->client || grow((void **)&b->client, &b->n_clients, 0, sizeof *b->client);
    return clients && g->set && map_init(&g->sets, g->set, sizeof *g->set, BEHAVIOUR_PAIRS) && g->inflight &&
           g->retries && g->runs && b->hops && b->backends && b->chatty && g->polling && g->expiry && g->visit &&
           b->runs && b->activity && !b->failed && choose_floods(b, r) &&
           map_init(&g->pairs, b->runs, sizeof *b->runs, BEHAVIOUR_RUNS);
}

static void finish(struct reading *g)
{
    struct behaviour *b = g->b;
    runs_end(g->runs);
    polling_end(g->polling);
    expiry_end(g->expiry);
    hops_end(b->hops);
    backends_end(b->backends);
    chatty_end(b->chatty);
    for (uint32_t i = 0; i < b->n_endpoints; i++)
        storm_close(&b->endpoint[i].storm);
    for (uint32_t i = 0; i < b->n_clients; i++)
        storm_close(&b->client[i].storm);
    b->untracked += inflight_untracked(g->inflight) + retries_lost(g->retries) + polling_lost(g->polling) +
                    hops_sums(b->hops)->untracked + backends_untracked(b->backends) + chatty_untracked(b->chatty);
    b->from_us = g->least_us > b->from_us ? g->least_us : b->from_us;
    b->to_us = g->most_us < b->to_us ? g->most_us : b->to_us;
    if (b->n_runs)
        qsort(b->runs, b->n_runs, sizeof *b->runs, by_calls);
}

void behaviour_read(struct behaviour *b, struct store_reader *r, uint64_t audited)
{
    struct reading g = {.b = b, .last_us = INT64_MIN, .least_us = INT64_MAX, .most_us = INT64_MIN};
    *b = (struct behaviour){0};
    choose_span(b, r, audited);
    if (!b->any)
        return;
    b->failed = !prepare(&g, r);
    if (!b->failed) {
        b->failed = !store_read_exchanges(r, see, &g);
        finish(&g);
    }
    map_free(&g.pairs);
    map_free(&g.sets);
    table_free(g.set);
    free(g.id);
    recurrence_free(&g.recurrence);
    free(g.target);
    hosts_free(&g.hosts);
    inflight_free(g.inflight);
    retries_free(g.retries);
    runs_free(g.runs);
    polling_free(g.polling);
    expiry_free(g.expiry);
    table_free(g.visit);
    free(g.alias);
    free(g.safe);
    free(g.query);
}

void behaviour_free(struct behaviour *b)
{
    for (uint32_t i = 0; i < b->n_clients; i++) {
        free(b->client[i].waits);
        free(b->client[i].quota);
    }
    for (uint32_t i = 0; i < b->n_endpoints; i++)
        free(b->endpoint[i].schedule);
    free(b->endpoint);
    free(b->client);
    table_free(b->runs);
    free(b->activity);
    free(b->address);
    hops_free(b->hops);
    backends_free(b->backends);
    chatty_free(b->chatty);
    named_free(&b->named);
    *b = (struct behaviour){0};
}

const struct behaviour_endpoint *behaviour_endpoint(const struct behaviour *b, uint32_t id)
{
    return b->any && !b->failed && id < b->n_endpoints ? &b->endpoint[id] : NULL;
}

const struct behaviour_client *behaviour_client(const struct behaviour *b, uint32_t id)
{
    return b->any && !b->failed && id && id < b->n_clients ? &b->client[id] : NULL;
}

const uint32_t *behaviour_activity(const struct behaviour *b, uint32_t client)
{
    const struct behaviour_client *c = behaviour_client(b, client);
    return c && c->active && b->scale.n ? b->activity[c->active] : NULL;
}

double behaviour_seconds(const struct behaviour *b)
{
    return b->any && b->to_us > b->from_us ? (double)(b->to_us - b->from_us) / 1e6 : NAN;
}

double behaviour_concurrency(const struct behaviour *b, const struct behaviour_endpoint *e)
{
    double seconds = behaviour_seconds(b);
    return seconds > 0 ? (double)e->inflight.area_us / 1e6 / seconds : NAN;
}

double behaviour_repeats(const struct behaviour *b, const struct row_endpoint *e, unsigned rung)
{
    const struct behaviour_endpoint *seen = behaviour_endpoint(b, e->id);
    return seen && seen->recurrence.lookups == e->eligible ? recurrence_within(&seen->recurrence, rung) : NAN;
}

static int by_value(const void *x, const void *y)
{
    const float *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

double behaviour_pause(const struct behaviour_client *c)
{
    struct behaviour_waits *w = c->waits;
    if (!w || !w->n_gaps)
        return NAN;
    qsort(w->gap_s, w->n_gaps, sizeof *w->gap_s, by_value);
    return w->n_gaps % 2 ? w->gap_s[w->n_gaps / 2]
                         : ((double)w->gap_s[w->n_gaps / 2 - 1] + w->gap_s[w->n_gaps / 2]) / 2;
}

bool behaviour_abuses(const struct behaviour_client *c)
{
    return c->ids.monotone || suspect_scan(c->requests, c->refused, c->since, c->distinct);
}

struct backoff behaviour_backoff(const struct behaviour_client *c)
{
    return c->waits ? retries_backoff(c->waits->ratio, c->waits->n_ratios) : retries_backoff(NULL, 0);
}
