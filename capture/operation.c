#include "capture/operation.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clones.h"
#include "base/sixteen.h"
#include "capture/coding.h"
#include "capture/document.h"
#include "capture/media.h"
#include "capture/members.h"
#include "capture/redact.h"

enum { HIDDEN = 12, SHA_SHOWN = 6, KIND_MOST = 16 };

/* What holds a value that is read. */
enum where {
    BODY = 1, /* of a request */
    CALL,     /* one that is asked for */
    BATCH,
    QUERY,
    NAME,
    PARAMETER, /* extensions of a GET */
    EXTENSIONS,
    PERSISTED,
    SHA,
    VERSION,
    METHOD,
    ANSWER, /* body of one */
    RESULT, /* for one call */
    RESULTS,
    ERRORS,
};

/* The names that a request asks for. */
struct names {
    uint64_t seen[OPERATION_LISTED];
    uint8_t n, text_n;
    bool more, unsafe, bad;
    enum operation_kind kind;
    char text[OPERATION_TEXT];
};

/* What one call says of itself. */
struct call {
    bool has_query, query_whole, has_name, has_sha, has_version, has_method;
    struct word name, sha, version, method;
    struct document document;
};

struct operation {
    struct operations *owner;
    struct slot *slot;
    struct operation *older, *newer; /* in use, by when they began; newer: free ones, chained */
    struct coding *coding;
    uint32_t looked;
    int role;
    bool full, inside, failed; /* full: no more is looked at; inside: of a call */
    struct members json;
    struct names names;
    struct call call;
};

struct operations {
    struct hash_key key;
    struct codings codings;
    struct operation *free, *oldest, *newest;
    unsigned made;
    int64_t credit;
    uint64_t share;
    bool paused;
};

struct operations *operations_new(const struct hash_key *key, uint64_t memory)
{
    struct operations *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->key = *key;
    o->codings.limit = memory;
    o->credit = OPERATION_CREDIT;
    return o;
}

void operations_free(struct operations *o)
{
    if (!o)
        return;
    while (o->oldest)
        operation_drop(o, o->oldest->slot);
    while (o->free) {
        struct operation *k = o->free;
        o->free = k->newer;
        free(k);
    }
    free(o);
}

void operations_pause(struct operations *o, bool paused)
{
    o->paused = paused;
}

/* ---- names ---- */

static bool name_char(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || (c && strchr("_.:/#-", c));
}

bool operation_is_name(struct slice name)
{
    if (!name.n || name.n > OPERATION_TEXT)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!name_char(name.p[i]) && !strchr("~,+", name.p[i] ? name.p[i] : ' '))
            return false;
    return true;
}

/* As it is where it reads like a name and like no credential; else `~` and 12 hex digits of its keyed hash. */
static size_t shown(const struct word *w, const struct hash_key *key, char out[WORD_MOST])
{
    struct slice text = word_text(w);
    bool plain = text.n && !piece_any(text);
    for (size_t i = 0; i < text.n && plain; i++)
        plain = name_char(text.p[i]);
    if (plain) {
        memcpy(out, text.p, text.n);
        return text.n;
    }
    static const char digits[] = "0123456789abcdef";
    uint64_t h = word_hash(w, key);
    out[0] = '~';
    for (int i = 0; i < HIDDEN; i++)
        out[1 + i] = digits[h >> (60 - 4 * i) & 15];
    return 1 + HIDDEN;
}

/* Adds "prefix:name", once. */
static void names_add(struct names *l, const char *prefix, struct slice name)
{
    char text[KIND_MOST + WORD_MOST];
    size_t n = strlen(prefix);
    memcpy(text, prefix, n);
    if (n)
        text[n++] = ':';
    memcpy(text + n, name.p, name.n);
    n += name.n;
    uint64_t hash = 1;
    for (size_t i = 0; i < n; i++)
        hash = hash_mix(hash + (unsigned char)text[i]);
    for (unsigned i = 0; i < l->n; i++)
        if (l->seen[i] == hash)
            return;
    size_t comma = l->n != 0;
    if (l->n == OPERATION_LISTED ||
        l->text_n + comma + n + 2 > OPERATION_TEXT) { /* 2: for what says that there are more */
        l->more = true;
        return;
    }
    if (comma)
        l->text[l->text_n++] = ',';
    memcpy(l->text + l->text_n, text, n);
    l->text_n += (uint8_t)n;
    l->seen[l->n++] = hash;
}

