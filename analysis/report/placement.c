#include "analysis/report/placement.h"

#include <math.h>

#include "analysis/live.h"
#include "base/human.h"

enum {
    ENTRY_BYTES = 1024,       /* what an entry costs beside its body */
    GATEWAY_BYTES = 64 << 20, /* that fit into a gateway's memory beside its work */
};

#define PEAK_ROOM 1.1    /* times the peak that was seen */
#define CLIENT_LEAST 0.1 /* share of look-ups that repeat one's own, for its cache to be worth it */
#define NEARLY_ALL 0.9   /* of the hits would be hits of clients' own caches: a shared one has little to add */

/* Of the next lifetime that is watched: at least what this one holds. */
static double cache_bytes(const struct row_endpoint *e, uint32_t ttl_s)
{
    struct live_sum live[LIVE_TTLS];
    live_read(live, e->live);
    for (int i = 0; i < LIVE_TTLS; i++)
        if (live_ttl_s[i] >= ttl_s)
            return live[i].known ? PEAK_ROOM * (double)live[i].peak_bytes + (double)live[i].peak_entries * ENTRY_BYTES
                                 : NAN;
    return NAN;
}

static double of_client(const struct row_endpoint *e)
{
    uint64_t pairs = e->declared[DECLARED_pairs];
    return pairs ? fmax(0, facts_repeat_ratio(pairs, e->eligible)) : NAN; /* 0: an older version audited */
}

/* A client comes back to a key once in so many seconds on average. */
static double hits_of_client(const struct row_endpoint *e, const struct facts *f, uint32_t ttl_s)
{
    uint64_t pairs = e->declared[DECLARED_pairs];
    double within = pairs ? (double)e->eligible / (double)pairs / facts_watched_s(f) * ttl_s : NAN;
    return within / (1 + within);
}

static void decide(struct placement *p, enum placement_where where, const char *reason)
{
    p->where = where;
    p->reason = reason;
}

static void not_shared(struct placement *p, const struct advice *a)
{
    if (a->sharing.verdict == SHARING_UNDECIDED)
        decide(p, PLACEMENT_NONE, "it is not known whether clients may share it");
    else if (a->sharing.verdict == SHARING_SHARED)
        decide(p, PLACEMENT_NONE, "no lifetime is advised");
    else if (!(p->repeats_of_client >= CLIENT_LEAST))
        decide(p, PLACEMENT_NONE, "clients must not share it, and hardly ask for it twice");
    else
        decide(p, PLACEMENT_CLIENT, "clients must not share it, but ask again for their own");
}

struct placement placement_of(const struct row_endpoint *e, const struct facts *f, const struct advice *a)
{
    struct placement p = {.repeats = fmax(0, facts_repeat_ratio(e->keys, e->eligible)),
                          .repeats_of_client = of_client(e),
                          .hits_of_client = NAN,
                          .bytes = NAN};
    if (!e->eligible)
        p.repeats = NAN;
    if (!advice_keeps(a)) {
        not_shared(&p, a);
        return p;
    }
    p.bytes = cache_bytes(e, a->lifetime.ttl_s);
    p.hits_of_client = hits_of_client(e, f, a->lifetime.ttl_s);
    if (isnan(p.repeats_of_client))
        decide(&p, PLACEMENT_NONE, "who repeats whom was not counted");
    else if (p.hits_of_client >= NEARLY_ALL * a->lifetime.hit_ratio)
        decide(&p, PLACEMENT_CLIENT, "each client comes back for its own copy");
    else if (isnan(p.bytes))
        decide(&p, PLACEMENT_NONE, "how much there is to keep is not known");
    else if (p.bytes <= GATEWAY_BYTES)
        decide(&p, PLACEMENT_GATEWAY, "clients repeat each other, and it fits into memory");
    else
        decide(&p, PLACEMENT_SHARED, "clients repeat each other, and it is much to keep");
    return p;
}

static const char *name_of(enum placement_where w)
{
    switch (w) {
    case PLACEMENT_NONE:
        return "none";
    case PLACEMENT_CLIENT:
        return "client";
    case PLACEMENT_GATEWAY:
        return "gateway";
    case PLACEMENT_SHARED:
        return "shared";
    }
    return "?";
}

void placement_json(struct json *j, const struct placement *p)
{
    json_key_double(j, "repeat_ratio_client", p->repeats_of_client);
    json_key(j, "placement");
    json_open(j, '{');
    json_key(j, "where");
    json_str(j, name_of(p->where));
    json_key(j, "reason");
    json_str(j, p->reason);
    json_key_double(j, "shared_gain", p->repeats - p->repeats_of_client);
    json_key_double(j, "hit_ratio_client", p->hits_of_client);
    json_key_double(j, "cache_bytes", p->bytes);
    json_close(j, '}');
}

void placement_words(const struct placement *p, struct buf *out)
{
    static const char *const where[] = {"", "with each client", "in the gateway's memory",
                                        "in a shared cache of its own"};
    buf_str(out, where[p->where]);
    if (p->where == PLACEMENT_GATEWAY || p->where == PLACEMENT_SHARED)
        buf_printf(out, " (%s at most)", human_bytes((uint64_t)p->bytes).text);
}

void placement_repeats(const struct placement *p, struct buf *out)
{
    if (p->where != PLACEMENT_NONE)
        buf_printf(out, "%s of look-ups repeat, %s one of the same client", human_percent(p->repeats).text,
                   human_percent(p->repeats_of_client).text);
}

void placement_says(const struct placement *p, struct buf *out)
{
    if (p->where == PLACEMENT_NONE)
        return;
    placement_words(p, out);
    buf_printf(out, ": %s; ", p->reason);
    placement_repeats(p, out);
}
