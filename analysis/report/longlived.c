#include "analysis/report/longlived.h"

#include <inttypes.h>
#include <math.h>

#include "base/human.h"

/* ---- JSON ---- */

/* `whole`: all of all of them could be read; else the figures are the least. */
static void websocket(struct json *j, const struct row_endpoint *e)
{
    json_key(j, "websocket");
    if (!e->websockets) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "opened", e->websockets);
    json_key(j, "open_s");
    json_micros(j, (int64_t)e->websocket_us);
    json_key_u64(j, "messages_client", e->websocket_messages_client);
    json_key_u64(j, "messages_server", e->websocket_messages_server);
    json_key_u64(j, "bytes_client", e->websocket_bytes_client);
    json_key_u64(j, "bytes_server", e->websocket_bytes_server);
    json_key(j, "whole");
    json_bool(j, !e->websocket_lost);
    json_close(j, '}');
}

static double seconds(uint64_t us, uint64_t n)
{
    return n ? (double)us / 1e6 / (double)n : NAN;
}

/* Of a window the longest gap is not known. */
static double longest_gap(const struct facts *f, const struct row_endpoint *e)
{
    return f->windowed ? NAN : seconds(e->event_gap_max_us, e->event_gaps ? 1 : 0);
}

static void events(struct json *j, const struct facts *f, const struct row_endpoint *e)
{
    json_key(j, "events");
    if (!e->event_streams) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "streams", e->event_streams);
    json_key(j, "open_s");
    json_micros(j, (int64_t)e->event_stream_us);
    json_key_u64(j, "events", e->events);
    json_key_u64(j, "bytes", e->event_bytes);
    json_key_double(j, "gap_mean_s", seconds(e->event_gap_us, e->event_gaps));
    json_key_double(j, "gap_max_s", longest_gap(f, e));
    json_key_u64(j, "resumed", e->event_streams_resumed);
    json_key(j, "whole");
    json_bool(j, !e->event_streams_lost);
    json_close(j, '}');
}

void longlived_json(struct json *j, const struct facts *f, const struct row_endpoint *e)
{
    websocket(j, e);
    events(j, f, e);
}

/* ---- for people ---- */

/* One line of either kind. */
struct line {
    const char *kind;
    uint64_t opened, open_us, sent, received, bytes, resumed, lost;
    double gap_mean_s, gap_max_s;
};

struct listing {
    struct buf *out;
    const struct facts *f;
    unsigned left, width;
    uint64_t all;
    void (*row)(struct listing *l, const struct row_endpoint *e, const struct line *line);
    void (*name)(struct buf *out, const struct row_endpoint *e);
};

static void give(struct listing *l, const struct row_endpoint *e, const struct line *line)
{
    l->all++;
    if (!l->left)
        return;
    l->left--;
    l->row(l, e, line);
}

static bool each(void *context, const struct row_endpoint *e)
{
    struct listing *l = context;
    if (e->websockets)
        give(l, e,
             &(struct line){.kind = "websocket",
                            .opened = e->websockets,
                            .open_us = e->websocket_us,
                            .sent = e->websocket_messages_client,
                            .received = e->websocket_messages_server,
                            .bytes = e->websocket_bytes_client + e->websocket_bytes_server,
                            .lost = e->websocket_lost,
                            .gap_mean_s = NAN,
                            .gap_max_s = NAN});
    if (e->event_streams)
        give(l, e,
             &(struct line){.kind = "events",
                            .opened = e->event_streams,
                            .open_us = e->event_stream_us,
                            .received = e->events,
                            .bytes = e->event_bytes,
                            .resumed = e->event_streams_resumed,
                            .lost = e->event_streams_lost,
                            .gap_mean_s = seconds(e->event_gap_us, e->event_gaps),
                            .gap_max_s = longest_gap(l->f, e)});
    return true;
}

static void text_name(struct buf *out, const struct row_endpoint *e, unsigned width)
{
    struct buf text = {0};
    facts_name(&text, e);
    human_cell(out, slice_of(text.p, text.n), width);
    buf_free(&text);
}

static void text_row(struct listing *l, const struct row_endpoint *e, const struct line *n)
{
    buf_str(l->out, "  ");
    text_name(l->out, e, l->width);
    buf_printf(l->out, " %-9s %6s %8s %8s %8s %8s %8s %8s %8s", n->kind, human_count(n->opened).text,
               human_seconds(seconds(n->open_us, n->opened)).text, human_count(n->sent).text,
               human_count(n->received).text, human_rate(n->sent + n->received, (double)n->open_us / 1e6).text,
               human_bytes(n->bytes).text, human_seconds(n->gap_mean_s).text, human_seconds(n->gap_max_s).text);
    if (n->resumed)
        buf_printf(l->out, "  %s resumed", human_count(n->resumed).text);
    if (n->lost)
        buf_printf(l->out, "  %s not read whole", human_count(n->lost).text);
    buf_char(l->out, '\n');
}

static bool has_any(void *context, const struct row_endpoint *e)
{
    bool *any = context;
    *any |= e->websockets || e->event_streams;
    return !*any;
}

void longlived_text(struct store_reader *r, const struct facts *f, unsigned top, unsigned width, struct buf *out)
{
    struct listing l = {out, f, top, width > 110 ? width - 86 : 30, 0, text_row, NULL};
    bool any = false;
    store_read_endpoints(r, has_any, &any);
    if (!any)
        return;
    buf_str(out,
            "\nWHAT STAYS OPEN\n  each: mean time open; a sec.: messages or events a second while open; gaps: between "
            "events in a row\n  ");
    human_cell(out, SLICE("endpoint"), l.width);
    buf_str(out, " kind        open     each     sent received   a sec.    bytes gap mean  longest\n");
    store_read_endpoints(r, each, &l);
    if (l.all > top)
        buf_printf(out, "  … and %" PRIu64 " more of them (--top N, or --format json for all)\n", l.all - top);
}

static void markdown_row(struct listing *l, const struct row_endpoint *e, const struct line *n)
{
    buf_str(l->out, "| ");
    l->name(l->out, e);
    buf_printf(l->out, " | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", n->kind, human_count(n->opened).text,
               human_seconds(seconds(n->open_us, n->opened)).text, human_count(n->sent).text,
               human_count(n->received).text, human_bytes(n->bytes).text, human_seconds(n->gap_mean_s).text,
               human_seconds(n->gap_max_s).text, human_count(n->resumed).text, human_count(n->lost).text);
}

void longlived_markdown(struct store_reader *r, const struct facts *f, unsigned top, struct buf *out,
                        void (*name)(struct buf *out, const struct row_endpoint *e))
{
    struct listing l = {out, f, top, 0, 0, markdown_row, name};
    bool any = false;
    store_read_endpoints(r, has_any, &any);
    if (!any)
        return;
    buf_str(out, "\n## What stays open\n\n"
                 "| endpoint | kind | opened | each | sent | received | bytes | gap mean | longest gap | resumed | not "
                 "read whole |\n"
                 "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    store_read_endpoints(r, each, &l);
    if (l.all > top)
        buf_printf(out, "\n%" PRIu64 " more of them are in the JSON report.\n", l.all - top);
}
