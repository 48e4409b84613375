#include "capture/hpack.h"

#include <stdlib.h>

enum { STATIC_COUNT = 61, HUFFMAN_SYMBOLS = 257, HUFFMAN_LONGEST = 30, HUFFMAN_QUICK = 10 };

struct static_field {
    struct slice name, value;
    uint8_t token, pseudo;
};

static struct static_field static_fields[STATIC_COUNT + 1] = {
    {{"", 0}, {"", 0}, 0, 0},
#define FIELD(name, value) {{name, sizeof(name) - 1}, {value, sizeof(value) - 1}, 0, 0},
#include "capture/hpackstatic.def"
#undef FIELD
};

static enum pseudo pseudo_find(struct slice name)
{
    static const struct slice names[] = {SLICE(""),      SLICE(":method"), SLICE(":scheme"),  SLICE(":authority"),
                                         SLICE(":path"), SLICE(":status"), SLICE(":protocol")};
    if (!name.n || name.p[0] != ':')
        return PSEUDO_NONE;
    for (unsigned i = 1; i < sizeof names / sizeof *names; i++)
        if (slice_eq(name, names[i]))
            return (enum pseudo)i;
    return PSEUDO_OTHER;
}

/* ---- Huffman ---- */

static const uint8_t code_length[HUFFMAN_SYMBOLS] = {
#include "capture/huffman.def"
};

/* Filled before main, then read only. */
static struct {
    uint16_t quick[1 << HUFFMAN_QUICK]; /* by the next bits: symbol << 4 | length of its code; 0: a longer one */
    uint16_t symbol[HUFFMAN_SYMBOLS];   /* in the order of their codes */
    uint32_t end[HUFFMAN_LONGEST + 1];  /* after the last code of that length, left-aligned to 32 bits */
    uint16_t first[HUFFMAN_LONGEST + 1];
    uint32_t code[HUFFMAN_LONGEST + 1]; /* the first of that length */
} huffman;

static void quick_fill(uint16_t symbol, uint32_t code, unsigned length)
{
    if (length > HUFFMAN_QUICK)
        return;
    unsigned spare = HUFFMAN_QUICK - length;
    for (uint32_t i = 0; i < 1u << spare; i++)
        huffman.quick[code << spare | i] = (uint16_t)(symbol << 4 | length);
}

__attribute__((constructor)) static void tables_fill(void)
{
    uint32_t code = 0;
    uint16_t n = 0;
    for (unsigned length = 1; length <= HUFFMAN_LONGEST; length++) {
        code <<= 1;
        huffman.first[length] = n;
        huffman.code[length] = code;
        for (uint16_t s = 0; s < HUFFMAN_SYMBOLS; s++)
            if (code_length[s] == length) {
                huffman.symbol[n++] = s;
                quick_fill(s, code++, length);
            }
        huffman.end[length] = length == HUFFMAN_LONGEST ? UINT32_MAX : code << (32 - length);
    }
    for (unsigned i = 1; i <= STATIC_COUNT; i++) {
        struct static_field *f = &static_fields[i];
        f->pseudo = (uint8_t)pseudo_find(f->name);
        f->token = f->pseudo ? TOKEN_OTHER : (uint8_t)token_find(f->name);
    }
}

/* Symbol and length of the code at the top of `bits` when it is a long one. */
static uint16_t long_code(uint32_t bits, unsigned *length)
{
    unsigned l = HUFFMAN_QUICK + 1;
    while (l < HUFFMAN_LONGEST && bits >= huffman.end[l])
        l++;
    *length = l;
    return huffman.symbol[huffman.first[l] + ((bits >> (32 - l)) - huffman.code[l])];
}

/* Octets written to out, at most `room`; *n_out counts all there are. False: no Huffman string (RFC 7541 section 5.2).
 */
