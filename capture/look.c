#include "capture/look.h"

#include <stdlib.h>

#include "base/pages.h"
#include "base/prefetch.h"
#include "capture/coding.h"
#include "capture/leaves.h"
#include "capture/media.h"

enum { SWEEP_MS = 1000, HOSTS = 64 };

/* What a target's last answer was. */
struct target {
    uint64_t hash, wire;
    uint64_t decoded; /* 0: it was not looked into */
    uint32_t now_ms;  /* modulo 2^32 */
    uint8_t coding;   /* class of its codings, 255: none known yet */
    bool canonical;   /* equal contents were seen to come in different ways */
};

/* A path in scope. */
struct path {
    uint64_t hash; /* 0: free */
    uint32_t visits, looks, bytes;
    uint32_t now_ms;
    uint8_t failures;
    bool active;
};

struct look {
    struct looks *owner;
    struct look *next; /* free ones */
    struct path *path;
    uint64_t path_hash; /* the place may have gone to another one meanwhile */
    struct coding *coding;
    struct body_state *digest; /* of what is decoded */
    struct leaves_reader *leaves;
    uint64_t bytes;
    bool json, coded;
};

struct looks {
    struct hash_key key;
    struct body_key bodies;
    struct codings codings;
    struct pathnames *names;
    int64_t credit; /* octets that may be looked at; less than 0: more were */
    uint64_t share; /* octets that passed and did not add to it yet */
    unsigned open, n_active;
    struct path *active[LOOK_ACTIVE];
    bool paused;
    uint32_t swept_ms;
    struct {
        uint64_t block, hash; /* of a block of fields that requests begin with, and of the host that it names */
    } host[HOSTS];            /* direct-mapped */
    struct look *free;
    struct target target[LOOK_TARGETS];
    struct path path[LOOK_PATHS];
};

struct looks *looks_new(const struct hash_key *key, uint64_t memory)
{
    struct looks *l = pages_reserve(sizeof *l); /* most of it is never touched */
    if (!l)
        return NULL;
    l->key = *key;
    body_key_make(&l->bodies, key);
    l->codings.limit = memory;
    l->credit = LOOK_CREDIT;
    l->names = pathnames_new(key);
    if (l->names)
        return l;
    pages_release(l, sizeof *l);
    return NULL;
}

static void look_free(struct look *k)
{
    if (k->digest)
        body_free(k->digest);
    free(k->leaves);
    free(k);
}

void looks_free(struct looks *l)
{
    if (!l)
        return;
    while (l->free) {
        struct look *k = l->free;
        l->free = k->next;
        look_free(k);
    }
    pathnames_free(l->names);
    pages_release(l, sizeof *l);
}

/* ---- candidates ---- */

/* application/json, application/problem+json, text/json; parameters do not matter. */
static bool is_json(struct slice type)
{
    if (media_says_json(type))
        return true;
    type = slice_trim(slice_sub(type, 0, slice_find(type, ';', 0)));
    if (type.n < 9 || ascii_lower(type.p[type.n - 1]) != 'n')
        return false;
    struct slice end = slice_sub(type, type.n - 5, type.n);
    return slice_ieq(end, SLICE("/json")) || slice_ieq(end, SLICE("+json"));
}

static uint8_t coding_class(const struct looks *l, struct slice encoding)
{
    if (!encoding.n || slice_ieq(encoding, SLICE("identity")))
        return 0;
    return (uint8_t)(1 + hash_quick(&l->key, encoding.p, encoding.n) % 254);
}

static __attribute__((noinline)) uint64_t host_anew(struct looks *l, const struct slot *s)
{
    const struct rawhead *h = &s->request;
    unsigned i = 0;
    while (i < h->n_fields && h->fields[i].token != TOKEN_HOST)
        i++;
    bool named = i < h->n_fields && h->fields[i].value_n;
    uint64_t hash = named ? hash_quick(&l->key, h->p + h->fields[i].value, h->fields[i].value_n) : 0;
    if (i < s->n_block) {
        l->host[s->block % HOSTS].block = s->block;
        l->host[s->block % HOSTS].hash = hash;
    }
    return hash;
}

