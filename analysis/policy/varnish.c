/* varnish: cache rules as VCL 4.1. What Varnish does unless told not to, and what is told here:
 * - its own rules pass requests with Authorization or Cookie, also where they were seen not to matter: vcl_recv always
 *   decides itself, by each rule's credentials, and what no rule names passes;
 * - it keeps what declares no lifetime for 120 s and gives copies out for 10 s longer: lifetime and grace are set by
 * the rule, grace to 0, for which the figures hold;
 * - an answer that may not be kept makes the next ones wait in line: such keys are marked for two seconds;
 * - hosts are compared as they are written: the key is made in lower case, without the port that the scheme has anyway.
 */
#include <inttypes.h>

#include "analysis/policy/policy.h"

enum { ENTRY_BYTES = 2048 }; /* of a copy besides its body */

static void write_backends(const struct rules *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_services; i++) {
        const struct rule_service *s = &r->services[i];
        for (unsigned k = 0; k < s->n_servers; k++) {
            buf_str(out, "backend spanwise_");
            buf_slice(out, s->id);
            buf_printf(out, "_Z%u {\n    .host = \"", k + 1);
            buf_slice(out, s->server[k].host);
            buf_printf(out, "\";\n    .port = \"%u\";\n}\n", s->server[k].port);
        }
    }
    buf_str(out, "\nsub vcl_init {\n");
    for (size_t i = 0; i < r->n_services; i++) {
        const struct rule_service *s = &r->services[i];
        buf_str(out, "    new spanwise_");
        buf_slice(out, s->id);
        buf_str(out, " = directors.round_robin();\n");
        for (unsigned k = 0; k < s->n_servers; k++) {
            buf_str(out, "    spanwise_");
            buf_slice(out, s->id);
            buf_str(out, ".add_backend(spanwise_");
            buf_slice(out, s->id);
            buf_printf(out, "_Z%u);\n", k + 1);
        }
    }
    buf_str(out, "}\n\n");
}

static void write_host(const struct rule_service *s, const char *request, struct buf *out)
{
    buf_printf(out, "%s.http.host == \"", request);
    buf_slice(out, s->parts.authority);
    buf_char(out, '"');
}

/* host && url ~ pattern */
static void write_match(const struct rules *r, const struct rule_cache *c, const char *request, struct buf *out)
{
    write_host(&r->services[c->service], request, out);
    buf_printf(out, " && %s.url ~ \"^", request);
    plain_pattern(&c->route, out);
    buf_str(out, "([?].*)?$\"");
}

static void write_keys(const struct rules *r, bool read, struct buf *out)
{
    const char *field;
    for (unsigned n = 0; (field = rules_key_field(r, read, n)); n++)
        buf_printf(out, "%sreq.http.%s", n ? " || " : "", field);
}

/* That a request has one of the credentials that are let through, or one that is not. */
static void write_credentials(const struct rules *r, const struct rule_cache *c, bool allowed, struct buf *out)
{
    static const char *const fields[] = {
        [CARRIER_AUTHORIZATION] = "req.http.authorization", [CARRIER_COOKIE] = "req.http.cookie"};
    const char *between = "";
    for (int i = 0; i <= CARRIER_COOKIE; i++) {
        if (c->carrier[i] != allowed)
            continue;
        buf_str(out, between);
        between = " || ";
        if (i != CARRIER_APIKEY) {
            buf_str(out, fields[i]);
            continue;
        }
        write_keys(r, true, out);
        if (!*r->order.key_field)
            buf_str(out, " || req.url ~ \"(?i)[?&](api_key|apikey|key)=\"");
    }
    if (!allowed && *r->order.key_field) {
        buf_str(out, between);
        between = " || ";
        write_keys(r, false, out);
    }
    if (!allowed && *r->order.session_cookie) { /* another session than the one that clients are told by */
        buf_printf(out, "%s(req.http.cookie ~ \"(?i)" RULES_SESSION "\" && req.http.cookie !~ \"(^|;)[ \t]*", between);
        rules_session(r, out);
        buf_str(out, "[^;]\")");
    }
}

/* Requests with other credentials than those seen not to matter pass; where one is needed, those without, too. */
static void write_decision(const struct rules *r, const struct rule_cache *c, struct buf *out)
{
    if (c->pass) {
        buf_str(out, "        return (pass);\n");
        return;
    }
    bool all = c->carrier[CARRIER_APIKEY] && c->carrier[CARRIER_AUTHORIZATION] && c->carrier[CARRIER_COOKIE];
    if (!all || *r->order.key_field || *r->order.session_cookie) {
        buf_str(out, "        if (");
        write_credentials(r, c, false, out);
        buf_str(out, ") {\n            return (pass);\n        }\n");
    }
    if (c->needed) {
        buf_str(out, "        if (!(");
        write_credentials(r, c, true, out);
        buf_str(out, ")) {\n            return (pass);\n        }\n");
    }
    buf_str(out, "        return (hash);\n");
}

static void write_routing(const struct rules *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_services; i++) {
        buf_str(out, i ? " elsif (" : "    if (");
        write_host(&r->services[i], "req", out);
        buf_str(out, ") {\n        set req.backend_hint = spanwise_");
        buf_slice(out, r->services[i].id);
        buf_str(out, ".backend();\n    }");
    }
    buf_printf(out, "%sreturn (synth(421));%s\n", r->n_services ? " else {\n        " : "    ",
               r->n_services ? "\n    }" : "");
}

