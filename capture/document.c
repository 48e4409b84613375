#include "capture/document.h"

/* What is being read. */
enum { PLAIN, NAME, NUMBER, QUOTED, QUOTED_ESCAPE, BLOCK, COMMENT };
/* Between which definitions, or in which part of one. */
enum { TOP, HEAD, BODY, FRAGMENT };

void document_begin(struct document *d, const struct hash_key *key)
{
    memset(d, 0, sizeof *d);
    d->key = key;
}

const char *document_kind_name(enum document_kind k)
{
    static const char *const names[] = {"", "query", "mutation", "subscription"};
    return names[k];
}

/* ---- tokens ---- */

static void shape_add(struct document *d, uint64_t token)
{
    d->shape = hash_mix(d->shape + token + 1);
}

static void record(struct document *d)
{
    d->kinds |= (uint8_t)(1u << d->kind);
    if (d->n == DOCUMENT_OPERATIONS)
        return;
    d->name[d->n] = d->current;
    d->kind_of[d->n++] = d->kind;
}

static void open_body(struct document *d, bool operation)
{
    if (operation)
        record(d);
    d->place = BODY;
    d->braces = 1;
    d->any = false;
}

/* A word where a definition begins. */
static void definition(struct document *d, struct slice word)
{
    d->current = 0;
    d->kind = DOCUMENT_NONE;
    for (uint8_t k = DOCUMENT_QUERY; k <= DOCUMENT_SUBSCRIPTION; k++)
        if (slice_eq(word, slice_str(document_kind_name(k))))
            d->kind = k;
    d->place = d->kind ? HEAD : FRAGMENT;
    d->awaits_name = d->kind;
    d->bad |= !d->kind && !slice_eq(word, SLICE("fragment"));
}

static void name_operation(struct document *d, uint64_t hash)
{
    d->current = hash;
    if (!d->n)
        d->first = d->token;
}

static bool is_value_word(struct slice word)
{
    return slice_eq(word, SLICE("true")) || slice_eq(word, SLICE("false")) || slice_eq(word, SLICE("null"));
}

static void name_end(struct document *d)
{
    struct slice word = word_text(&d->token);
    uint64_t hash = word_hash(&d->token, d->key);
    bool awaited = d->awaits_name;
    d->lex = PLAIN;
    d->awaits_name = false;
    if (!(d->parens && is_value_word(word)))
        shape_add(d, hash);
    if (d->place == TOP)
        definition(d, word);
    else if (awaited)
        name_operation(d, hash);
    else if (d->place == BODY && !d->parens)
        d->any = true;
}

/* Strings and numbers are values: they have no part in the shape, and no place but in parentheses; a description
 * stands before a definition. */
static void value_seen(struct document *d, bool string)
{
    d->awaits_name = false;
    d->bad |= !d->parens && !(string && d->place == TOP);
}

static void brace(struct document *d, char c)
{
    if (d->parens)
        return;
    if (c == '{' && d->place == TOP) {
        d->kind = DOCUMENT_QUERY; /* shorthand, section 2.3 */
        d->current = 0;
        open_body(d, true);
    } else if (c == '{' && d->place != BODY) {
        open_body(d, d->place == HEAD);
    } else if (c == '{') {
        d->bad |= !d->any;
        d->braces++;
        d->any = false;
    } else if (d->place != BODY || !d->any) {
        d->bad = true;
    } else if (!--d->braces) {
        d->place = TOP;
    }
}

static void paren(struct document *d, char c)
{
    if (c == '(')
        d->bad |= d->place == TOP || d->parens++ > 0;
    else if (d->parens)
        d->parens--;
    else
        d->bad = true;
}

static void punctuator(struct document *d, char c)
{
    d->awaits_name = false;
    shape_add(d, (unsigned char)c);
    switch (c) {
    case '{':
    case '}':
        brace(d, c);
        break;
    case '(':
    case ')':
        paren(d, c);
        break;
    case '.':
        d->any = true; /* a spread is a member */
        d->bad |= d->place != BODY && !d->parens;
        break;
    case '@':
    case ':':
        d->bad |= d->place == TOP;
        break;
    case '!':
    case '$':
    case '=':
    case '[':
    case ']':
        d->bad |= !d->parens;
        break;
    default:
        d->bad = true;
    }
}

