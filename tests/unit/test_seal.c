/* What is sealed of an exchange does not depend on what was sealed before it; raw heads are wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "capture/head.h"
#include "capture/seal.h"

static struct hash_key key;
static struct slot_pool pool;
static unsigned blocks; /* requests that began with a block of fields that was known */

static struct seal *fresh(void)
{
    char why[128];
    struct seal_options o = {.trusted_proxies = NULL};
    key = hash_key_from("0123456789abcdef", 16);
    struct seal *s = seal_new(&key, &o, why);
    assert_non_null(s);
    return s;
}

static void keep(struct slot *slot, const struct head *h, struct rawhead *to)
{
    char *p = slot_alloc(&pool, slot, h->raw.n);
    struct rawfield *fields = slot_alloc(&pool, slot, h->n_fields * sizeof *fields);
    memcpy(p, h->raw.p, h->raw.n);
    memcpy(fields, h->fields, h->n_fields * sizeof *fields);
    *to = (struct rawhead){.p = p, .n = (uint32_t)h->raw.n, .n_fields = h->n_fields, .vary = h->vary, .fields = fields};
    if (h->method.n)
        slot->method = slice_of(p + (h->method.p - h->raw.p), h->method.n);
    if (h->target.n)
        slot->target = slice_of(p + (h->target.p - h->raw.p), h->target.n);
}

static void add_text(struct buf *out, struct slice text)
{
    buf_slice(out, text.p ? text : SLICE("(none)"));
    buf_char(out, '\n');
}

/* All that is sealed, as text. */
static void sealed(struct seal *s, const char *request, const char *response, bool tls, struct buf *out)
{
    static struct head head;
    static struct known known;
    struct slot *slot = slot_take(&pool);
    slot->x.tls = tls;
    assert_true(addr_parse(SLICE("10.0.0.7:1000"), &slot->x.client) && addr_parse(SLICE("[::1]:80"), &slot->x.server));
    assert_int_equal(head_request(&head, &known, slice_str(request), false), HEAD_DONE);
    keep(slot, &head, &slot->request);
    slot->block = head.block;
    slot->n_block = head.n_block;
    blocks += head.block != 0;
    assert_int_equal(head_response(&head, &known, slice_str(response), false), HEAD_DONE);
    keep(slot, &head, &slot->response);
    const char *raw[] = {slot->request.p, slot->response.p};
    size_t raw_n[] = {slot->request.n, slot->response.n};
    if (tls) /* one of two */
        slot->who = seal_address_of(s, &slot->x.client);
    seal_expect(s, slot);
    seal_exchange(s, &pool, slot);
    for (int i = 0; i < 2; i++)
        for (size_t at = 0; at < raw_n[i]; at++)
            assert_int_equal(raw[i][at], 0);
    const struct exchange *x = &slot->x;
    const struct slice texts[] = {x->method,     x->service,      x->authority, x->target,
                                  x->user_agent, x->content_type, x->encoding,  x->upgrade};
    out->n = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(out, texts[i]);
    for (unsigned i = 0; i < x->n_fields; i++) {
        add_text(out, x->fields[i].name);
        add_text(out, x->fields[i].value);
        buf_char(out, x->fields[i].response ? 'r' : 'q');
    }
    uint64_t sum = 0; /* equal sets are one, in the order of the first */
    for (unsigned i = 0; x->parts && i < x->parts->n; i++)
        sum += hash_mix(x->parts->part[i].value + x->parts->part[i].id);
    buf_printf(out, "%u %llx\n", x->parts ? x->parts->n : 0, (unsigned long long)sum);
    buf_printf(out, "%u %llx %u %u %x", x->identity, (unsigned long long)x->client_hash, x->credential_besides,
               x->api_version, (unsigned)x->flags);
    slot_give(&pool, slot);
}

static const char *one(const char *const *of, size_t n)
{
    return of[(size_t)rand() % n];
}

#define ONE(of) one(of, sizeof(of) / sizeof *(of))

static void random_exchange(char request[1024], char response[1024])
{
    static const char *const methods[] = {"GET", "GET", "POST", "HEAD", "PUT", "DELETE", "PROPFIND"};
    static const char *const targets[] = {
        "/", "/api/v1/carts/7", "http://Me:pw@Other.test:80/x?a=1", "/t?key=7&x=1", "//jo@h/x", "/jo@example.com", "*"};
    static const char *const hosts[] = {"Host: api.test\r\n",
                                        "Host: API.test\r\n",
                                        "Host: api.test:80\r\n",
                                        "Host: api.test:443\r\n",
                                        "Host: shop.test\r\n",
                                        "Host: spot.test\r\n",
                                        "Host: u:p@shop.test\r\n",
                                        "Host: shop.test/x?y\r\n",
                                        "Host: h\xe9.test\r\n",
                                        "Host: 0123456789.0123456789.0123456789.0123456789.test\r\n",
                                        "Host: :80\r\n",
                                        "Host:\r\n",
                                        ""};
    static const char *const fields[] = {"",
                                         "User-Agent: curl/8.0 (x)\r\nAccept: */*\r\n",
                                         "Accept: application/vnd.x.v2+json\r\nUser-Agent: a\r\nUser-Agent: b\r\n",
                                         "Authorization: Bearer 0123\r\nIf-None-Match: W/\"a\"\r\n",
                                         "User-Agent: Mozilla/5.0 (X11)\r\nAccept-Encoding: gzip\r\n"
                                         "Accept-Language: de\r\nApi-Version: 2\r\n",
                                         "Accept: application/vnd.y.v3+json\r\nOrigin: http://a.test\r\n"
                                         "Cache-Control: no-cache\r\nUser-Agent: a b\r\n",
                                         "X-Api-Key: acme_live_0123456789\r\n",
                                         "Cookie: sid=0123456789\r\nCache-Control: no-cache\r\n",
                                         "Cache-Control: no-cache\r\nCache-Control: max-age=0\r\nPragma: no-cache\r\n"};
    static const char *const answers[] = {
        "", "Content-Type: application/json; charset=utf-8\r\nETag: \"x\"\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n",
        "Cache-Control: public\r\nCache-Control: max-age=3\r\nContent-Encoding: gzip\r\nAge: 1\r\n",
        "Content-Location: /api/v1/carts/7\r\nSet-Cookie: sid=0123456789\r\nLocation: /x\r\n",
        "RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 3\r\nX-Cache: HIT\r\nContent-Type: text/html\r\n"};
    snprintf(request, 1024, "%s %s HTTP/1.1\r\n%s%s%s\r\n", ONE(methods), ONE(targets), ONE(hosts), ONE(fields),
             ONE(fields));
    snprintf(response, 1024, "HTTP/1.1 200 OK\r\n%s%s\r\n", ONE(answers), ONE(answers));
}

