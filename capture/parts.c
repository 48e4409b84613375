#include "capture/parts.h"

#include <stdlib.h>

#include "base/pages.h"
#include "capture/identity.h"
#include "capture/redact.h"

enum {
    NAMES = 128,     /* known at once; fixed ones first */
    SAMPLE = 16,     /* values whose repetitions are watched */
    KEPT_AFTER = 32, /* times met */
    NOISE_AFTER = 1024,
    RARE = 100,       /* of so many requests at least one */
    SWEEP = 8192,     /* requests from one look at rare names to the next */
    PLACES = 1 << 14, /* of sets that are shared; half are used */
    SHARED_BYTES = 4 << 20,
    AGENT_MAX = 64,
    VALUE_MAX = 4096,
};

enum name_state { NAME_FREE, NAME_NEW, NAME_KEPT, NAME_NOISE };

struct name {
    uint64_t hash;  /* part_name */
    uint64_t quick; /* of kind and text, as they are looked up */
    uint32_t met, swept;
    uint8_t state, kind, n, level, sampled;
    bool coded;
    uint16_t repeated; /* values of the sample met again */
    uint32_t sample[SAMPLE];
    char text[PARTS_NAME];
};

/* A part before its value is sealed. */
struct raw {
    uint16_t name;
    bool sealed; /* id is known */
    uint64_t id;
    struct slice value;
};

struct shared {
    uint64_t print; /* 0: free */
    const struct parts *parts;
};

struct parts_maker {
    struct hash_key key;
    struct name name[NAMES];
    uint8_t place[256]; /* of names by hash, + 1 */
    struct {
        char text[PARTS_NAME]; /* as it came */
        uint8_t n, name;
        uint64_t quick;
    } noise; /* the field that was noise last: most often the next one is the same */
    uint64_t requests;
    struct raw raw[PARTS_MOST + 1];
    unsigned n;
    uint64_t print; /* of the set so far */
    struct shared *shared;
    unsigned n_shared;
    char *bytes; /* of the shared ones, which never move */
    size_t used;
};

static const struct {
    enum token token;
    const char *text;
} fixed[] = {{TOKEN_ACCEPT, "accept"},
             {TOKEN_ACCEPT_ENCODING, "accept-encoding"},
             {TOKEN_ACCEPT_LANGUAGE, "accept-language"},
             {TOKEN_ORIGIN, "origin"},
             {TOKEN_USER_AGENT, "user-agent"}};

enum { FIXED = sizeof fixed / sizeof *fixed };

/* Number of a fixed one, + 1. */
static const uint8_t fixed_of[TOKEN_COUNT] = {[TOKEN_ACCEPT] = 1,
                                              [TOKEN_ACCEPT_ENCODING] = 2,
                                              [TOKEN_ACCEPT_LANGUAGE] = 3,
                                              [TOKEN_ORIGIN] = 4,
                                              [TOKEN_USER_AGENT] = 5};

const bool parts_fixed[TOKEN_COUNT] = {[TOKEN_ACCEPT] = true,
                                       [TOKEN_ACCEPT_ENCODING] = true,
                                       [TOKEN_ACCEPT_LANGUAGE] = true,
                                       [TOKEN_ORIGIN] = true,
                                       [TOKEN_USER_AGENT] = true};

const bool parts_reads[TOKEN_COUNT] = {
    [TOKEN_OTHER] = true,           [TOKEN_ACCEPT] = true,        [TOKEN_ACCEPT_ENCODING] = true,
    [TOKEN_ACCEPT_LANGUAGE] = true, [TOKEN_ORIGIN] = true,        [TOKEN_USER_AGENT] = true,
    [TOKEN_COOKIE] = true,          [TOKEN_X_API_VERSION] = true, [TOKEN_X_GITHUB_API_VERSION] = true,
    [TOKEN_X_MS_VERSION] = true,    [TOKEN_X_REQUEST_ID] = true};

/* ---- names ---- */

static uint64_t quick_name(const struct parts_maker *m, enum part_kind kind, struct slice text)
{
    return hash_mix(hash_quick(&m->key, text.p, text.n) + kind);
}

