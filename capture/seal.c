#include "capture/seal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/pages.h"
#include "capture/apiversion.h"
#include "capture/cachesaid.h"
#include "capture/eventstream.h"
#include "capture/grpc.h"
#include "capture/websocket.h"
#include "capture/identity.h"
#include "capture/parts.h"
#include "capture/quotasaid.h"
#include "capture/trace.h"

enum {
    NOMINATED = 32,
    SEALED_FIELDS = 48,
    CLEAR_MAX = 512,
    AGENT_MAX = 64,
    HOSTS = 16,
    HOST_MAX = 47,
    SEALED_BLOCKS = 512,
    SEALED_TEXTS = 4096,
    TEXT_PLACES = 8192,
    BLOCK_TEXT = 96,
    BLOCK_MADE = 4
};

/* What becomes of a field, as capture/tokens.def has it. */
static const struct {
    struct slice name;
    char keep;
} kept[TOKEN_COUNT] = {
    [TOKEN_OTHER] = {{"", 0}, 'H'},
#define TOKEN(id, name, what) [TOKEN_##id] = {{name, sizeof(name) - 1}, what},
#include "capture/tokens.def"
#undef TOKEN
};

/* What a field is read for, and which of those that are found by name it is. */
enum {
    USE_FIELD = 1,
    USE_PART = 2,
    USE_WHO = 4,
    USE_VERSION = 8,
    USE_CLEAR = 2, /* of an answer's: shown as it is; an entity tag */
    USE_TAG = 4,
    FIRST_NAMED = 1 << 4,
    AGENT = 1 << 4,
    HOST = 2 << 4,
    TYPE = 3 << 4,
    CODING = 4 << 4,
    UPGRADE = 5 << 4,
    NAMED = 6
};

/* Fields the analysis reads of every exchange; the others only when some Vary nominates them. */
static const bool read_request[TOKEN_COUNT] = {
    [TOKEN_AUTHORIZATION] = true, [TOKEN_CACHE_CONTROL] = true,   [TOKEN_COOKIE] = true,
    [TOKEN_PRAGMA] = true,        [TOKEN_IF_NONE_MATCH] = true,   [TOKEN_IF_MODIFIED_SINCE] = true,
    [TOKEN_RANGE] = true,         [TOKEN_IDEMPOTENCY_KEY] = true, [TOKEN_TRACEPARENT] = true,
    [TOKEN_X_REQUEST_ID] = true};
static const uint8_t named_request[TOKEN_COUNT] = {[TOKEN_HOST] = HOST, [TOKEN_USER_AGENT] = AGENT};
static const uint8_t uses_response[TOKEN_COUNT] = {[TOKEN_CONTENT_TYPE] = TYPE,
                                                   [TOKEN_CONTENT_ENCODING] = CODING,
                                                   [TOKEN_UPGRADE] = UPGRADE,
                                                   [TOKEN_AGE] = USE_FIELD,
                                                   [TOKEN_CACHE_CONTROL] = USE_FIELD,
                                                   [TOKEN_CACHE_STATUS] = USE_FIELD,
                                                   [TOKEN_CDN_CACHE_CONTROL] = USE_FIELD,
                                                   [TOKEN_CF_CACHE_STATUS] = USE_FIELD,
                                                   [TOKEN_CONTENT_LOCATION] = USE_FIELD,
                                                   [TOKEN_DATE] = USE_FIELD,
                                                   [TOKEN_DEPRECATION] = USE_FIELD,
                                                   [TOKEN_SUNSET] = USE_FIELD,
                                                   [TOKEN_ETAG] = USE_FIELD,
                                                   [TOKEN_EXPIRES] = USE_FIELD,
                                                   [TOKEN_LAST_MODIFIED] = USE_FIELD,
                                                   [TOKEN_LOCATION] = USE_FIELD,
                                                   [TOKEN_PRAGMA] = USE_FIELD,
                                                   [TOKEN_RATELIMIT] = USE_FIELD,
                                                   [TOKEN_RATELIMIT_LIMIT] = USE_FIELD,
                                                   [TOKEN_RATELIMIT_POLICY] = USE_FIELD,
                                                   [TOKEN_RATELIMIT_REMAINING] = USE_FIELD,
                                                   [TOKEN_RATELIMIT_RESET] = USE_FIELD,
                                                   [TOKEN_RETRY_AFTER] = USE_FIELD,
                                                   [TOKEN_SET_COOKIE] = USE_FIELD,
                                                   [TOKEN_SURROGATE_CONTROL] = USE_FIELD,
                                                   [TOKEN_VARY] = USE_FIELD,
                                                   [TOKEN_X_ACCEL_EXPIRES] = USE_FIELD,
                                                   [TOKEN_X_CACHE] = USE_FIELD,
                                                   [TOKEN_X_CACHE_STATUS] = USE_FIELD,
                                                   [TOKEN_X_RATELIMIT_LIMIT] = USE_FIELD,
                                                   [TOKEN_X_RATELIMIT_REMAINING] = USE_FIELD,
                                                   [TOKEN_X_RATELIMIT_RESET] = USE_FIELD,
                                                   [TOKEN_X_RATE_LIMIT_LIMIT] = USE_FIELD,
                                                   [TOKEN_X_RATE_LIMIT_REMAINING] = USE_FIELD,
                                                   [TOKEN_X_RATE_LIMIT_RESET] = USE_FIELD,
                                                   [TOKEN_X_REQUEST_ID] = USE_FIELD,
                                                   [TOKEN_X_VARNISH] = USE_FIELD};

