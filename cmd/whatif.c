/* whatif: the recorded arrivals once more, against a cache lifetime or a rate limit of the user's (CONTRACT
 * section 6). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/keyspec.h"
#include "analysis/limitspec.h"
#include "analysis/replay.h"
#include "base/human.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/audit.h"
#include "cmd/commands.h"
#include "cmd/scope.h"
#include "cmd/trust.h"
#include "cmd/whatifshow.h"

enum {
    WHATIF_TTL = 1,
    WHATIF_LIMIT,
    WHATIF_PER,
    WHATIF_PROFILE,
    WHATIF_FORMAT,
    WHATIF_TOP,
    WHATIF_CAPACITY,
    WHATIF_KEY
};
enum { MOST_CURVES = 32, MOST_TTLS = 4096, MOST_TTL_S = 10 * 366 * 86400 };

/* What the user wrote: ENDPOINT=SECONDS. */
struct wish {
    struct slice endpoint;
    int64_t ttl_us;
};

struct whatif {
    const char *audit;
    struct wish *wish;
    size_t n_wishes;
    struct whatifshow show;
    struct keyspec key;
    enum ttlcache_profile profile;
    bool json, per_given, profile_given;
    struct scope scope;
};

static const char *const formats[] = {"text", "json"};

static const struct arg table[] = {
    {WHATIF_TTL, 0, "ttl", "'E=SECONDS'", "a cache in front of endpoint E (repeatable), or of 'all'"},
    {WHATIF_KEY, 0, "key", "KEY", "what those caches tell answers apart by, see above"},
    {WHATIF_LIMIT, 0, "limit", "SPEC", "a rate limit, see above"},
    {WHATIF_PER, 0, "per", "WHAT", "count the limit by client (default), address, service or endpoint"},
    {WHATIF_CAPACITY, 0, "capacity", "SIZE", "what if each of these caches held SIZE bytes, and what sizes give what"},
    {WHATIF_PROFILE, 0, "profile", "P",
     "when a cache calls a copy old, and what copies it keeps apart: exact (default), nginx, varnish, haproxy"},
    SCOPE_ARGS,
    {WHATIF_FORMAT, 0, "format", "F", "text (default) or json"},
    {WHATIF_TOP, 0, "top", "N", "rows of each table in text (default 15)"},
    {0}};

static const char usage[] =
    "usage: spanwise whatif [DB | CAPTURE] --ttl 'ENDPOINT=SECONDS'… [--limit SPEC]\n"
    "What would have happened: replays the recorded requests, in order, against a cache or a limit that is not there.\n"
    "ENDPOINT is an id of the report, or METHOD SERVICE/ROUTE: --ttl 'GET http://api.example/items/{int}=60'\n"
    "or all, which are then those that are not named. KEY is path (without the query), without:NAME,NAME or "
    "only:NAME,NAME\n"
    "of the query's parameters, client (each has copies of its own), or one of them +client; a copy of another answer "
    "is "
    "stale\n"
    "SPEC is one of\n"
    "  nginx:R:BURST[:nodelay|:delay=N]   limit_req; R is 10, 10r/s or 90r/m\n"
    "  token-bucket|gcra:RATE:DEPTH       RATE a second\n"
    "  fixed-window|fixed-window-strict|sliding-window|sliding-log|haproxy:LIMIT:WINDOW_S\n"
    "                                     strict and haproxy count what they reject, too\n"
    "  envoy:MAX:PER_FILL:INTERVAL_S      local rate limit, filled by a timer\n";

/* Place of value among names, or -1 and a message. */
static int choice(const char *option, const char *const *names, int n, const char *value)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], value) == 0)
            return i;
    log_line("%s: '%s' is unknown; spanwise whatif --help lists what there is", option, value);
    return -1;
}
#define CHOICE(option, names, value) choice(option, names, sizeof names / sizeof *names, value)

/* Seconds with up to six places, as microseconds; above 0. */
static bool seconds(struct slice text, int64_t *us)
{
    size_t dot = slice_find(text, '.', 0);
    struct slice fraction = slice_sub(text, dot + 1, text.n);
    uint64_t whole, part = 0;
    if (!slice_u64(slice_sub(text, 0, dot), &whole) || whole > MOST_TTL_S)
        return false;
    if (dot < text.n && (fraction.n > 6 || !slice_u64(fraction, &part)))
        return false;
    for (size_t i = fraction.n; i < 6; i++)
        part *= 10;
    *us = (int64_t)(whole * 1000000 + part);
    return *us > 0;
}

static bool add_wish(struct whatif *c, const char *value)
{
    struct slice all = slice_str(value);
    size_t at = all.n;
    while (at && all.p[at - 1] != '=')
        at--;
    struct wish w = {.endpoint = slice_trim(slice_sub(all, 0, at ? at - 1 : 0))};
    if (!w.endpoint.n || !seconds(slice_trim(slice_sub(all, at, all.n)), &w.ttl_us)) {
        log_line("--ttl: '%.200s' is not ENDPOINT=SECONDS", value);
        return false;
    }
    struct wish *grown = c->n_wishes < MOST_TTLS ? realloc(c->wish, (c->n_wishes + 1) * sizeof *grown) : NULL;
    if (!grown) {
        log_line("--ttl: at most %d of them", MOST_TTLS);
        return false;
    }
    c->wish = grown;
    c->wish[c->n_wishes++] = w;
    return true;
}

