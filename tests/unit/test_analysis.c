/* The room as a whole, fed with exchanges made by hand: the definitions of CONTRACT.md sections 2 and 4, and that a
 * restart goes on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/state.h"

static const int64_t epoch = 1700000000000000;
static struct hash_key key;

/* Every record the store would have been given. */
static struct row_exchange *records;
static size_t n_records, room;

static void keep_record(void *context, const struct row_exchange *x)
{
    (void)context;
    if (n_records == room) {
        room = room ? room * 2 : 1024;
        records = realloc(records, room * sizeof *records);
    }
    records[n_records++] = *x;
}

static struct analysis *start_with(uint64_t memory, bool by_address)
{
    key = hash_key_from("test", 4);
    struct analysis_options o = {
        .key = &key, .memory = memory, .clients_by_address = by_address, .record = keep_record};
    n_records = 0;
    struct analysis *a = analysis_new(&o, NULL);
    assert_non_null(a);
    return a;
}

static struct analysis *start(void)
{
    return start_with(64 << 20, false);
}

/* A complete GET answered 200 at once, `us` after the epoch. */
static struct exchange get(int64_t us, const char *target, uint64_t body)
{
    struct exchange x = {
        .arrival = epoch + us, .t_req0 = epoch + us, .t_req1 = epoch + us, .t_rsp0 = epoch + us, .t_rsp1 = epoch + us};
    x.rtt_client = x.rtt_server = -1;
    x.proto = PROTO_HTTP11;
    x.method = SLICE("GET");
    x.service = SLICE("http://h");
    x.authority = SLICE("h");
    x.target = slice_str(target);
    x.status = 200;
    x.body_id = body;
    x.response_bytes = 100;
    x.client = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 4000, .known = 1};
    x.server = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}, .port = 80, .known = 1};
    x.client_hash = 0x123456789abc;
    return x;
}

static struct row_endpoint row(struct analysis *a, uint32_t id)
{
    struct row_endpoint r;
    assert_true(analysis_endpoint_row(a, id, &r));
    return r;
}

static struct row_rung rung(struct analysis *a, uint32_t id, uint32_t ttl)
{
    struct row_endpoint r = row(a, id);
    for (int i = 0; i < LADDER_RUNGS; i++)
        if (r.ttl[i].ttl_s == ttl)
            return r.ttl[i];
    fail();
    return r.ttl[0];
}

static struct field answer(enum token t, const char *value)
{
    return (struct field){slice_str(token_name(t)), slice_str(value), (uint8_t)t, true};
}

static struct field ask(enum token t, const char *value)
{
    return (struct field){slice_str(token_name(t)), slice_str(value), (uint8_t)t, false};
}

static void take(struct analysis *a, struct exchange x)
{
    analysis_take(a, &x);
}

/* Exchanges that wait to be taken together, with copies of what they borrow. */
static struct {
    struct exchange x;
    struct field field[8];
    char text[9][64];
} waiting[ANALYSIS_TOGETHER];
static size_t n_waiting, together;

static void take_waiting(struct analysis *a)
{
    const struct exchange *x[ANALYSIS_TOGETHER];
    for (size_t i = 0; i < n_waiting; i++)
        x[i] = &waiting[i].x;
    analysis_take_all(a, x, n_waiting);
    n_waiting = 0;
}

static struct slice copied(char *to, struct slice s)
{
    memcpy(to, s.p, s.n);
    return slice_of(to, s.n);
}

static void wait_for_others(struct analysis *a, const struct exchange *x)
{
    size_t at = n_waiting++;
    waiting[at].x = *x;
    waiting[at].x.target = copied(waiting[at].text[8], x->target);
    waiting[at].x.fields = waiting[at].field;
    for (unsigned i = 0; i < x->n_fields; i++) {
        waiting[at].field[i] = x->fields[i];
        waiting[at].field[i].value = copied(waiting[at].text[i], x->fields[i].value);
    }
    if (n_waiting == together)
        take_waiting(a);
}

static void take_fields(struct analysis *a, struct exchange x, const struct field *fields, uint8_t n)
{
    x.fields = fields;
    x.n_fields = n;
    if (together)
        wait_for_others(a, &x);
    else
        analysis_take(a, &x);
}

static void feed_tr1(struct analysis *a)
{
    static const struct {
        int second;
        const char *target;
        uint64_t body;
    } t[] = {{0, "/t/1", 'x'},  {3, "/t/1", 'x'},  {4, "/t/2", 'p'},  {9, "/t/1", 'y'},  {11, "/t/1", 'y'},
             {12, "/t/2", 'p'}, {14, "/t/1", 'y'}, {20, "/t/1", 'y'}, {22, "/t/2", 'q'}, {31, "/t/1", 'z'}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        take(a, get(t[i].second * 1000000, t[i].target, t[i].body));
}

/* R-1 and T-1: the toy of ALGORITHMS.md 2.2 and 3.3. */
static void tr1(void **state)
{
    static const struct {
        uint32_t ttl;
        uint64_t hits, stale;
    } want[] = {{1, 0, 0}, {5, 2, 0}, {10, 5, 1}, {20, 7, 5}, {60, 8, 6}};
    struct analysis *a = start();
    (void)state;
    feed_tr1(a);
    struct row_endpoint r = row(a, 1);
    assert_int_equal(analysis_endpoints(a), 1);
    assert_true(slice_eq(r.route, SLICE("/t/{int}")) && slice_eq(r.method, SLICE("GET")) &&
                slice_eq(r.service, SLICE("http://h")));
    assert_int_equal(r.requests, 10);
    assert_int_equal(r.eligible, 10);
    assert_int_equal(r.keys, 2);
    assert_int_equal(r.repeats_same, 5);
    assert_int_equal(r.observed_gaps, 8);
    assert_int_equal(r.changes, 3);
    assert_int_equal(r.clients, 1);
    struct changes_stored stored;
    assert_true(changes_read(&stored, r.lifetimes));
    struct changes_result lived = changes_result(&stored);
    assert_true(lived.poisson.gaps == 8 && fabs(lived.poisson.rate - 0.08925) < 1e-5);
    assert_true(lived.versions.versions == 3 && lived.versions.deaths == 1);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct row_rung g = rung(a, 1, want[i].ttl);
        assert_int_equal(g.lookups, 10);
        assert_int_equal(g.hits, want[i].hits);
        assert_int_equal(g.stale_hits, want[i].stale);
        assert_int_equal(g.bytes_saved, want[i].hits * 100);
    }
    assert_int_equal(analysis_total(a, "keys"), 2);
    assert_int_equal(analysis_total(a, "repeats_same"), 5);
    assert_int_equal(analysis_total(a, "services"), 1);
    assert_int_equal(analysis_total(a, "response_bytes"), 1000);
    analysis_free(a);
}

