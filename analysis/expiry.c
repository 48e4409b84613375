#include "analysis/expiry.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/marks.h"
#include "base/table.h"

/* What a cache would hold of a key, and what came when the copy before it had ended. */
struct entry {
    uint64_t hash;    /* 0: free */
    int64_t ends_us;  /* of the copy there is */
    int64_t ended_us; /* of the one before it; INT64_MIN: none */
    uint32_t endpoint, lifetime_s, ended_lifetime_s;
    uint32_t near, alike; /* requests within a second of ended_us */
    uint64_t server_us;
};

struct expiry {
    struct entry *entry;
    struct expiry_sums *(*sums)(void *context, uint32_t endpoint);
    void *context;
    uint64_t used[MARKS(EXPIRY_MOST)];
};

struct expiry *expiry_new(struct expiry_sums *(*sums)(void *context, uint32_t endpoint), void *context)
{
    struct expiry *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    *x = (struct expiry){table_new(EXPIRY_MOST, sizeof *x->entry), sums, context, {0}};
    if (x->entry)
        return x;
    expiry_free(x);
    return NULL;
}

void expiry_free(struct expiry *x)
{
    if (x)
        table_free(x->entry);
    free(x);
}

/* Judges the end that is behind. */
static void leave(struct expiry *x, struct entry *e)
{
    struct expiry_sums *s = e->alike >= EXPIRY_FEW ? x->sums(x->context, e->endpoint) : NULL;
    if (s) {
        if (!s->stampedes++)
            s->first_us = e->ended_us;
        s->requests += e->near;
        s->coalescable += e->alike;
        s->server_us += e->server_us;
        if (e->near > s->most) {
            s->most = e->near;
            s->lifetime_s = e->ended_lifetime_s;
        }
    }
    e->near = e->alike = 0;
    e->server_us = 0;
}

static bool is_near(int64_t at, int64_t moment)
{
    return moment != INT64_MIN && at >= moment && at <= moment + EXPIRY_NEAR_US;
}

/* The copy ends, and this answer makes the next one. */
static void renew(struct expiry *x, struct entry *e, const struct expiry_call *c)
{
    if (e->ended_us != e->ends_us && e->ends_us != INT64_MIN) {
        leave(x, e);
        e->ended_us = e->ends_us;
        e->ended_lifetime_s = e->lifetime_s;
    }
    e->lifetime_s = c->lifetime - 1;
    e->ends_us = c->answered_us + (int64_t)e->lifetime_s * 1000000;
    e->endpoint = c->endpoint;
}

static void near(struct entry *e, const struct expiry_call *c)
{
    e->near++;
    e->alike += c->alike;
    e->server_us += c->alike ? c->server_us : 0;
}

void expiry_take(struct expiry *x, const struct expiry_call *c)
{
    size_t number = hash_mix(c->hash) >> 32 & (EXPIRY_MOST - 1);
    struct entry *e = &x->entry[number];
    bool known = e->hash == c->hash;
    if (!known && c->lifetime <= 1)
        return;
    if (!known) {
        leave(x, e);
        *e = (struct entry){.hash = c->hash, .ends_us = INT64_MIN, .ended_us = INT64_MIN};
        marks_set(x->used, number);
    }
    bool over = c->start_us >= e->ends_us;
    if (over && c->lifetime > 1)
        renew(x, e, c);
    if (is_near(c->start_us, e->ended_us))
        near(e, c);
}

void expiry_end(struct expiry *x)
{
    for (size_t i = 0; (i = marks_next(x->used, EXPIRY_MOST, i)) < EXPIRY_MOST; i++)
        leave(x, &x->entry[i]);
}

double expiry_spread(const struct expiry_sums *s)
{
    return s->lifetime_s ? s->most / (EXPIRY_JITTER * (double)s->lifetime_s) : NAN;
}
