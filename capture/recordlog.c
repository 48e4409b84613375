#include "capture/recordlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"

/* HTTP/1.0 to HTTP/3 as access logs and HAR write them. */
static const char *version_of(const struct exchange *x)
{
    static const char *const names[PROTO_COUNT] = {
        [PROTO_HTTP10] = "HTTP/1.0", [PROTO_HTTP11] = "HTTP/1.1", [PROTO_H2] = "HTTP/2.0", [PROTO_H3] = "HTTP/3.0"};
    return x->proto < PROTO_COUNT && names[x->proto] ? names[x->proto] : "HTTP/1.1";
}

static bool is_http(const struct exchange *x)
{
    return x->proto <= PROTO_H3;
}

static int64_t began(const struct exchange *x)
{
    return x->t_req0 != TIME_NONE ? x->t_req0 : x->arrival;
}

static struct tm utc(int64_t us, int *rest)
{
    struct tm tm;
    time_t s = (time_t)(us / 1000000);
    *rest = (int)(us % 1000000);
    gmtime_r(&s, &tm);
    return tm;
}

/* ---- combined ---- */

/* As Apache does: a quote, a backslash or an octet that is not printable never stands for itself. */
static void quoted(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_char(out, (char)c);
    }
}

/* A word: blanks are written as octets, too. */
static void user(struct buf *out, struct slice name)
{
    size_t at;
    if (!name.n)
        buf_char(out, '-');
    for (; name.n; name = slice_sub(name, at + 1, name.n)) {
        at = slice_find(name, ' ', 0);
        quoted(out, slice_sub(name, 0, at));
        if (at < name.n)
            buf_str(out, "\\x20");
    }
}

static void request_line(struct buf *out, const struct exchange *x)
{
    if (!x->method.p) {
        buf_char(out, '-');
        return;
    }
    quoted(out, x->method);
    buf_char(out, ' ');
    quoted(out, x->target);
    buf_printf(out, " %s", version_of(x));
}

void recordlog_combined(const struct exchange *x, struct buf *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char address[56];
    int rest;
    struct tm tm = utc(began(x), &rest);
    if (!is_http(x))
        return;
    struct addr client = x->client;
    client.known =
        client.known ? ADDR_WHOLE : ADDR_NONE; /* of a network its first address: readers know no other form */
    size_t n = client.known ? addr_format(&client, false, address) : 0;
    buf_slice(out, n ? slice_of(address, n) : SLICE("-"));
    buf_str(out, " - ");
    user(out, x->client_name);
    buf_printf(out, " [%02d/%.3s/%d:%02d:%02d:%02d +0000] \"", tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
               tm.tm_hour, tm.tm_min, tm.tm_sec);
    request_line(out, x);
    if (x->status)
        buf_printf(out, "\" %u ", x->status);
    else
        buf_str(out, "\" - ");
    if (x->response_bytes)
        buf_printf(out, "%" PRIu64, x->response_bytes);
    else
        buf_char(out, '-');
    buf_str(out, " \"-\" \""); /* the referring page is not read */
    quoted(out, x->user_agent.p ? x->user_agent : SLICE("-"));
    buf_str(out, "\"\n");
}

/* ---- HAR ---- */

/* Milliseconds; -1: not seen. */
static double span_ms(int64_t from, int64_t to)
{
    if (from == TIME_NONE || to == TIME_NONE)
        return -1;
    return to > from ? (double)(to - from) / 1000 : 0;
}

static void header(struct json *j, struct slice name, struct slice value)
{
    json_open(j, '{');
    json_key_text(j, "name", name);
    json_key_text(j, "value", value.p ? value : SLICE(""));
    json_close(j, '}');
}

/* Those that are kept; the rest was never stored. */
static void headers(struct json *j, const struct exchange *x, bool response)
{
    json_key(j, "headers");
    json_open(j, '[');
    if (!response && x->authority.p)
        header(j, SLICE("host"), x->authority);
    if (!response && x->user_agent.p)
        header(j, SLICE("user-agent"), x->user_agent);
    if (response && x->content_type.p)
        header(j, SLICE("content-type"), x->content_type);
    if (response && x->encoding.p)
        header(j, SLICE("content-encoding"), x->encoding);
    for (unsigned i = 0; i < x->n_fields; i++)
        if (x->fields[i].response == response)
            header(j, x->fields[i].name, x->fields[i].value);
    json_close(j, ']');
    json_key(j, "cookies");
    json_raw(j, SLICE("[]"));
    json_key(j, "headersSize");
    json_i64(j, -1);
}

static bool absolute(struct slice target)
{
    return slice_starts(target, SLICE("http://")) || slice_starts(target, SLICE("https://"));
}

