#include "analysis/report/cached.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/hist.h"
#include "base/human.h"

enum { HOTTEST = 10, REMARKS = 3 };

/* ---- numbers ---- */

static bool is(const struct row_cache *row, enum cache_row what)
{
    return slice_eq(row->what, slice_str(row_cache_names[what]));
}

static double hit_ratio(const struct row_cache *row)
{
    return facts_ratio(row->hits, row->hits + row->misses);
}

/* Quantile of a histogram, seconds; `unit`: how many of its units a second has. NaN: empty. */
static double quantile(struct slice blob, double q, double unit)
{
    struct hist_dense d;
    if (!blob.n || !hist_read(blob, &d) || !d.n)
        return NAN;
    double v = hist_quantile(&d, q);
    return (v > (double)d.max ? (double)d.max : v < (double)d.min ? (double)d.min : v) / unit;
}

/* What of a key's commands are certainly its own. */
static uint64_t own(const struct row_cache *key)
{
    return key->commands - (key->untold < key->commands ? key->untold : key->commands);
}

/* ---- JSON ---- */

static void quantiles(struct json *j, const char *name, struct slice blob, double unit)
{
    struct hist_dense d;
    json_key(j, name);
    if (!blob.n || !hist_read(blob, &d) || !d.n) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "n", d.n);
    json_key_double(j, "p50", quantile(blob, 0.5, unit));
    json_key_double(j, "p95", quantile(blob, 0.95, unit));
    json_key_double(j, "p99", quantile(blob, 0.99, unit));
    json_key_double(j, "max", (double)d.max / unit);
    json_close(j, '}');
}

static void counts(struct json *j, const struct row_cache *row)
{
    json_key_u64(j, "commands", row->commands);
    json_key_u64(j, "answered", row->answered);
    json_key_u64(j, "failed", row->failed);
    json_key_u64(j, "lookups", row->lookups);
    json_key_u64(j, "hits", row->hits);
    json_key_u64(j, "misses", row->misses);
    json_key_u64(j, "untold", row->untold);
    json_key_double(j, "hit_ratio", hit_ratio(row));
    json_key_u64(j, "writes", row->writes);
    json_key_u64(j, "deletes", row->deletes);
    json_key_u64(j, "value_bytes", row->value_bytes);
    json_key_u64(j, "value_max", row->value_max);
    json_key_u64(j, "large", row->large);
    json_key_u64(j, "slow", row->slow);
    json_key_micros(j, "latency_total_s", (int64_t)row->latency_us);
    quantiles(j, "latency", row->latency, 1e6);
    json_key_micros(j, "first", row->first_us);
    json_key_micros(j, "last", row->last_us);
}

static void pattern(struct json *j, const struct row_cache *row)
{
    json_open(j, '{');
    json_key_text(j, "pattern", row->name);
    counts(j, row);
    json_key_u64(j, "ttl_sets", row->ttl_sets);
    json_key_u64(j, "ttl_forever", row->ttl_forever);
    quantiles(j, "ttl", row->ttl, 1e3);
    quantiles(j, "age_at_hit", row->age, 1e3);
    json_key_u64(j, "expired", row->expired);
    json_key_u64(j, "early", row->early);
    json_key_u64(j, "misses_again", row->misses_again);
    json_key_u64(j, "fills", row->fills);
    json_key_micros(j, "fill_total_s", (int64_t)row->fill_us);
    quantiles(j, "fill", row->fill, 1e6);
    json_close(j, '}');
}

static void hot_key(struct json *j, const struct row_cache *row, uint64_t named)
{
    json_open(j, '{');
    json_key_text(j, "key", row->name);
    json_key_text(j, "pattern", row->pattern);
    json_key_u64(j, "commands", row->commands);
    json_key_u64(j, "commands_low", own(row));
    json_key_u64(j, "hits", row->hits);
    json_key_double(j, "share_low", facts_ratio(own(row), named));
    json_close(j, '}');
}

static void command(struct json *j, const struct row_cache *row)
{
    json_open(j, '{');
    json_key_text(j, "command", row->name);
    counts(j, row);
    json_key_u64(j, "request_bytes", row->request_bytes);
    json_key_u64(j, "response_bytes", row->response_bytes);
    json_close(j, '}');
}

struct listing {
    struct json *j;
    const char *proto;
    enum cache_row in; /* the list that is open; CACHE_ROW_server: none; CACHE_ROWS: no cache */
    bool any;
    uint64_t named; /* keys named in all */
};

