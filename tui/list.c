#include "tui/list.h"

#include <math.h>
#include <stdlib.h>

struct sorting {
    const struct table *table;
    const struct column *column;
    const struct table_view *view;
    bool reverse;
};

void list_init(struct list *l, const struct table *t)
{
    *l = (struct list){.sort = t->sort};
}

void list_free(struct list *l)
{
    free(l->order);
    l->order = NULL;
    l->n = 0;
}

static int compare_text(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Unknown last, whichever way; equal ones as the moment has them. */
static int compare(const void *pa, const void *pb, void *context)
{
    const struct sorting *s = context;
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    const void *ra = s->table->row(s->view->now, a), *rb = s->table->row(s->view->now, b);
    int c;
    if (s->column->text) {
        c = compare_text(s->column->text(ra), s->column->text(rb));
    } else {
        double x = s->column->number(ra, s->view), y = s->column->number(rb, s->view);
        if (isnan(x) || isnan(y))
            c = isnan(x) && isnan(y) ? 0 : (isnan(x) ? 1 : -1) * (s->reverse ? -1 : 1);
        else
            c = ((x < y) - (x > y)) * (s->column->rises ? -1 : 1);
    }
    if (s->reverse)
        c = -c;
    return c ? c : (a > b) - (a < b);
}

static bool contains(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (slice_ieq(slice_sub(text, i, i + word.n), word))
            return true;
    return false;
}

static void choose(struct list *l, const struct table *t, const struct moment *m)
{
    const void *row = list_chosen(l, t, m);
    l->id = row ? t->id(row) : 0;
}

/* Where the row chosen before is now. */
static void follow(struct list *l, const struct table *t, const struct moment *m)
{
    if (l->end || l->at >= l->n)
        l->at = l->n ? l->n - 1 : 0;
    if (!l->end && l->at && l->id)
        for (uint32_t i = 0; i < l->n; i++)
            if (t->id(t->row(m, l->order[i])) == l->id) {
                l->at = i;
                break;
            }
    choose(l, t, m);
}

bool list_refresh(struct list *l, const struct table *t, const struct table_view *v)
{
    uint32_t all = t->count(v->now);
    struct slice word = slice_str(l->filter);
    uint32_t *order = realloc(l->order, ((size_t)all + 1) * sizeof *order);
    l->n = 0;
    if (!order)
        return false;
    l->order = order;
    for (uint32_t i = 0; i < all; i++)
        if (!word.n || contains(t->name(t->row(v->now, i)), word))
            order[l->n++] = i;
    struct sorting s = {t, &t->column[l->sort], v, l->reverse};
    qsort_r(order, l->n, sizeof *order, compare, &s);
    follow(l, t, v->now);
    return true;
}

void list_move(struct list *l, const struct table *t, const struct table_view *v, int64_t by)
{
    int64_t at = (int64_t)l->at + by;
    at = at < (int64_t)l->n ? at : (int64_t)l->n - 1;
    at = at > 0 ? at : 0;
    l->end = by == LIST_END || (l->end && by > 0);
    l->at = (uint32_t)at;
    choose(l, t, v->now);
}

void list_top(struct list *l)
{
    l->at = 0;
    l->end = false;
}

void list_scroll(struct list *l, uint32_t rows)
{
    if (l->at < l->top)
        l->top = l->at;
    if (rows && l->at >= l->top + rows)
        l->top = l->at - rows + 1;
    if (l->top + rows > l->n)
        l->top = l->n > rows ? l->n - rows : 0;
}

void list_sort_by(struct list *l, const struct table *t, int step)
{
    l->sort = (l->sort + t->columns + (unsigned)step) % t->columns;
    l->reverse = false;
}

const void *list_chosen(const struct list *l, const struct table *t, const struct moment *m)
{
    return l->at < l->n ? t->row(m, l->order[l->at]) : NULL;
}
