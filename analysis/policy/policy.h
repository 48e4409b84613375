/* policy: recommended cache and rate rules as the configuration of a product (CONTRACT section 6). The rules are made
 * once (rules.h); a product's file only prints them: its name is a line in products.def. Names in a file depend on what
 * they stand for, not on their order, so that two runs can be compared. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "analysis/policy/rules.h"

enum product {
#define PRODUCT(id) PRODUCT_##id,
#include "analysis/policy/products.def"
#undef PRODUCT
    PRODUCTS
};

struct policy_options {
    const char *listen; /* ADDR:PORT, checked by policy_listen */
    const char *state;  /* folder that exists, for the product to make its own in */
    bool fragment, dry_run;
};

enum { POLICY_HEEDS_LISTEN = 1, POLICY_HEEDS_STATE = 2, POLICY_HEEDS_DRY_RUN = 4, POLICY_HEEDS_FRAGMENT = 8 };

struct policy_product {
    const char *name, *help;
    const char *check;     /* the command that says whether it accepts a file; NULL: it is for people */
    const char *profile;   /* the edge of its copies in replays (whatif --profile) */
    bool caches, limits;   /* which rules it can hold */
    bool purges, declares; /* as in struct rules_options */
    bool servers, tls, unauthorised;
    unsigned heeds; /* the options that change its file: POLICY_HEEDS_… */
    bool renews;    /* gives old copies out while it renews them, where many ask at once (struct rule_cache: refresh) */
    void (*write)(struct rules *r, const struct policy_options *o, struct buf *out);
    /* The limit as a SPEC of whatif, for a replay; NULL: it does not limit clients one by one. */
    void (*limit)(const struct rule_rate *rate, struct buf *out);
    bool (*can)(const struct rules *r, const struct rule_rate *rate); /* whether it can count by that; NULL: by all */
    /* The same of a limit for all clients of a service together; NULL: it has none. */
    void (*limit_all)(const struct rule_service *s, struct buf *out);
};

extern const struct policy_product *const policy_products[PRODUCTS];

/* "8080", "127.0.0.1:8080", "[::1]:8080". False: neither. */
bool policy_listen(struct slice text, struct slice *host, uint16_t *port);
/* The folder may stand in a file: absolute, plain letters. */
bool policy_state(const char *path);

/* One port cannot tell http from https of a host: false where a busier service has the same names in Host. */
bool policy_stands(const struct rules *r, size_t service);
#define POLICY_STANDS_NOT "one port tells http and https of a host not apart"

/* Room for the copies of all rules of a lifetime (0: of every lifetime): twice what they held at once in the audit,
 * each with so many bytes besides its body, and some; where that is unknown, a guess. */
struct policy_room {
    uint64_t megabytes, entries;
};
struct policy_room policy_room(const struct rules *r, uint32_t ttl_s, uint64_t entry_bytes);

/* For the products: comments beside rules, each line after `lead` ("    # "). Nothing of the traffic is in them but
 * plain names, pseudonyms and numbers. */
void policy_head(const struct rules *r, const char *product, const char *how, struct buf *out);
void policy_say_cache(const struct rules *r, const struct rule_cache *c, const char *lead, struct buf *out);
void policy_say_figures(const struct rule_cache *c, const char *lead, struct buf *out);
void policy_say_rate(const struct rules *r, const struct rule_rate *rate, const char *lead, struct buf *out);
void policy_say_service_rate(const struct rules *r, const struct rule_service *s, const char *lead, struct buf *out);

#endif