static void as_if_first(void **state)
{
    struct seal *old = fresh();
    struct buf a = {0}, b = {0};
    (void)state;
    srand(9);
    assert_true(slot_pool_init(&pool, 4, 1 << 20));
    blocks = 0;
    for (int i = 0; i < 4000; i++) {
        char request[1024], response[1024];
        bool tls = rand() % 2;
        random_exchange(request, response);
        sealed(old, request, response, tls, &a);
        if (i % 4)
            continue;
        struct seal *new = fresh();
        sealed(new, request, response, tls, &b);
        assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
        seal_free(new);
    }
    assert_true(blocks > 400);
    buf_free(&a);
    buf_free(&b);
    seal_free(old);
    slot_pool_fini(&pool);
}

/* What a Vary nominates is sealed from then on, of the exchange at hand, too; of fields that came often before as well.
 */
static void nominated(void **state)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a program with a name\r\nAccept: application/json\r\n"
        "Accept-Language: de\r\nX-Shop: 7\r\nX-Other: 8\r\n\r\n";
    enum { NAMED_AT = 12 };
    struct seal *s = fresh();
    struct buf out = {0};
    (void)state;
    assert_true(slot_pool_init(&pool, 4, 1 << 20));
    blocks = 0;
    for (int i = 0; i < 2 * NAMED_AT; i++) {
        const char *answer =
            i == NAMED_AT ? "HTTP/1.1 200 OK\r\nVary: accept-language, x-SHOP\r\n\r\n" : "HTTP/1.1 200 OK\r\n\r\n";
        sealed(s, request, answer, false, &out);
        assert_true((memmem(out.p, out.n, "accept-language\n~", 17) != NULL) == (i >= NAMED_AT));
        assert_true((memmem(out.p, out.n, "x-shop\n~", 8) != NULL) == (i >= NAMED_AT));
        assert_null(memmem(out.p, out.n, "x-other", 7));
    }
    assert_true(blocks > NAMED_AT);
    buf_free(&out);
    seal_free(s);
    slot_pool_fini(&pool);
}

/* Which service and authority a request names, whatever was named before. */
static void services(void **state)
{
    static const struct {
        const char *target, *host;
        bool tls;
        const char *service, *authority;
    } of[] = {{"/", "api.test", false, "http://api.test", "api.test"},
              {"/", "api.test", true, "https://api.test", "api.test"},
              {"/", "API.test", false, "http://api.test", "API.test"},
              {"/", "api.test:80", false, "http://api.test", "api.test:80"},
              {"/", "api.test:80", true, "https://api.test:80", "api.test:80"},
              {"/", "api.test:443", true, "https://api.test", "api.test:443"},
              {"/", "u:p@api.test", false, "http://api.test", "api.test"},
              {"/", "u:p@", false, "http://[::1]", "(none)"},
              {"/", "", false, "http://[::1]", "(none)"},
              {"/", "api.test/x", false, "http://api.test/", "api.test/"},
              {"/", "h\xe9", false, "http://h%e9", "h%E9"},
              {"/://x", "api.test", false, "http://api.test", "api.test"},
              {"http://B.test/x", "api.test", false, "http://b.test", "B.test"},
              {"http://u:p@/x", "api.test", false, "http://[::1]", "(none)"}};
    struct seal *s = fresh();
    struct buf out = {0};
    (void)state;
    srand(1);
    assert_true(slot_pool_init(&pool, 4, 1 << 20));
    for (size_t i = 0; i < 2000; i++) {
        char request[256], want[256];
        size_t at = i < sizeof of / sizeof *of ? i : (size_t)rand() % (sizeof of / sizeof *of);
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", of[at].target, of[at].host);
        snprintf(want, sizeof want, "GET\n%s\n%s\n", of[at].service, of[at].authority);
        sealed(s, request, "HTTP/1.1 200 OK\r\n\r\n", of[at].tls, &out);
        assert_true(slice_starts(slice_of(out.p, out.n), slice_str(want)));
    }
    buf_free(&out);
    seal_free(s);
    slot_pool_fini(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_if_first), cmocka_unit_test(services),
                                       cmocka_unit_test(nominated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
