#include "base/idorder.h"

#include <stdio.h>
#include <string.h>

const char *const idword_names[IDWORDS] = {"apikey", "authorization", "mtls", "cookie", "forwarded", "address"};

static const struct idorder usual = {
    .word = {IDWORD_APIKEY, IDWORD_AUTHORIZATION, IDWORD_MTLS, IDWORD_COOKIE, IDWORD_FORWARDED, IDWORD_ADDRESS},
    .n = IDWORDS};

static const struct idorder *said(const struct idorder *o)
{
    return o->n ? o : &usual;
}

static enum idword word_of(struct slice text)
{
    enum idword w = IDWORD_APIKEY;
    while (w < IDWORDS && !slice_eq(text, slice_str(idword_names[w])))
        w++;
    return w;
}

/* Of fields letters, digits and `-`: what every product of `policy` can name; cookies may have `_` and `.`, too. */
static bool is_name(struct slice name, const char *besides)
{
    for (size_t i = 0; i < name.n; i++)
        if (!ascii_alpha(name.p[i]) && !ascii_digit(name.p[i]) && (!name.p[i] || !strchr(besides, name.p[i])))
            return false;
    return name.n && name.n < IDORDER_NAME;
}

static bool is_other_word(struct slice field)
{
    return slice_ieq(field, SLICE("authorization")) || slice_ieq(field, SLICE("cookie")) ||
           slice_ieq(field, SLICE("forwarded")) || slice_ieq(field, SLICE("x-forwarded-for"));
}

/* What stands behind the word's `=`. Returns what is wrong with it; NULL: nothing. */
static const char *take_name(struct idorder *o, enum idword w, struct slice name)
{
    if (w != IDWORD_APIKEY && w != IDWORD_COOKIE)
        return "has a name behind it, as apikey and cookie alone may";
    bool field = w == IDWORD_APIKEY;
    if (!is_name(name, field ? "-" : "-_."))
        return field ? "does not name a field of 1 to 47 letters, digits and -"
                     : "does not name a cookie of 1 to 47 letters, digits, -, _ and .";
    if (field && is_other_word(name))
        return "names a field that has a word of its own";
    char *to = field ? o->key_field : o->session_cookie;
    for (size_t i = 0; i < name.n; i++)
        to[i] = field ? ascii_lower(name.p[i]) : name.p[i];
    return NULL;
}

/* Returns what is wrong with the word; NULL: nothing. */
static const char *take_word(struct idorder *o, struct slice item)
{
    size_t equals = slice_find(item, '=', 0);
    enum idword w = word_of(slice_sub(item, 0, equals));
    if (w == IDWORDS)
        return "is no word of it";
    if (o->n && idorder_place(o, w) >= 0)
        return "is in it twice";
    if (o->n && o->word[o->n - 1] == IDWORD_ADDRESS)
        return "comes behind address, which is always there";
    o->word[o->n++] = (uint8_t)w;
    return equals < item.n ? take_name(o, w, slice_sub(item, equals + 1, item.n)) : NULL;
}

bool idorder_parse(struct slice list, struct idorder *out, char why[128])
{
    struct slice item;
    *out = (struct idorder){0};
    while (slice_next(&list, ',', &item)) {
        const char *wrong = take_word(out, item);
        if (wrong) {
            snprintf(why, 128, "'%.*s' %s", item.n < 40 ? (int)item.n : 40, item.p ? item.p : "", wrong);
            return false;
        }
    }
    if (!out->n) {
        snprintf(why, 128, "it names nothing");
        return false;
    }
    if (out->word[out->n - 1] != IDWORD_ADDRESS)
        out->word[out->n++] = IDWORD_ADDRESS;
    return true;
}

struct idorder idorder_read(struct slice list)
{
    struct idorder o;
    char why[128];
    return idorder_parse(list, &o, why) ? o : usual;
}

void idorder_word(const struct idorder *o, enum idword w, char out[IDORDER_TEXT])
{
    const char *name = w == IDWORD_APIKEY ? o->key_field : w == IDWORD_COOKIE ? o->session_cookie : "";
    snprintf(out, IDORDER_TEXT, "%s%s%s", idword_names[w], *name ? "=" : "", name);
}

void idorder_write(const struct idorder *o, char out[IDORDER_TEXT])
{
    size_t n = 0;
    for (unsigned i = 0; i < idorder_count(o); i++) {
        char word[IDORDER_TEXT];
        idorder_word(o, idorder_at(o, i), word);
        n += (size_t)snprintf(out + n, IDORDER_TEXT - n, "%s%s", i ? "," : "", word);
    }
}

int idorder_place(const struct idorder *o, enum idword w)
{
    for (unsigned i = 0; i < idorder_count(o); i++)
        if (idorder_at(o, i) == w)
            return (int)i;
    return -1;
}

bool idorder_leaves_out(const struct idorder *o)
{
    return idorder_place(o, IDWORD_APIKEY) < 0 || idorder_place(o, IDWORD_AUTHORIZATION) < 0 ||
           idorder_place(o, IDWORD_COOKIE) < 0 || *o->key_field || *o->session_cookie;
}

unsigned idorder_count(const struct idorder *o)
{
    return said(o)->n;
}

enum idword idorder_at(const struct idorder *o, unsigned place)
{
    return (enum idword)said(o)->word[place];
}

bool idorder_equal(const struct idorder *a, const struct idorder *b)
{
    bool equal = idorder_count(a) == idorder_count(b);
    for (unsigned i = 0; equal && i < idorder_count(a); i++)
        equal = idorder_at(a, i) == idorder_at(b, i);
    return equal && strcmp(a->key_field, b->key_field) == 0 && strcmp(a->session_cookie, b->session_cookie) == 0;
}

struct idorder idorder_address(void)
{
    return (struct idorder){.word = {IDWORD_ADDRESS}, .n = 1};
}
