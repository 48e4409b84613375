/* serve: the web report of a DB, live or finished, or of a capture that is audited first. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "analysis/report/facts.h"
#include "base/buf.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/file.h"
#include "web/web.h"

enum { SERVE_LISTEN = 1, SERVE_TOKEN, SERVE_INSECURE, SERVE_HOST, SERVE_CERT, SERVE_KEY, SERVE_WAIT, SERVE_CONFIG };

struct serve_command {
    const char *audit, *token_file, *certificate, *key;
    bool insecure, wait;
    struct web_options web;
    struct buf pem[2]; /* certificate, key */
};

static const struct arg table[] = {
    {SERVE_LISTEN, 0, "listen", "ADDR:PORT", "listen there (default 127.0.0.1:8930; IPv6 as [::1]:8930)"},
    {SERVE_TOKEN, 0, "token-file", "FILE", "ask for the token in this file: Authorization: Bearer, or /?token=T once"},
    {SERVE_INSECURE, 0, "insecure", NULL, "let everyone in who can reach an address other than loopback"},
    {SERVE_HOST, 0, "host-name", "NAME", "answer to this Host, too (repeatable)"},
    {SERVE_CERT, 0, "tls-cert", "FILE", "speak HTTPS: certificate, PEM"},
    {SERVE_KEY, 0, "tls-key", "FILE", "and its key, PEM"},
    {SERVE_WAIT, 0, "wait", NULL, "the DB may not be there yet"},
    {SERVE_CONFIG, 0, "config", "FILE", "read options from FILE: lines name = value"},
    {0}};

static const char usage[] =
    "usage: spanwise serve [DB | CAPTURE] [--listen ADDR:PORT]\n"
    "The web report, until SIGINT or SIGTERM. A capture (told by content) is audited first.\n"
    "Default DB: $SPANWISE_DB, else ./spanwise.db\n"
    "Addresses: / /api/v1/report /api/v1/timeseries /api/v1/events /api/v1/export/{format} /metrics /healthz\n"
    "timeseries?metric=NAME[&from=UNIX][&to=UNIX][&step=SECONDS, a multiple of 60]; NAME is one of:\n "
#define SERIES(name, unit, help) " " #name
#include "analysis/report/series.def"
#undef SERIES
    "\n";

static bool set_listen(struct serve_command *c, const char *value)
{
    if (listen_parse(value, &c->web.listen))
        return true;
    log_line("--listen: '%s' is not ADDR:PORT with a numeric address, like 127.0.0.1:8930 or [::1]:8930", value);
    return false;
}

/* As a Host names it, without port and brackets: others would match nothing. */
static bool plain_name(struct slice name)
{
    struct in6_addr address;
    for (size_t i = 0; i < name.n; i++)
        if (strchr("/[]@ ", name.p[i]) || (name.p[i] == ':' && inet_pton(AF_INET6, name.p, &address) != 1))
            return false;
    return name.n != 0;
}

static bool add_host(struct serve_command *c, const char *value)
{
    if (!plain_name(slice_str(value))) {
        log_line("--host-name: '%s' is no name alone, such as audit.example: without scheme, port and brackets", value);
        return false;
    }
    if (access_add_host(&c->web.access, slice_str(value)))
        return true;
    log_line("--host-name: at most %d names", ACCESS_HOSTS - 1);
    return false;
}

static bool on_option(void *context, int id, const char *value)
{
    struct serve_command *c = context;
    switch (id) {
    case SERVE_LISTEN:
        return set_listen(c, value);
    case SERVE_TOKEN:
        c->token_file = value;
        return true;
    case SERVE_INSECURE:
        c->insecure = true;
        return true;
    case SERVE_HOST:
        return add_host(c, value);
    case SERVE_CERT:
        c->certificate = value;
        return true;
    case SERVE_KEY:
        c->key = value;
        return true;
    case SERVE_WAIT:
        c->wait = true;
        return true;
    default:
        if (!c->audit) {
            c->audit = value;
            return true;
        }
        log_line("serve: one DB or capture at a time");
        return false;
    }
}

