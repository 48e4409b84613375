#include "analysis/backends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/table.h"

#define KEEP_US (INT64_C(1000000) * BACKENDS_KEEP_S)
#define LEFT_US INT64_C(60000000)

enum { PAGES = 1 << 15, CELL_FEW = 5, BAD_FEW = 5 };
/* Connections that it should have got while it got none: by chance it would be so once in a million times. */
static const double MISSED = 14;
static const double SLOW_TIMES = 1.25, BAD_TIMES = 2, UNEVEN_TIMES = 1.5, SURE = 4;

/* An endpoint at a server. */
struct cell {
    uint64_t hash;
    uint32_t row, endpoint;
    uint64_t n, failed, timed;
    double sum_s, squares; /* server time of those that have one */
};

struct conn {
    uint64_t hash;
    uint32_t row;
    uint32_t n;
    int64_t end_us;
};

/* Where the address's latest connection to a server is. */
struct pair {
    uint64_t hash;
    uint32_t conn;
};

struct backends {
    struct backend *row;
    struct cell *cell;
    struct conn *conn;
    struct pair *pair;
    uint64_t *asks; /* hashes of service and client address */
    uint32_t n_rows, n_cells, n_conns, n_pairs, n_asks, n_groups;
    struct map rows, cells, conns, pairs, asking;
    struct hist_page *pages;
    struct hist_pool pool;
    struct backend_group *group;
    uint64_t untracked;
};

static bool begin(struct backends *b)
{
    b->row = table_new(BACKENDS_MOST, sizeof *b->row); /* all touched as they fill */
    b->cell = table_new(BACKENDS_CELLS, sizeof *b->cell);
    b->conn = table_new(BACKENDS_CONNS, sizeof *b->conn);
    b->pair = table_new(BACKENDS_CONNS, sizeof *b->pair);
    b->asks = table_new(BACKENDS_HOSTS, sizeof *b->asks);
    b->pages = table_new(PAGES, sizeof *b->pages);
    b->group = table_new(BACKENDS_MOST, sizeof *b->group);
    if (!b->row || !b->cell || !b->conn || !b->pair || !b->asks || !b->pages || !b->group)
        return false;
    hist_pool_init(&b->pool, b->pages, PAGES);
    return map_init(&b->rows, b->row, sizeof *b->row, BACKENDS_MOST) &&
           map_init(&b->cells, b->cell, sizeof *b->cell, BACKENDS_CELLS) &&
           map_init(&b->conns, b->conn, sizeof *b->conn, BACKENDS_CONNS) &&
           map_init(&b->pairs, b->pair, sizeof *b->pair, BACKENDS_CONNS) &&
           map_init(&b->asking, b->asks, sizeof *b->asks, BACKENDS_HOSTS);
}

struct backends *backends_new(void)
{
    struct backends *b = calloc(1, sizeof *b);
    if (b && begin(b))
        return b;
    backends_free(b);
    return NULL;
}

/* What is of no use after the end. */
static void free_working(struct backends *b)
{
    map_free(&b->rows);
    map_free(&b->cells);
    map_free(&b->conns);
    map_free(&b->pairs);
    map_free(&b->asking);
    table_free(b->cell);
    table_free(b->conn);
    table_free(b->pair);
    table_free(b->asks);
    b->cell = NULL;
    b->conn = NULL;
    b->pair = NULL;
    b->asks = NULL;
}

void backends_free(struct backends *b)
{
    if (!b)
        return;
    free_working(b);
    table_free(b->row);
    table_free(b->pages);
    table_free(b->group);
    free(b);
}

static uint64_t hash_of(uint64_t kind, uint32_t one, uint32_t two)
{
    return hash_mix(hash_mix((uint64_t)one << 32 | two) + kind);
}

/* The row with this hash, made if there is room; MAP_NONE otherwise. *made: it is new. */
static uint32_t find(struct map *m, uint64_t hash, uint32_t *n, uint32_t most, bool *made)
{
    uint32_t at = map_find(m, hash);
    *made = at == MAP_NONE;
    if (!*made)
        return at;
    if (*n == most || !map_insert(m, hash, *n)) {
        *made = false;
        return MAP_NONE;
    }
    return (*n)++;
}

