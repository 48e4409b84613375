/* The dashboard without a terminal: a moment made by hand, keys, and the screens as text. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tui/view.h"

enum { ENDPOINTS = 40, CLIENTS = 9 };

static const char *const hostile[] = {"/\x1b[31mred\x1b]0;title\x07",
                                      "/tab\tnew\nline",
                                      "/\xff\xfe\xc3",
                                      "/\xe5\x95\x86\xe5\x93\x81",
                                      ("/\xe2\x80\xae"
                                       "exe.txt"),
                                      "/a\xcc\x81\xcc\x81",
                                      ""};
static struct grid grid;
static struct buf screen;

static struct moment_endpoint endpoint_made(uint32_t i)
{
    static char text[ENDPOINTS][96];
    const char *bad = hostile[i % (sizeof hostile / sizeof *hostile)];
    int n = snprintf(text[i], sizeof text[i], "GET shop.example/e%u%s", i, bad);
    struct slice name = slice_of(text[i], (size_t)n);
    struct moment_endpoint e = {.id = i + 1,
                                .name = name,
                                .method = slice_sub(name, 0, 3),
                                .place = slice_sub(name, 4, name.n),
                                .service_n = 12,
                                .requests = 1000 - i * 10,
                                .eligible = i % 5 ? 900 : 0,
                                .keys = 10,
                                .errors = i % 7,
                                .repeat = i % 5 ? 0.9 : NAN,
                                .latency = {i % 3 ? 0.01 * i : NAN, 0.1, 0.2, 0.3},
                                .server = {NAN, NAN, NAN, NAN}};
    for (unsigned r = 0; r < LADDER_RUNGS; r++)
        e.ttl[r] =
            (struct moment_rung){.ttl_s = 1u << r, .hit = i % 5 ? r / 20.0 : NAN, .stale = i % 4 ? r / 40.0 : NAN};
    return e;
}

static struct moment_client client_made(uint32_t i)
{
    struct moment_client c = {.id = i + 1,
                              .client = slice_str(i % 2 ? "bearer:9f2c61d0a4be" : "\x1b[2J<b>me</b>"),
                              .addresses = slice_str("10.0.0.1,2001:db8::1"),
                              .address = slice_str("10.0.0.1 +1"),
                              .name = slice_str(i % 2 ? "bearer:9f2c61d0a4be 10.0.0.1" : "me"),
                              .n_addresses = 2,
                              .requests = 100 - i,
                              .peak_1s = i,
                              .burstiness = i % 3 ? 0.3 : NAN,
                              .poller_period_s = i % 2 ? 5 : NAN};
    for (unsigned r = 0; r < ENVELOPE_RATES; r++) {
        c.envelope_rate[r] = 0.1 * pow(10, 0.2083 * r);
        c.envelope_burst[r] = 50.0 / (r + 1);
    }
    return c;
}

static struct moment *moment_made(void)
{
    struct moment *m = calloc(1, sizeof *m);
    *m = (struct moment){.state = 1,
                         .any = true,
                         .ended = true,
                         .started_us = 1700000000000000,
                         .ended_us = 1700003600000000,
                         .duration_s = 3600,
                         .captured_s = 3600,
                         .coverage = 0.97,
                         .exchanges = 4000,
                         .eligible = 3000,
                         .keys = 400,
                         .trust = TRUST_LITTLE,
                         .minutes = 61,
                         .endpoints = ENDPOINTS,
                         .clients = CLIENTS};
    buf_str(&m->sentences,
            "Only 97.0 % of the bytes that were sent were captured: counts are lower bounds.\nAnd another sentence.\n");
    m->endpoint = calloc(ENDPOINTS, sizeof *m->endpoint);
    m->client = calloc(CLIENTS, sizeof *m->client);
    for (uint32_t i = 0; i < ENDPOINTS; i++)
        m->endpoint[i] = endpoint_made(i);
    for (uint32_t i = 0; i < CLIENTS; i++)
        m->client[i] = client_made(i);
    for (unsigned i = 0; i < 61; i++)
        m->minute[i] = (struct moment_minute){1700000000 / 60 + i, i * i % 90, i % 9 == 0};
    for (unsigned r = 0; r < LADDER_RUNGS; r++)
        m->ttl[r] = (struct moment_rung){.ttl_s = 1u << r, .hit = 0.5, .stale = 0.1, .lookups = 3000};
    for (unsigned i = 0; i < MOMENT_STATUSES; i++)
        m->status[i] = 10 * i;
    return m;
}

static const char *drawn(struct model *m, unsigned width, unsigned height)
{
    assert_true(grid_init(&grid, width, height));
    view_draw(m, &grid);
    screen.n = 0;
    grid_text(&grid, &screen);
    buf_char(&screen, 0);
    return screen.p;
}

static void press(struct model *m, const char *typed)
{
    for (; *typed; typed++)
        assert_int_equal(model_key(m, *typed == '\n'   ? PRESS_ENTER
                                      : *typed == '\b' ? PRESS_ERASE
                                                       : (uint32_t)*typed),
                         WISH_NONE);
}

static struct model model_made(void)
{
    struct model m;
    model_init(&m, "/tmp/audit.db");
    model_take(&m, moment_made());
    return m;
}

/* A report with every list that there may be, the way CONTRACT section 4 names them, and some that it does not. */
static const char report[] =
    "{\"tool\":{\"name\":\"spanwise\"},\"capture\":{\"flows_opaque\":{\"tls\":41,\"ssh\":2}},"
    "\"endpoints\":[{\"id\":7,\"method\":\"GET\",\"service\":\"http://shop.example\",\"route\":\"/"
    "a\",\"operation\":null,"
    "\"ttl\":[{\"ttl_s\":1}],\"statelessness\":{\"grade\":\"D\",\"score\":40,\"evidence_least\":33,\"requests\":500,"
    "\"clients\":9,\"evidence\":[{\"signal\":\"S2\",\"means\":\"answers depend on the cookie\",\"state\":\"tied\","
    "\"deducted\":40,\"n\":90,\"says\":\"80 % of answers differ without it\"},{\"signal\":\"S8\",\"means\":\"GET "
    "changes "
    "state\",\"state\":\"undetermined\",\"deducted\":0,\"n\":0,\"says\":\"not followed\"}]},"
    "\"websocket\":{\"opened\":3,\"open_s\":61.5,\"messages_client\":9,\"messages_server\":1200,\"bytes_client\":90,"
    "\"bytes_server\":120000,\"whole\":true}},{\"id\":2,\"method\":\"POST\",\"service\":\"http://shop.example\","
    "\"route\":\"/b\",\"statelessness\":null,\"websocket\":null}],"
    "\"clients\":[{\"client\":\"bearer:9f2c61d0a4be\",\"limit\":{\"by\":\"authorization\",\"rate\":2,\"burst\":10,"
    "\"not_advised\":null,\"needs\":25,\"turned_away\":true},\"recommended\":{\"rate\":3,\"burst\":30},"
    "\"activity\":{\"from\":1700000000,\"step_s\":10,\"requests\":[1,5,0,9]},\"says\":[\"asks every 5.0 s\"]}],"
    "\"bottlenecks\":[{\"rank\":1,\"kind\":\"slow\",\"target\":\"GET http://shop.example/e6\",\"endpoint\":7,"
    "\"client\":null,\"says\":\"slower than its "
    "like\",\"seconds_per_hour\":120.5,\"seen\":44,\"confidence\":0.8,\"effort\":2,"
    "\"why\":\"because\",\"action\":\"mend it\"},{\"rank\":2,\"kind\":\"retries\",\"target\":\"bearer:9f2c61d0a4be\","
    "\"endpoint\":null,\"client\":\"bearer:9f2c61d0a4be\",\"says\":\"time spent on retries\",\"seconds_per_hour\":3,"
    "\"seen\":4,\"confidence\":0.5,\"effort\":4,\"why\":\"w\",\"action\":\"a\"}],"
    "\"behaviour\":{\"records\":500},\"limits\":[{\"by\":\"authorization\",\"clients\":9,\"kept\":8,\"rate\":2,"
    "\"burst\":10,"
    "\"not_advised\":null,\"turned_away\":[{\"client\":\"x\",\"needs\":25}]}],"
    "\"statelessness\":{\"services\":[{\"service\":\"http://"
    "shop.example\",\"grade\":\"D\",\"score\":40,\"requests\":500,"
    "\"worst\":{\"endpoint\":7,\"grade\":\"D\"}}]},"
    "\"capacity\":[{\"service\":\"http://shop.example\",\"server\":\"10.0.0.1:80\",\"exchanges\":90000,"
    "\"concurrency_mean\":2.5,\"concurrency_peak\":40,\"throughput_peak\":310,\"usl\":{\"gamma\":20,\"sigma\":0.03,"
    "\"kappa\":0.002,\"knee\":22,\"max_throughput\":179,\"low\":18,\"high\":27},\"headroom\":1.4}],"
    "\"dependencies\":[{\"caller\":\"http://shop.example\",\"callee\":\"http://stock.internal\",\"endpoint\":7,"
    "\"calls\":812,\"calls_per_request\":1.5,\"time_share\":0.75,\"latency_mean_s\":0.031,\"endpoints\":[]}],"
    "\"backends\":[{\"service\":\"http://"
    "pay.example\",\"servers\":[{\"server\":\"10.0.0.2:80\",\"requests\":9,\"share\":0.25},"
    "{\"server\":\"10.0.0.3:80\",\"requests\":27,\"share\":0.75,\"beside_peers\":{\"slow\":true,\"bad\":false}}]}],"
    "\"redis\":[{\"server\":\"10.0.0.9:6379\",\"commands\":100,\"patterns\":[{\"pattern\":\"cart:{int}\",\"commands\":"
    "91,"
    "\"hit_ratio\":0.9,\"misses\":9,\"ttl\":null,\"age_at_hit\":{\"p50\":44},\"value_bytes\":123000}]}],"
    "\"llm\":[{\"model\":\"m\",\"hit_ratio\":0.8,\"bytes\":4500000,\"latency\":{\"p95\":0.0013},\"lag_s\":null,"
    "\"list\":[1,2]}],\"memcached\":[],"
    "\"versions\":[{\"service\":\"http://"
    "shop.example\",\"version\":\"v1\",\"endpoints\":2,\"requests\":70,\"errors\":0,"
    "\"clients\":2,\"last\":1700000000,\"callers\":[{\"client\":\"jwt:1\",\"requests\":60}]}]}\n";

