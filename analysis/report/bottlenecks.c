#include "analysis/report/bottlenecks.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/report/gathering.h"
#include "analysis/report/pauses.h"
#include "analysis/report/servers.h"
#include "base/human.h"
#include "base/json.h"

/* Half of all endpoints take longer than the median: slow is what takes a multiple of it, and a share of all time. */
#define SLOW_TIMES 2
#define SLOW_SHARE 0.001
/* Every endpoint has a slowest twentieth: what takes this share of all time is worth a line. */
#define TAIL_SHARE 0.01

enum { NAMED_STEPS = 2, FEW_PEERS = 3, FEW_TIMES = 20, FEW_EVENTS = 3, LEAST = 2 };

/* What of an endpoint is needed when all have been met. */
struct met {
    uint32_t id;
    unsigned decade;
    bool sized;
    double mean_s, median_s, least_s; /* server time */
    double tail_s, p95_s;             /* what requests beyond the 95 % quantile took more than that */
    uint64_t tail_n;
    uint64_t server_n;
    size_t name_at, name_n;
};

struct gathering {
    struct bottleneck_list *list;
    const struct facts *facts;
    const struct behaviour *behaviour;
    double hours_s, coverage; /* of the rows */
    double records_s;         /* that the exchange records cover */
    double server_s;          /* of all endpoints */
    struct met *met;
    size_t n, cap;
    struct buf names;
    struct server_names servers;
};

const char *bottleneck_name(enum bottleneck_kind k)
{
    static const char *const names[] = {"cache",    "coalesce",    "n_plus_one",  "errors",     "retries",
                                        "slow",     "tail",        "revalidate",  "saturation", "session",
                                        "affinity", "unsafe_get",  "retry_storm", "polling",    "stampede",
                                        "flood",    "slow_server", "bad_server",  "chatty",     "connections"};
    return names[k];
}

static struct bottleneck *grow(struct bottleneck_list *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 32;
        struct bottleneck *more = realloc(l->item, cap * sizeof *more);
        if (!more) {
            l->failed = true;
            return NULL;
        }
        l->item = more;
        l->cap = cap;
    }
    l->item[l->n] = (struct bottleneck){0};
    return &l->item[l->n++];
}

/* NULL: it is nothing, or no memory. `seconds` in `of_s`. */
static struct bottleneck *add(struct gathering *g, enum bottleneck_kind kind, enum ranking_effort effort,
                              double seconds, double of_s, uint64_t n)
{
    double per_hour = ranking_per_hour(seconds, of_s);
    if (n < LEAST || !(per_hour > 0))
        return NULL;
    struct bottleneck *b = grow(g->list);
    if (!b)
        return NULL;
    b->kind = kind;
    b->effort = effort;
    b->seconds_per_hour = per_hour;
    b->n = n;
    b->confidence = ranking_confidence(n, g->coverage);
    b->score = ranking_score(per_hour, b->confidence, effort);
    return b;
}

static struct slice name_of(const struct gathering *g, const struct met *m)
{
    return slice_of(g->names.p + m->name_at, m->name_n);
}

static void say_count(struct buf *evidence, const char *name, uint64_t n)
{
    struct json j = {evidence, evidence->n > 0};
    json_key_u64(&j, name, n);
}

static void say_number(struct buf *evidence, const char *name, double v)
{
    struct json j = {evidence, evidence->n > 0};
    json_key_double(&j, name, v);
}

/* ---- of one endpoint ---- */

static void of_this(struct bottleneck *b, const struct row_endpoint *e)
{
    b->endpoint = e->id;
    facts_name(&b->target, e);
}

