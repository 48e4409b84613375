/* The report: the JSON of the contract with its keys in order, unknown numbers null; text that no path can break; what
 * is said when little could be decoded. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#include "analysis/report/facts.h"
#include "analysis/report/report.h"
#include "analysis/report/verdict.h"
#include "analysis/store/store.h"
#include "base/hist.h"

static char folder[64];
static char path[96];

static int fresh_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_report.XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/a.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct store *begin(void)
{
    char why[256];
    bool usage;
    struct store_options o = {STORE_FRESH, 0, true, 0600, -1, 0};
    struct store *s = store_open(path, &o, why, &usage);
    if (!s)
        fail_msg("%s", why);
    return s;
}

static void end(struct store *s)
{
    char why[256];
    store_submit(s);
    assert_true(store_close(s, why));
}

static struct buf report(enum report_format format, unsigned top)
{
    char why[256];
    struct buf out = {0};
    struct report_options o = {.top = top};
    struct store_reader *r = store_read_open(path, why);
    if (!r || !report_write(r, format, &o, &out, why))
        fail_msg("%s", why);
    store_read_close(r);
    buf_char(&out, 0);
    out.n--;
    return out;
}

static cJSON *report_json(void)
{
    struct buf out = report(REPORT_JSON, 0);
    cJSON *j = cJSON_Parse(out.p);
    if (!j)
        fail_msg("no JSON: %s", out.p);
    buf_free(&out);
    return j;
}

static struct row_capture *capture(struct store *s)
{
    struct row_capture *c = store_capture(s);
    *c = (struct row_capture){.sources = store_text(s, SLICE("[\"x.pcap\"]")),
                              .ended = true,
                              .started_us = 1000000,
                              .ended_us = 11500000,
                              .packets = 100,
                              .bytes = 10000,
                              .flows = 10,
                              .gap_bytes = 100,
                              .stream_bytes = 9900};
    return c;
}

static void totals(struct store *s, uint64_t exchanges)
{
    store_counter(s, "total", SLICE("exchanges"), exchanges);
    store_counter(s, "total", SLICE("eligible"), exchanges);
    store_counter(s, "total", SLICE("keys"), exchanges / 4);
    store_counter(s, "method", SLICE("GET"), exchanges);
    store_counter(s, "opaque", SLICE("tls"), 1);
}

/* 100 requests of 10 and 20 ms by turns. */
static struct slice histogram(struct store *s)
{
    struct hist_dense d = {.n = 100, .sum = 1500000, .min = 10000, .max = 20000};
    struct buf blob = {0};
    d.count[hist_index(10000)] = d.count[hist_index(20000)] = 50;
    hist_write(&d, &blob);
    struct slice copy = store_text(s, slice_of(blob.p, blob.n));
    buf_free(&blob);
    return copy;
}

static struct row_endpoint *endpoint(struct store *s, uint32_t id, struct slice route, uint64_t requests)
{
    struct row_endpoint *e = store_endpoint(s);
    *e = (struct row_endpoint){.id = id,
                               .method = SLICE("GET"),
                               .service = SLICE("http://a.example"),
                               .route = store_text(s, route),
                               .requests = requests,
                               .eligible = requests,
                               .keys = requests / 4,
                               .latency_n = requests,
                               .server_n = requests,
                               .server_us_total = 1500000};
    e->latency = e->server_time = e->declared_ttl = histogram(s);
    e->reasons[REASON_EXPLICIT] = requests - 10;
    e->reasons[REASON_PRIVATE] = 10;
    e->declared[DECLARED_storable_shared] = requests - 10;
    e->declared[DECLARED_storable_private] = requests;
    e->declared[DECLARED_personal] = 10;
    e->declared[DECLARED_reads] = requests;
    e->declared[DECLARED_conditional] = e->declared[DECLARED_full] = 20;
    e->declared[DECLARED_not_modified] = 15;
    e->declared[DECLARED_strong_etag] = 5;
    e->declared[DECLARED_cache_seen] = 8;
    e->declared[DECLARED_from_cache] = 2;
    e->ttl[0] = (struct row_rung){1, 100, 60, 10, 20, 3, 5, 0, 0, 12345, 2500000, 40, 9, 2, 4, 1};
    e->ttl[1] = (struct row_rung){60, 100, 0, 0, 0, 0, 0, 80, 20, 0, 0, 100, 0, 0, 0, 0};
    e->live = SLICE("[[1,5000,7,2100,21,10500]]");
    e->observed_gaps = 12;
    e->changes = 5;
    e->lifetimes =
        SLICE("{\"multi\":1,\"lost\":[0,0],\"gaps\":[[39,6,2,6000,2000]],\"versions\":[2,0,[1,4,2],[1,88,2]]}");
    return e;
}

