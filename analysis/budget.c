#include "analysis/budget.h"

static const struct {
    const char *name;
    uint32_t unit, share, most;
} rooms[ROOM_COUNT] = {
#define ROOM(id, name, bytes, share, most) {name, bytes, share, most},
#include "analysis/budget.def"
#undef ROOM
};

enum { LARGE = 64 << 10 }; /* there may be none of what is larger */

struct budget budget_of(uint64_t bytes)
{
    struct budget b;
    for (int r = 0; r < ROOM_COUNT; r++) {
        uint64_t n = bytes / 1000 * rooms[r].share / rooms[r].unit;
        uint32_t least = rooms[r].unit > LARGE ? 0 : 16;
        b.most[r] = n < least ? least : n > rooms[r].most ? rooms[r].most : (uint32_t)n;
    }
    return b;
}

const char *budget_name(enum room r)
{
    return rooms[r].name;
}

uint32_t budget_unit(enum room r)
{
    return rooms[r].unit;
}
