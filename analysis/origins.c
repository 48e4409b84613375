#include "analysis/origins.h"

#include "analysis/classify.h"

void origins_init(struct origins *o, const struct hash_key *key)
{
    memset(o, 0, sizeof *o);
    o->key = *key;
}

static struct origin make(const struct origins *o, struct slice method, struct slice service)
{
    struct origin is = {.head = slice_eq(method, SLICE("HEAD")), .method = (uint8_t)classify_method(method)};
    is.reads = is.method == METHOD_READ;
    if (is.head)
        method = SLICE("GET");
    uint64_t h[2] = {hash_bytes(&o->key, 'm', method.p, method.n), hash_bytes(&o->key, 'o', service.p, service.n)};
    is.hash = hash_words(&o->key, h, 2);
    return is;
}

/* method and service are not empty. */
static struct origin_memo *place(struct origins *o, struct slice method, struct slice service)
{
    const unsigned char *m = (const unsigned char *)method.p, *s = (const unsigned char *)service.p;
    size_t mixed = method.n * 5 + m[0] + service.n * 7 + s[service.n / 2] * (size_t)3 + s[service.n - 1] * (size_t)11;
    return &o->memo[mixed % ORIGINS_MEMO];
}

static bool is(const struct origin_memo *m, struct slice method, struct slice service)
{
    return m->method_n == method.n && slice_same(slice_of(m->text, m->method_n), method) &&
           slice_same(slice_of(m->text + m->method_n, (size_t)m->n - m->method_n), service);
}

struct origin origins_find(struct origins *o, struct slice method, struct slice service)
{
    if (!method.n || !service.n || method.n + service.n > ORIGINS_TEXT)
        return make(o, method, service);
    struct origin_memo *m = place(o, method, service);
    if (is(m, method, service))
        return m->is;
    m->is = make(o, method, service);
    m->method_n = (uint16_t)method.n;
    m->n = (uint16_t)(method.n + service.n);
    memcpy(m->text, method.p, method.n);
    memcpy(m->text + method.n, service.p, service.n);
    return m->is;
}
