#include "analysis/report/noted.h"

#include <inttypes.h>

#include "analysis/report/facts.h"
#include "base/human.h"

enum { KINDS = 3, NAME_WIDTH = 60 };

struct listing {
    const struct behaviour *b;
    const struct ties *t;
    struct buf line[KINDS];
    unsigned n[KINDS], top;
};

/* Begins a line; NULL: there are enough of that kind. */
static struct buf *begin(struct listing *l, int kind, const struct row_endpoint *e)
{
    struct buf *out = &l->line[kind], name = {0};
    if (l->n[kind]++ >= l->top)
        return NULL;
    facts_name(&name, e);
    buf_str(out, "  ");
    human_cell(out, slice_of(name.p, name.n), NAME_WIDTH);
    buf_free(&name);
    return out;
}

static const char *every(uint32_t period_s)
{
    return period_s == 60     ? "every minute"
           : period_s == 300  ? "every 5 minutes"
           : period_s == 900  ? "every 15 minutes"
           : period_s == 3600 ? "every hour"
                              : "every day";
}

static void say_schedule(struct listing *l, const struct row_endpoint *e, const struct schedule *s)
{
    struct schedule_found f = s ? schedule_find(s) : (struct schedule_found){0};
    struct buf *out = f.period_s ? begin(l, 0, e) : NULL;
    if (out)
        buf_printf(out, " changes by the clock, %s, %s after it begins (UTC; %s changes): let copies end then\n",
                   every(f.period_s), human_seconds(f.at_s).text, human_count(f.changes).text);
}

static void say_replicas(struct listing *l, const struct row_endpoint *e)
{
    const struct ties_endpoint *seen = ties_endpoint(l->t, e->id);
    struct buf *out = seen && ties_replicas(seen) == TIES_REPLICAS_DISAGREE ? begin(l, 1, e) : NULL;
    if (out)
        buf_printf(out, " servers disagree: %s of %s answers differ from another server's of the same moment\n",
                   human_count(seen->replicas.k).text, human_count(seen->replicas.n).text);
}

static void say_quota(struct listing *l, const struct row_endpoint *e, const struct quota_sums *q)
{
    struct buf *out = quota_any(q) ? begin(l, 2, e) : NULL;
    if (!out)
        return;
    buf_str(out, " is limited");
    if (q->answers && q->limit >= 0)
        buf_printf(out, " to %" PRId64 " requests", q->limit);
    if (q->answers && q->limit >= 0 && q->window_s >= 0)
        buf_printf(out, " in %s", human_seconds((double)q->window_s).text);
    buf_printf(out,
               ": %s answers left nothing, %s requests came before it was over; Retry-After: %s asked, %s ignored\n",
               human_count(q->exhausted).text, human_count(q->asked_on).text, human_count(q->asked).text,
               human_count(q->broken).text);
}

static bool endpoint(void *context, const struct row_endpoint *e)
{
    struct listing *l = context;
    const struct behaviour_endpoint *seen = behaviour_endpoint(l->b, e->id);
    if (!seen)
        return true;
    say_schedule(l, e, seen->schedule);
    say_replicas(l, e);
    say_quota(l, e, &seen->quota);
    return true;
}

void noted_text(struct store_reader *r, const struct behaviour *b, const struct ties *t, unsigned top, struct buf *out)
{
    struct listing l = {.b = b, .t = t, .top = top};
    store_read_endpoints(r, endpoint, &l);
    if (l.n[0] || l.n[1] || l.n[2])
        buf_str(out, "\nALSO SEEN\n");
    for (int k = 0; k < KINDS; k++) {
        buf_slice(out, slice_of(l.line[k].p, l.line[k].n));
        if (l.n[k] > top)
            buf_printf(out, "  … and %u more of these (--top N, or --format json for all)\n", l.n[k] - top);
        buf_free(&l.line[k]);
    }
}
