#include "capture/tlssession.h"

#include "base/cursor.h"
#include "base/pages.h"

struct tlssessions {
    struct hash_key key;
    struct {
        uint64_t session, certificate;
    } place[TLSSESSION_PLACES]; /* by the session's hash */
};

struct tlssessions *tlssession_new(const struct hash_key *key)
{
    struct tlssessions *s = pages_reserve(sizeof *s); /* plain traffic touches none of it */
    if (s)
        s->key = *key;
    return s;
}

void tlssession_free(struct tlssessions *s)
{
    pages_release(s, sizeof *s);
}

uint64_t tlssession_of_secret(const struct tlssessions *s, struct slice master)
{
    return hash_bytes(&s->key, 'm', master.p, master.n);
}

static uint64_t of_ticket(const struct tlssessions *s, struct cursor *c)
{
    size_t n = cursor_be16(c);
    const uint8_t *p = cursor_take(c, n);
    return p && n ? hash_bytes(&s->key, 't', p, n) : 0;
}

uint64_t tlssession_of_ticket(const struct tlssessions *s, struct slice message)
{
    if (!message.n)
        return 0;
    struct cursor c = cursor_of(message.p, message.n);
    cursor_take(&c, 8); /* lifetime, what hides its age */
    cursor_take(&c, cursor_u8(&c));
    uint64_t id = of_ticket(s, &c);
    cursor_take(&c, cursor_be16(&c));
    return c.bad || cursor_left(&c) ? 0 : id;
}

void tlssession_offered(const struct tlssessions *s, struct slice extension, uint64_t out[TLSSESSION_OFFERED])
{
    struct cursor outer = cursor_of(extension.p, extension.n);
    size_t n = cursor_be16(&outer);
    const uint8_t *p = cursor_take(&outer, n);
    memset(out, 0, TLSSESSION_OFFERED * sizeof *out);
    if (!p)
        return;
    struct cursor c = cursor_of(p, n);
    for (unsigned i = 0; i < TLSSESSION_OFFERED; i++) {
        out[i] = cursor_left(&c) ? of_ticket(s, &c) : 0;
        cursor_take(&c, 4); /* its age */
    }
}

void tlssession_keep(struct tlssessions *s, uint64_t session, uint64_t certificate)
{
    unsigned at = (unsigned)(session % TLSSESSION_PLACES);
    s->place[at].session = session;
    s->place[at].certificate = certificate;
}

uint64_t tlssession_find(const struct tlssessions *s, uint64_t session)
{
    unsigned at = (unsigned)(session % TLSSESSION_PLACES);
    return session && s->place[at].session == session ? s->place[at].certificate : 0;
}
