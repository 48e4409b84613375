#include "analysis/report/advice.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/report/fieldadvice.h"
#include "analysis/report/keyadvice.h"
#include "analysis/report/keyeffect.h"
#include "analysis/report/placement.h"
#include "analysis/report/tagadvice.h"
#include "base/human.h"

#define PURGE_GAIN 1.1 /* times as many hits, for a purge to be advised beside a lifetime */
#define LOST_MOST                                                                                                      \
    0.01 /* share of the look-ups that found no room in the ladder; others' floods cost nobody his advice */

struct recommend_rung advice_rung(const struct row_rung *r)
{
    return (struct recommend_rung){.ttl_s = r->ttl_s,
                                   .lookups = r->lookups,
                                   .hits = r->hits,
                                   .stale_hits = r->stale_hits,
                                   .unknown_hits = r->unknown_hits,
                                   .warm_lookups = r->warm_lookups,
                                   .warm_hits = r->warm_hits,
                                   .cycles_hit = r->cycles_hit,
                                   .bytes_saved = r->bytes_saved,
                                   .server_us_saved = r->server_us_saved};
}

/* Of the cycles seen no more than there were hits with them that could be compared. */
static uint64_t seen_cycles(const struct recommend_rung *r, uint64_t seen)
{
    uint64_t known = r->hits > r->unknown_hits ? r->hits - r->unknown_hits : 0;
    double most = (double)known * fmin(facts_ratio(seen, r->cycles_hit), 1);
    return most < (double)seen ? (uint64_t)most : seen;
}

/* The sample of a bound is what was seen, not what was estimated from it. */
static unsigned fill_rungs(const struct row_endpoint *e, const struct sampling_stored *sampled,
                           struct recommend_rung out[LADDER_RUNGS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < LADDER_RUNGS; i++) {
        if (!e->ttl[i].ttl_s)
            continue;
        out[n] = advice_rung(&e->ttl[i]);
        out[n].stale_purgeable = e->ttl[i].stale_purgeable;
        if (sampled->level)
            out[n].cycles_hit = seen_cycles(&out[n], sampled->cycles[i]);
        n++;
    }
    return n;
}

/* A share of the 200s that declared nothing of the kind is unknown. */
static double share(const struct row_endpoint *e, uint64_t n, enum declared of)
{
    return facts_ratio(n, e->declared[of]);
}

static double excess_of(const struct row_endpoint *e)
{
    struct sources s;
    return sources_read(&s, e->sources) ? sources_excess(&s) : 0;
}

/* in->rung is `rung`. */
static void fill_input(const struct row_endpoint *e, const struct facts *f, double budget, double write_recall,
                       struct recommend_rung rung[LADDER_RUNGS], struct recommend_input *in)
{
    const uint64_t *d = e->declared;
    double duration = facts_watched_s(f), lost = facts_ratio(e->eligible - e->ttl[0].lookups, e->eligible);
    struct sampling_stored sampled;
    sampling_read(&sampled, e->sampling);
    *in = (struct recommend_input){
        .rung = rung,
        .n = fill_rungs(e, &sampled, rung),
        .budget = budget,
        .duration_s = duration,
        .coverage = facts_coverage(f),
        .excess = excess_of(e),
        .truncated = lost > LOST_MOST,
        .not_modified = share(e, d[DECLARED_not_modified], DECLARED_reads),
        .validators = share(e, d[DECLARED_strong_etag] + d[DECLARED_weak_etag], DECLARED_full),
        .body_bytes = share(e, e->response_bytes, DECLARED_full),
        .write_recall = write_recall,
        .rate_per_key = e->keys && duration > 0 ? (double)e->eligible / (double)e->keys / duration : NAN};
}

static enum advice_kind kind_of(const struct row_endpoint *e, const struct advice *a)
{
    if (a->sharing.verdict == SHARING_PRIVATE || a->sharing.verdict == SHARING_TENANT)
        return e->declared[DECLARED_storable_shared] ? ADVICE_FIX : ADVICE_NONE;
    if (a->sharing.verdict == SHARING_MIXED) /* where all is storable, so is what is private */
        return e->declared[DECLARED_storable_shared] &&
                       e->declared[DECLARED_storable_shared] + e->reasons[REASON_REVALIDATED] == facts_judged(e)
                   ? ADVICE_FIX
                   : ADVICE_NONE;
    if (a->sharing.verdict != SHARING_SHARED || a->sharing.unnamed)
        return ADVICE_NONE;
    switch (a->lifetime.action) {
    case RECOMMEND_CACHE:
        return ADVICE_CACHE;
    case RECOMMEND_REVALIDATE:
        return ADVICE_REVALIDATE;
    case RECOMMEND_PURGE:
        return ADVICE_PURGE;
    case RECOMMEND_MICRO:
        return ADVICE_MICRO;
    case RECOMMEND_NOTHING:
        return a->lifetime.end == RECOMMEND_END_STALE ? ADVICE_NOT : ADVICE_NONE;
    }
    return ADVICE_NONE;
}

