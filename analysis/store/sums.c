#include "analysis/store/sums.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/hist.h"
#include "base/json.h"

enum { RUNGS = 32, BUCKETS = 256, KINDS = 4, HIST_COUNTS = 2 };

_Static_assert((int)SUMS_LATENCY + HIST_COUNTS + HIST_BUCKETS <= (int)SUMS_SERVER, "histograms fit");
_Static_assert((int)SUMS_DECLARED + DECLARED_COUNT <= (int)SUMS_REASON, "what is declared fits");
_Static_assert((int)SUMS_REASON + REASON_COUNT <= (int)SUMS_LADDER, "reasons fit");

void sums_free(struct sums *s)
{
    free(s->at);
    *s = (struct sums){0};
}

/* Places come in ascending order. */
static void put(struct sums *s, uint32_t place, int64_t value)
{
    if (!value || s->failed)
        return;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 256;
        struct sum *p = realloc(s->at, cap * sizeof *p);
        if (!p) {
            s->failed = true;
            return;
        }
        s->at = p;
        s->cap = cap;
    }
    s->at[s->n++] = (struct sum){place, value};
}

/* ---- from a row ---- */

static void put_ladder(struct sums *s, const struct row_rung ttl[LADDER_RUNGS])
{
    for (uint32_t r = 0; r < LADDER_RUNGS; r++)
        put(s, SUMS_LADDER + RUNGS + r, (int64_t)ttl[r].lookups);
#define RUNG_COLUMN(number, name, how, what)                                                                           \
    for (uint32_t r = 0; r < LADDER_RUNGS; r++)                                                                        \
        put(s, SUMS_LADDER + (number)*RUNGS + r, (int64_t)ttl[r].name);
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
}

static bool next_number(const char **p, const char *end, uint64_t *v)
{
    while (*p < end && !ascii_digit(**p))
        (*p)++;
    if (*p == end)
        return false;
    for (*v = 0; *p < end && ascii_digit(**p); (*p)++)
        *v = *v * 10 + (uint64_t)(**p - '0');
    return true;
}

/* The text of the column lifetimes (docs/SCHEMA.md): {"multi":n,"lost":[gaps,versions],"gaps":[[…]…],"versions":…}. */
struct gaps {
    uint64_t multi, lost, bucket[KINDS][BUCKETS];
};

static void read_gaps(struct slice text, struct gaps *g)
{
    static const char gaps[] = ",\"gaps\":", versions[] = ",\"versions\":";
    const char *at = text.n ? memmem(text.p, text.n, gaps, sizeof gaps - 1) : NULL;
    const char *end = at ? memmem(at, text.n - (size_t)(at - text.p), versions, sizeof versions - 1) : NULL;
    const char *p = text.p;
    uint64_t bucket, v;
    memset(g, 0, sizeof *g);
    if (!end || !next_number(&p, at, &g->multi) || !next_number(&p, at, &g->lost))
        return;
    for (p = at; next_number(&p, end, &bucket);)
        for (int k = 0; k < KINDS; k++)
            if (next_number(&p, end, &v) && bucket < BUCKETS)
                g->bucket[k][bucket] = v;
}

static void put_hist(struct sums *s, uint32_t place, struct slice blob)
{
    struct hist_dense d;
    if (!blob.n || !hist_read(blob, &d))
        return;
    put(s, place, (int64_t)d.n);
    put(s, place + 1, (int64_t)d.sum);
    for (uint32_t i = 0; i < HIST_BUCKETS; i++)
        put(s, place + HIST_COUNTS + i, (int64_t)d.count[i]);
}

void sums_of(struct sums *s, const struct row_endpoint *row)
{
    struct gaps g;
    s->n = 0;
    read_gaps(row->lifetimes, &g);
#define SCALAR(number, name) put(s, SUMS_SCALAR + (number), (int64_t)row->name);
#include "analysis/store/scalar.def"
#undef SCALAR
    put(s, SUMS_MULTI, (int64_t)g.multi);
    put(s, SUMS_LOST, (int64_t)g.lost);
    for (uint32_t i = 0; i < DECLARED_COUNT; i++)
        put(s, SUMS_DECLARED + i, (int64_t)row->declared[i]);
    for (uint32_t i = 0; i < REASON_COUNT; i++)
        put(s, SUMS_REASON + i, (int64_t)row->reasons[i]);
    put_ladder(s, row->ttl);
    for (uint32_t k = 0; k < KINDS; k++)
        for (uint32_t i = 0; i < BUCKETS; i++)
            put(s, SUMS_GAPS + k * BUCKETS + i, (int64_t)g.bucket[k][i]);
    put_hist(s, SUMS_LATENCY, row->latency);
    put_hist(s, SUMS_SERVER, row->server_time);
    put_hist(s, SUMS_DECLARED_TTL, row->declared_ttl);
}

/* ---- adding ---- */

static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void sums_add(struct sums *into, const struct sums *more, int times)
{
    struct sums out = {.failed = into->failed || more->failed};
    size_t i = 0, k = 0;
    while (i < into->n || k < more->n) {
        uint32_t a = i < into->n ? into->at[i].place : SUMS_END, b = k < more->n ? more->at[k].place : SUMS_END;
        int64_t v = 0;
        if (a <= b)
            v = plus(v, into->at[i++].value);
        if (b <= a)
            v = plus(v, times < 0 ? (int64_t)(0 - (uint64_t)more->at[k++].value) : more->at[k++].value);
        put(&out, a < b ? a : b, v);
    }
    free(into->at);
    *into = out;
}

