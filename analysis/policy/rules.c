#include "analysis/policy/rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/live.h"
#include "analysis/policy/rates.h"
#include "analysis/policy/seen.h"

/* Answers to requests without any credential, before such requests are answered with what others were given. */
enum { ANONYMOUS_LEAST = 100 };

#define HEEDED 0.01 /* share of answers with no-store from which the figures would not hold */

/* ---- text that lives as long as the rules ---- */

struct rules_text {
    struct rules_text *next;
    char bytes[];
};

struct slice rules_keep(struct rules *r, struct slice s)
{
    struct rules_text *t = malloc(sizeof *t + s.n + 1);
    if (!t) {
        r->failed = true;
        return (struct slice){"", 0};
    }
    if (s.n)
        memcpy(t->bytes, s.p, s.n);
    t->bytes[s.n] = 0;
    t->next = r->text;
    r->text = t;
    return slice_of(t->bytes, s.n);
}

/* Room for one more of a list that doubles. */
static void *more(struct rules *r, void *list, size_t n, size_t size)
{
    if (n & (n - 1) || (n && n < 16))
        return list;
    void *p = realloc(list, (n < 16 ? 16 : n * 2) * size);
    if (!p)
        r->failed = true;
    return p;
}

void rules_leave(struct rules *r, struct slice what, const char *why)
{
    struct rule_left *list = more(r, r->left, r->n_left, sizeof *list);
    if (!list)
        return;
    r->left = list;
    list[r->n_left++] = (struct rule_left){rules_keep(r, what), why};
}

bool rules_precedes(const struct rules *r, enum idword w, enum carrier carrier)
{
    int place = idorder_place(&r->order, w);
    if ((w == IDWORD_FORWARDED && !r->forwarded) || (w == IDWORD_MTLS && !r->certified))
        return false;
    return place >= 0 && place < idorder_place(&r->order, carrier_word(carrier));
}

const char *rules_key_field(const struct rules *r, bool read, unsigned n)
{
    static const char *const usual[] = {"api-key", "x-api-key", "ocp-apim-subscription-key", "x-goog-api-key"};
    const char *named = r->order.key_field;
    if (*named && read)
        return n ? NULL : named;
    if (!*named && !read)
        return NULL;
    for (unsigned i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strcmp(usual[i], named) != 0 && n-- == 0)
            return usual[i];
    return NULL;
}

void rules_session(const struct rules *r, struct buf *pattern)
{
    for (const char *p = r->order.session_cookie; *p; p++)
        if (*p == '.')
            buf_str(pattern, "[.]");
        else
            buf_char(pattern, *p);
    buf_char(pattern, '=');
}

/* ---- services ---- */

static int by_text(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *x, const void *y)
{
    return by_text(((const struct rule_service *)x)->name, ((const struct rule_service *)y)->name);
}

static int by_requests(const void *x, const void *y)
{
    const struct rule_service *a = x, *b = y;
    return a->requests != b->requests ? (a->requests > b->requests ? -1 : 1) : by_name(x, y);
}

/* One entry an endpoint; the same names are joined later. */
static bool add_service(void *context, const struct row_endpoint *e)
{
    struct rules *r = context;
    struct rule_service *list = more(r, r->services, r->n_services, sizeof *list);
    r->longest_s = fmax(r->longest_s, facts_quantiles(e->latency).max);
    if (!list)
        return false;
    r->services = list;
    list[r->n_services++] =
        (struct rule_service){.name = rules_keep(r, e->service), .requests = e->requests - e->unanswered, .rate = NAN};
    return true;
}

static void join_services(struct rules *r)
{
    size_t n = 0;
    if (r->n_services)
        qsort(r->services, r->n_services, sizeof *r->services, by_name);
    for (size_t i = 0; i < r->n_services; i++) {
        if (n && slice_eq(r->services[n - 1].name, r->services[i].name))
            r->services[n - 1].requests += r->services[i].requests;
        else
            r->services[n++] = r->services[i];
    }
    r->n_services = n;
}

