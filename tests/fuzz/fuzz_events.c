/* An answer of server-sent events: the first octet chooses its coding and how it is cut, the rest is what was sent.
 * However it is cut the same is counted; in the clear it is what a reader of whole texts finds; memory comes back. */
#include <stdlib.h>
#include <string.h>

#include "capture/eventstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slot slot;
static struct slot_pool pool;

/* A 200 with that Content-Encoding. */
static void make_head(struct head *h, const char *coding)
{
    static char text[128];
    size_t n = strlen(coding);
    memset(h, 0, offsetof(struct head, fields));
    memcpy(text, "content-typetext/event-stream; charset=utf-8content-encoding", 61);
    memcpy(text + 60, coding, n);
    h->raw = slice_of(text, 60 + n);
    h->status = 200;
    h->fields[0] = (struct rawfield){0, 12, 32, 12, TOKEN_CONTENT_TYPE};
    h->fields[1] = (struct rawfield){44, 60, (uint16_t)n, 16, TOKEN_CONTENT_ENCODING};
    h->n_fields = n ? 2 : 1;
}

static struct event_facts run(const uint8_t *data, size_t size, const char *coding, size_t piece, size_t gap)
{
    static struct head h;
    struct codings codings = {.limit = 8 << 20};
    memset(&slot, 0, offsetof(struct slot, text));
    make_head(&h, coding);
    struct eventstream *e = eventstream_begin(&pool, &codings, &slot, &h);
    if (!e)
        abort();
    for (size_t at = 0; at < size; at += piece) {
        size_t n = piece < size - at ? piece : size - at;
        char *copy = malloc(n);
        if (!copy)
            abort();
        memcpy(copy, data + at, n);
        eventstream_data(e, copy, n, (int64_t)at);
        free(copy);
        if (gap && at / piece % gap == gap - 1)
            eventstream_gap(e);
    }
    eventstream_end(e);
    if (codings.memory || codings.open)
        abort();
    return e->facts;
}

/* Events of a whole text: the lines that end, by CR LF, LF or CR. */
static struct event_facts whole(const uint8_t *p, size_t n)
{
    struct event_facts f = {0};
    size_t begin = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, octets = 0;
    bool data = false;
    for (size_t i = begin; i < n; i++) {
        if (p[i] != '\n' && p[i] != '\r')
            continue;
        size_t length = i - begin;
        octets += length;
        data |= length >= 4 && memcmp(p + begin, "data", 4) == 0 && (length == 4 || p[begin + 4] == ':');
        if (!length) {
            f.events += data;
            f.bytes += data ? octets : 0;
            data = false;
            octets = 0;
        }
        if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n')
            i++;
        begin = i + 1;
    }
    return f;
}

/* What comes out of damaged codings before that shows depends on how they are cut. */
static bool same(const struct event_facts *a, const struct event_facts *b)
{
    return a->lost || b->lost || (a->events == b->events && a->bytes == b->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const codings[] = {"", "identity", "gzip", "br", "zstd", "deflate", "gzip, br", "other"};
    if (!size)
        return 0;
    const char *coding = codings[data[0] & 7];
    size_t piece = 1 + (data[0] >> 3 & 7);
    data++;
    size--;
    struct event_facts once = run(data, size, coding, size + 1, 0), cut = run(data, size, coding, piece, 0);
    if (!same(&once, &cut) || (cut.events && cut.gaps != cut.events - 1) || cut.gap_max_us > cut.gap_us)
        abort();
    if (!*coding || !strcmp(coding, "identity")) {
        struct event_facts want = whole(data, size);
        if (!same(&once, &want))
            abort();
    }
    run(data, size, coding, piece, 3);
    return 0;
}
