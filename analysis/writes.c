#include "analysis/writes.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/numbers.h"
#include "base/json.h"
#include "base/prefetch.h"

/* From which evidence on a purge is advised. */
enum { OBSERVED_LEAST = 20, LIFT_LEAST = 3, Z_LEAST = 4 };
#define PRECISION_LEAST 0.5
#define RECALL_RFC 0.95

/* How a name was written to. */
enum role { ROLE_URI, ROLE_ID, ROLE_PATH, ROLE_PARENT, ROLE_GROUP };

struct writer {
    int64_t last; /* ms */
    uint32_t count;
    uint32_t pending; /* visits since that still had the old content */
};

struct name {
    uint64_t hash;
    struct writer writer[WRITES_WRITERS];
    uint16_t endpoint[WRITES_WRITERS]; /* of the writers, 0: none; ids fit by analysis/budget.def */
    uint16_t used;                     /* since the hand last came by */
};

_Static_assert(sizeof(struct name) == 64, "a cache line");

enum { FILTER_BITS = 16 };

const char *writes_class_name(enum writes_class c)
{
    static const char *const names[WRITES_CLASSES] = {"same_uri", "same_id", "collection", "group"};
    return names[c];
}

/* Of a text that stands for something in a service; which role it has is told apart where it is kept. */
static uint32_t hash32(const struct hash_key *key, uint64_t service, struct slice text)
{
    uint32_t h = text.n ? (uint32_t)hash_mix(hash_quick(key, text.p, text.n) ^ service) : 0;
    return h || !text.n ? h : 1;
}

static uint64_t of_service(const struct hash_key *key, struct slice service)
{
    return hash_mix(hash_quick(key, service.p, service.n));
}

struct writes_name writes_name_of(const struct hash_key *key, struct slice service, struct slice target,
                                  struct slice id)
{
    struct slice path = slice_sub(target, 0, slice_find(target, '?', 0));
    size_t end = path.n;
    while (end && path.p[end - 1] == '/')
        end--;
    path.n = end;
    while (end && path.p[end - 1] != '/')
        end--;
    struct slice parent = slice_sub(path, 0, end ? end - 1 : 0);
    uint64_t in = of_service(key, service);
    return (struct writes_name){hash32(key, in, target), hash32(key, in, path), hash32(key, in, parent),
                                hash32(key, in, id)};
}

uint32_t writes_group(const struct hash_key *key, struct slice service, struct slice member)
{
    return hash32(key, of_service(key, service), member);
}

bool writes_init(struct writes *w, uint32_t names, uint32_t endpoints)
{
    *w = (struct writes){.start = INT64_MIN, .filter = calloc((1 << FILTER_BITS) / 64, sizeof *w->filter)};
    if (!w->filter || !slab_init(&w->names, sizeof(struct name), names) ||
        !slab_init(&w->sums, sizeof(struct writes_sums), endpoints + 1) ||
        !map_init(&w->map, w->names.base, sizeof(struct name), names))
        return false;
    slab_take(&w->sums);
    return true;
}

void writes_fini(struct writes *w)
{
    map_free(&w->map);
    slab_fini(&w->names);
    slab_fini(&w->sums);
    free(w->filter);
}

/* A name in a role. It is a bijection and the name is a keyed hash, so traffic cannot aim at positions. */
static uint64_t place(enum role role, uint32_t hash)
{
    uint64_t x = ((uint64_t)(role + 1) << 32 | hash) * 0x9e3779b97f4a7c15u;
    return x ^ x >> 32;
}

static uint64_t *filter_word(const struct writes *w, uint64_t hash)
{
    return &w->filter[(hash & ((1 << FILTER_BITS) - 1)) / 64];
}

/* The names a visit asks for, by where they stand. */
static unsigned places(const struct writes_name *name, uint64_t at[5])
{
    const struct {
        enum role role;
        uint32_t hash;
    } asked[] = {{ROLE_URI, name->uri},
                 {ROLE_ID, name->id},
                 {ROLE_PARENT, name->path},
                 {ROLE_PATH, name->parent},
                 {ROLE_PATH, name->path}};
    unsigned n = 0;
    for (unsigned i = 0; i < 5; i++)
        if (asked[i].hash)
            at[n++] = place(asked[i].role, asked[i].hash);
    return n;
}

