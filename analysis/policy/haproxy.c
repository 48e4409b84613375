/* haproxy: stick tables and its cache. What HAProxy does unless told not to, and what is told here:
 * - a stick table of strings cuts its keys, and tokens begin alike: keys are digests;
 * - its cache keeps what declares a lifetime alone, and answers to requests with a Cookie, too: the rule declares the
 *   lifetime where the API forbids nothing, for the credentials that were seen not to matter;
 * - it keeps no answer to a request with Authorization, whatever that says: such endpoints have no rule;
 * - the path is not known when the answer comes: the rule that fits is kept in a variable;
 * - it does not make others wait for a fetch, nor give out old copies meanwhile;
 * - lifetimes are whole seconds, up to one less than asked for; answers other than 200 are not kept. */
#include <inttypes.h>
#include <math.h>

#include "analysis/policy/policy.h"

static const char *const found[] = {"{ var(txn.spanwise_apikey) -m found }", "{ req.fhdr(authorization) -m len gt 0 }",
                                    "{ req.fhdr(cookie) -m len gt 0 }"};

#define USUAL_SESSION "{ req.fhdr(cookie) -m reg -i " RULES_SESSION " }"

/* ---- limits ---- */

static void write_key(const char *function, const char *name, struct buf *out)
{
    buf_printf(out, "    http-request set-var(txn.spanwise_apikey) %s(%s) if { %s(%s) -m len gt 0 }\n", function, name,
               function, name);
}

/* What is set last counts. */
static void write_identity(const struct rules *r, struct buf *out)
{
    static const char *const parameters[] = {"key", "apikey", "api_key"};
    unsigned n = 0;
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters && !*r->order.key_field; i++)
        write_key("url_param", parameters[i], out);
    while (rules_key_field(r, true, n))
        n++;
    while (n)
        write_key("req.fhdr", rules_key_field(r, true, --n), out);
    if (*r->order.session_cookie) /* another session than the one that clients are told by */
        buf_printf(out,
                   "    http-request set-var(txn.spanwise_stranger) bool(true) if " USUAL_SESSION
                   " !{ req.cook(%s) -m len gt 0 }\n",
                   r->order.session_cookie);
}

static void write_table(const struct rules *r, const struct rule_rate *rate, struct buf *out)
{
    buf_char(out, '\n');
    policy_say_rate(r, rate, "# ", out);
    buf_printf(out,
               "backend spanwise_table_%s\n"
               "    stick-table type %s size %" PRIu64 " expire %us store http_req_rate(%us)\n",
               carrier_names[rate->carrier], rate->carrier == CARRIER_ADDRESS ? "ipv6" : "binary len 20",
               10000 + 4 * rate->clients, 3 * RULES_WINDOW_S, RULES_WINDOW_S);
}

static void write_session(const struct rules *r, struct buf *out)
{
    if (*r->order.session_cookie)
        buf_printf(out, "{ req.cook(%s) -m len gt 0 }", r->order.session_cookie);
    else
        buf_str(out, USUAL_SESSION);
}

/* What shows that a request has this, negated where `without`; an address it always has. */
static void write_has(const struct rules *r, enum idword w, bool without, struct buf *out)
{
    static const char *const of[IDWORDS] = {[IDWORD_APIKEY] = "{ var(txn.spanwise_apikey) -m found }",
                                            [IDWORD_AUTHORIZATION] = "{ req.fhdr(authorization) -m len gt 0 }",
                                            [IDWORD_MTLS] = "{ ssl_c_used }"};
    const char *no = without ? "!" : "";
    if (w == IDWORD_FORWARDED)
        buf_printf(out, " %s{ req.fhdr(x-forwarded-for) -m found } %s{ req.fhdr(forwarded) -m found }", no, no);
    else if (of[w])
        buf_printf(out, " %s%s", no, of[w]);
    if (w == IDWORD_COOKIE) {
        buf_printf(out, " %s", no);
        write_session(r, out);
    }
}

