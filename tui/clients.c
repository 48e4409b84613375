#include "tui/clients.h"

#include <math.h>

#define NUMBER(name, value)                                                                                            \
    static double name(const void *row, const struct table_view *v)                                                    \
    {                                                                                                                  \
        const struct moment_client *c = row;                                                                           \
        (void)v;                                                                                                       \
        return (double)(value);                                                                                        \
    }
NUMBER(requests, c->requests)
NUMBER(rate, v->now->captured_s > 0 ? (double)c->requests / v->now->captured_s : NAN)
NUMBER(peak_1s, c->peak_1s)
NUMBER(peak_10s, c->peak_10s)
NUMBER(peak_60s, c->peak_60s)
NUMBER(burstiness, c->burstiness)
NUMBER(errors, c->errors)
NUMBER(throttled, c->throttled)
NUMBER(bytes, c->bytes)
NUMBER(poller, c->poller_period_s)
#undef NUMBER

/* Of the bucket that the advised limit gives, so much is needed. */
static double limit(const void *row, const struct table_view *v)
{
    const struct moment_client *c = row;
    const struct insight_client *seen = insight_client(v->now->insight, c->client);
    return seen ? seen->needs / seen->burst : NAN;
}

static enum style tone_limit(double ratio)
{
    return ratio > 1 ? STYLE_WARN : STYLE_PLAIN;
}

static struct slice client(const void *row)
{
    return ((const struct moment_client *)row)->client;
}

static struct slice address(const void *row)
{
    return ((const struct moment_client *)row)->address;
}

static struct slice called(const void *row)
{
    return ((const struct moment_client *)row)->called;
}

static const struct column column[] = {
    {"client", "kind of identity and keyed hash", 20, 24, 0, client, NULL, NULL, NULL, NULL, false},
    {"name", "what its credential calls it (capture --show-names)", 12, 24, 3, called, NULL, NULL, NULL, NULL, false},
    {"address", "the first one; +n: and so many more", 13, 21, 6, address, NULL, NULL, NULL, NULL, false},
    {"reqs", "requests", 5, 5, 0, NULL, NULL, requests, show_count, NULL, false},
    {"req/s", "requests per second over the whole audit", 5, 5, 7, NULL, NULL, rate, show_per_second, NULL, false},
    {"pk1s", "peak: most requests in one second", 4, 5, 1, NULL, NULL, peak_1s, show_count, NULL, false},
    {"pk10s", "in 10 consecutive seconds", 5, 5, 4, NULL, NULL, peak_10s, show_count, NULL, false},
    {"pk60s", "in 60", 5, 5, 5, NULL, NULL, peak_60s, show_count, NULL, false},
    {"burst", "-1: like clockwork, 0: at random, towards 1: in bursts", 5, 5, 3, NULL, NULL, burstiness, show_signed,
     NULL, false},
    {"errors", "status 5xx, 429, or no answer", 6, 6, 2, NULL, NULL, errors, show_count, tone_trouble, false},
    {"thrott", "throttled: 429, and 503 with Retry-After", 6, 6, 4, NULL, NULL, throttled, show_count, tone_trouble,
     false},
    {"limit%", "of the advised limit's bucket it needs; above 100 it would be turned away", 6, 6, 2, NULL, NULL, limit,
     show_percent, tone_limit, false},
    {"bytes", "of bodies, both ways", 9, 9, 9, NULL, NULL, bytes, show_bytes, NULL, false},
    {"polls", "period of a client that asks at fixed times", 7, 7, 8, NULL, NULL, poller, show_seconds, NULL, false},
};

static uint32_t count(const struct moment *m)
{
    return m->clients;
}

static const void *row_of(const struct moment *m, uint32_t i)
{
    return &m->client[i];
}

static uint32_t id_of(const void *row)
{
    return ((const struct moment_client *)row)->id;
}

static struct slice name_of(const void *row)
{
    return ((const struct moment_client *)row)->name;
}

_Static_assert(sizeof column / sizeof *column <= TABLE_COLUMNS, "TABLE_COLUMNS");

const struct table clients_table = {"clients", column, sizeof column / sizeof *column, 3, count, row_of, id_of,
                                    name_of,   NULL};
