#include "analysis/policy/policy.h"

#include <inttypes.h>
#include <math.h>

#include "base/human.h"

#define PRODUCT(id) extern const struct policy_product policy_##id;
#include "analysis/policy/products.def"
#undef PRODUCT

const struct policy_product *const policy_products[PRODUCTS] = {
#define PRODUCT(id) &policy_##id,
#include "analysis/policy/products.def"
#undef PRODUCT
};

bool policy_listen(struct slice text, struct slice *host, uint16_t *port)
{
    uint64_t n;
    if (slice_u64(text, &n) && text.n <= 5 && n && n < 65536) {
        *host = SLICE("0.0.0.0");
        *port = (uint16_t)n;
        return true;
    }
    return plain_server(text, host, port);
}

bool policy_state(const char *path)
{
    struct slice s = slice_str(path);
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_digit(s.p[i]) && !ascii_alpha(s.p[i]) && !strchr("/._-", s.p[i]))
            return false;
    return s.n > 1 && s.n < 512 && s.p[0] == '/';
}

bool policy_stands(const struct rules *r, size_t service)
{
    const struct rule_service *b = &r->services[service];
    for (size_t k = 0; k < r->n_services; k++) {
        const struct rule_service *a = &r->services[k];
        bool same = slice_eq(a->parts.authority, b->parts.authority) ||
                    (slice_eq(a->parts.host, b->parts.host) && a->parts.port == b->parts.port);
        if (k != service && same && (a->requests > b->requests || (a->requests == b->requests && k < service)))
            return false;
    }
    return true;
}

struct policy_room policy_room(const struct rules *r, uint32_t ttl_s, uint64_t entry_bytes)
{
    enum { LEAST = 64, UNKNOWN = 1024 };
    uint64_t bytes = 0, entries = 0;
    bool known = true;
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_cache *c = &r->cache[i];
        if (c->pass || (ttl_s && c->ttl_s != ttl_s))
            continue;
        known = known && c->bytes_most;
        bytes += c->bytes_most;
        entries += c->entries_most;
    }
    return (struct policy_room){known ? LEAST + 2 * (bytes + entries * entry_bytes) / 1000000 : UNKNOWN, entries};
}

/* ---- comments ---- */

static void percent(double ratio, struct buf *out)
{
    if (isnan(ratio))
        buf_str(out, "an unknown share");
    else
        buf_printf(out, "%.2f %%", ratio * 100);
}

void policy_head(const struct rules *r, const char *product, const char *how, struct buf *out)
{
    buf_printf(out, "# Written by spanwise " SPANWISE_VERSION " for %s, from %" PRIu64 " exchanges", product,
               r->exchanges);
    if (r->exchanges)
        buf_printf(out, ", %s to %s UTC", human_moment(r->from_us).text, human_moment(r->to_us).text);
    buf_printf(out, ".\n# %s\n", how);
    if (r->records < r->exchanges && r->records)
        buf_printf(out, "# Figures are from the latest %" PRIu64 " exchanges: older records were not kept.\n",
                   r->records);
}

/* Pseudonyms as they are by default, "bearer:9f2c61d0a4be"; a name of another form may be anything. */
static void say_client(struct slice name, struct buf *out)
{
    size_t colon = slice_find(name, ':', 0);
    bool plain = colon && colon + 13 == name.n;
    for (size_t i = 0; plain && i < name.n; i++)
        plain = i < colon ? name.p[i] >= 'a' && name.p[i] <= 'z' : i == colon || ascii_hex(name.p[i]) >= 0;
    buf_slice(out, plain ? name : SLICE("(a client)"));
}

void policy_say_figures(const struct rule_cache *c, const char *lead, struct buf *out)
{
    const struct rule_figures *f = &c->figures;
    buf_printf(out, "%sof %" PRIu64 " look-ups ", lead, f->lookups);
    percent(facts_ratio(f->hits, f->lookups), out);
    buf_str(out, " are answered from the cache, ");
    percent(facts_ratio(f->stale, f->hits - f->unknown), out);
    buf_printf(out, " of those are stale%s\n", f->replayed ? "" : " (to the millisecond; no records to replay)");
    buf_printf(out, "%ssaves %" PRIu64 " requests, %s, %s of server time", lead, f->hits, human_bytes(f->bytes).text,
               human_seconds((double)f->server_us / 1e6).text);
    if (c->bytes_most)
        buf_printf(out, "; holds at most %s of bodies", human_bytes(c->bytes_most).text);
    buf_char(out, '\n');
}

