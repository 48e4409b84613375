/* Bytes as an HTTP/2 conversation in order, given to decoding as reassembly would: a direction byte and a length cut it
 * into segments; length 255 is a loss, direction bit 2 means two bytes of length. The first byte says whether the
 * beginning is seen, and whether memory is short. What is shared between connections lives on from input to input. */
#include <stdlib.h>

#include "base/cursor.h"
#include "capture/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pair pair;
static struct decode_env env;
static struct capture_stats stats;
static struct hash_key key;
static uint64_t memory;

static void take(void *context, struct exchange *x)
{
    (void)context;
    if (x->arrival == TIME_NONE || (!x->method.p && x->proto == PROTO_H2 && !x->status))
        abort();
    slot_give(&pair.slots, slot_of(x));
}

static void begin(void)
{
    char why[128];
    struct seal_options o = {.trusted_proxies = NULL};
    key = hash_key_from("0123456789abcdef", 16);
    pair.seal = seal_new(&key, &o, why);
    pair.stats = &stats;
    if (!pair.seal || !slot_pool_init(&pair.slots, 256, 1 << 20))
        abort();
    pair.sink = (struct exchange_sink){take, NULL};
    pair.together = 1;
    line_init(&pair.line, (struct exchange_sink){pair_leave, &pair});
    env.h1.pair = &pair;
    env.h1.key = &key;
    env.h1.memory = &memory;
    env.h2.h1 = env.cache.h1 = &env.h1;
    env.stats = &stats;
    env.tls = (struct tls_env){.memory = &memory, .memory_limit = 8 << 20};
    env.opaque = opaque_new(&key, 16, false);
    if (!env.opaque)
        abort();
}

struct talk {
    struct decoding decoding;
    struct conn conn;
    uint64_t offset[2];
    int64_t ts;
};

static void say(struct talk *t, int role, const void *p, size_t n)
{
    char *exact = malloc(n); /* so that a byte too far is seen */
    memcpy(exact, p, n);
    t->ts += 1000;
    struct chunk c = {exact, n, t->ts, (uint64_t)t->ts, t->offset[role], t->offset[1 - role]};
    decode_chunk(&env, &t->decoding, role, &c);
    t->offset[role] += n;
    free(exact);
    line_tick(&pair.line, t->ts);
}

static void talk(struct talk *t, struct cursor *c)
{
    while (cursor_left(c) >= 2) {
        uint8_t step = cursor_u8(c);
        int role = step & 1;
        size_t n = step & 2 ? cursor_be16(c) : cursor_u8(c);
        if (n == 255) {
            n = 1 + cursor_u8(c);
            decode_gap(&env, &t->decoding, role, n, t->offset[role]);
            t->offset[role] += n;
            continue;
        }
        if (n > cursor_left(c))
            n = cursor_left(c);
        if (n)
            say(t, role, cursor_take(c, n), n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t now = INT64_C(1700000000000000);
    struct talk t = {.ts = now};
    struct cursor c = cursor_of(data, size);
    if (!pair.seal)
        begin();
    uint8_t how = cursor_u8(&c);
    env.h1.memory_limit = how & 4 ? 20000 : 8 << 20;
    t.conn = (struct conn){.id = 1, .midstream = !(how & 1), .seen = {true, true}};
    decode_open(&t.decoding, &t.conn);
    if (how & 2)
        say(&t, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    talk(&t, &c);
    decode_close(&env, &t.decoding, how & 8 ? CHUNK_FIN : CHUNK_CAPTURE_END, -1);
    now = t.ts + 10000000;
    line_tick(&pair.line, now);
    if (memory || pair.in_flight || pair.slots.taken || pair.line.head)
        abort();
    return 0;
}