static bool set_limit(struct whatif *c, const char *value)
{
    char why[160];
    if (c->show.spec) {
        log_line("--limit: one at a time");
        return false;
    }
    c->show.spec = value;
    if (limitspec_parse(slice_str(value), &c->show.limit, why))
        return true;
    log_line("--limit: %s", why);
    return false;
}

static bool set_key(struct whatif *c, const char *value)
{
    char why[160];
    c->show.key = value;
    if (keyspec_parse(slice_str(value), &c->key, why))
        return true;
    log_line("--key: %s", why);
    return false;
}

static bool set_capacity(struct whatif *c, const char *value)
{
    unsigned long long bytes;
    if (args_size(value, &bytes) && bytes) {
        c->show.capacity = bytes;
        return true;
    }
    log_line("--capacity: '%s' is no size", value);
    return false;
}

static bool on_option(void *context, int id, const char *value)
{
    struct whatif *c = context;
    uint64_t n;
    int at;
    switch (id) {
    case WHATIF_TTL:
        return add_wish(c, value);
    case WHATIF_LIMIT:
        return set_limit(c, value);
    case WHATIF_KEY:
        return set_key(c, value);
    case WHATIF_CAPACITY:
        return set_capacity(c, value);
    case WHATIF_PER:
        at = CHOICE("--per", replay_pers, value);
        c->show.per = (enum replay_per)at;
        c->per_given = true;
        return at >= 0;
    case WHATIF_PROFILE:
        at = CHOICE("--profile", ttlcache_profiles, value);
        c->profile = (enum ttlcache_profile)at;
        c->profile_given = true;
        return at >= 0;
    case WHATIF_FORMAT:
        at = CHOICE("--format", formats, value);
        c->json = at == 1;
        return at >= 0;
    case WHATIF_TOP:
        if (slice_u64(slice_str(value), &n) && n && n < 1000000) {
            c->show.top = (unsigned)n;
            return true;
        }
        log_line("--top: '%s' is no number of rows", value);
        return false;
    case SCOPE_ROUTES:
    case SCOPE_IGNORE:
        return scope_option(&c->scope, id, value);
    default:
        if (c->audit)
            log_line("whatif: one DB or capture at a time");
        return !c->audit && (c->audit = value) != NULL;
    }
}

/* Wishes that need no DB to be seen as wrong. */
static bool sensible(const struct whatif *c)
{
    if (!c->n_wishes && !c->show.spec) {
        log_line("whatif: what? Give --ttl 'ENDPOINT=SECONDS' or --limit SPEC; spanwise whatif --help says more");
        return false;
    }
    if (c->show.capacity && (!c->n_wishes || c->n_wishes > MOST_CURVES)) {
        log_line("--capacity: of the caches of --ttl, one to %d of them", MOST_CURVES);
        return false;
    }
    if (c->per_given && !c->show.spec) {
        log_line("--per: a limit is counted so; give --limit SPEC, too");
        return false;
    }
    if (c->profile_given && !c->n_wishes) {
        log_line("--profile: of the caches of --ttl; give that, too");
        return false;
    }
    if (c->show.key && !c->n_wishes) {
        log_line("--key: of the caches of --ttl; give that, too");
        return false;
    }
    for (size_t i = 0; i < c->n_wishes && (c->profile == TTLCACHE_NGINX || c->profile == TTLCACHE_HAPROXY); i++)
        if (c->wish[i].ttl_us % 1000000) {
            log_line("--ttl: %s counts whole seconds", ttlcache_profiles[c->profile]);
            return false;
        }
    return true;
}

static bool is_all(const struct wish *w)
{
    return slice_eq(w->endpoint, SLICE("all"));
}

static bool is_named(const struct replay_ttl *ttl, size_t n, uint32_t endpoint)
{
    for (size_t i = 0; i < n; i++)
        if (ttl[i].endpoint == endpoint)
            return true;
    return false;
}

/* Every endpoint that is read from and not named. */
static void add_all(const struct named *named, int64_t ttl_us, struct replay_ttl *ttl, size_t *n)
{
    size_t before = *n;
    for (uint32_t i = 1; i < named->n_endpoints; i++)
        if (named_resolve(named, i) == i && slice_eq(named_method(named, i), SLICE("GET")) && !is_named(ttl, before, i))
            ttl[(*n)++] = (struct replay_ttl){.endpoint = i, .ttl_us = ttl_us};
}

