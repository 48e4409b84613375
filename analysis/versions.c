#include "analysis/versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* v, digits, and any of digits, dots, and what stands for a stage: alpha, beta, rc. */
static bool is_version(struct slice s)
{
    size_t at = 1;
    if (s.n < 2 || s.n > VERSIONS_NAME || ascii_lower(s.p[0]) != 'v' || !ascii_digit(s.p[1]))
        return false;
    while (at < s.n && (ascii_digit(s.p[at]) || (s.p[at] == '.' && at + 1 < s.n)))
        at++;
    struct slice stage = slice_sub(s, at, s.n);
    size_t letters = 0;
    while (letters < stage.n && ascii_alpha(stage.p[letters]))
        letters++;
    for (size_t i = letters; i < stage.n; i++)
        if (!ascii_digit(stage.p[i]))
            return false;
    stage.n = letters;
    return !letters || slice_ieq(stage, SLICE("alpha")) || slice_ieq(stage, SLICE("beta")) ||
           slice_ieq(stage, SLICE("rc")) || slice_ieq(stage, SLICE("p"));
}

struct slice versions_name(struct slice route)
{
    struct slice segment;
    while (slice_next(&route, '/', &segment))
        if (is_version(segment))
            return segment;
    return (struct slice){NULL, 0};
}

bool versions_init(struct versions *v)
{
    v->caller = calloc(VERSIONS_CALLERS, sizeof *v->caller);
    return v->caller && map_init(&v->map, v->caller, sizeof *v->caller, VERSIONS_CALLERS);
}

void versions_free(struct versions *v)
{
    map_free(&v->map);
    free(v->caller);
    *v = (struct versions){0};
}

uint32_t versions_endpoint(struct versions *v, uint64_t service, struct slice route, uint32_t endpoint)
{
    struct slice name = versions_name(route);
    uint32_t i = 0;
    if (!name.n)
        return 0;
    while (i < v->n && !(v->row[i].service == service && slice_ieq(slice_str(v->row[i].name), name)))
        i++;
    if (i == VERSIONS_MOST) {
        v->lost++;
        return 0;
    }
    if (i == v->n) {
        v->row[v->n++] = (struct versions_row){.service = service, .endpoint = endpoint};
        memcpy(v->row[i].name, name.p, name.n);
    }
    return i + 1;
}

static struct versions_caller *caller_of(struct versions *v, uint32_t version, uint32_t client)
{
    uint64_t hash = hash_mix((uint64_t)version << 32 | client);
    uint32_t at = map_find(&v->map, hash);
    if (at != MAP_NONE)
        return &v->caller[at];
    if (v->n_callers == VERSIONS_CALLERS || !map_insert(&v->map, hash, v->n_callers)) {
        v->lost++;
        return NULL;
    }
    v->row[version].clients++;
    v->caller[v->n_callers] = (struct versions_caller){.hash = hash, .version = version, .client = client};
    return &v->caller[v->n_callers++];
}

void versions_call(struct versions *v, uint32_t version, uint32_t client, int64_t at_us, bool error)
{
    if (!version)
        return;
    struct versions_row *row = &v->row[version - 1];
    row->first_us = row->requests ? row->first_us : at_us;
    row->last_us = at_us;
    row->requests++;
    row->errors += error;
    struct versions_caller *c = client ? caller_of(v, version - 1, client) : NULL;
    if (!c)
        return;
    c->requests++;
    c->last_us = at_us;
}

static int by_version(const void *x, const void *y)
{
    const struct versions_caller *a = x, *b = y;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    if (a->requests != b->requests)
        return a->requests > b->requests ? -1 : 1;
    return (a->client > b->client) - (a->client < b->client);
}

void versions_end(struct versions *v)
{
    map_free(&v->map); /* its rows move */
    v->map = (struct map){0};
    if (v->n_callers)
        qsort(v->caller, v->n_callers, sizeof *v->caller, by_version);
}
