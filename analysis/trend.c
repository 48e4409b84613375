#include "analysis/trend.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    float v;
    uint32_t place;
};

static void thin(struct trend *t)
{
    t->stride *= 2;
    t->n /= 2;
    for (uint32_t i = 0; i < t->n; i++) {
        t->x[i] = t->x[2 * i];
        t->y[i] = t->y[2 * i];
    }
}

void trend_add(struct trend *t, double x, double y)
{
    t->stride = t->stride ? t->stride : 1;
    if (t->seen++ % t->stride)
        return;
    if (t->n == TREND_MOST) {
        thin(t);
        if ((t->seen - 1) % t->stride)
            return;
    }
    t->x[t->n] = (float)x;
    t->y[t->n++] = (float)y;
}

static int by_value(const void *x, const void *y)
{
    const struct ranked *a = x, *b = y;
    return (a->v > b->v) - (a->v < b->v);
}

/* Ranks less their mean, which is (n + 1) / 2 whatever the ties; returns the sum of their squares. */
static double rank(const float *v, uint32_t n, struct ranked *room, double *out)
{
    double squares = 0;
    for (uint32_t i = 0; i < n; i++)
        room[i] = (struct ranked){v[i], i};
    qsort(room, n, sizeof *room, by_value);
    for (uint32_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && room[end].v <= room[i].v;)
            end++;
        double shared = (i + 1. + end) / 2 - (n + 1.) / 2;
        for (uint32_t k = i; k < end; k++)
            out[room[k].place] = shared;
        squares += shared * shared * (end - i);
    }
    return squares;
}

double trend_spearman(const struct trend *t)
{
    struct ranked *room = t->n < TREND_LEAST ? NULL : calloc(t->n, sizeof *room);
    double *a = room ? calloc(2 * (size_t)t->n, sizeof *a) : NULL, both = 0, rho = NAN;
    if (a) {
        double *b = a + t->n, x2 = rank(t->x, t->n, room, a), y2 = rank(t->y, t->n, room, b);
        for (uint32_t i = 0; i < t->n; i++)
            both += a[i] * b[i];
        rho = both / sqrt(x2 * y2);
    }
    free(a);
    free(room);
    return rho;
}