/* Endpoints as named, found. */
static bool find_endpoints(const struct whatif *c, const struct named *named, struct replay_ttl *ttl, size_t *n)
{
    const struct wish *all = NULL;
    for (size_t i = 0; i < c->n_wishes; i++) {
        struct slice name = c->wish[i].endpoint;
        if (is_all(&c->wish[i])) {
            if (all)
                log_line("--ttl: all are named twice");
            if (all)
                return false;
            all = &c->wish[i];
            continue;
        }
        uint32_t endpoint = named_find(named, name);
        if (!endpoint) {
            log_line("--ttl: no endpoint '%.*s' in this audit; spanwise report --format json lists ids and names",
                     name.n < 200 ? (int)name.n : 200, name.p);
            return false;
        }
        if (is_named(ttl, *n, endpoint)) {
            log_line("--ttl: endpoint '%.*s' is named twice", name.n < 200 ? (int)name.n : 200, name.p);
            return false;
        }
        ttl[(*n)++] = (struct replay_ttl){.endpoint = endpoint, .ttl_us = c->wish[i].ttl_us};
    }
    if (all)
        add_all(named, all->ttl_us, ttl, n);
    if (c->show.capacity && *n > MOST_CURVES) {
        log_line("--capacity: of at most %d caches; these are %zu", MOST_CURVES, *n);
        return false;
    }
    return true;
}

static bool open_curves(const struct whatif *c, struct replay_ttl *ttl, size_t n)
{
    for (size_t i = 0; i < n && c->show.capacity; i++)
        if (!(ttl[i].capacity = capacity_new((ttl[i].ttl_us + 999) / 1000)))
            return false;
    return true;
}

static void progress(void *context, uint64_t done, uint64_t of)
{
    (void)context;
    log_progress("replayed %s of %s exchanges", human_count(done).text, human_count(of > done ? of : done).text);
}

/* ---- the command ---- */

static int show(const struct whatif *c, const struct replay_options *o, const struct replay *p, const char *db)
{
    struct buf out = {0};
    if (!p->records && p->audited) {
        log_line("%s keeps no exchange records (--exchanges none): there is nothing to replay", db);
        return 1;
    }
    if (p->records < p->audited)
        log_line(
            "%s: the records hold %llu of %llu exchanges, from %s UTC on; the others are not kept and not replayed", db,
            (unsigned long long)p->records, (unsigned long long)p->audited, human_moment(p->from_us).text);
    (c->json ? whatifshow_json : whatifshow_text)(&c->show, o, p, &out);
    bool ok = !out.failed && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    if (!ok)
        log_stdout(out.failed ? ENOMEM : errno);
    buf_free(&out);
    return ok ? 0 : 1;
}

static int replay(const struct whatif *c, struct store_reader *r, const char *db)
{
    struct named named;
    struct replay p;
    char why[256];
    bool ok = named_load(&named, r, c->show.spec && c->show.per == REPLAY_SERVICE);
    struct replay_ttl *ttl = calloc(c->n_wishes + named.n_endpoints + 1, sizeof *ttl);
    size_t n = 0, n_keys = 0;
    uint32_t *key_of = c->show.key ? keyspec_map(&c->key, r, &n_keys) : NULL;
    ok = ok && ttl && (key_of || !c->show.key);
    int code = ok ? 0 : 1;
    if (!ok)
        log_line("out of memory");
    else if (!find_endpoints(c, &named, ttl, &n))
        code = 2;
    if (!code && c->show.spec && c->show.per == REPLAY_ADDRESS && !replay_knows_addresses(r)) {
        log_line("--per address: %s holds clients' networks alone (--privacy strict); count the limit by client", db);
        code = 2;
    }
    if (!code && !open_curves(c, ttl, n)) {
        log_line("out of memory");
        code = 1;
    }
    struct replay_options o = {.named = &named,
                               .profile = c->profile,
                               .key_of = key_of,
                               .n_keys = n_keys,
                               .key_client = c->key.client,
                               .ttl = ttl,
                               .n_ttl = n,
                               .limit = c->show.spec ? &c->show.limit : NULL,
                               .per = c->show.per,
                               .progress = progress};
    if (!code && !replay_run(r, &o, &p, why)) {
        log_line("%s: %s", db, why);
        code = 1;
    } else if (!code) {
        log_progress("%s", "");
        code = show(c, &o, &p, db);
        replay_free(&p);
    }
    named_free(&named);
    for (size_t i = 0; ttl && i < n; i++)
        capacity_free(ttl[i].capacity);
    free(ttl);
    free(key_of);
    return code;
}

int cmd_whatif(int argc, char **argv)
{
    struct whatif c = {.show = {.top = 15}};
    char why[256] = "";
    int parsed = args_parse(usage, table, argc, argv, on_option, &c);
    int code = parsed == ARG_HELP ? 0 : parsed || !sensible(&c) ? 2 : -1;
    const char *db = code < 0 ? cmd_open_audit_of(c.audit, &c.scope, why) : NULL;
    struct store_reader *r = db ? store_read_open(db, why) : NULL;
    if (r && store_read_begin(r, why)) {
        trust_db(r, cmd_audit_name(db));
        code = replay(&c, r, cmd_audit_name(db));
    } else if (code < 0) {
        if (*why)
            log_line("%s", why);
        code = db ? 1 : cmd_open_audit_code();
    }
    store_read_close(r);
    free(c.wish);
    scope_free(&c.scope);
    return code;
}
