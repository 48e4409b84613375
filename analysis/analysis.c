#include "analysis/analysis.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/state.h"
#include "base/pages.h"

enum { NAMES_MOST = 4 << 20 };

static uint32_t open_endpoint(void *context, uint32_t node)
{
    struct analysis *a = context;
    return endpoints_open(&a->endpoints, node);
}

static uint64_t endpoint_requests(const void *context, uint32_t id)
{
    return endpoints_at(&((const struct analysis *)context)->endpoints, id)->requests;
}

static void move_endpoint(void *context, uint32_t id, uint32_t node)
{
    struct analysis *a = context;
    endpoints_at(&a->endpoints, id)->node = node;
    endpoints_touch(&a->endpoints, id);
}

static void unite_endpoints(void *context, uint32_t from, uint32_t into)
{
    struct analysis *a = context;
    take_settle(a);
    depend_unite(a, from, into);
    masked_unite(a, endpoints_at(&a->endpoints, from), endpoints_at(&a->endpoints, into));
    bound_unite(a, endpoints_at(&a->endpoints, from), endpoints_at(&a->endpoints, into));
    endpoints_unite(&a->endpoints, from, into);
}

/* Places of the table of sandwiches are a power of two. */
static bool init_learning(struct analysis *a, const struct budget *b)
{
    uint32_t places = 1;
    while (places * 2 <= b->most[ROOM_SANDWICHES])
        places *= 2;
    a->credential_name = part_name(&a->key, PART_CREDENTIAL, SLICE("credential"));
    return learning_init(&a->learning, b->most[ROOM_LEARNERS], b->most[ROOM_DIMENSIONS], places);
}

/* Beside the rooms of the budget, which would else be others with names than without. */
static bool init_names(struct analysis *a)
{
    uint64_t bytes = a->options.memory / 128;
    return !a->options.names || clients_init_names(&a->clients, bytes < NAMES_MOST ? bytes : NAMES_MOST);
}

static bool init_parts(struct analysis *a)
{
    struct budget b = budget_of(a->options.memory);
    origins_init(&a->origins, &a->key);
    admission_init(&a->admission, hash_bytes(&a->key, 's', "sample", 6), b.most[ROOM_POPULAR]);
    struct trie_owner owner = {a, open_endpoint, endpoint_requests, move_endpoint, unite_endpoints};
    if (!slab_init(&a->page_memory, sizeof(struct hist_page), b.most[ROOM_PAGES]))
        return false;
    hist_pool_init(&a->pages, (struct hist_page *)(void *)a->page_memory.base, b.most[ROOM_PAGES]);
    a->pages.ready = 0;
    a->trie = trie_new(&a->key, &owner, b.most[ROOM_NODES], a->options.strict_templates);
    a->vary = vary_new(&a->key);
    a->contexts = pages_table(SHARING_CONTEXTS * sizeof *a->contexts);
    a->equals = pages_table(SHARING_EQUALS * sizeof *a->equals);
    return a->trie && a->vary && a->contexts && a->equals && endpoints_init(&a->endpoints, &b, &a->pages) &&
           keys_init(&a->keys, &b) && etags_init(&a->etags, b.most[ROOM_ETAGS]) &&
           pairs_init(&a->pairs, b.most[ROOM_PAIRS]) && clients_init(&a->clients, &b, &a->key) && init_names(a) &&
           addresses_init(&a->addresses, &a->key, b.most[ROOM_ADDRESSES]) && caches_init(&a->caches, &b) &&
           minutes_init(&a->minutes, b.most[ROOM_MINUTES]) && init_learning(a, &b) &&
           masked_init(&a->masked, b.most[ROOM_FIELDS]) &&
           writes_init(&a->writes, b.most[ROOM_WRITTEN], b.most[ROOM_WRITERS]);
}

struct analysis *analysis_new(const struct analysis_options *o, struct store *store)
{
    struct analysis *a = aligned_alloc(_Alignof(struct analysis), sizeof *a);
    if (!a)
        return NULL;
    memset(a, 0, sizeof *a);
    a->options = *o;
    if (o->clients_by_address)
        a->options.order = idorder_address();
    a->key = *o->key;
    a->store = store;
    a->start_us = a->first_us = INT64_MAX;
    a->greatest = a->last_us = INT64_MIN;
    a->base_started = a->base_ended = a->window_us = TIME_NONE;
    a->window_ends = INT64_MIN;
    if (init_parts(a))
        return a;
    analysis_free(a);
    return NULL;
}

void analysis_free(struct analysis *a)
{
    if (!a)
        return;
    trie_free(a->trie);
    vary_free(a->vary);
    pages_release(a->contexts, SHARING_CONTEXTS * sizeof *a->contexts);
    pages_release(a->equals, SHARING_EQUALS * sizeof *a->equals);
    learning_fini(&a->learning);
    endpoints_fini(&a->endpoints);
    keys_fini(&a->keys);
    admission_fini(&a->admission);
    etags_fini(&a->etags);
    pairs_fini(&a->pairs);
    clients_fini(&a->clients);
    addresses_fini(&a->addresses);
    caches_fini(&a->caches);
    minutes_fini(&a->minutes);
    writes_fini(&a->writes);
    masked_fini(&a->masked);
    slab_fini(&a->page_memory);
    buf_free(&a->text);
    buf_free(&a->route);
    buf_free(&a->written);
    buf_free(&a->latency);
    buf_free(&a->server);
    buf_free(&a->lifetimes);
    buf_free(&a->live);
    buf_free(&a->declared_ttl);
    buf_free(&a->sharing);
    buf_free(&a->sampling);
    buf_free(&a->sources);
    buf_free(&a->learned);
    buf_free(&a->fields);
    buf_free(&a->addresses_text);
    free(a);
}

void analysis_stats(struct analysis *a, const struct capture_stats *s)
{
    a->stats = *s;
    a->stats_known = true;
}
