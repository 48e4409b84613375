/* Shares of memory add up, and a row costs what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/state.h"
#include "capture/bounds.h"

static void shares_add_up(void **state)
{
    (void)state;
    for (uint64_t memory = 16 << 20; memory < 1ull << 36; memory *= 2) {
        struct budget b = budget_of(memory);
        uint64_t sum = 0;
        for (int r = 0; r < ROOM_COUNT; r++)
            sum += (uint64_t)b.most[r] * budget_unit((enum room)r);
        assert_true(sum <= memory);
        struct bounds c = bounds_of(memory);
        assert_true(c.text_bytes + c.held_bytes + c.decoder_bytes + (uint64_t)c.exchanges * c.exchange_unit +
                        (uint64_t)c.connections * c.connection_unit <=
                    memory);
    }
}

static void rows_cost_what_is_said(void **state)
{
    (void)state;
    assert_true(budget_unit(ROOM_KEYS) >= sizeof(struct key) + sizeof(uint32_t) + sizeof(struct sampling_key) + 24);
    assert_true(budget_unit(ROOM_SLOTS) >= sizeof(struct ladder_slot) + sizeof(struct today) + sizeof(uint32_t) + 16);
    assert_true(budget_unit(ROOM_ENDPOINTS) >= sizeof(struct endpoint) + sizeof(uint32_t));
    assert_true(budget_unit(ROOM_TAILS) >= sizeof(struct sampling_tail));
    assert_true(budget_unit(ROOM_CLIENTS) >= sizeof(struct client) + sizeof(uint32_t) + 16);
    assert_true(budget_unit(ROOM_PROFILES) >= sizeof(struct profile));
    assert_true(budget_unit(ROOM_PAGES) >= sizeof(struct hist_page));
    assert_true(budget_unit(ROOM_MINUTES) >= sizeof(struct row_minute));
    assert_true(budget_unit(ROOM_CACHE_ROWS) >= sizeof(struct caches_row) + 16);
    assert_true(budget_unit(ROOM_CACHE_KEYS) >= sizeof(struct caches_key));
    assert_true(budget_unit(ROOM_POPULAR) >= sizeof(struct heavy) + 24 + 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shares_add_up), cmocka_unit_test(rows_cost_what_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
