/* Bytes as TCP segments of a few connections: any sequence numbers, acknowledgements, flags, times, overlaps. Nothing
 * may break, every exchange that goes out comes home, and the short way of connections that go on comes to what the
 * long one does, which urgent segments take. Input: records of 9 bytes (connection and role, flags, seq, ack, time,
 * length) + payload. */
#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#define WIRE_MEMORY (2 << 20) /* what is mapped and unmapped for every input */
#include "tests/unit/wire.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void converse(struct wire *w, const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    while (cursor_left(&c) >= 9) {
        uint8_t who = cursor_u8(&c), flags = cursor_u8(&c);
        int role = who & 1;
        uint32_t seq = w->seq[role] + (uint32_t)(int16_t)cursor_be16(&c),
                 ack = w->seq[1 - role] + (uint32_t)(int16_t)cursor_be16(&c);
        w->step = (int64_t)cursor_u8(&c) * cursor_u8(&c) * 500;
        w->vlan = (uint16_t)(who >> 1 & 3);
        size_t n = cursor_u8(&c);
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        const uint8_t *p = cursor_take(&c, n);
        wire_frame(w, role, flags & 63 & ~TCP_URG, seq, ack, p, n);
        if (who & 128)
            w->seq[role] = seq + (uint32_t)n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire w[2];
    for (int i = 0; i < 2; i++) {
        wire_open(&w[i]);
        w[i].timed = true;
        w[i].flags = i ? TCP_URG : 0;
        w[i].together = i ? 1 : 1 + size % CAPTURE_FRAMES;
        converse(&w[i], data, size);
        wire_finish(&w[i]);
    }
    if (strcmp(w[0].log.p, w[1].log.p) != 0 ||
        memcmp(capture_counters(w[0].capture), capture_counters(w[1].capture), sizeof(struct capture_stats)) != 0)
        abort();
    wire_close(&w[0]);
    wire_close(&w[1]);
    return 0;
}
