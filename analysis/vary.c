#include "analysis/vary.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"

enum { MEMO = 64, MEMO_TEXT = 59, ENCODINGS = 4 };

struct list {
    uint64_t hash; /* of the normalised text */
    uint32_t text, text_n;
    uint16_t n;
    bool star;
    uint8_t token[VARY_NAMES];
    bool encodings;                                /* it names Accept-Encoding */
    uint32_t rest;                                 /* of its variants, when that is all it names; 0: not made yet */
    uint32_t name[VARY_NAMES], name_n[VARY_NAMES]; /* where in text */
};

/* Texts as sent, and what became of them: most messages of a service repeat a few. */
struct memo {
    uint32_t value;
    uint8_t n; /* 0: free */
    char text[MEMO_TEXT];
};

struct vary {
    struct hash_key key;
    struct list *list; /* 0 is the empty one */
    unsigned n;
    struct map map;
    struct buf text;
    struct memo lists[MEMO], encodings[MEMO];
    uint64_t overflow;
};

struct vary *vary_new(const struct hash_key *key)
{
    struct vary *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->key = *key;
    v->n = 1;
    v->list = calloc(VARY_LISTS + 1, sizeof *v->list);
    if (v->list && map_init(&v->map, v->list, sizeof *v->list, VARY_LISTS))
        return v;
    vary_free(v);
    return NULL;
}

void vary_free(struct vary *v)
{
    if (!v)
        return;
    map_free(&v->map);
    buf_free(&v->text);
    free(v->list);
    free(v);
}

struct names {
    struct slice name[VARY_NAMES];
    unsigned n;
    bool cut;
};

static int compare(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/* Keeps the names in order, each once. */
static void insert(struct names *l, struct slice name)
{
    unsigned at = 0;
    while (at < l->n && compare(l->name[at], name) < 0)
        at++;
    if (at < l->n && slice_eq(l->name[at], name))
        return;
    if (l->n == VARY_NAMES) {
        l->cut = true;
        return;
    }
    memmove(&l->name[at + 1], &l->name[at], (l->n - at) * sizeof l->name[0]);
    l->name[at] = name;
    l->n++;
}

static void parse(struct slice text, char lower[VARY_TEXT], struct names *out)
{
    struct slice item, rest;
    out->n = 0;
    out->cut = text.n > VARY_TEXT;
    text = slice_sub(text, 0, VARY_TEXT);
    for (size_t i = 0; i < text.n; i++)
        lower[i] = ascii_lower(text.p[i]);
    rest = slice_of(lower, text.n);
    while (slice_next(&rest, ',', &item))
        if (item.n)
            insert(out, item);
}

static void fill(struct vary *v, struct list *l, const struct names *names)
{
    l->text = (uint32_t)v->text.n;
    for (unsigned i = 0; i < names->n; i++) {
        if (i)
            buf_str(&v->text, ", ");
        l->name[i] = (uint32_t)v->text.n;
        l->name_n[i] = (uint32_t)names->name[i].n;
        l->token[i] = (uint8_t)token_find(names->name[i]);
        l->encodings |= l->token[i] == TOKEN_ACCEPT_ENCODING;
        l->star |= slice_eq(names->name[i], SLICE("*"));
        buf_slice(&v->text, names->name[i]);
    }
    l->text_n = (uint32_t)v->text.n - l->text;
    l->n = (uint16_t)names->n;
}

static uint64_t hash_names(const struct vary *v, const struct names *names)
{
    uint64_t h[2] = {0, 0};
    for (unsigned i = 0; i < names->n; i++) {
        h[1] = hash_bytes(&v->key, 'y', names->name[i].p, names->name[i].n);
        h[0] = hash_words(&v->key, h, 2);
    }
    return h[0];
}

static uint32_t intern(struct vary *v, struct slice text)
{
    char lower[VARY_TEXT];
    struct names names;
    parse(text, lower, &names);
    v->overflow += names.cut;
    if (!names.n)
        return 0;
    uint64_t hash = hash_names(v, &names);
    uint32_t at = map_find(&v->map, hash);
    if (at != MAP_NONE)
        return at;
    if (v->n > VARY_LISTS || v->text.failed) {
        v->overflow++;
        return 0;
    }
    v->list[v->n].hash = hash;
    if (!map_insert(&v->map, hash, v->n))
        return 0;
    fill(v, &v->list[v->n], &names);
    return v->n++;
}

/* Where a text would be kept. */
static struct memo *memo_at(struct memo *memo, struct slice text)
{
    unsigned char first = (unsigned char)text.p[0], middle = (unsigned char)text.p[text.n / 2];
    return &memo[(text.n * 7 + first + middle * 3u + (unsigned char)text.p[text.n - 1]) % MEMO];
}

static bool memo_is(const struct memo *m, struct slice text)
{
    return m->n == text.n && memcmp(m->text, text.p, text.n) == 0;
}

static void memo_keep(struct memo *m, struct slice text, uint32_t value)
{
    if (text.n > MEMO_TEXT)
        return;
    m->value = value;
    m->n = (uint8_t)text.n;
    memcpy(m->text, text.p, text.n);
}

uint32_t vary_list(struct vary *v, struct slice text)
{
    if (!text.n)
        return 0;
    struct memo *m = memo_at(v->lists, text);
    if (memo_is(m, text))
        return m->value;
    uint32_t list = intern(v, text);
    memo_keep(m, text, list);
    return list;
}

bool vary_star(const struct vary *v, uint32_t list)
{
    return v->list[list].star;
}

static bool offers(struct slice list, struct slice coding)
{
    struct slice item;
    while (slice_next(&list, ',', &item)) {
        size_t semicolon = slice_find(item, ';', 0);
        if (!slice_ieq(slice_trim(slice_sub(item, 0, semicolon)), coding))
            continue;
        struct slice q = slice_trim(slice_sub(item, semicolon + 1, item.n));
        size_t digit = slice_find(q, '=', 0) + 1;
        while (digit < q.n && (q.p[digit] == '0' || q.p[digit] == '.' || q.p[digit] == ' '))
            digit++;
        return !q.n || digit < q.n; /* q=0: not acceptable (RFC 9110 section 12.4.2) */
    }
    return false;
}

static const struct slice encodings[ENCODINGS] = {SLICE("br"), SLICE("zstd"), SLICE("gzip"), SLICE("identity")};

static uint32_t offered(struct slice accept)
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < ENCODINGS - 1; i++)
        bits |= (uint32_t)offers(accept, encodings[i]) << i;
    return offers(accept, SLICE("x-gzip")) ? bits | ACCEPTS_GZIP : bits;
}