static struct model model_studied(void)
{
    struct model m = model_made();
    struct insight *i = insight_read(SLICE(report));
    assert_non_null(i);
    model_take_insight(&m, i, m.now->ended_us);
    return m;
}

/* No size and no key makes it draw outside of the grid (the sanitised build says), or anything that a terminal would
 * obey. */
static void sizes(void **state)
{
    static const char typed[] =
        "1t2jjGs\n jk\x1b/e1\n\n\x1b?G\x1b<<rs3jj\nGgT\x1b/zzz\n\x1b p4jj\ng\x1bg\nG\x1bs5jG\nGg\x1bsr6jG 2\x0c";
    (void)state;
    for (unsigned width = 1; width < 150; width += width < 20 ? 1 : width < 45 ? 5 : 13)
        for (unsigned height = 1; height < 50; height += height < 12 ? 1 : 9) {
            struct model m = model_studied();
            for (const char *k = typed; *k; k++) {
                model_key(&m, *k == '\n' ? PRESS_ENTER : (uint32_t)*k);
                for (const char *p = drawn(&m, width, height); *p; p++)
                    assert_true((unsigned char)*p >= ' ' || *p == '\n');
            }
            model_free(&m);
        }
}

static void nothing_there(void **state)
{
    struct model m;
    (void)state;
    model_init(&m, "/tmp/audit.db");
    assert_non_null(strstr(drawn(&m, 80, 24), "Waiting for /tmp/audit.db"));
    press(&m, "2jG\n/x\n\x1bsr3?");
    drawn(&m, 80, 24);
    model_take(&m, calloc(1, sizeof(struct moment)));
    press(&m, "\x1b"
              "2jG\n/x\n\x1bsr3");
    assert_non_null(strstr(drawn(&m, 80, 24), "Waiting"));
    model_free(&m);
}

