#include "base/idorder.h"

#include <stdio.h>

const char *const idword_names[IDWORDS] = {"apikey", "authorization", "mtls", "cookie", "forwarded", "address"};

static const struct idorder usual = {
    {IDWORD_APIKEY, IDWORD_AUTHORIZATION, IDWORD_MTLS, IDWORD_COOKIE, IDWORD_FORWARDED, IDWORD_ADDRESS}, IDWORDS};

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

bool idorder_parse(struct slice list, struct idorder *out, char why[128])
{
    struct slice item;
    *out = (struct idorder){0};
    while (slice_next(&list, ',', &item)) {
        enum idword w = word_of(item);
        const char *wrong = w == IDWORDS                           ? "is no word of it"
                            : out->n && idorder_place(out, w) >= 0 ? "is in it twice"
                            : out->n && out->word[out->n - 1] == IDWORD_ADDRESS
                                ? "comes behind address, which is always there"
                                : NULL;
        if (wrong) {
            snprintf(why, 128, "'%.*s' %s", item.n < 40 ? (int)item.n : 40, item.p ? item.p : "", wrong);
            return false;
        }
        out->word[out->n++] = (uint8_t)w;
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

void idorder_write(const struct idorder *o, char out[IDORDER_TEXT])
{
    size_t n = 0;
    for (unsigned i = 0; i < idorder_count(o); i++)
        n += (size_t)snprintf(out + n, IDORDER_TEXT - n, "%s%s", i ? "," : "", idword_names[idorder_at(o, i)]);
}

int idorder_place(const struct idorder *o, enum idword w)
{
    for (unsigned i = 0; i < idorder_count(o); i++)
        if (idorder_at(o, i) == w)
            return (int)i;
    return -1;
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
    return equal;
}

struct idorder idorder_address(void)
{
    return (struct idorder){{IDWORD_ADDRESS}, 1};
}
