#include "analysis/ties.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/hosts.h"
#include "analysis/named.h"
#include "analysis/restore.h"
#include "analysis/sandwich.h"
#include "base/floor.h"
#include "base/map.h"
#include "base/table.h"

#define PRIOR_US INT64_C(600000000) /* S7: how long before */

enum { IDS_MOST = 1 << 20, PLACES = 1 << 14, FASTER = 10, ORDER_CLIENTS = 5, SURE = 3, RETURNS = 5 };

/* A client at an endpoint, or at a service: where it was last, or where it was last served well. */
struct bond {
    uint64_t hash;
    uint32_t server, conn;
};

/* Requests to `next` that came within ten minutes after a success at `prior`; those that failed. */
struct order {
    uint64_t hash;
    uint32_t prior, next;
    struct stateless_share share;
};

/* Endpoints where the client had success lately. */
struct lately {
    uint32_t endpoint[TIES_PRIORS];
    int64_t at_us[TIES_PRIORS];
};

struct place {
    uint32_t version; /* of struct versions, by its path; 0: none */
    uint64_t service;
    bool get, safe;
    struct stateless_share all; /* of known clients, those that failed for want of something (S7) */
    uint64_t clients_mask;      /* of the failed ones, folded */
};

struct reading {
    struct hosts hosts;
    struct ties *t;
    struct place *place; /* by endpoint id */
    uint32_t *alias;     /* likewise; 0: not read */
    uint8_t *kind;       /* by client id: 1 + enum identity */
    struct lately *lately;
    uint8_t *in_url;          /* by key id */
    struct unsafe_name *name; /* likewise */
    uint16_t *query;          /* version in it, of struct versions; likewise */
    size_t n_kinds, n_lately, n_urls, n_names, n_queries;
    uint32_t other;
    struct bond *bond;
    struct order *order;
    uint32_t n_bonds, n_orders;
    struct map bonds, orders;
    struct sandwich *content, *class, *replica, *alone;
    uint32_t turn; /* by which answers of one server are told apart */
    struct unsafe *unsafe;
    int64_t from_us, to_us;
};

/* ---- what there is ---- */

static bool grow(void **rows, size_t *n, uint32_t id, size_t unit)
{
    return id < IDS_MOST && dense_grow(rows, n, id, unit);
}

static uint64_t hash_service(struct slice service)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < service.n; i++)
        hash = hash_mix(hash + (uint8_t)service.p[i]);
    return hash;
}

static bool count_endpoint(void *context, const struct row_endpoint *e)
{
    struct reading *g = context;
    size_t places = g->t->n_endpoints, alias = places;
    if (!grow((void **)&g->t->endpoint, &g->t->n_endpoints, e->id, sizeof *g->t->endpoint) ||
        !grow((void **)&g->place, &places, e->id, sizeof *g->place) ||
        !grow((void **)&g->alias, &alias, e->id, sizeof *g->alias)) {
        g->t->failed = true;
        return false;
    }
    struct place *p = &g->place[e->id];
    g->alias[e->id] = e->alias ? e->alias : e->id;
    p->get = slice_eq(e->method, SLICE("GET"));
    p->safe =
        p->get || slice_eq(e->method, SLICE("OPTIONS")) || slice_eq(e->method, SLICE("TRACE")) || e->operation_safe;
    p->service = hash_service(e->service);
    if (!e->alias)
        p->version = versions_endpoint(&g->t->versions, p->service, e->route, e->id);
    return true;
}

static bool count_client(void *context, const struct row_client *c)
{
    struct reading *g = context;
    if (!grow((void **)&g->kind, &g->n_kinds, c->id, sizeof *g->kind) ||
        !grow((void **)&g->lately, &g->n_lately, c->id, sizeof *g->lately)) {
        g->t->failed = true;
        return false;
    }
    if (slice_eq(c->identity, SLICE("(other)")))
        g->other = c->id;
    for (int i = 0; i < IDENTITY_COUNT; i++)
        if (slice_eq(c->identity, slice_str(identity_name((enum identity)i))))
            g->kind[c->id] = (uint8_t)(i + 1);
    return true;
}

static bool count_key(void *context, const struct row_key *k)
{
    struct reading *g = context;
    if (stateless_in_url(k->target) && grow((void **)&g->in_url, &g->n_urls, k->id, sizeof *g->in_url))
        g->in_url[k->id] = 1;
    if (grow((void **)&g->name, &g->n_names, k->id, sizeof *g->name))
        g->name[k->id] = unsafe_name_of(k->service, k->target);
    struct slice version = versions_in_query(k->target);
    if (version.n && grow((void **)&g->query, &g->n_queries, k->id, sizeof *g->query))
        g->query[k->id] =
            (uint16_t)versions_named(&g->t->versions, hash_service(k->service), VERSIONS_QUERY, version, k->endpoint);
    return true;
}

