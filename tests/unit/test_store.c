/* The store: what is written comes back; one writer; readers beside it; kill -9; a full disk; files that are no audit.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/store/block.h"
#include "analysis/store/connect.h"
#include "analysis/store/read.h"
#include "analysis/store/schema.h"
#include "analysis/store/store.h"

static char folder[64];
static char path[96];

static int fresh_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_store.XXXXXX");
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

static struct store *open_store(enum store_mode mode, uint64_t exchanges)
{
    char why[256];
    bool usage;
    struct store_options o = {mode, exchanges, true, 0600, -1, 0};
    struct store *s = store_open(path, &o, why, &usage);
    if (!s)
        fail_msg("%s", why);
    return s;
}

/* Why the path cannot be opened for writing. */
static const char *refused(enum store_mode mode, bool *usage)
{
    static char why[256];
    struct store_options o = {mode, 100, true, 0600, -1, 0};
    struct store *s = store_open(path, &o, why, usage);
    assert_null(s);
    assert_null(strchr(why, '\n'));
    assert_true(*why);
    return why;
}

static void close_store(struct store *s)
{
    char why[256];
    if (!store_close(s, why) || *why)
        fail_msg("%s", why);
}

static struct store_reader *open_reader(void)
{
    char why[256];
    struct store_reader *r = store_read_open(path, why);
    if (!r || !store_read_begin(r, why))
        fail_msg("%s", why);
    return r;
}

static const char *not_readable(void)
{
    static char why[256];
    *why = 0;
    assert_null(store_read_open(path, why));
    assert_null(strchr(why, '\n'));
    assert_true(*why);
    return why;
}

static void run_sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static bool same_text(struct slice a, const char *b)
{
    return slice_eq(a, slice_str(b));
}

/* ---- round trip ---- */

static void write_endpoint(struct store *s, uint32_t id, uint64_t requests)
{
    char route[32];
    struct row_endpoint *e = store_endpoint(s);
    e->id = id;
    e->method = store_text(s, SLICE("GET"));
    e->service = store_text(s, SLICE("http://a.example"));
    e->route = store_text(s, slice_of(route, (size_t)snprintf(route, sizeof route, "/r/%u", id)));
    e->operation = store_text(s, SLICE(""));
    e->requests = requests;
    e->eligible = requests - 1;
    e->server_us_total = UINT64_C(1) << 40;
    e->first_us = INT64_MIN;
    e->last_us = -5;
    e->latency = store_text(s, SLICE("LL1\0\xff"));
    e->lifetimes = store_text(s, SLICE("{\"multi\":1}"));
    e->live = store_text(s, SLICE("[[1,2,3,4,5]]"));
    e->declared[DECLARED_storable_shared] = UINT64_C(1) << 50;
    e->declared[DECLARED_bytes_saved_by_304] = id;
    e->reasons[REASON_INCOMPLETE] = 3;
    e->reasons[REASON_HEURISTIC] = id;
    e->declared_ttl = store_text(s, SLICE("LL1\0\xfe"));
    for (uint32_t i = 0; i < LADDER_RUNGS; i++)
        e->ttl[i] =
            (struct row_rung){i + 1, 100 + i, 90, 80, 70, 60, 50, 40, 30, UINT64_C(1) << 50, 10 + i, 20, 15, 12, 11, 7};
}

static void write_client(struct store *s, uint32_t id)
{
    struct row_client *c = store_client(s);
    c->id = id;
    c->client = store_text(s, SLICE("bearer:9f2c61d0a4be"));
    c->identity = SLICE("bearer");
    c->addresses = store_text(s, SLICE("10.0.0.1,10.0.0.2"));
    c->n_addresses = 2;
    c->requests = 17;
    c->peak_1s = 3;
    c->burstiness = -0.25;
    c->poller_period_s = NAN;
    for (int i = 0; i < ENVELOPE_RATES; i++) {
        c->envelope_rate[i] = 0.5 * i;
        c->envelope_burst[i] = 1.25 + i;
    }
}

static void write_capture(struct store *s, uint64_t packets)
{
    struct row_capture *c = store_capture(s);
    c->sources = store_text(s, SLICE("[\"x.pcap\"]"));
    c->started_us = 1000000;
    c->ended_us = 9000000;
    c->packets = packets;
    c->live = true;
}

static struct row_exchange exchange(uint32_t i)
{
    return (struct row_exchange){
        .arrival_us = 1000 * (int64_t)i, .key = i % 7 + 1, .status = 200, .response_bytes = i, .ttfb_us = -1};
}

