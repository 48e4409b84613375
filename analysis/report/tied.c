#include "analysis/report/tied.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/learned.h"
#include "analysis/report/advice.h"
#include "analysis/report/versioned.h"
#include "base/human.h"

enum { SERVICES = 256 };

static const char *const states[] = {"undetermined", "free", "tied"};

/* ---- what is known of one ---- */

static bool knows_tenants(const struct row_endpoint *e)
{
    struct learned l;
    learned_read(&l, e->learned);
    for (unsigned i = 0; i < l.n; i++)
        if (l.dim[i].kind == PART_CLAIM && strcmp(l.dim[i].text, "tenant") == 0)
            return true;
    return false;
}

/* Answers that differ between credentials tell of state only where the credentials are of one tenant. */
static enum stateless_replay replay_of(const struct row_endpoint *e, const struct facts *f)
{
    if (f->windowed)
        return STATELESS_REPLAY_UNKNOWN;
    switch (advice_of(e, f).sharing.verdict) {
    case SHARING_SHARED:
        return STATELESS_REPLAY_SAME;
    case SHARING_TENANT:
        return STATELESS_REPLAY_TENANTS;
    case SHARING_PRIVATE:
        return knows_tenants(e) ? STATELESS_REPLAY_DIFFERS : STATELESS_REPLAY_UNKNOWN;
    default:
        return STATELESS_REPLAY_UNKNOWN;
    }
}

static bool judge(const struct row_endpoint *e, const struct facts *f, const struct ties *t,
                  struct stateless_grade *grade)
{
    const struct ties_endpoint *seen = ties_endpoint(t, e->id);
    if (!seen || !seen->seen.requests)
        return false;
    stateless_judge(&seen->seen, replay_of(e, f), grade);
    return true;
}

/* ---- JSON ---- */

static void letter(struct json *j, char grade)
{
    json_key(j, "grade");
    if (grade)
        json_slice(j, slice_of(&grade, 1));
    else
        json_null(j);
}

/* What it says, with the endpoint's name for its number. */
static void say(const struct stateless_result *r, const struct written_names *names, struct buf *out)
{
    char number[32];
    snprintf(number, sizeof number, "endpoint %" PRIu32, r->endpoint);
    struct slice name = written_name_of(names, r->endpoint);
    const char *at = r->endpoint && name.n ? strstr(r->says, number) : NULL;
    if (!at) {
        buf_str(out, r->says);
        return;
    }
    buf_slice(out, slice_of(r->says, (size_t)(at - r->says)));
    buf_slice(out, name);
    buf_str(out, at + strlen(number));
}

static void says(struct json *j, const struct stateless_result *r, const struct written_names *names)
{
    struct buf text = {0};
    json_key(j, "says");
    say(r, names, &text);
    json_slice(j, slice_of(text.p, text.n));
    buf_free(&text);
}

static void signal(struct json *j, enum stateless_signal s, const struct stateless_result *r,
                   const struct written_names *names)
{
    json_open(j, '{');
    json_key(j, "signal");
    json_str(j, stateless_number(s));
    json_key(j, "name");
    json_str(j, stateless_name(s));
    json_key(j, "means");
    json_str(j, stateless_says(s));
    json_key(j, "state");
    json_str(j, states[r->state]);
    json_key_u64(j, "deducted", (uint64_t)stateless_deducts(s, r->state));
    json_key_u64(j, "n", r->n);
    json_key_double(j, "value", r->value);
    says(j, r, names);
    json_close(j, '}');
}

void tied_endpoint(struct json *j, const struct row_endpoint *e, const struct facts *f, const struct ties *t,
                   const struct written_names *names)
{
    const struct ties_endpoint *seen = ties_endpoint(t, e->id);
    struct stateless_grade g;
    json_key(j, "statelessness");
    if (!judge(e, f, t, &g)) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    letter(j, g.grade);
    json_key_u64(j, "score", (uint64_t)g.score);
    json_key_u64(j, "evidence_least", g.evidence);
    json_key_u64(j, "requests", seen->seen.requests);
    json_key_u64(j, "clients", seen->seen.clients);
    json_key_u64(j, "servers", stateless_backends(&seen->seen));
    json_key(j, "evidence");
    json_open(j, '[');
    for (int i = 0; i < STATELESS_SIGNALS; i++)
        signal(j, (enum stateless_signal)i, &g.signal[i], names);
    json_close(j, ']');
    json_key(j, "undetermined");
    json_open(j, '[');
    for (int i = 0; i < STATELESS_SIGNALS; i++)
        if (g.signal[i].state == STATELESS_UNDETERMINED)
            json_str(j, stateless_number((enum stateless_signal)i));
    json_close(j, ']');
    json_close(j, '}');
}

