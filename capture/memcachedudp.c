#include "capture/memcachedudp.h"

#include <stdlib.h>

#include "capture/ease.h"
#include "capture/memcachedbinary.h"
#include "capture/memcachedop.h"
#include "capture/memcachedreply.h"
#include "capture/memcachedtext.h"
#include "capture/walk.h"

enum { KEPT_QUEUE = 64 }; /* commands that a node keeps room for from one request to the next */

/* A request that waits for its answer. */
struct udp_ask {
    struct memcached talk;
    struct memcachedreply reply;
    struct conn conn;
    uint64_t hash; /* of both ends and the request's number */
    uint32_t scope;
    uint16_t id;
    bool several; /* its answer may come as several messages */
    uint8_t wait; /* enum memcachedudp_wait */
    int64_t last;
    struct udp_ask *bucket_next, *prev, *next;
};

/* Both ends as the client sees them, and the number. */
struct ends {
    const uint8_t *client, *server;
    uint16_t client_port, server_port, id;
    uint32_t scope;
};

void memcachedudp_init(struct memcachedudp *u, struct cache_env *e, struct capture_stats *stats, struct dedup *dedup)
{
    *u = (struct memcachedudp){.env = e, .stats = stats, .dedup = dedup, .now = INT64_MIN};
}

/* ---- the table ---- */

static uint64_t hash_end(const struct memcachedudp *u, const uint8_t *ip, uint16_t port, uint32_t scope)
{
    uint8_t text[22];
    memcpy(text, ip, 16);
    memcpy(text + 16, &port, 2);
    memcpy(text + 18, &scope, 4);
    return hash_bytes(u->env->h1->key, 'u', text, sizeof text) | 1;
}

static uint64_t hash_ends(const struct memcachedudp *u, const struct ends *w)
{
    return hash_mix(hash_end(u, w->server, w->server_port, w->scope) +
                    hash_mix(hash_end(u, w->client, w->client_port, w->scope)));
}

static bool open_table(struct memcachedudp *u)
{
    if (u->bucket)
        return true;
    size_t size = MEMCACHEDUDP_BUCKETS * sizeof *u->bucket + MEMCACHEDUDP_SERVERS * sizeof *u->server;
    if (*u->env->h1->memory + size > u->env->h1->memory_limit)
        return false;
    u->bucket = calloc(MEMCACHEDUDP_BUCKETS, sizeof *u->bucket);
    u->server = calloc(MEMCACHEDUDP_SERVERS, sizeof *u->server);
    if (!u->bucket || !u->server) {
        free(u->bucket);
        free(u->server);
        u->bucket = NULL;
        u->server = NULL;
        return false;
    }
    *u->env->h1->memory += size;
    return true;
}

static struct udp_ask **place_of(struct memcachedudp *u, uint64_t hash)
{
    return &u->bucket[hash & (MEMCACHEDUDP_BUCKETS - 1)];
}

static bool is_end(const struct addr *a, const uint8_t *ip, uint16_t port)
{
    return a->port == port && memcmp(a->ip, ip, 16) == 0;
}

static struct udp_ask *find(struct memcachedudp *u, uint64_t hash, const struct ends *w)
{
    struct udp_ask *a = u->bucket ? *place_of(u, hash) : NULL;
    while (a &&
           !(a->hash == hash && a->id == w->id && a->scope == w->scope &&
             is_end(&a->conn.client, w->client, w->client_port) && is_end(&a->conn.server, w->server, w->server_port)))
        a = a->bucket_next;
    return a;
}

static void list_remove(struct memcachedudp *u, struct udp_ask *a)
{
    *(a->prev ? &a->prev->next : &u->list[a->wait].first) = a->next;
    *(a->next ? &a->next->prev : &u->list[a->wait].last) = a->prev;
}

static void list_add(struct memcachedudp *u, struct udp_ask *a, enum memcachedudp_wait wait)
{
    a->wait = (uint8_t)wait;
    a->last = u->now;
    a->next = NULL;
    a->prev = u->list[wait].last;
    *(a->prev ? &a->prev->next : &u->list[wait].first) = a;
    u->list[wait].last = a;
}