/* Those that may be written and were ever answered, the busiest RULES_SERVICES of them, by name. */
static void pick_services(struct rules *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_services; i++) {
        struct rule_service *s = &r->services[i];
        if (!plain_service(s->name, &s->parts))
            rules_leave(r, s->name, "its name is no plain host name or address");
        else if (s->requests)
            r->services[n++] = *s;
    }
    if (n)
        qsort(r->services, n, sizeof *r->services, by_requests);
    for (size_t i = RULES_SERVICES; i < n; i++)
        rules_leave(r, r->services[i].name, "one of more services than a policy holds");
    r->n_services = n < RULES_SERVICES ? n : RULES_SERVICES;
    if (r->n_services)
        qsort(r->services, r->n_services, sizeof *r->services, by_name);
    for (size_t i = 0; i < r->n_services; i++) {
        struct buf id = {0};
        plain_name(&r->services[i].parts, &id);
        r->services[i].id = rules_keep(r, slice_of(id.p, id.n));
        r->failed |= id.failed;
        buf_free(&id);
    }
}

static uint32_t service_of(const void *context, struct slice name)
{
    const struct rules *r = context;
    struct rule_service key = {.name = name};
    const struct rule_service *s =
        r->n_services ? bsearch(&key, r->services, r->n_services, sizeof key, by_name) : NULL;
    return s ? (uint32_t)(s - r->services) + 1 : 0;
}

/* ---- their servers ---- */

struct addressing {
    struct rules *rules;
    const struct seen *seen;
};

static int by_server(const void *x, const void *y)
{
    const struct rule_server *a = x, *b = y;
    int order = by_text(a->host, b->host);
    return order ? order : (int)a->port - (int)b->port;
}

static bool add_address(void *context, const struct row_address *row)
{
    struct addressing *a = context;
    struct rule_server server;
    if (row->id >= a->seen->n_servers || !a->seen->server[row->id])
        return true;
    for (size_t i = 0; i < a->rules->n_services; i++) {
        struct rule_service *s = &a->rules->services[i];
        const struct seen_service *v = &a->seen->service[i];
        for (unsigned k = 0; k < v->n_servers && s->n_servers < RULES_SERVERS; k++)
            if (v->server[k].address == row->id && plain_server(row->text, &server.host, &server.port)) {
                server.host = rules_keep(a->rules, server.host);
                s->server[s->n_servers++] = server;
            }
    }
    return !a->rules->failed;
}

/* An address that is a service's name is where it is. */
static void place_services(struct rules *r, struct store_reader *reader, const struct seen *seen, const struct facts *f)
{
    store_read_addresses(reader, add_address, &(struct addressing){r, seen});
    for (size_t i = 0; i < r->n_services; i++) {
        struct rule_service *s = &r->services[i];
        if (!s->n_servers && s->parts.literal) {
            bool six = s->parts.host.p[0] == '[';
            s->server[s->n_servers++] =
                (struct rule_server){slice_sub(s->parts.host, six, s->parts.host.n - six), s->parts.port};
        }
        if (s->n_servers)
            qsort(s->server, s->n_servers, sizeof *s->server, by_server);
        rates_service(s, &seen->service[i], seen->rate, r->options.headroom, f);
    }
}

/* Without a server nothing can be passed on. Places of services move, so this comes before any rule. */
static void drop_unplaced(struct rules *r, struct seen *seen)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_services; i++) {
        if (r->options.servers && !r->services[i].n_servers) {
            rules_leave(r, r->services[i].name, "no exchange record says which server answered it");
            continue;
        }
        if (!r->options.tls && r->services[i].parts.tls) {
            rules_leave(r, r->services[i].name, "its servers speak TLS, which this product does not");
            continue;
        }
        seen->service[n] = seen->service[i];
        r->services[n++] = r->services[i];
    }
    r->n_services = n;
}

/* ---- cache rules ---- */

struct known_route {
    uint32_t service;
    bool operation; /* one of several of its route */
    struct plain_route route;
};

struct building {
    struct rules *rules;
    const struct seen *seen;
    const struct facts *facts;
    struct known_route *route; /* of all GET endpoints that can be written */
    size_t n_routes;
};

/* Whether clients were told apart by it: how answers depend on what was not looked at is not known. */
static bool looked_at(const struct rules *r, enum carrier carrier)
{
    return idorder_place(&r->order, carrier_word(carrier)) >= 0;
}