void tied_replicas(struct json *j, const struct row_endpoint *e, const struct ties *t)
{
    static const char *const verdicts[] = {NULL, "undetermined", "agree", "disagree"};
    const struct ties_endpoint *seen = ties_endpoint(t, e->id);
    enum ties_replicas is = seen ? ties_replicas(seen) : TIES_ONE_SERVER;
    json_key(j, "replicas");
    if (is == TIES_ONE_SERVER) {
        json_null(j);
        return;
    }
    unsigned servers = 0;
    while (servers < STATELESS_BACKENDS && seen->seen.server[servers])
        servers++;
    json_open(j, '{');
    json_key(j, "verdict");
    json_str(j, verdicts[is]);
    json_key_u64(j, "servers", servers);
    json_key_u64(j, "comparisons", seen->replicas.n);
    json_key_u64(j, "differing", seen->replicas.k);
    json_key_double(j, "differing_ratio", facts_ratio(seen->replicas.k, seen->replicas.n));
    json_key_double(j, "differing_ratio_within_one", facts_ratio(seen->alone.k, seen->alone.n));
    json_close(j, '}');
}

void tied_management(struct json *j, const struct row_endpoint *e, const struct ties *t)
{
    const struct ties_endpoint *seen = ties_endpoint(t, e->id);
    bool unsafe = slice_eq(e->method, SLICE("POST")) || slice_eq(e->method, SLICE("PATCH"));
    unsafe &= !e->operation_safe;
    json_key(j, "management");
    if (!seen || !seen->seen.requests) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "requests", seen->seen.requests);
    json_key(j, "credentials");
    json_open(j, '{');
    for (int i = 0; i < IDENTITY_COUNT; i++)
        if (seen->seen.kind[i])
            json_key_u64(j, identity_name((enum identity)i), seen->seen.kind[i]);
    json_close(j, '}');
    json_key_u64(j, "credentials_in_clear", seen->clear);
    json_key_u64(j, "deprecation", seen->deprecation);
    json_key_u64(j, "sunset", seen->sunset);
    json_key(j, "without_idempotency_key");
    if (unsafe)
        json_u64(j, seen->seen.requests - seen->keyed);
    else
        json_null(j);
    json_close(j, '}');
}

/* Of the endpoints that have a grade. */
struct service {
    char *name;
    size_t name_n;
    uint64_t requests, graded; /* of those with and without; of those with a grade */
    double weighted;           /* score * requests */
    uint32_t worst;
    int worst_score;
};

struct services {
    const struct facts *f;
    const struct ties *t;
    struct service item[SERVICES];
    unsigned n;
    uint64_t beyond; /* endpoints of further services */
};

static struct service *service_of(struct services *s, struct slice name)
{
    for (unsigned i = 0; i < s->n; i++)
        if (slice_eq(slice_of(s->item[i].name, s->item[i].name_n), name))
            return &s->item[i];
    char *copy = s->n < SERVICES ? malloc(name.n + 1) : NULL;
    if (!copy)
        return NULL;
    if (name.n)
        memcpy(copy, name.p, name.n);
    s->item[s->n] = (struct service){.name = copy, .name_n = name.n, .worst_score = 101};
    return &s->item[s->n++];
}

static bool add(void *context, const struct row_endpoint *e)
{
    struct services *s = context;
    const struct ties_endpoint *seen = ties_endpoint(s->t, e->id);
    struct stateless_grade g;
    if (!judge(e, s->f, s->t, &g))
        return true;
    struct service *v = service_of(s, e->service);
    if (!v) {
        s->beyond++;
        return true;
    }
    v->requests += seen->seen.requests;
    if (!g.grade)
        return true;
    v->graded += seen->seen.requests;
    v->weighted += g.score * (double)seen->seen.requests;
    if (g.score < v->worst_score) {
        v->worst_score = g.score;
        v->worst = e->id;
    }
    return true;
}

static struct services *services(struct store_reader *r, const struct facts *f, const struct ties *t)
{
    struct services *s = t->any && !t->failed ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    s->f = f;
    s->t = t;
    store_read_endpoints(r, add, s);
    return s;
}

static void services_free(struct services *s)
{
    for (unsigned i = 0; s && i < s->n; i++)
        free(s->item[i].name);
    free(s);
}

static double score_of(const struct service *v)
{
    return v->graded ? v->weighted / (double)v->graded : NAN;
}

static void service(struct json *j, const struct service *v)
{
    json_open(j, '{');
    json_key_text(j, "service", slice_of(v->name, v->name_n));
    letter(j, v->graded ? stateless_letter(score_of(v)) : 0);
    json_key_double(j, "score", score_of(v));
    json_key_u64(j, "requests", v->requests);
    json_key_u64(j, "graded_requests", v->graded);
    json_key(j, "worst");
    if (v->worst) {
        json_open(j, '{');
        json_key_u64(j, "endpoint", v->worst);
        letter(j, stateless_letter(v->worst_score));
        json_close(j, '}');
    } else {
        json_null(j);
    }
    json_close(j, '}');
}

void tied_services(struct json *j, struct store_reader *r, const struct facts *f, const struct ties *t)
{
    struct services *s = services(r, f, t);
    json_key(j, "statelessness");
    if (!s) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key_u64(j, "records", t->records);
    json_key_u64(j, "untracked", t->untracked + s->beyond);
    json_key(j, "services");
    json_open(j, '[');
    for (unsigned i = 0; i < s->n; i++)
        service(j, &s->item[i]);
    json_close(j, ']');
    json_close(j, '}');
    services_free(s);
}

