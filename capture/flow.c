#include "capture/flow.h"

#include <stdlib.h>

#include "base/pages.h"
#include "capture/ease.h"
#include "capture/onward.h"

enum { FIRST_SLOTS = 1024 };

bool flow_init(struct flow_table *t, uint32_t capacity, uint64_t held_limit, struct decode_env *env,
               struct capture_stats *stats, const struct hash_key *key)
{
    *t = (struct flow_table){.capacity = capacity,
                             .mask = FIRST_SLOTS - 1,
                             .held_limit = held_limit,
                             .env = env,
                             .stats = stats,
                             .key = *key,
                             .now = INT64_MIN,
                             .wheel_at = INT64_MIN,
                             .wheel_due = INT64_MIN};
    t->nodes = pages_table((size_t)capacity * sizeof *t->nodes);
    t->links = pages_reserve((size_t)capacity * sizeof *t->links);
    t->slots = calloc(FIRST_SLOTS, sizeof *t->slots);
    return t->nodes && t->links && t->slots;
}

void flow_fini(struct flow_table *t)
{
    free(t->dedup);
    pages_release(t->nodes, (size_t)t->capacity * sizeof *t->nodes);
    pages_release(t->links, (size_t)t->capacity * sizeof *t->links);
    free(t->slots);
    *t = (struct flow_table){0};
}

/* ---- the table ---- */

/* The pair of an IPv4 segment's ends. */
static void pair_of(const struct endpoints *e, uint64_t pair[2])
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t port[2] = {(uint8_t)(e->port[i] >> 8), (uint8_t)e->port[i]};
        pair[i] = segment_end4(e->ip[i] + 12, port);
    }
}

static uint32_t hash_v6(const struct flow_table *t, const struct endpoints *e)
{
    uint64_t h = hash_fold(e->words[0] ^ t->key.k0, e->words[1] ^ t->key.k1);
    h = hash_fold(h ^ e->words[2] ^ t->key.k1, e->words[3] ^ t->key.body_seed);
    return (uint32_t)hash_fold(h ^ e->words[4], t->key.k0 | 1);
}

void flow_key(const struct flow_table *t, struct segment *s)
{
    uint64_t scope = s->ends.scope;
    if (s->v6) {
        s->flow = hash_v6(t, &s->ends);
    } else {
        pair_of(&s->ends, s->pair);
        s->flow = segment_hash4(&t->key, s->pair);
        if (scope)
            s->flow = (uint32_t)hash_fold(s->flow ^ scope << 32, t->key.body_seed | 1);
    }
    if (s->v6 || scope)
        s->pair[0] = s->pair[1] = SEGMENT_NO_PAIR;
}

/* The pair is where it was just asked for; the ends are not. */
static struct flow *find(const struct flow_table *t, const struct segment *s)
{
    for (uint32_t i = s->flow & t->mask; t->slots[i].node; i = (i + 1) & t->mask) {
        struct flow *f = &t->nodes[t->slots[i].node - 1];
        if (t->slots[i].hash == s->flow && segment_same_pair(f->pair, s->pair) &&
            (s->pair[0] != SEGMENT_NO_PAIR || endpoints_same(&f->ends, &s->ends)))
            return f;
    }
    return NULL;
}

static void slot_put(struct flow_slot *slots, uint32_t mask, struct flow_slot s)
{
    uint32_t i = s.hash & mask;
    while (slots[i].node)
        i = (i + 1) & mask;
    slots[i] = s;
}

/* The table stays as small as its flows allow, so that it stays near. */
static void table_grow(struct flow_table *t)
{
    uint32_t slots = (t->mask + 1) * 2;
    struct flow_slot *wide = calloc(slots, sizeof *wide);
    if (!wide)
        return;
    for (uint32_t i = 0; i <= t->mask; i++)
        if (t->slots[i].node)
            slot_put(wide, slots - 1, t->slots[i]);
    free(t->slots);
    t->slots = wide;
    t->mask = slots - 1;
}

/* Whether one more fits in; one slot always stays free, where searches end. */
static bool table_room(struct flow_table *t)
{
    if (t->live >= t->mask / 2)
        table_grow(t);
    return t->live < t->mask;
}

static void table_add(struct flow_table *t, const struct flow *f)
{
    slot_put(t->slots, t->mask, (struct flow_slot){f->index + 1, f->hash});
}