/* Errors have no content of their own, variants are kept apart, and two answers by turns are no changes for long. */
static void what_is_a_change(void **state)
{
    struct analysis *a = start();
    struct field de[] = {ask(TOKEN_ACCEPT_LANGUAGE, "de"), answer(TOKEN_VARY, "Accept-Language")};
    struct field en[] = {ask(TOKEN_ACCEPT_LANGUAGE, "en"), answer(TOKEN_VARY, "Accept-Language")};
    struct changes_stored stored;
    (void)state;
    struct exchange bad = get(500000, "/a/1", 7);
    bad.status = 404;
    take(a, get(0, "/a/1", 1));
    take(a, bad);
    take(a, get(1000000, "/a/1", 1));
    take_fields(a, get(0, "/v", 1), de, 2);
    take_fields(a, get(1000000, "/v", 2), en, 2);
    take_fields(a, get(2000000, "/v", 1), de, 2);
    for (int i = 0; i < 40; i++)
        take(a, get(i * 1000000, "/m", 1 + (uint64_t)i % 2));
    assert_true(row(a, 1).observed_gaps == 1 && row(a, 1).changes == 0);
    assert_true(row(a, 2).observed_gaps == 1 && row(a, 2).changes == 0);
    assert_true(row(a, 3).observed_gaps == 39 && row(a, 3).changes == 39);
    assert_true(changes_read(&stored, row(a, 3).lifetimes) && stored.multi_valued == 1);
    assert_int_equal(changes_result(&stored).poisson.gaps, 6); /* the fifth return is the sixth change */
    analysis_free(a);
}

static void the_freshness_edge_is_whole_milliseconds(void **state)
{
    struct analysis *a = start();
    (void)state;
    take(a, get(999, "/e", 1));
    take(a, get(999999, "/e", 1));  /* 0 ms to 999 ms: hit */
    take(a, get(1000000, "/e", 1)); /* exactly 1000 ms: miss */
    assert_int_equal(rung(a, 1, 1).hits, 1);
    assert_int_equal(rung(a, 1, 2).hits, 2);
    analysis_free(a);
}

static void head_counts_as_get(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange head = get(0, "/h", 0);
    head.method = SLICE("HEAD");
    take(a, head);
    take(a, get(100000, "/h", 5));
    assert_int_equal(analysis_endpoints(a), 1);
    assert_int_equal(row(a, 1).keys, 1);
    assert_int_equal(rung(a, 1, 1).hits, 1);
    assert_int_equal(rung(a, 1, 1).unknown_hits, 1);
    assert_int_equal(row(a, 1).repeats_same, 0);
    assert_int_equal(a->totals.n_methods, 2);
    analysis_free(a);
}

static void errors_on_hits_are_masked(void **state)
{
    struct analysis *a = start();
    struct field age = answer(TOKEN_CACHE_CONTROL, "max-age=5");
    (void)state;
    struct exchange bad = get(1000000, "/x", 9);
    bad.status = 503;
    take(a, get(0, "/x", 1));
    take(a, bad); /* masked where the 200 is fresh, no fill elsewhere */
    take(a, get(1500000, "/x", 2));
    assert_int_equal(rung(a, 1, 2).errors_masked, 1);
    assert_int_equal(rung(a, 1, 2).unknown_hits, 1);
    assert_int_equal(rung(a, 1, 2).stale_hits, 1);
    assert_int_equal(rung(a, 1, 2).bytes_saved, 200);
    assert_int_equal(rung(a, 1, 1).hits, 0);
    assert_int_equal(row(a, 1).errors, 1);
    struct exchange none = get(2000000, "/n", 3);
    none.status = 404;
    take(a, none); /* declares nothing: fills nothing */
    none.arrival += 100000;
    take_fields(a, none, &age, 1); /* fills */
    none.arrival += 100000;
    take_fields(a, none, &age, 1);  /* a hit on an error: not masked, content unknown */
    take(a, get(2300000, "/n", 4)); /* a hit, stale */
    assert_int_equal(rung(a, 2, 10).hits, 2);
    assert_int_equal(rung(a, 2, 10).errors_masked, 0);
    assert_int_equal(rung(a, 2, 10).unknown_hits, 1);
    assert_int_equal(rung(a, 2, 10).stale_hits, 1);
    analysis_free(a);
}

/* The toy of ALGORITHMS.md 1.4, as far as content goes: a, 304(a), a again, b of the same body, 304(b). */
static void a_304_has_the_content_of_its_tag(void **state)
{
    struct analysis *a = start();
    struct field tag_a = answer(TOKEN_ETAG, "~00000000000a"), tag_b = answer(TOKEN_ETAG, "~00000000000b");
    struct field if_a = ask(TOKEN_IF_NONE_MATCH, "~00000000000a");
    struct field both[] = {ask(TOKEN_IF_NONE_MATCH, "~00000000000a"), answer(TOKEN_ETAG, "~00000000000b")};
    struct field unknown = ask(TOKEN_IF_NONE_MATCH, "~00000000000c");
    (void)state;
    struct exchange not_modified = get(0, "/c", 0);
    not_modified.status = 304;
    not_modified.response_bytes = 0;
    take_fields(a, get(0, "/c", 7), &tag_a, 1);
    not_modified.arrival = epoch + 1000000;
    take_fields(a, not_modified, &if_a, 1);
    take_fields(a, get(2000000, "/c", 7), &tag_a, 1);
    take_fields(a, get(3000000, "/c", 7), &tag_b, 1);
    not_modified.arrival = epoch + 4000000;
    take_fields(a, not_modified, both, 2); /* its own tag is the one that counts */
    assert_int_equal(rung(a, 1, 10).hits, 4);
    assert_int_equal(rung(a, 1, 10).stale_hits, 0);
    assert_int_equal(rung(a, 1, 10).unknown_hits, 0);
    assert_int_equal(row(a, 1).repeats_same, 4);
    take_fields(a, get(5000000, "/c", 8), &tag_a, 1); /* changed: stale, and tag a means 8 from now on */
    not_modified.arrival = epoch + 6000000;
    take_fields(a, not_modified, &if_a, 1);
    assert_int_equal(rung(a, 1, 10).stale_hits, 2);
    not_modified.arrival = epoch + 6500000;
    take_fields(a, not_modified, &tag_b, 1); /* still 7: many tags a key */
    assert_int_equal(rung(a, 1, 10).stale_hits, 2);
    not_modified.arrival = epoch + 7000000;
    take_fields(a, not_modified, &unknown, 1);
    assert_int_equal(rung(a, 1, 10).unknown_hits, 1);
    analysis_free(a);
}

