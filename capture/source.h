/* source: where frames come from: capture files in order of time, or live interfaces. The only user of libpcap, and the
 * only part of capture/ that reads the clock. One thread uses a source; source_stop alone may be called from anywhere.
 */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include "capture/segment.h"
#include "capture/tlskeys.h"

enum {
    SOURCE_SNAPLEN = 262144,          /* mirrored super-packets are larger than any MTU */
    SOURCE_BUFFER = 64 * 1024 * 1024, /* kernel ring of one interface; part of the resident size while it is mapped */
    SOURCE_TICK_MS = 100,
};

enum source_event {
    SOURCE_FRAME, /* *f is filled */
    SOURCE_TICK, /* live, and the wire was silent for SOURCE_TICK_MS: f->ts is a time before which no frame will come */
    SOURCE_DAMAGE, /* a part of the input is lost, source_message names it; call on. At most once a file or interface */
    SOURCE_END,    /* all files read, or source_stop */
    SOURCE_FAILED, /* live, and no interface is left; source_message says why */
};

enum source_trouble { SOURCE_OTHER_TROUBLE, SOURCE_DENIED, SOURCE_DOWN };

struct source_error {
    enum source_trouble trouble;
    int exit_code;  /* what the program should exit with: 1 the environment, 2 usage, 3 no capture */
    char text[640]; /* one line without newline */
};

struct source_live {
    const char *const *interfaces; /* n names; "any" is one */
    size_t n;
    const char *filter; /* BPF expression; NULL: none */
    uint32_t snaplen;   /* 0: SOURCE_SNAPLEN */
    uint64_t buffer;    /* bytes of ring for each interface; 0: SOURCE_BUFFER */
};

struct source;

/* Capture files, pcap or pcapng, plain or gzip/zstd/lz4; "-" is standard input. All are read up to their first frame
 * here: what is no capture, or is damaged before its first frame, is refused (NULL, exit code 3). No frames at all is
 * fine. TLS secrets that captures bring along go into `secrets` (borrowed; NULL: nowhere). */
struct source *source_open_files(const char *const paths[], size_t n, struct tls_keys *secrets,
                                 struct source_error *error);
/* Needs CAP_NET_RAW until it returns, and nothing afterwards. NULL: see error. */
struct source *source_open_live(const struct source_live *live, struct source_error *error);
void source_close(struct source *s);

/* The next event. f->data lives until the next call. Frames of several inputs come in order of time; live ones wait for
 * up to 20 ms for that. After END and FAILED the answer stays the same. */
enum source_event source_next(struct source *s, struct frame *f);
/* After a frame: up to `most` more that can be had at once, in order; all since the last call of source_next stay valid
 * until the next. Of files alone; 0 means no more than that source_next has to be asked. */
unsigned source_more(struct source *s, struct frame *f, unsigned most);
/* One line for SOURCE_DAMAGE and SOURCE_FAILED; valid until the next call of source_next. */
const char *source_message(const struct source *s);
/* Makes source_next return SOURCE_END at once, even while it waits. Async-signal-safe. */
void source_stop(struct source *s);

/* Files that are pipes: idle is called, within source_next, whenever one gives nothing, and then every 100 ms. It may
 * not use the source; the frame handed out last is gone. NULL: nobody is told any more. */
void source_on_wait(struct source *s, void (*idle)(void *context), void *context);

/* Packets lost in the kernel for lack of room, and on the interface itself, since the source was opened; of files what
 * their statistics (pcapng) have said so far. To be asked now and then: the kernel counts in 32 bits. */
void source_drops(struct source *s, uint64_t *kernel, uint64_t *interface);
/* Live: the same of the i-th interface alone. */
void source_drops_of(struct source *s, size_t i, uint64_t *kernel, uint64_t *interface);
/* Of files, frames so far whose time no neighbour shares, by a minute and more: they have a neighbour's instead. */
uint64_t source_mistimed(const struct source *s);
/* Live: how long ago, in us, the frame came that was handed out last; 0 for files. To be asked right after it. */
int64_t source_lag(const struct source *s, const struct frame *f);
/* Bytes read (of compressed files: compressed ones) and bytes in all; total is 0 when it is not known (pipes, live). */
void source_progress(const struct source *s, uint64_t *done, uint64_t *total);

#endif