/* An authority that was seen before with nothing to take away, and its service, of which it is the end. */
struct host {
    uint8_t n, service_n;
    bool secure;
    char text[HOST_MAX];
    char service[sizeof "https://" + HOST_MAX];
};

/* What sealing made of a block of fields that requests begin with (capture/knownblock.h), as long as no more fields are
 * nominated. A cache line. */
struct sealed_block {
    _Alignas(64) uint64_t id; /* of what it is known as (block_key); 0: none, or more comes of it than what is here */
    uint64_t print;           /* of its parts */
    const char *text; /* service, of which the authority is the end; agent; values of the fields that are made */
    uint32_t api_version;
    uint8_t service_n, authority_n, agent_n; /* octets of them; no agent: it names none */
    uint8_t n_parts;                         /* all of them fixed */
    uint16_t sealed;                         /* bit i: field i is kept, and sealed each time */
    uint8_t n_made;                          /* or those that are kept are these */
    struct {
        uint8_t token, n;
    } made[BLOCK_MADE];
};

/* What of a head is found by name. */
struct fields {
    const struct rawhead *head;
    const struct rawfield *first[NAMED]; /* NULL: there is none */
};

struct seal {
    struct hash_key key;
    struct redact *redact;
    struct identifier *identifier;
    struct parts_maker *parts;
    bool paused;                                     /* parts are not taken */
    bool strict;                                     /* addresses are not shown */
    struct buf text;                                 /* scratch */
    uint8_t uses[TOKEN_COUNT];                       /* of a request's fields, bits */
    uint8_t answer_uses[TOKEN_COUNT];                /* of an answer's, each another */
    struct host host[HOSTS];                         /* direct-mapped */
    struct sealed_block block[SEALED_BLOCKS / 2][2]; /* two a place */
    char (*block_text)[BLOCK_TEXT];                  /* of blocks, sealed; exchanges point to them, so they stay */
    unsigned n_texts;
    uint16_t text_place[TEXT_PLACES]; /* direct-mapped by hash_quick, + 1; the last one stays */
    bool nominated[TOKEN_COUNT];      /* by some Vary so far */
    char other[NOMINATED][64];        /* names no token has, lower case */
    unsigned n_other;
};

struct seal *seal_new(const struct hash_key *key, const struct seal_options *o, char why[128])
{
    struct seal *s = aligned_alloc(_Alignof(struct seal), sizeof *s);
    snprintf(why, 128, "out of memory");
    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    s->key = *key;
    s->strict = o->redact.strict;
    s->redact = redact_new(key, &o->redact);
    s->identifier = identifier_new(key, o->trusted_proxies, &o->order, why);
    s->parts = parts_new(key);
    s->block_text = pages_reserve(SEALED_TEXTS * sizeof *s->block_text);
    for (unsigned t = 0; t < TOKEN_COUNT; t++)
        s->uses[t] = (uint8_t)(named_request[t] | (read_request[t] ? USE_FIELD : 0) | (parts_reads[t] ? USE_PART : 0) |
                               (s->identifier && identifier_reads(s->identifier, (enum token)t) ? USE_WHO : 0) |
                               (apiversion_reads[t] ? USE_VERSION : 0));
    for (unsigned t = 0; t < TOKEN_COUNT; t++)
        s->answer_uses[t] = uses_response[t] != USE_FIELD ? uses_response[t]
                            : kept[t].keep == 'C'         ? USE_CLEAR
                            : kept[t].keep == 'T'         ? USE_TAG
                                                          : USE_FIELD;
    if (s->identifier && o->show_names)
        identifier_show_names(s->identifier);
    if (s->redact && s->identifier && s->parts && s->block_text)
        return s;
    seal_free(s);
    return NULL;
}

void seal_free(struct seal *s)
{
    if (!s)
        return;
    redact_free(s->redact);
    identifier_free(s->identifier);
    parts_free(s->parts);
    pages_release(s->block_text, SEALED_TEXTS * sizeof *s->block_text);
    buf_free(&s->text);
    free(s);
}

void seal_pause(struct seal *s, bool paused)
{
    s->paused = paused;
}