static bool huffman_decode(const uint8_t *p, size_t n, char *out, size_t room, size_t *n_out)
{
    uint64_t bits = 0; /* `have` of them, from the top */
    unsigned have = 0;
    size_t at = 0;
    for (;;) {
        while (have <= 56 && n) {
            bits |= (uint64_t)*p++ << (56 - have);
            have += 8;
            n--;
        }
        if (!have)
            break;
        unsigned q = huffman.quick[bits >> (64 - HUFFMAN_QUICK)], length = q & 15;
        uint16_t symbol = (uint16_t)(q >> 4);
        if (!q)
            symbol = long_code((uint32_t)(bits >> 32) | (have < 32 ? UINT32_MAX >> have : 0), &length);
        if (length > have) /* padding: fewer than 8 bits, all ones */
            return *n_out = at, have < 8 && bits >> (64 - have) == (1u << have) - 1;
        if (symbol == 256)
            return false;
        if (at < room)
            out[at] = (char)symbol;
        at++;
        bits <<= length;
        have -= length;
    }
    *n_out = at;
    return true;
}

/* ---- the table ---- */

void hpack_open(struct hpack *h, bool whole, uint64_t *memory, uint64_t memory_limit)
{
    *h = (struct hpack){.whole = whole,
                        .max = whole ? HPACK_TABLE_FIRST : HPACK_TABLE_MAX,
                        .memory = memory,
                        .memory_limit = memory_limit};
}

static void table_empty(struct hpack *h)
{
    h->n = h->size = 0;
    h->text_from += h->text_n;
    h->text_n = 0;
}

void hpack_close(struct hpack *h)
{
    *h->memory -= h->room * sizeof *h->entry + h->text_room;
    if (h->text)
        explicit_bzero(h->text, h->text_room); /* credentials, too */
    free(h->entry);
    free(h->text);
    *h = (struct hpack){.memory = h->memory};
}

void hpack_forget(struct hpack *h)
{
    table_empty(h);
    h->whole = false;
    h->max = HPACK_TABLE_MAX;
}

static struct hpack_entry *entry_at(const struct hpack *h, uint32_t back)
{
    return &h->entry[(h->newest - back) & (h->room - 1)];
}

static uint32_t entry_size(const struct hpack_entry *e)
{
    return 32u + e->name_n + e->value_n;
}

static void evict_to(struct hpack *h, uint32_t size)
{
    while (h->n && h->size > size)
        h->size -= entry_size(entry_at(h, --h->n));
}

static void set_max(struct hpack *h, uint32_t max)
{
    if (max > HPACK_TABLE_MAX) { /* more than is kept: what goes here may still be there */
        h->whole = false;
        max = HPACK_TABLE_MAX;
    }
    h->max = max;
    evict_to(h, max);
}

void hpack_limit(struct hpack *h, uint32_t limit)
{
    if (limit < h->max)
        set_max(h, limit);
}

static bool book(struct hpack *h, uint64_t more)
{
    if (*h->memory + more > h->memory_limit)
        return false;
    *h->memory += more;
    return true;
}

/* Room for one more entry in the ring. */
static bool ring_room(struct hpack *h)
{
    if (h->n < h->room)
        return true;
    uint32_t room = h->room ? h->room * 2 : 32;
    struct hpack_entry *wide = book(h, (room - h->room) * sizeof *wide) ? malloc(room * sizeof *wide) : NULL;
    if (!wide)
        return false;
    for (uint32_t i = 0; i < h->n; i++)
        wide[(h->newest - i) & (room - 1)] = *entry_at(h, i);
    free(h->entry);
    h->entry = wide;
    h->room = room;
    return true;
}

/* Room for n more octets behind the text; what no entry needs any more goes. */
static bool text_room(struct hpack *h, uint32_t n)
{
    if (h->text && h->text_n + n <= h->text_room)
        return true;
    uint32_t from = h->n ? entry_at(h, h->n - 1)->at - h->text_from : h->text_n, live = h->text_n - from;
    if (!h->text || h->text_room < 2 * (live + n)) {
        uint32_t room = h->text_room ? h->text_room : 512;
        while (room < 2 * (live + n))
            room *= 2;
        char *wide = book(h, room - h->text_room) ? malloc(room) : NULL;
        if (!wide)
            return false;
        if (live)
            memcpy(wide, h->text + from, live);
        free(h->text);
        h->text = wide;
        h->text_room = room;
    } else if (live) {
        memmove(h->text, h->text + from, live);
    }
    h->text_from += from;
    h->text_n = live;
    return true;
}

