#include "analysis/survival.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/numbers.h"
#include "base/cold.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/prefetch.h"

enum { QUARTER_MS = 250, PAIR_BITS = 16, LEAST_CLASS = 4, MOST_CLASS = 13 };

/* ms as (a, b]: 1..1000 is cell 0, 1001..1250 is cell 1, ... `below` is one less than the ms. */
static unsigned cell_of(uint64_t below)
{
    uint64_t quarters = below / QUARTER_MS;
    if (quarters < 4)
        return 0;
    unsigned e = 63 - (unsigned)__builtin_clzll(quarters);
    unsigned cell = 1 + (e - 2) * 4 + ((unsigned)(quarters >> (e - 2)) & 3);
    return cell < SURVIVAL_TAIL ? cell : SURVIVAL_TAIL;
}

unsigned survival_least(uint64_t longer_than)
{
    return cell_of(longer_than);
}

unsigned survival_most(uint64_t at_most)
{
    return cell_of(at_most ? at_most - 1 : 0);
}

double survival_edge(unsigned cell)
{
    if (!cell || cell >= SURVIVAL_CELLS)
        return cell ? INFINITY : 0;
    return ldexp(1 + (cell - 1) % 4 / 4., (int)((cell - 1) / 4));
}

static uint64_t *table_of(const struct survival *s, const struct blocks *pool)
{
    return blocks_at(pool, s->table);
}

/* Where a pair is looked for first. */
static uint32_t home(unsigned class, uint16_t pair)
{
    return (uint32_t)(pair * 0x9e3779b1u) >> (32 - class);
}

/* The word of a pair, or the free one where it would go. At most three quarters of the words are taken. */
static uint64_t *find(uint64_t *table, unsigned class, uint16_t pair)
{
    uint32_t mask = (1u << class) - 1, at = home(class, pair);
    while (table[at & mask] && (uint16_t)table[at & mask] != pair)
        at++;
    return &table[at & mask];
}

static COLD bool grow(struct survival *s, struct blocks *pool)
{
    unsigned class = s->table ? s->class + 1u : LEAST_CLASS;
    uint32_t table = class <= MOST_CLASS ? blocks_take(pool, class) : 0;
    if (!table)
        return false;
    for (uint32_t i = 0; s->table && i < 1u << s->class; i++) {
        uint64_t word = table_of(s, pool)[i];
        if (word)
            *find(blocks_at(pool, table), class, (uint16_t)word) = word;
    }
    if (s->table)
        blocks_give(pool, s->table, s->class);
    s->table = table;
    s->class = (uint8_t) class;
    return true;
}

/* The pair 0, 0 needs a word that is not 0, too: cells are stored from 1 on. */
static uint16_t pair_of(unsigned left, unsigned right)
{
    return (uint16_t)((right + 1) << 8 | (left + 1));
}

static void add(struct survival *s, struct blocks *pool, unsigned left, unsigned right, uint64_t n)
{
    uint16_t pair = pair_of(left, right < left ? left : right);
    uint64_t *word = s->table ? find(table_of(s, pool), s->class, pair) : NULL;
    if (!word || !*word) {
        if ((!s->table || (s->used + 1) * 4 > 3 << s->class) && !grow(s, pool)) {
            s->lost += n;
            return;
        }
        word = find(table_of(s, pool), s->class, pair);
        *word = pair;
        s->used++;
    }
    *word += n << PAIR_BITS;
}

void survival_died(struct survival *s, struct blocks *pool, uint64_t longer_than, uint64_t at_most)
{
    add(s, pool, survival_least(longer_than), survival_most(at_most), 1);
    s->deaths++;
    s->close += 20 * (at_most - longer_than) < at_most + longer_than; /* width against the middle */
}

void survival_alive(struct survival *s, struct blocks *pool, unsigned cell)
{
    add(s, pool, cell, SURVIVAL_TAIL, 1);
}

