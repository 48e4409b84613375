#include "analysis/pairs.h"

#include "base/pages.h"
#include "base/cold.h"

enum { PLACES_FIRST = 256, LEVELS = 32, LINE = 8 }; /* places of a cache line */

bool pairs_init(struct pairs *p, uint32_t most)
{
    *p = (struct pairs){.place = pages_table(PLACES_FIRST * sizeof *p->place), .mask = PLACES_FIRST - 1, .most = most};
    return p->place;
}

void pairs_fini(struct pairs *p)
{
    pages_release(p->place, ((size_t)p->mask + 1) * sizeof *p->place);
    *p = (struct pairs){0};
}

static bool followed(const struct pairs *p, uint64_t hash)
{
    return !p->level || !(hash >> (64 - p->level));
}

/* The place of a hash, or a free one. There is always one: at most half are taken. The line that was asked for is gone
 * round before the next one is looked at. */
static uint64_t *find(const struct pairs *p, uint64_t hash)
{
    uint32_t home = pairs_home(p, hash), line = home & ~(LINE - 1u), at = home % LINE;
    for (unsigned i = 0; p->place[line + at] && p->place[line + at] != hash; i++) {
        at = (at + 1) % LINE;
        line = i % LINE == LINE - 1 ? (line + LINE) & p->mask : line;
    }
    return &p->place[line + at];
}

/* Those that are followed still, in so many places. */
static bool move(struct pairs *p, uint32_t places)
{
    uint64_t *old = p->place, *new = pages_table(places * sizeof *new);
    uint32_t n = p->mask + 1;
    if (!new)
        return false;
    p->place = new;
    p->mask = places - 1;
    p->used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (old[i] && followed(p, old[i])) {
            *find(p, old[i]) = old[i];
            p->used++;
        }
    pages_release(old, n * sizeof *old);
    return true;
}

/* One more would be too many. Where there is no memory to grow, fewer are followed. */
static COLD bool make_room(struct pairs *p)
{
    uint32_t places = p->mask + 1;
    if (places <= p->most && move(p, places * 2))
        return true;
    if (p->level == LEVELS)
        return false;
    p->level++;
    return move(p, places);
}

uint64_t pairs_meet(struct pairs *p, uint64_t hash)
{
    if (!followed(p, hash))
        return 0;
    uint64_t *at = find(p, hash);
    if (*at == hash)
        return 0;
    while (2 * (p->used + 1) > p->mask + 1 || p->used == p->most) {
        if (!make_room(p))
            return 0;
        if (!followed(p, hash))
            return 0;
        at = find(p, hash);
    }
    *at = hash;
    p->used++;
    return UINT64_C(1) << p->level;
}

size_t pairs_bytes(const struct pairs *p)
{
    return (p->mask + (size_t)1) * sizeof *p->place;
}
