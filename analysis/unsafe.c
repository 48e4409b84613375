#include "analysis/unsafe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/suspect.h"
#include "base/route.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/table.h"

/* What convicts a GET: nearly every gap with it ends in a change; fewer do where its answer says that it made
 * something. */
#define NEARLY_ALL 0.9
#define HALF 0.5
#define SURE 4

enum { NAMES = 1 << 16, VISITS = 1 << 17, WRITERS = 4, BOUND = 12 };

/* By which name a call is found; a client's own calls are noted apart. */
enum role { ROLE_PATH, ROLE_PARENT, ROLE_ID, ROLE_SERVICE, ROLES };

struct writer {
    uint32_t endpoint;
    int64_t at_us;
};

/* Who used a name lately. */
struct name {
    uint64_t hash; /* 0: free */
    int64_t write_us;
    struct writer writer[WRITERS];
};

/* The latest answer of a key. */
struct visit {
    uint64_t hash;
    uint32_t content;
    int64_t at_us;
};

/* Of gaps of one octave. */
struct stratum {
    uint32_t with, with_changed, without, without_changed;
};

struct pair {
    uint64_t hash;
    uint32_t writer, reader, next; /* next pair of the reader and scope, + 1 */
    uint8_t scope;
    struct stratum stratum[UNSAFE_OCTAVES];
};

struct reader {
    uint32_t first[UNSAFE_SCOPES]; /* pair + 1 */
    uint64_t idle[UNSAFE_SCOPES], idle_us[UNSAFE_SCOPES];
};

struct caller {
    uint64_t good, created;
};

struct unsafe {
    struct name *name;
    struct visit *visit;
    struct pair *pair;
    struct map pairs;
    uint32_t n_pairs;
    struct reader *reader; /* by endpoint id */
    struct caller *caller;
    size_t endpoints;
    uint64_t lost;
};

struct unsafe *unsafe_new(size_t endpoints)
{
    struct unsafe *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->endpoints = endpoints;
    u->name = table_new(NAMES, sizeof *u->name);
    u->visit = table_new(VISITS, sizeof *u->visit);
    u->pair = table_new(UNSAFE_PAIRS, sizeof *u->pair);
    u->reader = calloc(endpoints + 1, sizeof *u->reader);
    u->caller = calloc(endpoints + 1, sizeof *u->caller);
    if (u->name && u->visit && u->pair && u->reader && u->caller &&
        map_init(&u->pairs, u->pair, sizeof *u->pair, UNSAFE_PAIRS))
        return u;
    unsafe_free(u);
    return NULL;
}

void unsafe_free(struct unsafe *u)
{
    if (!u)
        return;
    map_free(&u->pairs);
    table_free(u->name);
    table_free(u->visit);
    table_free(u->pair);
    free(u->reader);
    free(u->caller);
    free(u);
}

/* ---- names ---- */

static uint32_t hash_text(uint64_t seed, struct slice text)
{
    uint64_t h = seed;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * UINT64_C(0x100000001b3);
    h = hash_mix(h);
    return (uint32_t)h ? (uint32_t)h : 1;
}

/* The value of the parameter `id`, or of one whose name ends in it. */
static struct slice parameter_id(struct slice query)
{
    struct slice one;
    while (slice_next(&query, '&', &one)) {
        size_t eq = slice_find(one, '=', 0);
        struct slice name = slice_sub(one, 0, eq);
        bool id = name.n >= 2 && slice_ieq(slice_sub(name, name.n - 2, name.n), SLICE("id"));
        if (id && eq + 1 < one.n)
            return slice_sub(one, eq + 1, one.n);
    }
    return (struct slice){NULL, 0};
}

/* The last integer of the path. One that is hidden is as good: it is but held against others, of which none is so
 * large. */
static bool path_id(struct slice path, uint64_t *number)
{
    for (size_t end = path.n, at; end; end = at) {
        at = end;
        while (at && path.p[--at] != '/')
            ;
        struct slice segment = slice_sub(path, at + 1, end);
        if (suspect_id_of(path.p + at, end - at, number))
            return true;
        if (route_hidden_class(segment) != ROUTE_INT)
            continue;
        *number = UINT64_MAX;
        for (size_t i = 1; i < ROUTE_HIDDEN - 1; i++)
            *number = *number << 4 | (uint64_t)ascii_hex(segment.p[i]);
        return true;
    }
    return false;
}

