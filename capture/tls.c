#include "capture/tls.h"

#include <stdlib.h>

#include "capture/tlshandshake.h"

enum {
    RECORD_CCS = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_DATA = 23,
    LOST_MAX = 256,      /* records of which the number is guessed after a loss */
    TRIES_MAX = 1 << 14, /* to open something after one loss */
};

/* A record, whole. */
struct record {
    const uint8_t *p; /* head and the rest */
    size_t n;
    const struct tls_mark *mark;
    unsigned marks;
};

/* ---- life ---- */

static bool plausible(const uint8_t *p)
{
    unsigned n = (unsigned)p[3] << 8 | p[4];
    return p[0] >= RECORD_CCS && p[0] <= RECORD_DATA && p[1] == 3 && p[2] <= 4 && n && n <= TLS_PROTECTED_MAX;
}

bool tls_begins(struct slice s, int role)
{
    const uint8_t *p = (const uint8_t *)s.p;
    return s.n && p[0] == RECORD_HANDSHAKE && (s.n < 2 || p[1] == 3) && (s.n < TLS_RECORD_HEAD || plausible(p)) &&
           (s.n < 6 || p[5] == (role == 0 ? TLS_HELLO_CLIENT : TLS_HELLO_SERVER));
}

struct tls *tls_open(const struct tls_env *env)
{
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->last = &t->first;
    t->keys_seen = tls_keys_version(env->keys);
    *env->memory += sizeof *t;
    return t;
}

static void count_buf(const struct tls_env *env, size_t before, const struct buf *b)
{
    *env->memory += b->cap - before;
}

static void drop_buf(const struct tls_env *env, struct buf *b)
{
    *env->memory -= b->cap;
    buf_free(b);
}

static void drop_waiting(struct tls *t, const struct tls_env *env)
{
    while (t->first) {
        struct tls_waiting *w = t->first;
        t->first = w->next;
        *env->memory -= sizeof *w + w->n;
        free(w);
    }
    t->last = &t->first;
    t->held = 0;
}

static void drop_all(struct tls *t, const struct tls_env *env)
{
    drop_waiting(t, env);
    for (int role = 0; role < 2; role++) {
        struct tls_side *s = &t->side[role];
        drop_buf(env, &s->carry);
        drop_buf(env, &s->hello);
        tls_cipher_free(s->cipher);
        tls_cipher_free(s->next);
        s->cipher = s->next = NULL;
        explicit_bzero(&s->secret, sizeof s->secret);
    }
}

void tls_close(struct tls *t, const struct tls_env *env)
{
    if (!t)
        return;
    drop_all(t, env);
    *env->memory -= sizeof *t;
    free(t);
}

static enum tls_verdict give_up(struct tls *t, const struct tls_env *env, enum tls_verdict why)
{
    t->verdict = why;
    drop_all(t, env);
    return why;
}

/* ---- secrets ---- */

enum ready { READY, READY_NOT_YET, READY_NEVER };

static enum ready make12(struct tls *t, const struct tls_env *env)
{
    const struct tls_secret *master = tls_keys_find(env->keys, TLS_MASTER, t->random[0]);
    struct tls_cipher *made[2];
    if (!t->suite || tls_suite_is13(t->suite))
        return READY_NEVER;
    if (!master)
        return READY_NOT_YET;
    if (!tls_cipher_make12(t->suite, master, t->random[0], t->random[1], t->encrypt_then_mac, made))
        return READY_NEVER;
    for (int role = 0; role < 2; role++) {
        tls_cipher_free(t->side[role].next);
        t->side[role].next = made[role];
    }
    return READY;
}

static enum ready make13(struct tls *t, const struct tls_env *env, int role)
{
    static const enum tls_label label[2][3] = {{TLS_CLIENT_EARLY, TLS_CLIENT_HANDSHAKE, TLS_CLIENT_TRAFFIC},
                                               {TLS_SERVER_HANDSHAKE, TLS_SERVER_HANDSHAKE, TLS_SERVER_TRAFFIC}};
    struct tls_side *s = &t->side[role];
    const struct tls_secret *secret = tls_keys_find(env->keys, label[role][s->phase], t->random[0]);
    if (!t->suite || !tls_suite_is13(t->suite))
        return READY_NEVER;
    if (!secret)
        return READY_NOT_YET;
    s->secret = *secret;
    s->cipher = tls_cipher_make13(t->suite, secret);
    return s->cipher ? READY : READY_NEVER;
}

