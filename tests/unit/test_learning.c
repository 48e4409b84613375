/* What answers depend on, learned from planted endpoints: no part that matters is ever dropped, hardly any that does
 * not is kept, whoever may not share is never said to; and sums survive being stored, merged and read back damaged. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "analysis/learned.h"
#include "analysis/sharing.h"
#include "base/hash.h"

enum { DIMS = 8, PATHS = 3 };

static const struct hash_key key = {1, 2, 3};
static struct learning learning;
static uint64_t state;

static uint64_t next(void)
{
    return state = hash_mix(state + 0x9e3779b97f4a7c15u);
}

static bool proof(void)
{
    const char *set = getenv("PROOF");
    return set && *set;
}

static double unit(void)
{
    return (double)(next() >> 11) / 9007199254740992.;
}

static struct part part(enum part_kind kind, const char *name, uint64_t value)
{
    struct part p = {.name = part_name(&key, kind, slice_str(name)), .text = slice_str(name), .kind = kind};
    p.value = part_value(p.name, value);
    return p;
}

/* An endpoint of a few paths. */
struct planted {
    unsigned dims, values[DIMS], credentials, tenants;
    bool relevant[DIMS], by_credential, by_tenant, refuses; /* refuses: where the first one is 0 */
    double change;                                          /* changes a second */
    double rate;                                            /* requests a second */
};

static uint32_t content_of(const struct planted *p, const uint64_t value[DIMS], uint64_t who, uint64_t path,
                           uint64_t version)
{
    uint64_t h = hash_mix(path + 77) + hash_mix(version * 31 + 5);
    for (unsigned i = 0; i < p->dims; i++)
        if (p->relevant[i])
            h = hash_mix(h + value[i] * 1000003 + i);
    if (p->by_credential)
        h = hash_mix(h + who + 1);
    if (p->by_tenant)
        h = hash_mix(h + who % p->tenants + 1);
    return (uint32_t)(h & 0x1fffffff) | 1;
}

static const char *const names[DIMS] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void visit(uint32_t row, const struct planted *p, double now)
{
    static struct learn_visit v;
    static struct part parts[DIMS], who[3];
    uint64_t value[DIMS], path = next() % PATHS, client = next() % p->credentials;
    for (unsigned i = 0; i < p->dims; i++) {
        value[i] = next() % p->values[i];
        parts[i] = part(i % 3 ? PART_QUERY : PART_HEADER, names[i], value[i]);
    }
    who[0] = part(PART_CREDENTIAL, "credential", client);
    who[1] = part(PART_CLAIM, "tenant", client % p->tenants);
    who[2] = part(PART_CLAIM, "iss", 1);
    v = (struct learn_visit){.base = hash_mix(path + 1),
                             .parts = {{parts, p->dims}, {who, 3}, {NULL, 0}},
                             .content = content_of(p, value, client, path, (uint64_t)(now * p->change)),
                             .now_ms = (uint32_t)(now * 1000),
                             .refused = p->refuses && !value[0]};
    if (learning_wants(&learning, row))
        learning_visit(&learning, row, &v);
}

static bool no_list(const void *context, uint16_t list, struct slice field)
{
    (void)context;
    (void)list;
    (void)field;
    return false;
}

/* Bits that stand for counts say what those say, as does a sum. */
static void bits_hold(uint32_t row)
{
    const struct learner *r = learning_at(&learning, row);
    for (unsigned i = 0; i < r->n; i++) {
        const struct learn_dim *d = learning_dim(&learning, r, i);
        assert_int_equal(r->decided >> i & 1, d->n >= LEARN_DECIDED || d->differing >= LEARN_CLEAR);
        assert_int_equal(r->claims >> i & 1, d->kind == PART_CLAIM);
        uint32_t times = 0;
        for (unsigned s = 0; s < d->sampled; s++)
            times += d->times[s];
        assert_int_equal(d->times_in_all, times);
    }
}

