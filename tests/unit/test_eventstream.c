/* Server-sent events: what is counted, however the octets are cut and coded; gaps by the clock; losses; and that
 * streams which never end leave room for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define WIRE_MEMORY (6 << 20)
#include "tests/unit/wire.inc"

#define ASK "GET /events HTTP/1.1\r\nHost: h.test\r\nLast-Event-ID: 41\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream;charset=utf-8\r\n"
#define EVENTS                                                                                                         \
    "\xef\xbb\xbf: hello\n\ndata: one\nid: 7\n\nevent: x\r\ndata: two\r\ndata\r\n\r\nretry: 500\r\rdata:3\r\rdatax: "  \
    "no\n\ndata: cut\n"
#define COUNTED "events=3 octets=41 gaps=2"

static void begin(struct wire *w, const char *fields)
{
    char head[256];
    wire_open(w);
    wire_handshake(w);
    wire_data(w, 0, ASK, strlen(ASK));
    snprintf(head, sizeof head, ANSWER "%s\r\n", fields);
    wire_data(w, 1, head, strlen(head));
}

static void chunk(struct wire *w, const char *p, size_t n)
{
    char text[4096];
    int head = snprintf(text, sizeof text, "%zx\r\n", n);
    memcpy(text + head, p, n);
    memcpy(text + head + n, "\r\n", 2);
    wire_data(w, 1, text, (size_t)head + n + 2);
}

static void has(struct wire *w, const char *want)
{
    wire_finish(w);
    if (!strstr(w->log.p, want))
        fail_msg("no \"%s\" in %s", want, w->log.p);
    wire_close(w);
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof EVENTS; piece++) {
        struct wire w;
        begin(&w, "Transfer-Encoding: chunked\r\n");
        for (size_t at = 0; at < sizeof EVENTS - 1; at += piece)
            chunk(&w, &EVENTS[at], piece < sizeof EVENTS - 1 - at ? piece : sizeof EVENTS - 1 - at);
        wire_data(&w, 1, "0\r\n\r\n", 5);
        wire_finish(&w);
        assert_non_null(strstr(w.log.p, "GET /events 200 complete"));
        assert_non_null(strstr(w.log.p, COUNTED));
        assert_non_null(strstr(w.log.p, " resumed\n"));
        wire_close(&w);
    }
}

/* Each event in a segment of its own: gaps of 5, 20 and 9 ms; the client leaves. */
static void gaps_by_the_clock(void **state)
{
    static const int ms[] = {1, 5, 20, 9};
    (void)state;
    struct wire w;
    begin(&w, "");
    for (unsigned i = 0; i < 4; i++) {
        w.step = ms[i] * 1000;
        wire_data(&w, 1, "data: x\n\n", 9);
        w.step = 0;
    }
    wire_rst(&w, 0);
    has(&w,
        "client_abort req=0 rsp=36 body=unknown truncated events=4 octets=28 gaps=3/34000/20000 for=35000 resumed\n");
}

static void coded(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) { /* whole; never ended; damaged */
        struct wire w;
        z_stream z = {0};
        uint8_t out[512];
        begin(&w, "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n");
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
        for (unsigned i = 0; i < 50; i++) {
            z.next_in = (Bytef *)(uintptr_t) "data: some event\n\n";
            z.avail_in = 18;
            z.next_out = out;
            z.avail_out = sizeof out;
            deflate(&z, Z_SYNC_FLUSH);
            if (how == 2 && i == 10)
                out[0] ^= 0xff;
            chunk(&w, (const char *)out, sizeof out - z.avail_out);
        }
        deflateEnd(&z);
        has(&w, how < 2 ? "events=50 octets=800 gaps=49" : " lost\n");
    }
}

static void unknown_coding(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, "Transfer-Encoding: chunked\r\nContent-Encoding: other\r\n");
    chunk(&w, "data: x\n\n", 9);
    has(&w, "events=0 octets=0 gaps=0/0/0 for=1000 resumed lost\n");
}

/* A long stream of little: more comes out than a body may hold, and all of it is counted. */
static void endless(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, "");
    for (unsigned i = 0; i < 3000; i++) {
        char text[1024];
        memset(text, 'x', sizeof text);
        memcpy(text, "data: ", 6);
        memcpy(text + sizeof text - 2, "\n\n", 2);
        wire_data(&w, 1, text, sizeof text);
    }
    has(&w, "events=3000 octets=3066000 gaps=2999");
}

static void losses(void **state)
{
    (void)state;
    struct wire w;
    begin(&w, "");
    wire_data(&w, 1, "data: 1\n\ndata: 2\n\nda", 20);
    w.seq[1] += 30;
    wire_frame(&w, 0, TCP_ACK, w.seq[0], w.seq[1], NULL, 0);
    w.ts += 1000000;
    wire_data(&w, 1, "ta: lost\n\ndata: 3\n\ndata: 4\n\n", 28);
    wire_fin(&w, 1);
    wire_fin(&w, 0);
    has(&w, "events=4 octets=28 gaps=2");
}

static void other_types(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w);
    wire_handshake(&w);
    wire_data(&w, 0, ASK, strlen(ASK));
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\nTransfer-Encoding: chunked\r\n\r\n"
        "9\r\ndata: x\n\n\r\n0\r\n\r\n";
    wire_data(&w, 1, answer, sizeof answer - 1);
    wire_finish(&w);
    assert_null(strstr(w.log.p, "events="));
    wire_close(&w);
}

/* ---- room ---- */

/* Streams that never end, each on a connection of its own, twice as many as there is room for: the silent ones leave,
 * one that goes on stays, and requests of others are all seen. */
static void streams_leave_room(void **state)
{
    (void)state;
    struct wire w;
    wire_open(&w);
    uint32_t room = capture_exchanges(w.capture);
    for (uint32_t i = 0; i < 2 * room; i++) {
        w.seq[0] = 1000 + i * 4096;
        w.seq[1] = 900000 + i * 4096;
        w.vlan = (uint16_t)(i + 1);
        wire_handshake(&w);
        wire_data(&w, 0, ASK, strlen(ASK));
        wire_data(&w, 1, ANSWER "\r\n", strlen(ANSWER "\r\n"));
        wire_data(&w, 1, "data: x\n\n", 9);
        w.ts += 3000000 / 100;
    }
    wire_finish(&w);
    assert_int_equal(w.exchanges, 2 * room);
    unsigned evicted = 0, counted = 0;
    for (const char *at = w.log.p; (at = strstr(at, "events=1 octets=7")); at++)
        counted++;
    for (const char *at = w.log.p; (at = strstr(at, "evicted")); at++)
        evicted++;
    assert_int_equal(counted, 2 * room);
    assert_true(evicted >= room && evicted < room + room / 2);
    assert_non_null(strstr(w.log.p, "GET /events 200 timeout req=0 rsp=9 body=unknown truncated evicted"));
    wire_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(gaps_by_the_clock),
        cmocka_unit_test(coded),        cmocka_unit_test(unknown_coding),
        cmocka_unit_test(endless),      cmocka_unit_test(losses),
        cmocka_unit_test(other_types),  cmocka_unit_test(streams_leave_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