/* Of the host that the request names. */
static inline uint64_t host_of(struct looks *l, const struct slot *s)
{
    bool known = s->block && l->host[s->block % HOSTS].block == s->block;
    return known ? l->host[s->block % HOSTS].hash : host_anew(l, s);
}

static inline void place(struct looks *l, const struct slot *s, struct look_candidate *c)
{
    uint64_t service = host_of(l, s);
    c->path = hash_mix(service + s->seen.path);
    c->target = s->seen.mark == s->target.n ? c->path + 1 : hash_mix(c->path + s->seen.query);
    c->path += !c->path;
    c->target += !c->target;
}

/* Its rows are asked for now, so that they are there when the answer comes. */
void look_expect(struct looks *l, struct slot *s)
{
    struct look_candidate *c = &s->candidate;
    if (!slice_eq(s->method, SLICE("GET")))
        return;
    place(l, s, c);
    prefetch(&l->path[c->path % LOOK_PATHS]);
    prefetch(&l->target[c->target % LOOK_TARGETS]);
}

/* NULL: none. */
static struct slice value_of(const struct slot *s, const struct rawfield *f)
{
    return f ? slice_of(s->response.p + f->value, f->value_n) : (struct slice){NULL, 0};
}

/* The fields that say what a body is. */
struct said {
    const struct rawfield *type, *coding;
};

static inline struct said said_of(const struct slot *s)
{
    struct said said = {NULL, NULL};
    for (const struct rawfield *f = s->response.fields, *end = f + s->response.n_fields; f < end; f++) {
        said.type = f->token == TOKEN_CONTENT_TYPE ? f : said.type;
        said.coding = f->token == TOKEN_CONTENT_ENCODING ? f : said.coding;
    }
    return said;
}

/* Other than plain JSON. */
static __attribute__((noinline)) void odd_candidate(const struct looks *l, struct slot *s, struct said said)
{
    s->candidate.json = is_json(value_of(s, said.type));
    s->candidate.coding = coding_class(l, slice_trim(value_of(s, said.coding)));
}

/* ---- scope ---- */

static struct path *path_at(struct looks *l, uint64_t hash)
{
    return &l->path[hash % LOOK_PATHS];
}

static void rest(struct looks *l, struct path *p)
{
    for (unsigned i = 0; p->active && i < l->n_active; i++)
        if (l->active[i] == p)
            l->active[i] = l->active[--l->n_active];
    p->active = false;
}

/* The place of one that has not been asked for lately is free. */
static __attribute__((noinline)) void enter_scope(struct looks *l, uint64_t hash, uint32_t now_ms)
{
    struct path *p = path_at(l, hash);
    if (p->hash == hash)
        return;
    if (p->hash && now_ms - p->now_ms < 10 * LOOK_NEAR_MS)
        return;
    rest(l, p);
    *p = (struct path){.hash = hash, .now_ms = now_ms};
}

/* Whether this visit's body is to be looked into. */
static bool is_turn(struct looks *l, struct path *p)
{
    bool done = p->looks >= LOOK_ENOUGH || p->bytes >= LOOK_BYTES;
    if (p->failures >= LOOK_FAILURES)
        return false;
    if (done) {
        rest(l, p);
        return p->visits % LOOK_PERIOD < LOOK_BURST;
    }
    if (!p->active && l->n_active < LOOK_ACTIVE) {
        p->active = true;
        l->active[l->n_active++] = p;
    }
    return p->active;
}

/* One whose path is no longer asked for makes room. */
static void sweep(struct looks *l, uint32_t now_ms)
{
    if (now_ms - l->swept_ms < SWEEP_MS)
        return;
    struct path *first = NULL;
    l->swept_ms = now_ms;
    for (unsigned i = 0; i < l->n_active; i++)
        if (now_ms - l->active[i]->now_ms > LOOK_NEAR_MS && (!first || l->active[i] < first))
            first = l->active[i];
    if (first)
        rest(l, first);
}

