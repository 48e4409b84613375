/* Names of services, routes, servers and clients as bytes of anybody's choice, through every product: whatever passes
 * for a plain name, the file has the lines, and on each line the separators, that it has for names as harmless as can
 * be. So no set of routes makes a file with one directive more than its rules. Input: lines; the first letter says what
 * the rest is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/policy/policy.h"

enum { SERVICES = 4, CACHES = 12, TEXT = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep_service(struct rules *r, struct slice text)
{
    struct rule_service *s = &r->services[r->n_services];
    struct slice name = rules_keep(r, text);
    struct buf id = {0};
    if (r->n_services == SERVICES || !plain_service(name, &s->parts))
        return;
    for (size_t i = 0; i < r->n_services; i++)
        if (slice_eq(r->services[i].name, name))
            return;
    plain_name(&s->parts, &id);
    s->name = name;
    s->id = rules_keep(r, slice_of(id.p, id.n));
    s->requests = 100 - r->n_services;
    s->rate = 3.5;
    s->burst = 7;
    s->server[s->n_servers++] = (struct rule_server){SLICE("10.0.0.1"), 80};
    r->n_services++;
    buf_free(&id);
}

static void keep_server(struct rules *r, struct slice text)
{
    struct rule_server server;
    if (!r->n_services || !plain_server(rules_keep(r, text), &server.host, &server.port))
        return;
    struct rule_service *s = &r->services[r->n_services - 1];
    if (s->n_servers < RULES_SERVERS)
        s->server[s->n_servers++] = server;
}

/* Which kind of rule it is, is the input's to choose, too. */
static void keep_route(struct rules *r, struct slice text)
{
    struct rule_cache *c = &r->cache[r->n_cache];
    unsigned way = text.n ? (uint8_t)text.p[text.n - 1] : 0;
    char id[20];
    if (!r->n_services || r->n_cache == CACHES || plain_route(rules_keep(r, text), &c->route))
        return;
    snprintf(id, sizeof id, "%016zx", r->n_cache);
    c->service = (uint32_t)r->n_services - 1;
    c->id = rules_keep(r, slice_of(id, 16));
    c->pass = way % 5 == 0;
    c->ttl_s = way % 2 ? 5 : 60;
    c->kind = way % 3 ? ADVICE_CACHE : ADVICE_FIX;
    c->override = way % 7 == 0;
    c->refresh = way % 3 == 0;
    c->carrier[CARRIER_AUTHORIZATION] = way % 4 == 1;
    c->needed = c->carrier[CARRIER_AUTHORIZATION];
    c->advice.sharing.reason = "alike";
    r->services[c->service].cached |= !c->pass;
    r->n_cache++;
}

static void keep_client(struct rules *r, struct slice text)
{
    struct rule_rate *rate = &r->rate[0];
    if (rate->n_limited < RULES_NAMED)
        rate->limited[rate->n_limited++] = (struct rule_limited){rules_keep(r, text), 10, 5, 1};
}

static bool open_rules(struct rules *r)
{
    *r = (struct rules){.n_rate = 1, .exchanges = 9, .longest_s = 1};
    r->options.rate = r->options.cache = true;
    r->services = calloc(SERVICES + 1, sizeof *r->services);
    r->cache = calloc(CACHES + 1, sizeof *r->cache);
    r->rate[0] = (struct rule_rate){.carrier = CARRIER_APIKEY,
                                    .clients = 9,
                                    .kept = 9,
                                    .rate = 4,
                                    .burst = 8,
                                    .nginx_rate = 4,
                                    .nginx_burst = 7,
                                    .window_most = 40,
                                    .at_once = 9,
                                    .replayed = true};
    return r->services && r->cache;
}

static struct rules rules_of(struct slice text)
{
    struct rules r;
    struct slice line;
    if (!open_rules(&r))
        return r;
    while (text.n) {
        size_t end = slice_find(text, '\n', 0);
        line = slice_sub(text, 0, end);
        text = slice_sub(text, end + 1, text.n);
        struct slice rest = slice_sub(line, 1, line.n);
        switch (line.n ? line.p[0] : 0) {
        case 'S':
            keep_service(&r, rest);
            break;
        case 'A':
            keep_server(&r, rest);
            break;
        case 'C':
            keep_client(&r, rest);
            break;
        default:
            keep_route(&r, line);
        }
    }
    return r;
}