static void read_back(uint32_t row, struct learned *out)
{
    struct buf blob = {0};
    learning_settle(&learning);
    bits_hold(row);
    learning_write(&learning, row, no_list, NULL, &blob);
    assert_true(learned_read(out, slice_of(blob.p, blob.n)));
    buf_free(&blob);
}

static unsigned find(const struct learned *l, const char *name)
{
    for (unsigned i = 0; i < l->n; i++)
        if (strcmp(l->dim[i].text, name) == 0)
            return i;
    return LEARN_DIMS;
}

/* Watches until each dimension was compared so often, or long enough. */
static void watch(uint32_t row, const struct planted *p, uint64_t least, struct learned *out)
{
    double now = 1000;
    for (unsigned n = 0; n < 400; n++) {
        for (unsigned i = 0; i < 4096; i++) {
            now += -log(1 - unit()) / p->rate;
            visit(row, p, now);
        }
        read_back(row, out);
        uint64_t fewest = UINT64_MAX;
        for (unsigned i = 0; i < out->n; i++)
            if (out->dim[i].varied && out->dim[i].n < fewest &&
                !sandwich_relevant(out->dim[i].differing, out->dim[i].n, 1e-6))
                fewest = out->dim[i].n;
        if (fewest >= least)
            return;
    }
}

static struct planted plant(unsigned credentials)
{
    static const double changes[] = {1e-4, 1e-3, 1e-2, 1e-1, 1};
    struct planted p = {
        .dims = 2 + (unsigned)(next() % 4), .credentials = credentials, .tenants = 1, .change = changes[next() % 5]};
    p.rate = 60 + 1200 * p.change; /* what changes faster than it is asked for shows nothing */
    for (unsigned i = 0; i < p.dims; i++) {
        p.values[i] = 2 + (unsigned)(next() % 2);
        p.relevant[i] = next() & 1;
    }
    return p;
}

static void fresh(void)
{
    learning_fini(&learning);
    assert_true(learning_init(&learning, 300, 4000, 1 << 16));
}

/* KL-1: with 2000 comparisons or more. The level is shared as by 200 endpoints of all these dimensions. */
static void planted_parts(void **unused)
{
    (void)unused;
    unsigned endpoints = proof() ? 200 : 12, irrelevant = 0, dropped = 0, relevant = 0, found = 0;
    state = 1;
    for (unsigned e = 0; e < endpoints; e++) {
        struct planted p = plant(e % 8 ? 1 : 3);
        struct learned l;
        fresh();
        uint32_t row = learning_open(&learning);
        watch(row, &p, 2200, &l);
        for (unsigned i = 0; i < p.dims; i++) {
            unsigned at = find(&l, names[i]);
            assert_true(at < LEARN_DIMS);
            enum learned_verdict v = learned_judge(&l, at, 200 * 5, 1).verdict;
            if (p.relevant[i])
                assert_true(v != LEARNED_IRRELEVANT && v != LEARNED_BUSTER);
            bool enough = l.dim[at].n >= 2000;
            irrelevant += !p.relevant[i] && enough;
            dropped += !p.relevant[i] && enough && v == LEARNED_IRRELEVANT;
            relevant += p.relevant[i];
            found += p.relevant[i] && v == LEARNED_RELEVANT;
        }
    }
    print_message("dropped %u of %u that do not matter, found %u of %u that do\n", dropped, irrelevant, found,
                  relevant);
    assert_true(dropped * 100 >= irrelevant * 95);
    assert_true(found * 100 >= relevant * 90);
}

