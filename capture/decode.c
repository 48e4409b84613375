#include "capture/decode.h"

#include "capture/identity.h"

enum { GUESS_BYTES = 8192 };

/* Names of languages that are recognised and not decoded. */
static enum opaque_reason foreign(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (s.n >= 3 && p[0] >= 0x14 && p[0] <= 0x17 && p[1] == 3 && p[2] <= 4)
        return OPAQUE_TLS;
    if (slice_starts(s, SLICE("PRI * HTTP/2.0")))
        return OPAQUE_H2;
    if (slice_starts(s, SLICE("SSH-")))
        return OPAQUE_SSH;
    if (socks_begins(s))
        return OPAQUE_SOCKS;
    return OPAQUE_UNKNOWN;
}

enum guess decode_guess(struct slice s, bool *from_server)
{
    static const struct slice status = SLICE("HTTP/1.");
    *from_server = false;
    if (!s.n)
        return GUESS_MAYBE;
    if (s.p[0] == 'H' && memcmp(s.p, status.p, s.n < status.n ? s.n : status.n) == 0) {
        *from_server = true;
        return s.n < 9 ? GUESS_MAYBE : head_guess_response(s) ? GUESS_YES : GUESS_NO;
    }
    int speaker;
    if (h2_possible(s) && h2_guess(s, false, &speaker)) {
        *from_server = speaker == 1;
        return GUESS_YES;
    }
    if (head_guess_request(s))
        return GUESS_YES;
    if (slice_find(s, '\n', 0) < s.n || s.n > GUESS_BYTES)
        return GUESS_NO;
    for (size_t i = 0; i < s.n; i++) { /* still readable as the beginning of a request line */
        unsigned char c = (unsigned char)s.p[i];
        if (c == ' ' && i)
            return GUESS_MAYBE;
        if (c <= ' ' || c >= 0x7f || i > 31)
            return GUESS_NO;
    }
    return GUESS_MAYBE;
}

static void count_opaque(struct decode_env *e, struct decoding *s, enum opaque_reason why)
{
    if (s->counted)
        e->stats->flows_opaque[s->opaque]--;
    s->counted = true;
    s->opaque = why;
    e->stats->flows_opaque[why]++;
}

static void uncount_opaque(struct decode_env *e, struct decoding *s)
{
    if (s->counted)
        e->stats->flows_opaque[s->opaque]--;
    s->counted = false;
}

static void begin(struct decoding *s, struct conn *conn)
{
    s->state = DECODING_NOTHING;
    s->counted = s->line_kept = s->direct = false;
    s->h2 = NULL;
    s->cache = NULL;
    h1_open(&s->h1, conn);
}

void decode_open(struct decoding *s, struct conn *conn)
{
    s->tls = NULL;
    s->profile = NULL;
    begin(s, conn);
}

/* ---- from outside ---- */

static bool is_tls(enum opaque_reason r)
{
    return r == OPAQUE_TLS || r == OPAQUE_TLS_MIDSTREAM || r == OPAQUE_TLS_SUITE || r == OPAQUE_TLS_BROKEN;
}

static enum opaque_why why_opaque(const struct decode_env *e, const struct decoding *s)
{
    if (!is_tls(s->opaque))
        return s->opaque == OPAQUE_UNKNOWN ? OPAQUE_WHY_NOT_RECOGNISED : OPAQUE_WHY_NOT_DECODED;
    if (!tlsprofile_begins(s->profile) || s->opaque == OPAQUE_TLS_MIDSTREAM)
        return OPAQUE_WHY_START_MISSED;
    if (s->opaque == OPAQUE_TLS_SUITE)
        return OPAQUE_WHY_UNSUPPORTED;
    if (s->opaque == OPAQUE_TLS_BROKEN)
        return OPAQUE_WHY_BROKEN;
    return tls_keys_expected(e->tls.keys) ? OPAQUE_WHY_NO_ENTRY : OPAQUE_WHY_NO_KEYS;
}

/* Without memory for its profile the connection is counted alone. What is not known yet may be read later: then what
 * was told of it is taken back. */
