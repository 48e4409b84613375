/* Clients: what waits to be told to peaks, envelope and gaps makes no difference, whenever it is asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/clients.h"

static const struct hash_key key = {.k0 = 1, .k1 = 2};

static void visit(struct clients *c, uint64_t who, int64_t us)
{
    clients_visit(c, clients_row(c, IDENTITY_BEARER, who), &(struct client_visit){.us = us, .bytes = 1});
}

static void compare(const struct clients *x, const struct clients *y, uint32_t row)
{
    const struct profile *p = clients_profile(x, clients_at(x, row)), *q = clients_profile(y, clients_at(y, row));
    for (unsigned w = 0; w < PEAKS_WINDOWS; w++)
        assert_int_equal(peaks_sliding(&p->peaks, &x->rings, w), peaks_sliding(&q->peaks, &y->rings, w));
    assert_memory_equal(&p->peaks, &q->peaks, sizeof p->peaks);
    assert_memory_equal(&p->envelope, &q->envelope, sizeof p->envelope);
    assert_memory_equal(&p->gaps, &q->gaps, sizeof p->gaps);
    assert_memory_equal(clients_at(x, row), clients_at(y, row), sizeof(struct client));
}

/* Visits of some often, of others seldom, as bursts come; whose rings get no memory any more is the same, too. */
static void take_turns(uint32_t words)
{
    static struct clients at_once, later;
    struct budget b = budget_of(64 << 20);
    uint64_t random = 7;
    int64_t us = 1700000000000000;
    unsigned speed = 0;
    b.most[ROOM_RINGS] = words;
    assert_true(clients_init(&at_once, &b, &key) && clients_init(&later, &b, &key));
    for (int i = 0; i < 200000; i++) {
        random = hash_mix(random);
        speed = random >> 56 ? speed : (unsigned)(random >> 48) % 20;
        us += random % 3 ? (int64_t)(random >> 8 & ((1u << speed) - 1)) : 0;
        us += random >> 50 & 1023 ? 0 : INT64_C(5000000000); /* longer than waits */
        uint64_t who = (random >> 32 & 15) * (random >> 36 & 15) >> 2;
        uint32_t row = clients_row(&at_once, IDENTITY_BEARER, who);
        visit(&at_once, who, us);
        visit(&later, who, us);
        clients_settle(&at_once, clients_at(&at_once, row));
        assert_int_equal(at_once.rings.words.used, later.rings.words.used);
        if (random >> 40 & 63)
            continue;
        clients_settle(&later, clients_at(&later, row)); /* as a commit does, now and then */
        compare(&at_once, &later, row);
    }
    for (uint32_t row = 0; row < later.rows.used; row++) {
        clients_settle(&later, clients_at(&later, row));
        compare(&at_once, &later, row);
    }
    assert_memory_equal(at_once.rings.free, later.rings.free, sizeof later.rings.free);
    clients_fini(&at_once);
    clients_fini(&later);
}

static void as_if_nothing_waited(void **state)
{
    (void)state;
    take_turns(1 << 16);
    take_turns(1 << 13);
    take_turns(1000);
    take_turns(300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_if_nothing_waited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
