#include "analysis/recurrence.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/ladder.h"
#include "base/dense.h"
#include "base/floor.h"

struct recurrence_key {
    int64_t last_us; /* of all its exchanges: time never runs backwards for a key */
    int64_t looked;  /* 1 + when it was looked up last, ms; 0: never */
};

static unsigned rung_of(int64_t gap_ms)
{
    unsigned i = 0;
    while (i < LADDER_RUNGS && gap_ms > ladder_ttl_s[i] * INT64_C(1000))
        i++;
    return i;
}

void recurrence_visit(struct recurrence *r, const struct row_exchange *x, struct recurrence_sums *sums)
{
    bool followed = x->key && x->key < RECURRENCE_KEYS && dense_grow((void **)&r->key, &r->n, x->key, sizeof *r->key);
    bool counts = sums && (x->flags & ROW_ELIGIBLE);
    if (counts) {
        sums->lookups++;
        sums->untracked += !followed;
    }
    if (!followed)
        return;
    struct recurrence_key *k = &r->key[x->key];
    int64_t us = row_sane_us(x->arrival_us);
    us = k->last_us = us > k->last_us ? us : k->last_us;
    if (!(x->flags & ROW_ELIGIBLE))
        return;
    int64_t ms = floor_div(us, 1000);
    if (counts && k->looked)
        sums->again[rung_of(ms + 1 - k->looked)]++;
    k->looked = ms + 1;
}

void recurrence_free(struct recurrence *r)
{
    free(r->key);
    *r = (struct recurrence){0};
}

double recurrence_within(const struct recurrence_sums *s, unsigned rung)
{
    uint64_t n = 0;
    if (!s->lookups || s->untracked)
        return NAN;
    for (unsigned i = 0; i <= rung; i++)
        n += s->again[i];
    return (double)n / (double)s->lookups;
}
