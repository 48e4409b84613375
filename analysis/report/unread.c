#include "analysis/report/unread.h"

#include <inttypes.h>
#include <math.h>

#include "base/human.h"

enum { WHYS = 8, SERVER = 40, CLIENT = 20 };

static const struct {
    const char *why, *words;
} whys[WHYS] = {
    {"no_keys", "no key log was given: --keys, or tap behind the terminator"},
    {"no_entry", "the key log has no entry for them: does every client or server write to it?"},
    {"start_missed", "they began before the capture, or their beginning was lost"},
    {"unsupported", "of a version or cipher suite that is not decrypted: tap behind the terminator"},
    {"broken", "what is in the key log does not open them: keys of other connections, or bytes that were lost"},
    {"not_recognised", "of no language that is read here: databases, queues, or HTTP that was joined inside a message"},
    {"not_decoded", "of a language that is known by name and not read (SSH, tunnels)"},
    {"other", "too many to tell apart: --memory"},
};

/* Octets a second while a connection was open; NaN: no time passed. */
static double rate(uint64_t bytes, uint64_t open_us)
{
    return open_us ? (double)bytes * 1e6 / (double)open_us : NAN;
}

static double hello_s(const struct row_opaque *o)
{
    return o->hellos ? (double)o->hello_us / 1e6 / (double)o->hellos : NAN;
}

static struct slice known(struct slice s)
{
    return s.n ? s : (struct slice){NULL, 0};
}

/* ---- JSON ---- */

static void offers(struct json *j, struct slice list)
{
    struct slice item;
    json_key(j, "alpn");
    json_open(j, '[');
    while (slice_next(&list, ',', &item))
        json_slice(j, item);
    json_close(j, ']');
}

static bool json_row(void *context, const struct row_opaque *o)
{
    struct json *j = context;
    json_open(j, '{');
    json_key_text(j, "client", known(o->client));
    json_key_text(j, "server", known(o->server));
    json_key_text(j, "reason", o->why);
    json_key_text(j, "server_name", known(o->name));
    offers(j, o->alpn);
    json_key_text(j, "alpn_chosen", known(o->alpn_chosen));
    json_key_text(j, "ja4", known(o->ja4));
    json_key_text(j, "version", known(o->version));
    json_key_text(j, "cipher", known(o->cipher));
    json_key_u64(j, "connections", o->connections);
    json_key_u64(j, "bytes_client", o->bytes_client);
    json_key_u64(j, "bytes_server", o->bytes_server);
    json_key_double(j, "rate_client", rate(o->bytes_client, o->open_us));
    json_key_double(j, "rate_server", rate(o->bytes_server, o->open_us));
    json_key_micros(j, "open_s", (int64_t)o->open_us);
    json_key_double(j, "hello_s", hello_s(o));
    json_key_micros(j, "first", o->first_us);
    json_key_micros(j, "last", o->last_us);
    json_close(j, '}');
    return true;
}

void unread_json(struct json *j, struct store_reader *r, const struct facts *f)
{
    json_key(j, "opaque");
    if (f->capture.from_records || f->windowed) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    store_read_opaque(r, json_row, j);
    json_close(j, ']');
}

/* ---- for people ---- */

struct sums {
    uint64_t rows, connections[WHYS];
};

static bool add(void *context, const struct row_opaque *o)
{
    struct sums *s = context;
    s->rows++;
    for (unsigned i = 0; i < WHYS; i++)
        if (slice_eq(o->why, slice_str(whys[i].why)))
            s->connections[i] += o->connections;
    return true;
}

struct listing {
    struct buf *out;
    void (*cell)(struct buf *out, struct slice text);
    unsigned left;
};

/* The name that was asked for, and the port; without a name the address. */
static void server_name(struct buf *out, const struct row_opaque *o)
{
    size_t colon = o->server.n;
    while (colon && o->server.p[colon - 1] != ':')
        colon--;
    buf_slice(out, o->name.n ? o->name : o->server.n ? o->server : SLICE("(other)"));
    if (o->name.n && colon)
        buf_slice(out, slice_sub(o->server, colon - 1, o->server.n));
}

