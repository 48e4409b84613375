/* nginx: proxy_cache, limit_req and limit_conn. What nginx does unless told not to, and what is told here:
 * - it keeps answers to requests with Authorization or Cookie: each rule says which credentials were seen not to
 * matter, any other passes;
 * - it heeds Set-Cookie by not keeping the answer, and Vary: both are left to it; with its Cache-Control ignored for
 *   the sake of the lifetime, no-store and private are heeded by a map. Of a field that comes in several lines
 * nginx 1.22 shows the first in $upstream_http_..., all in $sent_http_...: both are looked at;
 * - locations are matched on the decoded path, keys are made of the raw one: only paths without anything to decode are
 *   kept;
 * - proxy_cache_lock collapses the first fetch alone, so where many ask at once the old copy is given out while one
 *   request renews it; such copies are thrown away when nobody asked for two lifetimes;
 * - a zone of limit_req that is full rejects: zones have room for four times the clients seen;
 * - a location inherits limits only where it has none of its own: they stand in the server alone. */
#include <inttypes.h>
#include <math.h>

#include "analysis/policy/policy.h"

enum { KEYS_PER_MB = 8000, FILE_BYTES = 4096, STATE_BYTES = 128, CREDENTIAL_BYTES = 2048 };

static const char *const credential[] = {"$spanwise_apikey", "$http_authorization", "$http_cookie"};

/* ---- who asks ---- */

static bool limits(const struct rules *r, enum carrier carrier)
{
    for (size_t i = 0; i < r->n_rate; i++)
        if (r->rate[i].carrier == carrier)
            return true;
    return false;
}

/* What of a request shows that it has this; empty when it has not. */
static const char *source_of(enum idword w)
{
    static const char *const of[IDWORDS] = {
        [IDWORD_APIKEY] = "$spanwise_apikey",      [IDWORD_AUTHORIZATION] = "$http_authorization",
        [IDWORD_MTLS] = "$ssl_client_fingerprint", [IDWORD_COOKIE] = "$spanwise_session",
        [IDWORD_ADDRESS] = "$binary_remote_addr",  [IDWORD_FORWARDED] = "$http_x_forwarded_for$http_forwarded"};
    return of[w];
}

/* How many words' clients are not to be counted by the carrier though they have it. */
static unsigned preceding(const struct rules *r, enum carrier carrier)
{
    unsigned n = 0;
    for (unsigned i = 0; i < idorder_count(&r->order); i++)
        n += rules_precedes(r, idorder_at(&r->order, i), carrier);
    return n;
}

/* What a limit counts by: the source itself, or what is made of it where something comes before. */
static const char *key_of(const struct rules *r, enum carrier carrier)
{
    static const char *const made[CARRIERS] = {"$spanwise_key", "$spanwise_authorization", "$spanwise_cookie",
                                               "$spanwise_address"};
    return preceding(r, carrier) ? made[carrier] : source_of(carrier_word(carrier));
}

static void write_key(const struct rules *r, enum carrier carrier, struct buf *out)
{
    unsigned n = preceding(r, carrier);
    if (!n)
        return;
    if (rules_precedes(r, IDWORD_MTLS, carrier))
        buf_str(out, "    # Who shows a certificate, where TLS ends here, is not limited by this.\n");
    if (rules_precedes(r, IDWORD_FORWARDED, carrier))
        buf_str(out, "    # Behind a proxy of yours an address is many clients: those are not limited here.\n");
    const char *quote = n > 1 || rules_precedes(r, IDWORD_FORWARDED, carrier) ? "\"" : "";
    buf_printf(out, "    map %s", quote);
    for (unsigned i = 0; i < idorder_count(&r->order); i++)
        if (rules_precedes(r, idorder_at(&r->order, i), carrier))
            buf_str(out, source_of(idorder_at(&r->order, i)));
    buf_printf(out, "%s %s {\n        \"\" %s;\n        default \"\";\n    }\n", quote, key_of(r, carrier),
               source_of(carrier_word(carrier)));
}

/* The variables of the fields that an API key is looked for in, or of those that are usual and are not. */
static void write_key_fields(const struct rules *r, bool read, struct buf *out)
{
    const char *field;
    for (unsigned n = 0; (field = rules_key_field(r, read, n)); n++) {
        buf_str(out, "$http_");
        for (; *field; field++)
            buf_char(out, *field == '-' ? '_' : *field);
    }
}

