/* verify: did a deployed policy do what was promised? The rules that `policy` makes from the audit before, each held
 * against what the audit after shows of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/compare.h"
#include "cmd/predict.h"
#include "cmd/rulewish.h"
#include "cmd/scope.h"
#include "cmd/trust.h"

enum { VERIFY_FORMAT = 1 };

struct verify {
    const char *path[2]; /* before, after */
    struct rulewish wish;
    bool json;
    struct scope scope;
};

static const struct arg table[] = {
    RULEWISH_ARGS, SCOPE_ARGS, {VERIFY_FORMAT, 0, "format", "F", "text (default) or json"}, {0}};

static const char usage[] =
    "usage: spanwise verify BEFORE AFTER [--for PRODUCT]\n"
    "Did a deployed policy do what was promised? BEFORE is the audit (a DB or a capture) that the policy was made "
    "from,\n"
    "AFTER one of the time since; give the options that spanwise policy was given. Each of its rules is kept, not "
    "kept,\n"
    "or cannot be told, with what was said and what was seen: hits (from Age, Cache-Status, X-Cache where AFTER was\n"
    "captured beside the clients, else from what the origin is still asked), stale answers, rejections, latency.\n"
    "PRODUCT is one of spanwise policy --help (default nginx). A difference is one only outside its 95 % interval.\n"
    "Exit: 0 some rules were kept and none was not; 1 a rule was not kept, or nothing could be told, or it failed.\n";

static bool set_format(struct verify *c, const char *value)
{
    c->json = strcmp(value, "json") == 0;
    if (c->json || strcmp(value, "text") == 0)
        return true;
    log_line("--format: '%s' is neither text nor json", value);
    return false;
}

static bool on_option(void *context, int id, const char *value)
{
    struct verify *c = context;
    if (rulewish_is(id))
        return rulewish_option(&c->wish, id, value);
    if (scope_is(id))
        return scope_option(&c->scope, id, value);
    if (id == VERIFY_FORMAT)
        return set_format(c, value);
    if (c->path[1]) {
        log_line("verify: two audits, BEFORE and AFTER, and no more");
        return false;
    }
    c->path[c->path[0] ? 1 : 0] = value;
    return true;
}

static bool sensible(struct verify *c)
{
    if (!c->wish.product)
        c->wish.product = policy_products[PRODUCT_nginx];
    if (!c->path[1]) {
        log_line("verify: BEFORE and AFTER are wanted; spanwise verify --help says more");
        return false;
    }
    if (c->wish.product->declares) {
        log_line("verify: %s is no product that could be deployed; give the one that was", c->wish.product->name);
        return false;
    }
    return rulewish_sensible(&c->wish, "verify");
}

/* ---- the two audits ---- */

struct side {
    const char *db;
    struct store_reader *reader;
    struct facts facts;
};

struct work {
    const struct verify *c;
    struct side before, after;
    struct named named; /* of the audit after */
    struct rules rules;
    struct verify_show show;
};

static bool open_side(struct side *s, const char *path, const struct scope *scope, char why[256])
{
    bool db;
    *s = (struct side){.db = cmd_open_audit_of(path, scope, why)};
    s->reader = s->db ? store_read_open(s->db, why) : NULL;
    db = s->reader && store_read_begin(s->reader, why);
    if (db && !facts_load(&s->facts, s->reader)) {
        snprintf(why, 256, "out of memory");
        return false;
    }
    return db;
}

static void close_side(struct side *s)
{
    facts_free(&s->facts);
    store_read_close(s->reader);
}

static bool compare(struct work *w, char why[256])
{
    const struct rulewish *wish = &w->c->wish;
    struct compare o = {.before = {w->before.reader, &w->before.facts},
                        .after = {w->after.reader, &w->after.facts},
                        .named = &w->named,
                        .rules = &w->rules,
                        .product = wish->product,
                        .rate = wish->rules.rate,
                        .force = wish->rules.force};
    return compare_run(&o, &w->show, why);
}

static struct verify_audit audit_of(const char *path, const struct facts *f)
{
    return (struct verify_audit){path, facts_total(f, "exchanges"), f->capture.started_us, f->capture.ended_us};
}

static int conclude(struct work *w)
{
    struct verify_show *s = &w->show;
    struct buf out = {0};
    s->product = w->c->wish.product->name;
    s->before = audit_of(w->c->path[0], &w->before.facts);
    s->after = audit_of(w->c->path[1], &w->after.facts);
    trust_of(&w->before.facts, s->before.path);
    trust_of(&w->after.facts, s->after.path);
    (w->c->json ? verifyshow_json : verifyshow_text)(s, &out);
    bool ok = !out.failed && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    int error = out.failed ? ENOMEM : errno;
    buf_free(&out);
    if (!ok)
        log_stdout(error);
    else if (!s->n)
        log_line("no rule is advised by %s: there is nothing to verify", s->before.path);
    else if (s->verdicts[PROMISE_BROKEN])
        log_line("%llu of %zu rules are not kept", (unsigned long long)s->verdicts[PROMISE_BROKEN], s->n);
    else if (!s->verdicts[PROMISE_KEPT])
        log_line("it cannot be told of any of %zu rules whether it is kept", s->n);
    if (s->after.from_us != INT64_MIN && s->after.from_us < s->before.from_us)
        log_line("%s begins before %s: the audit from before the deployment comes first", s->after.path,
                 s->before.path);
    return ok && s->verdicts[PROMISE_KEPT] && !s->verdicts[PROMISE_BROKEN] ? 0 : 1;
}

static void free_work(struct work *w)
{
    named_free(&w->named);
    rules_free(&w->rules);
    free(w->show.rule);
    close_side(&w->before);
    close_side(&w->after);
}

static int run(struct verify *c)
{
    struct work w = {.c = c};
    char why[256] = "";
    if (!open_side(&w.before, c->path[0], &c->scope, why) || !open_side(&w.after, c->path[1], &c->scope, why)) {
        if (*why)
            log_line("%s", why);
        int code = w.after.db ? 1 : cmd_open_audit_code();
        free_work(&w);
        return code;
    }
    snprintf(why, sizeof why, "out of memory");
    bool ok = rules_load(&w.rules, w.before.reader, &w.before.facts, &c->wish.rules) &&
              predict_rules(c->wish.product, &w.rules, w.before.reader, why) &&
              named_load(&w.named, w.after.reader, true) && compare(&w, why);
    for (int i = 0; ok && i < 2; i++) {
        const char *trouble = store_read_failure(i ? w.after.reader : w.before.reader);
        ok = !trouble;
        if (trouble)
            snprintf(why, sizeof why, "%s", trouble);
    }
    if (!ok)
        log_line("verify: %s", why);
    int code = ok ? conclude(&w) : 1;
    free_work(&w);
    return code;
}

int cmd_verify(int argc, char **argv)
{
    struct verify c = {.wish = RULEWISH_DEFAULT};
    int parsed = args_parse(usage, table, argc, argv, on_option, &c);
    int code = parsed == ARG_HELP ? 0 : parsed || !sensible(&c) ? 2 : run(&c);
    scope_free(&c.scope);
    return code;
}
