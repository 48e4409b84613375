#include "capture/tlshandshake.h"

#include "capture/identity.h"
#include "capture/tlscert.h"
#include "capture/tlshello.h"
#include "capture/tlswords.h"

enum {
    NEW_TICKET = 4,
    END_OF_EARLY_DATA = 5,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    FINISHED = 20,
    KEY_UPDATE = 24,
    CERTIFICATE_COMPRESSED = 25,
    EXTENSION_ENCRYPT_THEN_MAC = 22,
    EXTENSION_SESSION = 41, /* pre_shared_key */
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_VERSIONS = 43,
    HELLO_MAX = 1 << 14,
};

void tlshandshake_forget_cipher(struct tls_side *s)
{
    tls_cipher_free(s->cipher);
    s->cipher = NULL;
    s->seq = 0;
}

/* The extensions at the end of a hello. */
static struct cursor extensions_of(struct cursor *hello)
{
    struct slice all = tls_vector(hello, 2);
    return cursor_of(all.p, hello->bad ? 0 : all.n);
}

static void client_hello(struct tls *t, const struct tls_env *env, struct slice m)
{
    struct cursor c = cursor_of(m.p, m.n), extensions;
    struct slice body;
    unsigned type;
    bool early = false;
    cursor_be16(&c); /* version */
    const uint8_t *random = cursor_take(&c, TLS_RANDOM);
    if (!random)
        return;
    memcpy(t->random[0], random, TLS_RANDOM);
    t->client_hello = true;
    t->server_hello = t->shown = false;
    memset(t->offered, 0, sizeof t->offered);
    tls_vector(&c, 1); /* session */
    tls_vector(&c, 2); /* suites */
    tls_vector(&c, 1); /* compression */
    extensions = extensions_of(&c);
    while (tls_extension(&extensions, &type, &body)) {
        early |= type == EXTENSION_EARLY_DATA;
        if (type == EXTENSION_SESSION && env->sessions)
            tlssession_offered(env->sessions, body, t->offered);
    }
    t->early_known = t->early_taken = false;
    t->side[0].early = early;
    t->side[0].phase = early ? PHASE_EARLY : PHASE_HANDSHAKE;
}

/* TLS 1.3: what follows is protected; which of the sessions offered was taken, if one was. */
static void server_hello_13(struct tls *t, const struct tls_env *env, unsigned chosen)
{
    t->side[1].phase = PHASE_HANDSHAKE;
    t->side[1].protected = true;
    t->side[1].seq = 0;
    if (env->sessions && chosen < TLSSESSION_OFFERED)
        t->certificate = tlssession_find(env->sessions, t->offered[chosen]);
}

static void server_hello(struct tls *t, const struct tls_env *env, struct slice m)
{
    struct cursor c = cursor_of(m.p, m.n), extensions;
    struct slice body;
    unsigned type, chosen = TLSSESSION_OFFERED, version = cursor_be16(&c);
    const uint8_t *random = cursor_take(&c, TLS_RANDOM);
    if (!random)
        return;
    t->version = (uint16_t)version;
    memcpy(t->random[1], random, TLS_RANDOM);
    tls_vector(&c, 1); /* session */
    uint16_t suite = cursor_be16(&c);
    cursor_u8(&c); /* compression */
    if (c.bad)
        return;
    t->suite = tls_suite_find(suite);
    t->encrypt_then_mac = false;
    extensions = extensions_of(&c);
    while (tls_extension(&extensions, &type, &body)) {
        t->encrypt_then_mac |= type == EXTENSION_ENCRYPT_THEN_MAC;
        if (type == EXTENSION_VERSIONS)
            t->version = (uint16_t)tls_number(body, t->version);
        if (type == EXTENSION_SESSION)
            chosen = tls_number(body, chosen);
    }
    if (t->version == TLS_13 && tlshello_is_retry(t->random[1])) {
        t->early_known = true;
        t->side[0].phase = PHASE_HANDSHAKE;
        return;
    }
    t->server_hello = true;
    if (t->version == TLS_13)
        server_hello_13(t, env, chosen);
}

/* The server's own words on early data. Turned away, the client sends it again. */
static void encrypted_extensions(struct tls *t, struct slice m)
{
    struct cursor c = cursor_of(m.p, m.n), extensions = extensions_of(&c);
    struct slice body;
    unsigned type;
    while (tls_extension(&extensions, &type, &body))
        t->early_taken |= type == EXTENSION_EARLY_DATA;
    t->early_known = true;
    if (!t->early_taken && t->side[0].phase == PHASE_EARLY)
        t->side[0].phase = PHASE_HANDSHAKE;
}

/* The client's: in the clear before TLS 1.3 and when it is asked for again, else protected. One that cannot be read
 * takes the place of one before; none at all does not. Compressed ones (RFC 8879) are not read. */