static struct row_client *client(struct store *s, uint32_t id, struct slice name, uint64_t requests)
{
    struct row_client *c = store_client(s);
    *c = (struct row_client){.id = id,
                             .client = store_text(s, name),
                             .identity = SLICE("bearer"),
                             .addresses = SLICE("10.0.0.1,::1"),
                             .n_addresses = 2,
                             .requests = requests,
                             .peak_1s = 3,
                             .peak_10s = 30,
                             .peak_60s = 60,
                             .sliding_1s = 4,
                             .sliding_10s = 31,
                             .burstiness = 0.5,
                             .poller_period_s = NAN};
    for (int i = 0; i < ENVELOPE_RATES; i++) {
        c->envelope_rate[i] = 0.1 * pow(10, i * 0.2083);
        c->envelope_burst[i] = ENVELOPE_RATES - i;
    }
    return c;
}

static void usual_audit(void)
{
    struct store *s = begin();
    capture(s);
    totals(s, 160);
    endpoint(s, 1, SLICE("/b"), 40);
    endpoint(s, 2, SLICE("/c"), 80);
    endpoint(s, 3, SLICE("/a"), 40);
    endpoint(s, 4, SLICE("/gone"), 999)->alias = 2;
    client(s, 1, SLICE("bearer:9f2c61d0a4be"), 60);
    client(s, 2, SLICE("bearer:0f2c61d0a4be"), 100);
    end(s);
}

/* ---- JSON ---- */

static const cJSON *at(const cJSON *j, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, name);
    if (!v)
        fail_msg("no key %s", name);
    return v;
}

static double number(const cJSON *j, const char *name)
{
    const cJSON *v = at(j, name);
    if (!cJSON_IsNumber(v))
        fail_msg("%s is no number", name);
    return v->valuedouble;
}

static bool is_null(const cJSON *j, const char *name)
{
    return cJSON_IsNull(at(j, name));
}

/* Every one of the names, in this order; others may stand between. */
static void keys_in_order(const cJSON *j, const char *names)
{
    char list[1024], *rest = list, *name;
    const cJSON *v = j->child;
    snprintf(list, sizeof list, "%s", names);
    while ((name = strsep(&rest, " "))) {
        while (v && strcmp(v->string, name) != 0)
            v = v->next;
        if (!v)
            fail_msg("no key %s, or not in its place", name);
    }
}