struct advice advice_of(const struct row_endpoint *e, const struct facts *f)
{
    return advice_within(e, f, RECOMMEND_BUDGET);
}

struct advice advice_within(const struct row_endpoint *e, const struct facts *f, double budget)
{
    struct written w;
    written_of(&w, e);
    double recall = w.purge ? w.purge->recall : NAN;
    struct recommend_rung rung[LADDER_RUNGS];
    struct recommend_input input;
    fill_input(e, f, budget, recall, rung, &input);
    struct advice a = {.lifetime = recommend(&input),
                       .purged =
                           w.purge ? recommend_purge(&input) : (struct recommendation){.action = RECOMMEND_NOTHING},
                       .writer = w.purge ? w.purge->writer : 0,
                       .write_recall = recall,
                       .by_rfc = w.purge && w.purge->by_rfc};
    struct learned learned;
    struct sharing_input in = {.personal = e->declared[DECLARED_personal],
                               .family = (unsigned)f->endpoints,
                               .learned = &learned,
                               .tests = (unsigned)f->tested_parts,
                               .unlooked = idorder_leaves_out(&f->order)};
    learned_read(&learned, e->learned);
    sharing_read(&in.seen, e->sharing);
    a.sharing = sharing_judge(&in);
    enum reason blocker = facts_blocker(e);
    a.blocked = blocker ? e->reasons[blocker] : 0;
    a.blocker = blocker ? row_reason_words[blocker] : NULL;
    a.kind = kind_of(e, &a);
    a.standing = a.lifetime.standing;
    a.sampled = facts_few_sampled(e);
    if (a.sampled && a.standing == STANDING_OK)
        a.standing = STANDING_LOW_N;
    if (a.kind == ADVICE_FIX && a.standing != STANDING_LOW_COVERAGE)
        a.standing = STANDING_OK; /* it stands on the comparison of credentials, not on the ladder */
    if (a.standing != STANDING_OK)
        a.kind = ADVICE_NONE;
    a.price = recommend_price(&a.lifetime, e->eligible, e->eligible, facts_watched_s(f));
    return a;
}

bool advice_keeps(const struct advice *a)
{
    return a->kind == ADVICE_CACHE || a->kind == ADVICE_PURGE || a->kind == ADVICE_MICRO;
}

const char *advice_name(enum advice_kind k)
{
    switch (k) {
    case ADVICE_NONE:
        return "none";
    case ADVICE_CACHE:
        return "cache";
    case ADVICE_FIX:
        return "fix";
    case ADVICE_PURGE:
        return "purge";
    case ADVICE_REVALIDATE:
        return "revalidate";
    case ADVICE_MICRO:
        return "micro";
    case ADVICE_KEY:
        return "key";
    case ADVICE_VARY:
    case ADVICE_FIELD:
    case ADVICE_LIES:
    case ADVICE_TAGS:
        return "fix";
    case ADVICE_BUSTER:
        return "cache_buster";
    case ADVICE_NOT:
        return "do_not_cache";
    }
    return "?";
}

const char *advice_own_name(enum advice_kind k)
{
    switch (k) {
    case ADVICE_FIX:
        return "private";
    case ADVICE_VARY:
        return "vary";
    case ADVICE_FIELD:
        return "field";
    case ADVICE_LIES:
        return "etag_lies";
    case ADVICE_TAGS:
        return "etag";
    default:
        return advice_name(k);
    }
}