/* Unknown numbers come last, whichever way. */
static void order(void **state)
{
    struct model m = model_made();
    struct list *l = &m.list[0];
    (void)state;
    press(&m, "2");
    assert_int_equal(l->order[0], 0);
    press(&m, "ss"); /* repeat% */
    for (int reversed = 0; reversed < 2; reversed++) {
        assert_false(isnan(m.now->endpoint[l->order[0]].repeat));
        assert_true(isnan(m.now->endpoint[l->order[ENDPOINTS - 1]].repeat));
        press(&m, "r");
    }
    press(&m, "<<r"); /* requests, fewest first */
    assert_int_equal(l->order[0], ENDPOINTS - 1);
    press(&m, "<"); /* by name: text rises */
    assert_int_equal(l->order[0], 0);
    model_free(&m);
}

static void filter(void **state)
{
    struct model m = model_made();
    (void)state;
    press(&m, "2/E12");
    assert_non_null(strstr(drawn(&m, 80, 24), "/E12"));
    assert_int_equal(m.list[0].n, 1);
    press(&m, "\b");
    assert_int_equal(m.list[0].n, 11); /* e1, e10 to e19 */
    press(&m, "\n");
    assert_false(m.typing);
    press(&m, "\x1b");
    assert_int_equal(m.list[0].n, ENDPOINTS);
    press(&m, "/nowhere");
    assert_non_null(strstr(drawn(&m, 80, 24), "nothing matches"));
    press(&m, "\x1b");
    assert_int_equal(m.list[0].n, ENDPOINTS);
    for (int i = 0; i < 200; i++)
        press(&m, i ? "x" : "/");
    assert_true(strlen(m.list[0].filter) < LIST_FILTER);
    model_free(&m);
}

