#include "capture/capture.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/bounds.h"
#include "capture/ease.h"
#include "capture/memcachedudp.h"
#include "capture/operation.h"
#include "capture/onward.h"
#include "capture/plain.h"

enum { CAPTURE_AHEAD = 4 };   /* connections of so many later frames are asked for */
enum { MEMORY_EVERY = 1024 }; /* packets */

struct capture {
    struct capture_options o;
    struct capture_stats stats;
    struct pair pair;
    struct decode_env env;
    struct flow_table flows;
    struct fragments *fragments;
    struct memcachedudp udp;
    struct ease ease;
};

static bool divide(struct capture *c)
{
    struct bounds b = bounds_of(c->o.memory);
    c->env.h1.memory = &c->flows.held_bytes;
    c->env.h1.memory_limit = b.held_bytes;
    c->pair.looks = looks_new(&c->o.key, b.decoder_bytes);
    c->pair.operations = operations_new(&c->o.key, b.operation_bytes);
    c->pair.event_codings = (struct codings){.limit = b.event_bytes};
    c->env.tls = (struct tls_env){c->o.keys, c->env.h1.memory, b.held_bytes, &c->o.key, tlssession_new(&c->o.key)};
    c->env.opaque = opaque_new(&c->o.key, b.opaque, c->o.seal.redact.strict);
    c->fragments = fragments_new(&c->o.key, c->env.h1.memory, b.held_bytes);
    return c->pair.looks && c->pair.operations && c->env.tls.sessions && c->env.opaque && c->fragments &&
           slot_pool_init(&c->pair.slots, b.exchanges, b.text_bytes) &&
           flow_init(&c->flows, b.connections, b.held_bytes, &c->env, &c->stats, &c->o.key) &&
           (c->o.keep_duplicates || (c->flows.dedup = dedup_new()));
}

struct capture *capture_new(const struct capture_options *o, char why[128])
{
    struct capture *c = aligned_alloc(_Alignof(struct capture), sizeof *c);
    if (!c) {
        snprintf(why, 128, "out of memory");
        return NULL;
    }
    memset(c, 0, sizeof *c);
    c->o = *o;
    c->stats.first_us = c->stats.last_us = TIME_NONE;
    ease_init(&c->ease);
    c->pair.seal = seal_new(&o->key, &o->seal, why);
    c->pair.stats = &c->stats;
    c->pair.reclaim = o->reclaim;
    c->pair.context = o->reclaim_context;
    c->env.stats = &c->stats;
    c->env.h1.pair = &c->pair;
    c->env.h1.key = &c->o.key;
    body_key_make(&c->env.h1.bodies, &c->o.key);
    c->env.h1.known.lines.key = c->o.key;
    c->env.h2.h1 = c->env.cache.h1 = &c->env.h1;
    c->pair.sink = o->sink;
    c->pair.take_all = o->take_all;
    c->pair.together = o->together ? PAIR_TOGETHER : 1;
    line_init(&c->pair.line, (struct exchange_sink){pair_leave, &c->pair});
    if (!c->pair.seal) {
        free(c);
        return NULL;
    }
    if (divide(c)) {
        memcachedudp_init(&c->udp, &c->env.cache, &c->stats, c->flows.dedup);
        return c;
    }
    snprintf(why, 128, "out of memory: try a smaller --memory");
    capture_free(c);
    return NULL;
}

static bool wanted_port(const struct capture *c, const struct segment *s)
{
    for (unsigned i = 0; i < c->o.n_ports; i++)
        if (c->o.ports[i] == s->ends.port[0] || c->o.ports[i] == s->ends.port[1])
            return true;
    return !c->o.n_ports;
}

static void note_memory(struct capture *c)
{
    struct capture_stats *s = &c->stats;
    s->memory_bytes = c->pair.in_flight * sizeof(struct slot) + (uint64_t)c->flows.touched * sizeof(struct flow) +
                      c->flows.held_bytes;
    if (s->memory_bytes > s->memory_peak_bytes)
        s->memory_peak_bytes = s->memory_bytes;
}

/* The packet that the fragment makes whole, if it does, and what is inside; that may be a fragment again. */
static __attribute__((noinline)) enum packet_result join(struct capture *c, struct segment *seg, struct piece *piece)
{
    enum packet_result r = PACKET_FRAGMENT;
    for (unsigned depth = 0; r == PACKET_FRAGMENT; depth++) {
        if (depth == FRAGMENT_NESTED_MAX) {
            c->stats.unparsed_packets++;
            c->stats.unparsed_by[UNPARSED_DEPTH]++;
            return PACKET_UNPARSED;
        }
        const struct whole *g = fragments_add(c->fragments, piece, &c->stats);
        if (!g)
            return PACKET_FRAGMENT;
        r = packet_resume(g, &c->o.packet, &c->stats, seg, piece);
    }
    return r;
}

