#include "tui/insight.h"

#include <math.h>
#include <stdlib.h>

#include "tui/sheet.h"

/* The report is read member by member, its long lists row by row, so that no tree of all of it is needed. */
struct reading {
    struct insight *out;
    const char *p, *end;
    cJSON *sockets; /* endpoints that opened WebSockets */
    struct buf scratch;
    bool failed;
};

static const cJSON *get(const cJSON *o, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(o, name);
}

static double number(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);
    return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

static uint64_t count(const cJSON *o, const char *name)
{
    double v = number(o, name);
    return v > 0 && v < 1e19 ? (uint64_t)v : 0;
}

static const char *string(const cJSON *o, const char *name)
{
    const cJSON *v = get(o, name);
    return cJSON_IsString(v) ? v->valuestring : "";
}

static struct slice text(struct reading *r, const cJSON *o, const char *name)
{
    return kept_slice(&r->out->text, slice_str(string(o, name)));
}

/* Room for one more in an array that has room for 16, 32, 64, … rows; NULL: out of memory. */
static void *grow(struct reading *r, void *array, uint32_t n, size_t unit)
{
    if (n && (n < 16 || n & (n - 1)))
        return array;
    void *p = realloc(array, (n ? (size_t)n * 2 : 16) * unit);
    r->failed |= p == NULL;
    return p;
}

/* ---- bottlenecks ---- */

/* The same from study to study, so that the row chosen stays chosen (FNV-1a). */
static uint32_t identity(struct slice name)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return h ? h : 1;
}

static void add_hurt(struct reading *r, const cJSON *o)
{
    struct insight *i = r->out;
    struct insight_hurt *all = grow(r, i->hurt, i->hurts, sizeof *all);
    if (!all)
        return;
    i->hurt = all;
    struct insight_hurt *h = &all[i->hurts++];
    *h = (struct insight_hurt){.rank = (uint32_t)count(o, "rank"),
                               .endpoint = (uint32_t)count(o, "endpoint"),
                               .client = text(r, o, "client"),
                               .kind = text(r, o, "kind"),
                               .says = text(r, o, "says"),
                               .target = text(r, o, "target"),
                               .why = text(r, o, "why"),
                               .action = text(r, o, "action"),
                               .seconds_per_hour = number(o, "seconds_per_hour"),
                               .confidence = number(o, "confidence"),
                               .seen = count(o, "seen"),
                               .effort = (unsigned)count(o, "effort")};
    const char *target = string(o, "target"), *scheme = strstr(target, "http://");
    buf_add(&r->scratch, target, scheme ? (size_t)(scheme - target) : 0);
    buf_str(&r->scratch, scheme ? scheme + 7 : target);
    h->place = kept_buf(&i->text, &r->scratch);
    buf_printf(&r->scratch, "%s %s", string(o, "says"), target);
    h->name = kept_buf(&i->text, &r->scratch);
    h->id = identity(h->name);
}

/* ---- endpoints ---- */

static void name_endpoint(struct reading *r, const cJSON *o)
{
    const char *operation = string(o, "operation"), *route = string(o, "route"), *service = string(o, "service");
    bool apart =
        *operation && strcmp(operation, *route == '/' ? route + 1 : route) != 0; /* a gRPC method is its path */
    if (strncmp(service, "http://", 7) == 0)
        service += 7;
    buf_printf(&r->scratch, "%s %s%s%s%s", string(o, "method"), service, route, apart ? "#" : "",
               apart ? operation : "");
}

static void add_signal(struct reading *r, struct insight_ties *t, const cJSON *o)
{
    const char *state = string(o, "state");
    if (t->signals == INSIGHT_SIGNALS)
        return;
    t->signal[t->signals++] = (struct insight_signal){.number = text(r, o, "signal"),
                                                      .means = text(r, o, "means"),
                                                      .says = text(r, o, "says"),
                                                      .state = strcmp(state, "tied") == 0   ? TIED
                                                               : strcmp(state, "free") == 0 ? TIED_NOT
                                                                                            : TIED_UNKNOWN,
                                                      .deducted = (unsigned)count(o, "deducted"),
                                                      .n = count(o, "n")};
}

/* With a question mark those that take something off while they are not told. */
static struct slice signals_in(struct reading *r, const struct insight_ties *t, enum tied state)
{
    for (unsigned i = 0; i < t->signals; i++) {
        bool doubt = state == TIED && t->signal[i].state == TIED_UNKNOWN && t->signal[i].deducted;
        if (t->signal[i].state != state && !doubt)
            continue;
        if (r->scratch.n)
            buf_char(&r->scratch, ' ');
        buf_slice(&r->scratch, t->signal[i].number);
        if (doubt)
            buf_char(&r->scratch, '?');
    }
    return kept_buf(&r->out->text, &r->scratch);
}

static void read_ties(struct reading *r, struct insight_ties *t, const cJSON *o)
{
    const cJSON *one;
    t->grade = text(r, o, "grade");
    t->score = *string(o, "grade") ? number(o, "score") : NAN;
    t->requests = count(o, "requests");
    t->clients = count(o, "clients");
    t->servers = count(o, "servers");
    t->least = count(o, "evidence_least");
    cJSON_ArrayForEach(one, get(o, "evidence")) add_signal(r, t, one);
    t->by = signals_in(r, t, TIED);
    t->untold = signals_in(r, t, TIED_UNKNOWN);
}

