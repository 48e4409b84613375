/* Operations in bodies, queries and fields (E-4, ALGORITHMS.md 6.3): GraphQL, JSON-RPC, SOAP as they are sent, however
 * they are cut; what is none of them is none; the bounds hold; errors that a 200 carries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/operation.h"
#define WIRE_MEMORY (8 << 20)
#include "tests/unit/wire.inc"

static const char json[] = "Content-Type: application/json\r\n";
static const char fine[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"data\":{}}";

static void send_all(struct wire *w, int role, struct slice s)
{
    for (size_t at = 0; at < s.n; at += 16000)
        wire_data(w, role, s.p + at, s.n - at < 16000 ? s.n - at : 16000);
}

/* A connection of its own, the request in two pieces. */
static void talk(struct wire *w, struct slice request, struct slice answer, size_t cut)
{
    w->seq[0] += 1000;
    w->seq[1] += 1000;
    wire_handshake(w);
    send_all(w, 0, slice_sub(request, 0, cut));
    send_all(w, 0, slice_sub(request, cut, request.n));
    send_all(w, 1, slice_sub(answer, 0, answer.n / 2));
    send_all(w, 1, slice_sub(answer, answer.n / 2, answer.n));
    wire_fin(w, 0);
    wire_fin(w, 1);
}

/* The line of the exchange; owned by the caller. `cuts`: one for the request in one piece, and for every cut. */
static char *lines_of(struct slice request, struct slice answer, bool cuts)
{
    struct wire w;
    wire_open(&w);
    talk(&w, request, answer, request.n);
    for (size_t cut = 1; cuts && cut<request.n; cut += request.n> 2000 ? 9973 : 1)
        talk(&w, request, answer, cut);
    wire_finish(&w);
    char *lines = strdup(w.log.p ? w.log.p : "");
    wire_close(&w);
    return lines;
}

static char *line_of(struct slice request, struct slice answer)
{
    return lines_of(request, answer, false);
}

static struct buf post(const char *fields, struct slice body)
{
    struct buf b = {0};
    buf_printf(&b, "POST /api HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n", fields, body.n);
    buf_slice(&b, body);
    return b;
}

static void expect_line(struct slice request, struct slice answer, const char *want)
{
    char *lines = lines_of(request, answer, true), *first = NULL;
    unsigned n = 0;
    for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"), n++) {
        const char *at = strstr(line, " operation=");
        first = first ? first : line;
        assert_string_equal(line, first);
        assert_string_equal(at ? at + 11 : "", want);
    }
    assert_true(n == (request.n > 2000 ? 1 + (request.n + 9971) / 9973 : request.n));
    free(lines);
}

static void expect_post(const char *fields, const char *body, const char *want)
{
    struct buf b = post(fields, slice_str(body));
    expect_line(slice_of(b.p, b.n), slice_str(fine), want);
    buf_free(&b);
}

static void graphql(void **state)
{
    (void)state;
    expect_post(json,
                "{\"operationName\":\"Cart\",\"query\":\"query Cart($id: ID! = \\\"x\\\") { cart(id: $id) { n } "
                "}\",\"variables\":{\"id\":\"{\"}}",
                "query:Cart safe answer=read");
    expect_post(json, "{\"query\":\"mutation Pay { pay }\"}", "mutation:Pay answer=read");
    expect_post(json, "{\"query\":\"subscription Feed { feed }\"}", "subscription:Feed answer=read");
    expect_post(json,
                "{\"variables\":null,\"query\":\"fragment F on Item { id }\\nquery First { a { ...F } } mutation "
                "Second { b }\"}",
                "query:First answer=read");
    expect_post(json, "{\"query\":\"query First { a } mutation Second { b }\",\"operationName\":\"Second\"}",
                "mutation:Second answer=read");
    expect_post(json, "{\"operationName\":\"First\",\"query\":\"query First { a } mutation Second { b }\"}",
                "query:First safe answer=read");
    expect_post(json, "{\"query\":\"\\u0071uery \\u0041b { x(s: \\\"\\\"\\\"a } { \\\\\\\"\\\"\\\" \\\"\\\"\\\") }\"}",
                "query:Ab safe answer=read");
    expect_post("Content-Type: application/graphql+json; charset=utf-8\r\n", "{\"query\":\"query A { x } # }\"}",
                "query:A safe answer=read");
    expect_post(json,
                "{\"query\":\"query A @live { x @include(if: true) { ... on T { y } ... { z } ...F } "
                "}\",\"operationName\":null}",
                "query:A safe answer=read");
}