void advice_action(const struct advice *a, struct buf *out)
{
    switch (a->kind) {
    case ADVICE_NONE:
        break;
    case ADVICE_CACHE:
        buf_printf(out, "send Cache-Control: public, s-maxage=%u", a->lifetime.ttl_s);
        break;
    case ADVICE_FIX:
        if (a->sharing.verdict == SHARING_MIXED) {
            buf_str(out,
                    "send Cache-Control: private where the answer depends on the credential, and give that a path of "
                    "its own");
            break;
        }
        buf_str(out, "send Cache-Control: private: shared caches may store it as it is declared now");
        break;
    case ADVICE_PURGE:
        buf_printf(out, "send Cache-Control: public, s-maxage=%u, and purge on write", a->lifetime.ttl_s);
        break;
    case ADVICE_REVALIDATE:
        buf_str(out, "send Cache-Control: public, no-cache and an ETag");
        break;
    case ADVICE_MICRO:
        buf_str(out, "let the cache keep it for 1 s");
        break;
    case ADVICE_KEY:
    case ADVICE_VARY:
    case ADVICE_FIELD:
    case ADVICE_LIES:
    case ADVICE_TAGS:
    case ADVICE_BUSTER:
        break; /* the words are those of keyadvice, fieldadvice and tagadvice */
    case ADVICE_NOT:
        buf_str(out, "do not cache it");
        break;
    }
}

/* What its own lifetimes give: more hits than the advice, often, because more of them are out of date. */
static void today(const struct row_endpoint *e, struct buf *out)
{
    uint64_t hits = e->declared[DECLARED_today_hits], known = hits - e->declared[DECLARED_today_unknown];
    buf_printf(out, "; by the lifetimes that it declares now %s",
               human_percent(facts_ratio(hits, e->ttl[0].lookups)).text);
    if (known)
        buf_printf(out, ", %s of those stale",
                   human_percent(facts_ratio(e->declared[DECLARED_today_stale], known)).text);
}

void advice_why(const struct advice *a, const struct row_endpoint *e, struct buf *out)
{
    const struct recommendation *r = &a->lifetime;
    if (a->kind == ADVICE_FIX) {
        buf_printf(out,
                   "%" PRIu64 " of %" PRIu64 " comparisons between %s differed; %" PRIu64 " of %" PRIu64
                   " answers are storable",
                   a->sharing.differing, a->sharing.sandwiches, a->sharing.anonymous ? "clients" : "credentials",
                   e->declared[DECLARED_storable_shared], e->requests);
        return;
    }
    if (a->kind == ADVICE_NOT) {
        const struct row_rung *second = facts_rung(e, 1);
        buf_printf(out, "it may be shared, but changes too fast: %s of what a cache answered within %s would be stale",
                   human_percent(second ? facts_stale_ratio(second) : NAN).text, human_seconds(1).text);
        return;
    }
    if (!isnan(r->hit_ratio))
        buf_printf(out, "%s of requests from the cache, %s of those stale (at most %s); ",
                   human_percent(r->hit_ratio).text, human_percent(r->stale_ratio).text,
                   human_percent(r->stale_high).text);
    if (a->kind == ADVICE_PURGE)
        buf_printf(out, "%s of its changes come with such a write; ", human_percent(a->write_recall).text);
    buf_str(out, a->sharing.reason);
    if (a->sharing.barred)
        buf_str(out, "; requests without one are refused it: a cache must not answer those");
    if (advice_keeps(a) && e->declared[DECLARED_today_hits])
        today(e, out);
    if (a->blocked)
        buf_printf(out, "; now kept from it by %s in %s answers", a->blocker, human_count(a->blocked).text);
}

static void wanting_lifetime(const struct recommendation *r, struct buf *out)
{
    if (r->standing == STANDING_SINGLE_SOURCE) {
        buf_str(out, "may be shared, but too much of the evidence for a lifetime is one client's");
        return;
    }
    if (r->standing == STANDING_LOW_COVERAGE || r->standing == STANDING_TRUNCATED)
        buf_printf(out, "may be shared, but %s",
                   r->standing == STANDING_TRUNCATED ? "memory was too small to count all keys"
                                                     : "too much was not captured");
    else if (r->end == RECOMMEND_END_STALE)
        buf_str(out, "may be shared, but changes too fast");
    else if (r->end == RECOMMEND_END_WINDOW)
        buf_str(out, "may be shared, but was not watched long enough");
    else
        buf_str(out, "may be shared, but has too few repeats to tell a lifetime");
}

