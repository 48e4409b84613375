/* knownlines: field lines of heads that were read before. Most lines come again and again, on this connection or
 * others, and what stands where in them need not be found out again. Of a line a keyed hash is kept, like those that
 * leave capture/, and none of its text. Only whole lines that can be read in one way are known. Of a line that is not,
 * because its value is another each time, the name is known: most often it is the one that stood there before and
 * began alike. */
#ifndef CAPTURE_KNOWNLINES_H
#define CAPTURE_KNOWNLINES_H

#include "base/hash.h"
#include "base/sixteen.h"
#include "capture/slot.h"

enum { KNOWN_LINES = 256, KNOWN_LONGEST = 256, KNOWN_NAME = 32, KNOWN_LETTERS = 8 };

struct known_line {
    uint64_t hash;         /* of the whole line */
    struct rawfield field; /* as if the line began the head; its `name`: octets of the line, CR LF included */
};

/* A field's name as it came. A cache line. */
struct known_name {
    _Alignas(64) char text[KNOWN_NAME]; /* name, colon and a blank, if one is behind it: up to the value; all 0: none */
    struct rawfield field;              /* as if the line began the head; its value_n: 0 */
    uint16_t beyond;                    /* bit i: text[i] is behind the text */
    bool passing;                       /* such lines are not to be known */
};

/* One line a place, by its first sixteen octets (which may reach into the next line); the last one stays. Zero but for
 * the key: nothing is known. */
struct known_lines {
    struct hash_key key;
    unsigned
        told; /* lines that might have been added: one of four is, so that those that never come again cost little */
    struct known_line line[KNOWN_LINES];
    /* of the line that was not known, stood behind a field of this token, and began with such a letter last;
     * TOKEN_OTHER: or behind none */
    struct known_name name[2][TOKEN_COUNT * KNOWN_LETTERS];
};

/* A field, as if the head began as much later and the value had so many octets more. None goes beyond its 16 bits. All
 * at once, for what is stored in parts and read as a whole waits. */
static inline struct rawfield known_field(struct rawfield f, size_t later, size_t value_n)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, &f, sizeof word);
    word += (uint64_t)later * 0x10001 + ((uint64_t)value_n << 32);
    memcpy(&f, &word, sizeof word);
#else
    f.name = (uint16_t)(f.name + later);
    f.value = (uint16_t)(f.value + later);
    f.value_n = (uint16_t)(f.value_n + value_n);
#endif
    return f;
}

/* That of a known line, which begins at `at`. */
static inline struct rawfield known_line_field(const struct known_line *l, size_t at)
{
    struct rawfield f = l->field;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, &f, sizeof word);
    word = (word >> 16 << 16) + (uint64_t)at * 0x10001;
    memcpy(&f, &word, sizeof word);
#else
    f.name = (uint16_t)at;
    f.value = (uint16_t)(f.value + at);
#endif
    return f;
}

/* Two fields that stand one behind the other, likewise. */
static inline void known_two(struct rawfield *to, const struct rawfield *from, size_t at)
{
#ifdef __SSE2__
    __m128i both = _mm_loadu_si128((const __m128i *)(const void *)from);
    both = _mm_add_epi64(both, _mm_set1_epi64x((long long)(at * 0x10001)));
    _mm_storeu_si128((__m128i *)(void *)to, both);
#else
    to[0] = known_field(from[0], at, 0);
    to[1] = known_field(from[1], at, 0);
#endif
}

/* Its place. */
static inline unsigned known_place(unsigned behind, char first)
{
    return behind * KNOWN_LETTERS + (unsigned char)first % KNOWN_LETTERS;
}

/* Whether a line begins with that name; at least sixteen octets are at p, up to `end`. */
static inline bool known_is(const struct known_name *k, const char *p, const char *end)
{
    size_t n = k->field.value;
    if (n > (size_t)(end - p))
        return false;
#ifdef __SSE2__
    unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(sixteen(p), sixteen(k->text)));
    return (same | k->beyond) == 0xffff && (n <= 16 || memcmp(p + 16, k->text + 16, n - 16) == 0);
#else
    return memcmp(p, k->text, n) == 0;
#endif
}

/* The line at p was read as this field. */
static inline void known_rename(struct known_name *k, const char *p, struct rawfield f, bool passing)
{
    size_t n = (size_t)(f.value - f.name);
    if (n > KNOWN_NAME)
        return;
    *k = (struct known_name){.beyond = (uint16_t)(n < 16 ? ~0u << n : 0),
                             .field = {.value = (uint16_t)n, .name_n = f.name_n, .token = f.token},
                             .passing = passing};
    memcpy(k->text, p, n);
}

static inline uint64_t known_fold(uint64_t a, uint64_t b, const char *p)
{
    uint64_t first, second;
    memcpy(&first, p, 8);
    memcpy(&second, p + 8, 8);
    return hash_fold(first ^ a, second ^ b);
}

/* Hash of a line of n octets, from that of the first sixteen at p; the last sixteen may count twice. */
static inline uint64_t known_hash(uint64_t key, uint64_t begin, const char *p, size_t n)
{
    const char *last = p + n - 16;
    uint64_t h = begin;
    if (last <= p)
        return h;
    while ((p += 16) < last)
        h = known_fold(key, h, p);
    return known_fold(key, h, last);
}

/* The line at p if it is known; at least sixteen octets are there, up to `end`. */
static inline const struct known_line *known_find(const struct known_lines *k, const char *p, const char *end)
{
    uint64_t begin = known_fold(k->key.k0, k->key.k1, p);
    const struct known_line *l = &k->line[begin % KNOWN_LINES];
    size_t n = l->field.name;
    if (n > (size_t)(end - p) || (p + n)[-1] != '\n')
        return NULL;
    return known_hash(k->key.k0, begin, p, n) == l->hash && n ? l : NULL;
}

/* The n octets at p, where at least sixteen are, are a line that was read as this field; not each is added. */
static inline bool known_adds(struct known_lines *k, size_t n)
{
    return n <= KNOWN_LONGEST && ++k->told % 4 == 0;
}

static inline void known_add(struct known_lines *k, const char *p, size_t n, struct rawfield f)
{
    uint64_t begin = known_fold(k->key.k0, k->key.k1, p);
    f.value = (uint16_t)(f.value - f.name);
    f.name = (uint16_t)n;
    k->line[begin % KNOWN_LINES] = (struct known_line){known_hash(k->key.k0, begin, p, n), f};
}

#endif
