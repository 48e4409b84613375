/* The report for a ticket or a wiki: GitHub-flavoured Markdown. Foreign text is escaped: it can neither format nor
 * link. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/report/bottlenecks.h"
#include "analysis/report/callers.h"
#include "analysis/report/servers.h"
#include "analysis/report/advice.h"
#include "analysis/report/blockers.h"
#include "analysis/report/cached.h"
#include "analysis/report/capacities.h"
#include "analysis/report/demanded.h"
#include "analysis/report/finding.h"
#include "analysis/report/longlived.h"
#include "analysis/report/unread.h"
#include "analysis/report/verdict.h"
#include "analysis/report/windowed.h"
#include "analysis/report/writers.h"
#include "base/human.h"

enum { TTL_SHOWN = 60, ROWS = 20, QUESTIONS = 5, HURTS = 10, CAPACITIES = 8, CELL = 160 };

struct page {
    struct buf *out;
    const struct facts *f;
    const struct advice_list *advised;
    const struct loads *loads;
    unsigned row, top;
    unsigned asked; /* --top; 0: lists have lengths of their own */
};

static unsigned most(const struct page *p, unsigned unasked)
{
    return p->asked ? p->asked : p->top < unasked ? p->top : unasked;
}

/* As terminals show it, and punctuation that means something to Markdown or HTML as character references. */
static void foreign(struct buf *out, struct slice text)
{
    struct buf cell = {0};
    human_cell(&cell, text, CELL);
    struct slice shown = slice_trim(slice_of(cell.p, cell.n));
    for (size_t i = 0; i < shown.n; i++) {
        unsigned char c = (unsigned char)shown.p[i];
        bool scheme = c == ':' && i + 1 < shown.n && shown.p[i + 1] == '/';
        if (scheme || strchr("|<>&`*_[]\\~#!", c))
            buf_printf(out, "&#%u;", c);
        else
            buf_char(out, (char)c);
    }
    buf_free(&cell);
}

void markdown_foreign(struct buf *out, struct slice text)
{
    foreign(out, text);
}

static void name(struct buf *out, const struct row_endpoint *e)
{
    struct buf text = {0};
    facts_name(&text, e);
    foreign(out, slice_of(text.p, text.n));
    buf_free(&text);
}

static void exchanges(const struct facts *f, struct buf *out)
{
    uint64_t all = facts_total(f, "exchanges"), clients = facts_total(f, "clients");
    buf_printf(out, "- %s exchange%s, %s client%s, %s endpoint%s; %s unanswered\n", human_count(all).text, human_s(all),
               human_count(clients).text, human_s(clients), human_count(f->endpoints).text, human_s(f->endpoints),
               human_count(facts_total(f, "unanswered")).text);
    buf_printf(out, "- %s could be answered by a cache at all; %s of them repeat an earlier request\n",
               human_count(facts_total(f, "eligible")).text,
               human_percent(facts_repeat_ratio(facts_total(f, "keys"), facts_total(f, "eligible"))).text);
}

static void head(const struct facts *f, struct buf *out)
{
    struct buf lines = {0};
    double duration = facts_duration_s(f), coverage = facts_coverage(f);
    verdict_of(f, &lines);
    buf_printf(out, "# spanwise audit\n\n%s UTC, %s\n\n", human_moment(f->capture.started_us).text,
               human_seconds(duration).text);
    struct slice all = slice_of(lines.p, lines.n), line;
    while (slice_next(&all, '\n', &line))
        if (line.n)
            buf_printf(out, "> **%.*s**\n\n", (int)line.n, line.p);
    buf_free(&lines);
    if (!facts_caches_alone(f))
        exchanges(f, out);
    if (f->windowed)
        windowed_text(f, "- ", out);
    else if (isnan(coverage))
        buf_str(out, "- coverage of the capture is unknown\n");
    else
        buf_printf(out, "- %.2f %% of the bytes sent were seen\n", 100 * coverage);
    if (facts_total(f, "networks"))
        buf_printf(out, "- of %s clients the network alone is known (privacy strict)\n",
                   strcmp(facts_privacy(f), "mixed") == 0 ? "some" : "all");
}

