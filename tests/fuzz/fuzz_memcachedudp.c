/* Datagrams of memcached over UDP. Each: flags (1: of the server, 2: by another port, 4: cut, 8: much later, 16: a
 * length of two bytes, 32: between the answer's waits), then a length, then octets. What is shared between
 * conversations lives on from input to input. */
#include <stdlib.h>

#include "base/cursor.h"
#include "capture/memcachedudp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pair pair;
static struct h1_env h1;
static struct cache_env env;
static struct capture_stats stats;
static struct hash_key key;
static struct dedup dedup;
static uint64_t memory;

static void take(void *context, struct exchange *x)
{
    const struct cache_facts *f = x->cache;
    uint64_t told = f ? (uint64_t)f->hits + f->misses : 0;
    (void)context;
    if (!f || x->arrival == TIME_NONE || !x->method.p || !x->service.p || f->n > f->named || f->n > CACHE_KEYS_MOST ||
        (told && !f->answered) || (!f->lookup && (told || f->untold)) || (f->answered && x->end != END_COMPLETE) ||
        (f->lookup && told + f->untold > f->named + 1u))
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
    line_init(&pair.line, (struct exchange_sink){take, NULL});
    h1.pair = &pair;
    h1.key = &key;
    h1.memory = &memory;
    env.h1 = &h1;
}

static void say(struct memcachedudp *u, struct slice s, uint8_t how, int64_t now, uint64_t order)
{
    bool server = how & 1;
    uint8_t *exact = malloc(s.n); /* so that a byte too far is seen */
    if (!exact)
        return;
    memcpy(exact, s.p, s.n);
    struct segment d = {.ts = now,
                        .payload = exact,
                        .n = (uint32_t)s.n,
                        .wire_n = (uint32_t)s.n + (how & 4 ? 40 : 0),
                        .dir = server, /* to port 11211 of ::1 */
                        .ends.port = {40000 + (how >> 1 & 1), 11211},
                        .ip_id = (uint16_t)order};
    d.ends.ip[1][15] = 1;
    if (memcachedudp_possible(exact, d.n))
        memcachedudp_datagram(u, &d, order);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t now = INT64_C(1700000000000000);
    static uint64_t order;
    struct memcachedudp u;
    struct cursor c = cursor_of(data, size);
    uint8_t how = cursor_u8(&c);
    if (!pair.seal)
        begin();
    h1.memory_limit = how & 4 ? 80000 : 8 << 20;
    memcachedudp_init(&u, &env, &stats, how & 1 ? &dedup : NULL);
    while (cursor_left(&c) >= 2) {
        uint8_t step = cursor_u8(&c);
        size_t n = step & 16 ? cursor_be16(&c) : cursor_u8(&c);
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        now += step & 8 ? 11000000 : step & 32 ? 60000 : 100;
        memcachedudp_tick(&u, now);
        if (n)
            say(&u, slice_of(cursor_take(&c, n), n), step, now, ++order);
        if (memory > h1.memory_limit)
            abort();
    }
    memcachedudp_fini(&u);
    now += 20000000;
    if (memory || pair.slots.taken)
        abort();
    return 0;
}
