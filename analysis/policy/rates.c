#include "analysis/policy/rates.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/limitadvice.h"

/* Below these a limit is a guess (as ALGORITHMS.md 0.6 asks for a verdict; 7.5 names none). */
enum { CLIENTS_LEAST = 3, REQUESTS_LEAST = 100, WINDOWS_LEAST = 10 };

const char *const carrier_names[CARRIERS] = {"apikey", "authorization", "cookie", "address"};

enum carrier carrier_of(struct slice identity)
{
    static const struct {
        const char *identity;
        enum carrier carrier;
    } of[] = {{"apikey", CARRIER_APIKEY},       {"bearer", CARRIER_AUTHORIZATION}, {"jwt", CARRIER_AUTHORIZATION},
              {"basic", CARRIER_AUTHORIZATION}, {"cookie", CARRIER_COOKIE},        {"address", CARRIER_ADDRESS}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (slice_eq(identity, slice_str(of[i].identity)))
            return of[i].carrier;
    return CARRIERS;
}

struct person {
    double need[ENVELOPE_RATES];
    struct slice name;
};

struct crowd {
    struct person *person;
    size_t n, cap;
    uint64_t requests, unprofiled;
};

struct gathering {
    struct rules *rules;
    struct crowd crowd[CARRIERS];
    double rate[ENVELOPE_RATES];
};

static bool add(void *context, const struct row_client *c)
{
    struct gathering *g = context;
    enum carrier carrier = carrier_of(c->identity);
    g->rules->forwarded |= slice_eq(c->identity, SLICE("forwarded"));
    if (slice_eq(c->identity, SLICE("(other)")))
        for (int i = 0; i < CARRIERS; i++)
            g->crowd[i].unprofiled++; /* whoever is in it */
    if (carrier == CARRIERS)
        return true;
    struct crowd *crowd = &g->crowd[carrier];
    crowd->requests += c->requests;
    if (!facts_profiled(c)) {
        crowd->unprofiled++;
        return true;
    }
    if (crowd->n == crowd->cap) {
        size_t cap = crowd->cap ? crowd->cap * 2 : 64;
        struct person *more = realloc(crowd->person, cap * sizeof *more);
        if (!more) {
            g->rules->failed = true;
            return false;
        }
        crowd->person = more;
        crowd->cap = cap;
    }
    struct person *p = &crowd->person[crowd->n++];
    p->name = rules_keep(g->rules, c->client);
    memcpy(p->need, c->envelope_burst, sizeof p->need);
    memcpy(g->rate, c->envelope_rate, sizeof g->rate);
    return true;
}

static const char *doubt_of(const struct crowd *c, size_t kept, const struct facts *f)
{
    double coverage = facts_coverage(f);
    if (coverage < STANDING_COVERAGE)
        return "too much was not captured";
    if (c->unprofiled || facts_total(f, "clients_overflow"))
        return "memory was too small to profile all clients";
    if (!(facts_duration_s(f) >= WINDOWS_LEAST * RULES_WINDOW_S))
        return "was not watched long enough";
    if (kept < CLIENTS_LEAST || c->requests < REQUESTS_LEAST)
        return "too few clients or requests to tell what is normal";
    return NULL;
}

/* The most that two counters of a window W can add up to for arrivals within the envelope (r, b) is b + r W, so the
 * best rate of the ladder gives the limit; of all clients kept the one who needs most. */
static double window_most(const struct gathering *g, const struct crowd *c, const struct limitadvice_client *clients)
{
    double most = 1;
    for (size_t i = 0; i < c->n; i++) {
        double least = INFINITY;
        for (int k = 0; k < ENVELOPE_RATES; k++)
            least = fmin(least, c->person[i].need[k] + g->rate[k] * RULES_WINDOW_S);
        if (!clients[i].outlier)
            most = fmax(most, least);
    }
    return most;
}

static int by_text(const void *x, const void *y)
{
    const struct slice *a = x, *b = y;
    int order = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static bool name_outliers(struct rule_rate *rule, const struct crowd *c, const struct limitadvice_client *clients)
{
    rule->outlier = malloc((c->n + 1) * sizeof *rule->outlier);
    for (size_t i = 0; rule->outlier && i < c->n; i++)
        if (clients[i].outlier)
            rule->outlier[rule->outliers++] = c->person[i].name;
    if (rule->outliers)
        qsort(rule->outlier, rule->outliers, sizeof *rule->outlier, by_text);
    return rule->outlier != NULL;
}

bool rules_is_outlier(const struct rule_rate *rate, struct slice client)
{
    return rate->outliers && bsearch(&client, rate->outlier, rate->outliers, sizeof client, by_text);
}

/* False: out of memory. */
static bool judge(struct gathering *g, enum carrier carrier, const struct facts *f)
{
    const struct crowd *c = &g->crowd[carrier];
    struct rules *r = g->rules;
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice a;
    struct limitadvice_client *clients = calloc(c->n + 1, sizeof *clients);
    if (!clients)
        return false;
    o.headroom = r->options.headroom;
    for (size_t i = 0; i < c->n; i++)
        clients[i].need = c->person[i].need;
    bool ok = limitadvice_of(g->rate, ENVELOPE_RATES, clients, c->n, &o, &a);
    const char *doubt = doubt_of(c, a.kept, f);
    if (ok && a.kept && (!doubt || r->options.force)) {
        struct rule_rate *rule = &r->rate[r->n_rate++];
        *rule = (struct rule_rate){.carrier = carrier,
                                   .clients = c->n,
                                   .kept = a.kept,
                                   .rate = a.rate,
                                   .burst = a.burst,
                                   .nginx_rate = a.nginx_rate,
                                   .nginx_burst = a.nginx_burst,
                                   .per_minute = a.per_minute,
                                   .doubt = doubt};
        rule->window_most = (uint64_t)ceil(o.headroom * window_most(g, c, clients) - 1e-9);
        rule->at_once = (uint64_t)ceil((double)a.burst + a.rate * fmax(RULES_WINDOW_S, r->longest_s));
        ok = name_outliers(rule, c, clients);
    } else if (ok && c->n) {
        struct buf what = {0};
        buf_printf(&what, "a limit for clients told apart by %s", carrier_names[carrier]);
        rules_leave(r, slice_of(what.p, what.n), doubt ? doubt : "no client is normal");
        buf_free(&what);
    }
    free(clients);
    return ok;
}

void rates_load(struct rules *r, struct store_reader *reader, const struct facts *f)
{
    struct gathering g = {.rules = r};
    store_read_clients(reader, add, &g);
    for (int i = 0; i < CARRIERS; i++) {
        if (!r->failed && !judge(&g, (enum carrier)i, f))
            r->failed = true;
        free(g.crowd[i].person);
    }
}

void rates_service(struct rule_service *s, const struct seen_service *v, const double rate[ENVELOPE_RATES],
                   double headroom, const struct facts *f)
{
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice_client all = {.need = v->envelope.burst};
    struct limitadvice a;
    s->rate = NAN;
    o.headroom = headroom;
    if (!v->started || !limitadvice_of(rate, ENVELOPE_RATES, &all, 1, &o, &a))
        return;
    s->rate = a.rate;
    s->burst = a.burst;
    s->doubt = facts_coverage(f) < STANDING_COVERAGE                      ? "too much was not captured"
               : !(facts_duration_s(f) >= WINDOWS_LEAST * RULES_WINDOW_S) ? "was not watched long enough"
               : s->requests < REQUESTS_LEAST                             ? "too few requests to tell what is normal"
                                                                          : NULL;
}