/* The keys that this direction is under. */
static enum ready ready(struct tls *t, const struct tls_env *env, int role)
{
    struct tls_side *s = &t->side[role];
    if (s->cipher)
        return READY;
    if (!t->client_hello || !t->server_hello)
        return READY_NOT_YET;
    if (t->version == TLS_13)
        return make13(t, env, role);
    if (t->version != TLS_12)
        return READY_NEVER;
    enum ready r = s->next ? READY : make12(t, env);
    if (r == READY) {
        s->cipher = s->next;
        s->next = NULL;
    }
    return r;
}

/* ---- records ---- */

/* How far into the other side's inner stream an acknowledgement of its outer one reaches. */
static uint64_t inner_ack(const struct tls *t, int role, uint64_t outer)
{
    const struct tls_side *other = &t->side[!role];
    uint64_t known = other->lost ? other->lost_from : other->outer + other->carry.n;
    if (outer == ACK_UNKNOWN || outer > known)
        return ACK_UNKNOWN; /* it reaches into what did not come, or not yet */
    unsigned n = other->places < TLS_PLACES ? other->places : TLS_PLACES;
    for (unsigned i = 0; i < n; i++) {
        const struct tls_place *p = &other->place[(other->places - 1 - i) % TLS_PLACES];
        if (p->outer <= outer)
            return p->inner;
    }
    return other->places > TLS_PLACES ? ACK_UNKNOWN : 0;
}

static void note_place(struct tls_side *s, uint64_t outer)
{
    s->place[s->places++ % TLS_PLACES] = (struct tls_place){outer, s->inner};
}

/* What a record held goes on in pieces, each with the time of the packet that its bytes came in. `skip`: bytes of the
 * record before what it held. */
static void hand_on(struct tls *t, int role, const struct record *r, size_t skip, const uint8_t *p, size_t n,
                    const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    size_t done = 0;
    for (unsigned i = 0; i < r->marks && done < n; i++) {
        size_t end = i + 1 < r->marks ? r->mark[i + 1].at : r->n;
        end = end > skip ? end - skip : 0;
        end = i + 1 == r->marks || end > n ? n : end;
        if (end <= done)
            continue;
        struct chunk c = {.p = (const char *)p + done,
                          .n = end - done,
                          .ts = r->mark[i].ts,
                          .order = r->mark[i].order,
                          .offset = s->inner,
                          .ack_offset = inner_ack(t, role, r->mark[i].ack_offset)};
        s->inner += c.n;
        done = end;
        sink->chunk(sink->context, role, &c);
    }
}

/* The content of a protected record: of TLS 1.3 its type is at its end, before zeroes. */
static void content(struct tls *t, const struct tls_env *env, int role, const struct record *r, const uint8_t *p,
                    size_t n, const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    unsigned type = r->p[0];
    if (t->version == TLS_13) {
        while (n && !p[n - 1])
            n--;
        if (!n)
            return;
        type = p[--n];
    }
    if (type == RECORD_DATA) {
        int overhead = tls_suite_overhead(t->suite);
        size_t skip = TLS_RECORD_HEAD + (t->version == TLS_13 ? 0 : overhead < 0 ? 16 : (size_t)overhead - 21);
        hand_on(t, role, r, skip, p, n, sink);
    } else if (type == RECORD_HANDSHAKE) {
        tlshandshake_feed(t, env, role, p, n);
    } else if (type == RECORD_CCS && t->version != TLS_13) { /* a renegotiation's */
        tlshandshake_forget_cipher(s);
    }
}

/* After a loss: the number of records that are missing before this one, by opening it under each that is possible; -1:
 * none fits. What it holds is in `out`, its length in *held. */