static void write_all(struct store *s)
{
    struct row_exchange x;
    write_endpoint(s, 1, 10);
    write_endpoint(s, 2, 30);
    write_endpoint(s, 3, 20);
    store_endpoint(s)->id = 4;
    write_client(s, 1);
    *store_key(s) = (struct row_key){1,
                                     2,
                                     store_text(s, SLICE("GET")),
                                     store_text(s, SLICE("http://a.example")),
                                     store_text(s, SLICE("/r/1?x=\xc3\xa4")),
                                     true,
                                     store_text(s, SLICE("query:A")),
                                     true};
    *store_address(s) = (struct row_address){1, store_text(s, SLICE("10.0.0.1:80"))};
    *store_minute(s) = (struct row_minute){.minute = 28333333, .requests = 5, .clients = 2};
    *store_minute(s) = (struct row_minute){.minute = 28333334, .requests = 6};
    store_counter(s, "status", SLICE("200"), 12);
    store_counter(s, "total", SLICE("exchanges"), 20000);
    write_capture(s, 99);
    for (uint32_t i = 0; i < 20000; i++)
        store_exchange(s, (x = exchange(i), &x));
}

static bool look_at_endpoint(void *context, const struct row_endpoint *e)
{
    static const uint32_t order[] = {2, 3, 1, 4};
    unsigned *n = context;
    assert_int_equal(e->id, order[*n]);
    if ((*n)++ == 3)
        return true;
    assert_true(same_text(e->method, "GET") && same_text(e->service, "http://a.example") && !e->operation.n);
    assert_true(slice_eq(e->latency, SLICE("LL1\0\xff")) && same_text(e->lifetimes, "{\"multi\":1}") &&
                same_text(e->live, "[[1,2,3,4,5]]"));
    assert_int_equal(e->server_time.n, 0);
    assert_true(slice_eq(e->declared_ttl, SLICE("LL1\0\xfe")));
    assert_true(e->declared[DECLARED_storable_shared] == UINT64_C(1) << 50 && !e->declared[DECLARED_nginx] &&
                e->declared[DECLARED_bytes_saved_by_304] == e->id);
    assert_true(e->reasons[REASON_INCOMPLETE] == 3 && e->reasons[REASON_HEURISTIC] == e->id &&
                !e->reasons[REASON_POST]);
    assert_int_equal(e->eligible, e->requests - 1);
    assert_true(e->server_us_total == UINT64_C(1) << 40 && e->first_us == INT64_MIN && e->last_us == -5);
    for (uint32_t i = 0; i < LADDER_RUNGS; i++) {
        const struct row_rung *r = &e->ttl[i];
        assert_true(r->ttl_s == i + 1 && r->lookups == 100 + i && r->hits == 90 && r->stale_hits == 80 &&
                    r->unknown_hits == 70);
        assert_true(r->errors_masked == 60 && r->coalesced == 50 && r->warm_lookups == 40 && r->warm_hits == 30);
        assert_true(r->bytes_saved == UINT64_C(1) << 50 && r->server_us_saved == 10 + i);
        assert_true(r->cycles == 20 && r->cycles_hit == 15 && r->cycles_stale == 12);
        assert_true(r->swr_async == 11 && r->stale_purgeable == 7);
    }
    return true;
}

static bool look_at_client(void *context, const struct row_client *c)
{
    ++*(unsigned *)context;
    assert_true(same_text(c->client, "bearer:9f2c61d0a4be") && same_text(c->identity, "bearer"));
    assert_true(same_text(c->addresses, "10.0.0.1,10.0.0.2") && c->n_addresses == 2 && c->requests == 17 &&
                c->peak_1s == 3);
    assert_true(c->burstiness == -0.25 && isnan(c->poller_period_s));
    for (int i = 0; i < ENVELOPE_RATES; i++)
        assert_true(c->envelope_rate[i] == 0.5 * i && c->envelope_burst[i] == 1.25 + i);
    return true;
}

static bool look_at_key(void *context, const struct row_key *k)
{
    ++*(unsigned *)context;
    return k->id == 1 && k->endpoint == 2 && same_text(k->target, "/r/1?x=\xc3\xa4");
}

static bool look_at_address(void *context, const struct row_address *a)
{
    *(unsigned *)context += a->id == 1 && same_text(a->text, "10.0.0.1:80");
    return true;
}

static bool look_at_minute(void *context, const struct row_minute *m)
{
    *(unsigned *)context += (unsigned)m->requests;
    return true;
}

static bool look_at_counter(void *context, const struct row_counter *c)
{
    ++*(unsigned *)context;
    return c->value > 0;
}

static void look_at_exchange(void *context, const struct row_exchange *x)
{
    uint32_t *n = context;
    struct row_exchange want = exchange((*n)++);
    assert_memory_equal(x, &want, sizeof want);
}