static void watch(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    if (!s->profile)
        s->profile = tlsprofile_new(&e->tls, s->tls != NULL);
    if (!s->profile)
        return;
    tlsprofile_feed(s->profile, &e->tls, role, c);
    bool told = s->state == DECODING_OPAQUE || s->state == DECODING_UNDECIDED;
    if (told && s->counted && tlsprofile_due(s->profile, c->ts))
        tlsprofile_tell(s->profile, e->opaque, s->h1.pairing.conn, why_opaque(e, s));
}

/* What is inside is read: the profile is of no use, but for TLS that may turn out to miss a secret. */
static void drop_profile(struct decode_env *e, struct decoding *s)
{
    if (!s->profile || (s->tls && !tlsprofile_is_inside(s->profile)))
        return;
    tlsprofile_withdraw(s->profile, e->opaque);
    tlsprofile_free(s->profile, &e->tls);
    s->profile = NULL;
}

static void leave_profile(struct decode_env *e, struct decoding *s)
{
    if (!s->profile) {
        struct opaque_sums one = {.connections = 1, .first_us = TIME_NONE, .last_us = TIME_NONE};
        if (s->counted && (is_tls(s->opaque) || s->opaque == OPAQUE_UNKNOWN || s->opaque == OPAQUE_SSH))
            opaque_add(e->opaque, 0, &one);
        return;
    }
    if (s->counted)
        tlsprofile_tell(s->profile, e->opaque, s->h1.pairing.conn, why_opaque(e, s));
    tlsprofile_free(s->profile, &e->tls);
    s->profile = NULL;
}

/* ---- who speaks ---- */

static void through_tls(struct decode_env *e, struct decoding *s, int role, const struct chunk *c);

/* A client's hello, and secrets that may be its: what is inside is read. */
static bool enter_tls(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    if (!tls_keys_expected(e->tls.keys) || s->tls || role != 0 || !tls_begins(slice_of(c->p, c->n), role))
        return false;
    watch(e, s, role, c);
    s->tls = tls_open(&e->tls);
    if (!s->tls)
        return false;
    uncount_opaque(e, s);
    s->state = DECODING_NOTHING;
    s->h1.pairing.conn->tls = true;
    through_tls(e, s, role, c);
    return true;
}

/* Nothing known here: foreign languages are final, unknown bytes are looked at again with every segment. */
static void not_http(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    enum opaque_reason why = foreign(slice_of(c->p, c->n));
    if (s->counted && s->opaque == OPAQUE_UNKNOWN && why != OPAQUE_UNKNOWN && s->profile)
        tlsprofile_withdraw(s->profile, e->opaque); /* it goes to another row */
    if (!s->counted || why != OPAQUE_UNKNOWN)
        count_opaque(e, s, why);
    if (!s->profile)
        watch(e, s, role, c);
    if (why != OPAQUE_UNKNOWN)
        s->state = DECODING_OPAQUE;
}

/* Too few octets to tell, and a record of TLS may begin so. */
static bool perhaps_tls(struct slice s)
{
    return s.n < 3 && s.p[0] == 0x16 && (s.n < 2 || s.p[1] == 3);
}

/* What was kept of a direction, up to c's end, as a chunk; it is the caller's to free. */
static struct chunk with_kept(struct h1_side *side, const struct chunk *c, struct buf *kept)
{
    struct chunk whole = *c;
    *kept = side->carry;
    side->carry = (struct buf){0};
    if (!kept->n)
        return whole;
    whole.p = kept->p;
    whole.n = kept->n;
    whole.ts = side->first_ts;
    whole.offset -= kept->n - c->n;
    return whole;
}

/* From here on the connection is HTTP/2's; what HTTP/1 kept goes. False: no memory, it is counted as opaque. */
static bool enter_h2(struct decode_env *e, struct decoding *s, bool begins)
{
    s->h2 = h2_open(&e->h2, &s->h1.pairing, begins);
    if (!s->h2) {
        count_opaque(e, s, OPAQUE_H2);
        s->state = DECODING_OPAQUE;
        return false;
    }
    uncount_opaque(e, s);
    drop_profile(e, s);
    s->state = DECODING_H2;
    return true;
}