static int missing_before(struct tls_side *s, const uint8_t *p, size_t n, uint8_t *out, int *held)
{
    for (int i = 0; s->cipher && i < LOST_MAX && s->tries < TRIES_MAX; i++, s->tries++) {
        *held = tls_cipher_open(s->cipher, s->seq + (unsigned)i, p, p + TLS_RECORD_HEAD, n - TLS_RECORD_HEAD, out);
        if (*held >= 0)
            return i;
    }
    return -1;
}

/* The same, and in the handshake of TLS 1.3 under what comes after it, too: its end may be among what is missing. */
static int missing(struct tls *t, const struct tls_env *env, int role, const uint8_t *p, size_t n, uint8_t *out,
                   int *held)
{
    struct tls_side *s = &t->side[role];
    int lost = missing_before(s, p, n, out, held);
    if (lost >= 0 || t->version != TLS_13 || s->phase != PHASE_HANDSHAKE)
        return lost;
    struct tls_side before = *s;
    s->phase = PHASE_TRAFFIC;
    s->cipher = NULL;
    s->seq = 0;
    lost = make13(t, env, role) == READY ? missing_before(s, p, n, out, held) : -1;
    if (lost >= 0) {
        tls_cipher_free(before.cipher);
        s->head_n = 0;
        s->left = 0;
        return lost;
    }
    tls_cipher_free(s->cipher);
    s->cipher = before.cipher;
    s->secret = before.secret;
    s->phase = before.phase;
    s->seq = before.seq;
    return -1;
}

/* What `skipped` records in `outer` bytes held: exact but for the padding of CBC. */
static uint64_t held_by(const struct tls *t, uint64_t outer, uint64_t skipped)
{
    int overhead = tls_suite_overhead(t->suite);
    uint64_t all = skipped * (uint64_t)(overhead < 0 ? 48 : overhead);
    return outer > all ? outer - all : 0;
}

enum done { DONE, DONE_WAIT, DONE_NEVER, DONE_SUITE, DONE_BAD };

/* Early data is there or was turned away: what early keys do not open may be of the handshake. */
static int open_early(struct tls *t, const struct tls_env *env, int role, const struct record *r, uint8_t *out)
{
    struct tls_side *s = &t->side[role];
    if (s->phase == PHASE_EARLY && s->cipher) {
        int n = tls_cipher_open(s->cipher, s->seq, r->p, r->p + TLS_RECORD_HEAD, r->n - TLS_RECORD_HEAD, out);
        if (n >= 0)
            return n;
    }
    enum tls_phase before = s->phase;
    struct tls_cipher *early = s->cipher;
    uint64_t seq = s->seq;
    s->cipher = NULL;
    s->phase = PHASE_HANDSHAKE;
    s->seq = 0;
    int n = make13(t, env, role) == READY
                ? tls_cipher_open(s->cipher, 0, r->p, r->p + TLS_RECORD_HEAD, r->n - TLS_RECORD_HEAD, out)
                : -1;
    if (n >= 0) {
        tls_cipher_free(early);
        s->early = false;
        return n;
    }
    tls_cipher_free(s->cipher);
    s->cipher = early;
    s->phase = before;
    s->seq = seq;
    return -1;
}

/* Early records that nothing opens are passed over; what they held is missing, unless it was turned away. */
static void pass_over(const struct tls *t, struct tls_side *s, int role, const struct record *r,
                      const struct tls_sink *sink)
{
    uint64_t n = r->n - (uint64_t)tls_suite_overhead(t->suite);
    if (!t->early_taken)
        return;
    sink->gap(sink->context, role, n, s->inner);
    s->inner += n;
}

