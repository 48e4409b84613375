#include "analysis/learning.h"

#include <string.h>

#include "analysis/cacheable.h"
#include "analysis/learned.h"
#include "base/cold.h"
#include "base/hash.h"
#include "base/pages.h"
#include "base/prefetch.h"

enum {
    ABSENT = LEARN_DIMS, /* in the index: no dimension */
    MOST_LOOKS = 2,      /* contexts that an exchange looks at, on average */
    OUT_LEAST = 1000,    /* sandwiches without a difference, to be left out of the others' contexts */
    DECIDED_SHIFT = 4,
    PERIOD = 2048,     /* visits from one look at what is decided to the next */
    WORTH = 128,       /* of so many visits a sandwich */
    CHANGES_EVERY = 8, /* visits from one comparison of changes to the next */
    TOGETHER_LEAST = 32,
    GROUPS_FIRST = 128, /* visits when groups are formed first; then at each doubling */
    TURN = 2048,        /* visits */
    MOST_TURNS = 3,     /* 2 to the power of that */
    BARREN = 4096,      /* contexts that were not there */
    FRUIT = 16,         /* of which one that was weighs as many */
    BARREN_LEVELS = 3,
    EXPECTED_TOGETHER = 8, /* looks */
};

_Static_assert(LEARN_LOOKS >= LEARN_WAIT + LEARN_DIMS + 1, "and the control");
_Static_assert(sizeof(struct learner) + sizeof(struct learn_turn) <= 2688 && sizeof(struct learn_dim) <= 320,
               "as analysis/budget.def has them");

#define CONTROL_NAME UINT64_C(0x636f6e74726f6c)

static const uint8_t most_of[PART_KINDS] = {
    [PART_QUERY] = 16, [PART_HEADER] = 13, [PART_COOKIE] = 6, [PART_CREDENTIAL] = 1, [PART_CLAIM] = 4};