static void keys_are_those_of_the_contract(void **state)
{
    (void)state;
    usual_audit();
    cJSON *j = report_json();
    keys_in_order(j, "tool capture totals endpoints clients bottlenecks recommendations capacity");
    keys_in_order(at(j, "tool"), "name version schema");
    keys_in_order(at(j, "capture"),
                  "sources started ended duration_s packets bytes kernel_dropped interface_dropped duplicates "
                  "unparsed_packets flows flows_midstream flows_oneway flows_opaque gaps gap_bytes acked_unseen_bytes "
                  "coverage encapsulations memory_ceiling_bytes memory_peak_bytes sampling_rate");
    keys_in_order(at(j, "totals"),
                  "exchanges complete unanswered orphan_responses clients services endpoints keys request_bytes "
                  "response_bytes methods statuses protocols eligible repeat_ratio late_records");
    const cJSON *e = at(j, "endpoints")->child;
    keys_in_order(e,
                  "id method service route operation requests eligible keys repeat_ratio repeat_ratio_content clients "
                  "request_bytes response_bytes errors latency server_time concurrency declared ttl staleness "
                  "key_advice sharing statelessness sampling_rate recommendation");
    keys_in_order(at(e, "latency"), "p50 p95 p99 max");
    keys_in_order(at(e, "server_time"), "p50 p95 p99 total");
    keys_in_order(
        at(e, "ttl")->child,
        "ttl_s lookups hits stale_hits unknown_hits errors_masked coalesced hit_ratio hit_ratio_warm "
        "stale_ratio bytes_saved server_seconds_saved live_bytes_peak live_entries_peak hit_ratio_low hit_ratio_high "
        "fills fills_hit fills_stale swr_async stale_purgeable live_bytes_mean live_entries_mean repeat_ratio verdict");
    keys_in_order(e, "declared conditional cache_in_path ttl");
    keys_in_order(at(e, "declared"), "storable_shared storable_private reasons ttl_median storable_cdn nginx varnish");
    keys_in_order(at(e, "conditional"),
                  "cond_ratio revalidation_success validator_coverage wasted_full wasted_full_bytes etag_pairs "
                  "etag_unstable etag_lies bytes_saved_by_304");
    keys_in_order(at(e, "cache_in_path"), "seen hits share hit_ratio");
    keys_in_order(at(e, "staleness"),
                  "observed_gaps changes mean_lifetime_s low_s high_s model median_low_s median_high_s multi_valued");
    const cJSON *c = at(j, "clients")->child;
    keys_in_order(c,
                  "client identity addresses requests bytes errors throttled peak sliding burstiness poller_period_s "
                  "envelope recommended flags");
    keys_in_order(at(c, "peak"), "1s 10s 60s");
    keys_in_order(at(c, "sliding"), "1s 10s");
    keys_in_order(at(c, "envelope")->child, "rate burst");
    cJSON_Delete(j);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void numbers_mean_what_the_contract_says(void **state)
{
    (void)state;
    usual_audit();
    cJSON *j = report_json();
    const cJSON *c = at(j, "capture"), *e = at(j, "endpoints")->child;
    assert_true(near(number(c, "duration_s"), 10.5) && near(number(c, "coverage"), 0.99));
    assert_true(near(number(c, "started"), 1) && near(number(c, "ended"), 11.5));
    const cJSON *live = at(e, "ttl")->child;
    assert_true(near(number(live, "live_bytes_peak"), 5000) && near(number(live, "live_entries_peak"), 7));
    assert_true(near(number(live, "live_bytes_mean"), 200) && near(number(live, "live_entries_mean"), 2));
    assert_true(is_null(live->next, "live_bytes_peak") && is_null(live->next, "live_bytes_mean"));
    assert_true(near(number(at(c, "flows_opaque"), "tls"), 1));
    assert_true(near(number(at(j, "totals"), "repeat_ratio"), 0.75) && near(number(at(j, "totals"), "endpoints"), 3));
    assert_true(near(number(e, "id"), 2) && is_null(e, "operation"));
    assert_true(near(number(e->next, "id"), 3) && near(number(e->next->next, "id"), 1)); /* ties by name */
    assert_null(e->next->next->next);
    assert_true(near(number(e, "repeat_ratio"), 0.75));
    assert_true(near(number(at(e, "latency"), "max"), 0.02) && near(number(at(e, "server_time"), "total"), 1.5));
    assert_true(fabs(number(at(e, "latency"), "p50") - 0.01) < 0.01 / 64 &&
                fabs(number(at(e, "latency"), "p95") - 0.02) < 0.02 / 64);
    const cJSON *declared = at(e, "declared"), *conditional = at(e, "conditional");
    assert_true(near(number(declared, "storable_shared"), 70) && near(number(declared, "nginx"), 0));
    assert_true(near(number(at(declared, "reasons"), "PRIVATE"), 10) &&
                !cJSON_GetObjectItem(at(declared, "reasons"), "POST"));
    assert_true(fabs(number(declared, "ttl_median") - 10000) <= 10000.0 / 64);
    assert_true(near(number(conditional, "cond_ratio"), 0.25) &&
                near(number(conditional, "revalidation_success"), 0.75));
    assert_true(near(number(at(conditional, "validator_coverage"), "strong_etag"), 0.25));
    assert_true(near(number(at(e, "cache_in_path"), "hit_ratio"), 0.25) &&
                near(number(at(e, "cache_in_path"), "share"), 0.025));
    const cJSON *t = at(e, "ttl")->child;
    assert_true(near(number(t, "hit_ratio"), 0.6) && near(number(t, "stale_ratio"), 0.25));
    assert_true(near(number(t, "hit_ratio_low"), 0.55) && near(number(t, "hit_ratio_high"), 0.6));
    assert_true(is_null(t, "hit_ratio_warm") && near(number(t, "server_seconds_saved"), 2.5));
    assert_true(near(number(t->next, "hit_ratio_warm"), 0.25) && is_null(t->next, "stale_ratio"));
    assert_null(t->next->next);
    const cJSON *first = at(j, "clients")->child;
    assert_string_equal(at(first, "client")->valuestring, "bearer:0f2c61d0a4be");
    assert_int_equal(cJSON_GetArraySize(at(first, "addresses")), 2);
    assert_true(near(number(at(first, "sliding"), "10s"), 31) && is_null(first, "poller_period_s"));
    cJSON_Delete(j);
}

/* Eight gaps of a second, two of them changed: -ln(6/8) a second. Two versions died within 2 s. */
static void lifetimes_are_told_as_far_as_known(void **state)
{
    (void)state;
    struct store *s = begin();
    capture(s);
    totals(s, 12);
    endpoint(s, 1, SLICE("/a"), 400);
    endpoint(s, 2, SLICE("/b"), 300)->lifetimes =
        SLICE("{\"multi\":0,\"lost\":[0,3],\"gaps\":[[39,6,0,6000,0]],\"versions\":[2,0,[1,4,2]]}");
    endpoint(s, 3, SLICE("/c"), 200)->lifetimes = SLICE("");
    end(s);
    cJSON *j = report_json();
    const cJSON *a = at(j, "endpoints")->child, *st = at(a, "staleness");
    assert_true(near(number(st, "mean_lifetime_s"), 1 / log(8. / 6)));
    assert_true(number(st, "low_s") < 3.4 && number(st, "high_s") > 3.5 && number(st, "observed_gaps") == 12);
    assert_string_equal(cJSON_GetStringValue(at(st, "model")), "poisson");
    assert_true(near(number(st, "median_low_s"), 1) && near(number(st, "median_high_s"), 2));
    st = at(a->next, "staleness");
    assert_true(is_null(st, "mean_lifetime_s") && near(number(st, "low_s"), 6 / log(20)) && is_null(st, "high_s"));
    assert_true(is_null(st, "median_low_s") && is_null(st, "median_high_s")); /* some were lost */
    assert_string_equal(cJSON_GetStringValue(at(st, "model")), "no change seen");
    st = at(a->next->next, "staleness");
    assert_true(is_null(st, "mean_lifetime_s") && is_null(st, "low_s") && is_null(st, "model"));
    cJSON_Delete(j);
}

static void what_is_not_known_is_null(void **state)
{
    (void)state;
    struct store *s = begin();
    struct row_capture *c = capture(s);
    c->from_records = true;
    struct row_endpoint *e = endpoint(s, 1, SLICE("/x"), 5);
    e->eligible = e->keys = e->latency_n = e->server_n = e->server_us_total = 0;
    e->latency = e->server_time = e->lifetimes = SLICE("damaged");
    memset(e->reasons, 0, sizeof e->reasons);
    struct row_client *unprofiled = client(s, 1, SLICE("(other)"), 5);
    unprofiled->peak_1s = 0;
    unprofiled->burstiness = NAN;
    end(s);
    cJSON *j = report_json();
    static const char *const packets[] = {"packets",        "bytes",        "kernel_dropped",    "interface_dropped",
                                          "flows",          "duplicates",   "flows_opaque",      "unparsed_packets",
                                          "gaps",           "coverage",     "gap_bytes",         "flows_midstream",
                                          "encapsulations", "flows_oneway", "acked_unseen_bytes"};
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        assert_true(is_null(at(j, "capture"), packets[i]));
    const cJSON *one = at(j, "endpoints")->child, *who = at(j, "clients")->child;
    assert_true(is_null(one, "repeat_ratio") && is_null(one, "repeat_ratio_content") && is_null(one, "declared") &&
                is_null(one, "conditional") && is_null(one, "cache_in_path"));
    assert_true(is_null(at(one, "latency"), "p50") && is_null(at(one, "latency"), "max"));
    assert_true(is_null(at(one, "server_time"), "total") && is_null(at(one, "staleness"), "model"));
    assert_true(is_null(who, "peak") && is_null(who, "sliding") && is_null(who, "envelope") &&
                is_null(who, "burstiness"));
    assert_true(is_null(j, "capacity") && !at(j, "recommendations")->child);
    assert_true(is_null(one, "recommendation") &&
                strcmp(at(at(one, "sharing"), "verdict")->valuestring, "undecided") == 0);
    cJSON_Delete(j);
}

static void an_audit_of_nothing_is_written(void **state)
{
    (void)state;
    end(begin());
    cJSON *j = report_json();
    assert_true(is_null(at(j, "capture"), "started") && is_null(at(j, "capture"), "duration_s"));
    assert_true(is_null(at(j, "totals"), "repeat_ratio") && near(number(at(j, "totals"), "exchanges"), 0));
    assert_int_equal(cJSON_GetArraySize(at(j, "endpoints")), 0);
    cJSON_Delete(j);
    struct buf text = report(REPORT_TEXT, 0);
    assert_non_null(strstr(text.p, "ATTENTION"));
    buf_free(&text);
}

static void the_same_rows_give_the_same_bytes(void **state)
{
    (void)state;
    for (int format = 0; format < REPORT_FORMATS; format++) {
        usual_audit();
        struct buf a = report((enum report_format)format, 0);
        unlink(path);
        usual_audit();
        struct buf b = report((enum report_format)format, 0);
        assert_true(slice_eq(slice_of(a.p, a.n), slice_of(b.p, b.n)));
        buf_free(&a);
        buf_free(&b);
    }
}

/* ---- text ---- */

static void what_is_declared_is_told(void **state)
{
    (void)state;
    usual_audit();
    struct buf text = report(REPORT_TEXT, 0);
    buf_char(&text, 0);
    const char *section = strstr(text.p, "WHAT THE API DECLARES");
    assert_non_null(section);
    const char *line = strstr(section, "GET http://a.example/c ");
    assert_non_null(line);
    assert_non_null(strstr(line, " 87.5  private          12.5"));
    assert_true(strstr(line, " 25.0  75.0      0\n") < strchr(line, '\n'));
    buf_free(&text);
}

static void lifetimes_that_stay_fresh(void **state)
{
    struct row_endpoint e = {.ttl = {{.ttl_s = 1, .warm_lookups = 9, .hits = 100},
                                     {.ttl_s = 2, .warm_lookups = 9, .hits = 100, .stale_hits = 1},
                                     {.ttl_s = 5, .warm_lookups = 9, .hits = 100, .stale_hits = 2},
                                     {.ttl_s = 9, .hits = 100}}};
    bool open;
    (void)state;
    assert_true(near(facts_fresh_s(&e, .01, &open), 2) && !open);
    assert_true(near(facts_fresh_s(&e, .02, &open), 5) && open);
    assert_true(near(facts_fresh_s(&e, .5, &open), 5) && open); /* 9 s is longer than what was observed */
    e.ttl[0].stale_hits = 2;
    assert_true(near(facts_fresh_s(&e, .01, &open), 0) && !open);
    e = (struct row_endpoint){.reasons = {0}};
    assert_true(isnan(facts_fresh_s(&e, .01, &open)) && !open);
    assert_int_equal(facts_blocker(&e), REASON_NONE);
    assert_true(isnan(facts_storable(&e)));
    e.reasons[REASON_REVALIDATED] = 50;
    e.reasons[REASON_EXPLICIT] = 30;
    e.reasons[REASON_STATUS] = e.reasons[REASON_PRIVATE] = 10;
    e.declared[DECLARED_storable_shared] = 30;
    assert_int_equal(facts_blocker(&e), REASON_STATUS);
    assert_true(near(facts_storable(&e), .6));
}

static void hostile_audit(void)
{
    struct store *s = begin();
    capture(s);
    totals(s, 160);
    for (uint32_t i = 0; i < 40; i++) {
        char route[64];
        int n = snprintf(route, sizeof route,
                         "/%u\x1b[2J\x1b]0;owned\x07\r\n\x9b"
                         "31m\xff\xfe\xe2\x80\xae\xed\xa0\x80\x7f",
                         i);
        route[2] = i % 2 ? 0 : route[2];
        endpoint(s, i + 1, slice_of(route, (size_t)n), 100 + i);
        client(s, i + 1, slice_of(route, (size_t)n), 1000000000000 + i)->addresses =
            store_text(s, slice_of(route, (size_t)n));
    }
    end(s);
}

/* Columns of a line, none of whose characters may be one that a terminal obeys. */
static unsigned columns(const char *line, size_t n)
{
    unsigned width = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        assert_true(c >= 0x20 && c != 0x7f);
        assert_false(c == 0xc2 && (unsigned char)line[i + 1] < 0xa0); /* C1 */
        width += (c & 0xc0) != 0x80;
    }
    return width;
}

