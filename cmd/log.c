/* log: one record per exchange on stdout; nothing is stored. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "capture/record.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/input.h"
#include "cmd/privilege.h"
#include "cmd/stored.h"
#include "cmd/trust.h"

enum { LOG_FORMAT = 1, LOG_FLUSH = 1 << 16 };

struct log_command {
    struct input in;
    const char *db;
    enum record_format format;
    struct buf out;
    struct capture *capture;
    struct records *records;
    uint64_t seen; /* exchanges */
    bool broken;   /* stdout is gone */
};

static const struct arg table[] = {
    INPUT_ARGS, {LOG_FORMAT, 0, "format", "F", "jsonl (default), tsv, combined (Apache), har"}, {0}};

static const char usage[] =
    "usage: spanwise log -r FILE… | -i IF… | DB|FILE [--format jsonl|tsv|combined|har]\n"
    "One record per exchange, in order of arrival, on stdout. From a DB: what its exchange blocks hold.\n"
    "A capture (told by content) is read as with -r. Words behind -r FILE are further files.\n";

static bool on_option(void *context, int id, const char *value)
{
    struct log_command *c = context;
    if (id == LOG_FORMAT) {
        if (record_format_of(value, &c->format))
            return true;
        log_line("--format: '%s' is none of jsonl, tsv, combined, har", value);
        return false;
    }
    if (id != ARG_POSITIONAL)
        return input_option(&c->in, id, value);
    bool told = false;
    if (input_word(&c->in, value, &told))
        return true;
    if (c->db && !told)
        log_line("log: one DB at a time; several captures are given with -r");
    if (c->db || told)
        return false;
    c->db = value;
    return true;
}

static void flush(void *context)
{
    struct log_command *c = context;
    if (c->out.n && !c->broken && (fwrite(c->out.p, 1, c->out.n, stdout) != c->out.n || fflush(stdout) != 0)) {
        log_stdout(errno);
        c->broken = true;
    }
    c->out.n = 0;
    if (c->broken)
        raise(SIGTERM);
}

static void take(void *context, struct exchange *x)
{
    struct log_command *c = context;
    record_write(x, c->format, &c->out);
    c->seen++;
    if (c->out.n > LOG_FLUSH)
        flush(c);
    if (c->capture)
        capture_give_back(c->capture, x);
    else
        records_give_back(c->records, x);
}

static int from_wire(struct log_command *c)
{
    struct source *source;
    bool live;
    char why[256];
    struct privilege p;
    if (c->in.n_interfaces && !privilege_plan(c->in.user, &p, why, sizeof why)) {
        log_line("%s", why);
        return 2;
    }
    int code = input_open(&c->in, &source, &live);
    if (code)
        return code;
    if (live && !privilege_drop(&p, why, sizeof why)) {
        log_line("%s", why);
        source_close(source);
        return 1;
    }
    c->in.capture.memory = c->in.memory;
    c->in.capture.sink = (struct exchange_sink){take, c};
    c->capture = capture_new(&c->in.capture, why);
    if (!c->capture) {
        log_line("%s", why);
        source_close(source);
        return 2;
    }
    struct input_loop loop = {c->capture,  source, c->in.capture.keys, c->in.keys,
                              c->in.quiet, live,   TIME_NONE,          live || input_piped(&c->in) ? flush : NULL,
                              c,           NULL};
    code = input_run(&loop);
    record_footer(c->format, &c->out);
    flush(c);
    if (!code && !c->broken)
        trust_wire(capture_counters(c->capture), c->seen, live, c->in.keys != NULL);
    capture_free(c->capture);
    source_close(source);
    return code;
}

int cmd_log(int argc, char **argv)
{
    struct log_command c = {.format = RECORD_JSONL};
    input_init(&c.in);
    int parsed = args_parse(usage, table, argc, argv, on_option, &c);
    if (parsed)
        return parsed == ARG_HELP ? 0 : 2;
    bool wire = c.in.n_interfaces || c.in.n_files;
    if (wire && c.db) {
        log_line("log: either a DB or a source (-r, -i), not both");
        return 2;
    }
    if (c.db && !audit_is_db(c.db)) {
        c.in.files[c.in.n_files++] = c.db;
        wire = true;
    }
    if (!wire && c.in.capture.seal.order.n) {
        log_line("log: --identity is for captures; the clients of a DB are those that its audit told apart");
        return 2;
    }
    if (!wire && c.in.capture.seal.redact.strict) {
        log_line("log: a DB shows what it holds; --privacy strict goes with -r or -i, or with the capture that writes "
                 "the DB");
        return 2;
    }
    int code = input_check(&c.in);
    if (code)
        return code;
    if (wire)
        input_catch_signals();
    record_header(c.format, &c.out);
    code = wire ? from_wire(&c) : stored_log(c.db, c.format, c.in.capture.seal.show_names);
    buf_free(&c.out);
    input_close(&c.in);
    return c.broken ? 1 : code;
}