struct unsafe_name unsafe_name_of(struct slice service, struct slice target)
{
    size_t query = slice_find(target, '?', 0), end = query;
    while (end > 1 && target.p[end - 1] == '/')
        end--;
    struct slice path = slice_sub(target, 0, end);
    while (end && target.p[end - 1] != '/')
        end--;
    uint32_t origin = hash_text(1, service);
    struct unsafe_name n = {.path = hash_text(origin, path), .service = origin};
    n.parent = end > 1 ? hash_text(origin, slice_sub(target, 0, end - 1)) : 0;
    uint64_t number;
    if (path_id(path, &number)) {
        n.id = hash_text(origin + 7, slice_of((const char *)&number, sizeof number));
    } else if (query < target.n) {
        struct slice id = parameter_id(slice_sub(target, query + 1, target.n));
        char segment[22] = "/";
        bool is_number = id.n && id.n < sizeof segment - 1;
        if (is_number) {
            memcpy(segment + 1, id.p, id.n);
            is_number = suspect_id_of(segment, id.n + 1, &number);
        }
        n.id = is_number ? hash_text(origin + 7, slice_of((const char *)&number, sizeof number)) : 0;
    }
    return n;
}

/* client 0: in the calls of all. NULL: no such name. */
static struct name *place_of(struct unsafe *u, enum role role, uint32_t text, uint32_t client, bool make)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)text << 32 | client) + (uint64_t)role + 1) | 1;
    struct name *n = &u->name[hash >> 32 & (NAMES - 1)];
    if (!text || (n->hash != hash && !make))
        return NULL;
    if (n->hash != hash)
        *n = (struct name){.hash = hash, .write_us = INT64_MIN};
    return n;
}

static void note(struct unsafe *u, enum role role, uint32_t text, uint32_t client, const struct unsafe_call *c)
{
    struct name *n = place_of(u, role, text, client, true);
    if (!n)
        return;
    if (!c->safe) {
        n->write_us = c->done_us;
        return;
    }
    struct writer *at = n->writer;
    for (struct writer *w = n->writer; w < n->writer + WRITERS; w++) {
        if (w->endpoint == c->endpoint) {
            at = w;
            break;
        }
        if (!w->endpoint || (at->endpoint && w->at_us < at->at_us))
            at = w;
    }
    *at = (struct writer){c->endpoint, c->done_us};
}

/* ---- what lies in a gap ---- */

struct gap {
    int64_t from_us, to_us;
    uint32_t bound[BOUND]; /* endpoints of GETs in it */
    unsigned n;
    bool written; /* by something else, or by something whose moment is not certain */
};

static void look(struct unsafe *u, enum role role, uint32_t text, uint32_t client, uint32_t reader, struct gap *g)
{
    const struct name *n = place_of(u, role, text, client, false);
    if (!n)
        return;
    g->written |= n->write_us >= g->from_us;
    for (const struct writer *w = n->writer; w < n->writer + WRITERS; w++) {
        bool known = w->endpoint == reader || !w->endpoint || w->at_us <= g->from_us;
        g->written |= !known && w->at_us > g->to_us;
        for (unsigned i = 0; i < g->n && !known; i++)
            known = g->bound[i] == w->endpoint;
        if (!known && g->n < BOUND)
            g->bound[g->n++] = w->endpoint;
    }
}

static struct pair *pair_of(struct unsafe *u, uint32_t writer, uint32_t reader, enum unsafe_scope scope)
{
    uint64_t hash = hash_mix(hash_mix((uint64_t)writer << 32 | reader) + (uint64_t)scope);
    uint32_t at = map_find(&u->pairs, hash);
    if (at != MAP_NONE)
        return &u->pair[at];
    if (u->n_pairs == UNSAFE_PAIRS || !map_insert(&u->pairs, hash, u->n_pairs)) {
        u->lost++;
        return NULL;
    }
    struct pair *p = &u->pair[u->n_pairs++];
    *p = (struct pair){.hash = hash, .writer = writer, .reader = reader, .scope = (uint8_t)scope};
    p->next = u->reader[reader].first[scope];
    u->reader[reader].first[scope] = u->n_pairs;
    return p;
}

static unsigned octave_of(int64_t us)
{
    uint64_t ms = us < 1000 ? 1 : (uint64_t)us / 1000;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ms);
    return octave < UNSAFE_OCTAVES ? octave : UNSAFE_OCTAVES - 1;
}

