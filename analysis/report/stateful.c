/* What the state that ties clients to a server costs: sessions that are not found, backends that are not evenly used,
 * GETs that keep other answers from being kept (ALGORITHMS.md 9.1, in the currency of 8.8). */
#include <math.h>

#include "analysis/report/gathering.h"
#include "base/human.h"

#define BACKEND_SHARE 0.05 /* of the requests: a backend that others are held against */
#define UNEVEN_SHARE 0.05  /* of the endpoint's server time, at least */

/* Requests without a session, where one is needed; and with one, at a server that does not know it. */
static void find_session(struct gathering *g, uint32_t id, const struct ties_endpoint *e,
                         const struct stateless_grade *grade)
{
    const struct stateless_seen *s = &e->seen;
    bool needed = grade->signal[STATELESS_S2].state == STATELESS_TIED && s->with_cookie;
    bool breaks = grade->signal[STATELESS_S4].state == STATELESS_TIED;
    double excess =
        breaks && s->moved.k ? grade->signal[STATELESS_S4].value * (double)s->moved.n / (double)s->moved.k : 0;
    double without = needed ? (double)e->refused_us / 1e6 : 0, strayed = excess * (double)e->strayed_us / 1e6;
    uint64_t n = (needed ? e->refused : 0) + (breaks ? s->moved.k : 0);
    struct bottleneck *b = gathering_add(g, BOTTLENECK_SESSION, EFFORT_CODE, without + strayed, n);
    if (!b)
        return;
    gathering_at(g, b, id);
    if (needed)
        buf_printf(&b->why, "%s of %s requests came without a session and were refused", human_count(e->refused).text,
                   human_count(s->requests).text);
    if (breaks)
        buf_printf(&b->why, "%s%s of %s that were sent to another server than the session's failed there",
                   needed ? "; " : "", human_count(s->moved.k).text, human_count(s->moved.n).text);
    buf_str(&b->action, breaks ? "keep sessions where all servers find them, or send a token that stands for itself"
                               : "let a token stand for itself, so that no request has to fetch a session first");
    gathering_count(b, "requests", s->requests);
    gathering_count(b, "without_session", needed ? e->refused : 0);
    gathering_number(b, "without_session_s", without);
    gathering_count(b, "at_another_server", breaks ? s->moved.k : 0);
    gathering_number(b, "at_another_server_s", strayed);
}

static double mean_of(const struct ties_endpoint *e, int i)
{
    return e->served_n[i] ? (double)e->served_us[i] / 1e6 / (double)e->served_n[i] : NAN;
}

/* The quickest of the backends that have a share; -1: fewer than two. */
static int quickest(const struct ties_endpoint *e)
{
    uint64_t all = 0;
    int best = -1, n = 0;
    for (int i = 0; i < STATELESS_BACKENDS; i++)
        all += e->served_n[i];
    for (int i = 0; i < STATELESS_BACKENDS; i++) {
        if (!e->served_n[i] || (double)e->served_n[i] < BACKEND_SHARE * (double)all)
            continue;
        best = best < 0 || mean_of(e, i) < mean_of(e, best) ? i : best;
        n++;
    }
    return n < 2 ? -1 : best;
}

/* Clients stay at one server, so load does not spread: what the others take longer than the quickest one. */
static void find_uneven(struct gathering *g, uint32_t id, const struct ties_endpoint *e)
{
    int best = quickest(e);
    double excess = 0, all = 0;
    uint64_t n = 0;
    for (int i = 0; best >= 0 && i < STATELESS_BACKENDS; i++) {
        double more = e->served_n[i] ? mean_of(e, i) - mean_of(e, best) : 0;
        excess += more * (double)e->served_n[i];
        n += more > 0 ? e->served_n[i] : 0;
        all += (double)e->served_us[i] / 1e6;
    }
    struct bottleneck *b = best < 0 || excess < UNEVEN_SHARE * all
                               ? NULL
                               : gathering_add(g, BOTTLENECK_AFFINITY, EFFORT_CONFIG, excess, n);
    if (!b)
        return;
    gathering_at(g, b, id);
    buf_printf(&b->why,
               "clients stay at one server; %s requests took %s longer than at the quickest one (%s on average)",
               human_count(n).text, human_seconds(excess / (double)n).text, human_seconds(mean_of(e, best)).text);
    buf_str(&b->action, "send each request to the server with the least to do, not to where the client was before");
    gathering_count(b, "requests", n);
    gathering_number(b, "longer_s", excess / (double)n);
    gathering_number(b, "quickest_mean_s", mean_of(e, best));
    gathering_number(b, "quickest_share", (double)e->seen.served[best] / (double)e->seen.requests);
}

static void find_unsafe(struct gathering *g, const struct unsafe_found *f)
{
    struct slice changed = gathering_name(g, f->reader);
    struct bottleneck *b =
        !changed.p || !gathering_name(g, f->writer).p
            ? NULL
            : gathering_add(g, BOTTLENECK_UNSAFE_GET, EFFORT_CODE, (double)f->idle_us / 1e6, f->idle);
    if (!b)
        return;
    gathering_at(g, b, f->writer);
    buf_printf(&b->why,
               "a GET after which %s of the answers of %.*s are others (%s otherwise): %s answers that did not "
               "change could not be kept",
               human_percent(f->precision).text, (int)changed.n, changed.p, human_percent(f->base).text,
               human_count(f->idle).text);
    buf_str(&b->action, "make it a POST, then let caches keep what it changes until it comes; a GET may be prefetched, "
                        "crawled and sent twice");
    struct json j = {&b->evidence, false};
    json_key_text(&j, "changes", changed);
    gathering_count(b, "gaps", f->n);
    gathering_count(b, "changed", f->changed);
    gathering_number(b, "otherwise", f->base);
    gathering_count(b, "unchanged_answers", f->idle);
    gathering_count(b, "own_answers_only", f->scope == UNSAFE_OWN);
}

void stateful_find(struct gathering *g, const struct ties *t)
{
    for (uint32_t id = 1; t->any && !t->failed && id < t->n_endpoints; id++) {
        const struct ties_endpoint *e = &t->endpoint[id];
        struct stateless_grade grade;
        if (!e->seen.requests || !gathering_name(g, id).p)
            continue;
        stateless_judge(&e->seen, STATELESS_REPLAY_UNKNOWN, &grade);
        find_session(g, id, e, &grade);
        if (grade.signal[STATELESS_S3].state == STATELESS_TIED)
            find_uneven(g, id, e);
    }
    for (uint32_t i = 0; t->any && !t->failed && i < t->n_changes; i++)
        find_unsafe(g, &t->changes[i]);
}