/* KL-2: shared, private, tenant, as far as the credential goes. */
static void planted_credentials(void **unused)
{
    static const unsigned credentials[] = {3, 6, 12, 24, 50};
    (void)unused;
    state = 2;
    for (unsigned n = 0; n < (proof() ? 75u : 9u); n++) {
        struct planted p = {.dims = 1, .values = {2}, .credentials = credentials[n % 5], .change = 0.01, .rate = 60};
        struct learned l;
        p.tenants = p.credentials > 6 ? 2 + n % 2 : 2; /* more than one credential in each */
        p.by_credential = n % 3 == 1;
        p.by_tenant = n % 3 == 2;
        fresh();
        uint32_t row = learning_open(&learning);
        watch(row, &p, 2200, &l);
        struct sharing_input in = {.seen = {.sandwiches = 5000, .differing = n % 3 ? 3000 : 0, .visits = 10000},
                                   .family = 1,
                                   .learned = &l,
                                   .tests = 600};
        memset(in.seen.pairs, 0x55, sizeof in.seen.pairs);
        memset(in.seen.networks, 0x55, sizeof in.seen.networks);
        struct sharing_result r = sharing_judge(&in);
        static const enum sharing_verdict want[] = {SHARING_SHARED, SHARING_PRIVATE, SHARING_TENANT};
        assert_int_equal(r.verdict, want[n % 3]);
        assert_string_equal(r.claim, n % 3 == 2 ? "tenant" : "");
    }
}

/* Two that always change together stand for each other: neither alone could ever be compared. */
static void together(void **unused)
{
    (void)unused;
    state = 3;
    for (unsigned relevant = 0; relevant < 2; relevant++) {
        struct learned l;
        fresh();
        uint32_t row = learning_open(&learning);
        double now = 1000;
        for (unsigned n = 0; n < 40000; n++) {
            uint64_t source = next() % 3, language = next() % 2;
            struct part parts[3] = {part(PART_QUERY, "source", source), part(PART_QUERY, "campaign", source * 7),
                                    part(PART_QUERY, "language", language)};
            struct learn_visit v = {.base = 5, .parts = {{parts, 3}, {NULL, 0}, {NULL, 0}}};
            now += 0.05;
            v.now_ms = (uint32_t)(now * 1000);
            v.content = 1 + (uint32_t)(language * 10 + (relevant ? source : 0) + 100 * (uint32_t)(now / 300));
            learning_visit(&learning, row, &v);
        }
        read_back(row, &l);
        unsigned a = find(&l, "source"), b = find(&l, "campaign");
        assert_int_equal(l.dim[a].leader, l.dim[b].leader);
        enum learned_verdict want = relevant ? LEARNED_RELEVANT : LEARNED_IRRELEVANT;
        assert_int_equal(learned_judge(&l, a, 100, 1).verdict, want);
        assert_int_equal(learned_judge(&l, b, 100, 1).verdict, want);
        assert_int_equal(learned_judge(&l, find(&l, "language"), 100, 1).verdict, LEARNED_RELEVANT);
    }
}

/* Of an endpoint that has few contexts none may be sampled for a while: that is no reason to look at less. */
static void few_contexts(void **unused)
{
    (void)unused;
    state = 9;
    for (unsigned base = 1; base <= 40; base++) {
        struct learned l;
        fresh();
        uint32_t row = learning_open(&learning);
        for (unsigned n = 0; n < 16000; n++) {
            unsigned who = (unsigned)(next() % 10);
            struct part parts[2] = {part(PART_CREDENTIAL, "credential", who), part(PART_CLAIM, "tenant", who % 3)};
            struct learn_visit v = {.base = hash_mix(base * 3 + next() % 3),
                                    .parts = {{parts, 2}, {NULL, 0}, {NULL, 0}}};
            v.now_ms = n * 120;
            v.content = 1 + who % 3 + 3 * (n / 2500);
            if (learning_wants(&learning, row))
                learning_visit(&learning, row, &v);
        }
        read_back(row, &l);
        assert_true(l.dim[find(&l, "tenant")].n >= 1500 && l.dim[find(&l, "credential")].differing >= 100);
    }
}

