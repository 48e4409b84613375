/* stream: the bytes of one capture file through a window, decompressed by content (gzip, zstd, lz4 frames).
 * Hands out pointers into the window; only the tail that does not fit is ever moved. Knows nothing of captures. */
#ifndef CAPTURE_STREAM_H
#define CAPTURE_STREAM_H

#include "base/slice.h"

/* The most one peek may ask for; near an L2 cache. Fuzzers build with a small one. */
#ifndef STREAM_WINDOW
#define STREAM_WINDOW (1u << 20)
#endif

enum { STREAM_IDLE_MS = 100 };

enum stream_codec { STREAM_PLAIN, STREAM_GZIP, STREAM_ZSTD, STREAM_LZ4 };

struct stream_decoder; /* state of a codec; NULL for plain bytes */

/* While a pipe gives nothing. */
struct stream_wait {
    int wake;                    /* readable means give up waiting; -1: none */
    void (*idle)(void *context); /* called before each wait and every STREAM_IDLE_MS of it; NULL: nobody */
    void *context;
};

struct stream {
    uint8_t *window;
    size_t at, end;    /* unread bytes of the window */
    uint64_t base;     /* offset of the window in the decompressed bytes */
    uint64_t consumed; /* bytes taken from the file; compressed ones */
    uint64_t size;     /* of the file; 0: not known (pipes) */
    int fd;
    const struct stream_wait *wait; /* borrowed; NULL: a pipe is waited for, and nobody is told */
    enum stream_codec codec;
    struct stream_decoder *decoder;
    bool regular, over; /* over: no more bytes will come */
    char fault[160];    /* why they ended, when that was no clean end; else empty */
};

/* Opens path ("-": standard input) and tells the codec by content. False with the reason in s->fault; then nothing is
 * held. An empty file opens, and is over. */
bool stream_open(struct stream *s, const char *path, const struct stream_wait *wait);
void stream_close(struct stream *s);
/* Reads on until n bytes (at most STREAM_WINDOW) stand in the window, or the stream is over. */
bool stream_fill(struct stream *s, size_t n);
/* Passes over n bytes. False: the stream ended before. */
bool stream_skip(struct stream *s, uint64_t n);

static inline size_t stream_left(const struct stream *s)
{
    return s->end - s->at;
}

/* Offset of the next byte in the decompressed bytes. */
static inline uint64_t stream_offset(const struct stream *s)
{
    return s->base + s->at;
}

/* The next n bytes, valid until the next call that reads; NULL: fewer are left, see stream_left and fault. */
static inline const uint8_t *stream_peek(struct stream *s, size_t n)
{
    if (__builtin_expect(stream_left(s) < n, 0) && !stream_fill(s, n))
        return NULL;
    return s->window + s->at;
}

#endif
