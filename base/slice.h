/* slice: borrowed bytes with a length. Never owns, never NUL-terminated by contract.
 * Refuses: allocation, encodings, locale. ASCII case only. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){(const char *)p, n};
}

static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

/* Bytes [from, to) of s; both are cut to its length. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct slice){from ? s.p + from : s.p, to - from};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The 8 bytes at p, as this machine reads them. */
static inline uint64_t slice_word(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* As slice_eq, of what is short as a rule: without a call. */
static inline bool slice_same(struct slice a, struct slice b)
{
    size_t i = 0;
    if (a.n != b.n || a.n > 64)
        return slice_eq(a, b);
    if (a.n < 8) {
        while (i < a.n && a.p[i] == b.p[i])
            i++;
        return i == a.n;
    }
    while (i + 8 < a.n && slice_word(a.p + i) == slice_word(b.p + i))
        i += 8;
    return i + 8 >= a.n && slice_word(a.p + a.n - 8) == slice_word(b.p + a.n - 8);
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline bool ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Value of a hex digit, or -1. */
static inline int ascii_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline bool slice_ieq(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* Copies s to `to`: what most texts are too short for a call to pay. */
static inline void slice_copy(char *to, struct slice s)
{
    if (s.n > 32) {
        memcpy(to, s.p, s.n);
    } else if (s.n >= 16) {
        memcpy(to, s.p, 16);
        memcpy(to + s.n - 16, s.p + s.n - 16, 16);
    } else if (s.n >= 8) {
        memcpy(to, s.p, 8);
        memcpy(to + s.n - 8, s.p + s.n - 8, 8);
    } else if (s.n >= 4) {
        memcpy(to, s.p, 4);
        memcpy(to + s.n - 4, s.p + s.n - 4, 4);
    } else if (s.n) {
        to[0] = s.p[0];
        to[s.n / 2] = s.p[s.n / 2];
        to[s.n - 1] = s.p[s.n - 1];
    }
}

/* Index of the first c at or after `from`, or s.n. */
static inline size_t slice_find(struct slice s, char c, size_t from)
{
    if (from >= s.n)
        return s.n;
    const char *hit = (const char *)memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* Without blanks and tabs at both ends (OWS of RFC 9110 section 5.6.3). */
static inline struct slice slice_trim(struct slice s)
{
    if (s.n && (unsigned char)s.p[0] > ' ' && (unsigned char)s.p[s.n - 1] > ' ')
        return s; /* nearly all */
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

/* Takes the next item of a list separated by `sep` off the front of *rest, trimmed. False when nothing is left. */
static inline bool slice_next(struct slice *rest, char sep, struct slice *item)
{
    if (!rest->p || !rest->n)
        return false;
    size_t at = slice_find(*rest, sep, 0);
    *item = slice_trim(slice_sub(*rest, 0, at));
    *rest = at < rest->n ? slice_sub(*rest, at + 1, rest->n) : (struct slice){rest->p + rest->n, 0};
    return true;
}

/* Decimal digits alone, at most 18 of them. False on anything else. */
static inline bool slice_u64(struct slice s, uint64_t *out)
{
    uint64_t v = 0;
    if (!s.n || s.n > 18)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_digit(s.p[i]))
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = v;
    return true;
}

#endif
