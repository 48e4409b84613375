#include "analysis/loads.h"

#include <math.h>
#include <stdlib.h>

#include "base/floor.h"
#include "base/table.h"
#include "capture/exchange.h"

enum { PAGES = 1 << 16, IDS_MOST = 1 << 20 };
#define FAILING .2
#define MIX_OFF .5
#define MIX_SIGMAS 3.

struct reading {
    struct loads *l;
    struct map pairs, mixes;
    uint32_t *of_service, *of_server; /* places of their loads, + 1 */
    size_t n_of_service, n_of_server;
    struct underway *underway;
    struct underway_group *group; /* by place of the load */
    struct queueing *queueing;
    struct hist_pool pool;
    int64_t last_us, least_us, most_us;
};

/* ---- one record ---- */

struct call {
    const struct row_exchange *x;
    int64_t start_us, first_us, end_us; /* as of analysis/behaviour.c: the request is whole; its first byte; the end */
    uint32_t endpoint;
    bool ended, failed, tunnel;
};

static bool is_failed(const struct row_exchange *x)
{
    bool unanswered = !x->status && !(x->flags & FLAG_UNKNOWN_FIELDS);
    return x->status >= 500 || x->status == 429 || unanswered || x->end == END_SERVER_ABORT || (x->flags & FLAG_FAILED);
}

/* False: it is nobody's load. */
static bool call_of(struct reading *g, const struct row_exchange *x, struct call *c)
{
    uint32_t endpoint = named_resolve(&g->l->names, x->endpoint);
    int64_t request = x->request_us > 0 ? row_sane_us(x->request_us) : 0;
    if ((x->flags & ROW_ORPHAN) || !endpoint)
        return false;
    *c = (struct call){.x = x, .start_us = row_sane_us(x->arrival_us), .endpoint = endpoint};
    c->first_us = c->start_us - request;
    c->ended = x->duration_us >= 0 && x->end == END_COMPLETE;
    c->end_us = c->ended ? c->first_us + row_sane_us(x->duration_us) : c->start_us;
    c->start_us = c->start_us < g->last_us ? g->last_us : c->start_us;
    c->end_us = c->end_us < c->start_us ? c->start_us : c->end_us;
    c->failed = is_failed(x);
    c->tunnel = x->status == 101 || slice_eq(named_method(&g->l->names, endpoint), SLICE("CONNECT"));
    g->last_us = c->start_us;
    return true;
}

static bool is_inside(const struct loads *l, int64_t us)
{
    return us >= l->from_us && us < l->to_us;
}

/* ---- who there is ---- */

static uint32_t add_load(struct loads *l, uint64_t hash, enum load_scope scope, uint32_t service, uint32_t server)
{
    if (l->n == LOADS_MOST)
        return MAP_NONE;
    l->load[l->n] = (struct load){.hash = hash, .scope = scope, .service = service, .server = server};
    return l->n++;
}

/* The place of a pair, made while there are fewer than `most` loads. */
static uint32_t place_of(struct reading *g, uint32_t service, uint32_t server, uint32_t most)
{
    uint64_t hash = hash_mix((uint64_t)service << 32 | server);
    uint32_t at = map_find(&g->pairs, hash);
    if (at != MAP_NONE || g->l->n >= most)
        return at;
    at = add_load(g->l, hash, LOAD_PAIR, service, server);
    if (at == MAP_NONE || map_insert(&g->pairs, hash, at))
        return at;
    g->l->n--;
    return MAP_NONE;
}

/* Names of services are anybody's: those beyond the first half of the room count as one service of their server, and
 * the last quarter is for what pairs make together. */
static uint32_t pair_of(struct reading *g, const struct call *c, bool make)
{
    uint32_t service = named_service_of(&g->l->names, 0, c->endpoint);
    uint32_t at = place_of(g, service, c->x->server, make ? LOADS_MOST / 2 : 0);
    return at != MAP_NONE ? at : place_of(g, 0, c->x->server, make ? LOADS_MOST / 4 * 3 : 0);
}

