/* trie: infers the routes of a service from the paths it sees (ALGORITHMS.md section 6.2). Per method and service a
 * tree of labels; a node that gets more than TRIE_FANOUT literal children unites those with less than 5 % of its
 * traffic into {var}. Endpoints hang at nodes; when two are united the owner is told. Never asked per exchange, only
 * for paths not seen before. */
#ifndef ANALYSIS_TRIE_H
#define ANALYSIS_TRIE_H

#include "base/buf.h"
#include "base/hash.h"

enum { TRIE_OPERATIONS = 512, TRIE_FANOUT = 32, TRIE_DEPTH = 12, TRIE_PATH = 1024 };

/* Who keeps the endpoints. Ids are above 0. */
struct trie_owner {
    void *context;
    uint32_t (*open)(void *context, uint32_t node);               /* a new endpoint at this node; 0: no more */
    uint64_t (*requests)(const void *context, uint32_t endpoint); /* its traffic so far */
    void (*move)(void *context, uint32_t endpoint,
                 uint32_t node);                                /* lives there now, so its route may read otherwise */
    void (*unite)(void *context, uint32_t from, uint32_t into); /* `from` is an alias from now on */
};

struct trie;

/* strict: no exemption for literals with a large share, so that the templates depend on the set of paths alone. NULL:
 * out of memory. */
struct trie *trie_new(const struct hash_key *key, const struct trie_owner *owner, uint32_t nodes, bool strict);
void trie_free(struct trie *t);

/* Operations hang below the node of their path, apart from its segments, at most TRIE_OPERATIONS of them; further ones
 * are the one called TRIE_OTHER. `operation` n 0: none. */
#define TRIE_OTHER SLICE("other")

/* The endpoint of a normalised path without query; 0: no node or endpoint is left for it. */
uint32_t trie_find(struct trie *t, struct slice method, struct slice service, struct slice path,
                   struct slice operation);
/* The endpoint of a route that was given, whatever paths it stands for; never united with another. */
uint32_t trie_known(struct trie *t, struct slice method, struct slice service, struct slice route,
                    struct slice operation);
/* Puts an endpoint of an earlier run back at its route; false: no node left. */
bool trie_place(struct trie *t, struct slice method, struct slice service, struct slice route, struct slice operation,
                uint32_t endpoint);
bool trie_place_known(struct trie *t, struct slice method, struct slice service, struct slice route,
                      struct slice operation, uint32_t endpoint);

void trie_route(const struct trie *t, uint32_t node, struct buf *out);
/* Empty: none. */
struct slice trie_operation(const struct trie *t, uint32_t node);
/* Borrowed until the next call that may add a node. */
struct slice trie_method(const struct trie *t, uint32_t node);
struct slice trie_service(const struct trie *t, uint32_t node);
uint32_t trie_nodes(const struct trie *t);
/* Distinct services so far. */
uint32_t trie_services(const struct trie *t);

#endif