/* ---- one call ---- */

static void call_begin(struct call *c)
{
    c->has_query = c->query_whole = c->has_name = c->has_sha = c->has_version = c->has_method = false;
}

static void add_word(struct names *l, const struct hash_key *key, const char *prefix, const struct word *w)
{
    char text[WORD_MOST];
    names_add(l, prefix, slice_of(text, shown(w, key, text)));
}

static void add_hex(struct names *l, const char *prefix, uint64_t hash)
{
    char text[SHA_SHOWN + 1];
    snprintf(text, sizeof text, "%06x", (unsigned)(hash >> 40));
    names_add(l, prefix, slice_of(text, SHA_SHOWN));
}

static void add_document(struct names *l, const struct hash_key *key, const struct call *c)
{
    const struct document *d = &c->document;
    uint64_t asked = c->has_name && c->name.n ? word_hash(&c->name, key) : 0;
    const char *kind = document_kind_name(document_kind_of(d, asked));
    if (asked)
        add_word(l, key, kind, &c->name);
    else if (d->name[0])
        add_word(l, key, kind, &d->first);
    else
        add_hex(l, "anon", hash_words(key, (const uint64_t[]){'d', d->shape}, 2));
    l->unsafe |= !document_safe(d, asked, c->query_whole);
}

/* The first digits of the hash by which both sides know a document; which kind it is they alone know. */
static void add_persisted(struct names *l, const struct hash_key *key, const struct call *c)
{
    char text[SHA_SHOWN];
    struct slice sha = word_text(&c->sha);
    bool hex = sha.n >= SHA_SHOWN;
    for (size_t i = 0; i < SHA_SHOWN && hex; i++) {
        hex = ascii_hex(sha.p[i]) >= 0;
        text[i] = ascii_lower(sha.p[i]);
    }
    if (hex)
        names_add(l, "persisted", slice_of(text, SHA_SHOWN));
    else
        add_hex(l, "persisted", word_hash(&c->sha, key));
    l->unsafe = true;
}

/* No more of the call will be seen. */
static void call_end(struct names *l, const struct hash_key *key, struct call *c)
{
    l->kind = OPERATION_GRAPHQL;
    if (c->has_method && c->has_version && slice_eq(word_text(&c->version), SLICE("2.0"))) {
        add_word(l, key, "", &c->method);
        l->kind = OPERATION_RPC;
        l->unsafe = true;
    } else if (c->has_query && document_end(&c->document, c->query_whole)) {
        add_document(l, key, c);
    } else if (c->has_sha && !c->has_query) {
        add_persisted(l, key, c);
    } else {
        l->bad = true;
    }
}

/* ---- the members that are read ---- */

static uint8_t call_member(struct operation *k, struct slice name, char first)
{
    struct call *c = &k->call;
    if (first == '{')
        return slice_eq(name, SLICE("extensions")) ? EXTENSIONS : MEMBERS_SKIP;
    if (first != '"')
        return MEMBERS_SKIP;
    if (slice_eq(name, SLICE("query"))) {
        c->has_query = true;
        c->query_whole = false;
        document_begin(&c->document, &k->owner->key);
        return QUERY;
    }
    if (slice_eq(name, SLICE("operationName"))) {
        word_begin(&c->name);
        return NAME;
    }
    if (slice_eq(name, SLICE("jsonrpc"))) {
        word_begin(&c->version);
        return VERSION;
    }
    if (slice_eq(name, SLICE("method"))) {
        word_begin(&c->method);
        return METHOD;
    }
    return MEMBERS_SKIP;
}

static uint8_t answer_member(struct operation *k, struct slice name, char first)
{
    bool rpc = k->slot->x.operation->kind == OPERATION_RPC;
    if (rpc)
        k->failed |= slice_eq(name, SLICE("error")) && first != 'n';
    return !rpc && first == '[' && slice_eq(name, SLICE("errors")) ? ERRORS : MEMBERS_SKIP;
}

