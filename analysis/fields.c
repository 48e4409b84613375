#include "analysis/fields.h"

#include "analysis/numbers.h"
#include "base/json.h"

#define LEARNED "{\"learned\":"
#define NAMES ",\"names\":"
#define LADDER ",\"ladder\":"
#define SHARING ",\"sharing\":"

/* What of a rung is stored, after its lifetime and look-ups. */
#define KEPT(X)                                                                                                        \
    X(hits) X(stale_hits) X(unknown_hits) X(warm_lookups) X(warm_hits) X(cycles_hit) X(bytes_saved) X(server_us_saved)

static void write_sharing(const struct sharing *s, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    json_u64(&j, s->sandwiches);
    json_u64(&j, s->differing);
    json_u64(&j, s->visits);
    json_u64(&j, s->anonymous);
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        json_u64(&j, s->credentials[i]);
        json_u64(&j, s->networks[i]);
        json_u64(&j, s->pairs[i]);
    }
    json_u64(&j, s->refused);
    json_u64(&j, s->barred);
    json_close(&j, ']');
}

static bool read_sharing(struct sharing *s, struct slice text)
{
    struct numbers in = numbers_of(text);
    s->sandwiches = numbers_next(&in);
    s->differing = numbers_next(&in);
    s->visits = numbers_next(&in);
    s->anonymous = numbers_next(&in);
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        s->credentials[i] = numbers_next(&in);
        s->networks[i] = numbers_next(&in);
        s->pairs[i] = numbers_next(&in);
    }
    if (numbers_more(&in)) { /* older versions end before */
        s->refused = numbers_next(&in);
        s->barred = numbers_next(&in);
    }
    return !in.bad;
}

void fields_write(const struct fields *f, struct buf *out)
{
    struct json j = {out, false};
    buf_str(out, LEARNED);
    volatile_write(&f->learned, out);
    buf_str(out, NAMES);
    json_open(&j, '[');
    for (unsigned i = 0; i < f->learned.n; i++)
        json_str(&j, f->name[i]);
    json_close(&j, ']');
    buf_str(out, LADDER);
    j.comma = false;
    json_open(&j, '[');
    for (unsigned i = 0; f->ladder[0].lookups && i < LADDER_RUNGS; i++) {
        const struct row_rung *r = &f->ladder[i];
        json_open(&j, '[');
        json_u64(&j, r->ttl_s);
        json_u64(&j, r->lookups);
#define NUMBER(name) json_u64(&j, r->name);
        KEPT(NUMBER)
#undef NUMBER
        json_close(&j, ']');
    }
    json_close(&j, ']');
    buf_str(out, SHARING);
    write_sharing(&f->sharing, out);
    buf_char(out, '}');
}

static size_t find(struct slice text, const char *what)
{
    const char *at = text.n ? memmem(text.p, text.n, what, strlen(what)) : NULL;
    return at ? (size_t)(at - text.p) : text.n;
}

/* Names hold nothing that JSON would escape. */
static void read_names(struct fields *f, struct slice text)
{
    size_t at = 0;
    for (unsigned i = 0; i < f->learned.n; i++) {
        size_t from = slice_find(text, '"', at) + 1, to = slice_find(text, '"', from);
        if (to >= text.n)
            return;
        struct slice name = slice_sub(text, from, to);
        if (name.n < FIELDS_NAME)
            memcpy(f->name[i], name.p, name.n);
        at = to + 1;
    }
}

static bool read_ladder(struct fields *f, struct slice text)
{
    struct numbers in = numbers_of(text);
    for (unsigned i = 0; i < LADDER_RUNGS && numbers_more(&in); i++) {
        struct row_rung *r = &f->ladder[i];
        r->ttl_s = (uint32_t)numbers_next(&in);
        r->lookups = numbers_next(&in);
#define NUMBER(name) r->name = numbers_next(&in);
        KEPT(NUMBER)
#undef NUMBER
    }
    return !in.bad;
}

bool fields_read(struct fields *f, struct slice text)
{
    size_t names = find(text, NAMES), ladder = find(text, LADDER), sharing = find(text, SHARING);
    *f = (struct fields){0};
    if (!slice_starts(text, SLICE(LEARNED)) || sharing >= text.n || names > ladder || ladder > sharing ||
        !volatile_read(&f->learned, slice_sub(text, 0, names)))
        return false;
    read_names(f, slice_sub(text, names + sizeof NAMES, ladder));
    if (read_ladder(f, slice_sub(text, ladder, sharing)) && read_sharing(&f->sharing, slice_sub(text, sharing, text.n)))
        return true;
    *f = (struct fields){0};
    return false;
}
