#include "capture/bounds.h"

#include "capture/flow.h"
#include "capture/slot.h"

/* Bytes of a connection's place in the table, which is at most half full and grows by doubling, and of its link. */
enum { PLACE = 32 };

static uint32_t between(uint64_t n, uint32_t least, uint32_t most)
{
    return n < least ? least : n > most ? most : (uint32_t)n;
}

struct bounds bounds_of(uint64_t memory)
{
    uint64_t third = memory / 3;
    struct bounds b = {.exchange_unit = sizeof(struct slot),
                       .connection_unit = sizeof(struct flow) + PLACE,
                       .text_bytes = third / 6,
                       .decoder_bytes = third / 16,
                       .opaque_unit = sizeof(struct opaque_row) + 12, /* with its places in two indices */
                       .event_bytes = third / 32,
                       .operation_bytes = third / 32,
                       .held_bytes = third - third / 16 - third / 32 - third / 32};
    b.opaque = between(third / 32 / b.opaque_unit, 16, 1 << 14);
    b.held_bytes -= (uint64_t)b.opaque * b.opaque_unit;
    b.exchanges = between((third - b.text_bytes) / b.exchange_unit, 64, 1 << 18);
    b.connections = between(third / b.connection_unit, 64, 1 << 20);
    return b;
}
