#include "analysis/totals.h"

unsigned totals_place(const struct totals *t, struct slice name)
{
    name = slice_sub(name, 0, TOTALS_METHOD);
    for (unsigned i = 0; i < t->n_methods; i++)
        if (slice_same(slice_of(t->method[i].name, t->method[i].n), name))
            return i + 1;
    return 0;
}

unsigned totals_enter(struct totals *t, struct slice name)
{
    unsigned place = totals_place(t, name);
    if (place || t->n_methods == TOTALS_METHODS)
        return place ? place : TOTALS_METHODS;
    name = t->n_methods == TOTALS_METHODS - 1 ? SLICE("(other)") : slice_sub(name, 0, TOTALS_METHOD);
    struct totals_method *m = &t->method[t->n_methods++];
    memcpy(m->name, name.p, name.n);
    m->n = name.n;
    return t->n_methods;
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