/* The row chosen stays chosen when others overtake it; at the top one stays at the top. */
static void follows(void **state)
{
    struct model m = model_made();
    struct moment *next = moment_made();
    (void)state;
    press(&m, "2jjj");
    assert_int_equal(m.list[0].id, 4);
    next->endpoint[3].requests = 5;
    model_take(&m, next);
    assert_int_equal(m.list[0].id, 4);
    assert_int_equal(m.list[0].at, ENDPOINTS - 1);
    press(&m, "g");
    next = moment_made();
    next->endpoint[0].requests = 5;
    model_take(&m, next);
    assert_int_equal(m.list[0].at, 0);
    assert_int_equal(m.list[0].id, 2);
    model_free(&m);
}

static void grown(struct model *m, uint32_t endpoints)
{
    struct moment *next = moment_made();
    next->endpoints = endpoints;
    model_take(m, next);
}

/* Who was sent to the end stays there while it grows, until sent elsewhere. */
static void end_grows(void **state)
{
    struct model m = model_made();
    (void)state;
    grown(&m, 10);
    press(&m, "2G");
    assert_int_equal(m.list[0].at, 9);
    grown(&m, 20);
    assert_int_equal(m.list[0].at, 19);
    assert_int_equal(m.list[0].id, 20);
    press(&m, "j"); /* there is no further row */
    grown(&m, 25);
    assert_int_equal(m.list[0].at, 24);
    press(&m, "k");
    grown(&m, 30);
    assert_int_equal(m.list[0].id, 24);
    assert_int_equal(m.list[0].at, 23);
    press(&m, "Gs<"); /* another order begins at the top */
    grown(&m, 35);
    assert_int_equal(m.list[0].at, 0);
    press(&m, "G/e\n\x1b");
    grown(&m, 40);
    assert_int_equal(m.list[0].at, 0);
    grown(&m, 1);
    press(&m, "Gg");
    grown(&m, 40);
    assert_int_equal(m.list[0].at, 0);
    press(&m, "?G"); /* of text, too */
    drawn(&m, 80, 16);
    int end = m.scroll;
    drawn(&m, 80, 10);
    assert_int_equal(m.scroll, end + 6);
    press(&m, "k");
    drawn(&m, 80, 8);
    assert_int_equal(m.scroll, end + 5);
    model_free(&m);
}