static enum done protected_record(struct tls *t, const struct tls_env *env, int role, const struct record *r,
                                  const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    uint8_t out[TLS_PROTECTED_MAX];
    if (t->version == TLS_13 && r->p[0] != RECORD_DATA)
        return DONE; /* change of cipher for the sake of middle boxes, alerts in the clear */
    enum ready is = ready(t, env, role);
    if (is == READY_NEVER)
        return DONE_SUITE;
    bool early = s->early && t->version == TLS_13 && t->server_hello && s->phase != PHASE_TRAFFIC;
    if (early && !t->early_known)
        return DONE_WAIT;
    if (is == READY_NOT_YET && !(early && tls_keys_find(env->keys, TLS_CLIENT_HANDSHAKE, t->random[0])))
        return DONE_WAIT;
    int n = early ? open_early(t, env, role, r, out)
                  : tls_cipher_open(s->cipher, s->seq, r->p, r->p + TLS_RECORD_HEAD, r->n - TLS_RECORD_HEAD, out);
    if (n < 0 && early) {
        pass_over(t, s, role, r, sink);
        return DONE;
    }
    int lost = n < 0 && s->guess ? missing(t, env, role, r->p, r->n, out, &n) : 0;
    if (n < 0)
        return DONE_BAD;
    if (s->guess && lost > 0) { /* how much of that was handshake is not known */
        uint64_t gone = held_by(t, s->outer - s->lost_from, (uint64_t)lost);
        s->seq += (unsigned)lost;
        sink->gap(sink->context, role, gone + !gone, s->inner);
        s->inner += gone + !gone;
    }
    s->proven = true;
    s->guess = false;
    s->seq++;
    content(t, env, role, r, out, (size_t)n, sink);
    explicit_bzero(out, (size_t)n);
    return DONE;
}

static enum done take_record(struct tls *t, const struct tls_env *env, int role, const struct record *r,
                             const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    unsigned type = r->p[0];
    if (!s->protected && type == RECORD_DATA) {
        if (!t->client_hello || (role == 1 && !s->guess))
            return DONE_NEVER;
        s->protected = true; /* TLS 1.3: early data, or the rest of the client's handshake; or the change was lost */
        s->seq = 0;
    }
    if (s->protected)
        return protected_record(t, env, role, r, sink);
    if (type == RECORD_HANDSHAKE) {
        if (!s->deaf)
            tlshandshake_feed(t, env, role, r->p + TLS_RECORD_HEAD, r->n - TLS_RECORD_HEAD);
    } else if (type == RECORD_CCS && t->version != TLS_13 && (t->server_hello || role == 1)) {
        s->protected = true;
        s->seq = 0;
    }
    return DONE;
}

static enum tls_verdict verdict_of(enum done d)
{
    switch (d) {
    case DONE_NEVER:
        return TLS_MIDSTREAM;
    case DONE_SUITE:
        return TLS_SUITE;
    case DONE_BAD:
        return TLS_BROKEN;
    case DONE:
    case DONE_WAIT:
        break;
    }
    return TLS_GOING;
}

/* ---- waiting ---- */

static enum tls_verdict wait(struct tls *t, const struct tls_env *env, int role, const struct record *r)
{
    struct tls_waiting *w = NULL;
    if (t->held + r->n <= TLS_HELD_MAX && *env->memory + sizeof *w + r->n <= env->memory_limit)
        w = malloc(sizeof *w + r->n);
    if (!w)
        return give_up(t, env, TLS_NO_SECRET);
    *w = (struct tls_waiting){
        .role = (uint8_t)role, .marks = (uint16_t)r->marks, .n = (uint32_t)r->n, .outer = t->side[role].outer + r->n};
    memcpy(w->mark, r->mark, r->marks * sizeof *r->mark);
    memcpy(w->bytes, r->p, r->n);
    *t->last = w;
    t->last = &w->next;
    t->held += r->n;
    *env->memory += sizeof *w + r->n;
    t->side[role].blocked = true;
    return TLS_WAITING;
}

/* Answers do not overtake requests that wait: the secrets of one direction may be logged before the other's. What the
 * server says before it is done with its handshake is let through, for it may be what the client's early data waits
 * for.
 */
static bool must_queue(const struct tls *t, int role, bool client_waits)
{
    return role == 1 && client_waits && !t->ending && t->version == TLS_13 && t->side[1].phase == PHASE_TRAFFIC;
}

