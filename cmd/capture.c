/* capture: traffic, live or from files or records, decoded, analysed and written into a DB. */
#include "cmd/capture.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/store/read.h"
#include "base/human.h"
#include "base/json.h"
#include "base/log.h"
#include "base/pages.h"
#include "base/wall.h"
#include "capture/interfaces.h"
#include "cmd/budgets.h"
#include "cmd/commands.h"
#include "cmd/faces.h"
#include "cmd/input.h"
#include "cmd/pipeline.h"
#include "cmd/privilege.h"
#include "cmd/restore.h"
#include "cmd/scope.h"
#include "cmd/trust.h"

enum {
    CAPTURE_DB = 1,
    CAPTURE_EXCHANGES,
    CAPTURE_APPEND,
    CAPTURE_FRESH,
    CAPTURE_BY,
    CAPTURE_GROUP,
    CAPTURE_TOP,
    CAPTURE_SERVE,
    CAPTURE_STRICT,
    CAPTURE_RETAIN,
    CAPTURE_BUDGET
};
enum { RETAIN_S = 14 * 86400 };
enum { DEPTH_LIVE = 1 << 18 }; /* as many as there can be slots: a full queue is never what waits */

struct capture_command {
    struct input in;
    struct faces faces;
    struct privilege become; /* live: who it is once the interface is open */
    const char *db, *group;
    uint64_t exchanges;
    int64_t retain_s;
    bool append, fresh, by_address, strict, show_budget;
    bool unsaid;  /* how little there is to be had: whoever asked for the audit says it */
    bool goes_on; /* with the audit that is in the DB */
    struct scope scope;
    /* while it runs */
    bool live;
    bool piped;              /* as slow as life, perhaps: commits must not wait for input */
    struct recordfile lines; /* of records */
    int64_t not_before;      /* the end of the audit that goes on; TIME_NONE: none */
    struct store *store;
    struct analysis *analysis;
    struct pipeline pipeline;
    struct capture *capture;
    struct buf sources;
};

static const struct arg table[] = {
    INPUT_ARGS,
    {INPUT_RECORDS, 0, "records", "FILE",
     "read exchange records (the output of `log`) instead of packets; - for stdin"},
    {CAPTURE_DB, 'd', "db", "DB", "the DB to write (default $SPANWISE_DB, else ./spanwise.db)"},
    {CAPTURE_EXCHANGES, 0, "exchanges", "N",
     "exchange records to keep, the newest, or none (default 2000000; up to 8191 more while it runs)"},
    {CAPTURE_RETAIN, 0, "retain", "DURATION",
     "keep hours and minutes so long (default 14d), then days, ten times as long; 7d, 36h, or forever"},
    {CAPTURE_APPEND, 0, "append", NULL, "go on with the audit that is in the DB (live captures always do)"},
    {CAPTURE_FRESH, 0, "fresh", NULL, "start over: drop the audit that is in the DB"},
    {CAPTURE_BY, 0, "clients-by", "WHAT", "identity (default) or address"},
    {CAPTURE_STRICT, 0, "strict-templates", NULL, "routes depend on the set of paths alone, not on their shares"},
    {CAPTURE_BUDGET, 0, "show-budget", NULL, "print what --memory is divided into, and end"},
    SCOPE_ARGS,
    {CAPTURE_GROUP, 0, "group", "NAME", "let this group read the DB (0640)"},
#ifndef NO_TUI
    {CAPTURE_TOP, 0, "top", NULL, "open the dashboard in this terminal"},
#endif
#ifndef NO_WEB
    {CAPTURE_SERVE, 0, "serve", "ADDR:PORT",
     "serve the web report beside the capture; an address of this machine alone"},
#endif
    {0}};

static const char usage[] =
    "usage: spanwise capture -i IF… [-f BPF] [-d DB]     live, until SIGINT or SIGTERM\n"
    "       spanwise capture -r FILE… [-d DB]           from captures: words behind -r FILE are further files\n"
    "       spanwise capture --records FILE [-d DB]     from exchange records\n"
    "       spanwise capture                            lists the interfaces\n";

static bool on_number(struct capture_command *c, const char *value)
{
    unsigned long long n;
    if (strcmp(value, "none") == 0) {
        c->exchanges = 0;
        return true;
    }
    if (slice_u64(slice_str(value), &c->exchanges))
        return true;
    if (args_size(value, &n)) {
        c->exchanges = n;
        return true;
    }
    log_line("--exchanges: '%s' is neither a number nor none", value);
    return false;
}

