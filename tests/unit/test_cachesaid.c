/* What caches say of an answer, in one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/cachesaid.h"

static void words(void **state)
{
    static const struct {
        enum token field;
        const char *value, *word;
    } t[] = {{TOKEN_CACHE_STATUS, "Origin; hit; ttl=376", "hit"},
             {TOKEN_CACHE_STATUS, "O; fwd=stale; stored, E; hit", "hit"},
             {TOKEN_CACHE_STATUS, "O ;fwd=uri-miss; collapsed", "miss"},
             {TOKEN_CACHE_STATUS, "hitman; detail=\"hit\"", "other"},
             {TOKEN_X_CACHE, "Hit from cloudfront", "hit"},
             {TOKEN_X_CACHE, "TCP_MISS from a, TCP_HIT from b", "hit"},
             {TOKEN_X_CACHE, "Error from cloudfront", "other"},
             {TOKEN_X_CACHE, "", "other"},
             {TOKEN_X_CACHE_STATUS, "UPDATING", "hit"},
             {TOKEN_X_CACHE_STATUS, "EXPIRED", "miss"},
             {TOKEN_CF_CACHE_STATUS, "BYPASS", "miss"},
             {TOKEN_X_VARNISH, "32770 5", "hit"},
             {TOKEN_X_VARNISH, " 32770 ", "miss"},
             {TOKEN_X_VARNISH, "", "other"}};
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct slice word = cachesaid_word(t[i].field, slice_str(t[i].value));
        if (!slice_eq(word, slice_str(t[i].word)))
            fail_msg("%s: %.*s", t[i].value, (int)word.n, word.p);
        assert_true(slice_eq(cachesaid_word(t[i].field, word), word)); /* stays itself */
    }
    assert_null(cachesaid_word(TOKEN_VIA, SLICE("hit")).p);
    assert_null(cachesaid_word(TOKEN_AGE, SLICE("hit")).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