static void write_apikey(const struct rules *r, struct buf *out)
{
    buf_str(out, "    map \"");
    write_key_fields(r, true, out);
    buf_printf(out, "\" $spanwise_apikey {\n%s        default \"",
               *r->order.key_field ? "" : "        \"\" \"$arg_api_key$arg_apikey$arg_key\";\n");
    write_key_fields(r, true, out);
    buf_str(out, "\";\n    }\n");
}

/* A cookie by its whole name, or by what names of sessions have in them. */
static void write_session(const struct rules *r, struct buf *out)
{
    buf_str(out, "    map $http_cookie $spanwise_session {\n        \"");
    if (*r->order.session_cookie) {
        buf_str(out, "~(^|;)[ \\t]*");
        rules_session(r, out);
        buf_str(out, "(?<spanwise_sid>[^;]+)");
    } else {
        buf_str(out, "~*(^|;)[ \\t]*[^=;]*(sess|sid|laravel|asp[.]net)[^=;]*=(?<spanwise_sid>[^;]{8,})");
    }
    buf_str(out, "\" $spanwise_sid;\n        default \"\";\n    }\n");
}

static void say_order(const struct rules *r, struct buf *out)
{
    static const char *const words[IDWORDS] = {"API key",          "Authorization",     "the client's certificate",
                                               "a session cookie", "a proxy's address", "the address"};
    bool any = false;
    buf_str(out, "    # Who asks:");
    for (unsigned i = 0; i < idorder_count(&r->order); i++) {
        enum idword w = idorder_at(&r->order, i);
        if ((w == IDWORD_FORWARDED && !r->forwarded) || (w == IDWORD_MTLS && !r->certified))
            continue;
        buf_printf(out, "%s %s", any ? ", else" : "", words[w]);
        any = true;
        if (w == IDWORD_APIKEY && *r->order.key_field)
            buf_printf(out, " in %s", r->order.key_field);
        if (w == IDWORD_COOKIE && *r->order.session_cookie)
            buf_printf(out, ", %s", r->order.session_cookie);
    }
    buf_str(out, ".\n");
}

/* A limit by this carrier needs to know of a session. */
static bool needs_session(const struct rules *r, enum carrier carrier)
{
    return limits(r, carrier) && (carrier == CARRIER_COOKIE || rules_precedes(r, IDWORD_COOKIE, carrier));
}

static void write_identity(const struct rules *r, struct buf *out)
{
    bool session = false;
    say_order(r, out);
    write_apikey(r, out);
    for (int i = 0; i < CARRIERS; i++) {
        enum carrier carrier = (enum carrier)i;
        if (needs_session(r, carrier) && !session) {
            write_session(r, out);
            session = true;
        }
        if (limits(r, carrier))
            write_key(r, carrier, out);
    }
}

static void write_limit(const struct rules *r, const struct rule_rate *rate, struct buf *out)
{
    const char *name = carrier_names[rate->carrier];
    uint64_t bytes = rate->carrier == CARRIER_ADDRESS ? STATE_BYTES : STATE_BYTES + CREDENTIAL_BYTES;
    uint64_t mb = 10 + 4 * rate->clients * bytes / 1000000;
    buf_char(out, '\n');
    policy_say_rate(r, rate, "    # ", out);
    const char *key = key_of(r, rate->carrier);
    buf_printf(out, "    limit_req_zone %s zone=spanwise_%s:%" PRIu64 "m rate=%" PRIu64 "r/%c;\n", key, name, mb,
               rate->nginx_rate, rate->per_minute ? 'm' : 's');
    buf_printf(out, "    limit_conn_zone %s zone=spanwise_%s_conn:%" PRIu64 "m;\n", key, name, mb);
}

static void write_zones_of_limits(const struct rules *r, struct buf *out)
{
    if (r->n_rate)
        buf_str(out, "\n    # A made-up credential has a bucket of its own: let the API refuse it before it costs.\n");
    for (size_t i = 0; i < r->n_rate; i++)
        write_limit(r, &r->rate[i], out);
}

