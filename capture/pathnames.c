#include "capture/pathnames.h"

#include "base/pages.h"

enum {
    PLACES = 2 * PATHNAMES_MOST,
    MEMBER_MOST = 32,
    WORD_MOST = 15,
    WORDS_MOST = 6,
    DIGITS_MOST = 2,
    SHORT = 3,
    SMALL = 5
};

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
    return pages_reserve(sizeof(struct pathnames)); /* touched as it fills */
}

void pathnames_free(struct pathnames *n)
{
    pages_release(n, sizeof *n);
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
 * odds. */
static bool is_pronounced(const char *p, size_t n)
{
    unsigned vowels = 0, run = 0;
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

static bool is_among(const char *list, const char *p, size_t n)
{
    char word[16] = " ";
    if (n > 6)
        return false;
    for (size_t i = 0; i < n; i++)
        word[1 + i] = ascii_lower(p[i]);
    word[1 + n] = ' ';
    return strstr(list, word) != NULL;
}

static bool is_known(const char *p, size_t n)
{
    static const char known[] =
        " a age all api app ask at aud avg b bid bot by c car cid cnt cpu crc csrf css csv day db dst due e end etag "
        "exp ext fee geo get gmt guid has hash hit href html http https i iat id ids idx img in ip is iso iss json jti "
        "k "
        "key lang last lat len lng log lon map max mid min ms msg my n nbf new no now ns num of ok old on org os p pct "
        "pdf pid q qps qty raw ref req res rid row rpc rps rtt s sec seq set sha sid sku sql src sub sum t tag tax tid "
        "to top ts ttl txt tz uid ulid uri url us utc uuid v vat via web x xml y z zip ";
    return is_among(known, p, n);
}

/* How a word may begin: with a vowel, one consonant, or some pairs of them. */
static bool begins_well(const char *p)
{
    static const char pairs[] =
        " bl br ch cl cr dr fl fr gl gr kn ph pl pr qu sc sh sk sl sm sn sp sq st sw th tr tw wh wr ps ";
    return is_vowel(ascii_lower(p[0])) || is_vowel(ascii_lower(p[1])) || is_among(pairs, p, 2);
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
    return n == 1 || is_known(p, n) || (n > SHORT && begins_well(p) && is_pronounced(p, n));
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
    unsigned words = 0, digits = 0, letters = 0, separators = 0;
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
            continue;
        }
        if (!ascii_digit(s.p[i]) && !memchr("_-$@", s.p[i], 4))
            return false;
        if (ascii_digit(s.p[i]))
            digits++;
        else
            separators++;
        i++;
    }
    bool humps = words > 2 && !separators; /* what is random has many, of few letters */
    return words && words <= WORDS_MOST && digits <= DIGITS_MOST && (!humps || letters >= words * SMALL);
}