static uint8_t value(void *context, uint8_t where, struct slice name, char first)
{
    struct operation *k = context;
    switch ((enum where)where) {
    case BODY:
        if (first == '[')
            return BATCH;
        /* fall through */
    case BATCH:
        k->inside = first == '{';
        k->names.bad |= !k->inside;
        call_begin(&k->call);
        return k->inside ? CALL : MEMBERS_SKIP;
    case CALL:
        return call_member(k, name, first);
    case PARAMETER:
        return first == '{' ? EXTENSIONS : MEMBERS_SKIP;
    case EXTENSIONS:
        return first == '{' && slice_eq(name, SLICE("persistedQuery")) ? PERSISTED : MEMBERS_SKIP;
    case PERSISTED:
        word_begin(&k->call.sha);
        return first == '"' && slice_eq(name, SLICE("sha256Hash")) ? SHA : MEMBERS_SKIP;
    case ANSWER:
        if (first == '[')
            return RESULTS;
        /* fall through */
    case RESULTS:
        return first == '{' ? RESULT : MEMBERS_SKIP;
    case RESULT:
        return answer_member(k, name, first);
    case ERRORS:
        k->failed = true;
        return MEMBERS_SKIP;
    default:
        return MEMBERS_SKIP;
    }
}

static void text(void *context, uint8_t where, const char *p, size_t n)
{
    struct operation *k = context;
    struct call *c = &k->call;
    switch ((enum where)where) {
    case QUERY:
        document_feed(&c->document, p, n);
        c->query_whole = !n;
        break;
    case NAME:
        word_add(&c->name, p, n);
        c->has_name |= !n;
        break;
    case SHA:
        word_add(&c->sha, p, n);
        c->has_sha |= !n;
        break;
    case VERSION:
        word_add(&c->version, p, n);
        c->has_version |= !n;
        break;
    default: /* METHOD */
        word_add(&c->method, p, n);
        c->has_method |= !n;
    }
}

static void leave(void *context, uint8_t where)
{
    struct operation *k = context;
    if (where != CALL)
        return;
    k->inside = false;
    call_end(&k->names, &k->owner->key, &k->call);
}

static const struct members_reader reader = {value, text, leave};

/* ---- bodies ---- */

static void look_at(void *context, const char *p, size_t n)
{
    struct operation *k = context;
    size_t room = OPERATION_LOOKED - k->looked, part = n < room ? n : room;
    if (k->full)
        return;
    k->looked += (uint32_t)part;
    k->full = !members_feed(&k->json, p, part) || part < n || k->failed;
}

/* Whether a member is here without which a body asks for nothing, or an escape that may spell one. */
static inline bool is_asking(struct slice s)
{
    if (s.p[0] != '"')
        return s.p[0] == '\\';
    return slice_starts(s, SLICE("\"query\"")) || slice_starts(s, SLICE("\"jsonrpc\"")) ||
           slice_starts(s, SLICE("\"sha256Hash\""));
}

static bool any_asking(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_asking(slice_sub(s, i, s.n)))
            return true;
    return false;
}

enum { AT_ONCE = 32, READ = AT_ONCE + 2 };

/* Notes where one may be among AT_ONCE characters; two more are looked at. */
static inline void note_asking(const char *p, unsigned char any[AT_ONCE])
{
    for (int i = 0; i < AT_ONCE; i++) {
        char b = p[i + 1], c = p[i + 2];
        int name = ((b == 'q') & (c == 'u')) | ((b == 'j') & (c == 's')) | ((b == 's') & (c == 'h'));
        any[i] |= (unsigned char)((p[i] == '\\') | ((p[i] == '"') & name));
    }
}

/* Whether a whole body may ask for an operation. Most JSON asks for none, and need not be read for its members. */
static CLONES bool may_ask(struct slice s)
{
    unsigned char any[AT_ONCE] = {0}, one = s.n < READ;
    for (size_t at = 0; at + READ <= s.n; at += AT_ONCE)
        note_asking(s.p + at, any);
    if (!one)
        note_asking(s.p + s.n - READ, any);
    for (int i = 0; i < AT_ONCE; i++)
        one |= any[i];
    return one && any_asking(s);
}

void operation_data(struct operation *k, int role, const char *p, size_t n, bool whole)
{
    if (role != k->role || k->full)
        return;
    if (whole && !role && !k->coding && !may_ask(slice_of(p, n)))
        k->full = true;
    else if (k->coding)
        coding_feed(k->coding, p, n);
    else
        look_at(k, p, n);
}

