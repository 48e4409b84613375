/* bounds: what the capture side may hold, from its part of --memory (ALGORITHMS.md 11.2: 30 % for flows and reassembly,
 * 15 % for exchanges in flight, of which it is given the sum). */
#ifndef CAPTURE_BOUNDS_H
#define CAPTURE_BOUNDS_H

#include <stdint.h>

struct bounds {
    uint32_t exchanges, exchange_unit;     /* in flight; bytes of one */
    uint32_t connections, connection_unit; /* with their place in the table */
    uint64_t text_bytes;                   /* of exchanges, beyond what each has inline */
    uint64_t decoder_bytes;                /* of content-codings being taken off */
    uint64_t event_bytes;                  /* of those of server-sent events */
    uint64_t operation_bytes;              /* of those of operations */
    uint32_t opaque, opaque_unit;          /* rows of connections that are not read (capture/opaque.h) */
    uint64_t held_bytes;                   /* out of order, and heads that are not whole */
};

struct bounds bounds_of(uint64_t memory);

#endif
