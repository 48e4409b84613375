/* top: the dashboard on a live or finished audit. */
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "tui/top.h"

enum { TOP_WAIT = 1, TOP_CONFIG };

struct top_command {
    const char *audit;
    bool wait;
};

static const struct arg table[] = {{TOP_WAIT, 0, "wait", NULL, "wait for the DB to appear"},
                                   {TOP_CONFIG, 0, "config", "FILE", "read options from FILE: lines name = value"},
                                   {0}};

static const char usage[] =
    "usage: spanwise top [DB | CAPTURE] [--wait]\n"
    "The dashboard. A capture (told by content) is audited first. Default: $SPANWISE_DB, else ./spanwise.db\n"
    "Keys: ? shows them, q quits. NO_COLOR is honoured.\n";

static bool on_option(void *context, int id, const char *value)
{
    struct top_command *c = context;
    if (id == TOP_WAIT) {
        c->wait = true;
        return true;
    }
    if (c->audit) {
        log_line("top: one DB or capture at a time");
        return false;
    }
    c->audit = value;
    return true;
}

int cmd_top(int argc, char **argv)
{
    struct top_command c = {0};
    char why[256];
    int parsed = args_parse(usage, table, argc, argv, on_option, &c);
    if (parsed)
        return parsed == ARG_HELP ? 0 : 2;
    if (!isatty(STDOUT_FILENO)) {
        log_line("top needs a terminal; spanwise report writes the same as text or JSON");
        return 2;
    }
    const char *db = c.wait ? cmd_audit_awaited(c.audit) : cmd_open_audit(c.audit, why);
    if (!db) {
        if (*why)
            log_line("%s", why);
        return cmd_open_audit_code();
    }
    if (top_run(db, cmd_audit_name(db), c.wait, why))
        return 0;
    log_line("%s", why);
    return 1;
}
