/* What an answer depends on, of an exchange: its parts are held against its content (ALGORITHMS.md 5). Here and not in
 * observe.c, since it takes the exchange itself: stored rows do not have its parts, so that a restart goes on from the
 * sums and forgets the comparisons that were open. */
#include "analysis/state.h"

/* Whole answers that say what the resource is. */
static bool tells(const struct row_exchange *r)
{
    return (r->flags & ROW_ELIGIBLE) && r->content && !(r->flags & REPLAY_HEAD) &&
           (r->status == 304 || (r->status >= 200 && r->status < 300 && r->status != 206));
}

static bool has_credential(const struct exchange *x)
{
    return x->identity != IDENTITY_ADDRESS && x->identity != IDENTITY_FORWARDED;
}

/* An error that is the request's own; not of a credential that lapsed, nor for a while. A part that decides between it
 * and a good answer matters as much as one that decides between two of those. */
static bool refuses(const struct exchange *x, const struct row_exchange *r)
{
    switch (r->status) {
    case 401:
        if (has_credential(x))
            return false; /* fall through */
    case 400:
    case 403:
    case 404:
    case 406:
    case 410:
    case 422:
    case 451:
        return (r->flags & ROW_ELIGIBLE) && !(r->flags & REPLAY_HEAD);
    default:
        return false;
    }
}

/* Hash of the text of a path, as a key without query has it; many queries have few paths. */
static uint64_t path_hash(struct analysis *a, struct slice path)
{
    uint64_t hash = query_path_hash(&a->query_paths, &a->key, path);
    if (hash)
        return hash;
    hash = take_text_hash(a, take_key_text(a, path).whole);
    query_path_keep(&a->query_paths, &a->key, path, hash);
    return hash;
}

/* The request's own text is at hand; that of the key, the same where nothing was to be normalised of either, lasts. */
static const struct query *query_of(struct analysis *a, const struct exchange *x, const struct key *key,
                                    struct origin origin)
{
    struct query *q = &a->queries[key->hash % QUERY_MEMO];
    if (a->query_generation != a->keys.generation) { /* names moved */
        memset(a->queries, 0, sizeof a->queries);
        a->query_generation = a->keys.generation;
    }
    if (q->key == key->hash)
        return q;
    struct slice kept = keys_target(&a->keys, key),
                 target = key->plain && target_is_plain(x->target) ? x->target : kept;
    size_t mark = slice_find(target, '?', 0);
    query_split(q, &a->key, slice_sub(target, mark + 1, target.n),
                x->identity == IDENTITY_APIKEY && !*a->options.order.key_field);
    query_move(q, target.p, kept.p);
    q->key = key->hash;
    q->rest += take_key_hash(a, origin, path_hash(a, slice_sub(target, 0, mark)), SLICE(""));
    return q;
}

static uint32_t learner_of(struct analysis *a, uint32_t id)
{
    struct endpoint *ep = endpoints_at(&a->endpoints, id);
    if (!ep->learner && !ep->other && !ep->unlearned) {
        ep->learner = learning_open(&a->learning);
        ep->unlearned = !ep->learner;
    }
    return ep->learner;
}

/* Key, variant and header fields. */
static uint64_t equal_context(uint64_t context, const struct exchange *x)
{
    for (unsigned i = 0; x->parts && i < x->parts->n; i++)
        context += x->parts->part[i].kind == PART_HEADER ? x->parts->part[i].value : 0;
    return hash_mix(context) | 1;
}

void depend_expect(const struct analysis *a, const struct exchange *x, const struct key *key, uint32_t variant)
{
    const struct endpoint *ep = endpoints_at(&a->endpoints, key->endpoint);
    uint64_t context = key->hash + variant;
    if (variant)
        prefetch(sharing_places(a->contexts, SHARING_CONTEXTS, context));
    if (sharing_wants_equal(&ep->sharing))
        prefetch(sharing_places(a->equals, SHARING_EQUALS, equal_context(context, x)));
}

