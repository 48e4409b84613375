#include "analysis/usl.h"

#include <math.h>
#include <stddef.h>

enum { A, B, C, COEFFICIENTS };
enum { BIN_FROM = -4, BINS_AN_OCTAVE = 4, BLOCKS_LEAST = USL_BLOCKS / 2, SIDES_LEAST = 10 };
#define SPREAD_LEAST 3.
#define WIDE_MOST .3
#define ERROR_MOST .5
#define BEYOND_MOST 2.
#define FLAT_MOST (2 / 3.)
#define ABOVE_MOST 1.08

/* R at N is a + b (N - 1) + c N (N - 1). */
struct law {
    double k[COEFFICIENTS];
    double squares; /* left over */
};

/* ---- sums ---- */

static unsigned bin_of(double n)
{
    int e;
    double m = frexp(n, &e); /* n = 2 m 2^(e - 1), 2 m from 1 to 2 */
    int at = (e - 1 - BIN_FROM) * BINS_AN_OCTAVE + (int)((2 * m - 1) * BINS_AN_OCTAVE);
    return at < 0 ? 0 : at >= USL_BINS ? USL_BINS - 1 : (unsigned)at;
}

double usl_bin_low(unsigned bin)
{
    double within = 1 + (double)(bin % BINS_AN_OCTAVE) / BINS_AN_OCTAVE;
    return ldexp(within, (int)(bin / BINS_AN_OCTAVE) + BIN_FROM);
}

void usl_add(struct usl *u, unsigned block, double n, double x)
{
    if (!(n > 0) || !(x > 0) || block >= USL_BLOCKS)
        return;
    double r = n / x;
    const double row[COEFFICIENTS] = {1 / r, (n - 1) / r, n * (n - 1) / r}; /* weighed: the right side is 1 */
    struct usl_sums *s = &u->block[block];
    struct usl_bin *b = &u->bin[bin_of(n)];
    s->n++;
    for (int i = 0, at = 0; i < COEFFICIENTS; i++) {
        s->right[i] += row[i];
        for (int k = i; k < COEFFICIENTS; k++)
            s->matrix[at++] += row[i] * row[k];
    }
    b->n++;
    b->concurrency += n;
    b->throughput += x;
    b->throughput2 += x * x;
    b->response_s += r;
}

/* All blocks but one; USL_BLOCKS: all. */
static struct usl_sums sum_of(const struct usl *u, unsigned without)
{
    struct usl_sums all = {0};
    for (unsigned b = 0; b < USL_BLOCKS; b++) {
        const struct usl_sums *s = &u->block[b];
        if (b == without)
            continue;
        all.n += s->n;
        for (int i = 0; i < 6; i++)
            all.matrix[i] += s->matrix[i];
        for (int i = 0; i < COEFFICIENTS; i++)
            all.right[i] += s->right[i];
    }
    return all;
}

static double matrix_at(const struct usl_sums *s, int i, int k)
{
    static const int place[COEFFICIENTS][COEFFICIENTS] = {{0, 1, 2}, {1, 3, 4}, {2, 4, 5}};
    return s->matrix[place[i][k]];
}

/* ---- least squares ---- */

/* Cholesky of the rows and columns in `use`, scaled to a diagonal of ones: N (N - 1) is far larger than 1. False: they
 * cannot be told apart. */
static bool solve(const struct usl_sums *s, const int *use, int n, double k[COEFFICIENTS])
{
    double l[COEFFICIENTS][COEFFICIENTS] = {{0}}, y[COEFFICIENTS], scale[COEFFICIENTS];
    for (int i = 0; i < n; i++)
        scale[i] = sqrt(matrix_at(s, use[i], use[i]));
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            double v = matrix_at(s, use[i], use[j]) / (scale[i] * scale[j]);
            for (int m = 0; m < j; m++)
                v -= l[i][m] * l[j][m];
            if (i == j && !(v > 1e-12))
                return false;
            l[i][j] = i == j ? sqrt(v) : v / l[j][j];
        }
        y[i] = s->right[use[i]] / scale[i];
        for (int m = 0; m < i; m++)
            y[i] -= l[i][m] * y[m];
        y[i] /= l[i][i];
    }
    for (int i = n; i-- > 0;) {
        for (int m = i + 1; m < n; m++)
            y[i] -= l[m][i] * y[m];
        y[i] /= l[i][i];
        k[use[i]] = y[i] / scale[i];
    }
    return true;
}