static void write_recv(const struct rules *r, const struct policy_options *o, struct buf *out)
{
    buf_str(out, "sub vcl_recv {\n"
                 "    set req.http.host = regsub(std.tolower(req.http.host), \":80$\", \"\");\n");
    if (!o->fragment)
        write_routing(r, out);
    buf_str(out,
            "    if (req.method == \"PURGE\") {\n"
            "        if (client.ip !~ spanwise_purgers) {\n"
            "            return (synth(405));\n"
            "        }\n"
            "        return (purge);\n"
            "    }\n"
            "    if (req.http.upgrade ~ \"(?i)websocket\") {\n"
            "        return (pipe);\n"
            "    }\n"
            "    if ((req.method != \"GET\" && req.method != \"HEAD\") || req.url ~ \"^[^?]*/[.][.]?(/|[?]|$)\") {\n"
            "        return (pass);\n"
            "    }\n");
    for (size_t i = 0; i < r->n_cache; i++) {
        if (!r->services[r->cache[i].service].cached)
            continue;
        policy_say_cache(r, &r->cache[i], "    # ", out);
        buf_str(out, "    if (");
        write_match(r, &r->cache[i], "req", out);
        buf_str(out, ") {\n");
        write_decision(r, &r->cache[i], out);
        buf_str(out, "    }\n");
    }
    buf_str(out, "    return (pass);\n}\n\n");
}

static void write_lifetime(const struct rules *r, const struct rule_cache *c, struct buf *out)
{
    buf_str(out, "    if (");
    write_match(r, c, "bereq", out);
    buf_str(out, ") {\n");
    if (!c->override)
        buf_str(out, "        if (beresp.http.cache-control ~ \"(?i)no-store\") {\n"
                     "            set beresp.ttl = 2s;\n"
                     "            set beresp.uncacheable = true;\n"
                     "            return (deliver);\n"
                     "        }\n");
    buf_printf(out,
               "        set beresp.ttl = %" PRIu32 "s;\n"
               "        set beresp.grace = 0s;\n"
               "        set beresp.keep = 0s;\n"
               "        return (deliver);\n"
               "    }\n",
               c->ttl_s);
}

static void write_response(const struct rules *r, struct buf *out)
{
    buf_str(out, "sub vcl_backend_response {\n"
                 "    if (bereq.uncacheable) {\n"
                 "        return (deliver);\n"
                 "    }\n"
                 "    # What the API marks as one client's own, and what is no answer, is not kept.\n"
                 "    set beresp.grace = 0s;\n"
                 "    if (beresp.http.set-cookie || beresp.http.cache-control ~ \"(?i)private\" || beresp.http.vary ~ "
                 "\"[*]\" || (beresp.status != 200 && beresp.status != 203 && beresp.status != 204 && beresp.status "
                 "!= 300 && beresp.status != 301 && beresp.status != 308)) {\n"
                 "        set beresp.ttl = 2s;\n"
                 "        set beresp.uncacheable = true;\n"
                 "        return (deliver);\n"
                 "    }\n");
    for (size_t i = 0; i < r->n_cache; i++)
        if (!r->cache[i].pass)
            write_lifetime(r, &r->cache[i], out);
    buf_str(out, "    set beresp.ttl = 2s;\n"
                 "    set beresp.uncacheable = true;\n"
                 "    return (deliver);\n}\n\n"
                 "sub vcl_deliver {\n"
                 "    if (obj.hits > 0) {\n"
                 "        set resp.http.X-Cache = \"HIT\";\n"
                 "    } else {\n"
                 "        set resp.http.X-Cache = \"MISS\";\n"
                 "    }\n}\n");
}

static void write_file(struct rules *r, const struct policy_options *o, struct buf *out)
{
    size_t n = 0;
    policy_head(r, "Varnish",
                o->fragment
                    ? "Include it before vcl_recv of your own; backends are yours to choose."
                    : "Check: varnishd -C -f FILE (the full path; varnishd reads it as user vcache, unless -j none)",
                out);
    buf_printf(out, "# The copies need room: varnishd -s malloc,%" PRIu64 "m\n",
               policy_room(r, 0, ENTRY_BYTES).megabytes);
    if (!o->fragment)
        buf_str(out, "vcl 4.1;\nimport directors;\n");
    buf_str(out, "import std;\n\n"
                 "# Who may purge: PURGE with the Host and the path drops the copy.\n"
                 "acl spanwise_purgers {\n    \"127.0.0.1\";\n    \"::1\";\n}\n\n");
    for (size_t i = 0; i < r->n_services && !o->fragment; i++)
        n += !r->services[i].parts.tls;
    if (!o->fragment && n)
        write_backends(r, out);
    else if (!o->fragment)
        buf_str(out, "backend default none;\n\n");
    write_recv(r, o, out);
    write_response(r, out);
}

extern const struct policy_product policy_varnish;
const struct policy_product policy_varnish = {.name = "varnish",
                                              .help = "VCL 4.1: cache rules",
                                              .check = "varnishd -C -f FILE",
                                              .profile = "varnish",
                                              .caches = true,
                                              .purges = true,
                                              .servers = true,
                                              .heeds = POLICY_HEEDS_FRAGMENT,
                                              .write = write_file};
