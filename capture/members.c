#include "capture/members.h"

#include "capture/jsontext.h"

enum state { VALUE, FIRST_VALUE, FIRST_NAME, NAME, COLON, AFTER, WORD, STRING, ESCAPE, SKIP, BAD };

/* Quotes and brackets within what is stepped over. */
enum { SKIP_PLAIN, SKIP_STRING, SKIP_ESCAPE };

void members_begin(struct members *m, const struct members_reader *reader, void *context, uint8_t where)
{
    *m = (struct members){.reader = reader, .context = context, .state = VALUE};
    m->level[0].where = where;
}

static struct members_level *top(struct members *m)
{
    return &m->level[m->depth];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void tell(struct members *m, const char *p, size_t n)
{
    if (m->string)
        m->reader->text(m->context, m->string, p, n);
}

/* ---- strings ---- */

static void name_add(struct members *m, const char *p, size_t n)
{
    if (m->name_n + n > MEMBERS_NAME) {
        m->name_n = MEMBERS_NAME + 1;
        return;
    }
    memcpy(m->name + m->name_n, p, n);
    m->name_n += (uint8_t)n;
}

static void characters(struct members *m, const char *p, size_t n)
{
    if (!m->is_name)
        tell(m, p, n);
    else if (m->name_n <= MEMBERS_NAME)
        name_add(m, p, n);
}

/* The first half of a pair that has no second stands for itself. */
static void settle(struct members *m)
{
    struct unescaped out = {0};
    if (!m->unescape.high)
        return;
    unescape_settle(&m->unescape, &out);
    characters(m, out.p, out.n);
}

static enum state escape(struct members *m, char c)
{
    static const enum state next[] = {[UNESCAPE_BAD] = BAD, [UNESCAPE_MORE] = ESCAPE, [UNESCAPE_DONE] = STRING};
    struct unescaped out = {0};
    enum unescape_end end = unescape_feed(&m->unescape, c, &out);
    if (out.n)
        characters(m, out.p, out.n);
    return next[end];
}

static enum state string_end(struct members *m)
{
    settle(m);
    if (m->is_name)
        return COLON;
    tell(m, NULL, 0);
    return AFTER;
}

static size_t in_string(struct members *m, const char *p, size_t n)
{
    size_t i = jsontext_plain(p, n);
    if (i) {
        settle(m);
        characters(m, p, i);
    }
    if (i == n)
        return n;
    m->state = (uint8_t)(p[i] == '"' ? string_end(m) : p[i] == '\\' ? ESCAPE : BAD);
    return i + 1;
}

/* ---- structure ---- */

static enum state begin_name(struct members *m)
{
    m->is_name = true;
    m->name_n = 0;
    return STRING;
}

static enum state enter(struct members *m, uint8_t where, bool list)
{
    if (!where || m->depth + 1 == MEMBERS_DEPTH) {
        m->skipped = 1;
        m->quotes = SKIP_PLAIN;
        return SKIP;
    }
    m->level[++m->depth] = (struct members_level){where, list};
    return list ? FIRST_VALUE : FIRST_NAME;
}

static enum state begin_value(struct members *m, char c)
{
    bool named = m->depth && !top(m)->list && m->name_n <= MEMBERS_NAME;
    struct slice name = named ? slice_of(m->name, m->name_n) : (struct slice){NULL, 0};
    if (c != '{' && c != '[' && c != '"' && !ascii_digit(c) && c != '-' && !ascii_alpha(c))
        return BAD;
    uint8_t where = m->reader->value(m->context, top(m)->where, name, c);
    if (c == '{' || c == '[')
        return enter(m, where, c == '[');
    m->string = c == '"' ? where : (uint8_t)MEMBERS_SKIP;
    m->is_name = false;
    return c == '"' ? STRING : WORD;
}

static enum state leave(struct members *m, bool list)
{
    if (!m->depth || top(m)->list != list)
        return BAD;
    uint8_t where = top(m)->where;
    m->depth--;
    m->reader->leave(m->context, where);
    return AFTER;
}

static enum state structure(struct members *m, char c)
{
    switch ((enum state)m->state) {
    case FIRST_VALUE:
        return c == ']' ? leave(m, true) : begin_value(m, c);
    case VALUE:
        return begin_value(m, c);
    case FIRST_NAME:
        if (c == '}')
            return leave(m, false);
        return c == '"' ? begin_name(m) : BAD;
    case NAME:
        return c == '"' ? begin_name(m) : BAD;
    case COLON:
        return c == ':' ? VALUE : BAD;
    default: /* AFTER */
        if (c == ',' && m->depth)
            return top(m)->list ? VALUE : NAME;
        return c == '}' || c == ']' ? leave(m, c == ']') : BAD;
    }
}

static bool in_word(char c)
{
    return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '+' || c == '.';
}

/* What is stepped over: only where it ends matters. */
static size_t skip(struct members *m, const char *p, size_t n)
{
    size_t i = 0;
    for (; i < n && m->state == SKIP; i++) {
        char c = p[i];
        if (m->quotes == SKIP_ESCAPE)
            m->quotes = SKIP_STRING;
        else if (m->quotes == SKIP_STRING)
            m->quotes = c == '"' ? SKIP_PLAIN : c == '\\' ? SKIP_ESCAPE : SKIP_STRING;
        else if (c == '"')
            m->quotes = SKIP_STRING;
        else if (c == '{' || c == '[')
            m->skipped++;
        else if ((c == '}' || c == ']') && !--m->skipped)
            m->state = AFTER;
    }
    return i;
}

bool members_feed(struct members *m, const char *p, size_t n)
{
    for (size_t i = 0; i < n && m->state != BAD;) {
        switch ((enum state)m->state) {
        case STRING:
            i += in_string(m, p + i, n - i);
            break;
        case ESCAPE:
            m->state = (uint8_t)escape(m, p[i++]);
            break;
        case SKIP:
            i += skip(m, p + i, n - i);
            break;
        case WORD:
            if (in_word(p[i]))
                i++;
            else
                m->state = AFTER;
            break;
        default:
            if (!is_blank(p[i]))
                m->state = (uint8_t)structure(m, p[i]);
            i++;
        }
    }
    return m->state != BAD;
}

bool members_done(const struct members *m)
{
    return !m->depth && (m->state == AFTER || m->state == WORD);
}
