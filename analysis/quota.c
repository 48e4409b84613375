#include "analysis/quota.h"

/* limit and remaining 20 bits each, reset 17, window 7; each one more than it is, 0: not said. */
enum { REMAINING_AT = 20, RESET_AT = 40, WINDOW_AT = 57, RESET_MOST = (1 << 17) - 2 };

#define MOMENT INT64_C(1000000000)         /* a reset from here on is a Unix time, not a span */
#define MOMENT_MS (INT64_C(1000) * MOMENT) /* or one in milliseconds */

/* Windows that limits are made of, seconds. */
static const int64_t windows[] = {1,   2,    5,    10,   15,    20,    30,    60,    120,   300,    600,
                                  900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 604800, 2592000};

enum { WINDOWS = sizeof windows / sizeof *windows };

static int64_t number(struct slice field, struct slice name)
{
    struct slice one;
    uint64_t v;
    while (slice_next(&field, ',', &one)) {
        size_t eq = slice_find(one, '=', 0);
        if (eq < one.n && slice_eq(slice_sub(one, 0, eq), name) && slice_u64(slice_sub(one, eq + 1, one.n), &v))
            return (int64_t)v;
    }
    return -1;
}

static uint64_t capped(int64_t v, int64_t most)
{
    return v < 0 ? 0 : (uint64_t)(v < most ? v : most) + 1;
}

uint64_t quota_pack(struct slice field, int64_t now_s)
{
    int64_t reset = number(field, SLICE("reset")), window = number(field, SLICE("window"));
    uint64_t code = 0;
    reset = reset >= MOMENT_MS ? reset / 1000 : reset;
    if (reset >= MOMENT)
        reset = reset > now_s ? reset - now_s : 0;
    for (unsigned i = 0; i < WINDOWS; i++)
        code = windows[i] == window ? i + 1 : code;
    return capped(number(field, SLICE("limit")), QUOTA_MOST) |
           capped(number(field, SLICE("remaining")), QUOTA_MOST) << REMAINING_AT |
           capped(reset, RESET_MOST) << RESET_AT | code << WINDOW_AT;
}

struct quota_said quota_unpack(uint64_t packed)
{
    const uint64_t part = (1 << 20) - 1;
    uint64_t window = packed >> WINDOW_AT;
    return (struct quota_said){.limit = (int64_t)(packed & part) - 1,
                               .remaining = (int64_t)(packed >> REMAINING_AT & part) - 1,
                               .reset_s = (int64_t)(packed >> RESET_AT & ((1 << 17) - 1)) - 1,
                               .window_s = window && window <= WINDOWS ? windows[window - 1] : -1};
}

static void add(struct quota_sums *s, const struct quota_said *q)
{
    if (!s->answers++) {
        s->limit = s->window_s = s->least = s->most = s->remaining_least = -1;
    }
    if (q->limit >= 0) {
        s->limit = q->limit;
        s->least = s->least < 0 || q->limit < s->least ? q->limit : s->least;
        s->most = q->limit > s->most ? q->limit : s->most;
    }
    s->window_s = q->window_s >= 0 ? q->window_s : s->window_s;
    if (q->remaining >= 0 && (s->remaining_least < 0 || q->remaining < s->remaining_least))
        s->remaining_least = q->remaining;
    s->exhausted += q->remaining == 0;
}

/* Whether the client keeps to what it was told. Requests that were under way then say nothing. */
static void heed(struct quota_sums *endpoint, struct quota_sums *client, struct quota_told *told,
                 const struct quota_call *c)
{
    if (told->wait.endpoint == c->endpoint && c->start_us >= told->wait.from_us) {
        bool kept = c->start_us >= told->wait.until_us;
        endpoint->kept += kept;
        client->kept += kept;
        endpoint->broken += !kept;
        client->broken += !kept;
        told->wait.endpoint = 0;
    }
    if (told->reset.endpoint == c->endpoint && c->start_us >= told->reset.from_us) {
        bool on = c->start_us < told->reset.until_us;
        endpoint->asked_on += on;
        client->asked_on += on;
        told->reset.endpoint = on ? told->reset.endpoint : 0;
    }
}

void quota_take(struct quota_sums *endpoint, struct quota_sums *client, struct quota_told *told,
                const struct quota_call *c)
{
    struct quota_said q = quota_unpack(c->packed);
    if (told)
        heed(endpoint, client, told, c);
    if (c->packed) {
        add(endpoint, &q);
        add(client, &q);
    }
    if (told && q.remaining == 0 && q.reset_s > 0) {
        told->reset.endpoint = c->endpoint;
        told->reset.from_us = c->end_us;
        told->reset.until_us = c->end_us + q.reset_s * 1000000;
    }
    if (c->wait_us < 0)
        return;
    endpoint->asked++;
    client->asked++;
    if (!told)
        return;
    told->wait.endpoint = c->endpoint;
    told->wait.from_us = c->end_us;
    told->wait.until_us = c->end_us + c->wait_us;
}
