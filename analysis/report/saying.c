#include "analysis/report/saying.h"

#include <math.h>

#include "analysis/changes.h"
#include "analysis/report/blockers.h"
#include "analysis/report/keyadvice.h"
#include "analysis/report/placement.h"
#include "base/human.h"

static void label(struct buf *out, const char *name)
{
    buf_str(out, name);
    buf_char(out, '\t');
}

static void text_line(struct buf *out, const char *name, const struct buf *sentence)
{
    label(out, name);
    buf_slice(out, slice_of(sentence->p, sentence->n));
    buf_char(out, '\n');
}

static void advice(const struct row_endpoint *e, const struct facts *f, const struct advised *advised, struct buf *out)
{
    if (advised) {
        text_line(out, "advice", &advised->action);
        text_line(out, "because", &advised->why);
        return;
    }
    struct advice a = advice_of(e, f);
    label(out, "advice");
    buf_str(out, "none yet: ");
    advice_wanting(&a, out);
    buf_char(out, '\n');
}

static void bound(struct buf *out, const char *words, double seconds)
{
    if (!isnan(seconds))
        buf_printf(out, ", %s %s", words, human_seconds(seconds).text);
}

static void lifetime(const struct row_endpoint *e, struct buf *out)
{
    struct changes_stored stored;
    changes_read(&stored, e->lifetimes);
    struct changes_result r = changes_result(&stored);
    if (!e->observed_gaps)
        return;
    label(out, "stays the same");
    if (!e->changes)
        buf_printf(out, "no change in %s gaps between look-ups", human_count(e->observed_gaps).text);
    else if (!isnan(r.poisson.mean_s))
        buf_printf(out, "%s on average", human_seconds(r.poisson.mean_s).text);
    else
        buf_printf(out, "changed in %s of %s gaps between look-ups", human_count(e->changes).text,
                   human_count(e->observed_gaps).text);
    bound(out, "at least", r.poisson.mean_low);
    bound(out, "at most", r.poisson.mean_high);
    buf_char(out, '\n');
}

static void declared(const struct row_endpoint *e, struct buf *out)
{
    double storable = facts_storable(e), ttl = facts_declared_ttl(e, 0.5);
    enum reason blocker = facts_blocker(e);
    if (isnan(storable))
        return;
    label(out, "declared");
    buf_printf(out, "a shared cache may store %s", human_percent(storable).text);
    if (blocker)
        buf_printf(out, "; %s stands against it in %s", row_reason_words[blocker],
                   human_percent(facts_ratio(e->reasons[blocker], facts_judged(e))).text);
    if (!isnan(ttl))
        buf_printf(out, "; lifetime %s", human_seconds(ttl).text);
    buf_char(out, '\n');
}

/* What costs most of what stands against caching. */
static void blocked(const struct row_endpoint *e, const struct facts *f, struct buf *out)
{
    struct blockers b;
    blockers_of(&b, e, f);
    if (!b.n || b.item[0].unknown)
        return;
    label(out, "costs");
    buf_printf(out, "%s: ", b.item[0].words);
    blocker_price(&b.item[0], out);
    buf_char(out, '\n');
}

static void place(const struct row_endpoint *e, const struct facts *f, struct buf *out)
{
    struct advice a = advice_of(e, f);
    struct placement p = placement_of(e, f, &a);
    if (p.where == PLACEMENT_NONE)
        return;
    label(out, "where");
    placement_says(&p, out);
    buf_char(out, '\n');
}

/* Which parts of the request decide the answer, as far as that is known. */
static void key(const struct row_endpoint *e, const struct facts *f, struct buf *out)
{
    struct key_advice a;
    struct buf text = {0};
    key_advice_of(&a, e, f);
    for (unsigned i = 0; i < a.learned.n; i++) {
        bool decides = a.result[i].verdict == LEARNED_RELEVANT, lacks = key_advice_lacks_vary(&a, i);
        if (decides || key_advice_drops(&a, i))
            buf_printf(&text, "%s%s %s%s", text.n ? ", " : "", a.learned.dim[i].text,
                       decides ? "decides" : "does not matter", lacks ? " and is not in Vary" : "");
    }
    for (size_t i = 0; i < text.n; i++) /* names come from traffic */
        text.p[i] = (unsigned char)text.p[i] < ' ' ? '?' : text.p[i];
    if (text.n)
        text_line(out, "key", &text);
    buf_free(&text);
}

/* Writes that explain its changes. */
static void writes(const struct row_endpoint *e, struct buf *out)
{
    struct written w;
    written_of(&w, e);
    if (!w.purge)
        return;
    label(out, "writes");
    buf_printf(out, "%s of its changes come with a write that is seen here (by chance %.0f of %.0f)\n",
               human_percent(w.purge->recall).text, w.purge->expected, w.purge->observed);
}

void saying_of(const struct row_endpoint *e, const struct facts *f, const struct advised *advised, struct buf *out)
{
    if (!e->eligible)
        return;
    advice(e, f, advised, out);
    place(e, f, out);
    lifetime(e, out);
    writes(e, out);
    key(e, f, out);
    declared(e, out);
    blocked(e, f, out);
}
