#include "analysis/clients.h"

#include <stddef.h>
#include <string.h>

#include "analysis/spacesaving.h"
#include "base/cold.h"
#include "base/prefetch.h"

bool clients_init(struct clients *c, const struct budget *b, const struct hash_key *key)
{
    memset(c, 0, sizeof *c);
    c->salt = key->k1;
    c->next_id = 1;
    c->heavy_most = b->most[ROOM_HEAVY];
    c->rest = (struct client_sums){.first_us = INT64_MAX, .last_us = INT64_MIN};
    envelope_rates(c->rate);
    uint32_t most = b->most[ROOM_CLIENTS];
    return slab_init(&c->rows, sizeof(struct client), most) && slab_init(&c->dirty, sizeof(uint32_t), most) &&
           slab_init(&c->profiles, sizeof(struct profile), b->most[ROOM_PROFILES]) &&
           map_init(&c->map, c->rows.base, c->rows.unit, most) && blocks_init(&c->rings, b->most[ROOM_RINGS]) &&
           blocks_init(&c->lists, b->most[ROOM_RINGS] / 8);
}

void clients_fini(struct clients *c)
{
    map_free(&c->map);
    slab_fini(&c->rows);
    slab_fini(&c->profiles);
    slab_fini(&c->dirty);
    slab_fini(&c->names);
    blocks_fini(&c->rings);
    blocks_fini(&c->lists);
    spacesaving_free(c->heavy);
}

bool clients_init_names(struct clients *c, uint64_t bytes)
{
    return slab_init(&c->names, CLIENTS_WORD, (uint32_t)(bytes / CLIENTS_WORD));
}

void clients_name(struct clients *c, uint32_t row, struct slice name)
{
    struct client *at = clients_at(c, row);
    uint32_t words = (uint32_t)(name.n / CLIENTS_WORD + 1), first = c->names.used;
    if (at->name || !name.n || name.n > CLIENTS_NAME || words > c->names.most - first)
        return;
    for (uint32_t i = 0; i < words; i++)
        slab_take(&c->names);
    char *to = slab_at(&c->names, first);
    *to = (char)name.n;
    memcpy(to + 1, name.p, name.n);
    at->name = first + 1;
    clients_touch(c, row);
}

struct slice clients_named(const struct clients *c, const struct client *at)
{
    const char *p = at->name ? slab_at(&c->names, at->name - 1) : "";
    return slice_of(p + 1, (unsigned char)*p);
}

void clients_touch(struct clients *c, uint32_t row)
{
    struct client *at = clients_at(c, row);
    if (at->dirty || !at->id)
        return;
    at->dirty = true;
    *(uint32_t *)slab_at(&c->dirty, slab_take(&c->dirty)) = row;
}

uint32_t clients_row(struct clients *c, enum identity kind, uint64_t hash)
{
    uint64_t place = clients_hash(c, kind, hash);
    uint32_t row = map_find(&c->map, place);
    if (row != MAP_NONE)
        return row;
    hll_add(c->met, ROW_CLIENTS_BITS, place);
    if (c->rows.used == c->rows.most || !map_insert(&c->map, place, c->rows.used)) {
        c->estimated = true;
        return MAP_NONE;
    }
    row = slab_take(&c->rows);
    *clients_at(c, row) = (struct client){.hash = place,
                                          .who = (uint64_t)kind << 48 | hash,
                                          .first_us = INT64_MAX,
                                          .last_us = INT64_MIN,
                                          .minute = INT64_MIN};
    return row;
}

uint64_t clients_count(const struct clients *c)
{
    double about = c->estimated ? hll_count(c->met, ROW_CLIENTS_BITS) + 0.5 : 0;
    return about > c->rows.used ? (uint64_t)about : c->rows.used;
}

bool clients_meet(struct clients *c, const void *met, size_t n)
{
    if (n != sizeof c->met)
        return false;
    hll_merge(c->met, met, ROW_CLIENTS_BITS);
    c->estimated = true;
    return true;
}

static void add_sums(struct client_sums *s, const struct client_visit *v)
{
    s->requests++;
    s->bytes += v->bytes;
    s->errors += v->error;
    s->throttled += v->throttled;
    s->first_us = v->us < s->first_us ? v->us : s->first_us;
    s->last_us = v->us > s->last_us ? v->us : s->last_us;
}

static COLD void count_rest(struct clients *c, const struct client_visit *v)
{
    if (!c->other)
        c->other = c->next_id++;
    add_sums(&c->rest, v);
    c->rest_dirty = true;
}

/* Its past moves out of `(other)`. */
static void leave_rest(struct clients *c, const struct client *at)
{
    c->rest.requests -= at->requests;
    c->rest.bytes -= at->bytes;
    c->rest.errors -= at->errors;
    c->rest.throttled -= at->throttled;
    c->rest_dirty = true;
}

static void take_profile(struct clients *c, uint32_t row, uint32_t profile, uint32_t id)
{
    struct client *at = clients_at(c, row);
    at->profile = profile + 1;
    if (at->id)
        return;
    if (at->requests)
        leave_rest(c, at);
    at->id = id ? id : c->next_id++;
}

bool clients_admit(struct clients *c, uint32_t row, uint32_t id)
{
    uint32_t profile = slab_take(&c->profiles);
    if (profile == SLAB_NONE)
        return false;
    take_profile(c, row, profile, id);
    return true;
}

/* Whether a profile is free for who comes first. */
static bool at_once(const struct clients *c)
{
    return c->profiles.used < c->profiles.most / 5 * 4;
}