/* What never comes twice: a cache buster when answers do not follow it; and no hindrance for the others. */
static void unique(void **unused)
{
    (void)unused;
    state = 4;
    for (unsigned relevant = 0; relevant < 2; relevant++) {
        struct learned l;
        fresh();
        uint32_t row = learning_open(&learning);
        for (unsigned n = 0; n < 40000; n++) {
            uint64_t nonce = next(), language = next() % 2;
            struct part parts[2] = {part(PART_QUERY, "_", nonce), part(PART_QUERY, "language", language)};
            struct learn_visit v = {.base = 5, .parts = {{parts, 2}, {NULL, 0}, {NULL, 0}}, .now_ms = n * 50};
            v.content = 1 + (uint32_t)(relevant ? nonce & 0xffffff : language * 10 + 100 * (n / 6000));
            learning_visit(&learning, row, &v);
        }
        read_back(row, &l);
        unsigned at = find(&l, "_");
        assert_true(l.dim[at].unique);
        assert_int_equal(learned_judge(&l, at, 100, 1).verdict, relevant ? LEARNED_RELEVANT : LEARNED_BUSTER);
        if (!relevant)
            assert_int_equal(learned_judge(&l, find(&l, "language"), 100, 1).verdict, LEARNED_RELEVANT);
    }
}

/* Answers that return to one of a few by chance depend on nothing, nor on what is left out; and one that does is still
 * found beside a little of that. */
static void unsteady(void **unused)
{
    (void)unused;
    state = 8;
    for (unsigned noise = 0; noise < 2; noise++) {
        struct learned l;
        fresh();
        uint32_t row = learning_open(&learning);
        for (unsigned n = 0; n < 20000; n++) {
            uint64_t language = next() % 2;
            struct part parts[1] = {part(PART_HEADER, "language", language)};
            struct learn_visit v = {.base = 5, .parts = {{parts, 1}, {NULL, 0}, {NULL, 0}}, .now_ms = n * 50};
            bool random = noise || next() % 50 == 0;
            v.content = 1 + (uint32_t)(random ? next() % 6 : 10 + language);
            learning_visit(&learning, row, &v);
        }
        read_back(row, &l);
        assert_true(l.control_n > 100);
        struct learned_result r = learned_judge(&l, find(&l, "language"), 100, 1);
        assert_int_equal(r.verdict, noise ? LEARNED_UNSTEADY : LEARNED_RELEVANT);
        assert_int_equal(r.sure, !noise);
    }
}

/* ALGORITHMS.md 5.2: m = 1 takes 598 sandwiches, m = 100 takes 1517. */
static void bounds(void **unused)
{
    (void)unused;
    struct learned l = {.visits = 10, .n = 1, .dim = {{.text = "a", .varied = true, .n = 597}}};
    struct learned_result r = learned_judge(&l, 0, 1, 1);
    assert_true(r.verdict == LEARNED_UNDECIDED && r.needed == 1);
    l.dim[0].n = 598;
    assert_int_equal(learned_judge(&l, 0, 1, 1).verdict, LEARNED_IRRELEVANT);
    l.dim[0].n = 1516;
    assert_int_equal(learned_judge(&l, 0, 100, 1).needed, 1);
    l.dim[0].n = 1517;
    assert_int_equal(learned_judge(&l, 0, 100, 1).verdict, LEARNED_IRRELEVANT);
    l.dim[0].differing = 1;
    r = learned_judge(&l, 0, 1, 1);
    assert_true(r.verdict == LEARNED_ALMOST && r.differing == 1);
    l.dim[0].n = 20;
    l.dim[0].differing = 4;
    assert_int_equal(learned_judge(&l, 0, 1000, 1).verdict, LEARNED_UNDECIDED);
    l.dim[0].differing = 5;
    assert_int_equal(learned_judge(&l, 0, 1000, 1).verdict, LEARNED_RELEVANT);
    l.dim[0].varied = false;
    assert_int_equal(learned_judge(&l, 0, 1, 1).verdict, LEARNED_CONSTANT);
}

