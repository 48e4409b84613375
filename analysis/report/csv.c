/* The report as CSV (RFC 4180): the JSON report, flattened, so that whatever is added there is here, too. One table for
 * each list and object of it, an empty line between them; the first column names the table. Members of nested objects
 * become columns `outer.inner`, lists of plain values are joined by blanks, and lists of objects are tables of their
 * own that name the row they belong to. What is null is an empty cell. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "analysis/report/writers.h"
#include "base/json.h"

enum { DEPTH = 4, COLUMNS = 512 };

/* A column is the path of members that leads to it. */
struct column {
    const char *path[DEPTH];
    unsigned depth;
};

struct table {
    struct column column[COLUMNS];
    unsigned n;
};

/* A row of a table, and the row of the outer table it belongs to. */
struct row {
    const cJSON *value;
    const cJSON *owner;
};

/* ---- cells ---- */

/* Text that a spreadsheet would take for a formula gets an apostrophe: names on the wire are anybody's. */
static void text_cell(struct buf *out, const char *text)
{
    bool formula = *text && strchr("=+-@\t\r", *text);
    if (!formula && !strpbrk(text, ",\"\r\n")) {
        buf_str(out, text);
        return;
    }
    buf_str(out, formula ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_char(out, '"');
        buf_char(out, *text);
    }
    buf_char(out, '"');
}

static void number(struct buf *out, double v)
{
    struct json j = {out, false};
    if (v == floor(v) && fabs(v) < 9007199254740992.0)
        buf_printf(out, "%.0f", v);
    else
        json_double(&j, v);
}

static void plain(struct buf *out, const cJSON *v)
{
    if (cJSON_IsString(v))
        buf_str(out, v->valuestring);
    else if (cJSON_IsNumber(v))
        number(out, v->valuedouble);
    else if (cJSON_IsBool(v))
        buf_str(out, cJSON_IsTrue(v) ? "true" : "false");
}

static void cell(struct buf *out, const cJSON *v)
{
    struct buf text = {0};
    const cJSON *item;
    if (cJSON_IsArray(v)) {
        cJSON_ArrayForEach(item, v)
        {
            if (item->prev && item != v->child)
                buf_char(&text, ' ');
            plain(&text, item);
        }
    } else
        plain(&text, v);
    buf_char(&text, 0);
    if (cJSON_IsNumber(v))
        buf_str(out, text.failed ? "" : text.p);
    else
        text_cell(out, text.failed ? "" : text.p);
    out->failed |= text.failed;
    buf_free(&text);
}

/* ---- columns ---- */

static bool is_table(const cJSON *v)
{
    return cJSON_IsArray(v) && cJSON_IsObject(v->child);
}

static void add_column(struct table *t, const struct column *c)
{
    for (unsigned i = 0; i < t->n; i++) {
        unsigned same = 0;
        while (same < c->depth && t->column[i].depth == c->depth && !strcmp(t->column[i].path[same], c->path[same]))
            same++;
        if (same == c->depth)
            return;
    }
    if (t->n < COLUMNS)
        t->column[t->n++] = *c;
}

/* The columns of an object and of the objects in it. */
static void find_columns(struct table *t, const cJSON *object, struct column *at)
{
    const cJSON *v;
    cJSON_ArrayForEach(v, object)
    {
        at->path[at->depth] = v->string;
        if (cJSON_IsObject(v) && at->depth + 1 < DEPTH) {
            at->depth++;
            find_columns(t, v, at);
            at->depth--;
        } else if (!is_table(v) && !cJSON_IsObject(v)) {
            struct column c = *at;
            c.depth++;
            add_column(t, &c);
        }
    }
}

static bool leads_to(const struct column *a, const struct column *b)
{
    unsigned same = 0;
    while (same < a->depth && same < b->depth && !strcmp(a->path[same], b->path[same]))
        same++;
    return same == a->depth && a->depth < b->depth;
}

/* What is null in one row and an object in another needs no column of its own. */
static void drop_outer(struct table *t)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < t->n; i++) {
        bool outer = false;
        for (unsigned k = 0; k < t->n && !outer; k++)
            outer = leads_to(&t->column[i], &t->column[k]);
        if (!outer)
            t->column[kept++] = t->column[i];
    }
    t->n = kept;
}

