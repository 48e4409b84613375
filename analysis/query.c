#include "analysis/query.h"

static bool is_credential(struct slice name, struct slice value)
{
    return value.n && value.p[0] == '~' &&
           (slice_ieq(name, SLICE("api_key")) || slice_ieq(name, SLICE("key")) || slice_ieq(name, SLICE("apikey")));
}

/* Which one of its name it is: a=1&a=2 is not a=2&a=1. */
static unsigned place_among(const struct query *q, uint64_t name)
{
    unsigned place = 0;
    for (unsigned i = 0; i < q->n; i++)
        place += q->part[i].name == name;
    return place;
}

static void add(struct query *q, const struct hash_key *key, struct slice name, struct slice value)
{
    uint64_t hash = part_name(key, PART_QUERY, name), place = place_among(q, hash);
    uint64_t is = part_value(hash + place, hash_quick(key, value.p, value.n));
    if (q->n == QUERY_PARTS)
        q->rest += is;
    else
        q->part[q->n++] = (struct part){.name = hash, .value = is, .text = name, .kind = PART_QUERY};
}

void query_split(struct query *q, const struct hash_key *key, struct slice text, bool without_credential)
{
    q->n = 0;
    q->rest = 0;
    for (size_t at = 0; at < text.n;) {
        size_t end = slice_find(text, '&', at);
        struct slice item = slice_sub(text, at, end);
        size_t equals = slice_find(item, '=', 0);
        struct slice name = slice_sub(item, 0, equals), value = slice_sub(item, equals, item.n); /* a is not a= */
        at = end + 1;
        if (item.n && !(without_credential && is_credential(name, slice_sub(value, 1, value.n))))
            add(q, key, name, value);
    }
}

void query_move(struct query *q, const char *from, const char *to)
{
    for (unsigned i = 0; i < q->n; i++)
        q->part[i].text.p = to + (q->part[i].text.p - from);
}

static size_t place_of(const struct hash_key *key, struct slice path)
{
    return hash_quick(key, path.p, path.n) % QUERY_PATHS;
}

uint64_t query_path_hash(const struct query_paths *p, const struct hash_key *key, struct slice path)
{
    const struct query_path *at = &p->path[place_of(key, path)];
    return at->n && slice_eq(slice_of(at->text, at->n), path) ? at->hash : 0;
}

void query_path_keep(struct query_paths *p, const struct hash_key *key, struct slice path, uint64_t hash)
{
    struct query_path *at = &p->path[place_of(key, path)];
    if (!path.n || path.n > QUERY_PATH)
        return;
    at->hash = hash;
    at->n = (uint8_t)path.n;
    memcpy(at->text, path.p, path.n);
}
