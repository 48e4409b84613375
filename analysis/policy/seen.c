#include "analysis/policy/seen.h"

#include <stdlib.h>

#include "analysis/policy/rules.h"
#include "base/dense.h"

struct loading {
    struct seen *seen;
    uint32_t (*service_of)(const void *context, struct slice service);
    const void *context;
};

static bool add_endpoint(void *context, const struct row_endpoint *e)
{
    struct loading *l = context;
    struct seen *s = l->seen;
    struct seen_endpoint *list = dense_room(s->endpoint, &s->n_endpoints, e->id, sizeof *list);
    if (!list) {
        s->failed = true;
        return false;
    }
    s->endpoint = list;
    list[e->id] = (struct seen_endpoint){.alias = e->alias, .service = l->service_of(l->context, e->service)};
    return true;
}

static bool add_client(void *context, const struct row_client *c)
{
    struct seen *s = context;
    uint8_t *list = dense_room(s->client, &s->n_clients, c->id, sizeof *list);
    if (!list) {
        s->failed = true;
        return false;
    }
    s->client = list;
    enum carrier carrier = carrier_of(c->identity);
    bool certified = slice_eq(c->identity, SLICE("mtls"));
    list[c->id] = carrier == CARRIERS && !certified ? 0 : (uint8_t)(1 + carrier);
    s->certified |= certified;
    return true;
}

static void add_server(struct seen *s, struct seen_service *v, uint32_t address)
{
    unsigned i = 0;
    uint8_t *list;
    while (i < v->n_servers && v->server[i].address != address)
        i++;
    if (i == SEEN_SERVERS)
        return;
    if (i == v->n_servers) {
        list = dense_room(s->server, &s->n_servers, address, sizeof *list);
        if (!list)
            return; /* no id that a DB of ours can hold */
        s->server = list;
        list[address] = 1;
        v->n_servers++;
        v->server[i].address = address;
        v->server[i].answers = 0;
    }
    v->server[i].answers++;
}

static void add_exchange(void *context, const struct row_exchange *x)
{
    struct seen *s = context;
    s->records++;
    if ((x->flags & ROW_ORPHAN) || !x->endpoint || x->endpoint >= s->n_endpoints)
        return;
    struct seen_endpoint *e = &s->endpoint[x->endpoint];
    if (x->client < s->n_clients && s->client[x->client])
        e->carriers |= 1u << (s->client[x->client] - 1);
    if (!e->service)
        return;
    struct seen_service *v = &s->service[e->service - 1];
    if (x->status && x->server)
        add_server(s, v, x->server);
    int64_t us = v->started && x->arrival_us < v->last_us ? v->last_us : x->arrival_us;
    double dt = v->started ? (double)(us - v->last_us) / 1e6 : 0;
    envelope_add(&v->envelope, s->rate, &dt, 1);
    v->started = true;
    v->last_us = us;
}

static uint32_t resolve(const struct seen *s, uint32_t id)
{
    for (unsigned steps = 0; id < s->n_endpoints && s->endpoint[id].alias && steps < 64; steps++)
        id = s->endpoint[id].alias;
    return id < s->n_endpoints ? id : 0;
}

void seen_load(struct seen *s, struct store_reader *r, size_t n_services,
               uint32_t (*service_of)(const void *context, struct slice service), const void *context)
{
    *s = (struct seen){.n_services = n_services};
    struct loading l = {s, service_of, context};
    envelope_rates(s->rate);
    s->service = calloc(n_services + 1, sizeof *s->service);
    s->failed = !s->service;
    if (!s->failed)
        store_read_all_endpoints(r, add_endpoint, &l);
    if (!s->failed)
        store_read_clients(r, add_client, s);
    if (s->failed)
        return;
    s->damaged = !store_read_exchanges(r, add_exchange, s);
    for (uint32_t i = 1; i < s->n_endpoints; i++) {
        uint32_t into = resolve(s, i);
        if (into != i)
            s->endpoint[into].carriers |= s->endpoint[i].carriers;
    }
}

void seen_free(struct seen *s)
{
    free(s->endpoint);
    free(s->client);
    free(s->server);
    free(s->service);
    *s = (struct seen){0};
}

uint32_t seen_carriers(const struct seen *s, uint32_t endpoint)
{
    return endpoint < s->n_endpoints ? s->endpoint[endpoint].carriers : 0;
}

bool seen_certified(const struct seen *s, uint32_t endpoint, uint64_t exchanges)
{
    return s->certified && (seen_carriers(s, endpoint) >> CARRIERS & 1 || s->records < exchanges);
}
