#include "capture/record.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "capture/recordcache.h"
#include "capture/recordlog.h"

static int64_t between(int64_t from, int64_t to)
{
    if (from == TIME_NONE || to == TIME_NONE)
        return -1;
    return to > from ? to - from : 0;
}

/* Of gRPC the path, literally (ALGORITHMS.md 6.3); NULL: none is known. */
static struct slice operation_of(const struct exchange *x)
{
    if (!x->grpc)
        return x->operation ? x->operation->name : (struct slice){NULL, 0};
    struct slice path = slice_sub(x->target, 0, slice_find(x->target, '?', 0));
    return x->target.p ? slice_sub(path, path.n && path.p[0] == '/', path.n) : (struct slice){NULL, 0};
}

struct record_times {
    int64_t first, request, ttfb, duration;
    struct slice client, operation;
};

static struct record_times times_of(const struct exchange *x, char client[32])
{
    bool orphan = !x->method.p;
    int64_t first = x->t_req0 != TIME_NONE ? x->t_req0 : x->arrival;
    int64_t whole = orphan ? TIME_NONE : x->t_req1 != TIME_NONE ? x->t_req1 : x->arrival;
    return (struct record_times){first,
                                 orphan ? 0 : between(first, whole),
                                 between(whole, x->t_rsp0),
                                 x->end == END_COMPLETE ? between(first, x->t_rsp1) : -1,
                                 slice_of(client, client_format(x->identity, x->client_hash, client)),
                                 operation_of(x)};
}

/* Octets; -1 unknown. */
static int64_t size_of(const struct exchange *x, unsigned which, uint64_t bytes)
{
    return x->unsized & which ? -1 : (int64_t)bytes;
}

/* One function a kind and format; unknown is null, an empty cell in tsv. */

/* Numbered from 1. */
static void json_ORDINAL(struct json *j, uint64_t id)
{
    if (id)
        json_u64(j, id);
    else
        json_null(j);
}

static void json_U64(struct json *j, uint64_t v)
{
    json_u64(j, v);
}

static void json_SIZE(struct json *j, int64_t bytes)
{
    if (bytes < 0)
        json_null(j);
    else
        json_u64(j, (uint64_t)bytes);
}

static void json_TIME(struct json *j, int64_t us)
{
    json_micros(j, us);
}

static void json_SECONDS(struct json *j, int64_t us)
{
    if (us < 0)
        json_null(j);
    else
        json_micros(j, us);
}

static void json_ADDRESS(struct json *j, const struct addr *a)
{
    char out[56];
    json_slice(j, a->known ? slice_of(out, addr_format(a, a->port != 0, out)) : (struct slice){NULL, 0});
}

static void json_NAME(struct json *j, const char *name)
{
    json_str(j, name);
}

static void json_BOOL(struct json *j, bool v)
{
    json_bool(j, v);
}

static void json_TEXT(struct json *j, const struct slice *s)
{
    json_slice(j, *s);
}

/* Of gRPC. */
static void json_STATUS(struct json *j, const struct grpc_facts *g)
{
    if (g && g->status >= 0)
        json_u64(j, (uint64_t)g->status);
    else
        json_null(j);
}

static void json_IDENTITY(struct json *j, uint64_t id)
{
    char hex[17];
    for (int i = 0; i < 16; i++)
        hex[i] = "0123456789abcdef"[id >> (60 - 4 * i) & 15];
    json_slice(j, id ? slice_of(hex, 16) : (struct slice){NULL, 0});
}

static void scalars(struct json *j, const struct exchange *x, const struct record_times *t)
{
#define COLUMN(name, kind, value)                                                                                      \
    json_key(j, name);                                                                                                 \
    json_##kind(j, value);
#include "capture/record.def"
#undef COLUMN
}

/* A cell from its JSON value: no quotes, null empty. Escapes stay as JSON writes them, so no tab or line end can slip
 * through. */
static void tsv_cell(struct buf *out, struct slice json)
{
    if (json.n >= 2 && json.p[0] == '"')
        json = slice_sub(json, 1, json.n - 1);
    else if (slice_eq(json, SLICE("null")))
        return;
    buf_slice(out, json);
}

static void write_tsv(const struct exchange *x, struct buf *out)
{
    char client[32];
    struct record_times times = times_of(x, client), *t = &times;
    struct buf cell = {0};
    bool first = true;
#define COLUMN(name, kind, value)                                                                                      \
    {                                                                                                                  \
        struct json j = {&cell, false};                                                                                \
        cell.n = 0;                                                                                                    \
        json_##kind(&j, value);                                                                                        \
        if (!first)                                                                                                    \
            buf_char(out, '\t');                                                                                       \
        first = false;                                                                                                 \
        tsv_cell(out, slice_of(cell.p, cell.n));                                                                       \
    }
#include "capture/record.def"
#include "capture/recordmore.def"
#undef COLUMN
    buf_char(out, '\n');
    buf_free(&cell);
}