static void find_errors(struct gathering *g, const struct row_endpoint *e, const struct behaviour_endpoint *seen)
{
    double spent = (double)seen->failed_us / 1e6;
    struct bottleneck *b = add(g, BOTTLENECK_ERRORS, EFFORT_CODE, spent, g->records_s, seen->failed);
    if (!b)
        return;
    of_this(b, e);
    buf_printf(&b->why, "%s of %s requests failed after %s on average", human_count(seen->failed).text,
               human_count(seen->requests).text, human_seconds(spent / (double)seen->failed).text);
    buf_str(&b->action, "mend what fails, or refuse it sooner");
    say_count(&b->evidence, "failed", seen->failed);
    say_count(&b->evidence, "requests", seen->requests);
    say_number(&b->evidence, "server_s", spent);
    for (int i = 0; i < ERROR_CLASSES; i++)
        if (seen->class[i])
            say_count(&b->evidence, error_class_names[i], seen->class[i]);
}

/* Only where answers may be shared: what is one client's own cannot be given to two. */
static void find_alike(struct gathering *g, const struct row_endpoint *e, const struct behaviour_endpoint *seen)
{
    struct sharing_result sharing = {.verdict = SHARING_UNDECIDED};
    if (!g->facts->windowed && seen->coalescable)
        sharing = advice_of(e, g->facts).sharing;
    bool shared = sharing.verdict == SHARING_SHARED && !sharing.unnamed;
    uint64_t rest = seen->coalescable - seen->expiry.coalescable; /* without the stampedes */
    double spent = (double)(seen->coalescable_us - seen->expiry.server_us) / 1e6;
    struct bottleneck *b = !shared ? NULL : add(g, BOTTLENECK_COALESCE, EFFORT_CONFIG, spent, g->records_s, rest);
    if (!b)
        return;
    of_this(b, e);
    buf_printf(&b->why, "%s of %s requests asked for what was under way already, %s of one at once",
               human_count(rest).text, human_count(seen->requests).text, human_count(seen->most_alike).text);
    buf_str(&b->action, "collapse equal requests in front of it (proxy_cache_lock, request coalescing)");
    say_count(&b->evidence, "coalescable", rest);
    say_count(&b->evidence, "max_fanin", seen->most_alike);
    say_number(&b->evidence, "server_s", spent);
    say_count(&b->evidence, "bytes", seen->coalescable_bytes);
}

static void find_vain(struct gathering *g, const struct row_endpoint *e, const struct behaviour_endpoint *seen)
{
    uint64_t vain = e->declared[DECLARED_wasted_full], bytes = e->declared[DECLARED_wasted_full_bytes];
    double rate = (double)seen->transfer_bytes / ((double)seen->transfer_us / 1e6);
    struct bottleneck *b = !isfinite(rate) || !(rate > 0)
                               ? NULL
                               : add(g, BOTTLENECK_REVALIDATE, EFFORT_CONFIG, (double)bytes / rate, g->hours_s, vain);
    if (!b)
        return;
    of_this(b, e);
    buf_printf(&b->why, "%s answers of %s in all were sent whole to clients that named them in If-None-Match",
               human_count(vain).text, human_bytes(bytes).text);
    buf_str(&b->action, "answer 304 when If-None-Match names the content");
    say_count(&b->evidence, "answers", vain);
    say_count(&b->evidence, "bytes", bytes);
    say_number(&b->evidence, "bytes_per_s", rate);
}

static struct met *meet(struct gathering *g, const struct row_endpoint *e)
{
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        struct met *more = realloc(g->met, cap * sizeof *more);
        if (!more)
            return NULL;
        g->met = more;
        g->cap = cap;
    }
    struct met *m = &g->met[g->n++];
    *m = (struct met){.id = e->id, .name_at = g->names.n};
    facts_name(&g->names, e);
    m->name_n = g->names.n - m->name_at;
    return m;
}

static bool of_endpoint(void *context, const struct row_endpoint *e)
{
    struct gathering *g = context;
    const struct behaviour_endpoint *seen = behaviour_endpoint(g->behaviour, e->id);
    struct hist_dense server;
    struct met *m = meet(g, e);
    if (!m) {
        g->list->failed = true;
        return false;
    }
    bool timed = hist_read(e->server_time, &server) && server.n;
    m->server_n = timed ? server.n : 0;
    m->mean_s = timed ? (double)server.sum / 1e6 / (double)server.n : NAN;
    m->median_s = hist_quantile(&server, .5) / 1e6;
    m->least_s = timed ? (double)server.min / 1e6 : NAN;
    g->server_s += timed ? (double)server.sum / 1e6 : 0;
    m->decade = ranking_decade((double)e->response_bytes / (double)(e->requests ? e->requests : 1));
    m->sized = !e->declared[DECLARED_unsized_response];
    m->tail_s = timed ? ranking_tail(&server, &m->tail_n) : 0;
    m->p95_s = hist_quantile(&server, .95) / 1e6;
    if (seen) {
        find_errors(g, e, seen);
        find_alike(g, e, seen);
        find_vain(g, e, seen);
        pressing_endpoint(g, e->id, seen);
    }
    return true;
}

