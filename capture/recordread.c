#include "capture/record.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "capture/apiversion.h"
#include "capture/cachesaid.h"
#include "capture/clientname.h"
#include "capture/identity.h"
#include "capture/operation.h"
#include "capture/quotasaid.h"
#include "capture/recordcache.h"
#include "capture/redact.h"
#include "capture/seal.h"
#include "capture/trace.h"

enum { CLEAR_MAX = 512, AGENT_MAX = 64 }; /* as capture/seal.c has them */

struct reading {
    const cJSON *o;
    struct slice line;
    const struct record_reader *reader;
    struct parts_maker *parts;
    struct slot_pool *pool;
    struct slot *slot;
};

static const cJSON *member(const struct reading *r, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(r->o, name);
}

static struct slice keep_bytes(const struct reading *r, struct slice s)
{
    char *at = s.p ? slot_alloc(r->pool, r->slot, s.n) : NULL;
    if (!at)
        return (struct slice){NULL, 0};
    memcpy(at, s.p, s.n);
    return slice_of(at, s.n);
}

static struct slice keep(const struct reading *r, const char *s)
{
    return keep_bytes(r, slice_of(s, s ? strlen(s) : 0));
}

static struct slice read_text(const struct reading *r, const char *name)
{
    return keep(r, cJSON_GetStringValue(member(r, name)));
}

static struct slice raw_text(const struct reading *r, const char *name)
{
    return slice_str(cJSON_GetStringValue(member(r, name)));
}

static struct slice read_target(const struct reading *r)
{
    struct slice raw = raw_text(r, "target");
    if (!raw.p)
        return raw;
    r->reader->text->n = 0;
    redact_target(r->reader->redact, raw, REDACT_UNKNOWN, 0, r->reader->text);
    return keep_bytes(r, raw.n ? slice_of(r->reader->text->p, r->reader->text->n) : raw);
}

static double number(const struct reading *r, const char *name, double unknown)
{
    const cJSON *v = member(r, name);
    return cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble : unknown;
}

static uint64_t count(const struct reading *r, const char *name)
{
    double v = number(r, name, 0);
    return v > 0 && v < 9e18 ? (uint64_t)v : 0;
}

/* Seconds to the nearest microsecond; -1 unknown. */
static int64_t read_micros(const struct reading *r, const char *name)
{
    double v = number(r, name, -1);
    return v < 0 || v > 9e12 ? -1 : (int64_t)llround(v * 1e6);
}

static uint64_t identity_of_text(const char *s)
{
    uint64_t id = 0;
    size_t n = s ? strlen(s) : 0;
    bool hex = n > 0 && n <= 16;
    for (size_t i = 0; i < n && hex; i++) {
        hex = ascii_hex(s[i]) >= 0;
        id = id << 4 | (uint64_t)(hex ? ascii_hex(s[i]) : 0);
    }
    if (!n)
        return 0;
    if (!hex) { /* another tool's identity: only equality matters */
        static const struct hash_key fixed = {1, 2, 3};
        id = hash_bytes(&fixed, 'b', s, n);
    }
    return id ? id : 1;
}

static uint64_t read_identity(const struct reading *r, const char *name)
{
    return identity_of_text(cJSON_GetStringValue(member(r, name)));
}

static void read_flags(const struct reading *r, struct exchange *x)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, member(r, "flags"))
    {
        const char *s = cJSON_GetStringValue(item);
        for (unsigned bit = 0; s && bit < 32; bit++)
            if (flag_name(bit) && strcmp(flag_name(bit), s) == 0)
                x->flags |= 1u << bit;
    }
}

/* Fields of quotas become one, as capture makes them. */
static void read_quota(const struct reading *r, enum token t, struct slice value, struct slice *all)
{
    char text[2 * QUOTASAID_MOST];
    size_t n = all->n < QUOTASAID_MOST ? all->n : 0;
    if (n) {
        memcpy(text, all->p, n);
        memcpy(text + n, ", ", 2);
        n += 2;
    }
    size_t more = quotasaid(t, value, text + n);
    if (more)
        *all = keep_bytes(r, slice_of(text, n + more));
}