static void details(void **state)
{
    struct model m = model_made();
    struct moment *next = moment_made();
    (void)state;
    press(&m, "2j\n");
    assert_non_null(strstr(drawn(&m, 80, 24), "▒ stale"));
    press(&m, "G");
    drawn(&m, 80, 16);
    int end = m.scroll;
    assert_true(end > 0);
    press(&m, "jjj");
    drawn(&m, 80, 16);
    assert_int_equal(m.scroll, end);
    next->endpoint[1].id = 999;
    model_take(&m, next);
    assert_non_null(strstr(drawn(&m, 80, 24), "not there any more"));
    press(&m, "q"); /* back */
    assert_false(m.detail);
    press(&m, "3\n");
    assert_non_null(strstr(drawn(&m, 80, 24), "bucket"));
    model_free(&m);
}

/* How many clients there were is not how many have a row, and rates leave pauses out. */
static void estimated(void **state)
{
    struct model m = model_made();
    (void)state;
    m.now->all_clients = 19874;
    m.now->clients_estimated = true;
    m.now->captured_s = 40;
    assert_non_null(strstr(drawn(&m, 100, 24), "about 19.9k"));
    assert_non_null(strstr(drawn(&m, 100, 24), "4000 100/s"));
    press(&m, "2\n");
    assert_non_null(strstr(drawn(&m, 100, 24), " of at least "));
    m.now->clients_estimated = false;
    assert_null(strstr(drawn(&m, 100, 24), "at least"));
    model_free(&m);
}

static void header(void **state)
{
    struct model m = model_made();
    (void)state;
    assert_non_null(strstr(drawn(&m, 80, 24), "ended 2023-11-14 23:13 UTC"));
    m.now->live = true;
    m.now->ended = false;
    m.wall_us = m.now->ended_us + 3 * 1000000;
    assert_non_null(strstr(drawn(&m, 80, 24), "live, data 3 s old"));
    assert_non_null(strstr(drawn(&m, 40, 10), " live"));
    snprintf(m.trouble, sizeof m.trouble, "audit.db: disk I/O error");
    assert_non_null(strstr(drawn(&m, 80, 24), "\n audit.db: disk I/O error\n"));
    press(&m, "p");
    assert_true(m.paused);
    assert_non_null(strstr(drawn(&m, 140, 24), "PAUSED"));
    model_free(&m);
}

/* Nothing is bound twice, and the way out is always shown. */
static void key_table(void **state)
{
    struct model m = model_made();
    (void)state;
    for (unsigned i = 0; i < keys_n; i++)
        for (unsigned j = 0; j < i; j++)
            for (unsigned a = 0; a < 4 && keys[i].code[a]; a++)
                for (unsigned b = 0; b < 4 && keys[j].code[b]; b++)
                    assert_false(keys[i].code[a] == keys[j].code[b] && keys[i].places & keys[j].places);
    press(&m, "2");
    assert_non_null(strstr(drawn(&m, 40, 10), "q quit"));
    assert_non_null(strstr(drawn(&m, 40, 10), "? help"));
    press(&m, "?");
    assert_non_null(strstr(drawn(&m, 40, 10), "Esc back"));
    press(&m, "q");
    assert_int_equal(model_key(&m, 'q'), WISH_QUIT);
    model_free(&m);
}

/* What was not studied yet is waited for, never shown as nothing. */
static void unstudied(void **state)
{
    struct model m = model_made();
    (void)state;
    assert_true(model_wants_insight(&m));
    press(&m, "4\n");
    assert_non_null(strstr(drawn(&m, 80, 24), "reading the exchange records"));
    press(&m, "6");
    assert_non_null(strstr(drawn(&m, 80, 24), "reading the exchange records"));
    model_take_insight(&m, NULL, 0);
    assert_non_null(strstr(drawn(&m, 80, 24), "could not be made"));
    model_take_insight(&m, insight_read(SLICE("{\"bottlenecks\":[]}")), 0);
    press(&m, "4");
    assert_non_null(strstr(drawn(&m, 80, 24), "nothing that was seen costs time"));
    press(&m, "5");
    assert_non_null(strstr(drawn(&m, 80, 24), "no exchange records are kept"));
    m.now->exchanges = 0; /* nobody asked for that: there was nothing to keep */
    assert_null(strstr(drawn(&m, 80, 24), "no exchange records"));
    assert_non_null(strstr(drawn(&m, 80, 24), "none yet"));
    press(&m, "6");
    assert_non_null(strstr(drawn(&m, 80, 24), "nothing is known of services"));
    press(&m, "1");
    assert_false(model_wants_insight(&m));
    model_free(&m);
}

