#include "analysis/report/blockers.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/report/fieldadvice.h"
#include "analysis/report/keyadvice.h"
#include "analysis/report/keyeffect.h"
#include "analysis/report/tagadvice.h"
#include "base/human.h"

static struct blocker *add(struct blockers *b, const char *code, const char *words, uint64_t seen, uint64_t of)
{
    struct blocker *at = &b->item[b->n < BLOCKERS ? b->n++ : BLOCKERS];
    *at = (struct blocker){.code = code,
                           .words = words,
                           .seen = seen,
                           .of = of,
                           .requests = NAN,
                           .requests_low = NAN,
                           .requests_high = NAN,
                           .bytes = NAN,
                           .server_s = NAN};
    return at;
}

static double days(const struct facts *f)
{
    return facts_watched_s(f) / 86400;
}

/* Why the ladder prices nothing here; NULL: it does. */
static const char *unpriced(const struct advice *a)
{
    if (advice_keeps(a))
        return NULL;
    if (sharing_bars(a->sharing.verdict))
        return sharing_bars(a->sharing.verdict);
    if (a->sharing.unnamed)
        return "Vary does not name what its answers depend on";
    if (a->standing != STANDING_OK)
        return "no lifetime stands yet";
    return "it changes too fast for any lifetime";
}

/* ---- reasons of the classifier ---- */

static bool is_lookup(enum reason r)
{
    return r != REASON_NONE && r != REASON_INCOMPLETE && r != REASON_METHOD && r != REASON_POST;
}

/* What no header would change. */
static const char *inherent(enum reason r)
{
    switch (r) {
    case REASON_STREAM:
        return "a stream has no end to be kept";
    case REASON_PARTIAL:
        return "parts of answers are not put together";
    case REASON_STATUS:
        return "errors and redirects without a lifetime are rightly not kept";
    default:
        return NULL;
    }
}

/* What of the hits is this one's: its answers', and those of the 304s that stand for such answers. */
static void charge(struct blocker *b, const struct recommendation *r, uint64_t revalidated, double in_days)
{
    double n = (double)b->of, seen = (double)b->seen, hits = (double)r->requests_saved;
    double share = seen / (n - (double)revalidated);
    b->requests = share * hits / in_days;
    b->requests_low = fmax(0, hits - (n - seen)) / in_days;
    b->requests_high = fmin(seen + (double)revalidated, hits) / in_days;
    if (b->seen + revalidated == b->of)
        b->requests_low = b->requests_high = b->requests;
    b->bytes = share * (double)r->bytes_saved / in_days;
    b->server_s = share * (double)r->server_us_saved / 1e6 / in_days;
}

static void by_reason(struct blockers *b, const struct row_endpoint *e, const struct facts *f, const struct advice *a)
{
    uint64_t lookups = 0, revalidated = e->reasons[REASON_REVALIDATED];
    for (enum reason r = REASON_NONE; r < REASON_COUNT; r++)
        lookups += is_lookup(r) ? e->reasons[r] : 0;
    for (enum reason r = REASON_NONE; r < REASON_COUNT; r++) {
        if (!is_lookup(r) || !e->reasons[r] || r == REASON_EXPLICIT || r == REASON_REVALIDATED)
            continue;
        bool silent = r == REASON_HEURISTIC;
        struct blocker *new = add(b, silent ? "NO_LIFETIME" : row_reasons[r],
                                  silent ? "no lifetime declared" : row_reason_words[r], e->reasons[r], lookups);
        new->unknown = inherent(r) ? inherent(r) : unpriced(a);
        if (!new->unknown)
            charge(new, &a->lifetime, revalidated, days(f));
    }
}

/* ---- what is no header's ---- */