static void read_fields(const struct reading *r, struct exchange *x)
{
    const cJSON *headers = member(r, "headers");
    struct field list[64];
    struct slice quota = {NULL, 0};
    unsigned n = 0;
    for (int response = 0; response < 2; response++) {
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(headers, response ? "response" : "request"))
        {
            if (n == 64 || !cJSON_IsString(item))
                continue;
            struct slice name = keep(r, item->string), value = keep(r, item->valuestring);
            if (!name.p || !value.p)
                continue;
            for (size_t i = 0; i < name.n; i++)
                ((char *)(uintptr_t)name.p)[i] = ascii_lower(name.p[i]);
            enum token t = token_find(name);
            if (response && quotasaid_is(t)) {
                read_quota(r, t, value, &quota);
                continue;
            }
            struct slice said = cachesaid_word(t, value);
            list[n++] = (struct field){name, said.p ? said : value, (uint8_t)t, response};
        }
    }
    if (quota.n && n < 64)
        list[n++] = (struct field){slice_str(token_name(TOKEN_RATELIMIT)), quota, TOKEN_RATELIMIT, true};
    struct field *kept = n ? slot_alloc(r->pool, r->slot, n * sizeof *kept) : NULL;
    if (!kept)
        return;
    memcpy(kept, list, n * sizeof *kept);
    x->fields = kept;
    x->n_fields = (uint8_t)n;
}

/* 12 hex digits, as client_format writes them. What is longer may be the credential itself. */
static bool is_pseudonym(const char *s)
{
    size_t n = 0;
    while (ascii_hex(s[n]) >= 0)
        n++;
    return n == 12 && !s[n];
}

static void read_client(const struct reading *r, struct exchange *x, const struct hash_key *key)
{
    const char *id = cJSON_GetStringValue(member(r, "client_id"));
    const char *colon = id ? strchr(id, ':') : NULL;
    struct slice kind = slice_of(id, colon ? (size_t)(colon - id) : 0);
    for (unsigned i = 0; colon && i < IDENTITY_COUNT; i++) {
        if (slice_eq(kind, slice_str(identity_name(i))) && is_pseudonym(colon + 1)) {
            x->identity = (uint8_t)i;
            x->client_hash = strtoull(colon + 1, NULL, 16);
            return;
        }
    }
    if (id) { /* a name of somebody else's making */
        x->identity = IDENTITY_APIKEY;
        x->client_hash = hash_bytes(key, 'x', id, strlen(id)) & 0xffffffffffffu;
        return;
    }
    struct identity_of who = identity_of_address(key, &x->client);
    x->identity = (uint8_t)who.kind;
    x->client_hash = who.hash;
}

/* Where names are asked for; of an address alone there is none. */
static void read_client_name(const struct reading *r, struct exchange *x)
{
    char name[CLIENTNAME];
    if (!r->reader->show_names || x->identity == IDENTITY_ADDRESS || x->identity == IDENTITY_FORWARDED)
        return;
    size_t n = clientname(raw_text(r, "client_name"), name);
    if (n)
        x->client_name = keep_bytes(r, slice_of(name, n));
}

/* The pseudonym of an address that is known as a network alone. */
static void read_address(const struct reading *r, struct exchange *x, const struct hash_key *key)
{
    const char *id = cJSON_GetStringValue(member(r, "address_id"));
    if (r->reader->strict)
        seal_address(key, x);
    if (x->client.known == ADDR_NETWORK && !x->address_hash && id && is_pseudonym(id))
        x->address_hash = strtoull(id, NULL, 16);
}

/* scheme://authority, and nothing of user or path. */
static void read_service(const struct reading *r, struct exchange *x)
{
    struct slice given = raw_text(r, "service"), a = x->authority;
    struct slice scheme = x->tls ? SLICE("https://") : SLICE("http://");
    struct slice port = x->tls ? SLICE(":443") : SLICE(":80");
    if (given.p) {
        size_t colon = slice_find(given, ':', 0);
        bool has = slice_starts(slice_sub(given, colon, given.n), SLICE("://"));
        scheme = slice_sub(given, 0, has ? colon + 3 : 0);
        a = redact_authority(r->reader->redact, slice_sub(given, scheme.n, given.n));
    } else if (!a.p) {
        return;
    } else if (a.n > port.n && memcmp(a.p + a.n - port.n, port.p, port.n) == 0) {
        a.n -= port.n;
    }
    char *at = slot_alloc(r->pool, r->slot, scheme.n + a.n);
    if (!at)
        return;
    if (scheme.n)
        memcpy(at, scheme.p, scheme.n);
    for (size_t i = 0; i < a.n; i++)
        at[scheme.n + i] = given.p ? a.p[i] : ascii_lower(a.p[i]);
    x->service = slice_of(at, scheme.n + a.n);
}

