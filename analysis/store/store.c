#include "analysis/store/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/store/batch.h"
#include "analysis/store/block.h"
#include "analysis/store/writer.h"

struct store {
    struct writer *writer;
    bool keeps_exchanges;
    struct batch batch; /* being filled; the writer has the other one */
    struct block open;
    int64_t block_id;
};

struct store *store_open(const char *path, const struct store_options *options, char why[256], bool *usage)
{
    struct connection c;
    struct store *s = calloc(1, sizeof *s);
    *usage = false;
    snprintf(why, 256, "out of memory");
    if (s && connect_open(&c, path, options, why, usage))
        s->writer = writer_start(&c, options, why);
    if (!s || !s->writer) {
        free(s);
        return NULL;
    }
    s->keeps_exchanges = options->exchanges > 0;
    s->block_id = writer_first_block(s->writer);
    return s;
}

bool store_wants(const struct store *s)
{
    return writer_wants(s->writer);
}

/* ---- rows ---- */

#define FILLED(name)                                                                                                   \
    struct row_##name *store_##name(struct store *s)                                                                   \
    {                                                                                                                  \
        return batch_##name(&s->batch);                                                                                \
    }
FILLED(endpoint)
FILLED(client)
FILLED(key)
FILLED(address)
FILLED(cache)
FILLED(minute)
FILLED(opaque)
#undef FILLED

struct row_capture *store_capture(struct store *s)
{
    s->batch.has_capture = true;
    s->batch.capture = (struct row_capture){.started_us = INT64_MIN, .ended_us = INT64_MIN, .window_us = INT64_MIN};
    return &s->batch.capture;
}

void store_counter(struct store *s, const char *what, struct slice name, uint64_t value)
{
    struct slice copy = batch_copy(&s->batch, name);
    *batch_counter(&s->batch) = (struct row_counter){what, copy, value};
}

struct slice store_text(struct store *s, struct slice text)
{
    return batch_copy(&s->batch, text);
}

void store_turn(struct store *s, int64_t from, int64_t to)
{
    s->batch.turns = true;
    s->batch.window_s = from == INT64_MIN ? from : from / 1000000;
    s->batch.next_s = to / 1000000;
}

bool store_idle(const struct store *s)
{
    return writer_idle(s->writer);
}

/* ---- exchanges ---- */

/* The open block's bytes. NULL: out of memory. */
static struct parcel *parcel_of_open(struct store *s)
{
    struct parcel *p = writer_parcel(s->writer);
    if (!p)
        return NULL;
    p->id = s->block_id;
    p->n = s->open.n;
    if (block_raw(&s->open, &p->raw)) {
        p->first_us = s->open.first_us;
        p->last_us = s->open.last_us;
        return p;
    }
    buf_free(&p->raw);
    free(p);
    return NULL;
}

static void close_block(struct store *s)
{
    struct parcel *p = parcel_of_open(s);
    if (p)
        writer_block(s->writer, p);
    else
        writer_drop(s->writer);
    s->block_id++;
    block_clear(&s->open);
}

void store_exchanges(struct store *s, const struct row_exchange *x, size_t apart, unsigned n)
{
    if (!s->keeps_exchanges)
        return;
    for (unsigned now; n; n -= now, x = (const struct row_exchange *)(const void *)((const char *)x + now * apart)) {
        unsigned room = BLOCK_RECORDS - s->open.n;
        now = n < room ? n : room;
        block_add_all(&s->open, x, apart, now);
        if (s->open.n == BLOCK_RECORDS)
            close_block(s);
    }
}

void store_exchange(struct store *s, const struct row_exchange *x)
{
    store_exchanges(s, x, sizeof *x, 1);
}

/* ---- committing ---- */

void store_submit(struct store *s)
{
    writer_submit(s->writer, &s->batch, s->open.n ? parcel_of_open(s) : NULL);
}

const char *store_failure(const struct store *s)
{
    return writer_failure(s->writer);
}

uint64_t store_blocks_dropped(const struct store *s)
{
    return writer_dropped(s->writer);
}

bool store_close(struct store *s, char why[256])
{
    bool ok = writer_end(s->writer, why);
    batch_free(&s->batch);
    block_free(&s->open);
    free(s);
    return ok;
}
