#include "analysis/learned.h"

#include <math.h>

#include "base/cursor.h"

#define BUSTER_MARGIN 0.01 /* below what answers do by themselves */

enum { CLEAR_ENOUGH = 20, CONTROL_LEAST = 5 };

enum { HAS_FIRST = 4 }; /* what older versions wrote ends before it */

void learned_write(const struct learned *l, struct buf *out)
{
    if (!l->visits)
        return;
    buf_varint(out, l->visits);
    buf_varint(out, l->control_n);
    buf_varint(out, l->control_differing);
    buf_varint(out, l->n);
    for (unsigned i = 0; i < l->n; i++) {
        const struct learned_dim *d = &l->dim[i];
        size_t n = strlen(d->text);
        buf_varint(out, n);
        buf_add(out, d->text, n);
        buf_varint(out, d->kind);
        buf_varint(out, (unsigned)d->unique | (unsigned)d->varied << 1 | HAS_FIRST);
        buf_varint(out, d->leader);
        buf_varint(out, d->present);
        buf_varint(out, d->n);
        buf_varint(out, d->differing);
        buf_varint(out, d->near);
        buf_varint(out, d->near_same);
        buf_varint(out, d->nominated);
        buf_varint(out, d->seen);
        buf_varint(out, d->first);
    }
}

static void read_dim(struct cursor *c, struct learned_dim *d)
{
    uint64_t n = cursor_varint(c), kind, flags, leader;
    const uint8_t *text = n <= LEARN_NAME ? cursor_take(c, n) : NULL;
    *d = (struct learned_dim){0};
    c->bad |= n > LEARN_NAME;
    if (text && n)
        memcpy(d->text, text, n);
    kind = cursor_varint(c);
    flags = cursor_varint(c);
    leader = cursor_varint(c);
    c->bad |= kind >= PART_KINDS || leader >= LEARN_DIMS;
    d->kind = (uint8_t)kind;
    d->unique = flags & 1;
    d->varied = flags & 2;
    d->leader = (uint8_t)leader;
    d->present = cursor_varint(c);
    d->n = cursor_varint(c);
    d->differing = cursor_varint(c);
    d->near = cursor_varint(c);
    d->near_same = cursor_varint(c);
    d->nominated = cursor_varint(c);
    d->seen = cursor_varint(c);
    d->first = flags & HAS_FIRST ? cursor_varint(c) : 0;
}

bool learned_read(struct learned *out, struct slice blob)
{
    struct cursor c = cursor_of(blob.p, blob.n);
    out->visits = out->control_n = out->control_differing = 0;
    out->n = 0;
    if (!blob.n)
        return true;
    uint64_t visits = cursor_varint(&c), control_n = cursor_varint(&c), control_differing = cursor_varint(&c),
             n = cursor_varint(&c);
    if (c.bad || n > LEARN_DIMS)
        return false;
    for (unsigned i = 0; i < n && !c.bad; i++) {
        read_dim(&c, &out->dim[i]);
        c.bad |= out->dim[i].leader >= n;
    }
    if (c.bad || cursor_left(&c))
        return false;
    out->visits = visits;
    out->control_n = control_n;
    out->control_differing = control_differing;
    out->n = (unsigned)n;
    return true;
}

unsigned learned_tests(const struct learned *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->n; i++)
        n += l->dim[i].leader == i && (l->dim[i].n || l->dim[i].near);
    return n;
}

/* What never comes twice: answers that follow each other closely must be as alike as those of one key. */
static void judge_unique(const struct learned_dim *d, double steady, struct learned_result *r)
{
    r->n = d->near;
    r->differing = d->near - d->near_same;
    double same = d->near ? (double)d->near_same / (double)d->near : 0;
    struct interval alike = interval_wilson(same, (double)d->near, INTERVAL_Z95);
    if (alike.low >= steady - BUSTER_MARGIN)
        r->verdict = LEARNED_BUSTER;
    else if (r->differing >= CLEAR_ENOUGH && alike.high < steady / 2)
        r->verdict = LEARNED_RELEVANT;
}

/* k_d / n_d * log2(1 / (1 - k_d / n_d)), bounded. */
static double information(double share)
{
    return share * log2(1 / (1 - share + 0x1p-20));
}

/* Relevant, unless equal requests are answered as differently. */
static void judge_relevant(const struct learned *l, const struct learned_dim *d, struct learned_result *r)
{
    double with = interval_low((double)d->differing, (double)d->n, SANDWICH_LEVEL);
    double without = interval_high((double)l->control_differing, (double)l->control_n, SANDWICH_LEVEL);
    bool known = l->control_n >= CONTROL_LEAST;
    r->sure = known && with > without;
    r->verdict = known && !r->sure ? LEARNED_UNSTEADY : LEARNED_RELEVANT;
}

struct learned_result learned_judge(const struct learned *l, unsigned dim, unsigned family, double steady)
{
    const struct learned_dim *d = &l->dim[l->dim[dim].leader];
    double level = SANDWICH_LEVEL / (family ? family : 1);
    struct learned_result r = {LEARNED_UNDECIDED, d->n, d->differing, 0, false, NAN};
    uint64_t enough = sandwich_enough(level);
    if (d->n)
        r.information = information((double)d->differing / (double)d->n);
    if (!l->dim[dim].varied)
        r.verdict = LEARNED_CONSTANT;
    else if (d->unique)
        judge_unique(d, steady, &r);
    else if (sandwich_relevant(d->differing, d->n, level))
        judge_relevant(l, d, &r);
    else if (!d->differing && d->n >= enough)
        r.verdict = LEARNED_IRRELEVANT;
    else if (!d->differing)
        r.needed = enough - d->n;
    else if (interval_high((double)d->differing, (double)d->n, level) <= SANDWICH_IRRELEVANT)
        r.verdict = LEARNED_ALMOST;
    return r;
}

/* Linear counting: how many hashes leave so many of the bits unset. */
double learned_values(const struct learned_dim *d)
{
    int set = __builtin_popcountll(d->seen);
    return set == 64 ? 255 : round(64 * log(64. / (64 - set)));
}

const char *learned_name(enum learned_verdict v)
{
    switch (v) {
    case LEARNED_UNDECIDED:
        return "undecided";
    case LEARNED_RELEVANT:
        return "relevant";
    case LEARNED_IRRELEVANT:
        return "irrelevant";
    case LEARNED_ALMOST:
        return "almost_irrelevant";
    case LEARNED_BUSTER:
        return "cache_buster";
    case LEARNED_CONSTANT:
        return "constant";
    case LEARNED_UNSTEADY:
        return "unsteady";
    }
    return "?";
}

const char *learned_kind(unsigned kind)
{
    static const char *const names[PART_KINDS] = {"query", "header", "cookie", "credential", "tenant"};
    return kind < PART_KINDS ? names[kind] : "?";
}
