/* What an attacker can send without end (ALGORITHMS.md 11.1, tests P-2 and P-3): keys, paths, clients, values of a
 * field that Vary names, names of parameters. Steady traffic goes on beside it: its totals and the others' stay exact,
 * memory stays under the ceiling, and an exchange of the flood costs at most twice one of the steady traffic.
 *
 * FLOOD=N sets how many there are of each; PROOF=1 makes it a million. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/state.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { STEADY = 4001, CHUNK = 4096, SLACK = 32 << 20, CEILING = 48 << 20, PAIRS_MOST = 4096 };

static const int64_t epoch = 1700000000000000;

enum flood { FLOOD_KEYS, FLOOD_LOW_ENTROPY, FLOOD_PATHS, FLOOD_CLIENTS, FLOOD_FIELD, FLOOD_PARAMETERS, FLOOD_TAGS };

static long many(void)
{
    const char *n = getenv("FLOOD");
    if (n)
        return atol(n);
    return getenv("PROOF") && *getenv("PROOF") ? 1000000 : SANITIZED ? 30000 : 200000;
}

static struct field answer(enum token t, const char *value)
{
    return (struct field){slice_str(token_name(t)), slice_str(value), (uint8_t)t, true};
}

static struct field ask(enum token t, const char *value)
{
    return (struct field){slice_str(token_name(t)), slice_str(value), (uint8_t)t, false};
}

static struct exchange get(long i, const char *target)
{
    int64_t at = epoch + i * 1000;
    struct exchange x = {.arrival = at, .t_req0 = at, .t_req1 = at, .t_rsp0 = at + 500, .t_rsp1 = at + 700};
    x.rtt_client = x.rtt_server = -1;
    x.proto = PROTO_HTTP11;
    x.method = SLICE("GET");
    x.service = SLICE("http://h");
    x.authority = SLICE("h");
    x.target = slice_str(target);
    x.status = 200;
    x.body_id = (uint64_t)i / 1000 + 1;
    x.response_bytes = 100;
    x.client = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 4000, .known = 1};
    x.server = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 9}, .port = 80, .known = 1};
    x.client_hash = 0x123456789abc;
    return x;
}

/* What one exchange consists of. */
struct made {
    char target[96], value[32];
    struct field fields[2];
    struct exchange x;
};

static void steady(struct made *m, long i)
{
    snprintf(m->target, sizeof m->target, "/steady/%ld?page=%ld", i % STEADY, i % STEADY % 25);
    m->x = get(i, m->target);
    m->x.client_hash = 1000 + (uint64_t)(i % 40);
}

static void words(char *out, size_t n, uint64_t h)
{
    snprintf(out, n, "/x%c%c%c%c%c/y%c%c%c%c%c", (int)('a' + h % 26), (int)('a' + h / 26 % 26),
             (int)('a' + (h >> 16) % 26), (int)('a' + (h >> 24) % 26), (int)('a' + (h >> 28) % 26),
             (int)('a' + (h >> 32) % 26), (int)('a' + (h >> 36) % 26), (int)('a' + (h >> 40) % 26),
             (int)('a' + (h >> 44) % 26), (int)('a' + (h >> 48) % 26));
}