/* The same in every server: one bucket a client, whatever it asks for. */
static void apply_limits(const struct rules *r, const struct policy_options *o, struct buf *out)
{
    if (!r->n_rate)
        return;
    buf_str(out, "        limit_req_status 429;\n        limit_conn_status 429;\n");
    if (o->dry_run)
        buf_str(out, "        limit_req_dry_run on; # counted and logged, nobody is rejected\n"
                     "        limit_conn_dry_run on;\n");
    for (size_t i = 0; i < r->n_rate; i++) {
        const struct rule_rate *rate = &r->rate[i];
        const char *name = carrier_names[rate->carrier];
        buf_printf(out, "        limit_req zone=spanwise_%s", name);
        if (rate->nginx_burst)
            buf_printf(out, " burst=%" PRIu64, rate->nginx_burst);
        buf_printf(out, " nodelay;\n        limit_conn spanwise_%s_conn %" PRIu64 ";\n", name, rate->at_once);
    }
}

/* ---- what may be kept ---- */

/* A number for each set of credentials that rules let through. */
static unsigned set_of(const struct rule_cache *c)
{
    return (unsigned)c->carrier[0] | (unsigned)c->carrier[1] << 1 | (unsigned)c->carrier[2] << 2 |
           (unsigned)c->needed << 3;
}

/* Whether there are credentials that such a rule does not let through. */
static bool has_other(const struct rules *r, unsigned set)
{
    return (set & 7) != 7 || *r->order.key_field || *r->order.session_cookie;
}

static void write_credentials(const struct rules *r, unsigned set, struct buf *out)
{
    if (has_other(r, set)) {
        buf_str(out, "    map \"");
        for (unsigned i = 0; i < 3; i++)
            if (!(set >> i & 1))
                buf_str(out, credential[i]);
        write_key_fields(r, false, out);
        if (*r->order.session_cookie)
            buf_str(out, "$spanwise_stranger");
        buf_printf(out, "\" $spanwise_other_%u {\n        \"\" 0;\n        default 1;\n    }\n", set);
    }
    if (!(set & 8))
        return;
    buf_str(out, "    map \"");
    for (unsigned i = 0; i < 3; i++)
        if (set >> i & 1)
            buf_str(out, credential[i]);
    buf_printf(out, "\" $spanwise_without_%u {\n        \"\" 1;\n        default 0;\n    }\n", set);
}

/* One folder a lifetime: how long what nobody asks for stays depends on it. */
static void write_zone(const struct rules *r, const struct policy_options *o, uint32_t ttl, struct buf *out)
{
    struct policy_room room = policy_room(r, ttl, FILE_BYTES);
    buf_printf(out,
               "    proxy_cache_path %s/spanwise_%" PRIu32 "s levels=1:2 keys_zone=spanwise_%" PRIu32 "s:%" PRIu64
               "m max_size=%" PRIu64 "m inactive=%" PRIu32 "s use_temp_path=off;\n",
               o->state, ttl, ttl, 10 + 2 * room.entries / KEYS_PER_MB, room.megabytes, ttl * 2);
}

/* Another session than the one that clients are told by. */
static void write_stranger(const struct rules *r, struct buf *out)
{
    if (!*r->order.session_cookie)
        return;
    buf_str(out, "    map $http_cookie $spanwise_stranger {\n        \"~(^|;)[ \\t]*");
    rules_session(r, out);
    buf_str(out, "[^;]\" \"\";\n        \"~*" RULES_SESSION "\" 1;\n        default \"\";\n    }\n");
}

static void write_zones(const struct rules *r, const struct policy_options *o, struct buf *out)
{
    buf_str(out, "\n    # Only a path that reads the same decoded is kept.\n"
                 "    map $request_uri $spanwise_unplain {\n"
                 "        \"~^[^?]*/[.][.]?(/|[?]|$)\" 1;\n"
                 "        \"~^(/[A-Za-z0-9._~:@-]+)*/?([?].*)?$\" 0;\n"
                 "        default 1;\n"
                 "    }\n"
                 "    # What the API says must not be kept is not, whatever its lifetime.\n"
                 "    map \"$upstream_http_cache_control,$sent_http_cache_control\" $spanwise_private {\n"
                 "        \"~*private\" 1;\n"
                 "        default 0;\n"
                 "    }\n"
                 "    map \"$upstream_http_cache_control,$sent_http_cache_control\" $spanwise_forbidden {\n"
                 "        \"~*(private|no-store)\" 1;\n"
                 "        default 0;\n"
                 "    }\n");
    write_stranger(r, out);
    bool done[16] = {false};
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_cache *c = &r->cache[i];
        bool first = !c->pass;
        for (size_t k = 0; k < i && first; k++)
            first = r->cache[k].pass || r->cache[k].ttl_s != c->ttl_s;
        if (first)
            write_zone(r, o, c->ttl_s, out);
        if (!c->pass && !done[set_of(c)])
            write_credentials(r, set_of(c), out);
        done[set_of(c)] |= !c->pass;
    }
}