/* Takes f out; what stood behind it moves up (no tombstones). */
static void table_remove(struct flow_table *t, const struct flow *f)
{
    uint32_t i = f->hash & t->mask;
    while (t->slots[i].node != f->index + 1)
        i = (i + 1) & t->mask;
    for (uint32_t j = (i + 1) & t->mask; t->slots[j].node; j = (j + 1) & t->mask) {
        uint32_t home = t->slots[j].hash & t->mask;
        if (((j - home) & t->mask) >= ((j - i) & t->mask)) {
            t->slots[i] = t->slots[j];
            i = j;
        }
    }
    t->slots[i].node = 0;
}

/* ---- lists ---- */

void flow_hole(struct flow_table *t, struct flow *f, int64_t deadline)
{
    f->deadline = deadline;
    if (f->hole)
        return;
    f->hole = true;
    f->hole_prev = NULL;
    f->hole_next = t->holes;
    if (t->holes)
        t->holes->hole_prev = f;
    t->holes = f;
}

void flow_whole(struct flow_table *t, struct flow *f)
{
    if (!f->hole)
        return;
    *(f->hole_prev ? &f->hole_prev->hole_next : &t->holes) = f->hole_next;
    if (f->hole_next)
        f->hole_next->hole_prev = f->hole_prev;
    f->hole = false;
}

/* Of the place of f in a list, where it is the first. */
enum { LINK_FIRST = 1u << 31 };

static void wheel_add(struct flow_table *t, const struct flow *f, int64_t due)
{
    int64_t step = due / WHEEL_STEP_US, now = t->now / WHEEL_STEP_US;
    struct flow_link *link = &t->links[f->index];
    if (step <= now)
        step = now + 1;
    if (step >= now + WHEEL_SLOTS)
        step = now + WHEEL_SLOTS - 1;
    uint32_t slot = (uint32_t)((uint64_t)step % WHEEL_SLOTS);
    *link = (struct flow_link){t->wheel[slot], LINK_FIRST | slot};
    if (link->next)
        t->links[link->next - 1].prev = f->index;
    t->wheel[slot] = f->index + 1;
}

static void wheel_remove(struct flow_table *t, const struct flow *f)
{
    struct flow_link link = t->links[f->index];
    *(link.prev & LINK_FIRST ? &t->wheel[link.prev % WHEEL_SLOTS] : &t->links[link.prev].next) = link.next;
    if (link.next)
        t->links[link.next - 1].prev = link.prev;
}

/* ---- life and death ---- */

/* One direction alone: the other may have come elsewhere. */
static void note_oneway(struct flow_table *t, const struct flow *f)
{
    enum { KEY = offsetof(struct endpoints, scope) };
    struct split_half h = {hash_bytes(&t->key, 's', &f->ends, KEY) | 1, f->ends.scope, f->side[1].seen};
    t->stats->flows_oneway++;
    t->stats->flows_split += split_meets(&t->split, h) * 2u;
}

/* Nothing more can come: holes are lost, the decoder closes. The node stays, so that stray segments find it. */
static void finish(struct flow_table *t, struct flow *f, enum chunk_end how)
{
    if (f->closed)
        return;
    reasm_give_up(t, f, true);
    flow_whole(t, f);
    reasm_drop(t, f);
    f->closed = true;
    f->settled = false;
    if (f->side[0].ended && f->side[1].ended)
        how = CHUNK_FIN; /* it only waited */
    if (!(f->side[0].seen && f->side[1].seen))
        note_oneway(t, f);
    decode_close(t->env, &f->decoding, how, f->first_end);
}

static void release(struct flow_table *t, struct flow *f, enum chunk_end how)
{
    finish(t, f, how);
    wheel_remove(t, f);
    table_remove(t, f);
    t->links[f->index].next = t->free;
    t->free = f->index + 1;
    t->live--;
}

/* Room is short: the flow nearest to its end goes. */
static void evict(struct flow_table *t)
{
    int64_t now = t->now / WHEEL_STEP_US;
    for (int64_t i = 1; i <= WHEEL_SLOTS; i++) {
        uint32_t first = t->wheel[(uint64_t)(now + i) % WHEEL_SLOTS];
        if (!first)
            continue;
        struct flow *f = &t->nodes[first - 1];
        t->stats->flows_evicted += !f->closed;
        release(t, f, CHUNK_IDLE);
        return;
    }
}

