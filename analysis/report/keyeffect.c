#include "analysis/report/keyeffect.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/report/advice.h"
#include "analysis/report/keyadvice.h"
#include "base/human.h"

/* ---- what to ask the records ---- */

/* 1 + what the part is to be tried without; 0: it stays. */
static unsigned part_of(const struct key_advice *a, unsigned i)
{
    const struct learned_dim *d = &a->learned.dim[i];
    if (key_advice_busts(a, i))
        return 1 + REKEY_BUSTER;
    if (key_advice_drops(a, i) && d->kind != PART_COOKIE) /* a Vary names all cookies at once */
        return 1 + (d->kind == PART_QUERY ? REKEY_QUERY : REKEY_FIELD);
    if (d->kind == PART_HEADER && a->result[i].verdict == LEARNED_CONSTANT)
        return 1 + REKEY_CONSTANT;
    return 0;
}

static bool wish_of(const struct key_advice *a, const struct row_endpoint *e, struct rekey_wish *w)
{
    struct sharing seen;
    bool some = false;
    *w = (struct rekey_wish){.endpoint = e->id};
    sharing_read(&seen, e->sharing);
    w->anonymous = seen.visits && seen.anonymous == seen.visits;
    for (unsigned i = 0; i < a->learned.n; i++) {
        unsigned part = part_of(a, i);
        if (!part)
            continue;
        struct rekey_name *name = &w->name[w->n++];
        *name = (struct rekey_name){.part = (enum rekey_part)(part - 1)};
        memcpy(name->text, a->learned.dim[i].text, sizeof name->text);
        some |= name->part != REKEY_CONSTANT;
    }
    return some;
}

static bool is_sampled(const struct row_endpoint *e)
{
    struct sampling_stored s;
    return !sampling_read(&s, e->sampling) || s.level;
}

struct wishes {
    struct rekey_wish *wish;
    size_t n;
    const struct facts *facts;
};

static bool add_wish(void *context, const struct row_endpoint *e)
{
    struct wishes *w = context;
    struct key_advice a;
    key_advice_of(&a, e, w->facts);
    w->n += !is_sampled(e) && wish_of(&a, e, &w->wish[w->n]);
    return w->n < REKEY_WISHES;
}

void key_effects_read(struct rekey *out, struct store_reader *r, struct facts *f)
{
    struct wishes w = {calloc(REKEY_WISHES, sizeof *w.wish), 0, f};
    *out = (struct rekey){.failed = !w.wish};
    if (w.wish && !f->windowed)
        store_read_endpoints(r, add_wish, &w);
    if (w.n)
        rekey_read(out, r, w.wish, w.n, facts_total(f, "exchanges"));
    free(w.wish);
    f->rekey = out;
}

/* ---- what came of it ---- */

static double covered_s(const struct key_effect *k, const struct facts *f)
{
    return k->whole ? facts_watched_s(f) : (double)(k->to_us - k->from_us) / 1e6;
}

static unsigned fill_rungs(const struct rekey_side *s, struct recommend_rung out[LADDER_RUNGS])
{
    for (unsigned i = 0; i < LADDER_RUNGS; i++)
        out[i] = advice_rung(&s->rung[i]);
    return LADDER_RUNGS;
}

static unsigned rung_of(uint32_t ttl_s, const struct rekey_side *s)
{
    unsigned i = 0;
    while (i + 1 < LADDER_RUNGS && s->rung[i].ttl_s != ttl_s)
        i++;
    return i;
}

static double wrong_ratio(const struct rekey_side *s, unsigned i)
{
    const struct row_rung *r = &s->rung[i];
    return facts_ratio(s->wrong[i], r->hits > r->unknown_hits ? r->hits - r->unknown_hits : 0);
}

static uint64_t gained(uint64_t after, uint64_t before)
{
    return after > before ? after - before : 0;
}

static const char *unpriced(const struct key_effect *k, const struct key_step *s)
{
    if (sharing_bars(k->sharing.verdict))
        return sharing_bars(k->sharing.verdict);
    if (s->wrong_ratio > KEY_EFFECT_WRONG)
        return "answers of one key differ within a second: it lacks something that decides them";
    if (s->lifetime.action != RECOMMEND_CACHE || s->lifetime.standing != STANDING_OK)
        return "no lifetime stands under the new key";
    return NULL;
}