/* ---- beside others ---- */

/* Median of the means of all endpoints with answers of that size; NaN: too few. */
static double usual_s(const struct gathering *g, unsigned decade, double *room)
{
    unsigned n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (g->met[i].server_n && g->met[i].decade == decade)
            room[n++] = g->met[i].mean_s;
    return n < FEW_PEERS ? NAN : ranking_median(room, n);
}

static void find_slow(struct gathering *g, const struct met *m, double usual)
{
    double excess = m->mean_s - usual;
    bool slow = m->mean_s >= SLOW_TIMES * usual && excess * (double)m->server_n >= SLOW_SHARE * g->server_s;
    struct bottleneck *b =
        !slow ? NULL : add(g, BOTTLENECK_SLOW, EFFORT_CODE, excess * (double)m->server_n, g->hours_s, m->server_n);
    if (!b)
        return;
    b->endpoint = m->id;
    buf_slice(&b->target, name_of(g, m));
    buf_printf(&b->why, "%s of server time on average in %s requests; endpoints %s take %s",
               human_seconds(m->mean_s).text, human_count(m->server_n).text,
               m->sized ? "with answers of that size" : "that no size is known of", human_seconds(usual).text);
    buf_str(&b->action, "profile it: it costs more than its answers explain");
    say_count(&b->evidence, "requests", m->server_n);
    say_number(&b->evidence, "mean_s", m->mean_s);
    say_number(&b->evidence, "usual_s", usual);
}

static void find_tail(struct gathering *g, const struct met *m)
{
    bool worth = m->server_n >= FEW_TIMES && m->tail_s >= TAIL_SHARE * g->server_s;
    struct bottleneck *b = worth ? add(g, BOTTLENECK_TAIL, EFFORT_CODE, m->tail_s, g->hours_s, m->tail_n) : NULL;
    if (!b)
        return;
    double mean = m->tail_s / (double)m->tail_n;
    b->endpoint = m->id;
    buf_slice(&b->target, name_of(g, m));
    buf_printf(&b->why, "%s of %s requests took longer than %s, %s more on average", human_count(m->tail_n).text,
               human_count(m->server_n).text, human_seconds(m->p95_s).text, human_seconds(mean).text);
    buf_str(&b->action, "find what the slowest requests wait for: locks, cold caches, large results");
    say_count(&b->evidence, "requests", m->tail_n);
    say_number(&b->evidence, "p95_s", m->p95_s);
    say_number(&b->evidence, "mean_beyond_s", mean);
}

static void compare(struct gathering *g)
{
    double *room = calloc(g->n + 1, sizeof *room), usual[24];
    g->list->failed |= !room;
    for (unsigned d = 0; room && d < 24; d++)
        usual[d] = usual_s(g, d, room);
    for (size_t i = 0; room && i < g->n; i++)
        if (g->met[i].server_n && g->met[i].decade < 24)
            find_slow(g, &g->met[i], usual[g->met[i].decade]);
    for (size_t i = 0; i < g->n; i++)
        find_tail(g, &g->met[i]);
    free(room);
}

static const struct met *met_of(const struct gathering *g, uint32_t id)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->met[i].id == id)
            return &g->met[i];
    return NULL;
}

