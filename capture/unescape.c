#include "capture/unescape.h"

#include <string.h>

#include "base/slice.h"

static void add(struct unescaped *out, uint32_t c)
{
    char *p = out->p + out->n;
    size_t n = 0;
    if (c < 0x80) {
        p[n++] = (char)c;
    } else if (c < 0x800) {
        p[n++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        p[n++] = (char)(0xe0 | c >> 12);
        p[n++] = (char)(0x80 | (c >> 6 & 63));
    } else {
        p[n++] = (char)(0xf0 | c >> 18);
        p[n++] = (char)(0x80 | (c >> 12 & 63));
        p[n++] = (char)(0x80 | (c >> 6 & 63));
    }
    if (c >= 0x80)
        p[n++] = (char)(0x80 | (c & 63));
    out->n = (uint8_t)(out->n + n);
}

void unescape_settle(struct unescape *u, struct unescaped *out)
{
    if (u->high)
        add(out, u->high);
    u->high = 0;
}

static void unit(struct unescape *u, uint16_t v, struct unescaped *out)
{
    if (u->high && v >= 0xdc00 && v < 0xe000) {
        add(out, 0x10000 + ((uint32_t)(u->high - 0xd800) << 10) + (v - 0xdc00u));
        u->high = 0;
        return;
    }
    unescape_settle(u, out);
    if (v >= 0xd800 && v < 0xdc00)
        u->high = v;
    else
        add(out, v);
}

static enum unescape_end first(struct unescape *u, char c, struct unescaped *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = c ? strchr(from, c) : NULL;
    if (c == 'u') {
        u->left = 4;
        u->unit = 0;
        return UNESCAPE_MORE;
    }
    if (!at)
        return UNESCAPE_BAD;
    unescape_settle(u, out);
    add(out, (unsigned char)to[at - from]);
    return UNESCAPE_DONE;
}

enum unescape_end unescape_feed(struct unescape *u, char c, struct unescaped *out)
{
    int digit = ascii_hex(c);
    if (!u->left)
        return first(u, c, out);
    if (digit < 0)
        return UNESCAPE_BAD;
    u->unit = (uint16_t)(u->unit << 4 | digit);
    if (--u->left)
        return UNESCAPE_MORE;
    unit(u, u->unit, out);
    return UNESCAPE_DONE;
}
