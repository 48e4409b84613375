#include "analysis/interval.h"

#include <math.h>

struct interval interval_wilson(double p, double n, double z)
{
    if (!(n > 0))
        return (struct interval){0, 1};
    double z2 = z * z / n, centre = (p + z2 / 2) / (1 + z2);
    double half = z * sqrt(p * (1 - p) / n + z2 / (4 * n)) / (1 + z2);
    double low = centre - half, high = centre + half;
    /* At the ends the formula gives them exactly; rounding does not. */
    return (struct interval){p <= 0 || low < 0 ? 0 : low, p >= 1 || high > 1 ? 1 : high};
}

/* Away from 0, so that the fraction below never divides by it. */
static double held(double v)
{
    return fabs(v) < 1e-300 ? 1e-300 : v;
}

/* Continued fraction of I_x(a, b), DLMF 8.17.22, by Lentz's method; converges fast for x < (a + 1) / (a + b + 2). The
 * steps needed grow with the root of the larger parameter. */
static double fraction(double x, double a, double b)
{
    double c = 1, d = 1 / held(1 - (a + b) * x / (a + 1)), f = d;
    double most = 200 + 10 * sqrt(a > b ? a : b);
    for (double m = 1; m < most; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / held(1 + even * d);
        c = held(1 + even / c);
        f *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / held(1 + odd * d);
        c = held(1 + odd / c);
        f *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return f;
}

static double log_gamma(double v)
{
    int sign; /* lgamma keeps it in a global */
    return lgamma_r(v, &sign);
}

double interval_beta(double x, double a, double b)
{
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(1 - x, b, a) / b;
}

/* The x at which I_x(a, b) = p. */
static double beta_inverse(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100 && high - low > 1e-15 * high; i++) {
        double middle = (low + high) / 2;
        if (interval_beta(middle, a, b) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double interval_low(double k, double n, double alpha)
{
    if (!(k > 0) || !(n > 0))
        return 0;
    if (k >= n)
        return pow(alpha, 1 / n);
    return beta_inverse(alpha, k, n - k + 1);
}

double interval_high(double k, double n, double alpha)
{
    if (!(n > 0) || k >= n)
        return 1;
    if (!(k > 0))
        return -expm1(log(alpha) / n);
    return beta_inverse(1 - alpha, k + 1, n - k);
}

double interval_normal(double p)
{
    double low = -40, high = 40;
    if (!(p > 0) || !(p < 1))
        return p <= 0 ? -INFINITY : p >= 1 ? INFINITY : NAN;
    if (p > 0.5)
        return -interval_normal(1 - p);
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (erfc(-middle * M_SQRT1_2) / 2 < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}
