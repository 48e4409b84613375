/* envoy: its local rate limit, a bucket a service that all clients share. What Envoy does unless told not to: the
 * filter is off and enforces nothing (both shares default to 0 %), so both are written; --dry-run enforces 0 %: a
 * shadow. The bucket is filled by a timer, so it is one filling deeper than the arrivals need. */
#include <inttypes.h>
#include <math.h>

#include "analysis/policy/policy.h"

struct bucket {
    uint64_t most, fill, seconds;
};

/* Of arrivals within the envelope (rate, burst) none finds it empty: fillings of at least rate * interval, and a depth
 * of the burst and one filling. */
static struct bucket bucket_of(const struct rule_service *s)
{
    struct bucket b = {.seconds = s->rate < 1 ? (uint64_t)fmax(1, floor(1 / s->rate)) : 1};
    b.fill = (uint64_t)ceil(s->rate * (double)b.seconds - 1e-9);
    b.fill = b.fill ? b.fill : 1;
    b.most = s->burst + b.fill;
    return b;
}

static void write_share(const char *name, unsigned percent, struct buf *out)
{
    buf_printf(out,
               "                          %s:\n"
               "                            runtime_key: spanwise.%s\n"
               "                            default_value:\n"
               "                              numerator: %u\n"
               "                              denominator: HUNDRED\n",
               name, name, percent);
}

static void write_limit(const struct rules *r, const struct rule_service *s, bool dry_run, struct buf *out)
{
    struct bucket b = bucket_of(s);
    policy_say_service_rate(r, s, "                      # ", out);
    buf_str(out, "                      typed_per_filter_config:\n"
                 "                        envoy.filters.http.local_ratelimit:\n"
                 "                          \"@type\": "
                 "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit\n"
                 "                          stat_prefix: spanwise_");
    buf_slice(out, s->id);
    buf_printf(out,
               "\n                          token_bucket:\n"
               "                            max_tokens: %" PRIu64 "\n"
               "                            tokens_per_fill: %" PRIu64 "\n"
               "                            fill_interval: %" PRIu64 "s\n",
               b.most, b.fill, b.seconds);
    write_share("filter_enabled", 100, out);
    write_share("filter_enforced", dry_run ? 0 : 100, out);
}

static void list_doubted(struct rules *r)
{
    for (size_t i = 0; i < r->n_services; i++)
        if (policy_stands(r, i) && !isnan(r->services[i].rate) && r->services[i].doubt && !r->options.force)
            rules_leave(r, r->services[i].name, r->services[i].doubt);
}

static void write_hosts(struct rules *r, const struct policy_options *o, struct buf *out)
{
    for (size_t i = 0; i < r->n_services; i++) {
        const struct rule_service *s = &r->services[i];
        bool own = slice_eq(s->parts.host, s->parts.authority);
        if (!policy_stands(r, i)) {
            rules_leave(r, s->name, POLICY_STANDS_NOT);
            continue;
        }
        buf_str(out, "                    - name: spanwise_");
        buf_slice(out, s->id);
        buf_str(out, "\n                      domains: [\"");
        buf_slice(out, s->parts.authority);
        if (own) {
            buf_str(out, "\", \"");
            buf_slice(out, s->parts.host);
            buf_str(out, s->parts.tls ? ":443" : ":80");
        }
        buf_str(out, "\"]\n                      routes:\n                        - match: {prefix: \"/\"}\n"
                     "                          route: {cluster: spanwise_");
        buf_slice(out, s->id);
        buf_str(out, ", timeout: 0s}\n");
        if (r->options.rate && !isnan(s->rate) && (!s->doubt || r->options.force))
            write_limit(r, s, o->dry_run, out);
    }
}

static void write_clusters(const struct rules *r, struct buf *out)
{
    buf_str(out, r->n_services ? "  clusters:\n" : "  clusters: []\n");
    for (size_t i = 0; i < r->n_services; i++) {
        const struct rule_service *s = &r->services[i];
        if (!policy_stands(r, i))
            continue;
        buf_str(out, "    - name: spanwise_");
        buf_slice(out, s->id);
        buf_str(out, "\n      type: STATIC\n      connect_timeout: 5s\n      load_assignment:\n"
                     "        cluster_name: spanwise_");
        buf_slice(out, s->id);
        buf_str(out, "\n        endpoints:\n          - lb_endpoints:\n");
        for (unsigned k = 0; k < s->n_servers; k++) {
            buf_str(out, "              - endpoint: {address: {socket_address: {address: \"");
            buf_slice(out, s->server[k].host);
            buf_printf(out, "\", port_value: %u}}}\n", s->server[k].port);
        }
        if (!s->parts.tls)
            continue;
        buf_str(out, "      transport_socket:\n        name: envoy.transport_sockets.tls\n        typed_config:\n"
                     "          \"@type\": "
                     "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n"
                     "          sni: \"");
        buf_slice(out, s->parts.host);
        buf_str(out, "\"\n");
    }
}

static const char before[] =
    "      filter_chains:\n"
    "        - filters:\n"
    "          - name: envoy.filters.network.http_connection_manager\n"
    "            typed_config:\n"
    "              \"@type\": "
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n"
    "              stat_prefix: spanwise\n"
    "              http_filters:\n"
    "                - name: envoy.filters.http.local_ratelimit\n"
    "                  typed_config:\n"
    "                    \"@type\": "
    "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit\n"
    "                    stat_prefix: spanwise\n"
    "                - name: envoy.filters.http.router\n"
    "                  typed_config:\n"
    "                    \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n"
    "              route_config:\n"
    "                name: spanwise\n";

static void write_file(struct rules *r, const struct policy_options *o, struct buf *out)
{
    struct slice host;
    uint16_t port;
    policy_head(r, "Envoy",
                o->fragment ? "Virtual hosts for a route_config; the local_ratelimit filter must be in http_filters."
                            : "Check: envoy --mode validate -c FILE",
                out);
    buf_str(out, "# No Envoy has run it: it was checked against a schema written from Envoy's documentation.\n");
    if (!policy_listen(slice_str(o->listen), &host, &port))
        return;
    if (!o->fragment) {
        buf_str(out,
                "static_resources:\n  listeners:\n    - name: spanwise\n      address: {socket_address: {address: \"");
        buf_slice(out, host);
        buf_printf(out, "\", port_value: %u}}\n", port);
        buf_str(out, before);
    }
    buf_str(out, r->n_services ? "                virtual_hosts:\n" : "                virtual_hosts: []\n");
    write_hosts(r, o, out);
    if (!o->fragment)
        write_clusters(r, out);
    if (r->options.rate)
        list_doubted(r);
}

static void say_limit(const struct rule_service *s, struct buf *out)
{
    struct bucket b = bucket_of(s);
    buf_printf(out, "envoy:%" PRIu64 ":%" PRIu64 ":%" PRIu64, b.most, b.fill, b.seconds);
}

extern const struct policy_product policy_envoy;
const struct policy_product policy_envoy = {.name = "envoy",
                                            .help = "local rate limits, one for all clients of a service",
                                            .check = "envoy --mode validate -c FILE",
                                            .profile = "exact",
                                            .limits = true,
                                            .servers = true,
                                            .heeds = POLICY_HEEDS_LISTEN | POLICY_HEEDS_DRY_RUN | POLICY_HEEDS_FRAGMENT,
                                            .tls = true,
                                            .write = write_file,
                                            .limit_all = say_limit};
