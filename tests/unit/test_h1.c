/* HTTP/1 that two parsers could read differently (RFC 9112 sections 2.2, 6.1, 6.3, 7.1): it is read, and flagged; what
 * only looks odd is not. However the octets are cut into segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/wire.inc"

/* One request that says this behind its Host, and its answer: whether it is flagged. */
static void expect(const char *version, const char *rest, unsigned octets, bool ambiguous)
{
    struct buf text = {0}, want = {0};
    buf_printf(&text, "POST / HTTP/%s\r\nHost: h.test\r\n%s", version, rest);
    buf_printf(&want, "POST / 204 complete req=%u rsp=0 body=known%s\n", octets, ambiguous ? " ambiguous" : "");
    buf_char(&want, 0);
    for (size_t piece = 1; piece <= text.n; piece++) {
        struct wire w;
        wire_open(&w);
        wire_handshake(&w);
        for (size_t at = 0; at < text.n; at += piece)
            wire_data(&w, 0, text.p + at, piece < text.n - at ? piece : text.n - at);
        wire_data(&w, 1, "HTTP/1.1 204 No Content\r\n\r\n", 27);
        wire_finish(&w);
        if (strcmp(w.log.p, want.p) != 0)
            printf("# in pieces of %zu: %s\n", piece, rest);
        assert_string_equal(w.log.p, want.p);
        wire_close(&w);
    }
    buf_free(&text);
    buf_free(&want);
}

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static void chunks(void **state)
{
    (void)state;
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 5, false);
    expect("1.1", CHUNKED "5  \r\nhello\r\n0 ; a=b; c=\"d e\"\r\nx: y\r\n\r\n", 5, false);
    expect("1.1", CHUNKED "2\r\nhe\r\n3\r\nllo\r\n0A\r\n0123456789\r\n00\r\n\r\n", 15, false);
    expect("1.1", CHUNKED "000000005\r\nhello\r\n000000000\r\n\r\n", 5, false);
    expect("1.1", CHUNKED "5\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5;a\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5 0\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\n0\r\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\n\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\nx: y\n\r\n", 5, true);
    expect("1.1", CHUNKED "5\r\nhello\r\n0\r\nx: y\rz: 0\r\n\r\n", 5, true);
}

static void heads(void **state)
{
    (void)state;
    expect("1.1", "Content-Length: 5\r\n\r\nhello", 5, false);
    expect("1.1", "Content-Length: 5,\r\n\r\nhello", 5, true);
    expect("1.1", "Content-Length: \r\n\r\n", 0, true);
    expect("1.0", CHUNKED "5\r\nhello\r\n0\r\n\r\n", 5, true);
    expect("1.1", "Host: other.test\r\n\r\n", 0, true);
    expect("1.1", "X: a\rContent-Length: 5\r\n\r\n", 0, true);
    expect("1.1", "X: a\r\r\n\r\n", 0, true);
}

/* ---- messages that come whole, and the same ones in pieces ---- */

static uint64_t random_state;

static unsigned below(unsigned n)
{
    return (unsigned)(hash_mix(random_state += 0x9e3779b97f4a7c15u) % n);
}

static void note_ids(void *context, struct exchange *x)
{
    struct wire *w = context;
    buf_printf(&w->log, "%llx %llx %llx %llu ", (unsigned long long)x->request_body_id, (unsigned long long)x->body_id,
               (unsigned long long)x->decoded_id, (unsigned long long)x->gap_bytes);
    wire_take(w, x);
}

static void open_ids(struct wire *w)
{
    char why[128];
    struct capture_options o = {.memory = WIRE_MEMORY, .answer_timeout_us = 300000000, .sink = {note_ids, w}};
    wire_open(w);
    capture_free(w->capture);
    o.packet = packet_options_default();
    o.key = hash_key_from("0123456789abcdef", 16);
    w->capture = capture_new(&o, why);
    assert_non_null(w->capture);
}

#define ONE_OF(of) (of)[below(sizeof(of) / sizeof *(of))]

