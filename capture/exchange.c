#include "capture/exchange.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"

static const char *const end_names[] = {
#define END(id, name) name,
#include "capture/ends.def"
#undef END
};

static const char *const identity_names[] = {
#define IDENTITY(id, name) name,
#include "capture/identities.def"
#undef IDENTITY
};

static const char *const opaque_names[] = {
#define OPAQUE(id, name) name,
#include "capture/opaque.def"
#undef OPAQUE
};

static const char *const encap_names[] = {
#define ENCAP(id, name) name,
#include "capture/encaps.def"
#undef ENCAP
};

static const char *const unparsed_names[] = {
#define UNPARSED(id, name, advice) name,
#include "capture/unparsed.def"
#undef UNPARSED
};

static const char *const ease_names[] = {
#define EASE(id, name, what) name,
#include "capture/ease.def"
#undef EASE
};

static const char *const memcached_udp_names[] = {
#define COUNT(id, name) name,
#include "capture/memcachedudp.def"
#undef COUNT
};

static const char *const leaf_names[] = {
#define LEAF(id, name) name,
#include "capture/leaves.def"
#undef LEAF
};

static const struct slice token_names[TOKEN_COUNT] = {
    {"", 0},
#define TOKEN(id, name, keep) {name, sizeof(name) - 1},
#include "capture/tokens.def"
#undef TOKEN
};

const char *end_name(enum end_state e)
{
    return e < END_COUNT ? end_names[e] : "?";
}

const char *proto_name(enum proto p)
{
    static const char *const names[] = {"http/1.0", "http/1.1", "h2", "h3", "redis", "memcached"};
    return p < PROTO_COUNT ? names[p] : "?";
}

const char *identity_name(enum identity i)
{
    return i < IDENTITY_COUNT ? identity_names[i] : "?";
}

const char *opaque_name(enum opaque_reason r)
{
    return r < OPAQUE_COUNT ? opaque_names[r] : "?";
}

const char *encap_name(enum encapsulation e)
{
    return e < ENCAP_COUNT ? encap_names[e] : "?";
}

const char *unparsed_name(enum unparsed_reason r)
{
    return r < UNPARSED_COUNT ? unparsed_names[r] : "?";
}

const char *ease_name(enum ease_step e)
{
    return e < EASE_STEPS ? ease_names[e] : "?";
}

const char *memcached_udp_name(enum memcached_udp_count c)
{
    return c < MEMCACHED_UDP_COUNTS ? memcached_udp_names[c] : "?";
}

const char *operation_answer_name(enum operation_answer a)
{
    static const char *const names[] = {
        "read",
#define UNREAD(name, what) #name,
#include "capture/unread.def"
#undef UNREAD
    };
    return a < OPERATION_ANSWERS ? names[a] : "?";
}

const char *leaf_value_name(enum leaf_value v)
{
    return v < LEAF_VALUES ? leaf_names[v] : "?";
}

const char *token_name(enum token t)
{
    return t < TOKEN_COUNT ? token_names[t].p : "";
}

const char *flag_name(unsigned bit)
{
    switch (bit) {
#define FLAG(id, at, name)                                                                                             \
    case at:                                                                                                           \
        return name;
#include "capture/flags.def"
#undef FLAG
    default:
        return NULL;
    }
}

/* Names of tokens as their first, middle and last eight letters, found by a hash of length and first letters; filled
 * before main, then read only. Lower case by setting bit 5: what that does to other characters a name cannot hold is of
 * no matter. */
enum { TOKEN_SLOTS = 1024, TOKEN_LONGEST = 25 };
struct token_word {
    uint64_t first, middle, last;
    uint8_t n, token;
    uint8_t between; /* of 25: the one that none of them has */
};
static struct token_word token_slots[TOKEN_SLOTS];

static inline uint64_t lower_word(const char *p, size_t n)
{
    uint64_t w = 0;
    if (n >= 8) {
        memcpy(&w, p, 8);
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        w = low | (uint64_t)high << ((n - 4) * 8);
    } else {
        for (size_t i = 0; i < n; i++)
            w |= (uint64_t)(unsigned char)p[i] << (8 * i);
    }
    return w | 0x2020202020202020u >> (n < 8 ? (8 - n) * 8 : 0);
}