void advice_wanting(const struct advice *a, struct buf *out)
{
    const struct sharing_result *s = &a->sharing;
    switch (s->verdict) {
    case SHARING_PRIVATE:
        buf_printf(out, "not to be shared: %s (%" PRIu64 " of %" PRIu64 " comparisons)", s->reason, s->differing,
                   s->sandwiches);
        break;
    case SHARING_UNDECIDED:
        buf_printf(out, "may it be shared? %s", s->reason);
        if (s->needed)
            buf_printf(out, " (%" PRIu64 ", %" PRIu64 " more needed)", s->sandwiches, s->needed);
        break;
    case SHARING_MIXED:
        buf_printf(out, "not to be shared as it is: %s (%" PRIu64 " of %" PRIu64 " comparisons); give them paths apart",
                   s->reason, s->differing, s->sandwiches);
        break;
    case SHARING_TENANT:
        buf_printf(out, "only to be shared within a tenant, with the credential's %s in the cache key: %s", s->claim,
                   s->reason);
        break;
    case SHARING_SHARED:
        if (s->unnamed)
            buf_printf(out, "may be shared when Vary is right: %s", s->reason);
        else if (a->sampled)
            buf_str(out, "may be shared, but too few of its keys are followed: give it more --memory");
        else
            wanting_lifetime(&a->lifetime, out);
        break;
    }
}

/* ---- the list ---- */

struct gathering {
    struct advice_list *list;
    const struct facts *facts;
};

static struct advised *grow(struct advice_list *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct advised *more = realloc(l->item, cap * sizeof *more);
        if (!more)
            return NULL;
        l->item = more;
        l->cap = cap;
    }
    struct advised *a = &l->item[l->n++];
    *a = (struct advised){0};
    return a;
}

static struct advised *add(struct gathering *g, const struct row_endpoint *e, const struct advice *advice)
{
    struct advised *a = grow(g->list);
    if (!a) {
        g->list->failed = true;
        return NULL;
    }
    a->advice = *advice;
    a->endpoint = e->id;
    a->unsized = e->declared[DECLARED_unsized_response];
    a->untimed = !e->server_n;
    facts_name(&a->target, e);
    return a;
}

static bool is_fix(enum advice_kind k)
{
    return k == ADVICE_FIX || k == ADVICE_VARY || k == ADVICE_LIES;
}

/* Nothing may store it: then it does not matter what it says of its key. */
static bool never_stored(const struct row_endpoint *e)
{
    return facts_judged(e) && !e->declared[DECLARED_storable_shared] && !e->declared[DECLARED_storable_private];
}

bool advice_vary(const struct row_endpoint *e, const struct facts *f, struct buf *names)
{
    struct key_advice k;
    key_advice_of(&k, e, f);
    if (!key_advice_count(&k, key_advice_lacks_vary) || key_advice_standing(f) != STANDING_OK || never_stored(e))
        return false;
    key_advice_vary_names(&k, names);
    return true;
}

/* What a step gives, where that is known. */
static void take_step(struct advice *a, const struct key_step *s)
{
    a->lifetime = s->lifetime;
    a->lifetime.requests_saved = s->requests;
    a->lifetime.bytes_saved = s->bytes;
    a->lifetime.server_us_saved = s->server_us;
    a->price = s->price;
}

/* Advice on the key, of the standing that what was captured has. */
static bool gather_key(struct gathering *g, const struct row_endpoint *e, const struct key_advice *k,
                       enum advice_kind kind, bool (*is)(const struct key_advice *a, unsigned dim))
{
    struct advice advice = {
        .kind = kind, .standing = key_advice_standing(g->facts), .write_recall = NAN, .price = {NAN, NAN, NAN}};
    struct key_effect effect = {.unknown = ""};
    if (!key_advice_count(k, is) || advice.standing != STANDING_OK || never_stored(e))
        return true;
    if (kind == ADVICE_KEY)
        key_effect_of(&effect, e, g->facts);
    bool priced = !effect.unknown && effect.parts.asked && !effect.parts.unpriced;
    if (priced)
        take_step(&advice, &effect.parts);
    struct advised *a = add(g, e, &advice);
    if (!a)
        return false;
    a->seconds = priced ? advice.price.server_s_per_h : 0;
    for (unsigned i = 0; i < k->learned.n; i++)
        if (is(k, i)) {
            a->comparisons += k->followed == (int)i ? k->seen.sandwiches : k->result[i].n;
            a->differing += k->followed == (int)i ? k->seen.differing : k->result[i].differing;
        }
    if (kind == ADVICE_KEY)
        key_advice_drop_action(k, &a->action);
    else
        key_advice_vary_action(k, &a->action);
    key_advice_why(k, is, &a->why);
    if (priced)
        key_step_words(&effect.parts, &a->why);
    return true;
}