/* The upgrade to HTTP/2 is answered with 101: what follows in c is its first octets. */
static void upgraded_h2(struct decode_env *e, struct decoding *s, const struct chunk *c)
{
    struct slot *request = s->h1.side[1].slot;
    struct chunk rest = *c;
    s->h1.side[1].slot = NULL;
    rest.p += c->n - e->h1.rest;
    rest.offset += c->n - e->h1.rest;
    rest.n = e->h1.rest;
    h1_forget(&e->h1, &s->h1, 0);
    if (!enter_h2(e, s, true)) {
        if (request)
            pair_end(e->h1.pair, request, END_TIMEOUT);
        return;
    }
    h2_upgraded(&e->h2, s->h2, request);
    if (rest.n)
        h2_feed(&e->h2, s->h2, 1, &rest);
}

void decode_upgrade(struct decode_env *e, struct decoding *s, enum h1_event event, const struct chunk *c)
{
    if (event == H1_OK)
        return;
    s->direct = false;
    struct conn *conn = s->h1.pairing.conn;
    if (event == H1_H2C) {
        upgraded_h2(e, s, c);
        return;
    }
    if (event == H1_TUNNELLED) { /* what a CONNECT carries is told by content again */
        h1_close(&e->h1, &s->h1, CHUNK_FIN, -1);
        begin(s, conn);
        s->state = DECODING_UNDECIDED;
        count_opaque(e, s, OPAQUE_CONNECT);
        return;
    }
    count_opaque(e, s, OPAQUE_WEBSOCKET);
}

/* Whether HTTP/2 is spoken here; then c is read, after what was kept before it. */
static bool begin_h2(struct decode_env *e, struct decoding *s, int role, const struct chunk *c, struct slice bytes)
{
    struct h1_side *side = &s->h1.side[role];
    bool begins = c->offset + c->n == bytes.n && !s->h1.pairing.conn->midstream;
    int speaker;
    if (!h2_guess(bytes, begins && role == 1, &speaker) || speaker != role)
        return false;
    struct chunk whole = *c;
    struct buf kept = side->carry;
    if (kept.n) {
        whole.p = kept.p;
        whole.n = kept.n;
        whole.ts = side->first_ts;
        whole.offset -= kept.n - c->n;
    }
    if (enter_h2(e, s, h2_is_preface(bytes) || (begins && role == 1)))
        h2_feed(&e->h2, s->h2, role, &whole);
    h1_forget(&e->h1, &s->h1, 0);
    h1_forget(&e->h1, &s->h1, 1);
    return true;
}

static void plain_chunk(struct decode_env *e, struct decoding *s, int role, const struct chunk *c);

/* ---- SOCKS ---- */

static void leave_socks(struct decode_env *e, struct decoding *s)
{
    h1_forget(&e->h1, &s->h1, 0);
    h1_forget(&e->h1, &s->h1, 1);
    s->state = DECODING_OPAQUE;
}

/* The tunnel is open: what stands behind the talk is its first bytes, told by content. */
static void open_socks(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    struct buf rest[2] = {s->h1.side[0].carry, s->h1.side[1].carry};
    struct chunk first[2];
    for (int r = 0; r < 2; r++) {
        struct h1_side *side = &s->h1.side[r];
        uint64_t end = r == role ? c->offset + c->n : s->socks_end[r];
        first[r] = (struct chunk){rest[r].p,   rest[r].n,       side->last_ts,
                                  side->order, end - rest[r].n, r == role ? c->ack_offset : side->ack_offset};
        side->carry = (struct buf){0};
    }
    uncount_opaque(e, s);
    begin(s, s->h1.pairing.conn);
    s->state = DECODING_UNDECIDED;
    count_opaque(e, s, OPAQUE_SOCKS);
    for (int r = 0; r < 2; r++) {
        if (first[r].n)
            plain_chunk(e, s, r, &first[r]);
        *e->h1.memory -= rest[r].cap;
        buf_free(&rest[r]);
    }
}

/* Whole messages at the front of what was kept go. False: no tunnel will open. */
static bool read_socks(struct decoding *s)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int r = 0; r < 2; r++) {
            struct buf *carry = &s->h1.side[r].carry;
            if (s->socks.open[r] || !carry->n)
                continue;
            int n = socks_message(&s->socks, r, slice_of(carry->p, carry->n));
            if (n == SOCKS_BAD)
                return false;
            if (n > 0)
                memmove(carry->p, carry->p + n, carry->n -= (size_t)n);
            moved |= n > 0;
        }
    }
    return true;
}

