#include "analysis/report/capacities.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/standing.h"
#include "base/dense.h"

/* ---- judgement ---- */

struct relieving {
    struct relief *r;
    const struct advice_list *advice;
};

static bool of_endpoint(void *context, const struct row_endpoint *e)
{
    struct relieving *g = context;
    const struct advised *a = advice_of_endpoint(g->advice, e->id);
    if (!a || !advice_keeps(&a->advice) || !(a->advice.lifetime.hit_ratio > 0) || !e->requests ||
        !dense_grow((void **)&g->r->hits, &g->r->n, e->id, sizeof *g->r->hits))
        return true;
    g->r->hits[e->id] = a->advice.lifetime.hit_ratio * (double)e->eligible / (double)e->requests;
    return true;
}

/* Where packets or whole connections are missing, concurrency and throughput are those of the rest (ALGORITHMS.md 8.7).
 */
static const char *unsure(const struct facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->counter[i].what, "skipped") && f->counter[i].value)
            return "degraded";
    return facts_coverage(f) < STANDING_COVERAGE ? standing_name(STANDING_LOW_COVERAGE) : NULL;
}

void relief_of(struct relief *r, struct store_reader *reader, const struct facts *f, const struct advice_list *advice)
{
    struct relieving g = {r, advice};
    *r = (struct relief){.windowed = f->windowed, .unsure = unsure(f)};
    if (advice->n)
        store_read_endpoints(reader, of_endpoint, &g);
}

void relief_free(struct relief *r)
{
    free(r->hits);
    *r = (struct relief){0};
}

/* Share of what is under way that would be left: an answer out of a cache spares what its endpoint's take on average.
 */
static double busy_left(const struct loads *l, const struct load *x, const struct relief *r)
{
    double all = 0, left = 0;
    bool any = false;
    for (uint32_t i = 0; i < x->mix_n; i++) {
        const struct load_mix *m = &l->mix[x->mix_at + i];
        double hits = m->endpoint < r->n ? r->hits[m->endpoint] : 0;
        all += (double)m->busy_us;
        left += (double)m->busy_us * (1 - hits);
        any |= hits > 0;
    }
    return any && all > 0 ? left / all : NAN;
}

const char *capacity_refusal(const struct load *x)
{
    if (x->fit.refused == USL_FEW && x->seconds.usable + x->seconds.mixed >= USL_WINDOWS)
        return "mixed";
    return usl_refusal_name(x->fit.refused);
}

double capacity_busy(const struct load *x)
{
    return usl_throughput(&x->fit, x->concurrency_p95);
}

struct headroom headroom_of(const struct loads *l, const struct load *x, const struct relief *r)
{
    struct headroom h = {.now = NAN, .cached = NAN, .busy_left = busy_left(l, x, r)};
    double used = capacity_busy(x) / x->fit.most.value;
    bool beyond = x->concurrency_p95 > x->fit.knee.value;
    h.now_why = capacity_refusal(x) ? capacity_refusal(x) : r->unsure;
    h.cached_why = r->windowed ? "window" : isnan(h.busy_left) ? "nothing_advised" : beyond ? "overloaded" : h.now_why;
    if (h.now_why)
        return h;
    if (isnan(used)) {
        h.now_why = "memory";
        return h;
    }
    h.now = beyond ? 0 : fmax(1 - used, 0);
    if (!h.cached_why)
        h.cached = fmax(1 - used * h.busy_left, 0);
    return h;
}

double capacity_waited_s(const struct load *x)
{
    if (x->fit.refused != USL_FITS)
        return NAN;
    return fmax((double)x->area_us / 1e6 - (double)x->answered * usl_response_s(&x->fit, 1), 0);
}

/* ---- JSON ---- */

static void value(struct json *j, const char *name, const char *low, const char *high, const struct usl_value *v)
{
    json_key_double(j, name, v->value);
    json_key_double(j, low, v->low);
    json_key_double(j, high, v->high);
}

static void word(struct json *j, const char *name, const char *text)
{
    json_key(j, name);
    json_str(j, text);
}

static void law(struct json *j, const struct load *x)
{
    const struct usl_fit *f = &x->fit;
    json_key(j, "usl");
    json_open(j, '{');
    value(j, "gamma", "gamma_low", "gamma_high", &f->gamma);
    value(j, "sigma", "sigma_low", "sigma_high", &f->sigma);
    value(j, "kappa", "kappa_low", "kappa_high", &f->kappa);
    value(j, "knee", "knee_low", "knee_high", &f->knee);
    json_key(j, "knee_seen");
    if (isnan(f->knee.value))
        json_null(j);
    else
        json_bool(j, f->fell);
    value(j, "max_throughput", "low", "high", &f->most);
    json_key_double(j, "error", f->error);
    json_key_u64(j, "windows", f->windows);
    word(j, "reason", capacity_refusal(x));
    word(j, "knee_reason", capacity_refusal(x) ? capacity_refusal(x) : isnan(f->knee.value) ? "levels_off" : NULL);
    json_close(j, '}');
}