static void find_runs(struct gathering *g, const struct behaviour_runs *r)
{
    const struct met *child = met_of(g, r->child), *trigger = met_of(g, r->trigger);
    uint64_t trips = r->calls - r->events;
    if (!child || !trigger || r->events < FEW_EVENTS || isnan(child->median_s))
        return;
    double spent = (double)r->rtt_us / 1e6 + (double)trips * child->median_s;
    struct bottleneck *b = add(g, BOTTLENECK_RUNS, EFFORT_CODE, spent, g->records_s, r->events);
    if (!b)
        return;
    struct slice after = name_of(g, trigger);
    b->endpoint = child->id;
    buf_slice(&b->target, name_of(g, child));
    buf_printf(&b->why, "%s times %.1f requests on end %s %.*s, %s of them one by one", human_count(r->events).text,
               (double)r->calls / (double)r->events, r->within ? "to answer" : "after", (int)after.n, after.p,
               human_percent((double)r->sequential / (double)trips).text);
    buf_str(&b->action, "let one request ask for many (batch, embed in the first answer), or send them side by side");
    struct json j = {&b->evidence, false};
    json_key_text(&j, "trigger", after);
    say_count(&b->evidence, "events", r->events);
    say_number(&b->evidence, "length_mean", (double)r->calls / (double)r->events);
    say_number(&b->evidence, "sequential_share", (double)r->sequential / (double)trips);
    say_count(&b->evidence, "round_trips", trips);
    say_number(&b->evidence, "rtt_s", (double)r->rtt_us / 1e6 / (double)trips);
    say_number(&b->evidence, "server_median_s", child->median_s);
}

/* Round trips between the steps, and as ALGORITHMS.md 8.8 has it the server time of all but the first. */
static void find_chain(struct gathering *g, const struct chatty_chain *k)
{
    double server = 0, n = (double)k->actions;
    struct buf after = {0};
    for (uint32_t i = 1; i < k->n; i++) {
        const struct met *m = met_of(g, k->endpoint[i]);
        server += m && !isnan(m->median_s) ? m->median_s : 0;
        buf_str(&after, i == 1 ? "" : i <= NAMED_STEPS ? ", " : i == NAMED_STEPS + 1 ? ", …" : "");
        if (i <= NAMED_STEPS)
            buf_slice(&after, m ? name_of(g, m) : SLICE("?"));
    }
    const struct met *first = met_of(g, k->endpoint[0]);
    struct bottleneck *b =
        !first ? NULL
               : add(g, BOTTLENECK_CHATTY, EFFORT_CODE, (double)k->rtt_us / 1e6 + n * server, g->records_s, k->actions);
    if (b) {
        b->endpoint = first->id;
        buf_slice(&b->target, name_of(g, first));
        buf_printf(&b->why, "%s times it was followed by %u more, each after the answer before, in %s: %.*s",
                   human_count(k->actions).text, k->n - 1, human_seconds((double)k->us / n / 1e6).text, (int)after.n,
                   after.p);
        buf_str(&b->action,
                "let one request answer what they ask for (batch, embed), or send side by side what does not "
                "depend on the answer before");
        say_count(&b->evidence, "actions", k->actions);
        say_count(&b->evidence, "round_trips", k->n - 1);
        say_number(&b->evidence, "rtt_s", (double)k->rtt_us / 1e6 / n / (k->n - 1));
        say_number(&b->evidence, "server_s", server);
        say_number(&b->evidence, "expected_by_chance", k->expected);
    }
    buf_free(&after);
}

static void find_chains(struct gathering *g)
{
    uint32_t n = 0;
    bool known = g->behaviour->any && !g->behaviour->failed;
    const struct chatty_chain *k = known ? chatty_chains(g->behaviour->chatty, &n) : NULL;
    for (uint32_t i = 0; i < n; i++)
        find_chain(g, &k[i]);
}

static void say_backoff(const struct backoff *k, struct buf *out)
{
    if (backoff_name(k->kind))
        buf_printf(out, "; its waits are %s%s", backoff_name(k->kind), k->jitter ? " with jitter" : "");
}

