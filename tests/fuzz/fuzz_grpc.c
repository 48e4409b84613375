/* An answer of gRPC-Web: the first octet says whether it is sent as text, and how it is cut. However it is cut the same
 * is counted; in base64 the same as in binary. */
#include <stdlib.h>
#include <string.h>

#include "capture/grpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct grpc_facts run(const char *p, size_t n, bool text, size_t piece)
{
    struct grpc g;
    memset(&g, 0, offsetof(struct grpc, trailer));
    g.facts.status = -1;
    g.text = text;
    for (size_t at = 0; at < n; at += piece) {
        size_t part = piece < n - at ? piece : n - at;
        char *copy = malloc(part);
        if (!copy)
            abort();
        memcpy(copy, p + at, part);
        grpc_data(&g, 1, copy, part);
        free(copy);
    }
    grpc_end(&g, 1);
    return g.facts;
}

static bool same(const struct grpc_facts *a, const struct grpc_facts *b)
{
    return a->messages[1] == b->messages[1] && a->bytes[1] == b->bytes[1] && a->compressed[1] == b->compressed[1] &&
           a->status == b->status;
}

/* Base64 of `group` octets at a time, each padded. */
static size_t encode(const uint8_t *p, size_t n, size_t group, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t made = 0;
    for (size_t from = 0; from < n; from += group) {
        size_t end = from + group < n ? from + group : n;
        for (size_t i = from; i < end; i += 3) {
            uint32_t v =
                (uint32_t)p[i] << 16 | (i + 1 < end ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < end ? p[i + 2] : 0);
            out[made++] = digits[v >> 18];
            out[made++] = digits[v >> 12 & 63];
            out[made++] = i + 1 < end ? digits[v >> 6 & 63] : '=';
            out[made++] = i + 2 < end ? digits[v & 63] : '=';
        }
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    size_t piece = 1 + (data[0] >> 1 & 15), group = 1 + (data[0] >> 5), n = size - 1;
    const char *body = (const char *)data + 1;
    struct grpc_facts once = run(body, n, data[0] & 1, n + 1), cut = run(body, n, data[0] & 1, piece);
    if (!same(&once, &cut))
        abort();
    char *text = malloc(4 * n + 4);
    if (!text)
        abort();
    size_t text_n = encode(data + 1, n, group, text);
    struct grpc_facts coded = run(text, text_n, true, piece), plain = run(body, n, false, n + 1);
    free(text);
    if (!same(&coded, &plain))
        abort();
    return 0;
}