static void socks_chunk(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    bool good = h1_stash(&e->h1, &s->h1, role, c) && read_socks(s);
    s->socks_end[role] = c->offset + c->n;
    if (!good)
        leave_socks(e, s);
    else if (s->socks.open[0] && s->socks.open[1])
        open_socks(e, s, role, c);
}

/* A client's greeting where a connection begins. */
static bool enter_socks(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    if (role != 0 || c->offset || s->h1.pairing.conn->midstream || !socks_begins(slice_of(c->p, c->n)))
        return false;
    count_opaque(e, s, OPAQUE_SOCKS);
    s->state = DECODING_SOCKS;
    socks_init(&s->socks);
    socks_chunk(e, s, role, c);
    return true;
}

/* The first bytes are of TLS that may be read. */
static bool tls_after_kept(struct decode_env *e, struct decoding *s, int role, const struct chunk *c,
                           struct slice bytes)
{
    struct h1_side *side = &s->h1.side[role];
    struct buf kept;
    if (!tls_begins(bytes, role))
        return false;
    struct chunk whole = with_kept(side, c, &kept);
    if (!enter_tls(e, s, role, &whole)) {
        side->carry = kept;
        return false;
    }
    *e->h1.memory -= kept.cap;
    buf_free(&kept);
    return true;
}

/* They are of something else. */
static void neither(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    struct buf kept;
    struct chunk whole = with_kept(&s->h1.side[role], c, &kept);
    not_http(e, s, role, &whole);
    *e->h1.memory -= kept.cap;
    buf_free(&kept);
}

/* ---- Redis, memcached ---- */

bool decode_is_cache_client(struct slice bytes)
{
    enum cachetalk_kind kind = cachetalk_tell(bytes, SLICE(""));
    return kind != CACHETALK_NONE && kind != CACHETALK_UNSURE;
}

/* What was kept of a direction, as the chunk that it came as. */
static struct chunk kept_chunk(const struct h1_side *side, uint64_t end)
{
    return (struct chunk){side->carry.p, side->carry.n,       side->last_ts,
                          side->order,   end - side->carry.n, side->ack_offset};
}

static void open_cache(struct decode_env *e, struct decoding *s, int role, const struct chunk *c,
                       enum cachetalk_kind kind)
{
    const struct pairing *q = &s->h1.pairing;
    struct h1_side *mine = &s->h1.side[role], *other = &s->h1.side[1 - role];
    struct chunk now = mine->carry.n ? kept_chunk(mine, c->offset + c->n) : *c;
    struct chunk before = other->carry.n ? kept_chunk(other, s->socks_end[1 - role]) : (struct chunk){0};
    bool whole = !q->conn->midstream && !pair_lossy(q) && !now.offset && !before.offset;
    s->cache = cachetalk_open(&e->cache, q->conn, kind, whole);
    if (s->cache) {
        uncount_opaque(e, s);
        drop_profile(e, s);
        s->state = DECODING_CACHE;
        if (before.n)
            cachetalk_feed(s->cache, &e->cache, 1 - role, &before);
        cachetalk_feed(s->cache, &e->cache, role, &now);
    } else {
        count_opaque(e, s, kind == CACHETALK_REDIS ? OPAQUE_REDIS : OPAQUE_MEMCACHED);
        s->state = DECODING_OPAQUE;
    }
    h1_forget(&e->h1, &s->h1, 0);
    h1_forget(&e->h1, &s->h1, 1);
}

/* Octets that are no HTTP: whether they are read, or kept until the other side says more. */
static bool enter_cache(struct decode_env *e, struct decoding *s, int role, const struct chunk *c, struct slice bytes)
{
    struct h1_side *side = &s->h1.side[role], *other = &s->h1.side[1 - role];
    struct slice theirs = slice_of(other->carry.p, other->carry.n);
    enum cachetalk_kind kind = cachetalk_tell(role ? theirs : bytes, role ? bytes : theirs);
    bool early = !s->h1.pairing.conn->midstream && !pair_lossy(&s->h1.pairing);
    if (kind == CACHETALK_NONE)
        return false;
    if (kind != CACHETALK_UNSURE) {
        open_cache(e, s, role, c, kind);
        return true;
    }
    bool line = role == 0 && slice_find(bytes, '\n', 0) < bytes.n && bytes.p[0] != '*';
    if ((!early && !line && !(role == 1 && s->line_kept)) || bytes.n > GUESS_BYTES)
        return false;
    if (!side->carry.n && !h1_stash(&e->h1, &s->h1, role, c))
        return false;
    s->socks_end[role] = c->offset + c->n;
    s->line_kept |= !early;
    return true;
}

