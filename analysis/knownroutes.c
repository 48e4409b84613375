#include "analysis/knownroutes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

enum { SERVERS_MAX = 16 };

/* One segment of one or more routes. What stands around a parameter, as in `{id}.json`, is literal. */
struct step {
    struct slice before, after; /* a literal segment is all `before` */
    bool parameter, rest;
    struct step *child, *next; /* children: literals, then parameters, the rest last */
    struct end *end;
};

/* A route that ends at a step. */
struct end {
    struct slice method, route; /* method empty: any */
    struct end *next;
};

struct knownroutes {
    struct step root;
    struct text *text;
    unsigned n;
};

/* Text and nodes live until the end. */
struct text {
    struct text *next;
    char bytes[];
};

static void *keep(struct knownroutes *k, size_t n)
{
    struct text *t = calloc(1, sizeof *t + n + 1);
    if (!t)
        return NULL;
    t->next = k->text;
    k->text = t;
    return t->bytes;
}

static struct slice keep_text(struct knownroutes *k, struct slice s)
{
    char *to = keep(k, s.n);
    if (to && s.n)
        memcpy(to, s.p, s.n);
    return to ? slice_of(to, s.n) : (struct slice){NULL, 0};
}

void knownroutes_free(struct knownroutes *k)
{
    if (!k)
        return;
    while (k->text) {
        struct text *t = k->text;
        k->text = t->next;
        free(t);
    }
    free(k);
}

unsigned knownroutes_count(const struct knownroutes *k)
{
    return k->n;
}

/* ---- building ---- */

static bool ends_with(struct slice s, struct slice end)
{
    return s.n >= end.n && slice_eq(slice_sub(s, s.n - end.n, s.n), end);
}

/* False: a brace that is not closed, or more than one parameter in a segment. */
static bool parse_step(struct slice segment, bool last, struct step *out)
{
    size_t open = slice_find(segment, '{', 0), close = slice_find(segment, '}', open);
    *out = (struct step){.before = segment, .after = SLICE("")};
    if (segment.n > 1 && segment.p[0] == ':') {
        *out = (struct step){.before = SLICE(""), .after = SLICE(""), .parameter = true};
        return true;
    }
    if (open == segment.n)
        return close == segment.n || slice_find(segment, '}', 0) == segment.n;
    if (close == segment.n || slice_find(segment, '{', open + 1) < segment.n)
        return false;
    struct slice name = slice_sub(segment, open + 1, close);
    *out = (struct step){.before = slice_sub(segment, 0, open),
                         .after = slice_sub(segment, close + 1, segment.n),
                         .parameter = true,
                         .rest = last && ends_with(name, SLICE("..."))};
    return name.n > 0;
}

static int rank(const struct step *s)
{
    return s->rest ? 3 : !s->parameter ? 0 : s->before.n + s->after.n ? 1 : 2;
}

static struct step *child_of(struct knownroutes *k, struct step *parent, const struct step *want)
{
    struct step **at = &parent->child;
    for (struct step *s = parent->child; s; s = s->next)
        if (s->parameter == want->parameter && s->rest == want->rest && slice_eq(s->before, want->before) &&
            slice_eq(s->after, want->after))
            return s;
    while (*at && rank(*at) <= rank(want))
        at = &(*at)->next;
    struct step *fresh = keep(k, sizeof *fresh);
    if (!fresh)
        return NULL;
    *fresh = *want;
    fresh->next = *at;
    *at = fresh;
    return fresh;
}

static bool add_end(struct knownroutes *k, struct step *at, struct slice method, struct slice route)
{
    for (const struct end *e = at->end; e; e = e->next)
        if (slice_eq(e->method, method))
            return true; /* the first one wins */
    struct end *e = keep(k, sizeof *e);
    if (!e)
        return false;
    *e = (struct end){keep_text(k, method), route, NULL};
    struct end **last = &at->end;
    while (*last)
        last = &(*last)->next;
    *last = e;
    k->n++;
    return e->method.p != NULL;
}

/* NULL, or what is wrong with it. */
static const char *add(struct knownroutes *k, struct slice method, struct slice path)
{
    struct step *at = &k->root, want;
    if (!path.n || path.p[0] != '/')
        return "a path begins with /";
    if (k->n >= KNOWNROUTES_MAX)
        return "too many routes";
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    struct slice route = keep_text(k, path);
    size_t from = 1, depth = 0;
    if (!route.p)
        return "out of memory";
    for (;;) {
        size_t end = slice_find(route, '/', from);
        if (++depth > KNOWNROUTES_DEPTH)
            return "too many segments";
        if (!parse_step(slice_sub(route, from, end), end == route.n, &want))
            return "a parameter is {name}, one in a segment";
        at = child_of(k, at, &want);
        if (!at)
            return "out of memory";
        if (end == route.n)
            break;
        from = end + 1;
    }
    return add_end(k, at, method, route) ? NULL : "out of memory";
}

/* ---- lists ---- */

static bool is_method(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_alpha(s.p[i]) && s.p[i] != '-')
            return false;
    return s.n > 0;
}

static const char *add_line(struct knownroutes *k, struct slice line)
{
    size_t blank = 0;
    while (blank < line.n && line.p[blank] != ' ' && line.p[blank] != '\t')
        blank++;
    struct slice first = slice_sub(line, 0, blank), rest = slice_trim(slice_sub(line, blank, line.n));
    if (!rest.n)
        return add(k, (struct slice){"", 0}, first);
    if (slice_eq(first, SLICE("*")))
        return add(k, (struct slice){"", 0}, rest);
    if (!is_method(first))
        return "a line is METHOD /path/{name}";
    return slice_find(rest, ' ', 0) < rest.n ? "blanks within the path" : add(k, first, rest);
}

