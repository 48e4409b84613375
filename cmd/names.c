#include "cmd/names.h"

#include <stdlib.h>

#include "base/dense.h"

/* Text is kept as an offset plus one (0: none) until the buffer moves no more. */
static struct slice keep(struct names *n, struct slice text)
{
    size_t at = n->text.n;
    buf_slice(&n->text, text);
    return (struct slice){(const char *)(uintptr_t)(at + 1), text.n};
}

static bool add_key(void *context, const struct row_key *row)
{
    struct names *n = context;
    void *list = dense_room(n->key, &n->n_keys, row->id, sizeof *n->key);
    n->failed |= !list;
    n->key = list ? list : n->key;
    if (n->failed)
        return false;
    n->key[row->id] = (struct row_key){.id = row->id,
                                       .endpoint = row->endpoint,
                                       .method = keep(n, row->method),
                                       .service = keep(n, row->service),
                                       .target = keep(n, row->target),
                                       .hot = row->hot,
                                       .operation = keep(n, row->operation),
                                       .safe = row->safe};
    n->failed |= n->text.failed;
    return !n->failed;
}

static bool add_address(void *context, const struct row_address *row)
{
    struct names *n = context;
    void *list = dense_room(n->address, &n->n_addresses, row->id, sizeof *n->address);
    n->failed |= !list;
    n->address = list ? list : n->address;
    if (!n->failed)
        addr_parse(row->text, &n->address[row->id]);
    return !n->failed;
}

static bool add_client(void *context, const struct row_client *row)
{
    struct names *n = context;
    void *list = dense_room(n->client, &n->n_clients, row->id, sizeof *n->client);
    n->failed |= !list;
    n->client = list ? list : n->client;
    if (n->failed)
        return false;
    n->client[row->id].name = keep(n, row->name);
    n->failed |= n->text.failed;
    struct slice hex = slice_sub(row->client, slice_find(row->client, ':', 0) + 1, row->client.n);
    for (size_t i = 0; i < hex.n && ascii_hex(hex.p[i]) >= 0; i++)
        n->client[row->id].hash = n->client[row->id].hash << 4 | (uint64_t)ascii_hex(hex.p[i]);
    for (int i = 0; i < IDENTITY_COUNT; i++)
        if (slice_eq(row->identity, slice_str(identity_name((enum identity)i))))
            n->client[row->id].identity = (uint8_t)i;
    return true;
}

static void settle(const struct names *n, struct slice *s)
{
    s->p = n->text.p + (uintptr_t)s->p - 1;
}

bool names_load(struct names *n, struct store_reader *r)
{
    *n = (struct names){0};
    store_read_keys(r, add_key, n);
    store_read_addresses(r, add_address, n);
    store_read_clients(r, add_client, n);
    for (size_t i = 0; i < n->n_keys; i++) {
        if (!n->key[i].id)
            continue;
        settle(n, &n->key[i].method);
        settle(n, &n->key[i].service);
        settle(n, &n->key[i].target);
        settle(n, &n->key[i].operation);
    }
    for (size_t i = 0; i < n->n_clients; i++)
        if (n->client[i].name.n)
            settle(n, &n->client[i].name);
    return !n->failed;
}

void names_free(struct names *n)
{
    free(n->key);
    free(n->address);
    free(n->client);
    buf_free(&n->text);
    *n = (struct names){0};
}

const struct row_key *names_key(const struct names *n, uint32_t id)
{
    return id < n->n_keys && n->key[id].id ? &n->key[id] : NULL;
}

void names_address(const struct names *n, uint32_t id, struct addr *out)
{
    if (id < n->n_addresses)
        *out = n->address[id];
}

void names_client(const struct names *n, uint32_t id, struct exchange *x)
{
    if (id < n->n_clients) {
        x->identity = n->client[id].identity;
        x->client_hash = n->client[id].hash;
        if (n->client[id].name.n)
            x->client_name = n->client[id].name;
    }
}