static void no_path_reaches_the_terminal(void **state)
{
    (void)state;
    hostile_audit();
    struct buf text = report(REPORT_TEXT, 100);
    struct slice all = slice_of(text.p, text.n);
    for (size_t from = 0; from < all.n;) {
        size_t to = slice_find(all, '\n', from);
        assert_true(columns(text.p + from, to - from) <= 130);
        from = to + 1;
    }
    assert_null(strstr(text.p, "\xff"));
    assert_null(strstr(text.p, "\xe2\x80\xae"));
    buf_free(&text);
    cJSON *j = report_json(); /* and the JSON stays JSON */
    assert_int_equal(cJSON_GetArraySize(at(j, "endpoints")), 40);
    cJSON_Delete(j);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        n++;
    return n;
}

/* A row each: with a model, bounds alone, and why nothing is known. */
static void text_says_how_long_answers_live(void **state)
{
    (void)state;
    struct store *s = begin();
    struct row_endpoint *e;
    capture(s);
    totals(s, 100);
    endpoint(s, 1, SLICE("/model"), 500);
    e = endpoint(s, 2, SLICE("/still"), 400);
    e->lifetimes = SLICE("{\"multi\":0,\"lost\":[0,0],\"gaps\":[[39,6,0,6000,0]],\"versions\":[0,0]}");
    e = endpoint(s, 3, SLICE("/turns"), 300);
    e->lifetimes = SLICE("{\"multi\":2,\"lost\":[0,0],\"gaps\":[],\"versions\":[0,0]}");
    e = endpoint(s, 4, SLICE("/full"), 200);
    e->lifetimes = SLICE("{\"multi\":0,\"lost\":[3,0],\"gaps\":[[39,6,0,6000,0]],\"versions\":[0,0]}");
    e = endpoint(s, 5, SLICE("/once"), 100);
    e->lifetimes = SLICE("");
    e->observed_gaps = e->changes = 0;
    e->keys = e->eligible;
    endpoint(s, 6, SLICE("/never"), 90)->eligible = 0;
    end(s);
    struct buf text = report(REPORT_TEXT, 0);
    char *from = strstr(text.p, "HOW LONG ANSWERS STAY THE SAME");
    assert_non_null(from);
    *strstr(from, "WHAT THE API") = 0;
    assert_non_null(strstr(from, "3.5 s"));
    assert_non_null(strstr(from, "at random, 1 by turns"));
    assert_non_null(strstr(from, "2.0 s        -        -        -  none seen"));
    assert_non_null(strstr(from, "by turns only"));
    assert_non_null(strstr(from, "unknown: no memory was left"));
    assert_non_null(strstr(from, "nothing was asked for twice"));
    assert_null(strstr(from, "/never"));
    buf_free(&text);
}