static void vary_selects_slots(void **state)
{
    struct analysis *a = start();
    struct field gzip[] = {ask(TOKEN_ACCEPT_ENCODING, "gzip"), answer(TOKEN_VARY, "Accept-Encoding")};
    struct field br[] = {ask(TOKEN_ACCEPT_ENCODING, "gzip, br"), answer(TOKEN_VARY, "accept-encoding")};
    struct field star = answer(TOKEN_VARY, "*");
    (void)state;
    take_fields(a, get(0, "/v", 1), gzip, 2);
    take_fields(a, get(100000, "/v", 2), br, 2);   /* another slot: miss */
    take_fields(a, get(200000, "/v", 1), gzip, 2); /* hit, fresh */
    take_fields(a, get(300000, "/v", 3), br, 2);   /* hit, stale */
    assert_int_equal(rung(a, 1, 1).hits, 2);
    assert_int_equal(rung(a, 1, 1).stale_hits, 1);
    assert_int_equal(row(a, 1).keys, 1);
    struct exchange bad = get(400000, "/v", 0);
    bad.status = 500;
    take_fields(a, bad, gzip, 1); /* no Vary of its own: the key's last one */
    assert_int_equal(rung(a, 1, 1).hits, 3);
    assert_int_equal(rung(a, 1, 1).errors_masked, 1);
    take_fields(a, get(500000, "/s", 1), &star, 1);
    take_fields(a, get(600000, "/s", 1), &star, 1); /* never reusable */
    assert_int_equal(rung(a, 2, 604800).hits, 0);
    analysis_free(a);
}

static void contents_of_different_coding_are_unknown(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange gz = get(500000, "/g", 2), cut = get(600000, "/g", 3), part = get(700000, "/g", 4);
    gz.encoding = SLICE("gzip");
    cut.flags = FLAG_TRUNCATED;
    part.status = 206;
    take(a, get(0, "/g", 1));
    take(a, gz);
    take(a, cut);
    take(a, part);
    assert_int_equal(rung(a, 1, 1).hits, 3);
    assert_int_equal(rung(a, 1, 1).unknown_hits, 3);
    assert_int_equal(rung(a, 1, 1).stale_hits, 0);
    analysis_free(a);
}

static void what_is_eligible(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange post = get(0, "/p", 1), gap = get(0, "/p", 1), lost = get(0, "/p", 0), orphan = get(0, "/p", 1);
    post.method = SLICE("POST");
    gap.end = END_GAP;
    lost.status = 0;
    lost.end = END_TIMEOUT;
    lost.t_rsp0 = lost.t_rsp1 = TIME_NONE;
    orphan.method = (struct slice){NULL, 0};
    take(a, post);
    take(a, gap);
    take(a, lost);
    take(a, orphan);
    assert_int_equal(analysis_total(a, "exchanges"), 4);
    assert_int_equal(analysis_total(a, "eligible"), 0);
    assert_int_equal(analysis_total(a, "unanswered"), 1);
    assert_int_equal(analysis_total(a, "orphan_responses"), 1);
    assert_int_equal(analysis_total(a, "complete"), 2);
    assert_int_equal(analysis_total(a, "clients"), 1);
    assert_int_equal(row(a, 2).requests, 2);
    assert_int_equal(row(a, 2).errors, 1);
    assert_int_equal(row(a, 2).unanswered, 1);
    assert_int_equal(row(a, 2).latency_n, 0);
    assert_int_equal(row(a, 1).latency_n, 1);
    analysis_free(a);
}

static void errors_and_throttled(void **state)
{
    static const struct {
        uint16_t status;
        uint8_t end;
        bool retry_after;
        unsigned errors, throttled;
    } t[] = {{200, END_COMPLETE, false, 0, 0},     {404, END_COMPLETE, false, 0, 0},
             {429, END_COMPLETE, false, 1, 1},     {503, END_COMPLETE, false, 1, 0},
             {503, END_COMPLETE, true, 1, 1},      {200, END_SERVER_ABORT, false, 1, 0},
             {200, END_CLIENT_ABORT, false, 0, 0}, {0, END_CLIENT_ABORT, false, 1, 0}};
    struct field retry = answer(TOKEN_RETRY_AFTER, "5");
    (void)state;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct analysis *a = start();
        struct exchange x = get(0, "/e", 1);
        struct row_client c;
        x.status = t[i].status;
        x.end = t[i].end;
        take_fields(a, x, &retry, t[i].retry_after);
        assert_int_equal(row(a, 1).errors, t[i].errors);
        assert_int_equal(row(a, 1).throttled, t[i].throttled);
        assert_true(analysis_client_row(a, 1, &c));
        assert_int_equal(c.errors, t[i].errors);
        assert_int_equal(c.throttled, t[i].throttled);
        analysis_free(a);
    }
}

static void times_of_an_exchange(void **state)
{
    struct analysis *a = start();
    static struct hist_dense d;
    (void)state;
    struct exchange x = get(0, "/t", 1);
    x.t_req1 += 10000; /* arrival is not looked at here */
    x.t_rsp0 += 60000;
    x.t_rsp1 += 250000;
    x.rtt_server = 20000;
    take(a, x);
    x.target = SLICE("/u");
    x.rtt_server = -1; /* taken as 0 */
    take(a, x);
    x.target = SLICE("/w");
    x.rtt_server = 70000; /* more than all of it: clamped */
    take(a, x);
    struct row_endpoint r = row(a, 1);
    assert_true(hist_read(r.latency, &d));
    assert_int_equal(d.max, 250000);
    assert_true(hist_quantile(&d, 0.5) == 251903.5);
    assert_int_equal(r.server_us_total, 30000);
    assert_int_equal(row(a, 2).server_us_total, 50000);
    assert_int_equal(row(a, 3).server_us_total, 0);
    assert_int_equal(row(a, 3).server_n, 1);
    analysis_free(a);
}

static void hits_in_flight_are_coalesced(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange x = get(0, "/f", 1);
    x.t_rsp1 += 50001; /* 12.50025 quanta: counts as 13, 52 ms */
    take(a, x);
    take(a, get(51000, "/f", 1));
    take(a, get(52000, "/f", 1));
    assert_int_equal(rung(a, 1, 10).hits, 2);
    assert_int_equal(rung(a, 1, 10).coalesced, 1);
    analysis_free(a);
}