/* A flood of names: bounded, and those that matter stay or come back by their frequency. */
static void flood(void **unused)
{
    (void)unused;
    struct learned l;
    state = 5;
    fresh();
    uint32_t row = learning_open(&learning);
    for (unsigned n = 0; n < 60000; n++) {
        char junk[16];
        snprintf(junk, sizeof junk, "j%u", (unsigned)(next() % 50000));
        struct part parts[2] = {part(PART_QUERY, junk, 1), part(PART_QUERY, "language", next() % 2)};
        struct learn_visit v = {
            .base = 5, .parts = {{parts, n < 1000 ? 1 : 2}, {NULL, 0}, {NULL, 0}}, .now_ms = n * 50};
        v.content = 1 + (uint32_t)(next() % 2);
        learning_visit(&learning, row, &v);
    }
    read_back(row, &l);
    assert_int_equal(l.n, 16);
    assert_true(find(&l, "language") < LEARN_DIMS);
}

static void stored(void **unused)
{
    (void)unused;
    struct planted p = {.dims = 4,
                        .values = {2, 3, 2, 2},
                        .relevant = {true},
                        .credentials = 3,
                        .tenants = 3,
                        .change = 0.001,
                        .rate = 60};
    struct learned before, after, both;
    state = 6;
    fresh();
    uint32_t row = learning_open(&learning);
    watch(row, &p, 200, &before);
    uint32_t second = learning_open(&learning);
    learning_load(&learning, second, &before, &key);
    read_back(second, &after);
    assert_true(before.visits == after.visits && before.control_n == after.control_n &&
                before.control_differing == after.control_differing && before.n == after.n);
    struct buf text[2] = {{0}}; /* without padding */
    learned_write(&before, &text[0]);
    learned_write(&after, &text[1]);
    assert_int_equal(text[0].n, text[1].n);
    assert_memory_equal(text[0].p, text[1].p, text[0].n);
    buf_free(&text[0]);
    buf_free(&text[1]);
    learning_merge(&learning, row, second);
    learning_close(&learning, second);
    read_back(row, &both);
    assert_int_equal(both.n, before.n);
    assert_int_equal(both.visits, 2 * before.visits);
    for (unsigned i = 0; i < both.n; i++) {
        assert_int_equal(both.dim[i].n, 2 * before.dim[i].n);
        assert_int_equal(both.dim[i].differing, 2 * before.dim[i].differing);
    }
    assert_int_equal(learning_open(&learning), second); /* its room is used again */
}

/* All answers that are given are alike: what decides whether one is given matters. */
static void what_is_refused(void **unused)
{
    (void)unused;
    struct planted p = {
        .dims = 3, .values = {3, 2, 2}, .credentials = 2, .tenants = 2, .refuses = true, .change = 0.001, .rate = 60};
    struct learned l;
    state = 9;
    fresh();
    watch(learning_open(&learning), &p, 800, &l);
    assert_int_equal(learned_judge(&l, find(&l, "a"), 1, 1).verdict, LEARNED_RELEVANT);
    assert_int_equal(learned_judge(&l, find(&l, "b"), 1, 1).verdict, LEARNED_IRRELEVANT);
    assert_int_equal(learned_judge(&l, find(&l, "c"), 1, 1).verdict, LEARNED_IRRELEVANT);
}

