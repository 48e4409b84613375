#include "analysis/policy/plain.h"

#include <arpa/inet.h>

static const struct {
    const char *label, *pattern, *letters;
} classes[PLAIN_CLASSES] = {
#define CLASS(id, label, pattern, letters) {label, pattern, letters},
#include "analysis/policy/classes.def"
#undef CLASS
};

/* ---- services ---- */

static bool host_letter(char c)
{
    return ascii_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/* Labels of letters, digits, '-' and '_' between single dots; the first and last letter of all is alphanumeric. */
static bool is_host(struct slice s)
{
    if (!s.n || s.n > PLAIN_HOST)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] == '.' ? i && i + 1 < s.n && s.p[i - 1] != '.' : host_letter(s.p[i])))
            return false;
    return s.p[0] != '-' && s.p[0] != '_';
}

static bool is_address(int family, struct slice s)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    if (!s.n || s.n >= sizeof copy || memchr(s.p, 0, s.n))
        return false;
    memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return inet_pton(family, copy, ip) == 1;
}

static bool read_port(struct slice s, uint16_t *port)
{
    uint64_t n;
    if (s.n > 5 || !slice_u64(s, &n) || !n || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* Splits host and port; brackets stay with the host. False: no host. */
static bool split(struct slice s, struct slice *host, struct slice *port, bool *literal)
{
    size_t at = s.n;
    if (s.n && s.p[0] == '[') {
        at = slice_find(s, ']', 0) + 1;
        *host = slice_sub(s, 0, at);
        *literal = at <= s.n && is_address(AF_INET6, slice_sub(s, 1, at - 1));
        if (!*literal)
            return false;
    } else {
        at = slice_find(s, ':', 0);
        *host = slice_sub(s, 0, at);
        *literal = is_address(AF_INET, *host);
        if (!is_host(*host))
            return false;
    }
    *port = slice_sub(s, at, s.n);
    if (!port->n)
        return true;
    if (port->p[0] != ':' || port->n == 1)
        return false;
    *port = slice_sub(*port, 1, port->n);
    return true;
}

bool plain_service(struct slice service, struct plain_service *out)
{
    static const struct slice http = SLICE("http://"), https = SLICE("https://");
    struct slice port;
    *out = (struct plain_service){.tls = slice_starts(service, https)};
    if (!out->tls && !slice_starts(service, http))
        return false;
    out->authority = slice_sub(service, out->tls ? https.n : http.n, service.n);
    out->port = out->tls ? 443 : 80;
    if (!split(out->authority, &out->host, &port, &out->literal))
        return false;
    return !port.n || read_port(port, &out->port);
}

/* Hosts are in lower case, so capitals are free to stand for what an identifier cannot hold. */
void plain_name(const struct plain_service *s, struct buf *out)
{
    buf_str(out, s->tls ? "S_" : "");
    for (size_t i = 0; i < s->authority.n; i++) {
        char c = s->authority.p[i];
        if (ascii_digit(c) || (c >= 'a' && c <= 'z'))
            buf_char(out, c);
        else
            buf_str(out, c == '.' ? "_" : c == '-' ? "_H" : c == '_' ? "_U" : c == ':' ? "_P" : c == '[' ? "I" : "_I");
    }
}

bool plain_server(struct slice text, struct slice *host, uint16_t *port)
{
    struct slice number;
    bool literal;
    if (!split(text, host, &number, &literal) || !literal || !read_port(number, port))
        return false;
    if (host->p[0] == '[')
        *host = slice_sub(*host, 1, host->n - 1);
    return true;
}

/* ---- routes ---- */

static bool word_letter(char c)
{
    return ascii_digit(c) || ascii_alpha(c) || c == '.' || c == '_' || c == '~' || c == '-';
}

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!word_letter(s.p[i]))
            return false;
    return true;
}

static bool read_class(struct slice label, enum plain_class *out)
{
    for (int i = PLAIN_LITERAL + 1; i < PLAIN_CLASSES; i++)
        if (slice_eq(label, slice_str(classes[i].label))) {
            *out = (enum plain_class)i;
            return true;
        }
    return false;
}

/* NULL, or why not. */
static const char *read_segment(struct slice s, struct plain_segment *out)
{
    size_t open = slice_find(s, '{', 0), close = slice_find(s, '}', open);
    *out = (struct plain_segment){.class = PLAIN_LITERAL, .before = slice_sub(s, 0, open)};
    if (open < s.n) {
        if (close >= s.n || !read_class(slice_sub(s, open, close + 1), &out->class))
            return "a segment of its path is a credential, somebody's address, or of no known class";
        out->after = slice_sub(s, close + 1, s.n);
    }
    if (!is_word(out->before) || !is_word(out->after))
        return "its path has letters other than A-Z a-z 0-9 . _ ~ -";
    if (out->class == PLAIN_LITERAL && (slice_eq(s, SLICE(".")) || slice_eq(s, SLICE(".."))))
        return "its path has a segment of dots alone";
    return NULL;
}

