/* Bytes as TCP segments of a few connections: any sequence numbers, acknowledgements, flags, times, overlaps. Nothing
 * may break, and every exchange that goes out comes home. Input: records of 9 bytes (connection and role, flags, seq,
 * ack, time, length) + payload. */
#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#define WIRE_MEMORY (2 << 20) /* what is mapped and unmapped for every input */
#include "tests/unit/wire.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire w;
    struct cursor c = cursor_of(data, size);
    wire_open(&w);
    while (cursor_left(&c) >= 9) {
        uint8_t who = cursor_u8(&c), flags = cursor_u8(&c);
        int role = who & 1;
        uint32_t seq = w.seq[role] + (uint32_t)(int16_t)cursor_be16(&c),
                 ack = w.seq[1 - role] + (uint32_t)(int16_t)cursor_be16(&c);
        w.step = (int64_t)cursor_u8(&c) * cursor_u8(&c) * 500;
        w.vlan = (uint16_t)(who >> 1 & 3);
        size_t n = cursor_u8(&c);
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        const uint8_t *p = cursor_take(&c, n);
        wire_frame(&w, role, flags & 63, seq, ack, p, n);
        if (who & 128)
            w.seq[role] = seq + (uint32_t)n;
    }
    wire_finish(&w);
    wire_close(&w);
    return 0;
}