static bool question(void *context, const struct row_endpoint *e)
{
    struct page *p = context;
    struct advice a = advice_of(e, p->f);
    if (a.kind != ADVICE_NONE || !e->eligible)
        return true;
    if (p->row++ >= most(p, QUESTIONS))
        return true;
    if (p->row == 1)
        buf_str(p->out, "\nWhere nothing is advised:\n\n");
    buf_str(p->out, "- ");
    name(p->out, e);
    buf_str(p->out, ": ");
    advice_wanting(&a, p->out);
    buf_char(p->out, '\n');
    return true;
}

static void rest(struct page *p, unsigned shown, const char *what)
{
    if (p->row > shown)
        buf_printf(p->out, "\n%u more %s are in the JSON report.\n", p->row - shown, what);
}

/* Sentences are of names that are escaped and of words that need not be. */
static void sentence(struct buf *out, const char *before, const struct buf *text)
{
    struct slice rest = slice_of(text->p, text->n), word;
    buf_str(out, before);
    for (bool first = true; slice_next(&rest, ' ', &word); first = false) {
        if (!first)
            buf_char(out, ' ');
        foreign(out, word);
    }
    buf_str(out, ".\n");
}

static void finding(struct buf *out, size_t number, const struct advised *a)
{
    struct finding f = {0};
    char before[24];
    finding_of(&f, a);
    snprintf(before, sizeof before, "%zu. ", number);
    sentence(out, before, &f.what);
    sentence(out, "   - Seen: ", &f.evidence);
    sentence(out, "   - Do: ", &f.todo);
    finding_free(&f);
}

static void advice(struct store_reader *r, struct page *p)
{
    const struct advice_list *list = p->advised;
    buf_str(p->out, "\n## What to do first\n\n");
    if (!list->n)
        buf_str(p->out, "No endpoint has evidence enough for advice yet.\n");
    size_t shown = most(p, FINDINGS);
    for (size_t i = 0; i < list->n && i < shown; i++)
        finding(p->out, i + 1, &list->item[i]);
    if (list->n > shown)
        buf_printf(p->out, "\n%zu more are in the JSON report.\n", list->n - shown);
    p->row = 0;
    store_read_endpoints(r, question, p);
    rest(p, most(p, QUESTIONS), "endpoints");
}

static void blocked(struct store_reader *r, struct page *p)
{
    struct blocked_list list;
    blocked_list(&list, r, p->f);
    if (list.n)
        buf_str(p->out,
                "\n## What stands against caching\n\nWhat a day would save, at the rate that was seen, if that one "
                "were gone and answers kept for the lifetime advised.\n\n"
                "| endpoint | against it | answers | saves |\n| --- | --- | ---: | --- |\n");
    for (size_t i = 0; i < list.n && i < p->top; i++) {
        const struct blocker *b = &list.item[i].blocker;
        buf_str(p->out, "| ");
        foreign(p->out, slice_of(list.item[i].target.p, list.item[i].target.n));
        buf_printf(p->out, " | %s | %s | ", b->words, human_percent(facts_ratio(b->seen, b->of)).text);
        blocker_price(b, p->out);
        buf_str(p->out, " |\n");
    }
    p->row = (unsigned)list.n;
    rest(p, p->top, "of them");
    blocked_list_free(&list);
}

static bool endpoint(void *context, const struct row_endpoint *e)
{
    struct page *p = context;
    const struct row_rung *r = facts_rung(e, TTL_SHOWN);
    struct facts_quantiles latency = facts_shown(facts_quantiles(e->latency));
    if (p->row++ >= p->top)
        return true;
    buf_str(p->out, "| ");
    name(p->out, e);
    buf_printf(p->out, " | %s | %s | %s | %s | %s | %s | %s | %s |\n", human_count(e->requests).text,
               human_percent(facts_repeat_ratio(e->keys, e->eligible)).text,
               human_percent(r ? facts_hit_ratio(r) : NAN).text, human_percent(r ? facts_stale_ratio(r) : NAN).text,
               human_seconds(latency.p50).text, human_seconds(latency.p95).text,
               human_seconds(e->server_n ? (double)e->server_us_total / 1e6 : NAN).text, human_count(e->errors).text);
    return true;
}

