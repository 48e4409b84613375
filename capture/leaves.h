/* leaves: the identity of a JSON body that does not depend on the order of members or on white space (ALGORITHMS.md 4.1
 * and 4.3), while the body passes. Leaves are hashed, each of (path, indices, value), and summed by path; the body's
 * identity is the sum of the keyed hashes of these, so that what a path contributes can be subtracted. Numbers count by
 * their text, strings by the characters they stand for. Empty objects and lists are leaves. Members of one name count
 * in any order.
 *
 * Bounded: 64 levels, 256 KiB of text, else there is no identity; 256 paths, the leaves of further ones are in the sum
 * alone. Nothing of a value is kept but its hash, what it looks like, and a number that orders the times or integers of
 * a path without showing them. */
#ifndef CAPTURE_LEAVES_H
#define CAPTURE_LEAVES_H

#include "capture/exchange.h"
#include "capture/pathnames.h"
#include "capture/unescape.h"

enum { LEAVES_DEPTH = 64, LEAVES_TEXT = 256 * 1024, LEAVES_TOKEN = 256, LEAVES_NAME = 32, LEAVES_MEMBERS = 32 };

struct leaves_level {
    uint64_t path, place;       /* hashes of the way to the value at hand, without and with indices */
    uint64_t up_path, up_place; /* to what it is in */
    uint32_t index;
    bool array;
    uint8_t name_n; /* of the member at hand; LEAVES_NAME + 1: longer */
    char name[LEAVES_NAME];
};

/* A member of a short name that was read: objects of a list have the same ones in the same order. */
struct leaves_member {
    char text[16];                /* the name, a quote, a colon */
    uint64_t up_path, path, hash; /* hash: of the name */
    uint8_t name_n, next;         /* name_n 0: none; next: the one that came behind it */
};

struct leaves_reader {
    const struct hash_key *key;
    struct pathnames *names;
    int64_t now_ms; /* what times are near to */
    uint8_t state;
    bool is_name, long_token;
    uint8_t last; /* the member that was read last */
    struct unescape unescape;
    unsigned depth;
    uint32_t text, token_n;
    uint64_t token_hash;
    uint64_t sum, rest; /* rest: of paths that there was no room for */
    unsigned n, leaves;
    struct leaves_level level[LEAVES_DEPTH + 1];
    uint16_t slot[2 * LEAVES_MOST]; /* of leaf, + 1 */
    struct leaf leaf[LEAVES_MOST];
    int64_t greatest[LEAVES_MOST]; /* time or integer; INT64_MIN: none */
    bool duration[LEAVES_MOST];    /* its name says so */
    char token[LEAVES_TOKEN];
    struct leaves_member member[LEAVES_MEMBERS];
};

void leaves_begin(struct leaves_reader *r, const struct hash_key *key, struct pathnames *names, int64_t now_ms);
/* False: it is not JSON, or beyond the bounds; final. */
bool leaves_feed(struct leaves_reader *r, const char *p, size_t n);
/* Whether it was one whole JSON text. Then the identity, not 0, is *id; sum, n and leaf are good until the next begin.
 */
bool leaves_end(struct leaves_reader *r, uint64_t *id);

#endif