/* ---- one look ---- */

static void decoded(void *context, const char *p, size_t n)
{
    struct look *k = context;
    k->bytes += n;
    if (k->json)
        k->json = leaves_feed(k->leaves, p, n);
    if (k->coded)
        body_add(k->digest, p, n);
}

static struct look *look_new(struct looks *l)
{
    struct look *k = l->free;
    if (k) {
        l->free = k->next;
        return k;
    }
    k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->digest = body_new(&l->bodies);
    k->leaves = malloc(sizeof *k->leaves);
    if (k->digest && k->leaves)
        return k;
    look_free(k);
    return NULL;
}

static struct look *look_take(struct looks *l, const struct look_candidate *c, struct slice encoding, int64_t now_us)
{
    struct look *k = l->open < LOOK_OPEN ? look_new(l) : NULL;
    if (!k)
        return NULL;
    struct look kept = *k;
    *k = (struct look){.owner = l, .digest = kept.digest, .leaves = kept.leaves};
    k->json = c->json;
    k->coded = c->coding;
    l->open++;
    if (k->coded && !(k->coding = coding_open(&l->codings, encoding, decoded, k))) {
        l->open--;
        k->next = l->free;
        l->free = k;
        return NULL;
    }
    if (k->coded)
        body_reset(k->digest);
    if (k->json)
        leaves_begin(k->leaves, &l->key, l->names, now_us / 1000);
    return k;
}

static __attribute__((noinline)) void look_give(struct looks *l, struct slot *s)
{
    struct look *k = s->look;
    coding_close(&l->codings, k->coding);
    k->coding = NULL;
    k->next = l->free;
    l->free = k;
    l->open--;
    s->look = NULL;
}

void look_drop(struct looks *l, struct slot *s)
{
    if (s->look)
        look_give(l, s);
}

void looks_pause(struct looks *l, bool paused)
{
    l->paused = paused;
}

/* It is looked into, if there is room. */
static __attribute__((noinline)) void open_look(struct looks *l, struct slot *s, struct path *p, struct slice encoding,
                                                int64_t now_us)
{
    s->look = look_take(l, &s->candidate, encoding, now_us);
    if (!s->look)
        return;
    s->look->path = p;
    s->look->path_hash = p->hash;
}

/* The path is in scope. */
static void visit(struct looks *l, struct slot *s, struct path *p, const struct rawfield *coding, int64_t now_us)
{
    struct slice encoding = s->candidate.coding ? slice_trim(value_of(s, coding)) : (struct slice){NULL, 0};
    uint32_t now_ms = (uint32_t)(now_us / 1000);
    if (s->look || (encoding.n && !coding_known(encoding)))
        return;
    p->now_ms = now_ms;
    p->visits++;
    if (l->n_active == LOOK_ACTIVE && !p->active)
        sweep(l, now_ms);
    if (!is_turn(l, p) || l->paused)
        return;
    l->credit += (int64_t)(l->share / LOOK_SHARE);
    l->share %= LOOK_SHARE;
    if (l->credit > 0)
        open_look(l, s, p, encoding, now_us);
}

void look_begin(struct looks *l, struct slot *s, int64_t now_us)
{
    struct look_candidate *c = &s->candidate;
    if (s->x.status != 200 || !c->target) /* or it is no GET */
        return;
    struct said said = said_of(s);
    c->json = said.type && media_says_json(value_of(s, said.type));
    if (!c->json || said.coding)
        odd_candidate(l, s, said);
    if (!c->json && !c->coding)
        return;
    prefetch(&l->target[c->target % LOOK_TARGETS]); /* its body may be here */
    struct path *p = path_at(l, c->path);
    if (p->hash == c->path)
        visit(l, s, p, said.coding, now_us);
}

