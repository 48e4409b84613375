/* head: reads the start line and fields of one HTTP/1 message (RFC 9112 sections 2-6) out of contiguous bytes, and
 * decides its framing. Lenient in what it reads, strict in what it trusts: whatever two parsers could read differently
 * sets `ambiguous`. */
#ifndef CAPTURE_HEAD_H
#define CAPTURE_HEAD_H

#include "capture/knownblock.h"

enum { HEAD_MAX = 64 * 1024 - 1, HEAD_FIELDS = 256, TARGET_MAX = 16 * 1024 };

enum head_result {
    HEAD_MORE, /* no empty line yet */
    HEAD_DONE,
    HEAD_BAD, /* not a head: too long, or its start line is no start line */
};

enum framing {
    FRAME_NONE,   /* no body */
    FRAME_LENGTH, /* `length` octets */
    FRAME_CHUNKED,
    FRAME_CLOSE,  /* until the connection closes */
    FRAME_TUNNEL, /* the connection stops being HTTP/1 */
};

struct head {
    struct slice raw;                     /* start line to empty line, both included */
    struct slice method, target, version; /* request; version empty: HTTP/0.9 */
    uint16_t status;                      /* response; 0: the status is no number */
    uint16_t n_fields;
    bool ambiguous;
    bool chunked, transfer_encoding; /* chunked: the final coding */
    bool has_length, has_host, close, upgrade_h2c, vary;
    uint64_t length;
    uint64_t block;  /* which block of fields a request begins with (block_id); 0: none that is known */
    uint8_t n_block; /* fields of it */
    _Alignas(16) struct rawfield fields[HEAD_FIELDS]; /* offsets into raw; more fields than fit are read for framing,
                                                       * not kept; nor are all of an answer's that have no token */
};

/* True when the bytes begin like a request line (any token is a method; asks for HTTP/1.x at the end of a whole line)
 * or a status line. Used where a message may begin: at a connection's start and after a loss. */
bool head_guess_request(struct slice bytes);
bool head_guess_response(struct slice bytes);

/* What was read before. Zero but for the key. */
struct known {
    struct known_lines lines;
    struct known_blocks blocks[2]; /* of requests, of answers */
};

/* Parses one head, of a request (role 0) or an answer. On HEAD_DONE h->raw.n bytes were consumed (leading empty lines
 * are the caller's). `last`: nothing will follow (the other side answered, or the stream ended), so what whole lines
 * there are must do: HTTP/0.9 (RFC 1945 section 5.1), cut heads. `known`: lines read before, to which it adds. */
enum head_result head_read(struct head *h, struct known *known, struct slice bytes, int role, bool last);
static inline enum head_result head_request(struct head *h, struct known *known, struct slice bytes, bool last)
{
    return head_read(h, known, bytes, 0, last);
}
static inline enum head_result head_response(struct head *h, struct known *known, struct slice bytes, bool last)
{
    return head_read(h, known, bytes, 1, last);
}

/* Offset after the empty line that ends the head, or 0; *scan remembers how far was looked, so that repeated calls are
 * linear. */
size_t head_end(struct slice bytes, size_t *scan);

/* Framing of what follows (RFC 9112 section 6.3). */
static inline enum framing head_request_framing(const struct head *h)
{
    if (h->transfer_encoding)
        return h->chunked ? FRAME_CHUNKED : FRAME_NONE;
    return h->has_length && h->length ? FRAME_LENGTH : FRAME_NONE;
}

static inline enum framing head_response_framing(const struct head *h, bool to_head, bool to_connect)
{
    if (h->status == 101 || (to_connect && h->status >= 200 && h->status < 300))
        return FRAME_TUNNEL;
    if (to_head || h->status == 204 || h->status == 304 || (h->status >= 100 && h->status < 200))
        return FRAME_NONE;
    if (h->transfer_encoding)
        return h->chunked ? FRAME_CHUNKED : FRAME_CLOSE;
    if (h->has_length)
        return h->length ? FRAME_LENGTH : FRAME_NONE;
    return FRAME_CLOSE;
}

/* Value of the first field with this token, or NULL p. */
struct slice head_field(const struct head *h, enum token t);

#endif