/* The conditions under which a request is counted by this carrier: it has that, and nothing that comes before. */
static void write_when(const struct rules *r, enum carrier carrier, struct buf *out)
{
    for (unsigned i = 0; i < idorder_count(&r->order); i++)
        if (rules_precedes(r, idorder_at(&r->order, i), carrier))
            write_has(r, idorder_at(&r->order, i), true, out);
    write_has(r, carrier_word(carrier), false, out);
}

/* Who is counted by address where nothing comes before needs no condition. */
static bool always(const struct rules *r, enum carrier carrier)
{
    bool any = carrier != CARRIER_ADDRESS;
    for (unsigned i = 0; i < idorder_count(&r->order); i++)
        any |= rules_precedes(r, idorder_at(&r->order, i), carrier);
    return !any;
}

static void write_limit(const struct rules *r, const struct rule_rate *rate, bool dry_run, struct buf *out)
{
    const char *name = carrier_names[rate->carrier];
    static const char *const keys[] = {"var(txn.spanwise_apikey),sha1", "req.fhdr(authorization),sha1"};
    buf_str(out, "    http-request track-sc0 ");
    if (rate->carrier == CARRIER_COOKIE)
        buf_printf(out, "req.cook(%s),sha1", r->order.session_cookie);
    else
        buf_str(out, rate->carrier == CARRIER_ADDRESS ? "src" : keys[rate->carrier]);
    buf_printf(out, " table spanwise_table_%s%s", name, always(r, rate->carrier) ? "" : " if");
    write_when(r, rate->carrier, out);
    if (dry_run)
        buf_printf(out, "\n    http-request set-header X-Spanwise-Over-Limit %s if", name);
    else
        buf_str(out, "\n    http-request deny deny_status 429 if");
    write_when(r, rate->carrier, out);
    buf_printf(out, " { sc_http_req_rate(0,spanwise_table_%s) gt %" PRIu64 " }\n", name, rate->window_most);
}

/* A session cookie that is known by a part of its name is nothing that a stick table can be keyed by. */
static bool can(const struct rules *r, const struct rule_rate *rate)
{
    return rate->carrier != CARRIER_COOKIE || *r->order.session_cookie;
}

/* ---- caches ---- */

/* HAProxy counts in blocks of 1 KiB, each copy's description among them; an object may take half of the room. */
static void write_cache(const struct rules *r, uint32_t ttl_s, struct buf *out)
{
    enum { ENTRY_BYTES = 2048, MOST = 4095 };
    uint64_t megabytes = policy_room(r, ttl_s, ENTRY_BYTES).megabytes;
    megabytes = megabytes < MOST ? megabytes : MOST;
    buf_printf(out,
               "\ncache spanwise_%" PRIu32 "s\n    total-max-size %" PRIu64 "\n    max-object-size %" PRIu64
               "\n    max-age %" PRIu32 "\n    process-vary on\n",
               ttl_s, megabytes, megabytes * 500000, ttl_s);
}

static void write_caches(const struct rules *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_cache *c = &r->cache[i];
        bool first = !c->pass;
        for (size_t k = 0; k < i && first; k++)
            first = r->cache[k].pass || r->cache[k].ttl_s != c->ttl_s;
        if (first)
            write_cache(r, c->ttl_s, out);
    }
}

