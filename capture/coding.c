#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_createDCtx_advanced: memory by our account */
#include "capture/coding.h"

#include <brotli/decode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    PIECE = 8192,        /* octets of output at a time */
    ZSTD_WINDOW_LOG = 21 /* 2 MiB: more would be for bodies beyond what is decoded anyway */
};

enum kind { KIND_GZIP, KIND_DEFLATE, KIND_BR, KIND_ZSTD, KIND_IDENTITY, KIND_UNKNOWN };

struct stage {
    enum kind kind;
    bool begun, ended; /* ended: a whole coded body has been read */
    uint8_t magic_n;   /* zstd: octets of the frame's magic number so far */
    bool skippable;    /* it is that of a skippable frame */
    uint64_t in, out;
    union {
        z_stream z;
        BrotliDecoderState *br;
        ZSTD_DCtx *zstd;
    } d;
};

struct coding {
    struct codings *all;
    coding_sink *sink;
    void *context;
    unsigned n;
    enum coding_state state;
    bool endless;
    struct stage stage[CODING_STAGES]; /* as they are taken off: the field's last one first */
};

/* ---- memory ---- */

/* Before each block, how long it is. */
struct block {
    size_t n;
    max_align_t p[];
};

static void *take(void *context, size_t n)
{
    struct codings *all = context;
    if (n > all->limit || all->memory + n > all->limit)
        return NULL;
    struct block *b = malloc(sizeof *b + n);
    if (!b)
        return NULL;
    b->n = n;
    all->memory += n;
    return b->p;
}

static void give(void *context, void *p)
{
    struct codings *all = context;
    if (!p)
        return;
    struct block *b = (struct block *)(void *)((char *)p - offsetof(struct block, p));
    all->memory -= b->n;
    free(b);
}

static voidpf z_take(voidpf context, uInt items, uInt size)
{
    return take(context, (size_t)items * size);
}

static void z_give(voidpf context, voidpf p)
{
    give(context, p);
}

/* ---- which ---- */

static enum kind kind_of(struct slice name)
{
    if (slice_ieq(name, SLICE("gzip")) || slice_ieq(name, SLICE("x-gzip")))
        return KIND_GZIP;
    if (slice_ieq(name, SLICE("deflate")))
        return KIND_DEFLATE;
    if (slice_ieq(name, SLICE("br")))
        return KIND_BR;
    if (slice_ieq(name, SLICE("zstd")))
        return KIND_ZSTD;
    return !name.n || slice_ieq(name, SLICE("identity")) ? KIND_IDENTITY : KIND_UNKNOWN;
}

/* Kinds in the order of the field; their number, or -1. */
static int kinds_of(struct slice encoding, enum kind out[CODING_STAGES])
{
    struct slice name;
    int n = 0;
    while (slice_next(&encoding, ',', &name)) {
        enum kind k = kind_of(name);
        if (k == KIND_IDENTITY)
            continue;
        if (k == KIND_UNKNOWN || n == CODING_STAGES)
            return -1;
        out[n++] = k;
    }
    return n;
}

bool coding_known(struct slice encoding)
{
    enum kind kinds[CODING_STAGES];
    return kinds_of(encoding, kinds) > 0;
}

/* ---- stages ---- */

/* `first`: its first octet. Raw deflate never begins with one whose low half is 8: that would be a stored block with
 * padding that is not zero. */
