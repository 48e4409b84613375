#include "analysis/ignore.h"

#include <stdio.h>

static bool is_wild(char c)
{
    return c == '*' || c == '?';
}

/* Whether what stands before the first wild card of the glob can begin a service, and a path can follow. */
static bool can_be_service(struct slice glob)
{
    static const char *const schemes[] = {"http://", "https://"};
    size_t n = 0;
    while (n < glob.n && !is_wild(glob.p[n]))
        n++;
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(schemes[i]), same = n < length ? n : length;
        if (memcmp(glob.p, schemes[i], same))
            continue;
        if (n < glob.n || (n > length && memchr(glob.p + length, '/', n - length)))
            return true;
    }
    return false;
}

/* NULL, or why the pattern can never take a request. */
static const char *in_vain(struct slice method, struct slice glob)
{
    for (size_t i = 0; i < method.n; i++)
        if (method.p[i] >= 'a' && method.p[i] <= 'z')
            return "methods are written in capitals, as they are sent";
    if (glob.p[0] != '/' && glob.p[0] != '*' && !can_be_service(glob))
        return "GLOB is a path like /health*, or begins with http://HOST/";
    return NULL;
}

bool ignore_add(struct ignore *g, const char *text, char why[128])
{
    struct slice s = slice_trim(slice_str(text));
    size_t blank = slice_find(s, ' ', 0);
    struct slice method = blank < s.n ? slice_sub(s, 0, blank) : SLICE("*");
    struct slice glob = blank < s.n ? slice_trim(slice_sub(s, blank, s.n)) : s;
    if (!glob.n || slice_find(glob, ' ', 0) < glob.n) {
        snprintf(why, 128, "'%.60s' is not METHOD GLOB, like 'GET /health*' or '* /metrics'", text);
        return false;
    }
    const char *vain = in_vain(method, glob);
    if (vain) {
        snprintf(why, 128, "'%.40s' takes nothing: %s", text, vain);
        return false;
    }
    if (g->n == IGNORE_MAX) {
        snprintf(why, 128, "at most %d patterns", IGNORE_MAX);
        return false;
    }
    g->pattern[g->n++] = (struct ignore_pattern){method, glob};
    return true;
}

/* Of all stars only the last one is ever tried again: at most glob times text steps. */
static bool glob_takes(struct slice glob, struct slice text)
{
    size_t g = 0, t = 0, star = SIZE_MAX, from = 0;
    while (t < text.n) {
        if (g < glob.n && glob.p[g] == '*') {
            star = g++;
            from = t;
        } else if (g < glob.n && (glob.p[g] == '?' || glob.p[g] == text.p[t])) {
            g++;
            t++;
        } else if (star != SIZE_MAX) {
            g = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (g < glob.n && glob.p[g] == '*')
        g++;
    return g == glob.n;
}

/* Service and path as one text. */
static bool both_take(struct slice glob, struct slice service, struct slice path)
{
    char text[1024];
    if (service.n + path.n > sizeof text)
        return false;
    memcpy(text, service.p, service.n);
    memcpy(text + service.n, path.p, path.n);
    return glob_takes(glob, slice_of(text, service.n + path.n));
}

bool ignore_takes(const struct ignore *g, struct slice method, struct slice service, struct slice target)
{
    struct slice path = slice_sub(target, 0, slice_find(target, '?', 0));
    for (unsigned i = 0; i < g->n; i++) {
        const struct ignore_pattern *p = &g->pattern[i];
        if (!slice_eq(p->method, SLICE("*")) && !slice_eq(p->method, method))
            continue;
        if (p->glob.p[0] == '/' || p->glob.p[0] == '*' ? glob_takes(p->glob, path) : both_take(p->glob, service, path))
            return true;
    }
    return false;
}
