#include "analysis/hops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dense.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/table.h"

enum { HEADS = 1 << 17, IDS_MOST = 1 << 20, BY_TRACE = 0, BY_REQUEST = 1 };

/* A call with an id. Links are numbers of calls; one that is HOPS_OPEN back is gone. */
struct node {
    struct hops_call call;
    uint64_t like[2]; /* the one before with the same place in the tables: of the trace, of the request id */
    uint64_t child;   /* the latest call made for it; 0: none */
    uint64_t sibling; /* the one before of the same parent */
    uint32_t children;
    uint8_t tier;
    bool relayed, by_request, ambiguous, by_time, after;
};

struct table {
    struct hops_level *level;
    struct map map;
};

struct hops {
    struct node *ring;
    uint64_t *head[2];
    uint64_t n, closed; /* calls; those of them that are counted */
    struct table endpoint, service;
    struct hops_sums sums;
};

static bool table_init(struct table *t, struct hops_level *level)
{
    t->level = level;
    level->edge = table_new(HOPS_EDGES, sizeof *level->edge);
    return level->edge && map_init(&t->map, level->edge, sizeof *level->edge, HOPS_EDGES);
}

struct hops *hops_new(void)
{
    struct hops *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->ring = table_new(HOPS_OPEN, sizeof *h->ring); /* touched as it fills */
    h->head[0] = table_new(HEADS, sizeof *h->head[0]);
    h->head[1] = table_new(HEADS, sizeof *h->head[1]);
    bool tables = table_init(&h->endpoint, &h->sums.endpoint) && table_init(&h->service, &h->sums.service);
    if (h->ring && h->head[0] && h->head[1] && tables)
        return h;
    hops_free(h);
    return NULL;
}

static void free_ring(struct hops *h)
{
    table_free(h->ring);
    table_free(h->head[0]);
    table_free(h->head[1]);
    h->ring = NULL;
    h->head[0] = h->head[1] = NULL;
}

static void free_table(struct table *t)
{
    map_free(&t->map);
    if (t->level) {
        table_free(t->level->edge);
        free(t->level->asked);
    }
}

void hops_free(struct hops *h)
{
    if (!h)
        return;
    free_ring(h);
    free_table(&h->endpoint);
    free_table(&h->service);
    free(h);
}

static struct node *node_of(const struct hops *h, uint64_t number)
{
    return number && number + HOPS_OPEN > h->n ? &h->ring[number % HOPS_OPEN] : NULL;
}

/* ---- whose call it is ---- */

struct found {
    struct node *parent;
    uint64_t number;
    bool ambiguous, by_time, after;
};

/* An answer whose end is not known may still be under way. */
static bool under_way(const struct hops_call *p, const struct hops_call *c)
{
    return p->start_us <= c->start_us && (!p->ended || c->start_us <= p->end_us);
}

static bool comes_after(const struct hops_call *p, const struct hops_call *c)
{
    return p->ended && c->start_us > p->end_us && c->start_us - p->end_us <= HOPS_AFTER_US;
}

/* Certainly: hosts of one network may be the same. */
static bool from_elsewhere(const struct hops_call *p, const struct hops_call *c)
{
    if (p->client_host && c->client_host)
        return p->client_host != c->client_host;
    return p->client_network && c->client_network && p->client_network != c->client_network;
}

static bool lies_within(const struct hops_call *p, const struct hops_call *c)
{
    return p->ended && c->ended && p->start_us <= c->start_us && c->end_us <= p->end_us && from_elsewhere(p, c);
}

static bool is_hop(const struct hops_call *p, const struct hops_call *c)
{
    return p->server_host && p->server_host == c->client_host;
}

/* The candidates of one id, latest first; the best of each kind is the first that is met, in order of arrival. */
static struct found find_parent(const struct hops *h, const struct hops_call *c, int by)
{
    struct found at = {0}, late = {0}, within = {0};
    uint32_t id = by == BY_TRACE ? c->trace : c->request_id;
    uint64_t number = id ? h->head[by][hash_mix(id) % HEADS] : 0;
    unsigned steps = 0;
    for (struct node *p; (p = node_of(h, number)) && steps < HOPS_DEEP; number = p->like[by]) {
        const struct hops_call *o = &p->call;
        if ((by == BY_TRACE ? o->trace : o->request_id) != id)
            continue;
        steps++;
        struct found *kind = is_hop(o, c) && under_way(o, c)     ? &at
                             : is_hop(o, c) && comes_after(o, c) ? &late
                             : lies_within(o, c)                 ? &within
                                                                 : NULL;
        if (!kind)
            continue;
        kind->ambiguous |= kind->parent != NULL;
        if (!kind->parent || o->start_us > kind->parent->call.start_us) {
            kind->parent = p;
            kind->number = number;
        }
    }
    late.after = true;
    within.by_time = true;
    return at.parent ? at : late.parent ? late : within;
}