static bool on_retain(struct capture_command *c, const char *value)
{
    double s = 0;
    c->retain_s = 0;
    if (strcmp(value, "forever") == 0)
        return true;
    if (args_seconds(value, &s) && s >= 3600) {
        c->retain_s = (int64_t)s;
        return true;
    }
    log_line("--retain: '%s' is neither a time of an hour or more (36h, 7d) nor forever", value);
    return false;
}

static bool on_option(void *context, int id, const char *value)
{
    struct capture_command *c = context;
    bool told = false;
    switch (id) {
    case CAPTURE_DB:
        c->db = value;
        if (!*value)
            log_line("--db: '' names no DB");
        return *value != 0;
    case CAPTURE_EXCHANGES:
        return on_number(c, value);
    case CAPTURE_RETAIN:
        return on_retain(c, value);
    case CAPTURE_APPEND:
        c->append = true;
        return true;
    case CAPTURE_FRESH:
        c->fresh = true;
        return true;
    case CAPTURE_BUDGET:
        c->show_budget = true;
        return true;
    case CAPTURE_STRICT:
        c->strict = true;
        return true;
    case CAPTURE_BY:
        c->by_address = strcmp(value, "address") == 0;
        if (c->by_address || strcmp(value, "identity") == 0)
            return true;
        log_line("--clients-by: '%s' is neither identity nor address", value);
        return false;
    case CAPTURE_GROUP:
        c->group = value;
        return true;
    case SCOPE_ROUTES:
    case SCOPE_IGNORE:
        return scope_option(&c->scope, id, value);
    case CAPTURE_TOP:
        c->faces.top = true;
        return true;
    case CAPTURE_SERVE:
        c->faces.serve = value;
        return true;
    case ARG_POSITIONAL:
        if (input_word(&c->in, value, &told))
            return true;
        if (!told)
            log_line("capture: '%s' is no option; captures are given with -r, the DB with -d", value);
        return false;
    default:
        return input_option(&c->in, id, value);
    }
}

/* ---- the store ---- */

static void list_sources(struct capture_command *c)
{
    struct json j = {&c->sources, false};
    json_open(&j, '[');
    for (size_t i = 0; i < c->in.n_interfaces; i++)
        json_str(&j, c->in.interfaces[i]);
    for (size_t i = 0; i < c->in.n_files; i++)
        json_str(&j, c->in.files[i]);
    if (c->in.records)
        json_str(&j, c->in.records);
    json_close(&j, ']');
    buf_char(&c->sources, 0);
}

static bool group_id(const char *name, int *gid)
{
    *gid = -1;
    if (!name)
        return true;
    struct group *g = getgrnam(name);
    if (!g) {
        log_line("--group: no group '%s' here", name);
        return false;
    }
    *gid = (int)g->gr_gid;
    return true;
}

static int open_store(struct capture_command *c)
{
    char why[256];
    bool by_choice = false;
    struct store_options o = {.mode = c->fresh               ? STORE_FRESH
                                      : c->append || c->live ? STORE_CONTINUE
                                                             : STORE_NEW,
                              .exchanges = c->exchanges,
                              .retain_s = c->retain_s,
                              .wait_when_behind = !c->live,
                              .file_mode = c->group ? 0640 : 0600};
    if (!group_id(c->group, &o.group))
        return 2;
    c->store = store_open(c->db, &o, why, &by_choice);
    if (c->store)
        return 0;
    log_line("%s", why);
    return by_choice ? 2 : 1;
}

/* What is hidden from now on stands in the clear before, and the other way round: keys would not meet. Records may be
 * strict themselves. */
static bool same_privacy(const struct capture_command *c)
{
    uint64_t all = analysis_total(c->analysis, "exchanges") - analysis_total(c->analysis, "ignored");
    uint64_t networks = analysis_total(c->analysis, "networks");
    bool strict = c->in.capture.seal.redact.strict, was = networks == all;
    if (!all || (networks && !was) || strict == was || (c->in.records && !strict))
        return true;
    log_line("%s: the audit in it is of --privacy %s: go on so, write into another DB, or start over with --fresh",
             c->db, was ? "strict" : "standard");
    return false;
}

/* What comes before an audit's end counts as late, at that end: live that is as long as the clock is behind it. */
static void say_clock(const struct capture_command *c)
{
    enum { APART_US = 2000000 };
    int64_t by = c->not_before == TIME_NONE ? 0 : c->not_before - wall_us();
    if (c->live && by > APART_US)
        log_line(
            "%s: the audit in it ends %s after now: until then what comes counts as late, all at that moment; is the "
            "clock right? --fresh starts over",
            c->db, human_seconds((double)by / 1e6).text);
}

