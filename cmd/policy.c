/* policy: rules for a proxy as a file that it accepts (CONTRACT section 6). What each rule will do is found by
 * replaying the recorded exchanges with the product's own edges, and stands beside it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/policy/policy.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/predict.h"
#include "cmd/rulewish.h"
#include "cmd/scope.h"
#include "cmd/trust.h"

enum { POLICY_OUT = 1, POLICY_FRAGMENT, POLICY_DRY_RUN, POLICY_LISTEN, POLICY_STATE };

struct policy {
    const char *audit, *out;
    struct rulewish wish;
    struct policy_options options;
    bool listen, state; /* given, not the defaults */
    struct scope scope;
};

static const struct arg table[] = {
    RULEWISH_ARGS,
    {POLICY_OUT, 'o', "output", "FILE", "write there (0600, whole or not at all) instead of stdout"},
    {POLICY_FRAGMENT, 0, "fragment", NULL, "only the part to include in a configuration of yours"},
    {POLICY_DRY_RUN, 0, "dry-run", NULL, "limits count and log, and reject nobody"},
    {POLICY_LISTEN, 0, "listen", "[ADDR:]PORT", "where it listens (default 127.0.0.1:8080)"},
    SCOPE_ARGS,
    {POLICY_STATE, 0, "state", "DIR", "folder in which it may make its cache's (default /var/cache)"},
    {0}};

/* The first lines of --help, from the products there are. */
static void write_usage(struct buf *out)
{
    buf_str(out, "usage: spanwise policy [DB | CAPTURE] --for ");
    for (int i = 0; i < PRODUCTS; i++)
        buf_printf(out, "%s%s", i ? "|" : "", policy_products[i]->name);
    buf_str(out, " [-o FILE]\n"
                 "A configuration with the lifetimes and limits that the audit advises, and beside each rule what it "
                 "will do.\n");
    for (int i = 0; i < PRODUCTS; i++) {
        const struct policy_product *p = policy_products[i];
        buf_printf(out, "  %-8s %s%s%s\n", p->name, p->help, p->check ? "; check: " : "", p->check ? p->check : "");
    }
    buf_str(out, "What no rule names passes as it is. What may not stand in a file, and why, is listed on stderr.\n");
    buf_char(out, 0);
}

static bool set_listen(struct policy *c, const char *value)
{
    static char text[80];
    struct slice host;
    uint16_t port;
    if (!policy_listen(slice_str(value), &host, &port)) {
        log_line("--listen: '%s' is no ADDR:PORT such as 127.0.0.1:8080", value);
        return false;
    }
    bool six = slice_find(host, ':', 0) < host.n;
    snprintf(text, sizeof text, "%s%.*s%s:%u", six ? "[" : "", (int)host.n, host.p, six ? "]" : "", port);
    c->options.listen = text;
    c->listen = true;
    return true;
}

static bool set_state(struct policy *c, const char *value)
{
    if (!policy_state(value)) {
        log_line("--state: '%s' is no full path of plain letters", value);
        return false;
    }
    c->options.state = value;
    c->state = true;
    return true;
}

static bool on_option(void *context, int id, const char *value)
{
    struct policy *c = context;
    if (rulewish_is(id))
        return rulewish_option(&c->wish, id, value);
    switch (id) {
    case POLICY_OUT:
        c->out = value;
        return true;
    case POLICY_FRAGMENT:
        return c->options.fragment = true;
    case POLICY_DRY_RUN:
        return c->options.dry_run = true;
    case POLICY_LISTEN:
        return set_listen(c, value);
    case POLICY_STATE:
        return set_state(c, value);
    case SCOPE_ROUTES:
    case SCOPE_IGNORE:
        return scope_option(&c->scope, id, value);
    default:
        if (c->audit)
            log_line("policy: one DB or capture at a time");
        return !c->audit && (c->audit = value) != NULL;
    }
}

/* As with sources (input.c): told, not refused, since options may be those of a file for several products. */
static void note_unheeded(const struct policy *c)
{
    const struct rules_options *r = &c->wish.rules;
    const struct {
        const char *name;
        bool given;
        unsigned bit;
        bool needed;
        const char *only, *of;
    } options[] = {{"listen", c->listen, POLICY_HEEDS_LISTEN, true, "", ""},
                   {"state", c->state, POLICY_HEEDS_STATE, r->cache, "rate", "caches"},
                   {"dry-run", c->options.dry_run, POLICY_HEEDS_DRY_RUN, r->rate, "cache", "limits"},
                   {"fragment", c->options.fragment, POLICY_HEEDS_FRAGMENT, true, "", ""}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].given && !(c->wish.product->heeds & options[i].bit))
            log_line("--%s does nothing for %s", options[i].name, c->wish.product->name);
        else if (options[i].given && !options[i].needed)
            log_line("--%s does nothing with --only %s: it is of %s", options[i].name, options[i].only, options[i].of);
}

