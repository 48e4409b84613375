#include "web/answer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

struct body {
    atomic_uint owners;
    struct buf owned;
    struct slice bytes;
};

static struct body *new_body(struct slice s)
{
    struct body *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    atomic_init(&b->owners, 1);
    b->bytes = s;
    return b;
}

struct body *body_take(struct buf *from)
{
    struct body *b = from->failed ? NULL : new_body(slice_of(from->p, from->n));
    if (b)
        b->owned = *from;
    else
        buf_free(from);
    *from = (struct buf){0};
    return b;
}

struct body *body_static(struct slice s)
{
    return new_body(s);
}

struct body *body_share(struct body *b)
{
    atomic_fetch_add(&b->owners, 1);
    return b;
}

void body_release(struct body *b)
{
    if (!b || atomic_fetch_sub(&b->owners, 1) != 1)
        return;
    buf_free(&b->owned);
    free(b);
}

struct slice body_bytes(const struct body *b)
{
    return b ? b->bytes : (struct slice){"", 0};
}

void answer_buf(struct answer *a, unsigned status, const char *type, struct buf *b)
{
    bool empty = !b->n && !b->failed;
    a->body = empty ? NULL : body_take(b);
    a->status = a->body || empty ? status : 500;
    a->type = type;
    buf_free(b);
}

void answer_text(struct answer *a, unsigned status, const char *text)
{
    struct buf b = {0};
    buf_str(&b, text);
    buf_char(&b, '\n');
    answer_buf(a, status, "text/plain; charset=utf-8", &b);
}

void answer_error(struct answer *a, unsigned status, const char *text, const char *allowed)
{
    struct buf b = {0};
    struct json j = {&b, false};
    struct slice rest = slice_str(allowed), one;
    json_open(&j, '{');
    json_key(&j, "error");
    json_str(&j, text);
    if (allowed) {
        json_key(&j, "allowed");
        json_open(&j, '[');
        while (slice_next(&rest, ',', &one))
            json_slice(&j, one);
        json_close(&j, ']');
    }
    json_close(&j, '}');
    buf_char(&b, '\n');
    answer_buf(a, status, "application/json", &b);
    if (status == 503)
        snprintf(a->retry, sizeof a->retry, "1");
}
