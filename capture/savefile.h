/* savefile: the frames of one capture file: pcap (draft-ietf-opsawg-pcap; both byte orders, us and ns) and pcapng
 * (draft-ietf-opsawg-pcapng; any mix of sections, interfaces, link types and time resolutions). Frames stay where the
 * stream put them. What statistics blocks say was dropped is kept; blocks and options nobody here reads are passed
 * over. */
#ifndef CAPTURE_SAVEFILE_H
#define CAPTURE_SAVEFILE_H

#include "capture/segment.h"
#include "capture/stream.h"
#include "capture/tlskeys.h"

enum {
    SAVEFILE_FRAME_MAX = STREAM_WINDOW / 2
}; /* captured bytes of one frame; more is damage. Writers stop at 262144 */

enum savefile_result {
    SAVEFILE_FRAME,   /* *f is filled */
    SAVEFILE_END,     /* a clean end */
    SAVEFILE_DAMAGED, /* nothing more can be read; s->fault says what and where */
};

enum { SAVEFILE_ASTRAY_US = 60000000 }; /* a frame's time is astray beyond that from both its neighbours */

/* Of one clock, in a file: the time of the frame before. */
struct savefile_clock {
    int64_t last;
    bool began; /* there was one */
};

/* An interface of a pcapng section. */
struct savefile_interface {
    struct savefile_clock clock;
    uint64_t unit;       /* ticks a second; 0: beyond 64 bits, all times are 0 */
    int64_t offset;      /* seconds to add */
    uint64_t dropped[2]; /* packets, so far: by the system, by the interface */
    uint32_t snaplen;
    uint16_t link;
};

struct savefile {
    struct stream in;
    bool swap, nano, pcapng;
    uint8_t record_head;                   /* pcap: bytes before a frame */
    uint16_t minor;                        /* pcap: version 2.minor */
    uint16_t link;                         /* pcap */
    struct savefile_clock clock;           /* pcap */
    struct savefile_interface *interfaces; /* pcapng: of the section at hand */
    uint32_t n_interfaces, cap_interfaces;
    uint64_t dropped[2]; /* pcapng: packets of all interfaces and sections, as above */
    int64_t last_ts;     /* for blocks without a time */
    uint64_t mistimed;   /* frames whose time was astray, which have that of a neighbour instead */
    uint32_t ahead;      /* bytes that savefile_more asks for at once: each record tells where the next one begins */
    uint32_t rest;       /* pcapng: bytes of a huge block after its frame, still to be passed over */
    struct tls_keys *secrets; /* takes the key logs of secrets blocks; borrowed, NULL: nobody */
    char fault[320];
};

/* Opens path ("-": standard input) and reads its header. False with the reason in s->fault; then nothing is held. wait:
 * see stream.h. */
bool savefile_open(struct savefile *s, const char *path, const struct stream_wait *wait, struct tls_keys *secrets);
void savefile_close(struct savefile *s);
/* The next frame; its data lives until the next call. After END or DAMAGED every call gives the same. */
enum savefile_result savefile_next(struct savefile *s, struct frame *f);
/* Up to `most` frames more that stand in the window whole, with nothing about them that only savefile_next tells, each
 * of a time before `before`. Their data and that of the frame before them live until the next call of savefile_next. */
unsigned savefile_more(struct savefile *s, struct frame *f, unsigned most, int64_t before);

#endif