static void take_step(struct key_step *s, const struct key_effect *k, const struct facts *f)
{
    struct recommend_rung rung[LADDER_RUNGS];
    struct recommend_input in = {.rung = rung,
                                 .n = fill_rungs(s->to, rung),
                                 .budget = RECOMMEND_BUDGET,
                                 .duration_s = covered_s(k, f),
                                 .coverage = facts_coverage(f),
                                 .excess = sources_excess(&s->to->sources),
                                 .not_modified = NAN,
                                 .validators = NAN,
                                 .body_bytes = NAN,
                                 .write_recall = NAN,
                                 .rate_per_key = NAN};
    s->lifetime = recommend(&in);
    bool some = s->lifetime.ttl_s != 0;
    unsigned i = some ? rung_of(s->lifetime.ttl_s, s->to) : 0;
    const struct row_rung *to = &s->to->rung[i], *from = &s->from->rung[i];
    s->wrong_ratio = wrong_ratio(s->to, i);
    s->hit_ratio = some ? facts_hit_ratio(to) : NAN;
    s->hit_ratio_before = some ? facts_hit_ratio(from) : NAN;
    s->seconds = covered_s(k, f);
    s->unpriced = unpriced(k, s);
    if (s->unpriced)
        return;
    s->requests = gained(to->hits, from->hits);
    s->bytes = gained(to->bytes_saved, from->bytes_saved);
    s->server_us = gained(to->server_us_saved, from->server_us_saved);
    s->price = (struct recommend_price){.requests_per_s = (double)s->requests / s->seconds,
                                        .bytes_per_h = (double)s->bytes / s->seconds * 3600,
                                        .server_s_per_h = (double)s->server_us / 1e6 / s->seconds * 3600};
}

/* Whether clients may share, with the new key's comparisons beside those of today's, of which a key that is always new
 * has none. What either shows to differ is not shared. */
static struct sharing_result sharing_of(const struct rekey_endpoint *seen, const struct row_endpoint *e,
                                        const struct facts *f)
{
    struct sharing_result now = advice_of(e, f).sharing;
    struct learned learned;
    struct sharing_input in = {.seen = seen->sharing,
                               .personal = e->declared[DECLARED_personal],
                               .family = (unsigned)f->endpoints,
                               .learned = &learned,
                               .tests = (unsigned)f->tested_parts};
    bool settled = now.verdict != SHARING_UNDECIDED && !(now.verdict == SHARING_SHARED && seen->sharing.differing);
    learned_read(&learned, e->learned);
    return settled || now.differing || now.refused ? now : sharing_judge(&in);
}

static const char *not_known(const struct key_effect *k, const struct key_advice *a, const struct row_endpoint *e,
                             const struct facts *f)
{
    const struct rekey *all = f->rekey;
    if (key_advice_count(a, key_advice_lacks_vary))
        return "its answers depend on what neither the key nor Vary names";
    if (is_sampled(e))
        return "its keys are sampled: most of them have no name in the records";
    if (!all)
        return "the exchange records are not read for this";
    if (all->too_many)
        return "there are more exchange records than are read again";
    if (all->failed)
        return "the exchange records could not be read again";
    if (!k->seen)
        return all->n == REKEY_WISHES ? "records are read again for the busiest endpoints alone"
                                      : "cookies stand in Vary all at once: one cannot be left out";
    if (!k->seen->lookups)
        return "the exchange records that are kept have no look-up of it";
    if (k->seen->untracked * 100 > k->seen->lookups)
        return "too many different keys to follow them again";
    bool keys = k->seen->side[REKEY_LEARNED].asked && k->seen->kept &&
                k->seen->side[REKEY_LEARNED].keys == k->seen->side[REKEY_TODAY].keys;
    if (keys && !k->seen->side[REKEY_FREED].asked)
        return "records keep what Vary names as one value: a part of it cannot be left out";
    return NULL;
}

void key_effect_of(struct key_effect *k, const struct row_endpoint *e, const struct facts *f)
{
    struct key_advice a;
    *k = (struct key_effect){.seen = f->rekey ? rekey_endpoint(f->rekey, e->id) : NULL};
    key_advice_of(&a, e, f);
    k->any = key_advice_count(&a, key_advice_drops) || key_advice_count(&a, key_advice_busts);
    k->unknown = k->any ? not_known(k, &a, e, f) : "nothing of the key is known not to matter";
    if (k->unknown)
        return;
    const struct rekey_side *side = k->seen->side;
    k->whole = f->rekey->whole;
    k->from_us = f->rekey->from_us;
    k->to_us = f->rekey->to_us;
    k->sharing = sharing_of(k->seen, e, f);
    k->parts =
        (struct key_step){.asked = side[REKEY_LEARNED].asked, .from = &side[REKEY_TODAY], .to = &side[REKEY_LEARNED]};
    k->busters = (struct key_step){.asked = side[REKEY_FREED].asked,
                                   .from = &side[k->parts.asked ? REKEY_LEARNED : REKEY_TODAY],
                                   .to = &side[REKEY_FREED]};
    if (k->parts.asked)
        take_step(&k->parts, k, f);
    if (k->busters.asked)
        take_step(&k->busters, k, f);
}