static uint8_t read_name(const char *s, const char *(*name)(unsigned), unsigned n, uint8_t unknown)
{
    for (unsigned i = 0; s && i < n; i++)
        if (strcmp(name(i), s) == 0)
            return (uint8_t)i;
    return unknown;
}

static const char *end_by_number(unsigned i)
{
    return end_name((enum end_state)i);
}

static const char *proto_by_number(unsigned i)
{
    return proto_name((enum proto)i);
}

/* Behind the string that begins at s.p[at]. */
static size_t skip_string(struct slice s, size_t at)
{
    for (at++; at < s.n && s.p[at] != '"'; at++)
        at += s.p[at] == '\\';
    return at + 1;
}

/* The text of a number among the members of the object itself, as it stands in the line; empty: not found so. */
static struct slice number_text(struct slice s, struct slice name)
{
    unsigned depth = 0;
    for (size_t at = 0; at < s.n; at++) {
        depth += s.p[at] == '{' || s.p[at] == '[';
        depth -= s.p[at] == '}' || s.p[at] == ']';
        if (s.p[at] != '"')
            continue;
        size_t end = skip_string(s, at);
        bool same = depth == 1 && slice_eq(slice_sub(s, at + 1, end - 1), name);
        at = end - 1;
        if (!same)
            continue;
        struct slice rest = slice_trim(slice_sub(s, end, s.n));
        if (!rest.n || rest.p[0] != ':')
            continue;
        rest = slice_trim(slice_sub(rest, 1, rest.n));
        size_t n = 0;
        while (n < rest.n && (ascii_digit(rest.p[n]) || memchr("+-.eE", rest.p[n], 5)))
            n++;
        return slice_sub(rest, 0, n);
    }
    return (struct slice){NULL, 0};
}

/* A decimal number times a million, to the nearest integer: by its digits, of which 18 count. -1: it is none. */
static int64_t millionths(struct slice s)
{
    uint64_t digits = 0, unit = 1;
    int power = 6, n = 0;
    size_t at = 0;
    for (bool fraction = false; at < s.n && (ascii_digit(s.p[at]) || (s.p[at] == '.' && !fraction)); at++) {
        if (s.p[at] == '.') {
            fraction = true;
        } else if (n < 18) {
            digits = digits * 10 + (uint64_t)(s.p[at] - '0');
            n += digits != 0;
            power -= fraction;
        } else {
            power += !fraction;
        }
    }
    if (at < s.n) { /* JSON: e, a sign perhaps, digits */
        bool minus = at + 1 < s.n && s.p[at + 1] == '-';
        int exponent = 0;
        for (at++; at < s.n && exponent < 100; at++)
            exponent = ascii_digit(s.p[at]) ? exponent * 10 + s.p[at] - '0' : exponent;
        power += minus ? -exponent : exponent;
    }
    for (; power > 0 && digits < UINT64_MAX / 10; power--)
        digits *= 10;
    for (; power < 0 && unit < UINT64_MAX / 20; power++)
        unit *= 10;
    return power || digits > INT64_MAX ? -1 : (int64_t)(digits / unit + (digits % unit >= unit - digits % unit));
}

/* A double tells Unix time to a quarter of a microsecond, so the nearest one is told by the digits themselves. */
static int64_t moment(const struct reading *r, double about)
{
    int64_t us = millionths(number_text(r->line, SLICE("ts")));
    return us < 0 || fabs((double)us - about * 1e6) > 1 ? (int64_t)llround(about * 1e6) : us;
}

