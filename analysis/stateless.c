#include "analysis/stateless.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "analysis/interval.h"
#include "analysis/sandwich.h"

#define OFTEN 0.01   /* of answers or requests: S1, S9 */
#define BACKEND 0.05 /* of the traffic, to count as one */
#define KAPPA 0.2
#define EXCESS 0.2 /* of errors */
#define SURE 4     /* z of an excess */

static const struct {
    const char *number, *name, *says;
    int deducts;
} signals[STATELESS_SIGNALS] = {
#define SIGNAL(id, name, deducts, says) [STATELESS_##id] = {#id, name, says, deducts},
#include "analysis/stateless.def"
#undef SIGNAL
};

const char *stateless_name(enum stateless_signal s)
{
    return signals[s].name;
}

const char *stateless_number(enum stateless_signal s)
{
    return signals[s].number;
}

const char *stateless_says(enum stateless_signal s)
{
    return signals[s].says;
}

int stateless_deducts(enum stateless_signal s, enum stateless_state state)
{
    if (state == STATELESS_UNDETERMINED)
        return s == STATELESS_S2 ? 10 : 0;
    return state == STATELESS_TIED ? signals[s].deducts : 0;
}

char stateless_letter(double score)
{
    return score >= 90 ? 'A' : score >= 75 ? 'B' : score >= 50 ? 'C' : score >= 25 ? 'D' : 'E';
}

static double share(struct stateless_share s)
{
    return s.n ? (double)s.k / (double)s.n : NAN;
}

double stateless_z(struct stateless_share a, struct stateless_share b)
{
    if (!a.n || !b.n)
        return 0;
    double p = (double)(a.k + b.k) / (double)(a.n + b.n);
    double e = sqrt(p * (1 - p) * (1 / (double)a.n + 1 / (double)b.n));
    return e > 0 ? (share(a) - share(b)) / e : 0;
}

static struct stateless_result result(enum stateless_state state, uint64_t n, double value, const char *says)
{
    struct stateless_result r = {.state = state, .n = n, .value = value};
    snprintf(r.says, sizeof r.says, "%s", says);
    return r;
}

static struct stateless_result often(uint64_t k, uint64_t n, const char *free, const char *tied)
{
    if (!n)
        return result(STATELESS_UNDETERMINED, 0, NAN, "nothing was seen");
    double p = (double)k / (double)n;
    return result(p > OFTEN ? STATELESS_TIED : STATELESS_FREE, n, p, p > OFTEN ? tied : free);
}

static struct stateless_result session_need(const struct stateless_seen *s)
{
    uint64_t enough = sandwich_enough(SANDWICH_LEVEL);
    struct stateless_share all = s->class.n > s->content.n ? s->class : s->content;
    if (!s->reads)
        return s->with_cookie ? result(STATELESS_UNDETERMINED, 0, NAN, "answers to writes are not compared")
                              : result(STATELESS_FREE, s->requests, 0, "no request carries a cookie");
    if (!s->with_cookie)
        return result(STATELESS_FREE, s->requests, 0, "no request carries a cookie");
    if (sandwich_relevant(s->class.k, s->class.n, SANDWICH_LEVEL))
        return result(STATELESS_TIED, s->class.n, share(s->class), "without the cookie the status is another");
    if (sandwich_relevant(s->content.k, s->content.n, SANDWICH_LEVEL))
        return result(STATELESS_TIED, s->content.n, share(s->content), "without the cookie the answer is another");
    if (!s->content.k && s->content.n >= enough)
        return result(STATELESS_FREE, s->content.n, 0, "the same with and without cookies");
    struct stateless_result r = result(STATELESS_UNDETERMINED, s->content.n, share(all), "");
    snprintf(r.says, sizeof r.says, "needs %" PRIu64 " comparisons with and without cookies, has %" PRIu64, enough,
             s->content.n);
    return r;
}

/* How many backends have a share of the traffic; *same: that two requests fall on the same one by chance. */
static unsigned backends(const struct stateless_seen *s, double *same)
{
    double all = (double)s->elsewhere, rest = all;
    unsigned n = 0;
    *same = 0;
    for (int i = 0; i < STATELESS_BACKENDS; i++)
        all += (double)s->served[i];
    for (int i = 0; all > 0 && i < STATELESS_BACKENDS; i++) {
        double p = (double)s->served[i] / all;
        n += p >= BACKEND;
        *same += p * p;
    }
    *same += all > 0 ? rest / all * (rest / all) : 0; /* as if one: what is beyond sixteen can only look less tied */
    return n;
}