static void what_is_written_comes_back(void **state)
{
    struct row_capture c;
    unsigned endpoints = 0, clients = 0, keys = 0, addresses = 0, requests = 0, counters = 0;
    uint32_t exchanges = 0;
    (void)state;
    struct store *s = open_store(STORE_NEW, 100000);
    write_all(s);
    store_submit(s);
    close_store(s);
    struct store_reader *r = open_reader();
    assert_true(store_read_capture(r, &c));
    assert_true(c.packets == 99 && c.live && !c.ended && c.started_us == 1000000 &&
                same_text(c.sources, "[\"x.pcap\"]"));
    struct row_capture again;
    assert_true(store_read_capture(r, &again) && again.packets == 99 && same_text(c.sources, "[\"x.pcap\"]"));
    store_read_endpoints(r, look_at_endpoint, &endpoints);
    store_read_clients(r, look_at_client, &clients);
    store_read_keys(r, look_at_key, &keys);
    store_read_addresses(r, look_at_address, &addresses);
    store_read_minutes(r, 28333333, 28333334, look_at_minute, &requests);
    store_read_counters(r, look_at_counter, &counters);
    assert_true(store_read_exchanges(r, look_at_exchange, &exchanges));
    assert_int_equal(endpoints, 4);
    assert_int_equal(store_read_count_endpoints(r), 4);
    assert_int_equal(clients, 1);
    assert_int_equal(store_read_count_clients(r), 1);
    assert_int_equal(keys, 1);
    assert_int_equal(addresses, 1);
    assert_int_equal(requests, 5);
    assert_int_equal(counters, 2);
    assert_int_equal(store_read_counter(r, "status", "200"), 12);
    assert_int_equal(store_read_counter(r, "status", "404"), 0);
    assert_int_equal(exchanges, 20000);
    assert_int_equal(store_read_exchange_count(r), 20000);
    assert_null(store_read_failure(r));
    store_read_close(r);
}

static void later_rows_replace_earlier_ones(void **state)
{
    struct store *s = open_store(STORE_NEW, 0);
    unsigned n = 0;
    (void)state;
    write_all(s);
    store_submit(s);
    write_endpoint(s, 4, 1);
    write_endpoint(s, 3, 20);
    write_endpoint(s, 2, 30);
    store_submit(s);
    close_store(s);
    struct store_reader *r = open_reader();
    assert_int_equal(store_read_version(r), 2);
    assert_int_equal(store_read_exchange_count(r), 0);
    store_read_endpoints(r, look_at_endpoint, &n);
    assert_int_equal(n, 4);
    store_read_close(r);
}

enum { MANY_KEYS = 1100 };

/* What a key is in this round: some of it as in others, some not. */
static struct row_key key_of(uint32_t id, unsigned round)
{
    static const char *const methods[] = {"GET", "POST", "PUT"}, *const services[] = {"http://a", "http://b.example"};
    static char target[32];
    uint32_t mixed = id * 2654435761u + round;
    snprintf(target, sizeof target, "/k/%u/%u", id, round);
    return (struct row_key){.id = id,
                            .endpoint = 1 + mixed % 7,
                            .method = slice_str(methods[mixed >> 8 & 1   ? 0
                                                        : mixed >> 9 & 1 ? 1
                                                                         : 2]),
                            .service = slice_str(services[mixed >> 12 & 1]),
                            .target = slice_str(target),
                            .hot = mixed >> 16 & 1,
                            .operation = slice_str(mixed >> 17 & 3 ? "" : "op"),
                            .safe = mixed >> 20 & 1};
}

static void write_keys(struct store *s, uint32_t from, uint32_t to, unsigned round)
{
    for (uint32_t id = from; id < to; id++) {
        struct row_key key = key_of(id, round), *row = store_key(s);
        key.method = store_text(s, key.method);
        key.service = store_text(s, key.service);
        key.target = store_text(s, key.target);
        key.operation = store_text(s, key.operation);
        *row = key;
    }
    store_submit(s);
}

/* Those from 100 to 199 were written again. */
static bool compare_key(void *context, const struct row_key *a)
{
    uint32_t id = ++*(uint32_t *)context;
    struct row_key b = key_of(id, id >= 100 && id < 200 ? 2 : 1);
    assert_int_equal(a->id, id);
    assert_true(a->endpoint == b.endpoint && a->hot == b.hot && a->safe == b.safe);
    assert_true(slice_eq(a->method, b.method) && slice_eq(a->service, b.service) && slice_eq(a->target, b.target) &&
                slice_eq(a->operation, b.operation));
    return true;
}

/* Whether written one by one or many at once, as the next ones or not. */
static void many_keys_are_each_as_they_were(void **state)
{
    struct store *s = open_store(STORE_NEW, 0);
    uint32_t n = 0;
    (void)state;
    write_keys(s, 1, 30, 1);
    write_keys(s, 30, 450, 1);
    write_keys(s, 100, 200, 2);
    write_keys(s, 600, 900, 1);
    write_keys(s, 450, 600, 1);
    write_keys(s, 900, MANY_KEYS + 1, 1);
    close_store(s);
    struct store_reader *r = open_reader();
    store_read_keys(r, compare_key, &n);
    assert_int_equal(n, MANY_KEYS);
    store_read_close(r);
}

