#include "analysis/report/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/standing.h"

/* Below these a limit is a guess (as ALGORITHMS.md 0.6 asks for a verdict; 7.5 names none). */
enum { CLIENTS_LEAST = 3, REQUESTS_LEAST = 100, WINDOWS_LEAST = 10 };

const char *const carrier_names[CARRIERS] = {"apikey", "authorization", "cookie", "address"};

enum idword carrier_word(enum carrier c)
{
    static const enum idword of[CARRIERS] = {IDWORD_APIKEY, IDWORD_AUTHORIZATION, IDWORD_COOKIE, IDWORD_ADDRESS};
    return of[c];
}

enum carrier carrier_of(struct slice identity)
{
    static const struct {
        const char *identity;
        enum carrier carrier;
    } of[] = {{"apikey", CARRIER_APIKEY},       {"bearer", CARRIER_AUTHORIZATION}, {"jwt", CARRIER_AUTHORIZATION},
              {"basic", CARRIER_AUTHORIZATION}, {"cookie", CARRIER_COOKIE},        {"address", CARRIER_ADDRESS}};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (slice_eq(identity, slice_str(of[i].identity)))
            return of[i].carrier;
    return CARRIERS;
}

struct slice limits_name(const struct limits *l, const struct limits_client *c)
{
    return slice_of(l->names.p + c->name_at, c->name_n);
}

/* ---- who there is ---- */

static struct limits_client *one_more(struct limits_crowd *c)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 64;
        struct limits_client *more = realloc(c->client, cap * sizeof *more);
        if (!more)
            return NULL;
        c->client = more;
        c->cap = cap;
    }
    return &c->client[c->n++];
}

struct loading {
    struct limits *l;
    const struct behaviour *b;
};

static bool add(void *context, const struct row_client *row)
{
    const struct loading *to = context;
    struct limits *l = to->l;
    const struct behaviour_client *seen = behaviour_client(to->b, row->id);
    enum carrier carrier = carrier_of(row->identity);
    l->forwarded |= slice_eq(row->identity, SLICE("forwarded"));
    l->certified |= slice_eq(row->identity, SLICE("mtls"));
    if (slice_eq(row->identity, SLICE("(other)")))
        for (int i = 0; i < CARRIERS; i++)
            l->crowd[i].unprofiled++; /* whoever is in it */
    if (carrier == CARRIERS)
        return true;
    struct limits_crowd *c = &l->crowd[carrier];
    c->requests += row->requests;
    if (!facts_profiled(row)) {
        c->unprofiled++;
        return true;
    }
    struct limits_client *who = one_more(c);
    if (!who) {
        l->failed = true;
        return false;
    }
    who->name_at = l->names.n;
    who->name_n = row->client.n;
    who->abuse = seen && behaviour_abuses(seen);
    buf_slice(&l->names, row->client);
    memcpy(who->need, row->envelope_burst, sizeof who->need);
    memcpy(l->rate, row->envelope_rate, sizeof l->rate);
    return true;
}

/* ---- what is advised ---- */

const char *limits_unseen(const struct facts *f)
{
    if (facts_coverage(f) < STANDING_COVERAGE)
        return "too much was not captured";
    if (!(facts_watched_s(f) >= WINDOWS_LEAST * LIMITS_WINDOW_S))
        return "was not watched long enough";
    return NULL;
}

static const char *doubt_of(const struct limits_crowd *c, enum carrier carrier, const struct facts *f)
{
    const char *unseen = limits_unseen(f);
    if (idorder_place(&f->order, carrier_word(carrier)) < 0)
        return "the audit's order of identity does not name it (--identity)";
    if (facts_coverage(f) < STANDING_COVERAGE)
        return unseen;
    if (c->unprofiled || facts_total(f, "clients_overflow"))
        return "memory was too small to profile all clients";
    if (unseen)
        return unseen;
    if (c->advice.kept < CLIENTS_LEAST || c->requests < REQUESTS_LEAST)
        return "too few clients or requests to tell what is normal";
    return NULL;
}