static void add_mix(struct reading *g, uint32_t load, uint32_t endpoint, uint64_t n, uint64_t busy_us)
{
    struct loads *l = g->l;
    uint64_t hash = hash_mix((uint64_t)load << 32 | endpoint);
    uint32_t at = map_find(&g->mixes, hash);
    if (at == MAP_NONE) {
        if (l->n_mix == LOADS_MIX || !map_insert(&g->mixes, hash, l->n_mix)) {
            l->untracked += n;
            return;
        }
        at = l->n_mix++;
        l->mix[at] = (struct load_mix){.hash = hash, .load = load, .endpoint = endpoint};
    }
    l->mix[at].n += n;
    l->mix[at].busy_us += busy_us;
}

static void meet(void *context, const struct row_exchange *x)
{
    struct reading *g = context;
    struct call c;
    g->l->records++;
    if (!call_of(g, x, &c))
        return;
    g->least_us = c.first_us < g->least_us ? c.first_us : g->least_us;
    g->most_us = c.end_us > g->most_us ? c.end_us : g->most_us;
    uint32_t at = pair_of(g, &c, true);
    if (at == MAP_NONE) {
        g->l->untracked++;
        return;
    }
    struct load *load = &g->l->load[at];
    if (!is_inside(g->l, c.start_us))
        return;
    load->exchanges++;
    load->tunnels += c.tunnel;
    load->untimed += !c.tunnel && x->status && x->end == END_COMPLETE && x->duration_us < 0;
    if (c.tunnel || !c.ended)
        return;
    load->answered++;
    add_mix(g, at, c.endpoint, 1, (uint64_t)(c.end_us - c.start_us));
}

/* ---- what is made of pairs ---- */

/* The load of all pairs with this id, made when a second one comes. */
static void join(struct reading *g, uint32_t **list, size_t *n, uint32_t id, uint32_t pair, enum load_scope scope)
{
    struct loads *l = g->l;
    if (!id || id >= IDS_MOST || !dense_grow((void **)list, n, id, sizeof **list))
        return;
    uint32_t first = (*list)[id];
    if (!first) {
        (*list)[id] = pair + 1;
        return;
    }
    if (l->load[first - 1].scope != LOAD_PAIR)
        return;
    uint32_t at = add_load(l, 0, scope, scope == LOAD_SERVICE ? id : 0, scope == LOAD_SERVER ? id : 0);
    if (at != MAP_NONE)
        (*list)[id] = at + 1;
}

/* The load of all pairs that this one is part of, + 1; 0: it is alone. */
static uint32_t joined(const struct reading *g, const uint32_t *list, size_t n, uint32_t id)
{
    uint32_t at = id < n ? list[id] : 0;
    return at && g->l->load[at - 1].scope != LOAD_PAIR ? at : 0;
}

static void add_up(struct loads *l, uint32_t into, const struct load *pair)
{
    if (!into)
        return;
    l->load[into - 1].exchanges += pair->exchanges;
    l->load[into - 1].tunnels += pair->tunnels;
    l->load[into - 1].untimed += pair->untimed;
    l->load[into - 1].answered += pair->answered;
}

static int by_load(const void *x, const void *y)
{
    const struct load_mix *a = x, *b = y;
    if (a->load != b->load)
        return a->load < b->load ? -1 : 1;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
}

static void make_joint(struct reading *g)
{
    struct loads *l = g->l;
    uint32_t pairs = l->n, mixes = l->n_mix;
    for (uint32_t i = 0; i < pairs; i++) {
        join(g, &g->of_service, &g->n_of_service, l->load[i].service, i, LOAD_SERVICE);
        join(g, &g->of_server, &g->n_of_server, l->load[i].server, i, LOAD_SERVER);
    }
    for (uint32_t i = 0; i < pairs; i++) {
        add_up(l, joined(g, g->of_service, g->n_of_service, l->load[i].service), &l->load[i]);
        add_up(l, joined(g, g->of_server, g->n_of_server, l->load[i].server), &l->load[i]);
    }
    for (uint32_t i = 0; i < mixes; i++) {
        const struct load_mix m = l->mix[i];
        const struct load *pair = &l->load[m.load];
        uint32_t service = joined(g, g->of_service, g->n_of_service, pair->service);
        uint32_t server = joined(g, g->of_server, g->n_of_server, pair->server);
        if (service)
            add_mix(g, service - 1, m.endpoint, m.n, m.busy_us);
        if (server)
            add_mix(g, server - 1, m.endpoint, m.n, m.busy_us);
    }
}

