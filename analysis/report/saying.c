#include "analysis/report/saying.h"

#include <math.h>

#include "analysis/changes.h"
#include "base/human.h"

static void label(struct buf *out, const char *name)
{
    buf_str(out, name);
    buf_char(out, '\t');
}

static void text(struct buf *out, const char *name, const struct buf *sentence)
{
    label(out, name);
    buf_slice(out, slice_of(sentence->p, sentence->n));
    buf_char(out, '\n');
}

static void advice(const struct row_endpoint *e, const struct facts *f, const struct advised *advised, struct buf *out)
{
    if (advised) {
        text(out, "advice", &advised->action);
        text(out, "because", &advised->why);
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

void saying_of(const struct row_endpoint *e, const struct facts *f, const struct advised *advised, struct buf *out)
{
    if (!e->eligible)
        return;
    advice(e, f, advised, out);
    lifetime(e, out);
    declared(e, out);
}
