#include "analysis/volatile.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/numbers.h"
#include "base/hash.h"
#include "base/json.h"

enum {
    WORDS = VOLATILE_PATHS / 64,
    SLOTS = 2 * VOLATILE_PATHS,
    TOGETHER = 16, /* paths whose values lie side by side */
    FILTER_WORDS = 4096,
    CHECK_PAIRS = 1000,
    COUNTER_DIFFS = 3, /* fewer steps up do not make a counter */
};

#define EXPLAINED_ENOUGH 0.99
#define GAIN_LEAST 0.01
#define RELEARN_UNDER 0.90
#define TOLERATED 0.02 /* exceptions to a class, per value: servers whose clocks differ, chance in the filter */

/* A set of paths. */
struct paths {
    uint64_t word[WORDS];
};

/* What is known of a path. */
struct path {
    uint64_t id;
    uint32_t pairs, diff;
    uint64_t gap_ms;
    uint32_t seen, value[VOLATILE_VALUES]; /* values, and of which kind */
    uint32_t fell, repeated;               /* values less than the one before; values met before */
};

struct watched {
    uint64_t key; /* 0: free */
    int64_t now;
};

/* A body; its values by path lie elsewhere. */
struct sample {
    uint64_t sum;
    int64_t now;
    struct paths has;
};

struct value {
    uint64_t hash, number;
};

struct volatile_learner {
    unsigned n_paths;
    struct path path[VOLATILE_PATHS];
    uint16_t slot[SLOTS];                  /* index of a path + 1 */
    struct watched watched[VOLATILE_KEYS]; /* apart from the samples, since all are looked through */
    struct sample sample[VOLATILE_KEYS];   /* the last body of each */
    struct sample current;
    struct value value[VOLATILE_PATHS]; /* of the current body, and of which kind */
    enum volatile_value kind[VOLATILE_PATHS];
    uint64_t pairs, different;
    unsigned n_diff;
    struct paths diff[VOLATILE_PAIRS]; /* which paths differed, of the differing pairs */
    uint64_t filter[FILTER_WORDS];     /* values of ids met */
    struct volatile_result frozen;
    uint64_t check_pairs, check_different, check_explained;
    /* Of the last body of each key; most have few paths, and touch little. */
    struct value last[VOLATILE_PATHS / TOGETHER][VOLATILE_KEYS][TOGETHER];
};

const char *volatile_class_name(enum volatile_class c)
{
    static const char *const names[VOLATILE_CLASSES] = {"timestamp", "request_id", "duration",
                                                        "counter",   "random",     "data"};
    return names[c];
}

struct volatile_learner *volatile_new(void)
{
    return calloc(1, sizeof(struct volatile_learner));
}

void volatile_free(struct volatile_learner *l)
{
    free(l);
}

size_t volatile_bytes(void)
{
    return sizeof(struct volatile_learner);
}

static void put(struct paths *p, unsigned i)
{
    p->word[i / 64] |= (uint64_t)1 << i % 64;
}

static bool has(const struct paths *p, unsigned i)
{
    return p->word[i / 64] >> i % 64 & 1;
}

static bool none(const struct paths *p)
{
    uint64_t all = 0;
    for (int w = 0; w < WORDS; w++)
        all |= p->word[w];
    return !all;
}

/* Whether all of p is in `set`. */
static bool within(const struct paths *p, const struct paths *set)
{
    uint64_t left = 0;
    for (int w = 0; w < WORDS; w++)
        left |= p->word[w] & ~set->word[w];
    return !left;
}

/* Index of a path, a new one if `add`; VOLATILE_PATHS when there is none. */
static unsigned index_of(struct volatile_learner *l, uint64_t id, bool add)
{
    unsigned at = (unsigned)hash_mix(id) % SLOTS;
    for (; l->slot[at]; at = (at + 1) % SLOTS)
        if (l->path[l->slot[at] - 1].id == id)
            return l->slot[at] - 1u;
    if (!add || l->n_paths == VOLATILE_PATHS)
        return VOLATILE_PATHS;
    l->path[l->n_paths] = (struct path){.id = id};
    l->slot[at] = (uint16_t)++l->n_paths;
    return l->n_paths - 1;
}

static const struct value *last_of(const struct volatile_learner *l, unsigned key, unsigned path)
{
    return &l->last[path / TOGETHER][key][path % TOGETHER];
}

/* The current body is the last one of its key. */
static void keep(struct volatile_learner *l, unsigned key)
{
    l->sample[key] = l->current;
    for (unsigned i = 0; i < l->n_paths; i += TOGETHER)
        memcpy(l->last[i / TOGETHER][key], &l->value[i], sizeof l->last[0][0]);
}