static struct addr address(const struct flow *f, int side)
{
    struct addr a = {.port = f->ends.port[side], .known = 1};
    memcpy(a.ip, f->ends.ip[side], 16);
    return a;
}

static void set_client(struct flow *f, int dir)
{
    f->client = (uint8_t)dir;
    f->conn.client = address(f, dir);
    f->conn.server = address(f, 1 - dir);
    f->conn.who = 0;
}

static bool has_bytes(const struct flow *f)
{
    return f->decoding.state != DECODING_NOTHING || f->wanting[0].held || f->wanting[1].held;
}

/* Who is the client: the sender of the SYN; else what the first bytes say; else the higher port. */
static void guess_client(struct flow *f, int dir, const struct segment *s)
{
    bool from_server = false;
    if (f->client_known)
        return;
    if (s->flags & TCP_SYN) {
        set_client(f, s->flags & TCP_ACK ? 1 - dir : dir);
        f->client_known = f->conn.sure = true;
        return;
    }
    struct slice bytes = slice_of(s->payload, s->n);
    if (s->n && (decode_guess(bytes, &from_server) == GUESS_YES || decode_is_cache_client(bytes))) {
        int client = from_server ? 1 - dir : dir;
        f->client_known = f->conn.sure = true;
        if (client != f->client) {
            set_client(f, client);
            decode_swap(&f->decoding);
            bool seen = f->conn.seen[0];
            f->conn.seen[0] = f->conn.seen[1];
            f->conn.seen[1] = seen;
        }
        return;
    }
    if (!has_bytes(f) && !(f->side[0].seen && f->side[1].seen))
        set_client(f, f->ends.port[dir] >= f->ends.port[1 - dir] ? dir : 1 - dir);
}

/* A node begins (again) with this segment. */
static void start(struct flow_table *t, struct flow *f)
{
    f->client_known = f->syn = f->closed = f->waits = f->rst = f->settled = f->paced = false;
    f->window[0] = f->window[1] = 0;
    f->held_bytes[0] = f->held_bytes[1] = f->held_pieces[0] = f->held_pieces[1] = 0;
    f->first_end = -1;
    f->side[0] = f->side[1] = (struct side){.rtt_ts = TIME_NONE};
    f->wanting[0] = f->wanting[1] = (struct wanting){.since = TIME_NONE};
    f->syn_ts = f->synack_ts = TIME_NONE;
    f->conn = (struct conn){.id = ++t->conn_id, .rtt_client = -1, .rtt_server = -1};
    set_client(f, 0);
    decode_open(&f->decoding, &f->conn);
    t->stats->flows++;
}

static struct flow *make(struct flow_table *t, const struct segment *s)
{
    if (!table_room(t) || (!t->free && t->touched == t->capacity))
        evict(t);
    if (!t->free && t->touched == t->capacity)
        return NULL;
    uint32_t index = t->free ? t->free - 1 : t->touched++;
    if (t->free)
        t->free = t->links[index].next;
    struct flow *f = &t->nodes[index];
    uint32_t next = t->free ? t->free - 1 : t->touched;
    if (next < t->capacity)
        prefetch_lines(&t->nodes[next], sizeof *f); /* it begins soon, and all of it is written then */
    f->index = index;
    f->hash = s->flow;
    f->ends = s->ends;
    memcpy(f->pair, s->pair, sizeof f->pair);
    f->hole = false;
    table_add(t, f);
    wheel_add(t, f, t->now + FLOW_IDLE_US);
    t->live++;
    start(t, f);
    return f;
}

/* A SYN that begins another connection on the same addresses. */
static bool begins_anew(const struct flow *f, int dir, const struct segment *s)
{
    if (f->rst && s->wire_n && (int32_t)(s->seq - f->side[dir].next) >= 0)
        return true; /* the reset was not meant, or not believed */
    if (!(s->flags & TCP_SYN) || (s->flags & TCP_ACK))
        return false;
    const struct side *d = &f->side[dir];
    if (f->closed)
        return true;
    return d->init && !d->by_ack && s->seq + 1 != d->next - (uint32_t)d->offset;
}