static char *anonymous(const char *document)
{
    char body[512];
    snprintf(body, sizeof body, "{\"query\":\"%s\"}", document);
    struct buf b = post(json, slice_str(body));
    char *line = line_of(slice_of(b.p, b.n), slice_str(fine)), *at = strstr(line, "operation=anon:");
    buf_free(&b);
    char *name = at ? strndup(at + 10, 11) : NULL;
    bool safe = at && !strncmp(at + 21, " safe", 5);
    free(line);
    assert_non_null(name);
    assert_true(strlen(name) == 11 && strspn(name + 5, "0123456789abcdef") == 6);
    assert_true(safe == !strstr(document, "mutation"));
    return name;
}

static void without_names(void **state)
{
    (void)state;
    char *a = anonymous("{ user(id: 5, on: true) { name } }");
    const char *same[] = {"{user(id:77,on:null){name}}", "{ user(id: \\\"abc\\\", on: false)\\n\\t{ name } } # 5",
                          "{user(id:-1.5e3 on:true){,name,}}"};
    const char *other[] = {"{ user(id: 5, on: true) { age } }", "{ user(id: $id, on: true) { name } }",
                           "query { user(id: 5, on: true) { name } }", "mutation { user(id: 5, on: true) { name } }",
                           "{ us er(id: 5, on: true) { name } }"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *b = anonymous(same[i]);
        assert_string_equal(a, b);
        free(b);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        char *b = anonymous(other[i]);
        assert_string_not_equal(a, b);
        free(b);
    }
    free(a);
}

static void persisted(void **state)
{
    (void)state;
    expect_post(json,
                "{\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":"
                "\"ECF4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38\"}},\"operationName\":\"Cart\"}",
                "persisted:ecf4ed answer=read");
    expect_post(json,
                "{\"query\":\"query Cart { c "
                "}\",\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"ecf4edb4\"}}}",
                "query:Cart safe answer=read");
    expect_line(
        SLICE(
            "GET /api?operationName=Cart&variables=%7B%7D&extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C"
            "%22sha256Hash%22%3A%22ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38%22%7D%7D "
            "HTTP/1.1\r\nHost: h\r\n\r\n"),
        slice_str(fine), "persisted:ecf4ed answer=read");
}

static void by_get(void **state)
{
    (void)state;
    expect_line(SLICE("GET /graphql?query=query+Cart%7Bcart%7Bn%7D%7D HTTP/1.1\r\nHost: h\r\n\r\n"), slice_str(fine),
                "query:Cart safe answer=read");
    expect_line(SLICE("GET /graphql?a=1&query={a}%20query%20B{b}&operationName=B HTTP/1.1\r\nHost: h\r\n\r\n"),
                slice_str(fine), "query:B safe answer=read");
    const char *none[] = {"query=shoes",
                          "query=query",
                          "query=up%7Bjob%3D%22x%22%7D",
                          "query=%7Bjob%3D%22x%22%7D",
                          "query=%7B%22a%22%3A1%7D",
                          "query=%7B%7D",
                          "query=",
                          "myquery=%7Ba%7D",
                          "extensions=1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char text[256];
        snprintf(text, sizeof text, "GET /search?%s HTTP/1.1\r\nHost: h\r\n\r\n", none[i]);
        expect_line(slice_str(text), slice_str(fine), "");
    }
    for (int before = 0; before < 40; before++) /* wherever it stands, and whatever else is behind it */
        for (int behind = 0; behind < 20; behind++) {
            char text[256];
            snprintf(text, sizeof text,
                     "GET /?%.*s&query={a}query%%20B{b}&operationName=B%.*s HTTP/1.1\r\nHost: h\r\n\r\n", before,
                     "y=1&category=s=3&days=4&keys=y&ys=5&a=b&cc=dd", behind, "&y=12&s=345&xquer=y=");
            expect_line(slice_str(text), slice_str(fine), "query:B safe answer=read");
        }
}

