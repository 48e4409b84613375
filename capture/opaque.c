#include "capture/opaque.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/pages.h"

struct opaque {
    pthread_mutex_t lock;
    struct hash_key key;
    struct map map; /* of all but row 0 */
    struct opaque_row *rows;
    uint32_t *changed; /* rows, in the order they changed */
    uint32_t used, most, n_changed;
    bool strict;
};

static const char *const why_names[] = {
#define WHY(id, name, words) name,
#include "capture/opaquewhy.def"
#undef WHY
};

static const struct {
    uint16_t number;
    const char *name;
} ciphers[] = {
#define CIPHER(number, name) {number, name},
#include "capture/tlsciphers.def"
#undef CIPHER
};

static const struct {
    uint16_t number;
    const char *name;
} versions[] = {{0x0304, "1.3"}, {0x0303, "1.2"}, {0x0302, "1.1"}, {0x0301, "1.0"}, {0x0300, "SSL3"}};

struct opaque *opaque_new(const struct hash_key *key, uint32_t most, bool strict)
{
    struct opaque *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    pthread_mutex_init(&o->lock, NULL);
    o->key = *key;
    o->most = most;
    o->strict = strict;
    o->used = 1;
    o->rows = pages_reserve((size_t)most * sizeof *o->rows);
    o->changed = pages_reserve((size_t)most * sizeof *o->changed);
    if (!o->rows || !o->changed || !map_init(&o->map, o->rows, sizeof *o->rows, most)) {
        opaque_free(o);
        return NULL;
    }
    o->rows[0].key.why = OPAQUE_WHY_OTHER;
    o->rows[0].sums.first_us = o->rows[0].sums.last_us = TIME_NONE;
    return o;
}

void opaque_free(struct opaque *o)
{
    if (!o)
        return;
    map_free(&o->map);
    if (o->rows)
        pages_release(o->rows, (size_t)o->most * sizeof *o->rows);
    if (o->changed)
        pages_release(o->changed, (size_t)o->most * sizeof *o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

bool opaque_strict(const struct opaque *o)
{
    return o->strict;
}

static uint32_t place_of(struct opaque *o, const struct opaque_key *key)
{
    uint64_t hash = hash_bytes(&o->key, 'o', key, sizeof *key);
    uint32_t row = map_find(&o->map, hash);
    if (row != MAP_NONE)
        return row;
    if (o->used == o->most)
        return 0;
    o->rows[o->used] = (struct opaque_row){.hash = hash, .key = *key, .sums = {.first_us = TIME_NONE}};
    o->rows[o->used].sums.last_us = TIME_NONE;
    return map_insert(&o->map, hash, o->used) ? o->used++ : 0;
}

uint32_t opaque_find(struct opaque *o, const struct opaque_key *key)
{
    pthread_mutex_lock(&o->lock);
    uint32_t row = place_of(o, key);
    pthread_mutex_unlock(&o->lock);
    return row;
}

static void add(struct opaque_sums *to, const struct opaque_sums *s)
{
    to->connections += s->connections;
    to->bytes[0] += s->bytes[0];
    to->bytes[1] += s->bytes[1];
    to->open_us += s->open_us;
    to->hellos += s->hellos;
    to->hello_us += s->hello_us;
    if (s->first_us != TIME_NONE && (to->first_us == TIME_NONE || s->first_us < to->first_us))
        to->first_us = s->first_us;
    if (s->last_us != TIME_NONE && (to->last_us == TIME_NONE || s->last_us > to->last_us))
        to->last_us = s->last_us;
}

void opaque_add(struct opaque *o, uint32_t row, const struct opaque_sums *sums)
{
    pthread_mutex_lock(&o->lock);
    struct opaque_row *r = &o->rows[row];
    add(&r->sums, sums);
    if (!r->changed)
        o->changed[o->n_changed++] = row;
    r->changed = true;
    pthread_mutex_unlock(&o->lock);
}

void opaque_changed(struct opaque *o, void (*each)(void *context, uint32_t id, const struct opaque_row *row),
                    void *context)
{
    pthread_mutex_lock(&o->lock);
    for (uint32_t i = 0; i < o->n_changed; i++) {
        struct opaque_row *r = &o->rows[o->changed[i]];
        r->changed = false;
        each(context, o->changed[i] + 1, r);
    }
    o->n_changed = 0;
    pthread_mutex_unlock(&o->lock);
}

/* Ids are places, so that a row goes on under its own; one that a smaller bound leaves no room for stays as it is
 * stored. */
void opaque_load(struct opaque *o, uint32_t id, const struct opaque_key *key, const struct opaque_sums *sums)
{
    if (id == 1)
        add(&o->rows[0].sums, sums);
    else if (id == o->used + 1 && o->used < o->most)
        add(&o->rows[place_of(o, key)].sums, sums);
}

const char *opaque_why_name(enum opaque_why w)
{
    return w < OPAQUE_WHYS ? why_names[w] : "?";
}

static size_t written(int n)
{
    return n < 0 ? 0 : (size_t)n;
}

static size_t by_number(uint16_t v, char *out, size_t size)
{
    *out = 0;
    return v ? written(snprintf(out, size, "0x%04x", v)) : 0;
}

size_t opaque_version_text(uint16_t version, char out[8])
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (versions[i].number == version)
            return written(snprintf(out, 8, "%s", versions[i].name));
    return by_number(version, out, 8);
}

size_t opaque_cipher_text(uint16_t cipher, char out[64])
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (cipher && ciphers[i].number == cipher)
            return written(snprintf(out, 64, "%s", ciphers[i].name));
    return by_number(cipher, out, 64);
}

static uint16_t number_of(struct slice hex)
{
    uint16_t v = 0;
    for (size_t i = 2; i < hex.n; i++)
        v = (uint16_t)(v << 4 | (ascii_hex(hex.p[i]) & 15));
    return slice_starts(hex, SLICE("0x")) ? v : 0;
}

uint16_t opaque_version_of(struct slice text)
{
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (slice_eq(text, slice_str(versions[i].name)))
            return versions[i].number;
    return number_of(text);
}

uint16_t opaque_cipher_of(struct slice text)
{
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (slice_eq(text, slice_str(ciphers[i].name)))
            return ciphers[i].number;
    return number_of(text);
}