/* The request is over, as it is; its node is free. */
static void release(struct memcachedudp *u, struct udp_ask *a, enum end_state end)
{
    struct udp_ask **at = place_of(u, a->hash);
    memcachedreply_drop(&a->reply, u->env);
    explicit_bzero(a->talk.side, sizeof a->talk.side);
    if (a->talk.ops.waiting.cap > KEPT_QUEUE || a->talk.ops.waiting.key_cap > KEPT_QUEUE)
        cacheops_close(&a->talk.ops, u->env, end);
    else
        cacheops_end(&a->talk.ops, u->env, end);
    while (*at != a)
        at = &(*at)->bucket_next;
    *at = a->bucket_next;
    list_remove(u, a);
    a->next = u->free;
    u->free = a;
    u->waiting--;
}

/* No more of its answer is waited for. False: some may still come. */
static bool conclude(struct memcachedudp *u, struct udp_ask *a, enum end_state end)
{
    uint32_t missing = a->several ? memcachedreply_settle(&a->reply, &a->talk, u->env)
                                  : memcachedreply_end(&a->reply, &a->talk, u->env);
    bool whole = !missing && !a->talk.ops.waiting.n && a->talk.ops.trust != CACHEOPS_LOST;
    u->stats->memcached_udp[MEMCACHED_UDP_LOST] += missing;
    release(u, a, missing ? END_GAP : end);
    return whole;
}

static bool room_for(const struct memcachedudp *u, size_t n)
{
    return *u->env->h1->memory + n <= u->env->h1->memory_limit;
}

static void node_free(struct memcachedudp *u, struct udp_ask *a)
{
    cacheops_close(&a->talk.ops, u->env, END_CAPTURE);
    *u->env->h1->memory -= sizeof *a;
    free(a);
    u->made--;
}

/* A node that has room for a command. One that lost its own, and finds none, is given back: it would take up all
 * requests, and keep none. */
static struct udp_ask *take_free(struct memcachedudp *u)
{
    struct udp_ask *a;
    while ((a = u->free) != NULL) {
        u->free = a->next;
        if (a->talk.ops.waiting.cap || room_for(u, CACHEOPS_FIRST_BYTES))
            return a;
        node_free(u, a);
    }
    return NULL;
}

/* A free node; the request that has waited longest goes where there is none. NULL: no memory. */
static struct udp_ask *take(struct memcachedudp *u)
{
    struct udp_ask *a = take_free(u);
    bool room = u->made < MEMCACHEDUDP_ASKS && room_for(u, sizeof *a + CACHEOPS_FIRST_BYTES);
    if (!a && room && (a = calloc(1, sizeof *a))) {
        *u->env->h1->memory += sizeof *a;
        u->made++;
        return a;
    }
    for (int i = 0; !a && i < MEMCACHEDUDP_WAITS; i++) {
        if (!u->list[i].first)
            continue;
        conclude(u, u->list[i].first, END_TIMEOUT);
        a = take_free(u);
    }
    return a;
}

/* ---- time ---- */

void memcachedudp_tick(struct memcachedudp *u, int64_t now)
{
    static const int64_t longest[] = {MEMCACHEDUDP_ANSWER_US, MEMCACHEDUDP_REST_US, MEMCACHEDUDP_MORE_US};
    if (now <= u->now)
        return;
    u->now = now;
    for (int i = 0; i < MEMCACHEDUDP_WAITS; i++)
        while (u->list[i].first && now - u->list[i].first->last >= longest[i])
            conclude(u, u->list[i].first, END_TIMEOUT);
}

void memcachedudp_finish(struct memcachedudp *u)
{
    for (int i = 0; i < MEMCACHEDUDP_WAITS; i++)
        while (u->list[i].first)
            conclude(u, u->list[i].first, END_CAPTURE);
}