static void late_records_are_clamped(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange late = get(500000, "/l", 1), flagged = get(3000000, "/l", 1);
    flagged.flags = FLAG_LATE;
    take(a, get(0, "/l", 1));
    take(a, get(2000000, "/l", 1)); /* fills the 1 s rung again */
    take(a, late);                  /* as if at 2 s: a hit */
    take(a, flagged);
    assert_int_equal(analysis_total(a, "late_records"), 2);
    assert_int_equal(rung(a, 1, 1).hits, 1);
    assert_int_equal(rung(a, 1, 2).hits, 2);
    struct row_client c;
    assert_true(analysis_client_row(a, 1, &c));
    assert_int_equal(c.requests, 4);
    assert_int_equal(c.sliding_1s, 2);
    analysis_free(a);
}

static void clients_have_profiles(void **state)
{
    static const int64_t toy[] = {0, 200000, 400000, 900000, 1100000, 1300000, 1900000, 2050000};
    struct analysis *a = start();
    struct row_client c;
    (void)state;
    for (int i = 0; i < 8; i++) {
        struct exchange x = get(toy[i], "/", 1);
        x.identity = IDENTITY_BEARER;
        x.client.ip[15] = (uint8_t)(i % 3 ? 1 : 2);
        take(a, x);
    }
    assert_true(analysis_client_row(a, 1, &c));
    assert_true(slice_eq(c.client, SLICE("bearer:123456789abc")) && slice_eq(c.identity, SLICE("bearer")));
    assert_true(slice_eq(c.addresses, SLICE("10.0.0.2,10.0.0.1")));
    assert_int_equal(c.n_addresses, 2);
    assert_int_equal(c.requests, 8);
    assert_int_equal(c.bytes, 800);
    assert_int_equal(c.peak_1s, 4);
    assert_int_equal(c.peak_10s, 8);
    assert_int_equal(c.peak_60s, 8);
    assert_int_equal(c.sliding_1s, 4);
    assert_int_equal(c.sliding_10s, 8);
    assert_true(fabs(c.burstiness - -0.2774) < 5e-5);
    assert_true(isnan(c.poller_period_s));
    assert_true(c.envelope_burst[0] > 7.7 && c.envelope_burst[23] >= 1);
    analysis_free(a);
}

static void many_addresses(void **state)
{
    struct analysis *a = start();
    struct row_client c;
    (void)state;
    for (int i = 0; i < 300; i++) {
        struct exchange x = get(i * 1000, "/", 1);
        x.client.ip[15] = (uint8_t)(i % 40 + 1);
        take(a, x);
    }
    assert_true(analysis_client_row(a, 1, &c));
    assert_int_equal(c.n_addresses, 40);
    unsigned commas = 0;
    for (size_t i = 0; i < c.addresses.n; i++)
        commas += c.addresses.p[i] == ',';
    assert_int_equal(commas, CLIENTS_SHOWN - 1);
    analysis_free(a);
}

static void clients_by_address(void **state)
{
    struct analysis *a = start_with(64 << 20, true);
    struct row_client c;
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct exchange x = get(i, "/", 1);
        x.identity = IDENTITY_BEARER;
        x.client.ip[15] = (uint8_t)(i % 2 + 1);
        take(a, x);
    }
    assert_int_equal(analysis_total(a, "clients"), 2);
    assert_true(analysis_client_row(a, 2, &c));
    assert_true(slice_eq(c.identity, SLICE("address")) && slice_starts(c.client, SLICE("address:")));
    assert_true(slice_eq(c.addresses, SLICE("10.0.0.2")));
    analysis_free(a);
}

/* The first name stays, whoever else has none; nothing of it where none are to be kept. */
static void clients_have_names_when_asked_for(void **state)
{
    char name[CLIENTS_NAME];
    (void)state;
    memset(name, 'n', sizeof name);
    for (int asked = 0; asked < 2; asked++) {
        struct analysis_options o = {.key = &key, .memory = 64 << 20, .names = asked};
        struct analysis *a = analysis_new(&o, NULL);
        struct row_client c;
        for (int i = 0; i < 300; i++) {
            struct exchange x = get(i, "/", 1);
            x.client_hash = (uint64_t)(i % 100 + 1);
            if (i % 3 && i % 100 != 7)
                x.client_name = slice_of(name, (size_t)(i % 100) % CLIENTS_NAME + 1);
            take(a, x);
        }
        for (int i = 0; i < 100; i++) {
            size_t want = !asked || i == 7 ? 0 : (size_t)i % CLIENTS_NAME + 1;
            assert_true(analysis_client_row(a, (uint32_t)i + 1, &c));
            assert_true(slice_eq(c.name, slice_of(name, want)));
        }
        analysis_free(a);
    }
}

static void names_have_bounds(void **state)
{
    struct analysis_options o = {.key = &key, .memory = 8 << 20, .names = true};
    struct analysis *a = analysis_new(&o, NULL);
    uint64_t before = analysis_memory(a), without = 0;
    char name[CLIENTS_NAME];
    struct row_client c;
    (void)state;
    memset(name, 'n', sizeof name);
    for (int i = 0; i < 20000; i++) {
        struct exchange x = get(i, "/", 1);
        x.client_hash = (uint64_t)(i + 1);
        x.client_name = slice_of(name, sizeof name);
        take(a, x);
    }
    assert_true(a->clients.names.used <= (8u << 20) / 128 / CLIENTS_WORD);
    assert_true(analysis_memory(a) > before);
    for (uint32_t id = 1; id <= analysis_clients(a); id++)
        without += analysis_client_row(a, id, &c) && !c.name.n;
    assert_true(without > 0 && analysis_client_row(a, 1, &c) && c.name.n == sizeof name);
    analysis_free(a);
}

static struct sharing shared(struct analysis *a)
{
    struct sharing s;
    struct row_endpoint e = row(a, 1);
    assert_true(sharing_read(&s, e.sharing));
    return s;
}

/* Many addresses may have one credential: what they get alike is no evidence that others may have it. */
static void a_credential_that_is_not_looked_at_is_no_evidence(void **state)
{
    struct analysis *a = start_with(64 << 20, true);
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct exchange x = get(i, "/", 1);
        x.identity = IDENTITY_BEARER;
        x.client.ip[15] = (uint8_t)(i % 20 + 1);
        take(a, x);
    }
    assert_int_equal(shared(a).visits, 0);
    struct exchange without = get(50, "/", 1);
    without.identity = IDENTITY_ADDRESS;
    take(a, without);
    assert_int_equal(shared(a).visits, 1);
    assert_int_equal(shared(a).anonymous, 1);
    analysis_free(a);

    a = start_with(64 << 20, false);
    for (int i = 0; i < 40; i++) {
        struct exchange x = get(i, "/", 1);
        x.identity = i % 2 ? IDENTITY_ADDRESS : IDENTITY_COOKIE;
        x.client_hash = (uint64_t)i % 20 + 1;
        x.credential_besides = i < 30;
        take(a, x);
    }
    assert_int_equal(shared(a).visits, 10);
    assert_int_equal(shared(a).anonymous, 5);
    analysis_free(a);
}

