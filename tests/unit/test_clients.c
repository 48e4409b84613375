/* Clients: what waits to be told to aligned seconds, envelope and gaps makes no difference, whenever it is asked for.
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

static void as_if_nothing_waited(void **state)
{
    static struct clients at_once, later;
    struct budget b = budget_of(64 << 20);
    uint64_t random = 7;
    int64_t us = 1700000000000000;
    (void)state;
    assert_true(clients_init(&at_once, &b, &key) && clients_init(&later, &b, &key));
    for (int i = 0; i < 20000; i++) {
        random = hash_mix(random);
        us += random % 3 ? (int64_t)(random >> 8 & 0xffff) : 0;
        us += random >> 50 & 511 ? 0 : INT64_C(5000000000); /* longer than waits */
        uint64_t who = random >> 32 & 15;
        uint32_t row = clients_row(&at_once, IDENTITY_BEARER, who);
        visit(&at_once, who, us);
        visit(&later, who, us);
        struct profile *p = clients_profile(&at_once, clients_at(&at_once, row));
        struct profile *q = clients_profile(&later, clients_at(&later, row));
        clients_settle(&at_once, p);
        if (random >> 40 & 63)
            continue;
        clients_settle(&later, q); /* as a commit does, now and then */
        assert_int_equal(p->last_us, q->last_us);
        assert_memory_equal(&p->peaks.second, &q->peaks.second, sizeof p->peaks - offsetof(struct peaks, second));
        assert_memory_equal(&p->envelope, &q->envelope, sizeof p->envelope);
        assert_memory_equal(&p->gaps, &q->gaps, sizeof p->gaps);
    }
    clients_fini(&at_once);
    clients_fini(&later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_if_nothing_waited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