/* The most asked endpoints of each pair are loads of their own, for when the mix of all is not steady. */
static void make_parts(struct loads *l)
{
    qsort(l->mix, l->n_mix, sizeof *l->mix, by_load);
    for (uint32_t i = 0; i < l->n_mix; i++) {
        struct load *load = &l->load[l->mix[i].load];
        load->mix_at = load->mix_n ? load->mix_at : i;
        load->mix_n++;
    }
    for (uint32_t i = 0, n = l->n; i < n; i++)
        for (uint32_t k = 0; k < UNDERWAY_KINDS && k < l->load[i].mix_n; k++) {
            const struct load_mix *m = &l->mix[l->load[i].mix_at + k];
            uint32_t at = l->load[i].scope == LOAD_PAIR && l->load[i].mix_n > 1
                              ? add_load(l, 0, LOAD_ENDPOINT, l->load[i].service, l->load[i].server)
                              : MAP_NONE;
            if (at == MAP_NONE)
                continue;
            l->load[i].part[k] = at + 1;
            l->load[at].whole = i + 1;
            l->load[at].endpoint = m->endpoint;
            l->load[at].exchanges = l->load[at].answered = m->n;
        }
}

/* ---- seconds ---- */

/* The share of each of the most asked endpoints is within half of its mean, or off by no more than chance. */
static bool is_steady(const struct loads *l, const struct load *x, const struct underway_second *s)
{
    for (uint32_t i = 0; i < UNDERWAY_KINDS && i < x->mix_n; i++) {
        double mean = (double)l->mix[x->mix_at + i].n / (double)x->answered, share = (double)s->kind[i] / s->done;
        double chance = MIX_SIGMAS * sqrt(mean * (1 - mean) / s->done);
        if (fabs(share - mean) > fmax(MIX_OFF * mean, chance))
            return false;
    }
    return true;
}

static void follow_trend(struct load *x, const struct underway_second *s)
{
    if (x->scope == LOAD_ENDPOINT || !s->timed || s->damaged)
        return;
    if (!x->trend)
        x->trend = calloc(1, sizeof *x->trend);
    if (x->trend)
        trend_add(x->trend, (double)s->area_us, (double)s->server_us / s->timed);
}

static void ended(void *context, uint32_t place, int64_t second, int64_t server_us)
{
    struct reading *g = context;
    if (g->l->load[place].scope != LOAD_ENDPOINT)
        queueing_answer(g->queueing, place, second, (uint64_t)server_us);
}

static void second(void *context, uint32_t place, const struct underway_second *s)
{
    struct reading *g = context;
    struct load *x = &g->l->load[place];
    uint64_t block = x->passed * USL_BLOCKS / (x->answered ? x->answered : 1);
    x->passed += s->done;
    x->seconds.all++;
    x->most = s->done > x->most ? s->done : x->most;
    hist_add(&x->rate, &g->pool, s->done);
    hist_add(&x->depth, &g->pool, s->area_us);
    follow_trend(x, s);
    if (x->scope != LOAD_ENDPOINT && s->timed && !s->damaged)
        queueing_second(g->queueing, place, s->second, s->area_us);
    if (s->done < LOADS_FEW || !s->area_us) {
        x->seconds.few++;
    } else if (s->damaged) {
        x->seconds.damaged++;
    } else if ((double)s->failed + s->lost >= FAILING * ((double)s->done + s->lost)) {
        x->seconds.failing++;
    } else if (x->scope != LOAD_ENDPOINT && !is_steady(g->l, x, s)) {
        x->seconds.mixed++;
    } else {
        x->seconds.usable++;
        hist_add(&x->usable, &g->pool, s->area_us);
        usl_add(&x->usl, block < USL_BLOCKS ? (unsigned)block : USL_BLOCKS - 1, (double)s->area_us / 1e6, s->done);
    }
}