static void write_rule(const struct rules *r, const struct rule_cache *c, struct buf *out)
{
    policy_say_cache(r, c, "    # ", out);
    if (!c->pass && c->refresh)
        buf_printf(
            out,
            "    # %.2f %% come while the answer is being fetched, and HAProxy fetches for each: as many are no hits\n",
            100 * facts_ratio(c->figures.coalesced, c->figures.lookups));
    buf_str(out, "    http-request set-var(txn.spanwise_rule) str(");
    if (c->pass)
        buf_str(out, "pass");
    else
        buf_slice(out, c->id);
    buf_str(out, ") if !{ var(txn.spanwise_rule) -m found } { path -m reg ^");
    plain_pattern(&c->route, out);
    buf_str(out, "$ }\n");
    if (c->pass)
        return;
    /* "any of those allowed" is the end of two negations: a variable for each. */
    for (int i = 0; i <= CARRIER_COOKIE && c->needed; i++)
        if (c->carrier[i])
            buf_printf(out, "    http-request set-var(txn.spanwise_with) bool(true) if %s\n", found[i]);
    buf_printf(out, "    http-request set-var(txn.spanwise_keep) int(%" PRIu32 ") if METH_GET ", c->ttl_s);
    buf_str(out, "{ var(txn.spanwise_rule) -m str ");
    buf_slice(out, c->id);
    buf_str(out, " }");
    for (int i = 0; i <= CARRIER_COOKIE; i++)
        if (!c->carrier[i])
            buf_printf(out, " !%s", found[i]);
    for (unsigned n = 0; rules_key_field(r, false, n); n++)
        buf_printf(out, " !{ req.fhdr(%s) -m len gt 0 }", rules_key_field(r, false, n));
    if (*r->order.session_cookie)
        buf_str(out, " !{ var(txn.spanwise_stranger) -m bool }");
    if (c->needed)
        buf_str(out, " { var(txn.spanwise_with) -m bool }");
    buf_str(out, "\n");
    if (c->needed)
        buf_str(out, "    http-request unset-var(txn.spanwise_with)\n");
    if (c->override) {
        buf_str(out, "    http-request set-var(txn.spanwise_override) bool(true) if { var(txn.spanwise_rule) -m str ");
        buf_slice(out, c->id);
        buf_str(out, " }\n");
    }
}

static void write_store(uint32_t ttl, struct buf *out)
{
    buf_printf(out,
               "    http-request cache-use spanwise_%" PRIu32 "s if { var(txn.spanwise_keep) -m int %" PRIu32 " }\n"
               "    http-response set-header Cache-Control \"public, s-maxage=%" PRIu32
               "\" if { var(txn.spanwise_keep) -m int %" PRIu32 " }\n"
               "    http-response cache-store spanwise_%" PRIu32 "s if { var(txn.spanwise_keep) -m int %" PRIu32 " }\n",
               ttl, ttl, ttl, ttl, ttl, ttl);
}

static void write_cached(const struct rules *r, size_t service, struct buf *out)
{
    buf_str(out, "    http-request set-var(txn.spanwise_rule) str(pass) if { path -m reg /[.][.]?(/|$) }\n");
    for (size_t k = 0; k < r->n_cache; k++)
        if (r->cache[k].service == service)
            write_rule(r, &r->cache[k], out);
    buf_str(out, "    http-response unset-var(txn.spanwise_keep) if { res.fhdr(cache-control) -m sub -i private }\n"
                 "    http-response unset-var(txn.spanwise_keep) if { res.fhdr(cache-control) -m sub -i no-store } "
                 "!{ var(txn.spanwise_override) -m bool }\n"
                 "    http-response unset-var(txn.spanwise_keep) if { res.fhdr(set-cookie) -m found }\n"
                 "    http-response unset-var(txn.spanwise_keep) if !{ status 200 }\n");
    for (size_t k = 0; k < r->n_cache; k++) {
        const struct rule_cache *c = &r->cache[k];
        bool first = !c->pass && c->service == service;
        for (size_t j = 0; j < k && first; j++)
            first = r->cache[j].pass || r->cache[j].service != service || r->cache[j].ttl_s != c->ttl_s;
        if (first)
            write_store(c->ttl_s, out);
    }
    buf_str(out, "    http-after-response set-header X-Cache HIT if { res.cache_hit }\n"
                 "    http-after-response set-header X-Cache MISS if !{ res.cache_hit }\n");
}

/* ---- the file ---- */

