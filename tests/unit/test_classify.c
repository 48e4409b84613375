/* The classifier: every vector of its table of decisions, and what must hold of any header set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "analysis/classify.h"
#include "base/hash.h"

static const int64_t answered = 1700000000; /* the Date of every answer */

static const char *const codes[REASON_COUNT] = {
#define REASON(number, code, words) [number] = #code,
#include "analysis/store/reason.def"
#undef REASON
};

enum { AUTHORIZATION = 1, COOKIE = 2, SET_COOKIE = 4, STAR = 8, TAG = 16, SAME_LOCATION = 32, EVENTS = 64 };

/* Lifetimes in seconds; NO: not asked, NONE: there is none. `expires` and `modified` are seconds after Date. */
enum { NO = -2, NONE = -1, ABSENT = -100000, BAD = -100001 };

struct vector {
    int number;
    const char *method;
    uint16_t status;
    unsigned with;
    const char *cache_control, *request, *targeted;
    int expires, modified, age;
    const char *says; /* reason, shared, private, nginx, varnish; - is not asked */
    int64_t ttl, ttl_private;
};

#define PLAIN .expires = ABSENT, .modified = ABSENT, .age = -1, .ttl_private = NO
static const struct vector vectors[] = {
    {1, "GET", 200, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyy", .ttl = 60},
    {2, "GET", 200, 0, "public", PLAIN, .says = "HEURISTIC yyny", .ttl = NONE},
    {3, "GET", 200, 0, NULL, PLAIN, .says = "HEURISTIC yyny", .ttl = NONE},
    {4, "GET", 200, 0, NULL, NULL, NULL, ABSENT, -1000, -1, "HEURISTIC yyny", 100, NO},
    {5, "GET", 200, 0, "no-store", PLAIN, .says = "NO_STORE nnnn", .ttl = NONE},
    {6, "GET", 200, 0, "no-store, max-age=60", PLAIN, .says = "NO_STORE nnnn", .ttl = NONE},
    {7, "GET", 200, 0, "must-understand, no-store, max-age=60", PLAIN, .says = "EXPLICIT yynn", .ttl = 60},
    {8, "GET", 200, 0, "private, max-age=60", NULL, NULL, ABSENT, ABSENT, -1, "PRIVATE nynn", NONE, 60},
    {9, "GET", 200, 0, "max-age=60, s-maxage=10", NULL, NULL, ABSENT, ABSENT, -1, "EXPLICIT yyyy", 10, 60},
    {10, "GET", 200, TAG, "s-maxage=0, max-age=60", NULL, NULL, ABSENT, ABSENT, -1, "VALIDATE yynn", 0, 60},
    {11, "GET", 200, TAG, "no-cache", PLAIN, .says = "VALIDATE yynn", .ttl = 0},
    {12, "GET", 200, 0, "no-cache", PLAIN, .says = "VALIDATE_NO_VALIDATOR yynn", .ttl = 0},
    {13, "GET", 200, TAG, "max-age=0", PLAIN, .says = "VALIDATE yynn", .ttl = 0},
    {14, "GET", 200, 0, NULL, NULL, NULL, 30, ABSENT, -1, "EXPLICIT yyyy", 30, NO},
    {15, "GET", 200, 0, NULL, NULL, NULL, BAD, ABSENT, -1, "VALIDATE_NO_VALIDATOR yyny", 0, NO},
    {16, "GET", 200, 0, "max-age=60", NULL, NULL, -30, ABSENT, -1, "EXPLICIT yyny", 60, NO},
    {17, "GET", 200, 0, "max-age=abc", PLAIN, .says = "VALIDATE_NO_VALIDATOR yynn", .ttl = 0},
    {18, "GET", 200, 0, "max-age=60, max-age=10", PLAIN, .says = "EXPLICIT yyyy", .ttl = 10},
    {19, "GET", 200, AUTHORIZATION, "max-age=60", NULL, NULL, ABSENT, ABSENT, -1, "AUTHORIZATION nyyn", NONE, 60},
    {20, "GET", 200, AUTHORIZATION, "public, max-age=60", PLAIN, .says = "EXPLICIT yyyn", .ttl = 60},
    {21, "GET", 200, AUTHORIZATION, "s-maxage=60", PLAIN, .says = "EXPLICIT yyyn", .ttl = 60},
    {22, "GET", 200, AUTHORIZATION, "max-age=60, must-revalidate", PLAIN, .says = "EXPLICIT yyyn", .ttl = 60},
    {23, "GET", 200, AUTHORIZATION, NULL, PLAIN, .says = "AUTHORIZATION nynn", .ttl = NONE},
    {24, "GET", 200, COOKIE, "max-age=60", PLAIN, .says = "EXPLICIT yyyn", .ttl = 60},
    {25, "GET", 200, SET_COOKIE, "max-age=60", PLAIN, .says = "SET_COOKIE yynn", .ttl = 60},
    {26, "GET", 200, STAR, "max-age=60", PLAIN, .says = "VARY_STAR nnnn", .ttl = NONE},
    {27, "GET", 200, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyy", .ttl = 60},
    {28, "HEAD", 200, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyy", .ttl = 60},
    {29, "POST", 200, 0, NULL, PLAIN, .says = "POST nnnn", .ttl = NONE},
    {30, "POST", 200, SAME_LOCATION, "max-age=60", PLAIN, .says = "EXPLICIT yynn", .ttl = 60},
    {31, "POST", 201, 0, NULL, PLAIN, .says = "POST nnnn", .ttl = NONE},
    {32, "DELETE", 204, 0, NULL, PLAIN, .says = "METHOD nnnn", .ttl = NONE},
    {33, "PUT", 500, 0, NULL, PLAIN, .says = "METHOD nnnn", .ttl = NONE},
    {34, "OPTIONS", 200, 0, "max-age=60", PLAIN, .says = "METHOD nnnn", .ttl = NONE},
    {35, "GET", 302, 0, NULL, PLAIN, .says = "STATUS nnnn", .ttl = NONE},
    {36, "GET", 302, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyy", .ttl = 60},
    {37, "GET", 404, 0, NULL, PLAIN, .says = "HEURISTIC yyny", .ttl = NONE},
    {38, "GET", 500, 0, NULL, PLAIN, .says = "STATUS nnnn", .ttl = NONE},
    {39, "GET", 500, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyn", .ttl = 60},
    {40, "GET", 206, 0, "max-age=60", PLAIN, .says = "PARTIAL nn--", .ttl = NONE},
    {41, "GET", 200, 0, "max-age=60", PLAIN, .says = "EXPLICIT yyyy", .ttl = 60},
    {42, "GET", 304, 0, NULL, PLAIN, .says = "REVALIDATED ----", .ttl = NO},
    {43, "GET", 200, EVENTS, NULL, PLAIN, .says = "STREAM nnny", .ttl = NONE},
    {44, "GET", 200, 0, "max-age=60", "no-store", PLAIN, .says = "REQ_NO_STORE nnyy", .ttl = NONE},
    {45, "GET", 200, 0, "no-store", NULL, "max-age=600", ABSENT, ABSENT, -1, "NO_STORE nnnn", NONE, NO},
    {46, "GET", 200, 0, "max-age=31536000, immutable", PLAIN, .says = "EXPLICIT yyyy", .ttl = 31536000},
    {47, "GET", 200, 0, "max-age=60", NULL, NULL, ABSENT, ABSENT, 50, "EXPLICIT yyyy", 60, NO},
    {48, "GET", 200, 0, "private=\"X-Foo\", max-age=60", PLAIN, .says = "EXPLICIT yynn", .ttl = 60},
};

static struct classify_when when(int after)
{
    if (after == ABSENT)
        return (struct classify_when){DATE_ABSENT, 0};
    return (struct classify_when){after == BAD ? DATE_BAD : DATE_GOOD, answered + after};
}

static struct verdict verdict_of(const struct vector *v)
{
    struct directives request = directives_read(slice_str(v->request)),
                      response = directives_read(slice_str(v->cache_control));
    struct classify_input in = {.method = classify_method(slice_str(v->method)),
                                .status = v->status,
                                .authorization = v->with & AUTHORIZATION,
                                .cookie = v->with & COOKIE,
                                .set_cookie = v->with & SET_COOKIE,
                                .vary_star = v->with & STAR,
                                .validator = v->with & TAG || v->modified != ABSENT,
                                .for_target = v->with & SAME_LOCATION,
                                .event_stream = v->with & EVENTS,
                                .expires_first = true,
                                .request = &request,
                                .response = &response,
                                .targeted = slice_str(v->targeted),
                                .expires = when(v->expires),
                                .date = when(0),
                                .last_modified = when(v->modified),
                                .now = answered,
                                .age = v->age};
    return classify(&in);
}

static void same_flag(const struct vector *v, const char *what, char want, bool got)
{
    if (want != '-' && want != (got ? 'y' : 'n'))
        fail_msg("vector %d: %s is %d", v->number, what, got);
}

/* C-1: the table of appendix A. */
static void all_vectors(void **state)
{
    (void)state;
    assert_int_equal(sizeof vectors / sizeof *vectors, 48);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        struct verdict got = verdict_of(v);
        const char *flags = strchr(v->says, ' ');
        assert_int_equal(v->number, (int)i + 1);
        if (!slice_eq(slice_of(v->says, (size_t)(flags - v->says)), slice_str(codes[got.reason])))
            fail_msg("vector %d: %s", v->number, codes[got.reason]);
        same_flag(v, "shared", flags[1], got.shared);
        same_flag(v, "private", flags[2], got.private);
        same_flag(v, "nginx", flags[3], got.nginx);
        same_flag(v, "varnish", flags[4], got.varnish);
        if (v->ttl != NO && v->ttl != got.ttl)
            fail_msg("vector %d: ttl %ld", v->number, (long)got.ttl);
        if (v->ttl_private != NO && v->ttl_private != got.ttl_private)
            fail_msg("vector %d: private ttl %ld", v->number, (long)got.ttl_private);
    }
}

static void notes_of_the_vectors(void **state)
{
    (void)state;
    assert_true(verdict_of(&vectors[23]).cookie && !verdict_of(&vectors[0]).cookie);
    assert_true(verdict_of(&vectors[45]).immutable && !verdict_of(&vectors[0]).immutable);
    assert_true(verdict_of(&vectors[46]).from_cache && !verdict_of(&vectors[0]).from_cache);
    assert_true(verdict_of(&vectors[44]).cdn && verdict_of(&vectors[44]).ttl_cdn == 600);
    assert_true(verdict_of(&vectors[0]).cdn && verdict_of(&vectors[0]).ttl_cdn == 60);
    assert_true(verdict_of(&vectors[10]).needs_validation && !verdict_of(&vectors[0]).needs_validation);
    assert_int_equal(verdict_of(&vectors[3]).source, TTL_HEURISTIC);
    assert_int_equal(verdict_of(&vectors[8]).source, TTL_S_MAXAGE);
    assert_int_equal(verdict_of(&vectors[13]).source, TTL_EXPIRES);
}

static struct verdict of_fields(const char *cache_control, const char *request, const char *targeted, const char *accel)
{
    struct directives asked = directives_read(slice_str(request)), said = directives_read(slice_str(cache_control));
    struct classify_input in = {.status = 200,
                                .request = &asked,
                                .response = &said,
                                .targeted = slice_str(targeted),
                                .accel = slice_str(accel),
                                .now = answered,
                                .age = -1};
    return classify(&in);
}

static void fields_beyond_the_table(void **state)
{
    (void)state;
    assert_int_equal(of_fields("max-age=60, stale-while-revalidate=30, stale-if-error=\"90\"", NULL, NULL, NULL).swr,
                     30);
    assert_int_equal(of_fields("max-age=60, stale-while-revalidate=30, stale-if-error=\"90\"", NULL, NULL, NULL).sie,
                     90);
    assert_int_equal(of_fields("max-age=60, stale-while-revalidate=30, must-revalidate", NULL, NULL, NULL).swr, -1);
    assert_true(of_fields(NULL, "no-cache", NULL, NULL).forced_refresh);
    assert_true(of_fields(NULL, "max-age=0", NULL, NULL).forced_refresh);
    assert_false(of_fields(NULL, "max-age=5", NULL, NULL).forced_refresh);
    assert_int_equal(of_fields("PRIVATE=\"a, max-age=5\", Max-Age=9", NULL, NULL, NULL).ttl, 9);
    assert_int_equal(of_fields("max-age=99999999999999999999", NULL, NULL, NULL).ttl, INT32_MAX);
    /* nginx: X-Accel-Expires goes first */
    assert_true(of_fields("no-store", NULL, NULL, "5").nginx && !of_fields("max-age=5", NULL, NULL, "0").nginx);
    assert_true(of_fields(NULL, NULL, NULL, "@1700000001").nginx && !of_fields(NULL, NULL, NULL, "@1700000000").nginx);
    assert_true(of_fields("max-age=5", NULL, NULL, "off").nginx);
}

static void targeted_fields(void **state)
{
    static const char *const good[] = {"max-age=600", "max-age=600, no-store=?0", "max-age=60;ext=\"a;b\", foo=(a b)",
                                       "x=\"a, b\", max-age=1", "max-age=600 , public"},
                             *const bad[] = {"",   "max-age=600,", "Max-Age=600", "max-age=6 0", "max-age=\"6",
                                             "=5", "a=@"};
    struct directives d;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(directives_targeted(slice_str(good[i]), &d) && !(d.bits & DIRECTIVE_NO_STORE));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(directives_targeted(slice_str(bad[i]), &d));
    assert_false(of_fields("max-age=60", NULL, "no-store", NULL).cdn);
    assert_int_equal(of_fields("max-age=60", NULL, "no-store,", NULL).ttl_cdn, 60); /* cannot be read: as if absent */
}

static uint64_t random_state;

static uint64_t any(void)
{
    return hash_mix(random_state += 0x9e3779b97f4a7c15u);
}

/* A header set of any kind; `text` holds its Cache-Control. */
static struct classify_input any_input(char *text, size_t room)
{
    static const char *const words[] = {"no-store",   "no-cache",  "private",         "must-revalidate",
                                        "max-age=0",  "max-age=9", "must-understand", "s-maxage=0",
                                        "s-maxage=5", "max-age=x", "immutable",       "private=\"a\"",
                                        "no-cache=a", "foo",       "proxy-revalidate"};
    static const uint16_t statuses[] = {0,   100, 101, 200, 203, 204, 206, 301, 302,
                                        304, 308, 401, 404, 410, 416, 429, 500, 501};
    size_t n = 0;
    text[0] = 0;
    for (uint64_t i = any() % 4; i; i--)
        n += (size_t)snprintf(text + n, room - n, "%s%s", n ? ", " : "", words[any() % (sizeof words / sizeof *words)]);
    uint64_t r = any();
    return (struct classify_input){
        .method = (enum classify_method)(r % 8 < 4 ? METHOD_READ : r % 5),
        .status = statuses[any() % (sizeof statuses / sizeof *statuses)],
        .damaged = (r >> 8 & 15) == 0,
        .authorization = r >> 12 & 1,
        .cookie = r >> 13 & 1,
        .set_cookie = r >> 14 & 1,
        .vary_star = (r >> 15 & 7) == 0,
        .event_stream = (r >> 18 & 7) == 0,
        .validator = r >> 21 & 1,
        .for_target = r >> 22 & 1,
        .expires = {(enum classify_date)(r >> 23 & 3) % 3, answered + (int64_t)(r >> 25 & 63) - 32},
        .date = {DATE_GOOD, answered},
        .last_modified = {DATE_GOOD, answered - (int64_t)(r >> 31 & 4095)},
        .now = answered,
        .age = (int64_t)(r >> 43 & 15) - 1};
}

static struct verdict with_text(struct classify_input in, const char *text, const char *more)
{
    static const struct directives nothing = {.max_age = -1, .s_maxage = -1, .swr = -1, .sie = -1, .product = -1};
    char all[512];
    snprintf(all, sizeof all, "%s%s%s", text, *text && *more ? ", " : "", more);
    struct directives d = directives_read(slice_str(all));
    in.request = &nothing;
    in.response = &d;
    return classify(&in);
}

/* C-2: no-store never makes anything storable, public nothing less so; whoever may share may keep. */
static void more_words_do_not_turn_it_around(void **state)
{
    char text[256];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct classify_input in = any_input(text, sizeof text);
        struct verdict plain = with_text(in, text, ""), forbidden = with_text(in, text, "no-store"),
                       open = with_text(in, text, "public");
        assert_true(plain.reason > REASON_NONE && plain.reason < REASON_COUNT && codes[plain.reason]);
        assert_true(plain.private >= plain.shared);
        assert_true(forbidden.shared <= plain.shared && forbidden.private <= plain.private);
        assert_true(forbidden.nginx <= plain.nginx && forbidden.varnish <= plain.varnish);
        assert_true(open.shared >= plain.shared && open.private >= plain.private);
        assert_true(plain.shared || plain.ttl == -1);
        assert_true(plain.private || plain.ttl_private == -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_vectors),
        cmocka_unit_test(notes_of_the_vectors),
        cmocka_unit_test(fields_beyond_the_table),
        cmocka_unit_test(targeted_fields),
        cmocka_unit_test(more_words_do_not_turn_it_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