/* Small memory: caps hold, totals stay exact, the heavy client that comes late gets a profile. */
static void floods_are_bounded(void **state)
{
    struct analysis *a = start_with(4 << 20, false);
    char target[64];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        snprintf(target, sizeof target, "/k/%d?c=%d", i % 7, i);
        struct exchange x = get(i * 100, i % 4 ? target : "/steady", 1);
        x.client_hash = i % 4 ? hash_mix((uint64_t)i) >> 16 : 77;
        if (i < 100000 && i % 4 == 0)
            x.client_hash = hash_mix((uint64_t)i) >> 16;
        take(a, x);
    }
    uint64_t requests = 0;
    for (uint32_t id = 1; id <= analysis_endpoints(a); id++)
        requests += row(a, id).requests;
    assert_int_equal(requests, 200000);
    assert_int_equal(analysis_total(a, "eligible"), 200000);
    assert_int_equal(analysis_total(a, "keys_overflow"), 0); /* none is lost: some speak for the others */
    assert_true(analysis_total(a, "sampling_level") > 0);
    uint64_t keys = analysis_total(a, "keys");
    assert_true(keys > 140000 && keys < 160000); /* 150001 */
    assert_true(analysis_total(a, "client_overflow") > 0);
    assert_true(analysis_memory(a) < 5 << 20);
    uint64_t seen = 0;
    struct row_client c;
    for (uint32_t id = 1; id <= analysis_clients(a); id++) {
        assert_true(analysis_client_row(a, id, &c));
        seen += c.requests;
    }
    assert_int_equal(seen, 200000);
    analysis_free(a);
}

static void heavy_clients_are_admitted(void **state)
{
    struct analysis *a = start_with(64 << 20, false);
    struct row_client c;
    bool found = false;
    (void)state;
    for (int i = 0; i < 6000; i++) {
        struct exchange x = get(i * 100, "/", 1);
        x.client_hash = (uint64_t)(i + 1000);
        take(a, x);
    }
    assert_true(a->clients.other != 0);
    for (int i = 0; i < 100; i++) {
        struct exchange x = get(1000000 + i * 100, "/", 1);
        x.client_hash = 5;
        take(a, x);
    }
    for (uint32_t id = 1; id <= analysis_clients(a) && !found; id++)
        found = analysis_client_row(a, id, &c) && slice_eq(c.client, SLICE("address:000000000005"));
    assert_true(found);
    assert_int_equal(c.requests, 100);
    assert_int_equal(c.sliding_1s, 100 - CLIENTS_ADMIT + 1);
    assert_int_equal(analysis_total(a, "clients"), 6001);
    analysis_free(a);
}

static void redis_is_no_http(void **state)
{
    struct analysis *a = start();
    (void)state;
    struct exchange x = get(0, "/", 1);
    x.proto = PROTO_REDIS;
    take(a, x);
    assert_int_equal(analysis_total(a, "exchanges"), 0);
    analysis_free(a);
}

static void minutes_add_up(void **state)
{
    struct analysis *a = start();
    (void)state;
    int64_t offset = 60000000 - epoch % 60000000;
    take(a, get(offset, "/m", 1));
    take(a, get(offset + 1000000, "/m", 1));
    take(a, get(offset + 61000000, "/m", 1));
    take(a, get(offset + 2000000, "/m", 1)); /* late */
    assert_int_equal(a->minutes.end - a->minutes.first, 2);
    const struct row_minute *m = minutes_row(&a->minutes, 0);
    assert_int_equal(m->requests, 3);
    assert_int_equal(m->repeats, 2);
    assert_int_equal(m->clients, 1);
    assert_int_equal(minutes_row(&a->minutes, 1)->requests, 1);
    analysis_free(a);
}

/* --- what is declared --- */

static uint64_t declared(struct analysis *a, enum declared what)
{
    return row(a, 1).declared[what];
}

static struct exchange body_of(struct exchange x, uint64_t body, uint64_t bytes)
{
    x.body_id = body;
    x.response_bytes = bytes;
    return x;
}

/* C-3. Five GETs of a key: 200 a, a is asked for and 304, asked for and 200 all the same, 200 b with the content of a,
 * b is asked for and 304. */
static void conditional_requests(void **state)
{
    struct field a_tag = answer(TOKEN_ETAG, "\"a\""), b_tag = answer(TOKEN_ETAG, "\"b\"");
    struct field again[2] = {ask(TOKEN_IF_NONE_MATCH, "\"a\""), a_tag}, b_asked = ask(TOKEN_IF_NONE_MATCH, "\"b\"");
    struct analysis *a = start();
    (void)state;
    struct exchange not_modified = body_of(get(10000000, "/c", 0), 0, 0);
    not_modified.status = 304;
    take_fields(a, body_of(get(0, "/c", 0), 7, 1000), &a_tag, 1);
    take_fields(a, not_modified, again, 2);
    take_fields(a, body_of(get(20000000, "/c", 0), 7, 1000), again, 2);
    take_fields(a, body_of(get(30000000, "/c", 0), 7, 1000), &b_tag, 1);
    not_modified.arrival += 40000000;
    take_fields(a, not_modified, &b_asked, 1);
    assert_int_equal(declared(a, DECLARED_reads), 5);
    assert_int_equal(declared(a, DECLARED_conditional), 3);
    assert_int_equal(declared(a, DECLARED_not_modified), 2);
    assert_int_equal(declared(a, DECLARED_full), 3);
    assert_int_equal(declared(a, DECLARED_strong_etag), 3);
    assert_int_equal(declared(a, DECLARED_wasted_full), 1);
    assert_int_equal(declared(a, DECLARED_wasted_full_bytes), 1000);
    assert_int_equal(declared(a, DECLARED_etag_pairs), 2);
    assert_int_equal(declared(a, DECLARED_etag_unstable), 1);
    assert_int_equal(declared(a, DECLARED_etag_lies), 0);
    assert_int_equal(declared(a, DECLARED_bytes_saved_by_304), 2000);
    assert_int_equal(row(a, 1).reasons[REASON_HEURISTIC], 3);
    assert_int_equal(row(a, 1).reasons[REASON_REVALIDATED], 2);
    analysis_free(a);
}