static void hostile(struct made *m, enum flood what, long i)
{
    uint64_t h = hash_mix((uint64_t)i + 1);
    snprintf(m->target, sizeof m->target, "/flood");
    if (what == FLOOD_KEYS)
        snprintf(m->target, sizeof m->target, "/flood/%llu", (unsigned long long)h);
    else if (what == FLOOD_LOW_ENTROPY)
        snprintf(m->target, sizeof m->target, "/flood/%ld", i);
    else if (what == FLOOD_PATHS)
        words(m->target, sizeof m->target, h);
    else if (what == FLOOD_PARAMETERS)
        snprintf(m->target, sizeof m->target, "/flood?p%llx=1&q=2", (unsigned long long)h);
    m->x = get(i, m->target);
    snprintf(m->value, sizeof m->value, "\"v%llx\"", (unsigned long long)h);
    if (what == FLOOD_CLIENTS) {
        m->x.client_hash = h >> 16;
        memcpy(m->x.client.ip + 12, &h, 4);
    } else if (what == FLOOD_FIELD) {
        m->fields[0] = answer(TOKEN_VARY, "accept-language");
        m->fields[1] = ask(TOKEN_ACCEPT_LANGUAGE, m->value);
        m->x.n_fields = 2;
    } else if (what == FLOOD_TAGS) {
        m->fields[0] = answer(TOKEN_ETAG, m->value);
        m->x.n_fields = 1;
    }
    m->x.fields = m->fields;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct made made[CHUNK];
static const struct exchange *pointers[CHUNK];

/* CPU of one chunk; texts are made before the clock runs. */
static double feed(struct analysis *a, long n)
{
    double before = cpu();
    for (long at = 0; at < n; at += ANALYSIS_TOGETHER)
        analysis_take_all(a, pointers + at, (size_t)(n - at < ANALYSIS_TOGETHER ? n - at : ANALYSIS_TOGETHER));
    return cpu() - before;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static long resident(void)
{
    long kib = 0;
    char line[128];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib * 1024;
}

struct outcome {
    double slowdown;
    long resident;
    uint64_t requests, bytes, by_endpoint, by_client, steady_hits, steady_keys, memory, level, overflow;
};

static void sum_up(struct analysis *a, struct outcome *o)
{
    struct row_endpoint e;
    struct row_client c;
    o->requests = analysis_total(a, "exchanges");
    o->bytes = analysis_total(a, "response_bytes");
    o->level = analysis_total(a, "sampling_level");
    o->overflow = analysis_total(a, "keys_overflow") + analysis_total(a, "client_overflow") +
                  analysis_total(a, "endpoint_overflow");
    o->memory = analysis_memory(a);
    for (uint32_t id = 1; id <= analysis_endpoints(a); id++) {
        if (!analysis_endpoint_row(a, id, &e))
            continue;
        o->by_endpoint += e.requests;
        if (slice_starts(e.route, SLICE("/steady"))) {
            o->steady_hits += e.ttl[LADDER_RUNGS - 1].hits;
            o->steady_keys += e.keys;
        }
    }
    for (uint32_t id = 1; id <= analysis_clients(a); id++)
        if (analysis_client_row(a, id, &c))
            o->by_client += c.requests;
}

static void run(enum flood what, long n, struct outcome *o)
{
    static double ratio[PAIRS_MOST];
    struct hash_key key = hash_key_from("flood", 5);
    struct analysis_options options = {.key = &key, .memory = (uint64_t)CEILING * 55 / 100};
    struct analysis *a = analysis_new(&options, NULL);
    size_t pairs = 0;
    long done = 0;
    for (int i = 0; i < CHUNK; i++)
        pointers[i] = &made[i].x;
    while (done < n) {
        for (long i = 0; i < CHUNK; i++)
            steady(&made[i], done * 2 + i);
        double usual = feed(a, CHUNK);
        for (long i = 0; i < CHUNK; i++)
            hostile(&made[i], what, done * 2 + CHUNK + i);
        double worse = feed(a, CHUNK);
        if (pairs < PAIRS_MOST)
            ratio[pairs++] = worse / usual;
        done += CHUNK;
    }
    qsort(ratio, pairs, sizeof *ratio, by_size);
    o->slowdown = ratio[pairs / 2];
    sum_up(a, o);
    o->resident = resident();
    analysis_free(a);
}

/* In a process of its own, so that its memory is its own. */
static struct outcome alone(enum flood what, long n)
{
    struct outcome o = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        run(what, n, &o);
        _exit(write(ends[1], &o, sizeof o) != sizeof o);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &o, sizeof o), sizeof o);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return o;
}

static void holds(enum flood what, const char *name)
{
    long n = (many() + CHUNK - 1) / CHUNK * CHUNK;
    struct outcome o = alone(what, n);
    print_message("# %ld %s: %.2f times the cost, %ld MiB resident, %llu MiB counted, level %llu, overflow %llu\n", n,
                  name, o.slowdown, o.resident >> 20, (unsigned long long)o.memory >> 20, (unsigned long long)o.level,
                  (unsigned long long)o.overflow);
    assert_int_equal(o.requests, 2 * n);
    assert_int_equal(o.bytes, 200 * n);
    assert_int_equal(o.by_endpoint, 2 * n);
    assert_int_equal(o.by_client, 2 * n);
    assert_int_equal(o.steady_keys, STEADY);
    assert_int_equal(o.steady_hits, n - STEADY);
    assert_true(o.memory <= (uint64_t)CEILING * 55 / 100);
    if (SANITIZED)
        return; /* its memory and time are not ours */
    assert_true(o.resident <= CEILING + SLACK);
    assert_true(o.slowdown <= 2);
}

static void keys(void **state)
{
    (void)state;
    holds(FLOOD_KEYS, "keys");
}

static void low_entropy(void **state)
{
    (void)state;
    holds(FLOOD_LOW_ENTROPY, "keys of low entropy");
}

static void paths(void **state)
{
    (void)state;
    holds(FLOOD_PATHS, "paths");
}

static void clients(void **state)
{
    (void)state;
    holds(FLOOD_CLIENTS, "clients");
}

static void field_values(void **state)
{
    (void)state;
    holds(FLOOD_FIELD, "values of a field");
}

static void parameters(void **state)
{
    (void)state;
    holds(FLOOD_PARAMETERS, "names of parameters");
}

static void tags(void **state)
{
    (void)state;
    holds(FLOOD_TAGS, "entity tags");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys),         cmocka_unit_test(low_entropy),
                                       cmocka_unit_test(paths),        cmocka_unit_test(clients),
                                       cmocka_unit_test(field_values), cmocka_unit_test(parameters),
                                       cmocka_unit_test(tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
