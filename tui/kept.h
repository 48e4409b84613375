/* kept: texts that live as long as what they belong to, in pieces that never move. Zero-initialise. */
#ifndef TUI_KEPT_H
#define TUI_KEPT_H

#include "base/buf.h"

struct piece;

struct kept {
    struct piece *first;
    bool failed; /* out of memory; what was to be kept is empty */
};

struct slice kept_slice(struct kept *k, struct slice s);
/* What is in the buffer, which is then empty. */
struct slice kept_buf(struct kept *k, struct buf *b);
void kept_free(struct kept *k);

#endif