static bool sends_authorization(const struct building *b, const struct row_endpoint *e)
{
    return seen_carriers(b->seen, e->id) >> CARRIER_AUTHORIZATION & 1 || e->reasons[REASON_AUTHORIZATION];
}

/* Which credentials were seen not to matter. What a policy cannot see it cannot let through. */
static void set_carriers(struct rule_cache *c, const struct building *b, const struct row_endpoint *e)
{
    struct sharing s;
    sharing_read(&s, e->sharing);
    if (s.anonymous == s.visits)
        return;
    uint32_t seen = seen_carriers(b->seen, e->id);
    c->carrier[CARRIER_APIKEY] = seen >> CARRIER_APIKEY & 1;
    c->carrier[CARRIER_AUTHORIZATION] = sends_authorization(b, e);
    c->carrier[CARRIER_COOKIE] = seen >> CARRIER_COOKIE & 1 || e->declared[DECLARED_cookie_present];
    for (int i = 0; i <= CARRIER_COOKIE; i++)
        c->carrier[i] &= looked_at(b->rules, (enum carrier)i);
    c->needed = s.anonymous < ANONYMOUS_LEAST || s.barred;
    if (b->rules->options.unauthorised)
        c->carrier[CARRIER_AUTHORIZATION] = false;
}

static const char *doubt_about(enum standing s)
{
    switch (s) {
    case STANDING_OK:
        return NULL;
    case STANDING_LOW_N:
        return "too few repeats to tell";
    case STANDING_LOW_COVERAGE:
        return "too much was not captured";
    case STANDING_SHORT_WINDOW:
        return "was not watched long enough";
    case STANDING_TRUNCATED:
        return "memory was too small to count all keys";
    case STANDING_SINGLE_SOURCE:
        return "too much of the evidence is one client's";
    }
    return "?";
}

/* Nothing but the evidence of sharing is wanting: then for requests without credentials alone. */
static const char *undecided(struct rule_cache *c, const struct building *b, const struct row_endpoint *e)
{
    struct sharing s;
    sharing_read(&s, e->sharing);
    if (c->advice.sharing.differing || c->advice.sharing.refused || e->declared[DECLARED_personal])
        return "it may be somebody's own: not even with --force";
    if (!s.anonymous)
        return "all its requests carry a credential, and it is not known whether it may be shared";
    if (seen_certified(b->seen, e->id, facts_total(b->facts, "exchanges")))
        return "some of its clients show certificates, which a policy does not see: not even with --force";
    c->doubt = c->advice.sharing.reason;
    return NULL;
}

static bool advised(const struct advice *a)
{
    return a->kind == ADVICE_CACHE || a->kind == ADVICE_PURGE || a->kind == ADVICE_MICRO;
}

static bool caches(const struct advice *a)
{
    enum recommend_action k = a->lifetime.action;
    return a->lifetime.ttl_s && (k == RECOMMEND_CACHE || k == RECOMMEND_PURGE || k == RECOMMEND_MICRO);
}

/* NULL: a rule. "": no advice, and nothing to say. Else why there is none though there might be. */
static const char *decide(struct rule_cache *c, const struct building *b, const struct row_endpoint *e)
{
    const struct rules_options *o = &b->rules->options;
    const struct advice *a = &c->advice;
    if (o->declares && (a->kind == ADVICE_FIX || a->kind == ADVICE_REVALIDATE)) {
        c->kind = a->kind;
        return NULL;
    }
    if (c->vary.n && !advised(a)) {
        c->kind = ADVICE_VARY;
        return NULL;
    }
    if (!caches(a) || a->sharing.verdict == SHARING_PRIVATE || a->sharing.verdict == SHARING_TENANT ||
        a->sharing.verdict == SHARING_MIXED || (!advised(a) && !o->force))
        return "";
    if (a->sharing.unnamed)
        return "its answers depend on fields that Vary does not name: not even with --force";
    c->ttl_s = a->lifetime.ttl_s;
    c->kind = a->lifetime.action == RECOMMEND_PURGE   ? ADVICE_PURGE
              : a->lifetime.action == RECOMMEND_MICRO ? ADVICE_MICRO
                                                      : ADVICE_CACHE;
    if (!advised(a)) {
        c->doubt = doubt_about(a->standing);
        if (!a->lifetime.shown)
            return "too little was captured, even for --force";
        const char *why = a->sharing.verdict == SHARING_SHARED ? NULL : undecided(c, b, e);
        if (why)
            return why;
    }
    if (o->declares)
        return NULL;
    if (a->sharing.verdict == SHARING_SHARED)
        set_carriers(c, b, e);
    if (c->needed && !c->carrier[CARRIER_APIKEY] && !c->carrier[CARRIER_AUTHORIZATION] && !c->carrier[CARRIER_COOKIE])
        return o->unauthorised && sends_authorization(b, e)
                   ? "its clients send Authorization: this product keeps no answer to such requests"
                   : "its clients are told apart by what a policy does not see";
    if (c->kind == ADVICE_PURGE && !o->purges)
        return "its copies must be purged on write, which this product cannot";
    if ((double)e->reasons[REASON_VARY_STAR] > HEEDED * (double)e->eligible)
        return "its answers vary on everything (Vary: *)";
    c->override = (double)e->reasons[REASON_NO_STORE] > HEEDED * (double)e->eligible;
    if (c->override && !o->force)
        return "the API sends no-store: let it send what --for headers says, then a rule is of use";
    if (c->override && !c->doubt)
        c->doubt = "the API sends no-store, which is not heeded here";
    return NULL;
}

