/* Fuzzes packet_decode. The first two bytes choose the link type and how much of the frame was captured; the rest is
 * the frame, in a block of its own so that a read past its end is seen. */
#include "capture/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint16_t links[] = {1, 113, 276, 0, 108, 12, 101, 228, 229, 147, 9, 50, 104, 105, 127, 239};

/* What every segment must hold, whatever the frame. */
static void check(const struct frame *f, const struct segment *s)
{
    if (s->payload < f->data || s->payload + s->n > f->data + f->n || s->n > s->wire_n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct packet_options o = packet_options_default();
    struct capture_stats stats = {0};
    struct segment s;
    if (n < 2)
        return 0;
    size_t captured = n - 2;
    uint8_t *copy = malloc(captured ? captured : 1);
    if (!copy)
        return 0;
    memcpy(copy, data + 2, captured);
    struct frame f = {
        .data = copy,
        .n = (uint32_t)captured,
        .wire_n = (uint32_t)captured + data[1],
        .link = links[data[0] % (sizeof links / sizeof *links)],
    };
    if (packet_decode(&f, &o, &stats, &s) == PACKET_TCP)
        check(&f, &s);
    for (unsigned i = 0; i < ENCAP_COUNT; i++)
        if (stats.encapsulations[i] > 1)
            abort();
    free(copy);
    return 0;
}
