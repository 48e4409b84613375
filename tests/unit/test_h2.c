/* HTTP/2 as frames made by hand: what becomes an exchange, however the octets are cut into segments; ends, losses,
 * joins from the middle, floods; and gRPC in it and in HTTP/1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "capture/h2.h"
#include "tests/unit/wire.inc"

enum { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, PRIORITISED = 32 };
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct turn {
    int role;
    struct buf bytes;
};

/* Who says what, in turn; `fin`: then both sides end. */
static struct turn parts[64];
static unsigned n_parts;
static bool without_handshake;

static struct buf *say(int role)
{
    if (n_parts && parts[n_parts - 1].role == role)
        return &parts[n_parts - 1].bytes;
    assert_true(n_parts < sizeof parts / sizeof *parts);
    parts[n_parts] = (struct turn){role, {0}};
    return &parts[n_parts++].bytes;
}

static void frame(int role, unsigned type, unsigned flags, uint32_t stream, const void *p, size_t n)
{
    struct buf *b = say(role);
    uint8_t head[9] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)type, (uint8_t)flags};
    put32(head + 5, stream);
    buf_add(b, head, sizeof head);
    buf_add(b, p, n);
}

static void text(int role, const char *s)
{
    buf_str(say(role), s);
}

static void field(struct buf *b, const char *name, const char *value)
{
    buf_char(b, 0x10); /* never indexed */
    buf_char(b, (char)strlen(name));
    buf_str(b, name);
    buf_char(b, (char)strlen(value));
    buf_str(b, value);
}

/* "name value name value …" */
static struct buf block_of(const char *fields)
{
    static char words[1024];
    struct buf b = {0};
    snprintf(words, sizeof words, "%s", fields);
    for (char *name = strtok(words, " "); name; name = strtok(NULL, " "))
        field(&b, name, strtok(NULL, " "));
    return b;
}

static void head(int role, unsigned flags, uint32_t stream, const char *fields)
{
    struct buf b = block_of(fields);
    frame(role, HEADERS, flags | END_HEADERS, stream, b.p, b.n);
    buf_free(&b);
}

static void get(uint32_t stream, const char *path)
{
    struct buf b = {0};
    buf_add(&b, "\x82\x86", 2); /* GET, http */
    field(&b, ":authority", "h.test");
    field(&b, ":path", path);
    frame(0, HEADERS, END_STREAM | END_HEADERS, stream, b.p, b.n);
    buf_free(&b);
}

static void data(int role, unsigned flags, uint32_t stream, const char *s)
{
    frame(role, DATA, flags, stream, s, strlen(s));
}

static void begin(void)
{
    text(0, PREFACE);
    frame(0, SETTINGS, 0, 0, "\0\1\0\0\x10\0", 6);
    frame(1, SETTINGS, 0, 0, NULL, 0);
    frame(1, SETTINGS, ACK, 0, NULL, 0);
    frame(0, SETTINGS, ACK, 0, NULL, 0);
}

/* Puts it on the wire in segments of so many octets; 0: as it was said. */
static void play(struct wire *w, size_t piece)
{
    wire_open(w);
    if (!without_handshake)
        wire_handshake(w);
    for (unsigned i = 0; i < n_parts; i++) {
        struct buf *b = &parts[i].bytes;
        for (size_t at = 0; at < b->n;) {
            size_t n = piece && piece < b->n - at ? piece : b->n - at;
            n = n > 60000 ? 60000 : n;
            wire_data(w, parts[i].role, b->p + at, n);
            at += n;
        }
    }
}

static void forget(void)
{
    for (unsigned i = 0; i < n_parts; i++)
        buf_free(&parts[i].bytes);
    n_parts = 0;
    without_handshake = false;
}

static void compare(struct wire *w, const char *want, size_t piece)
{
    wire_finish(w);
    if (strcmp(w->log.p, want) != 0)
        printf("# in pieces of %zu\n", piece);
    assert_string_equal(w->log.p, want);
    wire_close(w);
}

/* These exchanges come of it, in every cutting. */
static void expect(const char *want)
{
    for (size_t piece = 0; piece < 64; piece++) {
        struct wire w;
        play(&w, piece);
        compare(&w, want, piece);
    }
    forget();
}