static void write_frontend(const struct rules *r, const struct policy_options *o, struct buf *out)
{
    buf_printf(out, "\nfrontend spanwise\n    bind %s\n", o->listen);
    write_identity(r, out);
    for (size_t i = 0; i < r->n_rate; i++)
        if (can(r, &r->rate[i]))
            write_limit(r, &r->rate[i], o->dry_run, out);
    for (size_t i = 0; i < r->n_services; i++) {
        const struct rule_service *s = &r->services[i];
        if (!policy_stands(r, i))
            continue;
        buf_str(out, "    use_backend spanwise_");
        buf_slice(out, s->id);
        buf_str(out, " if { req.hdr(host),lower -m str ");
        buf_slice(out, s->parts.authority);
        if (slice_eq(s->parts.host, s->parts.authority)) {
            buf_char(out, ' ');
            buf_slice(out, s->parts.host);
            buf_str(out, s->parts.tls ? ":443" : ":80");
        }
        buf_str(out, " }\n");
    }
    buf_str(out,
            "    default_backend spanwise_nobody\n"
            "\n# A host that was not seen is nobody's.\nbackend spanwise_nobody\n    http-request return status 421\n");
}

static void write_backend(const struct rules *r, size_t i, struct buf *out)
{
    const struct rule_service *s = &r->services[i];
    buf_str(out, "\nbackend spanwise_");
    buf_slice(out, s->id);
    buf_str(out, "\n    option forwardfor\n");
    if (s->cached)
        write_cached(r, i, out);
    for (unsigned k = 0; k < s->n_servers; k++) {
        bool six = slice_find(s->server[k].host, ':', 0) < s->server[k].host.n;
        buf_printf(out, "    server s%u %s", k + 1, six ? "[" : "");
        buf_slice(out, s->server[k].host);
        buf_printf(out, "%s:%u", six ? "]" : "", s->server[k].port);
        if (s->parts.tls) {
            buf_str(out, " ssl verify required ca-file @system-ca sni str(");
            buf_slice(out, s->parts.host);
            buf_char(out, ')');
        }
        buf_char(out, '\n');
    }
}

static void write_file(struct rules *r, const struct policy_options *o, struct buf *out)
{
    unsigned wait = r->longest_s > 30 && r->longest_s < 43200 ? (unsigned)ceil(2 * r->longest_s) : 60;
    policy_head(r, "HAProxy",
                o->fragment ? "Give it beside your own: haproxy -f YOURS -f THIS. Check: haproxy -c -f YOURS -f THIS"
                            : "Check: haproxy -c -f FILE",
                out);
    if (!o->fragment)
        buf_printf(
            out,
            "global\n    maxconn 4096\n\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client %us\n"
            "    timeout server %us\n    timeout http-request 15s\n",
            wait, wait);
    for (size_t i = 0; i < r->n_rate; i++)
        if (can(r, &r->rate[i]))
            write_table(r, &r->rate[i], out);
        else
            rules_leave(r, SLICE("a limit for clients told apart by cookie"),
                        "HAProxy cannot count by a cookie whose name is not known");
    write_caches(r, out);
    write_frontend(r, o, out);
    for (size_t i = 0; i < r->n_services; i++)
        if (policy_stands(r, i))
            write_backend(r, i, out);
        else
            rules_leave(r, r->services[i].name, POLICY_STANDS_NOT);
}

static void say_limit(const struct rule_rate *rate, struct buf *out)
{
    buf_printf(out, "haproxy:%" PRIu64 ":%d", rate->window_most, RULES_WINDOW_S);
}

extern const struct policy_product policy_haproxy;
const struct policy_product policy_haproxy = {.name = "haproxy",
                                              .help = "cache, stick tables",
                                              .check = "haproxy -c -f FILE",
                                              .profile = "haproxy",
                                              .caches = true,
                                              .limits = true,
                                              .servers = true,
                                              .heeds =
                                                  POLICY_HEEDS_LISTEN | POLICY_HEEDS_DRY_RUN | POLICY_HEEDS_FRAGMENT,
                                              .tls = true,
                                              .unauthorised = true,
                                              .write = write_file,
                                              .limit = say_limit,
                                              .can = can};