static uint8_t kind_of(const struct loads *l, uint32_t place, uint32_t endpoint)
{
    const struct load *x = &l->load[place];
    for (uint32_t i = 0; i < UNDERWAY_KINDS && i < x->mix_n; i++)
        if (l->mix[x->mix_at + i].endpoint == endpoint)
            return (uint8_t)(i + 1);
    return 0;
}

static void follow(void *context, const struct row_exchange *x)
{
    struct reading *g = context;
    struct call c;
    uint32_t at = call_of(g, x, &c) && !c.tunnel ? pair_of(g, &c, false) : MAP_NONE;
    if (at == MAP_NONE)
        return;
    const struct load *pair = &g->l->load[at];
    struct underway_call call = {.start_us = c.start_us, .end_us = c.end_us, .failed = c.failed};
    call.server_us = x->server_us;
    call.group[0] = at + 1;
    call.group[1] = joined(g, g->of_service, g->n_of_service, pair->service);
    call.group[2] = joined(g, g->of_server, g->n_of_server, pair->server);
    for (int i = 0; i < 3; i++)
        call.kind[i] = call.group[i] ? kind_of(g->l, call.group[i] - 1, c.endpoint) : 0;
    call.group[3] = call.kind[0] ? pair->part[call.kind[0] - 1] : 0;
    if (c.ended)
        underway_add(g->underway, &call);
    else
        underway_lost(g->underway, &call, x->end == END_GAP);
}

/* ---- all ---- */

static double quantile(const struct hist *h, const struct hist_pool *pool, double q)
{
    struct hist_dense d = {0};
    if (!h->n || h->lost)
        return NAN;
    hist_dense_add(&d, h, pool);
    return hist_quantile(&d, q);
}

static void conclude(struct reading *g)
{
    struct loads *l = g->l;
    l->untracked += underway_untracked(g->underway);
    queueing_end(g->queueing);
    for (uint32_t i = 0; i < l->n; i++) {
        struct load *x = &l->load[i];
        x->area_us = g->group[i].area_us;
        x->peak = g->group[i].peak;
        x->throughput_p95 = quantile(&x->rate, &g->pool, .95);
        x->concurrency_p95 = quantile(&x->depth, &g->pool, .95) / 1e6;
        x->usable_low = quantile(&x->usable, &g->pool, .05) / 1e6;
        x->usable_high = quantile(&x->usable, &g->pool, .95) / 1e6;
        x->slows = x->trend ? trend_spearman(x->trend) : NAN;
        free(x->trend);
        x->trend = NULL;
        x->queueing = queueing_of(g->queueing, i);
        x->fit = usl_fit(&x->usl, x->usable_low, x->usable_high);
    }
}

static bool keep_server(void *context, const struct row_address *a)
{
    struct loads *l = context;
    if (a->id < l->n_servers && l->server_at[a->id]) {
        l->server_at[a->id] = (uint32_t)l->servers.n + 1;
        buf_slice(&l->servers, a->text);
        buf_char(&l->servers, 0);
    }
    return !l->servers.failed && l->servers.n < UINT32_MAX;
}

static void name(struct loads *l, struct store_reader *r)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->load[i].server < IDS_MOST &&
            dense_grow((void **)&l->server_at, &l->n_servers, l->load[i].server, sizeof *l->server_at))
            l->server_at[l->load[i].server] = UINT32_MAX;
    store_read_addresses(r, keep_server, l);
    for (uint32_t i = 0; i < l->n && !l->servers.failed; i++) {
        struct load *x = &l->load[i];
        uint32_t at = x->server && x->server < l->n_servers ? l->server_at[x->server] : UINT32_MAX;
        if (x->service)
            x->service_name = named_service_name(&l->names, x->service);
        if (at != UINT32_MAX)
            x->server_name = slice_str(l->servers.p + at - 1);
    }
}