static struct human each_second(uint64_t bytes, uint64_t open_us)
{
    double r = rate(bytes, open_us);
    if (isnan(r))
        return (struct human){"-"};
    return human_bytes((uint64_t)(r + 0.5));
}

static bool text_row(void *context, const struct row_opaque *o)
{
    struct listing *l = context;
    struct buf name = {0};
    if (!l->left)
        return false;
    l->left--;
    server_name(&name, o);
    buf_str(l->out, "  ");
    human_cell(l->out, slice_of(name.p, name.n), SERVER);
    buf_char(l->out, ' ');
    human_cell(l->out, o->client, CLIENT);
    buf_printf(l->out, " %6s %8s %8s %8s %7s  ", human_count(o->connections).text, human_bytes(o->bytes_client).text,
               human_bytes(o->bytes_server).text, each_second(o->bytes_server, o->open_us).text,
               human_seconds(hello_s(o)).text);
    human_cell(l->out, o->version, 5);
    human_cell(l->out, o->ja4, 36);
    buf_char(l->out, ' ');
    human_cell(l->out, o->why, 12);
    while (l->out->n && l->out->p[l->out->n - 1] == ' ')
        l->out->n--;
    buf_char(l->out, '\n');
    buf_free(&name);
    return true;
}

void unread_text(struct store_reader *r, unsigned top, struct buf *out)
{
    struct sums s = {0};
    struct listing l = {out, NULL, top};
    store_read_opaque(r, add, &s);
    if (!s.rows)
        return;
    buf_str(out, "\nWHAT WAS NOT READ\n");
    for (unsigned i = 0; i < WHYS; i++)
        if (s.connections[i])
            buf_printf(out, "  %s connection%s: %s\n", human_count(s.connections[i]).text, human_s(s.connections[i]),
                       whys[i].words);
    buf_str(out, "  ");
    human_cell(out, SLICE("server"), SERVER);
    buf_str(out, " from                   conns     sent received     a s.   hello  TLS  JA4                          "
                 "        why\n");
    store_read_opaque(r, text_row, &l);
    if (s.rows > top)
        buf_printf(out, "  … and %" PRIu64 " more of them (--top N, or --format json for all)\n", s.rows - top);
}

static bool markdown_row(void *context, const struct row_opaque *o)
{
    struct listing *l = context;
    struct buf name = {0};
    if (!l->left)
        return false;
    l->left--;
    server_name(&name, o);
    buf_str(l->out, "| ");
    l->cell(l->out, slice_of(name.p, name.n));
    buf_str(l->out, " | ");
    l->cell(l->out, o->client);
    buf_printf(l->out, " | %s | %s | %s | %s | %s | ", human_count(o->connections).text,
               human_bytes(o->bytes_client).text, human_bytes(o->bytes_server).text,
               each_second(o->bytes_server, o->open_us).text, human_seconds(hello_s(o)).text);
    l->cell(l->out, o->version);
    buf_str(l->out, " | ");
    l->cell(l->out, o->ja4);
    buf_str(l->out, " | ");
    l->cell(l->out, o->why);
    buf_str(l->out, " |\n");
    buf_free(&name);
    return true;
}

void unread_markdown(struct store_reader *r, unsigned top, struct buf *out,
                     void (*cell)(struct buf *out, struct slice text))
{
    struct sums s = {0};
    struct listing l = {out, cell, top};
    store_read_opaque(r, add, &s);
    if (!s.rows)
        return;
    buf_str(out, "\n## What was not read\n\n");
    for (unsigned i = 0; i < WHYS; i++)
        if (s.connections[i])
            buf_printf(out, "- %s connection%s: %s\n", human_count(s.connections[i]).text, human_s(s.connections[i]),
                       whys[i].words);
    buf_str(out, "\n| server | from | connections | sent | received | a second | hello | TLS | JA4 | why |\n"
                 "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |\n");
    store_read_opaque(r, markdown_row, &l);
    if (s.rows > top)
        buf_printf(out, "\n%" PRIu64 " more of them are in the JSON report.\n", s.rows - top);
}
