/* rulewish: which rules an audit makes: the options that `policy` and `verify` share, so that the same options name the
 * same rules. */
#ifndef CMD_RULEWISH_H
#define CMD_RULEWISH_H

#include "analysis/policy/policy.h"
#include "cmd/args.h"

/* Above the numbers of a command's own options. */
enum { RULEWISH_FOR = 2001, RULEWISH_BUDGET, RULEWISH_HEADROOM, RULEWISH_ONLY, RULEWISH_FORCE, RULEWISH_END };

#define RULEWISH_ARGS                                                                                                  \
    {RULEWISH_FOR, 0, "for", "PRODUCT", "whose configuration; see above"},                                             \
        {RULEWISH_BUDGET, 0, "stale-budget", "SHARE",                                                                  \
         "of hits that may be stale, 1% or 0.01 (default 1%); the 95 % bound may be twice that"},                      \
        {RULEWISH_HEADROOM, 0, "headroom", "X", "limits allow X times what was seen (default 1.25)"},                  \
        {RULEWISH_ONLY, 0, "only", "cache|rate", "rules of one kind"},                                                 \
    {                                                                                                                  \
        RULEWISH_FORCE, 0, "force", NULL, "also what the evidence does not carry, with the reason"                     \
    }

struct rulewish {
    const struct policy_product *product;
    struct rules_options rules;
    bool budgeted, roomed; /* the budget, the headroom were given */
};

#define RULEWISH_DEFAULT                                                                                               \
    {                                                                                                                  \
        .rules = {.budget = RECOMMEND_BUDGET, .headroom = 1.25, .cache = true, .rate = true }                          \
    }

static inline bool rulewish_is(int id)
{
    return id >= RULEWISH_FOR && id < RULEWISH_END;
}

/* One of them. False: printed. */
bool rulewish_option(struct rulewish *w, int id, const char *value);
/* Sets what the product can hold; that it must know its servers is left to the caller. False: the wishes do not go
 * together; printed. */
bool rulewish_sensible(struct rulewish *w, const char *command);

#endif