int64_t sums_value(const struct sums *s, uint32_t place)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->at[middle].place < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n && s->at[low].place == place ? s->at[low].value : 0;
}

/* ---- into a row ---- */

/* Estimates of a sample may go back a little. */
static uint64_t count(const struct sums *s, uint32_t place)
{
    int64_t v = sums_value(s, place);
    return v < 0 ? 0 : (uint64_t)v;
}

/* Least and greatest are those of buckets; the greatest is not known exactly and says so. */
static struct slice write_hist(const struct sums *s, uint32_t place, struct buf *out)
{
    struct hist_dense d;
    memset(&d, 0, sizeof d);
    out->n = 0;
    d.n = count(s, place);
    d.sum = count(s, place + 1);
    for (uint32_t i = HIST_BUCKETS; i-- > 0;)
        if ((d.count[i] = count(s, place + HIST_COUNTS + i)))
            d.min = hist_low(i);
    d.max = UINT64_MAX;
    if (!d.n)
        return SLICE("");
    hist_write(&d, out);
    return slice_of(out->p, out->n);
}

static struct slice write_gaps(const struct sums *s, struct buf *out)
{
    struct json j = {out, false};
    out->n = 0;
    buf_printf(out, "{\"multi\":%llu,\"lost\":[%llu,0],\"gaps\":", (unsigned long long)count(s, SUMS_MULTI),
               (unsigned long long)count(s, SUMS_LOST));
    json_open(&j, '[');
    for (uint32_t i = 0; i < BUCKETS; i++) {
        if (!(count(s, SUMS_GAPS + i) | count(s, SUMS_GAPS + BUCKETS + i)))
            continue;
        json_open(&j, '[');
        json_u64(&j, i);
        for (uint32_t k = 0; k < KINDS; k++)
            json_u64(&j, count(s, SUMS_GAPS + k * BUCKETS + i));
        json_close(&j, ']');
    }
    json_close(&j, ']');
    buf_str(out, ",\"versions\":[0,0]}");
    return slice_of(out->p, out->n);
}

static void fill_ladder(const struct sums *s, struct row_rung ttl[LADDER_RUNGS])
{
    for (uint32_t r = 0; r < LADDER_RUNGS; r++) {
        ttl[r].lookups = count(s, SUMS_LADDER + RUNGS + r);
#define RUNG_COLUMN(number, name, how, what) ttl[r].name = count(s, SUMS_LADDER + (number)*RUNGS + r);
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
    }
}

void sums_into(const struct sums *s, struct row_endpoint *row, struct buf text[4])
{
#define SCALAR(number, name) row->name = count(s, SUMS_SCALAR + (number));
#include "analysis/store/scalar.def"
#undef SCALAR
    for (uint32_t i = 0; i < DECLARED_COUNT; i++)
        row->declared[i] = count(s, SUMS_DECLARED + i);
    for (uint32_t i = 0; i < REASON_COUNT; i++)
        row->reasons[i] = count(s, SUMS_REASON + i);
    fill_ladder(s, row->ttl);
    row->latency = write_hist(s, SUMS_LATENCY, &text[0]);
    row->server_time = write_hist(s, SUMS_SERVER, &text[1]);
    row->declared_ttl = write_hist(s, SUMS_DECLARED_TTL, &text[2]);
    row->lifetimes = row->lifetimes.n ? write_gaps(s, &text[3]) : row->lifetimes;
    row->live = row->sharing = row->learned = row->writes = row->sources = row->fields = SLICE("");
    row->clients = row->event_gap_max_us = 0;
}

/* ---- blobs ---- */

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/* How many places follow the i-th one by one with the same value. */
static size_t longer(const struct sums *s, size_t i)
{
    size_t n = 0;
    while (i + n + 1 < s->n && s->at[i + n + 1].place == s->at[i].place + n + 1 &&
           s->at[i + n + 1].value == s->at[i].value)
        n++;
    return n;
}

void sums_write(const struct sums *s, struct buf *out)
{
    uint32_t place = 0;
    int64_t value = 0;
    for (size_t i = 0; i < s->n; i++) {
        size_t more = longer(s, i);
        buf_varint(out, (uint64_t)(s->at[i].place - place) * 2 + (more > 0));
        buf_varint(out, zigzag((int64_t)((uint64_t)s->at[i].value - (uint64_t)value)));
        if (more)
            buf_varint(out, more);
        i += more;
        place = s->at[i].place;
        value = s->at[i].value;
    }
}

bool sums_read(struct sums *s, struct slice blob)
{
    struct cursor c = cursor_of(blob.p, blob.n);
    uint64_t place = 0;
    int64_t value = 0;
    s->n = 0;
    while (cursor_left(&c)) {
        uint64_t step = cursor_varint(&c);
        value = plus(value, unzigzag(cursor_varint(&c)));
        uint64_t more = step & 1 ? cursor_varint(&c) : 0;
        step /= 2;
        c.bad |= (s->n && !step) || step >= SUMS_END || more >= SUMS_END || place + step + more >= SUMS_END;
        place += step;
        for (uint64_t i = 0; !c.bad && i <= more; i++)
            put(s, (uint32_t)(place + i), value);
        place += more;
    }
    if (c.bad)
        s->n = 0;
    return !c.bad && !s->failed;
}
