/* headers: what each endpoint should send, as text for the people who build it: Cache-Control, ETag, Vary. */
#include <inttypes.h>

#include "analysis/policy/policy.h"

static void write_control(const struct rule_cache *c, struct buf *out)
{
    switch (c->kind) {
    case ADVICE_FIX:
        buf_str(out, "    Cache-Control: private\n");
        break;
    case ADVICE_REVALIDATE:
        buf_str(out, "    Cache-Control: public, no-cache\n");
        break;
    case ADVICE_VARY:
        break;
    default:
        buf_printf(out, "    Cache-Control: public, s-maxage=%" PRIu32 "\n", c->ttl_s);
        break;
    }
    if (c->vary.n)
        buf_printf(out, "    Vary: %.*s\n", (int)c->vary.n, c->vary.p);
    if (c->kind != ADVICE_FIX && c->kind != ADVICE_VARY)
        buf_str(out, "    ETag: \"VERSION\"\n");
}

static void write_why(const struct rule_cache *c, struct buf *out)
{
    const struct sharing_result *s = &c->advice.sharing;
    if (c->vary.n)
        buf_str(out,
                "- the answers follow what is named here, and Vary does not name it now: caches hand out the wrong "
                "ones\n");
    if (c->kind == ADVICE_VARY)
        return;
    if (c->kind == ADVICE_FIX) {
        buf_printf(out,
                   "- what is sent now lets shared caches hand one client's answer to another: %" PRIu64 " of %" PRIu64
                   " comparisons between %s differed\n",
                   s->differing, s->sandwiches, s->anonymous ? "clients" : "credentials");
        return;
    }
    if (c->kind == ADVICE_REVALIDATE)
        buf_printf(out, "- changes too fast for a lifetime, but asking whether it changed is cheap\n- %s\n", s->reason);
    else
        policy_say_figures(c, "- ", out);
    if (s->barred)
        buf_str(
            out,
            "- requests without a credential are refused it now: what answers from a cache must refuse them, too\n");
    buf_str(out, "- VERSION: anything that changes when the body does, a hash of it for one\n");
    if (s->verdict == SHARING_SHARED && !s->unnamed)
        buf_str(out, "- Vary: what is sent now, without Authorization and Cookie: the answers do not depend on them\n");
    if (c->doubt)
        buf_printf(out, "- NOT ADVISED, printed by --force: %s\n", c->doubt);
    if (c->advice.blocker)
        buf_printf(out, "- now kept from shared caches by: %s (%" PRIu64 " answers)\n", c->advice.blocker,
                   c->advice.blocked);
}

static void write_file(struct rules *r, const struct policy_options *o, struct buf *out)
{
    (void)o;
    policy_head(r, "the API's developers", "What each endpoint should send. What is not named needs no change.", out);
    for (size_t i = 0; i < r->n_cache; i++) {
        const struct rule_cache *c = &r->cache[i];
        if (c->pass)
            continue;
        buf_str(out, "\n## GET ");
        buf_slice(out, r->services[c->service].name);
        plain_text(&c->route, out);
        buf_str(out, "\n\n");
        write_control(c, out);
        buf_char(out, '\n');
        write_why(c, out);
    }
}

extern const struct policy_product policy_headers;
const struct policy_product policy_headers = {.name = "headers",
                                              .help = "what each endpoint should send, for its developers",
                                              .profile = "exact",
                                              .caches = true,
                                              .purges = true,
                                              .declares = true,
                                              .tls = true,
                                              .write = write_file};