const struct redact *seal_names(const struct seal *s)
{
    return s->redact;
}

static inline struct slice copy(struct slot_pool *pool, struct slot *slot, struct slice text)
{
    char *at = slot_alloc(pool, slot, text.n);
    if (!at)
        return (struct slice){NULL, 0};
    slice_copy(at, text);
    return slice_of(at, text.n);
}

/* The field is used so. */
static inline void note(struct fields *f, const struct rawfield *field, unsigned use)
{
    const struct rawfield **first = &f->first[use >> 4];
    *first = *first ? *first : field;
}

static inline struct slice raw_find(const struct fields *f, unsigned name)
{
    const struct rawfield *first = f->first[name >> 4];
    return first ? raw_value(f->head, first) : (struct slice){NULL, 0};
}

static int other_index(const struct seal *s, struct slice name)
{
    for (unsigned i = 0; i < s->n_other; i++)
        if (slice_ieq(slice_str(s->other[i]), name))
            return (int)i;
    return -1;
}

/* More is nominated: of those that are known, more may be to be kept. */
static void forget_blocks(struct seal *s, bool more)
{
    if (more)
        memset(s->block, 0, sizeof s->block);
}

/* Learns the names a Vary nominates; bounded, the first ones stay. */
static void nominate(struct seal *s, struct slice vary)
{
    struct slice name;
    while (slice_next(&vary, ',', &name)) {
        enum token t = token_find(name);
        if (t != TOKEN_OTHER) {
            forget_blocks(s, !s->nominated[t]);
            s->nominated[t] = true;
            s->uses[t] |= USE_FIELD;
        } else if (name.n && name.n < sizeof s->other[0] && s->n_other < NOMINATED && other_index(s, name) < 0) {
            for (size_t i = 0; i < name.n; i++)
                s->other[s->n_other][i] = ascii_lower(name.p[i]);
            s->other[s->n_other++][name.n] = 0;
            forget_blocks(s, true);
            s->uses[TOKEN_OTHER] |= USE_FIELD;
        }
    }
}

static struct slice hidden(struct seal *s, struct slot_pool *pool, struct slot *slot, struct slice value)
{
    char *at = slot_alloc(pool, slot, REDACTED);
    if (!at)
        return (struct slice){NULL, 0};
    redact_hide(s->redact, value, -1, at);
    return slice_of(at, REDACTED);
}

/* Which of two tags is weak must be known; so much does not tell what it is. */
static inline struct slice hidden_tag(struct seal *s, struct slot_pool *pool, struct slot *slot, struct slice value)
{
    bool weak = slice_starts(value, SLICE("W/"));
    char *at = slot_alloc(pool, slot, 2 + REDACTED);
    if (!at)
        return (struct slice){NULL, 0};
    memcpy(at, "W/", 2);
    redact_hide(s->redact, value, -1, at + 2);
    return weak ? slice_of(at, 2 + REDACTED) : slice_of(at + 2, REDACTED);
}

/* Whether a Content-Location is what was asked for, with or without the service before it. */
static bool is_target(const struct slot *slot, struct slice value)
{
    if (slot->x.service.n && slice_starts(value, slot->x.service))
        value = slice_sub(value, slot->x.service.n, value.n);
    return slot->target.n && slice_eq(value, slot->target);
}

static struct slice sealed_value(struct seal *s, struct slot_pool *pool, struct slot *slot, enum token t,
                                 struct slice value)
{
    char quota[QUOTASAID_MOST];
    size_t n;
    switch (kept[t].keep) {
    case 'C':
        if (value.n <= CLEAR_MAX)
            return copy(pool, slot, value);
        break;
    case 'P':
        if (!s->nominated[t])
            return SLICE("~");
        break;
    case 'S':
        return cachesaid_word(t, value);
    case 'L':
        if (is_target(slot, value))
            return slot->x.target;
        break;
    case 'Q':
        n = quotasaid(t, value, quota);
        return n ? copy(pool, slot, slice_of(quota, n)) : (struct slice){NULL, 0};
    case 'T':
        return hidden_tag(s, pool, slot, value);
    default:
        break;
    }
    return hidden(s, pool, slot, value);
}

struct sealed_list {
    struct field field[SEALED_FIELDS];
    unsigned n;
    uint64_t tokens; /* of these, a bit each, which some share */
};

/* Whether there may be one of this token. */
static inline bool has(const struct sealed_list *l, unsigned t)
{
    return l->tokens >> t % 64 & 1;
}

static inline void add(struct sealed_list *l, struct slice name, struct slice value, unsigned t, bool response)
{
    if (l->n == SEALED_FIELDS)
        return;
    l->field[l->n++] = (struct field){name, value, (uint8_t)t, response};
    l->tokens |= UINT64_C(1) << t % 64;
}

