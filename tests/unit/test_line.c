/* The line of arrival: what leaves it and in which order, beside a plain search; late ones, and bursts of what waited.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "capture/line.h"

enum { N = 20000, STEP = 100 };

struct seen {
    int64_t greatest;
    unsigned n, late, wrong;
};

static void take(void *context, struct exchange *x)
{
    struct seen *s = context;
    bool late = x->flags & FLAG_LATE;
    s->wrong += late != (x->arrival < s->greatest) || x->seq != s->n;
    s->greatest = x->arrival > s->greatest ? x->arrival : s->greatest;
    s->late += late;
    s->n++;
}

static struct slot *slots(void)
{
    struct slot *s = aligned_alloc(_Alignof(struct slot), N * sizeof *s);
    assert_non_null(s);
    memset(s, 0, N * sizeof *s);
    return s;
}

/* All are answered when all have come: the first two seconds' worth at once, what is older late, each as it ends. */
static void stragglers(void **state)
{
    struct seen seen = {.greatest = INT64_MIN};
    struct slot *s = slots();
    struct line l;
    (void)state;
    line_init(&l, (struct exchange_sink){take, &seen});
    for (int i = 0; i < N; i++) {
        s[i].x.arrival = (int64_t)i * 4 * STEP;
        s[i].x.order = (uint64_t)i;
        line_tick(&l, s[i].x.arrival);
        line_enter(&l, &s[i]);
    }
    assert_int_equal(seen.n, 0);
    for (int i = N; i--;)
        line_done(&l, &s[i]);
    assert_int_equal(seen.n, N);
    assert_int_equal(seen.wrong, 0);
    free(s);
}

/* Some come long after they arrived, many in a row, into the middle; answers in any order. */
static void bursts(void **state)
{
    struct seen seen = {.greatest = INT64_MIN};
    struct slot *s = slots();
    struct line l;
    uint64_t random = 5;
    (void)state;
    line_init(&l, (struct exchange_sink){take, &seen});
    unsigned *open = calloc(N, sizeof *open), n_open = 0;
    assert_non_null(open);
    for (unsigned i = 0; i < N; i++) {
        bool burst = i / 50 % 3 == 2;
        s[i].x.arrival = burst ? (int64_t)(i - 5000 * (i > 5000) + i % 50) * STEP : (int64_t)i * STEP;
        s[i].x.order = i;
        line_tick(&l, (int64_t)i * STEP * 10);
        line_enter(&l, &s[i]);
        open[n_open++] = i;
        random = hash_mix(random + i);
        if (random % 4) {
            unsigned at = (unsigned)(random >> 8) % n_open;
            line_done(&l, &s[open[at]]);
            open[at] = open[--n_open];
        }
    }
    while (n_open)
        line_done(&l, &s[open[--n_open]]);
    line_tick(&l, INT64_MAX / 2);
    assert_int_equal(seen.n, N);
    assert_int_equal(seen.wrong, 0);
    assert_true(seen.late && seen.late < N);
    free(open);
    free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(stragglers), cmocka_unit_test(bursts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