static uint32_t resolve(const struct reading *g, uint32_t id)
{
    return named_follow(g->alias, g->t->n_endpoints, id);
}

/* ---- one record ---- */

struct call {
    const struct row_exchange *x;
    uint32_t endpoint, client; /* client 0: unknown, or many */
    int kind;                  /* enum identity, -1: unknown */
    bool cookie;
};

static bool is_credential(int kind)
{
    return kind >= 0 && kind != IDENTITY_ADDRESS && kind != IDENTITY_FORWARDED;
}

/* Fails for want of something that another request would have made (S7). */
static bool is_unready(uint16_t status)
{
    return status == 400 || status == 404 || status == 409 || status == 412 || status == 422 || status == 428 ||
           status >= 500;
}

/* The answer of a server that does not know the session (S4). */
static bool is_broken(const struct row_exchange *x)
{
    return x->status == 401 || x->status == 403 || x->status == 404 || x->status == 409 || x->status >= 500 ||
           (x->flags & FLAG_SESSION);
}

static struct bond *bond_of(struct reading *g, uint64_t to, uint32_t client, bool *new)
{
    uint64_t hash = hash_mix(hash_mix(to) + client);
    uint32_t at = map_find(&g->bonds, hash);
    *new = at == MAP_NONE;
    if (!*new)
        return &g->bond[at];
    if (g->n_bonds == TIES_BONDS || !map_insert(&g->bonds, hash, g->n_bonds)) {
        g->t->untracked++;
        return NULL;
    }
    g->bond[g->n_bonds] = (struct bond){.hash = hash};
    return &g->bond[g->n_bonds++];
}

static void count(struct stateless_share *s, bool is)
{
    s->n++;
    s->k += is;
}

static void see_server(struct ties_endpoint *e, const struct row_exchange *x)
{
    struct stateless_seen *s = &e->seen;
    for (int i = 0; i < STATELESS_BACKENDS; i++)
        if (!s->server[i] || s->server[i] == x->server) {
            s->server[i] = x->server;
            s->served[i]++;
            e->served_n[i] += x->server_us >= 0;
            e->served_us[i] += x->server_us < 0 ? 0 : (uint64_t)x->server_us;
            return;
        }
    s->elsewhere++;
}

/* Whether a client's requests stay where they were; on one connection they must. */
static void see_affinity(struct reading *g, const struct call *c, struct stateless_seen *s)
{
    const struct row_exchange *x = c->x;
    bool new;
    struct bond *b = bond_of(g, c->endpoint, c->client, &new);
    s->clients += new &&b;
    if (!b || !x->server)
        return;
    if (b->server && (b->conn == x->conn || !b->conn || !x->conn))
        s->same_connection++;
    else if (b->server)
        count(&s->pairs, b->server == x->server);
    b->server = x->server;
    b->conn = x->conn;
}

static void see_moves(struct reading *g, const struct call *c, struct ties_endpoint *e)
{
    struct stateless_seen *s = &e->seen;
    const struct row_exchange *x = c->x;
    bool new, broken = is_broken(x);
    if (!is_credential(c->kind) || !x->server || !x->status || x->status == 429)
        return;
    struct bond *home = bond_of(g, g->place[c->endpoint].service | 1, c->client, &new);
    if (!home)
        return;
    if (home->server)
        count(home->server == x->server ? &s->stayed : &s->moved, broken);
    if (home->server && home->server != x->server && broken && x->server_us > 0)
        e->strayed_us += (uint64_t)x->server_us;
    if (!broken)
        home->server = x->server;
}

static void note_order(struct reading *g, uint32_t prior, const struct call *c, bool failed)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)prior << 32 | c->endpoint));
    uint32_t at = map_find(&g->orders, hash);
    if (at == MAP_NONE) {
        if (g->n_orders == TIES_ORDERS || !map_insert(&g->orders, hash, g->n_orders)) {
            g->t->untracked++;
            return;
        }
        at = g->n_orders++;
        g->order[at] = (struct order){.hash = hash, .prior = prior, .next = c->endpoint};
    }
    count(&g->order[at].share, failed);
}

