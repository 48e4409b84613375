#include "cmd/scope.h"

#include "base/log.h"
#include "cmd/file.h"

static bool load_routes(struct scope *s, const char *path)
{
    struct buf text = {0};
    char why[256];
    bool ok = file_read("routes", path, &text);
    if (ok) {
        knownroutes_free(s->routes);
        s->routes = knownroutes_read(slice_of(text.p, text.n - 1), why);
        ok = s->routes != NULL;
        if (!ok)
            log_line("--routes %s: %s", path, why);
    }
    buf_free(&text);
    return ok;
}

static bool add_ignored(struct scope *s, const char *value)
{
    char why[128];
    if (ignore_add(&s->ignore, value, why))
        return true;
    log_line("--ignore: %s", why);
    return false;
}

bool scope_option(struct scope *s, int id, const char *value)
{
    return id == SCOPE_ROUTES ? load_routes(s, value) : add_ignored(s, value);
}

void scope_free(struct scope *s)
{
    knownroutes_free(s->routes);
    *s = (struct scope){0};
}