static int open_analysis(struct capture_command *c)
{
    list_sources(c);
    struct analysis_options o = {.key = &c->in.capture.key,
                                 .fleeting = c->in.fleeting,
                                 .memory = budgets_analysis(c->in.memory),
                                 .memory_ceiling = c->in.memory,
                                 .clients_by_address = c->by_address,
                                 .order = c->in.capture.seal.order,
                                 .names = c->in.capture.seal.show_names,
                                 .strict_templates = c->strict,
                                 .routes = c->scope.routes,
                                 .ignore = c->scope.ignore.n ? &c->scope.ignore : NULL,
                                 .sources = c->sources.p,
                                 .live = c->live,
                                 .from_records = c->in.records != NULL};
    c->analysis = analysis_new(&o, c->store);
    c->not_before = TIME_NONE;
    if (!c->analysis) {
        log_line("out of memory: try a smaller --memory");
        return 1;
    }
    if (c->fresh || !(c->append || c->live))
        return 0;
    c->goes_on = true;
    struct idorder order = c->by_address ? idorder_address() : o.order;
    int code = restore_audit(c->db, &order, o.fleeting ? NULL : o.key, c->analysis, &c->not_before);
    if (!code)
        say_clock(c);
    return code || same_privacy(c) ? code : 2;
}

static int close_store(struct capture_command *c)
{
    char why[256] = "";
    if (store_blocks_dropped(c->store))
        log_line("the disk was too slow: %llu blocks of exchange records were dropped; the totals are whole",
                 (unsigned long long)store_blocks_dropped(c->store));
    bool closed = store_close(c->store, why);
    if (*why)
        log_line("%s", why);
    return closed ? 0 : 1;
}

/* ---- running ---- */

static void pulse(void *context)
{
    struct capture_command *c = context;
    if (c->capture && pipeline_due(&c->pipeline))
        capture_flush(c->capture);
    pipeline_pulse(&c->pipeline, c->capture ? capture_counters(c->capture) : NULL);
}

static size_t waiting(void *context)
{
    struct capture_command *c = context;
    return pipeline_waiting(&c->pipeline);
}

static void give_to_capture(void *owner, struct exchange *const *x, unsigned n)
{
    capture_give_back_all(owner, x, n);
}

static void give_to_records(void *owner, struct exchange *const *x, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        records_give_back(owner, x[i]);
}

static int run_wire(struct capture_command *c, struct source *source)
{
    char why[256];
    struct capture_options *o = &c->in.capture;
    o->memory = budgets_capture(c->in.memory);
    o->sink = (struct exchange_sink){pipeline_take, &c->pipeline};
    o->take_all = pipeline_take_all;
    o->reclaim = pipeline_reclaim;
    o->reclaim_context = &c->pipeline;
    o->together = !(c->live || c->piped);
    c->capture = capture_new(o, why);
    if (!c->capture) {
        log_line("%s", why);
        return 2;
    }
    c->pipeline.give_back = give_to_capture;
    c->pipeline.owner = c->capture;
    c->pipeline.opaque = capture_opaque(c->capture);
    if (c->goes_on && !restore_opaque(c->db, c->pipeline.opaque))
        return 1;
    if (!pipeline_start(&c->pipeline, c->analysis, c->store, c->live || c->piped, DEPTH_LIVE)) {
        log_line("out of memory");
        return 1;
    }
    struct input_loop loop = {c->capture,
                              source,
                              c->in.capture.keys,
                              c->in.keys,
                              c->in.quiet,
                              c->live,
                              c->live ? TIME_NONE : c->not_before,
                              pulse,
                              c,
                              c->live ? waiting : NULL};
    int code = input_run(&loop);
    pipeline_end(&c->pipeline, capture_counters(c->capture));
    if (!code && !c->unsaid)
        trust_wire(capture_counters(c->capture), c->pipeline.seen, c->live, c->in.keys != NULL);
    capture_free(c->capture);
    return code;
}

static int run_records(struct capture_command *c)
{
    struct records_options o = {.key = c->in.capture.key,
                                .redact = c->in.capture.seal.redact,
                                .show_names = c->in.capture.seal.show_names,
                                .memory = budgets_capture(c->in.memory),
                                .sink = {pipeline_take, &c->pipeline},
                                .reclaim = pipeline_reclaim,
                                .reclaim_context = &c->pipeline,
                                .not_before = c->not_before};
    if (c->lines.first != TIME_NONE && c->lines.first < c->not_before)
        return input_too_early("these records begin", c->not_before - c->lines.first);
    struct records *r = records_new(&o);
    c->pipeline.give_back = give_to_records;
    c->pipeline.owner = r;
    if (!r || !pipeline_start(&c->pipeline, c->analysis, c->store, c->piped, DEPTH_LIVE)) {
        log_line("out of memory");
        return 1;
    }
    int code = input_run_records(&c->lines, r, pulse, c);
    pipeline_end(&c->pipeline, NULL);
    records_free(r);
    return code;
}