static bool of_client(void *context, const struct row_client *c)
{
    struct gathering *g = context;
    const struct behaviour_client *seen = behaviour_client(g->behaviour, c->id);
    if (!seen)
        return true;
    pressing_client(g, c, g->behaviour, seen);
    double spent = (double)seen->retries_us / 1e6;
    struct bottleneck *b = add(g, BOTTLENECK_RETRIES, EFFORT_CODE, spent, g->records_s, seen->retries);
    if (!b)
        return true;
    struct backoff k = behaviour_backoff(seen);
    b->client = c->id;
    buf_slice(&b->target, c->client);
    buf_printf(&b->why, "%s of its %s requests repeat one that had failed, up to %u attempts",
               human_count(seen->retries).text, human_count(seen->requests).text, seen->longest);
    say_backoff(&k, &b->why);
    buf_str(&b->action, seen->early ? "let it wait as Retry-After says" : "");
    if (!seen->early)
        buf_str(&b->action, k.kind == BACKOFF_EXPONENTIAL ? "let it give up sooner, or mend what fails"
                                                          : "let it back off exponentially, with jitter");
    say_count(&b->evidence, "retries", seen->retries);
    say_count(&b->evidence, "requests", seen->requests);
    say_count(&b->evidence, "longest_chain", seen->longest);
    say_count(&b->evidence, "retry_after_violations", seen->early);
    say_number(&b->evidence, "server_s", spent);
    return true;
}

/* ---- of one server ---- */

static void name_server(struct gathering *g, const struct backend *s, struct buf *out)
{
    buf_slice(out, named_service_name(&g->behaviour->named, s->service));
    buf_str(out, " at ");
    buf_slice(out, server_name(&g->servers, s->server));
}

static void find_slow_server(struct gathering *g, const struct backend *s)
{
    const struct backend_beside *at = &s->beside;
    struct bottleneck *b =
        !at->slow ? NULL
                  : add(g, BOTTLENECK_SLOW_SERVER, EFFORT_CONFIG, at->time_s - at->expected_s, g->records_s, at->n);
    if (!b)
        return;
    name_server(g, s, &b->target);
    buf_printf(&b->why, "%s of server time on average where its peers take %s for the same requests (%s of them)",
               human_seconds(at->time_s / (double)at->n).text, human_seconds(at->expected_s / (double)at->n).text,
               human_count(at->n).text);
    buf_str(&b->action, "compare this server with its peers (version, load, disk, neighbours), or give it less weight");
    say_count(&b->evidence, "requests", at->n);
    say_number(&b->evidence, "server_s", at->time_s);
    say_number(&b->evidence, "expected_s", at->expected_s);
    say_number(&b->evidence, "z", at->z);
}

/* What the failures beyond those of its peers cost in its own time. */
static void find_bad_server(struct gathering *g, const struct backend *s)
{
    const struct backend_beside *at = &s->beside;
    double more = at->failed - at->expected_failed;
    double each = s->failed ? (double)s->failed_us / 1e6 / (double)s->failed : 0;
    struct bottleneck *b =
        !at->bad ? NULL : add(g, BOTTLENECK_BAD_SERVER, EFFORT_CONFIG, more * each, g->records_s, (uint64_t)more);
    if (!b)
        return;
    name_server(g, s, &b->target);
    buf_printf(&b->why, "%.0f of its requests failed where its peers would have failed %.0f", at->failed,
               at->expected_failed);
    buf_str(&b->action, "take this server out of the balance until it answers as its peers do");
    say_number(&b->evidence, "failed", at->failed);
    say_number(&b->evidence, "expected_failed", at->expected_failed);
    say_number(&b->evidence, "mean_s", each);
    say_number(&b->evidence, "z", at->z_failed);
}

static void find_reopened(struct gathering *g, const struct backend *s)
{
    struct bottleneck *b = s->vague ? NULL
                                    : add(g, BOTTLENECK_CONNECTIONS, EFFORT_CONFIG, (double)s->reopened_us / 1e6,
                                          g->records_s, s->reopened);
    if (!b)
        return;
    name_server(g, s, &b->target);
    buf_printf(&b->why,
               "%s of %s connections were opened within %d s of one that the same address had let go; they carry "
               "%.1f requests each",
               human_count(s->reopened).text, human_count(s->connections).text, BACKENDS_KEEP_S,
               (double)s->requests / (double)s->connections);
    buf_str(&b->action, "keep connections open (keep-alive, upstream keepalive, a pool in the client)");
    say_count(&b->evidence, "reopened", s->reopened);
    say_count(&b->evidence, "connections", s->connections);
    say_count(&b->evidence, "requests", s->requests);
    say_number(&b->evidence, "handshake_s", (double)s->reopened_us / 1e6);
}