static void top_limits_the_rows(void **state)
{
    (void)state;
    hostile_audit();
    struct buf few = report(REPORT_TEXT, 3), usual = report(REPORT_TEXT, 0), all = report(REPORT_TEXT, 40);
    assert_int_equal(count(few.p, "and 37 more"), 6);
    assert_int_equal(count(usual.p, "and 30 more"), 5);
    assert_int_equal(count(all.p, " more "), 0);
    buf_free(&few);
    buf_free(&usual);
    buf_free(&all);
}

static void markdown_is_not_formatted_from_outside(void **state)
{
    (void)state;
    struct store *s = begin();
    capture(s);
    totals(s, 100);
    endpoint(s, 1, SLICE("/a|b<script>*x*_y_`z`[l](http://evil)\x1b[2J\xe2\x80\xae\xff"), 100);
    client(s, 1, SLICE("|**"), 100);
    end(s);
    struct buf text = report(REPORT_MARKDOWN, 0);
    char *row = strstr(text.p, "| GET ");
    assert_non_null(row);
    *strchr(row, '\n') = 0;
    assert_int_equal(count(row, "|"), 10); /* nine cells */
    assert_true(!strpbrk(row + 1, "<*_`[\x1b\xff") && !strstr(row, "://") && !strstr(row, "\xe2\x80\xae"));
    assert_non_null(strstr(row, "&#60;script&#62;"));
    buf_free(&text);
}

