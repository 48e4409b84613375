#include "analysis/trie.h"

#include <stdlib.h>

#include "base/route.h"
#include "analysis/slab.h"
#include "base/map.h"

enum { TEXT_PER_NODE = 64, EXEMPT_LEAST = 4, STEPS = 512, STEP_TEXT = 19, ROOTS = 64 };

/* Links are node numbers; 0 is none. */
struct node {
    uint64_t hash; /* of parent and label; roots: of method and service */
    uint32_t parent, child, next;
    uint32_t text, endpoint;
    uint16_t text_n, literals, operations;
    uint8_t method_n; /* roots: method, then service */
    bool literal, open, operation;
};

/* A child that was found by its label lately. */
struct step {
    uint32_t shape, parent, child; /* child 0: free */
    uint8_t n;
    char text[STEP_TEXT];
};

struct trie {
    struct hash_key key;
    struct trie_owner owner;
    bool strict;
    struct slab nodes, text, services; /* services: one hash each */
    struct map map, service_map;
    uint32_t free; /* chained by `next` */
    uint32_t freed;
    uint32_t shape; /* how often a node left its place: what was found before holds no more */
    struct step steps[STEPS];
    uint32_t roots[ROOTS]; /* found lately */
};

static const struct slice var_label = SLICE("{var}");

struct trie *trie_new(const struct hash_key *key, const struct trie_owner *owner, uint32_t nodes, bool strict)
{
    struct trie *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->key = *key;
    t->owner = *owner;
    t->strict = strict;
    if (slab_init(&t->nodes, sizeof(struct node), nodes + 1) && slab_init(&t->text, 1, nodes * TEXT_PER_NODE) &&
        slab_init(&t->services, sizeof(uint64_t), nodes) && map_init(&t->map, t->nodes.base, t->nodes.unit, nodes) &&
        map_init(&t->service_map, t->services.base, t->services.unit, nodes)) {
        slab_take(&t->nodes); /* 0 is none */
        return t;
    }
    trie_free(t);
    return NULL;
}

void trie_free(struct trie *t)
{
    if (!t)
        return;
    map_free(&t->map);
    map_free(&t->service_map);
    slab_fini(&t->nodes);
    slab_fini(&t->text);
    slab_fini(&t->services);
    free(t);
}

static struct node *at(const struct trie *t, uint32_t n)
{
    return slab_at(&t->nodes, n);
}

static struct slice label_of(const struct trie *t, const struct node *n)
{
    return slice_of(t->text.base + n->text, n->text_n);
}

static uint64_t child_hash(const struct trie *t, uint32_t parent, struct slice label, bool operation)
{
    uint64_t words[2] = {parent, hash_bytes(&t->key, operation ? 'o' : 't', label.p, label.n)};
    return hash_words(&t->key, words, 2);
}

static uint32_t hash_find(const struct trie *t, uint64_t hash)
{
    uint32_t n = map_find(&t->map, hash);
    return n == MAP_NONE ? 0 : n;
}

static uint32_t child_find(const struct trie *t, uint32_t parent, struct slice label)
{
    return hash_find(t, child_hash(t, parent, label, false));
}

static struct step *step_at(struct trie *t, uint32_t parent, struct slice label)
{
    return &t->steps[(hash_quick(&t->key, label.p, label.n) + parent * UINT64_C(0x9e3779b97f4a7c15)) >> 32 &
                     (STEPS - 1)];
}

/* The child that was found by this label lately; 0: look for it. */
static uint32_t recall(struct trie *t, uint32_t parent, struct slice label)
{
    const struct step *s = step_at(t, parent, label);
    bool is = s->parent == parent && s->shape == t->shape && s->n == label.n && !memcmp(s->text, label.p, label.n);
    return is ? s->child : 0;
}

static void note_step(struct trie *t, uint32_t parent, struct slice label, uint32_t child)
{
    if (!child || label.n > STEP_TEXT)
        return;
    struct step *s = step_at(t, parent, label);
    *s = (struct step){.shape = t->shape, .parent = parent, .child = child, .n = (uint8_t)label.n};
    memcpy(s->text, label.p, label.n);
}

