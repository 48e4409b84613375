#include "capture/tally.h"

#include <stddef.h>

/* RFC 7348 section 5: the I flag alone, all reserved bits 0, and an Ethernet frame inside that carries what such frames
 * carry. */
static int looks_like_vxlan(const uint8_t *p, uint32_t n)
{
    if (n < 22 || p[0] != 8 || p[1] || p[2] || p[3] || p[7])
        return 0;
    unsigned type = (unsigned)p[20] << 8 | p[21];
    return type == 0x0800 || type == 0x86dd || type == 0x0806 || type == 0x8100;
}

/* The port's place; a new port takes the place of the one with fewest packets when there is none free. */
static struct tally_port *place(struct tally *t, uint16_t port)
{
    struct tally_port *least = &t->vxlan[0];
    for (unsigned i = 0; i < TALLY_PORTS; i++) {
        struct tally_port *at = &t->vxlan[i];
        if (at->packets && at->port == port)
            return at;
        if (at->packets < least->packets)
            least = at;
    }
    *least = (struct tally_port){0, port};
    return least;
}

void tally_udp(struct tally *t, uint16_t to, const uint8_t *p, uint32_t n)
{
    if (looks_like_vxlan(p, n))
        place(t, to)->packets++;
}

const struct tally_port *tally_vxlan(const struct tally *t)
{
    const struct tally_port *most = NULL;
    for (unsigned i = 0; i < TALLY_PORTS; i++)
        if (t->vxlan[i].packets && (!most || t->vxlan[i].packets > most->packets))
            most = &t->vxlan[i];
    return most;
}