static void see_order(struct reading *g, const struct call *c)
{
    const struct row_exchange *x = c->x;
    struct lately *l = &g->lately[c->client];
    struct place *p = &g->place[c->endpoint];
    bool failed = is_unready(x->status);
    int oldest = 0;
    if (!x->status || x->status == 401 || x->status == 403 || x->status == 429)
        return;
    count(&p->all, failed);
    p->clients_mask |= failed ? UINT64_C(1) << (hash_mix(c->client) & 63) : 0;
    for (int i = 0; i < TIES_PRIORS; i++) {
        if (l->endpoint[i] && l->endpoint[i] != c->endpoint && x->arrival_us - l->at_us[i] <= PRIOR_US)
            note_order(g, l->endpoint[i], c, failed);
        if (l->endpoint[oldest] != c->endpoint && (l->endpoint[i] == c->endpoint || l->at_us[i] < l->at_us[oldest]))
            oldest = i;
    }
    if (x->status >= 400)
        return;
    l->endpoint[oldest] = c->endpoint;
    l->at_us[oldest] = x->arrival_us;
}

static void compare(struct sandwich *table, uint64_t context, const struct call *c, uint64_t value, uint32_t answer,
                    bool coded, struct stateless_share *into)
{
    struct sandwich_result r;
    struct sandwich_visit v = {.context = context ? context : 1,
                               .value = value,
                               .content = answer,
                               .now_ms = (uint32_t)floor_div(c->x->arrival_us, 1000) * FASTER, /* 60 s, not 600 */
                               .coded = coded};
    if (!sandwich_visit(&table[context >> 32 & (PLACES - 1)], &v, &r))
        return;
    into->n += r.others;
    into->k += r.differing;
}

/* With and without cookies (S2): contents of one credential, or from one address where there is no other; and the class
 * of the status, whoever's the session is. */
static void see_need(struct reading *g, const struct call *c, struct stateless_seen *s)
{
    const struct row_exchange *x = c->x;
    bool own = is_credential(c->kind) && c->kind != IDENTITY_COOKIE;
    uint64_t key = hash_mix((uint64_t)x->key << 32 | x->variant);
    bool many = !own && hosts_vague(&g->hosts, x->address); /* whoever of a network */
    uint64_t who = own ? c->client : (uint64_t)x->address << 32;
    if (!s->reads || !x->key || !x->status || (x->flags & (FLAG_UNKNOWN_FIELDS | REPLAY_HEAD)))
        return;
    if (x->content && x->status < 300 && !many)
        compare(g->content, hash_mix(key + who), c, 1 + c->cookie, x->content, false, &s->content);
    uint32_t class = x->status == 304 ? 2 : x->status / 100;
    if (class < 5 && x->status != 429)
        compare(g->class, hash_mix(key + (own ? c->client : 0)), c, 1 + c->cookie, class, true, &s->class);
}

/* Whether servers answer one client alike; what differs between answers of one server is not the doing of another. */
static void see_replicas(struct reading *g, const struct call *c, struct ties_endpoint *e)
{
    const struct row_exchange *x = c->x;
    bool known = x->content && x->status < 300 && (x->flags & ROW_ELIGIBLE) && !(x->flags & REPLAY_HEAD);
    if (!known || !x->key || !x->server || (x->flags & FLAG_UNKNOWN_FIELDS))
        return;
    uint64_t who = c->client ? c->client : (uint64_t)x->address << 32;
    if (!c->client && hosts_vague(&g->hosts, x->address))
        return;
    uint64_t context = hash_mix(hash_mix((uint64_t)x->key << 32 | x->variant) + who);
    compare(g->replica, context, c, x->server, x->content, false, &e->replicas);
    compare(g->alone, hash_mix(context + x->server), c, 1 + (g->turn++ & 1), x->content, false, &e->alone);
}

static void call_version(struct reading *g, uint32_t version, const struct call *c)
{
    versions_at(&g->t->versions, version, c->endpoint);
    versions_call(&g->t->versions, version, c->client, c->x->arrival_us, c->x->status >= 400);
}

static void see_version(struct reading *g, const struct call *c)
{
    const struct row_exchange *x = c->x;
    const struct place *p = &g->place[c->endpoint];
    char name[16];
    call_version(g, p->version, c);
    if (x->key < g->n_queries)
        call_version(g, g->query[x->key], c);
    if (!x->version)
        return;
    bool accept = (x->version & ((1 << API_VERSION_SHIFT) - 1)) == API_VERSION_ACCEPT;
    struct slice text = slice_of(name, api_version_format(x->version, name));
    call_version(
        g, versions_named(&g->t->versions, p->service, accept ? VERSIONS_ACCEPT : VERSIONS_FIELD, text, c->endpoint),
        c);
}

