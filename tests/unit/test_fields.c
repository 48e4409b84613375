/* What is stored of fields reads back as it was; damaged text gives nothing, and never more than that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/fields.h"

static void fill(struct fields *f)
{
    *f = (struct fields){
        .learned = {.epoch = 2, .pairs = 200, .different = 150, .explained = 149, .masked = 140, .n = 2}};
    f->learned.field[0] = (struct volatile_field){
        .path = UINT64_MAX - 5, .class = VOLATILE_TIMESTAMP, .masked = true, .pairs = 200, .diff = 150, .gap_ms = 9};
    f->learned.field[1] =
        (struct volatile_field){.path = 17, .class = VOLATILE_DATA, .pairs = 200, .diff = 3, .gap_ms = 9};
    strcpy(f->name[0], "meta.at[]");
    strcpy(f->name[1], "~0123456789ab");
    for (unsigned i = 0; i < LADDER_RUNGS; i++)
        f->ladder[i] = (struct row_rung){.ttl_s = i + 1,
                                         .lookups = 1000,
                                         .hits = 10 * i,
                                         .stale_hits = i,
                                         .unknown_hits = 1,
                                         .warm_lookups = 900,
                                         .warm_hits = 9 * i,
                                         .cycles_hit = 3,
                                         .bytes_saved = 1ull << 40,
                                         .server_us_saved = 77};
    f->sharing =
        (struct sharing){.sandwiches = 12, .differing = 1, .visits = 40, .anonymous = 2, .refused = 3, .barred = 4};
    f->sharing.pairs[SHARING_WORDS - 1] = UINT64_MAX;
}

static void round_trip(void **state)
{
    struct fields in, out;
    struct buf text = {0};
    (void)state;
    fill(&in);
    fields_write(&in, &text);
    assert_true(fields_read(&out, slice_of(text.p, text.n)));
    for (unsigned i = 0; i < in.learned.n; i++) /* is worked out anew */
        in.learned.field[i].change_s = out.learned.field[i].change_s;
    assert_memory_equal(in.name, out.name, sizeof in.name);
    assert_memory_equal(in.ladder, out.ladder, sizeof in.ladder);
    assert_memory_equal(&in.sharing, &out.sharing, sizeof in.sharing);
    assert_true(out.learned.epoch == 2 && out.learned.masked == 140 && out.learned.n == 2 && fields_known(&out));
    assert_true(out.learned.field[0].path == in.learned.field[0].path && out.learned.field[1].class == VOLATILE_DATA);
    buf_free(&text);
}

static void damage(void **state)
{
    struct fields in, out;
    struct buf text = {0};
    (void)state;
    fill(&in);
    fields_write(&in, &text);
    assert_false(fields_read(&out, SLICE("")));
    for (size_t n = 0; n + 1 < text.n; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, text.p, n);
        if (fields_read(&out, slice_of(copy, n)))
            assert_true(out.learned.n <= VOLATILE_FIELDS);
        free(copy);
    }
    for (size_t i = 0; i < text.n; i++) {
        char was = text.p[i];
        text.p[i] = '"';
        fields_read(&out, slice_of(text.p, text.n));
        assert_true(out.learned.n <= VOLATILE_FIELDS);
        text.p[i] = was;
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