static double squares_of(const struct usl_sums *s, const double k[COEFFICIENTS])
{
    double left = (double)s->n;
    for (int i = 0; i < COEFFICIENTS; i++) {
        left -= 2 * s->right[i] * k[i];
        for (int j = 0; j < COEFFICIENTS; j++)
            left += k[i] * matrix_at(s, i, j) * k[j];
    }
    return left > 0 ? left : 0;
}

/* The best of those whose coefficients are not below 0: sigma and kappa, either, neither. The weights hold the noise of
 * X: a second that came out fast weighs more, which makes all coefficients too small by the square of that noise. */
static bool law_of(const struct usl_sums *s, struct law *best)
{
    static const struct {
        int use[COEFFICIENTS], n;
    } sets[] = {{{A, B, C}, 3}, {{A, B}, 2}, {{A, C}, 2}, {{A}, 1}};
    bool any = false;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct law l = {{0}, 0};
        if (!solve(s, sets[i].use, sets[i].n, l.k) || !(l.k[A] > 0) || !(l.k[B] >= 0) || !(l.k[C] >= 0))
            continue;
        l.squares = squares_of(s, l.k);
        if (!any || l.squares < best->squares)
            *best = l;
        any = true;
    }
    for (int i = 0; any && s->n && i < COEFFICIENTS; i++)
        best->k[i] *= 1 + best->squares / (double)s->n;
    return any;
}

/* ---- what follows from it ---- */

enum { GAMMA, SIGMA, KAPPA, KNEE, MOST, VALUES };

static void values_of(const struct law *l, double v[VALUES])
{
    double gamma = 1 / l->k[A], sigma = l->k[B] / l->k[A], kappa = l->k[C] / l->k[A];
    double knee = kappa > 0 && sigma < 1 ? fmax(sqrt((1 - sigma) / kappa), 1) : sigma < 1 ? INFINITY : 1;
    v[GAMMA] = gamma;
    v[SIGMA] = sigma;
    v[KAPPA] = kappa;
    v[KNEE] = knee;
    v[MOST] = isinf(knee) ? gamma / sigma : gamma * knee / (1 + sigma * (knee - 1) + kappa * knee * (knee - 1));
}

/* 97.5 % of Student's t, by Cornish and Fisher; within 0.001 from 9 degrees of freedom on. */
static double student(double degrees)
{
    const double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z;
    return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees);
}

/* Half of the interval of each value. False: without some block there is no law. */
static bool jackknife(const struct usl *u, unsigned blocks, double half[VALUES])
{
    double v[USL_BLOCKS][VALUES];
    unsigned n = 0;
    for (unsigned b = 0; b < USL_BLOCKS; b++) {
        struct usl_sums rest = sum_of(u, b);
        struct law l;
        if (!u->block[b].n)
            continue;
        if (!law_of(&rest, &l))
            return false;
        values_of(&l, v[n++]);
    }
    for (int i = 0; i < VALUES; i++) {
        double mean = 0, square = 0;
        for (unsigned b = 0; b < n; b++)
            mean += v[b][i] / n;
        for (unsigned b = 0; b < n; b++)
            square += (v[b][i] - mean) * (v[b][i] - mean);
        half[i] = student(blocks - 1.) * sqrt(square * (blocks - 1) / blocks); /* not finite: it is in some of them */
    }
    return true;
}

/* Mean throughput of the bins that begin within [from, to) at N, and the square of its standard error. NaN: few. */
static double mean_of(const struct usl *u, double from, double to, double *error2)
{
    double n = 0, sum = 0, square = 0;
    for (unsigned i = 0; i < USL_BINS; i++)
        if (usl_bin_low(i) >= from && usl_bin_low(i) < to) {
            n += (double)u->bin[i].n;
            sum += u->bin[i].throughput;
            square += u->bin[i].throughput2;
        }
    *error2 = fmax(square / n - sum / n * (sum / n), 0) / n;
    return n < SIDES_LEAST ? NAN : sum / n;
}

