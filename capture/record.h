/* record: an exchange as text, one line each (CONTRACT section 3): written for `log`, read back for `capture
 * --records`. */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include "base/buf.h"
#include "capture/parts.h"
#include "capture/redact.h"
#include "capture/slot.h"

enum record_format { RECORD_JSONL, RECORD_TSV, RECORD_COMBINED, RECORD_HAR };

/* The format of that name. False: there is none. */
bool record_format_of(const char *name, enum record_format *out);
/* Appends one line, newline included (har: one entry of the document). */
void record_write(const struct exchange *x, enum record_format format, struct buf *out);
/* What stands before the first line and after the last; nothing for most. */
void record_header(enum record_format format, struct buf *out);
void record_footer(enum record_format format, struct buf *out);

struct record_reader {
    struct hash_key key;
    struct parts_maker *parts;
    struct slot_pool *pool;
    struct redact *redact; /* of sealed targets */
    struct buf *text;      /* scratch */
    bool show_names;       /* what a record says of a client's name is kept */
    bool strict;           /* clients' addresses become networks */
};

/* Reads one JSON object, which may hold secrets as the log of a server does, into a zeroed slot (from slot_take), ready
 * for the line: arrival and order (= number) are set. NULL when it is a record; else what is wrong with it, one clause.
 */
const char *record_read(const struct record_reader *r, struct slice line, uint64_t number, struct slot *out);

#endif
