#include "capture/tlshello.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "capture/tlscrypt.h"
#include "capture/tlswords.h"

enum {
    EXTENSION_NAME = 0,
    EXTENSION_SIGNATURES = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_VERSIONS = 43,
    VERSION_13 = 0x0304,
    JA4_COUNT_MAX = 99,
    JA4_HASH = 12, /* hex digits */
};

/* What a client's hello lists, each in the order it came, without the values that mean nothing (RFC 8701). */
struct listed {
    struct slice ciphers, extensions, signatures, alpn;
    uint16_t version;
    bool has_name, has_alpn;
};

static bool is_grease(unsigned v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

/* ---- texts ---- */

static bool host_character(char c)
{
    return ascii_digit(c) || ascii_alpha(c) || c == '-' || c == '.' || c == '_';
}

/* The first host name of the list (RFC 6066 section 3). */
static void read_name(struct slice list, char out[TLS_NAME_MAX + 1])
{
    struct cursor outer = cursor_of(list.p, list.n);
    struct slice names = tls_vector(&outer, 2);
    struct cursor c = cursor_of(names.p, names.n);
    uint8_t type = cursor_u8(&c);
    struct slice name = tls_vector(&c, 2);
    bool good = !outer.bad && !c.bad && !type && name.n && name.n <= TLS_NAME_MAX;
    for (size_t i = 0; good && i < name.n; i++)
        good = host_character(name.p[i]);
    for (size_t i = 0; good && i < name.n; i++)
        out[i] = ascii_lower(name.p[i]);
}

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == ',' || (unsigned char)s.p[i] >= 0x7f)
            return false;
    return s.n > 0;
}

/* Names that cannot be shown are left out. */
static void read_alpn(struct slice list, char out[TLS_ALPN_MAX + 1])
{
    struct cursor outer = cursor_of(list.p, list.n);
    struct slice names = tls_vector(&outer, 2);
    struct cursor c = cursor_of(names.p, names.n);
    size_t n = 0;
    while (!outer.bad && cursor_left(&c)) {
        struct slice one = tls_vector(&c, 1);
        if (c.bad || n + (n > 0) + one.n > TLS_ALPN_MAX)
            return;
        if (!is_plain(one))
            continue;
        if (n)
            out[n++] = ',';
        memcpy(out + n, one.p, one.n);
        n += one.n;
    }
}

/* ---- JA4 (FoxIO, "JA4: TLS Client Fingerprinting") ---- */