static void fields(struct blockers *b, const struct row_endpoint *e, const struct facts *f, const struct advice *a)
{
    struct field_advice with;
    field_advice_of(&with, e, f);
    if (!field_advice_stands(&with))
        return;
    struct blocker *new =
        add(b, "VOLATILE_FIELD", "a field that means nothing", with.seen.learned.masked, with.seen.learned.different);
    double now = unpriced(a) ? 0 : 1;
    new->unknown = sharing_bars(with.sharing.verdict);
    if (!new->unknown && !field_advice_settled(&with))
        new->unknown = "how long the rest stays the same is not known yet";
    if (new->unknown)
        return;
    const struct recommendation *w = &with.with, *is = &a->lifetime;
    new->requests = fmax(0, (double)w->requests_saved - now * (double)is->requests_saved) / days(f);
    new->requests_low = new->requests_high = new->requests;
    new->bytes = fmax(0, (double)w->bytes_saved - now * (double)is->bytes_saved) / days(f);
    new->server_s = fmax(0, (double)w->server_us_saved - now * (double)is->server_us_saved) / 1e6 / days(f);
}

/* Requests that have one of such parts, at least. */
static uint64_t present(const struct key_advice *k, bool (*is)(const struct key_advice *a, unsigned dim))
{
    uint64_t most = 0;
    for (unsigned i = 0; i < k->learned.n; i++)
        if (is(k, i) && k->learned.dim[i].present > most)
            most = k->learned.dim[i].present;
    return most;
}

/* What is in the key in vain, all of a kind together: one alone might change nothing. */
static void of_key(struct blockers *b, const struct key_advice *k, const struct key_effect *effect,
                   const struct key_step *step, const char *code, const char *words)
{
    bool busts = step == &effect->busters;
    uint64_t seen = present(k, busts ? key_advice_busts : key_advice_drops);
    if (!seen)
        return;
    struct blocker *new = add(b, code, words, seen, k->learned.visits);
    new->unknown = effect->unknown ? effect->unknown
                   : step->asked   ? step->unpriced
                                   : "one of the fields that Vary names cannot be left out in the records";
    if (new->unknown)
        return;
    new->requests = new->requests_low = new->requests_high = step->price.requests_per_s * 86400;
    new->bytes = step->price.bytes_per_h * 24;
    new->server_s = step->price.server_s_per_h * 24;
}

static void key_parts(struct blockers *b, const struct row_endpoint *e, const struct facts *f)
{
    struct key_advice k;
    struct key_effect effect;
    key_advice_of(&k, e, f);
    if (!key_advice_count(&k, key_advice_drops) && !key_advice_count(&k, key_advice_busts))
        return;
    key_effect_of(&effect, e, f);
    of_key(b, &k, &effect, &effect.busters, "CACHE_BUSTER", "a parameter that never comes twice");
    of_key(b, &k, &effect, &effect.parts, "KEY_PARTS", "parts of the key that do not matter");
}

/* Answers in full to clients that had them: a 304 spares their bytes, whoever they are for. The server is asked all the
 * same, and what it would have spared is not known. */
static void validators(struct blockers *b, const struct row_endpoint *e, const struct facts *f)
{
    const uint64_t *d = e->declared;
    struct blocker *new = NULL;
    if (tag_advice_unstable(e))
        new = add(b, "UNSTABLE_ETAG", "ETags that differ for equal answers", d[DECLARED_etag_unstable],
                  d[DECLARED_etag_pairs]);
    else if (tag_advice_unheeded(e))
        new = add(b, "FULL_ANSWERS", "no 304 where nothing changed", d[DECLARED_wasted_full], d[DECLARED_conditional]);
    if (!new)
        return;
    new->requests = new->requests_low = new->requests_high = 0;
    new->bytes = (double)d[DECLARED_wasted_full_bytes] / days(f);
}

static double weight(double v)
{
    return isnan(v) ? -1 : v;
}

static int by_cost(const struct blocker *a, const struct blocker *b)
{
    double x[4] = {!a->unknown, weight(a->server_s), weight(a->bytes), (double)a->seen};
    double y[4] = {!b->unknown, weight(b->server_s), weight(b->bytes), (double)b->seen};
    for (int i = 0; i < 4; i++)
        if (x[i] != y[i])
            return x[i] > y[i] ? -1 : 1;
    return strcmp(a->code, b->code);
}