static const char *const lists[CACHE_ROWS] = {
    [CACHE_ROW_pattern] = "patterns", [CACHE_ROW_key] = "hot_keys", [CACHE_ROW_command] = "by_command"};

/* Lists come in this order; those without rows are written, too. */
static void go_to(struct listing *l, enum cache_row to)
{
    static const enum cache_row order[] = {CACHE_ROW_server, CACHE_ROW_pattern, CACHE_ROW_key, CACHE_ROW_command};
    for (unsigned i = 0; i + 1 < sizeof order / sizeof *order && l->in != to; i++) {
        if (order[i] != l->in)
            continue;
        if (l->in != CACHE_ROW_server)
            json_close(l->j, ']');
        l->in = order[i + 1];
        json_key(l->j, lists[l->in]);
        json_open(l->j, '[');
    }
}

static void end_server(struct listing *l)
{
    if (l->in == CACHE_ROWS)
        return;
    go_to(l, CACHE_ROW_command);
    json_close(l->j, ']');
    json_close(l->j, '}');
    l->in = CACHE_ROWS;
}

static void begin_server(struct listing *l, const struct row_cache *row)
{
    end_server(l);
    if (!l->any) {
        json_key(l->j, l->proto);
        json_open(l->j, '[');
        l->any = true;
    }
    json_open(l->j, '{');
    json_key_text(l->j, "server", row->server);
    counts(l->j, row);
    json_key_u64(l->j, "request_bytes", row->request_bytes);
    json_key_u64(l->j, "response_bytes", row->response_bytes);
    l->in = CACHE_ROW_server;
    l->named = 0;
}

static bool list_row(void *context, const struct row_cache *row)
{
    struct listing *l = context;
    if (!slice_eq(row->proto, slice_str(l->proto)))
        return true;
    if (is(row, CACHE_ROW_server)) {
        begin_server(l, row);
    } else if (l->in == CACHE_ROWS) {
        return true; /* of a cache without a row of its own */
    } else if (is(row, CACHE_ROW_pattern)) {
        go_to(l, CACHE_ROW_pattern);
        l->named += row->commands;
        pattern(l->j, row);
    } else if (is(row, CACHE_ROW_key)) {
        go_to(l, CACHE_ROW_key);
        hot_key(l->j, row, l->named);
    } else {
        go_to(l, CACHE_ROW_command);
        command(l->j, row);
    }
    return true;
}

void cached_json(struct json *j, struct store_reader *r)
{
    static const char *const protos[] = {"redis", "memcached"};
    for (int i = 0; i < 2; i++) {
        struct listing l = {j, protos[i], CACHE_ROWS, false, 0};
        store_read_caches(r, list_row, &l);
        end_server(&l);
        if (l.any)
            json_close(j, ']');
    }
}

/* ---- for people ---- */

struct page {
    struct buf *out;
    unsigned top, width;
    void (*foreign)(struct buf *out, struct slice text); /* NULL: a terminal */
    enum cache_row in;
    unsigned row;
    uint64_t named, hot, hot_n; /* keys named; commands of the hottest; how many those are */
    struct buf remarks;         /* of the patterns, then of the commands */
    unsigned n_remarks;
};

static void cell(struct page *p, struct slice text, unsigned width)
{
    if (p->foreign) {
        buf_str(p->out, "| ");
        p->foreign(p->out, text);
        return;
    }
    buf_str(p->out, "  ");
    human_cell(p->out, text, width);
}

static void column(struct page *p, struct human h, int width)
{
    if (p->foreign)
        buf_printf(p->out, " | %s", h.text);
    else
        buf_printf(p->out, " %*s", width, h.text);
}

static void end_row(struct page *p)
{
    buf_str(p->out, p->foreign ? " |\n" : "\n");
}

static void table_head(struct page *p, const char *first, const char *terminal, const char *markdown)
{
    if (p->foreign) {
        buf_printf(p->out, "\n%s", markdown);
        return;
    }
    buf_str(p->out, "  ");
    human_cell(p->out, slice_str(first), p->width - 76);
    buf_printf(p->out, "%s\n", terminal);
}

static bool room(struct page *p)
{
    return p->row++ < p->top;
}

/* Something to be done about, named; at most a few of them. */
static bool remark(struct page *p, struct slice name)
{
    if (p->n_remarks >= REMARKS)
        return false;
    p->n_remarks++;
    buf_str(&p->remarks, p->foreign ? "- " : "  ! ");
    if (p->foreign)
        p->foreign(&p->remarks, name);
    else
        human_cell(&p->remarks, name, (unsigned)name.n < 60 ? (unsigned)name.n : 60);
    buf_str(&p->remarks, ": ");
    return true;
}

