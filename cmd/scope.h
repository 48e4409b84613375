/* scope: what an audit is of: the options --routes and --ignore, for every command that audits. */
#ifndef CMD_SCOPE_H
#define CMD_SCOPE_H

#include "analysis/ignore.h"
#include "analysis/knownroutes.h"
#include "cmd/args.h"

/* Above the numbers of a command's own options. */
enum { SCOPE_ROUTES = 1001, SCOPE_IGNORE };

#define SCOPE_ARGS                                                                                                     \
    {SCOPE_ROUTES, 0, "routes", "FILE",                                                                                \
     "known routes: lines METHOD /path/{name}, or OpenAPI in JSON; the rest is inferred"},                             \
    {                                                                                                                  \
        SCOPE_IGNORE, 0, "ignore", "'METHOD GLOB'",                                                                    \
            "count and do not analyse such requests: 'GET /health*', '* /metrics' (repeatable)"                        \
    }

struct scope {
    struct knownroutes *routes;
    struct ignore ignore; /* borrows what was given */
};

static inline bool scope_is(int id)
{
    return id == SCOPE_ROUTES || id == SCOPE_IGNORE;
}

static inline bool scope_given(const struct scope *s)
{
    return s->routes || s->ignore.n;
}

/* One of the two. False: printed. */
bool scope_option(struct scope *s, int id, const char *value);
void scope_free(struct scope *s);

#endif