static void batches(void **state)
{
    (void)state;
    expect_post(json, "[{\"query\":\"query A { a }\"},{\"query\":\"query B { b }\"},{\"query\":\"query A { a }\"}]",
                "query:A,query:B safe answer=read");
    expect_post(json, " [ {\"query\":\"query A { a }\"} , {\"query\":\"mutation B { b }\"} ] ",
                "query:A,mutation:B answer=read");
    struct buf b = {0};
    for (int i = 0; i < 12; i++)
        buf_printf(&b, "%s{\"query\":\"query Q%d { a }\"}", i ? "," : "[", i);
    buf_str(&b, "]");
    buf_char(&b, 0);
    expect_post(json, b.p, "query:Q0,query:Q1,query:Q2,query:Q3,query:Q4,query:Q5,query:Q6,query:Q7,+ answer=read");
    buf_free(&b);
    expect_post(json, "[]", "");
    expect_post(json, "[{\"query\":\"query A { a }\"},7]", "");
}

static void rpc(void **state)
{
    (void)state;
    expect_post(
        json,
        "{\"jsonrpc\":\"2.0\",\"method\":\"user.get\",\"params\":{\"method\":\"no\",\"x\":[1,{\"y\":\"]\"}]},\"id\":1}",
        "user.get answer=read");
    expect_post(json, "{\"id\":1,\"params\":[\"\\\"}\"],\"method\":\"eth_call\",\"jsonrpc\":\"2.0\"}",
                "eth_call answer=read");
    expect_post("Content-Type: application/json-rpc\r\n",
                "[{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":1},{\"jsonrpc\":\"2.0\",\"method\":\"notify_hello\"},"
                "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":2}]",
                "sum,notify_hello answer=read");
    expect_post(json, "{\"jsonrpc\":\"1.0\",\"method\":\"user.get\"}", "");
    expect_post(json, "{\"method\":\"user.get\"}", "");
    expect_post(json, "{\"jsonrpc\":\"2.0\",\"result\":1}", "");
}

static void soap(void **state)
{
    (void)state;
    expect_post("Content-Type: text/xml\r\nSOAPAction: \"http://example.com/GetPrice\"\r\n", "<x/>",
                "http://example.com/GetPrice answer=none");
    expect_post("Content-Type: text/xml\r\nsoapaction: urn:shop:1#Add\r\n", "<x/>", "urn:shop:1#Add answer=none");
    expect_post("Content-Type: application/soap+xml; charset=utf-8; action=\"urn:GetPrice\"\r\n", "<x/>",
                "urn:GetPrice answer=none");
    expect_post("Content-Type: text/xml\r\nSOAPAction: \"\"\r\n", "<x/>", "");
}

/* Nothing of these is an operation, and nothing of what they hold is shown. */
static void none(void **state)
{
    (void)state;
    const char *bodies[] = {"{\"query\":\"shoes\"}",
                            "{\"query\":{\"match_all\":{}}}",
                            "{\"query\":\"{\\\"a\\\":1}\"}",
                            "{\"query\":\"{a:1}\"}",
                            "",
                            "{",
                            "{\"query\":\"query A { a }\"",
                            "{\"query\":\"query A { a }\"}x",
                            "3",
                            "\"query A { a }\"",
                            "{\"a\":[[[[[[[[[[[[]]]]]]]]]]]]}",
                            "{\"query\":\"query A { a\"}",
                            "{\"query\":\"type A { a: Int }\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        expect_post(json, bodies[i], "");
    expect_post("Content-Type: text/plain\r\n", "{\"query\":\"query A { a }\"}", "");
    expect_post("Content-Type: application/json\r\nContent-Encoding: unknown\r\n", "{\"query\":\"query A { a }\"}", "");
}

/* Names that read like credentials, hold odd characters or are long stand as hashes. */
static void hidden(void **state)
{
    (void)state;
    const char *names[] = {"a b", "a,b", "$/progress", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
                           "0123456789abcdef0123456789abcdef0123"};
    char body[512];
    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        bool last = i == sizeof names / sizeof *names;
        snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"method\":\"%s%s\"}",
                 last ? "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff" : names[i],
                 last ? "gggggg" : "");
        struct buf b = post(json, slice_str(body));
        char *line = line_of(slice_of(b.p, b.n), slice_str(fine)), *at = strstr(line, "operation=~");
        assert_non_null(at);
        assert_true(strspn(at + 11, "0123456789abcdef") == 12);
        free(line);
        buf_free(&b);
    }
}

