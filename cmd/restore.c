#include "cmd/restore.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/store/block.h"
#include "analysis/store/read.h"
#include "base/log.h"

/* Rows in memory, with their text, to be handed out one by one. */
struct list {
    void *row;
    size_t n, cap, next, size;
};

struct text {
    struct text *next;
    char p[];
};

struct restoring {
    struct store_reader *reader;
    struct text *text;
    struct list address, key, client, endpoint, counter, minute, cache;
    struct row_exchange *block; /* BLOCK_RECORDS of them */
    size_t block_n, block_next;
    int64_t block_id;
    struct row_capture capture;
    bool has_capture, capture_given, failed, damaged;
};

static struct slice own(struct restoring *r, struct slice text)
{
    struct text *t = malloc(sizeof *t + text.n + 1);
    if (!t) {
        r->failed = true;
        return (struct slice){"", 0};
    }
    t->next = r->text;
    r->text = t;
    if (text.n)
        memcpy(t->p, text.p, text.n);
    t->p[text.n] = 0;
    return slice_of(t->p, text.n);
}

static void *append(struct restoring *r, struct list *l, const void *row, size_t size)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        void *p = realloc(l->row, cap * size);
        if (!p) {
            r->failed = true;
            return NULL;
        }
        l->row = p;
        l->cap = cap;
    }
    l->size = size;
    return memcpy((char *)l->row + l->n++ * size, row, size);
}

static bool load_address(void *context, const struct row_address *row)
{
    struct restoring *r = context;
    struct row_address *mine = append(r, &r->address, row, sizeof *row);
    if (mine)
        mine->text = own(r, row->text);
    return !r->failed;
}

static bool load_key(void *context, const struct row_key *row)
{
    struct restoring *r = context;
    struct row_key *mine = append(r, &r->key, row, sizeof *row);
    if (mine) {
        mine->method = own(r, row->method);
        mine->service = own(r, row->service);
        mine->target = own(r, row->target);
        mine->operation = own(r, row->operation);
    }
    return !r->failed;
}

static bool load_client(void *context, const struct row_client *row)
{
    struct restoring *r = context;
    struct row_client *mine = append(r, &r->client, row, sizeof *row);
    if (mine) {
        mine->client = own(r, row->client);
        mine->identity = own(r, row->identity);
        mine->addresses = own(r, row->addresses);
        mine->name = own(r, row->name);
    }
    return !r->failed;
}

static bool load_endpoint(void *context, const struct row_endpoint *row)
{
    struct restoring *r = context;
    struct row_endpoint *mine = append(r, &r->endpoint, row, sizeof *row);
    if (mine) {
        mine->method = own(r, row->method);
        mine->service = own(r, row->service);
        mine->route = own(r, row->route);
        mine->operation = own(r, row->operation);
        mine->latency = own(r, row->latency);
        mine->server_time = own(r, row->server_time);
        mine->lifetimes = own(r, row->lifetimes);
        mine->live = own(r, row->live);
        mine->declared_ttl = own(r, row->declared_ttl);
        mine->sharing = own(r, row->sharing);
        mine->sampling = own(r, row->sampling);
        mine->sources = own(r, row->sources);
        mine->learned = own(r, row->learned);
        mine->fields = own(r, row->fields);
        mine->writes = own(r, row->writes);
    }
    return !r->failed;
}

static bool load_cache(void *context, const struct row_cache *row)
{
    struct restoring *r = context;
    struct row_cache *mine = append(r, &r->cache, row, sizeof *row);
    if (mine) {
        mine->what = own(r, row->what);
        mine->proto = own(r, row->proto);
        mine->server = own(r, row->server);
        mine->name = own(r, row->name);
        mine->pattern = own(r, row->pattern);
        mine->latency = own(r, row->latency);
        mine->ttl = own(r, row->ttl);
        mine->age = own(r, row->age);
        mine->fill = own(r, row->fill);
    }
    return !r->failed;
}

