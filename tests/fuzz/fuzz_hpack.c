/* Bytes as header blocks of one direction: a length before each; length 255 is a loss, 254 a limit. What is given out
 * must lie in the text that was given. */
#include <stdlib.h>

#include "base/cursor.h"
#include "capture/hpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hpack *h, const struct hpack_list *l)
{
    if (h->size > h->max || l->n > HPACK_TEXT || l->n_fields > HPACK_FIELDS)
        abort();
    for (unsigned i = 0; i < l->n_fields; i++) {
        const struct hpack_field *f = &l->field[i];
        if ((uint32_t)f->name + f->name_n > l->n || (uint32_t)f->value + f->value_n > l->n)
            abort();
        if ((f->name_unknown && f->name_n) || (f->value_unknown && f->value_n))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hpack_list list;
    struct cursor c = cursor_of(data, size);
    uint64_t memory = 0;
    struct hpack h;
    if (!list.text)
        list.text = malloc(HPACK_SCRATCH);
    uint8_t how = cursor_u8(&c);
    hpack_open(&h, how & 1, &memory, how & 2 ? 3000 : UINT64_MAX);
    while (cursor_left(&c)) {
        size_t n = cursor_u8(&c);
        if (n == 255) {
            hpack_forget(&h);
            continue;
        }
        if (n == 254) {
            hpack_limit(&h, (uint32_t)cursor_u8(&c) << 8);
            continue;
        }
        if (n == 253)
            n = (size_t)cursor_be16(&c) * 2;
        if (n > cursor_left(&c))
            n = cursor_left(&c);
        const void *p = cursor_take(&c, n);
        if (!p)
            break;
        char *block = malloc(n ? n : 1); /* so that a byte too far is seen */
        memcpy(block, p, n);
        hpack_speaker(slice_of(block, n));
        if (hpack_decode(&h, slice_of(block, n), &list))
            check(&h, &list);
        free(block);
    }
    hpack_close(&h);
    if (memory)
        abort();
    return 0;
}