static const char *read_times(const struct reading *r, struct exchange *x)
{
    double ts = number(r, "ts", NAN);
    static const double year_10000 = 253402300800;
    if (!isfinite(ts) || ts < 0)
        return "no 'ts' in Unix seconds";
    if (ts >= year_10000)
        return "'ts' is not in Unix seconds; in milliseconds?";
    int64_t request = read_micros(r, "request_s"), ttfb = read_micros(r, "ttfb_s"),
            duration = read_micros(r, "duration_s");
    x->t_req0 = moment(r, ts);
    x->t_req1 = x->arrival = x->t_req0 + (request > 0 ? request : 0);
    x->t_rsp0 = ttfb >= 0 ? x->t_req1 + ttfb : TIME_NONE;
    x->t_rsp1 = duration >= 0 ? x->t_req0 + duration : TIME_NONE;
    if (!x->method.p) { /* as capture has them: of a request nothing is known */
        x->t_rsp0 = x->arrival;
        x->t_req0 = x->t_req1 = TIME_NONE;
    }
    return NULL;
}

static void read_pair_below(const cJSON *o, const char *name, double most, double out[2])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, name);
    for (int i = 0; i < 2; i++) {
        const cJSON *v = cJSON_GetArrayItem(list, i);
        out[i] = cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble < most ? v->valuedouble : 0;
    }
}

static void read_pair(const cJSON *o, const char *name, double out[2])
{
    read_pair_below(o, name, 4e9, out);
}

/* A record with `grpc_status`, known or null, is a call's. */
static void read_grpc(const struct reading *r, struct exchange *x)
{
    const cJSON *o = member(r, "grpc");
    double messages[2], bytes[2], compressed[2], status = number(r, "grpc_status", -1);
    struct grpc_facts *g = member(r, "grpc_status") ? slot_alloc(r->pool, r->slot, sizeof *g) : NULL;
    if (!g)
        return;
    read_pair(o, "messages", messages);
    read_pair(o, "message_bytes", bytes);
    read_pair(o, "compressed", compressed);
    const cJSON *timeout = cJSON_GetObjectItemCaseSensitive(o, "timeout_s");
    bool lost = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(o, "whole"));
    *g = (struct grpc_facts){.timeout_us = -1, .status = (int16_t)(status >= 0 && status < 1000 ? status : -1)};
    if (cJSON_IsNumber(timeout) && timeout->valuedouble >= 0 && timeout->valuedouble < 9e11)
        g->timeout_us = llround(timeout->valuedouble * 1e6);
    for (int i = 0; i < 2; i++) {
        g->messages[i] = (uint32_t)messages[i];
        g->bytes[i] = (uint64_t)bytes[i];
        g->compressed[i] = (uint32_t)compressed[i];
        g->lost[i] = lost;
    }
    x->flags |= exchange_grpc_flags(g);
    x->grpc = g;
}

static const char *answer_by_number(unsigned i)
{
    return operation_answer_name((enum operation_answer)i);
}

/* Whether one of the names could be a credential. */
static bool is_secret(struct slice names)
{
    size_t at = 0;
    for (size_t i = 0; i <= names.n; i++)
        if (i == names.n || names.p[i] == ',' || names.p[i] == '+') {
            if (piece_any(slice_sub(names, at, i)))
                return true;
            at = i + 1;
        }
    return false;
}

/* That of a call of gRPC is its path. */
static void read_operation(const struct reading *r, struct exchange *x)
{
    struct slice name = read_text(r, "operation");
    char hidden[REDACTED];
    if (is_secret(name)) {
        redact_hide(r->reader->redact, name, -1, hidden);
        name = keep_bytes(r, slice_of(hidden, sizeof hidden));
    }
    struct operation_facts *f = !x->grpc && operation_is_name(name) ? slot_alloc(r->pool, r->slot, sizeof *f) : NULL;
    if (!f)
        return;
    *f = (struct operation_facts){.name = name, .safe = cJSON_IsTrue(member(r, "operation_safe"))};
    f->answer = read_name(cJSON_GetStringValue(member(r, "operation_answer")), answer_by_number, OPERATION_ANSWERS,
                          OPERATION_UNREAD_none);
    x->operation = f;
}

