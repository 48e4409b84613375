#include "analysis/sharing.h"

#include <math.h>

#include "analysis/cacheable.h"
#include "analysis/interval.h"
#include "base/cursor.h"
#include "base/hash.h"

enum { KEEP_CHANCE = 8, PAIRS_LEAST = 10, NETWORKS_LEAST = 3, ANONYMOUS_LEAST = 100, DIFFERING_LEAST = 5 };

#define LEVEL 0.05          /* of all tests of a family together */
#define IRRELEVANT 0.005    /* the share of differing answers that is ruled out */
#define RELEVANT 0.02       /* the share that is proven */
#define DIFFERING_SHARE 0.2 /* of a few, which is enough as well */

static void set_add(uint64_t set[SHARING_WORDS], uint64_t hash)
{
    unsigned bit = (unsigned)(hash_mix(hash) % (64 * SHARING_WORDS));
    set[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* Linear counting: how many hashes leave so many bits unset. */
static double set_size(const uint64_t set[SHARING_WORDS])
{
    unsigned unset = 0;
    for (unsigned i = 0; i < SHARING_WORDS; i++)
        unset += 64 - (unsigned)__builtin_popcountll(set[i]);
    double bits = 64 * SHARING_WORDS;
    return round(bits * log(bits / (unset ? unset : 1)));
}

static uint32_t id_of(uint64_t who)
{
    uint32_t id = (uint32_t)hash_mix(who);
    return id ? id : 1;
}

static uint64_t pair_of(uint32_t a, uint32_t b)
{
    return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

static void begin(struct sharing_context *c, const struct sharing_visit *v, uint32_t who)
{
    *c = (struct sharing_context){v->context, who, v->content, v->now_ms, {0}, 0, 0};
}

/* A young one stays, but for one chance in eight, so that neither old nor new contexts are left out for good. */
static bool gives_way(const struct sharing_context *c, const struct sharing_visit *v)
{
    return !c->context || v->now_ms - c->at_ms > SHARING_WINDOW_MS ||
           hash_mix(v->context ^ v->now_ms) % KEEP_CHANCE == 0;
}

/* The same credential again, with somebody else in between. */
static void close_sandwich(const struct sharing_context *c, const struct sharing_visit *v, struct sharing *sums)
{
    if (c->content != v->content || v->now_ms - c->at_ms > SHARING_WINDOW_MS)
        return;
    sums->sandwiches += c->others;
    sums->differing += c->differing;
    for (unsigned i = 0; i < 2; i++)
        if (c->between[i])
            set_add(sums->pairs, pair_of(c->who, c->between[i]));
}

static void add_between(struct sharing_context *c, uint32_t who, uint32_t content)
{
    if (who == c->between[0] && content == c->content)
        return;
    if (who != c->between[0])
        c->between[1] = c->between[0];
    c->between[0] = who;
    if (c->others == UINT16_MAX)
        return;
    c->others++;
    c->differing += content != c->content;
}

static void compare(struct sharing_context *c, const struct sharing_visit *v, struct sharing *sums)
{
    uint32_t who = id_of(v->who);
    if (c->context != v->context) {
        if (gives_way(c, v))
            begin(c, v, who);
    } else if (who == c->who) {
        if (sums)
            close_sandwich(c, v, sums);
        begin(c, v, who);
    } else if (v->now_ms - c->at_ms > SHARING_WINDOW_MS || !cacheable_comparable(c->content, v->content)) {
        begin(c, v, who);
    } else {
        add_between(c, who, v->content);
    }
}

void sharing_visit(struct sharing_context table[SHARING_CONTEXTS], const struct sharing_visit *v, struct sharing *sums)
{
    if (sums) {
        sums->visits++;
        sums->anonymous += v->anonymous;
        set_add(sums->credentials, v->who);
        set_add(sums->networks, v->network);
    }
    if (v->content)
        compare(sharing_place(table, v->context), v, sums);
}

void sharing_merge(struct sharing *into, const struct sharing *from)
{
    into->sandwiches += from->sandwiches;
    into->differing += from->differing;
    into->visits += from->visits;
    into->anonymous += from->anonymous;
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        into->credentials[i] |= from->credentials[i];
        into->networks[i] |= from->networks[i];
        into->pairs[i] |= from->pairs[i];
    }
}

void sharing_write(const struct sharing *s, struct buf *out)
{
    if (!s->visits)
        return;
    buf_varint(out, s->sandwiches);
    buf_varint(out, s->differing);
    buf_varint(out, s->visits);
    buf_varint(out, s->anonymous);
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        buf_varint(out, s->credentials[i]);
        buf_varint(out, s->networks[i]);
        buf_varint(out, s->pairs[i]);
    }
}

bool sharing_read(struct sharing *s, struct slice blob)
{
    struct cursor c = cursor_of(blob.p, blob.n);
    *s = (struct sharing){0};
    if (!blob.n)
        return true;
    struct sharing r = {.sandwiches = cursor_varint(&c),
                        .differing = cursor_varint(&c),
                        .visits = cursor_varint(&c),
                        .anonymous = cursor_varint(&c)};
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        r.credentials[i] = cursor_varint(&c);
        r.networks[i] = cursor_varint(&c);
        r.pairs[i] = cursor_varint(&c);
    }
    if (c.bad || cursor_left(&c))
        return false;
    *s = r;
    return true;
}