/* What a GET changes of other answers (S8). */
static void see_change(struct reading *g, const struct call *c)
{
    const struct row_exchange *x = c->x;
    const struct place *p = &g->place[c->endpoint];
    bool good = x->status >= 200 && x->status < 400;
    bool known = good && x->status < 300 && x->content && (x->flags & ROW_ELIGIBLE) && !(x->flags & REPLAY_HEAD);
    if (!x->key || x->key >= g->n_names || !g->name[x->key].path || (x->flags & FLAG_UNKNOWN_FIELDS))
        return;
    int64_t at = row_sane_us(x->arrival_us);
    unsafe_take(g->unsafe, &(struct unsafe_call){.endpoint = c->endpoint,
                                                 .key = x->key,
                                                 .client = is_credential(c->kind) ? c->client : 0,
                                                 .name = &g->name[x->key],
                                                 .content = known ? x->content : 0,
                                                 .variant = x->variant,
                                                 .at_us = at,
                                                 .done_us = at + (x->ttfb_us > 0 ? row_sane_us(x->ttfb_us) : 0),
                                                 .server_us = x->server_us < 0 ? 0 : (uint64_t)x->server_us,
                                                 .get = p->get && !(x->flags & REPLAY_HEAD),
                                                 .safe = p->safe,
                                                 .good = good,
                                                 .created = x->status == 201 || x->status == 303});
}

static void see_client(struct reading *g, const struct call *c, struct ties_endpoint *e)
{
    see_affinity(g, c, &e->seen);
    see_moves(g, c, e);
    see_order(g, c);
}

static void see(void *context, const struct row_exchange *x)
{
    struct reading *g = context;
    struct call c = {.x = x, .endpoint = resolve(g, x->endpoint), .kind = -1};
    if ((x->flags & ROW_ORPHAN) || !c.endpoint || x->arrival_us < g->from_us || x->arrival_us >= g->to_us)
        return;
    c.client = x->client < g->n_kinds && x->client != g->other ? x->client : 0;
    c.kind = c.client ? (int)g->kind[c.client] - 1 : -1;
    c.cookie = x->notes >> NOTE_AT_cookie_present & 1;
    struct ties_endpoint *e = &g->t->endpoint[c.endpoint];
    struct stateless_seen *s = &e->seen;
    s->requests++;
    s->reads = g->place[c.endpoint].get;
    s->answers += x->status != 0;
    s->stays += x->status == 101 || (x->managed & MANAGED_STAYS);
    s->sets_session += (x->flags & FLAG_SESSION) != 0;
    s->with_cookie += c.cookie;
    s->in_url += x->key < g->n_urls && g->in_url[x->key];
    if (c.kind >= 0)
        s->kind[c.kind]++;
    e->clear += is_credential(c.kind) && c.kind != IDENTITY_MTLS && !(x->flags & ROW_TLS);
    e->keyed += (x->managed & MANAGED_KEY) != 0;
    e->deprecation += (x->managed & MANAGED_DEPRECATION) != 0;
    e->sunset += (x->managed & MANAGED_SUNSET) != 0;
    if (x->server)
        see_server(e, x);
    if (!c.cookie && (x->status == 401 || x->status == 403)) {
        e->refused++;
        e->refused_us += x->server_us < 0 ? 0 : (uint64_t)x->server_us;
    }
    see_version(g, &c);
    see_need(g, &c, s);
    see_change(g, &c);
    see_replicas(g, &c, e);
    if (c.client)
        see_client(g, &c, e);
}

/* ---- all ---- */

/* The endpoint before which each fails most. */
static void choose_orders(struct reading *g)
{
    for (uint32_t i = 0; i < g->n_orders; i++) {
        const struct order *o = &g->order[i];
        const struct place *p = &g->place[o->next];
        struct stateless_seen *s = &g->t->endpoint[o->next].seen;
        struct stateless_share without = {p->all.n - o->share.n, p->all.k - o->share.k};
        bool few = o->share.n < STATELESS_FEW || without.n < STATELESS_FEW ||
                   __builtin_popcountll(p->clients_mask) < (p->all.k ? ORDER_CLIENTS : 0);
        if (few || (s->prior && stateless_z(without, o->share) <= stateless_z(s->without, s->before)))
            continue;
        s->before = o->share;
        s->without = without;
        s->prior = o->prior;
    }
}

