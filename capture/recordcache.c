#include "capture/recordcache.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[CACHE_KINDS] = {
    [CACHE_OTHER] = "other", [CACHE_READ] = "read", [CACHE_WRITE] = "write", [CACHE_DELETE] = "delete"};
static const char *const outcomes[] = {[CACHE_UNTOLD] = "untold", [CACHE_HIT] = "hit", [CACHE_MISS] = "miss"};

/* What is said by being named in the list `is`. */
static const struct {
    const char *name;
    size_t at;
} marks[] = {{"lookup", offsetof(struct cache_facts, lookup)},
             {"answered", offsetof(struct cache_facts, answered)},
             {"failed", offsetof(struct cache_facts, failed)},
             {"blocks", offsetof(struct cache_facts, blocks)},
             {"queued", offsetof(struct cache_facts, queued)}};
enum { MARKS = sizeof marks / sizeof *marks };

static void key(struct json *j, const struct cache_key *k)
{
    char hash[16];
    snprintf(hash, sizeof hash, "%012" PRIx64, k->hash & 0xffffffffffff);
    json_open(j, '[');
    json_slice(j, k->pattern);
    json_str(j, hash);
    json_str(j, outcomes[k->outcome]);
    json_u64(j, k->bytes);
    json_close(j, ']');
}

void recordcache_write(struct json *j, const struct cache_facts *f)
{
    json_key(j, "cache");
    json_open(j, '{');
    json_key(j, "kind");
    json_str(j, kinds[f->kind]);
    json_key(j, "is");
    json_open(j, '[');
    for (int i = 0; i < MARKS; i++)
        if (*(const bool *)((const char *)f + marks[i].at))
            json_str(j, marks[i].name);
    json_close(j, ']');
    json_key_u64(j, "hits", f->hits);
    json_key_u64(j, "misses", f->misses);
    json_key_u64(j, "untold", f->untold);
    json_key(j, "ttl_s");
    if (f->ttl_us < 0)
        json_null(j);
    else
        json_micros(j, f->ttl_us);
    json_key_u64(j, "value_bytes", f->value_bytes);
    json_key_u64(j, "named", f->named);
    json_key(j, "keys");
    json_open(j, '[');
    for (uint32_t i = 0; i < f->n; i++)
        key(j, &f->key[i]);
    json_close(j, ']');
    json_close(j, '}');
}

/* ---- reading ---- */

static uint64_t count(const cJSON *o, const char *name, uint64_t most)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    return cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble <= (double)most ? (uint64_t)v->valuedouble : 0;
}

static uint8_t named(const cJSON *v, const char *const *names, unsigned n)
{
    const char *s = cJSON_GetStringValue(v);
    for (unsigned i = 0; s && i < n; i++)
        if (strcmp(names[i], s) == 0)
            return (uint8_t)i;
    return 0;
}

static void read_key(const cJSON *item, struct cache_key *k, struct slot_pool *pool, struct slot *s)
{
    const char *pattern = cJSON_GetStringValue(cJSON_GetArrayItem(item, 0));
    const char *hash = cJSON_GetStringValue(cJSON_GetArrayItem(item, 1));
    const cJSON *bytes = cJSON_GetArrayItem(item, 3);
    struct slice text = slice_str(pattern ? pattern : "(other)");
    char *at = slot_alloc(pool, s, text.n);
    if (at && text.n)
        memcpy(at, text.p, text.n);
    *k = (struct cache_key){.hash = hash ? strtoull(hash, NULL, 16) & 0xffffffffffff : 1,
                            .pattern = at ? slice_of(at, text.n) : SLICE(""),
                            .outcome = named(cJSON_GetArrayItem(item, 2), outcomes, 3)};
    if (cJSON_IsNumber(bytes) && bytes->valuedouble > 0 && bytes->valuedouble < 9e15)
        k->bytes = (uint64_t)bytes->valuedouble;
}

static void read_marks(const cJSON *o, struct cache_facts *f)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(o, "is"))
    {
        const char *name = cJSON_GetStringValue(item);
        for (int i = 0; name && i < MARKS; i++)
            if (strcmp(marks[i].name, name) == 0)
                *(bool *)((char *)f + marks[i].at) = true;
    }
}

const struct cache_facts *recordcache_read(const cJSON *o, struct slot_pool *pool, struct slot *s)
{
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(o, "keys"), *item;
    const cJSON *ttl = cJSON_GetObjectItemCaseSensitive(o, "ttl_s");
    int n = cJSON_IsArray(keys) ? cJSON_GetArraySize(keys) : 0;
    n = n > CACHE_KEYS_MOST ? CACHE_KEYS_MOST : n;
    struct cache_facts *f = cJSON_IsObject(o) ? slot_alloc(pool, s, sizeof *f + (size_t)n * sizeof *f->key) : NULL;
    if (!f)
        return NULL;
    *f = (struct cache_facts){.kind = named(cJSON_GetObjectItemCaseSensitive(o, "kind"), kinds, CACHE_KINDS),
                              .hits = (uint32_t)count(o, "hits", UINT32_MAX),
                              .misses = (uint32_t)count(o, "misses", UINT32_MAX),
                              .untold = (uint32_t)count(o, "untold", UINT32_MAX),
                              .named = (uint32_t)count(o, "named", UINT32_MAX),
                              .value_bytes = count(o, "value_bytes", 1000000000000000),
                              .ttl_us = -1};
    if (cJSON_IsNumber(ttl) && ttl->valuedouble >= 0 && ttl->valuedouble < 4e9)
        f->ttl_us = llround(ttl->valuedouble * 1e6);
    read_marks(o, f);
    cJSON_ArrayForEach(item, keys)
    {
        if (f->n == (uint32_t)n)
            break;
        read_key(item, &f->key[f->n++], pool, s);
    }
    return f;
}
