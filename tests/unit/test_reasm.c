/* What is lost, and when it is known to be: packets that never come among packets that come late. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "capture/reasm.h"
#include "tests/unit/wire.inc"

enum { BIG = 60000 };

static const char first[] = "GET /1 HTTP/1.1\r\nHost: h.test\r\n\r\n",
                  second[] = "GET /2 HTTP/1.1\r\nHost: h.test\r\n\r\n";

static void say(struct wire *w, int role, const char *text)
{
    wire_data(w, role, text, strlen(text));
}

static void bare_ack(struct wire *w, int role)
{
    wire_frame(w, role, TCP_ACK, w->seq[role], w->seq[1 - role], NULL, 0);
}

/* The conversation is over: these exchanges came of it. */
static void expect(struct wire *w, const char *want)
{
    wire_finish(w);
    assert_string_equal(w->log.p, want);
    wire_close(w);
}

/* A loss ends where the acknowledgement does: what is missing behind it has time of its own to come. */
static void loss_ends_at_acknowledgement(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", tail[] = "\r\nworld";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    w.seq[1] += 5; /* never captured */
    bare_ack(&w, 0);
    w.ts += 248000;
    say(&w, 0, second);
    w.ts += 1000; /* now the loss is due */
    wire_frame(&w, 1, TCP_ACK, w.seq[1] + sizeof head - 1, w.seq[0], tail, sizeof tail - 1);
    w.ts += 5000;
    say(&w, 1, head);
    w.seq[1] += sizeof tail - 1;
    bare_ack(&w, 0);
    expect(&w, "GET /1 200 gap req=0 rsp=5 body=unknown truncated\nGET /2 200 complete req=0 rsp=5 body=known\n");
}

/* A hole of the answers that is due takes nothing from the requests, of which one is only late. */
static void directions_apart(void **state)
{
    static const char more[] = "GET /3 HTTP/1.1\r\nHost: h.test\r\n\r\n";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    w.seq[1] += 5;
    bare_ack(&w, 0);
    w.ts += 248000;
    wire_frame(&w, 0, TCP_ACK, w.seq[0] + sizeof second - 1, w.seq[1], more, sizeof more - 1);
    w.ts += 11000;
    say(&w, 0, second);
    w.seq[0] += sizeof more - 1;
    say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    say(&w, 1, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    expect(&w, "GET /1 200 gap req=0 rsp=5 body=unknown truncated\nGET /3 201 complete req=0 rsp=0 body=known\n"
               "GET /2 404 complete req=0 rsp=0 body=known\n");
}

/* Losses that are known at the same time are over at the same time. */
static void losses_at_once(void **state)
{
    static const char part[] = "0123456789";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        w.seq[1] += sizeof part - 1;
        say(&w, 1, part);
    }
    bare_ack(&w, 0);
    w.ts += 300000;
    bare_ack(&w, 0);
    assert_int_equal(w.exchanges, 1);
    expect(&w, "GET /1 200 gap req=0 rsp=50 body=unknown truncated\n");
}

/* The segment for which there is no room is not lost with what was waited for. */
static void no_room(void **state)
{
    enum { PARTS = 1 + FLOW_HELD_MAX / BIG };
    static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 60000\r\n\r\n";
    char *bytes = calloc(1, BIG + sizeof answer), head[80];
    struct wire w;
    (void)state;
    wire_open(&w);
    w.step = 1000;
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 0, second);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", PARTS * BIG);
    say(&w, 1, head);
    w.seq[1] += BIG;
    for (int i = 1; i < PARTS; i++)
        wire_data(&w, 1, bytes, BIG);
    memcpy(bytes, answer, sizeof answer - 1);
    wire_data(&w, 1, bytes, sizeof answer - 1 + BIG);
    free(bytes);
    wire_finish(&w);
    assert_non_null(strstr(w.log.p, "GET /1 200 gap"));
    assert_non_null(strstr(w.log.p, "GET /2 404 complete req=0 rsp=60000 body=known"));
    wire_close(&w);
}

/* An answer that was missed and is sent again acknowledges what came meanwhile; it is still the earlier one's. */
static void sent_again(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    w.seq[1] += sizeof answer - 1;
    say(&w, 0, second);
    wire_frame(&w, 1, TCP_ACK, w.seq[1] - (sizeof answer - 1), w.seq[0], answer, sizeof answer - 1);
    say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    expect(&w, "GET /1 200 complete req=0 rsp=1 body=known\nGET /2 404 complete req=0 rsp=0 body=known\n");
}