static uint32_t operation_find(const struct trie *t, uint32_t parent, struct slice name)
{
    return hash_find(t, child_hash(t, parent, name, true));
}

static uint32_t take_node(struct trie *t)
{
    uint32_t n = t->free;
    if (n) {
        t->free = at(t, n)->next;
        t->freed--;
        return n;
    }
    n = slab_take(&t->nodes);
    return n == SLAB_NONE ? 0 : n;
}

static void give_node(struct trie *t, uint32_t n)
{
    *at(t, n) = (struct node){.next = t->free};
    t->free = n;
    t->freed++;
}

/* Keeps the text; false when there is no room. */
static bool set_text(struct trie *t, struct node *n, struct slice a, struct slice b)
{
    if (a.n + b.n > UINT16_MAX || t->text.most - t->text.used < a.n + b.n)
        return false;
    n->text = t->text.used;
    n->text_n = (uint16_t)(a.n + b.n);
    if (a.n)
        memcpy(t->text.base + n->text, a.p, a.n);
    if (b.n)
        memcpy(t->text.base + n->text + a.n, b.p, b.n);
    t->text.used += n->text_n;
    return true;
}

/* Enters a node under its hash; false (and the node given back) when that cannot be. */
static bool enter(struct trie *t, uint32_t n, uint64_t hash)
{
    at(t, n)->hash = hash;
    if (map_insert(&t->map, hash, n))
        return true;
    give_node(t, n);
    return false;
}

static void attach(struct trie *t, uint32_t parent, uint32_t n)
{
    struct node *p = at(t, parent), *c = at(t, n);
    c->parent = parent;
    c->next = p->child;
    p->child = n;
    p->literals = (uint16_t)(p->literals + c->literal);
    p->operations = (uint16_t)(p->operations + c->operation);
}

static uint32_t node_add(struct trie *t, uint32_t parent, struct slice label, bool literal, bool operation)
{
    uint32_t n = take_node(t);
    if (!n)
        return 0;
    *at(t, n) = (struct node){.literal = literal, .operation = operation};
    if (!set_text(t, at(t, n), label, (struct slice){NULL, 0})) {
        give_node(t, n);
        return 0;
    }
    if (!enter(t, n, child_hash(t, parent, label, operation)))
        return 0;
    attach(t, parent, n);
    return n;
}

static uint32_t child_add(struct trie *t, uint32_t parent, struct slice label, bool literal)
{
    return node_add(t, parent, label, literal, false);
}

static void count_service(struct trie *t, struct slice service)
{
    uint64_t hash = hash_bytes(&t->key, 's', service.p, service.n);
    if (map_find(&t->service_map, hash) != MAP_NONE)
        return;
    uint32_t row = slab_take(&t->services);
    if (row == SLAB_NONE)
        return;
    *(uint64_t *)slab_at(&t->services, row) = hash;
    map_insert(&t->service_map, hash, row);
}

static uint32_t find_root(struct trie *t, struct slice method, struct slice service)
{
    uint64_t words[2] = {hash_bytes(&t->key, 'm', method.p, method.n), hash_bytes(&t->key, 's', service.p, service.n)};
    uint64_t hash = hash_words(&t->key, words, 2);
    uint32_t n = map_find(&t->map, hash);
    if (n != MAP_NONE)
        return n;
    n = take_node(t);
    if (!n)
        return 0;
    *at(t, n) = (struct node){.method_n = (uint8_t)method.n};
    if (!set_text(t, at(t, n), method, service)) {
        give_node(t, n);
        return 0;
    }
    count_service(t, service);
    return enter(t, n, hash) ? n : 0;
}

static bool is_root_of(const struct trie *t, uint32_t root, struct slice method, struct slice service)
{
    const struct node *n = at(t, root);
    struct slice text = label_of(t, n);
    return root && n->method_n == method.n && text.n == method.n + service.n && slice_starts(text, method) &&
           slice_eq(slice_sub(text, method.n, text.n), service);
}

