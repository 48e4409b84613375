#include "analysis/totals.h"

static struct totals_method *find(struct totals *t, struct slice name)
{
    for (unsigned i = 0; i < t->n_methods; i++)
        if (slice_same(slice_of(t->method[i].name, t->method[i].n), name))
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
    struct totals_method *m = find(t, name);
    if (!m)
        m = add(t, name);
    m->count += n;
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