unsigned stateless_backends(const struct stateless_seen *s)
{
    double same;
    return backends(s, &same);
}

#define UNNAMED "no record says which backend answered"

static struct stateless_result affinity(const struct stateless_seen *s)
{
    double by_chance;
    unsigned n = backends(s, &by_chance);
    if (n < 2)
        return result(STATELESS_UNDETERMINED, s->pairs.n, NAN,
                      n ? "one backend was seen: affinity is not observable" : UNNAMED);
    struct stateless_result r = result(STATELESS_UNDETERMINED, s->pairs.n, NAN, "");
    if (s->pairs.n < STATELESS_FEW) {
        snprintf(r.says, sizeof r.says, "needs %d pairs on different connections, has %" PRIu64, STATELESS_FEW,
                 s->pairs.n);
        return r;
    }
    double same = share(s->pairs), low = interval_wilson(same, (double)s->pairs.n, INTERVAL_Z95).low;
    r.value = (same - by_chance) / (1 - by_chance);
    r.state = (low - by_chance) / (1 - by_chance) > KAPPA ? STATELESS_TIED : STATELESS_FREE;
    snprintf(r.says, sizeof r.says, "%.0f %% of pairs at the same backend, %.0f %% by chance", 100 * same,
             100 * by_chance);
    return r;
}

static struct stateless_result affinity_break(const struct stateless_seen *s)
{
    double by_chance;
    uint64_t n = s->moved.n < s->stayed.n ? s->moved.n : s->stayed.n;
    unsigned servers = backends(s, &by_chance);
    if (servers < 2)
        return result(STATELESS_UNDETERMINED, 0, NAN, servers ? "one backend was seen: no session can move" : UNNAMED);
    struct stateless_result r = result(STATELESS_UNDETERMINED, n, NAN, "");
    if (n < STATELESS_FEW) {
        snprintf(r.says, sizeof r.says, "needs %d requests away from the session's backend and at it, has %" PRIu64,
                 STATELESS_FEW, n);
        return r;
    }
    r.value = share(s->moved) - share(s->stayed);
    r.state = r.value >= EXCESS && stateless_z(s->moved, s->stayed) >= SURE ? STATELESS_TIED : STATELESS_FREE;
    snprintf(r.says, sizeof r.says, "%.0f %% fail at another backend, %.0f %% at the session's own",
             100 * share(s->moved), 100 * share(s->stayed));
    return r;
}

static struct stateless_result credential(const struct stateless_seen *s)
{
    uint64_t cookie = s->kind[IDENTITY_COOKIE], all = 0;
    for (int i = 0; i < IDENTITY_COUNT; i++)
        all += i == IDENTITY_ADDRESS || i == IDENTITY_FORWARDED ? 0 : s->kind[i];
    if (!all)
        return result(STATELESS_FREE, s->requests, NAN, "no credential was seen");
    double p = (double)cookie / (double)all;
    return result(2 * cookie > all ? STATELESS_TIED : STATELESS_FREE, all, p,
                  2 * cookie > all ? "most requests have no other credential than a session cookie"
                                   : "most credentials stand by themselves");
}

static struct stateless_result replay_of(const struct stateless_seen *s, enum stateless_replay replay)
{
    switch (replay) {
    case STATELESS_REPLAY_SAME:
        return result(STATELESS_FREE, s->requests, NAN, "all clients get the same");
    case STATELESS_REPLAY_TENANTS:
        return result(STATELESS_FREE, s->requests, NAN, "clients of a tenant get the same");
    case STATELESS_REPLAY_DIFFERS:
        return result(STATELESS_TIED, s->requests, NAN, stateless_says(STATELESS_S6));
    case STATELESS_REPLAY_UNKNOWN:
        break;
    }
    return result(STATELESS_UNDETERMINED, 0, NAN, "answers to different clients of one tenant could not be compared");
}