/* Records that waited, in the order they came in, as far as secrets go. */
static enum tls_verdict try_waiting(struct tls *t, const struct tls_env *env, const struct tls_sink *sink)
{
    bool blocked[2] = {false, false};
    struct tls_waiting **at = &t->first;
    while (*at) {
        struct tls_waiting *w = *at;
        struct record r = {w->bytes, w->n, w->mark, w->marks};
        bool queues = blocked[w->role] || must_queue(t, w->role, blocked[0]);
        enum done d = queues ? DONE_WAIT : take_record(t, env, w->role, &r, sink);
        if (d == DONE_WAIT) {
            blocked[w->role] = true;
            at = &w->next;
            continue;
        }
        if (d != DONE)
            return give_up(t, env, verdict_of(d));
        note_place(&t->side[w->role], w->outer);
        *at = w->next;
        t->held -= w->n;
        *env->memory -= sizeof *w + w->n;
        free(w);
    }
    t->last = at;
    t->side[0].blocked = blocked[0];
    t->side[1].blocked = blocked[1];
    return t->first ? TLS_WAITING : TLS_GOING;
}

static enum tls_verdict new_secrets(struct tls *t, const struct tls_env *env, const struct tls_sink *sink)
{
    uint64_t version = tls_keys_version(env->keys);
    if (version == t->keys_seen)
        return TLS_WAITING;
    t->keys_seen = version;
    return try_waiting(t, env, sink);
}

/* Something is missing that nobody said: the next record is looked for. */
static void lose(struct tls_side *s)
{
    s->lost = true;
    s->lost_from = s->outer;
    s->tries = 0;
    s->deaf = true;
}

static enum tls_verdict whole_record(struct tls *t, const struct tls_env *env, int role, const struct record *r,
                                     const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    bool knew = t->server_hello, knew_early = t->early_known;
    bool queues = s->blocked || must_queue(t, role, t->side[0].blocked);
    enum done d = queues ? DONE_WAIT : take_record(t, env, role, r, sink);
    if (d == DONE_WAIT)
        return wait(t, env, role, r);
    if (d == DONE_BAD && s->proven) {
        lose(s);
        return TLS_GOING;
    }
    if (d != DONE)
        return give_up(t, env, verdict_of(d));
    note_place(s, s->outer + r->n);
    return t->first && (t->server_hello != knew || t->early_known != knew_early) ? try_waiting(t, env, sink)
                                                                                 : TLS_GOING;
}

/* ---- bytes ---- */

static void mark(struct tls_side *s, const struct chunk *c, size_t at)
{
    if (s->marks < TLS_MARKS)
        s->mark[s->marks++] = (struct tls_mark){(uint32_t)at, c->ts, c->order, c->ack_offset};
}

/* After n bytes of the carry were used: what remains begins at 0. */
static void shift(struct tls_side *s, size_t n)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->marks; i++) {
        size_t end = i + 1 < s->marks ? s->mark[i + 1].at : s->carry.n;
        if (end <= n)
            continue;
        struct tls_mark m = s->mark[i];
        m.at = m.at > n ? (uint32_t)(m.at - n) : 0;
        s->mark[kept++] = m;
    }
    s->marks = kept;
    memmove(s->carry.p, s->carry.p + n, s->carry.n - n);
    s->carry.n -= n;
}

/* A record begins at the carry's first byte, `skipped` of them after what was lost. */
static void found_again(struct tls *t, int role, int skipped, const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    s->lost = false;
    if (!s->protected)
        return;
    uint64_t n = held_by(t, s->outer - s->lost_from, (uint64_t)skipped);
    s->seq += (unsigned)skipped;
    if (n)
        sink->gap(sink->context, role, n, s->inner);
    s->inner += n;
    note_place(s, s->outer);
}

/* Looks in the carry for the next record. False: more bytes are wanted. */
static bool find_again(struct tls *t, const struct tls_env *env, int role, const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    uint8_t out[TLS_PROTECTED_MAX];
    int held, skipped = -1;
    size_t at = 0;
    for (; at + TLS_RECORD_HEAD <= s->carry.n; at++) {
        const uint8_t *p = (const uint8_t *)s->carry.p + at;
        if (!plausible(p))
            continue;
        size_t n = TLS_RECORD_HEAD + ((size_t)p[3] << 8 | p[4]);
        if (at + n > s->carry.n)
            break;
        skipped = s->protected ? missing(t, env, role, p, n, out, &held) : 0;
        if (skipped >= 0)
            break;
    }
    s->outer += at;
    shift(s, at);
    if (skipped >= 0)
        found_again(t, role, skipped, sink);
    return skipped >= 0;
}

