#include "analysis/store/join.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/store/batch.h"
#include "analysis/store/sums.h"
#include "base/floor.h"
#include "base/hash.h"
#include "base/hll.h"
#include "base/idorder.h"
#include "base/map.h"

enum { MOST = 1 << 20, HOUR = 3600, MET = 6 << ROW_CLIENTS_BITS >> 3 };

/* A name that is in one audit or more: its row in the batch. */
struct named_row {
    uint64_t hash;
};

struct names {
    struct named_row *row; /* by place in the batch */
    struct map map;
};

/* That a sensor begins (1) or ceases (-1) to watch. */
struct turn {
    int64_t us;
    int by;
};

struct joining {
    struct batch batch;
    struct turn *turn; /* of all audits, in no order */
    size_t n_turns;
    struct names endpoints, clients, counters;
    struct sums *sums; /* by place of the endpoint */
    struct hash_key key;
    uint8_t met[MET];
    size_t audits, with_met; /* read; of them, those whose clients are known by a set */
    bool sampled;            /* keys are */
    bool disordered;         /* their clients are not told apart by the same things */
    bool strangers;          /* their pseudonyms are of different secrets */
    bool failed;
};

static bool names_init(struct names *n)
{
    n->row = calloc(MOST, sizeof *n->row);
    return n->row && map_init(&n->map, n->row, sizeof *n->row, MOST);
}

static void names_free(struct names *n)
{
    map_free(&n->map);
    free(n->row);
}

/* Place of what the parts name; `used` places are taken, and it gets the next when it is new. MAP_NONE: no memory. */
static uint32_t place_of(struct joining *j, struct names *n, size_t used, const struct slice *part, size_t parts)
{
    uint64_t h[2] = {0, 0};
    for (size_t i = 0; i < parts; i++) {
        h[1] = hash_bytes(&j->key, 'j', part[i].p, part[i].n);
        h[0] = hash_words(&j->key, h, 2);
    }
    uint32_t at = map_find(&n->map, h[0]);
    if (at != MAP_NONE)
        return at;
    if (used < MOST) {
        n->row[used].hash = h[0];
        if (map_insert(&n->map, h[0], (uint32_t)used))
            return (uint32_t)used;
    }
    j->failed = true;
    return MAP_NONE;
}

/* ---- endpoints ---- */

static void copy_endpoint(struct joining *j, const struct row_endpoint *e, uint32_t place)
{
    struct batch *b = &j->batch;
    struct row_endpoint *row = batch_endpoint(b);
    *row = *e;
    row->id = place + 1;
    row->method = batch_copy(b, e->method);
    row->service = batch_copy(b, e->service);
    row->route = batch_copy(b, e->route);
    row->operation = batch_copy(b, e->operation);
    row->lifetimes = batch_copy(b, e->lifetimes);
    row->latency = row->server_time = row->live = row->declared_ttl = row->sharing = row->learned = row->writes =
        row->sources = row->fields = row->sampling = (struct slice){"", 0};
}

static bool add_endpoint(void *context, const struct row_endpoint *e)
{
    struct joining *j = context;
    struct sums sums = {0};
    size_t n = j->batch.endpoint.n;
    uint32_t at = place_of(j, &j->endpoints, n, (struct slice[]){e->method, e->service, e->route, e->operation}, 4);
    j->sampled |= e->sampling.n != 0;
    if (at == MAP_NONE)
        return false;
    if (at == n) {
        struct sums *more = realloc(j->sums, (n + 1) * sizeof *more);
        j->failed |= !more;
        if (!more)
            return false;
        j->sums = more;
        j->sums[at] = (struct sums){0};
        copy_endpoint(j, e, at);
    }
    struct row_endpoint *row = &j->batch.endpoint.row[at];
    row->first_us = e->first_us < row->first_us ? e->first_us : row->first_us;
    row->last_us = e->last_us > row->last_us ? e->last_us : row->last_us;
    row->operation_safe &= e->operation_safe;
    if (!row->lifetimes.n)
        row->lifetimes = batch_copy(&j->batch, e->lifetimes);
    sums_of(&sums, e);
    sums_add(&j->sums[at], &sums, 1);
    j->failed |= sums.failed || j->sums[at].failed || j->batch.failed;
    sums_free(&sums);
    return !j->failed;
}

/* ---- clients ---- */