/* The service and the target, unless that has one of its own. */
static void url(struct json *j, const struct exchange *x)
{
    struct buf text = {0};
    if (!absolute(x->target) && x->service.p)
        buf_slice(&text, x->service);
    if (x->target.n && x->target.p[0] != '/' && !absolute(x->target))
        buf_char(&text, '/'); /* "*", and what CONNECT names */
    buf_slice(&text, x->target);
    json_key_text(j, "url", text.n ? slice_of(text.p, text.n) : SLICE(""));
    buf_free(&text);
}

static void pair_of(struct json *j, struct slice part)
{
    size_t at = slice_find(part, '=', 0);
    if (part.n)
        header(j, slice_sub(part, 0, at), at < part.n ? slice_sub(part, at + 1, part.n) : SLICE(""));
}

static void query(struct json *j, struct slice target)
{
    size_t mark = slice_find(target, '?', 0);
    json_key(j, "queryString");
    json_open(j, '[');
    while (mark < target.n) {
        size_t end = slice_find(target, '&', mark + 1);
        pair_of(j, slice_sub(target, mark + 1, end));
        mark = end;
    }
    json_close(j, ']');
}

/* -1: it was not seen. */
static void size(struct json *j, const char *name, uint64_t bytes, bool seen)
{
    json_key(j, name);
    if (seen)
        json_u64(j, bytes);
    else
        json_i64(j, -1);
}

static void request(struct json *j, const struct exchange *x)
{
    json_key(j, "request");
    json_open(j, '{');
    json_key_text(j, "method", x->method.p ? x->method : SLICE(""));
    url(j, x);
    json_key(j, "httpVersion");
    json_str(j, version_of(x));
    headers(j, x, false);
    query(j, x->target);
    size(j, "bodySize", x->request_bytes, x->method.p != NULL);
    json_close(j, '}');
}

static void response(struct json *j, const struct exchange *x)
{
    json_key(j, "response");
    json_open(j, '{');
    json_key_u64(j, "status", x->status);
    json_key_text(j, "statusText", SLICE(""));
    json_key(j, "httpVersion");
    json_str(j, version_of(x));
    headers(j, x, true);
    json_key_text(j, "redirectURL", SLICE(""));
    size(j, "bodySize", x->response_bytes, x->status != 0);
    json_key(j, "content");
    json_open(j, '{');
    json_key_u64(j, "size", x->response_bytes);
    json_key_text(j, "mimeType", x->content_type.p ? x->content_type : SLICE(""));
    json_close(j, '}');
    json_close(j, '}');
}

/* HAR 1.2: the sum of the timings, less those that are -1 as they do not apply. Of these three none may be that, so an
 * exchange without an answer has no time: -1, and not what its request took. */
static void timings(struct json *j, const struct exchange *x)
{
    double send = span_ms(x->t_req0, x->t_req1), wait = span_ms(x->t_req1, x->t_rsp0),
           receive = span_ms(x->t_rsp0, x->t_rsp1);
    bool answered = wait >= 0 || receive >= 0;
    json_key_double(j, "time",
                    answered ? (send > 0 ? send : 0) + (wait > 0 ? wait : 0) + (receive > 0 ? receive : 0) : -1);
    json_key(j, "timings");
    json_open(j, '{');
    json_key_double(j, "send", send > 0 ? send : 0); /* these three may not be -1 */
    json_key_double(j, "wait", wait > 0 ? wait : 0);
    json_key_double(j, "receive", receive > 0 ? receive : 0);
    json_close(j, '}');
}

void recordlog_har(const struct exchange *x, struct buf *out)
{
    char text[64];
    int us;
    struct tm tm = utc(began(x), &us);
    struct json j = {out, false};
    buf_str(out, x->seq ? ",\n" : "\n");
    json_open(&j, '{');
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof text - n, ".%06dZ", us);
    json_key(&j, "startedDateTime");
    json_str(&j, text);
    timings(&j, x);
    request(&j, x);
    response(&j, x);
    json_key(&j, "cache");
    json_raw(&j, SLICE("{}"));
    if (x->server.known) {
        json_key(&j, "serverIPAddress");
        json_slice(&j, slice_of(text, addr_format(&x->server, false, text)));
    }
    if (x->conn) {
        snprintf(text, sizeof text, "%" PRIu64, x->conn);
        json_key(&j, "connection");
        json_str(&j, text);
    }
    json_key(&j, "comment");
    json_str(&j, end_name(x->end));
    json_close(&j, '}');
}

void recordlog_har_begin(struct buf *out)
{
    buf_str(out, "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"spanwise\",\"version\":\"" SPANWISE_VERSION
                 "\"},\"pages\":[],\"entries\":[");
}

void recordlog_har_end(struct buf *out)
{
    buf_str(out, "\n]}}\n");
}
