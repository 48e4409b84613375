/* hpack: reads the header blocks (RFC 7541) that one side of somebody else's HTTP/2 connection sends, also when the
 * beginning was not seen or bytes were lost.
 *
 * What is exact, and why. The index of a dynamic entry counts from the newest one, so the m entries whose insertion was
 * seen since the last uncertainty stand at indexes 62 to 61 + m whatever lies behind them. Every larger index names an
 * entry that was inserted unseen: it is *unknown*, and so is what is copied from it. Unknown fields are handed out as
 * such and inserted as such (an entry may have an unknown name and a known value); nothing is ever guessed. Evictions
 * need not be known: an encoder names only what its table still holds, so to keep an entry too long is harmless, and
 * one that goes too early merely becomes unknown. Therefore sizes that cannot be known count as their least, and
 * without the beginning the table may grow to HPACK_TABLE_MAX until a size update says otherwise. After a loss any
 * number of insertions, and size updates, may have been missed: what was known before stands at indexes shifted by an
 * unknown number, so all of it goes (hpack_forget) and certainty grows again from the next block on. The same holds
 * after a block that cannot be read, whose insertions are not all known. Where everything was seen, an index beyond the
 * table is an error, not an unknown. */
#ifndef CAPTURE_HPACK_H
#define CAPTURE_HPACK_H

#include "capture/exchange.h"

enum {
    HPACK_TABLE_MAX = 64 * 1024,
    HPACK_TABLE_FIRST = 4096,
    HPACK_FIELDS = 256,
    HPACK_TEXT = 64 * 1024 - 1,    /* of a list that is kept */
    HPACK_SCRATCH = 2 * 64 * 1024, /* with room for one field more, which may still go to the table */
};

/* The pseudo-fields of RFC 9113 section 8.3 and RFC 8441. */
enum pseudo {
    PSEUDO_NONE,
    PSEUDO_METHOD,
    PSEUDO_SCHEME,
    PSEUDO_AUTHORITY,
    PSEUDO_PATH,
    PSEUDO_STATUS,
    PSEUDO_PROTOCOL,
    PSEUDO_OTHER
};

/* One field; names and values stand in the list's text. */
struct hpack_field {
    uint16_t name, name_n, value, value_n;
    uint8_t token, pseudo; /* enum token, enum pseudo */
    bool name_unknown, value_unknown;
};

/* What a block says. The caller gives `text`, HPACK_SCRATCH octets. */
struct hpack_list {
    char *text;
    uint32_t n;
    uint16_t n_fields;
    bool overflow; /* there were more fields, or longer ones, than fit; the table is right all the same */
    bool unknown;  /* some field has an unknown part */
    struct hpack_field field[HPACK_FIELDS];
};

struct hpack_entry {
    uint32_t at; /* of the name in the table's text, the value behind it; counts all text ever */
    uint16_t name_n, value_n;
    uint8_t token, pseudo;
    bool name_unknown, value_unknown;
};

struct hpack {
    struct hpack_entry *entry; /* ring of `room`, a power of two; the newest at (newest & (room - 1)) */
    char *text;
    uint32_t room, newest, n;
    uint32_t text_from, text_n, text_room; /* text[0] is number text_from of all text */
    uint32_t size, max;                    /* octets as RFC 7541 section 4.1 counts them */
    bool whole;                            /* every insertion was seen */
    uint64_t *memory, memory_limit;        /* the account that table and text are booked on */
};

/* `whole`: the connection's beginning was seen. */
void hpack_open(struct hpack *h, bool whole, uint64_t *memory, uint64_t memory_limit);
void hpack_close(struct hpack *h);
/* Insertions may have been missed. */
void hpack_forget(struct hpack *h);
/* The reader's SETTINGS_HEADER_TABLE_SIZE took effect (RFC 7541 section 4.2). */
void hpack_limit(struct hpack *h, uint32_t limit);
/* Reads one whole header block. False: it is none, and the table was forgotten. */
bool hpack_decode(struct hpack *h, struct slice block, struct hpack_list *out);
/* Whose block it can be by its static indexes alone: 0 the client's, 1 the server's, -1 it does not say or is none. */
int hpack_speaker(struct slice block);

#endif