/* ---- characters ---- */

static bool in_name(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || c == '_';
}

static void quotes_end(struct document *d)
{
    unsigned quotes = d->quotes;
    d->quotes = 0;
    value_seen(d, true);
    d->lex = quotes == 1 ? QUOTED : quotes == 2 ? PLAIN : BLOCK;
}

static void plain(struct document *d, char c)
{
    if (c == '"') {
        if (++d->quotes == 3)
            quotes_end(d);
        return;
    }
    if (ascii_alpha(c) || c == '_') {
        d->lex = NAME;
        word_begin(&d->token);
        word_add(&d->token, &c, 1);
    } else if (ascii_digit(c) || c == '-') {
        value_seen(d, false);
        d->lex = NUMBER;
    } else if (c == '#') {
        d->lex = COMMENT;
    } else if (c != ' ' && c != ',' && c != '\n' && c != '\r' && c != '\t' && (unsigned char)c < 0x80) {
        punctuator(d, c);
    } else if ((unsigned char)c >= 0x80) {
        d->bad |= c != '\xef' && c != '\xbb' && c != '\xbf'; /* a byte order mark is white space */
    }
}

/* Within """ … """, where \""" ends nothing. */
static void block(struct document *d, char c)
{
    if (c == '\\') {
        d->quotes = 4; /* what follows it are three that do not count, or nothing of the kind */
    } else if (c != '"') {
        d->quotes = 0;
    } else if (d->quotes >= 4) {
        d->quotes = d->quotes == 6 ? 0 : (uint8_t)(d->quotes + 1);
    } else if (++d->quotes == 3) {
        d->quotes = 0;
        d->lex = PLAIN;
    }
}

static void quoted(struct document *d, char c)
{
    if (c == '\\')
        d->lex = QUOTED_ESCAPE;
    else if (c == '"')
        d->lex = PLAIN;
    else
        d->bad |= c == '\n' || c == '\r';
}

/* False: the character is not taken yet. */
static bool character(struct document *d, char c)
{
    if (d->lex == PLAIN && d->quotes && c != '"') {
        quotes_end(d);
        return false;
    }
    switch (d->lex) {
    case PLAIN:
        plain(d, c);
        return true;
    case NAME:
        if (in_name(c)) {
            word_add(&d->token, &c, 1);
            return true;
        }
        name_end(d);
        return false;
    case NUMBER:
        if (in_name(c) || c == '.' || c == '+' || c == '-')
            return true;
        d->lex = PLAIN;
        return false;
    case QUOTED:
        quoted(d, c);
        return true;
    case QUOTED_ESCAPE:
        d->lex = QUOTED;
        return true;
    case BLOCK:
        block(d, c);
        return true;
    default: /* COMMENT */
        if (c == '\n' || c == '\r')
            d->lex = PLAIN;
        return true;
    }
}

void document_feed(struct document *d, const char *p, size_t n)
{
    for (size_t i = 0; i < n && !d->bad;)
        i += character(d, p[i]);
}

bool document_end(struct document *d, bool whole)
{
    if (d->lex == NAME)
        name_end(d);
    return !d->bad && d->n && (!whole || d->place == TOP);
}

static const uint8_t *find(const struct document *d, uint64_t name)
{
    for (unsigned i = 0; i < d->n; i++)
        if (name && d->name[i] == name)
            return &d->kind_of[i];
    return NULL;
}

enum document_kind document_kind_of(const struct document *d, uint64_t name)
{
    const uint8_t *kind = find(d, name);
    return kind ? (enum document_kind) * kind : d->n ? (enum document_kind)d->kind_of[0] : DOCUMENT_NONE;
}

bool document_safe(const struct document *d, uint64_t name, bool whole)
{
    const uint8_t *kind = find(d, name);
    return kind ? *kind == DOCUMENT_QUERY : whole && d->kinds == 1u << DOCUMENT_QUERY;
}