void memcachedudp_fini(struct memcachedudp *u)
{
    struct cache_env *e = u->env;
    memcachedudp_finish(u);
    for (struct udp_ask *a; (a = u->free) != NULL;) {
        u->free = a->next;
        node_free(u, a);
    }
    if (u->bucket)
        *e->h1->memory -= MEMCACHEDUDP_BUCKETS * sizeof *u->bucket + MEMCACHEDUDP_SERVERS * sizeof *u->server;
    free(u->bucket);
    free(u->server);
    memcachedudp_init(u, e, u->stats, u->dedup);
}

/* ---- requests ---- */

enum speech { SPEECH_NONE, SPEECH_LINES, SPEECH_BINARY };

/* What of a request the capture has; a binary one must be as long as it says. */
static enum speech request_of(const struct segment *d)
{
    struct slice b = slice_of((const char *)d->payload + MEMCACHEDUDP_HEAD, d->n - MEMCACHEDUDP_HEAD);
    const uint8_t *p = (const uint8_t *)b.p;
    bool sure;
    if (be16(d->payload + 2) != 0 || be16(d->payload + 4) != 1)
        return SPEECH_NONE;
    if (memcachedbinary_guess(b) == CACHE_GUESS_YES)
        return MEMCACHED_HEAD + be32(p + 8) <= d->wire_n - MEMCACHEDUDP_HEAD ? SPEECH_BINARY : SPEECH_NONE;
    return memcachedtext_guess(b, &sure) == CACHE_GUESS_YES ? SPEECH_LINES : SPEECH_NONE;
}

static struct addr address(const uint8_t ip[16], uint16_t port)
{
    struct addr a = {.port = port, .known = 1};
    memcpy(a.ip, ip, 16);
    return a;
}

/* Whether a server may answer in messages that nothing numbers. */
static bool may_be_several(struct memcached *m)
{
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    enum memcached_form form = op->command->rule;
    return m->ops.waiting.n > 1 || (op->named > 1 && (form == FORM_GET || form == FORM_GAT));
}

static void open_talk(struct memcachedudp *u, struct udp_ask *a, bool binary)
{
    struct cacheops_queue queue = a->talk.ops.waiting;
    memcached_open(&a->talk, u->env, &a->conn, binary, true);
    a->talk.ops.waiting = queue;
    a->reply = (struct memcachedreply){0};
}

static void read_request(struct memcachedudp *u, struct udp_ask *a, const struct segment *d, uint64_t order)
{
    const char *p = (const char *)d->payload + MEMCACHEDUDP_HEAD;
    struct chunk c = {p, d->n - MEMCACHEDUDP_HEAD, d->ts, order, 0, ACK_UNKNOWN};
    memcached_feed(&a->talk, u->env, 0, &c);
    if (d->n < d->wire_n)
        memcached_gap(&a->talk, u->env, 0, d->wire_n - d->n);
}

static void take_request(struct memcachedudp *u, const struct segment *d, const struct ends *w, enum speech speech,
                         uint64_t order)
{
    uint64_t ends = hash_ends(u, w), hash = hash_mix(ends + w->id);
    if (u->eased && !ease_reads(u->eased, (uint32_t)ends)) {
        u->stats->packets_skipped++;
        return;
    }
    struct udp_ask *old = find(u, hash, w);
    bool again = old && !conclude(u, old, END_TIMEOUT);
    struct udp_ask *a = cache_env_open(u->env) ? take(u) : NULL;
    if (!a)
        return;
    a->hash = hash;
    a->scope = w->scope;
    a->id = w->id;
    a->conn = (struct conn){.client = address(w->client, w->client_port),
                            .server = address(w->server, w->server_port),
                            .rtt_client = -1,
                            .rtt_server = -1,
                            .seen = {true, true}};
    a->bucket_next = *place_of(u, hash);
    *place_of(u, hash) = a;
    list_add(u, a, WAIT_ANSWER);
    u->waiting++;
    open_talk(u, a, speech == SPEECH_BINARY);
    read_request(u, a, d, order);
    u->server[hash_end(u, w->server, w->server_port, w->scope) & (MEMCACHEDUDP_SERVERS - 1)] =
        hash_end(u, w->server, w->server_port, w->scope);
    if (!a->talk.ops.waiting.n) { /* nothing is answered to it */
        release(u, a, END_TIMEOUT);
        return;
    }
    a->several = may_be_several(&a->talk);
    if (again && a->talk.ops.trust == CACHEOPS_SURE)
        a->talk.ops.trust = CACHEOPS_TRIED;
}