static bool add_client(void *context, const struct row_client *c)
{
    struct joining *j = context;
    size_t n = j->batch.client.n;
    uint32_t at = place_of(j, &j->clients, n, &c->client, 1);
    if (at == MAP_NONE)
        return false;
    if (at == n) {
        struct row_client *new = batch_client(&j->batch);
        *new = (struct row_client){.id = at + 1,
                                   .client = batch_copy(&j->batch, c->client),
                                   .identity = batch_copy(&j->batch, c->identity),
                                   .addresses = batch_copy(&j->batch, c->addresses),
                                   .name = batch_copy(&j->batch, c->name),
                                   .n_addresses = c->n_addresses,
                                   .burstiness = __builtin_nan(""),
                                   .poller_period_s = __builtin_nan(""),
                                   .first_us = c->first_us,
                                   .last_us = c->last_us};
    }
    struct row_client *row = &j->batch.client.row[at];
    if (!row->name.n)
        row->name = batch_copy(&j->batch, c->name);
    row->requests += c->requests;
    row->bytes += c->bytes;
    row->errors += c->errors;
    row->throttled += c->throttled;
    row->n_addresses = c->n_addresses > row->n_addresses ? c->n_addresses : row->n_addresses;
    row->first_us = c->first_us < row->first_us ? c->first_us : row->first_us;
    row->last_us = c->last_us > row->last_us ? c->last_us : row->last_us;
    j->failed |= j->batch.failed;
    return !j->failed;
}

/* ---- when somebody watched ---- */

static void add_turn(struct joining *j, int64_t us, int by)
{
    if (!(j->n_turns & (j->n_turns - 1))) {
        struct turn *more = realloc(j->turn, (j->n_turns ? j->n_turns * 2 : 1) * sizeof *more);
        j->failed |= !more;
        if (!more)
            return;
        j->turn = more;
    }
    j->turn[j->n_turns++] = (struct turn){us, by};
}

static void add_pause(struct joining *j, const struct row_counter *c)
{
    uint64_t begin;
    if (!slice_u64(c->name, &begin) || begin > INT64_MAX / 2 || c->value > INT64_MAX / 2)
        return;
    add_turn(j, (int64_t)begin, -1);
    add_turn(j, (int64_t)(begin + c->value), 1);
}

/* At one time those that begin first: there is nothing between the two. */
static int by_time(const void *x, const void *y)
{
    const struct turn *a = x, *b = y;
    return a->us != b->us ? (a->us > b->us) - (a->us < b->us) : b->by - a->by;
}

/* ---- counters, minutes, the captures ---- */

/* Those of distinct things are made anew, numbers of lists mean nothing without records, and while one
 * sensor paused others may have watched (join_pauses). */
static bool adds_up(const struct row_counter *c)
{
    static const char *const apart[] = {"clients", "clients_estimated", "services", "sampling_level"};
    bool total = strcmp(c->what, "total") == 0, is = strcmp(c->what, "vary") && strcmp(c->what, "pause");
    for (size_t i = 0; total && i < sizeof apart / sizeof *apart; i++)
        is &= !slice_eq(c->name, slice_str(apart[i]));
    return is;
}

static struct row_counter *counter_of(struct joining *j, const char *what, struct slice name)
{
    size_t n = j->batch.counter.n;
    uint32_t at = place_of(j, &j->counters, n, (struct slice[]){slice_str(what), name}, 2);
    if (at == n) {
        struct slice copied = batch_copy(&j->batch, slice_of(what, strlen(what) + 1));
        *batch_counter(&j->batch) = (struct row_counter){copied.p, batch_copy(&j->batch, name), 0};
    }
    j->failed |= j->batch.failed;
    return j->failed ? NULL : &j->batch.counter.row[at];
}

static bool add_counter(void *context, const struct row_counter *c)
{
    struct joining *j = context;
    struct row_counter *row = adds_up(c) ? counter_of(j, c->what, c->name) : NULL;
    if (strcmp(c->what, "pause") == 0)
        add_pause(j, c);
    if (row)
        row->value += c->value;
    return !j->failed;
}

static bool add_minute(void *context, const struct row_minute *m)
{
    struct joining *j = context;
    struct row_minute *row = NULL;
    for (size_t i = j->batch.minute.n; i-- > 0 && !row && j->batch.minute.row[i].minute >= m->minute;)
        if (j->batch.minute.row[i].minute == m->minute)
            row = &j->batch.minute.row[i];
    if (!row) {
        *batch_minute(&j->batch) = *m;
        return !(j->failed |= j->batch.failed);
    }
    row->requests += m->requests;
    row->errors += m->errors;
    row->eligible += m->eligible;
    row->repeats += m->repeats;
    row->request_bytes += m->request_bytes;
    row->response_bytes += m->response_bytes;
    row->server_us += m->server_us;
    row->clients = m->clients > row->clients ? m->clients : row->clients; /* at least */
    return true;
}