/* A queue with few workers bends so sharply that the law sees a knee where throughput only levels off. */
static bool falls(const struct usl *u, double knee)
{
    double near2, beyond2;
    double near = mean_of(u, .7 * knee, 1.1 * knee, &near2), beyond = mean_of(u, 1.4 * knee, INFINITY, &beyond2);
    return beyond + 2 * sqrt(near2 + beyond2) < near;
}

/* Whether the seconds with most under way gave clearly more than the law says of them: then it bends where they do not.
 * By three standard errors of their mean, and by a part of it. */
static bool exceeds(const struct usl *u, const struct usl_fit *f)
{
    double n = 0, concurrency = 0;
    for (unsigned i = USL_BINS; i-- > 0;) {
        double error2, mean = mean_of(u, usl_bin_low(i), INFINITY, &error2);
        n += (double)u->bin[i].n;
        concurrency += u->bin[i].concurrency;
        if (mean - 3 * sqrt(error2) > ABOVE_MOST * usl_throughput(f, concurrency / n))
            return true;
    }
    return false;
}

static struct usl_fit refused(enum usl_refusal why, uint64_t windows)
{
    const struct usl_value none = {NAN, NAN, NAN};
    return (struct usl_fit){why, windows, none, none, none, none, none, false, NAN};
}

static struct usl_value value_of(const double v[VALUES], const double half[VALUES], int which)
{
    return (struct usl_value){v[which], fmax(v[which] - half[which], 0), v[which] + half[which]};
}

static bool is_tight(double value, double half)
{
    return isfinite(value) && half <= WIDE_MOST * value;
}

static struct usl_fit fit(const struct usl *u, const struct usl_sums *all, unsigned blocks, double low, double high)
{
    struct law l;
    double v[VALUES], half[VALUES];
    if (!law_of(all, &l))
        return refused(USL_NARROW, all->n);
    values_of(&l, v);
    double error = sqrt(l.squares / (double)all->n);
    if (!(error <= ERROR_MOST))
        return refused(USL_BAD, all->n);
    struct usl_fit f = {USL_FITS, all->n, .error = error};
    f.gamma.value = v[GAMMA];
    f.sigma.value = v[SIGMA];
    f.kappa.value = v[KAPPA];
    double near = usl_throughput(&f, fmin(high, v[KNEE]));
    if (!(v[MOST] <= BEYOND_MOST * near))
        return refused(USL_NOT_REACHED, all->n);
    if (usl_throughput(&f, low) > FLAT_MOST * near)
        return refused(USL_FLAT, all->n);
    if (exceeds(u, &f))
        return refused(USL_NOT_REACHED, all->n);
    if (!jackknife(u, blocks, half) || !is_tight(v[MOST], half[MOST]))
        return refused(USL_UNSTABLE, all->n);
    f.gamma = value_of(v, half, GAMMA);
    f.sigma = value_of(v, half, SIGMA);
    f.kappa = value_of(v, half, KAPPA);
    f.knee = value_of(v, half, KNEE);
    f.most = value_of(v, half, MOST);
    if (!is_tight(v[KNEE], half[KNEE]))
        f.knee = (struct usl_value){NAN, NAN, NAN};
    f.fell = falls(u, f.knee.value);
    return f;
}

struct usl_fit usl_fit(const struct usl *u, double low, double high)
{
    struct usl_sums all = sum_of(u, USL_BLOCKS);
    unsigned blocks = 0;
    for (int b = 0; b < USL_BLOCKS; b++)
        blocks += u->block[b].n > 0;
    if (all.n < USL_WINDOWS)
        return refused(USL_FEW, all.n);
    if (!(high >= SPREAD_LEAST * low))
        return refused(USL_NARROW, all.n);
    if (blocks < BLOCKS_LEAST)
        return refused(USL_CLUSTERED, all.n);
    return fit(u, &all, blocks, low, high);
}

double usl_throughput(const struct usl_fit *f, double n)
{
    return f->gamma.value * n / (1 + f->sigma.value * (n - 1) + f->kappa.value * n * (n - 1));
}

double usl_response_s(const struct usl_fit *f, double n)
{
    return n / usl_throughput(f, n);
}

const char *usl_refusal_name(enum usl_refusal r)
{
    static const char *const names[] = {NULL,      "few_windows", "narrow", "clustered",
                                        "bad_fit", "not_reached", "flat",   "unstable"};
    return names[r];
}
