/* policy: rules for a proxy as a file that it accepts (CONTRACT section 6). What each rule will do is found by
 * replaying the recorded exchanges with the product's own edges, and stands beside it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/limitspec.h"
#include "analysis/policy/policy.h"
#include "analysis/replay.h"
#include "base/human.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/scope.h"

enum {
    POLICY_FOR = 1,
    POLICY_OUT,
    POLICY_BUDGET,
    POLICY_HEADROOM,
    POLICY_ONLY,
    POLICY_FRAGMENT,
    POLICY_FORCE,
    POLICY_DRY_RUN,
    POLICY_LISTEN,
    POLICY_STATE
};

enum { LEFT_SHOWN = 20, BUMPS = 8 };
#define REFRESH 0.005 /* share of look-ups that come during a fetch, from which it is to be mended */

struct policy {
    const char *audit, *out;
    const struct policy_product *product;
    struct rules_options rules;
    struct policy_options options;
    struct scope scope;
};

static const struct arg table[] = {
    {POLICY_FOR, 0, "for", "PRODUCT", "whose configuration; see above"},
    {POLICY_OUT, 'o', "output", "FILE", "write there (0600, whole or not at all) instead of stdout"},
    {POLICY_BUDGET, 0, "stale-budget", "SHARE", "of hits that may be stale, 1% or 0.01 (default 1%)"},
    {POLICY_HEADROOM, 0, "headroom", "X", "limits allow X times what was seen (default 1.25)"},
    {POLICY_ONLY, 0, "only", "cache|rate", "rules of one kind"},
    {POLICY_FRAGMENT, 0, "fragment", NULL, "only the part to include in a configuration of yours"},
    {POLICY_DRY_RUN, 0, "dry-run", NULL, "limits count and log, and reject nobody"},
    {POLICY_FORCE, 0, "force", NULL, "also what the evidence does not carry, with the reason"},
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

static bool set_product(struct policy *c, const char *value)
{
    for (int i = 0; i < PRODUCTS; i++)
        if (strcmp(policy_products[i]->name, value) == 0) {
            c->product = policy_products[i];
            return true;
        }
    log_line("--for: '%s' is unknown; spanwise policy --help lists what there is", value);
    return false;
}

/* "1%", "0.01". */
static bool set_budget(struct policy *c, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    if (end != value && strcmp(end, "%") == 0)
        v /= 100;
    if (end == value || (*end && strcmp(end, "%") != 0) || !(v >= 0 && v <= 1)) {
        log_line("--stale-budget: '%s' is no share such as 1%%", value);
        return false;
    }
    c->rules.budget = v;
    return true;
}

static bool set_headroom(struct policy *c, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end || !(v >= 1 && v <= 100)) {
        log_line("--headroom: '%s' is no factor from 1 to 100", value);
        return false;
    }
    c->rules.headroom = v;
    return true;
}

static bool set_only(struct policy *c, const char *value)
{
    bool cache = strcmp(value, "cache") == 0;
    if (!cache && strcmp(value, "rate") != 0) {
        log_line("--only: '%s' is neither cache nor rate", value);
        return false;
    }
    c->rules.cache = cache;
    c->rules.rate = !cache;
    return true;
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
    return true;
}

static bool set_state(struct policy *c, const char *value)
{
    if (!policy_state(value)) {
        log_line("--state: '%s' is no full path of plain letters", value);
        return false;
    }
    c->options.state = value;
    return true;
}