static int compare(const void *x, const void *y)
{
    return by_cost(x, y);
}

void blockers_of(struct blockers *b, const struct row_endpoint *e, const struct facts *f)
{
    *b = (struct blockers){0};
    if (!e->eligible || !facts_judged(e))
        return;
    struct advice a = advice_of(e, f);
    by_reason(b, e, f, &a);
    fields(b, e, f, &a);
    key_parts(b, e, f);
    validators(b, e, f);
    if (b->n)
        qsort(b->item, b->n, sizeof *b->item, compare);
}

/* ---- JSON and words ---- */

static void one(struct json *j, const struct blocker *b)
{
    json_open(j, '{');
    json_key(j, "code");
    json_str(j, b->code);
    json_key(j, "words");
    json_str(j, b->words);
    json_key_u64(j, "seen", b->seen);
    json_key_u64(j, "of", b->of);
    json_key(j, "saves_per_day");
    if (b->unknown) {
        json_null(j);
    } else {
        json_open(j, '{');
        json_key_double(j, "requests", b->requests);
        json_key_double(j, "requests_low", b->requests_low);
        json_key_double(j, "requests_high", b->requests_high);
        json_key_double(j, "bytes", b->bytes);
        json_key_double(j, "server_seconds", b->server_s);
        json_close(j, '}');
    }
    json_key(j, "unknown");
    json_str(j, b->unknown);
    json_close(j, '}');
}

void blockers_json(struct json *j, const struct blockers *b)
{
    json_key(j, "blockers");
    json_open(j, '[');
    for (unsigned i = 0; i < b->n; i++)
        one(j, &b->item[i]);
    json_close(j, ']');
}

void blocker_price(const struct blocker *b, struct buf *out)
{
    if (b->unknown) {
        buf_str(out, b->unknown);
        return;
    }
    if (b->requests > 0)
        buf_printf(out, "%s requests, ", human_count((uint64_t)b->requests).text);
    buf_str(out, human_bytes((uint64_t)b->bytes).text);
    if (!isnan(b->server_s))
        buf_printf(out, ", %s of server time", human_seconds(b->server_s).text);
    buf_str(out, " a day");
}

/* ---- of all endpoints ---- */

struct gathering {
    struct blocked_list *list;
    const struct facts *facts;
};

static bool keep(struct blocked_list *l, const struct row_endpoint *e, const struct blocker *b)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct blocked *more = realloc(l->item, cap * sizeof *more);
        if (!more) {
            l->failed = true;
            return false;
        }
        l->item = more;
        l->cap = cap;
    }
    struct blocked *new = &l->item[l->n++];
    *new = (struct blocked){.blocker = *b};
    facts_name(&new->target, e);
    return true;
}

static bool gather(void *context, const struct row_endpoint *e)
{
    struct gathering *g = context;
    struct blockers b;
    blockers_of(&b, e, g->facts);
    for (unsigned i = 0; i < b.n; i++) {
        g->list->unknown += b.item[i].unknown != NULL;
        if (!b.item[i].unknown && !keep(g->list, e, &b.item[i]))
            return false;
    }
    return true;
}

static int by_cost_and_name(const void *x, const void *y)
{
    const struct blocked *a = x, *b = y;
    int order = by_cost(&a->blocker, &b->blocker);
    size_t n = a->target.n < b->target.n ? a->target.n : b->target.n;
    if (!order && n)
        order = memcmp(a->target.p, b->target.p, n);
    return order ? order : (a->target.n > b->target.n) - (a->target.n < b->target.n);
}

void blocked_list(struct blocked_list *l, struct store_reader *r, const struct facts *f)
{
    *l = (struct blocked_list){0};
    if (f->windowed)
        return;
    store_read_endpoints(r, gather, &(struct gathering){l, f});
    if (l->n)
        qsort(l->item, l->n, sizeof *l->item, by_cost_and_name);
}

void blocked_list_free(struct blocked_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        buf_free(&l->item[i].target);
    free(l->item);
    *l = (struct blocked_list){0};
}