/* ---- files ---- */

/* The first line, without blanks around it. */
static bool read_token(struct serve_command *c)
{
    struct buf text = {0};
    struct stat s;
    if (!c->token_file)
        return true;
    bool ok = file_read("token-file", c->token_file, &text);
    struct slice token = slice_trim(slice_of(text.p, ok ? strcspn(text.p, "\n") : 0));
    if (ok && (!token.n || token.n >= ACCESS_TOKEN)) {
        log_line("--token-file %s: the first line must hold the token, 1 to %d characters", c->token_file,
                 ACCESS_TOKEN - 1);
        ok = false;
    }
    if (ok) {
        memcpy(c->web.access.token, token.p, token.n);
        if (token.n < 16)
            log_line("--token-file %s: fewer than 16 characters can be guessed", c->token_file);
        if (stat(c->token_file, &s) == 0 && S_ISREG(s.st_mode) && s.st_mode & 077)
            log_line("--token-file %s: others can read it; chmod 600", c->token_file);
    }
    buf_free(&text);
    return ok;
}

static bool read_tls(struct serve_command *c)
{
    if (!c->certificate != !c->key) {
        log_line("--tls-cert and --tls-key belong together");
        return false;
    }
    if (!c->certificate)
        return true;
    if (!file_read("tls-cert", c->certificate, &c->pem[0]) || !file_read("tls-key", c->key, &c->pem[1]))
        return false;
    c->web.certificate = c->pem[0].p;
    c->web.key = c->pem[1].p;
    return true;
}

/* ---- */

/* False: wrong usage, printed. */
static bool check(struct serve_command *c)
{
    char url[128];
    if (c->insecure && c->token_file) {
        log_line("serve: --token-file asks for a token, --insecure lets everyone in without: one of the two");
        return false;
    }
    if (!read_token(c) || !read_tls(c))
        return false;
    if (listen_loopback(&c->web.listen) || *c->web.access.token || c->insecure)
        return true;
    log_line("serve: %s can be reached by others: give --token-file FILE, or --insecure to let everyone in",
             listen_url(&c->web.listen, c->certificate != NULL, url));
    return false;
}

/* Nobody is served what is no audit, or cannot be read. */
static bool readable(const char *db, char why[256])
{
    struct store_reader *r = store_read_open(db, why);
    struct facts f;
    bool ok = r && store_read_begin(r, why);
    if (ok) {
        ok = facts_load(&f, r) && !store_read_failure(r);
        if (!ok)
            snprintf(why, 256, "%s", store_read_failure(r) ? store_read_failure(r) : "out of memory");
        facts_free(&f);
        store_read_end(r);
    }
    store_read_close(r);
    return ok;
}

static void ready(const char *url)
{
    log_line("serving %s", url);
}

static int serve(struct serve_command *c)
{
    char why[256];
    const char *db = c->wait ? cmd_audit_awaited(c->audit) : cmd_open_audit(c->audit, why);
    if (!db) {
        if (*why)
            log_line("%s", why);
        return cmd_open_audit_code();
    }
    if (!c->wait && !readable(db, why)) {
        log_line("%s", why);
        return 1;
    }
    c->web.db = db;
    c->web.ready = ready;
    if (web_run(&c->web, why))
        return 0;
    log_line("%s", why);
    return 1;
}

int cmd_serve(int argc, char **argv)
{
    struct serve_command c = {0};
    listen_parse("127.0.0.1:8930", &c.web.listen);
    int parsed = args_parse(usage, table, argc, argv, on_option, &c), code = 2;
    if (parsed == ARG_HELP)
        return 0;
    if (!parsed && check(&c))
        code = serve(&c);
    buf_free(&c.pem[0]);
    buf_free(&c.pem[1]);
    return code;
}
