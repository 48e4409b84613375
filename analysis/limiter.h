/* limiter: rate limits of real products and textbooks as pure recurrences (ALGORITHMS.md 7.4): would this request have
 * been let through? One `struct limiter` is the policy, one `struct limiter_key` the state of one client (or whatever
 * the limit counts by). Times are milliseconds, as the products have them: the floor of the microseconds given. All
 * arithmetic is in integers, so that two implementations agree to the last request. Any time may come: where a model
 * does not say itself what it does with a clock that goes back (nginx does), the key's clock stands still. */
#ifndef ANALYSIS_LIMITER_H
#define ANALYSIS_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

enum limiter_model {
#define MODEL(id, name, shape, help) LIMITER_##id,
#include "analysis/limiter.def"
#undef MODEL
    LIMITER_MODELS
};

/* What is set depends on the model. Bounds: limitspec.h. */
struct limit {
    enum limiter_model model;
    uint64_t rate;      /* nginx: requests per 1000 s; token bucket, gcra: millionths of a request per second */
    uint64_t depth;     /* nginx: burst in thousandths; token bucket, gcra: billionths of a request; else requests */
    uint64_t fill;      /* envoy: requests per interval */
    int64_t window_ms;  /* window, or envoy's interval */
    int64_t delay;      /* nginx: excess in thousandths above which a request waits; < 0: none does */
    bool per_minute;    /* nginx: how the rate was given */
    uint64_t rate_text; /* nginx: the number that was given */
};

enum { LIMITER_LOG_MOST = 256 << 20 };

struct limiter {
    struct limit limit;
    uint64_t log_bytes; /* of all logs; the sliding log alone keeps one */
    bool full;          /* logs outgrew LIMITER_LOG_MOST or memory: what came after was not decided rightly */
};

/* Zero-initialise. */
struct limiter_key {
    bool started;
    int64_t last; /* greatest time seen; nginx: its `last` */
    union {
        struct {
            uint64_t excess;
        } nginx;
        struct {
            uint64_t level; /* token bucket: tokens; gcra: how far ahead the theoretical arrival is */
        } bucket;
        struct {
            int64_t tick; /* begin (haproxy) or number of the window; envoy: number of the last fill */
            uint64_t now, before;
        } window;
        struct {
            int64_t *at; /* ring of accepted times */
            uint32_t head, n, size;
        } log;
    } u;
};

struct limiter_answer {
    bool accepted;
    uint64_t wait_ms; /* nginx without nodelay: how long it is held back */
};

/* One request at us (microseconds since the epoch). */
struct limiter_answer limiter_ask(struct limiter *l, struct limiter_key *k, int64_t us);
void limiter_forget(struct limiter *l, struct limiter_key *k);

#endif