static void set_name(struct parts_maker *m, unsigned i, enum part_kind kind, struct slice lower, uint64_t quick)
{
    struct name *at = &m->name[i];
    *at = (struct name){.hash = part_name(&m->key, kind, lower),
                        .quick = quick,
                        .state = NAME_NEW,
                        .kind = (uint8_t)kind,
                        .n = (uint8_t)lower.n,
                        .swept = 0};
    memcpy(at->text, lower.p, lower.n);
    at->coded = kind == PART_HEADER && slice_eq(lower, SLICE("accept-encoding"));
    m->place[quick & 255] = (uint8_t)(i + 1);
}

struct parts_maker *parts_new(const struct hash_key *key)
{
    struct parts_maker *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->key = *key;
    m->shared = calloc(PLACES, sizeof *m->shared);
    m->bytes = pages_reserve(SHARED_BYTES);
    if (!m->shared || !m->bytes) {
        parts_free(m);
        return NULL;
    }
    for (unsigned i = 0; i < FIXED; i++) {
        struct slice text = slice_str(fixed[i].text);
        set_name(m, i, PART_HEADER, text, quick_name(m, PART_HEADER, text));
        m->name[i].state = NAME_KEPT;
    }
    return m;
}

void parts_free(struct parts_maker *m)
{
    if (!m)
        return;
    free(m->shared);
    pages_release(m->bytes, SHARED_BYTES);
    free(m);
}

static bool is_name(struct slice text)
{
    if (!text.n || text.n > PARTS_NAME)
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_alpha(text.p[i]) && !ascii_digit(text.p[i]) && !strchr("-_.", text.p[i]))
            return false;
    return true;
}

static __attribute__((noinline)) unsigned add_name(struct parts_maker *m, enum part_kind kind, struct slice text,
                                                   uint64_t quick)
{
    unsigned free_at = NAMES;
    char lower[PARTS_NAME];
    for (unsigned i = FIXED; i < NAMES; i++) {
        if (m->name[i].quick == quick && m->name[i].state != NAME_FREE) {
            m->place[quick & 255] = (uint8_t)(i + 1);
            return i;
        }
        free_at = m->name[i].state == NAME_FREE && free_at == NAMES ? i : free_at;
    }
    if (free_at == NAMES || !is_name(text))
        return NAMES;
    for (size_t i = 0; i < text.n; i++)
        lower[i] = kind == PART_HEADER ? ascii_lower(text.p[i]) : text.p[i];
    set_name(m, free_at, kind, slice_of(lower, text.n), quick);
    return free_at;
}

/* The name's number; NAMES when it is not known and there is no room for it. */
static inline unsigned find_name(struct parts_maker *m, enum part_kind kind, struct slice text)
{
    uint64_t quick = quick_name(m, kind, text);
    unsigned at = m->place[quick & 255];
    return at && m->name[at - 1].quick == quick ? at - 1 : add_name(m, kind, text, quick);
}

static void free_name(struct parts_maker *m, unsigned i)
{
    m->name[i].state = NAME_FREE;
    if (m->place[m->name[i].quick & 255] == i + 1)
        m->place[m->name[i].quick & 255] = 0;
}

/* Names that were rare since the last look make room. Those that are kept stay: they may stand in shared sets. */
static void sweep(struct parts_maker *m)
{
    for (unsigned i = FIXED; i < NAMES; i++) {
        struct name *n = &m->name[i];
        if ((n->state == NAME_NEW || n->state == NAME_NOISE) && (n->met - n->swept) * RARE < SWEEP)
            free_name(m, i);
        n->swept = n->met;
    }
}

static void halve(struct name *n)
{
    unsigned kept = 0;
    n->level++;
    for (unsigned i = 0; i < n->sampled; i++)
        if (!(n->sample[i] & ((1u << n->level) - 1)))
            n->sample[kept++] = n->sample[i];
    n->sampled = (uint8_t)kept;
}

/* Whether values repeat: of a sample of them, how many came again. */
static void watch(struct name *n, uint32_t value)
{
    if (value & ((1u << n->level) - 1))
        return;
    for (unsigned i = 0; i < n->sampled; i++)
        if (n->sample[i] == value) {
            n->repeated += n->repeated < UINT16_MAX;
            return;
        }
    if (n->sampled == SAMPLE)
        halve(n);
    if (n->sampled < SAMPLE && !(value & ((1u << n->level) - 1)))
        n->sample[n->sampled++] = value;
}