/* The pair that says most of a GET; what is proven for everybody's answers is not said again for the client's own. */
static void choose_change(void *context, const struct unsafe_found *f)
{
    struct reading *g = context;
    struct stateless_seen *s = &g->t->endpoint[f->writer].seen;
    if (f->n && (!s->changes.n || f->proven > s->changes.proven ||
                 (f->proven == s->changes.proven && (s->changes.proven ? f->z > s->changes.z : f->n > s->changes.n)))) {
        s->changes.n = f->n;
        s->changes.precision = f->precision;
        s->changes.base = f->base;
        s->changes.z = f->z;
        s->changes.reader = f->reader;
        s->changes.proven = f->proven;
    }
    if (!f->proven)
        return;
    for (uint32_t i = 0; i < g->t->n_changes; i++) {
        struct unsafe_found *before = &g->t->changes[i];
        if (before->writer == f->writer && before->reader == f->reader) {
            *before = f->scope == UNSAFE_ALL ? *f : *before;
            return;
        }
    }
    if (g->t->n_changes < UNSAFE_PAIRS)
        g->t->changes[g->t->n_changes++] = *f;
}

static bool prepare(struct reading *g, struct store_reader *r)
{
    bool versions = versions_init(&g->t->versions), hosts = hosts_load(&g->hosts, r);
    store_read_all_endpoints(r, count_endpoint, g);
    store_read_clients(r, count_client, g);
    store_read_keys(r, count_key, g);
    g->bond = table_new(TIES_BONDS, sizeof *g->bond);
    g->order = table_new(TIES_ORDERS, sizeof *g->order);
    g->content = table_new(PLACES, sizeof *g->content);
    g->class = table_new(PLACES, sizeof *g->class);
    g->replica = table_new(PLACES, sizeof *g->replica);
    g->alone = table_new(PLACES, sizeof *g->alone);
    g->unsafe = unsafe_new(g->t->n_endpoints);
    g->t->changes = table_new(UNSAFE_PAIRS, sizeof *g->t->changes);
    return versions && hosts && !g->t->failed && g->bond && g->order && g->content && g->class && g->replica &&
           g->alone && g->unsafe && g->t->changes && map_init(&g->bonds, g->bond, sizeof *g->bond, TIES_BONDS) &&
           map_init(&g->orders, g->order, sizeof *g->order, TIES_ORDERS);
}

void ties_read(struct ties *t, struct store_reader *r)
{
    struct reading g = {.t = t, .from_us = INT64_MIN, .to_us = INT64_MAX};
    struct store_span window;
    *t = (struct ties){.records = store_read_exchange_count(r)};
    t->any = t->records > 0;
    if (!t->any)
        return;
    if (store_read_window_is(r, &window)) {
        g.from_us = window.from_s * 1000000;
        g.to_us = window.to_s * 1000000;
    }
    t->failed = !prepare(&g, r) || !store_read_exchanges(r, see, &g);
    if (!t->failed) {
        choose_orders(&g);
        unsafe_each(g.unsafe, choose_change, &g);
        t->untracked += unsafe_lost(g.unsafe);
    }
    versions_end(&t->versions);
    t->untracked += t->versions.lost;
    hosts_free(&g.hosts);
    map_free(&g.bonds);
    map_free(&g.orders);
    table_free(g.bond);
    table_free(g.order);
    table_free(g.content);
    table_free(g.class);
    table_free(g.replica);
    table_free(g.alone);
    free(g.place);
    free(g.alias);
    free(g.kind);
    free(g.lately);
    free(g.in_url);
    free(g.name);
    free(g.query);
    unsafe_free(g.unsafe);
}

void ties_free(struct ties *t)
{
    free(t->endpoint);
    table_free(t->changes);
    versions_free(&t->versions);
    *t = (struct ties){0};
}

const struct ties_endpoint *ties_endpoint(const struct ties *t, uint32_t id)
{
    return t->any && !t->failed && id < t->n_endpoints ? &t->endpoint[id] : NULL;
}

enum ties_replicas ties_replicas(const struct ties_endpoint *e)
{
    const struct stateless_share *r = &e->replicas;
    if (!e->seen.server[1])
        return TIES_ONE_SERVER;
    bool differs = e->alone.n >= STATELESS_FEW ? r->k >= RETURNS && stateless_z(*r, e->alone) >= SURE
                                               : sandwich_relevant(r->k, r->n, SANDWICH_LEVEL);
    if (differs)
        return TIES_REPLICAS_DISAGREE;
    return !r->k && r->n >= sandwich_enough(SANDWICH_LEVEL) ? TIES_REPLICAS_AGREE : TIES_REPLICAS_UNKNOWN;
}