/* Most are asked for again and again; no root ever leaves its place. */
static uint32_t root_of(struct trie *t, struct slice method, struct slice service)
{
    method = slice_sub(method, 0, UINT8_MAX);
    uint64_t mixed = hash_quick(&t->key, service.p, service.n) + method.n + (method.n ? (uint8_t)method.p[0] : 0u);
    uint32_t *lately = &t->roots[mixed % ROOTS];
    if (!is_root_of(t, *lately, method, service))
        *lately = find_root(t, method, service);
    return *lately;
}

static uint64_t traffic(const struct trie *t, uint32_t n)
{
    const struct node *node = at(t, n);
    uint64_t sum = node->endpoint ? t->owner.requests(t->owner.context, node->endpoint) : 0;
    for (uint32_t c = node->child; c; c = at(t, c)->next)
        sum += traffic(t, c);
    return sum;
}

/* A child with at least 5 % of the node's traffic stays literal. Four requests are the least that says anything about a
 * share: among the first 33 different words of a long list some come twice by chance. */
static bool exempt(const struct trie *t, uint32_t child, uint64_t all)
{
    uint64_t n = t->strict ? 0 : traffic(t, child);
    return n >= EXEMPT_LEAST && n * 20 >= all;
}

static void rename_child(struct trie *t, uint32_t n, uint32_t parent, struct slice label)
{
    struct node *node = at(t, n);
    t->shape++;
    map_remove(&t->map, node->hash, n);
    node->hash = child_hash(t, parent, label, node->operation);
    map_insert(&t->map, node->hash, n);
}

/* Tells the owner of every endpoint below that its route reads otherwise. */
static void tell_moved(const struct trie *t, uint32_t n)
{
    if (at(t, n)->endpoint)
        t->owner.move(t->owner.context, at(t, n)->endpoint, n);
    for (uint32_t c = at(t, n)->child; c; c = at(t, c)->next)
        tell_moved(t, c);
}

static void collapse(struct trie *t, uint32_t n);

static void unite_endpoints(struct trie *t, struct node *from, uint32_t into)
{
    uint32_t a = from->endpoint, b = at(t, into)->endpoint;
    if (!a)
        return;
    uint32_t kept = b && b < a ? b : a;
    at(t, into)->endpoint = kept;
    if (b)
        t->owner.unite(t->owner.context, kept == a ? b : a, kept);
    t->owner.move(t->owner.context, kept, into);
}

/* Moves what is under `from` to `into`; `from`, already out of its parent's list, is given back. */
/* What a child of one node is united with that goes to another; 0: it goes there as it is. */
static uint32_t counterpart(struct trie *t, uint32_t c, uint32_t into)
{
    const struct node *child = at(t, c);
    if (child->operation) {
        uint32_t same = operation_find(t, into, label_of(t, child));
        return same || at(t, into)->operations < TRIE_OPERATIONS ? same : operation_find(t, into, TRIE_OTHER);
    }
    uint32_t same = child_find(t, into, label_of(t, child));
    return !same && child->literal && at(t, into)->open ? child_find(t, into, var_label) : same;
}

static void unite(struct trie *t, uint32_t from, uint32_t into)
{
    unite_endpoints(t, at(t, from), into);
    if (at(t, from)->open && !at(t, into)->open)
        collapse(t, into);
    uint32_t next;
    for (uint32_t c = at(t, from)->child; c; c = next) {
        next = at(t, c)->next;
        uint32_t same = counterpart(t, c, into);
        if (!same && at(t, c)->operation && at(t, into)->operations >= TRIE_OPERATIONS)
            set_text(t, at(t, c), TRIE_OTHER, (struct slice){NULL, 0});
        if (same) {
            unite(t, c, same);
            continue;
        }
        rename_child(t, c, into, label_of(t, at(t, c)));
        attach(t, into, c);
        tell_moved(t, c);
    }
    t->shape++;
    map_remove(&t->map, at(t, from)->hash, from);
    give_node(t, from);
    if (at(t, into)->literals > TRIE_FANOUT && !at(t, into)->open)
        collapse(t, into);
}

