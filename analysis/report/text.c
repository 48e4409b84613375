/* The report for a terminal: what was seen and whether to trust it, what a cache would do, how long answers live, who
 * asks how much, where time goes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/changes.h"
#include "analysis/report/cached.h"
#include "analysis/report/advice.h"
#include "analysis/report/bottlenecks.h"
#include "analysis/report/callers.h"
#include "analysis/report/servers.h"
#include "analysis/report/blockers.h"
#include "analysis/report/capacities.h"
#include "analysis/report/demanded.h"
#include "analysis/report/finding.h"
#include "analysis/report/longlived.h"
#include "analysis/report/noted.h"
#include "analysis/report/pauses.h"
#include "analysis/report/tied.h"
#include "analysis/report/unread.h"
#include "analysis/report/verdict.h"
#include "analysis/report/windowed.h"
#include "analysis/report/writers.h"
#include "base/human.h"

enum { TTLS = 4, CALLED = 64 };
static const uint32_t shown_ttl[TTLS] = {1, 10, 60, 300};

struct table {
    struct buf *out;
    const struct facts *f;
    const struct advice_list *advised;
    const struct loads *loads;
    unsigned row, top, width;
    unsigned asked; /* --top; 0: lists have lengths of their own */
};

/* Of a list that is no table. */
static unsigned most(const struct table *t, unsigned unasked)
{
    return t->asked ? t->asked : t->top < unasked ? t->top : unasked;
}

static void rule(struct buf *out, const char *title, const char *says)
{
    buf_printf(out, "\n%s\n", title);
    if (says)
        buf_printf(out, "  %s\n", says);
}

static void rest(struct table *t, uint64_t all, const char *what)
{
    if (all > t->row)
        buf_printf(t->out, "  … and %" PRIu64 " more %s (--top N, or --format json for all)\n", all - t->row, what);
}

/* Under what reads like an outage where the answers were not mirrored. */
static void one_sided(const struct table *t)
{
    const char *says = facts_one_sided(t->f);
    if (says)
        buf_printf(t->out, "  %s\n", says);
}

/* ---- cells ---- */

static void name_cell(struct buf *out, const struct row_endpoint *e, unsigned width)
{
    struct buf name = {0};
    facts_name(&name, e);
    human_cell(out, slice_of(name.p, name.n), width);
    buf_free(&name);
}

static struct human depth(double burst)
{
    struct human h;
    if (isnan(burst))
        return (struct human){"-"};
    if (burst >= 10000)
        return human_count((uint64_t)burst);
    snprintf(h.text, sizeof h.text, "%.1f", burst);
    return h;
}

static struct human peak(const struct row_client *c, uint64_t n)
{
    return facts_profiled(c) ? human_count(n) : (struct human){"-"};
}

/* ---- head ---- */

static void trust(const struct facts *f, struct buf *out)
{
    const struct row_capture *c = &f->capture;
    double coverage = facts_coverage(f);
    size_t before = out->n;
    buf_str(out, "  ");
    if (pauses_line(f, out))
        buf_char(out, '\n');
    else
        out->n = before;
    if (f->windowed) {
        windowed_text(f, "  ", out);
        return;
    }
    if (c->from_records) {
        buf_str(out, "  from exchange records: packets, losses and coverage are unknown\n");
        return;
    }
    buf_printf(out, "  %s packet%s in %s flow%s, ", human_count(c->packets).text, human_s(c->packets),
               human_count(c->flows).text, human_s(c->flows));
    if (facts_drops_known(f)) /* a file does not say */
        buf_printf(out, "%s dropped by the kernel, ", human_count(c->kernel_dropped + c->interface_dropped).text);
    if (isnan(coverage))
        buf_str(out, "no TCP payload\n");
    else
        buf_printf(out, "%.2f %% of the bytes sent were seen\n", 100 * coverage);
}

