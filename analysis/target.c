#include "analysis/target.h"

static bool unreserved(char c) /* RFC 3986 section 2.3 */
{
    return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Where the path of an absolute target begins; 0 for the other forms (RFC 9112 section 3.2). */
static size_t path_start(struct slice t)
{
    size_t colon = slice_find(t, ':', 0);
    if (colon + 2 >= t.n || t.p[colon + 1] != '/' || t.p[colon + 2] != '/')
        return 0;
    for (size_t i = 0; i < colon; i++)
        if (t.p[i] == '/' || t.p[i] == '?')
            return 0;
    size_t at = colon + 3;
    while (at < t.n && t.p[at] != '/' && t.p[at] != '?')
        at++;
    return at;
}

struct target target_split(struct slice t)
{
    size_t start = t.n && t.p[0] != '/' ? path_start(t) : 0;
    size_t mark = slice_find(t, '?', start);
    struct target out = {slice_sub(t, start, mark), {NULL, 0}};
    if (mark < t.n)
        out.query = slice_sub(t, mark, t.n);
    return out;
}

bool target_is_normal(struct slice path)
{
    if (!path.n || memchr(path.p, '%', path.n))
        return false;
    for (size_t at = slice_find(path, '.', 1); at < path.n; at = slice_find(path, '.', at + 1))
        if (path.p[at - 1] == '/')
            return false;
    return true;
}

/* Escapes in upper case, those of unreserved characters decoded. */
static size_t decode(struct slice path, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        int high = -1, low = -1;
        if (path.p[i] == '%' && i + 2 < path.n) {
            high = ascii_hex(path.p[i + 1]);
            low = ascii_hex(path.p[i + 2]);
        }
        if (high < 0 || low < 0) {
            out[n++] = path.p[i];
            continue;
        }
        char c = (char)(high << 4 | low);
        i += 2;
        if (unreserved(c)) {
            out[n++] = c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[high];
        out[n++] = digits[low];
    }
    return n;
}

/* RFC 3986 section 5.2.4, in place; the path begins with '/'. */
static size_t remove_dots(char *p, size_t n)
{
    size_t out = 0, at = 0;
    while (at < n) {
        size_t end = at + 1;
        while (end < n && p[end] != '/')
            end++;
        struct slice segment = slice_of(p + at + 1, end - at - 1);
        bool last = end == n, one = slice_eq(segment, SLICE(".")), two = slice_eq(segment, SLICE(".."));
        if (two)
            while (out && p[--out] != '/')
                ;
        if (!one && !two) {
            memmove(p + out, p + at, end - at);
            out += end - at;
        } else if (last) {
            p[out++] = '/';
        }
        at = end;
    }
    return out;
}

size_t target_normalise(struct slice path, char *out)
{
    if (!path.n) {
        out[0] = '/';
        return 1;
    }
    size_t n = decode(path, out);
    return out[0] == '/' ? remove_dots(out, n) : n;
}

static char *put(char *at, struct slice s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

bool target_keeps(struct slice target)
{
    if (memchr(target.p, '%', target.n))
        return false;
    for (size_t at = slice_find(target, '.', 1); at < target.n; at = slice_find(target, '.', at + 1))
        if (target.p[at - 1] == '/')
            return false;
    return true;
}

struct key_text target_key(struct slice target, char *out)
{
    struct target t = target_split(target);
    char *at = target_is_normal(t.path) ? put(out, t.path) : out + target_normalise(t.path, out);
    struct slice normal = slice_of(out, (size_t)(at - out));
    at = put(at, t.query);
    return (struct key_text){slice_of(out, (size_t)(at - out)), normal};
}