/* What had one value before a restart and has it still has one: a tenant that was the only one does. */
static void goes_on(void **unused)
{
    (void)unused;
    struct planted p = {.dims = 3, .values = {2, 1, 1}, .credentials = 3, .tenants = 1, .change = 0.001, .rate = 60};
    struct learned l;
    state = 8;
    fresh();
    uint32_t row = learning_open(&learning), second = learning_open(&learning);
    for (unsigned i = 0; i < 500; i++)
        visit(row, &p, i);
    read_back(row, &l);
    learning_load(&learning, second, &l, &key);
    for (unsigned i = 500; i < 600; i++)
        visit(second, &p, i);
    read_back(second, &l);
    assert_true(l.visits == 600 && l.dim[find(&l, "a")].varied && l.dim[find(&l, "credential")].varied);
    assert_true(!l.dim[find(&l, "b")].varied && !l.dim[find(&l, "tenant")].varied);
    p.tenants = 2;
    p.values[1] = 2;
    for (unsigned i = 600; i < 620; i++)
        visit(second, &p, i);
    read_back(second, &l);
    assert_true(l.dim[find(&l, "b")].varied && l.dim[find(&l, "tenant")].varied && !l.dim[find(&l, "c")].varied);
}

static void damaged(void **unused)
{
    (void)unused;
    struct planted p = {.dims = 3, .values = {2, 2, 2}, .credentials = 2, .tenants = 2, .change = 1, .rate = 60};
    struct buf blob = {0};
    struct learned l;
    state = 7;
    fresh();
    uint32_t row = learning_open(&learning);
    for (unsigned i = 0; i < 500; i++)
        visit(row, &p, i);
    learning_settle(&learning);
    learning_write(&learning, row, no_list, NULL, &blob);
    assert_true(learned_read(&l, slice_of(blob.p, blob.n)) && l.n == 6);
    for (size_t n = 1; n < blob.n; n++) {
        assert_false(learned_read(&l, slice_of(blob.p, n)));
        assert_int_equal(l.n, 0);
    }
    for (size_t i = 0; i < blob.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            blob.p[i] ^= (char)(1 << bit);
            learned_read(&l, slice_of(blob.p, blob.n));
            for (unsigned d = 0; d < l.n; d++)
                learned_judge(&l, d, 10, 1);
            blob.p[i] ^= (char)(1 << bit);
        }
    buf_free(&blob);
    assert_true(learned_read(&l, SLICE("")) && !l.n && !l.visits);
}

/* Six endpoints in turn and at random, all in a table so small that they are in each other's way; what they learned. */
static void learn_in_turn(bool at_once, struct buf blob[6])
{
    struct planted p = {.dims = 5, .values = {2, 3, 2, 9, 4}, .credentials = 5, .tenants = 2, .change = .1, .rate = 60};
    uint32_t row[6];
    p.relevant[1] = true;
    state = 11;
    learning_fini(&learning);
    assert_true(learning_init(&learning, 8, 64, 256));
    for (unsigned i = 0; i < 6; i++)
        row[i] = learning_open(&learning);
    for (unsigned i = 0; i < 30000; i++) {
        visit(row[i & 64 ? i % 6 : next() % 6], &p, 1000 + i / 60.);
        if (at_once)
            learning_settle(&learning);
    }
    learning_settle(&learning);
    for (unsigned i = 0; i < 6; i++)
        learning_write(&learning, row[i], no_list, NULL, &blob[i]);
}

static void looks_may_wait(void **unused)
{
    (void)unused;
    struct buf a[6] = {{0}}, b[6] = {{0}};
    learn_in_turn(false, a);
    learn_in_turn(true, b);
    for (unsigned i = 0; i < 6; i++) {
        assert_true(a[i].n && slice_eq(slice_of(a[i].p, a[i].n), slice_of(b[i].p, b[i].n)));
        buf_free(&a[i]);
        buf_free(&b[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds),          cmocka_unit_test(looks_may_wait),
                                       cmocka_unit_test(planted_parts),   cmocka_unit_test(planted_credentials),
                                       cmocka_unit_test(together),        cmocka_unit_test(few_contexts),
                                       cmocka_unit_test(unique),          cmocka_unit_test(flood),
                                       cmocka_unit_test(unsteady),        cmocka_unit_test(stored),
                                       cmocka_unit_test(what_is_refused), cmocka_unit_test(goes_on),
                                       cmocka_unit_test(damaged)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    learning_fini(&learning);
    return failed;
}