/* ---- JSON and words ---- */

static void step(struct json *j, const char *key, const struct key_step *s)
{
    json_key(j, key);
    if (!s->asked) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "keys", s->to->keys);
    json_key(j, "ttl_s");
    if (s->lifetime.ttl_s)
        json_u64(j, s->lifetime.ttl_s);
    else
        json_null(j);
    json_key_double(j, "hit_ratio_before", s->hit_ratio_before);
    json_key_double(j, "hit_ratio", s->hit_ratio);
    json_key_double(j, "stale_ratio", s->lifetime.stale_ratio);
    json_key_double(j, "stale_ratio_high", s->lifetime.stale_high);
    json_key_double(j, "wrong_ratio", s->wrong_ratio);
    json_key(j, "saves_per_day");
    if (s->unpriced) {
        json_null(j);
    } else {
        json_open(j, '{');
        json_key_double(j, "requests", s->price.requests_per_s * 86400);
        json_key_double(j, "bytes", s->price.bytes_per_h * 24);
        json_key_double(j, "server_seconds", s->price.server_s_per_h * 24);
        json_close(j, '}');
    }
    json_key(j, "unknown");
    json_str(j, s->unpriced);
    json_close(j, '}');
}

static void ratios(struct json *j, const char *key, const struct rekey_side *s, unsigned i)
{
    json_key(j, key);
    if (!s->asked) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "hits", s->rung[i].hits);
    json_key_u64(j, "stale_hits", s->rung[i].stale_hits);
    json_key_u64(j, "unknown_hits", s->rung[i].unknown_hits);
    json_key_u64(j, "wrong_hits", s->wrong[i]);
    json_key_double(j, "hit_ratio", facts_hit_ratio(&s->rung[i]));
    json_close(j, '}');
}

static void ladder(struct json *j, const struct key_effect *k)
{
    const struct rekey_side *side = k->seen->side;
    json_key(j, "ttl");
    json_open(j, '[');
    for (unsigned i = 0; i < LADDER_RUNGS; i++) {
        json_open(j, '{');
        json_key_u64(j, "ttl_s", side->rung[i].ttl_s);
        ratios(j, "today", &side[REKEY_TODAY], i);
        ratios(j, "learned", &side[REKEY_LEARNED], i);
        ratios(j, "without_busters", &side[REKEY_FREED], i);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void known(struct json *j, const struct key_effect *k)
{
    json_key_u64(j, "lookups", k->seen->lookups);
    json_key_micros(j, "from", k->from_us);
    json_key_micros(j, "to", k->to_us);
    json_key(j, "whole");
    json_bool(j, k->whole);
    json_key_u64(j, "keys", k->seen->side[REKEY_TODAY].keys);
    json_key(j, "fields_kept");
    json_bool(j, k->seen->kept);
    json_key(j, "sharing");
    json_str(j, sharing_name(k->sharing.verdict));
    step(j, "learned", &k->parts);
    step(j, "without_busters", &k->busters);
    ladder(j, k);
}

void key_effect_json(struct json *j, const struct row_endpoint *e, const struct facts *f)
{
    struct key_effect k;
    key_effect_of(&k, e, f);
    json_key(j, "effect");
    if (!k.any) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "unknown");
    json_str(j, k.unknown);
    if (!k.unknown)
        known(j, &k);
    json_close(j, '}');
}

void key_step_words(const struct key_step *s, struct buf *out)
{
    if (!s->asked || isnan(s->hit_ratio))
        return;
    buf_printf(out, "; kept for %s, %s of requests would be hits instead of %s", human_seconds(s->lifetime.ttl_s).text,
               human_percent(s->hit_ratio).text, human_percent(s->hit_ratio_before).text);
    if (!isnan(s->lifetime.stale_ratio))
        buf_printf(out, ", %s of those stale (at most %s)", human_percent(s->lifetime.stale_ratio).text,
                   human_percent(s->lifetime.stale_high).text);
}