/* Takes the children that become {var} out of the node's list; returns them, chained. */
static uint32_t split_children(struct trie *t, uint32_t n, uint64_t all)
{
    uint32_t kept = 0, taken = 0, next;
    uint16_t literals = 0;
    for (uint32_t c = at(t, n)->child; c; c = next) {
        struct node *child = at(t, c);
        next = child->next;
        bool stays = !child->literal || exempt(t, c, all); /* operations are no literals */
        literals = (uint16_t)(literals + (stays && child->literal));
        child->next = stays ? kept : taken;
        *(stays ? &kept : &taken) = c;
    }
    at(t, n)->child = kept;
    at(t, n)->literals = literals;
    return taken;
}

/* The first of them becomes {var} itself, so that uniting needs no new node. */
static uint32_t become_var(struct trie *t, uint32_t n, uint32_t child)
{
    struct node *node = at(t, child);
    node->literal = false;
    if (!set_text(t, node, var_label, (struct slice){NULL, 0}) && node->text_n >= var_label.n) {
        memcpy(t->text.base + node->text, var_label.p, var_label.n); /* no room: over the old label */
        node->text_n = (uint16_t)var_label.n;
    }
    rename_child(t, child, n, var_label);
    attach(t, n, child);
    tell_moved(t, child);
    return child;
}

static void collapse(struct trie *t, uint32_t n)
{
    uint32_t taken = split_children(t, n, traffic(t, n)), next;
    uint32_t var = child_find(t, n, var_label);
    at(t, n)->open = true;
    for (uint32_t c = taken; c; c = next) {
        next = at(t, c)->next;
        if (!var)
            var = become_var(t, n, c);
        else
            unite(t, c, var);
    }
}

/* The child a label leads to; a literal new to a full node opens it. */
static uint32_t step(struct trie *t, uint32_t n, struct route_label label)
{
    bool literal = label.kind != ROUTE_TYPED;
    uint32_t child = recall(t, n, label.text);
    if (child)
        return child;
    child = child_find(t, n, label.text);
    note_step(t, n, label.text, child);
    if (child)
        return child;
    if (literal && !at(t, n)->open && at(t, n)->literals >= TRIE_FANOUT)
        collapse(t, n);
    if (!literal || !at(t, n)->open)
        return child_add(t, n, label.text, literal);
    child = child_find(t, n, var_label);
    return child ? child : child_add(t, n, var_label, false);
}

/* The same of a segment. The label of a label is itself, so one of this text was this segment's. */
static uint32_t step_segment(struct trie *t, uint32_t n, struct slice segment)
{
    char made[ROUTE_LABEL];
    uint32_t child = recall(t, n, segment);
    return child ? child : step(t, n, route_label(segment, made));
}

/* Node of the path below the root; 0: none left. */
static uint32_t walk(struct trie *t, uint32_t n, struct slice path)
{
    static const struct route_label rest = {SLICE("{rest}"), ROUTE_TYPED};
    size_t from = 1;
    if (!path.n || path.p[0] != '/') {
        struct route_label odd = {path, ROUTE_TYPED};
        return step(t, n, slice_eq(path, SLICE("*")) ? odd : rest); /* OPTIONS *, CONNECT host:port */
    }
    for (unsigned depth = 0; n; depth++) {
        size_t end = slice_find(path, '/', from);
        if (depth >= TRIE_DEPTH || end > TRIE_PATH)
            return step(t, n, rest);
        n = step_segment(t, n, slice_sub(path, from, end));
        if (end >= path.n)
            break;
        from = end + 1;
    }
    return n;
}

/* The node of an operation below that of its path. Without room for one more node it is the path's own. */
static uint32_t below(struct trie *t, uint32_t n, struct slice operation)
{
    uint32_t child = n && operation.n ? operation_find(t, n, operation) : 0;
    if (!n || !operation.n || child)
        return child ? child : n;
    if (at(t, n)->operations >= TRIE_OPERATIONS) {
        operation = TRIE_OTHER;
        child = operation_find(t, n, operation);
    }
    child = child ? child : node_add(t, n, operation, false, true);
    return child ? child : n;
}