bool writes_prefetch(const struct writes *w, const struct writes_name *name, bool slots)
{
    uint64_t at[5];
    bool some = false;
    for (unsigned i = 0, n = places(name, at); i < n; i++)
        if (*filter_word(w, at[i]) >> at[i] % 64 & 1) {
            some = true;
            if (slots)
                map_prefetch(&w->map, at[i]);
            else
                map_expect(&w->map, at[i]);
        }
    return some;
}

static struct name *find(const struct writes *w, enum role role, uint32_t hash)
{
    uint64_t at = place(role, hash);
    if (!hash || !(*filter_word(w, at) >> at % 64 & 1))
        return NULL;
    uint32_t row = map_find(&w->map, at);
    return row == MAP_NONE ? NULL : (struct name *)slab_at(&w->names, row);
}

/* A row to be used anew: the first one the hand finds that was not used since it came by last. */
static uint32_t evict(struct writes *w)
{
    struct name *n;
    for (;;) {
        w->hand = w->hand + 1 < w->names.used ? w->hand + 1 : 0;
        n = (struct name *)slab_at(&w->names, w->hand);
        if (!n->used)
            break;
        n->used = 0;
    }
    map_remove(&w->map, n->hash, w->hand);
    w->evicted++;
    return w->hand;
}

static struct name *enter(struct writes *w, enum role role, uint32_t hash)
{
    struct name *n = find(w, role, hash);
    uint64_t at = place(role, hash);
    if (n)
        return n;
    uint32_t row = slab_take(&w->names);
    if (row == SLAB_NONE)
        row = evict(w);
    n = (struct name *)slab_at(&w->names, row);
    *n = (struct name){.hash = at};
    if (!map_insert(&w->map, at, row))
        return NULL; /* the row is lost until the hand comes by */
    *filter_word(w, at) |= (uint64_t)1 << at % 64;
    return n;
}

static void note(struct writes *w, enum role role, uint32_t hash, uint32_t endpoint, int64_t now)
{
    struct name *n = hash ? enter(w, role, hash) : NULL;
    if (!n)
        return;
    unsigned at = 0;
    for (unsigned i = 0; i < WRITES_WRITERS; i++) {
        if (n->endpoint[i] == endpoint) {
            at = i;
            break;
        }
        at = !n->endpoint[i] || (n->endpoint[at] && n->writer[i].last < n->writer[at].last) ? i : at;
    }
    if (n->endpoint[at] != endpoint) {
        n->endpoint[at] = (uint16_t)endpoint;
        n->writer[at] = (struct writer){0};
    }
    n->writer[at].count++;
    n->writer[at].last = now;
    n->writer[at].pending = 0;
    n->used = 1;
}

void writes_note(struct writes *w, uint32_t endpoint, const struct writes_name *name, const uint32_t *group, unsigned n,
                 int64_t now)
{
    if (w->start == INT64_MIN)
        w->start = now;
    w->written++;
    note(w, ROLE_URI, name->uri, endpoint, now);
    note(w, ROLE_ID, name->id, endpoint, now);
    note(w, ROLE_PATH, name->path, endpoint, now);
    note(w, ROLE_PARENT, name->parent, endpoint, now);
    for (unsigned i = 0; i < n; i++)
        note(w, ROLE_GROUP, group[i], endpoint, now);
}

/* The pair's row; a new one takes the place of the least counted when there is none free. */
static struct writes_pair *pair_of(struct writes_sums *s, uint32_t writer, enum writes_class class)
{
    struct writes_pair *least = &s->pair[0];
    for (struct writes_pair *p = s->pair; p < s->pair + WRITES_PAIRS; p++) {
        if (p->writer == writer && p->class == class)
            return p;
        least = p->count < least->count ? p : least; /* a free one counts 0 */
    }
    *least =
        (struct writes_pair){.writer = writer, .class = (uint8_t) class, .count = least->count, .error = least->count};
    return least;
}