/* A connection is over, or read no further. */
static void leave_cache(struct decode_env *e, struct decoding *s, enum chunk_end how, int first)
{
    static const enum end_state ends[] = {[CHUNK_FIN] = END_SERVER_ABORT,
                                          [CHUNK_RST] = END_SERVER_ABORT,
                                          [CHUNK_IDLE] = END_TIMEOUT,
                                          [CHUNK_CAPTURE_END] = END_CAPTURE};
    enum cachetalk_kind kind;
    bool known =
        cachetalk_close(s->cache, &e->cache, first == 0 && how <= CHUNK_RST ? END_CLIENT_ABORT : ends[how], &kind);
    s->cache = NULL;
    s->state = DECODING_OPAQUE;
    if (!known)
        count_opaque(e, s, kind == CACHETALK_REDIS ? OPAQUE_REDIS : OPAQUE_MEMCACHED);
}

/* The first bytes: keeps them while they could become HTTP. */
static void undecided(struct decode_env *e, struct decoding *s, int role, const struct chunk *whole)
{
    struct h1_side *side = &s->h1.side[role];
    struct chunk rest = *whole;
    const struct chunk *c = &rest;
    bool from_server;
    if (s->line_kept && role == 0) { /* nobody answered it */
        h1_forget(&e->h1, &s->h1, 0);
        s->line_kept = false;
    }
    bool carried = side->carry.n != 0;
    while (!carried && rest.n &&
           (*rest.p == '\r' || *rest.p == '\n')) /* empty lines before a request, RFC 9112 section 2.2 */
        rest.p++, rest.n--, rest.offset++;
    if (!rest.n)
        return;
    struct slice bytes = slice_of(c->p, c->n);
    if (carried) {
        if (!h1_stash(&e->h1, &s->h1, role, c))
            return;
        bytes = slice_of(side->carry.p, side->carry.n);
    }
    enum guess guess = decode_guess(bytes, &from_server);
    if (h2_possible(bytes) && begin_h2(e, s, role, c, bytes))
        return;
    if (guess != GUESS_NO && from_server != (role == 1))
        guess = GUESS_NO;
    if (perhaps_tls(bytes))
        guess = GUESS_MAYBE;
    if (guess == GUESS_MAYBE && (pair_lossy(&s->h1.pairing) || s->h1.pairing.conn->midstream))
        guess = GUESS_NO; /* as well the rest of a message whose head was not seen */
    if (guess == GUESS_YES) {
        uncount_opaque(e, s);
        drop_profile(e, s);
        s->state = DECODING_H1;
        decode_upgrade(e, s, carried ? h1_resume(&e->h1, &s->h1, role, c) : h1_feed(&e->h1, &s->h1, role, c), c);
    } else if (guess == GUESS_MAYBE) {
        if (!carried)
            h1_stash(&e->h1, &s->h1, role, c);
    } else if (tls_after_kept(e, s, role, c, bytes) || (!carried && enter_socks(e, s, role, c))) {
        return;
    } else if (!enter_cache(e, s, role, c, bytes)) {
        neither(e, s, role, c);
        h1_forget(&e->h1, &s->h1, role);
        if (s->h1.pairing.lost && role == 0)
            pair_gap(&s->h1.pairing, role, c->offset + c->n); /* the rest of what was lost */
    }
}

/* Whether the client's next octets may be the first of HTTP/2, after an upgrade whose answer was lost: not where they
 * are in a body. */
static bool may_be_upgraded(const struct decoding *s)
{
    enum h1_state state = s->h1.side[0].state;
    return (state == H1_HEAD || state == H1_LOST || state == H1_TUNNEL) && !h1_is_websocket(&s->h1);
}