static void enter(struct hops *h, struct node *n, int by, uint32_t id)
{
    uint64_t *head = &h->head[by][hash_mix(id) % HEADS];
    n->like[by] = id ? *head : 0;
    if (id)
        *head = h->n;
}

/* ---- what a request's calls come to ---- */

static struct hops_asked *asked_of(struct hops *h, struct table *t, uint32_t id)
{
    if (id / HOPS_TIERS < IDS_MOST &&
        dense_grow((void **)&t->level->asked, &t->level->n_asked, id, sizeof *t->level->asked))
        return &t->level->asked[id];
    h->sums.untracked++;
    return NULL;
}

static struct hops_edge *edge_of(struct hops *h, struct table *t, uint32_t caller, uint32_t callee, bool relayed)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)caller << 32 | callee) + relayed);
    uint32_t at = map_find(&t->map, hash);
    if (at != MAP_NONE)
        return &t->level->edge[at];
    if (t->level->n_edges == HOPS_EDGES || !map_insert(&t->map, hash, t->level->n_edges)) {
        h->sums.untracked++;
        return NULL;
    }
    struct hops_edge *e = &t->level->edge[t->level->n_edges++];
    *e = (struct hops_edge){.hash = hash, .relayed = relayed};
    return e;
}

static void count_call(struct hops_edge *e, const struct node *n)
{
    e->calls++;
    e->failed += n->call.failed;
    e->after += n->after;
    e->by_request_id += n->by_request;
    e->ambiguous += n->ambiguous;
    e->by_time += n->by_time;
    if (!n->call.ended)
        return;
    e->ended++;
    e->us += (uint64_t)(n->call.end_us - n->call.start_us);
}

/* Calls of one request in order of their start. */
struct calls {
    const struct node *node[HOPS_CALLS];
    unsigned n;
};

static int by_start(const void *x, const void *y)
{
    const struct node *const *a = x, *const *b = y;
    int64_t one = (*a)->call.start_us, two = (*b)->call.start_us;
    return (one > two) - (one < two);
}

/* Of the request's time, how much the chosen calls cover. */
static uint64_t covered(const struct hops_call *parent, const struct calls *calls, const bool *chosen)
{
    int64_t to = parent->start_us, sum = 0;
    for (unsigned i = 0; i < calls->n; i++) {
        const struct hops_call *c = &calls->node[i]->call;
        int64_t from = c->start_us > to ? c->start_us : to,
                end = c->end_us < parent->end_us ? c->end_us : parent->end_us;
        if (!chosen[i] || !c->ended || end <= from)
            continue;
        sum += end - from;
        to = end;
    }
    return (uint64_t)sum;
}

/* Of its endpoint or service, and its tier in it. */
static uint32_t place_of(const struct node *n, bool services)
{
    return (services ? n->call.service : n->call.endpoint) * HOPS_TIERS + n->tier;
}

/* One edge after the other: each goes over all calls, takes those of its own, and marks them done. */
static void count_edges(struct hops *h, struct table *t, const struct node *parent, const struct calls *calls)
{
    bool services = t == &h->service, done[HOPS_CALLS] = {false}, mine[HOPS_CALLS];
    uint32_t caller = place_of(parent, services);
    for (unsigned first = 0; first < calls->n; first++) {
        const struct node *one = calls->node[first];
        bool failed = false;
        if (done[first])
            continue;
        uint32_t callee = place_of(one, services);
        struct hops_edge *e = edge_of(h, t, caller, callee, one->relayed);
        if (e) {
            e->caller = caller / HOPS_TIERS;
            e->callee = callee / HOPS_TIERS;
            e->caller_service = parent->call.service;
            e->callee_service = one->call.service;
            e->caller_tier = parent->tier;
            e->callee_tier = one->tier;
        }
        for (unsigned i = 0; i < calls->n; i++) {
            const struct node *n = calls->node[i];
            mine[i] = i >= first && !done[i] && n->relayed == one->relayed && place_of(n, services) == callee;
            done[i] |= mine[i];
            failed |= mine[i] && n->call.failed;
            if (mine[i] && e)
                count_call(e, n);
        }
        if (!e)
            continue;
        e->requests++;
        e->passed_on += failed && parent->call.failed;
        e->covered_us += parent->call.ended ? covered(&parent->call, calls, mine) : 0;
    }
}

static void count_asked(struct hops *h, struct table *t, const struct node *parent, const struct calls *calls)
{
    bool all[HOPS_CALLS];
    struct hops_asked *a = asked_of(h, t, place_of(parent, t == &h->service));
    if (!a)
        return;
    a->requests++;
    if (!parent->call.ended)
        return;
    memset(all, true, sizeof all);
    uint64_t us = (uint64_t)(parent->call.end_us - parent->call.start_us);
    a->us += us;
    a->own_us += us - covered(&parent->call, calls, all);
}

