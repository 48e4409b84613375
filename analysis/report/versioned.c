#include "analysis/report/versioned.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/human.h"

enum { CALLERS = 10, NAMED = 3 };

/* Names by client id. */
struct names {
    char (*text)[40];
    uint32_t n;
};

static bool count_client(void *context, const struct row_client *c)
{
    struct names *n = context;
    n->n = c->id >= n->n ? c->id + 1 : n->n;
    return true;
}

static bool name_client(void *context, const struct row_client *c)
{
    struct names *n = context;
    if (c->id < n->n)
        memcpy(n->text[c->id], c->client.p, c->client.n < 39 ? c->client.n : 39);
    return true;
}

static void names_read(struct names *n, struct store_reader *r)
{
    *n = (struct names){0};
    store_read_clients(r, count_client, n);
    n->text = calloc((size_t)n->n + 1, sizeof *n->text);
    if (!n->text)
        n->n = 0;
    store_read_clients(r, name_client, n);
}

static const char *name_of(const struct names *n, uint32_t client)
{
    return client < n->n && n->text[client][0] ? n->text[client] : NULL;
}

/* The service's name, in a buf. */
static bool add_service(void *context, const struct row_endpoint *e)
{
    buf_slice(context, e->service);
    return true;
}

/* The callers of a version: from *first on, of them there are the result. */
static uint32_t callers_of(const struct versions *v, uint32_t version, uint32_t *first)
{
    uint32_t n = 0;
    while (*first < v->n_callers && v->caller[*first].version < version)
        ++*first;
    while (*first + n < v->n_callers && v->caller[*first + n].version == version)
        n++;
    return n;
}

static void caller(struct json *j, const struct names *names, const struct versions_caller *c)
{
    json_open(j, '{');
    json_key(j, "client");
    json_str(j, name_of(names, c->client));
    json_key_u64(j, "requests", c->requests);
    json_key_micros(j, "last", c->last_us);
    json_close(j, '}');
}

static void version(struct json *j, struct store_reader *r, const struct versions *v, uint32_t i, uint32_t *first,
                    const struct names *names)
{
    const struct versions_row *row = &v->row[i];
    struct buf service = {0};
    uint32_t n = callers_of(v, i, first);
    store_read_endpoint(r, row->endpoint, add_service, &service);
    json_open(j, '{');
    json_key_text(j, "service", slice_of(service.p, service.n));
    json_key(j, "version");
    json_str(j, row->name);
    json_key(j, "from");
    json_str(j, versions_from_name(row->from));
    json_key_u64(j, "endpoints", row->endpoints);
    json_key_u64(j, "requests", row->requests);
    json_key_u64(j, "errors", row->errors);
    json_key_u64(j, "clients", row->clients);
    json_key_micros(j, "first", row->first_us);
    json_key_micros(j, "last", row->last_us);
    json_key(j, "callers");
    json_open(j, '[');
    for (uint32_t k = 0; k < n && k < CALLERS; k++)
        caller(j, names, &v->caller[*first + k]);
    json_close(j, ']');
    json_close(j, '}');
    buf_free(&service);
}

void versioned_json(struct json *j, struct store_reader *r, const struct ties *t)
{
    struct names names;
    uint32_t first = 0;
    json_key(j, "versions");
    if (!t->any || t->failed) {
        json_null(j);
        return;
    }
    names_read(&names, r);
    json_open(j, '[');
    for (uint32_t i = 0; i < t->versions.n; i++)
        if (t->versions.row[i].requests)
            version(j, r, &t->versions, i, &first, &names);
    json_close(j, ']');
    free(names.text);
}

static void line(struct store_reader *r, const struct versions *v, uint32_t i, uint32_t *first,
                 const struct names *names, struct buf *out)
{
    const struct versions_row *row = &v->row[i];
    struct buf name = {0};
    uint32_t n = callers_of(v, i, first);
    store_read_endpoint(r, row->endpoint, add_service, &name);
    static const char *const where[] = {"", " in Accept", " in a field", " in the query"};
    buf_printf(&name, " %s%s", row->name, where[row->from]);
    buf_str(out, "  ");
    human_cell(out, slice_of(name.p, name.n), 44);
    buf_printf(out, " %9" PRIu32 " %8s %7s %7s  %s ", row->endpoints, human_count(row->requests).text,
               human_count(row->errors).text, human_count(row->clients).text, human_moment(row->last_us).text);
    for (uint32_t k = 0; k < n && k < NAMED; k++)
        buf_printf(out, "%s %s (%s)", k ? "," : "", name_of(names, v->caller[*first + k].client),
                   human_count(v->caller[*first + k].requests).text);
    buf_str(out, n > NAMED ? ", …\n" : "\n");
    buf_free(&name);
}

void versioned_text(struct store_reader *r, const struct ties *t, unsigned top, struct buf *out)
{
    struct names names;
    uint32_t first = 0, shown = 0;
    if (!t->any || t->failed || t->versions.n < 2)
        return;
    names_read(&names, r);
    buf_str(out, "\nWHO CALLS WHICH VERSION\n  ");
    human_cell(out, SLICE("version"), 44);
    buf_str(out, " endpoints  request  errors clients  last seen            most of them from\n");
    for (uint32_t i = 0; i < t->versions.n; i++)
        if (t->versions.row[i].requests && shown++ < top)
            line(r, &t->versions, i, &first, &names, out);
    if (shown > top)
        buf_printf(out, "  … and %" PRIu32 " more versions (--top N, or --format json for all)\n", shown - top);
    free(names.text);
}