static struct field *find(struct sealed_list *l, enum token t, struct slice name, bool response)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->field[i].token == t && l->field[i].response == response &&
            (t != TOKEN_OTHER || slice_ieq(l->field[i].name, name)))
            return &l->field[i];
    return NULL;
}

static struct slice joined(struct slot_pool *pool, struct slot *slot, struct slice a, struct slice b)
{
    char *at = slot_alloc(pool, slot, a.n + 2 + b.n);
    if (!at)
        return a;
    memcpy(at, a.p, a.n);
    memcpy(at + a.n, ", ", 2);
    memcpy(at + a.n + 2, b.p, b.n);
    return slice_of(at, a.n + 2 + b.n);
}

/* The request's own ids; where it came without one, the id that was made for it and came back with its answer. */
static void seal_id(const struct seal *s, struct exchange *x, enum token t, struct slice value)
{
    uint64_t *id = t == TOKEN_TRACEPARENT ? &x->trace_id : &x->request_id;
    if (!*id)
        *id = t == TOKEN_TRACEPARENT ? trace_of(&s->key, value) : trace_request(&s->key, value);
}

/* Any field. */
static __attribute__((noinline)) void seal_any(struct seal *s, struct slot_pool *pool, struct slot *slot,
                                               struct sealed_list *l, const struct rawhead *h, const struct rawfield *f,
                                               bool response)
{
    enum token t = f->token;
    struct slice value = raw_value(h, f), name = kept[t].name;
    if (kept[t].keep == 'I') {
        seal_id(s, &slot->x, t, value);
        if (response || !s->nominated[t])
            return;
    }
    if (t == TOKEN_OTHER) {
        int other = other_index(s, raw_name(h, f));
        if (other < 0)
            return;
        name = slice_str(s->other[other]);
    }
    if (response && t == TOKEN_SET_COOKIE && identity_sets_session(value))
        slot->x.flags |= FLAG_SESSION;
    value = sealed_value(s, pool, slot, t, value);
    if (kept[t].keep == 'Q') {
        t = TOKEN_RATELIMIT;
        name = kept[t].name;
    }
    struct field *seen = has(l, t) ? find(l, t, name, response) : NULL;
    if (!value.p)
        return;
    if (seen)
        seen->value = joined(pool, slot, seen->value, value);
    else
        add(l, name, value, t, response);
}

/* In clear, where it is not too long, and the first of its token. */
static inline bool seal_clear(struct slot_pool *pool, struct slot *slot, struct sealed_list *l, struct slice value,
                              unsigned t, bool response)
{
    if (value.n > CLEAR_MAX || has(l, t))
        return false;
    value = copy(pool, slot, value);
    if (value.p)
        add(l, kept[t].name, value, t, response);
    return true;
}

/* As seal_any, of a request's field. */
static inline void seal_asked(struct seal *s, struct slot_pool *pool, struct slot *slot, struct sealed_list *l,
                              const struct rawhead *h, const struct rawfield *f)
{
    unsigned t = f->token;
    char keep = kept[t].keep;
    if (keep == 'I' && !s->nominated[t])
        seal_id(s, &slot->x, t, raw_value(h, f));
    else if (keep == 'P' && !s->nominated[t] && !has(l, t)) /* that it is there is enough */
        add(l, kept[t].name, SLICE("~"), t, false);
    else if (keep != 'C' || !seal_clear(pool, slot, l, raw_value(h, f), t, false))
        seal_any(s, pool, slot, l, h, f, false);
}

static inline void seal_tag(struct seal *s, struct slot_pool *pool, struct slot *slot, struct sealed_list *l,
                            struct slice value, unsigned t)
{
    value = hidden_tag(s, pool, slot, value);
    if (value.p)
        add(l, kept[t].name, value, t, true);
}

static inline void seal_answer_fields(struct seal *s, struct slot_pool *pool, struct slot *slot, struct fields *of,
                                      struct sealed_list *l)
{
    const struct rawhead *h = &slot->response;
    const char *text = h->p;
    for (const struct rawfield *f = h->fields, *end = f + h->n_fields; f < end; f++) {
        unsigned t = f->token, use = s->answer_uses[t];
        if (!use)
            continue;
        if (use >= FIRST_NAMED) {
            note(of, f, use);
            continue;
        }
        struct slice value = slice_of(text + f->value, f->value_n);
        if (use == USE_CLEAR && seal_clear(pool, slot, l, value, t, true))
            continue;
        if (use == USE_TAG && !has(l, t))
            seal_tag(s, pool, slot, l, value, t);
        else
            seal_any(s, pool, slot, l, h, f, true);
    }
}

static void keep_fields(struct slot_pool *pool, struct slot *slot, const struct sealed_list *l)
{
    if (!l->n)
        return;
    struct field *fields = slot_alloc(pool, slot, l->n * sizeof *fields);
    if (!fields)
        return;
    memcpy(fields, l->field, l->n * sizeof *fields);
    slot->x.fields = fields;
    slot->x.n_fields = (uint8_t)l->n;
}