static void unlink_one(struct operations *o, struct operation *k)
{
    *(k->older ? &k->older->newer : &o->oldest) = k->newer;
    *(k->newer ? &k->newer->older : &o->newest) = k->older;
}

void operation_drop(struct operations *o, struct slot *s)
{
    struct operation *k = s->operation;
    if (!k)
        return;
    s->operation = NULL;
    coding_close(&o->codings, k->coding);
    unlink_one(o, k);
    if (k->looked)
        explicit_bzero(&k->call, sizeof k->call); /* what somebody asked for stays nowhere */
    k->newer = o->free;
    o->free = k;
}

static struct operation *take(struct operations *o)
{
    if (!o->free && o->made == OPERATIONS_OPEN)
        operation_drop(o, o->oldest->slot);
    struct operation *k = o->free;
    if (k)
        o->free = k->newer;
    else if ((k = calloc(1, sizeof *k)))
        o->made++;
    return k;
}

static bool is_coded(struct slice coding)
{
    return coding.n && !slice_ieq(coding, SLICE("identity"));
}

/* A body of the slot begins; coding: the value of its field, n 0: none. False: it is not read. */
static bool open_body(struct operations *o, struct slot *s, int role, struct slice coding)
{
    bool coded = is_coded(coding);
    if (s->operation || (coded && !coding_known(coding)))
        return false;
    struct operation *k = take(o);
    if (!k)
        return false;
    k->owner = o;
    k->slot = s;
    k->coding = NULL;
    k->looked = 0;
    k->role = role;
    k->full = k->inside = k->failed = false;
    k->names.n = k->names.text_n = 0;
    k->names.more = k->names.unsafe = k->names.bad = false;
    k->newer = NULL;
    k->older = o->newest;
    *(o->newest ? &o->newest->newer : &o->oldest) = k;
    o->newest = k;
    s->operation = k;
    members_begin(&k->json, &reader, k, role ? ANSWER : BODY);
    if (coded && !(k->coding = coding_open(&o->codings, coding, look_at, k)))
        operation_drop(o, s);
    return s->operation != NULL;
}

/* application/json, application/graphql+json, application/json-rpc. */
static bool is_json(struct slice type)
{
    if (media_says_json(type))
        return true;
    type = slice_trim(slice_sub(type, 0, slice_find(type, ';', 0)));
    struct slice end = slice_sub(type, type.n < 5 ? 0 : type.n - 5, type.n);
    return slice_ieq(end, SLICE("/json")) || slice_ieq(end, SLICE("+json")) ||
           slice_ieq(type, SLICE("application/json-rpc"));
}

/* ---- what was found ---- */

/* For want of room the exchange has no operation; nothing that it needs is missing. */
static void settle(struct slot_pool *pool, struct slot *s, struct names *l)
{
    bool overflow = s->overflow;
    struct operation_facts *f = slot_alloc(pool, s, sizeof *f + l->text_n + 2);
    s->overflow = overflow;
    if (!f)
        return;
    if (l->more) {
        l->text[l->text_n++] = ',';
        l->text[l->text_n++] = '+';
    }
    char *at = (char *)(f + 1);
    memcpy(at, l->text, l->text_n);
    *f = (struct operation_facts){.name = slice_of(at, l->text_n),
                                  .safe = !l->unsafe && !l->more && l->kind == OPERATION_GRAPHQL,
                                  .kind = (uint8_t)l->kind,
                                  .answer = OPERATION_UNREAD_none};
    s->x.operation = f;
}

struct operation_facts *operation_copy(struct slot_pool *pool, struct slot *to, const struct operation_facts *f)
{
    struct operation_facts *copy = f ? slot_alloc(pool, to, sizeof *copy + f->name.n) : NULL;
    if (!copy)
        return NULL;
    *copy = *f;
    copy->name = slice_of(memcpy(copy + 1, f->name.p, f->name.n), f->name.n);
    copy->answer = OPERATION_UNREAD_none;
    return copy;
}

