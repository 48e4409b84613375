#include "capture/clientname.h"

#include "base/utf8.h"

static unsigned code_of(const unsigned char *p, size_t n)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = p[0] & first[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3f);
    return code;
}

/* Unicode's controls, line and paragraph separators, marks of direction, and what is invisible. */
static bool is_harmful(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
           (code >= 0xe0000 && code < 0xe1000);
}

size_t clientname(struct slice text, char out[CLIENTNAME])
{
    size_t n = 0;
    text = slice_trim(text);
    while (text.n) {
        const unsigned char *p = (const unsigned char *)text.p;
        size_t length = utf8_length(p, text.n);
        bool harmful = !length || is_harmful(code_of(p, length));
        struct slice put = harmful ? SLICE("\xef\xbf\xbd") : slice_of(text.p, length);
        if (n + put.n > CLIENTNAME)
            break;
        memcpy(out + n, put.p, put.n);
        n += put.n;
        text = slice_sub(text, length ? length : 1, text.n);
    }
    return slice_trim(slice_of(out, n)).n;
}
