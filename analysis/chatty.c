#include "analysis/chatty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/dense.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/table.h"

#define GAP_US INT64_C(1000000)
#define ENDLESS_US INT64_C(60000000)

enum { WAYS = 4, ENDLESS = 512, IDS_MOST = 1 << 20 };
static const double OFTEN = 10, SURE = 4; /* than by chance: times, standard deviations */

/* One that goes on; client 0: none. */
struct action {
    uint32_t client;
    uint32_t requests, depth;
    uint32_t n; /* endpoints of the chain */
    uint32_t endpoint[CHATTY_STEPS];
    int64_t start_us, end_us; /* of all */
    int64_t step_end_us;      /* of the chain's last step */
    int64_t last_us, rtt_us;
    bool endless, cut; /* cut: the chain has more endpoints */
};

struct chatty {
    struct action open[CHATTY_OPEN];
    struct chatty_client *client;
    struct chatty_chain *chain;
    uint32_t n_clients, n_chains;
    struct map clients, chains;
    uint64_t *asked; /* steps by endpoint */
    size_t n_asked;
    uint64_t steps, lengths[CHATTY_STEPS + 1]; /* in all; actions by their chain's endpoints */
    uint64_t untracked;
};

struct chatty *chatty_new(void)
{
    struct chatty *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->client = table_new(CHATTY_CLIENTS, sizeof *c->client);
    c->chain = table_new(CHATTY_CHAINS, sizeof *c->chain);
    if (c->client && c->chain && map_init(&c->clients, c->client, sizeof *c->client, CHATTY_CLIENTS) &&
        map_init(&c->chains, c->chain, sizeof *c->chain, CHATTY_CHAINS))
        return c;
    chatty_free(c);
    return NULL;
}

void chatty_free(struct chatty *c)
{
    if (!c)
        return;
    map_free(&c->clients);
    map_free(&c->chains);
    table_free(c->client);
    table_free(c->chain);
    free(c->asked);
    free(c);
}

/* ---- an action is over ---- */

static uint64_t hash_client(uint32_t client)
{
    return hash_mix(client);
}

static struct chatty_client *client_of(struct chatty *c, uint32_t client)
{
    uint64_t hash = hash_client(client);
    uint32_t at = map_find(&c->clients, hash);
    if (at != MAP_NONE)
        return &c->client[at];
    if (c->n_clients == CHATTY_CLIENTS || !map_insert(&c->clients, hash, c->n_clients)) {
        c->untracked++;
        return NULL;
    }
    c->client[c->n_clients] = (struct chatty_client){.hash = hash};
    return &c->client[c->n_clients++];
}

static void count_steps(struct chatty *c, const struct action *a)
{
    c->lengths[a->n]++;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->endpoint[i] < IDS_MOST &&
            dense_grow((void **)&c->asked, &c->n_asked, a->endpoint[i], sizeof *c->asked)) {
            c->asked[a->endpoint[i]]++;
            c->steps++;
        }
}

static uint64_t hash_chain(const uint32_t *endpoint, uint32_t n)
{
    uint64_t hash = n;
    for (uint32_t i = 0; i < n; i++)
        hash = hash_mix(hash + endpoint[i]);
    return hash;
}

static void count_chain(struct chatty *c, const struct action *a)
{
    uint64_t hash = hash_chain(a->endpoint, a->n);
    uint32_t at = map_find(&c->chains, hash);
    if (at == MAP_NONE) {
        if (c->n_chains == CHATTY_CHAINS || !map_insert(&c->chains, hash, c->n_chains)) {
            c->untracked++;
            return;
        }
        at = c->n_chains++;
        c->chain[at] = (struct chatty_chain){.hash = hash, .n = a->n};
        memcpy(c->chain[at].endpoint, a->endpoint, sizeof a->endpoint);
    }
    struct chatty_chain *k = &c->chain[at];
    k->actions++;
    k->requests += a->requests;
    k->us += (uint64_t)(a->end_us - a->start_us);
    k->rtt_us += a->rtt_us > 0 ? (uint64_t)a->rtt_us * (a->n - 1) : 0;
    k->clients_mask |= UINT64_C(1) << (hash_mix(a->client) & 63);
}

static void close_action(struct chatty *c, struct action *a)
{
    struct chatty_client *who = a->client ? client_of(c, a->client) : NULL;
    if (who && a->endless) {
        who->unbroken++;
    } else if (who) {
        who->actions++;
        who->requests[a->requests < CHATTY_COUNTS ? a->requests : CHATTY_COUNTS]++;
        who->depth[a->depth < CHATTY_COUNTS ? a->depth : CHATTY_COUNTS]++;
        who->deepest = a->depth > who->deepest ? a->depth : who->deepest;
        who->waits += a->depth ? a->depth - 1 : 0;
    }
    if (a->client && !a->endless) {
        count_steps(c, a);
        if (a->n >= CHATTY_LEAST && !a->cut)
            count_chain(c, a);
    }
    a->client = 0;
}

/* ---- one call ---- */

static struct action *action_of(struct chatty *c, uint32_t client)
{
    struct action *set = &c->open[(size_t)(client % (CHATTY_OPEN / WAYS)) * WAYS], *oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].client == client)
            return &set[i];
        if (oldest->client && (!set[i].client || set[i].last_us < oldest->last_us))
            oldest = &set[i];
    }
    close_action(c, oldest);
    return oldest;
}