/* What the gap says of one writer of a name that binds the key. */
static void judge(const struct writes *w, struct writes_pair *p, struct writer *by, const struct writes_visit *v)
{
    bool inside = v->now - by->last < (int64_t)v->gap_ms;
    double elapsed = (double)(v->now - w->start);
    if (v->changed) {
        elapsed = elapsed > v->gap_ms ? elapsed : v->gap_ms;
        double chance = elapsed > 0 ? -expm1(-(double)by->count * v->gap_ms / elapsed) : 0;
        p->expected += (uint64_t)(chance * 1e9 + .5);
        p->variance += (uint64_t)(chance * (1 - chance) * 1e9 + .5);
        p->tried++;
        p->tried_ms += v->gap_ms;
    }
    p->count += inside;
    p->seen += inside;
    p->hits += inside && v->changed;
    if (p->class != WRITES_SAME_URI)
        return;
    if (v->changed && !inside && by->pending) {
        p->late++;
        p->stale_reads += by->pending;
    }
    by->pending = v->changed ? 0 : by->pending + (inside || by->pending);
}

/* Writers that were judged already for a nearer binding. */
struct judged {
    uint32_t endpoint[16];
    unsigned n;
};

static bool judged(struct judged *j, uint32_t endpoint)
{
    for (unsigned i = 0; i < j->n; i++)
        if (j->endpoint[i] == endpoint)
            return true;
    if (j->n < sizeof j->endpoint / sizeof *j->endpoint)
        j->endpoint[j->n++] = endpoint;
    return false;
}

static void ask(struct writes *w, uint32_t *sums, struct name *n, enum writes_class class, const struct writes_visit *v,
                struct judged *j)
{
    if (!n || (!*sums && !(*sums = writes_sums_take(w))))
        return;
    n->used = 1;
    for (unsigned i = 0; i < WRITES_WRITERS; i++)
        if (n->endpoint[i] && !judged(j, n->endpoint[i]))
            judge(w, pair_of(writes_sums_at(w, *sums), n->endpoint[i], class), &n->writer[i], v);
}

void writes_visit(struct writes *w, uint32_t *sums, const struct writes_name *name, const struct writes_visit *v)
{
    struct judged j = {.n = 0};
    if (w->start == INT64_MIN)
        w->start = v->now - v->gap_ms;
    if (!w->written || !sums)
        return;
    ask(w, sums, find(w, ROLE_URI, name->uri), WRITES_SAME_URI, v, &j);
    ask(w, sums, find(w, ROLE_ID, name->id), WRITES_SAME_ID, v, &j);
    ask(w, sums, find(w, ROLE_PARENT, name->path), WRITES_COLLECTION, v, &j);
    ask(w, sums, find(w, ROLE_PATH, name->parent), WRITES_COLLECTION, v, &j);
    ask(w, sums, find(w, ROLE_PATH, name->path), WRITES_COLLECTION, v, &j); /* differs in its query */
    for (unsigned i = 0; i < v->n_group; i++)
        ask(w, sums, find(w, ROLE_GROUP, v->group[i]), WRITES_GROUP, v, &j);
}

int64_t writes_last(const struct writes *w, const struct writes_name *name)
{
    const struct name *n = w->written ? find(w, ROLE_URI, name->uri) : NULL;
    int64_t last = INT64_MIN;
    for (unsigned i = 0; n && i < WRITES_WRITERS; i++)
        if (n->endpoint[i] && n->writer[i].last > last)
            last = n->writer[i].last;
    return last;
}

uint32_t writes_sums_take(struct writes *w)
{
    uint32_t row = slab_take(&w->sums);
    return row == SLAB_NONE ? 0 : row;
}