/* What lies behind the first 64 KiB is not looked at; what was found before counts. */
static void bounds(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_str(&b, "{\"query\":\"query Long { ");
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "field%d ", i);
    buf_str(&b, "}\",\"operationName\":\"Late\"}");
    struct buf request = post(json, slice_of(b.p, b.n));
    expect_line(slice_of(request.p, request.n), slice_str(fine), "query:Long answer=read");
    buf_free(&request);
    b.n = 0;
    buf_str(&b, "{\"variables\":\"");
    for (int i = 0; i < 70000; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\",\"query\":\"query A { a }\"}");
    request = post(json, slice_of(b.p, b.n));
    expect_line(slice_of(request.p, request.n), slice_str(fine), "");
    buf_free(&request);
    buf_free(&b);
}

static void expect_answer(const char *body, const char *type, const char *answer, const char *want)
{
    struct buf b = post(json, slice_str(body)), a = {0};
    buf_printf(&a, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", type, strlen(answer),
               answer);
    char *line = line_of(slice_of(b.p, b.n), slice_of(a.p, a.n));
    bool failed = strstr(line, "application_error");
    char got[64];
    snprintf(got, sizeof got, "%s%s", failed ? "failed " : "", strstr(line, "answer=") + 7);
    got[strcspn(got, "\n")] = 0;
    assert_string_equal(got, want);
    free(line);
    buf_free(&a);
    buf_free(&b);
}

static void errors(void **state)
{
    (void)state;
    const char *query = "{\"query\":\"{ a }\"}", *call = "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}",
               *type = "application/json";
    expect_answer(query, type, "{\"data\":{\"errors\":[1]},\"x\":{\"errors\":[1]}}", "read");
    expect_answer(query, type, "{\"errors\":[],\"data\":null}", "read");
    expect_answer(query, type, "{\"data\":null,\"errors\":[{\"message\":\"x\"}]}", "failed read");
    expect_answer(query, "application/graphql-response+json", "[{\"data\":1},{\"errors\":[{}]}]", "failed read");
    expect_answer(query, type, "{\"error\":{\"code\":1}}", "read");
    expect_answer(query, type, "{\"data\":", "cut");
    expect_answer(query, "text/html", "{\"errors\":[1]}", "no_json");
    expect_answer(call, type, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601},\"id\":1}", "failed read");
    expect_answer(call, type, "{\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"error\":1},\"id\":1}", "read");
    struct buf b = {0};
    buf_str(&b, "{\"data\":\"");
    for (int i = 0; i < 70000; i++)
        buf_char(&b, 'x');
    buf_str(&b, "\",\"errors\":[1]}");
    buf_char(&b, 0);
    expect_answer(query, type, b.p, "long");
    buf_free(&b);
}

/* Bodies that never end hold no more readers than there are: the one begun first gives way. */
static void give_way(void **state)
{
    (void)state;
    struct hash_key key = {1, 2, 3};
    struct operations *o = operations_new(&key, 1 << 20);
    struct slot_pool pool;
    assert_true(slot_pool_init(&pool, 2 * OPERATIONS_OPEN, 1 << 20));
    struct slot *s[2 * OPERATIONS_OPEN];
    struct slice body = SLICE("{\"query\":\"query A {a}\"}");
    char raw[] = "application/json";
    struct head h = {.raw = {raw, sizeof raw - 1}, .n_fields = 1};
    h.fields[0] = (struct rawfield){.value_n = sizeof raw - 1, .token = TOKEN_CONTENT_TYPE};
    for (int i = 0; i < 2 * OPERATIONS_OPEN; i++) {
        s[i] = slot_take(&pool);
        operation_post(o, &pool, s[i], &h, (struct slice){NULL, 0});
        assert_non_null(s[i]->operation);
        operation_data(s[i]->operation, 0, body.p, body.n, false);
    }
    for (int i = 0; i < 2 * OPERATIONS_OPEN; i++) {
        assert_true((s[i]->operation != NULL) == (i >= OPERATIONS_OPEN));
        operation_asked(o, &pool, s[i]);
        assert_true((s[i]->x.operation != NULL) == (i >= OPERATIONS_OPEN));
        slot_give(&pool, s[i]);
    }
    operations_free(o);
    slot_pool_fini(&pool);
}