static void add_endpoint(struct reading *r, cJSON *o)
{
    struct insight *i = r->out;
    struct insight_ties *all = grow(r, i->ties, i->n_ties, sizeof *all);
    if (!all)
        return;
    i->ties = all;
    struct insight_ties *t = &all[i->n_ties++];
    *t = (struct insight_ties){.id = (uint32_t)count(o, "id"), .score = NAN};
    name_endpoint(r, o);
    t->name = kept_buf(&i->text, &r->scratch);
    if (cJSON_IsObject(get(o, "statelessness")))
        read_ties(r, t, get(o, "statelessness"));
    if (!cJSON_IsObject(get(o, "websocket")))
        return;
    cJSON *row = cJSON_CreateObject(), *socket = cJSON_DetachItemFromObjectCaseSensitive(o, "websocket");
    cJSON_AddNumberToObject(row, "id", t->id);
    cJSON_AddItemToObject(row, "websocket", socket);
    cJSON_AddItemToArray(r->sockets, row);
}

/* ---- clients ---- */

static void read_activity(struct insight_client *c, const cJSON *o)
{
    const cJSON *slot;
    double from = number(o, "from");
    c->from_s = isnan(from) ? 0 : (int64_t)from;
    c->step_s = (int64_t)count(o, "step_s");
    cJSON_ArrayForEach(slot, get(o, "requests")) if (c->slots < INSIGHT_SLOTS && slot->valuedouble >= 0)
        c->slot[c->slots++] = (uint64_t)slot->valuedouble;
}

static void add_client(struct reading *r, cJSON *o)
{
    struct insight *i = r->out;
    struct insight_client *all = grow(r, i->client, i->clients, sizeof *all);
    const cJSON *limit = get(o, "limit"), *own = get(o, "recommended"), *line;
    if (!all)
        return;
    i->client = all;
    struct insight_client *c = &all[i->clients++];
    *c = (struct insight_client){.client = text(r, o, "client"),
                                 .by = text(r, limit, "by"),
                                 .not_advised = text(r, limit, "not_advised"),
                                 .rate = number(limit, "rate"),
                                 .burst = number(limit, "burst"),
                                 .needs = number(limit, "needs"),
                                 .turned_away = cJSON_IsTrue(get(limit, "turned_away")),
                                 .own_rate = number(own, "rate"),
                                 .own_burst = number(own, "burst")};
    cJSON_ArrayForEach(line, get(o, "says"))
        buf_printf(&r->scratch, "%s\n", line->valuestring ? line->valuestring : "");
    c->says = kept_buf(&i->text, &r->scratch);
    if (cJSON_IsObject(get(o, "activity")))
        read_activity(c, get(o, "activity"));
}

/* ---- the rest ---- */

static struct slice endpoint_name(void *context, uint32_t id)
{
    const struct insight_ties *t = insight_ties(context, id);
    return t ? t->name : SLICE("");
}

static void add_sheet(struct reading *r, const char *member, const cJSON *list)
{
    struct insight *i = r->out;
    const struct sheet_names names = {endpoint_name, i};
    struct insight_sheet *all = grow(r, i->sheet, i->sheets, sizeof *all), *s;
    if (!all)
        return;
    i->sheet = all;
    s = &all[i->sheets];
    if (!sheet_read(s, member, list, &names, &i->text))
        r->failed = true;
    else if (s->rows)
        i->sheets++;
    else
        sheet_free(s);
}

static void add_curves(struct reading *r, const cJSON *list)
{
    struct insight *i = r->out;
    const cJSON *row;
    cJSON_ArrayForEach(row, list)
    {
        const cJSON *usl = get(row, "usl");
        if (!(number(usl, "gamma") > 0) || i->curves == INSIGHT_CURVES)
            continue;
        struct insight_curve *c = &i->curve[i->curves++];
        buf_printf(&r->scratch, "%s %s", string(row, "service"), string(row, "server"));
        *c = (struct insight_curve){.name = kept_buf(&i->text, &r->scratch),
                                    .gamma = number(usl, "gamma"),
                                    .sigma = number(usl, "sigma"),
                                    .kappa = number(usl, "kappa"),
                                    .knee = number(usl, "knee"),
                                    .limit = number(usl, "max_throughput"),
                                    .peak = number(row, "concurrency_peak")};
    }
}

static void take_member(struct reading *r, const char *name, const cJSON *v)
{
    const cJSON *row;
    if (strcmp(name, "bottlenecks") == 0)
        cJSON_ArrayForEach(row, v) add_hurt(r, row);
    if (strcmp(name, "behaviour") == 0)
        r->out->records = count(v, "records") > 0;
    if (strcmp(name, "capacity") == 0)
        add_curves(r, v);
    if (strcmp(name, "capture") == 0)
        add_sheet(r, "flows_opaque", get(v, "flows_opaque"));
    else if (sheet_is(name))
        add_sheet(r, name, v);
}