static void body(struct buf *b, const char *start)
{
    static const char *const bodies[] = {"{\"a\": 1}", "{\"a\": 2}", "{\"query\": \"query Q { a }\"}", "data: x\n\n",
                                         "x"};
    const char *p = below(6) ? ONE_OF(bodies) : "";
    if (!below(6))
        buf_printf(b, "%sTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s%s0\r\n\r\n", start, strlen(p), p,
                   *p ? "\r\n" : "");
    else
        buf_printf(b, "%sContent-Length: %zu\r\n\r\n%s", start, strlen(p), p);
}

static void make_request(struct buf *b)
{
    static const char *const lines[] = {"GET /a?b=c HTTP/1.1\r\nHost: h.test\r\n",
                                        "HEAD /a HTTP/1.1\r\nHost: h.test\r\n", "GET /d HTTP/1.0\r\n",
                                        "\r\nGET /e HTTP/1.1\r\nHost: h.test\r\nHost: h.test\r\n"};
    static const char *const types[] = {"application/json", "application/grpc", "text/plain"};
    struct buf start = {0};
    if (below(2)) {
        buf_printf(b, "%s\r\n", ONE_OF(lines));
        return;
    }
    buf_printf(&start, "POST /p HTTP/1.1\r\nHost: h.test\r\nContent-Type: %s\r\n", ONE_OF(types));
    buf_char(&start, 0);
    body(b, start.p);
    buf_free(&start);
}

static void make_answer(struct buf *b, bool to_head)
{
    static const char *const lines[] = {"200 OK",      "200 OK",           "201 Created",
                                        "404 Missing", "304 Not Modified", "204 No Content"};
    static const char *const types[] = {"application/json", "application/json; charset=utf-8", "text/event-stream",
                                        "text/plain"};
    struct buf start = {0};
    if (!below(8))
        buf_printf(b, "HTTP/1.1 100 Continue\r\n\r\n");
    const char *line = ONE_OF(lines);
    buf_printf(&start, "HTTP/1.1 %s\r\nContent-Type: %s\r\n", line, ONE_OF(types));
    buf_char(&start, 0);
    if (to_head || strstr(line, "No"))
        buf_printf(b, "%s%s\r\n", start.p, to_head ? "Content-Length: 5\r\n" : "");
    else
        body(b, start.p);
    buf_free(&start);
}

/* Messages in turn, each in pieces of so many octets. `ends`: where each ends; the first is a request. */
static void play(struct wire *w, const struct buf *text, const size_t *ends, unsigned messages, size_t piece)
{
    size_t at = 0;
    open_ids(w);
    w->step = 0; /* times differ by how it is cut */
    wire_handshake(w);
    for (unsigned i = 0; i < messages; i++)
        for (; at < ends[i]; at += piece < ends[i] - at ? piece : ends[i] - at)
            wire_data(w, i & 1, text->p + at, piece < ends[i] - at ? piece : ends[i] - at);
    wire_finish(w);
}

static void whole_or_not(void **state)
{
    enum { MESSAGES = 12 };
    static const size_t pieces[] = {1, 7, 40, 100};
    (void)state;
    for (unsigned run = 0; run < 100; run++) {
        struct buf text = {0};
        size_t ends[MESSAGES];
        bool to_head = false;
        for (unsigned i = 0; i < MESSAGES; i++) {
            size_t at = text.n;
            if (i & 1)
                make_answer(&text, to_head);
            else
                make_request(&text);
            to_head = text.p[at] == 'H';
            ends[i] = text.n;
        }
        struct wire whole, cut;
        play(&whole, &text, ends, MESSAGES, SIZE_MAX);
        play(&cut, &text, ends, MESSAGES, pieces[run % 4]);
        assert_string_equal(whole.log.p, cut.log.p);
        wire_close(&whole);
        wire_close(&cut);
        buf_free(&text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(chunks), cmocka_unit_test(heads),
                                              cmocka_unit_test(whole_or_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