/* The same, where an answer before it is lost. */
static void sent_again_after_loss(void **state)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, "GET /0 HTTP/1.1\r\nHost: h.test\r\n\r\n");
    w.seq[1] += 40;
    say(&w, 0, first);
    w.seq[1] += sizeof answer - 1;
    say(&w, 0, second);
    wire_frame(&w, 1, TCP_ACK, w.seq[1] - (sizeof answer - 1), w.seq[0], answer, sizeof answer - 1);
    say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    expect(&w, "GET /0 0 gap req=0 rsp=0 body=unknown truncated\nGET /1 200 complete req=0 rsp=1 body=known resync\n"
               "GET /2 404 complete req=0 rsp=0 body=known\n");
}

/* Of a segment that the capture cut there is no more than it says, also where it is sent again with more behind it. */
static void cut_and_sent_again(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n";
    char bytes[sizeof head - 1 + 600] = {0};
    struct wire w;
    (void)state;
    memcpy(bytes, head, sizeof head - 1);
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    w.snap = 100;
    wire_frame(&w, 1, TCP_ACK, w.seq[1], w.seq[0], bytes, 300);
    wire_frame(&w, 1, TCP_ACK, w.seq[1], w.seq[0], bytes, 400);
    wire_frame(&w, 1, TCP_ACK, w.seq[1] + 400, w.seq[0], bytes + 400, sizeof bytes - 400);
    w.seq[1] += sizeof bytes;
    w.snap = 0;
    say(&w, 0, second);
    say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    expect(&w, "GET /1 200 gap req=0 rsp=160 body=unknown truncated\nGET /2 404 complete req=0 rsp=0 body=known\n");
}

/* The text of a reset is nobody's request. */
static void text_of_a_reset(void **state)
{
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    wire_frame(&w, 0, TCP_RST | TCP_ACK, w.seq[0], w.seq[1], second, sizeof second - 1);
    expect(&w, "GET /1 404 complete req=0 rsp=0 body=known\n");
}

/* A FIN before what has come ends nothing, and behind one nothing is said. */
static void fins(void **state)
{
    struct wire w;
    (void)state;
    for (uint32_t back = 1; back < 20; back += 9) {
        wire_open(&w);
        wire_handshake(&w);
        wire_data(&w, 0, first, 20);
        wire_frame(&w, 0, TCP_ACK | TCP_FIN, w.seq[0] - back, w.seq[1], NULL, 0);
        wire_data(&w, 0, first + 20, sizeof first - 1 - 20);
        say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        wire_fin(&w, 0);
        wire_frame(&w, 0, TCP_ACK, w.seq[0], w.seq[1], second, sizeof second - 1);
        expect(&w, "GET /1 404 complete req=0 rsp=0 body=known\n");
    }
}

/* A SYN within a connection that goes on hides nothing of what follows. */
static void stray_syn(void **state)
{
    struct wire w;
    (void)state;
    for (uint32_t step = 2000; step < 50000000; step *= 20000) {
        wire_open(&w);
        wire_handshake(&w);
        say(&w, 0, first);
        say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        wire_frame(&w, 0, TCP_SYN, w.seq[0] + step, 0, NULL, 0);
        bare_ack(&w, 1);
        say(&w, 0, second);
        say(&w, 1, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        say(&w, 0, first);
        say(&w, 1, "HTTP/1.1 204 No Content\r\n\r\n");
        expect(&w, "GET /1 404 complete req=0 rsp=0 body=known\nGET /2 404 complete req=0 rsp=0 body=known\n"
                   "GET /1 204 complete req=0 rsp=0 body=known\n");
    }
}

/* However they come, pieces behind a hole are put in order; of very many the hole is declared lost. */
static void very_many_pieces(void **state)
{
    enum { PIECES = 1500 };
    char head[80];
    struct wire w;
    (void)state;
    for (int way = 0; way < 3; way++) {
        wire_open(&w);
        wire_handshake(&w);
        say(&w, 0, first);
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", PIECES);
        say(&w, 1, head);
        for (int i = 1; i < PIECES; i++) { /* forwards, backwards, from both ends */
            int at = way == 0 ? i : way == 1 ? PIECES - i : i % 2 ? (i + 1) / 2 : PIECES - i / 2;
            char octet = (char)('a' + at % 26);
            wire_frame(&w, 1, TCP_ACK, w.seq[1] + (uint32_t)at, w.seq[0], &octet, 1);
        }
        wire_frame(&w, 1, TCP_ACK, w.seq[1], w.seq[0], "a", 1);
        expect(&w, "GET /1 200 complete req=0 rsp=1500 body=known\n");
    }
    wire_open(&w);
    w.step = 10;
    wire_handshake(&w);
    say(&w, 0, first);
    for (int i = 0; i < FLOW_PIECES_MAX; i++)
        wire_frame(&w, 1, TCP_ACK, w.seq[1] + 2u + 2u * (uint32_t)i, w.seq[0], "x", 1);
    assert_int_equal(capture_counters(w.capture)->gaps, 0);
    wire_frame(&w, 1, TCP_ACK, w.seq[1] + 2u + 2u * FLOW_PIECES_MAX, w.seq[0], "x", 1);
    assert_int_equal(capture_counters(w.capture)->gaps, FLOW_PIECES_MAX + 1);
    wire_finish(&w);
    wire_close(&w);
}

/* Nothing was in flight when time was looked at last; then a request waits for longer than others wait for it. */
static void waits_too_long(void **state)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    struct wire w;
    (void)state;
    wire_open(&w);
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, answer);
    bare_ack(&w, 0);
    say(&w, 0, second);
    w.vlan = 7; /* another connection */
    wire_handshake(&w);
    say(&w, 0, first);
    say(&w, 1, answer);
    assert_int_equal(w.exchanges, 1);
    w.ts += 2500000;
    bare_ack(&w, 0);
    assert_int_equal(w.exchanges, 2);
    wire_finish(&w);
    assert_int_equal(w.exchanges, 3);
    wire_close(&w);
}