static bool relevant(const struct sharing *s, double level)
{
    double k = (double)s->differing, n = (double)s->sandwiches;
    return n > 0 &&
           ((s->differing >= DIFFERING_LEAST && k / n >= DIFFERING_SHARE) || interval_low(k, n, level) > RELEVANT);
}

/* How many sandwiches without a difference rule a share out: 1 - level^(1/n) at most that. */
static uint64_t enough(double level)
{
    return (uint64_t)ceil(log(level) / log(1 - IRRELEVANT));
}

static void undecided(struct sharing_result *r, const char *reason)
{
    r->verdict = SHARING_UNDECIDED;
    r->reason = reason;
}

/* Whether no difference was seen often, widely and plainly enough. */
static void judge_alike(const struct sharing_input *in, double level, struct sharing_result *r)
{
    const struct sharing *s = &in->seen;
    uint64_t want = enough(level);
    bool anonymous = s->visits && s->anonymous == s->visits;
    if (anonymous && s->sandwiches >= ANONYMOUS_LEAST) {
        r->verdict = SHARING_SHARED;
        r->reason = "no request carried a credential";
    } else if (anonymous) { /* a credential may be of a kind that is not known: addresses are compared, too */
        undecided(r, "too few comparisons between clients");
        r->needed = ANONYMOUS_LEAST - s->sandwiches;
    } else if (s->sandwiches < want) {
        undecided(r, "too few comparisons between credentials");
        r->needed = want - s->sandwiches;
    } else if (r->pairs < PAIRS_LEAST) {
        undecided(r, "too few pairs of credentials compared");
    } else if (r->networks < NETWORKS_LEAST) {
        undecided(r, "all clients are of one or two networks");
    } else {
        r->verdict = SHARING_SHARED;
        r->reason = "answers do not depend on the credential";
    }
}

struct sharing_result sharing_judge(const struct sharing_input *in)
{
    const struct sharing *s = &in->seen;
    double level = LEVEL / (in->family ? in->family : 1);
    struct sharing_result r = {.credentials = set_size(s->credentials),
                               .pairs = set_size(s->pairs),
                               .networks = set_size(s->networks),
                               .sandwiches = s->sandwiches,
                               .differing = s->differing};
    if (relevant(s, level)) {
        r.verdict = SHARING_PRIVATE;
        r.reason = "answers depend on the credential";
    } else if (s->differing) {
        undecided(&r, "some answers differed between credentials");
    } else if (in->personal) {
        undecided(&r, "some answers are marked personal");
    } else {
        judge_alike(in, level, &r);
    }
    return r;
}

const char *sharing_name(enum sharing_verdict v)
{
    switch (v) {
    case SHARING_UNDECIDED:
        return "undecided";
    case SHARING_SHARED:
        return "shared";
    case SHARING_PRIVATE:
        return "private";
    }
    return "?";
}
