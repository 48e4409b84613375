#include "cmd/rulewish.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static bool set_product(struct rulewish *w, const char *value)
{
    for (int i = 0; i < PRODUCTS; i++)
        if (strcmp(policy_products[i]->name, value) == 0) {
            w->product = policy_products[i];
            return true;
        }
    log_line("--for: '%s' is unknown; spanwise policy --help lists what there is", value);
    return false;
}

/* "1%", "0.01". */
static bool set_budget(struct rulewish *w, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    if (end != value && strcmp(end, "%") == 0)
        v /= 100;
    if (end == value || (*end && strcmp(end, "%") != 0) || !(v >= 0 && v <= 1)) {
        log_line("--stale-budget: '%s' is no share such as 1%%", value);
        return false;
    }
    w->rules.budget = v;
    w->budgeted = true;
    return true;
}

static bool set_headroom(struct rulewish *w, const char *value)
{
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end || !(v >= 1 && v <= 100)) {
        log_line("--headroom: '%s' is no factor from 1 to 100", value);
        return false;
    }
    w->rules.headroom = v;
    w->roomed = true;
    return true;
}

static bool set_only(struct rulewish *w, const char *value)
{
    bool cache = strcmp(value, "cache") == 0;
    if (!cache && strcmp(value, "rate") != 0) {
        log_line("--only: '%s' is neither cache nor rate", value);
        return false;
    }
    w->rules.cache = cache;
    w->rules.rate = !cache;
    return true;
}

bool rulewish_option(struct rulewish *w, int id, const char *value)
{
    switch (id) {
    case RULEWISH_FOR:
        return set_product(w, value);
    case RULEWISH_BUDGET:
        return set_budget(w, value);
    case RULEWISH_HEADROOM:
        return set_headroom(w, value);
    case RULEWISH_ONLY:
        return set_only(w, value);
    default:
        return w->rules.force = true;
    }
}

/* Wishes that need no DB to be seen as wrong. */
bool rulewish_sensible(struct rulewish *w, const char *command)
{
    const struct policy_product *p = w->product;
    if (!p) {
        log_line("%s: for what? Give --for PRODUCT; spanwise policy --help lists them", command);
        return false;
    }
    if ((w->budgeted && !w->rules.cache) || (w->roomed && !w->rules.rate))
        log_line("--%s does nothing with --only %s: it is of rules of the other kind",
                 w->rules.cache ? "headroom" : "stale-budget", w->rules.cache ? "cache" : "rate");
    w->rules.cache &= p->caches;
    w->rules.rate &= p->limits;
    if (!w->rules.cache && !w->rules.rate) {
        log_line("--only: %s has no such rules", p->name);
        return false;
    }
    w->rules.purges = p->purges;
    w->rules.declares = p->declares;
    w->rules.clients = p->limit != NULL;
    w->rules.tls = p->tls;
    w->rules.unauthorised = p->unauthorised;
    return true;
}
