#include "capture/cachekey.h"

#include <stdlib.h>

#include "base/route.h"

enum { PLACES = 2048, WORDS = 16, FIRST_WORDS = 64, WORD_MAX = 15, SEGMENTS = 12, SLOTS = 2 * CACHEKEY_PATTERNS };

/* Where words stand: behind the same beginning of a pattern. With more than so many it holds a variable. */
struct place {
    uint64_t prefix;
    uint64_t word[WORDS];
    uint8_t n;
    bool varies;
};

struct pattern_slot {
    uint64_t hash;
    uint16_t number; /* 0: free */
};

struct cachekeys {
    struct hash_key key;
    const struct redact *names;
    uint64_t first[FIRST_WORDS]; /* words that keys begin with */
    unsigned n_first, n_places;
    struct place place[PLACES]; /* open addressing */
    struct pattern_slot slot[SLOTS];
    unsigned n;
    uint8_t length[CACHEKEY_PATTERNS];
    char text[CACHEKEY_PATTERNS][CACHEKEY_TEXT];
};

/* A pattern in the making. */
struct draft {
    char p[CACHEKEY_TEXT];
    size_t n;
    unsigned segments;
    bool hides; /* a sensitive name came before */
    bool mixed; /* the segment holds what is neither word nor number: nothing behind that is a name */
    bool full;
};

struct cachekeys *cachekeys_new(const struct hash_key *key, const struct redact *names)
{
    struct cachekeys *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->key = *key;
    k->names = names;
    k->n = 1;
    memcpy(k->text[0], "(other)", 7);
    k->length[0] = 7;
    return k;
}

void cachekeys_free(struct cachekeys *k)
{
    free(k);
}

static void add(struct draft *d, struct slice s)
{
    if (d->full || d->n + s.n > sizeof d->p - 2) {
        d->full = true;
        return;
    }
    if (s.n)
        memcpy(d->p + d->n, s.p, s.n);
    d->n += s.n;
}

/* ---- words ---- */

static struct place *place_of(struct cachekeys *k, uint64_t prefix)
{
    struct place *p = &k->place[prefix % PLACES];
    while (p->prefix && p->prefix != prefix)
        p = p + 1 == k->place + PLACES ? k->place : p + 1;
    if (p->prefix)
        return p;
    if (k->n_places >= PLACES / 2)
        return NULL;
    k->n_places++;
    p->prefix = prefix;
    return p;
}

static bool begins_with(struct cachekeys *k, uint64_t word)
{
    for (unsigned i = 0; i < k->n_first; i++)
        if (k->first[i] == word)
            return true;
    if (k->n_first == FIRST_WORDS)
        return false;
    k->first[k->n_first++] = word;
    return true;
}

/* Whether a word behind this beginning is a name, not one of many values. */
static bool is_name(struct cachekeys *k, const struct draft *d, struct slice word)
{
    uint64_t w = hash_bytes(&k->key, 'w', word.p, word.n);
    if (!d->n)
        return begins_with(k, w);
    struct place *p = place_of(k, hash_bytes(&k->key, 'p', d->p, d->n) | 1);
    if (!p || p->varies)
        return false;
    for (unsigned i = 0; i < p->n; i++)
        if (p->word[i] == w)
            return true;
    p->varies = p->n == WORDS;
    if (!p->varies)
        p->word[p->n++] = w;
    return !p->varies;
}

static void add_word(struct cachekeys *k, struct draft *d, struct slice word)
{
    bool clear = !d->hides && !d->mixed && word.n <= WORD_MAX && is_name(k, d, word);
    add(d, clear ? word : SLICE("{var}"));
    d->hides = clear && redact_sensitive(k->names, word);
}

/* ---- segments ---- */

static bool is_version(struct slice s)
{
    bool ok = s.n >= 2 && s.n <= 12 && s.p[0] == 'v' && ascii_digit(s.p[1]);
    for (size_t i = 1; ok && i < s.n; i++)
        ok = ascii_digit(s.p[i]) || (s.p[i] == '.' && i + 1 < s.n && s.p[i - 1] != '.');
    return ok;
}

