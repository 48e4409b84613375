/* Bytes as a target: what is shown of it is valid UTF-8, bounded, hides what must be hidden, and stays as it is when it
 * comes back in a record. The first byte says how. */
#include <stdlib.h>

#include "base/utf8.h"
#include "capture/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode { PLAIN, CLEAR, STRICT, STRICT_BEFORE, MODES }; /* before: the log was, who reads it is not */
enum { ROUNDS = 256 }; /* with the same: what words were seen goes on, as in a capture and the records made of it */

static struct redact *fresh(enum mode mode, bool sealed)
{
    struct hash_key key = hash_key_from("0123456789abcdef", 16); /* one of which no length is a part */
    struct redact_options o = {mode == CLEAR, "ssn", sealed, mode == STRICT};
    struct redact *r = redact_new(&key, &o);
    if (!r)
        abort();
    return r;
}

static void shown(struct slice target, enum mode mode, bool sealed, struct buf *out)
{
    static struct redact *kept[MODES][2];
    static unsigned round;
    if (!sealed && round++ % ROUNDS == 0)
        for (int i = 0; i < MODES * 2; i++) {
            redact_free(kept[i / 2][i % 2]);
            kept[i / 2][i % 2] = fresh((enum mode)(i / 2), i % 2);
        }
    redact_target(kept[mode][sealed], target, REDACT_UNKNOWN, 0, out);
}

static void must_be_valid(const struct buf *b)
{
    size_t n = 1;
    for (size_t at = 0; at < b->n; at += n)
        if (!b->p[at] || !(n = utf8_length((const unsigned char *)b->p + at, b->n - at)))
            abort();
    if (b->n > 16 * 1024)
        abort();
}

/* Strict: no part of it is an id that can be read. */
static void must_hide_id(struct slice s)
{
    struct route_id id;
    if (route_id(s, &id) && !route_is_hidden(slice_sub(s, id.from, id.to)))
        abort();
}

/* No segment of the path holds what must be hidden. */
static void must_hide(struct slice shown_as, enum mode mode)
{
    struct slice path = slice_sub(shown_as, 0, slice_find(shown_as, '#', 0));
    path = slice_sub(path, 0, slice_find(path, '?', 0));
    for (size_t at = 0; at < path.n && path.p[0] == '/' && path.p[path.n > 1] != '/';) {
        size_t end = slice_find(path, '/', at);
        struct slice s = slice_sub(path, at, end);
        struct secret_piece piece;
        s = slice_sub(s, 0, slice_find(s, ';', 0));
        if (s.n >= PIECE_LEAST && piece_next(s, 0, PIECE_LEAST, true, &piece))
            abort();
        if (mode == STRICT)
            must_hide_id(s);
        at = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0};
    if (!size)
        return 0;
    enum mode mode = data[0] & 1 ? CLEAR : data[0] & 2 ? STRICT : PLAIN;
    shown(slice_of(data + 1, size - 1), mode, false, &once);
    must_be_valid(&once);
    struct slice text = slice_of(once.p, once.n);
    if (mode != CLEAR)
        must_hide(text, mode);
    for (enum mode again = mode; again < MODES; again += again == STRICT ? 1 : MODES) {
        twice.n = 0;
        shown(text, again, true, &twice);
        if (!slice_eq(text, slice_of(twice.p, twice.n)))
            abort();
    }
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