static void bottlenecks(void **state)
{
    struct model m = model_studied();
    (void)state;
    press(&m, "4");
    const char *s = drawn(&m, 100, 24);
    assert_non_null(strstr(s, "2m00s slower than its like"));
    assert_non_null(strstr(s, "GET shop.example/e6"));
    assert_non_null(strstr(s, "do    mend it"));
    press(&m, "\n"); /* endpoint 7 of the moment */
    s = drawn(&m, 100, 40);
    assert_non_null(strstr(s, "shop.example/e6"));
    assert_non_null(strstr(s, "bottleneck      2m00s an hour, slower than its like: because"));
    assert_non_null(strstr(s, "grade D, 40 of 100; 80 % of answers differ without it"));
    press(&m, "\x1bj\n");
    s = drawn(&m, 140, 50);
    assert_non_null(strstr(s, "bearer:9f2c61d0a4be"));
    assert_non_null(strstr(s, "asks every 5.0 s"));
    assert_non_null(strstr(s, "it needs 25: it would be turned away"));
    assert_non_null(strstr(s, "requests in 10 s  at most 9"));
    assert_non_null(strstr(s, "\xe2\x96\xb8    2.00       25"));
    press(&m, "\x1b");
    assert_non_null(strstr(drawn(&m, 100, 24), "2 bottlenecks by rank"));
    model_free(&m);
}

static void statelessness(void **state)
{
    struct model m = model_studied();
    (void)state;
    press(&m, "5");
    assert_non_null(strstr(drawn(&m, 100, 24), "\xe2\x96\xb8"
                                               "D        40   500       9 GET shop.example/a"));
    press(&m, "\n");
    const char *s = drawn(&m, 100, 30);
    assert_non_null(strstr(s, "D, 40 of 100"));
    assert_non_null(strstr(s, "80 % of answers differ without it"));
    assert_non_null(strstr(s, "not told either way: S8"));
    model_free(&m);
}

/* Lists of known shapes and of unknown ones. */
static void services(void **state)
{
    static const char *const wanted[] = {"who calls whom",
                                         "stock.internal",
                                         "latency p95",
                                         "31.0 ms",
                                         "75.0 %",
                                         "backends",
                                         "4.5 MB",
                                         "capacity",
                                         "179",
                                         "knee at 22",
                                         "Redis",
                                         "90.0 %",
                                         "turned away",
                                         "v1",
                                         "jwt:1 (60)",
                                         "WebSockets",
                                         "120 kB",
                                         "connections not decoded",
                                         "tls"};
    struct model m = model_studied();
    (void)state;
    press(&m, "6");
    const char *s = drawn(&m, 140, 90);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(s, wanted[i]))
            fail_msg("%s is not in\n%s", wanted[i], s);
    assert_null(strstr(s, "memcached")); /* there is none */
    model_free(&m);
}

/* No report that is cut or garbled is taken for one, and none makes it fall over. */
static void damaged(void **state)
{
    static char text[sizeof report];
    (void)state;
    for (size_t n = 0; n + 2 < sizeof report; n++)
        assert_null(insight_read(slice_of(report, n)));
    for (size_t n = 0; n + 1 < sizeof report; n += 3) {
        memcpy(text, report, sizeof text);
        text[n] = "[]{}\",:0"[n % 8];
        insight_free(insight_read(slice_of(text, sizeof text - 1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),     cmocka_unit_test(nothing_there), cmocka_unit_test(order),
        cmocka_unit_test(filter),    cmocka_unit_test(follows),       cmocka_unit_test(details),
        cmocka_unit_test(estimated), cmocka_unit_test(header),        cmocka_unit_test(key_table),
        cmocka_unit_test(unstudied), cmocka_unit_test(bottlenecks),   cmocka_unit_test(statelessness),
        cmocka_unit_test(services),  cmocka_unit_test(damaged),       cmocka_unit_test(end_grows)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grid_free(&grid);
    buf_free(&screen);
    return failed;
}
