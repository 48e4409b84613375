/* budget: how many of each structure the analysis' memory allows (ALGORITHMS.md section 11.2). One table gives every
 * bound. */
#ifndef ANALYSIS_BUDGET_H
#define ANALYSIS_BUDGET_H

#include <stdint.h>

enum room {
#define ROOM(id, name, bytes, share, most) ROOM_##id,
#include "analysis/budget.def"
#undef ROOM
    ROOM_COUNT
};

struct budget {
    uint32_t most[ROOM_COUNT]; /* at least 16 of each, but of what is large */
};

struct budget budget_of(uint64_t bytes);
const char *budget_name(enum room r);
uint32_t budget_unit(enum room r); /* bytes of one */

#endif
