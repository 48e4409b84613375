/* stream: read() in blocks, one window, three codecs. No codec state exists for plain files. */
#include "capture/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4frame.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { RAW_BLOCK = STREAM_WINDOW / 4 };

/* What is read at once: the copy lands where the one before was, near the processor, and is read from there. */
enum { READ_MOST = 96 * 1024 };

struct stream_decoder {
    size_t at, end; /* unread bytes of raw */
    bool inside;    /* in the middle of a member or frame: an end here is a cut */
    z_stream gzip;
    ZSTD_DStream *zstd;
    LZ4F_dctx *lz4;
    uint8_t raw[RAW_BLOCK];
};

static void end_with(struct stream *s, const char *why)
{
    s->over = true;
    if (!s->fault[0])
        snprintf(s->fault, sizeof s->fault, "%s", why);
}

/* Waits for a pipe or a terminal; false: woken to stop. */
static bool wait_readable(struct stream *s)
{
    const struct stream_wait *w = s->wait;
    if (s->regular || !w)
        return true;
    struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = w->wake, .events = POLLIN}};
    int ready;
    for (int ms = w->idle ? 0 : -1; (ready = poll(fds, 2, ms)) <= 0; ms = w->idle ? STREAM_IDLE_MS : -1) {
        if (ready < 0 && errno != EINTR)
            return true; /* read() tells why */
        if (ready == 0)
            w->idle(w->context);
    }
    return !fds[1].revents;
}

/* Bytes from the file, 0 when there are no more. */
static size_t read_block(struct stream *s, uint8_t *to, size_t n)
{
    ssize_t got;
    n = n < READ_MOST ? n : READ_MOST;
    if (!wait_readable(s)) {
        s->over = true;
        return 0;
    }
    while ((got = read(s->fd, to, n)) < 0 && errno == EINTR)
        ;
    if (got < 0)
        end_with(s, strerror(errno));
    if (got <= 0)
        return 0;
    s->consumed += (uint64_t)got;
    return (size_t)got;
}

/* The decoders: take raw bytes, write at most n bytes to `to`, return how many. They call end_with on damage. */

static size_t decode_gzip(struct stream *s, uint8_t *to, size_t n)
{
    struct stream_decoder *d = s->decoder;
    d->gzip.next_in = d->raw + d->at;
    d->gzip.avail_in = (uInt)(d->end - d->at);
    d->gzip.next_out = to;
    d->gzip.avail_out = (uInt)n;
    int r = inflate(&d->gzip, Z_NO_FLUSH);
    d->at = d->end - d->gzip.avail_in;
    d->inside = r != Z_STREAM_END;
    if (r == Z_STREAM_END)
        inflateReset(&d->gzip); /* another member may follow (RFC 1952 section 2.2) */
    else if (r != Z_OK && r != Z_BUF_ERROR)
        end_with(s, d->gzip.msg ? d->gzip.msg : "the gzip data is damaged");
    return n - d->gzip.avail_out;
}

static size_t decode_zstd(struct stream *s, uint8_t *to, size_t n)
{
    struct stream_decoder *d = s->decoder;
    ZSTD_inBuffer in = {d->raw, d->end, d->at};
    ZSTD_outBuffer out = {to, n, 0};
    size_t r = ZSTD_decompressStream(d->zstd, &out, &in);
    d->at = in.pos;
    d->inside = r != 0;
    if (ZSTD_isError(r))
        end_with(s, ZSTD_getErrorName(r));
    return out.pos;
}

static size_t decode_lz4(struct stream *s, uint8_t *to, size_t n)
{
    struct stream_decoder *d = s->decoder;
    size_t taken = d->end - d->at, made = n;
    size_t r = LZ4F_decompress(d->lz4, to, &made, d->raw + d->at, &taken, NULL);
    if (LZ4F_isError(r)) {
        end_with(s, LZ4F_getErrorName(r));
        return 0;
    }
    d->at += taken;
    d->inside = r != 0;
    return made;
}

static size_t decode(struct stream *s, uint8_t *to, size_t n)
{
    switch (s->codec) {
    case STREAM_GZIP:
        return decode_gzip(s, to, n);
    case STREAM_ZSTD:
        return decode_zstd(s, to, n);
    case STREAM_LZ4:
        return decode_lz4(s, to, n);
    case STREAM_PLAIN:
        break;
    }
    return 0;
}

/* Up to n decompressed bytes, 0 when there are no more. A codec may still hold output when the raw bytes are used up,
 * so it is asked once more before the file is. */
