/* WebSockets on the wire: what is counted, however the octets are cut into segments; losses, and what is no frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/wire.inc"

#define ASK "GET /ws HTTP/1.1\r\nHost: h.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
#define ANSWER "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"
#define LOG "GET /ws 101 complete req=0 rsp=0 body=unknown "

enum { FIN = 0x80, RSV1 = 0x40, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

/* A frame of so many octets, as its side must send it. */
static void frame(struct buf *out, int role, unsigned first, size_t n)
{
    uint8_t head[10] = {(uint8_t)first, (uint8_t)(role ? 0 : 0x80)};
    size_t head_n = n < 126 ? 2 : n < 65536 ? 4 : 10;
    head[1] |= (uint8_t)(n < 126 ? n : n < 65536 ? 126 : 127);
    for (size_t i = 2; i < head_n; i++)
        head[i] = (uint8_t)((uint64_t)n >> 8 * (head_n - 1 - i));
    buf_add(out, head, head_n);
    if (!role)
        buf_add(out, "MASK", 4);
    for (size_t i = 0; i < n; i++)
        buf_char(out, (char)(0x81 + i % 7)); /* like heads of frames */
}

static void send(struct wire *w, int role, const struct buf *b, size_t piece)
{
    for (size_t at = 0; at < b->n;) {
        size_t n = piece && piece < b->n - at ? piece : b->n - at;
        n = n > 60000 ? 60000 : n;
        wire_data(w, role, b->p + at, n);
        at += n;
    }
}

static void begin(struct wire *w)
{
    wire_open(w);
    wire_handshake(w);
    wire_data(w, 0, ASK, strlen(ASK));
}

static void expect(struct wire *w, const char *want)
{
    wire_finish(w);
    assert_string_equal(w->log.p, want);
    wire_close(w);
}

static void counted(void **state)
{
    (void)state;
    struct buf up = {0}, down = {0};
    frame(&up, 0, FIN | TEXT, 5);
    frame(&up, 0, BINARY, 126);
    frame(&up, 0, FIN | PING, 125);
    frame(&up, 0, 0, 0);
    frame(&up, 0, FIN, 200);
    frame(&up, 0, FIN | CLOSE, 2);
    buf_str(&down, ANSWER);
    frame(&down, 1, FIN | RSV1 | TEXT, 40);
    frame(&down, 1, FIN | PONG, 125);
    frame(&down, 1, FIN | TEXT, 0);
    frame(&down, 1, FIN | CLOSE, 0);
    for (size_t piece = 0; piece < down.n; piece++) {
        struct wire w;
        begin(&w);
        send(&w, 1, &down, piece);
        send(&w, 0, &up, piece);
        wire_fin(&w, piece & 1);
        wire_fin(&w, !(piece & 1));
        expect(&w, LOG "websocket messages=2/2 frames=4/2 compressed=0/1 control=2/2 octets=331/40 closed\n");
    }
    buf_free(&up);
    buf_free(&down);
}

static void long_frames(void **state)
{
    (void)state;
    struct buf down = {0};
    struct wire w;
    buf_str(&down, ANSWER);
    frame(&down, 1, FIN | BINARY, 65535);
    frame(&down, 1, FIN | BINARY, 65536);
    frame(&down, 1, FIN | BINARY, 300000);
    begin(&w);
    send(&w, 1, &down, 0);
    expect(&w, LOG "websocket messages=0/3 frames=0/3 compressed=0/0 control=0/0 octets=0/431071\n");
    buf_free(&down);
}

/* n octets of the server's are never seen. */
static void lose(struct wire *w, uint32_t n)
{
    w->seq[1] += n;
    wire_frame(w, 0, TCP_ACK, w->seq[0], w->seq[1], NULL, 0);
    w->ts += 1000000;
}

static void losses(void **state)
{
    (void)state;
    struct buf b = {0}, answer = {0};
    frame(&b, 1, FIN | TEXT, 100);
    frame(&b, 1, FIN | TEXT, 50);
    buf_str(&answer, ANSWER);
    for (size_t at = 0; at < 102; at++) {
        struct wire w;
        begin(&w);
        send(&w, 1, &answer, 0);
        wire_data(&w, 1, b.p, at);
        lose(&w, 2);
        wire_data(&w, 1, b.p + at + 2, b.n - at - 2);
        if (at < 2)
            expect(&w, LOG "websocket messages=0/0 frames=0/0 compressed=0/0 control=0/0 octets=0/0 lost1\n");
        else if (at <= 100) /* inside the payload: what follows is found */
            expect(&w, LOG "websocket messages=0/2 frames=0/2 compressed=0/0 control=0/0 octets=0/148 lost1\n");
        else
            expect(&w, LOG "websocket messages=0/1 frames=0/1 compressed=0/0 control=0/0 octets=0/99 lost1\n");
    }
    buf_free(&b);
    buf_free(&answer);
}

/* What no side may send ends the counting of its direction. */
static void no_frames(void **state)
{
    (void)state;
    static const struct {
        int role;
        const char *head;
        size_t n;
    } bad[] = {
        {1, "\x81\x81", 2},                   /* masked by the server */
        {0, "\x81\x01", 2},                   /* not masked by the client */
        {1, "\x91\x00", 2},                   /* reserved bits */
        {1, "\x83\x00", 2},                   /* reserved opcode */
        {1, "\x8b\x00", 2},                   /* of control frames, too */
        {1, "\x80\x00", 2},                   /* continues nothing */
        {1, "\x09\x00", 2},                   /* control frame in parts */
        {1, "\x89\x7e\x00\x7e", 4},           /* long control frame */
        {1, "\xc9\x00", 2},                   /* compressed control frame */
        {1, "\x82\x7f\x80\0\0\0\0\0\0\1", 10} /* beyond 2^63 */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wire w;
        char want[256];
        begin(&w);
        wire_data(&w, 1, ANSWER, strlen(ANSWER));
        wire_data(&w, bad[i].role, bad[i].head, bad[i].n);
        wire_data(&w, bad[i].role, "\x81\x00\x81\x00\x81\x00", 6);
        snprintf(want, sizeof want,
                 LOG "websocket messages=0/0 frames=0/0 compressed=0/0 control=0/0 octets=0/0 lost%d\n", bad[i].role);
        expect(&w, want);
    }
}

/* Other protocols are no WebSockets, and are passed over. */
static void other_upgrade(void **state)
{
    (void)state;
    struct wire w;
    begin(&w);
    wire_data(&w, 1, "HTTP/1.1 101 Switching\r\nUpgrade: other\r\n\r\n\x81\x01x", 45);
    expect(&w, "GET /ws 101 complete req=0 rsp=0 body=unknown\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted),   cmocka_unit_test(long_frames),   cmocka_unit_test(losses),
        cmocka_unit_test(no_frames), cmocka_unit_test(other_upgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
