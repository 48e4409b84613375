/* Ids of traces and requests: W3C's own example, what is none, and that spans and flags do not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "capture/trace.h"

static const struct hash_key key = {1, 2, 3}, other = {4, 5, 6};

static void traces(void **state)
{
    uint64_t id = trace_of(&key, SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    (void)state;
    assert_true(id && (uint32_t)id);
    assert_true(id == trace_of(&key, SLICE(" 00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00 ")));
    assert_true(id == trace_of(&key, SLICE("cc-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00-more")));
    assert_true(id != trace_of(&key, SLICE("00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01")));
    assert_true(id != trace_of(&other, SLICE("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")));
}

static void none(void **state)
{
    static const char *const bad[] = {"",
                                      "00",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
                                      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e473--00f067aa0ba902b7-01",
                                      "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(trace_of(&key, slice_of(bad[i], strlen(bad[i]))) == 0);
    assert_true(trace_request(&key, SLICE("  ")) == 0 && trace_request(&key, SLICE("")) == 0);
    assert_true(trace_request(&key, SLICE("a")) && trace_request(&key, SLICE("a")) == trace_request(&key, SLICE("a ")));
    assert_true(trace_request(&key, SLICE("a")) != trace_request(&key, SLICE("b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(traces), cmocka_unit_test(none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