static void interleaved(void **state)
{
    (void)state;
    begin();
    get(1, "/a");
    get(3, "/b");
    frame(0, PRIORITY, 0, 5, "\0\0\0\3\x10", 5);
    head(0, 0, 5, ":method POST :scheme http :authority h.test :path /c content-length 6");
    data(0, 0, 5, "abc");
    head(1, 0, 3, ":status 200 content-length 5");
    head(1, 0, 5, ":status 103 link x");
    data(0, END_STREAM, 5, "def");
    head(1, 0, 1, ":status 200");
    data(1, 0, 1, "on");
    frame(1, PING, 0, 0, "12345678", 8);
    data(1, END_STREAM, 3, "hello");
    head(1, END_STREAM, 5, ":status 204");
    frame(1, WINDOW_UPDATE, 0, 1, "\0\0\1\0", 4);
    frame(1, 77, 3, 9, "of no known type", 16);
    data(1, 0, 1, "e");
    head(1, END_STREAM, 1, "x-sum 3");
    expect("GET /a 200 complete req=0 rsp=3 body=known stream=1\n"
           "GET /b 200 complete req=0 rsp=5 body=known stream=3\n"
           "POST /c 204 complete req=6 rsp=0 body=known stream=5\n");
}

static void shapes(void **state)
{
    (void)state;
    struct buf b = block_of(":method HEAD :scheme http :authority h.test :path /head"), padded = {0};
    begin();
    frame(0, HEADERS, END_STREAM, 1, b.p, 7);
    frame(0, CONTINUATION, 0, 1, b.p + 7, 20);
    frame(0, CONTINUATION, END_HEADERS, 1, b.p + 27, b.n - 27);
    head(1, END_STREAM, 1, ":status 200 content-length 500");
    buf_free(&b);
    b = block_of(":method PUT :scheme http :authority h.test :path /padded");
    buf_add(&padded, "\4\0\0\0\1\x10", 6);
    buf_add(&padded, b.p, b.n);
    buf_add(&padded, "\0\0\0\0", 4);
    frame(0, HEADERS, END_HEADERS | PADDED | PRIORITISED, 3, padded.p, padded.n);
    frame(0, DATA, PADDED, 3, "\3abc\0\0\0", 7);
    frame(0, DATA, PADDED, 3, "\0", 1);
    frame(0, DATA, PADDED | END_STREAM, 3, "\2\0\0", 3);
    head(1, 0, 3, ":status 201 content-length 3");
    data(1, END_STREAM, 3, "four");
    buf_free(&b);
    buf_free(&padded);
    expect("HEAD /head 200 complete req=0 rsp=0 body=unknown stream=1\n"
           "PUT /padded 201 complete req=3 rsp=4 body=known ambiguous stream=3\n");
}

/* A frame of nothing but the length of its padding, which is 0, is over at once. */
static void no_padding(void **state)
{
    (void)state;
    begin();
    get(1, "/a");
    head(1, 0, 1, ":status 200");
    data(1, 0, 1, "abc");
    frame(1, DATA, PADDED | END_STREAM, 1, "\0", 1);
    expect("GET /a 200 complete req=0 rsp=3 body=known stream=1\n");
}