/* Letters, or letters and a number behind them; all else is a variable. */
static void add_piece(struct cachekeys *k, struct draft *d, struct slice s)
{
    char made[ROUTE_LABEL];
    size_t letters = 0, i;
    if (!s.n)
        return;
    struct route_label label = route_label(s, made);
    if (is_version(s) || label.kind == ROUTE_TYPED) {
        add(d, label.text);
        d->hides = false;
        return;
    }
    while (letters < s.n && ascii_alpha(s.p[letters]))
        letters++;
    for (i = letters; i < s.n && ascii_digit(s.p[i]);)
        i++;
    if (!letters || i < s.n || s.n - letters > 20) {
        add(d, SLICE("{var}"));
        d->hides = false;
        d->mixed = true;
        return;
    }
    bool hidden = d->hides || d->mixed;
    add_word(k, d, slice_sub(s, 0, letters));
    if (letters < s.n && !hidden)
        add(d, SLICE("{int}"));
}

/* Splits s at the characters of `marks`, which stay, and gives the pieces on. */
static void split(struct cachekeys *k, struct draft *d, struct slice s, const char *marks,
                  void (*each)(struct cachekeys *, struct draft *, struct slice))
{
    for (size_t at = 0, from = 0; at <= s.n; at++) {
        if (at < s.n && !strchr(marks, s.p[at]))
            continue;
        each(k, d, slice_sub(s, from, at));
        if (at < s.n)
            add(d, slice_sub(s, at, at + 1));
        from = at + 1;
    }
}

/* A whole that has a class, else its parts. */
static void add_whole(struct cachekeys *k, struct draft *d, struct slice s, const char *marks,
                      void (*each)(struct cachekeys *, struct draft *, struct slice))
{
    char made[ROUTE_LABEL];
    struct route_label label = route_label(s, made);
    if (!s.n || label.kind != ROUTE_TYPED) {
        split(k, d, s, marks, each);
        return;
    }
    add(d, label.text);
    d->hides = false;
}

static void add_dotted(struct cachekeys *k, struct draft *d, struct slice s)
{
    add_whole(k, d, s, "_-", add_piece);
}

static void add_segment(struct cachekeys *k, struct draft *d, struct slice s)
{
    d->mixed = false;
    d->full |= s.n && ++d->segments > SEGMENTS;
    if (s.n && !d->full)
        add_whole(k, d, s, ".", add_dotted);
}

static bool is_text(struct slice key)
{
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] <= ' ' || (unsigned char)key.p[i] >= 0x7f)
            return false;
    return key.n > 0;
}

/* ---- numbers ---- */

static uint16_t number_of(struct cachekeys *k, const struct draft *d)
{
    uint64_t h = hash_bytes(&k->key, 'n', d->p, d->n);
    struct pattern_slot *s = &k->slot[h % SLOTS];
    while (s->number && s->hash != h)
        s = s + 1 == k->slot + SLOTS ? k->slot : s + 1;
    if (s->number)
        return s->number;
    if (k->n == CACHEKEY_PATTERNS)
        return CACHEKEY_OTHER;
    memcpy(k->text[k->n], d->p, d->n);
    k->length[k->n] = (uint8_t)d->n;
    *s = (struct pattern_slot){h, (uint16_t)k->n++};
    return s->number;
}

uint16_t cachekeys_pattern(struct cachekeys *k, struct slice key)
{
    struct draft d;
    d.n = d.segments = 0;
    d.hides = d.mixed = d.full = false;
    if (is_text(key))
        split(k, &d, key, ":/|#{}[]()=&?,;", add_segment);
    else
        add(&d, key.n ? SLICE("{bin}") : SLICE("{empty}"));
    if (d.full)
        d.p[d.n++] = '*';
    return number_of(k, &d);
}

struct slice cachekeys_text(const struct cachekeys *k, uint16_t pattern)
{
    return slice_of(k->text[pattern], k->length[pattern]);
}

uint64_t cachekeys_hash(const struct cachekeys *k, struct slice key)
{
    uint64_t h = hash_bytes(&k->key, 'k', key.p, key.n) & 0xffffffffffff;
    return h ? h : 1;
}
