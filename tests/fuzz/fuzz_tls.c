/* Bytes as a TLS conversation whose secrets are known: a key log, an empty line, then segments: a byte for the
 * direction and two for the length; length 65535 is a loss, 65534 the secrets after all (they come late then). What
 * comes out must be in order. Seeds are conversations of OpenSSL, so that there are records that open. */
#include <stdlib.h>

#include "base/cursor.h"
#include "capture/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t at[2];

static void chunk(void *context, int role, const struct chunk *c)
{
    (void)context;
    if (c->offset != at[role] || !c->n)
        abort();
    at[role] += c->n;
}

static void gap(void *context, int role, uint64_t n, uint64_t offset)
{
    (void)context;
    if (offset != at[role])
        abort();
    at[role] += n;
}

static size_t keys_end(const uint8_t *data, size_t size)
{
    const uint8_t *p = size ? memmem(data, size, "\n\n", 2) : NULL;
    return p ? (size_t)(p - data) + 2 : 0;
}

static void talk(struct tls *t, const struct tls_env *env, struct cursor *c, struct slice keys)
{
    const struct tls_sink sink = {NULL, chunk, gap};
    uint64_t offset[2] = {0, 0}, order = 0;
    while (cursor_left(c) >= 3) {
        int role = cursor_u8(c) & 1;
        size_t n = (size_t)cursor_u8(c) << 8;
        n |= cursor_u8(c);
        if (n == 65535) {
            n = 1 + cursor_u8(c);
            tls_gap(t, env, role, n);
            offset[role] += n;
            continue;
        }
        if (n == 65534) {
            tls_keys_add(env->keys, keys);
            continue;
        }
        n = n < cursor_left(c) ? n : cursor_left(c);
        order++;
        struct chunk k = {.n = n,
                          .ts = (int64_t)order,
                          .order = order,
                          .offset = offset[role],
                          .ack_offset = order % 3 ? offset[!role] : ACK_UNKNOWN};
        k.p = (const char *)cursor_take(c, n);
        offset[role] += n;
        if (n)
            tls_feed(t, env, role, &k, &sink);
    }
    tls_end(t, env, &sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    uint64_t memory = 0;
    size_t n = keys_end(data, size);
    struct slice keys = slice_of((const char *)data, n);
    struct tls_env env = {tls_keys_new(&key), &memory, 4 << 20, &key, tlssession_new(&key)};
    struct tls *t = tls_open(&env);
    struct cursor c = cursor_of(data + n, size - n);
    at[0] = at[1] = 0;
    if (!(n && data[0] == '#')) /* else they come late */
        tls_keys_add(env.keys, keys);
    talk(t, &env, &c, keys);
    if (tls_certificate(t) >> 48)
        abort();
    tls_close(t, &env);
    if (memory)
        abort();
    tls_keys_free(env.keys);
    tlssession_free(env.sessions);
    return 0;
}