static void plain_chunk(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    switch (s->state) {
    case DECODING_NOTHING:
        s->state = DECODING_UNDECIDED;
        undecided(e, s, role, c);
        break;
    case DECODING_UNDECIDED:
        if (s->profile && tlsprofile_is_inside(s->profile))
            watch(e, s, role, c);
        undecided(e, s, role, c);
        break;
    case DECODING_H1:
        if (role == 0 && h2_possible(slice_of(c->p, c->n)) && may_be_upgraded(s) &&
            begin_h2(e, s, role, c, slice_of(c->p, c->n)))
            break;
        decode_upgrade(e, s, h1_feed(&e->h1, &s->h1, role, c), c);
        break;
    case DECODING_H2:
        h2_feed(&e->h2, s->h2, role, c);
        break;
    case DECODING_CACHE:
        cachetalk_feed(s->cache, &e->cache, role, c);
        break;
    case DECODING_SOCKS:
        socks_chunk(e, s, role, c);
        break;
    case DECODING_OPAQUE:
        if (s->profile && tlsprofile_is_inside(s->profile))
            watch(e, s, role, c);
        break;
    }
}

static void plain_gap(struct decode_env *e, struct decoding *s, int role, uint64_t n, uint64_t offset)
{
    if (s->profile && tlsprofile_is_inside(s->profile))
        tlsprofile_gap(s->profile, &e->tls, role, n, offset);
    if (s->state == DECODING_H1) {
        h1_gap(&e->h1, &s->h1, role, n, offset);
        return;
    }
    if (s->state == DECODING_H2) {
        h2_gap(&e->h2, s->h2, role, n);
        return;
    }
    if (s->state == DECODING_CACHE) {
        cachetalk_gap(s->cache, &e->cache, role, n, offset);
        return;
    }
    if (s->state == DECODING_SOCKS) {
        leave_socks(e, s);
        return;
    }
    h1_forget(&e->h1, &s->h1, role);
    pair_gap(&s->h1.pairing, role, offset + n); /* may have been a request all the same */
}

/* ---- TLS ---- */

struct inside {
    struct decode_env *e;
    struct decoding *s;
};

static void inner_chunk(void *context, int role, const struct chunk *c)
{
    struct inside *i = context;
    if (i->s->state == DECODING_NOTHING) { /* it is read: the profile is of no use, unless it is of TLS again */
        uncount_opaque(i->e, i->s);
        tlsprofile_free(i->s->profile, &i->e->tls);
        i->s->profile = NULL;
    }
    struct conn *conn = i->s->h1.pairing.conn;
    uint64_t certificate = tls_certificate(i->s->tls);
    if (certificate)
        conn->who = identity_packed(IDENTITY_MTLS, certificate);
    else if (conn->who >> 48 == IDENTITY_MTLS)
        conn->who = 0;
    plain_chunk(i->e, i->s, role, c);
}

static void inner_gap(void *context, int role, uint64_t n, uint64_t offset)
{
    struct inside *i = context;
    plain_gap(i->e, i->s, role, n, offset);
}

static enum opaque_reason closed_by(enum tls_verdict v)
{
    switch (v) {
    case TLS_MIDSTREAM:
        return OPAQUE_TLS_MIDSTREAM;
    case TLS_SUITE:
        return OPAQUE_TLS_SUITE;
    case TLS_BROKEN:
        return OPAQUE_TLS_BROKEN;
    case TLS_GOING:
    case TLS_WAITING:
    case TLS_NO_SECRET:
        break;
    }
    return OPAQUE_TLS;
}

/* What was read until now stays; what is open misses the rest. */
static void follow_verdict(struct decode_env *e, struct decoding *s, enum tls_verdict v)
{
    if (v == TLS_GOING || s->state == DECODING_OPAQUE)
        return;
    if (v == TLS_WAITING) {
        if (s->state == DECODING_NOTHING && !s->counted)
            count_opaque(e, s, OPAQUE_TLS);
        return;
    }
    if (s->state == DECODING_H1 || s->state == DECODING_H2 || s->state == DECODING_CACHE) {
        for (int role = 0; role < 2; role++)
            plain_gap(e, s, role, 1, tls_inner(s->tls, role));
        return;
    }
    count_opaque(e, s, closed_by(v));
    s->state = DECODING_OPAQUE;
}

