/* Capacity for people. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/report/capacities.h"
#include "base/human.h"

enum { COLUMNS = 76 };

static struct human amount(double v)
{
    struct human h = {"-"};
    if (isnan(v))
        return h;
    if (v >= 1000)
        return human_count((uint64_t)v);
    snprintf(h.text, sizeof h.text, v < 10 ? "%.1f" : "%.0f", v);
    return h;
}

/* Where no fall was seen there is nothing to warn of. */
static struct human knee(const struct usl_fit *f)
{
    return amount(f->fell ? f->knee.value : NAN);
}

static void name(const struct load *x, struct buf *out)
{
    if (x->service_name.p)
        buf_slice(out, x->service_name);
    else
        buf_str(out, x->scope == LOAD_SERVER ? "all services" : "other services");
    buf_str(out, x->server_name.p ? " at " : x->scope == LOAD_SERVICE ? " at all servers" : "");
    buf_slice(out, x->server_name);
}

/* What is wanting for a law, after what was seen. */
static void wanting(const struct load *x, struct buf *out)
{
    const struct load_seconds *s = &x->seconds;
    bool busy = x->concurrency_p95 >= .05; /* else that is 0.0 in print, though there were two at once */
    buf_printf(out, "no saturation seen up to %s at once", amount(busy ? x->concurrency_p95 : x->peak).text);
    if (x->throughput_p95 >= .05)
        buf_printf(out, " and %s/s", amount(x->throughput_p95).text);
    buf_str(out, ": ");
    switch (x->fit.refused) {
    case USL_FEW:
        if (s->usable + s->mixed >= USL_WINDOWS)
            buf_printf(out, "%s of %s seconds asked for other things than usual", human_count(s->mixed).text,
                       human_count(s->all).text);
        else
            buf_printf(out, "%s of %s seconds can be used, %d are needed", human_count(s->usable).text,
                       human_count(s->all).text, USL_WINDOWS);
        if (s->failing + s->damaged)
            buf_printf(out, " (%s failing, %s not wholly captured)", human_count(s->failing).text,
                       human_count(s->damaged).text);
        return;
    case USL_NARROW:
        buf_printf(out, "how many were under way hardly varied, from %s to %s", amount(x->usable_low).text,
                   amount(x->usable_high).text);
        return;
    case USL_CLUSTERED:
        buf_str(out, "the seconds that can be used lie in a small part of the time");
        return;
    case USL_BAD:
        buf_str(out, "times follow no such law");
        return;
    case USL_NOT_REACHED:
        buf_str(out, "throughput still grows with what is under way");
        return;
    case USL_FLAT:
        buf_str(out, "throughput hardly went with what was under way: a limit, or a steady rate and slow answers");
        return;
    case USL_UNSTABLE:
        buf_str(out, "parts of the time say too different things");
        return;
    case USL_FITS:
        return;
    }
}

/* Whether answers queue: how far slow ones are from usual ones, when busy and when not. */
static void queues(const struct load *x, struct buf *out)
{
    const struct queueing_found *q = &x->queueing;
    if (!q->refused)
        buf_printf(out,
                   "; queueing index %s: p95 of server time is %s times its median in the busiest tenth of seconds, %s "
                   "times in the quietest",
                   amount(q->index).text, amount(q->busy).text, amount(q->idle).text);
}

/* One sentence on what it means. */
static void meaning(const struct load *x, const struct headroom *h, struct buf *out)
{
    const struct usl_fit *f = &x->fit;
    if (f->refused != USL_FITS) {
        wanting(x, out);
        return;
    }
    buf_printf(out, "%s at once in busy seconds give %s/s of at most %s/s (%s to %s)", amount(x->concurrency_p95).text,
               amount(capacity_busy(x)).text, amount(f->most.value).text, amount(f->most.low).text,
               amount(f->most.high).text);
    if (isnan(f->knee.value) || !f->fell)
        buf_str(out, ", where it levels off: more at once only wait longer");
    else if (x->concurrency_p95 > f->knee.value)
        buf_printf(out, ", and are more than the %s beyond which throughput falls: limit how many are let in at once",
                   amount(f->knee.value).text);
    else
        buf_printf(out, "; beyond %s at once throughput falls", amount(f->knee.value).text);
    if (!isnan(h->busy_left))
        buf_printf(out, "; the caching advised takes away %s of the load", human_percent(1 - h->busy_left).text);
}