/* ---- services ---- */

static void write_upstream(const struct rule_service *s, struct buf *out)
{
    buf_str(out, "\n    upstream spanwise_");
    buf_slice(out, s->id);
    buf_str(out, " {\n");
    for (unsigned i = 0; i < s->n_servers; i++) {
        bool six = slice_find(s->server[i].host, ':', 0) < s->server[i].host.n;
        buf_str(out, six ? "        server [" : "        server ");
        buf_slice(out, s->server[i].host);
        buf_printf(out, "%s:%u;\n", six ? "]" : "", s->server[i].port);
    }
    buf_str(out, "        keepalive 32;\n    }\n");
}

static void write_pass(const struct rule_service *s, const char *indent, struct buf *out)
{
    buf_printf(out, "%sproxy_pass %s://spanwise_", indent, s->parts.tls ? "https" : "http");
    buf_slice(out, s->id);
    buf_str(out, ";\n");
}

static void say_refresh(const struct rule_figures *f, struct buf *out)
{
    buf_printf(
        out,
        "        # %.2f %% come while the answer is being fetched: one request renews it, the others get the old "
        "copy;\n"
        "        # the API is spared what is said above, and up to %.2f %% more get an answer past its lifetime\n",
        100 * facts_ratio(f->coalesced, f->lookups), 100 * (1 - facts_ratio(f->hits, f->lookups)));
}

static void write_cache(const struct rules *r, const struct rule_cache *c, struct buf *out)
{
    const struct rule_service *s = &r->services[c->service];
    unsigned set = set_of(c);
    struct buf pass = {0};
    buf_char(out, '\n');
    policy_say_cache(r, c, "        # ", out);
    if (!c->pass && c->refresh)
        say_refresh(&c->figures, out);
    buf_str(out, "        location ~ \"^");
    plain_pattern(&c->route, out);
    buf_str(out, "$\" {\n");
    write_pass(s, "            ", out);
    if (c->pass) {
        buf_str(out, "        }\n");
        return;
    }
    buf_str(&pass, "$spanwise_unplain");
    if (has_other(r, set))
        buf_printf(&pass, " $spanwise_other_%u", set);
    if (set & 8)
        buf_printf(&pass, " $spanwise_without_%u", set);
    buf_char(&pass, 0);
    buf_printf(out, "            proxy_cache spanwise_%" PRIu32 "s;\n            proxy_cache_key \"", c->ttl_s);
    buf_slice(out, s->name);
    buf_printf(out,
               "$request_uri\";\n"
               "            proxy_cache_valid 200 203 204 300 301 308 %" PRIu32 "s;\n"
               "            proxy_ignore_headers Cache-Control Expires X-Accel-Expires;\n"
               "            proxy_cache_bypass %s;\n"
               "            proxy_no_cache %s %s;\n"
               "            proxy_cache_lock %s;\n",
               c->ttl_s, pass.failed ? "1" : pass.p, pass.failed ? "1" : pass.p,
               c->override ? "$spanwise_private" : "$spanwise_forbidden", c->refresh ? "on" : "off");
    if (c->refresh)
        buf_str(out, "            proxy_cache_use_stale updating;\n            proxy_cache_background_update on;\n");
    buf_str(out, "            add_header X-Cache $upstream_cache_status;\n        }\n");
    buf_free(&pass);
}

/* nginx tells servers of one port apart by host name alone: the busiest of a host stands for it. */
static bool stands_for_host(const struct rules *r, size_t i)
{
    for (size_t k = 0; k < r->n_services; k++) {
        const struct rule_service *a = &r->services[k], *b = &r->services[i];
        if (k != i && slice_eq(a->parts.host, b->parts.host) &&
            (a->requests > b->requests || (a->requests == b->requests && k < i)))
            return false;
    }
    return true;
}