/* Heads that HTTP/1 would tell otherwise: what a proxy that passes them on makes two requests of, or another one. */
static void read_otherwise(void **state)
{
    (void)state;
    struct buf b = {0};
    begin();
    head(0, END_STREAM, 1, ":method POST :scheme http :authority h.test :path /longer content-length 5");
    head(0, 0, 3, ":method POST :scheme http :authority h.test :path /coded transfer-encoding chunked");
    data(0, END_STREAM, 3, "0\r\n\r\n");
    head(0, END_STREAM, 5, ":method GET :scheme http :authority h.test :path /host host h.test");
    head(0, END_STREAM, 7, ":method GET :scheme http :authority h.test :path /hosts host other.test");
    static const char *const odd[][2] = {{"x", "a\r\nhost: b"}, {"x: a", "b"}, {"x", "a\nb"}, {":path", "/a HTTP/1.1"}};
    for (uint32_t i = 0; i < 4; i++) {
        buf_free(&b);
        buf_add(&b, "\x82\x86", 2);
        field(&b, ":authority", "h.test");
        if (*odd[i][0] != ':')
            field(&b, ":path", "/odd");
        field(&b, odd[i][0], odd[i][1]);
        frame(0, HEADERS, END_STREAM | END_HEADERS, 9 + 2 * i, b.p, b.n);
    }
    buf_free(&b);
    for (uint32_t id = 1; id <= 15; id += 2)
        head(1, END_STREAM, id, ":status 204");
    get(17, "/twice");
    head(1, 0, 17, ":status 200");
    head(1, END_STREAM, 17, ":status 404");
    expect("POST /longer 204 complete req=0 rsp=0 body=known ambiguous stream=1\n"
           "POST /coded 204 complete req=5 rsp=0 body=known ambiguous stream=3\n"
           "GET /host 204 complete req=0 rsp=0 body=known stream=5\n"
           "GET /hosts 204 complete req=0 rsp=0 body=known ambiguous stream=7\n"
           "GET /odd 204 complete req=0 rsp=0 body=known ambiguous stream=9\n"
           "GET /odd 204 complete req=0 rsp=0 body=known ambiguous stream=11\n"
           "GET /odd 204 complete req=0 rsp=0 body=known ambiguous stream=13\n"
           "GET /a HTTP/1.1 204 complete req=0 rsp=0 body=known ambiguous stream=15\n"
           "GET /twice 200 complete req=0 rsp=0 body=known ambiguous stream=17\n");
}