static void united_endpoints_are_not_listed(void **state)
{
    struct store *s = open_store(STORE_NEW, 0);
    (void)state;
    write_endpoint(s, 7, 50);
    store_endpoint(s)->id = 8;
    write_endpoint(s, 9, 70);
    struct row_endpoint *gone = store_endpoint(s);
    gone->id = 9;
    gone->alias = 7;
    write_capture(s, 1);
    store_submit(s);
    close_store(s);
    struct store_reader *r = open_reader();
    assert_int_equal(store_read_count_endpoints(r), 2);
    store_read_close(r);
}

/* ---- the audit that is there ---- */

static void an_audit_is_refused_continued_or_dropped(void **state)
{
    bool usage;
    struct store *s = open_store(STORE_NEW, 100000);
    struct row_exchange x;
    (void)state;
    write_all(s);
    store_submit(s);
    close_store(s);
    const char *why = refused(STORE_NEW, &usage);
    assert_true(usage && strstr(why, "--append") && strstr(why, "--fresh"));

    s = open_store(STORE_CONTINUE, 100000);
    for (uint32_t i = 20000; i < 20100; i++)
        store_exchange(s, (x = exchange(i), &x));
    write_capture(s, 100);
    store_submit(s);
    close_store(s);
    struct store_reader *r = open_reader();
    uint32_t n = 0;
    assert_true(store_read_exchanges(r, look_at_exchange, &n));
    assert_int_equal(n, 20100);
    store_read_end(r);

    s = open_store(STORE_FRESH, 100000);
    char text[256];
    assert_true(store_read_begin(r, text)); /* nothing is gone before the first commit */
    assert_int_equal(store_read_exchange_count(r), 20100);
    int64_t version = store_read_version(r);
    store_read_end(r);
    write_capture(s, 1);
    store_submit(s);
    close_store(s);
    assert_true(store_read_begin(r, text));
    assert_int_equal(store_read_exchange_count(r), 0);
    assert_int_equal(store_read_count_endpoints(r), 0);
    assert_int_equal(store_read_counter(r, "status", "200"), 0);
    assert_true(store_read_version(r) > version);
    store_read_close(r);
}

static void the_oldest_blocks_go(void **state)
{
    struct store *s = open_store(STORE_NEW, 20000);
    struct row_exchange x;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        store_exchange(s, (x = exchange(i), &x));
        if (i % 30000 == 0)
            store_submit(s);
    }
    write_capture(s, 1);
    store_submit(s);
    assert_int_equal(store_blocks_dropped(s), 0);
    close_store(s);
    struct store_reader *r = open_reader();
    uint64_t kept = store_read_exchange_count(r);
    assert_true(kept >= 20000 && kept < 20000 + BLOCK_RECORDS);
    store_read_close(r);
}

static void refuse_file(const char *what)
{
    bool usage;
    static const enum store_mode modes[] = {STORE_NEW, STORE_CONTINUE, STORE_FRESH};
    struct stat before, after;
    stat(path, &before);
    assert_non_null(strstr(not_readable(), what));
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(refused(modes[i], &usage), what));
    stat(path, &after);
    assert_true(before.st_mode == after.st_mode && before.st_size == after.st_size &&
                before.st_mtime == after.st_mtime);
}

static void other_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 100; i++)
        fputs("dear to somebody\n", f);
    fclose(f);
    chmod(path, 0644);
    refuse_file("is no DB");
    unlink(path);
    run_sql("CREATE TABLE photos(name)");
    chmod(path, 0644);
    refuse_file("no spanwise DB");
    unlink(path);
    close_store(open_store(STORE_NEW, 0));
    run_sql("PRAGMA user_version = 99");
    refuse_file("newer spanwise");
}

static void what_is_not_there_is_said(void **state)
{
    bool usage;
    (void)state;
    assert_non_null(strstr(not_readable(), "No such file"));
    snprintf(path, sizeof path, "%s/none/a.db", folder);
    assert_non_null(strstr(refused(STORE_NEW, &usage), "/none does not exist"));
    assert_false(usage);
    snprintf(path, sizeof path, "%s", folder);
    assert_non_null(strstr(refused(STORE_NEW, &usage), "is a folder"));
    assert_true(*not_readable());
    snprintf(path, sizeof path, "%s/fifo", folder);
    mkfifo(path, 0600);
    assert_non_null(strstr(refused(STORE_NEW, &usage), "no ordinary file"));
}

static void an_empty_file_becomes_an_audit(void **state)
{
    (void)state;
    fclose(fopen(path, "w"));
    assert_non_null(strstr(not_readable(), "holds no audit"));
    struct store *s = open_store(STORE_NEW, 0);
    struct store_reader *r = open_reader();
    struct row_capture c;
    assert_false(store_read_capture(r, &c));
    store_read_close(r);
    close_store(s);
}