static struct backend *row_of(struct backends *b, uint32_t service, uint32_t server)
{
    bool made;
    uint64_t hash = hash_of(1, service, server);
    uint32_t at = find(&b->rows, hash, &b->n_rows, BACKENDS_MOST, &made);
    if (made)
        b->row[at] = (struct backend){
            .hash = hash, .service = service, .server = server, .first_us = INT64_MAX, .last_us = INT64_MIN};
    return at == MAP_NONE ? NULL : &b->row[at];
}

/* ---- one call ---- */

static void count_cell(struct backends *b, uint32_t row, const struct backends_call *c)
{
    bool made;
    uint64_t hash = hash_of(2, row, c->endpoint);
    uint32_t at = find(&b->cells, hash, &b->n_cells, BACKENDS_CELLS, &made);
    if (at == MAP_NONE) {
        b->untracked++;
        return;
    }
    struct cell *cell = &b->cell[at];
    if (made)
        *cell = (struct cell){.hash = hash, .row = row, .endpoint = c->endpoint};
    cell->n++;
    cell->failed += c->failed;
    if (c->server_us < 0 || c->failed) /* a fast failure is no speed */
        return;
    double s = (double)c->server_us / 1e6;
    cell->timed++;
    cell->sum_s += s;
    cell->squares += s * s;
}

/* Its address let one go and opens the next soon after: what is open is not used again. */
static void count_reopened(struct backends *b, struct backend *row, struct conn *conn, const struct backends_call *c)
{
    bool made;
    uint64_t hash = hash_of(4, (uint32_t)(row - b->row), c->address);
    uint32_t at = find(&b->pairs, hash, &b->n_pairs, BACKENDS_CONNS, &made);
    if (at == MAP_NONE)
        return;
    struct pair *p = &b->pair[at];
    if (made)
        *p = (struct pair){.hash = hash};
    const struct conn *before = made ? NULL : &b->conn[p->conn];
    p->conn = (uint32_t)(conn - b->conn);
    if (!before || before->end_us > c->start_us || c->start_us - before->end_us > KEEP_US)
        return;
    row->reopened++;
    if (c->rtt_us > 0)
        row->reopened_us += (uint64_t)c->rtt_us * (c->tls ? 2 : 1);
}

static void count_conn(struct backends *b, struct backend *row, const struct backends_call *c)
{
    bool made;
    uint64_t hash = hash_of(3, (uint32_t)(row - b->row), c->conn);
    uint32_t at = !c->conn ? MAP_NONE : find(&b->conns, hash, &b->n_conns, BACKENDS_CONNS, &made);
    if (at == MAP_NONE) {
        b->untracked += c->conn != 0;
        return;
    }
    struct conn *conn = &b->conn[at];
    if (made) {
        *conn = (struct conn){.hash = hash, .row = (uint32_t)(row - b->row), .end_us = INT64_MIN};
        row->connections++;
        row->vague |= c->client_network != 0;
        if (c->address)
            count_reopened(b, row, conn, c);
    }
    conn->n++;
    conn->end_us = c->end_us > conn->end_us ? c->end_us : conn->end_us;
}

static void note_asking(struct backends *b, uint64_t asks)
{
    bool made;
    uint32_t at = find(&b->asking, asks, &b->n_asks, BACKENDS_HOSTS, &made);
    if (made)
        b->asks[at] = asks;
}

void backends_add(struct backends *b, const struct backends_call *c)
{
    struct backend *row = row_of(b, c->service, c->server);
    if (!row) {
        b->untracked++;
        return;
    }
    row->host = c->server_host;
    row->network = c->server_network;
    row->requests++;
    row->failed += c->failed;
    row->failed_us += c->failed && c->server_us > 0 ? (uint64_t)c->server_us : 0;
    row->unanswered += c->unanswered;
    row->first_us = c->start_us < row->first_us ? c->start_us : row->first_us;
    row->last_us = c->start_us > row->last_us ? c->start_us : row->last_us;
    if (c->server_us >= 0)
        hist_add(&row->server_time, &b->pool, (uint64_t)c->server_us);
    count_cell(b, (uint32_t)(row - b->row), c);
    count_conn(b, row, c);
    if (c->client_host && c->client_host != c->server_host)
        note_asking(b, hash_of(5, c->service, c->client_host));
    if (c->client_network)
        note_asking(b, hash_of(6, c->service, c->client_network));
}

