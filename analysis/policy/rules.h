/* rules: what a policy says, before any product's words: services with their servers, what may be kept how long, and
 * how much a client may ask. Made from the store and the advice alone; the products only print it. What may not be
 * written or is not advised stands in `left`, with the reason. */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include "analysis/policy/plain.h"
#include "analysis/report/advice.h"
#include "analysis/report/limits.h"
#include "analysis/store/read.h"

enum { RULES_SERVERS = 16, RULES_SERVICES = 256, RULES_NAMED = 8 };

struct rule_server {
    struct slice host; /* IPv6 without brackets */
    uint16_t port;
};

struct rule_service {
    struct slice name, id; /* "http://api.example"; the identifier of plain_name */
    struct plain_service parts;
    uint64_t requests;
    struct rule_server server[RULES_SERVERS]; /* in order of text */
    unsigned n_servers;
    bool cached; /* some of its endpoints are */
    /* The least bucket of all its clients together that rejects nothing recorded; NaN: nothing is recorded. */
    double rate;
    uint64_t burst;
    const char *doubt; /* why a limit of it is not advised; NULL: it is */
};

/* What is promised of a cache rule; from a replay with the product's own edge, else from the ladder. */
struct rule_figures {
    bool replayed;
    uint64_t lookups, hits, stale, unknown, coalesced, bytes, server_us;
};

/* A pattern and what becomes of it. In the order in which they are to be tried. */
struct rule_cache {
    uint32_t service; /* place in services */
    uint32_t endpoint;
    struct plain_route route;
    struct slice id; /* an identifier of the rule: its service's and the endpoint's pattern, hashed */
    bool pass;       /* not to be cached: it was seen to be another endpoint than the pattern below it */
    enum advice_kind kind;
    uint32_t ttl_s;
    const char *doubt; /* --force: why it is not advised; NULL: it is */
    bool override;     /* no-store is what the API sends, and is not heeded (--force) */
    /* Which credentials do not matter; requests with any other pass. */
    bool carrier[CARRIERS];
    bool needed; /* no answer was ever given without one of these: requests without pass, too */
    struct rule_figures figures;
    bool refresh;                      /* many ask while the answer is being fetched */
    uint64_t bytes_most, entries_most; /* what it holds at once, at most; 0: unknown */
    struct slice vary;                 /* declares: the fields that answers follow and Vary does not name */
    struct advice advice;
};

/* Who would be limited. */
struct rule_limited {
    struct slice client;
    uint64_t requests, rejected;
    int64_t first_us;
};

struct rule_rate {
    enum carrier carrier;
    uint64_t clients, kept, outliers;
    double rate;    /* a second */
    uint64_t burst; /* depth of the bucket */
    uint64_t nginx_rate, nginx_burst;
    bool per_minute;
    uint64_t window_most; /* most in a window of RULES_WINDOW_S that a product with two counters may see */
    uint64_t at_once;     /* most requests in flight, answers taking as long as the longest seen or RULES_WINDOW_S */
    const char *doubt;
    /* From a replay of the records; `replayed` false: there were none. */
    bool replayed;
    uint64_t requests, rejected, hit;
    struct rule_limited limited[RULES_NAMED]; /* most rejected first */
    unsigned n_limited;
    struct slice *outlier; /* those who ask for more than the others by far, by name: not in the figures above */
};

enum { RULES_WINDOW_S = LIMITS_WINDOW_S };

struct rule_left {
    struct slice what; /* as seen: for the terminal alone, never for a file */
    const char *why;
};

struct rules_options {
    double budget, headroom;
    bool cache, rate; /* which are wanted */
    bool clients;     /* limits are for each client, not for all of a service together */
    bool force;
    bool purges;       /* the product can drop a copy when it is told to */
    bool declares;     /* it says what the API should send: fixes and validators, too */
    bool servers;      /* it must know where each service is */
    bool tls;          /* it can speak TLS to servers */
    bool unauthorised; /* it keeps no answer to a request with Authorization, whatever it is told */
};

struct rules {
    struct rules_options options;
    struct idorder order;          /* by what clients are told apart: a limit counts who lacks all that comes before */
    struct rule_service *services; /* by requests, then name */
    size_t n_services;
    struct rule_cache *cache; /* by service, then in order of plain_compare */
    size_t n_cache;
    struct rule_rate rate[CARRIERS];
    size_t n_rate;
    bool forwarded; /* clients behind trusted proxies were seen: their proxies' addresses are nobody's */
    bool certified; /* clients with certificates were seen: no limit of others' is theirs */
    uint64_t records, exchanges;
    double longest_s; /* longest answer seen */
    int64_t from_us, to_us;
    struct rule_left *left;
    size_t n_left;
    bool failed; /* out of memory */
    struct rules_text *text;
};

/* Between store_read_begin and end. False: out of memory. */
bool rules_load(struct rules *r, struct store_reader *reader, const struct facts *f, const struct rules_options *o);
void rules_free(struct rules *r);
/* A copy that lives as long as the rules. */
struct slice rules_keep(struct rules *r, struct slice text);
bool rules_is_outlier(const struct rule_rate *rate, struct slice client);
/* Whether this word may have told apart clients that have the carrier, too: such are not counted by it. */
bool rules_precedes(const struct rules *r, enum idword w, enum carrier carrier);
/* The n-th of the fields that an API key is looked for in, lower case; where one was said to be it, `read` false: of
 * those that are usual and are not looked at, whose answers nothing is known of. NULL: there are no more. */
const char *rules_key_field(const struct rules *r, bool read, unsigned n);
/* Names of cookies that are sessions, usually: what a cookie that was said to be the session stands for. */
#define RULES_SESSION "(sess|sid|laravel|asp[.]net)[^=;]*=[^;]{8,}"
/* `pattern` of the session that was said, a name and `=`. */
void rules_session(const struct rules *r, struct buf *pattern);
void rules_leave(struct rules *r, struct slice what, const char *why);

#endif
