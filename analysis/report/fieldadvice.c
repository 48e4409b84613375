#include "analysis/report/fieldadvice.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/report/advice.h"
#include "analysis/sharing.h"
#include "analysis/sources.h"
#include "base/human.h"

#define STALE_LEAST 0.01 /* of the hits with the fields in place: else they do no harm */
#define EXPLAINED_LEAST 0.9
#define DIFFERING_LEAST 0.1

static unsigned fill_rungs(const struct fields *f, struct recommend_rung out[LADDER_RUNGS])
{
    unsigned n = 0;
    for (; n < LADDER_RUNGS && f->ladder[n].ttl_s; n++)
        out[n] = advice_rung(&f->ladder[n]);
    return n;
}

/* How often it would be hit does not depend on what is in the bodies: that is known of all look-ups. */
static void take_hits(struct field_advice *a, const struct row_endpoint *e)
{
    const struct row_rung *r = a->with.ttl_s ? facts_rung(e, a->with.ttl_s) : NULL;
    a->stale_now = r ? facts_stale_ratio(r) : NAN;
    if (!r)
        return;
    a->with.hit_ratio = facts_hit_ratio_warm(r);
    a->with.hits = (struct interval){NAN, NAN};
    a->with.requests_saved = r->hits;
    a->with.bytes_saved = r->bytes_saved;
    a->with.server_us_saved = r->server_us_saved;
}

/* Of what was learned of parts, all that holds for bodies without the fields as well: which tenants there are. */
static struct learned claims_of(const struct row_endpoint *e)
{
    struct learned all, claims = {.n = 0};
    learned_read(&all, e->learned);
    for (unsigned i = 0; i < all.n; i++)
        if (all.dim[i].kind == PART_CLAIM) {
            claims.dim[claims.n] = all.dim[i];
            claims.dim[claims.n].leader = (uint8_t)claims.n;
            claims.n++;
        }
    return claims;
}

void field_advice_of(struct field_advice *a, const struct row_endpoint *e, const struct facts *f)
{
    struct recommend_rung rung[LADDER_RUNGS];
    struct sources sources;
    *a = (struct field_advice){.stale_now = NAN};
    a->known = fields_read(&a->seen, e->fields);
    struct recommend_input in = {.rung = rung,
                                 .n = fill_rungs(&a->seen, rung),
                                 .budget = RECOMMEND_BUDGET,
                                 .duration_s = facts_watched_s(f),
                                 .coverage = facts_coverage(f),
                                 .excess = sources_read(&sources, e->sources) ? sources_excess(&sources) : 0,
                                 .not_modified = NAN,
                                 .validators = NAN,
                                 .body_bytes = NAN,
                                 .write_recall = NAN,
                                 .rate_per_key = NAN};
    struct sharing all;
    struct learned claims = claims_of(e);
    struct sharing_input shared = {.seen = a->seen.sharing,
                                   .personal = e->declared[DECLARED_personal],
                                   .family = (unsigned)f->endpoints,
                                   .learned = &claims,
                                   .tests = (unsigned)f->tested_parts};
    a->with = in.n ? recommend(&in)
                   : (struct recommendation){
                         .action = RECOMMEND_NOTHING, .hit_ratio = NAN, .stale_ratio = NAN, .stale_high = NAN};
    sharing_read(&all, e->sharing);
    shared.seen.refused += all.refused; /* some bodies are alike as they are */
    a->sharing = sharing_judge(&shared);
    take_hits(a, e);
}

bool field_advice_settled(const struct field_advice *a)
{
    return a->with.action == RECOMMEND_CACHE && a->with.standing == STANDING_OK;
}

static bool may_be_shared(const struct field_advice *a)
{
    const struct sharing_result *s = &a->sharing;
    return s->verdict == SHARING_SHARED || (s->verdict == SHARING_UNDECIDED && !s->differing && !s->refused);
}

/* The mask freezes with pairs enough; what it explains must be nearly all that differs, and that often enough. */
bool field_advice_stands(const struct field_advice *a)
{
    const struct volatile_result *r = &a->seen.learned;
    bool does = (double)r->masked >= EXPLAINED_LEAST * (double)r->different &&
                (double)r->different >= DIFFERING_LEAST * (double)r->pairs;
    bool settled = !field_advice_settled(a) || a->stale_now >= STALE_LEAST;
    return fields_known(&a->seen) && does && settled && may_be_shared(a) && a->with.standing != STANDING_LOW_COVERAGE;
}