static void find_servers(struct gathering *g)
{
    uint32_t n = 0;
    bool known = g->behaviour->any && !g->behaviour->failed;
    const struct backend *s = known ? backends_list(g->behaviour->backends, &n) : NULL;
    for (uint32_t i = 0; i < n; i++) {
        find_slow_server(g, &s[i]);
        find_bad_server(g, &s[i]);
        find_reopened(g, &s[i]);
    }
}

/* ---- of a backend ---- */

/* What all services of a server together show is its limit, rather than what each of them does. */
static bool is_of_a_whole(const struct loads *l, const struct load *x)
{
    bool whole = false;
    for (uint32_t i = 0; x->scope == LOAD_PAIR && i < l->n && !whole; i++)
        whole = l->load[i].scope == LOAD_SERVER && l->load[i].server == x->server && l->load[i].fit.refused == USL_FITS;
    return whole;
}

static void find_saturated(struct gathering *g, const struct loads *l, const struct load *x)
{
    double waited = capacity_waited_s(x), mean = (double)x->area_us / 1e6 / (double)x->answered;
    bool backend = x->scope == LOAD_PAIR || x->scope == LOAD_SERVER;
    struct bottleneck *b = !backend || !(waited > 0) || is_of_a_whole(l, x)
                               ? NULL
                               : add(g, BOTTLENECK_SATURATION, EFFORT_CONFIG, waited, g->records_s, x->answered);
    if (!b)
        return;
    const struct usl_fit *f = &x->fit;
    buf_slice(&b->target, x->service_name);
    buf_str(&b->target, x->service_name.p && x->server_name.p ? " at " : "");
    buf_slice(&b->target, x->server_name);
    buf_printf(&b->why,
               "with %.1f at once on average %s requests took %s; one alone takes %s, and no more than %s/s come out",
               loads_concurrency(l, x), human_count(x->answered).text, human_seconds(mean).text,
               human_seconds(usl_response_s(f, 1)).text, human_count((uint64_t)f->most.value).text);
    if (f->fell)
        buf_printf(&b->action,
                   "let no more than %.0f in at once (limit_conn, maxconn), add servers, or make requests cheaper",
                   f->knee.value);
    else
        buf_str(&b->action, "add workers or servers, or make requests cheaper");
    say_count(&b->evidence, "requests", x->answered);
    say_number(&b->evidence, "waited_s", waited);
    say_number(&b->evidence, "concurrency_mean", loads_concurrency(l, x));
    say_number(&b->evidence, "mean_s", mean);
    say_number(&b->evidence, "alone_s", usl_response_s(f, 1));
    say_number(&b->evidence, "knee", f->knee.value);
    say_number(&b->evidence, "max_throughput", f->most.value);
}

/* ---- the list ---- */

