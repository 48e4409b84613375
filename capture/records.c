#include "capture/records.h"

#include <stdlib.h>

#include "capture/record.h"

struct records {
    struct records_options o;
    struct slot_pool pool;
    struct line line;
    struct parts_maker *parts;
    struct redact *redact;
    struct buf text;
    uint64_t lines, taken;
    int64_t settled; /* the greatest arrival at the last records_settle */
};

struct records *records_new(const struct records_options *o)
{
    struct records *r = calloc(1, sizeof *r);
    uint64_t slots = o->memory / 3 / sizeof(struct slot);
    if (!r)
        return NULL;
    r->o = *o;
    line_init(&r->line, o->sink);
    r->line.hold = true;
    r->settled = TIME_NONE;
    r->parts = parts_new(&o->key);
    r->o.redact.sealed = true;
    r->redact = redact_new(&o->key, &r->o.redact);
    if (r->parts && r->redact &&
        slot_pool_init(&r->pool,
                       (uint32_t)(slots < 64        ? 64
                                  : slots > 1 << 20 ? 1 << 20
                                                    : slots),
                       o->memory / 3))
        return r;
    parts_free(r->parts);
    redact_free(r->redact);
    free(r);
    return NULL;
}

static struct slot *take(struct records *r)
{
    if (r->o.reclaim && !r->pool.n_free)
        r->o.reclaim(r->o.reclaim_context, false);
    for (;;) {
        struct slot *s = slot_take(&r->pool);
        if (s)
            return s;
        if (!line_push(&r->line) && !r->o.reclaim)
            return NULL;
        if (r->o.reclaim)
            r->o.reclaim(r->o.reclaim_context, true);
    }
}

static int64_t began(const struct exchange *x)
{
    return x->t_req0 != TIME_NONE ? x->t_req0 : x->arrival;
}

const char *records_line(struct records *r, struct slice text)
{
    r->lines++;
    text = slice_trim(text);
    if (!text.n)
        return NULL;
    struct slot *s = take(r);
    if (!s)
        return "out of memory";
    struct record_reader reader = {.key = r->o.key,
                                   .parts = r->parts,
                                   .pool = &r->pool,
                                   .redact = r->redact,
                                   .text = &r->text,
                                   .show_names = r->o.show_names,
                                   .strict = r->o.redact.strict};
    const char *trouble = record_read(&reader, text, r->lines, s);
    if (!trouble && began(&s->x) < r->o.not_before)
        trouble = "it begins before the audit in the DB ends";
    if (trouble) {
        slot_give(&r->pool, s);
        return trouble;
    }
    r->taken++;
    if (s->x.cache) { /* as they came out of capture: in no order of arrival */
        line_apart(&r->line, s);
        return NULL;
    }
    if (s->x.flags & FLAG_LATE)
        while (line_push(&r->line))
            ;
    s->x.flags &= ~(uint32_t)FLAG_LATE; /* the line sets it again, by the same rule */
    line_tick(&r->line, s->x.arrival);
    line_done(&r->line, s);
    return NULL;
}

void records_settle(struct records *r)
{
    while (r->line.head && r->line.head->x.arrival <= r->settled && line_push(&r->line))
        ;
    r->settled = r->line.now;
}

void records_finish(struct records *r)
{
    while (line_push(&r->line))
        ;
}

void records_give_back(struct records *r, struct exchange *x)
{
    slot_give(&r->pool, slot_of(x));
}

uint64_t records_count(const struct records *r)
{
    return r->taken;
}

void records_free(struct records *r)
{
    slot_pool_fini(&r->pool);
    parts_free(r->parts);
    redact_free(r->redact);
    buf_free(&r->text);
    free(r);
}
