/* The list of bottlenecks as JSON and text. */
#include <math.h>

#include "analysis/report/bottlenecks.h"
#include "base/human.h"

static const char *says(enum bottleneck_kind k)
{
    static const char *const words[] = {"repeats a cache would answer",
                                        "asked for while under way",
                                        "many requests where one would do",
                                        "time spent on errors",
                                        "time spent on retries",
                                        "slower than its like",
                                        "a slow tail",
                                        "sent again to who had it",
                                        "too many at once for the backend",
                                        "sessions that are not found",
                                        "clients that stay at a slow server",
                                        "a GET that changes what others get",
                                        "a storm of retries",
                                        "polls that bring nothing new",
                                        "a stampede when copies end",
                                        "a client beyond the others",
                                        "a server slower than its peers",
                                        "a server that fails more than its peers",
                                        "requests that wait for each other",
                                        "connections that are not used again"};
    return words[k];
}

static void item(struct json *j, const struct bottleneck *b, size_t rank)
{
    json_open(j, '{');
    json_key_u64(j, "rank", rank);
    json_key(j, "kind");
    json_str(j, bottleneck_name(b->kind));
    json_key_text(j, "target", slice_of(b->target.p, b->target.n));
    json_key(j, "endpoint");
    b->endpoint ? json_u64(j, b->endpoint) : json_null(j);
    json_key_text(j, "client", b->client ? slice_of(b->target.p, b->target.n) : (struct slice){NULL, 0});
    json_key(j, "says");
    json_str(j, says(b->kind));
    json_key_double(j, "seconds_per_hour", b->seconds_per_hour);
    json_key_u64(j, "seen", b->n);
    json_key_double(j, "confidence", b->confidence);
    json_key_u64(j, "effort", b->effort);
    json_key_double(j, "score", b->score);
    json_key_text(j, "why", slice_of(b->why.p, b->why.n));
    json_key_text(j, "action", slice_of(b->action.p, b->action.n));
    json_key(j, "evidence");
    json_open(j, '{');
    if (b->evidence.n)
        json_raw(j, slice_of(b->evidence.p, b->evidence.n));
    json_close(j, '}');
    json_close(j, '}');
}

void bottleneck_json(struct json *j, const struct bottleneck_list *l)
{
    json_key(j, "bottlenecks");
    json_open(j, '[');
    for (size_t i = 0; i < l->n; i++)
        item(j, &l->item[i], i + 1);
    json_close(j, ']');
}

/* Names come from traffic. */
static void line(struct buf *out, const char *label, const struct buf *text)
{
    buf_printf(out, "      %s", label);
    human_text(out, slice_of(text->p, text->n));
    buf_char(out, '\n');
}

double bottleneck_least(const struct bottleneck_list *l, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < l->n; i++)
        *n += l->item[i].seconds_per_hour >= 1;
    if (*n)
        return 1;
    *n = l->n;
    return 0;
}

/* Why there are no exchange records, though exchanges were counted. */
static const char *no_records(const struct facts *f)
{
    return f->joined                              ? "of several audits together exchange records are not read"
           : f->windowed                          ? "no exchange records of this time are kept"
           : f->capture.live && !f->capture.ended ? "no exchange records are written yet"
                                                  : "no exchange records are kept (--exchanges none)";
}

void bottleneck_text(const struct bottleneck_list *l, const struct facts *f, const struct behaviour *b, unsigned top,
                     struct buf *out)
{
    unsigned shown = 0;
    size_t all;
    double least = bottleneck_least(l, &all);
    buf_printf(out, "\nWHERE IT HURTS\n  %s\n",
               l->n ? "seconds an hour that could be saved, what is easily mended first; they overlap and do not add up"
                    : "nothing that was seen costs time that could be saved");
    for (size_t i = 0; i < l->n && shown < top; i++) {
        const struct bottleneck *x = &l->item[i];
        if (x->seconds_per_hour < least)
            continue;
        buf_printf(out, "  %u. %s an hour: %s\n", ++shown, human_seconds(x->seconds_per_hour).text, says(x->kind));
        line(out, "at:  ", &x->target);
        line(out, "why: ", &x->why);
        line(out, "do:  ", &x->action);
    }
    if (all > shown)
        buf_printf(out, "  … and %zu more (--top N, or --format json for all)\n", all - shown);
    if (l->n > all)
        buf_printf(out, "  and %zu of less than a second an hour (--format json)\n", l->n - all);
    if (!b->any && facts_total(f, "exchanges"))
        buf_printf(out, "  %s: errors' time, retries, runs and equal requests are not known\n", no_records(f));
    else if (b->failed)
        buf_str(out, "  exchange records could not all be read: errors' time, retries, runs and equal requests are not "
                     "known\n");
    else if (!b->whole && !f->windowed)
        buf_printf(out, "  errors' time, retries, runs and equal requests are of the latest %s exchanges, %s\n",
                   human_count(b->records).text, human_seconds(behaviour_seconds(b)).text);
}
