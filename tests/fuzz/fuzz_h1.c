/* Bytes as an HTTP/1 conversation in order: a direction byte and a length cut it into segments; length 255 is a loss.
 */
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
    wire_handshake(&w);
    while (cursor_left(&c) >= 2) {
        int role = cursor_u8(&c) & 1;
        size_t n = cursor_u8(&c);
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
