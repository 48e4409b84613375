#include "analysis/named.h"

#include <stdlib.h>

#include "base/table.h"

static uint32_t keep(struct named *n, struct slice text)
{
    size_t at = n->text.n;
    buf_slice(&n->text, text);
    n->failed |= n->text.failed || n->text.n > UINT32_MAX;
    return (uint32_t)at;
}

static struct slice kept(const struct named *n, uint32_t at, uint32_t length)
{
    return slice_of(n->text.p + at, length);
}

/* Number of a service, made on first sight; 0 when there are too many. */
static uint32_t number_of(struct named *n, struct slice service)
{
    uint64_t hash = hash_bytes(&n->key, 's', service.p, service.n);
    uint32_t row = map_find(&n->services, hash);
    if (row != MAP_NONE)
        return row + 1;
    if (!service.n || n->n_services == NAMED_SERVICES || !map_insert(&n->services, hash, n->n_services))
        return 0;
    n->service[n->n_services++] = (struct named_service){hash, keep(n, service), (uint32_t)service.n};
    return n->n_services;
}

static bool add_endpoint(void *context, const struct row_endpoint *row)
{
    struct named *n = context;
    void *list = dense_room(n->endpoint, &n->n_endpoints, row->id, sizeof *n->endpoint);
    if (!list) {
        n->failed = true;
        return false;
    }
    n->endpoint = list;
    struct slice operation = row_operation_apart(row);
    uint32_t route = keep(n, row->route);
    if (operation.n) {
        keep(n, SLICE("#"));
        keep(n, operation);
    }
    uint32_t route_n = (uint32_t)n->text.n - route;
    n->endpoint[row->id] = (struct named_endpoint){
        .alias = row->alias == row->id ? 0 : row->alias,
        .service = number_of(n, row->service),
        .method_at = keep(n, row->method),
        .service_at = keep(n, row->service),
        .route_at = route,
        .method_n = (uint32_t)row->method.n,
        .service_n = (uint32_t)row->service.n,
        .route_n = route_n,
    };
    return !n->failed;
}

static bool add_key(void *context, const struct row_key *row)
{
    struct named *n = context;
    void *list = dense_room(n->service_of, &n->n_keys, row->id, sizeof *n->service_of);
    if (!list) {
        n->failed = true;
        return false;
    }
    n->service_of = list;
    n->service_of[row->id] = number_of(n, row->service);
    return !n->failed;
}

bool named_load(struct named *n, struct store_reader *r, bool keys)
{
    *n = (struct named){0};
    n->service = table_new(NAMED_SERVICES, sizeof *n->service); /* touched as it fills */
    n->failed = !n->service || !hash_key_random(&n->key) ||
                !map_init(&n->services, n->service, sizeof *n->service, NAMED_SERVICES);
    if (!n->failed)
        store_read_all_endpoints(r, add_endpoint, n);
    if (!n->failed && keys)
        store_read_keys(r, add_key, n);
    return !n->failed;
}

void named_free(struct named *n)
{
    map_free(&n->services);
    free(n->endpoint);
    free(n->service_of);
    table_free(n->service);
    buf_free(&n->text);
    *n = (struct named){0};
}

static bool there(const struct named *n, uint32_t id)
{
    return id && id < n->n_endpoints && n->endpoint[id].route_n;
}

uint32_t named_resolve(const struct named *n, uint32_t id)
{
    for (size_t steps = 0; there(n, id) && steps < n->n_endpoints; steps++) {
        if (!n->endpoint[id].alias)
            return id;
        id = n->endpoint[id].alias;
    }
    return 0;
}

uint32_t named_follow(const uint32_t *alias, size_t n, uint32_t id)
{
    for (size_t steps = 0; id < n && alias[id] && steps < n; steps++) {
        if (alias[id] == id)
            return id;
        id = alias[id];
    }
    return 0;
}

/* What follows the method: service and route, one after the other. */
static bool is_place(const struct named *n, uint32_t id, struct slice place, bool of_any_operation)
{
    struct slice service = named_service(n, id), route = named_route(n, id);
    if (of_any_operation)
        route = slice_sub(route, 0, slice_find(route, '#', 0));
    size_t scheme = slice_starts(service, SLICE("http://")) ? 7 : slice_starts(service, SLICE("https://")) ? 8 : 0;
    if (!slice_starts(place, service))
        service = slice_sub(service, scheme, service.n);
    return slice_starts(place, service) && slice_eq(slice_sub(place, service.n, place.n), route);
}

uint32_t named_find(const struct named *n, struct slice what)
{
    uint64_t id;
    size_t blank = slice_find(what, ' ', 0);
    struct slice method = slice_sub(what, 0, blank), place = slice_trim(slice_sub(what, blank + 1, what.n));
    if (slice_u64(what, &id))
        return id < n->n_endpoints ? named_resolve(n, (uint32_t)id) : 0;
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    for (int any = 0; any < 2;
         any++) /* a route alone is that of its first operation, where it has no endpoint itself */
        for (uint32_t i = 1; i < n->n_endpoints && place.n; i++)
            if (there(n, i) && !n->endpoint[i].alias && slice_eq(named_method(n, i), method) &&
                is_place(n, i, place, any))
                return i;
    return 0;
}

struct slice named_method(const struct named *n, uint32_t id)
{
    return kept(n, n->endpoint[id].method_at, n->endpoint[id].method_n);
}

struct slice named_service(const struct named *n, uint32_t id)
{
    return kept(n, n->endpoint[id].service_at, n->endpoint[id].service_n);
}

struct slice named_route(const struct named *n, uint32_t id)
{
    return kept(n, n->endpoint[id].route_at, n->endpoint[id].route_n);
}

uint32_t named_service_of(const struct named *n, uint32_t key, uint32_t endpoint)
{
    if (key && key < n->n_keys)
        return n->service_of[key];
    endpoint = named_resolve(n, endpoint);
    return endpoint ? n->endpoint[endpoint].service : 0;
}

struct slice named_service_name(const struct named *n, uint32_t service)
{
    return kept(n, n->service[service - 1].at, n->service[service - 1].n);
}