static void count(struct unsafe *u, const struct unsafe_call *c, enum unsafe_scope scope, const struct gap *g,
                  bool changed)
{
    struct reader *r = &u->reader[c->endpoint];
    unsigned octave = octave_of(c->at_us - g->from_us);
    if (!g->n && !changed) {
        r->idle[scope]++;
        r->idle_us[scope] += c->server_us;
    }
    if (g->written || g->n > 1)
        return;
    if (g->n == 1) {
        struct pair *p = pair_of(u, g->bound[0], c->endpoint, scope);
        if (!p)
            return;
        p->stratum[octave].with++;
        p->stratum[octave].with_changed += changed;
        return;
    }
    for (uint32_t at = r->first[scope]; at; at = u->pair[at - 1].next) {
        struct stratum *s = &u->pair[at - 1].stratum[octave];
        s->without++;
        s->without_changed += changed;
    }
}

static void read_again(struct unsafe *u, const struct unsafe_call *c, enum unsafe_scope scope)
{
    uint32_t client = scope == UNSAFE_OWN ? c->client : 0;
    uint64_t hash = hash_mix(hash_mix((uint64_t)c->key << 32 | client) + c->variant + (uint64_t)scope) | 1;
    struct visit *v = &u->visit[hash >> 32 & (VISITS - 1)];
    if (v->hash == hash) {
        struct gap g = {.from_us = v->at_us, .to_us = c->at_us};
        look(u, ROLE_PATH, c->name->parent, client, c->endpoint, &g);
        look(u, ROLE_PATH, c->name->path, client, c->endpoint, &g);
        look(u, ROLE_PARENT, c->name->path, client, c->endpoint, &g);
        look(u, ROLE_ID, c->name->id, client, c->endpoint, &g);
        if (scope == UNSAFE_OWN)
            look(u, ROLE_SERVICE, c->name->service, client, c->endpoint, &g);
        count(u, c, scope, &g, v->content != c->content);
    }
    *v = (struct visit){hash, c->content, c->at_us};
}

static void note_all(struct unsafe *u, const struct unsafe_call *c, uint32_t client)
{
    note(u, ROLE_PATH, c->name->path, client, c);
    note(u, ROLE_PARENT, c->name->parent, client, c);
    note(u, ROLE_ID, c->name->id, client, c);
    if (client && !c->safe)
        note(u, ROLE_SERVICE, c->name->service, client, c);
}

void unsafe_take(struct unsafe *u, const struct unsafe_call *c)
{
    if (c->get && c->content) {
        read_again(u, c, UNSAFE_ALL);
        if (c->client)
            read_again(u, c, UNSAFE_OWN);
    }
    if (!c->good || (c->safe && !c->get))
        return;
    u->caller[c->endpoint].good++;
    u->caller[c->endpoint].created += c->created;
    note_all(u, c, 0);
    if (c->client)
        note_all(u, c, c->client);
}

/* ---- the verdict ---- */

static struct unsafe_found judge(const struct unsafe *u, const struct pair *p)
{
    const struct reader *r = &u->reader[p->reader];
    const struct caller *w = &u->caller[p->writer];
    double expected = 0, excess = 0, variance = 0;
    struct unsafe_found f = {.writer = p->writer, .reader = p->reader, .scope = (enum unsafe_scope)p->scope};
    for (const struct stratum *s = p->stratum; s < p->stratum + UNSAFE_OCTAVES; s++) {
        double n1 = s->with, n0 = s->without, n = n1 + n0, k = (double)s->with_changed + s->without_changed;
        if (!s->with || !s->without)
            continue;
        f.n += s->with;
        f.changed += s->with_changed;
        expected += n1 * s->without_changed / n0;
        excess += s->with_changed - n1 * k / n;
        variance += n1 * n0 * k * (n - k) / (n * n * (n - 1));
    }
    f.precision = f.n ? (double)f.changed / (double)f.n : NAN;
    f.base = f.n ? expected / (double)f.n : NAN;
    f.z = variance > 0 ? excess / sqrt(variance) : 0;
    double most = 2 * w->created > w->good ? HALF : NEARLY_ALL;
    f.proven = f.n >= UNSAFE_FEW && f.precision >= most && f.base <= f.precision / 2 && f.z >= SURE;
    f.idle = r->idle[p->scope];
    f.idle_us = r->idle_us[p->scope];
    return f;
}

void unsafe_each(const struct unsafe *u, void (*each)(void *context, const struct unsafe_found *f), void *context)
{
    for (uint32_t i = 0; i < u->n_pairs; i++) {
        struct unsafe_found f = judge(u, &u->pair[i]);
        each(context, &f);
    }
}

uint64_t unsafe_lost(const struct unsafe *u)
{
    return u->lost;
}