/* The body by path: hashes summed, the greatest number of several. */
static void spread(struct volatile_learner *l, const struct volatile_body *b)
{
    struct sample *s = &l->current;
    s->sum = b->sum;
    s->now = b->now;
    s->has = (struct paths){{0}};
    for (unsigned i = 0; i < b->n; i++) {
        const struct volatile_leaf *leaf = &b->leaf[i];
        unsigned at = index_of(l, leaf->path, true);
        if (at == VOLATILE_PATHS)
            continue;
        bool again = has(&s->has, at);
        put(&s->has, at);
        struct value *v = &l->value[at];
        v->hash = leaf->hash + (again ? v->hash : 0);
        v->number = again && v->number > leaf->number ? v->number : leaf->number;
        l->kind[at] = again && l->kind[at] != leaf->value ? VOLATILE_OTHER : leaf->value;
    }
}

/* The key's place, or one that can no longer make a pair (then its key is 0); VOLATILE_KEYS when all are in use. */
static unsigned place_of(struct volatile_learner *l, const struct volatile_body *b)
{
    unsigned oldest = 0;
    for (unsigned i = 0; i < VOLATILE_KEYS; i++) {
        const struct watched *w = &l->watched[i], *o = &l->watched[oldest];
        if (w->key == b->key)
            return i;
        if (o->key && (!w->key || w->now < o->now))
            oldest = i;
    }
    struct watched *o = &l->watched[oldest];
    if (o->key && b->now - o->now <= VOLATILE_APART_MS)
        return VOLATILE_KEYS;
    o->key = 0;
    return oldest;
}

/* Whether an id was met before, by two bits of a filter. */
static bool met(struct volatile_learner *l, uint64_t hash)
{
    uint64_t h = hash_mix(hash), first = h % (FILTER_WORDS * 64), second = (h >> 32) % (FILTER_WORDS * 64);
    uint64_t *a = &l->filter[first / 64], *b = &l->filter[second / 64];
    bool known = (*a >> first % 64 & 1) && (*b >> second % 64 & 1);
    *a |= (uint64_t)1 << first % 64;
    *b |= (uint64_t)1 << second % 64;
    return known;
}

/* One path of two bodies that differ, of this key. */
static void compare(struct volatile_learner *l, unsigned i, unsigned key, uint64_t gap)
{
    struct path *p = &l->path[i];
    const struct value *now = &l->value[i], *before = last_of(l, key, i);
    bool differs = before->hash != now->hash;
    p->pairs++;
    p->gap_ms += gap;
    p->diff += differs;
    p->seen++;
    p->value[l->kind[i]]++;
    p->fell += now->number < before->number;
    p->repeated += !differs || (l->kind[i] == VOLATILE_ID && met(l, now->hash));
}

/* The last body of a key and the current one. */
static struct paths differing(const struct volatile_learner *l, unsigned key)
{
    const struct sample *a = &l->sample[key], *b = &l->current;
    struct paths d;
    for (int w = 0; w < WORDS; w++) {
        uint64_t both = a->has.word[w] & b->has.word[w];
        d.word[w] = a->has.word[w] ^ b->has.word[w]; /* in one alone */
        for (; both; both &= both - 1) {
            unsigned i = (unsigned)(w * 64 + __builtin_ctzll(both));
            if (last_of(l, key, i)->hash != l->value[i].hash)
                put(&d, i);
        }
    }
    return d;
}

static struct paths set_of(struct volatile_learner *l, const struct volatile_result *r, bool masked)
{
    struct paths set = {{0}};
    for (unsigned i = 0; i < r->n; i++) {
        unsigned at = r->field[i].masked || !masked ? index_of(l, r->field[i].path, false) : VOLATILE_PATHS;
        if (at < VOLATILE_PATHS)
            put(&set, at);
    }
    return set;
}

static void learn_again(struct volatile_learner *l)
{
    for (unsigned i = 0; i < l->n_paths; i++)
        l->path[i] = (struct path){.id = l->path[i].id};
    memset(l->filter, 0, sizeof l->filter);
    l->pairs = l->different = 0;
    l->n_diff = 0;
    l->check_pairs = l->check_different = l->check_explained = 0;
}

static bool learning(const struct volatile_learner *l)
{
    return l->pairs < VOLATILE_PAIRS;
}

