#include "analysis/admission.h"

#include <stdlib.h>

#include "analysis/state.h"

enum { FREE_SHARE = 8, LEAST_COUNT = 8, TRIES = 64 };

void admission_init(struct admission *m, uint64_t seed, uint32_t popular_most)
{
    *m = (struct admission){.seed = seed, .popular_most = popular_most};
}

void admission_fini(struct admission *m)
{
    spacesaving_free(m->popular);
}

void admission_begin(struct admission *m)
{
    m->sampled = true;
    if (!m->popular)
        m->popular = spacesaving_new(m->popular_most); /* without memory nothing becomes hot */
}

static bool in_sample(const struct analysis *a, uint64_t hash, const struct endpoint *e)
{
    return !e->tail || sampling_in(hash_mix(hash ^ a->admission.seed), endpoints_tail(&a->endpoints, e)->level);
}

static bool keeps(void *context, const struct key *at)
{
    struct analysis *a = context;
    return at->hot ||
           in_sample(a, at->hash, endpoints_at(&a->endpoints, endpoints_resolve(&a->endpoints, at->endpoint)));
}

/* ---- room ---- */

/* Rows and slots of the keys that are not hot, by endpoint. */
static void weigh(struct analysis *a, uint32_t *weight)
{
    const struct keys *k = &a->keys;
    for (uint32_t row = 0; row < k->rows.used; row++) {
        const struct key *at = keys_at(k, row);
        if (!at->hot)
            weight[endpoints_resolve(&a->endpoints, at->endpoint)]++;
    }
    for (uint32_t slot = 0; slot < k->slots.used; slot++) {
        const struct key *at = keys_at(k, *(const uint32_t *)slab_at(&k->owners, slot));
        if (!at->hot)
            weight[endpoints_resolve(&a->endpoints, at->endpoint)]++;
    }
}

/* Ties: the smallest id. */
static uint32_t heaviest(const uint32_t *weight, uint32_t n)
{
    uint32_t most = 0;
    for (uint32_t id = 1; id < n; id++)
        if (weight[id] > weight[most])
            most = id;
    return most;
}

/* Halves what is heaviest until so much will be gone. Returns how much that is, about. */
static uint32_t thin(struct analysis *a, uint32_t *weight, uint32_t wanted)
{
    uint32_t gone = 0, n = a->endpoints.rows.used;
    weight[0] = 0;
    while (gone < wanted) {
        uint32_t id = heaviest(weight, n);
        if (weight[id] < 2)
            break;
        if (endpoints_thin(&a->endpoints, id)) {
            gone += weight[id] / 2;
            weight[id] -= weight[id] / 2;
        } else {
            weight[id] = 0;
        }
    }
    return gone;
}

/* Hot keys of many variants may fill the table: then they are no longer hot. False: nothing can be halved. */
static bool thin_anyhow(struct analysis *a, uint32_t *weight)
{
    uint32_t wanted = (a->keys.rows.used + a->keys.slots.used) / FREE_SHARE;
    weigh(a, weight);
    uint32_t gone = thin(a, weight, wanted);
    if (gone >= wanted / 2 || !a->keys.promoted.used)
        return gone > 0;
    keys_demote(&a->keys);
    memset(weight, 0, a->endpoints.rows.used * sizeof *weight);
    weigh(a, weight);
    return thin(a, weight, wanted) > 0;
}

static bool drop(struct analysis *a)
{
    uint32_t *weight = calloc(a->endpoints.rows.used, sizeof *weight);
    bool thinned = weight && thin_anyhow(a, weight);
    free(weight);
    if (!thinned || !keys_drop(&a->keys, keeps, a))
        return false;
    for (int i = 0; i < QUERY_MEMO; i++)
        a->queries[i].key = 0; /* their text has moved */
    return true;
}

bool admission_make_room(struct analysis *a, size_t name_n)
{
    struct admission *m = &a->admission;
    if (m->stuck)
        return false;
    analysis_commit_names(a); /* what is dropped will not be named later */
    for (int i = 0; i < TRIES && keys_tight(&a->keys, name_n); i++)
        if (!drop(a)) {
            m->stuck = true;
            return false;
        }
    admission_begin(m);
    return !keys_tight(&a->keys, name_n);
}

/* ---- who comes in ---- */

/* Looks at the count alone, not at whether the key is in the sample: else the sampled tail would keep its hottest keys
 * and stand for what it is not. */
static bool is_popular(struct analysis *a, uint64_t hash)
{
    struct admission *m = &a->admission;
    if (!m->popular)
        return false;
    const struct heavy *h = spacesaving_add(m->popular, hash);
    uint64_t sure = h->count - h->error;
    m->counted++;
    return sure >= LEAST_COUNT && sure > m->counted / a->keys.rows.most;
}

static uint32_t add(struct analysis *a, const struct admission_visit *v)
{
    uint32_t row = keys_add(&a->keys, v->hash, v->method, v->service, v->target, v->operation);
    if (row != MAP_NONE)
        keys_at(&a->keys, row)->endpoint = (uint16_t)v->endpoint;
    return row;
}

uint32_t admission_row(struct analysis *a, const struct admission_visit *v)
{
    const struct endpoint *e = endpoints_at(&a->endpoints, v->endpoint);
    struct keys *k = &a->keys;
    if (!e->tail)
        return v->row != MAP_NONE ? v->row : add(a, v);
    if (v->row != MAP_NONE && keys_at(k, v->row)->hot)
        return v->row;
    bool popular = v->lookup && is_popular(a, v->hash) && k->promoted.used < k->promoted.most;
    if (!popular && !in_sample(a, v->hash, e))
        return MAP_NONE;
    uint32_t row = v->row != MAP_NONE ? v->row : add(a, v);
    if (popular && row != MAP_NONE)
        keys_promote(k, row);
    return row;
}

uint32_t admission_stands_for(const struct analysis *a, uint64_t hash, uint32_t endpoint)
{
    const struct endpoint *e = endpoints_at(&a->endpoints, endpoint);
    if (!e->tail)
        return 1;
    return in_sample(a, hash, e) ? 1u << endpoints_tail(&a->endpoints, e)->level : 0;
}

uint32_t admission_level(const struct analysis *a)
{
    uint32_t most = 0;
    for (uint32_t id = 1; id < a->endpoints.rows.used && a->admission.sampled; id++) {
        const struct endpoint *e = endpoints_at(&a->endpoints, id);
        uint32_t level = e->tail ? endpoints_tail(&a->endpoints, e)->level : 0;
        most = level > most ? level : most;
    }
    return most;
}