static bool load_counter(void *context, const struct row_counter *row)
{
    struct restoring *r = context;
    struct row_counter *mine = append(r, &r->counter, row, sizeof *row);
    if (mine) {
        mine->what = own(r, slice_str(row->what)).p;
        mine->name = own(r, row->name);
    }
    return !r->failed;
}

static bool load_minute(void *context, const struct row_minute *row)
{
    struct restoring *r = context;
    append(r, &r->minute, row, sizeof *row);
    return !r->failed;
}

static bool next(struct list *l, void *out)
{
    if (l->next == l->n)
        return false;
    memcpy(out, (char *)l->row + l->next++ * l->size, l->size);
    return true;
}

#define STEP(name)                                                                                                     \
    static bool step_##name(void *context, struct row_##name *out)                                                     \
    {                                                                                                                  \
        return next(&((struct restoring *)context)->name, out);                                                        \
    }
STEP(address)
STEP(key)
STEP(client)
STEP(endpoint)
STEP(counter)
STEP(minute)
STEP(cache)
#undef STEP

static bool step_capture(void *context, struct row_capture *out)
{
    struct restoring *r = context;
    if (r->capture_given || !r->has_capture)
        return false;
    *out = r->capture;
    return r->capture_given = true;
}

static void fill(void *context, const struct row_exchange *row)
{
    struct restoring *r = context;
    if (r->block_n < BLOCK_RECORDS)
        r->block[r->block_n++] = *row;
}

static bool step_exchange(void *context, struct row_exchange *out)
{
    struct restoring *r = context;
    while (r->block_next == r->block_n) {
        int64_t id;
        r->block_n = r->block_next = 0;
        if (!store_read_block(r->reader, r->block_id, &id, fill, r))
            r->damaged = true;
        if (!id)
            return false;
        r->block_id = id;
    }
    *out = r->block[r->block_next++];
    return true;
}

static void release(struct restoring *r)
{
    struct list *lists[] = {&r->address, &r->key, &r->client, &r->endpoint, &r->counter, &r->minute, &r->cache};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]->row);
    while (r->text) {
        struct text *next_text = r->text->next;
        free(r->text);
        r->text = next_text;
    }
    free(r->block);
}

static bool load(struct restoring *r)
{
    r->block = calloc(BLOCK_RECORDS, sizeof *r->block);
    r->has_capture = store_read_capture(r->reader, &r->capture);
    store_read_addresses(r->reader, load_address, r);
    store_read_keys(r->reader, load_key, r);
    store_read_clients(r->reader, load_client, r);
    store_read_all_endpoints(r->reader, load_endpoint, r);
    store_read_counters(r->reader, load_counter, r);
    store_read_caches(r->reader, load_cache, r);
    store_read_minutes(r->reader, INT64_MIN, INT64_MAX, load_minute, r);
    return r->block && !r->failed;
}

static bool replay(struct restoring *r, struct analysis *a, int64_t *ended)
{
    struct restore steps = {.context = r,
                            .complete = store_read_exchange_count(r->reader) ==
                                            store_read_counter(r->reader, "total", "exchanges") &&
                                        !store_read_counter(r->reader, "total", "sampling_level"),
                            .address = step_address,
                            .key = step_key,
                            .client = step_client,
                            .endpoint = step_endpoint,
                            .exchange = step_exchange,
                            .counter = step_counter,
                            .minute = step_minute,
                            .cache = step_cache,
                            .capture = step_capture};
    if (!r->has_capture)
        return true;
    *ended = r->capture.ended_us;
    return analysis_restore(a, &steps);
}

/* Of an older DB it is not known. */
static bool same_order(const char *db, const struct row_capture *c, const struct idorder *order)
{
    struct idorder had = idorder_read(c->identity_order);
    char text[IDORDER_TEXT];
    if (!c->identity_order.n || idorder_equal(&had, order))
        return true;
    idorder_write(&had, text);
    log_line(
        "%s: the clients in it are told apart by %s: it goes on with --identity %s alone (or --clients-by address, "
        "where that was said); --fresh starts over",
        db, text, text);
    return false;
}