static bool read_list(struct knownroutes *k, struct slice text, char why[256])
{
    struct slice line;
    for (unsigned number = 1; slice_next(&text, '\n', &line); number++) {
        const char *trouble = !line.n || line.p[0] == '#' ? NULL : add_line(k, line);
        if (slice_starts(line, SLICE("openapi:")) || slice_starts(line, SLICE("swagger:")))
            trouble = "this is YAML; convert it to JSON first, e.g. with yq -o json";
        if (trouble) {
            snprintf(why, 256, "line %u: %s", number, trouble);
            return false;
        }
    }
    if (k->n)
        return true;
    snprintf(why, 256, "no route in it");
    return false;
}

/* ---- OpenAPI ---- */

/* The path of an address: `/v1` of `https://api.example/v1/`. */
static struct slice path_of(struct slice url)
{
    size_t scheme = slice_find(url, ':', 0), from = 0;
    if (scheme + 2 < url.n && url.p[scheme + 1] == '/' && url.p[scheme + 2] == '/')
        from = slice_find(url, '/', scheme + 3);
    struct slice path = slice_sub(url, from, url.n);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    return path.n && path.p[0] == '/' ? path : (struct slice){"", 0};
}

static unsigned servers(const cJSON *document, struct slice out[SERVERS_MAX])
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "servers"), *server;
    const char *base = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "basePath"));
    unsigned n = 0;
    cJSON_ArrayForEach(server, list)
    {
        const char *url = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(server, "url"));
        if (url && n < SERVERS_MAX)
            out[n++] = path_of(slice_str(url));
    }
    if (!n)
        out[n++] = base ? path_of(slice_str(base)) : (struct slice){"", 0};
    return n;
}

static const char *add_operation(struct knownroutes *k, const struct slice *base, unsigned n, const char *method,
                                 const char *path)
{
    static const char *const methods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
    char upper[8] = "";
    const char *trouble = NULL;
    struct buf whole = {0};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(methods[i], method))
            for (size_t c = 0; method[c]; c++)
                upper[c] = (char)(method[c] - 'a' + 'A');
    for (unsigned i = 0; *upper && i < n && !trouble; i++) {
        whole.n = 0;
        buf_slice(&whole, base[i]);
        buf_str(&whole, path);
        trouble = whole.failed ? "out of memory" : add(k, slice_str(upper), slice_of(whole.p, whole.n));
    }
    buf_free(&whole);
    return trouble;
}

static bool read_openapi(struct knownroutes *k, struct slice text, char why[256])
{
    const char *end = NULL;
    cJSON *document = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
    const cJSON *paths = cJSON_GetObjectItemCaseSensitive(document, "paths"), *path, *operation;
    struct slice base[SERVERS_MAX];
    const char *trouble = !document                ? "no JSON"
                          : !cJSON_IsObject(paths) ? "no OpenAPI document: it has no \"paths\""
                                                   : NULL;
    unsigned n = servers(document, base);
    *why = 0;
    if (trouble)
        snprintf(why, 256, "%s", trouble);
    cJSON_ArrayForEach(path, paths)
    {
        cJSON_ArrayForEach(operation, path)
        {
            trouble = *why ? NULL : add_operation(k, base, n, operation->string ? operation->string : "", path->string);
            if (trouble)
                snprintf(why, 256, "path %.150s: %s", path->string, trouble);
        }
    }
    if (!*why && !k->n)
        snprintf(why, 256, "no route in it");
    cJSON_Delete(document);
    return !*why;
}

struct knownroutes *knownroutes_read(struct slice text, char why[256])
{
    struct knownroutes *k = calloc(1, sizeof *k);
    struct slice begin = slice_trim(text);
    if (!k) {
        snprintf(why, 256, "out of memory");
        return NULL;
    }
    if (begin.n && begin.p[0] == '{' ? read_openapi(k, begin, why) : read_list(k, text, why))
        return k;
    knownroutes_free(k);
    return NULL;
}

/* ---- asking ---- */

static bool takes(const struct step *s, struct slice segment)
{
    if (!s->parameter)
        return slice_eq(s->before, segment);
    return segment.n > s->before.n + s->after.n && slice_starts(segment, s->before) && ends_with(segment, s->after);
}

static const struct end *end_for(const struct step *s, struct slice method)
{
    const struct end *any = NULL;
    for (const struct end *e = s->end; e; e = e->next)
        if (slice_eq(e->method, method))
            return e;
        else if (!e->method.n)
            any = e;
    return any;
}

/* `from`: where the next segment begins. */
static const struct end *walk(const struct step *at, struct slice method, struct slice path, size_t from)
{
    size_t end = slice_find(path, '/', from);
    struct slice segment = slice_sub(path, from, end);
    for (const struct step *s = at->child; s; s = s->next) {
        const struct end *found = NULL;
        if (s->rest)
            found = end_for(s, method);
        else if (takes(s, segment))
            found = end == path.n ? end_for(s, method) : walk(s, method, path, end + 1);
        if (found)
            return found;
    }
    return NULL;
}

struct slice knownroutes_find(const struct knownroutes *k, struct slice method, struct slice path)
{
    if (!k || !path.n || path.p[0] != '/')
        return (struct slice){NULL, 0};
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    const struct end *e = walk(&k->root, method, path, 1);
    return e ? e->route : (struct slice){NULL, 0};
}

static bool has(const struct step *at, struct slice route)
{
    for (const struct step *s = at->child; s; s = s->next) {
        for (const struct end *e = s->end; e; e = e->next)
            if (slice_eq(e->route, route))
                return true;
        if (has(s, route))
            return true;
    }
    return false;
}

bool knownroutes_has(const struct knownroutes *k, struct slice route)
{
    return k && has(&k->root, route);
}