/* The chain with the most steps: of those that overlap the one that ends first stays. */
static void add_step(struct action *a, const struct chatty_call *call)
{
    bool next = !a->depth || call->start_us >= a->step_end_us;
    if (!next && call->end_us >= a->step_end_us)
        return;
    a->step_end_us = call->end_us;
    if (!next)
        return; /* it takes the place of the step: what is named stays the first of those that were sent together */
    a->depth++;
    if (a->n && a->endpoint[a->n - 1] == call->endpoint)
        return;
    if (a->n < CHATTY_STEPS)
        a->endpoint[a->n++] = call->endpoint;
    else
        a->cut = true;
}

void chatty_add(struct chatty *c, const struct chatty_call *call)
{
    struct action *a = action_of(c, call->client);
    if (a->client && call->start_us - a->end_us > GAP_US)
        close_action(c, a);
    if (!a->client)
        *a = (struct action){.client = call->client, .start_us = call->start_us, .end_us = call->end_us, .rtt_us = -1};
    a->requests++;
    a->last_us = call->start_us;
    a->end_us = call->end_us > a->end_us ? call->end_us : a->end_us;
    a->rtt_us = call->rtt_us > a->rtt_us ? call->rtt_us : a->rtt_us;
    a->endless |= a->requests > ENDLESS || a->end_us - a->start_us > ENDLESS_US;
    if (call->ended)
        add_step(a, call);
}

/* ---- the end ---- */

/* Actions with so many endpoints, had each step been any endpoint by how often it is one. */
static double expected_of(const struct chatty *c, const struct chatty_chain *k)
{
    double p = (double)c->lengths[k->n];
    for (uint32_t i = 0; i < k->n && c->steps; i++)
        p *= k->endpoint[i] < c->n_asked ? (double)c->asked[k->endpoint[i]] / (double)c->steps : 0;
    return p;
}

static bool is_habit(const struct chatty_chain *k)
{
    double n = (double)k->actions;
    return k->actions >= CHATTY_TIMES && n >= OFTEN * k->expected && n - k->expected >= SURE * sqrt(k->expected);
}

static int by_steps(const void *x, const void *y)
{
    const struct chatty_chain *a = x, *b = y;
    uint64_t one = a->actions * a->n, two = b->actions * b->n;
    if (one != two)
        return one > two ? -1 : 1;
    int order = (a->n > b->n) - (a->n < b->n);
    for (uint32_t i = 0; !order && i < a->n; i++)
        order = (a->endpoint[i] > b->endpoint[i]) - (a->endpoint[i] < b->endpoint[i]);
    return order;
}

/* The shortest chain that k begins with and that was made as often at least; MAP_NONE: there is none. */
static uint32_t beginning_of(const struct chatty *c, const struct chatty_chain *k)
{
    for (uint32_t n = CHATTY_LEAST; n < k->n; n++) {
        uint32_t at = map_find(&c->chains, hash_chain(k->endpoint, n));
        if (at != MAP_NONE && is_habit(&c->chain[at]) && c->chain[at].actions >= k->actions)
            return at;
    }
    return MAP_NONE;
}

static void add_to(struct chatty_chain *into, const struct chatty_chain *k)
{
    into->actions += k->actions;
    into->requests += k->requests;
    into->us += k->us;
    into->rtt_us += k->rtt_us / (k->n - 1) * (into->n - 1);
    into->clients_mask |= k->clients_mask;
}

/* Longer ones count with what they begin with: it is one habit, which ends now here and now there. */
static void fold(struct chatty *c, uint32_t *into)
{
    for (uint32_t i = 0; i < c->n_chains; i++)
        into[i] = is_habit(&c->chain[i]) ? beginning_of(c, &c->chain[i]) : MAP_NONE;
    for (uint32_t i = 0; i < c->n_chains; i++)
        for (uint32_t at = into[i]; at != MAP_NONE; at = into[at]) /* each is shorter than the one before */
            if (into[at] == MAP_NONE)
                add_to(&c->chain[at], &c->chain[i]);
}

void chatty_end(struct chatty *c)
{
    uint32_t kept = 0;
    for (int i = 0; i < CHATTY_OPEN; i++)
        close_action(c, &c->open[i]);
    uint32_t *into = calloc((size_t)c->n_chains + 1, sizeof *into);
    for (uint32_t i = 0; i < c->n_chains; i++)
        c->chain[i].expected = expected_of(c, &c->chain[i]);
    if (into)
        fold(c, into);
    map_free(&c->chains); /* rows move now */
    for (uint32_t i = 0; i < c->n_chains; i++)
        if (is_habit(&c->chain[i]) && (!into || into[i] == MAP_NONE))
            c->chain[kept++] = c->chain[i];
    free(into);
    c->n_chains = kept;
    qsort(c->chain, kept, sizeof *c->chain, by_steps);
}

const struct chatty_client *chatty_client(const struct chatty *c, uint32_t client)
{
    uint32_t at = map_find(&c->clients, hash_client(client));
    return at == MAP_NONE ? NULL : &c->client[at];
}

double chatty_quantile(const uint32_t counts[CHATTY_COUNTS + 1], double q)
{
    uint64_t n = 0, sum = 0;
    for (int i = 0; i <= CHATTY_COUNTS; i++)
        n += counts[i];
    double least = ceil(q * (double)n);
    for (int i = 0; i <= CHATTY_COUNTS && n; i++) {
        sum += counts[i];
        if ((double)sum >= (least > 1 ? least : 1))
            return i;
    }
    return NAN;
}

const struct chatty_chain *chatty_chains(const struct chatty *c, uint32_t *n)
{
    *n = c->n_chains;
    return c->chain;
}

uint64_t chatty_untracked(const struct chatty *c)
{
    return c->untracked;
}