static void client_certificate(struct tls *t, const struct tls_env *env, unsigned type, struct slice body)
{
    struct buf who = {0};
    if (t->side[0].deaf || (t->version == TLS_13 && !t->side[0].protected))
        return;
    enum tlscert is = type == CERTIFICATE ? tlscert_read(body, t->version == TLS_13, &who) : TLSCERT_UNREAD;
    t->shown = is != TLSCERT_NONE;
    if (t->shown)
        t->certificate = is == TLSCERT_READ ? identity_of_certificate(env->key, slice_of(who.p, who.n)) : 0;
    buf_free(&who);
}

/* TLS 1.2: the client's part of a handshake is over, so that its session is known by its secret. */
static void session_of_secret(struct tls *t, const struct tls_env *env)
{
    const struct tls_secret *master = tls_keys_find(env->keys, TLS_MASTER, t->random[0]);
    if (!env->sessions || !master || t->side[0].deaf)
        return;
    uint64_t session = tlssession_of_secret(env->sessions, slice_of(master->bytes, master->n)), whose = 0;
    if (t->shown && t->certificate)
        tlssession_keep(env->sessions, session, t->certificate);
    else if (!t->shown && (whose = tlssession_find(env->sessions, session)) != 0)
        t->certificate = whose;
}

/* TLS 1.3: with this the client may come again. */
static void session_of_ticket(const struct tls *t, const struct tls_env *env, struct slice body)
{
    if (!env->sessions || !t->certificate || t->side[1].deaf)
        return;
    uint64_t session = tlssession_of_ticket(env->sessions, body);
    if (session)
        tlssession_keep(env->sessions, session, t->certificate);
}

/* A handshake message is whole. */
static void message(struct tls *t, const struct tls_env *env, int role, unsigned type, struct slice body)
{
    struct tls_side *s = &t->side[role];
    if (role == 0 && (type == CERTIFICATE || type == CERTIFICATE_COMPRESSED))
        client_certificate(t, env, type, body);
    if (type == TLS_HELLO_CLIENT && role == 0)
        client_hello(t, env, body);
    else if (type == TLS_HELLO_SERVER && role == 1)
        server_hello(t, env, body);
    if (t->version != TLS_13 && s->protected && type == FINISHED && role == 0)
        session_of_secret(t, env);
    if (t->version != TLS_13 || !s->protected)
        return;
    if (type == NEW_TICKET && role == 1)
        session_of_ticket(t, env, body);
    if (type == ENCRYPTED_EXTENSIONS && role == 1)
        encrypted_extensions(t, body);
    if (type == END_OF_EARLY_DATA && s->phase == PHASE_EARLY) {
        s->phase = PHASE_HANDSHAKE;
        s->early = false;
        tlshandshake_forget_cipher(s);
    } else if (type == FINISHED && s->phase == PHASE_HANDSHAKE) {
        s->phase = PHASE_TRAFFIC;
        s->early = false;
        tlshandshake_forget_cipher(s);
    } else if (type == KEY_UPDATE && s->phase == PHASE_TRAFFIC && tls_secret_update(t->suite, &s->secret)) {
        tlshandshake_forget_cipher(s);
        s->cipher = tls_cipher_make13(t->suite, &s->secret);
    }
}

/* How much of a handshake message is kept until it is whole; of others nothing. */
static size_t most_kept(const struct tls *t, int role, unsigned type)
{
    if (type == TLS_HELLO_CLIENT || type == TLS_HELLO_SERVER || type == ENCRYPTED_EXTENSIONS)
        return HELLO_MAX;
    if (type == NEW_TICKET && role == 1)
        return t->certificate && t->side[1].protected ? HELLO_MAX : 0;
    return type == CERTIFICATE && role == 0 ? TLSCERT_MAX : 0;
}

void tlshandshake_feed(struct tls *t, const struct tls_env *env, int role, const uint8_t *p, size_t n)
{
    struct tls_side *s = &t->side[role];
    while (n) {
        if (s->head_n < sizeof s->head) {
            s->head[s->head_n++] = *p++;
            n--;
            if (s->head_n < sizeof s->head)
                continue;
            s->left = (uint32_t)s->head[1] << 16 | (uint32_t)s->head[2] << 8 | s->head[3];
            s->hello.n = 0;
        }
        size_t take = s->left < n ? s->left : n, cap = s->hello.cap;
        if (s->hello.n + take <= most_kept(t, role, s->head[0]))
            buf_add(&s->hello, p, take);
        *env->memory += s->hello.cap - cap;
        p += take;
        n -= take;
        s->left -= (uint32_t)take;
        if (s->left)
            return;
        s->head_n = 0;
        message(t, env, role, s->head[0], slice_of(s->hello.p, s->hello.n));
        *env->memory -= s->hello.cap;
        buf_free(&s->hello);
    }
}
