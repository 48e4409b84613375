/* report: the audit as a document, on stdout or into a file. */
#include "analysis/report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/floor.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/scope.h"

enum { REPORT_FORMAT = 1, REPORT_OUT, REPORT_TOP, REPORT_FROM, REPORT_TO, REPORT_CONFIG };
enum { MOST_AUDITS = 16 };

struct report_command {
    const char *audit, *out;
    const char *more[MOST_AUDITS - 1];
    size_t n_more;
    enum report_format format;
    struct report_options options;
    struct scope scope;
};

static const struct arg table[] = {
    {REPORT_FORMAT, 0, "format", "F",
     "text (default), markdown, html (one file), json or csv (every table of the JSON report)"},
    {REPORT_OUT, 'o', "output", "FILE", "write there (0600) instead of stdout"},
    {REPORT_TOP, 0, "top", "N", "rows of each table in text (default 10)"},
    {REPORT_FROM, 0, "from", "T",
     "of this time on: RFC 3339, Unix seconds, or -2h before the audit's end; whole hours"},
    {REPORT_TO, 0, "to", "T", "up to this time (not in it)"},
    SCOPE_ARGS,
    {REPORT_CONFIG, 0, "config", "FILE", "read options from FILE: lines name = value"},
    {0}};

static const char usage[] =
    "usage: spanwise report [DB | CAPTURE] [DB…] [--format text|markdown|html|json|csv] [-o FILE]\n"
    "The audit as a document. A capture (told by content) is audited first. Several DBs, made "
    "with one\n--secret by sensors that saw different traffic, are added up. Default: "
    "$SPANWISE_DB, else ./spanwise.db\n";

static bool on_moment(const char *option, const char *value, struct moment *out)
{
    if (span_moment(value, out))
        return true;
    log_line("--%s: '%s' is no time: 2026-11-25T10:00:00Z, Unix seconds, or -2h before the audit's end", option, value);
    return false;
}

static bool on_option(void *context, int id, const char *value)
{
    struct report_command *c = context;
    uint64_t n;
    switch (id) {
    case REPORT_FORMAT:
        if (report_format_by_name(value, &c->format))
            return true;
        log_line("--format: '%s' is none of text, markdown, html, json, csv", value);
        return false;
    case REPORT_OUT:
        c->out = value;
        return true;
    case REPORT_TOP:
        if (slice_u64(slice_str(value), &n) && n && n < 1000000) {
            c->options.top = (unsigned)n;
            return true;
        }
        log_line("--top: '%s' is no number of rows", value);
        return false;
    case REPORT_FROM:
        return on_moment("from", value, &c->options.span.from);
    case REPORT_TO:
        return on_moment("to", value, &c->options.span.to);
    case SCOPE_ROUTES:
    case SCOPE_IGNORE:
        return scope_option(&c->scope, id, value);
    default:
        if (c->n_more == MOST_AUDITS - 1) {
            log_line("report: at most %d audits at a time", MOST_AUDITS);
            return false;
        }
        if (c->audit)
            c->more[c->n_more++] = value;
        else
            c->audit = value;
        return true;
    }
}

static int save(const struct report_command *c, const struct buf *text)
{
    FILE *out = stdout;
    if (c->out) {
        mode_t mask = umask(0077);
        out = fopen(c->out, "w");
        umask(mask);
    }
    bool ok = out && fwrite(text->p, 1, text->n, out) == text->n && fflush(out) == 0;
    int error = errno;
    if (out && out != stdout && fclose(out) != 0)
        ok = false;
    if (!ok && c->out)
        log_line("%s: %s", c->out, strerror(error));
    else if (!ok)
        log_stdout(error);
    return ok ? 0 : 1;
}

/* Those that are added to the first. *code: what to exit with if that fails. */
static bool open_others(struct report_command *c, struct store_reader *other[MOST_AUDITS], char why[256], int *code)
{
    for (size_t i = 0; i < c->n_more; i++) {
        const char *db = cmd_open_audit_of(c->more[i], &c->scope, why);
        if (!db)
            *code = cmd_open_audit_code();
        if (!db || !(other[i] = store_read_open(db, why)))
            return false;
    }
    c->options.others = other;
    c->options.n_others = c->n_more;
    return true;
}

/* Whether one file is given twice: its audit would count twice. */
static bool given_twice(const struct report_command *c)
{
    struct stat at[MOST_AUDITS];
    for (size_t i = 0; i <= c->n_more; i++) {
        const char *path = i ? c->more[i - 1] : c->audit;
        if (!path || stat(path, &at[i]) != 0)
            return false; /* who opens it says so */
        for (size_t k = 0; k < i; k++)
            if (at[k].st_dev == at[i].st_dev && at[k].st_ino == at[i].st_ino) {
                log_line("report: %s is given twice", path);
                return true;
            }
    }
    return false;
}

static bool overwrites(const struct report_command *c)
{
    bool any = audit_overwrites(c->audit, c->out);
    for (size_t i = 0; i < c->n_more && !any; i++)
        any = audit_overwrites(c->more[i], c->out);
    return any;
}

/* --to before --from: only the audit's end tells, where one of them counts from there. */
static bool reversed(const struct report_command *c, struct store_reader *r)
{
    char why[256];
    struct row_capture row;
    if (!span_given(&c->options.span) || !r || !store_read_begin(r, why))
        return false;
    bool known = store_read_capture(r, &row) && row.ended_us != INT64_MIN;
    store_read_end(r);
    return known && span_reversed(&c->options.span, -floor_div(-row.ended_us, 1000000));
}

static int show(struct report_command *c, int argc, char **argv)
{
    struct winsize size;
    char why[256];
    struct buf text = {0};
    int parsed = args_parse(usage, table, argc, argv, on_option, c);
    if (parsed)
        return parsed == ARG_HELP ? 0 : 2;
    if (c->n_more && span_given(&c->options.span)) {
        log_line("--from, --to: of one audit");
        return 2;
    }
    if (given_twice(c) || overwrites(c))
        return 2;
    if (!c->out && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        c->options.width = size.ws_col < 200 ? size.ws_col : 200;
    const char *db = cmd_open_audit_of(c->audit, &c->scope, why);
    if (!db) {
        if (*why)
            log_line("%s", why);
        return cmd_open_audit_code();
    }
    struct store_reader *other[MOST_AUDITS] = {0};
    struct store_reader *r = store_read_open(db, why);
    int code = reversed(c, r) ? 2 : 1;
    bool ok = r && open_others(c, other, why, &code) && report_write(r, c->format, &c->options, &text, why);
    store_read_close(r);
    for (size_t i = 0; i < c->n_more; i++)
        store_read_close(other[i]);
    if (ok)
        code = save(c, &text);
    else if (*why)
        log_line("%s", why);
    buf_free(&text);
    return code;
}

int cmd_report(int argc, char **argv)
{
    struct report_command c = {.format = REPORT_TEXT};
    int code = show(&c, argc, argv);
    scope_free(&c.scope);
    return code;
}