static void a_folder_that_may_not_be_written_is_named(void **state)
{
    bool usage;
    char want[64];
    (void)state;
    chmod(folder, 0755);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    else
        chmod(folder, 0555);
    const char *why = refused(STORE_NEW, &usage);
    snprintf(want, sizeof want, "uid %u", (unsigned)geteuid());
    bool named = strstr(why, want) && strstr(why, folder);
    if (geteuid() != getuid())
        assert_int_equal(seteuid(getuid()), 0);
    chmod(folder, 0755);
    assert_true(named && !usage);
}

/* ---- modes, WAL, writers ---- */

static unsigned mode_of(const char *suffix)
{
    char name[128];
    struct stat st;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void files_are_private_and_the_journal_goes(void **state)
{
    mode_t mask = umask(0);
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    write_capture(s, 1);
    store_submit(s);
    assert_int_equal(mode_of(""), 0600);
    assert_int_equal(mode_of("-wal"), 0600);
    assert_int_equal(mode_of("-shm"), 0600);
    close_store(s);
    umask(mask);
    assert_int_equal(mode_of("-wal") | mode_of("-shm") | mode_of("-journal"), 0);
    char head[20];
    FILE *f = fopen(path, "r");
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    fclose(f);
    assert_true(head[18] == 1 && head[19] == 1); /* not WAL */
}

static void a_group_may_read(void **state)
{
    char why[256];
    bool usage;
    struct store_options o = {STORE_NEW, 0, true, 0640, (int)getgid(), 0};
    mode_t mask = umask(0077);
    (void)state;
    struct store *s = store_open(path, &o, why, &usage);
    umask(mask);
    assert_non_null(s);
    assert_int_equal(mode_of(""), 0640);
    assert_int_equal(mode_of("-wal"), 0640);
    close_store(s);
}

static void a_second_writer_is_refused(void **state)
{
    bool usage;
    char pid[32];
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
    const char *why = refused(STORE_FRESH, &usage);
    assert_false(usage);
    assert_non_null(strstr(why, "in use by another spanwise"));
    if (access("/proc/locks", R_OK) == 0 && !strstr(why, pid))
        print_message("# the holder is not named here: %s\n", why);
    write_capture(s, 1);
    store_submit(s);
    close_store(s);
    close_store(open_store(STORE_CONTINUE, 0));
}

static void readers_see_whole_commits(void **state)
{
    char why[256];
    struct row_capture c;
    (void)state;
    struct store *s = open_store(STORE_NEW, 100000);
    write_capture(s, 1);
    store_submit(s);
    write_capture(s, 2);
    store_submit(s); /* the first is in by now */
    struct store_reader *r = open_reader();
    int64_t version = store_read_version(r);
    assert_true(store_read_capture(r, &c));
    uint64_t packets = c.packets;
    for (unsigned i = 3; i < 20; i++) {
        write_capture(s, i);
        store_counter(s, "total", SLICE("exchanges"), i);
        store_submit(s);
    }
    assert_int_equal(store_read_version(r), version);
    assert_true(store_read_capture(r, &c));
    assert_int_equal(c.packets, packets);
    store_read_end(r);
    assert_true(store_read_begin(r, why));
    assert_true(store_read_version(r) > version);
    assert_true(store_read_capture(r, &c));
    assert_int_equal(store_read_counter(r, "total", "exchanges"), c.packets);
    store_read_end(r);
    close_store(s);
    assert_true(store_read_begin(r, why));
    assert_true(store_read_capture(r, &c));
    assert_int_equal(c.packets, 19);
    store_read_close(r);
}

/* Somebody's sqlite3 shell: nothing is lost, the journal stays, and that is said. */
static void a_shell_that_stays_costs_nothing(void **state)
{
    char why[256];
    sqlite3 *shell;
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    write_capture(s, 1);
    store_submit(s);
    write_capture(s, 2);
    store_submit(s);
    assert_int_equal(sqlite3_open(path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "BEGIN; SELECT count(*) FROM capture", NULL, NULL, NULL), SQLITE_OK);
    assert_true(store_close(s, why));
    assert_non_null(strstr(why, "keeps it open"));
    sqlite3_close(shell);
    close_store(open_store(STORE_CONTINUE, 0));
    assert_int_equal(mode_of("-wal"), 0);
}

static void it_asks_once_a_second(void **state)
{
    struct timespec begin, now;
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    for (int round = 0; round < 2; round++) {
        clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_false(store_wants(s));
        while (!store_wants(s))
            usleep(5000);
        clock_gettime(CLOCK_MONOTONIC, &now);
        long ms = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
        assert_true(ms >= 900 && ms < 1900);
        write_capture(s, 1);
        store_submit(s);
    }
    close_store(s);
}

/* ---- trouble ---- */

/* Writes for ever, in step: capture.packets, a counter and the exchanges always agree at a commit. */
static void write_until_killed(void)
{
    struct store *s = open_store(STORE_NEW, 10000000);
    struct row_exchange x;
    for (uint32_t i = 0;; i++) {
        store_exchange(s, (x = exchange(i), &x));
        if (i % 1000 == 999) {
            write_capture(s, i + 1);
            store_counter(s, "total", SLICE("exchanges"), i + 1);
            store_submit(s);
        }
    }
}

static void await_first_commit(void)
{
    for (int tries = 0; tries < 2000; tries++) {
        char why[256];
        struct row_capture c;
        struct store_reader *r = store_read_open(path, why);
        bool there = r && store_read_begin(r, why) && store_read_capture(r, &c);
        store_read_close(r);
        if (there)
            return;
        usleep(5000);
    }
    fail_msg("nothing was committed");
}

static void kill_nine_leaves_a_whole_db(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct row_capture c;
        uint32_t n = 0;
        pid_t child = fork();
        if (!child) {
            write_until_killed();
            _exit(0);
        }
        await_first_commit();
        usleep((useconds_t)(round * 61000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        struct connection look = {.lock_fd = -1};
        assert_int_equal(sqlite3_open(path, &look.db), SQLITE_OK);
        assert_int_equal(
            connect_ask(&look, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
        sqlite3_close(look.db);
        struct store_reader *r = open_reader();
        assert_true(store_read_capture(r, &c));
        assert_true(store_read_exchanges(r, look_at_exchange, &n));
        assert_int_equal(n, c.packets);
        assert_int_equal(store_read_counter(r, "total", "exchanges"), c.packets);
        store_read_close(r);
        close_store(open_store(STORE_CONTINUE, 10000000));
        unlink(path);
    }
}

static void a_full_disk_is_said_and_harms_nothing(void **state)
{
    struct rlimit was, small;
    struct row_capture c;
    char why[256];
    uint32_t i = 0;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct store *s = open_store(STORE_NEW, 10000000);
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 1000000; /* the tables alone take half of it */
    setrlimit(RLIMIT_FSIZE, &small);
    while (!store_failure(s) && i < 3000000) {
        struct row_exchange x = exchange(i++);
        x.content = i * 2654435761u;
        x.etag = i * 2246822519u;
        store_exchange(s, &x);
        if (i % 1000 == 0) {
            write_capture(s, i);
            store_submit(s);
        }
    }
    assert_non_null(store_failure(s));
    assert_null(strchr(store_failure(s), '\n'));
    for (int more = 0; more < 1000000; more++) { /* goes on without waiting, and without growing */
        struct row_exchange x = exchange(i++);
        store_exchange(s, &x);
    }
    assert_false(store_close(s, why));
    setrlimit(RLIMIT_FSIZE, &was);
    assert_non_null(strstr(why, path));
    struct store_reader *r = open_reader();
    assert_true(store_read_capture(r, &c));
    assert_int_equal(store_read_exchange_count(r), c.packets);
    assert_true(c.packets > 0);
    store_read_close(r);
}

static void a_removed_file_is_noticed(void **state)
{
    char why[256];
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    write_capture(s, 1);
    store_submit(s);
    unlink(path);
    write_capture(s, 2);
    store_submit(s);
    write_capture(s, 3);
    store_submit(s);
    assert_non_null(store_failure(s));
    assert_false(store_close(s, why));
    assert_non_null(strstr(why, "removed"));
}

static bool take_endpoint(void *context, const struct row_endpoint *row)
{
    (void)row;
    ++*(unsigned *)context;
    return true;
}

static void damage_is_noticed_when_reading(void **state)
{
    char why[256] = "";
    unsigned n = 0;
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    for (uint32_t i = 1; i < 2000; i++)
        write_endpoint(s, i, i);
    write_capture(s, 1);
    store_submit(s);
    close_store(s);
    FILE *f = fopen(path, "r+");
    fseek(f, 400 * 4096, SEEK_SET);
    for (int i = 0; i < 100 * 4096; i++)
        fputc(0xa5, f);
    fclose(f);
    struct store_reader *r = store_read_open(path, why);
    if (r && store_read_begin(r, why)) {
        store_read_endpoints(r, take_endpoint, &n);
        assert_non_null(store_read_failure(r));
        assert_true(n < 1999);
    } else {
        assert_true(*why);
    }
    store_read_close(r);
}

/* ---- an older schema ---- */

static bool look_at_old(void *context, const struct row_endpoint *e)
{
    ++*(unsigned *)context;
    assert_true(e->id == 4 || same_text(e->method, "GET"));
    for (int i = 0; i < REASON_COUNT; i++)
        assert_int_equal(e->reasons[i], 0);
    assert_true(e->declared_ttl.n == 0 && e->lifetimes.n == 0 && e->live.n == 0);
    return true;
}

static void an_older_schema_is_read_and_migrated(void **state)
{
    unsigned read = 0;
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    write_all(s);
    store_submit(s);
    close_store(s);
    run_sql("DROP VIEW declared; DROP VIEW reason; ALTER TABLE endpoint DROP COLUMN declared;"
            "ALTER TABLE endpoint DROP COLUMN reasons; ALTER TABLE endpoint DROP COLUMN declared_ttl;"
            "ALTER TABLE endpoint DROP COLUMN lifetimes; ALTER TABLE endpoint DROP COLUMN live;"
            "ALTER TABLE endpoint DROP COLUMN sharing; ALTER TABLE endpoint DROP COLUMN learned;"
            "ALTER TABLE endpoint DROP COLUMN writes; ALTER TABLE endpoint DROP COLUMN fields;"
            "ALTER TABLE endpoint DROP COLUMN sampling; ALTER TABLE endpoint DROP COLUMN sources;"
            "ALTER TABLE key DROP COLUMN hot; DROP VIEW hourly; DROP TABLE window_endpoint; DROP TABLE window_client;"
            "DROP TABLE window_total; DROP TABLE cache; ALTER TABLE capture DROP COLUMN window_us;"
            "ALTER TABLE capture DROP COLUMN retransmitted; ALTER TABLE capture DROP COLUMN flows_split;"
            "ALTER TABLE capture DROP COLUMN clients_met; ALTER TABLE capture DROP COLUMN identity_order; "
            "ALTER TABLE capture DROP COLUMN secret_mark; ALTER TABLE "
            "client DROP COLUMN name;"
            "ALTER TABLE endpoint DROP COLUMN websockets;"
            "ALTER TABLE endpoint DROP COLUMN websocket_us;"
            "ALTER TABLE endpoint DROP COLUMN websocket_messages_client;"
            "ALTER TABLE endpoint DROP COLUMN websocket_messages_server;"
            "ALTER TABLE endpoint DROP COLUMN websocket_bytes_client;"
            "ALTER TABLE endpoint DROP COLUMN websocket_bytes_server;"
            "ALTER TABLE endpoint DROP COLUMN websocket_lost; DROP TABLE opaque;"
            "ALTER TABLE endpoint DROP COLUMN event_streams;"
            "ALTER TABLE endpoint DROP COLUMN event_stream_us;"
            "ALTER TABLE endpoint DROP COLUMN events;"
            "ALTER TABLE endpoint DROP COLUMN event_bytes;"
            "ALTER TABLE endpoint DROP COLUMN event_gaps;"
            "ALTER TABLE endpoint DROP COLUMN event_gap_us;"
            "ALTER TABLE endpoint DROP COLUMN event_gap_max_us;"
            "ALTER TABLE endpoint DROP COLUMN event_streams_resumed;"
            "ALTER TABLE endpoint DROP COLUMN event_streams_lost;"
            "ALTER TABLE endpoint DROP COLUMN operation_safe; ALTER TABLE endpoint DROP COLUMN operation_answers;"
            "ALTER TABLE key DROP COLUMN operation; ALTER TABLE key DROP COLUMN safe;"
            "PRAGMA user_version = 1");
    struct store_reader *r = open_reader();
    store_read_all_endpoints(r, look_at_old, &read);
    assert_null(store_read_failure(r));
    store_read_close(r);
    s = open_store(STORE_CONTINUE, 0);
    write_endpoint(s, 5, 7);
    store_submit(s);
    close_store(s);
    r = open_reader();
    assert_int_equal(store_read_schema(r), SCHEMA_VERSION);
    store_read_close(r);
    struct connection c = {.lock_fd = -1};
    assert_int_equal(sqlite3_open(path, &c.db), SQLITE_OK);
    assert_int_equal(connect_ask(&c, "SELECT exchanges FROM reason WHERE reason = 'INCOMPLETE'"), 3);
    assert_int_equal(connect_ask(&c, "SELECT count(*) FROM declared WHERE bytes_saved_by_304 = 0"), 4);
    sqlite3_close(c.db);
    assert_int_equal(read, 4);
}

/* What an unfinished version left behind: the number of today's schema, other columns, a table of its own. */
static void starting_over_makes_the_tables_anew(void **state)
{
    (void)state;
    struct store *s = open_store(STORE_NEW, 1000);
    write_all(s);
    store_submit(s);
    close_store(s);
    run_sql("ALTER TABLE endpoint DROP COLUMN fields; ALTER TABLE endpoint DROP COLUMN sources;"
            "ALTER TABLE client ADD COLUMN more; CREATE TABLE mine(a); DROP TABLE window_total");
    struct store_reader *r = open_reader();
    int64_t version = store_read_version(r);
    store_read_close(r);
    s = open_store(STORE_FRESH, 1000);
    write_endpoint(s, 5, 7);
    write_capture(s, 1);
    store_submit(s);
    close_store(s);
    r = open_reader();
    assert_int_equal(store_read_count_endpoints(r), 1);
    assert_true(store_read_version(r) > version);
    store_read_close(r);
    struct connection c = {.lock_fd = -1};
    assert_int_equal(sqlite3_open(path, &c.db), SQLITE_OK);
    assert_int_equal(connect_ask(&c, "SELECT count(*) FROM sqlite_schema WHERE name IN ('mine', 'window_total')"), 1);
    assert_int_equal(connect_ask(&c, "SELECT count(fields) FROM endpoint"), 1);
    sqlite3_close(c.db);
}

/* ---- docs ---- */

static void is_documented(const char *doc, const char *table, const char *column, const char *holds)
{
    char line[512];
    snprintf(line, sizeof line, "| %s | %s |", column, holds);
    const char *section = doc;
    snprintf(line + 400, 100, "\n### %s\n", table);
    section = strstr(doc, line + 400);
    if (!section || !strstr(section, line))
        fail_msg("docs/SCHEMA.md lacks in %s: %s", table, line);
}

static void every_column_is_documented(void **state)
{
    static char doc[64 * 1024];
    FILE *f = fopen("docs/SCHEMA.md", "r");
    (void)state;
    if (!f)
        skip();
    doc[fread(doc, 1, sizeof doc - 1, f)] = 0;
    fclose(f);
#define DECLARED(name, bit, what) is_documented(doc, "declared", #name, what);
#include "analysis/store/declared.def"
#undef DECLARED
#define COLUMN(kind, name, holds) is_documented(doc, table, #name, holds);
    const char *table = "endpoint";
#define TABLE_endpoint
#include "analysis/store/columns.def"
#undef TABLE_endpoint
    table = "client";
#define TABLE_client
#include "analysis/store/columns.def"
#undef TABLE_client
    table = "cache";
#define TABLE_cache
#include "analysis/store/columns.def"
#undef TABLE_cache
    table = "minute";
#define TABLE_minute
#include "analysis/store/columns.def"
#undef TABLE_minute
    table = "capture";
#define TABLE_capture
#include "analysis/store/columns.def"
#undef TABLE_capture
    table = "key";
#define TABLE_key
#include "analysis/store/columns.def"
#undef TABLE_key
    table = "address";
#define TABLE_address
#include "analysis/store/columns.def"
#undef TABLE_address
    table = "opaque";
#define TABLE_opaque
#include "analysis/store/columns.def"
#undef TABLE_opaque
#undef COLUMN
}

static void the_views_can_be_asked(void **state)
{
    (void)state;
    struct store *s = open_store(STORE_NEW, 0);
    write_all(s);
    store_submit(s);
    close_store(s);
    struct connection c = {.lock_fd = -1};
    assert_int_equal(sqlite3_open(path, &c.db), SQLITE_OK);
    assert_int_equal(connect_ask(&c, "SELECT sum(lookups) FROM ladder WHERE route = '/r/1' AND ttl_s = 5"), 104);
    assert_int_equal(connect_ask(&c, "SELECT count(*) FROM envelope WHERE client LIKE 'bearer:%'"), ENVELOPE_RATES);
    assert_int_equal(connect_ask(&c, "SELECT burst * 100 FROM envelope WHERE rate = 1.5"), 425);
    assert_int_equal(connect_ask(&c, "SELECT requests FROM busiest LIMIT 1"), 30);
    assert_int_equal(connect_ask(&c, "SELECT sum(bytes_saved_by_304) FROM declared"), 6);
    assert_int_equal(connect_ask(&c, "SELECT sum(exchanges) FROM reason WHERE reason = 'HEURISTIC'"), 6);
    sqlite3_close(c.db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_comes_back),
        TEST(later_rows_replace_earlier_ones),
        TEST(many_keys_are_each_as_they_were),
        TEST(united_endpoints_are_not_listed),
        TEST(an_audit_is_refused_continued_or_dropped),
        TEST(the_oldest_blocks_go),
        TEST(other_files_are_refused_and_left_alone),
        TEST(an_older_schema_is_read_and_migrated),
        TEST(starting_over_makes_the_tables_anew),
        TEST(what_is_not_there_is_said),
        TEST(an_empty_file_becomes_an_audit),
        TEST(a_folder_that_may_not_be_written_is_named),
        TEST(files_are_private_and_the_journal_goes),
        TEST(a_group_may_read),
        TEST(a_second_writer_is_refused),
        TEST(readers_see_whole_commits),
        TEST(a_shell_that_stays_costs_nothing),
        TEST(it_asks_once_a_second),
        TEST(kill_nine_leaves_a_whole_db),
        TEST(a_full_disk_is_said_and_harms_nothing),
        TEST(a_removed_file_is_noticed),
        TEST(damage_is_noticed_when_reading),
        TEST(every_column_is_documented),
        TEST(the_views_can_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