static void exchanges(const struct facts *f, struct buf *out)
{
    uint64_t all = facts_total(f, "exchanges"), eligible = facts_total(f, "eligible");
    uint64_t clients = facts_total(f, "clients"), services = facts_total(f, "services");
    uint64_t orphans = facts_total(f, "orphan_responses");
    buf_printf(out, "  %s exchange%s", human_count(all).text, human_s(all));
    if (facts_captured_s(f) >= 1) /* else it is a rate of nothing */
        buf_printf(out, " (%s)", human_rate(all, facts_captured_s(f)).text);
    buf_str(out, ", ");
    buf_printf(out, "%s%s client%s, %s endpoint%s, %s service%s; ", facts_clients_error(f) > 0 ? "about " : "",
               human_count(clients).text, human_s(clients), human_count(f->endpoints).text, human_s(f->endpoints),
               human_count(services).text, human_s(services));
    buf_printf(out, "%s unanswered, %s answer%s without request\n", human_count(facts_total(f, "unanswered")).text,
               human_count(orphans).text, human_s(orphans));
    if (facts_total(f, "ignored"))
        buf_printf(out, "  %s of them were left out of the analysis (--ignore)\n",
                   human_count(facts_total(f, "ignored")).text);
    double repeat = facts_repeat_ratio(facts_total(f, "keys"), eligible);
    if (!isnan(repeat))
        buf_printf(
            out,
            "  %s of them could be answered by a cache at all (GET or HEAD, complete); %s repeat an earlier request\n",
            human_count(eligible).text, human_percent(repeat).text);
    uint64_t level = facts_total(f, "sampling_level"), lost = facts_total(f, "keys_overflow");
    if (level)
        buf_printf(out,
                   "  %s did not hold every key: some endpoints are estimated from a sample, at worst 1 key in %" PRIu64
                   "\n",
                   human_bytes(f->capture.memory_ceiling_bytes).text, UINT64_C(1) << (level & 63));
    if (lost)
        buf_printf(out, "  %s look-ups of keys beyond that are in no hit ratio (more --memory)\n",
                   human_count(lost).text);
}

static void head(const struct facts *f, struct buf *out)
{
    struct buf lines = {0};
    enum verdict v = verdict_of(f, &lines);
    double duration = facts_duration_s(f);
    buf_str(out, "spanwise audit");
    if (f->capture.started_us != INT64_MIN) {
        buf_str(out, " · ");
        buf_printf(out, "%s UTC · %s", human_moment(f->capture.started_us).text, human_seconds(duration).text);
    }
    buf_str(out, !f->any || f->capture.ended ? "\n" : " · not ended: it still runs, or it was killed\n");
    struct slice all = slice_of(lines.p, lines.n), line;
    while (slice_next(&all, '\n', &line))
        if (line.n)
            buf_printf(out, "%s %.*s\n", v <= VERDICT_PARTIAL ? " note:" : " ATTENTION:", (int)line.n, line.p);
    buf_free(&lines);
    trust(f, out);
    if (facts_total(f, "networks"))
        buf_printf(out, "  of %s clients the network alone is known (--privacy strict)\n",
                   strcmp(facts_privacy(f), "mixed") == 0 ? "some" : "all");
    if (!facts_caches_alone(f))
        exchanges(f, out);
}

/* ---- advice ---- */

static unsigned columns_of(struct slice text)
{
    unsigned n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += (text.p[i] & 0xc0) != 0x80;
    return n;
}

/* One sentence, broken between words; foreign text is shown harmlessly. */
static void paragraph(struct buf *out, const char *label, const struct buf *text, unsigned width)
{
    enum { INDENT = 5, WORD = 400 };
    struct slice rest = slice_of(text->p, text->n), word;
    struct buf cell = {0};
    unsigned at = (unsigned)strlen(label);
    buf_str(out, label);
    for (bool first = true; slice_next(&rest, ' ', &word); first = false) {
        cell.n = 0;
        human_cell(&cell, word, WORD);
        struct slice shown = slice_trim(slice_of(cell.p, cell.n));
        unsigned columns = columns_of(shown);
        if (!first && at + 1 + columns + !rest.n > width) {
            buf_str(out, "\n     ");
            at = INDENT;
        } else if (!first) {
            buf_char(out, ' ');
            at++;
        }
        buf_slice(out, shown);
        at += columns;
    }
    buf_str(out, ".\n");
    buf_free(&cell);
}

