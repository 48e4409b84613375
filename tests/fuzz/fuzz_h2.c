/* Bytes as an HTTP/2 conversation in order: a direction byte and a length cut it into segments; length 255 is a loss,
 * direction bit 2 means two bytes of length. The first byte says whether the beginning is seen. */
#include <stdlib.h>

#include "base/cursor.h"
#define WIRE_MEMORY (2 << 20) /* what is mapped and unmapped for every input */
#include "tests/unit/wire.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lose_bytes(struct wire *w, int role, uint32_t n)
{
    w->seq[role] += n; /* acknowledged by the next segment of the other side */
    wire_frame(w, 1 - role, TCP_ACK, w->seq[1 - role], w->seq[role], NULL, 0);
    w->ts += 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire w;
    struct cursor c = cursor_of(data, size);
    wire_open(&w);
    uint8_t how = cursor_u8(&c);
    if (how & 1)
        wire_handshake(&w);
    if (how & 2)
        wire_data(&w, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    while (cursor_left(&c) >= 2) {
        uint8_t step = cursor_u8(&c);
        int role = step & 1;
        size_t n = step & 2 ? cursor_be16(&c) : cursor_u8(&c);
        if (n == 255) {
            lose_bytes(&w, role, 1 + cursor_u8(&c));
            continue;
        }
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        if (n)
            wire_data(&w, role, cursor_take(&c, n), n);
    }
    wire_finish(&w);
    wire_close(&w);
    return 0;
}
