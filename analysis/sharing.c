#include "analysis/sharing.h"

#include <math.h>

#include "base/cursor.h"
#include "base/hash.h"

enum { PAIRS_LEAST = 10, NETWORKS_LEAST = 3, ANONYMOUS_LEAST = 100, PART_ALIKE = 100, VARY_MISSING = 100 };

static void set_add(uint64_t set[SHARING_WORDS], uint64_t mixed)
{
    unsigned bit = (unsigned)(mixed % (64 * SHARING_WORDS));
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

/* who: hash_mix of the visit's. */
static bool closes(struct sandwich *place, const struct sharing_visit *v, uint64_t who, struct sandwich_result *closed)
{
    struct sandwich_visit visit = {v->context, sandwich_mixed(who), v->content, v->now_ms, false, false};
    return sandwich_visit(place, &visit, closed);
}

static void add_pairs(uint64_t pairs[SHARING_WORDS], const struct sandwich_result *closed)
{
    for (unsigned i = 0; i < 2; i++)
        if (closed->between[i])
            set_add(pairs, hash_mix(pair_of(closed->value, closed->between[i])));
}

static void compare(struct sandwich *place, const struct sharing_visit *v, uint64_t who, struct sharing *sums)
{
    struct sandwich_result closed;
    if (!closes(place, v, who, &closed) || !sums)
        return;
    sums->sandwiches += closed.others;
    sums->differing += closed.differing;
    sums->refused += closed.refused;
    sums->barred += closed.barred;
    struct sharing_part *part = &sums->part[hash_mix(v->context) >> 60];
    part->sandwiches += closed.others;
    part->differing += closed.differing;
    add_pairs(sums->pairs, &closed);
}

void sharing_visit(struct sandwich table[SHARING_CONTEXTS], const struct sharing_visit *v, struct sharing *sums)
{
    uint64_t who = hash_mix(v->who);
    if (sums) {
        sums->visits++;
        sums->anonymous += v->anonymous;
        set_add(sums->credentials, who);
        set_add(sums->networks, hash_mix(v->network));
    }
    if (v->content)
        compare(sharing_place(table, SHARING_CONTEXTS, v->context), v, who, sums);
}

void sharing_refuse(struct sandwich table[SHARING_CONTEXTS], const struct sharing_visit *v, uint16_t status)
{
    struct sandwich_visit visit = {.context = v->context, .value = sandwich_value(v->who), .now_ms = v->now_ms};
    if (status == 403 || status == 404 || (status == 401 && v->anonymous))
        sandwich_refuse(sharing_place(table, SHARING_CONTEXTS, v->context), &visit, v->anonymous);
}

void sharing_visit_equal(struct sandwich table[SHARING_EQUALS], const struct sharing_visit *v, struct sharing *sums)
{
    struct sandwich_result closed;
    if (!v->content || !closes(sharing_place(table, SHARING_EQUALS, v->context), v, hash_mix(v->who), &closed))
        return;
    sums->equal.sandwiches += closed.others;
    sums->equal.differing += closed.differing;
    add_pairs(sums->equal.pairs, &closed);
}

void sharing_merge(struct sharing *into, const struct sharing *from)
{
    into->sandwiches += from->sandwiches;
    into->differing += from->differing;
    into->visits += from->visits;
    into->anonymous += from->anonymous;
    into->refused += from->refused;
    into->barred += from->barred;
    for (unsigned i = 0; i < SHARING_WORDS; i++) {
        into->credentials[i] |= from->credentials[i];
        into->networks[i] |= from->networks[i];
        into->pairs[i] |= from->pairs[i];
    }
    for (unsigned i = 0; i < SHARING_PARTS; i++) {
        into->part[i].sandwiches += from->part[i].sandwiches;
        into->part[i].differing += from->part[i].differing;
    }
    into->equal.sandwiches += from->equal.sandwiches;
    into->equal.differing += from->equal.differing;
    for (unsigned i = 0; i < SHARING_WORDS; i++)
        into->equal.pairs[i] |= from->equal.pairs[i];
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
    buf_varint(out, s->equal.sandwiches);
    buf_varint(out, s->equal.differing);
    for (unsigned i = 0; i < SHARING_WORDS; i++)
        buf_varint(out, s->equal.pairs[i]);
    buf_varint(out, s->given);
    buf_varint(out, s->refused);
    buf_varint(out, s->barred);
}

/* What later versions added; older ones end before it. */
static void read_added(struct sharing *r, struct cursor *c)
{
    for (unsigned i = 0; i < SHARING_PARTS; i++) {
        r->part[i].sandwiches = (uint32_t)cursor_varint(c);
        r->part[i].differing = (uint32_t)cursor_varint(c);
    }
    if (!cursor_left(c))
        return;
    r->equal.sandwiches = cursor_varint(c);
    r->equal.differing = cursor_varint(c);
    for (unsigned i = 0; i < SHARING_WORDS; i++)
        r->equal.pairs[i] = cursor_varint(c);
    r->given = cursor_varint(c);
    if (!cursor_left(c))
        return;
    r->refused = cursor_varint(c);
    r->barred = cursor_varint(c);
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
    if (cursor_left(&c))
        read_added(&r, &c);
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

/* Comparisons without a difference. A credential may be of a kind that is not known: where there is none, addresses are
 * compared, too. */
static uint64_t enough(const struct sharing_result *r, double level)
{
    return r->anonymous ? ANONYMOUS_LEAST : sandwich_enough(level);
}

/* Whether no difference was seen often, widely and plainly enough. */
static void judge_alike(const struct sharing_input *in, double level, struct sharing_result *r)
{
    const struct sharing *s = &in->seen;
    uint64_t want = enough(r, level);
    if (!s->visits) {
        undecided(r, in->unlooked ? "its requests carry credentials that clients are not told apart by (--identity)"
                                  : "no whole answer 2xx or 304 was seen that could be compared");
    } else if (r->anonymous && s->sandwiches >= want) {
        r->verdict = SHARING_SHARED;
        r->reason = "no request carried a credential";
    } else if (r->anonymous) {
        undecided(r, "too few comparisons between clients, none of which sent a credential");
        r->needed = want - s->sandwiches;
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
        undecided(r, r->anonymous ? "too few pairs of clients compared" : "too few pairs of credentials compared");
    else if (r->networks < NETWORKS_LEAST)
        undecided(r, "all clients are of one or two networks");
    else if (is_one_tenant(in))
        undecided(r, "all clients are of one tenant");
    else {
        r->verdict = SHARING_SHARED;
        r->unnamed = true;
        r->reason = r->anonymous ? "answers depend on fields that Vary does not name; no request carried a credential"
                                 : "answers depend on fields that Vary does not name, not on the credential";
    }
}

/* A header field that not all answers name in Vary. What changes together with the credential may be the credential's
 * doing. */
static bool is_unnamed_field(const struct learned *l, unsigned dim)
{
    const struct learned_dim *d = &l->dim[dim];
    for (unsigned i = 0; i < l->n; i++)
        if (l->dim[i].kind == PART_CREDENTIAL && l->dim[i].leader == d->leader)
            return false;
    return d->kind == PART_HEADER && d->varied && (l->visits - d->nominated) * VARY_MISSING > l->visits;
}

bool sharing_fields_explain(const struct sharing *s, unsigned family)
{
    double level = SANDWICH_LEVEL / (family ? family : 1);
    const struct sharing_equal *e = &s->equal;
    return e->sandwiches >= PART_ALIKE && !e->differing && set_size(e->pairs) >= PAIRS_LEAST &&
           sandwich_relevant(s->differing, s->sandwiches, level) &&
           interval_high(0, (double)e->sandwiches, level) <
               interval_low((double)s->differing, (double)s->sandwiches, level);
}

bool sharing_may_follow(const struct sharing *s, const struct learned *l, unsigned dim, unsigned tests)
{
    enum learned_verdict is = learned_judge(l, dim, tests, 1).verdict;
    return is_unnamed_field(l, dim) && (is == LEARNED_RELEVANT || is == LEARNED_UNDECIDED) &&
           2 * learned_values(&l->dim[dim]) <= set_size(s->credentials);
}

/* A field is shown to decide answers, or can only be what does. */
static bool a_field_decides(const struct sharing_input *in)
{
    const struct learned *l = in->learned;
    bool explain = sharing_fields_explain(&in->seen, in->family);
    for (unsigned i = 0; l && i < l->n; i++) {
        struct learned_result is = learned_judge(l, i, in->tests, 1);
        if ((is_unnamed_field(l, i) && is.verdict == LEARNED_RELEVANT && is.sure) ||
            (explain && sharing_may_follow(&in->seen, l, i, in->tests)))
            return true;
    }
    return false;
}

/* A field is why answers of one key differ: what of those to equal fields? `alike`: it is known that there the
 * credential does not matter. */
static void judge_equal(const struct sharing_input *in, double level, bool alike, struct sharing_result *r)
{
    const struct sharing_equal *equal = &in->seen.equal;
    uint64_t want = enough(r, level);
    unsigned at;
    const struct learned_dim *credential = credential_of(in, &at);
    if (equal->sandwiches >= want || !alike) {
        r->sandwiches = equal->sandwiches;
        r->differing = equal->differing;
        r->pairs = set_size(equal->pairs);
    }
    r->unnamed = true;
    if (equal->differing || (credential && credential->differing)) {
        undecided(r, "answers depend on a field that Vary does not name, and some differed with it equal");
    } else if (equal->sandwiches < want && !alike) {
        undecided(r, r->anonymous ? "answers depend on a field that Vary does not name: too few comparisons between "
                                    "clients that send the same"
                                  : "answers depend on a field that Vary does not name: too few comparisons between "
                                    "credentials that send the same");
        r->needed = want - equal->sandwiches;
    } else {
        judge_unnamed(in, r);
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
    bool differs = sandwich_relevant(in->seen.equal.differing, in->seen.equal.sandwiches, level);
    if (!differs && with.verdict != LEARNED_RELEVANT && a_field_decides(in)) {
        judge_equal(in, level, with.verdict == LEARNED_IRRELEVANT, r);
    } else if (is_mixed(&in->seen, level)) { /* first: what was learned may be of the other keys alone */
        r->verdict = SHARING_MIXED;
        r->reason = r->anonymous ? "some keys depend on which client asks, others do not"
                                 : "some keys depend on the credential, others do not";
    } else if (tenant) {
        r->verdict = SHARING_TENANT;
        memcpy(r->claim, tenant, strlen(tenant) + 1);
        r->reason = "answers depend on the credential, but not among those with the same claim";
    } else if (with.verdict == LEARNED_IRRELEVANT) {
        judge_unnamed(in, r);
    } else if (sandwich_relevant(in->seen.differing, in->seen.sandwiches, level)) {
        r->verdict = SHARING_PRIVATE;
        r->reason = r->anonymous ? "answers depend on which client asks, though none sent a credential"
                                 : "answers depend on the credential";
    } else {
        undecided(r,
                  r->anonymous ? "some answers differed between clients" : "some answers differed between credentials");
    }
}

/* That one is given what another is refused, however alike the answers are, is for the API to say each time. Where
 * nobody has a credential it may be who was shut out for what he did: not by one or two. */
static void judge_refusals(const struct sharing *s, double level, struct sharing_result *r)
{
    r->refused = s->refused || (r->anonymous && sandwich_relevant(s->barred, s->sandwiches + s->barred, level));
    r->barred = s->barred && !r->anonymous;
    if (!r->refused || r->verdict != SHARING_SHARED)
        return;
    undecided(r, r->anonymous ? "some clients are refused what others are given"
                              : "some credentials are refused what others are given");
    r->unnamed = false;
}

struct sharing_result sharing_judge(const struct sharing_input *in)
{
    const struct sharing *s = &in->seen;
    double level = SANDWICH_LEVEL / (in->family ? in->family : 1);
    struct sharing_result r = {.credentials = s->given ? (double)s->given : set_size(s->credentials),
                               .pairs = set_size(s->pairs),
                               .networks = set_size(s->networks),
                               .sandwiches = s->sandwiches,
                               .differing = s->differing,
                               .anonymous = s->visits && s->anonymous == s->visits};
    unsigned at;
    const struct learned_dim *credential = credential_of(in, &at);
    if (s->differing)
        judge_differing(in, level, &r);
    else if (in->personal)
        undecided(&r, "some answers are marked personal");
    else if (credential && credential->differing && !s->refused)
        undecided(&r, "some answers differed between credentials");
    else if (is_one_tenant(in))
        undecided(&r, "all clients are of one tenant");
    else
        judge_alike(in, level, &r);
    judge_refusals(s, level, &r);
    return r;
}

const char *sharing_bars(enum sharing_verdict v)
{
    switch (v) {
    case SHARING_PRIVATE:
    case SHARING_TENANT:
    case SHARING_MIXED:
        return "clients must not share it";
    case SHARING_UNDECIDED:
        return "it is not known whether clients may share it";
    case SHARING_SHARED:
        break;
    }
    return NULL;
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