static void read_websocket(const struct reading *r, struct exchange *x)
{
    const cJSON *o = member(r, "websocket"), *duration = cJSON_GetObjectItemCaseSensitive(o, "duration_s");
    double messages[2], bytes[2], frames[2], compressed[2], control[2];
    struct websocket_facts *w = cJSON_IsObject(o) ? slot_alloc(r->pool, r->slot, sizeof *w) : NULL;
    if (!w)
        return;
    read_pair(o, "messages", messages);
    read_pair_below(o, "message_bytes", 9e15, bytes);
    read_pair(o, "frames", frames);
    read_pair(o, "compressed", compressed);
    read_pair(o, "control", control);
    *w = (struct websocket_facts){.opened = x->t_rsp1,
                                  .closed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "closed"))};
    if (cJSON_IsNumber(duration) && duration->valuedouble >= 0 && duration->valuedouble < 9e11)
        w->duration_us = llround(duration->valuedouble * 1e6);
    for (int i = 0; i < 2; i++) {
        w->messages[i] = (uint32_t)messages[i];
        w->bytes[i] = (uint64_t)bytes[i];
        w->frames[i] = (uint32_t)frames[i];
        w->compressed[i] = (uint32_t)compressed[i];
        w->control[i] = (uint32_t)control[i];
        w->lost[i] = !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "whole"));
    }
    x->websocket = w;
}

static uint64_t count_in(const cJSON *o, const char *name, double scale)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    double d = cJSON_IsNumber(v) && isfinite(v->valuedouble) ? v->valuedouble * scale : 0;
    return d > 0 && d < 9e15 ? (uint64_t)llround(d) : 0;
}

static void read_events(const struct reading *r, struct exchange *x)
{
    const cJSON *o = member(r, "events");
    struct event_facts *e = cJSON_IsObject(o) ? slot_alloc(r->pool, r->slot, sizeof *e) : NULL;
    if (!e)
        return;
    *e = (struct event_facts){.events = count_in(o, "events", 1),
                              .bytes = count_in(o, "bytes", 1),
                              .gaps = count_in(o, "gaps", 1),
                              .gap_us = count_in(o, "gap_s", 1e6),
                              .gap_max_us = count_in(o, "gap_max_s", 1e6),
                              .duration_us = count_in(o, "duration_s", 1e6),
                              .opened = x->t_rsp0,
                              .resumed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "resumed")),
                              .lost = !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "whole"))};
    x->events = e;
}

/* As capture found them, or else what the fields of the request tell. */
static void read_parts(const struct reading *r, struct exchange *x)
{
    const cJSON *sealed = member(r, "key_parts"), *item;
    parts_begin(r->parts);
    cJSON_ArrayForEach(item, sealed)
    {
        if (item->string && cJSON_IsString(item))
            parts_sealed(r->parts, slice_str(item->string), slice_str(item->valuestring));
    }
    if (!cJSON_IsObject(sealed)) {
        for (unsigned i = 0; i < x->n_fields; i++)
            if (!x->fields[i].response)
                parts_field(r->parts, x->fields[i].token, x->fields[i].name, x->fields[i].value);
        if (x->user_agent.p && !exchange_field(x, TOKEN_USER_AGENT, false).p)
            parts_field(r->parts, TOKEN_USER_AGENT, SLICE("user-agent"), x->user_agent);
    }
    x->parts = parts_end(r->parts, r->pool, r->slot);
}

/* As capture found them, or else as the request's fields have them in clear. */
static void read_ids(const struct reading *r, struct exchange *x, const struct hash_key *key)
{
    struct slice trace = exchange_field(x, TOKEN_TRACEPARENT, false), id = exchange_field(x, TOKEN_X_REQUEST_ID, false);
    x->trace_id = read_identity(r, "trace_id");
    x->request_id = read_identity(r, "request_id");
    if (!x->trace_id && trace.p)
        x->trace_id = trace_of(key, trace);
    if (!x->request_id && id.p && id.p[0] != '~')
        x->request_id = trace_request(key, id);
}

static const char *value_by_number(unsigned i)
{
    return leaf_value_name((enum leaf_value)i);
}

static void read_leaf(const struct reading *r, const cJSON *item, struct leaf *out)
{
    const char *text[5];
    for (int i = 0; i < 5; i++)
        text[i] = cJSON_GetStringValue(cJSON_GetArrayItem(item, i));
    *out = (struct leaf){.path = identity_of_text(text[1]),
                         .hash = identity_of_text(text[2]),
                         .order = identity_of_text(text[4]),
                         .name = keep(r, text[0]),
                         .value = read_name(text[3], value_by_number, LEAF_VALUES, LEAF_OTHER)};
}

