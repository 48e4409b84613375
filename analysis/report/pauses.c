#include "analysis/report/pauses.h"

#include <string.h>

#include "base/human.h"

int64_t pauses_within(const struct facts *f, int64_t from_us, int64_t to_us, uint64_t *n)
{
    int64_t sum = 0;
    uint64_t count = 0, begin;
    for (size_t i = 0; i < f->n; i++) {
        const struct facts_counter *c = &f->counter[i];
        if (strcmp(c->what, "pause") || !slice_u64(slice_str(c->name), &begin) || begin > INT64_MAX / 2 ||
            c->value > INT64_MAX / 2)
            continue;
        int64_t from = (int64_t)begin, to = from + (int64_t)c->value;
        from = from > from_us ? from : from_us;
        to = to < to_us ? to : to_us;
        count += to > from;
        sum += to > from ? to - from : 0;
    }
    if (n)
        *n = count;
    return sum;
}

static int64_t all(const struct facts *f, uint64_t *n)
{
    const struct row_capture *c = &f->capture;
    *n = 0;
    return c->started_us == INT64_MIN ? 0 : pauses_within(f, c->started_us, c->ended_us, n);
}

void pauses_json(struct json *j, const struct facts *f)
{
    uint64_t n;
    int64_t us = all(f, &n);
    if (!n)
        return;
    json_key(j, "pauses");
    json_open(j, '{');
    json_key_u64(j, "count", n);
    json_key_micros(j, "seconds", us);
    json_close(j, '}');
}

bool pauses_line(const struct facts *f, struct buf *out)
{
    uint64_t n;
    int64_t us = all(f, &n);
    if (n)
        buf_printf(out,
                   "the capture paused %s time%s, %s in all: nothing of that time is known, and rates leave it out",
                   human_count(n).text, n == 1 ? "" : "s", human_seconds((double)us / 1e6).text);
    return n != 0;
}