static void text_if(struct json *j, const char *name, struct slice s)
{
    if (!s.p)
        return;
    json_key(j, name);
    json_slice(j, s);
}

static void identity_if(struct json *j, const char *name, uint64_t id)
{
    if (!id)
        return;
    json_key(j, name);
    json_IDENTITY(j, id);
}

static void rtt(struct json *j, const char *name, int32_t us)
{
    if (us < 0)
        return;
    json_key(j, name);
    json_micros(j, us);
}

static void micros_if(struct json *j, const char *name, uint32_t us)
{
    if (!us)
        return;
    json_key(j, name);
    json_micros(j, us);
}

static void flags(struct json *j, uint32_t bits)
{
    json_key(j, "flags");
    json_open(j, '[');
    for (unsigned bit = 0; bit < 32; bit++)
        if (bits >> bit & 1 && flag_name(bit))
            json_str(j, flag_name(bit));
    json_close(j, ']');
}

static void fields(struct json *j, const struct exchange *x)
{
    json_key(j, "headers");
    json_open(j, '{');
    for (int response = 0; response < 2; response++) {
        json_key(j, response ? "response" : "request");
        json_open(j, '{');
        for (unsigned i = 0; i < x->n_fields; i++)
            if (x->fields[i].response == response) {
                json_key_slice(j, x->fields[i].name);
                json_slice(j, x->fields[i].value);
            }
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void per_side(struct json *j, const char *name, uint64_t request, uint64_t response)
{
    json_key(j, name);
    json_open(j, '[');
    json_u64(j, request);
    json_u64(j, response);
    json_close(j, ']');
}

/* How it streams is what was seen: one message may also be a short stream. */
static void grpc(struct json *j, const struct exchange *x)
{
    const struct grpc_facts *g = x->grpc;
    static const char *const kinds[] = {"unary", "client_streaming", "server_streaming", "bidi_streaming"};
    json_key(j, "grpc_status");
    json_STATUS(j, g);
    text_if(j, "operation", operation_of(x));
    json_key(j, "grpc");
    json_open(j, '{');
    json_key(j, "kind");
    json_str(j, kinds[(g->messages[0] > 1) + 2 * (g->messages[1] > 1)]);
    per_side(j, "messages", g->messages[0], g->messages[1]);
    per_side(j, "message_bytes", g->bytes[0], g->bytes[1]);
    per_side(j, "compressed", g->compressed[0], g->compressed[1]);
    json_key(j, "whole");
    json_bool(j, !g->lost[0] && !g->lost[1]);
    json_key(j, "timeout_s");
    json_SECONDS(j, g->timeout_us);
    json_close(j, '}');
}

static void operation(struct json *j, const struct operation_facts *f)
{
    json_key_text(j, "operation", f->name);
    if (f->safe) {
        json_key(j, "operation_safe");
        json_bool(j, true);
    }
    json_key(j, "operation_answer");
    json_str(j, operation_answer_name((enum operation_answer)f->answer));
}

static void websocket(struct json *j, const struct websocket_facts *w)
{
    json_key(j, "websocket");
    json_open(j, '{');
    per_side(j, "messages", w->messages[0], w->messages[1]);
    per_side(j, "message_bytes", w->bytes[0], w->bytes[1]);
    per_side(j, "frames", w->frames[0], w->frames[1]);
    per_side(j, "compressed", w->compressed[0], w->compressed[1]);
    per_side(j, "control", w->control[0], w->control[1]);
    json_key(j, "whole");
    json_bool(j, !w->lost[0] && !w->lost[1]);
    json_key(j, "closed");
    json_bool(j, w->closed);
    json_key(j, "duration_s");
    json_SECONDS(j, w->duration_us);
    json_close(j, '}');
}

static void events(struct json *j, const struct event_facts *e)
{
    json_key(j, "events");
    json_open(j, '{');
    json_key_u64(j, "events", e->events);
    json_key_u64(j, "bytes", e->bytes);
    json_key_u64(j, "gaps", e->gaps);
    json_key_micros(j, "gap_s", (int64_t)e->gap_us);
    json_key_micros(j, "gap_mean_s", e->gaps ? (int64_t)(e->gap_us / e->gaps) : INT64_MIN);
    json_key_micros(j, "gap_max_s", e->gaps ? (int64_t)e->gap_max_us : INT64_MIN);
    json_key(j, "resumed");
    json_bool(j, e->resumed);
    json_key(j, "whole");
    json_bool(j, !e->lost);
    json_key_micros(j, "duration_s", (int64_t)e->duration_us);
    json_close(j, '}');
}

/* What of a body the analysis reads; nothing in it is a value. */
static void leaves(struct json *j, const struct leaves *l)
{
    json_key(j, "leaves");
    json_open(j, '{');
    json_key(j, "sum");
    json_IDENTITY(j, l->sum);
    json_key(j, "paths");
    json_open(j, '[');
    for (unsigned i = 0; i < l->n; i++) {
        const struct leaf *leaf = &l->leaf[i];
        json_open(j, '[');
        json_slice(j, leaf->name);
        json_IDENTITY(j, leaf->path);
        json_IDENTITY(j, leaf->hash);
        json_str(j, leaf_value_name(leaf->value));
        if (leaf->order)
            json_IDENTITY(j, leaf->order);
        json_close(j, ']');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void parts(struct json *j, const struct exchange *x)
{
    json_key(j, "key_parts");
    json_open(j, '{');
    for (unsigned i = 0; x->parts && i < x->parts->n; i++) {
        const struct part *p = &x->parts->part[i];
        char name[64], value[REDACTED + 1];
        struct slice prefix = parts_prefix((enum part_kind)p->kind);
        int n = snprintf(name, sizeof name, "%.*s%.*s", (int)prefix.n, prefix.p, (int)p->text.n, p->text.p);
        snprintf(value, sizeof value, "~%012" PRIx64, (uint64_t)p->id);
        json_key_slice(j, slice_of(name, (size_t)n));
        json_str(j, value);
    }
    json_close(j, '}');
}

/* 12 digits, as in client_id. */
static void address_id(struct json *j, uint64_t hash)
{
    char hex[17];
    snprintf(hex, sizeof hex, "%012" PRIx64, hash & 0xffffffffffff);
    json_key(j, "address_id");
    json_str(j, hex);
}

static void write_json(const struct exchange *x, struct buf *out)
{
    struct json j = {out, false};
    char client[32];
    struct record_times t = times_of(x, client);
    json_open(&j, '{');
    scalars(&j, x, &t);
    if (x->address_hash)
        address_id(&j, x->address_hash);
    if (x->flags)
        flags(&j, x->flags);
    if (x->credential_besides) {
        json_key(&j, "credential_besides");
        json_bool(&j, true);
    }
    text_if(&j, "client_name", x->client_name);
    rtt(&j, "rtt_client_s", x->rtt_client);
    rtt(&j, "rtt_server_s", x->rtt_server);
    micros_if(&j, "transfer_window_s", x->window_us);
    micros_if(&j, "transfer_loss_s", x->loss_us);
    if (x->n_fields)
        fields(&j, x);
    identity_if(&j, "trace_id", x->trace_id);
    identity_if(&j, "request_id", x->request_id);
    if (x->grpc)
        grpc(&j, x);
    else if (x->operation)
        operation(&j, x->operation);
    if (x->websocket)
        websocket(&j, x->websocket);
    if (x->events)
        events(&j, x->events);
    if (x->cache)
        recordcache_write(&j, x->cache);
    if (x->api_version) {
        char text[24] = "accept:";
        size_t n = 7;
        if ((x->api_version & ((1 << API_VERSION_SHIFT) - 1)) == API_VERSION_FIELD)
            memcpy(text, "field:", n = 6);
        n += api_version_format(x->api_version, text + n);
        json_key_text(&j, "api_version", slice_of(text, n));
    }
    identity_if(&j, "decoded_id", x->decoded_id);
    if (x->leaves)
        leaves(&j, x->leaves);
    text_if(&j, "upgrade", x->upgrade);
    text_if(&j, "content_type", x->content_type);
    text_if(&j, "encoding", x->encoding);
    text_if(&j, "user_agent", x->user_agent);
    if (!x->cache && slice_eq(x->method, SLICE("GET")))
        parts(&j, x);
    json_close(&j, '}');
    buf_char(out, '\n');
}

bool record_format_of(const char *name, enum record_format *out)
{
    static const char *const names[] = {
        [RECORD_JSONL] = "jsonl", [RECORD_TSV] = "tsv", [RECORD_COMBINED] = "combined", [RECORD_HAR] = "har"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (enum record_format)i;
        return true;
    }
    return false;
}

void record_footer(enum record_format format, struct buf *out)
{
    if (format == RECORD_HAR)
        recordlog_har_end(out);
}

void record_header(enum record_format format, struct buf *out)
{
    if (format == RECORD_HAR)
        recordlog_har_begin(out);
    if (format != RECORD_TSV)
        return;
#define COLUMN(name, kind, value) "\t" name
    static const char columns[] =
#include "capture/record.def"
#include "capture/recordmore.def"
        ;
#undef COLUMN
    buf_str(out, columns + 1);
    buf_char(out, '\n');
}

void record_write(const struct exchange *x, enum record_format format, struct buf *out)
{
    switch (format) {
    case RECORD_JSONL:
        write_json(x, out);
        break;
    case RECORD_TSV:
        write_tsv(x, out);
        break;
    case RECORD_COMBINED: /* these two are of HTTP alone */
        if (!x->cache)
            recordlog_combined(x, out);
        break;
    case RECORD_HAR:
        if (!x->cache)
            recordlog_har(x, out);
        break;
    }
}