static void finding(struct buf *out, size_t number, const struct advised *a, unsigned width)
{
    struct finding f = {0};
    char label[16];
    finding_of(&f, a);
    snprintf(label, sizeof label, "  %zu. ", number % 1000000);
    paragraph(out, label, &f.what, width);
    paragraph(out, "     Seen: ", &f.evidence, width);
    paragraph(out, "     Do: ", &f.todo, width);
    finding_free(&f);
}

enum { OPEN_QUESTIONS = 4 };

struct questions {
    struct table *t;
    struct buf lines;
    unsigned n, most;
};

/* Endpoints without advice, and why. */
static bool open_question(void *context, const struct row_endpoint *e)
{
    struct questions *q = context;
    struct advice a = advice_of(e, q->t->f);
    struct buf why = {0};
    if (a.kind != ADVICE_NONE || !e->eligible)
        return true;
    if (q->n++ >= q->most)
        return true;
    advice_wanting(&a, &why);
    buf_str(&q->lines, "  ");
    name_cell(&q->lines, e, q->t->width - 76);
    buf_printf(&q->lines, " %.*s\n", (int)why.n, why.p);
    buf_free(&why);
    return true;
}

static void advice(struct store_reader *r, struct table *t)
{
    const struct advice_list *list = t->advised;
    struct questions q = {.t = t, .most = most(t, OPEN_QUESTIONS)};
    size_t shown = most(t, FINDINGS);
    store_read_endpoints(r, open_question, &q);
    rule(t->out, "WHAT TO DO FIRST",
         list->n ? NULL
         : q.n   ? "no endpoint has evidence enough for advice yet; what is wanting:"
                 : "nothing is advised: no GET or HEAD with a complete answer was seen");
    for (size_t i = 0; i < list->n && i < shown; i++)
        finding(t->out, i + 1, &list->item[i], t->width);
    if (list->n > shown)
        buf_printf(t->out, "  … and %zu more (--top N, or --format json for all)\n", list->n - shown);
    if (list->n && q.n)
        buf_str(t->out, "  and where nothing is advised:\n");
    buf_slice(t->out, slice_of(q.lines.p, q.lines.n));
    if (q.n > q.most)
        buf_printf(t->out, "  … and %u more endpoints (--top N, or --format json for all)\n", q.n - q.most);
    buf_free(&q.lines);
}

/* ---- caching ---- */

static void best_saving(const struct row_endpoint *e, struct buf *out)
{
    const struct row_rung *r = facts_rung(e, 60);
    if (!r)
        r = &e->ttl[LADDER_RUNGS - 1];
    buf_printf(out, " %9s %9s", facts_bytes_saved_unknown(e, r) ? "-" : human_bytes(r->bytes_saved).text,
               facts_server_saved_unknown(e, r) ? "-" : human_seconds((double)r->server_us_saved / 1e6).text);
}

/* What the figures of a sampled endpoint rest on, and how far off they may be. */
static void sampled_row(struct buf *out, const struct row_endpoint *e)
{
    struct sampling_stored s;
    double off = 0;
    if (!sampling_read(&s, e->sampling) || !s.level)
        return;
    for (int i = 0; i < LADDER_RUNGS; i++)
        off = fmax(off, e->ttl[i].lookups ? 3 * (double)s.spread[i] / (double)e->ttl[i].lookups : 0);
    buf_printf(out, "    estimated: 1 key in %" PRIu64 " is followed, ", UINT64_C(1) << s.level);
    if (facts_few_sampled(e))
        buf_printf(out, "%" PRIu64 " in all: too few to rely on (more --memory)\n", s.keys);
    else
        buf_printf(out, "%" PRIu64 " in all, and the hot ones: hit %% within %.1f points\n", s.keys,
                   100 * fmin(off, 1));
}

static bool cache_row(void *context, const struct row_endpoint *e)
{
    struct table *t = context;
    if (!e->eligible)
        return true;
    if (t->row == t->top)
        return false;
    t->row++;
    buf_str(t->out, "  ");
    name_cell(t->out, e, t->width - 76);
    buf_printf(t->out, " %7s %6s", human_count(e->requests).text,
               human_percent(facts_repeat_ratio(e->keys, e->eligible)).text);
    for (int i = 0; i < TTLS; i++) {
        const struct row_rung *r = facts_rung(e, shown_ttl[i]);
        buf_printf(t->out, " %4s/%-4s", r ? human_short_percent(facts_hit_ratio(r)).text : "-",
                   r ? human_short_percent(facts_stale_ratio(r)).text : "-");
    }
    best_saving(e, t->out);
    buf_char(t->out, '\n');
    sampled_row(t->out, e);
    return true;
}