/* ---- text ---- */

struct listing {
    struct buf *out;
    const struct facts *f;
    const struct ties *t;
    const struct written_names *names;
    unsigned row, top, width;
    uint64_t clear, seen;
    unsigned alone;   /* graded endpoints of which one server was seen, or none is known */
    unsigned unnamed; /* of those: none is known */
};

/* What took something off, or what could not be told. */
static void list(const struct listing *l, const struct stateless_grade *g, enum stateless_state state,
                 const char *before)
{
    struct buf *out = l->out;
    bool first = true;
    for (int i = 0; i < STATELESS_SIGNALS; i++) {
        if (g->signal[i].state != state || (state == STATELESS_UNDETERMINED && i == STATELESS_S10))
            continue;
        buf_str(out, first ? before : state == STATELESS_TIED ? "; " : " ");
        buf_str(out, stateless_number((enum stateless_signal)i));
        if (state == STATELESS_TIED) {
            buf_char(out, ' ');
            say(&g->signal[i], l->names, out);
        }
        first = false;
    }
}

/* What takes something off as long as it is not told. */
static void untold(struct buf *out, const struct stateless_grade *g)
{
    for (int i = 0; i < STATELESS_SIGNALS; i++) {
        int off = stateless_deducts((enum stateless_signal)i, STATELESS_UNDETERMINED);
        if (off && g->signal[i].state == STATELESS_UNDETERMINED)
            buf_printf(out, "  %s -%d while not told", stateless_number((enum stateless_signal)i), off);
    }
}

static void one_server(const struct listing *l, struct buf *out)
{
    if (!l->alone)
        return;
    if (l->unnamed == l->row)
        buf_str(
            out,
            "  No record says which server answered: that another could was not put to the test, only nothing speaks "
            "against it.\n");
    else if (l->alone == l->row)
        buf_str(out, "  One server was seen of each: that another could answer was not put to the test, only nothing "
                     "speaks against it.\n");
    else
        buf_printf(out, "  Of %u of %u one server was seen: that another could answer was not put to the test.\n",
                   l->alone, l->row);
}

static bool row(void *context, const struct row_endpoint *e)
{
    struct listing *l = context;
    const struct ties_endpoint *seen = ties_endpoint(l->t, e->id);
    struct stateless_grade g;
    struct buf name = {0};
    if (!judge(e, l->f, l->t, &g))
        return true;
    l->clear += seen->clear;
    l->seen += seen->seen.requests;
    if (!g.grade)
        return true;
    l->alone += stateless_backends(&seen->seen) < 2;
    l->unnamed += !stateless_backends(&seen->seen);
    if (l->row++ >= l->top)
        return true;
    facts_name(&name, e);
    buf_str(l->out, "  ");
    human_cell(l->out, slice_of(name.p, name.n), l->width - 60);
    buf_free(&name);
    buf_printf(l->out, " %c %3d %7s", g.grade, g.score, human_count(seen->seen.requests).text);
    list(l, &g, STATELESS_TIED, "  ");
    untold(l->out, &g);
    list(l, &g, STATELESS_UNDETERMINED, "  not told: ");
    buf_char(l->out, '\n');
    if (seen->deprecation || seen->sunset)
        buf_printf(l->out, "    on its way out: Deprecation in %s answers, Sunset in %s\n",
                   human_count(seen->deprecation).text, human_count(seen->sunset).text);
    return true;
}

void tied_text(struct store_reader *r, const struct facts *f, const struct ties *t, const struct written_names *names,
               unsigned top, unsigned width, struct buf *out)
{
    struct buf rows = {0};
    struct listing l = {.out = &rows, .f = f, .t = t, .names = names, .top = top, .width = width};
    store_read_endpoints(r, row, &l);
    if (l.row) {
        buf_str(out, "\nWHAT TIES CLIENTS TO A SERVER\n"
                     "  A: any server can answer any request; E: only one can. S1 sets sessions, S2 needs them, S3 "
                     "affinity, S4 breaks without it,\n  S5 cookie alone, S6 answers differ, S7 order, S8 unsafe GET, "
                     "S9 session in URL (--format json has all evidence)\n");
        one_server(&l, out);
        buf_str(out, "  ");
        human_cell(out, SLICE("endpoint"), width - 60);
        buf_str(out, " grade request  tied by\n");
        buf_slice(out, slice_of(rows.p, rows.n));
        if (l.row > top)
            buf_printf(out, "  … and %u more endpoints (--top N, or --format json for all)\n", l.row - top);
        if (l.clear)
            buf_printf(out, "  %s of %s requests carry a credential in the clear, as seen from here\n",
                       human_count(l.clear).text, human_count(l.seen).text);
    }
    buf_free(&rows);
    versioned_text(r, t, top, out);
}