/* ---- the walk ---- */

static char peek(struct reading *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
    return r->p < r->end ? *r->p : 0;
}

static bool accept(struct reading *r, char c)
{
    bool there = peek(r) == c;
    r->p += there;
    return there;
}

/* The next value; NULL and failed: there is none. */
static cJSON *value(struct reading *r)
{
    const char *after = NULL;
    cJSON *v = cJSON_ParseWithLengthOpts(r->p, (size_t)(r->end - r->p), &after, false);
    r->failed |= v == NULL;
    r->p = v ? after : r->end;
    return v;
}

static void rows(struct reading *r, void (*each)(struct reading *, cJSON *))
{
    if (!accept(r, '[')) {
        cJSON_Delete(value(r)); /* null */
        return;
    }
    while (!r->failed && peek(r) != ']') {
        cJSON *row = value(r);
        if (row)
            each(r, row);
        cJSON_Delete(row);
        if (!accept(r, ','))
            break;
    }
    r->failed |= !accept(r, ']');
}

static int by_id(const void *x, const void *y, void *context)
{
    const struct insight_ties *ties = context;
    uint32_t a = ties[*(const uint32_t *)x].id, b = ties[*(const uint32_t *)y].id;
    return (a > b) - (a < b);
}

/* Looked up by id from now on. */
static void endpoints_end(struct reading *r)
{
    struct insight *i = r->out;
    free(i->ties_by_id);
    i->ties_by_id = malloc((i->n_ties + 1) * sizeof *i->ties_by_id);
    if (!i->ties_by_id) {
        r->failed = true;
        return;
    }
    for (uint32_t n = 0; n < i->n_ties; n++)
        i->ties_by_id[n] = n;
    qsort_r(i->ties_by_id, i->n_ties, sizeof *i->ties_by_id, by_id, i->ties);
}

static void member(struct reading *r)
{
    cJSON *name = value(r), *v;
    if (!cJSON_IsString(name) || !accept(r, ':')) {
        r->failed = true;
    } else if (strcmp(name->valuestring, "endpoints") == 0) {
        rows(r, add_endpoint);
        endpoints_end(r);
    } else if (strcmp(name->valuestring, "clients") == 0) {
        rows(r, add_client);
    } else if ((v = value(r))) {
        take_member(r, name->valuestring, v);
        cJSON_Delete(v);
    }
    cJSON_Delete(name);
}

static int by_text(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_client(const void *x, const void *y)
{
    return by_text(((const struct insight_client *)x)->client, ((const struct insight_client *)y)->client);
}

static int by_order(const void *x, const void *y)
{
    const struct insight_sheet *a = x, *b = y;
    return (a->order > b->order) - (a->order < b->order);
}

static void arrange(struct insight *i)
{
    if (i->clients)
        qsort(i->client, i->clients, sizeof *i->client, by_client);
    if (i->sheets)
        qsort(i->sheet, i->sheets, sizeof *i->sheet, by_order);
}

struct insight *insight_read(struct slice json)
{
    struct reading r = {.out = calloc(1, sizeof *r.out), .p = json.p, .end = json.p + json.n};
    if (!r.out)
        return NULL;
    r.sockets = cJSON_CreateArray();
    r.failed = !accept(&r, '{') || !r.sockets;
    while (!r.failed && peek(&r) != '}') {
        member(&r);
        if (!accept(&r, ','))
            break;
    }
    r.failed |= !accept(&r, '}');
    if (!r.failed)
        add_sheet(&r, "websocket", r.sockets);
    arrange(r.out);
    cJSON_Delete(r.sockets);
    buf_free(&r.scratch);
    if (!r.failed && !r.out->text.failed)
        return r.out;
    insight_free(r.out);
    return NULL;
}

void insight_free(struct insight *i)
{
    if (!i)
        return;
    for (uint32_t s = 0; s < i->sheets; s++)
        sheet_free(&i->sheet[s]);
    kept_free(&i->text);
    free(i->hurt);
    free(i->ties);
    free(i->ties_by_id);
    free(i->client);
    free(i->sheet);
    free(i);
}

const struct insight_client *insight_client(const struct insight *i, struct slice client)
{
    struct insight_client key = {.client = client};
    return i && i->clients ? bsearch(&key, i->client, i->clients, sizeof key, by_client) : NULL;
}

const struct insight_ties *insight_ties(const struct insight *i, uint32_t endpoint)
{
    uint32_t low = 0, high = i && i->ties_by_id ? i->n_ties : 0;
    while (low < high) {
        uint32_t at = low + (high - low) / 2;
        if (i->ties[i->ties_by_id[at]].id < endpoint)
            low = at + 1;
        else
            high = at;
    }
    const struct insight_ties *t = i && low < i->n_ties && i->ties_by_id ? &i->ties[i->ties_by_id[low]] : NULL;
    return t && t->id == endpoint ? t : NULL;
}

double insight_throughput(const struct insight_curve *c, double n)
{
    return c->gamma * n / (1 + c->sigma * (n - 1) + c->kappa * n * (n - 1));
}