/* ["a"] and ["b"] */
static struct slice both(struct batch *b, struct slice one, struct slice two)
{
    struct buf text = {0};
    if (one.n <= 2 || two.n <= 2)
        return one.n <= 2 ? batch_copy(b, two) : one;
    buf_slice(&text, slice_sub(one, 0, one.n - 1));
    buf_char(&text, ',');
    buf_slice(&text, slice_sub(two, 1, two.n));
    b->failed |= text.failed;
    struct slice out = batch_copy(b, slice_of(text.p, text.n));
    buf_free(&text);
    return out;
}

#define EACH_COUNT(do)                                                                                                                                                    \
    do                                                                                                                                                                    \
    (packets) do(bytes) do(kernel_dropped) do(interface_dropped) do(duplicates) do(unparsed_packets) do(flows) do(flows_midstream) do(flows_oneway) do(flows_evicted) do( \
        gaps) do(gap_bytes) do(acked_unseen_bytes) do(overlap_bytes) do(stream_bytes) do(memory_ceiling_bytes) do(memory_peak_bytes) do(retransmitted) do(flows_split)

static void add_capture(struct joining *j, const struct row_capture *c)
{
    struct row_capture *all = &j->batch.capture;
    if (!j->batch.has_capture)
        *all = (struct row_capture){.ended = true,
                                    .started_us = INT64_MAX,
                                    .ended_us = INT64_MIN,
                                    .window_us = INT64_MIN,
                                    .identity_order = batch_copy(&j->batch, c->identity_order),
                                    .secret_mark = batch_copy(&j->batch, c->secret_mark)};
    j->batch.has_capture = true;
    struct idorder one = idorder_read(all->identity_order), other = idorder_read(c->identity_order);
    j->disordered |= !idorder_equal(&one, &other);
    j->strangers |= all->secret_mark.n && c->secret_mark.n && !slice_eq(all->secret_mark, c->secret_mark);
    all->sources = both(&j->batch, all->sources, c->sources);
    all->live |= c->live;
    all->ended &= c->ended;
    all->from_records |= c->from_records;
    if (c->started_us != INT64_MIN) {
        add_turn(j, c->started_us, 1);
        add_turn(j, c->ended_us, -1);
        all->started_us = c->started_us < all->started_us ? c->started_us : all->started_us;
    }
    all->ended_us = c->ended_us > all->ended_us ? c->ended_us : all->ended_us;
#define ADD(name) all->name += c->name;
    EACH_COUNT(ADD)
#undef ADD
    if (c->clients_met.n == MET) {
        hll_merge(j->met, (const uint8_t *)c->clients_met.p, ROW_CLIENTS_BITS);
        j->with_met++;
    }
}

static void add_audit(struct joining *j, struct store_reader *r)
{
    struct row_capture capture;
    j->audits++;
    store_read_endpoints(r, add_endpoint, j);
    store_read_clients(r, add_client, j);
    store_read_counters(r, add_counter, j);
    store_read_minutes(r, INT64_MIN, INT64_MAX, add_minute, j);
    if (store_read_capture(r, &capture))
        add_capture(j, &capture);
}

static void count_distinct(struct joining *j)
{
    size_t services = 0;
    for (size_t i = 0; i < j->batch.endpoint.n; i++) {
        size_t k = 0;
        const struct row_endpoint *row = j->batch.endpoint.row;
        while (k < i && !slice_eq(row[k].service, row[i].service))
            k++;
        services += k == i && !slice_eq(row[i].route, SLICE("(other)"));
    }
    double about = j->with_met ? hll_count(j->met, ROW_CLIENTS_BITS) + .5 : 0;
    struct row_counter *clients = counter_of(j, "total", SLICE("clients"));
    if (clients)
        clients->value = j->with_met ? (uint64_t)about : j->batch.client.n;
    if ((clients = counter_of(j, "total", SLICE("clients_estimated"))))
        clients->value = j->with_met > 0;
    if ((clients = counter_of(j, "total", SLICE("services"))))
        clients->value = services;
}

/* Of all audits together: from the time when the last of the sensors ceases to watch until one begins. */
static void join_pauses(struct joining *j)
{
    int watching = 0;
    if (j->n_turns)
        qsort(j->turn, j->n_turns, sizeof *j->turn, by_time);
    for (size_t i = 0; i + 1 < j->n_turns; i++) {
        const struct turn *t = &j->turn[i];
        char name[24];
        watching += t->by;
        if (watching > 0 || t[1].us == t->us)
            continue;
        struct row_counter *c = counter_of(j, "pause", slice_of(name, (size_t)sprintf(name, "%" PRId64, t->us)));
        if (c)
            c->value = (uint64_t)(t[1].us - t->us);
    }
}

