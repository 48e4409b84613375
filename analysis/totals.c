#include "analysis/totals.h"

static bool is(const struct totals_method *m, struct slice name)
{
    return slice_eq(slice_of(m->name, m->n), name);
}

static struct totals_method *find(struct totals *t, struct slice name)
{
    for (unsigned i = 0; i < t->n_methods; i++)
        if (is(&t->method[i], name))
            return &t->method[i];
    return NULL;
}

static struct totals_method *add(struct totals *t, struct slice name)
{
    if (t->n_methods == TOTALS_METHODS)
        return &t->method[TOTALS_METHODS - 1];
    if (t->n_methods == TOTALS_METHODS - 1)
        name = SLICE("(other)");
    struct totals_method *m = &t->method[t->n_methods++];
    memcpy(m->name, name.p, name.n);
    m->n = name.n;
    return m;
}

void totals_method(struct totals *t, struct slice name, uint64_t n)
{
    name = slice_sub(name, 0, TOTALS_METHOD);
    struct totals_method *m = &t->method[t->latest];
    if (!t->n_methods || !is(m, name))
        m = find(t, name);
    if (!m)
        m = add(t, name);
    m->count += n;
    t->latest = (unsigned)(m - t->method);
}

void totals_status(struct totals *t, unsigned status, uint64_t n)
{
    t->status[status < TOTALS_STATUSES ? status : 0] += n;
}

bool totals_set(struct totals *t, struct slice name, uint64_t value)
{
#define TOTAL(field, text)                                                                                             \
    if (slice_eq(name, SLICE(text))) {                                                                                 \
        t->field = value;                                                                                              \
        return true;                                                                                                   \
    }
#include "analysis/totals.def"
#undef TOTAL
    return false;
}