static void handshake(struct flow *f, int dir, const struct segment *s)
{
    bool from_client = flow_role(f, dir) == 0;
    if (s->flags & TCP_SYN) {
        f->syn = true;
        pace_syn(&f->conn.pace, from_client ? 0 : 1, s);
        if (from_client && !(s->flags & TCP_ACK) && f->syn_ts == TIME_NONE)
            f->syn_ts = s->ts;
        if (!from_client && f->synack_ts == TIME_NONE) {
            f->synack_ts = s->ts;
            if (f->syn_ts != TIME_NONE && s->ts >= f->syn_ts)
                f->conn.rtt_server = (int32_t)(s->ts - f->syn_ts);
        }
    } else if (from_client && f->synack_ts != TIME_NONE && f->conn.rtt_client < 0 && s->ts >= f->synack_ts) {
        f->conn.rtt_client = (int32_t)(s->ts - f->synack_ts);
    }
}

/* Ends what is over, unless something may still come of it. */
static void end_if_over(struct flow_table *t, struct flow *f)
{
    bool over = (f->side[0].ended && f->side[1].ended) || f->rst;
    if (!over || f->closed)
        return;
    if ((f->hole && !f->rst) || decode_waits(&f->decoding))
        return; /* what is missing may still come */
    finish(t, f, f->rst ? CHUNK_RST : CHUNK_FIN);
    wheel_remove(t, f);
    wheel_add(t, f, t->now + FLOW_LINGER_US);
}

static void note_end(struct flow_table *t, struct flow *f, int dir)
{
    if (f->first_end < 0)
        f->first_end = (int8_t)flow_role(f, dir);
    end_if_over(t, f);
}

/* ---- secrets ---- */

void flow_note_waiting(struct flow_table *t, struct flow *f)
{
    if (f->waits || !decode_waits(&f->decoding) || t->n_waiting == FLOW_WAITING_MAX)
        return;
    f->waits = true;
    t->waiting[t->n_waiting++] = (struct flow_waiting){f->index, f->conn.id};
}

void flow_secrets(struct flow_table *t)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->n_waiting; i++) {
        struct flow_waiting w = t->waiting[i];
        struct flow *f = &t->nodes[w.index];
        if (f->conn.id != w.conn || f->closed)
            continue;
        decode_secrets(t->env, &f->decoding);
        f->waits = decode_waits(&f->decoding);
        if (f->waits)
            t->waiting[kept++] = w;
        else
            end_if_over(t, f);
    }
    t->n_waiting = kept;
}

/* A reset far from where its direction stands is somebody else's (RFC 5961 section 3). */
static bool plausible_reset(const struct flow *f, int dir, const struct segment *s)
{
    const struct side *d = &f->side[dir];
    int32_t ahead = (int32_t)(s->seq - d->next);
    return !d->init || (ahead >= -(1 << 16) && ahead <= 1 << 20);
}