void look_data(struct look *k, const char *p, size_t n)
{
    if (k->coding)
        coding_feed(k->coding, p, n);
    else
        decoded(k, p, n);
}

/* ---- what was seen ---- */

static void keep_leaves(struct slot_pool *pool, struct slot *s, const struct leaves_reader *r)
{
    bool overflow = s->overflow;
    struct leaves *kept = slot_alloc(pool, s, sizeof *kept + r->n * sizeof *kept->leaf);
    s->overflow = overflow; /* nothing that the exchange needs is missing */
    if (!kept)
        return;
    kept->sum = r->sum;
    kept->n = r->n;
    memcpy(kept->leaf, r->leaf, r->n * sizeof *kept->leaf);
    s->x.leaves = kept;
}

static void note_path(struct looks *l, struct look *k, bool good)
{
    struct path *p = k->path;
    uint64_t bytes = k->bytes < LOOK_BYTES ? k->bytes : LOOK_BYTES;
    l->credit -= (int64_t)k->bytes;
    if (p->hash != k->path_hash)
        return;
    p->looks++;
    p->bytes += (uint32_t)bytes;
    p->bytes = p->bytes < LOOK_BYTES ? p->bytes : LOOK_BYTES;
    p->failures = good ? 0 : (uint8_t)(p->failures + (p->failures < LOOK_FAILURES));
    if (p->failures >= LOOK_FAILURES)
        rest(l, p);
}

/* Without its codings, by leaves where it is JSON. 0: nothing was gained. */
static uint64_t look_finish(struct looks *l, struct slot_pool *pool, struct slot *s)
{
    struct look *k = s->look;
    enum coding_state state = k->coding ? coding_end(k->coding) : CODING_GOOD;
    uint64_t id = 0;
    bool json = k->json;
    if (state != CODING_GOOD)
        s->x.flags |= FLAG_MISCODED;
    else if (json && leaves_end(k->leaves, &id))
        keep_leaves(pool, s, k->leaves);
    else if (k->coded)
        id = body_end(k->digest);
    note_path(l, k, id != 0);
    look_give(l, s);
    return id;
}

/* Whether the target's contents come in different ways is known once two of them were held together. */
static inline void note_target(struct looks *l, struct slot *s)
{
    struct exchange *x = &s->x;
    const struct look_candidate *c = &s->candidate;
    struct target *t = &l->target[c->target % LOOK_TARGETS];
    uint32_t now_ms = (uint32_t)((x->t_rsp0 == TIME_NONE ? 0 : x->t_rsp0) / 1000);
    if (t->hash != c->target)
        *t = (struct target){.hash = c->target, .wire = x->body_id, .coding = c->coding, .now_ms = now_ms};
    bool recoded = t->coding != c->coding, differs = t->wire != x->body_id;
    bool changes = differs && (recoded || now_ms - t->now_ms <= LOOK_NEAR_MS);
    if (x->decoded_id) {
        t->canonical |= recoded || (differs && t->decoded == x->decoded_id);
        x->flags |= t->canonical ? FLAG_CANONICAL : 0;
    }
    t->decoded = x->decoded_id;
    t->wire = x->body_id;
    t->coding = c->coding;
    t->now_ms = now_ms;
    if (changes)
        enter_scope(l, c->path, now_ms);
}

/* One that was looked into. */
static __attribute__((noinline)) void end_look(struct looks *l, struct slot_pool *pool, struct slot *s)
{
    s->x.decoded_id = look_finish(l, pool, s);
    note_target(l, s);
}

void look_end(struct looks *l, struct slot_pool *pool, struct slot *s)
{
    if (!(s->candidate.json || s->candidate.coding) || !s->x.body_id) {
        look_drop(l, s);
        return;
    }
    l->share += s->x.response_bytes;
    if (s->look)
        end_look(l, pool, s);
    else
        note_target(l, s);
}