#define EACH_BIT(i, bits)                                                                                              \
    for (uint32_t left_##i = (bits), i; left_##i && (i = (uint32_t)__builtin_ctz(left_##i), true);                     \
         left_##i &= left_##i - 1)

bool learning_init(struct learning *l, uint32_t learners, uint32_t dims, uint32_t places)
{
    *l = (struct learning){.mask = places - 1};
    l->table = pages_table(places * sizeof *l->table);
    return l->table && slab_init(&l->learners, sizeof(struct learner), learners + 1) &&
           slab_init(&l->turns, sizeof(struct learn_turn), learners + 1) &&
           slab_init(&l->dims, sizeof(struct learn_dim), dims + 1) && slab_take(&l->learners) == 0 &&
           slab_take(&l->turns) == 0 && slab_take(&l->dims) == 0;
}

void learning_fini(struct learning *l)
{
    if (l->table)
        pages_release(l->table, (l->mask + 1) * sizeof *l->table);
    slab_fini(&l->learners);
    slab_fini(&l->turns);
    slab_fini(&l->dims);
    *l = (struct learning){0};
}

/* ---- rows ---- */

uint32_t learning_open(struct learning *l)
{
    uint32_t row = l->free_learner;
    if (row)
        l->free_learner = learning_at(l, row)->next_free;
    else if ((row = slab_take(&l->learners)) != SLAB_NONE)
        slab_take(&l->turns);
    if (row == SLAB_NONE) {
        l->refused++;
        return 0;
    }
    struct learner *r = learning_at(l, row);
    *r = (struct learner){0};
    *learning_turn(l, row) = (struct learn_turn){0};
    memset(r->index, ABSENT, sizeof r->index);
    return row;
}

static uint32_t open_dim(struct learning *l)
{
    uint32_t at = l->free_dim;
    if (at)
        memcpy(&l->free_dim, slab_at(&l->dims, at), sizeof l->free_dim);
    else
        at = slab_take(&l->dims);
    return at == SLAB_NONE ? 0 : at;
}

static void close_dim(struct learning *l, uint32_t at)
{
    memcpy(slab_at(&l->dims, at), &l->free_dim, sizeof l->free_dim);
    l->free_dim = at;
}

void learning_close(struct learning *l, uint32_t row)
{
    struct learner *r = learning_at(l, row);
    learning_settle(l);
    for (unsigned i = 0; i < r->n; i++)
        close_dim(l, r->dim[i]);
    r->next_free = l->free_learner;
    l->free_learner = row;
}

/* ---- dimensions ---- */

static unsigned index_of(uint64_t name)
{
    return name >> 58;
}

static unsigned find(const struct learner *r, uint64_t name)
{
    unsigned i = r->index[index_of(name)];
    if (i == ABSENT || r->row[i].name == name)
        return i;
    for (i = 0; i < r->n; i++) /* two names of one place */
        if (r->row[i].name == name)
            return i;
    return ABSENT;
}

static void reindex(struct learner *r)
{
    memset(r->index, ABSENT, sizeof r->index);
    for (unsigned i = 0; i < r->n; i++)
        r->index[index_of(r->row[i].name)] = (uint8_t)i;
}

/* How few contexts are looked at: of many dimensions MOST_LOOKS, of contexts that hardly ever come again fewer. */
static void set_level(struct learner *r)
{
    r->level = r->barren_level;
    for (unsigned n = (unsigned)__builtin_popcount(r->tested) + 1; n > MOST_LOOKS; n = (n + 1) / 2)
        r->level++;
}

/* What is tested. Most are tested alone. */
static COLD void count_tested(struct learner *r)
{
    r->tested = r->alone = 0;
    for (unsigned i = 0; i < r->n; i++) {
        uint32_t bit = 1u << i;
        r->tested |= r->group[i] & r->varied ? bit : 0;
        r->alone |= (r->group[i] == bit && (r->varied & bit) && !(r->claims & bit)) ? bit : 0;
    }
    set_level(r);
}

static uint16_t *both_of(struct learner *r, unsigned a, unsigned b)
{
    unsigned high = a > b ? a : b, low = a > b ? b : a;
    return &r->both[high * (high - 1) / 2 + low];
}

static void forget_changes(struct learner *r, unsigned i)
{
    r->changed[i] = 0;
    for (unsigned o = 0; o < r->n; o++)
        if (o != i)
            *both_of(r, o, i) = 0;
}

static uint32_t put_bit(uint32_t bits, unsigned i, bool is)
{
    return (bits & ~(1u << i)) | (uint32_t)is << i;
}

/* After its sandwiches were counted. */
static void note_decided(struct learner *r, const struct learn_dim *d, unsigned i)
{
    r->decided = put_bit(r->decided, i, d->n >= LEARN_DECIDED || d->differing >= LEARN_CLEAR);
}

static void forget_tests(struct learning *l, struct learner *r, unsigned i)
{
    struct learn_dim *d = learning_dim(l, r, i);
    d->n = d->differing = d->near = d->near_same = 0;
    r->out &= ~(1u << i);
    note_decided(r, d, i);
}

static void leave_group(struct learning *l, struct learner *r, unsigned i)
{
    for (unsigned o = 0; o < r->n; o++)
        if (o != i && r->group[o] >> i & 1) {
            r->group[o] &= ~(1u << i);
            forget_tests(l, r, o);
        }
    uint32_t others = r->group[i] & ~(1u << i);
    if (others) {
        r->group[__builtin_ctz(others)] = others;
        forget_tests(l, r, (unsigned)__builtin_ctz(others));
    }
    r->group[i] = 1u << i;
}

static void name_dim(struct learning *l, struct learner *r, unsigned i, const struct part *p, uint64_t first)
{
    struct learn_dim *d = learning_dim(l, r, i);
    uint32_t bit = 1u << i;
    *d = (struct learn_dim){.text_n = (uint8_t)p->text.n, .kind = p->kind};
    memcpy(d->text, p->text.p, p->text.n);
    r->row[i] = (struct learn_row){.name = p->name, .first = first};
    r->varied &= ~bit;
    r->out &= ~bit;
    r->unique &= ~bit;
    r->settled &= ~bit;
    r->group[i] = bit;
    forget_changes(r, i);
    note_decided(r, d, i);
    r->coded = put_bit(r->coded, i, p->coded);
    r->claims = put_bit(r->claims, i, p->kind == PART_CLAIM);
    if (p->kind == PART_CREDENTIAL)
        r->credentials = bit;
    reindex(r);
}

/* A name that is met more often than the rarest of its kind takes its place (by majority vote of those without). */
static unsigned displace(struct learning *l, struct learner *r, const struct part *p)
{
    unsigned rarest = ABSENT;
    if (r->candidate != p->name) {
        r->candidate_count -= r->candidate_count != 0;
        if (r->candidate_count)
            return ABSENT;
        r->candidate = p->name;
    }
    r->candidate_count++;
    for (unsigned i = 0; i < r->n; i++)
        if (learning_dim(l, r, i)->kind == p->kind && p->kind != PART_CREDENTIAL &&
            (rarest == ABSENT || r->row[i].present < r->row[rarest].present))
            rarest = i;
    if (rarest == ABSENT || r->candidate_count <= r->row[rarest].present)
        return ABSENT;
    r->candidate_count = 0;
    leave_group(l, r, rarest);
    name_dim(l, r, rarest, p, p->value);
    count_tested(r);
    return rarest;
}

static COLD unsigned add_dim(struct learning *l, struct learner *r, const struct part *p)
{
    unsigned of_kind = 0;
    if (p->text.n > LEARN_NAME)
        return ABSENT;
    for (unsigned i = 0; i < r->n; i++)
        of_kind += learning_dim(l, r, i)->kind == p->kind;
    uint32_t at = r->n == LEARN_DIMS || of_kind == most_of[p->kind] ? 0 : open_dim(l);
    if (!at) {
        learning_settle(l);
        return displace(l, r, p);
    }
    unsigned i = r->n++;
    r->dim[i] = at;
    name_dim(l, r, i, p, r->visits ? 0 : p->value); /* until now it was absent */
    return i;
}

/* ---- values that never come twice ---- */

static void halve_sample(struct learn_dim *d)
{
    unsigned kept = 0;
    d->sample_level++;
    for (unsigned i = 0; i < d->sampled; i++)
        if (!(d->sample[i] & ((1u << d->sample_level) - 1))) {
            d->sample[kept] = d->sample[i];
            d->times[kept++] = d->times[i];
        } else {
            d->times_in_all -= d->times[i];
        }
    d->sampled = (uint8_t)kept;
}

/* A sample of the values, each with how often it came: full without a repetition, values are hardly ever repeated. A
 * tenth of repetitions settles that they are. */
static COLD void sample(struct learner *r, struct learn_dim *d, unsigned i, uint32_t value)
{
    unsigned at = 0;
    if (value & ((1u << d->sample_level) - 1))
        return;
    while (at < d->sampled && d->sample[at] != value)
        at++;
    if (at == d->sampled) {
        d->sample[at] = value;
        d->times[at] = 0;
        d->sampled++;
    }
    bool more = d->times[at] < UINT16_MAX;
    d->times[at] += more;
    uint32_t all = d->times_in_all += more;
    if (all > d->sampled)
        r->unique &= ~(1u << i);
    if (all >= LEARN_SAMPLE && d->sampled * 10u < all * 9)
        r->settled |= 1u << i;
    if (d->sampled < LEARN_SAMPLE)
        return;
    r->unique |= all == d->sampled ? 1u << i : 0;
    halve_sample(d);
}

/* ---- dimensions that change together ---- */

static void halve_changes(struct learner *r)
{
    for (unsigned i = 0; i < LEARN_DIMS; i++)
        r->changed[i] /= 2;
    for (unsigned i = 0; i < sizeof r->both / sizeof *r->both; i++)
        r->both[i] /= 2;
}

static uint32_t fold(uint64_t value)
{
    return (uint32_t)(value ^ value >> 32);
}

static COLD void compare_changes(struct learner *r, const uint64_t value[LEARN_DIMS])
{
    uint32_t bits = 0;
    for (unsigned i = 0; i < r->n; i++) {
        uint32_t now = fold(value[i]);
        bits |= (uint32_t)(now != r->row[i].last) << i;
        r->row[i].last = now;
    }
    EACH_BIT(a, bits)
    {
        if (++r->changed[a] == UINT16_MAX)
            halve_changes(r);
        uint16_t *both = both_of(r, a, 0);
        EACH_BIT(b, bits & ((1u << a) - 1))
        both[b]++;
    }
}

/* Changes of one are changes of the other, in 99 of 100. */
static bool together(struct learner *r, unsigned a, unsigned b)
{
    uint32_t both = *both_of(r, a, b), either = (uint32_t)r->changed[a] + r->changed[b] - both;
    return either >= TOGETHER_LEAST && both * 100 >= either * 99;
}

static COLD void form_groups(struct learning *l, struct learner *r)
{
    uint32_t group[LEARN_DIMS] = {0}, taken = 0;
    for (unsigned a = 0; a < r->n; a++) {
        if (taken >> a & 1)
            continue;
        group[a] = 1u << a;
        for (unsigned b = a + 1; b < r->n; b++)
            if (!(taken >> b & 1) && !((r->claims >> a | r->claims >> b) & 1) && together(r, a, b))
                group[a] |= 1u << b;
        taken |= group[a];
    }
    for (unsigned i = 0; i < r->n; i++)
        if (group[i] != r->group[i]) {
            r->group[i] = group[i];
            forget_tests(l, r, i);
        }
    for (unsigned i = 0; i < r->n; i++)
        if (r->group[i] & r->credentials)
            r->credentials |= r->group[i];
    count_tested(r);
}

/* ---- looks ---- */

/* Two answers that follow each other closely; for what never comes twice. */
static COLD void look_near(struct learn_dim *d, struct sandwich *s, const struct sandwich_visit *v)
{
    if (s->context == v->context && v->now_ms - s->at_ms <= LEARN_NEAR_MS &&
        (v->refused || cacheable_comparable(s->content, v->content))) {
        d->near++;
        d->near_same += !v->refused && s->content == v->content;
    }
    if (!v->refused)
        *s = (struct sandwich){.context = v->context, .content = v->content, .at_ms = v->now_ms};
}

/* Where contexts hardly ever come again, or find no place, fewer are looked at. */
static void note_barren(struct learner *r, const struct sandwich *s, const struct sandwich_visit *v)
{
    if (s->context == v->context) {
        r->barren = r->barren > FRUIT ? r->barren - FRUIT : 0;
    } else if (++r->barren == BARREN) {
        r->barren = 0;
        r->barren_level += r->barren_level < BARREN_LEVELS;
        set_level(r);
    }
}

static void note_result(struct learning *l, struct learner *r, unsigned i, const struct sandwich_result *closed)
{
    struct learn_dim *d = learning_dim(l, r, i);
    d->n += closed->others;
    d->differing += closed->differing;
    note_decided(r, d, i);
    if (d->differing)
        r->out &= ~r->group[i];
    else if (d->n >= OUT_LEAST && !(r->claims >> i & 1))
        r->out |= r->group[i];
}

static struct sandwich *place_of(const struct learning *l, uint64_t context)
{
    return &l->table[context >> 28 & l->mask];
}

static inline void do_look(struct learning *l, const struct learn_look *look)
{
    struct sandwich_result closed;
    struct learner *r = look->learner;
    struct sandwich *s = place_of(l, look->visit.context);
    unsigned i = look->dim;
    if (i == LEARN_CONTROL) {
        if (sandwich_visit(s, &look->visit, &closed)) {
            r->control_n += closed.others;
            r->control_differing += closed.differing;
        }
        return;
    }
    note_barren(r, s, &look->visit);
    if (r->unique >> i & 1)
        look_near(learning_dim(l, r, i), s, &look->visit);
    else if (sandwich_visit(s, &look->visit, &closed))
        note_result(l, r, i, &closed);
}

/* Does looks until so many were done. */
static void settle_until(struct learning *l, uint32_t looks)
{
    for (; l->looked != looks; l->looked++)
        do_look(l, &l->look[l->looked % LEARN_LOOKS]);
}

void learning_settle(struct learning *l)
{
    settle_until(l, l->looks);
}

/* The looks of one learner, and those before. */
static void settle_those_of(struct learning *l, const struct learner *r)
{
    if (r->looks - l->looked <= l->looks - l->looked) /* else they were done long ago */
        settle_until(l, r->looks);
}

static unsigned level_of(const struct learning *l, const struct learner *r)
{
    return l->full ? 0 : r->level;
}

/* Asks for what looks will read, those of several answers at once, so that their waits for translations overlap. */
static void expect(struct learning *l)
{
    for (; l->expected != l->looks; l->expected++)
        prefetch(place_of(l, l->look[l->expected % LEARN_LOOKS].visit.context));
}

/* What looks of one answer have in common. */
struct looker {
    const struct learn_visit *visit;
    struct learner *learner;
    uint64_t coded, decided; /* bits of dimensions */
    uint64_t mask, turn;     /* a context is looked at where its bits in the mask are those of the turn */
};

static bool is_sampled(const struct looker *k, uint64_t context)
{
    return !((context ^ k->turn) & k->mask);
}

static void wait_for(struct learning *l, const struct looker *k, unsigned i, uint64_t context, uint64_t value)
{
    struct learn_look *look = &l->look[l->looks++ % LEARN_LOOKS];
    look->learner = k->learner;
    look->visit.context = context ? context : 1;
    look->visit.value = sandwich_value(value);
    look->visit.content = k->visit->content;
    look->visit.now_ms = k->visit->now_ms;
    look->visit.coded = k->coded >> i & 1;
    look->visit.refused = k->visit->refused;
    look->dim = (uint8_t)i;
    k->learner->looks = l->looks;
}

/* Equal requests; a coin tells them apart. */
static void look_at_control(struct learning *l, const struct looker *k, uint64_t sum)
{
    uint64_t context = hash_mix(sum ^ CONTROL_NAME);
    if (is_sampled(k, context))
        wait_for(l, k, LEARN_CONTROL, context, hash_mix(k->learner->visits) & 1);
}

static void look_at(struct learning *l, const struct looker *k, unsigned i, uint64_t context, uint64_t value)
{
    if (!(k->decided >> i & 1) || !(context >> (64 - DECIDED_SHIFT)))
        wait_for(l, k, i, context, value);
}

static uint64_t context_of(const struct learner *r, unsigned i, uint64_t rest)
{
    return hash_mix(rest ^ r->row[i].name);
}

/* What a group or a claim tests, and all else. A claim tests the credential, among those that make the same. */
static uint64_t split(const struct learner *r, unsigned i, const uint64_t value[LEARN_DIMS], uint64_t *rest)
{
    uint32_t without = r->out | r->unique, tested = r->group[i];
    uint64_t mine = 0;
    if (r->claims >> i & 1) {
        tested = r->credentials;
        *rest += value[i];
    }
    EACH_BIT(g, tested)
    {
        mine += value[g];
        *rest -= without >> g & 1 ? 0 : value[g];
    }
    return mine;
}

/* One look for each dimension or group that varies, where its context is sampled; `sum` is that of all components.
 * Which contexts are sampled changes from time to time, so that those of an endpoint that has few get their turn. */
static void look(struct learning *l, struct learner *r, const struct learn_visit *v, uint64_t sum,
                 const uint64_t value[LEARN_DIMS])
{
    uint32_t without = r->out | r->unique;
    struct looker k = {v, r, r->coded, l->full ? 0 : r->decided, (UINT64_C(1) << level_of(l, r)) - 1, r->visits / TURN};
    EACH_BIT(o, without)
    sum -= value[o];
    look_at_control(l, &k, sum);
    EACH_BIT(i, r->alone)
    {
        uint64_t context = context_of(r, i, without >> i & 1 ? sum : sum - value[i]);
        if (is_sampled(&k, context))
            look_at(l, &k, i, context, value[i]);
    }
    EACH_BIT(t, r->tested & ~r->alone)
    {
        uint64_t rest = sum, mine = split(r, t, value, &rest), context = context_of(r, t, rest);
        if (is_sampled(&k, context) && (value[t] || !(r->claims >> t & 1)))
            look_at(l, &k, t, context, mine);
    }
}

/* ---- a visit ---- */

static void note_part(struct learning *l, struct learner *r, unsigned i, uint64_t value)
{
    struct learn_row *row = &r->row[i];
    uint32_t present = row->present + 1;
    row->present = present ? present : UINT32_MAX;
    row->seen |= UINT64_C(1) << (value >> 58);
    if (!(r->settled >> i & 1))
        sample(r, learning_dim(l, r, i), i, fold(value));
}

static void note_varied(struct learner *r, const uint64_t value[LEARN_DIMS])
{
    uint32_t bits = 0, rest = r->n == LEARN_DIMS ? ~r->varied : ~r->varied & ((1u << r->n) - 1);
    EACH_BIT(i, rest)
    bits |= (uint32_t)(value[i] != r->row[i].first) << i;
    if (!bits)
        return;
    r->varied |= bits;
    count_tested(r);
}

static void note_list(struct learner *r, uint16_t list)
{
    for (unsigned i = 0; list && i < LEARN_LISTS; i++) {
        if (!r->list[i])
            r->list[i] = list;
        if (r->list[i] != list)
            continue;
        r->listed[i] += r->listed[i] != UINT32_MAX;
        return;
    }
    r->unlisted += list != 0;
}

/* One part joins the values and the sum. */
static void take_part(struct learning *l, struct learner *r, const struct part *part, uint64_t *sum,
                      uint64_t value[LEARN_DIMS])
{
    unsigned i = find(r, part->name);
    if (i == ABSENT)
        i = add_dim(l, r, part);
    *sum += part->kind == PART_CLAIM ? 0 : part->value;
    if (i == ABSENT)
        return;
    value[i] += part->value;
    note_part(l, r, i, part->value);
}

/* The fewest sandwiches of a dimension that is not decided; UINT64_MAX: all are. */
static uint64_t fewest(const struct learning *l, const struct learner *r)
{
    uint64_t least = UINT64_MAX;
    EACH_BIT(i, r->tested)
    {
        const struct learn_dim *d = learning_dim(l, r, i);
        uint64_t n = d->n + d->near;
        if (n < LEARN_DECIDED && d->differing < LEARN_CLEAR && n < least)
            least = n;
    }
    return least;
}

/* Whether an eighth of the visits will do: all is decided, nothing varies, or the last periods hardly brought a
 * sandwich to what is not. That can be told when all contexts have had their turn; where there are many, after some of
 * them. */
static COLD bool may_rest(const struct learning *l, struct learner *r, bool rests)
{
    uint64_t now = fewest(l, r), before = r->fewest;
    unsigned level = level_of(l, r), periods = 1u << (level < MOST_TURNS ? level : MOST_TURNS);
    if (l->full || now == UINT64_MAX)
        return !l->full;
    if (r->visits / PERIOD % periods)
        return rests;
    r->fewest = now;
    return now >= before && now - before < periods * PERIOD / WORTH;
}

void learning_visit(struct learning *l, uint32_t row, const struct learn_visit *v)
{
    struct learner *r = learning_at(l, row);
    uint64_t value[LEARN_DIMS] = {0}, sum = v->base;
    settle_those_of(l, r);
    for (unsigned s = 0; s < sizeof v->parts / sizeof *v->parts; s++) {
        const struct learn_parts some = v->parts[s];
        for (unsigned i = 0; i < some.n; i++)
            take_part(l, r, &some.part[i], &sum, value);
    }
    note_varied(r, value);
    note_list(r, v->list);
    if (++r->visits % CHANGES_EVERY == 0 && (r->varied & (r->varied - 1)))
        compare_changes(r, value);
    if (r->visits % PERIOD == 0)
        learning_turn(l, row)->rests = may_rest(l, r, learning_turn(l, row)->rests);
    if (r->visits >= GROUPS_FIRST && !(r->visits & (r->visits - 1)))
        form_groups(l, r);
    if (r->tested)
        look(l, r, v, sum, value);
    if (l->looks - l->expected >= EXPECTED_TOGETHER)
        expect(l);
    if (l->looks - l->looked > LEARN_WAIT)
        settle_until(l, l->looks - LEARN_WAIT);
}

/* ---- sums ---- */

static void add_row(struct learn_row *a, const struct learn_row *b)
{
    a->seen |= b->seen;
    a->present = a->present > UINT32_MAX - b->present ? UINT32_MAX : a->present + b->present;
}

/* Tests of groups are not those of their parts. */
static void add_tests(struct learning *l, struct learner *a, unsigned i, struct learner *b, unsigned o)
{
    struct learn_dim *to = learning_dim(l, a, i), *from = learning_dim(l, b, o);
    if (a->group[i] != 1u << i || b->group[o] != 1u << o)
        return;
    to->n += from->n;
    to->differing += from->differing;
    to->near += from->near;
    to->near_same += from->near_same;
    note_decided(a, to, i);
    if (to->differing)
        a->out &= ~a->group[i];
}

static void add_lists(struct learner *a, const struct learner *b)
{
    for (unsigned o = 0; o < LEARN_LISTS && b->list[o]; o++)
        for (unsigned i = 0; i < LEARN_LISTS; i++) {
            if (!a->list[i])
                a->list[i] = b->list[o];
            if (a->list[i] != b->list[o])
                continue;
            a->listed[i] += b->listed[o];
            break;
        }
}

void learning_merge(struct learning *l, uint32_t into, uint32_t from)
{
    struct learner *a = learning_at(l, into), *b = learning_at(l, from);
    learning_settle(l);
    for (unsigned o = 0; o < b->n; o++) {
        const struct learn_dim *d = learning_dim(l, b, o);
        struct part p = {.name = b->row[o].name,
                         .value = b->row[o].first,
                         .text = slice_of(d->text, d->text_n),
                         .kind = d->kind,
                         .coded = b->coded >> o & 1};
        unsigned i = find(a, p.name);
        if (i == ABSENT)
            i = add_dim(l, a, &p);
        if (i == ABSENT)
            continue;
        add_row(&a->row[i], &b->row[o]);
        add_tests(l, a, i, b, o);
        if (b->varied >> o & 1 || a->row[i].first != b->row[o].first)
            a->varied |= 1u << i;
        if (!(b->unique >> o & 1)) {
            a->unique &= ~(1u << i);
            a->settled |= b->settled >> o & 1 ? 1u << i : 0;
        }
    }
    add_lists(a, b);
    a->unlisted += b->unlisted;
    a->visits += b->visits;
    a->control_n += b->control_n;
    a->control_differing += b->control_differing;
    count_tested(a);
}

static uint64_t nominated(const struct learner *r, const struct learn_dim *d, learn_names *names, const void *context)
{
    uint64_t n = d->nominated + r->unlisted; /* of those it is not known */
    struct slice field = d->kind == PART_COOKIE ? SLICE("cookie") : slice_of(d->text, d->text_n);
    for (unsigned i = 0; i < LEARN_LISTS && r->list[i]; i++)
        if (names(context, r->list[i], field))
            n += r->listed[i];
    return n;
}

static unsigned leader_of(const struct learner *r, unsigned i)
{
    for (unsigned o = 0; o < r->n; o++)
        if (r->group[o] >> i & 1)
            return o;
    return i;
}

void learning_write(const struct learning *l, uint32_t row, learn_names *names, const void *context, struct buf *out)
{
    const struct learner *r = learning_at(l, row);
    struct learned to; /* as many dimensions as there are */
    to.visits = r->visits;
    to.control_n = r->control_n;
    to.control_differing = r->control_differing;
    to.n = r->n;
    for (unsigned i = 0; i < r->n; i++) {
        const struct learn_dim *d = learning_dim(l, r, i);
        bool field = d->kind == PART_HEADER || d->kind == PART_COOKIE;
        to.dim[i] = (struct learned_dim){.kind = d->kind,
                                         .unique = r->unique >> i & 1,
                                         .varied = r->varied >> i & 1,
                                         .leader = (uint8_t)leader_of(r, i),
                                         .present = r->row[i].present,
                                         .n = d->n,
                                         .differing = d->differing,
                                         .near = d->near,
                                         .near_same = d->near_same,
                                         .nominated = field ? nominated(r, d, names, context) : 0,
                                         .seen = r->row[i].seen,
                                         .first = r->row[i].first};
        memcpy(to.dim[i].text, d->text, d->text_n);
    }
    learned_write(&to, out);
}

/* Where it stood in what it learned, it goes on; how often values come, it finds anew. */
static void load_dim(struct learning *l, struct learner *r, const struct learned_dim *from, const struct hash_key *key)
{
    struct slice text = slice_str(from->text);
    struct part p = {.name = part_name(key, (enum part_kind)from->kind, text), .text = text, .kind = from->kind};
    p.coded = from->kind == PART_HEADER && slice_eq(text, SLICE("accept-encoding"));
    unsigned i = add_dim(l, r, &p);
    if (i == ABSENT)
        return;
    struct learn_dim *d = learning_dim(l, r, i);
    d->n = from->n;
    d->differing = from->differing;
    d->near = from->near;
    d->near_same = from->near_same;
    d->nominated = from->nominated;
    note_decided(r, d, i);
    r->row[i].present = (uint32_t)(from->present < UINT32_MAX ? from->present : UINT32_MAX);
    r->row[i].seen = from->seen;
    r->row[i].first = from->first;
    r->varied |= (uint32_t)from->varied << i;
    r->unique |= (uint32_t)from->unique << i;
}

void learning_load(struct learning *l, uint32_t row, const struct learned *from, const struct hash_key *key)
{
    struct learner *r = learning_at(l, row);
    for (unsigned i = 0; i < from->n; i++)
        load_dim(l, r, &from->dim[i], key);
    if (r->n == from->n)
        for (unsigned i = 0; i < r->n; i++)
            r->group[i] = 0;
    for (unsigned i = 0; i < r->n && r->n == from->n; i++)
        r->group[from->dim[i].leader] |= 1u << i;
    for (unsigned i = 0; i < r->n; i++)
        if (!learning_dim(l, r, i)->differing && learning_dim(l, r, i)->n >= OUT_LEAST &&
            learning_dim(l, r, i)->kind != PART_CLAIM)
            r->out |= r->group[i];
    r->visits = from->visits;
    r->control_n = from->control_n;
    r->control_differing = from->control_differing;
    count_tested(r);
}