/* Left to people; so it is said where it is known what it costs. */
static bool gather_buster(struct gathering *g, const struct row_endpoint *e, const struct key_advice *k)
{
    struct advice advice = {.kind = ADVICE_BUSTER, .standing = key_advice_standing(g->facts), .write_recall = NAN};
    struct key_effect effect;
    if (!key_advice_count(k, key_advice_busts) || advice.standing != STANDING_OK)
        return true;
    key_effect_of(&effect, e, g->facts);
    if (effect.unknown || effect.busters.unpriced || !effect.busters.requests)
        return true;
    take_step(&advice, &effect.busters);
    struct advised *a = add(g, e, &advice);
    if (!a)
        return false;
    a->seconds = advice.price.server_s_per_h;
    for (unsigned i = 0; i < k->learned.n; i++)
        if (key_advice_busts(k, i)) {
            a->comparisons += k->result[i].n;
            a->differing += k->result[i].differing;
        }
    key_advice_bust_action(k, &a->action);
    buf_printf(&a->action, " and send Cache-Control: public, s-maxage=%u", effect.busters.lifetime.ttl_s);
    key_advice_bust_why(k, &a->why);
    key_step_words(&effect.busters, &a->why);
    return true;
}

/* Where a short lifetime is what the changes allow, and writes come with them: a purge gives more. */
static bool gather_purge(struct gathering *g, const struct row_endpoint *e, const struct advice *of)
{
    const struct recommendation *p = &of->purged;
    bool more = (double)p->requests_saved >= PURGE_GAIN * (double)of->lifetime.requests_saved;
    if (p->action != RECOMMEND_PURGE || p->standing != STANDING_OK || of->kind == ADVICE_PURGE || !more ||
        of->lifetime.end != RECOMMEND_END_STALE || of->sharing.verdict != SHARING_SHARED || of->sharing.unnamed)
        return true;
    struct advice advice = *of;
    advice.kind = ADVICE_PURGE;
    advice.lifetime = *p;
    advice.standing = p->standing;
    advice.price = recommend_price(p, e->eligible, e->eligible, facts_watched_s(g->facts));
    struct advised *a = add(g, e, &advice);
    if (!a)
        return false;
    a->seconds = advice.price.server_s_per_h;
    advice_action(&advice, &a->action);
    advice_why(&advice, e, &a->why);
    return true;
}

/* What could be cached but for some fields; not beside a lifetime that is as good with them. */
static bool gather_field(struct gathering *g, const struct row_endpoint *e, const struct advice *of)
{
    struct field_advice f;
    field_advice_of(&f, e, g->facts);
    if (!field_advice_stands(&f))
        return true;
    struct advice advice = {.kind = ADVICE_FIELD,
                            .sharing = f.sharing,
                            .lifetime = f.with,
                            .standing = STANDING_OK,
                            .write_recall = NAN,
                            .price = recommend_price(&f.with, e->eligible, e->eligible, facts_watched_s(g->facts))};
    if (!field_advice_settled(&f)) { /* stands on the comparison of bodies; what it saves is not known */
        advice.lifetime = (struct recommendation){
            .action = RECOMMEND_NOTHING, .hit_ratio = NAN, .hits = {NAN, NAN}, .stale_ratio = NAN, .stale_high = NAN};
        advice.price = (struct recommend_price){0, 0, 0};
    }
    if (of->kind == ADVICE_CACHE && of->lifetime.requests_saved >= f.with.requests_saved)
        return true;
    struct advised *a = add(g, e, &advice);
    if (!a)
        return false;
    a->seconds = advice.price.server_s_per_h;
    field_advice_action(&f, &a->action);
    field_advice_why(&f, &a->why);
    return true;
}

