/* Which names a key has that a write may bind it by, and what writes do to it (analysis/writes.h). */
#include "analysis/state.h"

#include "base/prefetch.h"

/* So many gaps of an endpoint are asked for writes before any was found to be bound, then one in sixteen. */
enum { ASKED_FIRST = 256, ASKED_THEN = 16 };

/* The segment that stands where the route's last variable is; both are walked from the end. NULL: none. */
static struct slice variable_of(struct slice route, struct slice path)
{
    while (route.n && path.n) {
        size_t r = route.n, p = path.n;
        while (r && route.p[r - 1] != '/')
            r--;
        while (p && path.p[p - 1] != '/')
            p--;
        struct slice label = slice_sub(route, r, route.n);
        if (slice_find(label, '{', 0) < label.n)
            return slice_sub(path, p, path.n);
        route.n = r ? r - 1 : 0;
        path.n = p ? p - 1 : 0;
    }
    return (struct slice){NULL, 0};
}

/* Made on first need: most keys never meet a write. */
static const struct writes_name *name_of(struct analysis *a, uint32_t row)
{
    struct key *key = keys_at(&a->keys, row);
    if (key->written.uri)
        return &key->written;
    const struct endpoint *e = endpoints_at(&a->endpoints, endpoints_resolve(&a->endpoints, key->endpoint));
    struct key_text text = take_key_text(a, keys_target(&a->keys, key));
    struct slice id = {NULL, 0};
    if (e->node && !e->other) {
        a->route.n = 0;
        trie_route(a->trie, e->node, &a->route);
        id = variable_of(slice_of(a->route.p, a->route.n), text.path);
    }
    key->written = writes_name_of(&a->key, keys_service(&a->keys, key), text.whole, id);
    return &key->written;
}

bool bound_asks(const struct analysis *a, const struct endpoint *e)
{
    return a->writes.written && (e->writes || e->gaps_asked < ASKED_FIRST);
}

bool bound_expect(const struct analysis *a, uint32_t row, unsigned step)
{
    const struct writes_name *name = &keys_at(&a->keys, row)->written;
    if (step)
        return writes_prefetch(&a->writes, name, step == 1);
    prefetch(name);
    return a->writes.written;
}

void bound_write(struct analysis *a, uint32_t row, uint32_t endpoint, int64_t now)
{
    writes_note(&a->writes, endpoint, name_of(a, row), NULL, 0, now);
}

void bound_visit(struct analysis *a, uint32_t row, struct endpoint *e, int64_t now, struct changes_gap gap)
{
    if (!a->writes.written || (!e->writes && e->gaps_asked++ >= ASKED_FIRST && e->gaps_asked % ASKED_THEN))
        return;
    writes_visit(&a->writes, &e->writes, name_of(a, row),
                 &(struct writes_visit){.now = now, .gap_ms = gap.ms, .changed = gap.changed});
}

void bound_unite(struct analysis *a, struct endpoint *from, struct endpoint *into)
{
    if (!into->writes) {
        into->writes = from->writes;
        return;
    }
    if (from->writes)
        writes_merge(writes_sums_at(&a->writes, into->writes), writes_sums_at(&a->writes, from->writes));
}

/* Writers by the endpoint that each is today. */
struct slice bound_text(struct analysis *a, const struct endpoint *e, struct buf *out)
{
    out->n = 0;
    if (!e->writes)
        return (struct slice){"", 0};
    struct writes_sums today = *writes_sums_at(&a->writes, e->writes), once = {0};
    for (struct writes_pair *p = today.pair; p < today.pair + WRITES_PAIRS; p++)
        p->writer = p->writer ? endpoints_resolve(&a->endpoints, p->writer) : 0;
    writes_merge(&once, &today);
    writes_write(&once, out);
    return slice_of(out->p, out->n);
}

void bound_load(struct analysis *a, struct endpoint *e, struct slice text)
{
    e->writes = text.n ? writes_sums_take(&a->writes) : 0;
    if (e->writes)
        writes_read(writes_sums_at(&a->writes, e->writes), text);
}
