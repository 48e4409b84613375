#include "analysis/report/finding.h"

#include "base/human.h"

static uint64_t in_a_day(double per_second)
{
    return (uint64_t)(per_second * 86400);
}

/* "; that saves 1.0M requests, 149 MB and 2h22m of server time a day" */
static void saves(const struct recommend_price *p, const char *before, struct buf *out)
{
    if (!(p->requests_per_s > 0))
        return;
    buf_printf(out, "%s%s requests, %s and %s of server time a day", before,
               human_count(in_a_day(p->requests_per_s)).text, human_bytes((uint64_t)(p->bytes_per_h * 24)).text,
               human_seconds(p->server_s_per_h * 24).text);
}

static void what(const struct advised *a, struct buf *out)
{
    const struct recommend_price *price = &a->advice.price;
    switch (a->advice.kind) {
    case ADVICE_NONE:
        break;
    case ADVICE_CACHE:
    case ADVICE_PURGE:
    case ADVICE_MICRO:
        buf_str(out, "could be answered from a cache");
        saves(price, ", which saves ", out);
        break;
    case ADVICE_FIX:
        buf_str(out, "is one client's own, and shared caches may hand it to others");
        break;
    case ADVICE_REVALIDATE:
        buf_str(out, "changes too fast to be kept, but need not be sent again where it has not changed");
        break;
    case ADVICE_KEY:
        buf_str(out, "is cached under more keys than it has answers");
        saves(price, ", which costs ", out);
        break;
    case ADVICE_BUSTER:
        buf_str(out, "is asked for under a new key each time, so that no cache can answer");
        saves(price, ", which costs ", out);
        break;
    case ADVICE_VARY:
        buf_str(out, "differs by what Vary does not name: caches hand out wrong answers");
        break;
    case ADVICE_FIELD:
        buf_str(out, "differs each time by what means nothing");
        saves(price, ", which costs ", out);
        break;
    case ADVICE_LIES:
        buf_str(out, "has ETags that stay when its body changes: clients and caches keep what is wrong");
        break;
    case ADVICE_TAGS:
        buf_printf(out, "is sent again to clients that have it: %s a day",
                   human_bytes((uint64_t)(price->bytes_per_h * 24)).text);
        break;
    case ADVICE_NOT:
        buf_str(out, "changes too fast for a cache");
        break;
    }
}

void finding_of(struct finding *out, const struct advised *a)
{
    buf_slice(&out->what, slice_of(a->target.p, a->target.n));
    buf_char(&out->what, ' ');
    what(a, &out->what);
    buf_slice(&out->evidence, slice_of(a->why.p, a->why.n));
    if (a->repeats.n) {
        buf_str(&out->evidence, "; ");
        buf_slice(&out->evidence, slice_of(a->repeats.p, a->repeats.n));
    }
    buf_slice(&out->todo, slice_of(a->action.p, a->action.n));
    if (a->place.n) {
        buf_str(&out->todo, "; keep copies ");
        buf_slice(&out->todo, slice_of(a->place.p, a->place.n));
    }
}

void finding_free(struct finding *f)
{
    buf_free(&f->what);
    buf_free(&f->evidence);
    buf_free(&f->todo);
}
