/* Clients that press: storms of retries, pollers, floods (ALGORITHMS.md 7.2, 7.5, 7.8, in the currency of 8.8). */
#include "analysis/report/gathering.h"

#include <inttypes.h>

#include "base/human.h"

static void find_storm(struct gathering *g, uint32_t id, const struct behaviour_endpoint *seen)
{
    struct bottleneck *b = !seen->storm.storms ? NULL
                                               : gathering_add(g, BOTTLENECK_RETRY_STORM, EFFORT_CONFIG,
                                                               (double)seen->retries_us / 1e6, seen->retries);
    if (!b)
        return;
    gathering_at(g, b, id);
    buf_printf(&b->why, "%s of %s requests repeat one that had failed; %s windows of 10 s were storms, the first at %s",
               human_count(seen->retries).text, human_count(seen->requests).text, human_count(seen->storm.storms).text,
               human_moment(seen->storm.first_s * 1000000).text);
    buf_str(&b->action, "refuse early with 503 and Retry-After, and give retries a budget (a tenth of the requests)");
    gathering_count(b, "retries", seen->retries);
    gathering_count(b, "requests", seen->requests);
    gathering_count(b, "storms", seen->storm.storms);
    gathering_number(b, "server_s", (double)seen->retries_us / 1e6);
}

static void find_polling(struct gathering *g, uint32_t id, const struct polling_sums *p)
{
    struct bottleneck *b = gathering_add(g, BOTTLENECK_POLLING, EFFORT_CODE, (double)p->idle_us / 1e6, p->idle);
    if (!b)
        return;
    gathering_at(g, b, id);
    buf_printf(&b->why, "%s poller%s, every %s, got %s of %s answers that they had already",
               human_count(p->pollers).text, human_s(p->pollers), human_seconds(p->period_s).text,
               human_count(p->idle).text, human_count(p->polls).text);
    buf_str(&b->action, "tell them when there is something (push, long poll), or let them ask less often and with "
                        "If-None-Match");
    gathering_count(b, "pollers", p->pollers);
    gathering_number(b, "period_s", p->period_s);
    gathering_count(b, "polls", p->polls);
    gathering_count(b, "unchanged", p->idle);
    gathering_number(b, "server_s", (double)p->idle_us / 1e6);
}

static void find_stampede(struct gathering *g, uint32_t id, const struct expiry_sums *x)
{
    struct bottleneck *b =
        gathering_add(g, BOTTLENECK_STAMPEDE, EFFORT_CONFIG, (double)x->server_us / 1e6, x->coalescable);
    if (!b)
        return;
    gathering_at(g, b, id);
    buf_printf(&b->why,
               "%s times many asked at once when a copy had ended, up to %s in a second: %s of %s requests were "
               "for what was under way",
               human_count(x->stampedes).text, human_count(x->most).text, human_count(x->coalescable).text,
               human_count(x->requests).text);
    buf_printf(&b->action,
               "let one of them through and serve the old copy meanwhile (proxy_cache_lock, "
               "stale-while-revalidate); end copies at moments spread over %s",
               human_seconds(EXPIRY_JITTER * (double)x->lifetime_s).text);
    gathering_count(b, "stampedes", x->stampedes);
    gathering_count(b, "requests", x->requests);
    gathering_count(b, "coalescable", x->coalescable);
    gathering_number(b, "server_s", (double)x->server_us / 1e6);
    gathering_count(b, "most_in_a_second", x->most);
    gathering_number(b, "most_in_a_second_with_jitter", expiry_spread(x));
}

void pressing_endpoint(struct gathering *g, uint32_t id, const struct behaviour_endpoint *seen)
{
    find_storm(g, id, seen);
    if (seen->expiry.stampedes)
        find_stampede(g, id, &seen->expiry);
    if (seen->polling.pollers)
        find_polling(g, id, &seen->polling);
}

/* Clients for whom the limit is the same: those told apart by one field. */
static uint32_t flooding(const struct floods *all, const struct flood *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        n += all->item[i].rate == f->rate && all->item[i].burst == f->burst && all->item[i].rejected;
    return n;
}

void pressing_client(struct gathering *g, const struct row_client *c, const struct behaviour *b,
                     const struct behaviour_client *seen)
{
    const struct flood *f = seen->flood ? &b->floods.item[seen->flood - 1] : NULL;
    struct bottleneck *k =
        !f ? NULL : gathering_add(g, BOTTLENECK_FLOOD, EFFORT_CONFIG, (double)f->rejected_us / 1e6, f->rejected);
    if (!k)
        return;
    k->client = c->id;
    buf_slice(&k->target, c->client);
    uint32_t n = flooding(&b->floods, f);
    buf_printf(&k->why, "%s of its %s requests are beyond what all other clients keep within (%g/s, bursts of %.0f)",
               human_count(f->rejected).text, human_count(f->requests).text, f->rate, f->burst);
    buf_printf(&k->action, "limit clients to %g requests a second and bursts of %.0f: it rejects nobody else", f->rate,
               f->burst);
    if (n > 1)
        buf_printf(&k->action, " but %" PRIu32 " more like it", n - 1);
    gathering_count(k, "requests", f->requests);
    gathering_count(k, "beyond", f->rejected);
    gathering_number(k, "rate", f->rate);
    gathering_number(k, "burst", f->burst);
    gathering_number(k, "server_s", (double)f->rejected_us / 1e6);
}