static void damage_is_no_report(void **state)
{
    char why[256] = "";
    struct buf out = {0};
    struct report_options o = {0};
    (void)state;
    struct store *s = begin();
    capture(s);
    for (uint32_t i = 1; i < 500; i++)
        endpoint(s, i, SLICE("/x"), i);
    end(s);
    FILE *f = fopen(path, "r+");
    fseek(f, 60 * 4096, SEEK_SET);
    for (int i = 0; i < 40 * 4096; i++)
        fputc(0xa5, f);
    fclose(f);
    struct store_reader *r = store_read_open(path, why);
    assert_false(r && report_write(r, REPORT_JSON, &o, &out, why));
    assert_true(*why && !strchr(why, '\n'));
    store_read_close(r);
    buf_free(&out);
}

/* ---- verdict ---- */

static enum verdict judge(struct row_capture c, uint64_t exchanges, const char *reason, uint64_t opaque,
                          const char *says)
{
    struct facts_counter counter[2] = {{"total", "exchanges", exchanges}, {"opaque", "", opaque}};
    struct facts f = {.capture = c, .any = true, .counter = counter, .n = 2};
    struct buf lines = {0};
    snprintf(counter[1].name, sizeof counter[1].name, "%s", reason);
    enum verdict v = verdict_of(&f, &lines);
    buf_char(&lines, 0);
    if (*says ? !strstr(lines.p, says) : lines.n > 1)
        fail_msg("said: %s", lines.p);
    buf_free(&lines);
    return v;
}

