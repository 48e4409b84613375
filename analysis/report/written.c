#include "analysis/report/written.h"

#include <stdlib.h>

#include "analysis/changes.h"
#include "analysis/report/facts.h"
#include "base/dense.h"

static struct writes_totals totals_of(const struct row_endpoint *e)
{
    struct changes_stored stored;
    struct writes_totals t = {0};
    changes_read(&stored, e->lifetimes);
    for (int i = 0; i < LIFETIME_BUCKETS; i++) {
        const struct lifetime_bucket *b = &stored.lifetime.bucket[i];
        t.changes += b->n[1];
        t.changed_ms += b->sum_ms[1];
        t.observed_ms += b->sum_ms[0] + b->sum_ms[1];
    }
    return t;
}

void written_of(struct written *w, const struct row_endpoint *e)
{
    struct writes_sums sums;
    w->n = 0;
    w->purge = NULL;
    if (!e->writes.n || !writes_read(&sums, e->writes))
        return;
    struct writes_totals t = totals_of(e);
    w->n = writes_result(&sums, &t, w->pair);
    for (unsigned i = 0; i < w->n && !w->purge; i++)
        if (w->pair[i].advised)
            w->purge = &w->pair[i];
}

bool written_name(struct written_names *names, const struct row_endpoint *e)
{
    struct written_name *list = dense_room(names->name, &names->names, e->id, sizeof *list);
    if (!list)
        return false;
    names->name = list;
    list[e->id].at = names->text.n;
    facts_name(&names->text, e);
    list[e->id].n = names->text.n - list[e->id].at;
    return !names->text.failed;
}

struct slice written_name_of(const struct written_names *names, uint32_t id)
{
    if (id >= names->names || !names->name[id].n)
        return (struct slice){NULL, 0};
    return slice_of(names->text.p + names->name[id].at, names->name[id].n);
}

void written_names_free(struct written_names *names)
{
    free(names->name);
    buf_free(&names->text);
    *names = (struct written_names){0};
}

static void pair_json(struct json *j, const struct writes_result *r, const struct written_names *names)
{
    json_open(j, '{');
    json_key_text(j, "write", written_name_of(names, r->writer));
    json_key(j, "binding");
    json_str(j, writes_class_name(r->class));
    json_key_double(j, "changes", r->observed);
    json_key_double(j, "by_chance", r->expected);
    json_key_double(j, "lift", r->lift);
    json_key_double(j, "z", r->z);
    json_key_double(j, "recall", r->recall);
    json_key_double(j, "precision", r->precision);
    json_key_u64(j, "late", r->late);
    json_key_u64(j, "stale_reads", r->stale_reads);
    json_key(j, "purge");
    json_bool(j, r->advised);
    json_key(j, "invalidation_suffices");
    json_bool(j, r->by_rfc);
    json_close(j, '}');
}

void written_json(struct json *j, const struct row_endpoint *e, const struct written_names *names)
{
    struct written w;
    written_of(&w, e);
    json_key(j, "writes");
    json_open(j, '[');
    for (unsigned i = 0; i < w.n && i < WRITTEN_SHOWN; i++)
        pair_json(j, &w.pair[i], names);
    json_close(j, ']');
}
