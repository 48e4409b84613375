#include "analysis/retries.h"

#include <math.h>
#include <stdlib.h>

#include "base/floor.h"
#include "base/table.h"

#define WITHIN_US ((int64_t)RETRIES_WITHIN_S * 1000000)

/* The latest failed attempt of a chain. */
struct attempt {
    uint64_t hash; /* 0: free */
    int64_t end_us, until_us;
    double gap_s;
    uint32_t number;
};

struct retries {
    struct attempt *row;
    struct map map;
    uint32_t next; /* rows are taken in turn, so that the one taken is the oldest */
    uint64_t lost;
};

struct retries *retries_new(void)
{
    struct retries *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->row = table_new(RETRIES_MOST, sizeof *r->row);
    if (r->row && map_init(&r->map, r->row, sizeof *r->row, RETRIES_MOST))
        return r;
    retries_free(r);
    return NULL;
}

void retries_free(struct retries *r)
{
    if (!r)
        return;
    map_free(&r->map);
    table_free(r->row);
    free(r);
}

static void forget(struct retries *r, uint32_t at)
{
    map_remove(&r->map, r->row[at].hash, at);
    r->row[at].hash = 0;
}

static uint32_t new_row(struct retries *r, uint64_t hash, int64_t now_us)
{
    uint32_t at = r->next;
    if (r->row[at].hash) {
        r->lost += now_us - r->row[at].end_us <= WITHIN_US;
        forget(r, at);
    }
    if (!map_insert(&r->map, hash, at)) {
        r->lost++;
        return MAP_NONE;
    }
    r->next = (at + 1) % RETRIES_MOST;
    r->row[at].hash = hash;
    return at;
}

static struct retries_seen see(const struct attempt *a, const struct retries_call *c)
{
    struct retries_seen s = {.attempt = 1, .gap_s = NAN, .ratio = NAN};
    if (!a || c->start_us < a->end_us || c->start_us - a->end_us > WITHIN_US)
        return s;
    s.retry = true;
    s.early = c->start_us < a->until_us;
    s.attempt = a->number + 1;
    s.gap_s = (double)(c->start_us - a->end_us) / 1e6;
    s.ratio = a->gap_s > 0 ? s.gap_s / a->gap_s : NAN;
    return s;
}

struct retries_seen retries_add(struct retries *r, const struct retries_call *c)
{
    uint32_t at = map_find(&r->map, c->hash);
    const struct attempt *before = at == MAP_NONE ? NULL : &r->row[at];
    struct retries_seen s = see(before, c);
    bool beside = before && c->start_us < before->end_us; /* another attempt at the same time: the chain stays */
    if (!c->failed) {
        if (before && !beside)
            forget(r, at);
        return s;
    }
    if (beside && c->end_us <= before->end_us)
        return s;
    uint32_t number = beside ? before->number : s.attempt;
    double gap = beside ? before->gap_s : s.retry ? s.gap_s : NAN;
    if (at == MAP_NONE)
        at = new_row(r, c->hash, c->start_us);
    if (at == MAP_NONE)
        return s;
    struct attempt *a = &r->row[at];
    a->end_us = c->end_us;
    a->until_us = c->wait_us < 0 ? INT64_MIN : c->end_us + c->wait_us;
    a->gap_s = gap;
    a->number = number;
    return s;
}

uint64_t retries_lost(const struct retries *r)
{
    return r->lost;
}

static int by_value(const void *x, const void *y)
{
    const float *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/* Standard deviation over mean. */
static double variation(const float *v, unsigned n)
{
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < n; i++)
        sum += v[i];
    double mean = sum / n;
    for (unsigned i = 0; i < n; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    return sqrt(squares / n) / mean;
}

struct backoff retries_backoff(float *ratio, unsigned n)
{
    struct backoff b = {BACKOFF_UNKNOWN, false, NAN};
    if (n < BACKOFF_FEW)
        return b;
    qsort(ratio, n, sizeof *ratio, by_value);
    b.ratio = n % 2 ? ratio[n / 2] : ((double)ratio[n / 2 - 1] + ratio[n / 2]) / 2;
    b.jitter = variation(ratio, n) > 0.1;
    b.kind = b.ratio >= 1.5                      ? BACKOFF_EXPONENTIAL
             : b.ratio >= 0.8 && b.ratio <= 1.25 ? BACKOFF_FIXED
                                                 : BACKOFF_IRREGULAR;
    return b;
}

const char *backoff_name(enum backoff_kind k)
{
    static const char *const names[] = {NULL, "fixed", "exponential", "irregular"};
    return names[k];
}

/* A storm: retries are 30 % of the requests, errors 20 %. */
void storm_close(struct retries_storm *s)
{
    if (s->requests < STORM_FEW || s->retries * 10 < s->requests * 3 || s->errors * 5 < s->requests)
        return;
    if (!s->storms++)
        s->first_s = s->window * STORM_S;
}

void storm_add(struct retries_storm *s, int64_t us, bool retry, bool error)
{
    int64_t window = floor_div(us, (int64_t)STORM_S * 1000000);
    if (window > s->window) {
        storm_close(s);
        s->window = window;
        s->requests = s->retries = s->errors = 0;
    }
    s->requests++;
    s->retries += retry;
    s->errors += error;
}
