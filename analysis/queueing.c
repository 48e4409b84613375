#include "analysis/queueing.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/hist.h"
#include "base/map.h"

enum { NONE = UINT32_MAX, SECONDS = UINT16_MAX, COARSE = HIST_SUB / QUEUEING_STEPS };

/* How many answers of a backend had this server time in seconds of this concurrency; `time` SECONDS: how many such
 * seconds there were. */
struct row {
    uint64_t hash;
    uint32_t load, n;
    uint16_t depth, time;
};

/* An answer of a second that is not over. */
struct pending {
    int64_t second;
    uint32_t next;
    uint16_t time;
};

struct queueing {
    struct row *row;
    struct map map;
    struct pending *pending;
    uint32_t *first; /* pending of a backend */
    bool *lost;
    uint32_t loads, n, free, n_pending;
};

struct queueing *queueing_new(uint32_t loads)
{
    struct queueing *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->loads = loads;
    q->free = NONE;
    q->row = calloc(QUEUEING_ROWS, sizeof *q->row);
    q->pending = calloc(QUEUEING_PENDING, sizeof *q->pending);
    q->first = calloc(loads + 1, sizeof *q->first);
    q->lost = calloc(loads + 1, sizeof *q->lost);
    for (uint32_t i = 0; q->first && i < loads; i++)
        q->first[i] = NONE;
    if (q->row && q->pending && q->first && q->lost && map_init(&q->map, q->row, sizeof *q->row, QUEUEING_ROWS))
        return q;
    queueing_free(q);
    return NULL;
}

void queueing_free(struct queueing *q)
{
    if (!q)
        return;
    map_free(&q->map);
    free(q->row);
    free(q->pending);
    free(q->first);
    free(q->lost);
    free(q);
}

static void count(struct queueing *q, uint32_t load, uint16_t depth, uint16_t time)
{
    uint64_t hash = hash_mix((uint64_t)load << 32 | (uint64_t)depth << 16 | time);
    uint32_t at = map_find(&q->map, hash);
    if (at == MAP_NONE) {
        if (q->n == QUEUEING_ROWS || !map_insert(&q->map, hash, q->n)) {
            q->lost[load] = true;
            return;
        }
        at = q->n++;
        q->row[at] = (struct row){.hash = hash, .load = load, .depth = depth, .time = time};
    }
    q->row[at].n++;
}

void queueing_answer(struct queueing *q, uint32_t load, int64_t second, uint64_t server_us)
{
    uint32_t at = q->free;
    if (at != NONE) {
        q->free = q->pending[at].next;
    } else if (q->n_pending < QUEUEING_PENDING) {
        at = q->n_pending++;
    } else {
        q->lost[load] = true;
        return;
    }
    q->pending[at] = (struct pending){second, q->first[load], (uint16_t)hist_index(server_us)};
    q->first[load] = at;
}

void queueing_second(struct queueing *q, uint32_t load, int64_t second, uint64_t area_us)
{
    uint16_t depth = (uint16_t)(hist_index(area_us) / COARSE);
    count(q, load, depth, SECONDS);
    for (uint32_t at = q->first[load], next; at != NONE; at = next) {
        next = q->pending[at].next;
        if (q->pending[at].second == second)
            count(q, load, depth, q->pending[at].time);
        q->pending[at].next = q->free;
        q->free = at;
    }
    q->first[load] = NONE;
}

static int by_place(const void *x, const void *y)
{
    const struct row *a = x, *b = y;
    if (a->load != b->load)
        return a->load < b->load ? -1 : 1;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return (a->time > b->time) - (a->time < b->time);
}

void queueing_end(struct queueing *q)
{
    qsort(q->row, q->n, sizeof *q->row, by_place);
}

/* ---- the verdict ---- */

/* The rows of a backend. */
static const struct row *rows_of(const struct queueing *q, uint32_t load, uint32_t *n)
{
    uint32_t from = 0, to = q->n;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (q->row[middle].load < load)
            from = middle + 1;
        else
            to = middle;
    }
    for (*n = 0; from + *n < q->n && q->row[from + *n].load == load; ++*n)
        ;
    return &q->row[from];
}

/* The concurrency that this share of the seconds does not exceed. */
static uint16_t depth_at(const struct row *row, uint32_t n, uint64_t seconds, double share)
{
    uint64_t want = (uint64_t)ceil(share * (double)seconds), seen = 0;
    for (uint32_t i = 0; i < n; i++)
        if (row[i].time == SECONDS && (seen += row[i].n) >= want)
            return row[i].depth;
    return 0;
}

/* p95 by p50 of the server times of seconds of [low, high]; NaN: the median is 0. *answers: how many there were. */
static double spread(const struct row *row, uint32_t n, uint16_t low, uint16_t high, uint64_t *answers)
{
    struct hist_dense d = {0};
    for (uint32_t i = 0; i < n; i++)
        if (row[i].time != SECONDS && row[i].depth >= low && row[i].depth <= high) {
            d.count[row[i].time] += row[i].n;
            d.n += row[i].n;
        }
    *answers = d.n;
    double median = d.n ? hist_quantile(&d, .5) : 0;
    return median > 0 ? hist_quantile(&d, .95) / median : NAN;
}

static struct queueing_found refused(enum queueing_refusal why)
{
    return (struct queueing_found){NAN, NAN, NAN, why};
}

struct queueing_found queueing_of(const struct queueing *q, uint32_t load)
{
    uint32_t n;
    const struct row *row = rows_of(q, load, &n);
    uint64_t seconds = 0, idle_n, busy_n;
    for (uint32_t i = 0; i < n; i++)
        seconds += row[i].time == SECONDS ? row[i].n : 0;
    if (q->lost[load])
        return refused(QUEUEING_NO_ROOM);
    if (seconds < QUEUEING_SECONDS)
        return refused(QUEUEING_FEW_SECONDS);
    uint16_t low = depth_at(row, n, seconds, .1), high = depth_at(row, n, seconds, .9);
    if (low >= high)
        return refused(QUEUEING_NARROW);
    double idle = spread(row, n, 0, low, &idle_n), busy = spread(row, n, high, UINT16_MAX, &busy_n);
    if (idle_n < QUEUEING_ANSWERS || busy_n < QUEUEING_ANSWERS)
        return refused(QUEUEING_FEW_ANSWERS);
    if (isnan(idle) || isnan(busy))
        return refused(QUEUEING_NO_TIME);
    return (struct queueing_found){busy / idle, busy, idle, QUEUEING_FITS};
}

const char *queueing_refusal_name(enum queueing_refusal r)
{
    static const char *const names[QUEUEING_REFUSALS] = {"",        "few_seconds", "narrow", "few_answers",
                                                         "no_time", "no_room"};
    return r < QUEUEING_REFUSALS ? names[r] : "";
}