static const cJSON *value_at(const cJSON *object, const struct column *c)
{
    for (unsigned i = 0; object && i < c->depth; i++)
        object = cJSON_GetObjectItemCaseSensitive(object, c->path[i]);
    return object;
}

/* ---- tables ---- */

/* What a row is known by in the tables inside it. */
static const cJSON *name_of(const cJSON *row)
{
    static const char *const names[] = {"id", "client", "name", "rank", "service", "server"};
    const cJSON *v = NULL;
    for (size_t i = 0; !v && i < sizeof names / sizeof *names; i++)
        v = cJSON_GetObjectItemCaseSensitive(row, names[i]);
    return v;
}

static void head(struct buf *out, const struct table *t, const char *owner)
{
    buf_str(out, "table");
    if (owner) {
        buf_char(out, ',');
        text_cell(out, owner);
    }
    for (unsigned i = 0; i < t->n; i++) {
        struct buf name = {0};
        for (unsigned k = 0; k < t->column[i].depth; k++)
            buf_printf(&name, "%s%s", k ? "." : "", t->column[i].path[k]);
        buf_char(&name, 0);
        buf_char(out, ',');
        text_cell(out, name.failed ? "" : name.p);
        buf_free(&name);
    }
    buf_str(out, "\r\n");
}

static void write_row(struct buf *out, const struct table *t, const char *name, const cJSON *owner, const cJSON *row)
{
    text_cell(out, name);
    if (owner) {
        buf_char(out, ',');
        cell(out, owner);
    }
    for (unsigned i = 0; i < t->n; i++) {
        buf_char(out, ',');
        const cJSON *v = value_at(row, &t->column[i]);
        if (v && !is_table(v))
            cell(out, v);
    }
    buf_str(out, "\r\n");
}

/* Every row of a list, or an object as the one row; with `inner`, the rows of the list of that name in each of them. */
static void each_row(const cJSON *list, const char *inner, void (*each)(void *context, struct row r), void *context)
{
    const cJSON *row, *deep;
    if (cJSON_IsObject(list)) {
        each(context, (struct row){list, NULL});
        return;
    }
    cJSON_ArrayForEach(row, list)
    {
        if (!inner)
            each(context, (struct row){row, NULL});
        else
            cJSON_ArrayForEach(deep, cJSON_GetObjectItemCaseSensitive(row, inner))
                each(context, (struct row){deep, name_of(row)});
    }
}

struct writing {
    struct table table;
    struct buf *out;
    const char *name;
};

static void note_columns(void *context, struct row r)
{
    struct writing *w = context;
    struct column at = {.depth = 0};
    find_columns(&w->table, r.value, &at);
}

static void note_row(void *context, struct row r)
{
    struct writing *w = context;
    write_row(w->out, &w->table, w->name, r.owner, r.value);
}

static void write_table(struct buf *out, const cJSON *list, const char *inner)
{
    struct writing w = {.out = out};
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", list->string, inner ? "." : "", inner ? inner : "");
    w.name = name;
    each_row(list, inner, note_columns, &w);
    drop_outer(&w.table);
    if (!w.table.n)
        return;
    if (out->n)
        buf_str(out, "\r\n");
    const cJSON *owner = inner ? name_of(list->child) : NULL;
    head(out, &w.table, owner ? owner->string : NULL);
    each_row(list, inner, note_row, &w);
}

/* The lists of objects inside the rows of a list: the names that any row has. */
static void write_inner(struct buf *out, const cJSON *list)
{
    const cJSON *row, *v;
    const char *done[16];
    unsigned n = 0;
    cJSON_ArrayForEach(row, list)
    {
        cJSON_ArrayForEach(v, row)
        {
            bool seen = !is_table(v);
            for (unsigned i = 0; i < n; i++)
                seen |= !strcmp(done[i], v->string);
            if (seen || n == sizeof done / sizeof *done)
                continue;
            done[n++] = v->string;
            write_table(out, list, v->string);
        }
    }
}

void report_csv(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct buf text = {0};
    report_json(r, f, o, &text);
    cJSON *root = text.failed ? NULL : cJSON_ParseWithLength(text.p, text.n);
    const cJSON *v;
    out->failed |= !root;
    cJSON_ArrayForEach(v, root)
    {
        if (cJSON_IsObject(v) || is_table(v))
            write_table(out, v, NULL);
        if (is_table(v))
            write_inner(out, v);
    }
    cJSON_Delete(root);
    buf_free(&text);
}
