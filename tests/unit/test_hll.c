/* Counting distinct hashes in little memory (ALGORITHMS.md 12, R-2): 100 seeds of 10 to a million, the error
 * within 1.15 of what theory has; a union is byte for byte what one pass makes. A million only with PROOF. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/hll.h"

enum { SEEDS = 100, MOST = 3 << 10 };

static uint64_t nth(unsigned seed, uint64_t i)
{
    return hash_mix(hash_mix(i + 1) + hash_mix(seed * UINT64_C(7919) + 1));
}

static void error_of(unsigned bits, uint64_t n)
{
    double sum = 0;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        uint8_t set[MOST] = {0};
        for (uint64_t i = 0; i < n; i++)
            hll_add(set, bits, nth(seed, i));
        double off = hll_count(set, bits) / (double)n - 1;
        sum += off * off;
    }
    double rms = sqrt(sum / SEEDS);
    printf("#   %u bits, %llu: %.4f of %.4f\n", bits, (unsigned long long)n, rms, hll_error(bits));
    assert_true(rms <= 1.15 * hll_error(bits));
}

static void errors(void **state)
{
    (void)state;
    for (uint64_t n = 10; n <= (getenv("PROOF") ? 1000000 : 100000); n *= n < 1000 ? 100 : 10)
        if (n != 10000) {
            error_of(10, n);
            error_of(12, n);
        }
}

static void unions(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        uint8_t all[MOST] = {0}, part[3][MOST] = {{0}};
        for (uint64_t i = 0; i < 3000; i++) {
            hll_add(all, 12, nth(seed, i % 2000));
            hll_add(part[(i * 7 + seed) % 3], 12, nth(seed, i % 2000));
        }
        hll_merge(part[0], part[1], 12);
        hll_merge(part[0], part[2], 12);
        assert_memory_equal(part[0], all, sizeof all);
    }
}

static void edges(void **state)
{
    uint8_t set[MOST] = {0};
    (void)state;
    assert_true(hll_count(set, 12) == 0);
    hll_add(set, 12, 0); /* no bit set at all: the greatest rank */
    hll_add(set, 12, 0);
    assert_true(fabs(hll_count(set, 12) - 1) < 0.01);
    hll_add(set, 12, UINT64_MAX);
    assert_true(fabs(hll_count(set, 12) - 2) < 0.01);
    assert_true(fabs(hll_error(12) - 0.01625) < 1e-6 && fabs(hll_error(10) - 0.0325) < 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors), cmocka_unit_test(unions), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
