#include "analysis/limiter.h"

#include <stdlib.h>

#include "base/floor.h"

enum { NGINX_UNIT = 1000, NGINX_BACK_MS = 60000, LOG_FIRST = 8 };
static const uint64_t BUCKET_UNIT = 1000000000; /* one request: rate in millionths a second, times milliseconds */

static const struct limiter_answer yes = {true, 0}, no = {false, 0};

/* rate * ms, at most `most`. */
static uint64_t flow(uint64_t rate, uint64_t ms, uint64_t most)
{
    unsigned __int128 n = (unsigned __int128)rate * ms;
    return n < most ? (uint64_t)n : most;
}

/* Milliseconds since the key's last request; the key's clock never goes back. */
static uint64_t pass(struct limiter_key *k, int64_t ms)
{
    uint64_t passed = ms > k->last ? (uint64_t)ms - (uint64_t)k->last : 0;
    k->last += (int64_t)passed;
    return passed;
}

/* ngx_http_limit_req: excess in thousandths of a request; the first request is free, a rejected one leaves no trace.
 * A clock that went back by less than a minute stands still; by more, one millisecond passed. */
static struct limiter_answer ask_nginx(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    const struct limit *p = &l->limit;
    int64_t ms = first ? 0 : now - k->last;
    uint64_t left, excess = 0;
    if (ms < 0)
        ms = ms < -NGINX_BACK_MS ? 1 : 0;
    if (!first) {
        left = flow(p->rate, (uint64_t)ms, UINT64_MAX) / 1000;
        excess = k->u.nginx.excess + NGINX_UNIT > left ? k->u.nginx.excess + NGINX_UNIT - left : 0;
    }
    if (excess > p->depth)
        return no;
    k->u.nginx.excess = excess;
    if (ms || first)
        k->last = now;
    if (p->delay < 0 || excess <= (uint64_t)p->delay)
        return yes;
    return (struct limiter_answer){true, (excess - (uint64_t)p->delay) * 1000 / p->rate};
}

static struct limiter_answer ask_token_bucket(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    const struct limit *p = &l->limit;
    uint64_t *level = &k->u.bucket.level;
    if (first)
        *level = p->depth;
    *level += flow(p->rate, pass(k, now), p->depth - *level);
    if (*level < BUCKET_UNIT)
        return no;
    *level -= BUCKET_UNIT;
    return yes;
}

/* The theoretical arrival time, kept as its distance from the clock and multiplied by the rate, so that it is whole:
 * rejected iff it is more than depth - 1 requests ahead. */
static struct limiter_answer ask_gcra(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    const struct limit *p = &l->limit;
    uint64_t *ahead = &k->u.bucket.level;
    (void)first; /* zero: nothing ahead */
    *ahead -= flow(p->rate, pass(k, now), *ahead);
    if (*ahead + BUCKET_UNIT > p->depth)
        return no;
    *ahead += BUCKET_UNIT;
    return yes;
}

/* Moves to the aligned window of the clock; the counter of the window just before it stays in `before`. */
static void turn(const struct limit *p, struct limiter_key *k, int64_t now)
{
    pass(k, now);
    int64_t tick = floor_div(k->last, p->window_ms);
    if (tick == k->u.window.tick)
        return;
    k->u.window.before = tick - 1 == k->u.window.tick ? k->u.window.now : 0;
    k->u.window.now = 0;
    k->u.window.tick = tick;
}

static struct limiter_answer ask_fixed(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    (void)first;
    turn(&l->limit, k, now);
    if (k->u.window.now >= l->limit.depth)
        return no;
    k->u.window.now++;
    return yes;
}

static struct limiter_answer ask_strict(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    (void)first;
    turn(&l->limit, k, now);
    return ++k->u.window.now > l->limit.depth ? no : yes;
}

/* before * (1 - elapsed / W) + now + 1 <= limit, multiplied by W. */
static struct limiter_answer ask_sliding(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    const struct limit *p = &l->limit;
    (void)first;
    turn(p, k, now);
    uint64_t w = (uint64_t)p->window_ms, elapsed = (uint64_t)(k->last - k->u.window.tick * p->window_ms);
    unsigned __int128 estimate = (unsigned __int128)k->u.window.before * (w - elapsed);
    if (estimate + (unsigned __int128)(k->u.window.now + 1) * w > (unsigned __int128)p->depth * w)
        return no;
    k->u.window.now++;
    return yes;
}

