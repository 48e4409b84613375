#include "web/snapshot.h"

#include <math.h>

#include "base/json.h"

static bool add_minute(void *context, const struct row_minute *m)
{
    struct row_minute *sum = context;
    sum->requests += m->requests;
    sum->errors += m->errors;
    return true;
}

/* The newest minute and the one before it, so that there is always one that is whole. */
static void recent(struct store_reader *r, struct json *j, const struct row_capture *c)
{
    struct row_minute sum = {0};
    double seconds = NAN;
    if (c->ended_us != INT64_MIN) {
        int64_t minute = c->ended_us / 60000000, begin = (minute - 1) * 60000000;
        store_read_minutes(r, minute - 1, minute + 1, add_minute, &sum);
        seconds = (double)(c->ended_us - (begin > c->started_us ? begin : c->started_us)) / 1e6;
    }
    json_key(j, "requests_per_second");
    json_double(j, seconds >= 1 ? (double)sum.requests / seconds : NAN);
    json_key(j, "errors_per_second");
    json_double(j, seconds >= 1 ? (double)sum.errors / seconds : NAN);
}

bool snapshot_write(struct store_reader *r, struct buf *out)
{
    static const char *const totals[] = {"exchanges", "complete", "unanswered", "orphan_responses", "eligible",
                                         "keys",      "clients",  "services",   "request_bytes",    "response_bytes"};
    struct json j = {out, false};
    struct row_capture c;
    bool any = store_read_capture(r, &c), ended = any && c.ended;
    json_open(&j, '{');
    json_key(&j, "version");
    json_i64(&j, store_read_version(r));
    json_key(&j, "live");
    json_bool(&j, any && c.live && !ended);
    json_key(&j, "ended");
    json_bool(&j, ended);
    json_key_micros(&j, "started", c.started_us);
    json_key_micros(&j, "last", c.ended_us);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        json_key_u64(&j, totals[i], store_read_counter(r, "total", totals[i]));
    recent(r, &j, &c);
    json_key(&j, "packets");
    any && !c.from_records ? json_u64(&j, c.packets) : json_null(&j);
    json_key(&j, "dropped");
    any && !c.from_records ? json_u64(&j, c.kernel_dropped + c.interface_dropped) : json_null(&j);
    json_close(&j, '}');
    return !ended;
}