static struct stateless_result order(const struct stateless_seen *s)
{
    uint64_t n = s->before.n < s->without.n ? s->before.n : s->without.n;
    if (n < STATELESS_FEW)
        return result(STATELESS_UNDETERMINED, n, NAN,
                      "no other endpoint came before often enough, and often enough not");
    double excess = share(s->without) - share(s->before);
    struct stateless_result r = result(STATELESS_FREE, n, excess, "");
    r.endpoint = s->prior;
    if (excess >= EXCESS && stateless_z(s->without, s->before) >= SURE)
        r.state = STATELESS_TIED;
    snprintf(r.says, sizeof r.says, "%.0f %% fail without endpoint %" PRIu32 " before, %.0f %% after it",
             100 * share(s->without), s->prior, 100 * share(s->before));
    return r;
}

/* S8: what other requests are answered before and after this one. */
static struct stateless_result unsafe_get(const struct stateless_seen *s)
{
    struct stateless_result r = result(STATELESS_UNDETERMINED, s->changes.n, s->changes.precision, "");
    if (!s->reads)
        return result(STATELESS_FREE, s->requests, NAN, "no GET");
    r.endpoint = s->changes.proven || s->changes.z >= SURE ? s->changes.reader : 0;
    if (s->changes.proven) {
        r.state = STATELESS_TIED;
        snprintf(r.says, sizeof r.says, "%.0f %% of endpoint %" PRIu32 "'s answers change after it, %.0f %% otherwise",
                 100 * s->changes.precision, s->changes.reader, 100 * s->changes.base);
    } else if (s->changes.n < STATELESS_UNCHANGED) {
        snprintf(r.says, sizeof r.says, "needs %d gaps between answers of its name with it alone, has %" PRIu64,
                 STATELESS_UNCHANGED, s->changes.n);
    } else if (s->changes.z >= SURE) {
        snprintf(r.says, sizeof r.says, "answers of endpoint %" PRIu32 " change more often after it, but not each time",
                 s->changes.reader);
    } else {
        r.state = STATELESS_FREE;
        snprintf(r.says, sizeof r.says, "other answers of its name change no more often after it");
    }
    return r;
}

void stateless_judge(const struct stateless_seen *s, enum stateless_replay replay, struct stateless_grade *out)
{
    struct stateless_result *r = out->signal;
    r[STATELESS_S1] =
        often(s->sets_session, s->answers, "next to no answer sets a session cookie", stateless_says(STATELESS_S1));
    r[STATELESS_S2] = session_need(s);
    r[STATELESS_S3] = affinity(s);
    r[STATELESS_S4] = affinity_break(s);
    r[STATELESS_S5] = credential(s);
    r[STATELESS_S6] = replay_of(s, replay);
    r[STATELESS_S7] = order(s);
    r[STATELESS_S8] = unsafe_get(s);
    r[STATELESS_S9] = often(s->in_url, s->requests, "next to no URL carries a session", stateless_says(STATELESS_S9));
    r[STATELESS_S10] = often(s->stays, s->answers, "next to no WebSocket or event stream is open",
                             "WebSockets or event streams stay open, each at one server");
    out->score = 100;
    out->evidence = UINT64_MAX;
    for (int i = 0; i < STATELESS_SIGNALS; i++) {
        out->score -= stateless_deducts((enum stateless_signal)i, r[i].state);
        if (r[i].state != STATELESS_UNDETERMINED && r[i].n < out->evidence)
            out->evidence = r[i].n;
    }
    out->score = out->score < 0 ? 0 : out->score;
    out->evidence = out->evidence == UINT64_MAX ? 0 : out->evidence;
    out->grade =
        s->requests >= STATELESS_REQUESTS && s->clients >= STATELESS_CLIENTS ? stateless_letter(out->score) : 0;
}

/* ---- URLs ---- */

static bool is_session(struct slice name)
{
    static const struct slice names[] = {SLICE("phpsessid"), SLICE("jsessionid"), SLICE("sid"),
                                         SLICE("sessionid"), SLICE("session_id"), SLICE("aspsessionid")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_ieq(name, names[i]))
            return true;
    return false;
}

bool stateless_in_url(struct slice target)
{
    size_t at = 0;
    while (at < target.n) {
        while (at < target.n && target.p[at] != '?' && target.p[at] != '&' && target.p[at] != ';')
            at++;
        size_t start = ++at;
        while (at < target.n && !memchr("?&;=/", target.p[at], 5))
            at++;
        if (at < target.n && target.p[at] == '=' && is_session(slice_sub(target, start, at)))
            return true;
    }
    return false;
}
