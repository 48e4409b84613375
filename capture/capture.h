/* capture: the whole way from a frame to exchanges in arrival order: packet, flow, reassembly, decoding, pairing, seal.
 * One thread. Knows nothing of analysis, files or clocks. */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include "capture/line.h"
#include "capture/opaque.h"
#include "capture/packet.h"
#include "capture/seal.h"
#include "capture/tlskeys.h"

enum { CAPTURE_PORTS_MAX = 64, CAPTURE_FRAMES = 16 };

struct capture_options {
    struct hash_key key;
    struct seal_options seal;
    struct packet_options packet;
    uint64_t memory; /* ceiling for flows, reassembly and exchanges in flight, bytes */
    int64_t answer_timeout_us;
    struct tls_keys *keys;             /* borrowed; NULL: TLS is not read */
    uint16_t ports[CAPTURE_PORTS_MAX]; /* only connections with one of these; n_ports 0: all */
    unsigned n_ports;
    bool keep_duplicates; /* second copies of packets count as any packet */
    bool merge_vlans;     /* VLAN ids and VNIs do not tell connections apart */
    bool together;        /* exchanges may wait for a few others before they leave; nobody waits for them */
    struct exchange_sink sink;
    /* Many that leave at once, in order, in place of the sink's function; NULL: it is given each. */
    void (*take_all)(void *context, struct exchange *const *x, unsigned n);
    /* Called when slots run short: give finished exchanges back with capture_give_back; wait for one if `wait`. May be
     * NULL. */
    void (*reclaim)(void *context, bool wait);
    void *reclaim_context;
};

struct capture;

/* NULL: `why` says what is wrong with the options, or that memory is short. */
struct capture *capture_new(const struct capture_options *o, char why[128]);
/* n frames in order, at most CAPTURE_FRAMES. */
void capture_frames(struct capture *c, const struct frame *f, unsigned n);
/* The wire is silent; packet time moves on. */
void capture_tick(struct capture *c, int64_t now);
/* Live, now and then, with the packet time: whether frames are handled late, or were lost for want of time. What is
 * given up then, and taken up again: capture/ease.h. True: that is another thing from now on. */
bool capture_ease(struct capture *c, int64_t now, bool behind);
/* What is given up: an enum ease_step + 1, and all before; 0: nothing. */
unsigned capture_eased(const struct capture *c);
/* Exchanges that there can be at once. */
uint32_t capture_exchanges(const struct capture *c);
/* Exchanges that wait to be sealed together (options.together) leave. */
void capture_flush(struct capture *c);
/* Secrets of TLS came: connections that wait for some are tried again. */
void capture_secrets(struct capture *c);
/* Nothing more comes: everything in flight ends and leaves. */
void capture_finish(struct capture *c);
/* A finished exchange's slot comes home. Same thread as the rest. */
void capture_give_back(struct capture *c, struct exchange *x);
void capture_give_back_all(struct capture *c, struct exchange *const *x, unsigned n);
/* Counters so far; kernel and interface drops are the source's business to fill in. */
struct capture_stats *capture_counters(struct capture *c);
/* Sums of TLS connections that were not read; lives as long as the capture. Its functions alone may be called by
 * another thread. */
struct opaque *capture_opaque(struct capture *c);
void capture_free(struct capture *c);

#endif