/* Authority of an absolute target; empty otherwise. */
static struct slice target_authority(struct slice t, bool connect)
{
    if (!connect && t.n && t.p[0] == '/')
        return (struct slice){NULL, 0};
    size_t colon = slice_find(t, ':', 0), start = 0;
    if (!connect) {
        if (colon + 2 >= t.n || t.p[colon + 1] != '/' || t.p[colon + 2] != '/' || slice_find(t, '/', 0) < colon)
            return (struct slice){NULL, 0};
        start = colon + 3;
    }
    size_t end = start;
    while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
        end++;
    return slice_sub(t, start, end);
}

static bool is_secure(const struct slot *slot)
{
    return slot->scheme ? slot->scheme == SCHEME_HTTPS : slot->x.tls;
}

/* scheme://authority: lower-case host, port if not the default. */
static void service(struct slot_pool *pool, struct slot *slot, struct slice authority)
{
    bool secure = is_secure(slot);
    struct slice port = secure ? SLICE(":443") : SLICE(":80");
    if (authority.n > port.n && memcmp(authority.p + authority.n - port.n, port.p, port.n) == 0)
        authority.n -= port.n;
    struct slice scheme = secure ? SLICE("https://") : SLICE("http://");
    char *at = slot_alloc(pool, slot, scheme.n + authority.n);
    if (!at)
        return;
    memcpy(at, scheme.p, scheme.n);
    for (size_t i = 0; i < authority.n; i++)
        at[scheme.n + i] = ascii_lower(authority.p[i]);
    slot->x.service = slice_of(at, scheme.n + authority.n);
}

static void service_of_server(struct slot_pool *pool, struct slot *slot)
{
    char address[56];
    service(pool, slot, slice_of(address, addr_format(&slot->x.server, true, address)));
}

static void remember(struct host *h, struct slice said, const struct slot *slot)
{
    struct slice made = slot->x.service;
    h->n = 0;
    if (said.n > HOST_MAX || made.n < said.n || !slice_eq(slice_sub(made, made.n - said.n, made.n), said))
        return;
    h->n = (uint8_t)said.n;
    h->service_n = (uint8_t)made.n;
    h->secure = is_secure(slot);
    memcpy(h->text, said.p, said.n);
    memcpy(h->service, made.p, made.n);
}

static unsigned host_place(struct slice said)
{
    unsigned some =
        (unsigned)said.n << 16 | (unsigned)(unsigned char)said.p[0] << 8 | (unsigned char)said.p[said.n / 2];
    return (some * 0x9e3779b1u >> 16) % HOSTS;
}

/* Authority and service, without user and password. False: the request names none. */
static bool seal_authority(struct seal *s, struct slot_pool *pool, struct slot *slot, struct slice said)
{
    struct exchange *x = &slot->x;
    if (!said.n)
        return false;
    struct host *h = &s->host[host_place(said)];
    if (h->n == said.n && h->secure == is_secure(slot) && memcmp(h->text, said.p, said.n) == 0) {
        x->service = copy(pool, slot, slice_of(h->service, h->service_n));
        x->authority = x->service.p ? slice_sub(x->service, h->service_n - said.n, h->service_n) : x->service;
        return true;
    }
    struct slice authority = redact_authority(s->redact, said);
    if (!authority.n)
        return false;
    x->authority = copy(pool, slot, authority);
    service(pool, slot, authority);
    if (slice_eq(authority, said))
        remember(h, said, slot);
    return true;
}

static const struct slice methods[] = {SLICE("GET"), SLICE("POST"), SLICE("HEAD"), SLICE("PUT")};

static void seal_method(struct slot_pool *pool, struct slot *slot)
{
    struct slice method = slot->method;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_eq(method, methods[i])) {
            slot->x.method = methods[i];
            return;
        }
    slot->x.method = copy(pool, slot, method);
}

static void seal_target(struct seal *s, struct slot_pool *pool, struct slot *slot)
{
    struct slice shown = slot->target;
    if (slot->target_hash != REDACT_PLAIN) {
        s->text.n = 0;
        redact_target(s->redact, slot->target, slot->target_hash, slot->seen.mark, &s->text);
        shown = slice_of(s->text.p, s->text.n);
    }
    slot->x.target = copy(pool, slot, shown);
}

static void seal_client(struct seal *s, struct slot_pool *pool, struct slot *slot, struct asking *asks)
{
    struct exchange *x = &slot->x;
    if (slot->seen.mark < slot->target.n)
        asking_query(asks, s->identifier, slice_sub(slot->target, slot->seen.mark + 1, slot->target.n));
    if (asking_is_address(asks)) {
        x->identity = IDENTITY_ADDRESS;
        x->client_hash = asks->who;
        return;
    }
    struct identity_of who = identifier_find(s->identifier, asks);
    x->identity = (uint8_t)who.kind;
    x->client_hash = who.hash;
    x->credential_besides = who.besides;
    if (identifier_name(s->identifier).n)
        x->client_name = copy(pool, slot, identifier_name(s->identifier));
}