const char *plain_route(struct slice route, struct plain_route *out)
{
    *out = (struct plain_route){0};
    if (!route.n || route.p[0] != '/')
        return "its path does not begin with /";
    for (size_t at = 1; at < route.n;) {
        size_t end = slice_find(route, '/', at);
        if (out->n == PLAIN_DEPTH)
            return "its path is too deep";
        if (end == at)
            return "its path has an empty segment";
        const char *why = read_segment(slice_sub(route, at, end), &out->segment[out->n]);
        if (why)
            return why;
        out->n++;
        out->slash = end + 1 == route.n;
        at = end + 1;
    }
    return NULL;
}

static int compare_slice(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Among classes, one with a prefix or an extension is narrower than the same without. */
static int compare_segment(const struct plain_segment *a, const struct plain_segment *b)
{
    bool plain_a = !a->before.n && !a->after.n, plain_b = !b->before.n && !b->after.n;
    if (a->class == PLAIN_LITERAL || b->class == PLAIN_LITERAL) {
        if (a->class != b->class)
            return a->class == PLAIN_LITERAL ? -1 : 1;
    } else if (plain_a != plain_b) {
        return plain_a ? 1 : -1;
    }
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    int order = compare_slice(a->before, b->before);
    return order ? order : compare_slice(a->after, b->after);
}

int plain_compare(const struct plain_route *a, const struct plain_route *b)
{
    for (unsigned i = 0; i < a->n && i < b->n; i++) {
        int order = compare_segment(&a->segment[i], &b->segment[i]);
        if (order)
            return order;
    }
    /* Up to here the same way: the one that means whatever lies below comes last. */
    if (a->prefix != b->prefix)
        return a->prefix ? 1 : -1;
    if (a->n != b->n)
        return (a->n < b->n) == !a->prefix ? -1 : 1;
    return (int)a->slash - (int)b->slash;
}

/* A word that has a letter which the class has not. */
static bool apart(const struct plain_segment *class, const struct plain_segment *word)
{
    const char *letters = classes[class->class].letters;
    struct slice s = word->before;
    if (word->class != PLAIN_LITERAL)
        return false;
    if (class->before.n + class->after.n)
        return s.n < class->before.n + class->after.n || !slice_starts(s, class->before) ||
               !slice_eq(slice_sub(s, s.n - class->after.n, s.n), class->after);
    for (size_t i = 0; letters && i < s.n; i++)
        if (!memchr(letters, s.p[i], strlen(letters)))
            return true;
    return false;
}

bool plain_shadows(const struct plain_route *r, const struct plain_route *other, unsigned *at)
{
    unsigned i = 0;
    while (i < r->n && i < other->n && compare_segment(&r->segment[i], &other->segment[i]) == 0)
        i++;
    if (i == r->n || i == other->n || r->segment[i].class == PLAIN_LITERAL ||
        compare_segment(&other->segment[i], &r->segment[i]) > 0)
        return false;
    *at = i + 1;
    return !apart(&r->segment[i], &other->segment[i]);
}

/* A dot is the only letter of a word that is more than itself in a pattern. */
static void word_pattern(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '.')
            buf_str(out, "[.]");
        else
            buf_char(out, s.p[i]);
}

static void path(const struct plain_route *r, bool pattern, struct buf *out)
{
    for (unsigned i = 0; i < r->n; i++) {
        const struct plain_segment *s = &r->segment[i];
        buf_char(out, '/');
        if (pattern)
            word_pattern(s->before, out);
        else
            buf_slice(out, s->before);
        buf_str(out, pattern ? classes[s->class].pattern : classes[s->class].label);
        if (pattern)
            word_pattern(s->after, out);
        else
            buf_slice(out, s->after);
    }
    if (!r->prefix && (r->slash || !r->n))
        buf_char(out, '/');
}

void plain_pattern(const struct plain_route *r, struct buf *out)
{
    path(r, true, out);
    if (r->prefix)
        buf_str(out, "(/.*)?");
}

void plain_text(const struct plain_route *r, struct buf *out)
{
    path(r, false, out);
    if (r->prefix)
        buf_str(out, " and all below");
}