void writes_merge(struct writes_sums *into, const struct writes_sums *from)
{
    for (const struct writes_pair *b = from->pair; b < from->pair + WRITES_PAIRS; b++) {
        struct writes_pair *a = b->writer ? pair_of(into, b->writer, b->class) : NULL;
        if (!a)
            continue;
        a->count += b->count;
        a->error += b->error;
        a->seen += b->seen;
        a->hits += b->hits;
        a->tried += b->tried;
        a->tried_ms += b->tried_ms;
        a->expected += b->expected;
        a->variance += b->variance;
        a->late += b->late;
        a->stale_reads += b->stale_reads;
    }
}

void writes_write(const struct writes_sums *s, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    for (const struct writes_pair *p = s->pair; p < s->pair + WRITES_PAIRS; p++) {
        const uint64_t v[] = {p->writer, p->class,    p->count,    p->error,    p->seen, p->hits,
                              p->tried,  p->tried_ms, p->expected, p->variance, p->late, p->stale_reads};
        if (!p->writer)
            continue;
        json_open(&j, '[');
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
            json_u64(&j, v[i]);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool writes_read(struct writes_sums *s, struct slice text)
{
    struct numbers r = numbers_of(text);
    *s = (struct writes_sums){0};
    for (unsigned n = 0; numbers_more(&r); n++) {
        uint64_t v[12];
        for (int i = 0; i < 12; i++)
            v[i] = numbers_next(&r);
        r.bad |= n >= WRITES_PAIRS || !v[0] || v[0] > UINT32_MAX || v[1] >= WRITES_CLASSES;
        if (!r.bad)
            s->pair[n] = (struct writes_pair){(uint32_t)v[0], (uint8_t)v[1], v[2], v[3], v[4],  v[5],
                                              v[6],           v[7],          v[8], v[9], v[10], v[11]};
    }
    if (r.bad)
        *s = (struct writes_sums){0};
    return !r.bad;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : NAN;
}

/* Changes of keys that the writer never met: at the average rate of the pair. Their gaps are taken as equal, which
 * gives more by chance than there was. */
static double unmet(const struct writes_pair *p, const struct writes_totals *t, double *changes)
{
    double n = *changes = t->changes > p->tried ? (double)(t->changes - p->tried) : 0;
    double gaps = t->changed_ms > p->tried_ms ? (double)(t->changed_ms - p->tried_ms) : 0;
    double rate = t->observed_ms ? (double)p->seen / (double)t->observed_ms : 0;
    return n > 0 ? -expm1(-rate * gaps / n) : 0;
}

static struct writes_result result(const struct writes_pair *p, const struct writes_totals *t)
{
    double others, chance = unmet(p, t, &others);
    struct writes_result r = {.writer = p->writer,
                              .class = (enum writes_class)p->class,
                              .observed = (double)p->hits,
                              .expected = (double)p->expected / 1e9 + others * chance,
                              .recall = ratio((double)p->hits, (double)t->changes),
                              .precision = ratio((double)p->hits, (double)p->seen),
                              .late = p->late,
                              .stale_reads = p->stale_reads};
    double variance = (double)p->variance / 1e9 + others * chance * (1 - chance);
    r.lift = ratio(r.observed, r.expected);
    r.z = ratio(r.observed - r.expected, sqrt(variance));
    r.advised =
        r.observed >= OBSERVED_LEAST && r.lift >= LIFT_LEAST && r.z >= Z_LEAST && r.precision >= PRECISION_LEAST;
    r.by_rfc = r.advised && r.class == WRITES_SAME_URI && r.recall >= RECALL_RFC;
    return r;
}

static int by_observed(const void *a, const void *b)
{
    const struct writes_result *x = a, *y = b;
    if (x->observed != y->observed)
        return x->observed < y->observed ? 1 : -1;
    return x->writer != y->writer ? (x->writer > y->writer) - (x->writer < y->writer) : (int)x->class - (int)y->class;
}

unsigned writes_result(const struct writes_sums *s, const struct writes_totals *t,
                       struct writes_result out[WRITES_PAIRS])
{
    unsigned n = 0;
    for (const struct writes_pair *p = s->pair; p < s->pair + WRITES_PAIRS; p++)
        if (p->writer && p->seen)
            out[n++] = result(p, t);
    qsort(out, n, sizeof *out, by_observed);
    return n;
}