static void little_is_said_first_and_why(void **state)
{
    struct row_capture good = {.packets = 1000, .flows = 412, .stream_bytes = 1000000}, c;
    (void)state;
    assert_int_equal(judge(good, 900, "tls", 10, ""), VERDICT_GOOD);
    assert_int_equal(
        judge(good, 9, "tls", 400, "412 flows, 97 % TLS without keys: tap behind the terminator or give --keys"),
        VERDICT_LITTLE);
    assert_int_equal(judge(good, 0, "tls", 400, "412 flows, 97 %"), VERDICT_NOTHING);
    assert_int_equal(judge(good, 0, "empty", 400, "no HTTP"), VERDICT_NOTHING);
    assert_int_equal(
        judge((c = good, c.flows_oneway = 300, c), 9, "tls", 0, "300 of 412 flows show one direction only"),
        VERDICT_LITTLE);
    assert_int_equal(judge((c = good, c.unparsed_packets = 900, c), 9, "tls", 0, "900 of 1000 packets"),
                     VERDICT_LITTLE);
    assert_int_equal(judge((c = good, c.gap_bytes = 100000, c), 900, "tls", 0, "90.9 % of the bytes"), VERDICT_PARTIAL);
    assert_int_equal(judge((c = good, c.kernel_dropped = 5, c), 900, "tls", 0, "5 packets were dropped"),
                     VERDICT_PARTIAL);
    assert_int_equal(judge((struct row_capture){0}, 0, "tls", 0, "holds no packets"), VERDICT_NOTHING);
    assert_int_equal(judge((struct row_capture){.live = true}, 0, "tls", 0, "mirror port"), VERDICT_NOTHING);
    assert_int_equal(judge((struct row_capture){.from_records = true}, 5, "tls", 0, ""), VERDICT_GOOD);
    assert_int_equal(judge((struct row_capture){.from_records = true}, 0, "tls", 0, "no exchange record"),
                     VERDICT_NOTHING);
}