/* The last fifth of the profiles is for those who come often enough. */
static COLD void consider(struct clients *c, uint32_t row)
{
    if (!c->heavy)
        c->heavy = spacesaving_new(c->heavy_most);
    if (!c->heavy || c->profiles.used == c->profiles.most)
        return;
    const struct heavy *h = spacesaving_add(c->heavy, clients_at(c, row)->hash);
    if (h->count - h->error >= CLIENTS_ADMIT)
        clients_admit(c, row, 0);
}

/* What waits, the last of it at `us`. */
static void settle(struct clients *c, struct profile *p, int64_t us)
{
    int64_t dt[CLIENTS_WAITING], at[CLIENTS_WAITING], last = us;
    double seconds[CLIENTS_WAITING];
    unsigned n = p->n_waiting;
    if (!n)
        return;
    peaks_prefetch(&p->peaks, &c->rings);
    for (int i = 0; i < CLIENTS_WAITING; i++)
        seconds[i] = p->waiting[i] / 1e6;
    for (unsigned i = n; i--; us -= dt[i]) {
        at[i] = us;
        dt[i] = p->waiting[i];
    }
    gaps_add(&p->gaps, dt, seconds, n);
    envelope_add(&p->envelope, c->rate, seconds, n);
    if (p->may_wait)
        peaks_add_calm(&p->peaks, &c->rings, at, n);
    p->n_waiting = 0;
    p->may_wait = (uint8_t)peaks_calm(&p->peaks, &c->rings, last);
}

void clients_settle(struct clients *c, const struct client *at)
{
    if (at->profile)
        settle(c, clients_profile(c, at), at->last_us);
}

/* A visit that does not wait, and when the one before was. */
static COLD void visit_at_once(struct clients *c, struct profile *p, int64_t us, int64_t before)
{
    int64_t dt = p->started ? us - before : 0;
    double seconds = (double)dt / 1e6;
    settle(c, p, before);
    if (p->started)
        gaps_add(&p->gaps, &dt, &seconds, 1);
    envelope_add(&p->envelope, c->rate, &seconds, 1);
    peaks_add(&p->peaks, &c->rings, us);
    p->may_wait = (uint8_t)peaks_calm(&p->peaks, &c->rings, us);
    p->started = true;
}

_Static_assert(offsetof(struct profile, peaks) == 64, "what waits takes a line");
_Static_assert(offsetof(struct profile, gaps) % 64 == 0, "and each octave of gaps");

static void visit_profile(struct clients *c, struct profile *p, int64_t us, int64_t before)
{
    if (!p->started || us - before > CLIENTS_WAIT_US) {
        visit_at_once(c, p, us, before);
        return;
    }
    p->waiting[p->n_waiting++] = (int32_t)(us - before);
    if (!p->may_wait)
        peaks_add(&p->peaks, &c->rings, us);
    if (p->n_waiting == (p->may_wait ? p->may_wait : CLIENTS_WAITING))
        settle(c, p, us);
}

void clients_prefetch_full(const struct profile *p)
{
    prefetch_lines(&p->peaks, offsetof(struct profile, gaps) - offsetof(struct profile, peaks));
    prefetch(&p->gaps.n);
    for (unsigned i = 0; i < p->n_waiting; i++)
        gaps_prefetch(&p->gaps, p->waiting[i]);
}

void clients_visit_any(struct clients *c, uint32_t row, const struct client_visit *v)
{
    if (row == MAP_NONE) {
        c->overflow++;
        count_rest(c, v);
        return;
    }
    struct client *at = clients_at(c, row);
    if (!at->profile && !(at_once(c) && clients_admit(c, row, 0)))
        consider(c, row);
    int64_t before = at->last_us;
    clients_count_visit(at, v);
    if (!at->id) {
        count_rest(c, v);
        return;
    }
    if (v->address && v->address != at->address)
        clients_address(c, at, v->address);
    if (at->profile)
        visit_profile(c, clients_profile(c, at), at->last_us, before);
    clients_touch(c, row);
}

static uint32_t *ids_of(const struct clients *c, const struct client *at)
{
    return (uint32_t *)blocks_at(&c->lists, at->addresses);
}

/* Room for one more id; the first one moves in from the row. */
static bool list_room(struct clients *c, struct client *at)
{
    unsigned class = at->addresses ? at->addresses_class : 0;
    if (at->addresses && at->n_addresses < 2u << class)
        return true;
    class += at->addresses != 0;
    uint32_t list = blocks_take(&c->lists, class);
    if (!list)
        return false;
    uint32_t *to = (uint32_t *)blocks_at(&c->lists, list);
    if (at->addresses) {
        memcpy(to, ids_of(c, at), at->n_addresses * sizeof *to);
        blocks_give(&c->lists, at->addresses, at->addresses_class);
    } else {
        to[0] = at->address;
    }
    at->addresses = list;
    at->addresses_class = (uint8_t) class;
    return true;
}

void clients_address(struct clients *c, struct client *at, uint32_t address)
{
    if (!at->n_addresses) {
        at->address = address;
        at->n_addresses = 1;
        return;
    }
    for (unsigned i = 0; at->addresses && i < at->n_addresses; i++)
        if (ids_of(c, at)[i] == address) {
            at->address = address;
            return;
        }
    if (at->n_addresses == CLIENTS_ADDRESSES || !list_room(c, at))
        return;
    ids_of(c, at)[at->n_addresses++] = address;
    at->address = address;
}

unsigned clients_addresses(const struct clients *c, const struct client *at, uint32_t out[CLIENTS_SHOWN])
{
    unsigned n = at->n_addresses < CLIENTS_SHOWN ? at->n_addresses : CLIENTS_SHOWN;
    if (!at->addresses && n)
        out[0] = at->address;
    else if (n)
        memcpy(out, ids_of(c, at), n * sizeof *out);
    return n;
}