struct slice vary_encoding(struct slice accept)
{
    return encodings[__builtin_ctz(offered(accept) | ACCEPTS_NAMED)];
}

/* Members are told apart as nginx does, by commas and blanks. */
static uint32_t hash_members(const struct vary *v, struct slice accept)
{
    char text[VARY_TEXT];
    size_t n = 0;
    bool between = true;
    accept = slice_sub(accept, 0, sizeof text);
    for (size_t i = 0; i < accept.n; i++) {
        bool blank = accept.p[i] == ' ' || accept.p[i] == ',';
        if (!blank || !between)
            text[n++] = blank ? ',' : accept.p[i];
        between = blank;
    }
    n -= n && between;
    return (uint32_t)hash_bytes(&v->key, 'a', text, n);
}

static uint32_t accepts_made(const struct vary *v, struct slice accept)
{
    bool any = !accept.p || offers(accept, SLICE("*"));
    return offered(accept) | ACCEPTS_NAMED | (any ? ACCEPTS_ANY : 0) | hash_members(v, accept) << ACCEPTS_SHIFT;
}

/* The same, remembered. */
static uint32_t accepts_known(struct vary *v, struct slice accept)
{
    if (!accept.n)
        return accepts_made(v, accept);
    struct memo *m = memo_at(v->encodings, accept);
    if (!memo_is(m, accept))
        memo_keep(m, accept, accepts_made(v, accept));
    return memo_is(m, accept) ? m->value : accepts_made(v, accept);
}

static struct slice value_of(const struct list *l, struct slice name, unsigned i, const struct exchange *x)
{
    if (l->token[i] != TOKEN_OTHER)
        return exchange_field(x, (enum token)l->token[i], false);
    for (unsigned f = 0; f < x->n_fields; f++)
        if (x->fields[f].token == TOKEN_OTHER && !x->fields[f].response && slice_ieq(x->fields[f].name, name))
            return x->fields[f].value;
    return (struct slice){NULL, 0};
}

/* Name, value; an absent field differs from an empty one. */
static uint64_t hash_field(const struct vary *v, const struct list *l, unsigned i, const struct exchange *x)
{
    struct slice name = slice_of(v->text.p + l->name[i], l->name_n[i]), value = slice_trim(value_of(l, name, i, x));
    return value.p ? hash_bytes(&v->key, 'v', value.p, value.n) : 0;
}

/* Accept-Encoding is not in it. */
static uint32_t hash_rest(const struct vary *v, const struct list *l, const struct exchange *x)
{
    uint64_t h[2] = {l->hash, 0};
    for (unsigned i = 0; i < l->n && !l->star; i++) {
        h[1] = l->token[i] == TOKEN_ACCEPT_ENCODING ? 0 : hash_field(v, l, i, x);
        h[0] = hash_words(&v->key, h, 2);
    }
    return (uint32_t)h[0] ? (uint32_t)h[0] : 1;
}

struct variant vary_variant(struct vary *v, uint32_t list, const struct exchange *x)
{
    struct list *l = &v->list[list];
    if (!list)
        return (struct variant){0, 0};
    if (!l->encodings || l->star)
        return (struct variant){hash_rest(v, l, x), 0};
    uint32_t accepts = accepts_known(v, exchange_field(x, TOKEN_ACCEPT_ENCODING, false));
    if (!l->rest || l->n > 1)
        l->rest = hash_rest(v, l, x);
    uint32_t hash = vary_rest(l->rest, accepts); /* puts it in where it is not */
    return (struct variant){hash ? hash : 1, accepts};
}

unsigned vary_count(const struct vary *v)
{
    return v->n - 1;
}

struct slice vary_text(const struct vary *v, uint32_t list)
{
    return slice_of(v->text.p + v->list[list].text, v->list[list].text_n);
}

uint64_t vary_overflow(const struct vary *v)
{
    return v->overflow;
}
