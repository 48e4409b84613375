/* members: the few members of a JSON text that somebody reads, while it passes (RFC 8259). All else is stepped over by
 * its brackets and quotes alone, so that what is read costs little and what is not is not kept. Text in pieces of any
 * size; no allocation.
 *
 * The reader is told of every value it has not stepped over; what it answers decides. Bounded: MEMBERS_DEPTH levels
 * that are read (what lies deeper is stepped over to any depth), names of MEMBERS_NAME octets. */
#ifndef CAPTURE_MEMBERS_H
#define CAPTURE_MEMBERS_H

#include "base/slice.h"
#include "capture/unescape.h"

enum { MEMBERS_DEPTH = 8, MEMBERS_NAME = 24, MEMBERS_SKIP = 0 };

struct members_reader {
    /* A value begins. `where`: what was answered for what holds it, or members_begin's. `name`: of the member, as it is
     * written, NULL p for an element of a list, for the text's own value, and for longer names. `first`: { [ " or the
     * first character of another. MEMBERS_SKIP: it is stepped over; else objects and lists are entered, strings handed
     * on. */
    uint8_t (*value)(void *context, uint8_t where, struct slice name, char first);
    /* Characters of a string in UTF-8, escapes undone; n 0: it ended. */
    void (*text)(void *context, uint8_t where, const char *p, size_t n);
    /* What was entered ended. */
    void (*leave)(void *context, uint8_t where);
};

struct members_level {
    uint8_t where;
    bool list;
};

struct members {
    const struct members_reader *reader;
    void *context;
    uint32_t skipped; /* open brackets of what is stepped over */
    struct unescape unescape;
    uint8_t state, string; /* where a string's characters go; MEMBERS_SKIP: nowhere */
    uint8_t quotes;        /* where in a string, of what is stepped over */
    uint8_t depth, name_n;
    bool is_name;
    char name[MEMBERS_NAME];
    struct members_level level[MEMBERS_DEPTH]; /* [0] the text itself */
};

void members_begin(struct members *m, const struct members_reader *reader, void *context, uint8_t where);
/* False: it is no JSON, and nothing more will be told. */
bool members_feed(struct members *m, const char *p, size_t n);
/* Whether the text's value is whole. */
bool members_done(const struct members *m);

#endif