static enum tls_verdict take_carry(struct tls *t, const struct tls_env *env, int role, const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    enum tls_verdict v = TLS_GOING;
    while (s->carry.n >= TLS_RECORD_HEAD) {
        if (s->lost && !find_again(t, env, role, sink))
            return s->tries >= TRIES_MAX ? give_up(t, env, TLS_BROKEN) : v;
        const uint8_t *p = (const uint8_t *)s->carry.p;
        if (!plausible(p)) {
            if (!s->proven)
                return give_up(t, env, t->client_hello ? TLS_BROKEN : TLS_MIDSTREAM);
            lose(s);
            continue;
        }
        size_t n = TLS_RECORD_HEAD + ((size_t)p[3] << 8 | p[4]);
        if (n > s->carry.n)
            return v;
        struct record r = {p, n, s->mark, s->marks};
        v = whole_record(t, env, role, &r, sink);
        if (t->verdict != TLS_GOING)
            return t->verdict;
        if (!s->lost) {
            s->outer += n;
            shift(s, n);
        }
    }
    return v;
}

enum tls_verdict tls_feed(struct tls *t, const struct tls_env *env, int role, const struct chunk *c,
                          const struct tls_sink *sink)
{
    struct tls_side *s = &t->side[role];
    size_t cap = s->carry.cap;
    if (t->first && t->verdict == TLS_GOING)
        new_secrets(t, env, sink);
    if (t->verdict != TLS_GOING)
        return t->verdict;
    if (!s->begun)
        s->outer = c->offset;
    s->begun = true;
    mark(s, c, s->carry.n);
    buf_add(&s->carry, c->p, c->n);
    count_buf(env, cap, &s->carry);
    if (s->carry.failed)
        return give_up(t, env, TLS_BROKEN);
    enum tls_verdict v = take_carry(t, env, role, sink);
    if (!s->carry.n)
        drop_buf(env, &s->carry);
    return t->verdict != TLS_GOING ? t->verdict : t->first ? TLS_WAITING : v;
}

enum tls_verdict tls_gap(struct tls *t, const struct tls_env *env, int role, uint64_t n)
{
    struct tls_side *s = &t->side[role];
    if (t->verdict != TLS_GOING)
        return t->verdict;
    if (s->blocked)
        return give_up(t, env, TLS_NO_SECRET);
    if (role == 0 ? !t->client_hello : !t->server_hello)
        return give_up(t, env, TLS_MIDSTREAM);
    if (!s->lost)
        lose(s);
    s->outer += s->carry.n + n;
    s->carry.n = 0;
    s->marks = 0;
    s->guess = true;
    return TLS_GOING;
}

enum tls_verdict tls_retry(struct tls *t, const struct tls_env *env, const struct tls_sink *sink)
{
    if (t->first && t->verdict == TLS_GOING)
        new_secrets(t, env, sink);
    return t->verdict != TLS_GOING ? t->verdict : t->first ? TLS_WAITING : TLS_GOING;
}

void tls_end(struct tls *t, const struct tls_env *env, const struct tls_sink *sink)
{
    t->ending = true;
    if (t->first && t->verdict == TLS_GOING)
        try_waiting(t, env, sink);
}

bool tls_waits(const struct tls *t)
{
    return t->first && t->verdict == TLS_GOING;
}

bool tls_is_final(const struct tls *t)
{
    return t->verdict != TLS_GOING;
}

uint64_t tls_certificate(const struct tls *t)
{
    return t->certificate;
}

bool tls_is_lost(const struct tls *t, int role)
{
    return t->side[role].lost;
}

uint64_t tls_inner(const struct tls *t, int role)
{
    return t->side[role].inner;
}
