#include "analysis/report/keyadvice.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/changes.h"
#include "analysis/report/fieldadvice.h"
#include "analysis/report/keyeffect.h"
#include "base/human.h"

enum { STEADY_LEAST = 100, RARE = 20, MISSING_SHARE = 100 };

/* Share of a key's answers within 5 s that were the same; 1 when too few came so closely. */
static double steady_of(const struct row_endpoint *e)
{
    struct changes_stored s;
    uint64_t n[2] = {0, 0};
    if (!changes_read(&s, e->lifetimes))
        return 1;
    for (unsigned i = 0; i < lifetime_index(LEARN_NEAR_MS); i++)
        for (int changed = 0; changed < 2; changed++)
            n[changed] += s.lifetime.bucket[i].n[changed];
    return n[0] + n[1] < STEADY_LEAST ? 1 : (double)n[0] / (double)(n[0] + n[1]);
}

/* Where each credential sends the same field always, that is never compared with the credential equal. But where
 * clients that send the same are answered alike and others are not, it is the field; if it can be one alone, that is
 * known. */
static int followed(const struct key_advice *a, const struct facts *f)
{
    int found = -1;
    if (!sharing_fields_explain(&a->seen, (unsigned)f->endpoints))
        return -1;
    for (unsigned i = 0; i < a->learned.n; i++)
        if (sharing_may_follow(&a->seen, &a->learned, i, (unsigned)f->tested_parts)) {
            if (found >= 0)
                return -1;
            found = (int)i;
        }
    return found >= 0 && a->result[found].verdict == LEARNED_RELEVANT ? -1 : found;
}

void key_advice_of(struct key_advice *a, const struct row_endpoint *e, const struct facts *f)
{
    double steady = steady_of(e);
    learned_read(&a->learned, e->learned);
    for (unsigned i = 0; i < a->learned.n; i++)
        a->result[i] = learned_judge(&a->learned, i, (unsigned)f->tested_parts, steady);
    sharing_read(&a->seen, e->sharing);
    a->followed = followed(a, f);
}

static const struct learned_dim *dim_of(const struct key_advice *a, unsigned i)
{
    return &a->learned.dim[i];
}

/* What advice is about: not the credential (CONTRACT: sharing), nor a field that few requests have. */
static bool listed(const struct key_advice *a, unsigned i)
{
    const struct learned_dim *d = dim_of(a, i);
    if (d->kind == PART_CREDENTIAL || d->kind == PART_CLAIM || a->result[i].verdict == LEARNED_CONSTANT)
        return false;
    bool own = d->kind == PART_HEADER && d->text[0] == 'x' && d->text[1] == '-';
    return !own || d->present * RARE >= a->learned.visits;
}

static bool dropped(const struct key_advice *a, unsigned i)
{
    return listed(a, i) && (a->result[i].verdict == LEARNED_IRRELEVANT || a->result[i].verdict == LEARNED_BUSTER);
}

static bool relevant(const struct key_advice *a, unsigned i)
{
    return listed(a, i) && a->result[i].verdict == LEARNED_RELEVANT;
}

static bool undecided(const struct key_advice *a, unsigned i)
{
    return listed(a, i) && !dropped(a, i) && !relevant(a, i);
}

bool key_advice_in_key(const struct key_advice *a, unsigned i)
{
    return dim_of(a, i)->kind == PART_QUERY || dim_of(a, i)->nominated;
}

bool key_advice_drops(const struct key_advice *a, unsigned i)
{
    return listed(a, i) && a->result[i].verdict == LEARNED_IRRELEVANT && key_advice_in_key(a, i);
}

bool key_advice_busts(const struct key_advice *a, unsigned i)
{
    return listed(a, i) && a->result[i].verdict == LEARNED_BUSTER && dim_of(a, i)->kind == PART_QUERY;
}

