#include "tui/moment.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/report/saying.h"
#include "analysis/report/verdict.h"

struct reading {
    struct moment *m;
    struct facts facts;
    struct advice_list advice;
    struct buf scratch;
    bool failed;
};

static struct slice keep(struct reading *r, struct slice s)
{
    return kept_slice(&r->m->text, s);
}

static struct slice keep_scratch(struct reading *r)
{
    return kept_buf(&r->m->text, &r->scratch);
}

/* Room for one more in an array that has room for 16, 32, 64, … rows; NULL: out of memory. */
static void *grow(struct reading *r, void *array, uint32_t n, size_t unit)
{
    if (n && (n < 16 || n & (n - 1)))
        return array;
    void *p = realloc(array, (n ? (size_t)n * 2 : 16) * unit);
    r->failed |= p == NULL;
    return p;
}

static struct quantiles quantiles(struct slice blob)
{
    struct facts_quantiles q = facts_shown(facts_quantiles(blob));
    return (struct quantiles){q.p50, q.p95, q.p99, q.max};
}

static void work_out(struct moment_rung *r)
{
    r->hit = facts_ratio(r->hits, r->lookups);
    r->stale = facts_ratio(r->stale_hits, r->known_hits);
}

static void add_rungs(struct moment *m, struct moment_endpoint *e, const struct row_endpoint *row)
{
    for (int i = 0; i < LADDER_RUNGS; i++) {
        const struct row_rung *from = &row->ttl[i];
        struct moment_rung *to = &e->ttl[i], *sum = &m->ttl[i];
        *to = (struct moment_rung){.ttl_s = from->ttl_s,
                                   .lookups = from->lookups,
                                   .hits = from->hits,
                                   .stale_hits = from->stale_hits,
                                   .known_hits = from->hits - from->unknown_hits,
                                   .bytes_saved = from->bytes_saved,
                                   .server_s = (double)from->server_us_saved / 1e6};
        work_out(to);
        sum->ttl_s = to->ttl_s;
        sum->lookups += to->lookups;
        sum->hits += to->hits;
        sum->stale_hits += to->stale_hits;
        sum->known_hits += to->known_hits;
        sum->bytes_saved += to->bytes_saved;
        sum->server_s += to->server_s;
    }
}

static void name_endpoint(struct reading *r, struct moment_endpoint *e, const struct row_endpoint *row)
{
    static const struct slice plain = {"http://", 7};
    struct slice service = row->service;
    e->method = keep(r, row->method);
    e->service = keep(r, row->service);
    e->route = keep(r, row->route);
    e->operation = keep(r, row->operation);
    if (slice_starts(service, plain))
        service = slice_sub(service, plain.n, service.n);
    buf_slice(&r->scratch, row->method);
    buf_char(&r->scratch, ' ');
    buf_slice(&r->scratch, service);
    buf_slice(&r->scratch, row->route);
    struct slice operation = row_operation_apart(row);
    if (operation.n) {
        buf_str(&r->scratch, "#");
        buf_slice(&r->scratch, operation);
    }
    e->name = keep_scratch(r);
    e->place = slice_sub(e->name, row->method.n + 1, e->name.n);
    e->service_n = service.n;
}

static bool add_endpoint(void *context, const struct row_endpoint *row)
{
    struct reading *r = context;
    struct moment *m = r->m;
    struct moment_endpoint *all = grow(r, m->endpoint, m->endpoints, sizeof *all);
    if (!all)
        return false;
    m->endpoint = all;
    struct moment_endpoint *e = &all[m->endpoints++];
    *e = (struct moment_endpoint){.id = row->id,
                                  .requests = row->requests,
                                  .eligible = row->eligible,
                                  .keys = row->keys,
                                  .clients = row->clients,
                                  .request_bytes = row->request_bytes,
                                  .response_bytes = row->response_bytes,
                                  .errors = row->errors,
                                  .throttled = row->throttled,
                                  .unanswered = row->unanswered,
                                  .repeats_same = row->repeats_same,
                                  .observed_gaps = row->observed_gaps,
                                  .changes = row->changes,
                                  .repeat = facts_repeat_ratio(row->keys, row->eligible),
                                  .server_s = (double)row->server_us_total / 1e6,
                                  .latency = quantiles(row->latency),
                                  .server = quantiles(row->server_time)};
    name_endpoint(r, e, row);
    add_rungs(m, e, row);
    saying_of(row, &r->facts, advice_of_endpoint(&r->advice, row->id), &r->scratch);
    e->saying = keep_scratch(r);
    m->errors += row->errors;
    m->throttled += row->throttled;
    return !r->failed;
}

static void name_client(struct reading *r, struct moment_client *c, const struct row_client *row)
{
    c->client = keep(r, row->client);
    c->identity = keep(r, row->identity);
    c->addresses = keep(r, row->addresses);
    c->called = keep(r, row->name);
    buf_slice(&r->scratch, slice_sub(row->addresses, 0, slice_find(row->addresses, ',', 0)));
    if (row->n_addresses > 1)
        buf_printf(&r->scratch, " +%llu", (unsigned long long)(row->n_addresses - 1));
    c->address = keep_scratch(r);
    buf_slice(&r->scratch, row->client);
    buf_char(&r->scratch, ' ');
    buf_slice(&r->scratch, row->name);
    buf_char(&r->scratch, ' ');
    buf_slice(&r->scratch, row->addresses);
    c->name = keep_scratch(r);
}

