/* Bytes as what a client and a server send when TLS begins: pieces, each a byte for the direction and two for the
 * length; length 65535 is a loss. The hellos are the same however they are cut; texts are harmless; memory comes
 * back. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "capture/tlsprofile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key key = {1, 2, 3};
static struct opaque_row told;

static void keep(void *context, uint32_t id, const struct opaque_row *row)
{
    (void)context;
    (void)id;
    told = *row;
}

static void harmless(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    if (n == size)
        abort();
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            abort();
}

static void give(struct tlsprofile *p, const struct tls_env *env, int role, const uint8_t *b, size_t n, size_t piece,
                 uint64_t offset)
{
    for (size_t at = 0; at < n; at += piece) {
        struct chunk c = {.n = piece < n - at ? piece : n - at, .ts = (int64_t)offset, .offset = offset + at};
        char *copy = malloc(c.n);
        if (!copy)
            abort();
        memcpy(copy, b + at, c.n);
        c.p = copy;
        tlsprofile_feed(p, env, role, &c);
        free(copy);
    }
}

static struct opaque_row run(struct cursor c, size_t piece)
{
    static const struct conn conn = {.id = 1};
    uint64_t memory = 0, offset[2] = {0, 0};
    const struct tls_env env = {.memory = &memory, .memory_limit = 1 << 20};
    struct opaque *o = opaque_new(&key, 16, false);
    struct tlsprofile *p = tlsprofile_new(&env, false);
    if (!o || !p)
        abort();
    while (cursor_left(&c) >= 3) {
        int role = cursor_u8(&c) & 1;
        size_t n = (size_t)cursor_u8(&c) << 8;
        n |= cursor_u8(&c);
        if (n == 65535) {
            tlsprofile_gap(p, &env, role, 9, offset[role]);
            offset[role] += 9;
            continue;
        }
        n = n < cursor_left(&c) ? n : cursor_left(&c);
        give(p, &env, role, cursor_take(&c, n), n, piece ? piece : n + 1, offset[role]);
        offset[role] += n;
    }
    memset(&told, 0, sizeof told);
    tlsprofile_tell(p, o, &conn, OPAQUE_WHY_NO_KEYS);
    opaque_changed(o, keep, NULL);
    tlsprofile_free(p, &env);
    opaque_free(o);
    if (memory || told.sums.bytes[0] != offset[0] || told.sums.bytes[1] != offset[1])
        abort();
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    struct opaque_row whole = run(c, 0), cut = run(c, 1 + size % 7);
    harmless(whole.key.hello.name, sizeof whole.key.hello.name);
    harmless(whole.key.hello.alpn, sizeof whole.key.hello.alpn);
    harmless(whole.key.hello.ja4, sizeof whole.key.hello.ja4);
    harmless(whole.key.chosen.alpn, sizeof whole.key.chosen.alpn);
    if (memcmp(&whole.key, &cut.key, sizeof whole.key) != 0)
        abort();
    return 0;
}