static uint32_t opened(struct trie *t, uint32_t n)
{
    if (n && !at(t, n)->endpoint)
        at(t, n)->endpoint = t->owner.open(t->owner.context, n);
    return n ? at(t, n)->endpoint : 0;
}

uint32_t trie_find(struct trie *t, struct slice method, struct slice service, struct slice path, struct slice operation)
{
    uint32_t root = root_of(t, method, service);
    return opened(t, below(t, root ? walk(t, root, path) : 0, operation));
}

/* All of the route is one label below the root: no segment has slashes, so it is nobody else's. */
static uint32_t known_node(struct trie *t, struct slice method, struct slice service, struct slice route)
{
    uint32_t root = root_of(t, method, service);
    struct slice label = slice_sub(route, 1, route.n);
    uint32_t n = root ? child_find(t, root, label) : 0;
    return n || !root ? n : child_add(t, root, label, false);
}

uint32_t trie_known(struct trie *t, struct slice method, struct slice service, struct slice route,
                    struct slice operation)
{
    return opened(t, below(t, known_node(t, method, service, route), operation));
}

/* Labels of a written route are labels as they stand. */
static uint32_t place_label(struct trie *t, uint32_t n, struct slice label)
{
    bool typed = label.n && label.p[0] == '{';
    uint32_t child = child_find(t, n, label);
    at(t, n)->open |= slice_eq(label, var_label);
    return child ? child : child_add(t, n, label, !typed);
}

static bool settle(struct trie *t, uint32_t n, struct slice operation, uint32_t endpoint)
{
    uint32_t place = below(t, n, operation);
    if (!n || (place == n && operation.n))
        return false;
    at(t, place)->endpoint = endpoint;
    t->owner.move(t->owner.context, endpoint, place);
    return true;
}

bool trie_place(struct trie *t, struct slice method, struct slice service, struct slice route, struct slice operation,
                uint32_t endpoint)
{
    uint32_t n = root_of(t, method, service);
    size_t from = route.n && route.p[0] == '/', end;
    do {
        end = slice_find(route, '/', from);
        n = n ? place_label(t, n, slice_sub(route, from, end)) : 0;
        from = end + 1;
    } while (n && end < route.n);
    return settle(t, n, operation, endpoint);
}

bool trie_place_known(struct trie *t, struct slice method, struct slice service, struct slice route,
                      struct slice operation, uint32_t endpoint)
{
    return settle(t, known_node(t, method, service, route), operation, endpoint);
}

static const struct node *root_at(const struct trie *t, uint32_t n)
{
    while (at(t, n)->parent)
        n = at(t, n)->parent;
    return at(t, n);
}

void trie_route(const struct trie *t, uint32_t n, struct buf *out)
{
    const struct node *node = at(t, n);
    struct slice label = label_of(t, node);
    if (!node->parent)
        return;
    trie_route(t, node->parent, out);
    if (node->operation)
        return;
    if (!slice_eq(label, SLICE("*")))
        buf_char(out, '/');
    buf_slice(out, label);
}

struct slice trie_operation(const struct trie *t, uint32_t n)
{
    return at(t, n)->operation ? label_of(t, at(t, n)) : (struct slice){NULL, 0};
}

struct slice trie_method(const struct trie *t, uint32_t n)
{
    const struct node *root = root_at(t, n);
    return slice_sub(label_of(t, root), 0, root->method_n);
}

struct slice trie_service(const struct trie *t, uint32_t n)
{
    const struct node *root = root_at(t, n);
    return slice_sub(label_of(t, root), root->method_n, root->text_n);
}

uint32_t trie_nodes(const struct trie *t)
{
    return t->nodes.used - 1 - t->freed;
}

uint32_t trie_services(const struct trie *t)
{
    return t->services.used;
}