/* The whole body was looked at, or as much of it as is. */
static bool ended_well(const struct operation *k, const struct slot *s)
{
    bool cut = s->x.flags & (FLAG_REQUEST_TRUNCATED | FLAG_AMBIGUOUS);
    if (k->looked == OPERATION_LOOKED && k->full)
        return true;
    return !cut && members_done(&k->json) && (!k->coding || coding_end(k->coding) == CODING_GOOD);
}

void operation_asked(struct operations *o, struct slot_pool *pool, struct slot *s)
{
    struct operation *k = s->operation;
    if (!k || k->role)
        return;
    if (ended_well(k, s)) {
        k->names.more |= !members_done(&k->json) && k->json.level[1].list;
        if (k->inside)
            call_end(&k->names, &o->key, &k->call);
        if (k->names.n && !k->names.bad)
            settle(pool, s, &k->names);
    }
    operation_drop(o, s);
}

/* ---- answers ---- */

void operation_answer(struct operations *o, struct slot *s)
{
    struct operation_facts *f = s->x.operation;
    struct slice coding = slice_trim(slot_field(&s->response, TOKEN_CONTENT_ENCODING));
    if (!f || f->kind == OPERATION_SOAP)
        return;
    f->answer = OPERATION_UNREAD_none;
    if (!is_json(slot_field(&s->response, TOKEN_CONTENT_TYPE)))
        f->answer = OPERATION_UNREAD_no_json;
    else if (is_coded(coding) && (o->paused || o->credit <= 0))
        f->answer = OPERATION_UNREAD_coded;
    else if (open_body(o, s, 1, coding))
        f->answer = OPERATION_UNREAD_cut;
    else
        f->answer = OPERATION_UNREAD_coded;
}

void operation_answered(struct operations *o, struct slot *s)
{
    struct operation *k = s->operation;
    struct operation_facts *f = s->x.operation;
    if (!k || !k->role || !f)
        return;
    o->share += s->x.response_bytes;
    o->credit += (int64_t)(o->share / OPERATION_SHARE);
    o->share %= OPERATION_SHARE;
    o->credit -= k->coding ? k->looked : 0;
    bool good = !k->coding || coding_end(k->coding) == CODING_GOOD;
    if (k->failed || (members_done(&k->json) && good && !(s->x.flags & FLAG_TRUNCATED)))
        f->answer = OPERATION_READ;
    else if (k->looked == OPERATION_LOOKED)
        f->answer = OPERATION_UNREAD_long;
    if (k->failed && (f->kind == OPERATION_RPC || s->x.status == 200))
        s->x.flags |= FLAG_FAILED;
    operation_drop(o, s);
}

/* ---- heads ---- */

/* Value of a parameter of a content type, without quotes. */
static struct slice parameter(struct slice type, struct slice name)
{
    struct slice item;
    slice_next(&type, ';', &item);
    while (slice_next(&type, ';', &item)) {
        size_t equals = slice_find(item, '=', 0);
        if (slice_ieq(slice_trim(slice_sub(item, 0, equals)), name))
            return slice_trim(slice_sub(item, equals + 1, item.n));
    }
    return (struct slice){NULL, 0};
}

static struct slice unquoted(struct slice s)
{
    s = slice_trim(s);
    return s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? slice_sub(s, 1, s.n - 1) : s;
}

static void soap(struct operations *o, struct slot_pool *pool, struct slot *s, struct slice action)
{
    struct names l = {.unsafe = true, .kind = OPERATION_SOAP};
    struct word w;
    word_begin(&w);
    word_add(&w, action.p, action.n);
    add_word(&l, &o->key, "", &w);
    settle(pool, s, &l);
}

void operation_post(struct operations *o, struct slot_pool *pool, struct slot *s, const struct head *h,
                    struct slice body)
{
    struct slice type = {NULL, 0}, coding = type, action = type;
    for (unsigned i = 0; i < h->n_fields; i++) {
        const struct rawfield *f = &h->fields[i];
        struct slice field = slice_of(h->raw.p + f->value, f->value_n);
        if (f->token == TOKEN_CONTENT_TYPE)
            type = field;
        else if (f->token == TOKEN_CONTENT_ENCODING)
            coding = slice_trim(field);
        else if (f->token == TOKEN_SOAPACTION)
            action = unquoted(field);
    }
    bool plain = type.n == 16 && media_says_json(type); /* without parameters */
    if (!action.n && !plain && memchr(type.p ? type.p : "", '=', type.n))
        action = unquoted(parameter(type, SLICE("action")));
    if (action.n)
        soap(o, pool, s, action);
    else if ((plain || is_json(type)) && !(body.n && !is_coded(coding) && !may_ask(body)))
        open_body(o, s, 0, coding);
}