static void row(const struct loads *l, const struct load *x, const struct relief *r, unsigned width, struct buf *out)
{
    struct headroom h = headroom_of(l, x, r);
    struct buf cell = {0};
    name(x, &cell);
    buf_str(out, "  ");
    human_cell(out, slice_of(cell.p, cell.n), width - COLUMNS);
    buf_free(&cell);
    buf_printf(out, " %7s %6s %6s %6s %6s %6s %6s %6s %8s %7s\n      ", human_count(x->exchanges).text,
               amount(loads_concurrency(l, x)).text, amount(x->concurrency_p95).text, amount(x->peak).text,
               amount(x->throughput_p95).text, amount((double)x->most).text, knee(&x->fit).text,
               amount(x->fit.most.value).text, human_percent(h.now).text, human_percent(h.cached).text);
    meaning(x, &h, out);
    queues(x, out);
    buf_char(out, '\n');
}

/* Endpoints are in the JSON alone, and so is what never had two at once. */
static bool is_shown(const struct load *x)
{
    return x->scope != LOAD_ENDPOINT && x->peak > 1 && x->seconds.all > x->seconds.few;
}

struct picked {
    const struct load **item;
    unsigned n, all; /* of all that could be shown */
};

/* Those with most exchanges, whatever they are; of equal ones in the order of the lists. free(item). */
static struct picked pick(const struct loads *l, unsigned most)
{
    struct picked p = {0};
    uint32_t there = l->any && !l->failed ? l->n : 0;
    most = most < there ? most : there;
    p.item = calloc(most + 1, sizeof(const struct load *));
    for (uint32_t i = 0; p.item && i < there; i++) {
        unsigned at = p.n;
        if (!is_shown(l->order[i]))
            continue;
        p.all++;
        while (at && p.item[at - 1]->exchanges < l->order[i]->exchanges)
            at--;
        if (at >= most)
            continue;
        p.n += p.n < most;
        memmove(&p.item[at + 1], &p.item[at], (p.n - 1 - at) * sizeof *p.item);
        p.item[at] = l->order[i];
    }
    return p;
}

void capacity_text(const struct loads *l, const struct relief *r, unsigned top, unsigned width, struct buf *out)
{
    struct picked p = pick(l, top);
    if (!p.n) {
        free(p.item);
        return;
    }
    buf_str(out, "\nCAPACITY\n"
                 "  under way at once: on average, in busy seconds (95 %), most; answered a second: busy, most; knee: "
                 "at once beyond which\n  throughput falls; limit: throughput there; free: what of it busy seconds "
                 "leave, now and with the caching advised.\n  By the Universal Scalability Law, from seconds of "
                 "traffic: a model of what clients offered, not a measurement\n  ");
    human_cell(out, SLICE("backend"), width - COLUMNS);
    buf_str(out, " request   mean   busy   most busy/s most/s   knee  limit     free  cached\n");
    if (r->unsure)
        buf_str(out, "  not all of the traffic was seen: true figures are higher, and what is free is not known\n");
    for (unsigned i = 0; i < p.n; i++)
        row(l, p.item[i], r, width, out);
    if (p.all > p.n)
        buf_printf(out, "  … and %u more (--top N, or --format json for all)\n", p.all - p.n);
    free(p.item);
}

void capacity_markdown(const struct loads *l, const struct relief *r, unsigned top,
                       void (*foreign)(struct buf *out, struct slice text), struct buf *out)
{
    struct picked p = pick(l, top);
    if (p.n)
        buf_str(out, "\n## Capacity\n\nBy the Universal Scalability Law, from seconds of traffic: a model of what "
                     "clients offered, not a measurement. Busy: 95 % of the seconds with answers.\n\n"
                     "| backend | requests | under way, mean | busy | busy/s | knee | limit/s | free | with caching "
                     "| |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for (unsigned i = 0; i < p.n; i++) {
        const struct load *x = p.item[i];
        struct headroom h = headroom_of(l, x, r);
        struct buf text = {0};
        buf_str(out, "| ");
        name(x, &text);
        foreign(out, slice_of(text.p, text.n));
        buf_printf(out, " | %s | %s | %s | %s | %s | %s | %s | %s | ", human_count(x->exchanges).text,
                   amount(loads_concurrency(l, x)).text, amount(x->concurrency_p95).text,
                   amount(x->throughput_p95).text, knee(&x->fit).text, amount(x->fit.most.value).text,
                   human_percent(h.now).text, human_percent(h.cached).text);
        meaning(x, &h, out);
        queues(x, out);
        buf_str(out, " |\n");
        buf_free(&text);
    }
    if (p.all > p.n)
        buf_printf(out, "\n%u more are in the JSON report.\n", p.all - p.n);
    free(p.item);
}