/* From an open source to a closed DB. */
static int audit(struct capture_command *c, struct source *source)
{
    pages_heap();
    int code = open_store(c);
    if (code)
        return code;
    code = open_analysis(c);
    if (!code)
        code = source ? run_wire(c, source) : run_records(c);
    int closed = close_store(c);
    analysis_free(c->analysis);
    buf_free(&c->sources);
    return code ? code : closed;
}

/* Live: the interface is opened with privileges, everything after it without. */
static int audit_wire(struct capture_command *c)
{
    struct source *source;
    char why[256];
    int code = input_open(&c->in, &source, &c->live);
    if (code)
        return code;
    if (c->live && !privilege_drop(&c->become, why, sizeof why)) {
        log_line("%s", why);
        source_close(source);
        return 1;
    }
    if (c->live && !c->in.quiet)
        log_line("capturing as %s into %s; Ctrl-C ends it in order", c->become.name[0] ? c->become.name : "this user",
                 c->db);
    code = audit(c, source);
    source_close(source);
    return code;
}

/* Nothing is written before the first record is there. */
static int audit_records(struct capture_command *c)
{
    int code = recordfile_open(&c->lines, c->in.records, &c->in.capture.key);
    code = code ? code : audit(c, NULL);
    recordfile_close(&c->lines);
    return code;
}

int capture_file_into(const char *file, const struct scope *scope, const char *db)
{
    struct capture_command c = {.db = db, .exchanges = 2000000, .retain_s = RETAIN_S, .fresh = true, .unsaid = true};
    if (scope)
        c.scope = *scope;
    input_init(&c.in);
    c.in.files[0] = file;
    c.in.n_files = 1;
    c.in.quiet = true;
    int code = input_check(&c.in);
    code = code ? code : audit_wire(&c);
    input_close(&c.in);
    return code;
}

/* What is wrong is told before anything is started. */
static int check(struct capture_command *c)
{
    char why[256];
    if (c->append && c->fresh) {
        log_line("--append goes on with the audit, --fresh drops it: one of the two");
        return 2;
    }
    if (c->by_address && c->in.capture.seal.order.n) {
        log_line("--clients-by address counts clients by their address alone, --identity by what they present: one of "
                 "the two");
        return 2;
    }
    if (c->by_address && c->in.capture.seal.show_names) {
        log_line("--clients-by address: many may have one address, so --show-names names nobody: one of the two");
        return 2;
    }
    int code = input_check(&c->in);
    if (code)
        return code;
    if (!faces_check(&c->faces))
        return 2;
    if (c->in.n_interfaces && !privilege_plan(c->in.user, &c->become, why, sizeof why)) {
        log_line("%s", why);
        return 2;
    }
    return 0;
}

static int command(struct capture_command *c, int argc, char **argv)
{
    input_init(&c->in);
    int parsed = args_parse(usage, table, argc, argv, on_option, c);
    if (parsed)
        return parsed == ARG_HELP ? 0 : 2;
    if (c->show_budget)
        return budgets_show(c->in.memory);
    if (!c->in.n_interfaces && !c->in.n_files && !c->in.records) {
        if (argc == 1)
            return interfaces_list(stdout) ? 0 : 1;
        log_line(
            "capture: of what? Give -i IF, -r FILE or --records FILE; spanwise capture alone lists the interfaces");
        return 2;
    }
    c->in.quiet |= c->faces.top; /* the terminal is the dashboard's */
    if (!c->db)
        c->db = getenv("SPANWISE_DB");
    if (!c->db || !*c->db)
        c->db = "spanwise.db";
    int code = check(c);
    if (code)
        return code;
    c->piped = input_piped(&c->in);
    bool started = faces_start(&c->faces, c->db, &c->become); /* before signals are caught: theirs must end them */
    input_catch_signals();
    code = !started ? 1 : c->in.records ? audit_records(c) : audit_wire(c);
    input_close(&c->in);
    faces_end(&c->faces, code != 0);
    return code;
}

int cmd_capture(int argc, char **argv)
{
    struct capture_command c = {.exchanges = 2000000, .retain_s = RETAIN_S};
    int code = command(&c, argc, argv);
    scope_free(&c.scope);
    return code;
}
