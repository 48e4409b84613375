#include "analysis/versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/table.h"

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

static bool is_parameter(struct slice name)
{
    return slice_ieq(name, SLICE("api-version")) || slice_ieq(name, SLICE("api_version")) ||
           slice_ieq(name, SLICE("apiversion")) || slice_ieq(name, SLICE("version"));
}

/* At most three digits and a few more after dots, or a date, which may say that it is a preview. */
static struct slice number_of(struct slice text)
{
    size_t digits = 0, n = 0;
    while (digits < text.n && ascii_digit(text.p[digits]))
        digits++;
    for (n = digits; n < text.n && (ascii_digit(text.p[n]) || text.p[n] == '.' || text.p[n] == '-');)
        n++;
    bool date = digits == 4 && n >= 10 && text.p[4] == '-';
    n = date ? 10 : n;
    return digits && (date || (digits <= 3 && n <= VERSIONS_NAME && n == text.n)) ? slice_sub(text, 0, n)
                                                                                  : (struct slice){NULL, 0};
}

struct slice versions_in_query(struct slice target)
{
    struct slice query = slice_sub(target, slice_find(target, '?', 0) + 1, target.n), one;
    while (slice_find(target, '?', 0) < target.n && slice_next(&query, '&', &one)) {
        size_t eq = slice_find(one, '=', 0);
        if (eq < one.n && is_parameter(slice_sub(one, 0, eq)))
            return number_of(slice_sub(one, eq + 1, one.n));
    }
    return (struct slice){NULL, 0};
}

const char *versions_from_name(enum versions_from f)
{
    static const char *const names[] = {"path", "accept", "field", "query"};
    return names[f];
}

bool versions_init(struct versions *v)
{
    v->caller = table_new(VERSIONS_CALLERS, sizeof *v->caller);
    v->place = table_new(VERSIONS_PLACES, sizeof *v->place);
    return v->caller && v->place && map_init(&v->map, v->caller, sizeof *v->caller, VERSIONS_CALLERS) &&
           map_init(&v->places, v->place, sizeof *v->place, VERSIONS_PLACES);
}

void versions_free(struct versions *v)
{
    map_free(&v->map);
    map_free(&v->places);
    table_free(v->caller);
    table_free(v->place);
    *v = (struct versions){0};
}

uint32_t versions_named(struct versions *v, uint64_t service, enum versions_from from, struct slice name,
                        uint32_t endpoint)
{
    uint32_t i = 0;
    if (!name.n || name.n > VERSIONS_NAME)
        return 0;
    while (i < v->n &&
           !(v->row[i].service == service && v->row[i].from == from && slice_ieq(slice_str(v->row[i].name), name)))
        i++;
    if (i == VERSIONS_MOST) {
        v->lost++;
        return 0;
    }
    if (i == v->n) {
        v->row[v->n++] = (struct versions_row){.service = service, .from = from, .endpoint = endpoint};
        memcpy(v->row[i].name, name.p, name.n);
    }
    return i + 1;
}

uint32_t versions_endpoint(struct versions *v, uint64_t service, struct slice route, uint32_t endpoint)
{
    return versions_named(v, service, VERSIONS_PATH, versions_name(route), endpoint);
}

void versions_at(struct versions *v, uint32_t version, uint32_t endpoint)
{
    uint64_t hash = hash_mix((uint64_t)version << 32 | endpoint);
    if (!version || map_find(&v->places, hash) != MAP_NONE)
        return;
    if (v->n_places == VERSIONS_PLACES || !map_insert(&v->places, hash, v->n_places)) {
        v->lost++;
        return;
    }
    v->place[v->n_places++].hash = hash;
    v->row[version - 1].endpoints++;
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
