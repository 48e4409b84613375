/* Bytes as exchange records, one a line; what is taken is written again, and what was written must be readable. */
#include <stdlib.h>

#include "base/buf.h"
#include "capture/record.h"
#include "capture/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct round {
    struct records *records;
    struct buf text;
};

static void take(void *context, struct exchange *x)
{
    struct round *r = context;
    record_write(x, RECORD_JSONL, &r->text);
    records_give_back(r->records, x);
}

static void feed(struct round *r, struct slice text, bool must_read)
{
    struct slice line;
    struct records_options o = {.memory = 16 << 20, .sink = {take, r}, .key = {1, 2, 3}, .show_names = true};
    r->records = records_new(&o);
    while (text.n) {
        size_t end = slice_find(text, '\n', 0);
        line = slice_sub(text, 0, end);
        text = slice_sub(text, end + 1, text.n);
        if (records_line(r->records, line) && must_read)
            abort();
    }
    records_finish(r->records);
    records_free(r->records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct round first = {0}, second = {0};
    feed(&first, slice_of(data, size), false);
    feed(&second, slice_of(first.text.p, first.text.n), true);
    buf_free(&first.text);
    buf_free(&second.text);
    return 0;
}