static bool count_cacheable(void *context, const struct row_endpoint *e)
{
    *(uint64_t *)context += e->eligible != 0;
    return true;
}

static void caching(struct store_reader *r, struct table *t)
{
    uint64_t all = 0;
    store_read_endpoints(r, count_cacheable, &all);
    rule(t->out, "WHAT COULD BE CACHED",
         all ? "hit % / stale % of hits that a cache would have served at each TTL, whatever may be shared; saved at "
               "60 s: "
               "bytes, server time"
             : "nothing: no GET or HEAD with a complete answer was seen");
    one_sided(t);
    if (!all)
        return;
    buf_str(t->out, "  ");
    human_cell(t->out, SLICE("endpoint"), t->width - 76);
    buf_str(t->out, " request repeat    1 s      10 s      60 s     300 s       bytes    server\n");
    t->row = 0;
    store_read_endpoints(r, cache_row, t);
    rest(t, all, "endpoints");
}

/* ---- lifetimes ---- */

/* How changes come, or why nothing is known. */
static const char *how_changes_come(const struct row_endpoint *e, const struct changes_stored *s,
                                    const struct changes_result *r)
{
    struct written w;
    written_of(&w, e);
    if (w.purge)
        return w.purge->recall > 0.5 ? "with writes" : "some with writes";
    switch (r->poisson.model) {
    case LIFETIME_POISSON:
        return isnan(r->versions.median_low) ? "not told" : changes_fit(s, r) ? "at random" : "not at random";
    case LIFETIME_UNCHANGED:
        return "none seen";
    case LIFETIME_TOO_FAST:
        return "every time";
    case LIFETIME_UNSEEN:
        break;
    }
    if (s->lost_gaps)
        return "unknown: no memory was left";
    if (e->observed_gaps)
        return s->multi_valued ? "by turns only" : "unknown: an older version audited";
    return e->eligible == e->keys ? "nothing was asked for twice" : "no two contents to compare";
}

static bool lifetime_row(void *context, const struct row_endpoint *e)
{
    struct table *t = context;
    struct changes_stored s;
    if (!e->eligible)
        return true;
    if (t->row == t->top)
        return false;
    t->row++;
    changes_read(&s, e->lifetimes);
    struct changes_result r = changes_result(&s);
    const struct lifetime_result *p = &r.poisson;
    buf_str(t->out, "  ");
    name_cell(t->out, e, t->width - 78);
    buf_printf(t->out, " %7s %7s %8s %8s %8s %8s %8s  %s", human_count(e->changes).text,
               human_count(e->observed_gaps).text, human_seconds(p->mean_s).text, human_seconds(p->mean_low).text,
               human_seconds(p->mean_high).text, human_seconds(r.versions.median_low).text,
               human_seconds(r.versions.median_high).text, how_changes_come(e, &s, &r));
    if (s.multi_valued && p->model != LIFETIME_UNSEEN)
        buf_printf(t->out, ", %s by turns", human_count(s.multi_valued).text);
    buf_char(t->out, '\n');
    return true;
}

static void lifetimes(struct store_reader *r, struct table *t)
{
    uint64_t all = 0;
    store_read_endpoints(r, count_cacheable, &all);
    if (!all)
        return;
    rule(t->out, "HOW LONG ANSWERS STAY THE SAME",
         "changes seen in gaps between look-ups of a key (what comes and goes within one is not seen); mean lifetime "
         "with its 95 %\n"
         "  interval, as if changes came at random; median of versions seen to begin, without that. By turns: keys "
         "with several\n"
         "  answers, which have no lifetimes. With writes: purge on them.\n  Not at random: bursts, a schedule, or "
         "keys that differ.");
    buf_str(t->out, "  ");
    human_cell(t->out, SLICE("endpoint"), t->width - 78);
    buf_str(t->out, " changes    gaps     mean at least  at most  median >    up to  changes come\n");
    t->row = 0;
    store_read_endpoints(r, lifetime_row, t);
    rest(t, all, "endpoints");
}

