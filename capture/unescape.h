/* unescape: the characters that the escapes of a JSON string stand for (RFC 8259 section 7), as they pass: text may be
 * cut anywhere. A half of a surrogate pair without the other stands for itself, written as UTF-8 would. */
#ifndef CAPTURE_UNESCAPE_H
#define CAPTURE_UNESCAPE_H

#include <stddef.h>
#include <stdint.h>

struct unescape {
    uint16_t unit, high; /* of a \u escape so far; a first half that waits for its second */
    uint8_t left;        /* digits that a \u escape still wants */
};

/* What came out, in UTF-8: a waiting half and one character at most. */
struct unescaped {
    uint8_t n;
    char p[7];
};

enum unescape_end { UNESCAPE_BAD, UNESCAPE_MORE, UNESCAPE_DONE };

/* One character behind a backslash, from the first on until the answer is no longer UNESCAPE_MORE. Adds to *out. */
enum unescape_end unescape_feed(struct unescape *u, char c, struct unescaped *out);
/* Something else follows than an escape: a waiting half, if there is one (u->high), is added. */
void unescape_settle(struct unescape *u, struct unescaped *out);

#endif