static void say_credentials(const struct rule_cache *c, const char *lead, struct buf *out)
{
    static const char *const fields[] = {"API key", "Authorization", "Cookie"};
    bool any = false;
    buf_printf(out, "%skept and given out for requests ", lead);
    if (!c->carrier[CARRIER_APIKEY] && !c->carrier[CARRIER_AUTHORIZATION] && !c->carrier[CARRIER_COOKIE]) {
        buf_str(out, "without API key, Authorization and Cookie alone\n");
        return;
    }
    buf_str(out, c->needed ? "with " : "without credentials and with ");
    for (int i = 0; i <= CARRIER_COOKIE; i++)
        if (c->carrier[i]) {
            buf_printf(out, "%s%s", any ? " or " : "", fields[i]);
            any = true;
        }
    buf_char(out, '\n');
    if (c->needed)
        buf_printf(out, "%sa hit is not checked by the API: a credential that is revoked or made up is answered, too\n",
                   lead);
}

static void say_sharing(const struct rule_cache *c, const char *lead, struct buf *out)
{
    const struct sharing_result *s = &c->advice.sharing;
    buf_printf(out, "%s%s (%" PRIu64 " comparisons, %" PRIu64 " differed); stale at most ", lead, s->reason,
               s->sandwiches, s->differing);
    percent(c->advice.lifetime.stale_high, out);
    buf_str(out, " with 95 % confidence\n");
}

void policy_say_cache(const struct rules *r, const struct rule_cache *c, const char *lead, struct buf *out)
{
    buf_printf(out, "%sGET ", lead);
    buf_slice(out, r->services[c->service].name);
    plain_text(&c->route, out);
    if (c->pass) {
        buf_printf(out, ": %s, not kept\n", c->doubt ? c->doubt : "another endpoint");
        return;
    }
    buf_printf(out, ": kept %" PRIu32 " s\n", c->ttl_s);
    policy_say_figures(c, lead, out);
    say_sharing(c, lead, out);
    say_credentials(c, lead, out);
    if (c->kind == ADVICE_MICRO)
        buf_printf(out, "%sit changes faster than any lifetime: a second of it takes the load off\n", lead);
    if (c->kind == ADVICE_PURGE)
        buf_printf(out, "%swhoever writes must purge it, or it is stale for long\n", lead);
    if (c->doubt)
        buf_printf(out, "%sNOT ADVISED, printed by --force: %s\n", lead, c->doubt);
}

static void say_limited(const struct rule_rate *rate, const char *lead, struct buf *out)
{
    if (!rate->replayed) {
        buf_printf(out, "%sno records to replay: whom it would have limited is not known\n", lead);
        return;
    }
    buf_printf(out, "%srejects %" PRIu64 " of the %" PRIu64 " recorded requests, of %" PRIu64 " clients\n", lead,
               rate->rejected, rate->requests, rate->hit);
    for (unsigned i = 0; i < rate->n_limited; i++) {
        const struct rule_limited *l = &rate->limited[i];
        buf_printf(out, "%s  ", lead);
        say_client(l->client, out);
        buf_printf(out, ": %" PRIu64 " of %" PRIu64 ", first %s UTC\n", l->rejected, l->requests,
                   human_moment(l->first_us).text);
    }
    if (rate->hit > rate->n_limited)
        buf_printf(out, "%s  and %" PRIu64 " more\n", lead, rate->hit - rate->n_limited);
}

void policy_say_rate(const struct rules *r, const struct rule_rate *rate, const char *lead, struct buf *out)
{
    (void)r;
    buf_printf(out,
               "%sclients told apart by %s: %" PRIu64 ", of which %" PRIu64
               " are alike; those need a bucket of %" PRIu64 " at %g/s, headroom included\n",
               lead, carrier_names[rate->carrier], rate->clients, rate->kept, rate->burst, rate->rate);
    if (rate->outliers) {
        buf_printf(out, "%sask for far more than the others, scan or go through ids, and not allowed for:", lead);
        for (unsigned i = 0; i < rate->outliers && i < RULES_NAMED; i++) {
            buf_char(out, ' ');
            say_client(rate->outlier[i], out);
        }
        buf_str(out, rate->outliers > RULES_NAMED ? " ...\n" : "\n");
    }
    say_limited(rate, lead, out);
    if (rate->doubt)
        buf_printf(out, "%sNOT ADVISED, printed by --force: %s\n", lead, rate->doubt);
}

void policy_say_service_rate(const struct rules *r, const struct rule_service *s, const char *lead, struct buf *out)
{
    (void)r;
    buf_printf(out, "%s", lead);
    buf_slice(out, s->name);
    buf_printf(out,
               ": all clients together need a bucket of %" PRIu64 " at %g/s, headroom included; rejects none of the "
               "recorded requests\n",
               s->burst, s->rate);
    if (s->doubt)
        buf_printf(out, "%sNOT ADVISED, printed by --force: %s\n", lead, s->doubt);
}