static void it_stands_in_both_formats(void **state)
{
    (void)state;
    struct store *s = begin();
    capture(s);
    store_counter(s, "opaque", SLICE("tls"), 10);
    end(s);
    struct buf text = report(REPORT_TEXT, 0), json = report(REPORT_JSON, 0);
    const char *line = strchr(text.p, '\n');
    assert_non_null(line);
    assert_int_equal(strncmp(line + 1, " ATTENTION: 10 flows, 100 % TLS without keys", 44), 0);
    assert_non_null(strstr(json.p, "10 flows, 100 % TLS without keys"));
    buf_free(&text);
    buf_free(&json);
}

/* Every step that the capture knows, in its order, in both formats. */
static void what_was_given_up_is_said(void **state)
{
    static const char *const names[] = {
#define EASE(id, name, what) name,
#include "capture/ease.def"
#undef EASE
    };
    (void)state;
    struct store *s = begin();
    capture(s);
    totals(s, 100);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        store_counter(s, "eased", slice_str(names[i]), i + 1);
        store_counter(s, "eased_us", slice_str(names[i]), 90000000 - 10000000 * i);
    }
    store_counter(s, "skipped", SLICE("packets"), 5000);
    store_counter(s, "skipped", SLICE("flows"), 40);
    end(s);
    cJSON *j = report_json();
    const cJSON *step = at(at(j, "capture"), "degraded")->child;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++, step = step->next) {
        assert_non_null(step);
        assert_string_equal(at(step, "step")->valuestring, names[i]);
        assert_true(near(number(step, "times"), (double)i + 1) &&
                    near(number(step, "seconds"), 90.0 - 10.0 * (double)i));
    }
    assert_null(step);
    assert_true(near(number(at(at(j, "capture"), "skipped"), "flows"), 40));
    cJSON_Delete(j);
    struct buf text = report(REPORT_TEXT, 0);
    assert_non_null(strstr(text.p, "did not keep up: bodies were not looked into for"));
    assert_non_null(strstr(text.p, "(5000 packets of 40 connections): counts are lower bounds"));
    buf_free(&text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_those_of_the_contract),
        TEST(numbers_mean_what_the_contract_says),
        TEST(lifetimes_are_told_as_far_as_known),
        TEST(what_is_not_known_is_null),
        TEST(an_audit_of_nothing_is_written),
        TEST(the_same_rows_give_the_same_bytes),
        TEST(what_is_declared_is_told),
        cmocka_unit_test(lifetimes_that_stay_fresh),
        TEST(no_path_reaches_the_terminal),
        TEST(text_says_how_long_answers_live),
        TEST(top_limits_the_rows),
        TEST(markdown_is_not_formatted_from_outside),
        TEST(damage_is_no_report),
        TEST(little_is_said_first_and_why),
        TEST(it_stands_in_both_formats),
        TEST(what_was_given_up_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