/* ---- tables ---- */

static bool write_all(struct joining *j, sqlite3 *db)
{
    static const char tables[] = "CREATE TEMP TABLE endpoint AS SELECT * FROM main.endpoint WHERE 0;"
                                 "CREATE TEMP TABLE client AS SELECT * FROM main.client WHERE 0;"
                                 "CREATE TEMP TABLE counter AS SELECT * FROM main.counter WHERE 0;"
                                 "CREATE TEMP TABLE minute AS SELECT * FROM main.minute WHERE 0;"
                                 "CREATE TEMP TABLE capture AS SELECT * FROM main.capture WHERE 0;"
                                 "CREATE TEMP TABLE key AS SELECT * FROM main.key WHERE 0;"
                                 "CREATE TEMP TABLE address AS SELECT * FROM main.address WHERE 0;"
                                 "CREATE TEMP TABLE exchange_block AS SELECT * FROM main.exchange_block WHERE 0;";
    struct batch_writer w = {0};
    struct buf text[4] = {0};
    bool ok = sqlite3_exec(db, tables, NULL, NULL, NULL) == SQLITE_OK && batch_prepare(&w, db);
    for (size_t i = 0; ok && i < j->batch.endpoint.n; i++) {
        struct row_endpoint *row = &j->batch.endpoint.row[i];
        struct batch one = {.endpoint = {row, 1, 1}};
        sums_into(&j->sums[i], row, text);
        ok = batch_write(&w, &one);
    }
    j->batch.endpoint.n = 0;
    ok = ok && batch_write(&w, &j->batch);
    for (int i = 0; i < 4; i++) {
        j->failed |= text[i].failed;
        buf_free(&text[i]);
    }
    batch_finalize(&w);
    return ok;
}

/* Why what was read cannot be joined; NULL: it can. */
static const char *cannot(const struct joining *j)
{
    if (j->failed || j->batch.failed)
        return "out of memory";
    if (j->sampled)
        return "the keys of an endpoint are sampled: such audits cannot be joined (give each more --memory)";
    if (j->strangers)
        return "their pseudonyms were made with different secrets (capture --secret): one client would be several";
    if (j->disordered)
        return "their clients are told apart by different things (capture --identity, --clients-by): one client would "
               "be several";
    if (j->with_met && j->with_met < j->audits)
        return "not every client of one of them has a row: they cannot be told from those of the others";
    return NULL;
}

static bool join(struct joining *j, sqlite3 *db, struct store_reader *into, struct store_reader *const *others,
                 size_t n, char why[256])
{
    if (!hash_key_random(&j->key) || !names_init(&j->endpoints) || !names_init(&j->clients) ||
        !names_init(&j->counters)) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    add_audit(j, into);
    for (size_t i = 0; i < n; i++)
        add_audit(j, others[i]);
    count_distinct(j);
    join_pauses(j);
    if (j->batch.capture.started_us == INT64_MAX)
        j->batch.capture.started_us = INT64_MIN;
    if (cannot(j)) {
        snprintf(why, 256, "%s", cannot(j));
        return false;
    }
    if (write_all(j, db) && !j->failed)
        return true;
    snprintf(why, 256, "%.200s", j->failed ? "out of memory" : sqlite3_errmsg(db));
    return false;
}

bool join_audits(sqlite3 *db, struct store_reader *into, struct store_reader *const *others, size_t n,
                 struct store_span *got, char why[256])
{
    struct joining *j = calloc(1, sizeof *j);
    if (!j) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    *why = 0;
    size_t endpoints;
    bool ok = join(j, db, into, others, n, why);
    const struct row_capture *c = &j->batch.capture;
    if (ok && c->started_us != INT64_MIN)
        *got = (struct store_span){floor_div(c->started_us, HOUR * INT64_C(1000000)) * HOUR,
                                   (floor_div(c->ended_us, HOUR * INT64_C(1000000)) + 1) * HOUR};
    endpoints = j->endpoints.map.used;
    for (size_t i = 0; j->sums && i < endpoints; i++)
        sums_free(&j->sums[i]);
    free(j->sums);
    free(j->turn);
    batch_free(&j->batch);
    names_free(&j->endpoints);
    names_free(&j->clients);
    names_free(&j->counters);
    free(j);
    return ok;
}