/* Whether parts of the request are held against its answer. */
static bool takes_parts(const struct seal *s, struct slot *slot)
{
    if (s->paused) {
        slot->x.flags |= FLAG_UNCOMPARED;
        return false;
    }
    return slot->x.method.p == methods[0].p && !(slot->x.flags & FLAG_UNKNOWN_FIELDS); /* GET */
}

static inline bool says_who(const struct seal *s, unsigned use, const struct rawhead *h, const struct rawfield *f)
{
    return use & USE_WHO && (f->token != TOKEN_OTHER || identifier_named(s->identifier, raw_name(h, f)));
}

/* From the field with this number on. */
static void seal_request_fields(struct seal *s, struct slot_pool *pool, struct slot *slot, unsigned from, bool parts,
                                struct fields *of, struct asking *asks, struct sealed_list *l)
{
    const struct rawhead *h = &slot->request;
    for (const struct rawfield *f = h->fields + from, *end = h->fields + h->n_fields; f < end; f++) {
        unsigned use = s->uses[f->token];
        if (!use)
            continue;
        if (use >= AGENT)
            note(of, f, use);
        bool who = says_who(s, use, h, f);
        if (use & USE_PART && parts && (f->token != TOKEN_OTHER || (!who && parts_reads_other(raw_name(h, f)))))
            parts_field(s->parts, f->token, raw_name(h, f), raw_value(h, f));
        if (who)
            asking_field(asks, s->identifier, f->token, raw_value(h, f));
        if (use & USE_VERSION && !slot->x.api_version)
            slot->x.api_version = apiversion_of(f->token, raw_value(h, f));
        if (use & USE_FIELD)
            seal_asked(s, pool, slot, l, h, f);
    }
}

/* ---- blocks of fields that were sealed before ---- */

/* What the block that the request begins with is known as; 0: it begins with none. The service says how it came, too.
 */
static inline uint64_t block_key(const struct slot *slot)
{
    return slot->block ? slot->block ^ (uint64_t)is_secure(slot) << 1 : 0;
}

static inline struct sealed_block *block_place(struct seal *s, const struct slot *slot)
{
    return s->block[slot->block / 2 % (SEALED_BLOCKS / 2)];
}

/* What is known of that block; NULL: nothing. */
static inline const struct sealed_block *block_known(struct seal *s, const struct slot *slot, struct slice authority)
{
    const struct sealed_block *b = block_place(s, slot);
    uint64_t key = block_key(slot);
    b += b->id != key;
    return b->id == key && key && !authority.n ? b : NULL;
}

/* In place of its fields. */
static inline void seal_block(struct seal *s, struct slot_pool *pool, struct slot *slot, const struct sealed_block *b,
                              bool parts, struct sealed_list *l)
{
    struct exchange *x = &slot->x;
    const char *behind = b->text + b->service_n;
    x->service = slice_of(b->text, b->service_n);
    x->authority = slice_of(behind - b->authority_n, b->authority_n);
    x->user_agent = b->agent_n ? slice_of(behind, b->agent_n) : (struct slice){NULL, 0};
    x->api_version = b->api_version;
    behind += b->agent_n;
    for (unsigned i = 0; i < b->n_made; behind += b->made[i++].n)
        add(l, kept[b->made[i].token].name, slice_of(behind, b->made[i].n), b->made[i].token, false);
    if (parts)
        parts_begin_with(s->parts, b->n_parts, b->print);
    for (unsigned left = b->sealed; left; left &= left - 1)
        seal_any(s, pool, slot, l, &slot->request, &slot->request.fields[__builtin_ctz(left)], false);
}

/* The parts that it was begun with, for no set like this is known. */
static __attribute__((noinline)) void block_parts(struct seal *s, const struct slot *slot)
{
    const struct rawhead *h = &slot->request;
    unsigned n = 0;
    for (unsigned i = 0; i < slot->n_block; i++)
        if (parts_fixed[h->fields[i].token])
            parts_late(s->parts, n++, h->fields[i].token, raw_value(h, &h->fields[i]));
}

/* What is to be known of a block's field. False: more comes of it than that. */
static bool learn_field(struct seal *s, struct sealed_block *b, const struct rawhead *h, unsigned i)
{
    const struct rawfield *f = &h->fields[i];
    unsigned use = s->uses[f->token];
    if (says_who(s, use, h, f) || (use & USE_PART && parts_learns(f->token, raw_name(h, f))))
        return false;
    if (parts_fixed[f->token]) {
        b->print += parts_print(s->parts, f->token, raw_value(h, f));
        b->n_parts++;
    }
    if (use & USE_VERSION && !b->api_version)
        b->api_version = apiversion_of(f->token, raw_value(h, f));
    if (use & USE_FIELD)
        b->sealed |= (uint16_t)(1u << i);
    return true;
}

