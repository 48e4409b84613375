#include "analysis/sharing.h"

#include <math.h>

#include "base/cursor.h"
#include "base/hash.h"

enum { PAIRS_LEAST = 10, NETWORKS_LEAST = 3, ANONYMOUS_LEAST = 100, PART_ALIKE = 100 };

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

static uint64_t pair_of(uint32_t a, uint32_t b)
{
    return a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
}

static void compare(struct sandwich *place, const struct sharing_visit *v, struct sharing *sums)
{
    struct sandwich_visit visit = {v->context, v->who, v->content, v->now_ms, false};
    struct sandwich_result closed;
    if (!sandwich_visit(place, &visit, &closed) || !sums)
        return;
    sums->sandwiches += closed.others;
    sums->differing += closed.differing;
    struct sharing_part *part = &sums->part[hash_mix(v->context) >> 60];
    part->sandwiches += closed.others;
    part->differing += closed.differing;
    for (unsigned i = 0; i < 2; i++)
        if (closed.between[i])
            set_add(sums->pairs, pair_of(closed.value, closed.between[i]));
}

void sharing_visit(struct sandwich table[SHARING_CONTEXTS], const struct sharing_visit *v, struct sharing *sums)
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
    for (unsigned i = 0; i < SHARING_PARTS; i++) {
        into->part[i].sandwiches += from->part[i].sandwiches;
        into->part[i].differing += from->part[i].differing;
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
    for (unsigned i = 0; i < SHARING_PARTS; i++) {
        buf_varint(out, s->part[i].sandwiches);
        buf_varint(out, s->part[i].differing);
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
    bool older = !cursor_left(&c); /* those end here */
    for (unsigned i = 0; i < SHARING_PARTS && !older; i++) {
        r.part[i].sandwiches = (uint32_t)cursor_varint(&c);
        r.part[i].differing = (uint32_t)cursor_varint(&c);
    }
    if (c.bad || cursor_left(&c))
        return false;
    *s = r;
    return true;
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
    uint64_t want = sandwich_enough(level);
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

static const struct learned_dim *credential_of(const struct sharing_input *in, unsigned *at)
{
    for (unsigned i = 0; in->learned && i < in->learned->n; i++)
        if (in->learned->dim[i].kind == PART_CREDENTIAL) {
            *at = i;
            return &in->learned->dim[i];
        }
    return NULL;
}

/* The claim within which the credential does not matter; NULL: none. */
static const char *tenant_of(const struct sharing_input *in)
{
    for (unsigned i = 0; in->learned && i < in->learned->n; i++)
        if (in->learned->dim[i].kind == PART_CLAIM &&
            learned_judge(in->learned, i, in->tests, 1).verdict == LEARNED_IRRELEVANT)
            return in->learned->dim[i].text;
    return NULL;
}

/* Clients of a single tenant were seen: what others would be answered is not known. */
static bool is_one_tenant(const struct sharing_input *in)
{
    for (unsigned i = 0; in->learned && i < in->learned->n; i++) {
        const struct learned_dim *d = &in->learned->dim[i];
        if (d->kind == PART_CLAIM && !d->varied && d->present && strcmp(d->text, "tenant") == 0)
            return true;
    }
    return false;
}

/* It is something else, that neither key nor Vary names. */
static void judge_unnamed(const struct sharing_input *in, struct sharing_result *r)
{
    if (in->personal)
        undecided(r, "some answers are marked personal");
    else if (r->pairs < PAIRS_LEAST)
        undecided(r, "too few pairs of credentials compared");
    else if (r->networks < NETWORKS_LEAST)
        undecided(r, "all clients are of one or two networks");
    else if (is_one_tenant(in))
        undecided(r, "all clients are of one tenant");
    else {
        r->verdict = SHARING_SHARED;
        r->unnamed = true;
        r->reason = "answers depend on fields that Vary does not name, not on the credential";
    }
}

/* Keys that depend on the credential, beside others that plainly do not. */
static bool is_mixed(const struct sharing *s, double level)
{
    bool alike = false, differs = false;
    for (unsigned i = 0; i < SHARING_PARTS; i++) {
        const struct sharing_part *p = &s->part[i];
        alike |= p->sandwiches >= PART_ALIKE && !p->differing;
        differs |= sandwich_relevant(p->differing, p->sandwiches, level);
    }
    return alike && differs;
}

/* Answers differ between credentials with the same key and variant: with all parts equal, too? */
static void judge_differing(const struct sharing_input *in, double level, struct sharing_result *r)
{
    unsigned at;
    const struct learned_dim *credential = credential_of(in, &at);
    struct learned_result with = {.verdict = LEARNED_UNDECIDED};
    if (credential)
        with = learned_judge(in->learned, at, in->tests, 1);
    const char *tenant = with.verdict == LEARNED_RELEVANT ? tenant_of(in) : NULL;
    if (is_mixed(&in->seen, level)) { /* first: what was learned may be of the other keys alone */
        r->verdict = SHARING_MIXED;
        r->reason = "some keys depend on the credential, others do not";
    } else if (tenant) {
        r->verdict = SHARING_TENANT;
        memcpy(r->claim, tenant, strlen(tenant) + 1);
        r->reason = "answers depend on the credential, but not among those with the same claim";
    } else if (with.verdict == LEARNED_IRRELEVANT) {
        judge_unnamed(in, r);
    } else if (sandwich_relevant(in->seen.differing, in->seen.sandwiches, level)) {
        r->verdict = SHARING_PRIVATE;
        r->reason = "answers depend on the credential";
    } else {
        undecided(r, "some answers differed between credentials");
    }
}

struct sharing_result sharing_judge(const struct sharing_input *in)
{
    const struct sharing *s = &in->seen;
    double level = SANDWICH_LEVEL / (in->family ? in->family : 1);
    struct sharing_result r = {.credentials = set_size(s->credentials),
                               .pairs = set_size(s->pairs),
                               .networks = set_size(s->networks),
                               .sandwiches = s->sandwiches,
                               .differing = s->differing};
    unsigned at;
    const struct learned_dim *credential = credential_of(in, &at);
    if (s->differing)
        judge_differing(in, level, &r);
    else if (in->personal)
        undecided(&r, "some answers are marked personal");
    else if (credential && credential->differing)
        undecided(&r, "some answers differed between credentials");
    else if (is_one_tenant(in))
        undecided(&r, "all clients are of one tenant");
    else
        judge_alike(in, level, &r);
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
    case SHARING_TENANT:
        return "tenant";
    case SHARING_MIXED:
        return "mixed";
    }
    return "?";
}