static void say_pattern(struct page *p, const struct row_cache *row)
{
    if (row->early * 10 > row->misses && row->early > 9 && remark(p, row->name))
        buf_printf(&p->remarks,
                   "%s of %s misses are of keys whose lifetime was not over: evicted, flushed, or deleted unseen\n",
                   human_count(row->early).text, human_count(row->misses).text);
    if (row->fills > 9 && row->fill_us > 1000000 && remark(p, row->name))
        buf_printf(&p->remarks, "%s misses were made good by a write, %s later (median): %s of waiting in all\n",
                   human_count(row->fills).text, human_seconds(quantile(row->fill, 0.5, 1e6)).text,
                   human_seconds((double)row->fill_us / 1e6).text);
    if (row->misses_again > 99 && row->misses_again * 2 > row->misses && remark(p, row->name))
        buf_printf(&p->remarks,
                   "%s of %s misses are of keys missed before that nobody wrote since: what is not there "
                   "could be remembered, too\n",
                   human_count(row->misses_again).text, human_count(row->misses).text);
}

static void say_command(struct page *p, const struct row_cache *row)
{
    if (slice_eq(row->name, SLICE("KEYS")) && remark(p, row->name))
        buf_printf(&p->remarks, "%s time%s, up to %s: it walks all keys, and everybody waits; SCAN does not\n",
                   human_count(row->commands).text, human_s(row->commands),
                   human_seconds(quantile(row->latency, 1, 1e6)).text);
    else if (row->slow * 100 > row->answered && row->slow > 9 && remark(p, row->name))
        buf_printf(&p->remarks, "%s of %s took 10 ms and more\n", human_count(row->slow).text,
                   human_count(row->answered).text);
    else if (row->large && remark(p, row->name))
        buf_printf(&p->remarks, "%s with values of 64 KiB and more, the largest %s\n", human_count(row->large).text,
                   human_bytes(row->value_max).text);
}

static void show_pattern(struct page *p, const struct row_cache *row)
{
    p->named += row->commands;
    say_pattern(p, row);
    if (!room(p))
        return;
    cell(p, row->name, p->width - 76);
    column(p, human_count(row->lookups), 8);
    column(p, human_percent(hit_ratio(row)), 7);
    column(p, human_count(row->writes), 8);
    column(p, human_seconds(quantile(row->ttl, 0.5, 1e3)), 8);
    column(p, human_count(row->ttl_forever), 8);
    column(p, human_seconds(quantile(row->age, 0.5, 1e3)), 8);
    column(p, human_seconds(quantile(row->age, 0.95, 1e3)), 8);
    column(p, human_seconds(quantile(row->fill, 0.5, 1e6)), 8);
    end_row(p);
}

static void show_command(struct page *p, const struct row_cache *row)
{
    struct facts_quantiles q = facts_shown(facts_quantiles(row->latency));
    say_command(p, row);
    if (!room(p))
        return;
    cell(p, row->name, p->width - 76);
    column(p, human_count(row->commands), 8);
    column(p, human_count(row->failed), 7);
    column(p, human_seconds(q.p50), 8);
    column(p, human_seconds(q.p99), 8);
    column(p, human_seconds(q.max), 8);
    column(p, human_seconds((double)row->latency_us / 1e6), 8);
    column(p, human_count(row->slow), 8);
    column(p, human_bytes(row->value_max), 8);
    end_row(p);
}

