/* analysis_bench: synthetic exchanges from memory through analysis_take_all, no store. Prints nanoseconds per exchange
 * and exchanges per CPU second. SAMPLES=FILE in the environment: writes where the analysis was at each tick of its CPU
 * time (program counters, a line each), for tests/bench/shares.py.
 *
 *     analysis_bench [EXCHANGES [KEYS [CLIENTS [TOGETHER]]]]      default 4000000 60000 1000 32 (at most 64 together)
 *
 * Keys follow a Zipf law over 60 endpoints, one in seven exchanges is a POST, one in twelve a 304, one in forty an
 * error; every response has Cache-Control, ETag and Vary, every request a bearer token, three fields that its answer is
 * held against and a parameter: everything is on but what reads bodies. The exchanges are laid out beforehand, so that
 * only the analysis is timed. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "analysis/analysis.h"

enum { RING = 1 << 11, FIELDS = 6, PARTS = 3, TICKS = 1 << 20, TICK_US = 1000 };

struct made {
    struct exchange x;
    struct field fields[FIELDS];
    char target[64], etag[16];
    union {
        struct parts parts;
        char room[sizeof(struct parts) + PARTS * sizeof(struct part)];
    } held;
};

/* ---- where the time goes ---- */

static uintptr_t ticks[TICKS];
static volatile sig_atomic_t n_ticks, measuring;

static void tick(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *c = context;
    (void)signal;
    (void)info;
    (void)c;
#if defined(__x86_64__)
    uintptr_t at = (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    uintptr_t at = (uintptr_t)c->uc_mcontext.pc;
#else
    uintptr_t at = 0;
#endif
    if (measuring && n_ticks < TICKS)
        ticks[n_ticks++] = at;
}

static void start_ticks(void)
{
    struct sigaction action = {.sa_sigaction = tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval every = {{0, TICK_US}, {0, TICK_US}};
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &every, NULL);
}

static void write_ticks(const char *path)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_PROF, &never, NULL);
    FILE *out = fopen(path, "w");
    for (int i = 0; out && i < n_ticks; i++)
        fprintf(out, "%#lx\n", (unsigned long)ticks[i]);
    if (out)
        fclose(out);
}

/* ---- exchanges ---- */

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static double uniform(void)
{
    return (double)(next() >> 11) / 9007199254740992.0;
}

/* Zipf-like with exponent about 0.8: inverse of a power law. */
static unsigned zipf(unsigned n)
{
    return (unsigned)((double)n * pow(uniform(), 5)) % n;
}

static struct field field(const char *name, struct slice value, enum token t, bool response)
{
    return (struct field){slice_str(name), value, (uint8_t)t, response};
}

/* As capture makes them: hashes of name and value. None decides the answer. */
static void hold(struct made *m, const struct hash_key *key)
{
    static const char *const names[PARTS] = {"accept-language", "user-agent", "x-plan"};
    static uint64_t name[PARTS];
    m->held.parts.n = PARTS;
    for (unsigned i = 0; i < PARTS; i++) {
        if (!name[i])
            name[i] = part_name(key, PART_HEADER, slice_str(names[i]));
        m->held.parts.part[i] = (struct part){.name = name[i],
                                              .value = part_value(name[i], next() % (i + 2)),
                                              .text = slice_str(names[i]),
                                              .kind = PART_HEADER};
    }
    m->x.parts = &m->held.parts;
}

