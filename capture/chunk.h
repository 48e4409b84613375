/* chunk: bytes of one direction of a connection, in order, as reassembly hands them to decoders. Borrowed for the call.
 */
#ifndef CAPTURE_CHUNK_H
#define CAPTURE_CHUNK_H

#include "capture/pace.h"

struct chunk {
    const char *p;
    size_t n;
    int64_t ts;          /* time of the first packet that carried these bytes */
    uint64_t order;      /* capture order of that packet */
    uint64_t offset;     /* of the first byte in this direction's stream */
    uint64_t ack_offset; /* how far into the other direction's stream the sender had acknowledged; or ACK_UNKNOWN */
};

#define ACK_UNKNOWN UINT64_MAX

/* What decoders know of the connection they read. Roles: 0 client, 1 server. */
struct conn {
    int32_t rtt_client, rtt_server; /* least so far, us; -1 unknown */
    uint64_t id;                    /* here a cache line of struct flow begins, and with pace the next */
    struct addr client, server;
    bool midstream;
    bool sure;    /* who the client is was told by a SYN or by what was said; else it is a guess by the ports */
    bool tls;     /* what is read was inside TLS */
    bool seen[2]; /* packets of the client, of the server */
    bool paced;   /* an answer was paced; before, nothing has to look at pace, which is as it began */
    uint64_t who; /* whom the client's certificate names, else, once it asked for something, its address: as
                     identity_packed says; 0: not known yet */
    struct pace pace;
};

/* How a direction ended. */
enum chunk_end { CHUNK_FIN, CHUNK_RST, CHUNK_IDLE, CHUNK_CAPTURE_END };

#endif