static bool on_option(void *context, int id, const char *value)
{
    struct policy *c = context;
    switch (id) {
    case POLICY_FOR:
        return set_product(c, value);
    case POLICY_OUT:
        c->out = value;
        return true;
    case POLICY_BUDGET:
        return set_budget(c, value);
    case POLICY_HEADROOM:
        return set_headroom(c, value);
    case POLICY_ONLY:
        return set_only(c, value);
    case POLICY_FRAGMENT:
        return c->options.fragment = true;
    case POLICY_FORCE:
        return c->rules.force = true;
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

/* Wishes that need no DB to be seen as wrong. */
static bool sensible(struct policy *c)
{
    const struct policy_product *p = c->product;
    if (!p) {
        log_line("policy: for what? Give --for PRODUCT; spanwise policy --help lists them");
        return false;
    }
    c->rules.cache &= p->caches;
    c->rules.rate &= p->limits;
    if (!c->rules.cache && !c->rules.rate) {
        log_line("--only: %s has no such rules", p->name);
        return false;
    }
    c->rules.purges = p->purges;
    c->rules.declares = p->declares;
    c->rules.clients = p->limit != NULL;
    c->rules.tls = p->tls;
    c->rules.unauthorised = p->unauthorised;
    c->rules.servers = p->servers && !c->options.fragment;
    return true;
}

/* ---- what the rules will do ---- */

static void progress(void *context, uint64_t done, uint64_t of)
{
    (void)context;
    log_progress("replayed %s of %s exchanges", human_count(done).text, human_count(of > done ? of : done).text);
}

static enum ttlcache_profile profile_of(const char *name)
{
    for (int i = 0; i < TTLCACHE_PROFILES; i++)
        if (strcmp(ttlcache_profiles[i], name) == 0)
            return (enum ttlcache_profile)i;
    return TTLCACHE_EXACT;
}

static bool replay_caches(const struct policy *c, struct rules *r, struct store_reader *reader, struct named *named,
                          char why[256])
{
    struct replay_ttl *ttl = calloc(r->n_cache + 1, sizeof *ttl);
    struct replay_options o = {
        .named = named, .profile = profile_of(c->product->profile), .ttl = ttl, .progress = progress};
    struct replay p;
    for (size_t i = 0; ttl && i < r->n_cache; i++)
        if (!r->cache[i].pass && r->cache[i].ttl_s)
            ttl[o.n_ttl++] =
                (struct replay_ttl){.endpoint = r->cache[i].endpoint, .ttl_us = (int64_t)r->cache[i].ttl_s * 1000000};
    snprintf(why, 256, "out of memory");
    bool ok = ttl && (!o.n_ttl || replay_run(reader, &o, &p, why));
    if (ok && o.n_ttl)
        replay_free(&p);
    for (size_t i = 0, k = 0; ok && i < r->n_cache; i++) {
        if (r->cache[i].pass || !r->cache[i].ttl_s)
            continue;
        const struct ttlcache_sums *s = &ttl[k++].sums;
        r->cache[i].figures = (struct rule_figures){true,       s->lookups,   s->hits,  s->stale,
                                                    s->unknown, s->coalesced, s->bytes, s->server_us};
    }
    free(ttl);
    return ok;
}

/* Of the clients of this limit alone. Returns how many requests of those it was made for it would reject. */
static uint64_t sum_limited(struct rules *r, struct rule_rate *rate, const struct replay *p)
{
    uint64_t wrong = 0;
    rate->replayed = true;
    rate->requests = rate->rejected = rate->hit = rate->n_limited = 0;
    for (size_t i = 0; i < p->n_counted; i++) {
        const struct replay_counted *k = &p->counted[i];
        if (carrier_of(slice_sub(k->name, 0, slice_find(k->name, ':', 0))) != rate->carrier)
            continue;
        rate->requests += k->requests;
        rate->rejected += k->rejected;
        rate->hit += k->rejected != 0;
        wrong += rules_is_outlier(rate, k->name) ? 0 : k->rejected;
        if (k->rejected && rate->n_limited < RULES_NAMED)
            rate->limited[rate->n_limited++] =
                (struct rule_limited){rules_keep(r, k->name), k->requests, k->rejected, k->first_rejected_us};
    }
    return wrong;
}

/* The product counts in whole numbers: where that rejects somebody the limit was made for, it is raised. */
static bool replay_limit(const struct policy *c, struct rules *r, struct rule_rate *rate, struct store_reader *reader,
                         struct named *named, char why[256])
{
    for (int bump = 0;; bump++) {
        struct buf spec = {0};
        struct limit limit;
        struct replay p;
        struct replay_options o = {.named = named, .limit = &limit, .progress = progress};
        c->product->limit(rate, &spec);
        bool ok =
            !spec.failed && limitspec_parse(slice_of(spec.p, spec.n), &limit, why) && replay_run(reader, &o, &p, why);
        buf_free(&spec);
        if (!ok)
            return false;
        uint64_t wrong = sum_limited(r, rate, &p);
        replay_free(&p);
        if (!wrong || bump == BUMPS)
            return true;
        rate->nginx_burst++;
        rate->burst++;
        rate->window_most++;
    }
}

static bool replay_all(const struct policy *c, struct rules *r, struct store_reader *reader, char why[256])
{
    struct named named;
    if (!r->records)
        return true;
    bool ok = named_load(&named, reader, false);
    if (!ok)
        snprintf(why, 256, "out of memory");
    ok = ok && replay_caches(c, r, reader, &named, why);
    for (size_t i = 0; ok && i < r->n_rate && c->product->limit; i++)
        ok = replay_limit(c, r, &r->rate[i], reader, &named, why);
    named_free(&named);
    log_progress("%s", "");
    return ok;
}

static void mark_refresh(struct rules *r)
{
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_figures *f = &r->cache[i].figures;
        r->cache[i].refresh = f->lookups && (double)f->coalesced >= REFRESH * (double)f->lookups;
    }
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
    for (size_t i = 0; i < r->n_services && c->rules.rate && !c->product->limit; i++)
        if (!isnan(r->services[i].rate) && (!r->services[i].doubt || c->rules.force))
            return true;
    return c->product->limit && r->n_rate;
}

static void list_left(const struct policy *c, const struct rules *r)
{
    for (size_t i = 0; i < r->n_left && i < LEFT_SHOWN; i++)
        log_line("left out: %.*s: %s", r->left[i].what.n < 200 ? (int)r->left[i].what.n : 200, r->left[i].what.p,
                 r->left[i].why);
    if (r->n_left > LEFT_SHOWN)
        log_line("left out: %zu more", r->n_left - LEFT_SHOWN);
    if (!any_rule(c, r))
        log_line("no rule is advised by this audit%s; spanwise report says what is wanting",
                 c->rules.force ? "" : " (--force prints what the evidence does not carry)");
}

static int write_policy(struct policy *c, struct store_reader *reader, const char *db)
{
    struct rules r = {0};
    struct facts f;
    struct buf text = {0};
    char why[256] = "out of memory";
    bool ok = facts_load(&f, reader) && rules_load(&r, reader, &f, &c->rules) && replay_all(c, &r, reader, why);
    if (ok && store_read_failure(reader)) {
        snprintf(why, sizeof why, "%s", store_read_failure(reader));
        ok = false;
    }
    if (ok) {
        mark_refresh(&r);
        c->product->write(&r, &c->options, &text);
        ok = !text.failed && !r.failed;
    }
    if (!ok) {
        log_line("%s: %s", db, why);
    } else {
        list_left(c, &r);
        ok = save(c->out, &text);
        if (!ok)
            log_line("%s: %s", c->out ? c->out : "stdout", strerror(errno));
    }
    rules_free(&r);
    facts_free(&f);
    buf_free(&text);
    return ok ? 0 : 1;
}

int cmd_policy(int argc, char **argv)
{
    struct policy c = {.rules = {.budget = RECOMMEND_BUDGET, .headroom = 1.25, .cache = true, .rate = true},
                       .options = {.listen = "127.0.0.1:8080", .state = "/var/cache"}};
    char why[256] = "";
    struct buf usage = {0};
    write_usage(&usage);
    int parsed = args_parse(usage.failed ? "" : usage.p, table, argc, argv, on_option, &c);
    int code = parsed == ARG_HELP ? 0 : parsed || !sensible(&c) ? 2 : -1;
    const char *db = code < 0 ? cmd_open_audit_of(c.audit, &c.scope, why) : NULL;
    struct store_reader *reader = db ? store_read_open(db, why) : NULL;
    if (reader && store_read_begin(reader, why)) {
        code = write_policy(&c, reader, db);
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