/* Of a connection that is left out, whole: there is no time for all. */
static void skip(struct flow_table *t, const struct segment *s)
{
    t->stats->packets_skipped++;
    t->stats->flows_skipped += (s->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

void flow_pace(struct flow *f, int role, const struct segment *s)
{
    const struct side *answers = &f->side[1 - f->client];
    struct pace *p = &f->conn.pace;
    uint32_t acked = answers->has_acked ? answers->acked : answers->next;
    f->paced = p->on;
    if (role == 1 && (p->on ? s->wire_n > 0 : s->wire_n >= PACE_LEAST)) {
        onward_paced(f, s, acked);
    } else if (p->on && role == 0 && s->flags & TCP_ACK && pace_hears(p, f->conn.rtt_server)) {
        p->window = f->window[0];
        pace_ack(p, s, reasm_after(s->ack, acked) > 0 ? s->ack : acked, f->conn.rtt_server);
    }
}

/* Nothing is open about the connection that its next segment could settle, and nothing of its bytes is missing: what
 * goes on is in order, or acknowledges. To be asked anew when anything else came. */
static bool is_settled(const struct flow *f)
{
    const struct conn *c = &f->conn;
    bool settled = f->client_known && !f->closed && !f->rst && !f->hole && (f->syn || c->midstream) && c->seen[0] &&
                   c->seen[1] && (c->rtt_client >= 0 || f->synack_ts == TIME_NONE);
    for (int dir = 0; dir < 2; dir++) {
        const struct side *d = &f->side[dir];
        settled = settled && d->seen && d->init && d->has_acked && !d->by_ack && !d->fin && !f->wanting[dir].held;
    }
    return settled;
}

/* Any segment but second copies. f: its connection, NULL: there is none. */
static void any_segment(struct flow_table *t, struct flow *f, const struct segment *s)
{
    int dir = s->dir;
    if (!f) {
        if (!s->wire_n && !(s->flags & TCP_SYN))
            return; /* a stray acknowledgement is no connection */
        if (t->eased && !ease_reads(t->eased, s->flow)) {
            skip(t, s);
            return;
        }
        f = make(t, s);
        if (!f)
            return;
    } else if (begins_anew(f, dir, s)) {
        finish(t, f, CHUNK_IDLE);
        start(t, f);
    }
    f->last = s->ts;
    if (f->closed)
        return;
    guess_client(f, dir, s);
    int role = flow_role(f, dir);
    f->side[dir].seen = f->conn.seen[role] = true;
    if (!f->syn && !(s->flags & TCP_SYN) && !f->conn.midstream) {
        f->conn.midstream = true;
        t->stats->flows_midstream++;
    }
    if (s->flags & TCP_SYN || f->conn.rtt_client < 0)
        handshake(f, dir, s);
    f->window[role] = s->window;
    if (f->paced || s->wire_n >= PACE_LEAST)
        flow_pace(f, role, s);
    reasm_segment(t, f, dir, s);
    if (s->n && f->decoding.tls)
        flow_note_waiting(t, f);
    bool reset = s->flags & TCP_RST && plausible_reset(f, dir, s);
    f->rst |= reset;
    if (reset || f->side[dir].fin)
        note_end(t, f, dir);
    f->settled = is_settled(f);
}

void flow_segment(struct flow_table *t, const struct segment *s)
{
    flow_pass(t, s->ts);
    bool copy = t->dedup && dedup_seen(t->dedup, s, dedup_hash(s, &t->key));
    struct flow *f = find(t, s);
    if (f && f->settled && !copy && onward(t, f, s, true))
        return;
    t->order++;
    if (copy && !(f && s->n && f->wanting[s->dir].held)) /* what waits is compared with it */
        t->stats->duplicates++;
    else
        any_segment(t, f, s);
}

/* ---- time ---- */

static void overdue_holes(struct flow_table *t)
{
    for (struct flow *f = t->holes, *next; f; f = next) {
        next = f->hole_next;
        if (f->deadline > t->now)
            continue;
        flow_whole(t, f);
        reasm_give_up(t, f, false);
        bool over = f->side[0].ended && f->side[1].ended;
        if (over && !f->hole)
            finish(t, f, CHUNK_FIN);
    }
}

static void turn_wheel(struct flow_table *t)
{
    int64_t step = t->now / WHEEL_STEP_US, from = t->wheel_at / WHEEL_STEP_US;
    if (from < step - WHEEL_SLOTS)
        from = step - WHEEL_SLOTS;
    for (int64_t at = from + 1; at <= step; at++) {
        uint32_t place = t->wheel[(uint64_t)at % WHEEL_SLOTS], next;
        t->wheel[(uint64_t)at % WHEEL_SLOTS] = 0;
        for (; place; place = next) {
            struct flow *f = &t->nodes[place - 1];
            next = t->links[place - 1].next;
            prefetch(&t->nodes[next - (next != 0)]);
            int64_t due = f->last + (f->closed ? FLOW_LINGER_US : FLOW_IDLE_US);
            wheel_add(t, f, due);
            if (due <= t->now)
                release(t, f, CHUNK_IDLE);
        }
    }
}

void flow_tick(struct flow_table *t, int64_t now)
{
    if (now <= t->now)
        return;
    if (t->now == INT64_MIN)
        t->wheel_at = now;
    t->now = now;
    if (t->holes && now - t->holes_checked >= 10000) {
        t->holes_checked = now;
        overdue_holes(t);
    }
    if (now >= t->wheel_due) {
        turn_wheel(t);
        t->wheel_at = now;
        t->wheel_due = (now / WHEEL_STEP_US + 1) * WHEEL_STEP_US;
    }
}

void flow_finish(struct flow_table *t)
{
    for (uint32_t i = 0; i < t->touched; i++)
        if (t->nodes[i].conn.id && !t->nodes[i].closed)
            finish(t, &t->nodes[i], CHUNK_CAPTURE_END);
}
