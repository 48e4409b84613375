/* What endpoints declare, counted by pattern: as if each exchange had been counted by itself. And addresses that are
 * known again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/addresses.h"
#include "analysis/endpoints.h"

enum { IDS = 3, PATTERNS = 9, EXCHANGES = 5000, BITS = DECLARED_unsized_response + 1 };

static struct hist_page page[4096];
static uint64_t state;

static uint64_t any(uint64_t n)
{
    state += 0x9e3779b97f4a7c15u;
    return hash_mix(state) % n;
}

struct plain {
    uint64_t declared[BITS], reasons[REASON_COUNT];
    struct hist ttl;
};

static void count(struct plain *p, struct hist_pool *pool, const struct row_exchange *r)
{
    p->reasons[r->notes & NOTE_REASON]++;
    for (unsigned bit = 0; bit < BITS; bit++)
        p->declared[bit] += r->notes >> (NOTE_AT_storable_shared + bit) & 1;
    if (r->lifetime)
        hist_add(&p->ttl, pool, r->lifetime - 1);
}

static void same(const struct plain *p, const struct endpoint *e, const struct hist_pool *pool)
{
    struct buf a = {0}, b = {0};
    assert_memory_equal(p->declared, e->declared, sizeof p->declared);
    assert_memory_equal(p->reasons, e->reasons, sizeof p->reasons);
    hist_write_paged(&p->ttl, pool, &a);
    hist_write_paged(&e->declared_ttl, pool, &b);
    assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
    buf_free(&a);
    buf_free(&b);
}

static void declarations_by_pattern(void **context)
{
    struct endpoints e = {0};
    struct hist_pool pool;
    struct plain plain[IDS] = {{{0}, {0}, {0}}};
    struct row_exchange pattern[PATTERNS] = {{0}}; /* the first one says nothing */
    struct budget b = budget_of(16 << 20);
    (void)context;
    hist_pool_init(&pool, page, sizeof page / sizeof *page);
    assert_true(endpoints_init(&e, &b, &pool));
    for (int i = 1; i < PATTERNS; i++) {
        pattern[i].notes = (uint32_t)(any(1u << BITS) << NOTE_AT_storable_shared | any(REASON_COUNT));
        pattern[i].lifetime = (uint32_t)(any(2) * any(100000));
    }
    for (uint32_t id = 1; id <= IDS; id++)
        assert_int_equal(endpoints_open(&e, id), id);
    for (int i = 0; i < EXCHANGES; i++) {
        const struct row_exchange *r = &pattern[any(any(PATTERNS) + 1)];
        uint32_t id = 1 + (uint32_t)any(IDS);
        endpoints_declared(&e, endpoints_at(&e, id), r);
        count(&plain[id - 1], &pool, r);
        if (any(200))
            continue;
        endpoints_settle(&e, endpoints_at(&e, id));
        same(&plain[id - 1], endpoints_at(&e, id), &pool);
    }
    endpoints_unite(&e, 2, 1);
    endpoints_settle(&e, endpoints_at(&e, 1));
    for (int i = 0; i < BITS; i++)
        plain[0].declared[i] += plain[1].declared[i];
    for (int i = 0; i < REASON_COUNT; i++)
        plain[0].reasons[i] += plain[1].reasons[i];
    hist_merge(&plain[0].ttl, &plain[1].ttl, &pool);
    same(&plain[0], endpoints_at(&e, 1), &pool);
    endpoints_fini(&e);
}

/* More of them than places, with and without port, as wholes and as networks: each has one number for ever. */
static void addresses_known_again(void **context)
{
    static struct addresses a;
    static struct {
        struct addr addr;
        bool with_port;
        uint32_t id;
    } met[2000];
    struct hash_key key = hash_key_from("addresses", 9);
    uint32_t n = 0;
    (void)context;
    assert_true(addresses_init(&a, &key, 4096));
    for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
        met[i].addr =
            (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = (uint8_t)any(4), [15] = (uint8_t)any(64)},
                          .port = (uint16_t)(80 + any(2)),
                          .known = 1 + (uint8_t)any(2)};
        met[i].with_port = any(2);
        met[i].id = addresses_id(&a, &met[i].addr, met[i].with_port);
        n = met[i].id > n ? met[i].id : n;
    }
    assert_int_equal(a.rows.used, n);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof met / sizeof *met; i++) {
            size_t j = any(sizeof met / sizeof *met);
            assert_int_equal(addresses_id(&a, &met[j].addr, met[j].with_port), met[j].id);
            const struct addr *is = addresses_at(&a, met[j].id);
            assert_memory_equal(is->ip, met[j].addr.ip, sizeof is->ip);
            assert_int_equal(is->port, met[j].with_port ? met[j].addr.port : 0);
            assert_int_equal(is->known, met[j].addr.known);
        }
    met[0].addr.known = 0;
    assert_int_equal(addresses_id(&a, &met[0].addr, true), 0);
    addresses_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declarations_by_pattern),
        cmocka_unit_test(addresses_known_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