void survival_alive_no_more(struct survival *s, struct blocks *pool, unsigned cell)
{
    uint64_t *word = s->table ? find(table_of(s, pool), s->class, pair_of(cell, SURVIVAL_TAIL)) : NULL;
    if (word && *word >> PAIR_BITS)
        *word -= (uint64_t)1 << PAIR_BITS;
    else
        s->lost -= s->lost > 0; /* it was never taken in */
}

static void expect(const struct survival *s, const struct blocks *pool, unsigned left, unsigned right)
{
    if (s->table)
        prefetch(table_of(s, pool) + home(s->class, pair_of(left, right)));
}

void survival_expect_death(const struct survival *s, const struct blocks *pool, uint64_t longer_than, uint64_t at_most)
{
    expect(s, pool, survival_least(longer_than), survival_most(at_most));
}

void survival_expect_alive(const struct survival *s, const struct blocks *pool, unsigned cell)
{
    expect(s, pool, cell, SURVIVAL_TAIL);
}

void survival_drop(struct survival *s, struct blocks *pool)
{
    if (s->table)
        blocks_give(pool, s->table, s->class);
    *s = (struct survival){0};
}

static int by_cells(const void *a, const void *b)
{
    const struct survival_count *x = a, *y = b;
    return x->left != y->left ? x->left - y->left : x->right - y->right;
}

unsigned survival_counts(const struct survival *s, const struct blocks *pool, struct survival_count out[SURVIVAL_PAIRS])
{
    unsigned n = 0;
    for (uint32_t i = 0; s->table && i < 1u << s->class; i++) {
        uint64_t word = table_of(s, pool)[i];
        if (word >> PAIR_BITS)
            out[n++] = (struct survival_count){(uint8_t)((word & 255) - 1), (uint8_t)((word >> 8 & 255) - 1),
                                               word >> PAIR_BITS};
    }
    if (n > 1)
        qsort(out, n, sizeof *out, by_cells);
    return n;
}

void survival_merge(struct survival *into, const struct survival *from, struct blocks *pool)
{
    struct survival_count c[SURVIVAL_PAIRS];
    unsigned n = survival_counts(from, pool, c);
    for (unsigned i = 0; i < n; i++)
        add(into, pool, c[i].left, c[i].right, c[i].n);
    into->deaths += from->deaths;
    into->close += from->close;
    into->lost += from->lost;
}

