#include "analysis/lifetime.h"

#include <math.h>

#include "analysis/interval.h"
#include "analysis/numbers.h"
#include "base/json.h"

#define EACH_BUCKET(i) for (unsigned i = 0; i < LIFETIME_BUCKETS; i++)

/* Rates that can be told from nothing and from everything: a change in 30,000 years, one in a millisecond. */
#define RATE_LEAST 1e-12
#define RATE_MOST 1e3

void lifetime_merge(struct lifetime *into, const struct lifetime *from)
{
    EACH_BUCKET(i)
    for (int z = 0; z < 2; z++) {
        into->bucket[i].n[z] += from->bucket[i].n[z];
        into->bucket[i].sum_ms[z] += from->bucket[i].sum_ms[z];
    }
}

void lifetime_write(const struct lifetime *l, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    EACH_BUCKET(i)
    {
        const struct lifetime_bucket *b = &l->bucket[i];
        if (!(b->n[0] | b->n[1]))
            continue;
        json_open(&j, '[');
        json_u64(&j, i);
        json_u64(&j, b->n[0]);
        json_u64(&j, b->n[1]);
        json_u64(&j, b->sum_ms[0]);
        json_u64(&j, b->sum_ms[1]);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool lifetime_read(struct lifetime *l, struct slice text)
{
    struct numbers r = numbers_of(text);
    *l = (struct lifetime){0};
    while (numbers_more(&r)) {
        uint64_t i = numbers_next(&r);
        struct lifetime_bucket b;
        for (int z = 0; z < 2; z++)
            b.n[z] = numbers_next(&r);
        for (int z = 0; z < 2; z++)
            b.sum_ms[z] = numbers_next(&r);
        r.bad |= i >= LIFETIME_BUCKETS;
        if (!r.bad)
            l->bucket[i] = b;
    }
    if (r.bad)
        *l = (struct lifetime){0};
    return !r.bad;
}

const char *lifetime_model_name(enum lifetime_model m)
{
    switch (m) {
    case LIFETIME_UNSEEN:
        return NULL;
    case LIFETIME_UNCHANGED:
        return "no change seen";
    case LIFETIME_POISSON:
        return "poisson";
    case LIFETIME_TOO_FAST:
        return "changes faster than observed";
    }
    return NULL;
}

/* One size of gap: n times g seconds. A gap of 0 ms is somewhere below one. */
struct size {
    double n, g;
};

/* The sizes of the changed (z 1) or unchanged gaps; returns how many. */
static unsigned sizes(const struct lifetime *l, int z, struct size out[LIFETIME_BUCKETS])
{
    unsigned n = 0;
    EACH_BUCKET(i)
    {
        const struct lifetime_bucket *b = &l->bucket[i];
        if (!b->n[z])
            continue;
        double mean = (double)b->sum_ms[z] / (double)b->n[z];
        out[n++] = (struct size){(double)b->n[z], (mean < 0.5 ? 0.5 : mean) / 1e3};
    }
    return n;
}

static double seconds(const struct size *s, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += s[i].n * s[i].g;
    return sum;
}

/* Slope of the log likelihood that the changed gaps contribute; falls with the rate. */
static double pull(const struct size *s, unsigned n, double rate)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += s[i].n * s[i].g / expm1(rate * s[i].g);
    return sum;
}

/* -log of the probability that every gap was a changed one; falls with the rate. */
static double surprise(const struct size *s, unsigned n, double rate)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum -= s[i].n * log(-expm1(-rate * s[i].g));
    return sum;
}

/* The rate at which a falling function comes down to `level`, by bisection on its logarithm. */
static double falls_to(double (*f)(const struct size *, unsigned, double), const struct size *s, unsigned n,
                       double level)
{
    double low = log(RATE_LEAST), high = log(RATE_MOST);
    for (int i = 0; i < 100 && high - low > 1e-13; i++) {
        double middle = (low + high) / 2;
        if (f(s, n, exp(middle)) > level)
            low = middle;
        else
            high = middle;
    }
    return exp((low + high) / 2);
}

static double information(const struct size *s, unsigned n, double rate)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += s[i].n * s[i].g * s[i].g / expm1(rate * s[i].g);
    return sum;
}

static void estimate(struct lifetime_result *r, const struct size *same, unsigned n_same, const struct size *changed,
                     unsigned n_changed)
{
    r->rate = falls_to(pull, changed, n_changed, seconds(same, n_same));
    double info = information(same, n_same, r->rate) + information(changed, n_changed, r->rate);
    r->error = 1 / sqrt(info);
    double factor = exp(INTERVAL_Z95 * r->error / r->rate);
    r->low = r->rate / factor;
    r->high = r->rate * factor;
    r->mean_s = 1 / r->rate;
    r->mean_low = 1 / r->high;
    r->mean_high = 1 / r->low;
}

/* Where all gaps changed or none did: the rate at which that had a chance of 5 %. */
static void bound(struct lifetime_result *r, const struct size *changed, unsigned n_changed)
{
    const double level = -log(0.05);
    if (r->model == LIFETIME_UNCHANGED) {
        r->rate = r->low = 0;
        r->high = r->observed_s > 0 ? level / r->observed_s : NAN;
        r->mean_low = 1 / r->high;
    } else {
        r->low = falls_to(surprise, changed, n_changed, level);
        r->mean_high = 1 / r->low;
    }
}

static uint64_t count(const struct lifetime *l, int z)
{
    uint64_t n = 0;
    EACH_BUCKET(i)
    n += l->bucket[i].n[z];
    return n;
}

struct lifetime_result lifetime_result(const struct lifetime *l)
{
    struct size same[LIFETIME_BUCKETS], changed[LIFETIME_BUCKETS];
    unsigned n_same = sizes(l, 0, same), n_changed = sizes(l, 1, changed);
    struct lifetime_result r = {LIFETIME_UNSEEN, count(l, 0), count(l, 1), 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    r.gaps += r.changes;
    r.observed_s = seconds(same, n_same) + seconds(changed, n_changed);
    if (!r.gaps)
        return r;
    double n = (double)r.gaps, x = (double)r.changes;
    r.regular = -log((n - x + 0.5) / (n + 0.5)) / (r.observed_s / n);
    r.model = !r.changes ? LIFETIME_UNCHANGED : r.changes == r.gaps ? LIFETIME_TOO_FAST : LIFETIME_POISSON;
    if (r.model == LIFETIME_POISSON)
        estimate(&r, same, n_same, changed, n_changed);
    else
        bound(&r, changed, n_changed);
    return r;
}

double lifetime_ttl(double rate, double beta)
{
    return rate > 0 ? -log1p(-beta) / rate : NAN;
}