static void take_segment(struct capture *c, struct segment *s)
{
    if (c->o.n_ports && !wanted_port(c, s))
        return;
    if (s->n < s->wire_n) {
        c->stats.cut_segments++;
        c->stats.cut_bytes += s->wire_n - s->n;
    }
    flow_segment(&c->flows, s);
}

/* Of a frame that is not plain. */
static __attribute__((noinline)) enum packet_result decode(struct capture *c, const struct frame *f,
                                                           struct segment *seg)
{
    struct piece piece;
    enum packet_result r = packet_decode(f, &c->o.packet, &c->stats, seg, &piece);
    if (r == PACKET_FRAGMENT)
        r = join(c, seg, &piece);
    if (r != PACKET_TCP)
        return r;
    if (c->o.merge_vlans)
        seg->ends.scope = 0;
    flow_key(&c->flows, seg);
    return r;
}

static __attribute__((noinline)) void datagram(struct capture *c, struct segment *seg)
{
    if (c->o.merge_vlans)
        seg->ends.scope = 0;
    bool wanted = !c->o.n_ports || wanted_port(c, seg);
    if (!wanted || !memcachedudp_datagram(&c->udp, seg, ++c->flows.order))
        c->stats.other_packets++;
}

/* Something may be overdue. */
static __attribute__((noinline)) void tick_due(struct capture *c, int64_t now)
{
    struct line *l = &c->pair.line;
    int64_t patience = c->o.answer_timeout_us;
    if (now <= l->now)
        return;
    if ((l->head && now - l->head->x.arrival > LINE_WAIT_US) || l->late_from < now - patience ||
        patience < LINE_WAIT_US)
        pair_tick(&c->pair, now, patience);
    else
        l->now = now;
    int64_t head = l->head ? l->head->x.arrival + LINE_WAIT_US : INT64_MAX,
            late = l->late_from < INT64_MAX - patience ? l->late_from + patience : INT64_MAX;
    l->due = patience < LINE_WAIT_US ? INT64_MIN : head < late ? head : late;
}

/* What is overdue ends before the packet can answer it. */
static inline void tick(struct capture *c, int64_t now)
{
    struct line *l = &c->pair.line;
    if (now > l->due)
        tick_due(c, now);
    else
        l->now = now > l->now ? now : l->now;
}

/* Frames that are taken together. */
struct batch {
    const struct frame *frames;
    struct segment *fresh;                              /* from here on segments are not remembered yet */
    struct segment seg[CAPTURE_FRAMES + CAPTURE_AHEAD]; /* those of plain frames; of others the payload is NULL */
};

/* A segment with which its connection simply goes on; it is not looked for among copies, nor remembered for them.
 * False: it is none, or not known to be. */
static inline bool take_next(struct flow_table *t, const struct segment *s)
{
    struct flow *f = s->near;
    if (!f || !segment_same_pair(f->pair, s->pair))
        return false;
    flow_pass(t, s->ts);
    return f->settled && onward(t, f, s, false);
}

/* Remembers segments that take_next took, for their copies. */
static __attribute__((noinline)) void remember(const struct flow_table *t, const struct segment *s,
                                               const struct segment *end)
{
    struct dedup *dedup = t->dedup;
    if (dedup)
        for (; s < end; s++)
            dedup_put(dedup, s, s->hash);
}

/* Any frame; seg: its segment in the batch. */
static __attribute__((noinline)) void take_any(struct capture *c, struct batch *b, struct segment *seg)
{
    const struct frame *f = &b->frames[seg - b->seg];
    enum packet_result r = PACKET_TCP;
    if (seg->near && seg->flags & (TCP_FIN | TCP_RST))
        flow_ask_all(seg->near); /* it is over, perhaps */
    remember(&c->flows, b->fresh, seg);
    b->fresh = seg + 1;
    if (seg->payload)
        plain_ends(f, seg);
    else
        r = decode(c, f, seg);
    if (r == PACKET_TCP)
        take_segment(c, seg);
    else if (r == PACKET_UDP)
        datagram(c, seg);
    else
        c->stats.other_packets += r == PACKET_OTHER;
}

/* Counts n frames, decodes the plain ones, and asks for where their connections stand in the table; of others
 * seg[i].payload is NULL. */