/* Else each client and key would be met again as another. key NULL: of this run alone, which was said; a service that
 * has no place to keep one starts again all the same. */
static bool same_secret(const char *db, const struct row_capture *c, const struct hash_key *key)
{
    char mark[HASH_KEY_MARK];
    if (!key)
        return true;
    hash_key_mark(key, mark);
    if (!c->secret_mark.n || slice_eq(c->secret_mark, slice_str(mark)))
        return true;
    log_line("%s: the pseudonyms in it were made with another secret: it goes on with that one alone (--secret FILE, "
             "or as the user who made it); --fresh starts over",
             db);
    return false;
}

int restore_audit(const char *db, const struct idorder *order, const struct hash_key *key, struct analysis *a,
                  int64_t *ended)
{
    char why[256];
    struct restoring r = {.reader = store_read_open(db, why)};
    bool ok = r.reader && store_read_begin(r.reader, why), same = true;
    if (!ok) {
        log_line("%s", why);
        store_read_close(r.reader);
        return 1;
    }
    ok = load(&r);
    same = !ok || !r.has_capture || (same_secret(db, &r.capture, key) && same_order(db, &r.capture, order));
    ok = ok && same && replay(&r, a, ended) && !r.damaged;
    if (!ok && same)
        log_line("%s: %s", db,
                 r.failed ? "out of memory" : "the audit in it is damaged and cannot go on; --fresh starts over");
    release(&r);
    store_read_close(r.reader);
    return ok ? 0 : same ? 1 : 2;
}

static void copy(char *to, size_t size, struct slice from)
{
    snprintf(to, size, "%.*s", (int)(from.n < size ? from.n : size - 1), from.p);
}

static enum opaque_why why_of(struct slice name)
{
    for (int i = 0; i < OPAQUE_WHYS; i++)
        if (slice_eq(name, slice_str(opaque_why_name((enum opaque_why)i))))
            return (enum opaque_why)i;
    return OPAQUE_WHY_OTHER;
}

/* Octets that are not said are 0, as the capture makes them. */
static bool load_opaque(void *context, const struct row_opaque *row)
{
    struct opaque_key k;
    struct addr a;
    memset(&k, 0, sizeof k);
    if (addr_parse(row->client, &a)) {
        memcpy(k.client.ip, a.ip, sizeof a.ip);
        k.client.known = a.known;
    }
    if (addr_parse(row->server, &a)) {
        memcpy(k.server.ip, a.ip, sizeof a.ip);
        k.server.port = a.port;
        k.server.known = a.known;
    }
    k.why = (uint8_t)why_of(row->why);
    copy(k.hello.name, sizeof k.hello.name, row->name);
    copy(k.hello.alpn, sizeof k.hello.alpn, row->alpn);
    copy(k.hello.ja4, sizeof k.hello.ja4, row->ja4);
    copy(k.chosen.alpn, sizeof k.chosen.alpn, row->alpn_chosen);
    k.chosen.version = opaque_version_of(row->version);
    k.chosen.cipher = opaque_cipher_of(row->cipher);
    struct opaque_sums s = {.connections = row->connections,
                            .bytes = {row->bytes_client, row->bytes_server},
                            .open_us = row->open_us,
                            .hellos = row->hellos,
                            .hello_us = row->hello_us,
                            .first_us = row->first_us,
                            .last_us = row->last_us};
    opaque_load(context, row->id, &k, &s);
    return true;
}

bool restore_opaque(const char *db, struct opaque *o)
{
    char why[256];
    struct store_reader *r = store_read_open(db, why);
    bool ok = r && store_read_begin(r, why);
    if (ok)
        store_read_all_opaque(r, load_opaque, o);
    if (ok && store_read_failure(r)) {
        snprintf(why, sizeof why, "%s", store_read_failure(r));
        ok = false;
    }
    if (!ok)
        log_line("%s", why);
    store_read_close(r);
    return ok;
}