/* A field as it is being read: its texts may lie in the table, in static memory or in the list. */
struct reading {
    struct slice name, value;
    uint8_t token, pseudo;
    bool name_unknown, value_unknown;
    bool cut; /* longer than can be kept */
};

/* RFC 7541 section 4.4. The texts of f must not lie in the table. */
static void insert(struct hpack *h, const struct reading *f)
{
    uint64_t size = 32 + (uint64_t)f->name.n + f->value.n;
    if (f->cut || size > h->max) { /* empties the table, and is itself not in it, or not kept */
        table_empty(h);
        h->whole = h->whole && !f->cut;
        return;
    }
    evict_to(h, h->max - (uint32_t)size);
    if (!ring_room(h) || !text_room(h, (uint32_t)(f->name.n + f->value.n))) {
        table_empty(h);
        h->whole = false;
        return;
    }
    h->newest++;
    h->n++;
    h->size += (uint32_t)size;
    *entry_at(h, 0) =
        (struct hpack_entry){h->text_from + h->text_n, (uint16_t)f->name.n, (uint16_t)f->value.n, f->token, f->pseudo,
                             f->name_unknown,          f->value_unknown};
    if (f->name.n)
        memcpy(h->text + h->text_n, f->name.p, f->name.n);
    if (f->value.n)
        memcpy(h->text + h->text_n + f->name.n, f->value.p, f->value.n);
    h->text_n += (uint32_t)(f->name.n + f->value.n);
}

/* The field at an index; false: there is none (RFC 7541 section 2.3.3). */
static bool look_up(const struct hpack *h, uint32_t index, struct reading *f)
{
    if (!index)
        return false;
    if (index <= STATIC_COUNT) {
        const struct static_field *s = &static_fields[index];
        *f = (struct reading){s->name, s->value, s->token, s->pseudo, false, false, false};
        return true;
    }
    uint32_t back = index - STATIC_COUNT - 1;
    if (back >= h->n) {
        *f = (struct reading){.name_unknown = true, .value_unknown = true};
        return !h->whole;
    }
    const struct hpack_entry *e = entry_at(h, back);
    const char *at = h->text + (e->at - h->text_from);
    *f = (struct reading){
        {at, e->name_n}, {at + e->name_n, e->value_n}, e->token, e->pseudo, e->name_unknown, e->value_unknown, false};
    return true;
}

/* ---- blocks ---- */

struct block {
    const uint8_t *p, *end;
    struct hpack_list *out;
};

