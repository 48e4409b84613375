/* Here and not in observe.c, since it takes the exchange itself, as analysis/depend.c does: stored rows have no leaves,
 * so that a restart goes on from the sums and the mask, and forgets what was open. */
#include "analysis/masked.h"

#include "analysis/cacheable.h"
#include "analysis/state.h"

enum { SLOTS = 64, WAYS = 4, NAMES = 2 * VOLATILE_PATHS };

/* What a path is called. */
struct name {
    uint64_t path; /* 0: free */
    char text[FIELDS_NAME - 8];
};

/* A row; behind it lies the learner. */
struct row {
    struct ladder_slot slot[SLOTS]; /* hash 0: free */
    struct ladder_sums sums;        /* of this epoch's mask */
    struct sharing sharing;
    struct name name[NAMES];
    unsigned n_names;
    uint32_t epoch, next_free;
};

static size_t row_bytes(void)
{
    return (sizeof(struct row) + volatile_bytes() + 255) / 256 * 256;
}

static struct row *row_at(const struct analysis *a, uint32_t row)
{
    return slab_at(&a->masked.rows, row);
}

static struct volatile_learner *learner_at(const struct row *r)
{
    return (struct volatile_learner *)(void *)((char *)(uintptr_t)r + sizeof *r);
}

bool masked_init(struct masked *m, uint32_t endpoints)
{
    *m = (struct masked){0};
    if (row_bytes() > budget_unit(ROOM_FIELDS) || !slab_init(&m->rows, row_bytes(), endpoints + 1))
        return false;
    slab_take(&m->rows);
    return true;
}

void masked_fini(struct masked *m)
{
    slab_fini(&m->rows);
}

static uint32_t take_row(struct analysis *a)
{
    struct masked *m = &a->masked;
    uint32_t at = m->free;
    if (at) {
        m->free = row_at(a, at)->next_free;
        memset(row_at(a, at), 0, row_bytes());
        return at;
    }
    at = slab_take(&m->rows);
    m->refused += at == SLAB_NONE;
    return at == SLAB_NONE ? 0 : at;
}

static void give_row(struct analysis *a, uint32_t at)
{
    row_at(a, at)->next_free = a->masked.free;
    a->masked.free = at;
}

/* ---- names ---- */

static struct name *name_at(struct row *r, uint64_t path)
{
    unsigned at = (unsigned)(path % NAMES);
    while (r->name[at].path && r->name[at].path != path)
        at = (at + 1) % NAMES;
    return &r->name[at];
}

/* Whether it has one, or can have none any more. */
static bool is_named(struct row *r, uint64_t path)
{
    return r->n_names == VOLATILE_PATHS || name_at(r, path)->path;
}

static void add_name(struct row *r, uint64_t path, struct slice text)
{
    struct name *at = name_at(r, path);
    if (at->path || !text.p || text.n >= sizeof at->text || r->n_names == VOLATILE_PATHS)
        return;
    at->path = path;
    memcpy(at->text, text.p, text.n);
    r->n_names++;
}

/* Names come from capture, which lets only words pass, or from records, which anybody may have written. */
static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_alpha(text.p[i]) && !ascii_digit(text.p[i]) && !strchr("-._~[]$@", text.p[i]))
            return false;
    return text.n > 0;
}

static void note_names(struct row *r, const struct leaves *l)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->leaf[i].name.p && !is_named(r, l->leaf[i].path) && is_plain(l->leaf[i].name))
            add_name(r, l->leaf[i].path, l->leaf[i].name);
}

/* ---- one answer ---- */

_Static_assert((int)LEAF_OTHER == (int)VOLATILE_OTHER && (int)LEAF_TIME == (int)VOLATILE_TIME &&
                   (int)LEAF_ID == (int)VOLATILE_ID && (int)LEAF_INTEGER == (int)VOLATILE_INTEGER &&
                   (int)LEAF_DURATION == (int)VOLATILE_DURATION && (int)LEAVES_MOST == (int)VOLATILE_PATHS,
               "what capture sees is what is learned of");

/* Four places that the hash allows: its own, a free one, else none. */
static struct ladder_slot *slot_at(struct row *r, uint64_t hash, int64_t now)
{
    struct ladder_slot *set = &r->slot[hash % (SLOTS / WAYS) * WAYS];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (!set[i].hash) {
            ladder_reset(&set[i], now);
            set[i].hash = hash;
            return &set[i];
        }
    }
    return NULL;
}

/* Another mask, another content: what was counted and kept under the old one is over. */
static void begin_epoch(struct row *r, uint32_t epoch)
{
    memset(r->slot, 0, sizeof r->slot);
    r->sums = (struct ladder_sums){0};
    r->sharing = (struct sharing){0};
    r->epoch = epoch;
}

/* After the row of its bodies, or that row's mask, changed. */
static void note_masked(const struct analysis *a, struct endpoint *e)
{
    e->masked = e->fields && row_at(a, e->fields)->epoch;
}

/* Compared between credentials as all answers are (observe.c), in contexts of its own. */
static void visit_sharing(struct analysis *a, struct row *r, const struct fact *f, uint32_t content)
{
    const struct key *key = keys_at(&a->keys, f->key);
    struct sharing_visit v = {0};
    bool given = observe_as_shared(a, f, key, &v);
    if (!v.context)
        return;
    v.context = hash_mix(v.context + r->epoch);
    v.content = content;
    if (given && content)
        sharing_visit(a->contexts, &v, &r->sharing);
    else if (!given)
        sharing_refuse(a->contexts, &v, f->row.status);
}