static void read_leaves(const struct reading *r, struct exchange *x)
{
    const cJSON *o = member(r, "leaves"), *paths = cJSON_GetObjectItemCaseSensitive(o, "paths"), *item;
    int n = cJSON_IsArray(paths) ? cJSON_GetArraySize(paths) : -1;
    struct leaves *l =
        n >= 0 && n <= LEAVES_MOST ? slot_alloc(r->pool, r->slot, sizeof *l + (size_t)n * sizeof *l->leaf) : NULL;
    if (!l)
        return;
    l->sum = identity_of_text(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "sum")));
    l->n = 0;
    cJSON_ArrayForEach(item, paths)
    {
        read_leaf(r, item, &l->leaf[l->n++]);
    }
    x->leaves = l;
}

/* What became of a field's value when it was sealed: `~` or a keyed hash, perhaps of a weak tag; repeated fields are
 * joined. */
static bool is_sealed(struct slice value)
{
    struct slice item;
    if (!value.n)
        return true;
    while (slice_next(&value, ',', &item)) {
        if (slice_starts(item, SLICE("W/")))
            item = slice_sub(item, 2, item.n);
        if (!route_is_hidden(item) && !slice_eq(item, SLICE("~")))
            return false;
    }
    return true;
}

/* As capture seals them (capture/tokens.def), once everything else has read them. */
static void seal_fields(const struct reading *r, const struct exchange *x)
{
    static const char kept[TOKEN_COUNT] = {
        [TOKEN_OTHER] = 'H',
#define TOKEN(id, name, what) [TOKEN_##id] = what,
#include "capture/tokens.def"
#undef TOKEN
    };
    for (unsigned i = 0; i < x->n_fields; i++) {
        struct field *f = (struct field *)(uintptr_t)&x->fields[i];
        char what = kept[f->token], text[2 + REDACTED] = "W/";
        bool clear = what == 'C' && f->value.n <= CLEAR_MAX, target = what == 'L' && f->value.n;
        if (target && slice_eq(f->value, raw_text(r, "target"))) {
            f->value = x->target;
        } else if (!clear && what != 'S' && what != 'Q' && !is_sealed(f->value)) {
            bool weak = what == 'T' && slice_starts(f->value, SLICE("W/"));
            redact_hide(r->reader->redact, f->value, -1, text + 2);
            f->value = keep_bytes(r, slice_of(text + (weak ? 0 : 2), REDACTED + (weak ? 2 : 0)));
        }
    }
}

/* An answer that has no body by definition (RFC 9110 section 6.4.1) is known to have none. */
static uint8_t read_sizes(const struct reading *r, struct exchange *x)
{
    bool none = !x->status || x->status < 200 || x->status == 204 || x->status == 304 ||
                (x->method.p && slice_eq(x->method, SLICE("HEAD")));
    x->request_bytes = count(r, "request_bytes");
    x->response_bytes = count(r, "response_bytes");
    return (uint8_t)((x->method.p && number(r, "request_bytes", -1) < 0 ? UNSIZED_REQUEST : 0) |
                     (!none && number(r, "response_bytes", -1) < 0 ? UNSIZED_RESPONSE : 0));
}