static int compare(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_importance(const void *x, const void *y)
{
    const struct load *a = *(struct load *const *)x, *b = *(struct load *const *)y;
    if (a->scope != b->scope)
        return a->scope < b->scope ? -1 : 1;
    if (a->exchanges != b->exchanges)
        return a->exchanges > b->exchanges ? -1 : 1;
    int order = compare(a->service_name, b->service_name);
    order = order ? order : compare(a->server_name, b->server_name);
    return order ? order : (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
}

static bool prepare(struct reading *g, struct store_reader *r)
{
    struct loads *l = g->l;
    struct hist_page *pages = table_new(PAGES, sizeof *pages);
    if (pages)
        hist_pool_init(&g->pool, pages, PAGES);
    l->load = table_new(LOADS_MOST, sizeof *l->load);
    l->order = table_new(LOADS_MOST, sizeof *l->order);
    l->mix = table_new(LOADS_MIX, sizeof *l->mix);
    g->group = table_new(LOADS_MOST, sizeof *g->group);
    return pages && l->load && l->order && l->mix && g->group && named_load(&l->names, r, false) &&
           map_init(&g->pairs, l->load, sizeof *l->load, LOADS_MOST) &&
           map_init(&g->mixes, l->mix, sizeof *l->mix, LOADS_MIX);
}

/* The window, or all there is; then what the records cover of it. */
static bool read_twice(struct reading *g, struct store_reader *r)
{
    struct loads *l = g->l;
    struct store_span window;
    bool windowed = store_read_window_is(r, &window);
    l->from_us = windowed ? window.from_s * 1000000 : -ROW_SANE_US;
    l->to_us = windowed ? window.to_s * 1000000 : ROW_SANE_US;
    if (!store_read_exchanges(r, meet, g))
        return false;
    l->from_us = g->least_us > l->from_us ? g->least_us : l->from_us;
    l->to_us = g->most_us < l->to_us ? g->most_us : l->to_us;
    make_joint(g);
    make_parts(l);
    g->last_us = INT64_MIN;
    g->underway = underway_new(l->from_us, l->to_us, g->group, second, g);
    g->queueing = queueing_new(l->n);
    if (g->underway)
        underway_tell(g->underway, ended);
    if (!g->underway || !g->queueing || !store_read_exchanges(r, follow, g))
        return false;
    underway_end(g->underway, l->n);
    conclude(g);
    return true;
}

void loads_read(struct loads *l, struct store_reader *r)
{
    struct reading g = {.l = l, .last_us = INT64_MIN, .least_us = INT64_MAX, .most_us = INT64_MIN};
    *l = (struct loads){0};
    l->any = store_read_exchange_count(r) > 0;
    if (!l->any)
        return;
    l->failed = !prepare(&g, r) || !read_twice(&g, r);
    if (!l->failed)
        name(l, r);
    for (uint32_t i = 0; !l->failed && i < l->n; i++)
        l->order[i] = &l->load[i];
    if (!l->failed && l->n)
        qsort(l->order, l->n, sizeof *l->order, by_importance);
    l->failed |= l->servers.failed;
    map_free(&g.pairs);
    map_free(&g.mixes);
    free(g.of_service);
    free(g.of_server);
    table_free(g.group);
    table_free(g.pool.page);
    underway_free(g.underway);
    queueing_free(g.queueing);
}

void loads_free(struct loads *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        free(l->load[i].trend);
    table_free(l->load);
    table_free(l->order);
    table_free(l->mix);
    free(l->server_at);
    buf_free(&l->servers);
    named_free(&l->names);
    *l = (struct loads){0};
}

double loads_seconds(const struct loads *l)
{
    return l->any && !l->failed && l->to_us > l->from_us ? (double)(l->to_us - l->from_us) / 1e6 : NAN;
}

double loads_concurrency(const struct loads *l, const struct load *x)
{
    return (double)x->area_us / 1e6 / loads_seconds(l);
}