static bool sensible(struct policy *c)
{
    if (audit_overwrites(c->audit, c->out) || !rulewish_sensible(&c->wish, "policy"))
        return false;
    note_unheeded(c);
    c->wish.rules.servers = c->wish.product->servers && !c->options.fragment;
    return true;
}

/* ---- the file ---- */

static bool put(int fd, const struct buf *text)
{
    for (size_t at = 0; at < text->n;) {
        ssize_t n = write(fd, text->p + at, text->n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Beside the file and then in its place, so that nobody ever reads half of it. What is no plain file (a pipe, a
 * device) is written to as it is. */
static bool save(const char *path, const struct buf *text)
{
    char beside[1024];
    struct stat st;
    int error;
    if (!path)
        return put(STDOUT_FILENO, text);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        bool ok = fd >= 0 && put(fd, text);
        error = errno;
        if (fd >= 0)
            close(fd);
        errno = error;
        return ok;
    }
    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = mkstemp(beside); /* 0600 */
    if (fd < 0)
        return false;
    bool ok = put(fd, text) && fsync(fd) == 0;
    error = errno;
    ok = close(fd) == 0 && ok;
    if (ok && rename(beside, path) == 0)
        return true;
    error = ok ? errno : error;
    unlink(beside);
    errno = error;
    return false;
}

static bool any_rule(const struct policy *c, const struct rules *r)
{
    for (size_t i = 0; i < r->n_cache; i++)
        if (!r->cache[i].pass)
            return true;
    for (size_t i = 0; i < r->n_services && c->wish.rules.rate && !c->wish.product->limit; i++)
        if (!isnan(r->services[i].rate) && (!r->services[i].doubt || c->wish.rules.force))
            return true;
    return c->wish.product->limit && r->n_rate;
}

static void list_left(const struct policy *c, const struct rules *r)
{
    for (size_t i = 0; i < r->n_left; i++)
        log_line("left out: %.*s: %s", r->left[i].what.n < 200 ? (int)r->left[i].what.n : 200, r->left[i].what.p,
                 r->left[i].why);
    if (!any_rule(c, r))
        log_line("no rule is advised by this audit%s; spanwise report says what is wanting",
                 c->wish.rules.force ? "" : " (--force prints what the evidence does not carry)");
}

static int write_policy(struct policy *c, struct store_reader *reader, const char *db)
{
    struct rules r = {0};
    struct facts f;
    struct buf text = {0};
    char why[256] = "out of memory";
    bool ok = facts_load(&f, reader) && rules_load(&r, reader, &f, &c->wish.rules) &&
              predict_rules(c->wish.product, &r, reader, why);
    if (ok && store_read_failure(reader)) {
        snprintf(why, sizeof why, "%s", store_read_failure(reader));
        ok = false;
    }
    if (ok) {
        c->wish.product->write(&r, &c->options, &text);
        ok = !text.failed && !r.failed;
    }
    if (!ok) {
        log_line("%s: %s", db, why);
    } else {
        trust_of(&f, db);
        list_left(c, &r);
        ok = save(c->out, &text);
        if (!ok && c->out)
            log_line("%s: %s", c->out, strerror(errno));
        else if (!ok)
            log_stdout(errno);
    }
    rules_free(&r);
    facts_free(&f);
    buf_free(&text);
    return ok ? 0 : 1;
}

int cmd_policy(int argc, char **argv)
{
    struct policy c = {.wish = RULEWISH_DEFAULT, .options = {.listen = "127.0.0.1:8080", .state = "/var/cache"}};
    char why[256] = "";
    struct buf usage = {0};
    write_usage(&usage);
    int parsed = args_parse(usage.failed ? "" : usage.p, table, argc, argv, on_option, &c);
    int code = parsed == ARG_HELP ? 0 : parsed || !sensible(&c) ? 2 : -1;
    const char *db = code < 0 ? cmd_open_audit_of(c.audit, &c.scope, why) : NULL;
    struct store_reader *reader = db ? store_read_open(db, why) : NULL;
    if (reader && store_read_begin(reader, why)) {
        code = write_policy(&c, reader, cmd_audit_name(db));
    } else if (code < 0) {
        if (*why)
            log_line("%s", why);
        code = db ? 1 : cmd_open_audit_code();
    }
    store_read_close(reader);
    buf_free(&usage);
    scope_free(&c.scope);
    return code;
}