static void make(struct made *m, unsigned keys, unsigned clients)
{
    unsigned key = zipf(keys), kind = (unsigned)(next() % 420);
    struct exchange *x = &m->x;
    snprintf(m->target, sizeof m->target, "/api/v1/things%c%c/%u?page=1", 'a' + key % 10, 'a' + key % 6, key);
    snprintf(m->etag, sizeof m->etag, "~%012llx", (unsigned long long)(key / 7 * 911 % 100000));
    *x = (struct exchange){
        .proto = PROTO_HTTP11, .end = END_COMPLETE, .identity = IDENTITY_BEARER, .rtt_client = 200, .rtt_server = 300};
    x->method = kind < 60 ? SLICE("POST") : SLICE("GET");
    x->status = kind % 40 == 1 ? 500 : kind % 12 == 2 ? 304 : 200;
    x->service = SLICE("http://api.example.com");
    x->authority = SLICE("api.example.com");
    x->target = slice_str(m->target);
    x->client_hash = (zipf(clients) * 0x9e3779b97f4a7c15u) >> 16;
    x->client = (struct addr){.ip = {[10] = 0xff,
                                     [11] = 0xff,
                                     [12] = 10,
                                     [13] = (uint8_t)(x->client_hash >> 8),
                                     [15] = (uint8_t)x->client_hash},
                              .port = 40000,
                              .known = 1};
    x->server = (struct addr){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}, .port = 80, .known = 1};
    x->response_bytes = 300 + key % 5000;
    x->body_id = x->status == 304 ? 0 : hash_mix(key + (next() % 50 == 0));
    m->fields[0] = field("accept-encoding", SLICE("gzip, deflate"), TOKEN_ACCEPT_ENCODING, false);
    m->fields[1] = field("cache-control", SLICE("max-age=60"), TOKEN_CACHE_CONTROL, true);
    m->fields[2] = field("date", SLICE("Tue, 14 Nov 2023 22:13:20 GMT"), TOKEN_DATE, true);
    m->fields[3] = field("etag", slice_str(m->etag), TOKEN_ETAG, true);
    m->fields[4] = field("vary", SLICE("Accept-Encoding"), TOKEN_VARY, true);
    m->fields[5] = field("last-modified", SLICE("Tue, 14 Nov 2023 22:13:20 GMT"), TOKEN_LAST_MODIFIED, true);
    x->fields = m->fields;
    x->n_fields = FIELDS;
}

static void times(struct exchange *x, int64_t now, uint64_t seq)
{
    x->arrival = x->t_req0 = x->t_req1 = now;
    x->t_rsp0 = now + 900 + (int64_t)(seq * 7919 % 20000);
    x->t_rsp1 = x->t_rsp0 + (int64_t)(seq * 104729 % 3000);
    x->seq = x->order = seq;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long argument(int argc, char **argv, int i, unsigned long otherwise)
{
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

/* As the analyzer's loop would: what the queue holds, up to `together` at a time. */
static void take(struct analysis *a, const struct made *made, unsigned long n, unsigned long together)
{
    const struct exchange *x[64];
    for (unsigned long i = 0; i < n;) {
        unsigned long m = 0;
        while (m < together && i < n)
            x[m++] = &made[i++].x;
        analysis_take_all(a, x, m);
    }
}

int main(int argc, char **argv)
{
    unsigned long n = argument(argc, argv, 1, 4000000), keys = argument(argc, argv, 2, 60000),
                  clients = argument(argc, argv, 3, 1000), together = argument(argc, argv, 4, ANALYSIS_TOGETHER);
    struct hash_key key = hash_key_from("bench", 5);
    struct analysis_options o = {.key = &key, .memory = (uint64_t)512 * 1024 * 1024 * 55 / 100};
    struct analysis *a = analysis_new(&o, NULL);
    struct made *made = calloc(RING, sizeof *made);
    if (!a || !made)
        return 1;
    const char *samples = getenv("SAMPLES");
    double spent = 0;
    if (samples)
        start_ticks();
    int64_t now = 1700000000000000;
    for (unsigned long done = 0; done < n;) {
        unsigned long batch = n - done < RING ? n - done : RING;
        for (unsigned long i = 0; i < batch; i++) {
            make(&made[i], (unsigned)keys, (unsigned)clients);
            hold(&made[i], &key);
            times(&made[i].x, now += (int64_t)(next() % 2000), done + i);
        }
        double start = seconds();
        measuring = 1;
        take(a, made, batch, together);
        measuring = 0;
        spent += seconds() - start;
        done += batch;
    }
    if (samples)
        write_ticks(samples);
    printf("analysis: %.0f ns per exchange, %.2f M exchanges per CPU second (%lu exchanges, %lu keys, %lu endpoints, "
           "%lu clients, %.1f MB)\n",
           spent / (double)n * 1e9, (double)n / spent / 1e6, n, (unsigned long)analysis_total(a, "keys"),
           (unsigned long)analysis_endpoints(a), (unsigned long)analysis_clients(a), (double)analysis_memory(a) / 1e6);
    free(made);
    analysis_free(a);
    return 0;
}