static size_t decode_block(struct stream *s, uint8_t *to, size_t n)
{
    struct stream_decoder *d = s->decoder;
    while (!s->over) {
        size_t before = d->at;
        if (before < d->end || d->inside) {
            size_t made = decode(s, to, n);
            if (made)
                return made;
            if (d->at > before)
                continue;
            if (before < d->end)
                end_with(s, "the compressed data is damaged");
        }
        if (s->over)
            break;
        d->at = 0;
        d->end = read_block(s, d->raw, RAW_BLOCK);
        if (!d->end && d->inside && !s->over)
            end_with(s, "the compressed data ends too early");
        if (!d->end)
            break;
    }
    return 0;
}

bool stream_fill(struct stream *s, size_t n)
{
    memmove(s->window, s->window + s->at, s->end - s->at);
    s->base += s->at;
    s->end -= s->at;
    s->at = 0;
    while (s->end < n && !s->over) {
        uint8_t *to = s->window + s->end;
        size_t room = STREAM_WINDOW - s->end;
        size_t got = s->decoder ? decode_block(s, to, room) : read_block(s, to, room);
        if (!got)
            s->over = true;
        s->end += got;
    }
    return s->end >= n;
}

bool stream_skip(struct stream *s, uint64_t n)
{
    while (n > stream_left(s)) {
        n -= stream_left(s);
        s->at = s->end;
        if (!stream_fill(s, 1))
            return false;
    }
    s->at += (size_t)n;
    return true;
}

static enum stream_codec codec_of(const uint8_t *p, size_t n)
{
    static const uint8_t zstd[4] = {0x28, 0xb5, 0x2f, 0xfd}, lz4[4] = {0x04, 0x22, 0x4d, 0x18};
    if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
        return STREAM_GZIP;
    if (n >= 4 && memcmp(p, zstd, 4) == 0)
        return STREAM_ZSTD;
    if (n >= 4 && memcmp(p, lz4, 4) == 0)
        return STREAM_LZ4;
    return STREAM_PLAIN;
}

static bool decoder_init(struct stream_decoder *d, enum stream_codec codec)
{
    switch (codec) {
    case STREAM_GZIP:
        return inflateInit2(&d->gzip, 15 + 16) == Z_OK; /* 16: gzip framing */
    case STREAM_ZSTD:
        d->zstd = ZSTD_createDStream();
        return d->zstd != NULL;
    case STREAM_LZ4:
        return !LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION));
    case STREAM_PLAIN:
        break;
    }
    return false;
}

/* Turns what stands in the window into the first raw bytes of a decoder. */
static bool decoder_start(struct stream *s)
{
    s->decoder = calloc(1, sizeof *s->decoder);
    if (!s->decoder || !decoder_init(s->decoder, s->codec)) {
        snprintf(s->fault, sizeof s->fault, "out of memory");
        return false;
    }
    memcpy(s->decoder->raw, s->window, s->end);
    s->decoder->end = s->end;
    s->end = 0;
    s->over = false;
    return true;
}

static void decoder_free(struct stream *s)
{
    if (!s->decoder)
        return;
    if (s->codec == STREAM_GZIP)
        inflateEnd(&s->decoder->gzip);
    ZSTD_freeDStream(s->decoder->zstd);
    LZ4F_freeDecompressionContext(s->decoder->lz4);
    free(s->decoder);
    s->decoder = NULL;
}

/* Reads the few bytes that tell the codec; a pipe may give them one by one. */
static bool start(struct stream *s)
{
    while (s->end < 4 && !s->over) {
        size_t got = read_block(s, s->window + s->end, RAW_BLOCK - s->end);
        if (!got)
            s->over = true;
        s->end += got;
    }
    if (s->fault[0])
        return false;
    s->codec = codec_of(s->window, s->end);
    return s->codec == STREAM_PLAIN || decoder_start(s);
}

bool stream_open(struct stream *s, const char *path, const struct stream_wait *wait)
{
    struct stat st = {0};
    bool standard = strcmp(path, "-") == 0;
    *s = (struct stream){.wait = wait, .fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)};
    if (s->fd < 0 || fstat(s->fd, &st)) {
        snprintf(s->fault, sizeof s->fault, "%s", strerror(errno));
        stream_close(s);
        return false;
    }
    s->regular = S_ISREG(st.st_mode);
    s->size = s->regular ? (uint64_t)st.st_size : 0;
    s->window = malloc(STREAM_WINDOW);
    if (!s->window)
        snprintf(s->fault, sizeof s->fault, "out of memory");
    if (s->window && start(s))
        return true;
    stream_close(s);
    return false;
}

void stream_close(struct stream *s)
{
    decoder_free(s);
    free(s->window);
    s->window = NULL;
    s->at = s->end = 0;
    s->over = true;
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    s->fd = -1;
}