static void set_figures(struct rule_cache *c, const struct row_endpoint *e)
{
    struct live_sum live[LIVE_TTLS];
    const struct row_rung *rung = facts_rung(e, c->ttl_s);
    live_read(live, e->live);
    for (int i = LIVE_TTLS - 1; i >= 0 && live_ttl_s[i] >= c->ttl_s; i--) {
        c->bytes_most = live[i].known ? live[i].peak_bytes : 0;
        c->entries_most = live[i].known ? live[i].peak_entries : 0;
    }
    if (rung)
        c->figures = (struct rule_figures){.lookups = rung->lookups,
                                           .hits = rung->hits,
                                           .stale = rung->stale_hits,
                                           .unknown = rung->unknown_hits,
                                           .coalesced = rung->coalesced,
                                           .bytes = rung->bytes_saved,
                                           .server_us = rung->server_us_saved};
}

/* FNV-1a of what the rule is for: the same in every run. */
static struct slice name_of(struct rules *r, uint32_t service, const struct plain_route *route)
{
    struct buf text = {0};
    uint64_t h = 0xcbf29ce484222325;
    char id[24];
    buf_slice(&text, r->services[service].name);
    plain_text(route, &text);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * 0x100000001b3;
    r->failed |= text.failed;
    buf_free(&text);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)h);
    return rules_keep(r, slice_of(id, 16));
}

static void add_cache(struct rules *r, const struct rule_cache *c)
{
    struct rule_cache *list = more(r, r->cache, r->n_cache, sizeof *list);
    if (!list)
        return;
    r->cache = list;
    list[r->n_cache] = *c;
    list[r->n_cache].id = name_of(r, c->service, &c->route);
    r->n_cache++;
}

static bool holds_credential(const struct plain_route *route)
{
    for (unsigned i = 0; i < route->n; i++)
        if (route->segment[i].class == PLAIN_JWT)
            return true;
    return false;
}

static bool remember(struct building *b, const struct rule_cache *c, bool operation)
{
    struct known_route *list = more(b->rules, b->route, b->n_routes, sizeof *list);
    if (!list)
        return false;
    b->route = list;
    list[b->n_routes++] = (struct known_route){c->service, operation, c->route};
    return true;
}

/* As decide; a path that may not be written is always named. */
static const char *judge(struct building *b, struct rule_cache *c, const struct row_endpoint *e)
{
    const char *why = plain_route(rules_keep(b->rules, e->route), &c->route);
    if (why)
        return why;
    if (!remember(b, c, e->operation.n != 0))
        return "";
    why = decide(c, b, e);
    if (why)
        return why;
    return e->operation.n                ? "it is one of several operations of its route"
           : holds_credential(&c->route) ? "a segment of its path is a credential"
                                         : NULL;
}

/* Where the API's developers are told, what Vary should name is said, too. */
static void set_vary(struct building *b, struct rule_cache *c, const struct row_endpoint *e)
{
    struct buf names = {0};
    if (b->rules->options.declares && advice_vary(e, b->facts, &names))
        c->vary = rules_keep(b->rules, slice_of(names.p, names.n));
    buf_free(&names);
}