/* ---- the short way and the long one ---- */

static uint32_t dice(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)*seed * n >> 32);
}

/* Requests and answers with bodies of any size, of which one in three is large. */
static void write_talk(struct buf talk[2], uint32_t *seed)
{
    for (unsigned i = 0; i < 12; i++) {
        uint32_t n = dice(seed, dice(seed, 3) ? 300 : 9000);
        buf_printf(&talk[0], "GET /%u HTTP/1.1\r\nHost: h.test\r\n\r\n", i);
        buf_printf(&talk[1], "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%*s", n, (int)n, "");
    }
}

/* A frame that came, of which a copy may come. */
struct came {
    int role;
    uint8_t flags;
    uint32_t seq, ack, n;
    const char *p;
};

static void put(struct wire *w, struct came *into, struct came c)
{
    *into = c;
    wire_frame(w, c.role, c.flags, c.seq, c.ack, c.p, c.n);
}

/* In turn, but for what is lost, late, doubled, sent again or acknowledges anything, a little of each; `odds` of a
 * thousand. */
static void converse(struct wire *w, const struct buf talk[2], uint32_t odds, uint32_t seed)
{
    enum { COPIES = 8 };
    struct came came[COPIES + 1] = {0};
    size_t at[2] = {0};
    uint32_t base[2] = {w->seq[0], w->seq[1]}, frames = 0, run = 0; /* segments more that come without being answered */
    while (at[0] < talk[0].n || at[1] < talk[1].n) {
        int role = run || dice(&seed, 2);
        run = run ? run - 1 : dice(&seed, 8) ? 0 : dice(&seed, 12);
        bool strange = dice(&seed, 1000) < odds;
        uint32_t n = dice(&seed, role ? 1460 : 60), kind = dice(&seed, 6), back = dice(&seed, 500);
        if (role && at[1] * talk[0].n > at[0] * talk[1].n)
            role = 0; /* answers do not run ahead */
        size_t from = at[role], left = talk[role].n - from;
        w->step = dice(&seed, 20) ? dice(&seed, 900) : dice(&seed, 400000);
        n = n < left ? n : (uint32_t)left;
        if (strange && kind == 0)
            from -= back < from ? back : from; /* again, with some that is new */
        else if (!strange || kind != 1)        /* late, or never */
            at[role] += n;
        uint32_t seq = base[role] + (uint32_t)from, ack = base[1 - role] + (uint32_t)at[1 - role];
        if (strange && kind == 2)
            ack += back - 250;
        if (strange && kind == 3)
            continue; /* lost */
        n = strange && kind == 0 && n + back < talk[role].n - from ? n + back : n;
        for (unsigned k = 0; k <= (strange && kind == 4); k++)
            put(w, &came[frames++ % COPIES],
                (struct came){role, TCP_ACK | (n & 1 ? TCP_PSH : 0), seq, ack, n, talk[role].p + from});
        if (!run && dice(&seed, 2))
            put(w, &came[frames++ % COPIES],
                (struct came){1 - role, TCP_ACK, base[1 - role] + (uint32_t)at[1 - role],
                              base[role] + (uint32_t)at[role], 0, NULL});
        if (frames > COPIES && dice(&seed, 1000) < odds)
            put(w, &came[COPIES], came[dice(&seed, COPIES)]);
        if (strange && kind == 5 && !dice(&seed, 2)) {
            static const uint8_t flags[] = {TCP_ACK | TCP_FIN, TCP_ACK | TCP_FIN, TCP_ACK | TCP_RST, TCP_SYN};
            uint32_t which = dice(&seed, 4), ahead = which < 2 && dice(&seed, 2) ? back : 0;
            wire_frame(w, role, flags[which], seq + (which < 3 ? n : 0) + ahead, ack, NULL, 0);
        }
    }
}