/* Tested together with the credential: either may be why answers differ. */
static bool goes_with_credential(const struct key_advice *a, unsigned i)
{
    for (unsigned o = 0; o < a->learned.n; o++)
        if (dim_of(a, o)->kind == PART_CREDENTIAL && dim_of(a, o)->leader == dim_of(a, i)->leader)
            return true;
    return false;
}

/* A cookie's Vary would be all cookies; who should be told apart by one is a matter of sharing. */
bool key_advice_lacks_vary(const struct key_advice *a, unsigned i)
{
    const struct learned_dim *d = dim_of(a, i);
    if (a->followed == (int)i)
        return listed(a, i);
    return relevant(a, i) && a->result[i].sure && d->kind == PART_HEADER && d->leader == i &&
           !goes_with_credential(a, i) && (a->learned.visits - d->nominated) * MISSING_SHARE > a->learned.visits;
}

unsigned key_advice_count(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim))
{
    unsigned n = 0;
    for (unsigned i = 0; i < a->learned.n; i++)
        n += is(a, i);
    return n;
}

enum standing key_advice_standing(const struct facts *f)
{
    return facts_coverage(f) < STANDING_COVERAGE ? STANDING_LOW_COVERAGE : STANDING_OK;
}

/* ---- JSON ---- */

static void tested_with(struct json *j, const struct key_advice *a, unsigned i)
{
    json_key(j, "with");
    json_open(j, '[');
    for (unsigned o = 0; o < a->learned.n; o++)
        if (o != i && dim_of(a, o)->leader == dim_of(a, i)->leader)
            json_str(j, dim_of(a, o)->text);
    json_close(j, ']');
}

static void component(struct json *j, const struct key_advice *a, unsigned i)
{
    const struct learned_dim *d = dim_of(a, i);
    const struct learned_result *r = &a->result[i];
    json_open(j, '{');
    json_key(j, "name");
    json_str(j, d->text);
    json_key(j, "kind");
    json_str(j, learned_kind(d->kind));
    json_key(j, "verdict");
    json_str(j, learned_name(r->verdict));
    json_key_u64(j, "comparisons", r->n);
    json_key_u64(j, "differing", r->differing);
    json_key_u64(j, "comparisons_needed", r->needed);
    json_key_double(j, "information_bits", r->information);
    json_key_u64(j, "present", d->present);
    json_key_double(j, "values", d->unique ? NAN : learned_values(d));
    json_key(j, "in_key");
    json_bool(j, key_advice_in_key(a, i));
    json_key(j, "missing_in_vary");
    json_bool(j, key_advice_lacks_vary(a, i));
    json_key(j, "needs_consent");
    json_bool(j, r->verdict == LEARNED_BUSTER);
    tested_with(j, a, i);
    json_close(j, '}');
}

static void components(struct json *j, const char *name, const struct key_advice *a,
                       bool (*is)(const struct key_advice *a, unsigned dim))
{
    json_key(j, name);
    json_open(j, '[');
    for (unsigned i = 0; i < a->learned.n; i++)
        if (is(a, i))
            component(j, a, i);
    json_close(j, ']');
}

void key_advice_json(struct json *j, const struct key_advice *a, const struct row_endpoint *e, const struct facts *f)
{
    json_key(j, "key_advice");
    json_open(j, '{');
    components(j, "drop", a, dropped);
    components(j, "relevant", a, relevant);
    components(j, "undecided", a, undecided);
    json_key(j, "control");
    json_open(j, '{');
    json_key_u64(j, "comparisons", a->learned.control_n);
    json_key_u64(j, "differing", a->learned.control_differing);
    json_close(j, '}');
    key_effect_json(j, e, f);
    field_advice_json(j, e, f);
    json_close(j, '}');
}

/* ---- words ---- */

static bool drops_parameter(const struct key_advice *a, unsigned i)
{
    return key_advice_drops(a, i) && dim_of(a, i)->kind == PART_QUERY;
}

