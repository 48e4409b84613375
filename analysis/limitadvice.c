#include "analysis/limitadvice.h"

#include <math.h>
#include <stdlib.h>

double limitadvice_need(const double *rates, const double *need, unsigned n, double rate)
{
    unsigned i = 0;
    while (i < n && rates[i] < rate)
        i++;
    if (i == n)
        return need[n - 1];
    if (!i || rates[i] <= rate)
        return need[i];
    double part = (rate - rates[i - 1]) / (rates[i] - rates[i - 1]);
    return need[i - 1] + part * (need[i] - need[i - 1]);
}

/* Who is as far off as the fence is not above it. Rates that were stored have six decimals, which must not decide. */
#define FENCE_SLACK 1e-4

static void sustain(const double *rates, unsigned n, struct limitadvice_client *c, double tolerance_s)
{
    unsigned i = 0;
    while (i + 1 < n && c->need[i] > rates[i] * tolerance_s)
        i++;
    c->rate = rates[i];
    c->burst = c->need[i];
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of n > 0 sorted values, between neighbours in proportion. */
static double quantile(const double *sorted, size_t n, double q)
{
    double place = q * (double)(n - 1);
    size_t low = (size_t)place;
    size_t high = low + 1 < n ? low + 1 : low;
    return sorted[low] + (place - (double)low) * (sorted[high] - sorted[low]);
}

/* Q3 + 3 IQR of log rate. Rates are known to one step of the ladder only, so the quartiles are never taken to be closer
 * than that: else one step up would be an outlier wherever most clients are alike. */
static double fence(const double *sorted, size_t n, double step)
{
    double q1 = quantile(sorted, n, 0.25), q3 = quantile(sorted, n, 0.75);
    return q3 + 3 * (q3 - q1 > step ? q3 - q1 : step);
}

static double step_of(const double *rates, unsigned n)
{
    double least = INFINITY;
    for (unsigned i = 1; i < n; i++)
        least = fmin(least, log(rates[i] / rates[i - 1]));
    return n > 1 ? least : 0;
}

/* Marks outliers; returns the rate that all but the share of those kept sustain, NaN when none is. */
static double choose(const double *rates, unsigned n, struct limitadvice_client *clients, size_t n_clients,
                     double share, double *logs, size_t *kept)
{
    size_t used = 0;
    for (size_t i = 0; i < n_clients; i++)
        if (!clients[i].abuse)
            logs[used++] = log(clients[i].rate);
    *kept = 0;
    if (!used)
        return NAN;
    qsort(logs, used, sizeof *logs, by_size);
    double most = fence(logs, used, step_of(rates, n)) + FENCE_SLACK;
    for (size_t i = 0; i < n_clients; i++) {
        clients[i].outlier = clients[i].abuse || log(clients[i].rate) > most;
        *kept += !clients[i].outlier;
    }
    size_t rank = (size_t)ceil((1 - share) * (double)*kept);
    return exp(logs[rank ? rank - 1 : 0]); /* what is kept comes first in order */
}

/* Up to two significant digits. */
static double round_up(double x)
{
    double unit = pow(10, floor(log10(x)) - 1);
    double digits = ceil(x / unit - 1e-9);
    return unit < 1 ? digits / round(1 / unit) : digits * unit;
}

/* Whole requests a second or, below one, a minute, such that nginx's own integer division leaves no less. */
static void for_nginx(struct limitadvice *out)
{
    out->per_minute = out->rate < 1;
    out->nginx_rate = (uint64_t)ceil(out->per_minute ? ceil(out->rate * 1000 - 1e-9) * 60 / 1000 : out->rate);
    out->nginx_burst = out->burst - 1;
}

bool limitadvice_of(const double *rates, unsigned n, struct limitadvice_client *clients, size_t n_clients,
                    const struct limitadvice_options *o, struct limitadvice *out)
{
    double *logs = malloc((n_clients + 1) * sizeof *logs), need = 1;
    *out = (struct limitadvice){.rate = NAN};
    if (!logs)
        return false;
    for (size_t i = 0; i < n_clients; i++)
        sustain(rates, n, &clients[i], o->tolerance_s);
    double rate = choose(rates, n, clients, n_clients, o->share, logs, &out->kept);
    free(logs);
    if (isnan(rate))
        return true;
    out->rate = round_up(o->headroom * rate);
    for (size_t i = 0; i < n_clients; i++)
        if (!clients[i].outlier && clients[i].rate <= rate * (1 + 1e-9))
            need = fmax(need, limitadvice_need(rates, clients[i].need, n, out->rate));
    out->burst = (uint64_t)ceil(o->headroom * need - 1e-9);
    for_nginx(out);
    return true;
}