/* ---- the same with harmless names ---- */

/* Hosts that are the same stay the same; ports and schemes stay. */
static void tame_service(struct rules *r, size_t at, const struct rules *wild)
{
    struct rule_service *s = &r->services[at];
    size_t same = 0;
    char text[TEXT];
    struct buf id = {0};
    while (!slice_eq(wild->services[same].parts.host, wild->services[at].parts.host))
        same++;
    bool port = s->parts.authority.n != s->parts.host.n;
    snprintf(text, sizeof text, port ? "http%s://h%zu.example:%u" : "http%s://h%zu.example", s->parts.tls ? "s" : "",
             same, s->parts.port);
    s->name = rules_keep(r, slice_str(text));
    if (!plain_service(s->name, &s->parts))
        abort();
    plain_name(&s->parts, &id);
    s->id = rules_keep(r, slice_of(id.p, id.n));
    buf_free(&id);
    for (unsigned i = 0; i < s->n_servers; i++)
        if (slice_find(s->server[i].host, ':', 0) == s->server[i].host.n)
            s->server[i].host = SLICE("10.0.0.1");
        else
            s->server[i].host = SLICE("2001:db8::1");
}

static struct rules tamed(const struct rules *wild)
{
    struct rules r;
    if (!open_rules(&r))
        return r;
    memcpy(r.services, wild->services, SERVICES * sizeof *r.services);
    memcpy(r.cache, wild->cache, CACHES * sizeof *r.cache);
    r.n_services = wild->n_services;
    r.n_cache = wild->n_cache;
    r.rate[0] = wild->rate[0];
    for (size_t i = 0; i < r.n_services; i++)
        tame_service(&r, i, wild);
    for (size_t i = 0; i < r.n_cache; i++)
        for (unsigned k = 0; k < r.cache[i].route.n; k++) {
            struct plain_segment *s = &r.cache[i].route.segment[k];
            s->before = s->before.n ? SLICE("a") : SLICE("");
            s->after = s->after.n ? SLICE("b") : SLICE("");
        }
    for (unsigned i = 0; i < r.rate[0].n_limited; i++)
        r.rate[0].limited[i].client = SLICE("apikey:0123456789ab");
    return r;
}

/* ---- files compared ---- */

static bool comment(struct slice line)
{
    size_t i = 0;
    while (i < line.n && line.p[i] == ' ')
        i++;
    return i < line.n && line.p[i] == '#';
}

/* What takes a line apart in any of the products; in comments anything printable is text. */
static void same_shape(struct slice a, struct slice b)
{
    static const char separators[] = ";{}\"'\\#$ \t<>=!&|,`@%";
    size_t count[2][sizeof separators] = {{0}};
    struct slice line[2] = {a, b};
    if (comment(a) != comment(b))
        abort();
    for (int side = 0; side < 2; side++)
        for (size_t i = 0; i < line[side].n; i++) {
            char c = line[side].p[i];
            const char *at = c ? strchr(separators, c) : NULL;
            if (c < ' ' || c > '~')
                abort();
            if (at)
                count[side][at - separators]++;
        }
    if (!comment(a) && memcmp(count[0], count[1], sizeof count[0]) != 0)
        abort();
}

static void same_shapes(struct slice a, struct slice b)
{
    while (a.n && b.n) {
        size_t end_a = slice_find(a, '\n', 0), end_b = slice_find(b, '\n', 0);
        same_shape(slice_sub(a, 0, end_a), slice_sub(b, 0, end_b));
        a = slice_sub(a, end_a + 1, a.n);
        b = slice_sub(b, end_b + 1, b.n);
    }
    if (a.n || b.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < PRODUCTS; i++)
        for (int fragment = 0; fragment < 2; fragment++) {
            struct rules wild = rules_of(slice_of(data, size)), tame = tamed(&wild);
            struct policy_options o = {.listen = "127.0.0.1:8080", .state = "/var/cache", .fragment = fragment};
            struct buf a = {0}, b = {0};
            policy_products[i]->write(&wild, &o, &a);
            policy_products[i]->write(&tame, &o, &b);
            if (!wild.failed && !tame.failed && !a.failed && !b.failed)
                same_shapes(slice_of(a.p, a.n), slice_of(b.p, b.n));
            buf_free(&a);
            buf_free(&b);
            rules_free(&wild);
            rules_free(&tame);
        }
    return 0;
}