static bool drops_field(const struct key_advice *a, unsigned i)
{
    return key_advice_drops(a, i) && dim_of(a, i)->kind == PART_HEADER;
}

static bool drops_cookie(const struct key_advice *a, unsigned i)
{
    return key_advice_drops(a, i) && dim_of(a, i)->kind == PART_COOKIE;
}

/* A name from the traffic, in words for people: nothing that a terminal or a page would take for more than letters. */
static void name(const char *text, struct buf *out)
{
    for (; *text; text++)
        buf_char(out, ascii_alpha(*text) || ascii_digit(*text) || strchr("-._~[]", *text) ? *text : '?');
}

static void names(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim), struct buf *out)
{
    bool first = true;
    for (unsigned i = 0; i < a->learned.n; i++) {
        if (!is(a, i))
            continue;
        buf_str(out, first ? "" : ", ");
        name(dim_of(a, i)->text, out);
        first = false;
    }
}

void key_advice_bust_action(const struct key_advice *a, struct buf *out)
{
    buf_str(out, "if ");
    names(a, key_advice_busts, out);
    buf_str(out, " is there only to get past caches, leave it out of the cache key");
}

void key_advice_bust_why(const struct key_advice *a, struct buf *out)
{
    bool first = true;
    for (unsigned i = 0; i < a->learned.n; i++) {
        if (!key_advice_busts(a, i))
            continue;
        const struct learned_dim *d = dim_of(a, i);
        buf_str(out, first ? "" : "; ");
        name(d->text, out);
        buf_printf(out,
                   " hardly ever came twice in %s requests, and %" PRIu64 " of %" PRIu64
                   " answers within 5 s were the same whatever it was",
                   human_count(d->present).text, d->near_same, d->near);
        first = false;
    }
}

static void clause(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim), const char *before,
                   const char *after, bool *first, struct buf *out)
{
    if (!key_advice_count(a, is))
        return;
    buf_printf(out, "%s%s", *first ? "" : "; ", before);
    names(a, is, out);
    buf_str(out, after);
    *first = false;
}

void key_advice_drop_action(const struct key_advice *a, struct buf *out)
{
    bool first = true;
    clause(a, drops_parameter, "leave ", " out of the cache key", &first, out);
    clause(a, drops_field, "take ", " out of Vary, or normalise it", &first, out);
    clause(a, drops_cookie, "of the cookies that Vary names, pass on all but ", "", &first, out);
}

void key_advice_vary_names(const struct key_advice *a, struct buf *out)
{
    names(a, key_advice_lacks_vary, out);
}

void key_advice_vary_action(const struct key_advice *a, struct buf *out)
{
    buf_str(out, "send Vary: ");
    key_advice_vary_names(a, out);
}

void key_advice_why(const struct key_advice *a, bool (*is)(const struct key_advice *a, unsigned dim), struct buf *out)
{
    bool first = true;
    for (unsigned i = 0; i < a->learned.n; i++) {
        if (!is(a, i))
            continue;
        const struct learned_result *r = &a->result[i];
        buf_str(out, first ? "" : "; ");
        name(dim_of(a, i)->text, out);
        if (a->followed == (int)i)
            buf_printf(out,
                       ": %" PRIu64 " of %" PRIu64 " answers differed between clients, %" PRIu64 " of %" PRIu64
                       " between those that send the same",
                       a->seen.differing, a->seen.sandwiches, a->seen.equal.differing, a->seen.equal.sandwiches);
        else if (r->differing)
            buf_printf(out, ": %" PRIu64 " of %" PRIu64 " answers differed with it, all else equal", r->differing,
                       r->n);
        else
            buf_printf(out, ": none of %" PRIu64 " answers differed with it", r->n);
        if (key_advice_lacks_vary(a, i))
            buf_printf(out, ", Vary named it in %s of %s", human_count(dim_of(a, i)->nominated).text,
                       human_count(a->learned.visits).text);
        first = false;
    }
}