/* ---- targets ---- */

/* A value of a query, escapes undone, in pieces. */
static void decode(struct slice v, void (*out)(void *context, const char *p, size_t n), void *context)
{
    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i] == '+' ? ' ' : v.p[i];
        if (c == '%' && i + 2 < v.n && ascii_hex(v.p[i + 1]) >= 0 && ascii_hex(v.p[i + 2]) >= 0) {
            c = (char)(ascii_hex(v.p[i + 1]) << 4 | ascii_hex(v.p[i + 2]));
            i += 2;
        }
        out(context, &c, 1);
    }
}

static void to_document(void *context, const char *p, size_t n)
{
    document_feed(context, p, n);
}

static void to_word(void *context, const char *p, size_t n)
{
    word_add(context, p, n);
}

static void get_parameter(struct operation *k, struct slice name, struct slice v)
{
    struct call *c = &k->call;
    if (slice_eq(name, SLICE("query"))) {
        c->has_query = c->query_whole = true;
        document_begin(&c->document, &k->owner->key);
        decode(v, to_document, &c->document);
    } else if (slice_eq(name, SLICE("operationName"))) {
        c->has_name = true;
        word_begin(&c->name);
        decode(v, to_word, &c->name);
    } else if (slice_eq(name, SLICE("extensions"))) {
        members_begin(&k->json, &reader, k, PARAMETER);
        decode(v, look_at, k);
    }
}

static bool ends(struct slice s, size_t at, struct slice end)
{
    return at >= end.n && memcmp(s.p + at - end.n, end.p, end.n) == 0;
}

#ifdef __SSE2__
/* Which of the sixteen at p are `=` behind the last letter of such a name. */
static inline unsigned asking_ends(const char *p)
{
    __m128i before = sixteen(p - 1), equals = _mm_cmpeq_epi8(sixteen(p), _mm_set1_epi8('='));
    __m128i last = _mm_or_si128(_mm_cmpeq_epi8(before, _mm_set1_epi8('y')), _mm_cmpeq_epi8(before, _mm_set1_epi8('s')));
    return (unsigned)_mm_movemask_epi8(_mm_and_si128(last, equals));
}
#endif

/* Offset of the first `=` from `at` on, 1 or more, that may end the name of one that asks; or s.n. */
static inline size_t asking_end(struct slice s, size_t at)
{
#ifdef __SSE2__
    for (; at + 16 <= s.n; at += 16) {
        unsigned mask = asking_ends(s.p + at);
        if (mask)
            return at + (size_t)__builtin_ctz(mask);
    }
    if (s.n > 16 && at < s.n) {
        unsigned mask = asking_ends(s.p + s.n - 16) >> (at + 16 - s.n);
        return mask ? at + (size_t)__builtin_ctz(mask) : s.n;
    }
#endif
    while (at < s.n && (s.p[at] != '=' || (s.p[at - 1] != 'y' && s.p[at - 1] != 's')))
        at++;
    return at < s.n ? at : s.n;
}

/* Whether a parameter may be one that asks for an operation. */
static bool has_asking(struct slice query)
{
    for (size_t at = asking_end(query, 1); at < query.n; at = asking_end(query, at + 1))
        if (ends(query, at, SLICE("query")) || ends(query, at, SLICE("extensions")))
            return true;
    return false;
}

void operation_get(struct operations *o, struct slot_pool *pool, struct slot *s, struct slice query)
{
    struct slice item;
    if (!has_asking(query))
        return;
    struct operation k = {.owner = o};
    call_begin(&k.call);
    while (slice_next(&query, '&', &item)) {
        size_t equals = slice_find(item, '=', 0);
        if (equals < item.n)
            get_parameter(&k, slice_sub(item, 0, equals), slice_sub(item, equals + 1, item.n));
    }
    call_end(&k.names, &o->key, &k.call);
    if (k.names.n && !k.names.bad)
        settle(pool, s, &k.names);
    explicit_bzero(&k.call, sizeof k.call);
}