static bool add_endpoint(void *context, const struct row_endpoint *e)
{
    struct building *b = context;
    struct rules *r = b->rules;
    uint32_t service = service_of(r, e->service);
    if (!slice_eq(e->method, SLICE("GET")) || !service)
        return true;
    struct rule_cache c = {.service = service - 1, .endpoint = e->id};
    c.advice = advice_within(e, b->facts, r->options.budget);
    set_vary(b, &c, e);
    const char *why = judge(b, &c, e);
    if (!why) {
        set_figures(&c, e);
        add_cache(r, &c);
    } else if (*why) {
        struct buf name = {0};
        buf_slice(&name, e->method);
        buf_char(&name, ' ');
        buf_slice(&name, e->service);
        buf_slice(&name, e->route);
        rules_leave(r, slice_of(name.p, name.n), why);
        buf_free(&name);
    }
    return !r->failed;
}

/* What was seen to go another way at a place where a rule takes any word of a class is passed on, with all below. */
static void add_passes(struct building *b)
{
    struct rules *r = b->rules;
    size_t n = r->n_cache;
    for (size_t i = 0; i < n && !r->failed; i++)
        for (size_t k = 0; k < b->n_routes; k++) {
            const struct known_route *other = &b->route[k];
            struct rule_cache pass = {.service = other->service, .pass = true, .route = other->route};
            unsigned at;
            if (other->service != r->cache[i].service)
                continue;
            if (other->operation && plain_compare(&other->route, &r->cache[i].route) == 0)
                r->cache[i].pass = true;
            if (!plain_shadows(&r->cache[i].route, &other->route, &at))
                continue;
            pass.route.n = at;
            pass.route.slash = false;
            pass.route.prefix = true;
            add_cache(r, &pass);
        }
}

static int by_turn(const void *x, const void *y)
{
    const struct rule_cache *a = x, *b = y;
    if (a->service != b->service)
        return a->service < b->service ? -1 : 1;
    int order = plain_compare(&a->route, &b->route);
    return order ? order : (int)a->pass - (int)b->pass;
}

static void sort_cache(struct rules *r)
{
    size_t n = 0;
    if (r->n_cache)
        qsort(r->cache, r->n_cache, sizeof *r->cache, by_turn);
    for (size_t i = 0; i < r->n_cache; i++)
        if (!n || by_turn(&r->cache[n - 1], &r->cache[i]) != 0)
            r->cache[n++] = r->cache[i];
    r->n_cache = n;
    for (size_t i = 0; i < n; i++)
        r->services[r->cache[i].service].cached |= !r->cache[i].pass;
}

static void load_cache(struct rules *r, struct store_reader *reader, const struct seen *seen, const struct facts *f)
{
    struct building b = {r, seen, f, NULL, 0};
    store_read_endpoints(reader, add_endpoint, &b);
    add_passes(&b);
    sort_cache(r);
    free(b.route);
}

bool rules_load(struct rules *r, struct store_reader *reader, const struct facts *f, const struct rules_options *o)
{
    struct seen seen;
    *r = (struct rules){.options = *o, .exchanges = facts_total(f, "exchanges"), .order = f->order};
    r->from_us = f->capture.started_us;
    r->to_us = f->capture.ended_us;
    store_read_endpoints(reader, add_service, r);
    join_services(r);
    pick_services(r);
    seen_load(&seen, reader, r->n_services, service_of, r);
    r->failed |= seen.failed;
    if (!r->failed) {
        r->records = seen.records;
        place_services(r, reader, &seen, f);
        drop_unplaced(r, &seen);
        if (o->cache)
            load_cache(r, reader, &seen, f);
        if (o->rate && o->clients)
            rates_load(r, reader, f);
    }
    seen_free(&seen);
    return !r->failed;
}

void rules_free(struct rules *r)
{
    while (r->text) {
        struct rules_text *t = r->text;
        r->text = t->next;
        free(t);
    }
    for (size_t i = 0; i < r->n_rate; i++)
        free(r->rate[i].outlier);
    free(r->services);
    free(r->cache);
    free(r->left);
    *r = (struct rules){0};
}