/* ---- what is declared ---- */

enum { DECLARED_COLUMNS = 66 };

static bool is_declared(const struct row_endpoint *e)
{
    return e->declared[DECLARED_reads] && facts_judged(e);
}

static bool count_declared(void *context, const struct row_endpoint *e)
{
    *(uint64_t *)context += is_declared(e);
    return true;
}

static struct human lifetime(double seconds, bool open)
{
    struct human h = human_seconds(seconds);
    if (seconds == 0)
        return (struct human){"none"};
    if (open)
        strcat(h.text, "+");
    return h;
}

static void declared_lifetimes(const struct row_endpoint *e, struct buf *out)
{
    bool open;
    double fresh = facts_fresh_s(e, .01, &open);
    buf_printf(out, " %7s %7s", lifetime(facts_declared_ttl(e, .5), false).text, lifetime(fresh, open).text);
}

static bool declared_row(void *context, const struct row_endpoint *e)
{
    struct table *t = context;
    const uint64_t *d = e->declared;
    enum reason blocker = facts_blocker(e);
    if (!is_declared(e))
        return true;
    if (t->row == t->top)
        return false;
    t->row++;
    buf_str(t->out, "  ");
    name_cell(t->out, e, t->width - DECLARED_COLUMNS);
    buf_printf(t->out, " %5s  %-15s %5s", human_short_percent(facts_storable(e)).text,
               blocker ? row_reason_words[blocker] : "-",
               blocker ? human_short_percent(facts_ratio(e->reasons[blocker], facts_judged(e))).text : "");
    declared_lifetimes(e, t->out);
    buf_printf(t->out, " %5s %5s %6s\n",
               human_short_percent(facts_ratio(d[DECLARED_conditional], d[DECLARED_reads])).text,
               human_short_percent(facts_ratio(d[DECLARED_not_modified], d[DECLARED_conditional])).text,
               human_count(d[DECLARED_wasted_full]).text);
    return true;
}

static void declared(struct store_reader *r, struct table *t)
{
    uint64_t all = 0;
    store_read_endpoints(r, count_declared, &all);
    if (!all)
        return;
    rule(t->out, "WHAT THE API DECLARES",
         "store: % of answers that a shared cache may store by HTTP's rules, and what most often stands against it\n"
         "  declare: median lifetime; fresh: the longest that kept stale hits within 1 % (+: no longer one was seen)\n"
         "  asked: % of requests with a validator; 304: % of those; vain: full answers with what the client had");
    buf_str(t->out, "  ");
    human_cell(t->out, SLICE("endpoint"), t->width - DECLARED_COLUMNS);
    buf_str(t->out, " store  against it          %  declare   fresh asked   304   vain\n");
    t->row = 0;
    store_read_endpoints(r, declared_row, t);
    rest(t, all, "endpoints");
}

/* ---- what stands against caching ---- */

enum { BLOCKED_COLUMNS = 76 };

static void blocked_row(struct table *t, const struct blocked *b)
{
    const struct blocker *is = &b->blocker;
    buf_str(t->out, "  ");
    human_cell(t->out, slice_of(b->target.p, b->target.n), t->width - BLOCKED_COLUMNS);
    buf_char(t->out, ' ');
    human_cell(t->out, slice_str(is->words), 35);
    buf_printf(t->out, " %5s %9s %9s %9s\n", human_short_percent(facts_ratio(is->seen, is->of)).text,
               is->requests > 0 ? human_count((uint64_t)is->requests).text : "-", human_bytes((uint64_t)is->bytes).text,
               human_seconds(is->server_s).text);
}