static bool client(void *context, const struct row_client *c)
{
    struct page *p = context;
    bool known = facts_profiled(c);
    if (p->row++ >= p->top)
        return true;
    buf_str(p->out, "| ");
    foreign(p->out, c->client);
    if (c->name.n) {
        buf_str(p->out, " (");
        foreign(p->out, c->name);
        buf_char(p->out, ')');
    }
    buf_printf(p->out, " | %s | %s | %s | %s | %s | %s | %s |\n", human_count(c->requests).text,
               human_rate(c->requests, facts_watched_s(p->f)).text, known ? human_count(c->peak_1s).text : "-",
               known ? human_count(c->peak_10s).text : "-", known ? human_count(c->peak_60s).text : "-",
               human_count(c->errors).text, human_count(c->throttled).text);
    return true;
}

static void hurts(struct store_reader *r, struct page *p, const struct behaviour *behaviour)
{
    struct bottleneck_list list;
    struct ties ties;
    unsigned shown = 0;
    size_t all;
    ties_read(&ties, r);
    bottleneck_list(&list, r, p->f, behaviour, &ties, p->advised, p->loads);
    ties_free(&ties);
    buf_str(p->out,
            "\n## Where it hurts\n\nTime an hour that could be saved, what is easily mended first; it overlaps and "
            "does not add up.\n\n");
    double least = bottleneck_least(&list, &all);
    if (!list.n)
        buf_str(p->out, "Nothing that was seen costs time that could be saved.\n");
    for (size_t i = 0; i < list.n && shown < most(p, HURTS); i++) {
        const struct bottleneck *b = &list.item[i];
        if (b->seconds_per_hour < least)
            continue;
        buf_printf(p->out, "%u. %s an hour at **", ++shown, human_seconds(b->seconds_per_hour).text);
        foreign(p->out, slice_of(b->target.p, b->target.n));
        buf_str(p->out, "**: ");
        foreign(p->out, slice_of(b->action.p, b->action.n));
        buf_str(p->out, ". ");
        foreign(p->out, slice_of(b->why.p, b->why.n));
        buf_str(p->out, ".\n");
    }
    p->row = list.n < UINT32_MAX ? (unsigned)list.n : UINT32_MAX;
    rest(p, shown, "places");
    bottleneck_list_free(&list);
}

static void capacity(struct store_reader *r, struct page *p)
{
    struct relief relief;
    relief_of(&relief, r, p->f, p->advised);
    capacity_markdown(p->loads, &relief, most(p, CAPACITIES), foreign, p->out);
    relief_free(&relief);
}

void report_markdown(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct advice_list advised;
    struct behaviour behaviour;
    struct server_names names;
    struct loads loads;
    struct page p = {out, f, &advised, &loads, 0, o->top ? o->top : ROWS, o->top};
    head(f, out);
    if (!f->any)
        return;
    if (!facts_total(f, "exchanges")) {
        cached_markdown(r, f, p.top, out, foreign);
        unread_markdown(r, p.top, out, foreign);
        return;
    }
    advice_list(&advised, r, f);
    loads_read(&loads, r);
    if (!f->windowed) {
        advice(r, &p);
        blocked(r, &p);
    }
    behaviour_read(&behaviour, r, facts_total(f, "exchanges"));
    hurts(r, &p, &behaviour);
    buf_str(out,
            "\n## Endpoints\n\nHit and stale: had one cache kept every answer for 60 s, whatever may be shared.\n\n"
            "| endpoint | requests | repeat | hit | stale | p50 | p95 | server time | errors |\n"
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    p.row = 0;
    store_read_endpoints(r, endpoint, &p);
    rest(&p, p.top, "endpoints");
    buf_str(out, "\n## Clients\n\nMost requests in 1, 10 and 60 consecutive seconds.\n\n"
                 "| client | requests | rate | 1 s | 10 s | 60 s | errors | throttled |\n"
                 "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    p.row = 0;
    store_read_clients(r, client, &p);
    rest(&p, p.top, "clients");
    callers_markdown(&behaviour, facts_coverage(f), p.top, out);
    server_names_load(&names, r, &behaviour);
    servers_markdown(&behaviour, &names, facts_one_sided(f), p.top, out);
    server_names_free(&names);
    behaviour_free(&behaviour);
    cached_markdown(r, f, p.top, out, foreign);
    capacity(r, &p);
    demanded_markdown(r, f, out);
    loads_free(&loads);
    longlived_markdown(r, f, p.top, out, name);
    unread_markdown(r, p.top, out, foreign);
    advice_list_free(&advised);
}
