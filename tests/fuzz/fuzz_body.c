/* A body: the first octet chooses its codings, the second how it is cut, the rest is what was sent. However it is cut,
 * it is the same; bounds hold; memory comes back. */
#include <stdlib.h>
#include <string.h>

#include "capture/coding.h"
#include "capture/leaves.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key key = {1, 2, 3};
static struct body_key bodies;

struct seen {
    struct leaves_reader *r;
    struct body_state *digest;
    uint64_t n;
    bool json;
};

static void see(void *context, const char *p, size_t n)
{
    struct seen *s = context;
    s->n += n;
    s->json = s->json && leaves_feed(s->r, p, n);
    body_add(s->digest, p, n);
}

struct result {
    uint64_t id, digest;
    bool good, json;
};

static void check_leaves(const struct leaves_reader *r)
{
    uint64_t sum = 0;
    if (r->n > LEAVES_MOST || r->depth > LEAVES_DEPTH || r->text > LEAVES_TEXT)
        abort();
    for (unsigned i = 0; i < r->n; i++) {
        sum += r->leaf[i].hash;
        if (r->leaf[i].value >= LEAF_VALUES || r->leaf[i].name.n >= PATHNAMES_TEXT)
            abort();
        for (size_t c = 0; c < r->leaf[i].name.n; c++)
            if (r->leaf[i].name.p[c] <= ' ' || r->leaf[i].name.p[c] > '~' || r->leaf[i].name.p[c] == '"')
                abort();
    }
    if (r->n < LEAVES_MOST && r->leaves && sum == r->sum)
        abort(); /* the number of leaves is in it, too */
}

/* In pieces of `piece` octets, each in memory of its own. */
static void feed(struct seen *s, struct coding *c, const uint8_t *p, size_t n, size_t piece)
{
    while (n) {
        size_t part = piece < n ? piece : n;
        char *copy = malloc(part);
        memcpy(copy, p, part);
        if (c)
            coding_feed(c, copy, part);
        else
            see(s, copy, part);
        free(copy);
        p += part;
        n -= part;
    }
}

static struct result read_body(const char *field, const uint8_t *p, size_t n, size_t piece)
{
    static struct leaves_reader reader;
    struct codings all = {.limit = 4 << 20};
    body_key_make(&bodies, &key);
    struct seen s = {.r = &reader, .digest = body_new(&bodies), .json = true};
    struct pathnames *names = pathnames_new(&key);
    struct coding *c = *field ? coding_open(&all, slice_str(field), see, &s) : NULL;
    leaves_begin(&reader, &key, names, 1700000000000);
    feed(&s, c, p, n, piece);
    struct result r = {.good = !c || coding_end(c) == CODING_GOOD};
    coding_close(&all, c);
    r.json = s.json && leaves_end(&reader, &r.id);
    r.digest = body_end(s.digest);
    if (r.json)
        check_leaves(&reader);
    if (all.memory || all.open || (c && s.n > CODING_OUT + 8192))
        abort();
    body_free(s.digest);
    pathnames_free(names);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const fields[] = {"",     "gzip",     "deflate",      "br",
                                         "zstd", "gzip, br", "zstd,deflate", "gzip,gzip,gzip"};
    if (size < 2)
        return 0;
    const char *field = fields[data[0] % 8];
    struct result whole = read_body(field, data + 2, size - 2, size),
                  cut = read_body(field, data + 2, size - 2, data[1] % 64 + 1u);
    if (whole.good != cut.good)
        abort();
    if (whole.good && (whole.json != cut.json || whole.digest != cut.digest || (whole.json && whole.id != cut.id)))
        abort();
    return 0;
}