/* What a cache saves is what is advised; the evidence stands there. */
static void find_cacheable(struct gathering *g, const struct advice_list *advice)
{
    for (size_t i = 0; i < advice->n; i++) {
        const struct advised *a = &advice->item[i];
        bool code = a->advice.kind == ADVICE_FIELD || a->advice.kind == ADVICE_PURGE;
        double per_hour = ranking_per_hour((double)a->advice.lifetime.server_us_saved / 1e6, g->hours_s);
        struct bottleneck *b = !(a->seconds > 0) || !(per_hour > 0) ? NULL : grow(g->list);
        if (!b)
            continue;
        b->kind = BOTTLENECK_CACHE;
        b->effort = code ? EFFORT_CODE : a->advice.kind == ADVICE_MICRO ? EFFORT_CONFIG : EFFORT_HEADER;
        b->seconds_per_hour = per_hour;
        b->n = a->advice.lifetime.requests_saved;
        b->endpoint = a->endpoint;
        b->confidence = .95 * (isnan(g->coverage) ? 1 : g->coverage); /* the level of what the advice stands on */
        b->score = ranking_score(per_hour, b->confidence, b->effort);
        buf_slice(&b->target, slice_of(a->target.p, a->target.n));
        buf_slice(&b->why, slice_of(a->why.p, a->why.n));
        buf_slice(&b->action, slice_of(a->action.p, a->action.n));
        say_count(&b->evidence, "requests_saved", a->advice.lifetime.requests_saved);
        say_count(&b->evidence, "ttl_s", a->advice.lifetime.ttl_s);
        say_number(&b->evidence, "hit_ratio", a->advice.lifetime.hit_ratio);
        say_number(&b->evidence, "stale_high", a->advice.lifetime.stale_high);
    }
}

/* ---- for the other files ---- */

struct bottleneck *gathering_add(struct gathering *g, enum bottleneck_kind kind, enum ranking_effort effort,
                                 double seconds, uint64_t n)
{
    return add(g, kind, effort, seconds, g->records_s, n);
}

struct slice gathering_name(const struct gathering *g, uint32_t id)
{
    const struct met *m = met_of(g, id);
    return m ? name_of(g, m) : (struct slice){NULL, 0};
}

void gathering_at(const struct gathering *g, struct bottleneck *b, uint32_t id)
{
    b->endpoint = id;
    buf_slice(&b->target, gathering_name(g, id));
}

void gathering_count(struct bottleneck *b, const char *name, uint64_t n)
{
    say_count(&b->evidence, name, n);
}

void gathering_number(struct bottleneck *b, const char *name, double v)
{
    say_number(&b->evidence, name, v);
}

static int by_score(const void *x, const void *y)
{
    const struct bottleneck *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->seconds_per_hour != b->seconds_per_hour)
        return a->seconds_per_hour > b->seconds_per_hour ? -1 : 1;
    size_t n = a->target.n < b->target.n ? a->target.n : b->target.n;
    int order = n ? memcmp(a->target.p, b->target.p, n) : 0;
    if (order || a->target.n != b->target.n)
        return order ? order : (a->target.n > b->target.n) - (a->target.n < b->target.n);
    return (a->kind > b->kind) - (a->kind < b->kind);
}

void bottleneck_list(struct bottleneck_list *l, struct store_reader *r, const struct facts *f,
                     const struct behaviour *b, const struct ties *t, const struct advice_list *advice,
                     const struct loads *loads)
{
    struct gathering g = {.list = l, .facts = f, .behaviour = b};
    *l = (struct bottleneck_list){0};
    g.records_s = behaviour_seconds(b) - (double)pauses_within(f, b->from_us, b->to_us, NULL) / 1e6;
    g.hours_s = b->any && b->whole && !b->failed ? g.records_s : facts_watched_s(f);
    g.coverage = facts_coverage(f);
    store_read_endpoints(r, of_endpoint, &g);
    compare(&g);
    stateful_find(&g, t);
    for (uint32_t i = 0; b->any && !b->failed && i < b->n_runs; i++)
        find_runs(&g, &b->runs[i]);
    store_read_clients(r, of_client, &g);
    server_names_load(&g.servers, r, b);
    find_servers(&g);
    find_chains(&g);
    find_cacheable(&g, advice);
    for (uint32_t i = 0; loads->any && !loads->failed && i < loads->n; i++)
        find_saturated(&g, loads, &loads->load[i]);
    l->failed |= g.names.failed;
    if (l->n)
        qsort(l->item, l->n, sizeof *l->item, by_score);
    server_names_free(&g.servers);
    free(g.met);
    buf_free(&g.names);
}

void bottleneck_list_free(struct bottleneck_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_free(&l->item[i].target);
        buf_free(&l->item[i].why);
        buf_free(&l->item[i].action);
        buf_free(&l->item[i].evidence);
    }
    free(l->item);
    *l = (struct bottleneck_list){0};
}
