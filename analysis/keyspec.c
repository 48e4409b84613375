#include "analysis/keyspec.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/slab.h"
#include "base/buf.h"
#include "base/dense.h"
#include "base/hash.h"
#include "base/map.h"

static bool parse_names(struct slice list, struct keyspec *out, char why[160])
{
    struct slice name;
    while (slice_next(&list, ',', &name)) {
        if (!name.n || out->n == KEYSPEC_NAMES) {
            snprintf(why, 160, name.n ? "at most %d names" : "a name is missing", KEYSPEC_NAMES);
            return false;
        }
        out->name[out->n++] = name;
    }
    if (!out->n)
        snprintf(why, 160, "names of parameters are wanted after the colon");
    return out->n;
}

bool keyspec_parse(struct slice text, struct keyspec *out, char why[160])
{
    struct slice part, all = text;
    bool query = false;
    *out = (struct keyspec){0};
    while (slice_next(&text, '+', &part)) {
        size_t colon = slice_find(part, ':', 0);
        struct slice word = slice_sub(part, 0, colon), names = slice_sub(part, colon + 1, part.n);
        bool list = slice_eq(word, SLICE("without")) || slice_eq(word, SLICE("only"));
        if (slice_eq(part, SLICE("client"))) {
            out->client = true;
        } else if (!query && slice_eq(part, SLICE("path"))) {
            out->query = KEYSPEC_NONE;
            query = true;
        } else if (!query && list) {
            out->query = word.p[0] == 'o' ? KEYSPEC_ONLY : KEYSPEC_WITHOUT;
            query = true;
            if (!parse_names(names, out, why))
                return false;
        } else {
            snprintf(why, 160, "'%.*s' is none of path, without:NAMES, only:NAMES, client",
                     (int)(all.n < 60 ? all.n : 60), all.p);
            return false;
        }
    }
    if (!query && !out->client)
        snprintf(why, 160, "it is empty");
    return query || out->client;
}

/* Whether a parameter ("lang=de") stays in the key. */
static bool keeps(const struct keyspec *k, struct slice parameter)
{
    struct slice name = slice_sub(parameter, 0, slice_find(parameter, '=', 0));
    bool named = false;
    for (unsigned i = 0; i < k->n && !named; i++)
        named = slice_eq(k->name[i], name);
    switch (k->query) {
    case KEYSPEC_NONE:
        return false;
    case KEYSPEC_WITHOUT:
        return !named;
    case KEYSPEC_ONLY:
        return named;
    default:
        return true;
    }
}

struct seen {
    uint64_t hash;
    uint32_t id;
};

struct mapping {
    const struct keyspec *spec;
    struct hash_key key;
    struct slab seen;
    struct map map;
    uint32_t *of;
    size_t n;
    struct buf text;
    bool failed;
};

static void write_key(struct mapping *m, const struct row_key *k)
{
    struct slice target = k->target, parameter;
    size_t question = slice_find(target, '?', 0);
    struct slice query = slice_sub(target, question + 1, target.n);
    m->text.n = 0;
    buf_slice(&m->text, k->method);
    buf_char(&m->text, ' ');
    buf_slice(&m->text, k->service);
    buf_slice(&m->text, slice_sub(target, 0, question));
    while (slice_next(&query, '&', &parameter))
        if (keeps(m->spec, parameter)) {
            buf_char(&m->text, '&');
            buf_slice(&m->text, parameter);
        }
    m->failed |= m->text.failed;
}

static bool add_key(void *context, const struct row_key *k)
{
    struct mapping *m = context;
    void *list = dense_room(m->of, &m->n, k->id, sizeof *m->of);
    if (!list) {
        m->failed = true;
        return false;
    }
    m->of = list;
    write_key(m, k);
    uint64_t hash = hash_bytes(&m->key, 'k', m->text.p, m->text.n);
    uint32_t row = slab_row(&m->seen, &m->map, hash);
    m->failed |= row == SLAB_NONE;
    if (m->failed)
        return false;
    struct seen *first = slab_at(&m->seen, row);
    if (!first->id)
        first->id = k->id;
    m->of[k->id] = first->id;
    return true;
}

uint32_t *keyspec_map(const struct keyspec *k, struct store_reader *r, size_t *n)
{
    struct mapping m = {.spec = k};
    m.failed = !hash_key_random(&m.key) || !slab_init(&m.seen, sizeof(struct seen), DENSE_MOST) ||
               !map_init(&m.map, m.seen.base, m.seen.unit, DENSE_MOST) || !(m.of = calloc(1, sizeof *m.of));
    m.n = m.failed ? 0 : 1;
    if (!m.failed)
        store_read_keys(r, add_key, &m);
    map_free(&m.map);
    slab_fini(&m.seen);
    buf_free(&m.text);
    if (m.failed) {
        free(m.of);
        m.of = NULL;
    }
    *n = m.n;
    return m.of;
}
