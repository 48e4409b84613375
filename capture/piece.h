/* piece: what of a path segment must be hidden (CONTRACT section 5): a JWT, an e-mail address, base64 or hex of 32
 * characters and more. Judged after percent-decoding; UUIDs, slugs and long words are none of them. Pure. */
#ifndef CAPTURE_PIECE_H
#define CAPTURE_PIECE_H

#include "base/route.h"

enum { PIECE_LEAST = 32, PIECE_BESIDE = 16 }; /* characters of base64 or hex; beside one that is hidden */

struct secret_piece {
    size_t from, to; /* in bytes of the segment */
    int class;       /* enum route_class */
};

/* The character at `at` after percent-decoding. Returns how many bytes it takes: 1 or 3. */
static inline size_t piece_char(struct slice s, size_t at, char *c)
{
    int high, low;
    *c = s.p[at];
    if (*c != '%' || at + 2 >= s.n || (high = ascii_hex(s.p[at + 1])) < 0 || (low = ascii_hex(s.p[at + 2])) < 0)
        return 1;
    *c = (char)(high << 4 | low);
    return 3;
}

/* Class of a segment that must be hidden as a whole, or -1. */
int piece_whole(struct slice segment);
/* The first piece at or after `at` of a segment that is not hidden as a whole, of at least that many characters.
 * sealed: what route_is_hidden() is passed over. False: there is none. */
bool piece_next(struct slice segment, size_t at, size_t least, bool sealed, struct secret_piece *out);
/* Whether nothing of this path can need hiding: no segment of PIECE_LEAST or more but UUIDs, none that begins like a
 * JWT, no `@`, `%`, `;`, `#` or `?`, nor what is near those, and only ASCII. */
bool piece_harmless(struct slice path);
/* The same of what stands before a target's first `?`; then *mark is where that is, or its length. */
bool piece_harmless_before(struct slice target, size_t *mark);
/* Whether anything of this text must be hidden. */
bool piece_any(struct slice text);

#endif