void backends_relays(struct backends *b, uint32_t service, uint32_t server)
{
    uint32_t at = map_find(&b->rows, hash_of(1, service, server));
    if (at != MAP_NONE)
        b->row[at].relay = true;
}

/* ---- beside the others ---- */

static int by_endpoint(const void *x, const void *y)
{
    const struct cell *a = x, *b = y;
    return a->endpoint != b->endpoint ? (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint)
                                      : (a->row > b->row) - (a->row < b->row);
}

static double variance(double n, double sum, double squares)
{
    double v = n > 1 ? (squares - sum * sum / n) / (n - 1) : 0;
    return v > 0 ? v : 0;
}

static void beside_time(struct backend_beside *s, const struct cell *c, const struct cell *all)
{
    double n = (double)c->timed, others = (double)(all->timed - c->timed);
    if (n < CELL_FEW || others < CELL_FEW)
        return;
    double sum = all->sum_s - c->sum_s, mean = sum / others;
    s->n += c->timed;
    s->time_s += c->sum_s;
    s->expected_s += n * mean;
    s->z += n * variance(n, c->sum_s, c->squares) + n * n * variance(others, sum, all->squares - c->squares) / others;
}

static void beside_failures(struct backend_beside *s, const struct cell *c, const struct cell *all)
{
    double n = (double)c->n, others = (double)(all->n - c->n);
    if (n < CELL_FEW || others < CELL_FEW)
        return;
    double p = (double)(all->failed - c->failed) / others, q = (double)all->failed / (double)all->n;
    s->failed += (double)c->failed;
    s->expected_failed += n * p;
    s->z_failed += n * n * q * (1 - q) * (1 / n + 1 / others);
}

/* Cells of one endpoint; those of servers that pass requests on stay out. Where one may, nothing is told. */
static void compare(struct backends *b, const struct cell *cell, uint32_t n)
{
    struct cell all = {0};
    for (uint32_t i = 0; i < n; i++)
        if (b->row[cell[i].row].unsure)
            return;
    for (uint32_t i = 0; i < n; i++) {
        if (b->row[cell[i].row].relay)
            continue;
        all.n += cell[i].n;
        all.failed += cell[i].failed;
        all.timed += cell[i].timed;
        all.sum_s += cell[i].sum_s;
        all.squares += cell[i].squares;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct backend *row = &b->row[cell[i].row];
        if (row->relay)
            continue;
        beside_time(&row->beside, &cell[i], &all);
        beside_failures(&row->beside, &cell[i], &all);
    }
}

/* `z` holds variances so far. */
static void judge(struct backend_beside *s)
{
    double excess = s->time_s - s->expected_s, more = s->failed - s->expected_failed;
    s->z = s->z > 0 ? excess / sqrt(s->z) : excess > 0 ? INFINITY : 0;
    s->z_failed = s->z_failed > 0 ? more / sqrt(s->z_failed) : 0;
    s->slow = s->n >= BACKENDS_FEW && s->time_s >= SLOW_TIMES * s->expected_s && s->z >= SURE;
    s->bad = more >= BAD_FEW && s->failed >= BAD_TIMES * s->expected_failed && s->z_failed >= SURE;
}

/* ---- groups ---- */

static int by_service(const void *x, const void *y)
{
    const struct backend *a = x, *b = y;
    if (a->service != b->service)
        return a->service > b->service ? 1 : -1;
    if (a->requests != b->requests)
        return a->requests > b->requests ? -1 : 1;
    return (a->server > b->server) - (a->server < b->server);
}

static int by_requests(const void *x, const void *y)
{
    const struct backend_group *a = x, *b = y;
    if (a->requests != b->requests)
        return a->requests > b->requests ? -1 : 1;
    return (a->service > b->service) - (a->service < b->service);
}

struct span {
    int64_t from_us, to_us;
};

static struct span span_of(const struct backends *b, const struct backend_group *g)
{
    struct span s = {INT64_MAX, INT64_MIN};
    for (uint32_t i = g->from; i < g->from + g->n; i++) {
        s.from_us = b->row[i].first_us < s.from_us ? b->row[i].first_us : s.from_us;
        s.to_us = b->row[i].last_us > s.to_us ? b->row[i].last_us : s.to_us;
    }
    return s;
}

