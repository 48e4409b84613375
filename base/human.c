#include "base/human.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/floor.h"

static struct human scaled(double v, const char *const *units, int n, double step)
{
    struct human h;
    int u = 0;
    while (v >= step * 0.9995 && u + 1 < n) {
        v /= step;
        u++;
    }
    if (u == 0)
        snprintf(h.text, sizeof h.text, "%.0f%s", v, units[u]);
    else
        snprintf(h.text, sizeof h.text, v < 99.95 ? "%.1f%s" : "%.0f%s", v, units[u]);
    return h;
}

struct human human_count(uint64_t n)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    struct human h;
    if (n < 10000) {
        snprintf(h.text, sizeof h.text, "%" PRIu64, n);
        return h;
    }
    return scaled((double)n, units, 5, 1000);
}

struct human human_bytes(uint64_t n)
{
    static const char *const units[] = {" B", " kB", " MB", " GB", " TB", " PB"};
    return scaled((double)n, units, 6, 1000);
}

struct human human_seconds(double s)
{
    struct human h = {"-"};
    if (isnan(s))
        return h;
    if (s < 0.0009995)
        snprintf(h.text, sizeof h.text, "%.0f us", s * 1e6);
    else if (s < 0.09995)
        snprintf(h.text, sizeof h.text, "%.1f ms", s * 1e3);
    else if (s < 0.9995)
        snprintf(h.text, sizeof h.text, "%.0f ms", s * 1e3);
    else if (s < 119.95)
        snprintf(h.text, sizeof h.text, "%.1f s", s);
    else if (s < 7200)
        snprintf(h.text, sizeof h.text, "%.0fm%02.0fs", floor(s / 60), floor(fmod(s, 60)));
    else
        snprintf(h.text, sizeof h.text, "%.0fh%02.0fm", floor(s / 3600), floor(fmod(s, 3600) / 60));
    return h;
}

struct human human_rate(uint64_t n, double seconds)
{
    struct human h = {"-"};
    if (isnan(seconds) || seconds <= 0)
        return h;
    double rate = (double)n / seconds;
    if (rate >= 100)
        snprintf(h.text, sizeof h.text, "%.0f/s", rate);
    else if (rate >= 1)
        snprintf(h.text, sizeof h.text, "%.1f/s", rate);
    else
        snprintf(h.text, sizeof h.text, "%.1f/min", rate * 60);
    return h;
}

struct human human_moment(int64_t us)
{
    struct human h = {"-"};
    time_t seconds = (time_t)floor_div(us, 1000000);
    struct tm tm;
    if (us != INT64_MIN && gmtime_r(&seconds, &tm) && !strftime(h.text, sizeof h.text, "%Y-%m-%d %H:%M:%S", &tm))
        strcpy(h.text, "-"); /* a year of many digits */
    return h;
}

struct human human_percent(double ratio)
{
    struct human h = {"-"};
    if (!isnan(ratio))
        snprintf(h.text, sizeof h.text, "%.1f %%", 100 * ratio);
    return h;
}

struct human human_short_percent(double ratio)
{
    struct human h = {"-"};
    if (!isnan(ratio))
        snprintf(h.text, sizeof h.text, ratio >= 0.9995 ? "%.0f" : "%.1f", 100 * ratio);
    return h;
}

/* One character: its bytes, code point and columns. A byte that begins no character is itself, shown as '?'. */
static size_t character(struct slice s, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t v = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 1; i < n; i++) {
        if (i >= s.n || (p[i] & 0xc0) != 0x80) {
            n = 0;
            break;
        }
        v = v << 6 | (p[i] & 0x3f);
    }
    bool good = n && v >= least[n] && v <= 0x10ffff && (v < 0xd800 || v > 0xdfff);
    *code = good ? v : '?';
    return good ? n : 1;
}

/* Must not reach a terminal: controls, direction marks, joiners, tags. */
static bool harmful(uint32_t v)
{
    return v < 0x20 || (v >= 0x7f && v < 0xa0) || (v >= 0x200b && v <= 0x200f) || (v >= 0x2028 && v <= 0x202e) ||
           (v >= 0x2060 && v <= 0x206f) || v == 0xfeff || v >= 0xe0000;
}

size_t human_printable(struct slice s)
{
    uint32_t code;
    size_t n = character(s, &code);
    return harmful(code) || (code == '?' && s.p[0] != '?') ? 0 : n;
}

void human_text(struct buf *out, struct slice text)
{
    while (text.n) {
        size_t n = human_printable(text);
        if (n)
            buf_add(out, text.p, n);
        else
            buf_char(out, '?');
        text = slice_sub(text, n ? n : 1, text.n);
    }
}

/* Columns of a printable character; 0: it is not shown in a cell. */
static unsigned columns(uint32_t v)
{
    if (harmful(v) || (v >= 0x300 && v < 0x370) || (v >= 0xe000 && v < 0xf900))
        return 0;
    bool wide = (v >= 0x1100 && v <= 0x115f) || (v >= 0x2e80 && v <= 0xa4cf) || (v >= 0xac00 && v <= 0xd7a3) ||
                (v >= 0xf900 && v <= 0xfaff) || (v >= 0xfe30 && v <= 0xfe6f) || (v >= 0xff00 && v <= 0xff60) ||
                (v >= 0xffe0 && v <= 0xffe6) || (v >= 0x1f300 && v <= 0x1faff) || (v >= 0x20000 && v <= 0x3fffd);
    return wide ? 2 : 1;
}

static unsigned width_of(struct slice s)
{
    unsigned width = 0;
    uint32_t code;
    while (s.n) {
        size_t n = character(s, &code);
        unsigned w = columns(code);
        width += w ? w : 1;
        s = slice_sub(s, n, s.n);
    }
    return width;
}

void human_cell(struct buf *out, struct slice text, unsigned width)
{
    bool cut = width_of(text) > width;
    unsigned room = cut && width ? width - 1 : width, used = 0;
    while (text.n) {
        uint32_t code;
        size_t n = character(text, &code);
        unsigned w = columns(code);
        if (used + (w ? w : 1) > room)
            break;
        if (!w || code == '?')
            buf_char(out, w ? '?' : '.');
        else
            buf_add(out, text.p, n);
        used += w ? w : 1;
        text = slice_sub(text, n, text.n);
    }
    if (cut && width) {
        buf_str(out, "…");
        used++;
    }
    for (; used < width; used++)
        buf_char(out, ' ');
}