static void through_tls(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    struct inside i = {e, s};
    struct tls_sink sink = {&i, inner_chunk, inner_gap};
    bool final = tls_is_final(s->tls);
    enum tls_verdict v = tls_feed(s->tls, &e->tls, role, c, &sink);
    if (!final)
        follow_verdict(e, s, v);
}

void decode_secrets(struct decode_env *e, struct decoding *s)
{
    struct inside i = {e, s};
    if (decode_waits(s))
        follow_verdict(e, s, tls_retry(s->tls, &e->tls, &(struct tls_sink){&i, inner_chunk, inner_gap}));
}

void decode_any(struct decode_env *e, struct decoding *s, int role, const struct chunk *c)
{
    if (s->profile && !tlsprofile_is_inside(s->profile))
        watch(e, s, role, c);
    if (s->tls)
        through_tls(e, s, role, c);
    else
        plain_chunk(e, s, role, c);
    s->direct = s->state == DECODING_H1 && !s->profile && !s->tls;
}

void decode_gap(struct decode_env *e, struct decoding *s, int role, uint64_t n, uint64_t offset)
{
    if (s->profile && !tlsprofile_is_inside(s->profile))
        tlsprofile_gap(s->profile, &e->tls, role, n, offset);
    if (!s->tls)
        plain_gap(e, s, role, n, offset);
    else if (!tls_is_final(s->tls))
        follow_verdict(e, s, tls_gap(s->tls, &e->tls, role, n));
}

/* Bytes that were lost and not found again are missing inside, too. */
static void leave_tls(struct decode_env *e, struct decoding *s)
{
    struct inside i = {e, s};
    tls_end(s->tls, &e->tls, &(struct tls_sink){&i, inner_chunk, inner_gap});
    for (int role = 0; role < 2; role++)
        if (tls_is_lost(s->tls, role))
            plain_gap(e, s, role, 1, tls_inner(s->tls, role));
    tls_close(s->tls, &e->tls);
    s->tls = NULL;
}

/* ---- ends ---- */

void decode_end(struct decode_env *e, struct decoding *s, int role, enum chunk_end how)
{
    if (s->state == DECODING_H1)
        h1_end(&e->h1, &s->h1, role, how);
}

/* It ended before it was clear what it is: what was kept is all there was. */
static void end_undecided(struct decode_env *e, struct decoding *s)
{
    count_opaque(e, s, OPAQUE_UNKNOWN);
    for (int role = 0; role < 2; role++) {
        const struct h1_side *side = &s->h1.side[role];
        if (side->carry.n)
            watch(e, s, role,
                  &(struct chunk){side->carry.p, side->carry.n, side->last_ts, side->order, 0, ACK_UNKNOWN});
    }
    leave_profile(e, s);
}

void decode_close(struct decode_env *e, struct decoding *s, enum chunk_end how, int first)
{
    if (s->tls)
        leave_tls(e, s);
    leave_profile(e, s);
    if (s->state == DECODING_H2) {
        h2_close(&e->h2, s->h2, how, first);
        s->h2 = NULL;
        s->state = DECODING_OPAQUE;
        return;
    }
    if (s->state == DECODING_CACHE) {
        leave_cache(e, s, how, first);
        return;
    }
    if (s->state == DECODING_NOTHING && !s->counted)
        count_opaque(e, s, OPAQUE_EMPTY);
    else if (s->state == DECODING_UNDECIDED && !s->counted)
        end_undecided(e, s);
    if (s->state != DECODING_H1) {
        h1_forget(&e->h1, &s->h1, 0);
        h1_forget(&e->h1, &s->h1, 1);
        return;
    }
    h1_close(&e->h1, &s->h1, how, first);
}

void decode_swap(struct decoding *s)
{
    struct h1_side client = s->h1.side[0];
    s->h1.side[0] = s->h1.side[1];
    s->h1.side[1] = client;
    if (s->profile)
        tlsprofile_swap(s->profile);
    pair_swap(&s->h1.pairing);
}

void decode_ambiguous(struct decoding *s)
{
    if (s->state == DECODING_H2)
        h2_ambiguous(s->h2);
    for (int role = 0; role < 2; role++)
        if (s->h1.side[role].slot)
            s->h1.side[role].slot->x.flags |= FLAG_AMBIGUOUS;
}