static void tags_that_do_not_hold(void **state)
{
    struct field one = answer(TOKEN_ETAG, "\"1\""), two = answer(TOKEN_ETAG, "\"2\""),
                 weak = answer(TOKEN_ETAG, "W/\"3\"");
    struct analysis *a = start();
    (void)state;
    take_fields(a, get(0, "/t", 5), &one, 1);
    take_fields(a, get(60999999, "/t", 5), &two, 1); /* 60 whole seconds */
    take_fields(a, get(122000000, "/t", 5), &one, 1);
    take_fields(a, get(122000000, "/t", 5), &weak, 1);
    take_fields(a, get(122000000, "/t", 5), &one, 1); /* after a weak one: no pair */
    assert_int_equal(declared(a, DECLARED_etag_pairs), 1);
    assert_int_equal(declared(a, DECLARED_etag_unstable), 1);
    take_fields(a, get(123000000, "/t", 6), &one, 1); /* another content: a lie */
    take_fields(a, get(124000000, "/t", 6), &two, 1); /* the same of a tag of long ago */
    take_fields(a, get(125000000, "/t", 7), &weak, 1);
    struct exchange coded = get(126000000, "/t", 8);
    coded.encoding = SLICE("gzip"); /* cannot be compared */
    take_fields(a, coded, &two, 1);
    assert_int_equal(declared(a, DECLARED_etag_lies), 2);
    assert_int_equal(declared(a, DECLARED_weak_etag), 2);
    analysis_free(a);
}

static void lifetimes_and_reasons(void **state)
{
    struct field minute = answer(TOKEN_CACHE_CONTROL, "max-age=60"),
                 week = answer(TOKEN_CACHE_CONTROL, "s-maxage=604800"),
                 own = answer(TOKEN_CACHE_CONTROL, "private, max-age=5"), age = answer(TOKEN_AGE, "3"),
                 said = answer(TOKEN_X_CACHE, "miss");
    struct field asked[2] = {ask(TOKEN_AUTHORIZATION, "~"), minute};
    struct field dated[2] = {answer(TOKEN_EXPIRES, "Tue, 14 Nov 2023 22:13:50 GMT"),
                             answer(TOKEN_DATE, "Tue, 14 Nov 2023 22:13:20 GMT")};
    struct analysis *a = start();
    struct hist_dense d;
    (void)state;
    for (int i = 0; i < 3; i++) {
        take_fields(a, get(i, "/l", 1), &minute, 1);
        take_fields(a, get(i, "/l", 1), &week, 1);
        take_fields(a, get(i, "/l", 1), &own, 1);
        take_fields(a, get(i, "/l", 1), asked, 2);
        take_fields(a, get(i, "/l", 1), dated, 2);
    }
    take_fields(a, get(3, "/l", 1), &age, 1);
    take_fields(a, get(3, "/l", 1), &said, 1);
    struct row_endpoint r = row(a, 1);
    assert_int_equal(r.reasons[REASON_EXPLICIT], 9);
    assert_int_equal(r.reasons[REASON_PRIVATE], 3);
    assert_int_equal(r.reasons[REASON_AUTHORIZATION], 3);
    assert_int_equal(r.reasons[REASON_HEURISTIC], 2);
    assert_int_equal(r.declared[DECLARED_storable_shared], 11);
    assert_int_equal(r.declared[DECLARED_storable_private], 17);
    assert_int_equal(r.declared[DECLARED_nginx], 12);   /* minds no Authorization, wants a lifetime */
    assert_int_equal(r.declared[DECLARED_varnish], 11); /* minds it, and gives one */
    assert_int_equal(r.declared[DECLARED_cache_seen], 2);
    assert_int_equal(r.declared[DECLARED_from_cache], 1);
    assert_true(hist_read(r.declared_ttl, &d));
    assert_int_equal(d.n, 9);
    assert_int_equal(d.min, 30);
    assert_int_equal(d.max, 604800);
    analysis_free(a);
}

/* --- restart: the stored rows, made from the state of a finished run --- */

struct stored {
    struct analysis *from;
    uint32_t key, address, client, endpoint;
    unsigned counter;
    size_t exchange, exchanges;
    uint64_t minute;
    char text[64];
};

static bool next_key(void *context, struct row_key *out)
{
    struct stored *s = context;
    if (s->key >= s->from->keys.rows.used)
        return false;
    struct key *k = keys_at(&s->from->keys, s->key++);
    *out = (struct row_key){s->key,
                            endpoints_resolve(&s->from->endpoints, k->endpoint),
                            keys_method(&s->from->keys, k),
                            keys_service(&s->from->keys, k),
                            keys_target(&s->from->keys, k),
                            k->hot,
                            keys_operation(&s->from->keys, k).name,
                            k->safe};
    return true;
}

static bool next_address(void *context, struct row_address *out)
{
    struct stored *s = context;
    if (s->address >= s->from->addresses.rows.used)
        return false;
    const struct addr *addr = addresses_at(&s->from->addresses, ++s->address);
    *out = (struct row_address){s->address, slice_of(s->text, addr_format(addr, addr->port != 0, s->text))};
    return true;
}

static bool next_client(void *context, struct row_client *out)
{
    struct stored *s = context;
    return analysis_client_row(s->from, ++s->client, out);
}

static bool next_endpoint(void *context, struct row_endpoint *out)
{
    struct stored *s = context;
    return analysis_endpoint_row(s->from, ++s->endpoint, out);
}

static bool next_exchange(void *context, struct row_exchange *out)
{
    struct stored *s = context;
    if (s->exchange >= s->exchanges)
        return false;
    *out = records[s->exchange++];
    return true;
}

static bool next_minute(void *context, struct row_minute *out)
{
    struct stored *s = context;
    if (s->minute >= s->from->minutes.end)
        return false;
    *out = *minutes_row(&s->from->minutes, s->minute++);
    return true;
}

static bool next_counter(void *context, struct row_counter *out)
{
    static const char *const totals[] = {
#define TOTAL(field, name) name,
#include "analysis/totals.def"
#undef TOTAL
    };
    struct stored *s = context;
    unsigned n = sizeof totals / sizeof *totals, i = s->counter++;
    const struct totals *t = &s->from->totals;
    if (i < n)
        *out = (struct row_counter){"total", slice_str(totals[i]), analysis_total(s->from, totals[i])};
    else if ((i -= n) < t->n_methods)
        *out = (struct row_counter){"method", slice_of(t->method[i].name, t->method[i].n), t->method[i].count};
    else if ((i -= t->n_methods) < TOTALS_STATUSES)
        *out = (struct row_counter){"status", slice_of(s->text, (size_t)snprintf(s->text, 8, "%u", i)), t->status[i]};
    else if ((i -= TOTALS_STATUSES) < TOTALS_PROTOCOLS)
        *out = (struct row_counter){"protocol", slice_str(proto_name((enum proto)i)), t->protocol[i]};
    else if ((i -= TOTALS_PROTOCOLS) < vary_count(s->from->vary))
        *out = (struct row_counter){"vary", vary_text(s->from->vary, i + 1), i + 1};
    else
        return false;
    return true;
}