/* Once answers of its keys differed between clients: did those to equal header fields, too? */
static void compare_equal(struct analysis *a, const struct exchange *x, const struct fact *f, const struct key *key,
                          struct endpoint *ep)
{
    struct sharing_visit v;
    if (!sharing_wants_equal(&ep->sharing) || !observe_as_shared(a, f, key, &v))
        return;
    v.context = equal_context(v.context, x);
    a->equals_used = true;
    sharing_visit_equal(a->equals, &v, &ep->sharing);
}

void depend_compare(struct analysis *a, struct fact *f)
{
    const struct exchange *x = f->x;
    const struct row_exchange *r = &f->row;
    f->learner = 0;
    f->refused = refuses(x, r);
    if (f->key == MAP_NONE || (x->flags & FLAG_UNCOMPARED) || x->credential_besides || !(f->refused || tells(r)))
        return;
    const struct key *key = keys_at(&a->keys, f->key);
    struct endpoint *ep = endpoints_at(&a->endpoints, r->endpoint);
    if (f->refused ? !ep->learner : !key->query && !x->parts && !ep->learner)
        return;
    if (!f->refused)
        compare_equal(a, x, f, key, ep);
    f->learner = learner_of(a, r->endpoint);
}

void depend_observe(struct analysis *a, const struct fact *f)
{
    const struct exchange *x = f->x;
    const struct row_exchange *r = &f->row;
    struct part credential;
    if (!f->learner || !learning_wants(&a->learning, f->learner))
        return;
    const struct key *key = keys_at(&a->keys, f->key);
    struct learn_visit v = {.base = key->hash,
                            .content = r->content,
                            .now_ms = (uint32_t)f->ms,
                            .list = (uint16_t)replay_list(r),
                            .refused = f->refused};
    if (key->query) {
        const struct query *q = query_of(a, x, key, f->origin);
        v.base = q->rest;
        v.parts[0] = (struct learn_parts){q->part, q->n};
    }
    if (x->parts)
        v.parts[1] = (struct learn_parts){x->parts->part, x->parts->n};
    if (has_credential(x)) {
        credential = (struct part){.name = a->credential_name,
                                   .value = part_value(a->credential_name, x->client_hash),
                                   .text = SLICE("credential"),
                                   .kind = PART_CREDENTIAL};
        v.parts[2] = (struct learn_parts){&credential, 1};
    }
    learning_visit(&a->learning, f->learner, &v);
}

/* ---- what becomes of it ---- */

void depend_unite(struct analysis *a, uint32_t from, uint32_t into)
{
    struct endpoint *e = endpoints_at(&a->endpoints, from), *other = endpoints_at(&a->endpoints, into);
    if (!e->learner)
        return;
    if (!other->learner) {
        other->learner = e->learner;
    } else {
        learning_merge(&a->learning, other->learner, e->learner);
        learning_close(&a->learning, e->learner);
    }
    e->learner = 0;
}

static bool names(const void *context, uint16_t list, struct slice field)
{
    const struct analysis *a = context;
    struct slice rest = vary_text(a->vary, list), item;
    while (slice_next(&rest, ',', &item))
        if (slice_ieq(item, field) || slice_eq(item, SLICE("*")))
            return true;
    return false;
}

struct slice depend_write(struct analysis *a, const struct endpoint *e)
{
    a->learned.n = 0;
    learning_settle(&a->learning);
    if (e->learner)
        learning_write(&a->learning, e->learner, names, a, &a->learned);
    return slice_of(a->learned.p, a->learned.n);
}

void depend_load(struct analysis *a, uint32_t id, struct slice blob)
{
    struct learned stored;
    if (!learned_read(&stored, blob) || !stored.visits)
        return;
    uint32_t learner = learner_of(a, id);
    if (learner)
        learning_load(&a->learning, learner, &stored, &a->key);
}
