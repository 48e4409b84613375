#include "capture/pathnames.h"

#include <stdlib.h>

enum { PLACES = 2 * PATHNAMES_MOST, MEMBER_MOST = 32, WORD_MOST = 13, WORDS_MOST = 6, DIGITS_MOST = 2 };

struct named {
    uint64_t path;
    uint8_t n;
    char text[PATHNAMES_TEXT];
};

struct pathnames {
    unsigned n;
    uint16_t place[PLACES]; /* of named, + 1; by path, which is keyed */
    struct named named[PATHNAMES_MOST];
};

struct pathnames *pathnames_new(const struct hash_key *key)
{
    (void)key;
    return calloc(1, sizeof(struct pathnames));
}

void pathnames_free(struct pathnames *n)
{
    free(n);
}

static unsigned place_of(const struct pathnames *n, uint64_t path)
{
    unsigned at = (unsigned)(path % PLACES);
    while (n->place[at] && n->named[n->place[at] - 1].path != path)
        at = (at + 1) % PLACES;
    return at;
}

struct slice pathnames_find(const struct pathnames *n, uint64_t path)
{
    unsigned at = n->place[place_of(n, path)];
    return at ? slice_of(n->named[at - 1].text, n->named[at - 1].n) : (struct slice){NULL, 0};
}

struct slice pathnames_add(struct pathnames *n, uint64_t path, struct slice text)
{
    if (n->n == PATHNAMES_MOST || text.n >= PATHNAMES_TEXT)
        return (struct slice){NULL, 0};
    struct named *at = &n->named[n->n];
    at->path = path;
    at->n = (uint8_t)text.n;
    memcpy(at->text, text.p, text.n);
    n->place[place_of(n, path)] = (uint16_t)++n->n;
    return slice_of(at->text, at->n);
}

/* ---- what may be shown ---- */

static bool is_vowel(char c)
{
    return strchr("aeiouy", c) != NULL;
}

/* Letters that could be pronounced: a vowel, no four consonants or three vowels in a row, nothing rare doubled or at
 * odds. Short words pass: what is random is longer, and is then made of many. */
static bool is_pronounced(const char *p, size_t n)
{
    unsigned vowels = 0, run = 0;
    if (n <= 2)
        return true;
    for (size_t i = 0; i < n; i++) {
        char c = ascii_lower(p[i]), before = i ? ascii_lower(p[i - 1]) : 'a';
        bool vowel = is_vowel(c);
        vowels += vowel;
        run = i && vowel == is_vowel(before) ? run + 1 : 1;
        if (run > (vowel ? 2u : 3u))
            return false;
        if (before == 'q' && c != 'u')
            return false;
        if (strchr("jvwxz", before) && !vowel && c != before && c != 's' && c != 'n' &&
            !(before == 'x' && strchr("tpc", c)))
            return false;
        if (strchr("jqvx", c) && i && !is_vowel(before) && !strchr("rlnsdb", before))
            return false;
    }
    return vowels > 0 && vowels < n && vowels * 5 >= n;
}

static bool is_known_short(const char *p, size_t n)
{
    static const char known[] = " ts ms id url uri ip os ttl rtt tz md qty sku src dst cpu html xml json http https "
                                "ref utc gmt sql rpc sub min max avg pct msg ref req res hash crc txt db ";
    char word[16] = " ";
    if (n > 6)
        return false;
    for (size_t i = 0; i < n; i++)
        word[1 + i] = ascii_lower(p[i]);
    word[1 + n] = ' ';
    return strstr(known, word) != NULL;
}

/* One word: of one case, or with a capital. */
static bool is_word(const char *p, size_t n)
{
    size_t upper = 0;
    for (size_t i = 0; i < n; i++)
        upper += p[i] >= 'A' && p[i] <= 'Z';
    bool capital = upper == 1 && p[0] >= 'A' && p[0] <= 'Z';
    if (n > WORD_MOST || (upper && upper != n && !capital))
        return false;
    return is_known_short(p, n) || is_pronounced(p, n);
}

/* Where the word that begins at `i` ends. */
static size_t word_end(struct slice s, size_t i)
{
    size_t end = i + 1;
    while (end < s.n && ascii_alpha(s.p[end]) &&
           !(s.p[end] >= 'A' && s.p[end] <= 'Z' && s.p[end - 1] >= 'a' && s.p[end - 1] <= 'z'))
        end++;
    return end;
}

bool pathnames_shown(struct slice s)
{
    unsigned words = 0, digits = 0, letters = 0;
    if (!s.n || s.n > MEMBER_MOST)
        return false;
    for (size_t i = 0; i < s.n;) {
        if (ascii_alpha(s.p[i])) {
            size_t end = word_end(s, i);
            if (!is_word(s.p + i, end - i))
                return false;
            letters += (unsigned)(end - i);
            words++;
            i = end;
        } else {
            if (ascii_digit(s.p[i]))
                digits++;
            else if (!strchr("_-$@", s.p[i]))
                return false;
            i++;
        }
    }
    /* many short words are no words */
    return words && words <= WORDS_MOST && digits <= DIGITS_MOST && (words < 4 || letters >= words * 4);
}