bool backends_left(const struct backends *b, const struct backend_group *g, const struct backend *of)
{
    struct span s = span_of(b, g);
    int64_t gone = s.to_us - of->last_us, here = of->last_us - of->first_us;
    double trials = (double)(of->connections ? of->connections : of->requests);
    return g->peers > 1 && !of->relay && here > 0 && gone > LEFT_US && trials / (double)here * (double)gone >= MISSED;
}

/* Requests of one connection go where it goes: it is connections that are dealt out, where they are known. */
static void judge_balance(const struct backends *b, struct backend_group *g)
{
    const struct backend *most = NULL;
    struct span s = span_of(b, g);
    double trials = 0, connections = 0;
    bool always = true;
    for (uint32_t i = g->from; i < g->from + g->n; i++)
        g->unsure |= b->row[i].unsure;
    for (uint32_t i = g->from; i < g->from + g->n; i++) {
        const struct backend *r = &b->row[i];
        if (r->relay)
            continue;
        g->peers += !g->unsure;
        g->requests += r->requests;
        connections += (double)r->connections;
        most = !most || r->requests > most->requests ? r : most;
        always &= r->last_us - r->first_us >= (s.to_us - s.from_us) / 10 * 9;
    }
    g->imbalance = NAN;
    if (g->peers < 2 || !g->requests)
        return;
    trials = connections > 0 && connections < (double)g->requests ? connections : (double)g->requests;
    double even = 1. / g->peers, share = (double)most->requests / (double)g->requests;
    g->imbalance = share / even;
    double z = (share - even) / sqrt(even * (1 - even) / trials);
    g->uneven = always && g->imbalance >= UNEVEN_TIMES && z >= SURE && g->requests >= 100;
}

static void make_groups(struct backends *b)
{
    qsort(b->row, b->n_rows, sizeof *b->row, by_service);
    for (uint32_t i = 0; i < b->n_rows; i++) {
        struct backend_group *g = b->n_groups ? &b->group[b->n_groups - 1] : NULL;
        if (!g || g->service != b->row[i].service) {
            g = &b->group[b->n_groups++];
            *g = (struct backend_group){.service = b->row[i].service, .from = i};
        }
        g->n++;
    }
    for (uint32_t i = 0; i < b->n_groups; i++) {
        struct backend_group *g = &b->group[i];
        if (g->n == 1) /* there is nobody to pass them on to */
            b->row[g->from].unsure = false;
        judge_balance(b, g);
    }
    qsort(b->group, b->n_groups, sizeof *b->group, by_requests);
}

void backends_end(struct backends *b)
{
    for (uint32_t i = 0; i < b->n_conns; i++)
        b->row[b->conn[i].row].used_once += b->conn[i].n == 1;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        struct backend *r = &b->row[i];
        r->relay |= r->host && map_find(&b->asking, hash_of(5, r->service, r->host)) != MAP_NONE;
        r->unsure = !r->relay && r->network && map_find(&b->asking, hash_of(6, r->service, r->network)) != MAP_NONE;
    }
    qsort(b->cell, b->n_cells, sizeof *b->cell, by_endpoint);
    for (uint32_t i = 0, n; i < b->n_cells; i += n) {
        for (n = 1; i + n < b->n_cells && b->cell[i + n].endpoint == b->cell[i].endpoint;)
            n++;
        compare(b, &b->cell[i], n);
    }
    for (uint32_t i = 0; i < b->n_rows; i++)
        judge(&b->row[i].beside);
    free_working(b); /* rows move now: what names them by place is gone */
    make_groups(b);
}

const struct backend *backends_list(const struct backends *b, uint32_t *n)
{
    *n = b->n_rows;
    return b->row;
}

const struct backend_group *backends_groups(const struct backends *b, uint32_t *n)
{
    *n = b->n_groups;
    return b->group;
}

void backends_time(const struct backends *b, const struct backend *of, struct hist_dense *out)
{
    *out = (struct hist_dense){0};
    hist_dense_add(out, &of->server_time, &b->pool);
}

uint64_t backends_untracked(const struct backends *b)
{
    return b->untracked;
}