/* A name that is neither fixed nor noise is met with this value; whether it is kept. */
static bool meet(struct parts_maker *m, struct name *n, uint64_t quick)
{
    n->met += n->met != UINT32_MAX;
    if (n->state == NAME_KEPT)
        return true;
    watch(n, (uint32_t)(quick >> 32));
    if (n->met >= KEPT_AFTER && n->repeated >= 2 && n->met * (uint64_t)RARE >= m->requests)
        n->state = NAME_KEPT;
    else if (n->met >= NOISE_AFTER && !n->repeated)
        n->state = NAME_NOISE;
    return n->state == NAME_KEPT;
}

/* ---- a request ---- */

void parts_begin(struct parts_maker *m)
{
    m->n = 0;
    m->print = 0;
    if (++m->requests % SWEEP == 0)
        sweep(m);
}

void parts_begin_with(struct parts_maker *m, unsigned n, uint64_t print)
{
    parts_begin(m);
    m->n = n;
    m->print = print;
}

/* What a part adds to the print of its set. */
static inline uint64_t print_of(const struct parts_maker *m, unsigned name, uint64_t quick)
{
    return hash_fold(quick ^ m->key.k0, m->name[name].hash);
}

uint64_t parts_print(const struct parts_maker *m, enum token t, struct slice value)
{
    return print_of(m, fixed_of[t] - 1u, hash_quick(&m->key, value.p, value.n));
}

void parts_late(struct parts_maker *m, unsigned at, enum token t, struct slice value)
{
    m->raw[at] = (struct raw){.name = (uint16_t)(fixed_of[t] - 1), .value = value};
}

/* quick: hash of the value. */
static inline struct raw *add(struct parts_maker *m, unsigned name, uint64_t quick, struct slice value)
{
    struct raw *r = &m->raw[m->n];
    m->n += m->n < PARTS_MOST; /* the last place takes what is too much */
    m->print += print_of(m, name, quick);
    r->name = (uint16_t)name;
    r->sealed = false;
    r->value = value;
    return r;
}

static void add_sealed(struct parts_maker *m, unsigned name, uint64_t id)
{
    struct raw *r = add(m, name, hash_mix(id + 1), (struct slice){NULL, 0});
    r->sealed = true;
    r->id = id;
}

static void note_noise(struct parts_maker *m, enum part_kind kind, struct slice text, unsigned name)
{
    if (kind != PART_HEADER || text.n > PARTS_NAME)
        return;
    memcpy(m->noise.text, text.p, text.n);
    m->noise.n = (uint8_t)text.n;
    m->noise.name = (uint8_t)name;
    m->noise.quick = m->name[name].quick;
}

static void add_raw(struct parts_maker *m, enum part_kind kind, struct slice name, struct slice value)
{
    unsigned at = find_name(m, kind, name);
    if (at == NAMES)
        return;
    if (m->name[at].state == NAME_NOISE) {
        m->name[at].met += m->name[at].met != UINT32_MAX;
        note_noise(m, kind, name, at);
        return;
    }
    value = slice_sub(value, 0, VALUE_MAX);
    uint64_t quick = hash_quick(&m->key, value.p, value.n);
    if (meet(m, &m->name[at], quick))
        add(m, at, quick, value);
}

/* As add_raw, of a field whose name was noise last and is so still. False: it is not. */
static inline bool is_noise_again(struct parts_maker *m, struct slice text)
{
    struct name *n = &m->name[m->noise.name];
    if (!slice_same(slice_of(m->noise.text, m->noise.n), text) || n->state != NAME_NOISE || n->quick != m->noise.quick)
        return false;
    n->met += n->met != UINT32_MAX;
    return true;
}

static void add_cookies(struct parts_maker *m, struct slice list)
{
    struct slice item;
    while (slice_next(&list, ';', &item)) {
        size_t equals = slice_find(item, '=', 0);
        struct slice name = slice_sub(item, 0, equals), value = slice_sub(item, equals + 1, item.n);
        if (equals < item.n && !identity_session_name(name))
            add_raw(m, PART_COOKIE, name, value);
    }
}

static __attribute__((noinline)) void add_other(struct parts_maker *m, enum token t, struct slice name,
                                                struct slice value)
{
    if (t == TOKEN_COOKIE)
        add_cookies(m, value);
    else if (parts_reads[t] && parts_reads_other(name))
        add_raw(m, PART_HEADER, name, value);
}