static void ends(void **state)
{
    (void)state;
    begin();
    get(1, "/given-up");
    get(3, "/refused");
    get(5, "/not-for-me");
    get(7, "/cut");
    frame(0, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    frame(1, RST_STREAM, 0, 3, "\0\0\0\x07", 4);
    head(1, 0, 7, ":status 200");
    head(1, END_STREAM, 1, ":status 200"); /* was on its way */
    data(1, 0, 7, "some");
    frame(1, GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0", 8);
    expect("GET /given-up 0 client_abort req=0 rsp=0 body=unknown truncated stream=1\n"
           "GET /refused 0 server_abort req=0 rsp=0 body=unknown truncated stream=3\n"
           "GET /not-for-me 0 server_abort req=0 rsp=0 body=unknown truncated stream=5\n"
           "GET /cut 200 capture_end req=0 rsp=4 body=unknown truncated stream=7\n");
}

static void pushed(void **state)
{
    (void)state;
    struct buf b = {0};
    begin();
    get(1, "/page");
    buf_add(&b, "\0\0\0\2\x82\x86", 6);
    field(&b, ":authority", "h.test");
    field(&b, ":path", "/style");
    frame(1, PUSH_PROMISE, END_HEADERS, 1, b.p, b.n);
    head(1, END_STREAM, 1, ":status 200");
    head(1, 0, 2, ":status 200");
    data(1, END_STREAM, 2, "{}");
    buf_free(&b);
    expect("GET /page 200 complete req=0 rsp=0 body=known stream=1\n"
           "GET /style 200 complete req=0 rsp=2 body=known pushed stream=2\n");
}

/* The fragment of a header block may be empty, and all of it follow. */
static void pushed_in_pieces(void **state)
{
    (void)state;
    struct buf b = block_of(":method GET :scheme http :authority h.test :path /style");
    begin();
    get(1, "/page");
    frame(1, PUSH_PROMISE, 0, 1, "\0\0\0\2", 4);
    frame(1, CONTINUATION, END_HEADERS, 1, b.p, b.n);
    buf_free(&b);
    head(1, END_STREAM, 1, ":status 200");
    head(1, END_STREAM, 2, ":status 200");
    expect("GET /page 200 complete req=0 rsp=0 body=known stream=1\n"
           "GET /style 200 complete req=0 rsp=0 body=known pushed stream=2\n");
}

/* What is uploaded is no talk, even where a segment of it begins like one of HTTP/2. */
static void uploaded(void **state)
{
    (void)state;
    struct buf b = block_of(":method GET :scheme http :authority h.test :path /fake");
    text(0, "POST /up HTTP/1.1\r\nHost: h.test\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n");
    text(1, ""); /* a segment ends */
    text(0, PREFACE);
    frame(0, SETTINGS, 0, 0, NULL, 0);
    frame(0, HEADERS, END_STREAM | END_HEADERS, 1, b.p, b.n);
    buf_free(&b);
    struct buf *all = say(0);
    while (all->n < 4096)
        buf_char(all, 'x');
    buf_str(all, "\r\n0\r\n\r\n");
    text(1, "HTTP/1.1 204 No Content\r\n\r\n");
    expect("POST /up 204 complete req=4096 rsp=0 body=known\n");
}

static void upgrade(void **state)
{
    (void)state;
    text(0, "GET /up HTTP/1.1\r\nHost: h.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
            "h2c\r\nHTTP2-Settings: AAM\r\n\r\n");
    text(1, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    frame(1, SETTINGS, 0, 0, NULL, 0);
    head(1, 0, 1, ":status 200");
    data(1, END_STREAM, 1, "hello");
    text(0, PREFACE);
    frame(0, SETTINGS, 0, 0, NULL, 0);
    get(3, "/next");
    head(1, END_STREAM, 3, ":status 404");
    expect("GET /up 101 complete req=0 rsp=0 body=unknown\n"
           "GET /up 200 complete req=0 rsp=5 body=known stream=1\n"
           "GET /next 404 complete req=0 rsp=0 body=known stream=3\n");
}

#define CALL                                                                                                           \
    ":method POST :scheme http :authority h.test :path /pkg.Echo/Say content-type application/grpc+proto te trailers"

static void grpc_calls(void **state)
{
    (void)state;
    begin();
    head(0, 0, 1, CALL " grpc-timeout 250m");
    frame(0, DATA, END_STREAM, 1, "\0\0\0\0\3abc", 8);
    head(1, 0, 1, ":status 200 content-type application/grpc");
    frame(1, DATA, 0, 1, "\0\0\0\0\2ok", 7);
    head(1, END_STREAM, 1, "grpc-status 0");
    head(0, 0, 3, CALL);
    frame(0, DATA, END_STREAM, 3, "\0\0\0\0\0", 5);
    head(1, END_STREAM, 3, ":status 200 content-type application/grpc grpc-status 12");
    head(0, 0, 5, CALL);
    frame(0, DATA, 0, 5, "\1\0\0\0\1a\0\0\0", 9);
    frame(0, DATA, END_STREAM, 5, "\0\1b", 3);
    head(1, 0, 5, ":status 200 content-type application/grpc");
    frame(1, DATA, 0, 5, "\0\0\0\0\1c\0\0\0\0\0\0\0\0\0\4", 16);
    frame(1, DATA, 0, 5, "four", 4);
    head(1, END_STREAM, 5, "grpc-status 5 grpc-message no");
    expect(
        "POST /pkg.Echo/Say 200 complete req=8 rsp=7 body=known grpc_method stream=1 grpc=0 messages=1/1 octets=3/2\n"
        "POST /pkg.Echo/Say 200 complete req=5 rsp=0 body=known application_error stream=3 grpc=12 messages=1/0 "
        "octets=0/0\n"
        "POST /pkg.Echo/Say 200 complete req=12 rsp=20 body=known application_error grpc_method stream=5 grpc=5 "
        "messages=2/3 "
        "octets=2/5\n");
}

static void grpc_web(void **state)
{
    (void)state;
    static const char body[] = "\0\0\0\0\2ok\x80\0\0\0\x0fgrpc-status: 7\n";
    text(0, "POST /pkg.Echo/Say HTTP/1.1\r\nHost: h.test\r\nContent-Type: "
            "application/grpc-web+proto\r\nContent-Length: 6\r\n\r\n");
    buf_add(say(0), "\0\0\0\0\1a", 6);
    text(1, "HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\nTransfer-Encoding: chunked\r\n\r\n1b\r\n");
    buf_add(say(1), body, sizeof body - 1);
    text(1, "\r\n0\r\n\r\n");
    expect("POST /pkg.Echo/Say 200 complete req=6 rsp=27 body=known application_error grpc_method grpc=7 messages=1/1 "
           "octets=1/2\n");
}

/* ---- loss, and what was before ---- */

static void lose_octets(struct wire *w, int role, uint32_t n)
{
    w->seq[role] += n;
    wire_frame(w, 1 - role, TCP_ACK, w->seq[1 - role], w->seq[role], NULL, 0);
    w->ts += 1000000;
}

static void send_all(struct wire *w)
{
    for (unsigned i = 0; i < n_parts; i++)
        wire_data(w, parts[i].role, parts[i].bytes.p, parts[i].bytes.n);
    forget();
}

static void lost_in_data(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w);
    wire_handshake(&w);
    begin();
    get(1, "/a");
    get(3, "/b");
    head(1, 0, 1, ":status 200");
    buf_add(say(1),
            "\0\0\x64\0\1\0\0\0\1"
            "0123456789",
            19); /* 100 octets of DATA, ten of which come */
    send_all(&w);
    lose_octets(&w, 1, 80);
    text(1, "0123456789");
    head(1, END_STREAM, 3, ":status 200");
    send_all(&w);
    compare(&w,
            "GET /a 200 gap req=0 rsp=20 body=unknown truncated stream=1\n"
            "GET /b 200 complete req=0 rsp=0 body=known stream=3\n",
            0);
}

/* The answer to one is lost with its head, the other's length shows that nothing of it is. */
static void lost_heads(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w);
    wire_handshake(&w);
    begin();
    get(1, "/a");
    get(3, "/b");
    get(5, "/c");
    head(1, 0, 5, ":status 200 content-length 3");
    send_all(&w);
    lose_octets(&w, 1, 70);
    data(1, END_STREAM, 1, "hello");
    data(1, END_STREAM, 5, "all");
    head(1, END_STREAM, 3, ":status 200");
    send_all(&w);
    compare(&w,
            "GET /a 0 gap req=0 rsp=5 body=unknown truncated stream=1\n"
            "GET /b 200 complete req=0 rsp=0 body=known resync stream=3\n"
            "GET /c 200 complete req=0 rsp=3 body=known stream=5\n",
            0);
}

/* What is named by an index from before the capture is unknown; what is sent again is exact. */
static void from_the_middle(void **state)
{
    (void)state;
    without_handshake = true;
    frame(0, HEADERS, END_STREAM | END_HEADERS, 101, "\x82\x86\xbf\xbe", 4);
    frame(1, HEADERS, END_STREAM | END_HEADERS, 101, "\x88", 1);
    frame(0, HEADERS, END_STREAM | END_HEADERS, 103, "\x82\x86\x41\x01h\x44\x02/x\xc0", 10);
    frame(1, HEADERS, END_STREAM | END_HEADERS, 103, "\x88\xbe", 2);
    frame(0, HEADERS, END_STREAM | END_HEADERS, 105, "\x82\x86\xbf\xbe", 4);
    frame(1, HEADERS, END_STREAM | END_HEADERS, 105, "\x88", 1);
    struct wire w;
    play(&w, 0);
    compare(&w,
            "-  200 complete req=0 rsp=0 body=known midstream unknown_fields stream=101\n"
            "GET /x 200 complete req=0 rsp=0 body=known midstream unknown_fields stream=103\n"
            "GET /x 200 complete req=0 rsp=0 body=known midstream stream=105\n",
            0);
    forget();
}

static void not_http2(void **state)
{
    (void)state;
    int speaker;
    assert_false(h2_guess(slice_of("\0\0\4\1\5\0\0\0\0\x82\x86\xbf\xbe", 13), false, &speaker)); /* no stream */
    assert_false(h2_guess(slice_of("\0\0\4\1\5\0\0\0\1\xbe\xbf\xbf\xbe", 13), false, &speaker)); /* nobody's */
    assert_false(h2_guess(slice_of("\0\0\4\x0a\0\0\0\0\0text", 13), false, &speaker));
    assert_false(h2_guess(slice_of("\0\0\0\4\0\0\0\0\0", 9), false, &speaker)); /* a beginning, but not here */
    assert_true(h2_guess(slice_of("\0\0\0\4\0\0\0\0\0", 9), true, &speaker) && speaker == 1);
    assert_true(h2_guess(slice_of("\0\0\1\1\5\0\0\0\1\x88", 10), false, &speaker) && speaker == 1);
}

/* ---- floods ---- */

static uint64_t peak(struct wire *w)
{
    capture_tick(w->capture, w->ts);
    return capture_counters(w->capture)->memory_peak_bytes;
}

static void flood(struct wire *w)
{
    wire_open(w);
    w->step = 10;
    wire_handshake(w);
    begin();
    send_all(w);
}

static void continuations(void **state)
{
    (void)state;
    struct wire w;
    flood(&w);
    static char filler[4096];
    frame(0, HEADERS, END_STREAM, 1, filler, 1000);
    for (int i = 0; i < 2000; i++) {
        frame(0, CONTINUATION, 0, 1, filler, sizeof filler);
        send_all(&w);
    }
    assert_true(peak(&w) < 2 << 20);
    frame(0, CONTINUATION, END_HEADERS, 1, filler, 10);
    get(3, "/after");
    head(1, END_STREAM, 3, ":status 200");
    send_all(&w);
    compare(&w, "GET /after 200 complete req=0 rsp=0 body=known stream=3\n", 0);
}

static void many(struct wire *w, bool reset, bool settings)
{
    flood(w);
    for (uint32_t i = 0; i < 5000; i++) {
        get(2 * i + 1, "/f");
        if (reset)
            frame(0, RST_STREAM, 0, 2 * i + 1, "\0\0\0\x08", 4);
        if (settings)
            frame(1, SETTINGS, 0, 0, "\0\1\0\0\0\0", 6);
        send_all(w);
    }
}

static void floods(void **state)
{
    (void)state;
    struct wire w;
    many(&w, true, false); /* RST_STREAM */
    assert_true(peak(&w) < 4 << 20);
    wire_finish(&w);
    assert_int_equal(w.exchanges, 5000);
    wire_close(&w);
    many(&w, false, true); /* streams left open, and settings nobody acknowledges */
    assert_true(peak(&w) < 8 << 20);
    wire_finish(&w);
    assert_int_equal(w.exchanges, 5000);
    assert_non_null(strstr(w.log.p, "evicted"));
    wire_close(&w);
}

/* ---- what stays open ---- */

#define ASK_SOCKET                                                                                                     \
    ":method CONNECT :protocol websocket :scheme https :authority h.test :path /chat sec-websocket-version 13"

/* RFC 8441; messages cut over DATA, control frames between, a message that permessage-deflate packed in the context of
 * the one before, closed by both. */
static void a_websocket(void **state)
{
    (void)state;
    begin();
    head(0, 0, 1, ASK_SOCKET);
    head(1, 0, 1, ":status 200 sec-websocket-extensions permessage-deflate");
    frame(0, DATA, 0, 1, "\x01\x83MASKabc\x89\x80", 11);
    frame(0, DATA, PADDED, 1, "\2MA\0\0", 5);
    frame(0, DATA, 0, 1, "SK\x80\x82MASKde", 10);
    frame(1, DATA, 0, 1, "\xc1\7\xf2\x48\xcd\xc9\xc9\7\0\xc1\5\xf2\0\x11\0\0", 16);
    get(3, "/other");
    head(1, 0, 3, ":status 200");
    data(1, END_STREAM, 3, "body");
    frame(0, DATA, END_STREAM, 1, "\x88\x80MASK", 6);
    frame(1, DATA, END_STREAM, 1, "\x88\0", 2);
    expect("CONNECT /chat 200 complete req=0 rsp=0 body=unknown stream=1"
           " websocket messages=1/2 frames=2/2 compressed=0/2 control=2/1 octets=5/12 closed\n"
           "GET /other 200 complete req=0 rsp=4 body=known stream=3\n");
}

static void websockets_end_somehow(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) { /* reset by the client, the server; the connection ends; refused */
        begin();
        head(0, 0, 1, ASK_SOCKET);
        head(1, how == 3 ? END_STREAM : 0, 1, how == 3 ? ":status 403" : ":status 200");
        if (how < 3)
            frame(1, DATA, 0, 1, "\x81\1x", 3);
        if (how < 2)
            frame(how, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
        expect(how == 3 ? "CONNECT /chat 403 complete req=0 rsp=0 body=known stream=1\n"
                        : "CONNECT /chat 200 complete req=0 rsp=0 body=unknown stream=1"
                          " websocket messages=0/1 frames=0/1 compressed=0/0 control=0/0 octets=0/1\n");
    }
}

static void events(void **state)
{
    (void)state;
    begin();
    get(1, "/events");
    head(1, 0, 1, ":status 200 content-type text/event-stream");
    data(1, 0, 1, "data: 1\n\nda");
    data(1, 0, 1, "ta: 2\n");
    data(1, 0, 1, "\n: still here\n\n");
    frame(0, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    for (size_t piece = 1; piece < 64; piece++) { /* times differ by cutting */
        struct wire w;
        play(&w, piece);
        wire_finish(&w);
        if (!strstr(w.log.p, "GET /events 200 client_abort req=0 rsp=32 body=unknown truncated stream=1"
                             " events=2 octets=14 gaps=1/"))
            fail_msg("%s", w.log.p);
        wire_close(&w);
    }
    forget();
}

#define CALL_TEXT                                                                                                      \
    ":method POST :scheme http :authority h.test :path /a.B/C content-type application/grpc-web-text+proto"

/* Each piece is base64 of its own, padded; lines may be broken. What is no base64 ends the counting. */
static void grpc_web_text(void **state)
{
    static const struct {
        const char *request, *answer, *want;
    } table[] = {
        {"AAAAAAFh", "AAAAAAJhYg==AAAAAAFjgAAAAA9ncnBjLXN0YXR1czogNQ0K", "grpc=5 messages=1/2 octets=1/3"},
        {"AAAAAAN\r\nhYmM=AAAAAAA=", "gAAAAA9ncnBjLXN0YXR1czogMA0K", "grpc=0 messages=2/0 octets=3/0"},
        {"AAAAAAFh", "AAAA*AFj", "grpc=-1 messages=1/0 octets=1/0"},
        {"AAAAAAFh", "AAA=A===", "grpc=-1 messages=1/0 octets=1/0"},
        {"AAAAAAFh", "A=AAAAFj", "grpc=-1 messages=1/0 octets=1/0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t piece = 0; piece < 40; piece++) {
            struct wire w;
            begin();
            head(0, 0, 1, CALL_TEXT);
            data(0, END_STREAM, 1, table[i].request);
            head(1, 0, 1, ":status 200 content-type application/grpc-web-text+proto");
            data(1, END_STREAM, 1, table[i].answer);
            play(&w, piece);
            wire_finish(&w);
            if (!strstr(w.log.p, table[i].want))
                fail_msg("%zu in pieces of %zu: no %s in %s", i, piece, table[i].want, w.log.p);
            wire_close(&w);
            forget();
        }
}

/* A server may answer in binary all the same. */
static void grpc_web_text_answered_in_binary(void **state)
{
    struct wire w;
    (void)state;
    begin();
    head(0, 0, 1, CALL_TEXT);
    data(0, END_STREAM, 1, "AAAAAAFh");
    head(1, 0, 1, ":status 200 content-type application/grpc-web+proto");
    frame(1, DATA, END_STREAM, 1, "\0\0\0\0\2hi\x80\0\0\0\x10grpc-status: 0\r\n", 28);
    play(&w, 0);
    wire_finish(&w);
    assert_non_null(strstr(w.log.p, "grpc=0 messages=1/1 octets=1/2"));
    wire_close(&w);
    forget();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(interleaved),
                                              cmocka_unit_test(shapes),
                                              cmocka_unit_test(no_padding),
                                              cmocka_unit_test(read_otherwise),
                                              cmocka_unit_test(ends),
                                              cmocka_unit_test(pushed),
                                              cmocka_unit_test(pushed_in_pieces),
                                              cmocka_unit_test(uploaded),
                                              cmocka_unit_test(upgrade),
                                              cmocka_unit_test(grpc_calls),
                                              cmocka_unit_test(grpc_web),
                                              cmocka_unit_test(lost_in_data),
                                              cmocka_unit_test(lost_heads),
                                              cmocka_unit_test(from_the_middle),
                                              cmocka_unit_test(not_http2),
                                              cmocka_unit_test(continuations),
                                              cmocka_unit_test(floods),
                                              cmocka_unit_test(a_websocket),
                                              cmocka_unit_test(websockets_end_somehow),
                                              cmocka_unit_test(events),
                                              cmocka_unit_test(grpc_web_text),
                                              cmocka_unit_test(grpc_web_text_answered_in_binary)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