static const char *version_text(uint16_t v)
{
    switch (v) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool alphanumeric(char c)
{
    return ascii_digit(c) || ascii_alpha(c);
}

/* First and last character of the first protocol; of its hex digits where one of the two is no letter or digit. */
static void alpn_letters(struct slice list, char out[2])
{
    static const char hex[] = "0123456789abcdef";
    struct cursor outer = cursor_of(list.p, list.n);
    struct slice names = tls_vector(&outer, 2);
    struct cursor c = cursor_of(names.p, names.n);
    struct slice first = tls_vector(&c, 1);
    out[0] = out[1] = '0';
    if (outer.bad || c.bad || !first.n)
        return;
    char a = first.p[0], z = first.p[first.n - 1];
    bool plain = alphanumeric(a) && alphanumeric(z);
    out[0] = plain ? a : hex[(unsigned char)a >> 4];
    out[1] = plain ? z : hex[(unsigned char)z & 15];
}

static int ascending(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* Numbers of two octets, without GREASE. Returns how many; out holds s.n / 2. */
static size_t numbers(struct slice s, uint16_t *out)
{
    struct cursor c = cursor_of(s.p, s.n);
    size_t n = 0;
    while (cursor_left(&c) >= 2) {
        uint16_t v = cursor_be16(&c);
        if (!is_grease(v))
            out[n++] = v;
    }
    return n;
}

static size_t extension_types(struct slice s, uint16_t *out)
{
    struct cursor c = cursor_of(s.p, s.n);
    struct slice body;
    unsigned type;
    size_t n = 0;
    while (tls_extension(&c, &type, &body))
        if (!is_grease(type))
            out[n++] = (uint16_t)type;
    return n;
}

static void add_hex(struct buf *text, const uint16_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(text, i ? ",%04x" : "%04x", v[i]);
}

static bool add_hash(struct buf *text, bool empty, char out[JA4_HASH])
{
    uint8_t digest[TLS_SHA256];
    char hex[2 * TLS_SHA256 + 1];
    memset(out, '0', JA4_HASH);
    if (empty)
        return true;
    if (text->failed || !tls_sha256(slice_of(text->p, text->n), digest))
        return false;
    for (size_t i = 0; i < TLS_SHA256; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    memcpy(out, hex, JA4_HASH);
    return true;
}

static bool cipher_hash(const uint16_t *v, size_t n, char out[JA4_HASH])
{
    struct buf text = {0};
    add_hex(&text, v, n);
    bool ok = add_hash(&text, !n, out);
    buf_free(&text);
    return ok;
}

/* Sorted, without the name and the protocols, which stand in the first part; then signature algorithms as they came. */
static bool extension_hash(uint16_t *v, size_t n, struct slice signatures, uint16_t *scratch, char out[JA4_HASH])
{
    struct buf text = {0};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (v[i] != EXTENSION_NAME && v[i] != EXTENSION_ALPN)
            v[kept++] = v[i];
    qsort(v, kept, sizeof *v, ascending);
    add_hex(&text, v, kept);
    size_t signed_by = numbers(signatures, scratch);
    if (signed_by)
        buf_char(&text, '_');
    add_hex(&text, scratch, signed_by);
    bool ok = add_hash(&text, !kept, out);
    buf_free(&text);
    return ok;
}

static unsigned most(size_t n)
{
    return n < JA4_COUNT_MAX ? (unsigned)n : JA4_COUNT_MAX;
}

static void ja4(const struct listed *l, char out[TLS_JA4 + 1])
{
    uint16_t *v = malloc(2 * TLS_HELLO_MAX);
    if (!v)
        return;
    uint16_t *scratch = v + TLS_HELLO_MAX / 2;
    char alpn[2], ciphers[JA4_HASH], extensions[JA4_HASH];
    alpn_letters(l->alpn, alpn);
    size_t n_ciphers = numbers(l->ciphers, v);
    qsort(v, n_ciphers, sizeof *v, ascending);
    bool ok = cipher_hash(v, n_ciphers, ciphers);
    size_t n_extensions = extension_types(l->extensions, v);
    ok = ok && extension_hash(v, n_extensions, l->signatures, scratch, extensions);
    if (ok)
        snprintf(out, TLS_JA4 + 1, "t%s%c%02u%02u%.2s_%.12s_%.12s", version_text(l->version), l->has_name ? 'd' : 'i',
                 most(n_ciphers), most(n_extensions), alpn, ciphers, extensions);
    free(v);
}

/* ---- hellos ---- */

static uint16_t greatest_version(struct slice list, uint16_t otherwise)
{
    struct cursor outer = cursor_of(list.p, list.n);
    struct slice versions = tls_vector(&outer, 1);
    struct cursor c = cursor_of(versions.p, versions.n);
    uint16_t best = 0;
    while (!outer.bad && cursor_left(&c) >= 2) {
        uint16_t v = cursor_be16(&c);
        if (!is_grease(v) && v > best)
            best = v;
    }
    return best ? best : otherwise;
}

bool tlshello_client(struct slice message, struct tls_client_hello *out)
{
    struct cursor c = cursor_of(message.p, message.n);
    struct listed l = {.extensions = SLICE(""), .signatures = SLICE(""), .alpn = SLICE(""), .version = cursor_be16(&c)};
    struct slice body;
    unsigned type;
    memset(out, 0, sizeof *out);
    cursor_take(&c, TLS_RANDOM);
    tls_vector(&c, 1);
    l.ciphers = tls_vector(&c, 2);
    tls_vector(&c, 1);
    if (c.bad || message.n > TLS_HELLO_MAX)
        return false;
    if (cursor_left(&c))
        l.extensions = tls_vector(&c, 2);
    if (c.bad)
        return false;
    struct cursor e = cursor_of(l.extensions.p, l.extensions.n);
    while (tls_extension(&e, &type, &body)) {
        if (type == EXTENSION_NAME) {
            l.has_name = true;
            read_name(body, out->name);
        } else if (type == EXTENSION_ALPN) {
            l.alpn = body;
            read_alpn(body, out->alpn);
        } else if (type == EXTENSION_VERSIONS) {
            l.version = greatest_version(body, l.version);
        } else if (type == EXTENSION_SIGNATURES) {
            l.signatures = slice_sub(body, 2, body.n);
        }
    }
    ja4(&l, out->ja4);
    return !e.bad;
}

bool tlshello_is_retry(const uint8_t random[TLS_RANDOM])
{
    static const uint8_t retry[TLS_RANDOM] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                              0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                              0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
    return memcmp(random, retry, TLS_RANDOM) == 0;
}

bool tlshello_server(struct slice message, struct tls_server_hello *out)
{
    struct cursor c = cursor_of(message.p, message.n);
    struct slice extensions = SLICE(""), body;
    unsigned type;
    memset(out, 0, sizeof *out);
    out->version = cursor_be16(&c);
    const uint8_t *random = cursor_take(&c, TLS_RANDOM);
    tls_vector(&c, 1);
    out->cipher = cursor_be16(&c);
    cursor_u8(&c);
    if (c.bad)
        return false;
    out->retry = tlshello_is_retry(random);
    if (cursor_left(&c))
        extensions = tls_vector(&c, 2);
    struct cursor e = cursor_of(extensions.p, extensions.n);
    while (tls_extension(&e, &type, &body)) {
        if (type == EXTENSION_VERSIONS && body.n == 2)
            out->version = (uint16_t)((uint8_t)body.p[0] << 8 | (uint8_t)body.p[1]);
        else if (type == EXTENSION_ALPN)
            read_alpn(body, out->alpn);
    }
    return !c.bad && !e.bad;
}