static void blocked(struct store_reader *r, struct table *t)
{
    struct blocked_list list;
    blocked_list(&list, r, t->f);
    if (list.n) {
        rule(t->out, "WHAT STANDS AGAINST CACHING, AND WHAT IT COSTS",
             "saved in a day, at the rate that was seen, if that one were gone and answers kept for the lifetime "
             "advised; "
             "%: answers with it");
        buf_str(t->out, "  ");
        human_cell(t->out, SLICE("endpoint"), t->width - BLOCKED_COLUMNS);
        buf_str(t->out, " against it                              %   request     bytes    server\n");
    }
    for (t->row = 0; t->row < list.n && t->row < t->top; t->row++)
        blocked_row(t, &list.item[t->row]);
    rest(t, list.n, "of them");
    if (list.n && list.unknown)
        buf_printf(t->out,
                   "  of %s more the price is not known: above all, where it is not known that clients may share\n",
                   human_count(list.unknown).text);
    blocked_list_free(&list);
}

/* ---- clients ---- */

/* Bucket depth at the ladder rate nearest to `rate`. */
static double burst_at(const struct row_client *c, double rate)
{
    int best = 0;
    if (!facts_profiled(c))
        return NAN;
    for (int i = 1; i < ENVELOPE_RATES; i++)
        if (fabs(log(c->envelope_rate[i] / rate)) < fabs(log(c->envelope_rate[best] / rate)))
            best = i;
    return c->envelope_burst[best];
}

/* At the end of a line; what is foreign may be of any width. */
static void called(struct buf *out, struct slice name)
{
    struct buf cell = {0};
    if (!name.n)
        return;
    human_cell(&cell, name, CALLED);
    buf_str(out, "  called ");
    buf_slice(out, slice_trim(slice_of(cell.p, cell.n)));
    buf_free(&cell);
}

static bool client_row(void *context, const struct row_client *c)
{
    struct table *t = context;
    double duration = facts_watched_s(t->f);
    if (t->row == t->top)
        return false;
    t->row++;
    struct slice first = slice_sub(c->addresses, 0, slice_find(c->addresses, ',', 0));
    struct buf from = {0};
    buf_slice(&from, first);
    if (c->n_addresses > 1)
        buf_printf(&from, " +%" PRIu64, c->n_addresses - 1);
    buf_str(t->out, "  ");
    human_cell(t->out, c->client, 24);
    buf_char(t->out, ' ');
    human_cell(t->out, slice_of(from.p, from.n), 20);
    buf_free(&from);
    buf_printf(t->out, " %7s %8s %5s %5s %5s  %6s %7s %7s %9s", human_count(c->requests).text,
               human_rate(c->requests, duration).text, peak(c, c->peak_1s).text, peak(c, c->peak_10s).text,
               peak(c, c->peak_60s).text, depth(burst_at(c, 1)).text, depth(burst_at(c, 10)).text,
               human_count(c->errors).text, human_count(c->throttled).text);
    if (!isnan(c->poller_period_s))
        buf_printf(t->out, "  polls every %s", human_seconds(c->poller_period_s).text);
    called(t->out, c->name);
    buf_char(t->out, '\n');
    return true;
}

static void clients(struct store_reader *r, struct table *t)
{
    rule(t->out, "WHO ASKS HOW MUCH",
         t->f->clients ? "most requests in 1, 10, 60 consecutive seconds; bucket: the token bucket depth that rejects "
                         "nothing at 1/s and 10/s"
                       : "no request was seen");
    if (!t->f->clients)
        return;
    one_sided(t);
    buf_str(t->out, "  client                   from                 request     rate    1s   10s   60s  bkt1/s "
                    "bkt10/s  errors throttled\n");
    t->row = 0;
    store_read_clients(r, client_row, t);
    rest(t, t->f->clients, "clients");
}

/* ---- time ---- */

struct slow {
    struct buf name; /* the cell */
    uint64_t requests, errors, server_us;
    struct facts_quantiles latency;
};

struct slowest {
    struct slow *row;
    unsigned n, most, width;
    uint64_t all;
};

static bool keep_slow(void *context, const struct row_endpoint *e)
{
    struct slowest *s = context;
    unsigned at = s->n;
    if (!e->server_n && !e->latency_n)
        return true;
    s->all++;
    while (at && s->row[at - 1].server_us < e->server_us_total)
        at--;
    if (at >= s->most)
        return true;
    if (s->n == s->most)
        buf_free(&s->row[--s->n].name);
    memmove(&s->row[at + 1], &s->row[at], (s->n++ - at) * sizeof *s->row);
    s->row[at] = (struct slow){.requests = e->requests,
                               .errors = e->errors,
                               .server_us = e->server_us_total,
                               .latency = facts_shown(facts_quantiles(e->latency))};
    name_cell(&s->row[at].name, e, s->width);
    return true;
}