static void seconds(struct json *j, const struct load_seconds *s)
{
    json_key(j, "seconds");
    json_open(j, '{');
    json_key_u64(j, "with_answers", s->all);
    json_key_u64(j, "usable", s->usable);
    json_key_u64(j, "few", s->few);
    json_key_u64(j, "damaged", s->damaged);
    json_key_u64(j, "failing", s->failing);
    json_key_u64(j, "mixed", s->mixed);
    json_close(j, '}');
}

static void curve(struct json *j, const struct usl *u)
{
    json_key(j, "curve");
    json_open(j, '[');
    for (unsigned i = 0; i < USL_BINS; i++) {
        const struct usl_bin *b = &u->bin[i];
        double n = (double)b->n, mean = b->throughput / n;
        if (!b->n)
            continue;
        json_open(j, '{');
        json_key_double(j, "from", i ? usl_bin_low(i) : 0);
        json_key_u64(j, "windows", b->n);
        json_key_double(j, "concurrency", b->concurrency / n);
        json_key_double(j, "throughput", mean);
        json_key_double(j, "throughput_sd", sqrt(fmax(b->throughput2 / n - mean * mean, 0)));
        json_key_double(j, "response_s", b->response_s / n);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void headroom(struct json *j, const struct headroom *h)
{
    json_key_double(j, "headroom", h->now);
    word(j, "headroom_reason", h->now_why);
    json_key(j, "with_caching");
    json_open(j, '{');
    json_key_double(j, "headroom", h->cached);
    word(j, "reason", h->cached_why);
    json_key_double(j, "load_left", h->busy_left);
    json_close(j, '}');
}

static void queueing(struct json *j, const struct queueing_found *q)
{
    json_key(j, "queueing");
    json_open(j, '{');
    json_key_double(j, "index", q->index);
    json_key_double(j, "p95_by_p50_busy", q->busy);
    json_key_double(j, "p95_by_p50_idle", q->idle);
    json_key(j, "reason");
    if (q->refused)
        json_str(j, queueing_refusal_name(q->refused));
    else
        json_null(j);
    json_close(j, '}');
}

static void peak(struct json *j, const char *key, uint64_t n, bool unknown)
{
    json_key(j, key);
    if (unknown)
        json_null(j);
    else
        json_u64(j, n);
}

static void load(struct json *j, const struct loads *l, const struct load *x, const struct relief *r)
{
    struct headroom room = headroom_of(l, x, r);
    bool unknown = !x->answered && x->untimed; /* nothing is known of how long anything took */
    json_open(j, '{');
    json_key_text(j, "service", x->service_name);
    json_key_text(j, "server", x->server_name);
    if (x->scope == LOAD_ENDPOINT)
        json_key_u64(j, "endpoint", x->endpoint);
    json_key_u64(j, "exchanges", x->exchanges);
    json_key_u64(j, "tunnels", x->tunnels);
    json_key_double(j, "concurrency_mean", unknown ? NAN : loads_concurrency(l, x));
    json_key_double(j, "concurrency_p95", x->concurrency_p95);
    peak(j, "concurrency_peak", x->peak, unknown);
    json_key_double(j, "throughput_mean", unknown ? NAN : (double)x->answered / loads_seconds(l));
    json_key_double(j, "throughput_p95", x->throughput_p95);
    peak(j, "throughput_peak", x->most, unknown);
    seconds(j, &x->seconds);
    law(j, x);
    headroom(j, &room);
    json_key_double(j, "waited_s", capacity_waited_s(x));
    json_key_double(j, "latency_vs_concurrency", x->slows);
    if (x->scope != LOAD_ENDPOINT)
        queueing(j, &x->queueing);
    curve(j, &x->usl);
    json_close(j, '}');
}

/* Those of one kind; of endpoints those whose backend is asked too mixed things to tell. */
static void list(struct json *j, const char *name, const struct loads *l, const struct relief *r, bool none,
                 enum load_scope scope)
{
    json_key(j, name);
    if (!none && (!l->any || l->failed)) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (uint32_t i = 0; i < l->n; i++) {
        const struct load *x = l->order[i];
        const char *why = x->scope == LOAD_ENDPOINT ? capacity_refusal(&l->load[x->whole - 1]) : NULL;
        if (x->scope == scope && (scope != LOAD_ENDPOINT || (why && !strcmp(why, "mixed"))))
            load(j, l, x, r);
    }
    json_close(j, ']');
}

/* What the lists rest on. */
static void source(struct json *j, const struct loads *l, const struct relief *r)
{
    json_key(j, "capacity_source");
    if (!l->any || l->failed) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_micros(j, "from", l->to_us > l->from_us ? l->from_us : INT64_MIN);
    json_key_micros(j, "to", l->to_us > l->from_us ? l->to_us : INT64_MIN);
    json_key_u64(j, "exchanges", l->records);
    json_key_u64(j, "untracked", l->untracked);
    word(j, "verdict", r->unsure ? r->unsure : l->untracked ? standing_name(STANDING_TRUNCATED) : "ok");
    json_close(j, '}');
}

void capacity_json(struct json *j, const struct loads *l, const struct relief *r, bool none)
{
    list(j, "capacity", l, r, none, LOAD_PAIR);
    list(j, "capacity_services", l, r, none, LOAD_SERVICE);
    list(j, "capacity_servers", l, r, none, LOAD_SERVER);
    list(j, "capacity_endpoints", l, r, none, LOAD_ENDPOINT);
    source(j, l, r);
}
