#include "analysis/heads.h"

static const uint8_t which[2][TOKEN_COUNT] = {
#define HEAD(response, token, name) [response][TOKEN_##token] = HEAD_##name,
#include "analysis/heads.def"
#undef HEAD
};

_Static_assert(HEAD_COUNT <= 32, "a bit for each");

void heads_read(struct heads *h, const struct exchange *x)
{
    h->field = x->fields;
    h->present = 0;
    for (unsigned i = 0; i < x->n_fields; i++) {
        unsigned head = which[x->fields[i].response][x->fields[i].token];
        h->present |= 1u << head;
        h->at[head] = (uint8_t)i;
    }
    h->present &= ~(1u << HEAD_unread);
}
