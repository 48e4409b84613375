#include "capture/tlsprofile.h"

#include <stdlib.h>

#include "base/buf.h"

enum { RECORD_FIRST = 20, RECORD_HANDSHAKE = 22, RECORD_DATA = 23, HELLO_CLIENT = 1, HELLO_SERVER = 2 };

/* Looks for the hello of one direction. */
struct reader {
    uint8_t head[TLS_RECORD_HEAD], message[4];
    uint8_t have, message_have; /* octets of these */
    bool done, begun;           /* nothing more to look for; a hello began */
    uint32_t record_left, message_left;
    struct buf hello;
};

struct tlsprofile {
    struct reader reader[2];
    struct tls_client_hello client;
    struct tls_server_hello server;
    bool has_client, has_server, inside, told;
    bool seen[2];
    uint64_t from[2], to[2]; /* offsets in the streams: its first octet, behind its last */
    int64_t first, last, hello[2];
    int64_t due;
    uint32_t row;
    struct opaque_sums sums; /* what was told */
};

struct tlsprofile *tlsprofile_new(const struct tls_env *env, bool inside)
{
    struct tlsprofile *p = *env->memory + sizeof *p <= env->memory_limit ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return NULL;
    *env->memory += sizeof *p;
    p->inside = inside;
    p->first = p->last = p->hello[0] = p->hello[1] = TIME_NONE;
    return p;
}

static void drop(struct reader *r, const struct tls_env *env)
{
    *env->memory -= r->hello.cap;
    buf_free(&r->hello);
    r->done = true;
}

void tlsprofile_free(struct tlsprofile *p, const struct tls_env *env)
{
    if (!p)
        return;
    drop(&p->reader[0], env);
    drop(&p->reader[1], env);
    *env->memory -= sizeof *p;
    free(p);
}

bool tlsprofile_is_inside(const struct tlsprofile *p)
{
    return p->inside;
}

bool tlsprofile_begins(const struct tlsprofile *p)
{
    return p->reader[0].begun;
}

/* ---- hellos ---- */

/* The hello is whole. A server may ask for another one first. */
static void message(struct tlsprofile *p, const struct tls_env *env, int role, int64_t ts)
{
    struct reader *r = &p->reader[role];
    struct slice body = r->hello.n ? slice_of(r->hello.p, r->hello.n) : SLICE("");
    if (role == 0)
        p->has_client = tlshello_client(body, &p->client);
    else
        p->has_server = tlshello_server(body, &p->server) && !p->server.retry;
    if (p->hello[role] == TIME_NONE)
        p->hello[role] = ts;
    bool again = role == 1 && p->server.retry;
    drop(r, env);
    r->done = !again;
    r->message_have = 0;
}

/* Octets of handshake messages. */
static void handshake(struct tlsprofile *p, const struct tls_env *env, int role, const char *b, size_t n, int64_t ts)
{
    struct reader *r = &p->reader[role];
    while (n && !r->done) {
        if (r->message_have < sizeof r->message) {
            r->message[r->message_have++] = (uint8_t)*b++;
            n--;
            if (r->message_have < sizeof r->message)
                continue;
            r->message_left = (uint32_t)r->message[1] << 16 | (uint32_t)r->message[2] << 8 | r->message[3];
            r->begun |= r->message[0] == (role == 0 ? HELLO_CLIENT : HELLO_SERVER);
            r->done = !r->begun || r->message_left > TLS_HELLO_MAX;
            continue;
        }
        size_t take = n < r->message_left ? n : r->message_left, cap = r->hello.cap;
        if (*env->memory + take > env->memory_limit) {
            drop(r, env);
            return;
        }
        buf_add(&r->hello, b, take);
        *env->memory += r->hello.cap - cap;
        b += take;
        n -= take;
        r->message_left -= (uint32_t)take;
        if (r->hello.failed)
            drop(r, env);
        else if (!r->message_left)
            message(p, env, role, ts);
    }
}

/* Records; what is none, or is protected, ends the search. */
static void read_hello(struct tlsprofile *p, const struct tls_env *env, int role, const char *b, size_t n, int64_t ts)
{
    struct reader *r = &p->reader[role];
    while (n && !r->done) {
        if (r->have < sizeof r->head) {
            r->head[r->have++] = (uint8_t)*b++;
            n--;
            if (r->have < sizeof r->head)
                continue;
            r->record_left = (uint32_t)r->head[3] << 8 | r->head[4];
            r->done = r->head[0] < RECORD_FIRST || r->head[0] >= RECORD_DATA || r->head[1] != 3;
        }
        size_t take = n < r->record_left ? n : r->record_left;
        if (r->head[0] == RECORD_HANDSHAKE)
            handshake(p, env, role, b, take, ts);
        b += take;
        n -= take;
        r->record_left -= (uint32_t)take;
        if (!r->record_left)
            r->have = 0;
    }
    if (r->done)
        drop(r, env);
}