static inline unsigned token_slot(uint64_t word, size_t n)
{
    return (unsigned)(((word ^ n * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u) >> 54);
}

static inline struct token_word token_words(struct slice name)
{
    struct token_word w = {lower_word(name.p, name.n), 0, 0, (uint8_t)name.n, 0, 0};
    if (name.n > 8)
        w.last = lower_word(name.p + name.n - 8, 8);
    if (name.n > 16)
        w.middle = lower_word(name.p + 8, name.n - 8);
    if (name.n > 24)
        w.between = (uint8_t)lower_word(name.p + 16, 1);
    return w;
}

__attribute__((constructor)) static void token_fill(void)
{
    for (uint8_t t = 1; t < TOKEN_COUNT; t++) {
        struct token_word w = token_words(token_names[t]);
        unsigned slot = token_slot(w.first, w.n);
        while (token_slots[slot].n)
            slot = (slot + 1) % TOKEN_SLOTS;
        w.token = t;
        token_slots[slot] = w;
    }
}

enum token token_find(struct slice name)
{
    if (!name.n || name.n > TOKEN_LONGEST)
        return TOKEN_OTHER;
    struct token_word w = token_words(name);
    for (const struct token_word *at = &token_slots[token_slot(w.first, w.n)]; at->n;
         at = at + 1 == token_slots + TOKEN_SLOTS ? token_slots : at + 1)
        if (at->n == w.n && at->first == w.first && at->last == w.last && at->middle == w.middle &&
            at->between == w.between)
            return (enum token)at->token;
    return TOKEN_OTHER;
}

uint64_t part_name(const struct hash_key *key, enum part_kind kind, struct slice name)
{
    return hash_mix(hash_quick(key, name.p, name.n) + kind);
}

struct slice exchange_field(const struct exchange *x, enum token t, bool response)
{
    for (unsigned i = 0; i < x->n_fields; i++)
        if (x->fields[i].token == t && x->fields[i].response == response)
            return x->fields[i].value;
    return (struct slice){NULL, 0};
}

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static size_t ip_format(const struct addr *a, bool v4, char *out)
{
    if (!v4)
        return inet_ntop(AF_INET6, a->ip, out, INET6_ADDRSTRLEN) ? strlen(out) : 0;
    char *p = out;
    for (int i = 12; i < 16; i++) {
        p += digits_put(p, a->ip[i]);
        *p++ = '.';
    }
    return (size_t)(p - 1 - out);
}

size_t addr_format(const struct addr *a, bool with_port, char out[56])
{
    bool v4 = memcmp(a->ip, v4_mapped, 12) == 0, port = with_port && a->known != ADDR_NETWORK;
    char *p = out;
    if (port && !v4)
        *p++ = '[';
    p += ip_format(a, v4, p);
    if (port && !v4)
        *p++ = ']';
    if (port) {
        *p++ = ':';
        p += digits_put(p, a->port);
    } else if (a->known == ADDR_NETWORK) {
        memcpy(p, v4 ? "/24" : "/48", 3);
        p += 3;
    }
    *p = 0;
    return (size_t)(p - out);
}

static bool ip_parse(struct slice text, uint8_t ip[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (!text.n || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    if (inet_pton(AF_INET6, copy, ip) == 1)
        return true;
    memcpy(ip, v4_mapped, 12);
    return inet_pton(AF_INET, copy, ip + 12) == 1;
}

struct addr addr_network(const struct addr *a)
{
    struct addr out = *a;
    size_t kept = memcmp(a->ip, v4_mapped, sizeof v4_mapped) == 0 ? 15 : 6;
    if (a->known == ADDR_NONE)
        return out;
    memset(out.ip + kept, 0, sizeof out.ip - kept);
    out.port = 0;
    out.known = ADDR_NETWORK;
    return out;
}

uint64_t addr_network_bits(const struct addr *a)
{
    bool v4 = memcmp(a->ip, v4_mapped, sizeof v4_mapped) == 0;
    uint64_t bits = 0;
    if (a->known != ADDR_NONE)
        memcpy(&bits, v4 ? a->ip + 12 : a->ip, v4 ? 3 : 6);
    return bits;
}

static bool network_parse(struct slice text, size_t slash, struct addr *out)
{
    struct slice bits = slice_sub(text, slash, text.n);
    bool v4 = slice_find(text, ':', 0) == text.n;
    if (!slice_eq(bits, v4 ? SLICE("/24") : SLICE("/48")) || !ip_parse(slice_sub(text, 0, slash), out->ip))
        return false;
    out->known = ADDR_WHOLE;
    *out = addr_network(out);
    return true;
}

bool addr_parse(struct slice text, struct addr *out)
{
    struct slice host = text, port = {NULL, 0};
    uint64_t number = 0;
    size_t slash = slice_find(text, '/', 0);
    *out = (struct addr){0};
    if (slash < text.n)
        return network_parse(text, slash, out);
    if (text.n && text.p[0] == '[') {
        size_t close = slice_find(text, ']', 0);
        host = slice_sub(text, 1, close);
        if (close + 1 < text.n && text.p[close + 1] == ':')
            port = slice_sub(text, close + 2, text.n);
    } else {
        size_t colon = slice_find(text, ':', 0);
        if (colon < text.n && slice_find(text, ':', colon + 1) == text.n) { /* one colon: IPv4 with port */
            host = slice_sub(text, 0, colon);
            port = slice_sub(text, colon + 1, text.n);
        }
    }
    if (port.p && (!slice_u64(port, &number) || number > 65535))
        return false;
    out->port = (uint16_t)number;
    out->known = ip_parse(host, out->ip);
    return out->known;
}

size_t client_format(enum identity kind, uint64_t hash, char out[32])
{
    enum { HEX = 12, NAME_MOST = 32 - 1 - HEX - 1 };
    const char *name = identity_name(kind);
    size_t n = strnlen(name, NAME_MOST);
    memcpy(out, name, n);
    out[n++] = ':';
    for (int shift = 4 * (HEX - 1); shift >= 0; shift -= 4)
        out[n++] = "0123456789abcdef"[hash >> shift & 15];
    out[n] = 0;
    return n;
}

size_t api_version_format(uint32_t version, char out[16])
{
    uint32_t v = (version >> API_VERSION_SHIFT) - 1, major = v / 1000, minor = v % 1000;
    if (!(version >> API_VERSION_SHIFT))
        return 0;
    int n = v >= 10000000 ? snprintf(out, 16, "%04u-%02u-%02u", v / 10000 % 10000, v / 100 % 100, v % 100)
            : minor       ? snprintf(out, 16, "%u.%u", major, minor)
                          : snprintf(out, 16, "%u", major);
    return (size_t)n;
}
