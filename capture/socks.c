#include "capture/socks.h"

enum { NAME_MAX_4 = 512 };
enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, GRANTED_4 = 90 };

/* A greeting of version 5 is nothing but its methods, known ones; a request of version 4 ends with its name. */
bool socks_begins(struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (b.n >= 3 && p[0] == 5 && p[1] && p[1] == b.n - 2)
        return memchr(p + 2, METHOD_NONE, b.n - 2) || memchr(p + 2, METHOD_PASSWORD, b.n - 2);
    return b.n >= 9 && p[0] == 4 && p[1] == 1 && b.n <= NAME_MAX_4 && p[b.n - 1] == 0;
}

void socks_init(struct socks *s)
{
    *s = (struct socks){.method = SOCKS_UNCHOSEN};
}

/* Length of n counted octets behind `at` more; 0: not whole. */
static int whole(struct slice b, size_t n)
{
    return b.n >= n ? (int)n : SOCKS_MORE;
}

/* Version, command or reply, 0, then an address by its type and a port. */
static int address_5(struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (b.n < 5)
        return SOCKS_MORE;
    switch (p[3]) {
    case 1:
        return whole(b, 10);
    case 3:
        return whole(b, 7u + p[4]);
    case 4:
        return whole(b, 22);
    default:
        return SOCKS_BAD;
    }
}

static int password(struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (p[0] != 1)
        return SOCKS_BAD;
    if (b.n < 2 || b.n < 3u + p[1])
        return SOCKS_MORE;
    return whole(b, 3u + p[1] + p[2 + p[1]]);
}

/* What the client says after its greeting waits for the server's choice. */
static int client_5(struct socks *s, struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (s->step[0] == 0)
        return b.n < 2 ? SOCKS_MORE : whole(b, 2u + p[1]);
    if (s->method == SOCKS_UNCHOSEN)
        return SOCKS_MORE;
    if (s->step[0] == 1 && s->method == METHOD_PASSWORD)
        return password(b);
    if (p[0] != 5 || (b.n > 1 && p[1] != 1)) /* only CONNECT makes a stream */
        return SOCKS_BAD;
    int n = address_5(b);
    s->open[0] = n > 0;
    return n;
}

static int server_5(struct socks *s, struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    bool sub = s->step[1] == 1 && s->method == METHOD_PASSWORD;
    if (b.n < 2)
        return SOCKS_MORE;
    if (p[0] != (sub ? 1 : 5))
        return SOCKS_BAD;
    if (s->step[1] == 0) {
        s->method = p[1];
        return p[1] == METHOD_NONE || p[1] == METHOD_PASSWORD ? 2 : SOCKS_BAD;
    }
    if (p[1])
        return SOCKS_BAD; /* refused */
    if (sub)
        return 2;
    int n = address_5(b);
    s->open[1] = n > 0;
    return n;
}

/* Port, address, name up to its NUL; 0.0.0.x: a host name follows likewise (4a). */
static int client_4(struct socks *s, struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (b.n < 9)
        return SOCKS_MORE;
    bool named = !p[4] && !p[5] && !p[6] && p[7];
    size_t end = slice_find(b, '\0', 8) + 1;
    if (named && end <= b.n)
        end = slice_find(b, '\0', end) + 1;
    if (end > b.n)
        return b.n > NAME_MAX_4 ? SOCKS_BAD : SOCKS_MORE;
    s->open[0] = true;
    return (int)end;
}

static int server_4(struct socks *s, struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (p[0] != 0 || (b.n > 1 && p[1] != GRANTED_4))
        return SOCKS_BAD;
    s->open[1] = b.n >= 8;
    return whole(b, 8);
}

int socks_message(struct socks *s, int role, struct slice b)
{
    if (!b.n)
        return SOCKS_MORE;
    if (role == 0 && !s->step[0])
        s->version = (uint8_t)b.p[0];
    if (role == 1 && !s->version)
        return SOCKS_MORE;
    int n = s->version == 5   ? (role ? server_5(s, b) : client_5(s, b))
            : s->version == 4 ? (role ? server_4(s, b) : client_4(s, b))
                              : SOCKS_BAD;
    s->step[role] += n > 0;
    return n;
}