/* ---- sizes and times ---- */

static void see(struct tlsprofile *p, int role, uint64_t offset, uint64_t n)
{
    if (!p->seen[role])
        p->from[role] = p->to[role] = offset;
    p->seen[role] = true;
    if (offset + n > p->to[role])
        p->to[role] = offset + n;
}

void tlsprofile_feed(struct tlsprofile *p, const struct tls_env *env, int role, const struct chunk *c)
{
    see(p, role, c->offset, c->n);
    if (p->first == TIME_NONE) {
        p->first = p->last = c->ts;
        p->due = c->ts + TLSPROFILE_TELL_US;
    }
    if (c->ts > p->last)
        p->last = c->ts;
    if (!p->reader[role].done)
        read_hello(p, env, role, c->p, c->n, c->ts);
}

void tlsprofile_gap(struct tlsprofile *p, const struct tls_env *env, int role, uint64_t n, uint64_t offset)
{
    see(p, role, offset, n);
    drop(&p->reader[role], env);
}

void tlsprofile_swap(struct tlsprofile *p)
{
    struct tlsprofile q = *p;
    for (int role = 0; role < 2; role++) {
        p->reader[role] = q.reader[!role];
        p->seen[role] = q.seen[!role];
        p->from[role] = q.from[!role];
        p->to[role] = q.to[!role];
        p->hello[role] = q.hello[!role];
        p->sums.bytes[role] = q.sums.bytes[!role];
    }
}

bool tlsprofile_due(const struct tlsprofile *p, int64_t now)
{
    return now >= p->due;
}

/* Octets between the members stay 0. */
static void set_address(struct addr *to, struct addr a)
{
    memcpy(to->ip, a.ip, sizeof to->ip);
    to->port = a.port;
    to->known = a.known;
}

static uint32_t row_of(const struct tlsprofile *p, struct opaque *o, const struct conn *conn, enum opaque_why why)
{
    struct opaque_key k;
    bool strict = opaque_strict(o), sure = conn->sure || p->has_client || p->has_server;
    memset(&k, 0, sizeof k);
    set_address(&k.client, strict ? addr_network(&conn->client) : conn->client);
    set_address(&k.server, strict && !sure ? addr_network(&conn->server) : conn->server);
    k.client.port = 0;
    if (p->has_client)
        memcpy(&k.hello, &p->client, sizeof k.hello);
    if (p->has_server)
        memcpy(&k.chosen, &p->server, sizeof k.chosen);
    k.why = (uint8_t)why;
    return opaque_find(o, &k);
}

void tlsprofile_tell(struct tlsprofile *p, struct opaque *o, const struct conn *conn, enum opaque_why why)
{
    struct opaque_sums now = {.connections = 1, .first_us = p->first, .last_us = p->last}, since;
    bool answered = p->hello[0] != TIME_NONE && p->hello[1] != TIME_NONE && p->hello[1] >= p->hello[0];
    now.bytes[0] = p->to[0] - p->from[0];
    now.bytes[1] = p->to[1] - p->from[1];
    now.open_us = p->first == TIME_NONE ? 0 : (uint64_t)(p->last - p->first);
    now.hellos = answered;
    now.hello_us = answered ? (uint64_t)(p->hello[1] - p->hello[0]) : 0;
    if (!p->told)
        p->row = row_of(p, o, conn, why);
    p->told = true;
    since = now;
    since.connections -= p->sums.connections;
    since.bytes[0] -= p->sums.bytes[0];
    since.bytes[1] -= p->sums.bytes[1];
    since.open_us -= p->sums.open_us;
    since.hellos -= p->sums.hellos;
    since.hello_us -= p->sums.hello_us;
    p->sums = now;
    p->due = p->last + TLSPROFILE_TELL_US;
    opaque_add(o, p->row, &since);
}

void tlsprofile_withdraw(struct tlsprofile *p, struct opaque *o)
{
    struct opaque_sums back = {.connections = 0 - p->sums.connections,
                               .bytes = {0 - p->sums.bytes[0], 0 - p->sums.bytes[1]},
                               .open_us = 0 - p->sums.open_us,
                               .hellos = 0 - p->sums.hellos,
                               .hello_us = 0 - p->sums.hello_us,
                               .first_us = TIME_NONE,
                               .last_us = TIME_NONE};
    if (p->told)
        opaque_add(o, p->row, &back);
    p->sums = (struct opaque_sums){0};
    p->told = false;
}