/* RFC 7541 section 5.1; what has more than 32 bits, as no size of a table has, is none. */
static bool integer(struct block *b, unsigned prefix, uint32_t *out)
{
    uint64_t mask = (1u << prefix) - 1, v = *b->p++ & mask;
    if (v == mask) {
        for (unsigned shift = 0;; shift += 7) {
            if (b->p == b->end || shift > 28)
                return false;
            uint8_t octet = *b->p++;
            v += (uint64_t)(octet & 127) << shift;
            if (!(octet & 128))
                break;
        }
    }
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

/* Text goes behind the list's; what does not fit is read all the same. */
static bool string(struct block *b, uint32_t at, struct slice *out, bool *cut)
{
    uint32_t n;
    size_t whole, room = HPACK_SCRATCH - at;
    char *to = b->out->text + at;
    if (b->p == b->end)
        return false;
    bool coded = *b->p & 128;
    if (!integer(b, 7, &n) || n > (size_t)(b->end - b->p))
        return false;
    if (!coded) {
        whole = n;
        memcpy(to, b->p, n < room ? n : room);
    } else if (!huffman_decode(b->p, n, to, room, &whole)) {
        return false;
    }
    b->p += n;
    *cut |= whole > room;
    *out = slice_of(to, whole > room ? room : whole);
    return true;
}

static uint16_t put(struct hpack_list *l, struct slice s)
{
    uint16_t at = (uint16_t)l->n;
    if (s.n && l->text + l->n != s.p)
        memcpy(l->text + l->n, s.p, s.n);
    l->n += (uint32_t)s.n;
    return at;
}

static void emit(struct hpack_list *l, const struct reading *f)
{
    l->unknown |= f->name_unknown || f->value_unknown;
    if (f->cut || l->n_fields == HPACK_FIELDS || l->n + f->name.n + f->value.n > HPACK_TEXT) {
        l->overflow = true;
        return;
    }
    struct hpack_field *to = &l->field[l->n_fields++];
    *to = (struct hpack_field){.name_n = (uint16_t)f->name.n,
                               .value_n = (uint16_t)f->value.n,
                               .token = f->token,
                               .pseudo = f->pseudo,
                               .name_unknown = f->name_unknown,
                               .value_unknown = f->value_unknown};
    to->name = put(l, f->name);
    to->value = put(l, f->value);
}

static bool indexed(struct hpack *h, struct block *b)
{
    uint32_t index;
    struct reading f;
    if (!integer(b, 7, &index) || !look_up(h, index, &f))
        return false;
    emit(b->out, &f);
    return true;
}

/* Literals of RFC 7541 section 6.2. The name is copied before anything moves in the table. */
static bool literal(struct hpack *h, struct block *b, unsigned prefix, bool inserts)
{
    uint32_t index, at = b->out->n;
    struct reading f = {.cut = false};
    if (!integer(b, prefix, &index))
        return false;
    if (index) {
        if (!look_up(h, index, &f))
            return false;
        if (f.name.n)
            memcpy(b->out->text + at, f.name.p, f.name.n);
        f.name.p = b->out->text + at;
        f.value_unknown = false;
    } else {
        if (!string(b, at, &f.name, &f.cut))
            return false;
        f.pseudo = (uint8_t)pseudo_find(f.name);
        f.token = f.pseudo || !f.name.n || f.name.n > 255 ? TOKEN_OTHER : (uint8_t)token_find(f.name);
    }
    if (!string(b, at + (uint32_t)f.name.n, &f.value, &f.cut))
        return false;
    if (inserts)
        insert(h, &f);
    emit(b->out, &f);
    return true;
}

static bool representation(struct hpack *h, struct block *b)
{
    uint8_t octet = *b->p;
    uint32_t size;
    if (octet & 128)
        return indexed(h, b);
    if (octet & 64)
        return literal(h, b, 6, true);
    if (!(octet & 32))
        return literal(h, b, 4, false);
    if (!integer(b, 5, &size) || b->out->n_fields) /* at the beginning of a block alone */
        return false;
    set_max(h, size);
    return true;
}

bool hpack_decode(struct hpack *h, struct slice block, struct hpack_list *out)
{
    struct block b = {(const uint8_t *)block.p, (const uint8_t *)block.p + block.n, out};
    out->n = 0;
    out->n_fields = 0;
    out->overflow = out->unknown = false;
    while (b.p < b.end)
        if (!representation(h, &b)) {
            hpack_forget(h);
            return false;
        }
    return true;
}

static bool skip_string(struct block *b)
{
    uint32_t n;
    if (b->p == b->end || !integer(b, 7, &n) || n > (size_t)(b->end - b->p))
        return false;
    b->p += n;
    return true;
}

int hpack_speaker(struct slice block)
{
    struct block b = {(const uint8_t *)block.p, (const uint8_t *)block.p + block.n, NULL};
    int speaker = -1;
    while (b.p < b.end) {
        uint8_t octet = *b.p;
        bool is_literal = !(octet & 128) && (octet & 0xe0) != 32;
        uint32_t index;
        if (!integer(&b, octet & 128 ? 7 : octet & 64 ? 6 : octet & 32 ? 5 : 4, &index))
            return -1;
        if (octet & 128 && !index)
            return -1;
        if (is_literal && ((!index && !skip_string(&b)) || !skip_string(&b)))
            return -1;
        if ((octet & 0xe0) != 32 && index >= 1 && index <= 14) {
            int whose = index <= 7 ? 0 : 1;
            if (speaker >= 0 && speaker != whose)
                return -1;
            speaker = whose;
        }
    }
    return speaker;
}
