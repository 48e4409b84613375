/* Bytes as an Authorization field: it tells who asks, the same twice, or is a credential besides; and the name that
 * stays beside a signature is part of the field. */
#include <stdlib.h>

#include "capture/credential.h"
#include "capture/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity_of who_asks(struct identifier *i, struct slice value, bool expected)
{
    static const struct addr peer = {.known = ADDR_WHOLE};
    struct asking asks;
    const struct rawfield field = {.value_n = (uint16_t)value.n, .token = TOKEN_AUTHORIZATION};
    struct rawhead head = {
        .p = (char *)(uintptr_t)value.p, .n_fields = 1, .fields = (struct rawfield *)(uintptr_t)&field};
    asking_begin(&asks, &head, &peer, 0, expected ? identifier_expect(i, &head, 0) : 0);
    asking_field(&asks, i, TOKEN_AUTHORIZATION, value);
    return identifier_find(i, &asks);
}

static void must_be_part(struct slice value)
{
    size_t blank = slice_find(value, ' ', 0);
    struct slice rest = slice_trim(slice_sub(value, blank + 1, value.n)), who = {NULL, 0};
    enum credential_kind kind = credential_read(slice_sub(value, 0, blank), rest, &who);
    if (kind != CREDENTIAL_USER && kind != CREDENTIAL_KEY)
        return;
    if (!who.n || who.p < rest.p || who.p + who.n > rest.p + rest.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct identifier *kept;
    static struct idorder order;
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct slice value = slice_of(data, size < UINT16_MAX ? size : UINT16_MAX);
    char why[128];
    if (!kept && !(kept = identifier_new(&key, NULL, &order, why)))
        abort();
    identifier_show_names(kept);
    struct identity_of first = who_asks(kept, value, size % 2), again = who_asks(kept, value, size % 2 == 0);
    if (first.kind != again.kind || first.hash != again.hash || first.besides != again.besides)
        abort();
    if (size && first.besides != (first.kind == IDENTITY_ADDRESS))
        abort();
    must_be_part(value);
    return 0;
}