/* A whole body asks for what the same body asks for in two pieces, wherever in it the member is that says so. */
static void whole_or_in_pieces(void **state)
{
    static const char *const bodies[] = {
        "{\"n\":\"%.*s\",\"query\":\"query A {a}\"}",
        "{\"query\":\"{a}\",\"n\":\"%.*s\"}",
        "{\"n\":\"%.*s\",\"\\u0071uery\":\"query A {a}\"}",
        "[{\"jsonrpc\":\"2.0\",\"method\":\"m%.*s\"}]",
        "{\"extensions\":{\"x%.*s\":1,\"persistedQuery\":{\"sha256Hash\":\"0123456789\"}}}",
        "{\"n\":\"%.*s\",\"quote\":\"query A {a}\",\"json\":\"\",\"sh\":1}",
        "%.*s\"query\"",
        "{\"n\":\"%.*s\\"};
    struct operations *o = operations_new(&(struct hash_key){1, 2, 3}, 1 << 20);
    struct slot_pool pool;
    char raw[] = "application/json";
    struct head h = {.raw = {raw, sizeof raw - 1}, .n_fields = 1};
    unsigned asked = 0;
    (void)state;
    h.fields[0] = (struct rawfield){.value_n = sizeof raw - 1, .token = TOKEN_CONTENT_TYPE};
    assert_true(slot_pool_init(&pool, 3, 1 << 20));
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies * 48; i++) {
        char text[256];
        int n = snprintf(text, sizeof text, bodies[i / 48], (int)(i % 48),
                         "ququeryjsonrpcsha256Hash:queryjsonrpcsha256Hashquery");
        struct slot *s[3] = {slot_take(&pool), slot_take(&pool), slot_take(&pool)};
        char *exact = malloc((size_t)n);
        memcpy(exact, text, (size_t)n);
        for (int k = 0; k < 3; k++)
            operation_post(o, &pool, s[k], &h, slice_of(exact, k < 2 ? 0 : (size_t)n));
        operation_data(s[0]->operation, 0, exact, (size_t)n, true);
        operation_data(s[1]->operation, 0, exact, (size_t)n / 2, false);
        operation_data(s[1]->operation, 0, exact + n / 2, (size_t)(n - n / 2), false);
        if (s[2]->operation)
            operation_data(s[2]->operation, 0, exact, (size_t)n, true);
        for (int k = 0; k < 3; k++)
            operation_asked(o, &pool, s[k]);
        asked += s[0]->x.operation != NULL;
        for (int k = 1; k < 3; k++) {
            assert_int_equal(s[0]->x.operation != NULL, s[k]->x.operation != NULL);
            assert_true(!s[0]->x.operation || slice_eq(s[0]->x.operation->name, s[k]->x.operation->name));
        }
        free(exact);
        for (int k = 0; k < 3; k++)
            slot_give(&pool, s[k]);
    }
    assert_true(asked > 4 * 48);
    operations_free(o);
    slot_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole_or_in_pieces),
                                       cmocka_unit_test(graphql),
                                       cmocka_unit_test(without_names),
                                       cmocka_unit_test(persisted),
                                       cmocka_unit_test(by_get),
                                       cmocka_unit_test(batches),
                                       cmocka_unit_test(rpc),
                                       cmocka_unit_test(soap),
                                       cmocka_unit_test(none),
                                       cmocka_unit_test(hidden),
                                       cmocka_unit_test(bounds),
                                       cmocka_unit_test(errors),
                                       cmocka_unit_test(give_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