static void times(struct store_reader *r, struct table *t)
{
    struct slowest s = {calloc(t->top + 1, sizeof(struct slow)), 0, t->top, t->width - 60, 0};
    if (s.row)
        store_read_endpoints(r, keep_slow, &s);
    rule(t->out, "WHERE TIME GOES",
         s.n ? "by server time in all (to an answer's first byte, less the network's round trip); p50 to max: of "
               "whole\n  "
               "exchanges, from the first byte asked to the last answered"
             : facts_no_times(t->f));
    if (s.n) {
        buf_str(t->out, "  ");
        human_cell(t->out, SLICE("endpoint"), t->width - 60);
        buf_str(t->out, " request    p50     p95     p99     max   server   errors\n");
    }
    for (unsigned i = 0; i < s.n; i++) {
        struct slow *w = &s.row[i];
        buf_str(t->out, "  ");
        buf_slice(t->out, slice_of(w->name.p, w->name.n));
        buf_printf(t->out, " %7s %7s %7s %7s %7s %8s %8s\n", human_count(w->requests).text,
                   human_seconds(w->latency.p50).text, human_seconds(w->latency.p95).text,
                   human_seconds(w->latency.p99).text, human_seconds(w->latency.max).text,
                   human_seconds((double)w->server_us / 1e6).text, human_count(w->errors).text);
        buf_free(&w->name);
    }
    t->row = s.n;
    rest(t, s.all, "endpoints");
    free(s.row);
}

enum { HURTS = 5 };

static void hurts(struct store_reader *r, const struct table *t, const struct behaviour *behaviour,
                  const struct ties *ties)
{
    struct bottleneck_list list;
    bottleneck_list(&list, r, t->f, behaviour, ties, t->advised, t->loads);
    bottleneck_text(&list, t->f, behaviour, most(t, HURTS), t->out);
    noted_text(r, behaviour, ties, t->top, t->out);
    bottleneck_list_free(&list);
}

enum { CAPACITIES = 8 };

static void capacity(struct store_reader *r, const struct table *t)
{
    struct relief relief;
    relief_of(&relief, r, t->f, t->advised);
    capacity_text(t->loads, &relief, most(t, CAPACITIES), t->width, t->out);
    relief_free(&relief);
}

void report_text(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct advice_list advised;
    struct ties ties;
    struct behaviour behaviour;
    struct server_names names;
    struct loads loads;
    struct table t = {out, f, &advised, &loads, 0, o->top ? o->top : 10, o->width >= 100 ? o->width : 120, o->top};
    head(f, out);
    if (!f->any)
        return;
    if (!facts_total(f, "exchanges")) {
        cached_text(r, f, t.top, t.width, out);
        unread_text(r, t.top, out);
        return;
    }
    advice_list(&advised, r, f);
    loads_read(&loads, r);
    if (!f->windowed)
        advice(r, &t);
    behaviour_read(&behaviour, r, facts_total(f, "exchanges"));
    ties_read(&ties, r);
    hurts(r, &t, &behaviour, &ties);
    caching(r, &t);
    lifetimes(r, &t);
    declared(r, &t);
    blocked(r, &t);
    clients(r, &t);
    times(r, &t);
    capacity(r, &t);
    demanded_text(r, f, out);
    callers_text(&behaviour, facts_coverage(f), t.top, t.width, out);
    server_names_load(&names, r, &behaviour);
    servers_text(&behaviour, &names, facts_one_sided(f), t.top, t.width, out);
    server_names_free(&names);
    behaviour_free(&behaviour);
    longlived_text(r, f, t.top, t.width, out);
    unread_text(r, t.top, out);
    tied_text(r, f, &ties, &advised.names, t.top, t.width, out);
    cached_text(r, f, t.top, t.width, out);
    loads_free(&loads);
    ties_free(&ties);
    advice_list_free(&advised);
}