static void visit_mask(struct analysis *a, struct endpoint *ep, const struct fact *f, const struct volatile_body *b)
{
    const struct row_exchange *x = &f->row;
    struct row *r = row_at(a, ep->fields);
    uint32_t epoch;
    uint64_t id = volatile_identity(learner_at(r), b, &epoch);
    if (!epoch)
        return;
    if (epoch != r->epoch)
        begin_epoch(r, epoch);
    note_masked(a, ep);
    uint32_t content = cacheable_decoded(hash_mix(id) | 1);
    struct ladder_slot *slot = slot_at(r, b->key, b->now);
    struct ladder_visit v = {.now = b->now,
                             .start = floor_div(a->start_us, 1000),
                             .purged = INT64_MIN,
                             .content = content,
                             .fillable = x->flags & ROW_FILLABLE,
                             .fetch_us = x->duration_us,
                             .bytes = x->response_bytes,
                             .server_us = x->server_us < 0 ? 0 : (uint64_t)x->server_us};
    if (slot)
        ladder_visit(slot, &v, &r->sums);
    visit_sharing(a, r, f, content);
}

static bool tells(const struct fact *f)
{
    const struct row_exchange *r = &f->row;
    return f->key != MAP_NONE && (r->flags & ROW_ELIGIBLE) && r->content && r->status == 200;
}

static void observe_leaves(struct analysis *a, struct endpoint *ep, const struct exchange *x, const struct fact *f)
{
    struct volatile_leaf leaf[VOLATILE_PATHS];
    if (ep->other || (!ep->fields && !(ep->fields = take_row(a))))
        return;
    const struct key *key = keys_at(&a->keys, f->key);
    struct row *r = row_at(a, ep->fields);
    struct volatile_body b = {.key = key->hash + f->row.variant,
                              .sum = x->leaves->sum,
                              .now = f->ms,
                              .leaf = leaf,
                              .n = x->leaves->n < VOLATILE_PATHS ? x->leaves->n : VOLATILE_PATHS};
    for (unsigned i = 0; i < b.n; i++) {
        const struct leaf *l = &x->leaves->leaf[i];
        leaf[i] = (struct volatile_leaf){l->path, l->hash, l->order, (enum volatile_value)l->value};
    }
    b.key += !b.key;
    note_names(r, x->leaves);
    volatile_take(learner_at(r), &b);
    visit_mask(a, ep, f, &b);
}

void masked_observe(struct analysis *a, const struct exchange *x, const struct fact *f)
{
    struct endpoint *ep = endpoints_at(&a->endpoints, f->row.endpoint);
    if (x->leaves && tells(f))
        observe_leaves(a, ep, x, f);
    else if (ep->masked && f->key != MAP_NONE && (f->row.flags & ROW_ELIGIBLE))
        visit_sharing(a, row_at(a, ep->fields), f, 0);
}

/* ---- what becomes of it ---- */

/* Two that were learned of: the one that knows more stays. */
void masked_unite(struct analysis *a, struct endpoint *from, struct endpoint *into)
{
    struct volatile_result one, other;
    if (!from->fields)
        return;
    if (into->fields) {
        volatile_result(learner_at(row_at(a, from->fields)), &one);
        volatile_result(learner_at(row_at(a, into->fields)), &other);
        uint32_t less = one.pairs > other.pairs ? into->fields : from->fields;
        into->fields = less == into->fields ? from->fields : into->fields;
        give_row(a, less);
    } else {
        into->fields = from->fields;
    }
    from->fields = 0;
    note_masked(a, into);
}

static struct slice write_row(struct analysis *a, struct row *r)
{
    struct fields out = {0};
    volatile_result(learner_at(r), &out.learned);
    if (!out.learned.pairs)
        return SLICE("");
    for (unsigned i = 0; i < out.learned.n; i++)
        memcpy(out.name[i], name_at(r, out.learned.field[i].path)->text, sizeof name_at(r, 0)->text);
    if (r->epoch == out.learned.epoch) {
        ladder_row(&r->sums, out.ladder);
        out.sharing = r->sharing;
    }
    fields_write(&out, &a->fields);
    return slice_of(a->fields.p, a->fields.n);
}

struct slice masked_write(struct analysis *a, const struct endpoint *e)
{
    a->fields.n = 0;
    return e->fields ? write_row(a, row_at(a, e->fields)) : SLICE("");
}

void masked_load(struct analysis *a, struct endpoint *e, struct slice text)
{
    struct fields in;
    if (!fields_read(&in, text) || (!e->fields && !(e->fields = take_row(a))))
        return;
    struct row *r = row_at(a, e->fields);
    volatile_restore(learner_at(r), &in.learned);
    for (unsigned i = 0; i < in.learned.n; i++)
        add_name(r, in.learned.field[i].path, slice_str(in.name[i]));
    r->epoch = in.learned.epoch;
    r->sharing = in.sharing;
    if (in.ladder[0].lookups)
        ladder_load(&r->sums, in.ladder);
    note_masked(a, e);
}
