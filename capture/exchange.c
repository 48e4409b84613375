#include "capture/exchange.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

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

static const struct {
    const char *name, *advice;
} opaque_table[] = {
#define OPAQUE(id, name, advice) {name, advice},
#include "capture/opaque.def"
#undef OPAQUE
};

static const char *const encap_names[] = {
#define ENCAP(id, name) name,
#include "capture/encaps.def"
#undef ENCAP
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
    return r < OPAQUE_COUNT ? opaque_table[r].name : "?";
}

const char *opaque_advice(enum opaque_reason r)
{
    return r < OPAQUE_COUNT ? opaque_table[r].advice : "";
}

const char *encap_name(enum encapsulation e)
{
    return e < ENCAP_COUNT ? encap_names[e] : "?";
}

const char *token_name(enum token t)
{
    return t < TOKEN_COUNT ? token_names[t].p : "";
}

const char *flag_name(unsigned bit)
{
    switch (bit) {
#define FLAG(id, at, name) \
    case at: \
        return name;
#include "capture/flags.def"
#undef FLAG
    default:
        return NULL;
    }
}

/* Tokens by length and first letter; filled before main, read only afterwards. */
enum { TOKEN_SLOTS = 256 };
static uint8_t token_slots[TOKEN_SLOTS][3];

static unsigned token_slot(struct slice name)
{
    return ((unsigned)name.n * 31u + (unsigned char)ascii_lower(name.p[0]) * 7u +
            (unsigned char)ascii_lower(name.p[name.n - 1])) %
           TOKEN_SLOTS;
}

__attribute__((constructor)) static void token_fill(void)
{
    for (uint8_t t = 1; t < TOKEN_COUNT; t++) {
        uint8_t *slot = token_slots[token_slot(token_names[t])];
        while (*slot)
            slot++;
        *slot = t;
    }
}

enum token token_find(struct slice name)
{
    if (!name.n)
        return TOKEN_OTHER;
    const uint8_t *slot = token_slots[token_slot(name)];
    for (int i = 0; i < 3 && slot[i]; i++)
        if (slice_ieq(token_names[slot[i]], name))
            return (enum token)slot[i];
    return TOKEN_OTHER;
}

struct slice exchange_field(const struct exchange *x, enum token t, bool response)
{
    for (unsigned i = 0; i < x->n_fields; i++)
        if (x->fields[i].token == t && x->fields[i].response == response)
            return x->fields[i].value;
    return (struct slice){NULL, 0};
}

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

size_t addr_format(const struct addr *a, bool with_port, char out[56])
{
    char ip[INET6_ADDRSTRLEN];
    bool v4 = memcmp(a->ip, v4_mapped, 12) == 0;
    int n;
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, ip, sizeof ip))
        ip[0] = 0;
    if (!with_port)
        n = snprintf(out, 56, "%s", ip);
    else
        n = snprintf(out, 56, v4 ? "%s:%u" : "[%s]:%u", ip, a->port);
    return n < 0 ? 0 : (size_t)n;
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

bool addr_parse(struct slice text, struct addr *out)
{
    struct slice host = text, port = {NULL, 0};
    uint64_t number = 0;
    *out = (struct addr){0};
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
    int n = snprintf(out, 32, "%s:%012llx", identity_name(kind), (unsigned long long)(hash & 0xffffffffffffu));
    return n < 0 ? 0 : (size_t)n;
}