/* The same but for what memory was noted when. */
static void same_counters(const struct wire *a, const struct wire *b)
{
    struct capture_stats x = *capture_counters(a->capture), y = *capture_counters(b->capture);
    x.memory_peak_bytes = y.memory_peak_bytes = 0;
    assert_memory_equal(&x, &y, sizeof x);
}

/* A connection that goes on as it should takes a short way, which is told from the long one by nothing; urgent segments
 * always take the long one. Sixteen frames at a time are what one at a time is, and time needs to be told to nobody. */
static void short_way(void **state)
{
    unsigned exchanges = 0;
    uint64_t copies = 0;
    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        struct wire w[2];
        struct buf talk[2] = {{0}};
        uint32_t seed = round;
        write_talk(talk, &seed);
        for (int i = 0; i < 2; i++) {
            wire_open(&w[i]);
            w[i].timed = true;
            w[i].flags = i ? TCP_URG : 0;
            w[i].together = i ? 1 : 1 + round % CAPTURE_FRAMES;
            w[i].told = i && round % 3;
            w[i].vlan = (uint16_t)(round % 7 == 6);
            if (round % 5)
                wire_handshake(&w[i]);
            converse(&w[i], talk, round % 4 * 20, seed);
            wire_finish(&w[i]);
        }
        assert_string_equal(w[0].log.p, w[1].log.p);
        same_counters(&w[0], &w[1]);
        copies += capture_counters(w[0].capture)->duplicates;
        exchanges += w[0].exchanges;
        for (int i = 0; i < 2; i++) {
            wire_close(&w[i]);
            buf_free(&talk[i]);
        }
    }
    assert_in_range(exchanges, 2000, 6000);
    assert_true(copies > 1000);
}

/* As reasm_sample_over and reasm_round_trip say, one question after the other. */
static void model_round_trip(struct flow *f, struct side *peer, int role, const struct segment *s)
{
    int32_t *least = role == 1 ? &f->conn.rtt_server : &f->conn.rtt_client;
    if (peer->rtt_ts == TIME_NONE || (int32_t)(s->ack - peer->rtt_seq) < 0)
        return;
    int64_t rtt = s->ts - peer->rtt_ts;
    peer->rtt_ts = TIME_NONE;
    if (!s->n && rtt >= 0 && rtt < INT32_MAX && (*least < 0 || rtt < *least))
        *least = (int32_t)rtt;
}

static void round_trips(void **state)
{
    enum { TURNS = 100000 };
    static struct flow f = {.conn.rtt_client = -1, .conn.rtt_server = -1}, model;
    unsigned ended = 0;
    uint32_t seed = 9;
    (void)state;
    f.side[0].rtt_ts = f.side[1].rtt_ts = TIME_NONE;
    model = f;
    for (unsigned i = 0; i < TURNS; i++) {
        int role = (int)(dice(&seed, 2)), dir = (int)(dice(&seed, 2));
        struct segment s = {.ts = dice(&seed, 1u << 20), .ack = dice(&seed, 256) << 24, .n = dice(&seed, 2)};
        struct side *peer = &f.side[dir];
        if (dice(&seed, 2)) {
            peer->rtt_seq = model.side[dir].rtt_seq = dice(&seed, 256) << 24;
            peer->rtt_ts = model.side[dir].rtt_ts = dice(&seed, 1u << 20);
        }
        if (!dice(&seed, 64))
            f.conn.rtt_client = f.conn.rtt_server = model.conn.rtt_client = model.conn.rtt_server = -1;
        model_round_trip(&model, &model.side[dir], role, &s);
        if (s.n)
            reasm_sample_over(peer, s.ack);
        else
            reasm_round_trip(&f, peer, role, &s);
        assert_int_equal(f.conn.rtt_client, model.conn.rtt_client);
        assert_int_equal(f.conn.rtt_server, model.conn.rtt_server);
        assert_int_equal(peer->rtt_ts, model.side[dir].rtt_ts);
        ended += peer->rtt_ts == TIME_NONE;
    }
    assert_in_range(ended, TURNS / 10, TURNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_ends_at_acknowledgement),
        cmocka_unit_test(directions_apart),
        cmocka_unit_test(losses_at_once),
        cmocka_unit_test(no_room),
        cmocka_unit_test(sent_again),
        cmocka_unit_test(sent_again_after_loss),
        cmocka_unit_test(cut_and_sent_again),
        cmocka_unit_test(text_of_a_reset),
        cmocka_unit_test(fins),
        cmocka_unit_test(stray_syn),
        cmocka_unit_test(very_many_pieces),
        cmocka_unit_test(waits_too_long),
        cmocka_unit_test(short_way),
        cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