/* What the kept fields are made into, where each is shown as it came, once, and there is room behind n octets of the
 * text. Else they stay to be sealed each time. */
static void make_fields(struct sealed_block *b, const struct rawhead *h, char text[BLOCK_TEXT], size_t n)
{
    uint64_t seen = 0;
    unsigned made = 0;
    for (unsigned left = b->sealed; left; left &= left - 1) {
        const struct rawfield *f = &h->fields[__builtin_ctz(left)];
        uint64_t bit = UINT64_C(1) << f->token % 64;
        if (kept[f->token].keep != 'C' || seen & bit || made == BLOCK_MADE || f->value_n > BLOCK_TEXT - n)
            return;
        seen |= bit;
        slice_copy(text + n, raw_value(h, f));
        n += f->value_n;
        b->made[made].token = f->token;
        b->made[made++].n = (uint8_t)f->value_n;
    }
    b->n_made = (uint8_t)made;
    b->sealed = 0;
}

/* The text as it stays from now on; NULL: there is no more room. */
static const char *keep_text(struct seal *s, const char text[BLOCK_TEXT])
{
    uint16_t *place = &s->text_place[hash_quick(&s->key, text, BLOCK_TEXT) % TEXT_PLACES];
    if (*place && memcmp(s->block_text[*place - 1], text, BLOCK_TEXT) == 0)
        return s->block_text[*place - 1];
    if (s->n_texts == SEALED_TEXTS)
        return NULL;
    *place = (uint16_t)++s->n_texts;
    return memcpy(s->block_text[*place - 1], text, BLOCK_TEXT);
}

static bool in_block(const struct slot *slot, const struct rawfield *f)
{
    return f && f < slot->request.fields + slot->n_block;
}

/* What came of the request's block is known from now on. */
static __attribute__((noinline)) void learn_block(struct seal *s, struct slot *slot, const struct fields *of)
{
    const struct exchange *x = &slot->x;
    struct sealed_block *place = block_place(s, slot), b = {.id = block_key(slot)};
    for (unsigned i = 0; i < slot->n_block; i++)
        if (!learn_field(s, &b, &slot->request, i))
            return;
    bool host = in_block(slot, of->first[HOST >> 4]), agent = in_block(slot, of->first[AGENT >> 4]);
    struct slice its_agent = slice_sub(x->user_agent, 0, agent ? x->user_agent.n : 0);
    char text[BLOCK_TEXT] = {0};
    size_t service_n = x->service.n, authority_n = x->authority.n;
    if (!host || !authority_n || authority_n > service_n || service_n + its_agent.n > BLOCK_TEXT ||
        (agent && !its_agent.n) || !slice_eq(slice_sub(x->service, service_n - authority_n, service_n), x->authority))
        return;
    slice_copy(text, x->service);
    slice_copy(text + service_n, its_agent);
    make_fields(&b, &slot->request, text, service_n + its_agent.n);
    b.text = keep_text(s, text);
    if (!b.text)
        return;
    b.service_n = (uint8_t)service_n;
    b.authority_n = (uint8_t)authority_n;
    b.agent_n = (uint8_t)its_agent.n;
    place[1] = place[0];
    place[0] = b;
}

static void keep_parts(struct seal *s, struct slot_pool *pool, struct slot *slot, const struct asking *asks, bool block)
{
    const struct identity_claims *c = identifier_claims(s->identifier);
    for (unsigned i = 0; asks->shown && i < c->n; i++)
        parts_claim(s->parts, slice_str(c->claim[i].name), c->claim[i].id);
    if (block) {
        slot->x.parts = parts_shared(s->parts);
        if (slot->x.parts)
            return;
        block_parts(s, slot);
    }
    slot->x.parts = parts_end(s->parts, pool, slot);
}

void seal_expect(struct seal *s, struct slot *slot)
{
    slot->target_hash = redact_expect(s->redact, slot->target, &slot->seen);
    slot->token = identifier_expect(s->identifier, &slot->request, slot->n_block);
}

uint64_t seal_address_of(struct seal *s, const struct addr *client)
{
    return identifier_address(s->identifier, client);
}

