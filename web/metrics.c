#include "web/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/report/facts.h"
#include "base/hist.h"
#include "base/utf8.h"

/* TTLs of the ladder whose ratios are published. */
static const uint32_t ttls[] = {1, 10, 60, 300, 3600};
enum { TTLS = sizeof ttls / sizeof *ttls };

struct metrics {
    struct buf *out;
    bool openmetrics;
};

/* OpenMetrics names a counter's family without the "_total" of its samples. */
static void family(const struct metrics *m, const char *name, const char *type, const char *help)
{
    int n = (int)strlen(name);
    if (m->openmetrics && n > 6 && !strcmp(type, "counter"))
        n -= 6;
    buf_printf(m->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", n, name, help, n, name, type);
}

/* A label: backslash, quote and line feed are escaped; other controls are shown as blanks, what is no UTF-8 as U+FFFD.
 */
static void label(const struct metrics *m, const char *name, struct slice v, bool first)
{
    struct buf *out = m->out;
    buf_printf(out, "%s%s=\"", first ? "" : ",", name);
    while (v.n) {
        unsigned char c = (unsigned char)v.p[0];
        size_t n = utf8_length((const unsigned char *)v.p, v.n);
        if (!n)
            buf_str(out, "\xef\xbf\xbd");
        else if (c == '\n')
            buf_str(out, "\\n");
        else if (c == '\\' || c == '"')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_char(out, ' ');
        else
            buf_add(out, v.p, n);
        v = slice_sub(v, n ? n : 1, v.n);
    }
    buf_char(out, '"');
}

static void number(const struct metrics *m, double v)
{
    if (isnan(v))
        buf_str(m->out, " NaN\n");
    else
        buf_printf(m->out, " %.9g\n", v);
}

static void plain(const struct metrics *m, const char *name, const char *type, const char *help, uint64_t v)
{
    family(m, name, type, help);
    buf_printf(m->out, "%s %" PRIu64 "\n", name, v);
}

/* ---- the audit as a whole ---- */

static void totals(const struct metrics *m, struct store_reader *r)
{
    static const struct {
        const char *counter, *name, *type, *help;
    } table[] = {
        {"exchanges", "spanwise_exchanges_total", "counter", "Requests and answers seen, paired or not."},
        {"complete", "spanwise_exchanges_complete_total", "counter", "Exchanges with a complete answer."},
        {"unanswered", "spanwise_exchanges_unanswered_total", "counter", "Requests without an answer."},
        {"orphan_responses", "spanwise_orphan_responses_total", "counter", "Answers whose request was not captured."},
        {"eligible", "spanwise_eligible_total", "counter", "GET or HEAD with a complete answer."},
        {"late_records", "spanwise_late_records_total", "counter", "Exchanges that came out of order."},
        {"request_bytes", "spanwise_request_bytes_total", "counter", "Body octets of requests."},
        {"response_bytes", "spanwise_response_bytes_total", "counter", "Body octets of answers."},
        {"keys", "spanwise_keys", "gauge", "Distinct cache keys among the eligible."},
        {"clients", "spanwise_clients", "gauge", "Distinct clients."},
        {"services", "spanwise_services", "gauge", "Distinct services."}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        plain(m, table[i].name, table[i].type, table[i].help, store_read_counter(r, "total", table[i].counter));
}

static void capture(const struct metrics *m, struct store_reader *r)
{
    struct row_capture c;
    bool any = store_read_capture(r, &c);
    plain(m, "spanwise_capture_live", "gauge", "1 while capturing.", any && c.live && !c.ended);
    if (any && c.ended_us != INT64_MIN) {
        family(m, "spanwise_capture_last_packet_timestamp_seconds", "gauge",
               "Packet time of the newest packet or record.");
        buf_printf(m->out, "spanwise_capture_last_packet_timestamp_seconds %.6f\n", (double)c.ended_us / 1e6);
    }
    if (!any || c.from_records)
        return;
    plain(m, "spanwise_packets_total", "counter", "Frames read.", c.packets);
    plain(m, "spanwise_captured_bytes_total", "counter", "Their bytes on the wire.", c.bytes);
    plain(m, "spanwise_kernel_dropped_packets_total", "counter",
          "Packets lost in the kernel before they could be read.", c.kernel_dropped);
    plain(m, "spanwise_interface_dropped_packets_total", "counter", "Packets lost on the interface.",
          c.interface_dropped);
    plain(m, "spanwise_unparsed_packets_total", "counter", "Frames that could not be read.", c.unparsed_packets);
    plain(m, "spanwise_flows_total", "counter", "TCP connections.", c.flows);
    plain(m, "spanwise_gap_bytes_total", "counter", "Bytes of connections that were not captured.", c.gap_bytes);
    plain(m, "spanwise_stream_bytes_total", "counter", "Bytes of connections that were captured in order.",
          c.stream_bytes);
}

struct by_name {
    const struct metrics *m;
    const char *what, *name, *label;
};

static bool named(void *context, const struct row_counter *row)
{
    const struct by_name *b = context;
    if (strcmp(row->what, b->what) != 0)
        return true;
    buf_printf(b->m->out, "%s{", b->name);
    label(b->m, b->label, row->name, true);
    buf_printf(b->m->out, "} %" PRIu64 "\n", row->value);
    return true;
}

static void counters(const struct metrics *m, struct store_reader *r)
{
    struct by_name tables[] = {{m, "status", "spanwise_responses_total", "status"},
                               {m, "protocol", "spanwise_exchanges_by_protocol_total", "protocol"},
                               {m, "opaque", "spanwise_flows_opaque_total", "reason"}};
    static const char *const help[] = {"Answers by status.", "Exchanges by protocol.",
                                       "Connections that were not decoded, by reason."};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        family(m, tables[i].name, "counter", help[i]);
        store_read_counters(r, named, &tables[i]);
    }
}

/* ---- the busiest endpoints: families want their samples together, so rows are kept ---- */

struct line {
    struct buf labels;
    uint64_t requests, errors, bytes;
    double repeat, hit[TTLS], stale[TTLS], quantile[3];
    bool has_ttl[TTLS];
    uint64_t latency_n, latency_sum_us;
};

struct lines {
    const struct metrics *m;
    struct line *line;
    size_t n;
};

static void latency(struct line *l, struct slice blob)
{
    struct hist_dense h;
    bool known = hist_read(blob, &h) && h.n;
    l->latency_n = known ? h.n : 0;
    l->latency_sum_us = known ? h.sum : 0;
    static const double q[3] = {.5, .95, .99};
    for (int i = 0; i < 3; i++)
        l->quantile[i] = known ? hist_quantile(&h, q[i]) / 1e6 : NAN;
}

static bool keep(void *context, const struct row_endpoint *e)
{
    struct lines *all = context;
    if (all->n == METRICS_ENDPOINTS)
        return false;
    struct line *l = &all->line[all->n++];
    struct metrics to = {&l->labels, all->m->openmetrics};
    buf_printf(&l->labels, "id=\"%" PRIu32 "\",",
               e->id); /* names that differ in unprintable bytes alone must not become one */
    label(&to, "method", e->method, true);
    label(&to, "service", e->service, false);
    label(&to, "route", e->route, false);
    if (e->operation.n)
        label(&to, "operation", e->operation, false);
    l->requests = e->requests;
    l->errors = e->errors;
    l->bytes = e->response_bytes;
    l->repeat = facts_repeat_ratio(e->keys, e->eligible);
    for (int i = 0; i < TTLS; i++) {
        const struct row_rung *r = facts_rung(e, ttls[i]);
        l->has_ttl[i] = r && r->lookups;
        l->hit[i] = l->has_ttl[i] ? facts_hit_ratio(r) : NAN;
        l->stale[i] = l->has_ttl[i] ? facts_stale_ratio(r) : NAN;
    }
    latency(l, e->latency);
    return true;
}

static void sample(const struct lines *all, size_t i, const char *name)
{
    buf_printf(all->m->out, "%s{%.*s}", name, (int)all->line[i].labels.n, all->line[i].labels.p);
}

static void ratios(const struct lines *all, const char *name, const char *help, bool stale)
{
    family(all->m, name, "gauge", help);
    for (size_t i = 0; i < all->n; i++)
        for (int t = 0; t < TTLS; t++) {
            const struct line *l = &all->line[i];
            if (!l->has_ttl[t])
                continue;
            buf_printf(all->m->out, "%s{%.*s,ttl=\"%" PRIu32 "\"}", name, (int)l->labels.n, l->labels.p, ttls[t]);
            number(all->m, stale ? l->stale[t] : l->hit[t]);
        }
}

static void latencies(const struct lines *all)
{
    static const char *const q[3] = {"0.5", "0.95", "0.99"}, name[] = "spanwise_endpoint_latency_seconds";
    struct buf *out = all->m->out;
    family(all->m, name, "summary", "First byte of the request to last byte of the answer, complete exchanges.");
    for (size_t i = 0; i < all->n; i++) {
        const struct line *l = &all->line[i];
        for (int k = 0; k < 3; k++) {
            buf_printf(out, "%s{%.*s,quantile=\"%s\"}", name, (int)l->labels.n, l->labels.p, q[k]);
            number(all->m, l->quantile[k]);
        }
        buf_printf(out, "%s_sum{%.*s} %.6f\n", name, (int)l->labels.n, l->labels.p, (double)l->latency_sum_us / 1e6);
        buf_printf(out, "%s_count{%.*s} %" PRIu64 "\n", name, (int)l->labels.n, l->labels.p, l->latency_n);
    }
}

static void counts(const struct lines *all, const char *name, const char *help, size_t field)
{
    family(all->m, name, "counter", help);
    for (size_t i = 0; i < all->n; i++) {
        sample(all, i, name);
        buf_printf(all->m->out, " %" PRIu64 "\n",
                   *(const uint64_t *)(const void *)((const char *)&all->line[i] + field));
    }
}

static void endpoints(const struct metrics *m, struct store_reader *r)
{
    struct lines all = {m, calloc(METRICS_ENDPOINTS, sizeof(struct line)), 0};
    if (!all.line) {
        m->out->failed = true;
        return;
    }
    store_read_endpoints(r, keep, &all);
    counts(&all, "spanwise_endpoint_requests_total", "Requests of the 50 busiest endpoints.",
           offsetof(struct line, requests));
    counts(&all, "spanwise_endpoint_errors_total", "Status 500 and above, 429, no answer.",
           offsetof(struct line, errors));
    counts(&all, "spanwise_endpoint_response_bytes_total", "Body octets of answers.", offsetof(struct line, bytes));
    family(m, "spanwise_endpoint_repeat_ratio", "gauge", "Share of eligible requests that repeat an earlier one.");
    for (size_t i = 0; i < all.n; i++) {
        sample(&all, i, "spanwise_endpoint_repeat_ratio");
        number(m, all.line[i].repeat);
    }
    ratios(&all, "spanwise_endpoint_hit_ratio",
           "Share of requests that a cache with this TTL (seconds) would have answered.", false);
    ratios(&all, "spanwise_endpoint_stale_ratio", "Share of those answers that would have been out of date.", true);
    latencies(&all);
    for (size_t i = 0; i < all.n; i++)
        buf_free(&all.line[i].labels);
    free(all.line);
}

void metrics_write(struct store_reader *r, bool openmetrics, struct buf *out)
{
    struct metrics m = {out, openmetrics};
    plain(&m, "spanwise_schema", "gauge", "Version of the report's schema.", store_read_schema(r));
    totals(&m, r);
    capture(&m, r);
    counters(&m, r);
    endpoints(&m, r);
    if (openmetrics)
        buf_str(out, "# EOF\n");
}
