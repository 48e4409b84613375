#include "cmd/predict.h"

#include <stdio.h>
#include <stdlib.h>

#include "analysis/limitspec.h"
#include "analysis/replay.h"
#include "base/human.h"
#include "base/log.h"

enum { BUMPS = 8 };
#define UNKEPT 0.01   /* share of look-ups whose answers the product does not keep, from which there is no rule */
#define REFRESH 0.005 /* share of look-ups that come during a fetch, from which it is to be mended */

static void progress(void *context, uint64_t done, uint64_t of)
{
    (void)context;
    log_progress("replayed %s of %s exchanges", human_count(done).text, human_count(of > done ? of : done).text);
}

enum ttlcache_profile predict_profile(const char *name)
{
    for (int i = 0; i < TTLCACHE_PROFILES; i++)
        if (strcmp(ttlcache_profiles[i], name) == 0)
            return (enum ttlcache_profile)i;
    return TTLCACHE_EXACT;
}

/* Where the product does not keep every answer, for what they vary on, no rule promises it. Told by the records alone.
 */
static void drop_unkept(struct rules *r, struct rule_cache *c, const struct replay_ttl *t, const struct named *n)
{
    struct buf name = {0};
    if ((double)t->unkept < UNKEPT * (double)t->sums.lookups || !t->unkept)
        return;
    buf_slice(&name, named_method(n, c->endpoint));
    buf_char(&name, ' ');
    buf_slice(&name, named_service(n, c->endpoint));
    buf_slice(&name, named_route(n, c->endpoint));
    c->pass = true;
    c->doubt = "varies on fields that this product keeps no answers by";
    rules_leave(r, slice_of(name.p, name.n), "its Vary names fields that this product keeps no answers by");
    buf_free(&name);
}

static bool replay_caches(const struct policy_product *product, struct rules *r, struct store_reader *reader,
                          struct named *named, char why[256])
{
    struct replay_ttl *ttl = calloc(r->n_cache + 1, sizeof *ttl);
    struct replay_options o = {
        .named = named, .profile = predict_profile(product->profile), .ttl = ttl, .progress = progress};
    struct replay p;
    for (size_t i = 0; ttl && i < r->n_cache; i++)
        if (!r->cache[i].pass && r->cache[i].ttl_s)
            ttl[o.n_ttl++] =
                (struct replay_ttl){.endpoint = r->cache[i].endpoint, .ttl_us = (int64_t)r->cache[i].ttl_s * 1000000};
    snprintf(why, 256, "out of memory");
    bool ok = ttl && (!o.n_ttl || replay_run(reader, &o, &p, why));
    if (ok && o.n_ttl)
        replay_free(&p);
    for (size_t i = 0; ok && i < r->n_services; i++)
        r->services[i].cached = false;
    for (size_t i = 0, k = 0; ok && i < r->n_cache; i++) {
        if (r->cache[i].pass || !r->cache[i].ttl_s)
            continue;
        drop_unkept(r, &r->cache[i], &ttl[k], named);
        r->services[r->cache[i].service].cached |= !r->cache[i].pass;
        const struct ttlcache_sums *s = &ttl[k++].sums;
        r->cache[i].figures = (struct rule_figures){true,       s->lookups,   s->hits,  s->stale,
                                                    s->unknown, s->coalesced, s->bytes, s->server_us};
    }
    free(ttl);
    return ok;
}

/* Of the clients of this limit alone. Returns how many requests of those it was made for it would reject. */
static uint64_t sum_limited(struct rules *r, struct rule_rate *rate, const struct replay *p)
{
    uint64_t wrong = 0;
    rate->replayed = true;
    rate->requests = rate->rejected = rate->hit = rate->n_limited = 0;
    for (size_t i = 0; i < p->n_counted; i++) {
        const struct replay_counted *k = &p->counted[i];
        if (carrier_of(slice_sub(k->name, 0, slice_find(k->name, ':', 0))) != rate->carrier)
            continue;
        rate->requests += k->requests;
        rate->rejected += k->rejected;
        rate->hit += k->rejected != 0;
        wrong += rules_is_outlier(rate, k->name) ? 0 : k->rejected;
        if (k->rejected && rate->n_limited < RULES_NAMED)
            rate->limited[rate->n_limited++] =
                (struct rule_limited){rules_keep(r, k->name), k->requests, k->rejected, k->first_rejected_us};
    }
    return wrong;
}

/* The product counts in whole numbers: where that rejects somebody the limit was made for, it is raised. */
static bool replay_limit(const struct policy_product *product, struct rules *r, struct rule_rate *rate,
                         struct store_reader *reader, struct named *named, char why[256])
{
    for (int bump = 0;; bump++) {
        struct buf spec = {0};
        struct limit limit;
        struct replay p;
        struct replay_options o = {.named = named, .limit = &limit, .progress = progress};
        product->limit(rate, &spec);
        bool ok =
            !spec.failed && limitspec_parse(slice_of(spec.p, spec.n), &limit, why) && replay_run(reader, &o, &p, why);
        buf_free(&spec);
        if (!ok)
            return false;
        uint64_t wrong = sum_limited(r, rate, &p);
        replay_free(&p);
        if (!wrong || bump == BUMPS)
            return true;
        rate->nginx_burst++;
        rate->burst++;
        rate->window_most++;
    }
}

static void mark_refresh(struct rules *r)
{
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_figures *f = &r->cache[i].figures;
        r->cache[i].refresh = f->lookups && (double)f->coalesced >= REFRESH * (double)f->lookups;
    }
}

bool predict_rules(const struct policy_product *product, struct rules *r, struct store_reader *reader, char why[256])
{
    struct named named;
    mark_refresh(r);
    if (!r->records)
        return true;
    bool ok = named_load(&named, reader, false);
    if (!ok)
        snprintf(why, 256, "out of memory");
    ok = ok && replay_caches(product, r, reader, &named, why);
    for (size_t i = 0; ok && i < r->n_rate && product->limit; i++)
        ok = replay_limit(product, r, &r->rate[i], reader, &named, why);
    named_free(&named);
    log_progress("%s", "");
    mark_refresh(r);
    return ok;
}
