/* What answers say of quotas: the fields there have been, what a record keeps, who keeps to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/quota.h"
#include "capture/quotasaid.h"

#define S INT64_C(1000000)

static void fields(void **state)
{
    static const struct {
        enum token t;
        const char *value, *want;
    } of[] = {{TOKEN_RATELIMIT, "\"default\";r=50;t=30", "remaining=50, reset=30"},
              {TOKEN_RATELIMIT, "limit=100, remaining=50, reset=30", "limit=100, remaining=50, reset=30"},
              {TOKEN_RATELIMIT_POLICY, "\"burst\";q=100;w=60,\"day\";q=1000;w=86400", "limit=100, window=60"},
              {TOKEN_RATELIMIT_LIMIT, "100, 100;w=60", "limit=100, window=60"},
              {TOKEN_RATELIMIT_REMAINING, " 0 ", "remaining=0"},
              {TOKEN_RATELIMIT_RESET, "7", "reset=7"},
              {TOKEN_X_RATELIMIT_LIMIT, "5000", "limit=5000"},
              {TOKEN_X_RATE_LIMIT_RESET, "1372700873", "reset=1372700873"},
              {TOKEN_X_RATELIMIT_REMAINING, "49.5", "remaining=49"},
              {TOKEN_X_RATELIMIT_LIMIT, "unlimited", ""},
              {TOKEN_RATELIMIT, "secret-name-of-policy", ""},
              {TOKEN_RATELIMIT, ";;,,==;r=;t=99999999999999999999", ""},
              {TOKEN_RATELIMIT, "", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        char out[QUOTASAID_MOST], again[QUOTASAID_MOST];
        struct slice got = slice_of(out, quotasaid(of[i].t, slice_str(of[i].value), out));
        assert_true(slice_eq(got, slice_str(of[i].want)));
        assert_true(slice_eq(slice_of(again, quotasaid(TOKEN_RATELIMIT, got, again)), got)); /* stays itself */
    }
    assert_true(quotasaid_is(TOKEN_RATELIMIT) && quotasaid_is(TOKEN_X_RATE_LIMIT_RESET));
    assert_false(quotasaid_is(TOKEN_RETRY_AFTER) || quotasaid_is(TOKEN_OTHER));
}

static void packed(void **state)
{
    struct quota_said q = quota_unpack(quota_pack(SLICE("limit=100, remaining=0, reset=30, window=60"), 1000));
    (void)state;
    assert_true(q.limit == 100 && q.remaining == 0 && q.reset_s == 30 && q.window_s == 60);
    q = quota_unpack(quota_pack(SLICE("reset=1700000090"), 1700000000));
    assert_true(q.limit == -1 && q.remaining == -1 && q.reset_s == 90 && q.window_s == -1);
    q = quota_unpack(quota_pack(SLICE("limit=5, reset=1700000000000"), 1700000001)); /* it is over */
    assert_true(q.limit == 5 && q.reset_s == 0);
    q = quota_unpack(quota_pack(SLICE("limit=999999999999, window=61"), 0));
    assert_true(q.limit == QUOTA_MOST && q.window_s == -1);
    assert_true(quota_pack(SLICE(""), 0) == 0);
    q = quota_unpack(UINT64_MAX); /* from a damaged file */
    assert_true(q.window_s == -1);
}

static void heeded(void **state)
{
    struct quota_sums e = {0}, c = {0};
    struct quota_told told = {.wait = {0}};
    uint64_t used_up = quota_pack(SLICE("limit=9, remaining=0, reset=10, window=60"), 0);
    (void)state;
    quota_take(&e, &c, &told, &(struct quota_call){1, 0, S, used_up, 5 * S});
    quota_take(&e, &c, &told, &(struct quota_call){1, S / 2, 2 * S, 0, -1});   /* was under way */
    quota_take(&e, &c, &told, &(struct quota_call){2, 3 * S, 4 * S, 0, -1});   /* of another endpoint */
    quota_take(&e, &c, &told, &(struct quota_call){1, 4 * S, 5 * S, 0, -1});   /* too soon for both */
    quota_take(&e, &c, &told, &(struct quota_call){1, 10 * S, 11 * S, 0, -1}); /* once more before the reset */
    quota_take(&e, &c, &told, &(struct quota_call){1, 12 * S, 13 * S, 0, 2 * S});
    quota_take(&e, &c, &told, &(struct quota_call){1, 15 * S, 16 * S, 0, -1}); /* waited */
    assert_true(c.asked == 2 && c.broken == 1 && c.kept == 1);
    assert_true(c.answers == 1 && c.exhausted == 1 && c.asked_on == 2 && c.remaining_least == 0);
    assert_true(c.limit == 9 && c.window_s == 60 && c.least == 9 && c.most == 9);
    quota_take(&e, &c, NULL, &(struct quota_call){1, 20 * S, 21 * S, used_up, 5 * S}); /* nobody in particular */
    assert_true(e.asked == 3 && e.answers == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(packed), cmocka_unit_test(heeded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