static const char *read_object(const struct reading *r, struct exchange *x, const struct hash_key *key)
{
    const char *client = cJSON_GetStringValue(member(r, "client")), *server = cJSON_GetStringValue(member(r, "server"));
    const cJSON *method = member(r, "method");
    x->method = read_text(r, "method");
    x->target = read_target(r);
    x->authority = keep_bytes(r, redact_authority(r->reader->redact, raw_text(r, "authority")));
    x->tls = cJSON_IsTrue(member(r, "tls"));
    x->proto = read_name(cJSON_GetStringValue(member(r, "proto")), proto_by_number, PROTO_COUNT, PROTO_HTTP11);
    double status = number(r, "status", -1);
    if (status < 0 || status > 999)
        return member(r, "status") ? "'status' is no status code" : "no 'status'";
    x->status = (uint16_t)status;
    if (!x->method.n && !(cJSON_IsNull(method) && x->status))
        return "no 'method'";
    if (slice_find(x->method, ' ', 0) < x->method.n || slice_find(x->method, '/', 0) < x->method.n)
        return "'method' is more than a method";
    if (x->method.p && !x->target.p)
        return "no 'target'";
    bool cache = x->proto == PROTO_REDIS || x->proto == PROTO_MEMCACHED;
    if (x->method.p && !cache && !x->authority.n && !cJSON_GetStringValue(member(r, "service")))
        return "no 'authority'";
    if (!client || !addr_parse(slice_str(client), &x->client))
        return "no 'client' address";
    if (server && addr_parse(slice_str(server), &x->server) && x->server.known != ADDR_WHOLE)
        x->server = (struct addr){0};
    const char *trouble = read_times(r, x);
    if (trouble)
        return trouble;
    const char *end = cJSON_GetStringValue(member(r, "end"));
    x->end = read_name(end, end_by_number, END_COUNT, end ? END_COUNT : x->status ? END_COMPLETE : END_CAPTURE);
    if (x->end == END_COUNT)
        return "'end' is no word for it (complete, client_abort, server_abort, gap, timeout, capture_end)";
    x->unsized = read_sizes(r, x);
    x->gap_bytes = count(r, "gap_bytes");
    x->conn = count(r, "conn");
    uint64_t stream = count(r, "stream");
    x->stream = stream <= INT32_MAX ? (uint32_t)stream : 0;
    x->request_body_id = read_identity(r, "request_body_id");
    x->body_id = read_identity(r, "body_id");
    int64_t rtt_client = read_micros(r, "rtt_client_s"), rtt_server = read_micros(r, "rtt_server_s");
    x->rtt_client = rtt_client >= 0 && rtt_client < INT32_MAX ? (int32_t)rtt_client : -1;
    x->rtt_server = rtt_server >= 0 && rtt_server < INT32_MAX ? (int32_t)rtt_server : -1;
    int64_t window = read_micros(r, "transfer_window_s"), loss = read_micros(r, "transfer_loss_s");
    x->window_us = window > 0 && window < UINT32_MAX ? (uint32_t)window : 0;
    x->loss_us = loss > 0 && loss < UINT32_MAX ? (uint32_t)loss : 0;
    read_service(r, x);
    read_client(r, x, key);
    read_address(r, x, key);
    x->credential_besides = cJSON_IsTrue(member(r, "credential_besides"));
    read_client_name(r, x);
    read_flags(r, x);
    read_grpc(r, x);
    read_operation(r, x);
    read_websocket(r, x);
    read_events(r, x);
    if (cache)
        x->cache = recordcache_read(member(r, "cache"), r->pool, r->slot);
    x->decoded_id = read_identity(r, "decoded_id");
    read_leaves(r, x);
    read_fields(r, x);
    read_ids(r, x, key);
    struct slice type = raw_text(r, "content_type"), agent = raw_text(r, "user_agent");
    x->content_type = keep_bytes(r, slice_trim(slice_sub(type, 0, slice_find(type, ';', 0))));
    x->encoding = read_text(r, "encoding");
    x->user_agent = keep_bytes(r, slice_sub(slice_sub(agent, 0, slice_find(agent, ' ', 0)), 0, AGENT_MAX));
    x->api_version = apiversion_parse(read_text(r, "api_version"));
    for (unsigned i = 0; i < x->n_fields && !x->api_version; i++)
        if (!x->fields[i].response && apiversion_reads[x->fields[i].token])
            x->api_version = apiversion_of(x->fields[i].token, x->fields[i].value);
    x->upgrade = read_text(r, "upgrade");
    if (!x->cache && slice_eq(x->method, SLICE("GET")))
        read_parts(r, x);
    seal_fields(r, x);
    return NULL;
}

const char *record_read(const struct record_reader *reader, struct slice line, uint64_t number_of, struct slot *out)
{
    cJSON *o = cJSON_ParseWithLength(line.p, line.n);
    struct reading r = {o, line, reader, reader->parts, reader->pool, out};
    const char *trouble = "not a JSON object";
    if (cJSON_IsObject(o))
        trouble = read_object(&r, &out->x, &reader->key);
    out->x.order = number_of;
    cJSON_Delete(o);
    if (!trouble && out->overflow)
        trouble = "longer than 256 KiB";
    return trouble;
}