/* False: out of memory. */
static bool judge(struct limits *l, enum carrier carrier, const struct facts *f, double headroom)
{
    struct limits_crowd *c = &l->crowd[carrier];
    struct limitadvice_options o = LIMITADVICE_DEFAULT;
    o.headroom = headroom;
    c->judged = calloc(c->n + 1, sizeof *c->judged);
    if (!c->judged)
        return false;
    for (size_t i = 0; i < c->n; i++) {
        c->judged[i].need = c->client[i].need;
        c->judged[i].abuse = c->client[i].abuse;
    }
    if (!limitadvice_of(l->rate, ENVELOPE_RATES, c->judged, c->n, &o, &c->advice))
        return false;
    c->doubt = doubt_of(c, carrier, f);
    return true;
}

void limits_load(struct limits *l, struct store_reader *r, const struct behaviour *b, const struct facts *f,
                 double headroom)
{
    struct loading to = {l, b};
    *l = (struct limits){0};
    store_read_clients(r, add, &to);
    for (int i = 0; i < CARRIERS && !l->failed; i++)
        l->failed = l->names.failed || !judge(l, (enum carrier)i, f, headroom);
}

void limits_free(struct limits *l)
{
    for (int i = 0; i < CARRIERS; i++) {
        free(l->crowd[i].client);
        free(l->crowd[i].judged);
    }
    buf_free(&l->names);
    *l = (struct limits){0};
}

double limits_need(const struct limits *l, const struct limits_crowd *c, const struct limits_client *who)
{
    return limitadvice_need(l->rate, who->need, ENVELOPE_RATES, c->advice.rate);
}

/* ---- JSON ---- */

/* Of clients kept nobody is turned away; one left out may still fit in. */
static bool turned_away(const struct limits_crowd *c, double need)
{
    return need > (double)c->advice.burst + 1e-9;
}

static bool advised(const struct limits_crowd *c)
{
    return !c->doubt && c->advice.kept;
}

static void numbers(struct json *j, const struct limits_crowd *c)
{
    bool is = advised(c);
    json_key_double(j, "rate", is ? c->advice.rate : NAN);
    json_key(j, "burst");
    is ? json_u64(j, c->advice.burst) : json_null(j);
}

static void wanting(struct json *j, const struct limits_crowd *c)
{
    json_key(j, "not_advised");
    json_str(j, c->doubt ? c->doubt : c->advice.kept ? NULL : "no client is normal");
}

static void outliers(struct json *j, const struct limits *l, const struct limits_crowd *c)
{
    json_key(j, "turned_away");
    json_open(j, '[');
    for (size_t i = 0; advised(c) && i < c->n; i++) {
        double need = limits_need(l, c, &c->client[i]);
        if (!turned_away(c, need))
            continue;
        json_open(j, '{');
        json_key_text(j, "client", limits_name(l, &c->client[i]));
        json_key_double(j, "needs", need);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void limits_json(struct json *j, const struct limits *l, const struct facts *f)
{
    json_key(j, "limits");
    if (f->windowed || l->failed) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    for (int i = 0; i < CARRIERS; i++) {
        const struct limits_crowd *c = &l->crowd[i];
        if (!c->n)
            continue;
        json_open(j, '{');
        json_key(j, "by");
        json_str(j, carrier_names[i]);
        json_key_u64(j, "clients", c->n);
        json_key_u64(j, "kept", c->advice.kept);
        numbers(j, c);
        wanting(j, c);
        outliers(j, l, c);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void limits_client_json(struct json *j, const struct limits *l, const struct row_client *row, const struct facts *f)
{
    enum carrier carrier = carrier_of(row->identity);
    json_key(j, "limit");
    if (f->windowed || l->failed || carrier == CARRIERS || !facts_profiled(row)) {
        json_null(j);
        return;
    }
    const struct limits_crowd *c = &l->crowd[carrier];
    double need =
        advised(c) ? limitadvice_need(row->envelope_rate, row->envelope_burst, ENVELOPE_RATES, c->advice.rate) : NAN;
    json_open(j, '{');
    json_key(j, "by");
    json_str(j, carrier_names[carrier]);
    numbers(j, c);
    wanting(j, c);
    json_key_double(j, "needs", need);
    json_key(j, "turned_away");
    isnan(need) ? json_null(j) : json_bool(j, turned_away(c, need));
    json_close(j, '}');
}
