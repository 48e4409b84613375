/* buf: growing bytes. Zero-initialise, append, free. Allocation failure sets `failed` (sticky) and drops what follows,
 * so writers check once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/slice.h"

struct buf {
    char *p;
    size_t n, cap;
    bool failed;
};

void buf_free(struct buf *b);
/* Room for n more bytes; false (and failed) when there is none. */
bool buf_reserve(struct buf *b, size_t n);
void buf_add_slow(struct buf *b, const void *p, size_t n);

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n && n <= b->cap - b->n && !b->failed) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    } else if (n) {
        buf_add_slow(b, p, n);
    }
}

void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_varint_slow(struct buf *b, uint64_t v);

/* Appends a LEB128 integer. */
static inline void buf_varint(struct buf *b, uint64_t v)
{
    if (v < 128 && b->n < b->cap && !b->failed)
        b->p[b->n++] = (char)v;
    else
        buf_varint_slow(b, v);
}

static inline void buf_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.p, s.n);
}

static inline void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

static inline void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

#endif
