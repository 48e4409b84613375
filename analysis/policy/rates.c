#include "analysis/policy/rates.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/limitadvice.h"
#include "analysis/report/limits.h"

enum { REQUESTS_LEAST = 100 }; /* of a service; below it a limit is a guess */

/* The most that two counters of a window W can add up to for arrivals within the envelope (r, b) is b + r W, so the
 * best rate of the ladder gives the limit; of all clients kept the one who needs most. */
static double window_most(const struct limits *l, const struct limits_crowd *c)
{
    double most = 1;
    for (size_t i = 0; i < c->n; i++) {
        double least = INFINITY;
        for (int k = 0; k < ENVELOPE_RATES; k++)
            least = fmin(least, c->client[i].need[k] + l->rate[k] * RULES_WINDOW_S);
        if (!c->judged[i].outlier)
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

static bool name_outliers(struct rules *r, struct rule_rate *rule, const struct limits *l, const struct limits_crowd *c)
{
    rule->outlier = malloc((c->n + 1) * sizeof *rule->outlier);
    for (size_t i = 0; rule->outlier && i < c->n; i++)
        if (c->judged[i].outlier)
            rule->outlier[rule->outliers++] = rules_keep(r, limits_name(l, &c->client[i]));
    if (rule->outliers)
        qsort(rule->outlier, rule->outliers, sizeof *rule->outlier, by_text);
    return rule->outlier != NULL;
}

bool rules_is_outlier(const struct rule_rate *rate, struct slice client)
{
    return rate->outliers && bsearch(&client, rate->outlier, rate->outliers, sizeof client, by_text);
}

/* False: out of memory. */
static bool add(struct rules *r, const struct limits *l, enum carrier carrier)
{
    const struct limits_crowd *c = &l->crowd[carrier];
    const struct limitadvice *a = &c->advice;
    bool counted = idorder_place(&r->order, carrier_word(carrier)) >= 0;
    if (a->kept && counted && (!c->doubt || r->options.force)) {
        struct rule_rate *rule = &r->rate[r->n_rate++];
        *rule = (struct rule_rate){.carrier = carrier,
                                   .clients = c->n,
                                   .kept = a->kept,
                                   .rate = a->rate,
                                   .burst = a->burst,
                                   .nginx_rate = a->nginx_rate,
                                   .nginx_burst = a->nginx_burst,
                                   .per_minute = a->per_minute,
                                   .doubt = c->doubt};
        rule->window_most = (uint64_t)ceil(r->options.headroom * window_most(l, c) - 1e-9);
        rule->at_once = (uint64_t)ceil((double)a->burst + a->rate * fmax(RULES_WINDOW_S, r->longest_s));
        return name_outliers(r, rule, l, c);
    }
    if (c->n) {
        struct buf what = {0};
        buf_printf(&what, "a limit for clients told apart by %s", carrier_names[carrier]);
        rules_leave(r, slice_of(what.p, what.n), c->doubt ? c->doubt : "no client is normal");
        buf_free(&what);
    }
    return true;
}

void rates_load(struct rules *r, struct store_reader *reader, const struct facts *f)
{
    struct limits l;
    struct behaviour b;
    behaviour_read(&b, reader, facts_total(f, "exchanges"));
    limits_load(&l, reader, &b, f, r->options.headroom);
    behaviour_free(&b);
    r->forwarded |= l.forwarded;
    r->certified |= l.certified;
    if (l.certified)
        rules_leave(r, SLICE("a limit for clients told apart by certificate"),
                    "only who ends their TLS sees who they are");
    r->failed |= l.failed;
    for (int i = 0; i < CARRIERS && !r->failed; i++)
        r->failed = !add(r, &l, (enum carrier)i);
    limits_free(&l);
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
    s->doubt = limits_unseen(f);
    if (!s->doubt && s->requests < REQUESTS_LEAST)
        s->doubt = "too few requests to tell what is normal";
}
