/* Fuzzes packet_decode. The first two bytes choose the link type and how much of the frame was captured; the rest is
 * the frame, in a block of its own so that a read past its end is seen. */
#include "capture/packet.h"
#include "capture/plain.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint16_t links[] = {1, 113, 276, 0, 108, 12, 101, 228, 229, 147, 9, 50, 104, 105, 127, 239};

/* What every segment must hold, whatever the frame. */
static void check(const struct frame *f, const struct segment *s)
{
    if (s->payload < f->data || s->payload + s->n > f->data + f->n || s->n > s->wire_n)
        abort();
}

/* A frame that is plain is read the short way, as the long one reads it. */
static void check_plain(const struct frame *f, enum packet_result r, const struct segment *s)
{
    const struct hash_key key = {1, 2, 3};
    struct segment plain;
    if (!plain_segment(f, &key, &plain))
        return;
    plain_ends(f, &plain);
    if (r != PACKET_TCP || plain.payload != s->payload || plain.n != s->n || plain.wire_n != s->wire_n ||
        plain.seq != s->seq || plain.ack != s->ack || plain.flags != s->flags || plain.tsval != s->tsval ||
        plain.window != s->window || plain.ip_id != s->ip_id || plain.dir != s->dir ||
        memcmp(&plain.ends, &s->ends, sizeof s->ends) != 0)
        abort();
}

/* A fragment is within the frame; as if it were the whole, it is walked on. */
static void resume(const struct frame *f, const struct packet_options *o, const struct piece *p)
{
    struct capture_stats stats = {0};
    struct segment s;
    struct piece inner;
    struct frame rest = {.data = p->p, .n = p->n};
    if (p->p < f->data || p->p + p->n > f->data + f->n || p->n > p->wire_n || p->ip < f->data)
        abort();
    struct whole g = {0, p->p, p->n, p->wire_n, p->scope, p->protocol, p->v6, {0}};
    memcpy(g.ip, p->ip, p->v6 ? 40 : 20);
    if (packet_resume(&g, o, &stats, &s, &inner) == PACKET_TCP)
        check(&rest, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct packet_options o = packet_options_default();
    struct capture_stats stats = {0};
    struct segment s;
    struct piece piece;
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
    enum packet_result r = packet_decode(&f, &o, &stats, &s, &piece);
    check_plain(&f, r, &s);
    if (r == PACKET_TCP || r == PACKET_UDP)
        check(&f, &s);
    for (unsigned i = 0; i < ENCAP_COUNT; i++)
        if (stats.encapsulations[i] > 1)
            abort();
    if (r == PACKET_FRAGMENT)
        resume(&f, &o, &piece);
    free(copy);
    return 0;
}