/* Room for one more time in the ring. */
static bool grow(struct limiter *l, struct limiter_key *k)
{
    uint32_t size = k->u.log.size ? k->u.log.size * 2 : LOG_FIRST;
    uint64_t more = (uint64_t)(size - k->u.log.size) * sizeof(int64_t);
    int64_t *at = l->log_bytes + more > LIMITER_LOG_MOST ? NULL : malloc(size * sizeof *at);
    if (!at) {
        l->full = true;
        return false;
    }
    for (uint32_t i = 0; i < k->u.log.n; i++)
        at[i] = k->u.log.at[(k->u.log.head + i) & (k->u.log.size - 1)];
    free(k->u.log.at);
    l->log_bytes += more;
    k->u.log.at = at;
    k->u.log.size = size;
    k->u.log.head = 0;
    return true;
}

/* Fewer than the limit accepted in (now - W, now]. */
static struct limiter_answer ask_log(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    (void)first;
    pass(k, now);
    while (k->u.log.n && k->u.log.at[k->u.log.head] <= k->last - l->limit.window_ms) {
        k->u.log.head = (k->u.log.head + 1) & (k->u.log.size - 1);
        k->u.log.n--;
    }
    if (k->u.log.n >= l->limit.depth)
        return no;
    if (k->u.log.n == k->u.log.size && !grow(l, k))
        return no;
    k->u.log.at[(k->u.log.head + k->u.log.n++) & (k->u.log.size - 1)] = k->last;
    return yes;
}

/* freq_ctr of a stick table: two periods, the first begins with the first request. It counts before it is asked. */
static struct limiter_answer ask_haproxy(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    int64_t w = l->limit.window_ms;
    pass(k, now);
    if (first)
        k->u.window.tick = k->last;
    if (k->last - k->u.window.tick >= w) {
        k->u.window.before = k->u.window.now;
        k->u.window.now = 0;
        k->u.window.tick += w;
        if (k->last - k->u.window.tick >= w) {
            k->u.window.before = 0;
            k->u.window.tick = k->last;
        }
    }
    k->u.window.now++;
    uint64_t left = (uint64_t)(w - (k->last - k->u.window.tick));
    unsigned __int128 old = (unsigned __int128)k->u.window.before * left / (uint64_t)w;
    return k->u.window.now + old > l->limit.depth ? no : yes;
}

/* A timer fills at whole multiples of the interval since the epoch: when the proxy was started nobody can tell. */
static struct limiter_answer ask_envoy(struct limiter *l, struct limiter_key *k, int64_t now, bool first)
{
    const struct limit *p = &l->limit;
    pass(k, now);
    int64_t tick = floor_div(k->last, p->window_ms);
    uint64_t *tokens = &k->u.window.now;
    if (first)
        *tokens = p->depth;
    else
        *tokens += flow(p->fill, (uint64_t)(tick - k->u.window.tick), p->depth - *tokens);
    k->u.window.tick = tick;
    if (!*tokens)
        return no;
    --*tokens;
    return yes;
}

typedef struct limiter_answer ask(struct limiter *l, struct limiter_key *k, int64_t now, bool first);

static ask *const models[LIMITER_MODELS] = {[LIMITER_NGINX] = ask_nginx,   [LIMITER_TOKEN_BUCKET] = ask_token_bucket,
                                            [LIMITER_GCRA] = ask_gcra,     [LIMITER_FIXED] = ask_fixed,
                                            [LIMITER_STRICT] = ask_strict, [LIMITER_SLIDING] = ask_sliding,
                                            [LIMITER_LOG] = ask_log,       [LIMITER_HAPROXY] = ask_haproxy,
                                            [LIMITER_ENVOY] = ask_envoy};

struct limiter_answer limiter_ask(struct limiter *l, struct limiter_key *k, int64_t us)
{
    int64_t ms = floor_div(us, 1000);
    bool first = !k->started;
    if (first) {
        k->started = true;
        k->last = ms;
    }
    return models[l->limit.model](l, k, ms, first);
}

void limiter_forget(struct limiter *l, struct limiter_key *k)
{
    if (l->limit.model == LIMITER_LOG) {
        l->log_bytes -= (uint64_t)k->u.log.size * sizeof(int64_t);
        free(k->u.log.at);
    }
    *k = (struct limiter_key){0};
}