/* Does what was found still explain what is seen? */
static void check(struct volatile_learner *l, unsigned key)
{
    l->check_pairs++;
    if (l->sample[key].sum != l->current.sum) {
        struct paths d = differing(l, key), fields = set_of(l, &l->frozen, false);
        l->check_different++;
        l->check_explained += !none(&d) && within(&d, &fields);
    }
    if (l->check_pairs < CHECK_PAIRS)
        return;
    if ((double)l->check_explained < RELEARN_UNDER * (double)l->check_different)
        learn_again(l);
    l->check_pairs = l->check_different = l->check_explained = 0;
}

static void evaluate(const struct volatile_learner *l, struct volatile_result *out);

/* A pair to learn from. Paths of equal bodies have not differed, and say nothing of their class. */
static void learn(struct volatile_learner *l, unsigned key)
{
    const struct sample *before = &l->sample[key];
    uint64_t gap = (uint64_t)(l->current.now - before->now);
    bool same = before->sum == l->current.sum;
    for (unsigned i = 0; i < l->n_paths; i++) {
        if (!has(&l->current.has, i) || !has(&before->has, i))
            continue;
        if (same) {
            l->path[i].pairs++;
            l->path[i].gap_ms += gap;
        } else {
            compare(l, i, key, gap);
        }
    }
    l->pairs++;
    if (!same) {
        l->different++;
        l->diff[l->n_diff++] = differing(l, key);
    }
    if (learning(l))
        return;
    uint32_t epoch = l->frozen.epoch;
    evaluate(l, &l->frozen);
    l->frozen.epoch = epoch + 1;
}

void volatile_take(struct volatile_learner *l, const struct volatile_body *b)
{
    unsigned at = b->key ? place_of(l, b) : VOLATILE_KEYS;
    if (at == VOLATILE_KEYS)
        return;
    struct watched *w = &l->watched[at];
    spread(l, b);
    if (w->key && b->now >= w->now && b->now - w->now <= VOLATILE_APART_MS) {
        if (learning(l))
            learn(l, at);
        else
            check(l, at);
    }
    *w = (struct watched){b->key, b->now};
    keep(l, at);
}

static bool mostly(uint32_t n, uint32_t of)
{
    return of && n >= of - TOLERATED * of;
}

static bool seldom(uint32_t n, uint32_t of)
{
    return n <= TOLERATED * of;
}

static enum volatile_class class_of(const struct path *p)
{
    bool unique = p->seen && seldom(p->repeated, p->seen);
    bool rises = seldom(p->fell, p->seen);
    if (mostly(p->value[VOLATILE_TIME], p->seen) && rises)
        return VOLATILE_TIMESTAMP;
    if (mostly(p->value[VOLATILE_ID], p->seen) && unique)
        return VOLATILE_REQUEST_ID;
    if (mostly(p->value[VOLATILE_DURATION], p->seen))
        return VOLATILE_TOOK;
    if (mostly(p->value[VOLATILE_INTEGER], p->seen) && rises && p->diff >= COUNTER_DIFFS)
        return VOLATILE_COUNTER;
    return unique && p->diff >= COUNTER_DIFFS ? VOLATILE_RANDOM : VOLATILE_DATA;
}

/* Differing pairs that a set explains. One without a known path that differs is explained by nothing. */
static uint64_t explained_by(const struct volatile_learner *l, const struct paths *set)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < l->n_diff; i++)
        n += !none(&l->diff[i]) && within(&l->diff[i], set);
    return n;
}

/* The path outside the set that differs in most of the pairs not explained yet, and in how many. */
static unsigned next_path(const struct volatile_learner *l, const struct paths *set, uint64_t *gain)
{
    uint32_t count[VOLATILE_PATHS] = {0};
    unsigned best = VOLATILE_PATHS;
    for (unsigned i = 0; i < l->n_diff; i++)
        for (int w = 0; w < WORDS; w++)
            for (uint64_t left = l->diff[i].word[w] & ~set->word[w]; left; left &= left - 1)
                count[w * 64 + __builtin_ctzll(left)]++;
    *gain = 0;
    for (unsigned i = 0; i < l->n_paths; i++)
        if (count[i] > *gain) {
            *gain = count[i];
            best = i;
        }
    return best;
}

static double change_s(const struct volatile_field *f)
{
    double n = (double)f->pairs, x = (double)f->diff;
    return x > 0 ? (double)f->gap_ms / 1e3 / n / -log((n - x + .5) / (n + .5)) : NAN;
}

static struct volatile_field field_of(const struct path *p)
{
    struct volatile_field f = {
        .path = p->id, .class = class_of(p), .pairs = p->pairs, .diff = p->diff, .gap_ms = p->gap_ms};
    f.masked = f.class <= VOLATILE_TOOK;
    f.change_s = change_s(&f);
    return f;
}