/* ---- answers ---- */

static void take_answer(struct memcachedudp *u, struct udp_ask *a, const struct segment *d, uint64_t order)
{
    struct reply_part part = {.ts = d->ts,
                              .order = order,
                              .p = (const char *)d->payload + MEMCACHEDUDP_HEAD,
                              .n = d->n - MEMCACHEDUDP_HEAD,
                              .wire_n = d->wire_n - MEMCACHEDUDP_HEAD,
                              .seq = be16(d->payload + 2),
                              .total = be16(d->payload + 4)};
    bool good = a->several ? memcachedreply_keep(&a->reply, u->env, &part)
                           : memcachedreply_add(&a->reply, &a->talk, u->env, &part);
    if (!good) {
        memcachedreply_drop(&a->reply, u->env);
        cacheops_lose(&a->talk.ops, u->env);
    }
    if (!a->talk.ops.waiting.n) {
        release(u, a, END_GAP);
        return;
    }
    list_remove(u, a);
    list_add(u, a, a->several ? WAIT_MORE : WAIT_REST);
}

/* ---- datagrams ---- */

static bool asked_of(const struct memcachedudp *u, const struct segment *d)
{
    if (!u->server)
        return false;
    uint64_t hash = hash_end(u, d->ends.ip[d->dir], d->ends.port[d->dir], d->ends.scope);
    return u->server[hash & (MEMCACHEDUDP_SERVERS - 1)] == hash;
}

/* A second copy of a packet, as of TCP's. */
static bool is_copy(struct memcachedudp *u, const struct segment *d)
{
    if (!u->dedup)
        return false;
    const struct hash_key *key = u->env->h1->key;
    struct segment s = {.ts = d->ts, .ip_id = d->ip_id, .checksum = d->checksum, .wire_n = d->wire_n};
    uint64_t text = hash_quick(key, d->payload, d->n);
    const struct endpoints *e = &d->ends;
    uint64_t from = hash_end(u, e->ip[d->dir], e->port[d->dir], e->scope),
             to = hash_end(u, e->ip[1 - d->dir], e->port[1 - d->dir], e->scope);
    s.tsval = (uint32_t)text;
    s.tsecr = (uint32_t)(text >> 32);
    s.flow = (uint32_t)(from + hash_mix(to));
    s.flags = 0x80; /* no segment of TCP has it here */
    return dedup_seen(u->dedup, &s, dedup_hash(&s, key));
}

bool memcachedudp_datagram(struct memcachedudp *u, const struct segment *d, uint64_t order)
{
    uint16_t id = be16(d->payload);
    const struct endpoints *e = &d->ends;
    uint8_t from = d->dir, to = 1 - d->dir;
    struct ends back = {e->ip[to], e->ip[from], e->port[to], e->port[from], id, e->scope};
    struct ends forth = {e->ip[from], e->ip[to], e->port[from], e->port[to], id, e->scope};
    memcachedudp_tick(u, d->ts);
    struct udp_ask *a = u->waiting ? find(u, hash_mix(hash_ends(u, &back) + id), &back) : NULL;
    enum speech speech = a ? SPEECH_NONE : request_of(d);
    if (!a && speech == SPEECH_NONE && !asked_of(u, d))
        return false;
    if (speech != SPEECH_NONE && !open_table(u))
        return false;
    u->stats->memcached_udp[MEMCACHED_UDP_DATAGRAMS]++;
    if (is_copy(u, d))
        u->stats->duplicates++;
    else if (a)
        take_answer(u, a, d, order);
    else if (speech != SPEECH_NONE)
        take_request(u, d, &forth, speech, order);
    else
        u->stats->memcached_udp[MEMCACHED_UDP_STRAY]++;
    return true;
}