static bool begin(struct codings *all, struct stage *s, unsigned char first)
{
    s->begun = true;
    switch (s->kind) {
    case KIND_GZIP:
    case KIND_DEFLATE:
        s->d.z = (z_stream){.zalloc = z_take, .zfree = z_give, .opaque = all};
        if (inflateInit2(&s->d.z, s->kind == KIND_GZIP ? 16 + MAX_WBITS
                                  : (first & 15) == 8  ? MAX_WBITS
                                                       : -MAX_WBITS) == Z_OK)
            return true;
        break;
    case KIND_BR:
        if ((s->d.br = BrotliDecoderCreateInstance(take, give, all)))
            return true;
        break;
    case KIND_ZSTD:
        if ((s->d.zstd = ZSTD_createDCtx_advanced((ZSTD_customMem){take, give, all}))) {
            ZSTD_DCtx_setParameter(s->d.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
            return true;
        }
        break;
    default:
        break;
    }
    s->begun = false;
    return false;
}

static void finish(struct stage *s)
{
    if (!s->begun)
        return;
    if (s->kind == KIND_BR)
        BrotliDecoderDestroyInstance(s->d.br);
    else if (s->kind == KIND_ZSTD)
        ZSTD_freeDCtx(s->d.zstd);
    else
        inflateEnd(&s->d.z);
    s->begun = false;
}

/* One step of a decoder: takes from *in, writes to out. `more`: it has more to say before it needs input. */
struct step {
    const char *in;
    size_t in_n;
    char *out;
    size_t out_n;
    bool more;
};

/* A gzip body may have several members (RFC 1952 section 2.2). */
static enum coding_state step_inflate(struct stage *s, struct step *t)
{
    z_stream *z = &s->d.z;
    if (s->ended && t->in_n) {
        if (s->kind != KIND_GZIP || inflateReset(z) != Z_OK)
            return CODING_MISCODED;
        s->ended = false;
    }
    z->next_in = (Bytef *)(uintptr_t)t->in;
    z->avail_in = (uInt)t->in_n;
    z->next_out = (Bytef *)t->out;
    z->avail_out = (uInt)t->out_n;
    int r = inflate(z, Z_NO_FLUSH);
    t->in = (const char *)z->next_in;
    t->in_n = z->avail_in;
    t->out_n -= z->avail_out;
    t->more = !z->avail_out;
    s->ended = r == Z_STREAM_END;
    if (s->ended)
        t->more = false;
    if (r == Z_MEM_ERROR)
        return CODING_EXCESS;
    return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR ? CODING_GOOD : CODING_MISCODED;
}

static enum coding_state step_br(struct stage *s, struct step *t)
{
    const uint8_t *in = (const uint8_t *)t->in;
    uint8_t *out = (uint8_t *)t->out;
    size_t left = t->out_n;
    if (s->ended)
        return t->in_n ? CODING_MISCODED : CODING_GOOD;
    BrotliDecoderResult r = BrotliDecoderDecompressStream(s->d.br, &t->in_n, &in, &left, &out, NULL);
    t->in = (const char *)in;
    t->out_n -= left;
    t->more = r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    s->ended = r == BROTLI_DECODER_RESULT_SUCCESS;
    if (r != BROTLI_DECODER_RESULT_ERROR)
        return CODING_GOOD;
    return BrotliDecoderGetErrorCode(s->d.br) <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES ? CODING_EXCESS
                                                                                          : CODING_MISCODED;
}

/* Whether a frame of RFC 8878 begins so (sections 3.1.1 and 3.1.2). libzstd also takes the formats that it had before
 * that, and not the same way however they are cut. */
static bool is_frame(struct stage *s, const char *p, size_t n)
{
    static const uint8_t data[] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[] = {0x50, 0x2a, 0x4d, 0x18};
    for (size_t i = 0; i < n && s->magic_n < sizeof data; i++, s->magic_n++) {
        uint8_t c = (uint8_t)p[i];
        if (!s->magic_n)
            s->skippable = (c & 0xf0) == skippable[0];
        if (s->magic_n || !s->skippable) {
            if (c != (s->skippable ? skippable : data)[s->magic_n])
                return false;
        }
    }
    return true;
}

static enum coding_state step_zstd(struct stage *s, struct step *t)
{
    ZSTD_inBuffer in = {t->in, t->in_n, 0};
    ZSTD_outBuffer out = {t->out, t->out_n, 0};
    if (!is_frame(s, t->in, t->in_n))
        return CODING_MISCODED;
    size_t r = ZSTD_decompressStream(s->d.zstd, &out, &in);
    if (r == 0)
        s->magic_n = 0;
    t->in += in.pos;
    t->in_n -= in.pos;
    t->out_n = out.pos;
    t->more = out.pos == out.size;
    if (!ZSTD_isError(r)) {
        s->ended = r == 0 || (s->ended && !in.size);
        return CODING_GOOD;
    }
    ZSTD_ErrorCode why = ZSTD_getErrorCode(r);
    return why == ZSTD_error_memory_allocation || why == ZSTD_error_frameParameter_windowTooLarge ? CODING_EXCESS
                                                                                                  : CODING_MISCODED;
}

static enum coding_state one_step(struct stage *s, struct step *t)
{
    return s->kind == KIND_BR ? step_br(s, t) : s->kind == KIND_ZSTD ? step_zstd(s, t) : step_inflate(s, t);
}

/* Held against the whole: how far input is behind output on the way depends on how it was cut. */
static bool is_bomb(const struct stage *s)
{
    return s->out > CODING_SLACK && s->out - CODING_SLACK > s->in * CODING_RATIO;
}

/* Octets for the i-th stage; beyond the last they go to the sink. */
static enum coding_state stage_feed(struct coding *c, unsigned i, const char *p, size_t n)
{
    char out[PIECE];
    if (!n)
        return CODING_GOOD;
    if (i == c->n || i == CODING_STAGES) {
        c->sink(c->context, p, n);
        return CODING_GOOD;
    }
    struct stage *s = &c->stage[i];
    if (!s->begun && !begin(c->all, s, (unsigned char)p[0]))
        return CODING_EXCESS;
    struct step t = {.in = p, .in_n = n, .more = true};
    while (t.in_n || t.more) {
        size_t before = t.in_n;
        t.out = out;
        t.out_n = sizeof out;
        enum coding_state state = one_step(s, &t);
        s->in += before - t.in_n;
        s->out += t.out_n;
        if (state == CODING_GOOD && s->out > CODING_OUT + (c->endless ? s->in * CODING_RATIO : 0))
            state = CODING_EXCESS;
        if (state == CODING_GOOD)
            state = stage_feed(c, i + 1, out, t.out_n);
        if (state != CODING_GOOD)
            return state;
        if (before == t.in_n && !t.out_n)
            return t.in_n ? CODING_MISCODED : CODING_GOOD; /* it moves no more */
    }
    return CODING_GOOD;
}

/* ---- all of it ---- */

struct coding *coding_open(struct codings *all, struct slice encoding, coding_sink *sink, void *context)
{
    enum kind kinds[CODING_STAGES];
    int n = kinds_of(encoding, kinds);
    if (n <= 0)
        return NULL;
    struct coding *c = all->open < CODING_OPEN ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        all->refused++;
        return NULL;
    }
    *c = (struct coding){.all = all, .sink = sink, .context = context, .n = (unsigned)n};
    for (int i = 0; i < n; i++)
        c->stage[i].kind = kinds[n - 1 - i];
    all->open++;
    return c;
}

void coding_endless(struct coding *c)
{
    c->endless = true;
}

enum coding_state coding_feed(struct coding *c, const char *p, size_t n)
{
    if (c->state == CODING_GOOD)
        c->state = stage_feed(c, 0, p, n);
    return c->state;
}

enum coding_state coding_end(const struct coding *c)
{
    for (unsigned i = 0; i < c->n && c->state == CODING_GOOD; i++)
        if (!c->stage[i].ended || is_bomb(&c->stage[i]))
            return c->stage[i].ended ? CODING_EXCESS : CODING_MISCODED;
    return c->state;
}

void coding_close(struct codings *all, struct coding *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->n; i++)
        finish(&c->stage[i]);
    free(c);
    all->open--;
}