/* ---- JSON ---- */

static void field(struct json *j, const struct fields *f, unsigned i)
{
    const struct volatile_field *v = &f->learned.field[i];
    json_open(j, '{');
    json_key_text(j, "path", *f->name[i] ? slice_str(f->name[i]) : (struct slice){NULL, 0});
    json_key_text(j, "class", slice_str(volatile_class_name(v->class)));
    json_key(j, "ignorable");
    json_bool(j, v->masked);
    json_key_u64(j, "pairs", v->pairs);
    json_key_u64(j, "differing", v->diff);
    json_key_double(j, "explained_share", facts_ratio(v->diff, f->learned.different));
    json_key_double(j, "changes_every_s", v->change_s);
    json_close(j, '}');
}

static void but_for(struct json *j, const struct field_advice *a)
{
    const struct volatile_result *r = &a->seen.learned;
    json_open(j, '{');
    json_key_u64(j, "pairs", r->pairs);
    json_key_u64(j, "differing", r->different);
    json_key_double(j, "explained_share", facts_ratio(r->masked, r->different));
    json_key_u64(j, "lookups", a->seen.ladder[0].lookups);
    json_key(j, "ttl_s");
    if (a->with.ttl_s)
        json_u64(j, a->with.ttl_s);
    else
        json_null(j);
    json_key_double(j, "hit_ratio", a->with.hit_ratio);
    json_key_double(j, "stale_ratio", a->with.stale_ratio);
    json_key_double(j, "stale_ratio_high", a->with.stale_high);
    json_key_double(j, "stale_ratio_with_fields", a->stale_now);
    json_key_text(j, "sharing", slice_str(sharing_name(a->sharing.verdict)));
    json_close(j, '}');
}

void field_advice_json(struct json *j, const struct row_endpoint *e, const struct facts *f)
{
    struct field_advice a;
    field_advice_of(&a, e, f);
    json_key(j, "volatile_fields");
    if (!a.known) {
        json_null(j); /* not looked into */
    } else {
        json_open(j, '[');
        for (unsigned i = 0; i < a.seen.learned.n; i++)
            field(j, &a.seen, i);
        json_close(j, ']');
    }
    json_key(j, "but_for");
    if (fields_known(&a.seen))
        but_for(j, &a);
    else
        json_null(j);
}

/* ---- words ---- */

static void names(const struct fields *f, struct buf *out)
{
    unsigned left = 0;
    for (unsigned i = 0; i < f->learned.n; i++)
        left += f->learned.field[i].masked;
    for (unsigned i = 0, n = 0; i < f->learned.n; i++) {
        if (!f->learned.field[i].masked)
            continue;
        buf_str(out, !n ? "" : n + 1 == left ? " and " : ", ");
        buf_str(out, *f->name[i] ? f->name[i] : "a field without a name");
        n++;
    }
}

void field_advice_action(const struct field_advice *a, struct buf *out)
{
    buf_str(out, "take ");
    names(&a->seen, out);
    buf_str(out, " out of the body (a header field will do)");
    if (!field_advice_settled(a))
        buf_str(out, ": then equal answers are equal, for caches and for 304");
    else if (a->sharing.verdict == SHARING_SHARED)
        buf_printf(out, " and send Cache-Control: public, s-maxage=%u", a->with.ttl_s);
    else
        buf_printf(out, ": then a cache could keep it for %s", human_seconds(a->with.ttl_s).text);
}

void field_advice_why(const struct field_advice *a, struct buf *out)
{
    const struct volatile_result *r = &a->seen.learned;
    buf_printf(out, "would be cacheable but for ");
    names(&a->seen, out);
    buf_printf(out, ": %" PRIu64 " of %" PRIu64 " bodies that differed from the one before did so in nothing else; ",
               r->masked, r->different);
    if (!field_advice_settled(a)) {
        buf_str(out, "how long a cache may keep what is left is not known yet");
        return;
    }
    if (!isnan(a->with.hit_ratio))
        buf_printf(out, "%s of requests from the cache, ", human_percent(a->with.hit_ratio).text);
    buf_printf(out, "%s of those stale (at most %s) instead of %s; ", human_percent(a->with.stale_ratio).text,
               human_percent(a->with.stale_high).text, human_percent(a->stale_now).text);
    buf_str(out, a->sharing.verdict == SHARING_SHARED ? "" : "may clients share it? ");
    buf_str(out, a->sharing.reason);
}