static void evaluate(const struct volatile_learner *l, struct volatile_result *out)
{
    struct paths fields = {{0}}, mask = {{0}};
    uint64_t gain;
    *out = (struct volatile_result){.pairs = l->pairs, .different = l->different};
    while (out->n < VOLATILE_FIELDS && (double)out->explained < EXPLAINED_ENOUGH * (double)l->different) {
        unsigned at = next_path(l, &fields, &gain);
        if (at == VOLATILE_PATHS || (double)gain < GAIN_LEAST * (double)l->different)
            break;
        struct volatile_field f = field_of(&l->path[at]);
        put(&fields, at);
        if (f.masked)
            put(&mask, at);
        out->field[out->n++] = f;
        out->explained = explained_by(l, &fields);
    }
    out->masked = explained_by(l, &mask);
}

void volatile_result(const struct volatile_learner *l, struct volatile_result *out)
{
    if (l->frozen.epoch)
        *out = l->frozen;
    else
        evaluate(l, out);
}

uint64_t volatile_identity(const struct volatile_learner *l, const struct volatile_body *b, uint32_t *epoch)
{
    uint64_t sum = b->sum;
    *epoch = l->frozen.epoch;
    for (unsigned f = 0; *epoch && f < l->frozen.n; f++)
        for (unsigned i = 0; l->frozen.field[f].masked && i < b->n; i++)
            sum -= b->leaf[i].path == l->frozen.field[f].path ? b->leaf[i].hash : 0;
    return sum;
}

void volatile_restore(struct volatile_learner *l, const struct volatile_result *r)
{
    l->frozen = *r;
    l->pairs = r->epoch ? VOLATILE_PAIRS : 0;
}

static struct volatile_field *field_with(struct volatile_result *r, uint64_t path)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->field[i].path == path)
            return &r->field[i];
    return NULL;
}

void volatile_merge(struct volatile_result *into, const struct volatile_result *from)
{
    struct volatile_result more = into->pairs >= from->pairs ? *into : *from;
    const struct volatile_result *less = into->pairs >= from->pairs ? from : into;
    for (unsigned i = 0; i < less->n; i++) {
        const struct volatile_field *b = &less->field[i];
        struct volatile_field *a = field_with(&more, b->path);
        if (!a && more.n < VOLATILE_FIELDS) {
            more.field[more.n++] = *b;
        } else if (a) {
            a->pairs += b->pairs;
            a->diff += b->diff;
            a->gap_ms += b->gap_ms;
            a->change_s = change_s(a);
        }
    }
    more.pairs += less->pairs;
    more.different += less->different;
    more.explained += less->explained;
    more.masked += less->masked;
    *into = more;
}

void volatile_write(const struct volatile_result *r, struct buf *out)
{
    struct json j = {out, false};
    const uint64_t head[] = {r->epoch, r->pairs, r->different, r->explained, r->masked};
    json_open(&j, '[');
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        json_u64(&j, head[i]);
    for (unsigned n = 0; n < r->n; n++) {
        const struct volatile_field *f = &r->field[n];
        const uint64_t v[] = {f->path, f->class, f->masked, f->pairs, f->diff, f->gap_ms};
        json_open(&j, '[');
        for (size_t i = 0; i < sizeof v / sizeof *v; i++)
            json_u64(&j, v[i]);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool volatile_read(struct volatile_result *r, struct slice text)
{
    struct numbers in = numbers_of(text);
    *r = (struct volatile_result){0};
    if (!numbers_more(&in))
        return true;
    r->epoch = (uint32_t)numbers_next(&in);
    r->pairs = numbers_next(&in);
    r->different = numbers_next(&in);
    r->explained = numbers_next(&in);
    r->masked = numbers_next(&in);
    while (numbers_more(&in)) {
        struct volatile_field f = {.path = numbers_next(&in)};
        uint64_t class = numbers_next(&in);
        f.masked = numbers_next(&in) != 0;
        f.pairs = numbers_next(&in);
        f.diff = numbers_next(&in);
        f.gap_ms = numbers_next(&in);
        in.bad |= class >= VOLATILE_CLASSES || r->n == VOLATILE_FIELDS || f.diff > f.pairs;
        if (in.bad)
            break;
        f.class = (enum volatile_class) class;
        f.change_s = change_s(&f);
        r->field[r->n++] = f;
    }
    if (in.bad)
        *r = (struct volatile_result){0};
    return !in.bad;
}
