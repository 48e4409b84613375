#include "analysis/floods.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/limitadvice.h"
#include "capture/exchange.h"

struct person {
    double need[ENVELOPE_RATES];
    uint32_t id;
};

/* Those of one kind of identity, or one field. */
struct crowd {
    struct person *person;
    size_t n, cap;
};

struct gathering {
    struct crowd crowd[IDENTITY_COUNT];
    double rate[ENVELOPE_RATES];
    bool failed;
};

/* What is told apart by one field can only be limited together. */
static int crowd_of(struct slice identity)
{
    int kind = 0;
    while (kind < IDENTITY_COUNT && !slice_eq(identity, slice_str(identity_name((enum identity)kind))))
        kind++;
    return kind == IDENTITY_JWT || kind == IDENTITY_BASIC ? IDENTITY_BEARER : kind;
}

static bool add(void *context, const struct row_client *c)
{
    struct gathering *g = context;
    int kind = crowd_of(c->identity);
    bool profiled = c->peak_1s > 0;
    if (kind == IDENTITY_COUNT || !profiled || g->crowd[kind].n == FLOODS_CLIENTS)
        return true;
    struct crowd *crowd = &g->crowd[kind];
    if (crowd->n == crowd->cap) {
        size_t cap = crowd->cap ? crowd->cap * 2 : 64;
        struct person *more = realloc(crowd->person, cap * sizeof *more);
        g->failed |= !more;
        if (!more)
            return false;
        crowd->person = more;
        crowd->cap = cap;
    }
    struct person *p = &crowd->person[crowd->n++];
    p->id = c->id;
    memcpy(p->need, c->envelope_burst, sizeof p->need);
    memcpy(g->rate, c->envelope_rate, sizeof g->rate);
    return true;
}

static bool judge(struct floods *f, const struct gathering *g, const struct crowd *crowd)
{
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    struct limitadvice a;
    struct limitadvice_client *clients = calloc(crowd->n + 1, sizeof *clients);
    bool ok = clients != NULL;
    for (size_t i = 0; ok && i < crowd->n; i++)
        clients[i].need = crowd->person[i].need;
    ok = ok && limitadvice_of(g->rate, ENVELOPE_RATES, clients, crowd->n, &o, &a);
    for (size_t i = 0; ok && a.kept >= FLOODS_NORMAL && i < crowd->n && f->n < FLOODS_MOST; i++)
        if (clients[i].outlier)
            f->item[f->n++] = (struct flood){.client = crowd->person[i].id,
                                             .rate = a.rate,
                                             .burst = (double)a.burst,
                                             .level = (double)a.burst,
                                             .last_us = INT64_MIN};
    free(clients);
    return ok;
}

bool floods_choose(struct floods *f, struct store_reader *r)
{
    struct gathering g = {.failed = false};
    store_read_clients(r, add, &g);
    for (int i = 0; i < IDENTITY_COUNT; i++) {
        g.failed |= !g.failed && !judge(f, &g, &g.crowd[i]);
        free(g.crowd[i].person);
    }
    return !g.failed;
}

struct flood *floods_of(struct floods *f, uint32_t client)
{
    for (uint32_t i = 0; client && i < f->n; i++)
        if (f->item[i].client == client)
            return &f->item[i];
    return NULL;
}

void floods_take(struct flood *f, int64_t at_us, uint64_t server_us)
{
    double waited = f->last_us == INT64_MIN ? 0 : (double)(at_us - f->last_us) / 1e6;
    f->level = fmin(f->burst, f->level + waited * f->rate);
    f->last_us = at_us;
    f->requests++;
    if (f->level >= 1) {
        f->level--;
        return;
    }
    f->rejected++;
    f->rejected_us += server_us;
}
