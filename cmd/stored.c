#include "cmd/stored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/report/facts.h"
#include "analysis/restore.h"
#include "analysis/store/read.h"
#include "base/log.h"
#include "cmd/names.h"
#include "cmd/trust.h"

enum { FLUSH = 1 << 16 };

struct stored {
    struct names names;
    enum record_format format;
    struct buf out;
    uint64_t seq;
    bool show_names, broken;
};

static void flush(struct stored *s)
{
    if (s->out.n && !s->broken && (fwrite(s->out.p, 1, s->out.n, stdout) != s->out.n || fflush(stdout) != 0)) {
        log_stdout(errno);
        s->broken = true;
    }
    s->out.n = 0;
}

static int64_t add(int64_t base, int64_t us)
{
    return us < 0 ? TIME_NONE : base + us;
}

static void one(void *context, const struct row_exchange *row)
{
    struct stored *s = context;
    const struct row_key *key = names_key(&s->names, row->key);
    struct exchange x = {
        .arrival = row->arrival_us, .seq = s->seq++, .status = row->status, .end = row->end, .proto = row->proto};
    struct operation_facts operation;
    bool orphan = row->flags & ROW_ORPHAN;
    x.t_req1 = orphan ? TIME_NONE : row->arrival_us;
    x.t_req0 = orphan || row->request_us < 0 ? x.t_req1 : row->arrival_us - row->request_us;
    x.t_rsp0 = orphan ? row->arrival_us : add(row->arrival_us, row->ttfb_us);
    x.t_rsp1 = x.t_req0 == TIME_NONE ? TIME_NONE : add(x.t_req0, row->duration_us);
    x.rtt_client = x.rtt_server = -1;
    if (!orphan && row->server_us >= 0 && row->ttfb_us >= row->server_us)
        x.rtt_server = (int32_t)(row->ttfb_us - row->server_us);
    x.flags = row->flags & FLAGS_ALL;
    x.tls = row->flags & ROW_TLS;
    x.trace_id = row->trace;
    x.request_id = row->request_id;
    x.window_us = row->window_us;
    x.loss_us = row->loss_us;
    x.request_bytes = row->request_bytes;
    x.response_bytes = row->response_bytes;
    names_client(&s->names, row->client, &x);
    if (!s->show_names)
        x.client_name = (struct slice){NULL, 0};
    names_address(&s->names, row->address, &x.client);
    names_address(&s->names, row->server, &x.server);
    if (key && !orphan) {
        size_t scheme = slice_find(key->service, ':', 0);
        x.method = row->flags & REPLAY_HEAD ? SLICE("HEAD") : key->method;
        x.service = key->service;
        x.authority = slice_sub(key->service, scheme + 3, key->service.n);
        x.target = key->target;
        if (key->operation.n) {
            operation =
                (struct operation_facts){.name = key->operation, .safe = key->safe, .answer = OPERATION_UNREAD_none};
            x.operation = &operation;
        }
    } else if (!orphan) {
        x.method = SLICE("?"); /* its name did not fit the dictionary */
    }
    record_write(&x, s->format, &s->out);
    if (s->out.n > FLUSH)
        flush(s);
}

/* Why there will be little to read, or nothing. */
static void no_records(struct store_reader *r, const char *db)
{
    struct facts f;
    if (facts_load(&f, r)) {
        trust_of(&f, db);
        if (facts_total(&f, "exchanges") && !store_read_exchange_count(r))
            log_line("%s keeps no exchange records (--exchanges none)", db);
    }
    facts_free(&f);
}

int stored_log(const char *db, enum record_format format, bool show_names)
{
    char why[256];
    struct stored s = {.format = format, .show_names = show_names};
    if (!db)
        db = getenv("SPANWISE_DB") && *getenv("SPANWISE_DB") ? getenv("SPANWISE_DB") : "spanwise.db";
    struct store_reader *r = store_read_open(db, why);
    if (!r || !store_read_begin(r, why)) {
        log_line("%s; captures are given with -r", why);
        store_read_close(r);
        return 1;
    }
    bool ok = names_load(&s.names, r);
    if (!ok)
        log_line("out of memory");
    else
        no_records(r, db);
    record_header(format, &s.out);
    if (ok && !store_read_exchanges(r, one, &s)) {
        log_line("%s: a block of exchange records is damaged; what stood before it was read", db);
        ok = false;
    }
    record_footer(format, &s.out);
    flush(&s);
    names_free(&s.names);
    buf_free(&s.out);
    store_read_close(r);
    return ok && !s.broken ? 0 : 1;
}