static bool add_client(void *context, const struct row_client *row)
{
    struct reading *r = context;
    struct moment *m = r->m;
    struct moment_client *all = grow(r, m->client, m->clients, sizeof *all);
    if (!all)
        return false;
    m->client = all;
    struct moment_client *c = &all[m->clients++];
    *c = (struct moment_client){.id = row->id,
                                .n_addresses = row->n_addresses,
                                .requests = row->requests,
                                .bytes = row->bytes,
                                .errors = row->errors,
                                .throttled = row->throttled,
                                .peak_1s = row->peak_1s,
                                .peak_10s = row->peak_10s,
                                .peak_60s = row->peak_60s,
                                .sliding_1s = row->sliding_1s,
                                .sliding_10s = row->sliding_10s,
                                .burstiness = row->burstiness,
                                .poller_period_s = row->poller_period_s,
                                .first_us = row->first_us,
                                .last_us = row->last_us};
    memcpy(c->envelope_rate, row->envelope_rate, sizeof c->envelope_rate);
    memcpy(c->envelope_burst, row->envelope_burst, sizeof c->envelope_burst);
    name_client(r, c, row);
    return !r->failed;
}

static bool add_minute(void *context, const struct row_minute *row)
{
    struct moment *m = ((struct reading *)context)->m;
    if (m->minutes < MOMENT_MINUTES)
        m->minute[m->minutes++] = (struct moment_minute){row->minute, row->requests, row->errors};
    return true;
}

static void add_statuses(struct moment *m, const struct facts *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct facts_counter *c = &f->counter[i];
        if (strcmp(c->what, "status") == 0)
            m->status[c->name[0] >= '1' && c->name[0] <= '5' && strlen(c->name) == 3 ? c->name[0] - '0' : 0] +=
                c->value;
    }
}

static void add_facts(struct moment *m, const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    m->any = f->any;
    m->live = c->live;
    m->ended = c->ended;
    m->from_records = c->from_records;
    m->started_us = c->started_us;
    m->ended_us = c->ended_us;
    m->duration_s = facts_duration_s(f);
    m->captured_s = facts_captured_s(f);
    m->coverage = facts_coverage(f);
    m->packets = c->packets;
    m->flows = c->flows;
    m->dropped = c->kernel_dropped + c->interface_dropped;
    m->exchanges = facts_total(f, "exchanges");
    m->eligible = facts_total(f, "eligible");
    m->keys = facts_total(f, "keys");
    m->services = facts_total(f, "services");
    m->all_clients = facts_total(f, "clients");
    m->clients_estimated = facts_clients_error(f) > 0;
    m->unanswered = facts_total(f, "unanswered");
    m->orphans = facts_total(f, "orphan_responses");
    m->request_bytes = facts_total(f, "request_bytes");
    m->response_bytes = facts_total(f, "response_bytes");
    add_statuses(m, f);
    enum verdict v = verdict_of(f, &m->sentences);
    m->trust = v == VERDICT_GOOD ? TRUST_GOOD : v == VERDICT_PARTIAL ? TRUST_PARTIAL : TRUST_LITTLE;
}

static struct slice keep_text(struct reading *r, const struct buf *text)
{
    return keep(r, slice_of(text->p, text->n));
}

static void add_advice(struct reading *r)
{
    struct moment *m = r->m;
    m->n_advice = (uint32_t)r->advice.n;
    m->shown_advice = m->n_advice < MOMENT_ADVICE ? m->n_advice : MOMENT_ADVICE;
    for (uint32_t i = 0; i < m->shown_advice; i++) {
        const struct advised *a = &r->advice.item[i];
        m->advice[i] = (struct moment_advice){keep(r, slice_str(advice_name(a->advice.kind))), keep_text(r, &a->target),
                                              keep_text(r, &a->action), keep_text(r, &a->why)};
    }
    r->failed |= r->advice.failed;
}

static void read_rows(struct reading *r, struct store_reader *from)
{
    r->failed = !facts_load(&r->facts, from);
    add_facts(r->m, &r->facts);
    advice_list(&r->advice, from, &r->facts);
    add_advice(r);
    store_read_endpoints(from, add_endpoint, r);
    store_read_clients(from, add_client, r);
    advice_list_free(&r->advice);
    facts_free(&r->facts);
}

struct moment *moment_read(struct store_reader *from)
{
    struct reading r = {.m = calloc(1, sizeof *r.m)};
    if (!r.m)
        return NULL;
    r.m->state = store_read_state(from);
    read_rows(&r, from);
    for (int i = 0; i < LADDER_RUNGS; i++)
        work_out(&r.m->ttl[i]);
    if (r.m->ended_us != INT64_MIN) {
        int64_t last = r.m->ended_us / 60000000;
        store_read_minutes(from, last - MOMENT_MINUTES + 1, last + 1, add_minute, &r);
    }
    buf_free(&r.scratch);
    if (!r.failed && !r.m->text.failed)
        return r.m;
    moment_free(r.m);
    return NULL;
}

void moment_free(struct moment *m)
{
    if (!m)
        return;
    kept_free(&m->text);
    buf_free(&m->sentences);
    free(m->endpoint);
    free(m->client);
    free(m);
}