static __attribute__((noinline)) void expect(struct capture_stats *stats, const struct flow_table *t,
                                             const struct frame *f, unsigned n, struct segment *seg)
{
    const struct hash_key key = t->key;
    const struct flow_slot *slots = t->slots;
    const uint32_t mask = t->mask;
    struct segment *s = seg;
    uint64_t bytes = 0;
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (const struct frame *end = f + n; f < end; f++, s++) {
        bytes += f->wire_n;
        if (plain_segment(f, &key, s))
            prefetch(&slots[s->flow & mask]);
        else
            *s = (struct segment){.ts = f->ts};
    }
    for (; seg < s; seg++) {
        seg->hash = dedup_hash(seg, &key);
        if (t->dedup)
            prefetch(dedup_set(t->dedup, seg->hash));
        first = seg->ts < first ? seg->ts : first;
        last = seg->ts > last ? seg->ts : last;
        if (seg->payload)
            flow_near(t, seg);
    }
    stats->packets += n;
    stats->bytes += bytes;
    stats->first_us = stats->first_us == TIME_NONE || first < stats->first_us ? first : stats->first_us;
    stats->last_us = last > stats->last_us ? last : stats->last_us;
}

void capture_frames(struct capture *c, const struct frame *f, unsigned n)
{
    struct batch b;
    struct segment *end = b.seg + n;
    b.frames = f;
    b.fresh = b.seg;
    if ((c->stats.packets + n) / MEMORY_EVERY != c->stats.packets / MEMORY_EVERY)
        note_memory(c);
    expect(&c->stats, &c->flows, f, n, b.seg);
    for (unsigned i = 0; i < CAPTURE_AHEAD; i++) {
        end[i].near = c->flows.nodes; /* there is nothing to ask for */
        end[i].n = 0;
    }
    for (unsigned i = 0; i < CAPTURE_AHEAD; i++)
        flow_ask(&c->flows, &b.seg[i]);
    for (struct segment *s = b.seg; s < end; s++) {
        flow_ask(&c->flows, &s[CAPTURE_AHEAD]);
        tick(c, s->ts);
        if (!take_next(&c->flows, s))
            take_any(c, &b, s);
        if (c->udp.waiting)
            memcachedudp_tick(&c->udp, s->ts);
    }
    remember(&c->flows, b.fresh, end);
}

void capture_tick(struct capture *c, int64_t now)
{
    flow_tick(&c->flows, now);
    memcachedudp_tick(&c->udp, now);
    pair_tick(&c->pair, now, c->o.answer_timeout_us);
    note_memory(c);
}

bool capture_ease(struct capture *c, int64_t now, bool behind)
{
    if (!ease_note(&c->ease, now, behind, c->stats.eased))
        return false;
    looks_pause(c->pair.looks, c->ease.step > EASE_BODIES);
    operations_pause(c->pair.operations, c->ease.step > EASE_BODIES);
    seal_pause(c->pair.seal, c->ease.step > EASE_PARTS);
    c->flows.eased = c->udp.eased = c->ease.step;
    return true;
}

unsigned capture_eased(const struct capture *c)
{
    return c->ease.step;
}

uint32_t capture_exchanges(const struct capture *c)
{
    return c->pair.slots.capacity;
}

void capture_flush(struct capture *c)
{
    pair_flush(&c->pair);
}

void capture_secrets(struct capture *c)
{
    flow_secrets(&c->flows);
}

void capture_finish(struct capture *c)
{
    note_memory(c);
    fragments_finish(c->fragments, &c->stats);
    flow_finish(&c->flows);
    memcachedudp_finish(&c->udp);
    pair_finish(&c->pair);
}

void capture_give_back(struct capture *c, struct exchange *x)
{
    slot_give(&c->pair.slots, slot_of(x));
}

void capture_give_back_all(struct capture *c, struct exchange *const *x, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        slot_give(&c->pair.slots, slot_of(x[i]));
}

struct capture_stats *capture_counters(struct capture *c)
{
    return &c->stats;
}

struct opaque *capture_opaque(struct capture *c)
{
    return c->env.opaque;
}

void capture_free(struct capture *c)
{
    if (!c)
        return;
    flow_finish(&c->flows);
    for (uint32_t i = 0; c->flows.nodes && i < c->flows.touched; i++)
        reasm_drop(&c->flows, &c->flows.nodes[i]);
    fragments_free(c->fragments);
    if (c->udp.env)
        memcachedudp_fini(&c->udp);
    flow_fini(&c->flows);
    opaque_free(c->env.opaque);
    tlssession_free(c->env.tls.sessions);
    h2_env_fini(&c->env.h2);
    cache_env_fini(&c->env.cache);
    h1_env_fini(&c->env.h1);
    operations_free(c->pair.operations);
    slot_pool_fini(&c->pair.slots);
    looks_free(c->pair.looks);
    seal_free(c->pair.seal);
    free(c);
}