/* A mixed trace: many keys, clients, variants, tags, errors, collapsing routes. */
static void feed_mixed(struct analysis *a, int from, int to)
{
    static char target[64], tag[16], agent[16];
    for (int i = from; i < to; i++) {
        unsigned k = (unsigned)hash_mix((uint64_t)i + 1) % 400, body = k + (unsigned)i / 700,
                 kind = (unsigned)hash_mix((uint64_t)i * 31) % 20;
        static const char *const says[] = {"max-age=60", "no-store", "private", "s-maxage=9, max-age=0", "no-cache"};
        struct field f[6];
        uint8_t n = 0;
        if (k % 3 == 0)
            snprintf(target, sizeof target, "/w/word%c%c%c/x", 'a' + k % 26, 'a' + k / 26 % 26, 'z');
        else if (k % 11 == 4)
            snprintf(target, sizeof target, "/r%u/./%u%%7e?q=%u", k % 5, k, k % 2);
        else
            snprintf(target, sizeof target, "/r%u/%u?q=%u", k % 5, k, k % 2);
        snprintf(tag, sizeof tag, "~%012x", body);
        snprintf(agent, sizeof agent, "~%012x", (unsigned)i % 3);
        struct exchange x = get((int64_t)i * 40000, target, body);
        f[n++] = ask(TOKEN_ACCEPT_LANGUAGE, agent);
        if (kind == 1)
            f[n++] = ask(TOKEN_IF_NONE_MATCH, tag);
        f[n++] = answer(TOKEN_ETAG, tag);
        if (k % 7 == 0 && kind != 1)
            f[n++] = answer(TOKEN_VARY, k % 2 ? "Accept-Language" : "Accept-Language, Accept");
        if (k % 2)
            f[n++] = answer(TOKEN_CACHE_CONTROL, says[k % 5]);
        x.status = kind == 1 ? 304 : kind == 2 ? 500 : kind == 3 ? 0 : 200;
        x.end = kind == 3 ? END_CLIENT_ABORT : END_COMPLETE;
        x.method = kind == 4   ? SLICE("HEAD")
                   : kind == 5 ? SLICE("POST")
                   : kind == 6 ? (struct slice){NULL, 0}
                               : SLICE("GET");
        x.t_rsp0 += 3000 + k;
        x.t_rsp1 += 9000 + k * 3;
        x.client_hash = hash_mix((uint64_t)i) % 37;
        x.client.ip[15] = (uint8_t)(x.client_hash % 11);
        x.flags |= kind == 7 || kind == 8 ? FLAG_UNCOMPARED : 0;
        take_fields(a, x, f, n);
    }
}

static void same_endpoints(struct analysis *a, struct analysis *b)
{
    assert_int_equal(analysis_endpoints(a), analysis_endpoints(b));
    for (uint32_t id = 1; id <= analysis_endpoints(a); id++) {
        struct row_endpoint x = row(a, id), y = row(b, id);
        assert_true(slice_eq(x.route, y.route) && slice_eq(x.latency, y.latency) &&
                    slice_eq(x.server_time, y.server_time) && slice_eq(x.lifetimes, y.lifetimes) &&
                    slice_eq(x.live, y.live));
        assert_memory_equal(x.ttl, y.ttl, sizeof x.ttl);
        assert_int_equal(x.alias, y.alias);
        assert_int_equal(x.requests, y.requests);
        assert_int_equal(x.keys, y.keys);
        assert_int_equal(x.clients, y.clients);
        assert_int_equal(x.changes, y.changes);
        assert_int_equal(x.repeats_same, y.repeats_same);
        assert_memory_equal(x.declared, y.declared, sizeof x.declared);
        assert_memory_equal(x.reasons, y.reasons, sizeof x.reasons);
        assert_true(slice_eq(x.declared_ttl, y.declared_ttl));
    }
}

static void same_clients(struct analysis *a, struct analysis *b, bool all)
{
    assert_int_equal(analysis_clients(a), analysis_clients(b));
    for (uint32_t id = 1; id <= analysis_clients(a); id++) {
        struct row_client x, y;
        char name[32];
        assert_true(analysis_client_row(a, id, &x));
        snprintf(name, sizeof name, "%.*s", (int)x.client.n, x.client.p);
        assert_true(analysis_client_row(b, id, &y));
        assert_true(slice_eq(slice_str(name), y.client));
        assert_int_equal(x.requests, y.requests);
        assert_int_equal(x.peak_10s, y.peak_10s);
        assert_int_equal(x.n_addresses, y.n_addresses);
        if (all) {
            assert_int_equal(x.sliding_10s, y.sliding_10s);
            assert_true(x.burstiness == y.burstiness || (isnan(x.burstiness) && isnan(y.burstiness)));
            assert_memory_equal(x.envelope_burst, y.envelope_burst, sizeof x.envelope_burst);
        }
    }
}

static void same_totals(struct analysis *a, struct analysis *b)
{
    analysis_total(a, "keys");
    analysis_total(b, "keys");
    assert_memory_equal(&a->totals.exchanges, &b->totals.exchanges, offsetof(struct totals, n_methods));
}

static struct restore steps(struct stored *s, bool complete)
{
    return (struct restore){s,           complete,      next_address,  next_key,
                            next_client, next_endpoint, next_exchange, next_counter,
                            next_minute, NULL,          NULL};
}

static void a_restart_with_all_records_is_no_restart(void **state)
{
    enum { HALF = 6000, ALL = 12000 };
    struct analysis *whole = start();
    (void)state;
    feed_mixed(whole, 0, ALL);
    struct analysis *first = start();
    feed_mixed(first, 0, HALF);
    struct stored s = {.from = first, .exchanges = n_records};
    struct restore r = steps(&s, true);
    struct row_exchange *kept = malloc(n_records * sizeof *kept);
    memcpy(kept, records, n_records * sizeof *kept);
    struct analysis_options o = {.key = &key, .memory = 64 << 20};
    struct analysis *second = analysis_new(&o, NULL);
    assert_true(analysis_restore(second, &r));
    same_endpoints(first, second);
    same_clients(first, second, true);
    same_totals(first, second);
    feed_mixed(second, HALF, ALL);
    same_endpoints(whole, second);
    same_clients(whole, second, true);
    same_totals(whole, second);
    free(kept);
    analysis_free(whole);
    analysis_free(first);
    analysis_free(second);
}