void survival_write(const struct survival *s, const struct blocks *pool, struct buf *out)
{
    struct survival_count c[SURVIVAL_PAIRS];
    struct json j = {out, false};
    unsigned n = survival_counts(s, pool, c);
    json_open(&j, '[');
    json_u64(&j, s->deaths);
    json_u64(&j, s->close);
    for (unsigned i = 0; i < n; i++) {
        json_open(&j, '[');
        json_u64(&j, c[i].left);
        json_u64(&j, c[i].right);
        json_u64(&j, c[i].n);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool survival_read(struct survival_list *l, struct slice text)
{
    struct numbers r = numbers_of(text);
    l->n = 0;
    l->deaths = numbers_more(&r) ? numbers_next(&r) : 0;
    l->close = numbers_more(&r) ? numbers_next(&r) : 0;
    while (numbers_more(&r)) {
        uint64_t left = numbers_next(&r), right = numbers_next(&r), n = numbers_next(&r);
        r.bad |= right >= SURVIVAL_CELLS || left > right || n >> 48 || l->n == SURVIVAL_PAIRS;
        if (!r.bad)
            l->count[l->n++] = (struct survival_count){(uint8_t)left, (uint8_t)right, n};
    }
    if (r.bad)
        l->n = 0, l->deaths = l->close = 0;
    return !r.bad;
}

void survival_load(struct survival *s, struct blocks *pool, const struct survival_list *l)
{
    for (unsigned i = 0; i < l->n; i++)
        add(s, pool, l->count[i].left, l->count[i].right, l->count[i].n);
    s->deaths = l->deaths;
    s->close = l->close;
}

/* Turnbull's innermost intervals: from a left end to the next right end. Mass can lie nowhere else. */
static void innermost(const struct survival_count *c, unsigned n, struct survival_curve *out)
{
    bool left[SURVIVAL_CELLS] = {false}, right[SURVIVAL_CELLS] = {false};
    int from = -1;
    out->n = 0;
    for (unsigned i = 0; i < n; i++)
        if (c[i].n)
            left[c[i].left] = right[c[i].right] = true;
    for (int cell = 0; cell < SURVIVAL_CELLS; cell++) {
        from = left[cell] ? cell : from;
        if (right[cell] && from >= 0) {
            out->run[out->n++] = (struct survival_run){(uint8_t)from, (uint8_t)cell, 0};
            from = -1;
        }
    }
}

/* First run of each cell's, and the run after the last: an interval holds runs [first[left], past[right]). */
struct reach {
    uint8_t first[SURVIVAL_CELLS], past[SURVIVAL_CELLS];
};

static void reach_of(const struct survival_curve *c, struct reach *r)
{
    for (unsigned cell = 0, first = 0, past = 0; cell < SURVIVAL_CELLS; cell++) {
        while (first < c->n && c->run[first].left < cell)
            first++;
        while (past < c->n && c->run[past].right <= cell)
            past++;
        r->first[cell] = (uint8_t)first;
        r->past[cell] = (uint8_t)past;
    }
}

/* One step: the versions of each pair are dealt out over its runs by their mass so far. Sums over runs are differences
 * of running sums, but where the mass is so small that a difference would be noise. Returns the greatest change. */
static double step(const struct survival_count *c, unsigned n, const struct reach *r, struct survival_curve *out)
{
    double before[SURVIVAL_CELLS + 1] = {0}, turn[SURVIVAL_CELLS + 1] = {0}, own[SURVIVAL_CELLS] = {0};
    double all = 0, running = 0, most = 0;
    for (unsigned j = 0; j < out->n; j++)
        before[j + 1] = before[j] + out->run[j].mass;
    for (unsigned i = 0; i < n; i++) {
        unsigned from = r->first[c[i].left], past = r->past[c[i].right];
        double mass = before[past] - before[from], k = (double)c[i].n;
        all += k;
        if (mass > 1e-6) {
            turn[from] += k / mass;
            turn[past] -= k / mass;
            continue;
        }
        mass = 0;
        for (unsigned j = from; j < past; j++)
            mass += out->run[j].mass;
        for (unsigned j = from; j < past && mass > 0; j++)
            own[j] += k / mass;
    }
    for (unsigned j = 0; j < out->n; j++) {
        running += turn[j];
        double mass = out->run[j].mass * (running + own[j]) / all, change = fabs(mass - out->run[j].mass);
        out->run[j].mass = mass;
        most = change > most ? change : most;
    }
    return most;
}

/* The last digits come slowly where masses go to nothing: as many steps as fit into a hundredth of a second. */
enum { WORK = 4000000 };
#define SETTLED 1e-9

void survival_turnbull(const struct survival_count *c, unsigned n, struct survival_curve *out)
{
    struct reach r;
    unsigned steps = WORK / (n + SURVIVAL_CELLS);
    innermost(c, n, out);
    reach_of(out, &r);
    for (unsigned j = 0; j < out->n; j++)
        out->run[j].mass = 1. / out->n;
    out->steps = 0;
    while (out->n && out->steps++ < steps && step(c, n, &r, out) > SETTLED)
        ;
}

static void put(struct survival_curve *out, unsigned left, unsigned right, double mass)
{
    if (mass > 0)
        out->run[out->n++] = (struct survival_run){(uint8_t)left, (uint8_t)right, mass};
}

void survival_kaplan_meier(const struct survival_count *c, unsigned n, struct survival_curve *out)
{
    double died[SURVIVAL_CELLS] = {0}, left[SURVIVAL_CELLS] = {0}, at_risk = 0, share = 1;
    unsigned last = 0;
    out->n = out->steps = 0;
    for (unsigned i = 0; i < n; i++) {
        bool alive = c[i].right == SURVIVAL_TAIL;
        (alive ? left : died)[alive ? c[i].left : c[i].right] += (double)c[i].n;
        at_risk += (double)c[i].n;
        last = alive && c[i].left > last ? c[i].left : last;
    }
    for (unsigned cell = 0; cell < SURVIVAL_TAIL && at_risk > 0; cell++) {
        double mass = share * died[cell] / at_risk;
        put(out, cell, cell, mass);
        share = at_risk > died[cell] ? share - mass : 0;
        at_risk -= died[cell] + left[cell];
        last = died[cell] > 0 && cell > last ? cell : last;
    }
    put(out, last, SURVIVAL_TAIL, share);
}

double survival_low(const struct survival_curve *c, unsigned cell)
{
    double sum = 0;
    for (unsigned j = 0; j < c->n; j++)
        sum += c->run[j].left >= cell ? c->run[j].mass : 0;
    return sum;
}

double survival_high(const struct survival_curve *c, unsigned cell)
{
    double sum = 0;
    for (unsigned j = 0; j < c->n; j++)
        sum += c->run[j].right >= cell ? c->run[j].mass : 0;
    return sum;
}

void survival_median(const struct survival_curve *c, double *low, double *high)
{
    unsigned from = 0, to = 0;
    while (from < SURVIVAL_TAIL && survival_low(c, from + 1) > 0.5)
        from++;
    while (to < SURVIVAL_CELLS && survival_high(c, to) > 0.5)
        to++;
    *low = survival_edge(from);
    *high = survival_edge(to);
}

struct survival_result survival_result(const struct survival_list *l)
{
    struct survival_result r = {.deaths = l->deaths, .median_low = NAN, .median_high = NAN};
    for (unsigned i = 0; i < l->n; i++)
        r.versions += l->count[i].n;
    r.close = l->close * 2 > l->deaths;
    (r.close ? survival_kaplan_meier : survival_turnbull)(l->count, l->n, &r.curve);
    if (!l->deaths || !r.versions)
        return r;
    survival_median(&r.curve, &r.median_low, &r.median_high);
    if (isinf(r.median_high))
        r.median_high = NAN;
    return r;
}

static double uniform(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15u;
    return ((double)(hash_mix(*seed) >> 11) + 0.5) * 0x1p-53;
}

/* A Poisson number; above 30 rounded from the normal, which is close enough for a resample. */
static uint64_t poisson(double mean, uint64_t *seed)
{
    if (mean > 30) {
        double z = sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed));
        double n = mean + z * sqrt(mean) + 0.5;
        return n > 0 ? (uint64_t)n : 0;
    }
    uint64_t n = 0;
    for (double left = uniform(seed), limit = exp(-mean); left > limit; left *= uniform(seed))
        n++;
    return n;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { RESAMPLES = 1000 };

void survival_bootstrap(const struct survival_list *l, unsigned resamples, uint64_t seed, double *low, double *high)
{
    double lows[RESAMPLES], highs[RESAMPLES];
    struct survival_count *c = malloc(sizeof l->count);
    unsigned n = resamples < 1 ? 1 : resamples < RESAMPLES ? resamples : RESAMPLES;
    bool close = l->close * 2 > l->deaths;
    struct survival_curve curve;
    *low = *high = NAN;
    if (!c || !l->n || !l->deaths) {
        free(c);
        return;
    }
    for (unsigned run = 0; run < n; run++) {
        for (unsigned i = 0; i < l->n; i++)
            c[i] = (struct survival_count){l->count[i].left, l->count[i].right, poisson((double)l->count[i].n, &seed)};
        (close ? survival_kaplan_meier : survival_turnbull)(c, l->n, &curve);
        survival_median(&curve, &lows[run], &highs[run]);
    }
    free(c);
    qsort(lows, n, sizeof *lows, by_size);
    qsort(highs, n, sizeof *highs, by_size);
    *low = lows[n * 25 / 1000];
    *high = highs[n - 1 - n * 25 / 1000];
}
