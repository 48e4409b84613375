/* keys: what a key does, where, and how it is written: one table (keys.def) behind the dispatcher, the footer and the
 * help. */
#ifndef TUI_KEYS_H
#define TUI_KEYS_H

#include <stdint.h>

/* Codes of keys: Unicode, control characters as they come, and names above Unicode for the rest. */
enum key_code {
    PRESS_TAB = '\t',
    PRESS_ENTER = '\r',
    PRESS_ESCAPE = 27,
    PRESS_UP = 0x110000,
    PRESS_DOWN,
    PRESS_LEFT,
    PRESS_RIGHT,
    PRESS_PAGE_UP,
    PRESS_PAGE_DOWN,
    PRESS_FIRST,
    PRESS_LAST,
    PRESS_BACK_TAB,
    PRESS_ERASE
};

enum key_place {
    AT_OVERVIEW = 1,
    AT_TABLE = 2,
    AT_DETAIL = 4,
    AT_HELP = 8,
    AT_SERVICES = 16,
    AT_STUDIED = 32, /* tables that no TTL changes */
    AT_LIST = AT_TABLE | AT_STUDIED,
    AT_ROWS = AT_LIST | AT_DETAIL | AT_HELP | AT_SERVICES,
    AT_SCREEN = AT_OVERVIEW | AT_LIST | AT_SERVICES,
    AT_TIMED = AT_OVERVIEW | AT_TABLE | AT_DETAIL,
    AT_ANY = 63
};

enum key_action {
    DO_NOTHING,
#define KEY(action, places, rank, codes, written, footer, help) DO_##action,
#include "tui/keys.def"
#undef KEY
};

struct key {
    enum key_action action;
    unsigned places, rank;
    uint32_t code[4]; /* 0 ends it */
    const char *written, *footer, *help;
};

enum { KEYS_MOST = 32 };
extern const struct key keys[];
extern const unsigned keys_n;

enum key_action keys_action(uint32_t code, enum key_place place);

#endif
