#include "tui/keys.h"

#include <stddef.h>

#define CTRL(letter) ((letter)&0x1f)
#define C(...)                                                                                                         \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }

const struct key keys[] = {
#define KEY(action, places, rank, codes, written, footer, help)                                                        \
    {DO_##action, places, rank, codes, written, footer, help},
#include "tui/keys.def"
#undef KEY
};

const unsigned keys_n = sizeof keys / sizeof *keys;

_Static_assert(sizeof keys / sizeof *keys <= KEYS_MOST, "KEYS_MOST");

enum key_action keys_action(uint32_t code, enum key_place place)
{
    for (const struct key *k = keys; k < keys + keys_n; k++)
        for (size_t i = 0; i < sizeof k->code / sizeof *k->code && k->code[i]; i++)
            if (k->code[i] == code && k->places & place)
                return k->action;
    return DO_NOTHING;
}