static void patterns_head(struct page *p)
{
    table_head(p, "pattern of keys", "  asked   found  written lifetime forever  age p50  age p95  refill",
               "| pattern of keys | asked | found | written | lifetime | forever | age p50 | age p95 | refill |\n"
               "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    p->row = 0;
}

static void more(struct page *p, const char *what)
{
    if (p->row > p->top)
        buf_printf(p->out, "%s… and %u more %s (--top N, or --format json for all)\n", p->foreign ? "\n" : "  ",
                   p->row - p->top, what);
}

/* What stands between the patterns and the commands. */
static void commands_head(struct page *p)
{
    more(p, "patterns");
    if (p->hot_n && p->named)
        buf_printf(p->out, "%sof all keys named, the %" PRIu64 " hottest are at least %s\n", p->foreign ? "\n" : "  ",
                   p->hot_n, human_percent(facts_ratio(p->hot, p->named)).text);
    table_head(p, "command", "  calls  failed      p50      p99      max  in all     slow  largest",
               "| command | calls | failed | p50 | p99 | max | in all | slow | largest |\n"
               "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    p->row = 0;
}

static void end_page(struct page *p)
{
    if (p->in == CACHE_ROWS)
        return;
    if (p->in == CACHE_ROW_command)
        more(p, "commands");
    if (p->foreign && p->remarks.n)
        buf_char(p->out, '\n');
    buf_slice(p->out, slice_of(p->remarks.p, p->remarks.n));
    p->remarks.n = 0;
    p->n_remarks = 0;
    p->in = CACHE_ROWS;
}

static void show_server(struct page *p, const struct row_cache *row)
{
    bool redis = slice_eq(row->proto, SLICE("redis"));
    end_page(p);
    buf_str(p->out, p->foreign ? "\n## " : "\n");
    buf_str(p->out, redis ? (p->foreign ? "Redis " : "REDIS ") : (p->foreign ? "memcached " : "MEMCACHED "));
    buf_slice(p->out, row->server);
    buf_printf(
        p->out, "%s%s of %s keys asked for were found; %s commands, %s failed, %s in 10 ms and more; p50 %s, p95 %s\n",
        p->foreign ? "\n\n" : "\n  ", human_percent(hit_ratio(row)).text, human_count(row->hits + row->misses).text,
        human_count(row->commands).text, human_count(row->failed).text, human_count(row->slow).text,
        human_seconds(quantile(row->latency, 0.5, 1e6)).text, human_seconds(quantile(row->latency, 0.95, 1e6)).text);
    if (row->commands > row->answered)
        buf_printf(p->out,
                   "%s%s command%s without an answer that is certainly theirs: not asked for, lost, or joined late\n",
                   p->foreign ? "\n" : "  ", human_count(row->commands - row->answered).text,
                   human_s(row->commands - row->answered));
    p->named = p->hot = p->hot_n = 0;
    p->in = CACHE_ROW_server;
}

static bool page_row(void *context, const struct row_cache *row)
{
    struct page *p = context;
    if (is(row, CACHE_ROW_server)) {
        show_server(p, row);
    } else if (p->in == CACHE_ROWS) {
        return true;
    } else if (is(row, CACHE_ROW_pattern)) {
        if (p->in == CACHE_ROW_server)
            patterns_head(p);
        p->in = CACHE_ROW_pattern;
        show_pattern(p, row);
    } else if (is(row, CACHE_ROW_key)) {
        p->hot += p->hot_n < HOTTEST ? own(row) : 0;
        p->hot_n += p->hot_n < HOTTEST;
    } else {
        if (p->in != CACHE_ROW_command)
            commands_head(p);
        p->in = CACHE_ROW_command;
        show_command(p, row);
    }
    return true;
}

/* Where something of it is missing. */
static void say_udp(const struct facts *f, struct page *p)
{
    uint64_t lost = facts_counted(f, "memcached_udp", "lost"), stray = facts_counted(f, "memcached_udp", "stray");
    if (!lost && !stray)
        return;
    buf_printf(p->out,
               "%sof %s datagrams of memcached over UDP, %s answer no request that was seen, and %s more of answers "
               "never came\n",
               p->foreign ? "\n" : "  ", human_count(facts_counted(f, "memcached_udp", "datagrams")).text,
               human_count(stray).text, human_count(lost).text);
}

void cached_udp_json(struct json *j, const struct facts *f)
{
    static const char *const names[] = {"datagrams", "lost", "stray"};
    if (!facts_counted(f, "memcached_udp", names[0]))
        return;
    json_key(j, "memcached_udp");
    json_open(j, '{');
    for (int i = 0; i < 3; i++)
        json_key_u64(j, names[i], facts_counted(f, "memcached_udp", names[i]));
    json_close(j, '}');
}

static void page(struct store_reader *r, const struct facts *f, struct page *p)
{
    store_read_caches(r, page_row, p);
    end_page(p);
    say_udp(f, p);
    buf_free(&p->remarks);
}

void cached_text(struct store_reader *r, const struct facts *f, unsigned top, unsigned width, struct buf *out)
{
    page(r, f, &(struct page){.out = out, .top = top, .width = width, .in = CACHE_ROWS});
}

void cached_markdown(struct store_reader *r, const struct facts *f, unsigned top, struct buf *out,
                     void (*foreign)(struct buf *out, struct slice text))
{
    page(r, f, &(struct page){.out = out, .top = top, .width = 120, .foreign = foreign, .in = CACHE_ROWS});
}