/* When no further call can be joined to it. All of its calls are younger, and so still here. */
static void close_node(struct hops *h, const struct node *parent)
{
    struct calls calls;
    calls.n = 0;
    if (!parent->call.inside)
        return;
    uint64_t number = parent->child;
    for (struct node *n; calls.n < HOPS_CALLS && (n = node_of(h, number)); number = n->sibling)
        calls.node[calls.n++] = n;
    h->sums.untracked += parent->children - calls.n;
    if (calls.n > 1)
        qsort(calls.node, calls.n, sizeof *calls.node, by_start);
    count_asked(h, &h->endpoint, parent, &calls);
    count_asked(h, &h->service, parent, &calls);
    count_edges(h, &h->endpoint, parent, &calls);
    count_edges(h, &h->service, parent, &calls);
}

static void join(struct hops *h, struct node *n, const struct found *f, bool by_request)
{
    struct node *p = f->parent;
    n->by_request = by_request;
    n->ambiguous = f->ambiguous;
    n->by_time = f->by_time;
    n->after = f->after;
    n->relayed = n->call.target && n->call.target == p->call.target;
    n->tier = n->call.service == p->call.service ? p->tier : 0;
    n->tier += n->relayed && n->call.service == p->call.service && p->tier + 1 < HOPS_TIERS;
    n->sibling = p->child;
    p->child = h->n;
    p->children++;
    if (!n->call.inside)
        return;
    h->sums.joined++;
    h->sums.relayed += n->relayed;
}

struct hops_parent hops_add(struct hops *h, const struct hops_call *c)
{
    if (!c->trace && !c->request_id)
        return (struct hops_parent){0};
    if (h->n >= HOPS_OPEN)
        close_node(h, &h->ring[++h->closed % HOPS_OPEN]);
    struct node *n = &h->ring[++h->n % HOPS_OPEN]; /* who was here can no longer be found */
    *n = (struct node){.call = *c};
    struct found by_trace = find_parent(h, c, BY_TRACE), by_request = find_parent(h, c, BY_REQUEST);
    bool request = !by_trace.parent || (by_trace.by_time && by_request.parent && !by_request.by_time);
    const struct found *f = request ? &by_request : &by_trace;
    enter(h, n, BY_TRACE, c->trace);
    enter(h, n, BY_REQUEST, c->request_id);
    if (c->inside) {
        h->sums.traced += c->trace != 0;
        h->sums.identified += !c->trace;
    }
    if (!f->parent)
        return (struct hops_parent){0};
    join(h, n, f, request);
    const struct hops_call *p = &f->parent->call;
    return (struct hops_parent){f->number, p->endpoint, p->server, n->relayed && p->service == c->service};
}

/* ---- the sums ---- */

static int by_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_tier(const struct hops_edge *a, const struct hops_edge *b)
{
    if (a->caller_tier != b->caller_tier || a->callee_tier != b->callee_tier)
        return a->caller_tier != b->caller_tier ? a->caller_tier - b->caller_tier : a->callee_tier - b->callee_tier;
    return a->relayed - b->relayed;
}

static int by_calls(const void *x, const void *y)
{
    const struct hops_edge *a = x, *b = y;
    if (a->calls != b->calls)
        return a->calls > b->calls ? -1 : 1;
    int order = by_number(a->caller, b->caller);
    order = order ? order : by_number(a->callee, b->callee);
    return order ? order : by_tier(a, b);
}

static int by_services(const void *x, const void *y)
{
    const struct hops_edge *a = x, *b = y;
    int order = by_number(a->caller_service, b->caller_service);
    order = order ? order : by_number(a->callee_service, b->callee_service);
    return order ? order : by_tier(a, b);
}

static int by_both(const void *x, const void *y)
{
    int order = by_services(x, y);
    return order ? order : by_calls(x, y);
}

const struct hops_edge *hops_within(const struct hops_sums *s, const struct hops_edge *services, uint32_t *n)
{
    const struct hops_edge *all = s->endpoint.edge;
    uint32_t from = 0, to = s->endpoint.n_edges;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (by_services(&all[middle], services) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    for (*n = 0; from + *n < s->endpoint.n_edges && !by_services(&all[from + *n], services);)
        ++*n;
    return all + from;
}

void hops_end(struct hops *h)
{
    while (h->ring && h->closed < h->n)
        close_node(h, &h->ring[++h->closed % HOPS_OPEN]);
    free_ring(h);
    map_free(&h->endpoint.map);
    map_free(&h->service.map);
    h->endpoint.map = h->service.map = (struct map){0};
    qsort(h->sums.endpoint.edge, h->sums.endpoint.n_edges, sizeof(struct hops_edge), by_both);
    qsort(h->sums.service.edge, h->sums.service.n_edges, sizeof(struct hops_edge), by_calls);
}

const struct hops_sums *hops_sums(const struct hops *h)
{
    return &h->sums;
}

double hops_certain(const struct hops_edge *e)
{
    uint64_t doubtful = e->ambiguous > e->by_time ? e->ambiguous : e->by_time;
    return e->calls ? (double)(e->calls - doubtful) / (double)e->calls : NAN;
}