static void write_settings(const struct rules *r, struct buf *out)
{
    unsigned wait = r->longest_s > 30 && r->longest_s < 43200 ? (unsigned)ceil(2 * r->longest_s) : 60;
    buf_printf(out,
               "        client_max_body_size 0;\n"
               "        proxy_http_version 1.1;\n"
               "        proxy_read_timeout %us;\n"
               "        proxy_set_header Host $http_host;\n"
               "        proxy_set_header Upgrade $http_upgrade;\n"
               "        proxy_set_header Connection $spanwise_connection;\n"
               "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n",
               wait);
}

static void write_server(const struct rules *r, size_t i, const struct policy_options *o, struct buf *out)
{
    const struct rule_service *s = &r->services[i];
    buf_printf(out, "\n    server {\n        listen %s;\n        server_name ", o->listen);
    buf_slice(out, s->parts.host);
    buf_str(out, ";\n");
    write_settings(r, out);
    if (s->parts.tls) {
        buf_str(out, "        proxy_ssl_server_name on;\n        proxy_ssl_name ");
        buf_slice(out, s->parts.host);
        buf_str(out, ";\n");
    }
    apply_limits(r, o, out);
    buf_str(out, "        location / {\n");
    write_pass(s, "            ", out);
    buf_str(out, "        }\n");
    for (size_t k = 0; k < r->n_cache; k++)
        if (r->cache[k].service == i && s->cached)
            write_cache(r, &r->cache[k], out);
    buf_str(out, "    }\n");
}

static void write_common(const struct policy_options *o, struct buf *out)
{
    buf_str(out, "\n    # What no rule names is passed on as it is.\n"
                 "    map $http_upgrade $spanwise_connection {\n"
                 "        \"\" \"\";\n"
                 "        default upgrade;\n"
                 "    }\n");
    if (!o->fragment)
        buf_printf(out,
                   "\n    # A host that was not seen is nobody's.\n"
                   "    server {\n        listen %s default_server;\n        return 421;\n    }\n",
                   o->listen);
}

static void write_file(struct rules *r, const struct policy_options *o, struct buf *out)
{
    bool cached = false;
    policy_head(r, "nginx",
                o->fragment ? "Include it in http {}. Check: nginx -t" : "Check: nginx -t -c FILE (the full path)",
                out);
    if (!o->fragment)
        buf_str(out, "worker_processes auto;\nevents {\n    worker_connections 4096;\n}\nhttp {\n    access_log off;\n"
                     "    server_names_hash_bucket_size 512;\n"
                     "    server_names_hash_max_size 4096;\n"
                     "    map_hash_bucket_size 256;\n");
    write_identity(r, out);
    write_zones_of_limits(r, out);
    for (size_t i = 0; i < r->n_services; i++)
        cached |= r->services[i].cached;
    if (cached)
        write_zones(r, o, out);
    write_common(o, out);
    for (size_t i = 0; i < r->n_services; i++)
        if (stands_for_host(r, i)) {
            write_upstream(&r->services[i], out);
            write_server(r, i, o, out);
        } else {
            rules_leave(r, r->services[i].name, "nginx tells services of one host and several ports not apart");
        }
    if (!o->fragment)
        buf_str(out, "}\n");
}

static void say_limit(const struct rule_rate *rate, struct buf *out)
{
    buf_printf(out, "nginx:%" PRIu64 "r/%c:%" PRIu64 ":nodelay", rate->nginx_rate, rate->per_minute ? 'm' : 's',
               rate->nginx_burst);
}

extern const struct policy_product policy_nginx;
const struct policy_product policy_nginx = {.name = "nginx",
                                            .help = "proxy_cache, limit_req, limit_conn",
                                            .check = "nginx -t -c FILE",
                                            .profile = "nginx",
                                            .caches = true,
                                            .limits = true,
                                            .servers = true,
                                            .heeds = POLICY_HEEDS_LISTEN | POLICY_HEEDS_STATE | POLICY_HEEDS_DRY_RUN |
                                                     POLICY_HEEDS_FRAGMENT,
                                            .tls = true,
                                            .renews = true,
                                            .write = write_file,
                                            .limit = say_limit};