/* What is wrong with its validators costs bytes, or worse; nobody is given what is another's by that. */
static bool gather_tags(struct gathering *g, const struct row_endpoint *e)
{
    struct advice advice = {.kind = tag_advice_kind(e),
                            .standing = key_advice_standing(g->facts),
                            .write_recall = NAN,
                            .lifetime = {.action = RECOMMEND_NOTHING,
                                         .hit_ratio = NAN,
                                         .hits = {NAN, NAN},
                                         .stale_ratio = NAN,
                                         .stale_high = NAN,
                                         .bytes_saved = e->declared[DECLARED_wasted_full_bytes]}};
    if (advice.kind == ADVICE_NONE || advice.standing != STANDING_OK)
        return true;
    advice.price = recommend_price(&advice.lifetime, e->eligible, e->eligible, facts_watched_s(g->facts));
    struct advised *a = add(g, e, &advice);
    if (!a)
        return false;
    tag_advice_numbers(e, &a->comparisons, &a->differing);
    tag_advice_action(e, &a->action);
    tag_advice_why(e, &a->why);
    return true;
}

static bool gather(void *context, const struct row_endpoint *e)
{
    struct gathering *g = context;
    struct advice advice = advice_of(e, g->facts);
    struct key_advice keys;
    if (advice.kind != ADVICE_NONE) {
        struct advised *a = add(g, e, &advice);
        if (!a)
            return false;
        a->seconds = is_fix(advice.kind) ? 0 : advice.price.server_s_per_h;
        advice_action(&advice, &a->action);
        advice_why(&advice, e, &a->why);
        struct placement place = placement_of(e, g->facts, &advice);
        if (advice.kind != ADVICE_FIX) {
            placement_words(&place, &a->place);
            placement_repeats(&place, &a->repeats);
        }
    }
    if (!gather_purge(g, e, &advice) || !gather_field(g, e, &advice) || !gather_tags(g, e))
        return false;
    g->list->failed |= !written_name(&g->list->names, e);
    key_advice_of(&keys, e, g->facts);
    return gather_key(g, e, &keys, ADVICE_VARY, key_advice_lacks_vary) &&
           gather_key(g, e, &keys, ADVICE_KEY, key_advice_drops) && gather_buster(g, e, &keys);
}

/* A wrong answer to somebody comes before any saving. */
static int by_weight(const void *x, const void *y)
{
    const struct advised *a = x, *b = y;
    bool fix[2] = {is_fix(a->advice.kind), is_fix(b->advice.kind)};
    if (fix[0] != fix[1])
        return fix[0] ? -1 : 1;
    if (a->seconds != b->seconds)
        return a->seconds > b->seconds ? -1 : 1;
    size_t n = a->target.n < b->target.n ? a->target.n : b->target.n;
    int order = n ? memcmp(a->target.p, b->target.p, n) : 0;
    if (order || a->target.n != b->target.n)
        return order ? order : (a->target.n > b->target.n) - (a->target.n < b->target.n);
    return (a->advice.kind > b->advice.kind) - (a->advice.kind < b->advice.kind);
}

/* All endpoints have been met now. */
static void name_writer(const struct advice_list *l, struct advised *a)
{
    struct slice name = written_name_of(&l->names, a->advice.writer);
    if (name.p)
        buf_printf(&a->action, ": %.*s%s", (int)name.n, name.p,
                   a->advice.by_rfc ? " (a cache that sees these does it by itself)" : "");
}

static bool name_it(void *context, const struct row_endpoint *e)
{
    struct advice_list *l = context;
    l->failed |= !written_name(&l->names, e);
    return !l->failed;
}

void advice_list(struct advice_list *l, struct store_reader *r, const struct facts *f)
{
    *l = (struct advice_list){0};
    if (f->windowed) {
        store_read_endpoints(r, name_it, l);
        return;
    }
    store_read_endpoints(r, gather, &(struct gathering){l, f});
    for (size_t i = 0; i < l->n; i++)
        if (l->item[i].advice.kind == ADVICE_PURGE)
            name_writer(l, &l->item[i]);
    if (l->n)
        qsort(l->item, l->n, sizeof *l->item, by_weight);
}

void advice_list_free(struct advice_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        buf_free(&l->item[i].target);
        buf_free(&l->item[i].action);
        buf_free(&l->item[i].why);
        buf_free(&l->item[i].place);
        buf_free(&l->item[i].repeats);
    }
    free(l->item);
    written_names_free(&l->names);
    *l = (struct advice_list){0};
}

const struct advised *advice_of_endpoint(const struct advice_list *l, uint32_t endpoint)
{
    const struct advised *found = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const struct advised *a = &l->item[i];
        if (a->endpoint == endpoint && (!found || a->advice.kind < found->advice.kind))
            found = a;
    }
    return found;
}