void parts_field(struct parts_maker *m, enum token t, struct slice name, struct slice value)
{
    unsigned at = fixed_of[t];
    if (at)
        add(m, at - 1, hash_quick(&m->key, value.p, value.n), value);
    else if (!is_noise_again(m, name))
        add_other(m, t, name, value);
}

struct slice parts_prefix(enum part_kind kind)
{
    return kind == PART_COOKIE ? SLICE("cookie:") : kind == PART_CLAIM ? SLICE("claim:") : SLICE("");
}

static bool is_hidden(struct slice value, uint64_t *id)
{
    *id = 0;
    if (value.n != REDACTED || value.p[0] != '~')
        return false;
    for (size_t i = 1; i < value.n; i++) {
        if (ascii_hex(value.p[i]) < 0)
            return false;
        *id = *id << 4 | (uint64_t)ascii_hex(value.p[i]);
    }
    return true;
}

void parts_sealed(struct parts_maker *m, struct slice name, struct slice value)
{
    enum part_kind kind = PART_HEADER;
    for (enum part_kind k = PART_COOKIE; k <= PART_CLAIM; k++)
        if (parts_prefix(k).n && slice_starts(name, parts_prefix(k)))
            kind = k;
    name = slice_sub(name, parts_prefix(kind).n, name.n);
    unsigned at = find_name(m, kind, name);
    if (at == NAMES)
        return;
    uint64_t id;
    bool hidden = is_hidden(value, &id);
    m->name[at].state = NAME_KEPT;
    if (hidden)
        add_sealed(m, at, id);
    else
        add(m, at, hash_quick(&m->key, value.p, value.n), value);
}

void parts_claim(struct parts_maker *m, struct slice name, uint64_t id)
{
    unsigned at = find_name(m, PART_CLAIM, name);
    if (at == NAMES)
        return;
    m->name[at].state = NAME_KEPT;
    add_sealed(m, at, id);
}

/* Of a User-Agent the product alone. */
static uint64_t seal(const struct parts_maker *m, const struct raw *r)
{
    struct slice value = r->value;
    if (r->sealed)
        return r->id;
    if (r->name == fixed_of[TOKEN_USER_AGENT] - 1)
        value = slice_sub(slice_sub(value, 0, slice_find(value, ' ', 0)), 0, AGENT_MAX);
    return redact_id(&m->key, value);
}

static void fill(const struct parts_maker *m, struct parts *out)
{
    out->n = m->n;
    for (unsigned i = 0; i < m->n; i++) {
        const struct raw *r = &m->raw[i];
        const struct name *n = &m->name[r->name];
        uint64_t id = seal(m, r);
        out->part[i] = (struct part){.name = n->hash,
                                     .value = part_value(n->hash, id),
                                     .text = slice_of(n->text, n->n),
                                     .id = id,
                                     .kind = n->kind,
                                     .coded = n->coded};
    }
}

/* The place of a set: free, or its own. */
static struct shared *place_of(struct parts_maker *m)
{
    struct shared *s = &m->shared[m->print & (PLACES - 1)];
    for (unsigned i = 0; s->print && s->print != m->print; i++)
        if (i == 32 || ++s == m->shared + PLACES)
            return NULL;
    return s;
}

const struct parts *parts_shared(struct parts_maker *m)
{
    m->print += !m->print;
    const struct shared *s = m->n ? place_of(m) : NULL;
    return s ? s->parts : NULL; /* a free place has none */
}

const struct parts *parts_end(struct parts_maker *m, struct slot_pool *pool, struct slot *slot)
{
    size_t bytes = sizeof(struct parts) + m->n * sizeof(struct part);
    if (!m->n)
        return NULL;
    m->print += !m->print;
    struct shared *s = place_of(m);
    if (s && s->print)
        return s->parts;
    bool share = s && m->n_shared < PLACES / 2 && SHARED_BYTES - m->used >= bytes;
    struct parts *made = share ? (void *)(m->bytes + m->used) : slot_alloc(pool, slot, bytes);
    if (!made)
        return NULL;
    fill(m, made);
    if (share) {
        m->used += bytes;
        m->n_shared++;
        *s = (struct shared){m->print, made};
    }
    return made;
}