/* Fields, and what is found among them. Whether the block they begin with was known. */
static bool seal_fields(struct seal *s, struct slot_pool *pool, struct slot *slot, bool parts, struct asking *asks,
                        struct sealed_list *l)
{
    struct fields of = {.head = &slot->request};
    struct slice authority = target_authority(slot->target, slot->connect_method);
    const struct sealed_block *b = block_known(s, slot, authority);
    if (b)
        seal_block(s, pool, slot, b, parts, l);
    else if (parts)
        parts_begin(s->parts);
    seal_request_fields(s, pool, slot, b ? slot->n_block : 0, parts, &of, asks, l);
    struct slice agent = raw_find(&of, AGENT);
    if (!slot->x.service.p &&
        !seal_authority(s, pool, slot, authority.n ? authority : slice_sub(raw_find(&of, HOST), 0, 512)))
        service_of_server(pool, slot);
    if (agent.p && !slot->x.user_agent.p)
        slot->x.user_agent = copy(pool, slot, slice_sub(slice_sub(agent, 0, slice_find(agent, ' ', 0)), 0, AGENT_MAX));
    if (slot->block && !b && !authority.n)
        learn_block(s, slot, &of);
    return b != NULL;
}

static inline void seal_request(struct seal *s, struct slot_pool *pool, struct slot *slot, struct sealed_list *l)
{
    struct asking asks;
    seal_method(pool, slot);
    bool parts = takes_parts(s, slot);
    asking_begin(&asks, &slot->request, &slot->x.client, slot->who, slot->token);
    bool block = seal_fields(s, pool, slot, parts, &asks, l);
    seal_target(s, pool, slot);
    seal_client(s, pool, slot, &asks);
    if (parts)
        keep_parts(s, pool, slot, &asks, block);
}

/* Without its parameters. */
static struct slice seal_type(struct slot_pool *pool, struct slot *slot, struct slice type)
{
    static const struct slice usual = SLICE("application/json");
    if (slice_starts(type, usual) && (type.n == usual.n || type.p[usual.n] == ';'))
        return usual;
    return copy(pool, slot, slice_trim(slice_sub(slice_sub(type, 0, slice_find(type, ';', 0)), 0, 128)));
}

static inline void seal_response(struct seal *s, struct slot_pool *pool, struct slot *slot, struct sealed_list *l)
{
    struct exchange *x = &slot->x;
    struct fields f = {.head = &slot->response};
    seal_answer_fields(s, pool, slot, &f, l);
    struct slice type = raw_find(&f, TYPE), coding = raw_find(&f, CODING);
    if (type.p)
        x->content_type = seal_type(pool, slot, type);
    if (coding.p)
        x->encoding = copy(pool, slot, slice_sub(coding, 0, 64));
    if (x->status == 101)
        x->upgrade = copy(pool, slot, slice_sub(raw_find(&f, UPGRADE), 0, 64));
}

void seal_address(const struct hash_key *key, struct exchange *x)
{
    if (x->client.known != ADDR_WHOLE)
        return;
    x->address_hash = identity_of_address(key, &x->client).hash;
    x->client = addr_network(&x->client);
}

void seal_command(const struct seal *s, struct exchange *x)
{
    if (s->strict)
        seal_address(&s->key, x);
}

/* As explicit_bzero, without what that looks at. */
static inline void wipe(char *p, size_t n)
{
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory");
}

/* Most often the answer's head stands behind the request's. */
static inline void wipe_heads(struct slot *slot)
{
    struct rawhead *ask = &slot->request, *answer = &slot->response;
    char *behind = (char *)answer->fields;
    bool together = ask->p && answer->p && behind == ask->p + ((ask->n + 7) & ~(size_t)7);
    if (together)
        wipe(ask->p, (size_t)(answer->p - ask->p) + answer->n);
    if (ask->p && !together)
        wipe(ask->p, ask->n);
    if (answer->p && !together)
        wipe(answer->p, answer->n);
    ask->p = answer->p = NULL;
    ask->n = answer->n = ask->n_fields = answer->n_fields = 0;
}

void seal_exchange(struct seal *s, struct slot_pool *pool, struct slot *slot)
{
    struct sealed_list list;
    list.n = 0;
    list.tokens = 0;
    if (slot->response.vary)
        nominate(s, slot_field(&slot->response, TOKEN_VARY));
    if (slot->request.p) {
        seal_request(s, pool, slot, &list);
    } else {
        service_of_server(pool, slot);
        struct identity_of who = identity_of_address(&s->key, &slot->x.client);
        slot->x.identity = (uint8_t)who.kind;
        slot->x.client_hash = who.hash;
    }
    if (slot->response.p)
        seal_response(s, pool, slot, &list);
    keep_fields(pool, slot, &list);
    if (slot->grpc) {
        slot->x.grpc = &slot->grpc->facts;
        slot->x.flags |= exchange_grpc_flags(slot->x.grpc);
        explicit_bzero(slot->grpc->trailer, sizeof slot->grpc->trailer);
    }
    if (slot->events)
        slot->x.events = &slot->events->facts;
    if (slot->websocket)
        slot->x.websocket = &slot->websocket->facts;
    wipe_heads(slot);
    if (slot->overflow)
        slot->x.flags |= FLAG_REQUEST_TRUNCATED;
    if (s->strict)
        seal_address(&s->key, &slot->x);
}