static void a_restart_with_some_records_keeps_what_was_counted(void **state)
{
    enum { HALF = 6000, ALL = 12000, LOST = 4000 };
    struct analysis *whole = start();
    (void)state;
    feed_mixed(whole, 0, ALL);
    struct analysis *first = start();
    feed_mixed(first, 0, HALF);
    struct stored s = {.from = first, .exchange = LOST, .exchanges = n_records};
    struct restore r = steps(&s, false);
    struct analysis_options o = {.key = &key, .memory = 64 << 20};
    struct analysis *second = analysis_new(&o, NULL);
    assert_true(analysis_restore(second, &r));
    same_endpoints(first, second);
    same_clients(first, second, false);
    same_totals(first, second);
    feed_mixed(second, HALF, ALL);
    assert_int_equal(analysis_total(second, "exchanges"), ALL);
    assert_int_equal(analysis_total(second, "keys"), analysis_total(whole, "keys"));
    assert_int_equal(analysis_endpoints(second), analysis_endpoints(whole));
    for (uint32_t id = 1; id <= analysis_endpoints(whole); id++) {
        assert_int_equal(row(second, id).requests, row(whole, id).requests);
        struct row_endpoint ours = row(second, id), theirs = row(whole, id);
        assert_memory_equal(ours.reasons, theirs.reasons, sizeof ours.reasons);
        assert_memory_equal(ours.declared, theirs.declared, sizeof(uint64_t) * DECLARED_wasted_full);
        /* Rungs shorter than what was replayed do not know of the restart. */
        assert_int_equal(rung(second, id, 10).hits, rung(whole, id, 10).hits);
    }
    analysis_free(whole);
    analysis_free(first);
    analysis_free(second);
}

/* However many are taken at once: the same records, in the same order, and the same sums. */
/* Up to the octets that fill the last eight. */
static void same_records(const struct row_exchange *a, const struct row_exchange *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(&a[i], &b[i], offsetof(struct row_exchange, managed) + sizeof a->managed);
}

static void taken_together_as_one_by_one(void **state)
{
    enum { ALL = 9000 };
    static const uint64_t memory[] = {64 << 20, 1 << 19}; /* with little keys are dropped */
    (void)state;
    for (int m = 0; m < 2; m++) {
        struct analysis *one = start_with(memory[m], false);
        feed_mixed(one, 0, ALL);
        assert_int_equal(one->keys.generation > 0, m);
        size_t n = n_records;
        struct row_exchange *kept = malloc(n * sizeof *kept);
        memcpy(kept, records, n * sizeof *kept);
        for (together = 2; together <= ANALYSIS_TOGETHER; together *= 2) {
            struct analysis *many = start_with(memory[m], false);
            feed_mixed(many, 0, ALL);
            take_waiting(many);
            assert_int_equal(n_records, n);
            same_records(records, kept, n);
            same_endpoints(one, many);
            same_clients(one, many, true);
            same_totals(one, many);
            for (uint32_t id = 1; id <= analysis_endpoints(one); id++) {
                struct row_endpoint x = row(one, id), y = row(many, id);
                assert_true(slice_eq(x.learned, y.learned) && slice_eq(x.sharing, y.sharing));
                assert_true(slice_eq(x.writes, y.writes) && slice_eq(x.sources, y.sources));
                assert_true(slice_eq(x.sampling, y.sampling));
            }
            assert_int_equal(one->minutes.end, many->minutes.end);
            for (uint64_t i = 0; i < one->minutes.end; i++)
                assert_memory_equal(minutes_row(&one->minutes, i), minutes_row(&many->minutes, i),
                                    sizeof(struct row_minute));
            analysis_free(many);
        }
        together = 0;
        free(kept);
        analysis_free(one);
    }
}

/* What is remembered of a query borrows its names from the key, whatever text of the target came first. */
static void names_of_a_query_are_those_of_the_key(void **state)
{
    (void)state;
    static const char *const targets[] = {"/a/./b?colour=1&size=2", "/a/b?colour=1&size=2", "/%61/b?colour=1&size=2"};
    for (unsigned first = 0; first < 3; first++)
        for (unsigned then = 0; then < 3; then++) {
            char gone[32];
            struct analysis *a = start();
            take(a, get(0, targets[first], 1));
            memset(a->queries, 0, sizeof a->queries);
            snprintf(gone, sizeof gone, "%s", targets[then]);
            take(a, get(1000000, gone, 1));
            memset(gone, 'x', sizeof gone);
            assert_int_equal(a->keys.rows.used, 1);
            const struct key *at = keys_at(&a->keys, 0);
            const struct query *q = &a->queries[at->hash % QUERY_MEMO];
            assert_int_equal(q->key, at->hash);
            assert_int_equal(q->n, 2);
            assert_true(slice_eq(q->part[0].text, SLICE("colour")));
            assert_true(slice_eq(q->part[1].text, SLICE("size")));
            analysis_free(a);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tr1),
        cmocka_unit_test(names_of_a_query_are_those_of_the_key),
        cmocka_unit_test(what_is_a_change),
        cmocka_unit_test(the_freshness_edge_is_whole_milliseconds),
        cmocka_unit_test(head_counts_as_get),
        cmocka_unit_test(errors_on_hits_are_masked),
        cmocka_unit_test(a_304_has_the_content_of_its_tag),
        cmocka_unit_test(vary_selects_slots),
        cmocka_unit_test(contents_of_different_coding_are_unknown),
        cmocka_unit_test(what_is_eligible),
        cmocka_unit_test(errors_and_throttled),
        cmocka_unit_test(times_of_an_exchange),
        cmocka_unit_test(hits_in_flight_are_coalesced),
        cmocka_unit_test(late_records_are_clamped),
        cmocka_unit_test(clients_have_profiles),
        cmocka_unit_test(many_addresses),
        cmocka_unit_test(clients_by_address),
        cmocka_unit_test(clients_have_names_when_asked_for),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(a_credential_that_is_not_looked_at_is_no_evidence),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(heavy_clients_are_admitted),
        cmocka_unit_test(redis_is_no_http),
        cmocka_unit_test(minutes_add_up),
        cmocka_unit_test(conditional_requests),
        cmocka_unit_test(tags_that_do_not_hold),
        cmocka_unit_test(lifetimes_and_reasons),
        cmocka_unit_test(a_restart_with_all_records_is_no_restart),
        cmocka_unit_test(a_restart_with_some_records_keeps_what_was_counted),
        cmocka_unit_test(taken_together_as_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
