/* What each metric makes of a fact. The definitions are CONTRACT.md's; order of work: key, endpoint, client, totals,
 * minute. */
#include "analysis/cacheable.h"
#include "analysis/state.h"

enum { ETAG_PAIR_S = 60, /* apart at most, in whole seconds */ MINUTE_US = 60000000 };

static bool is_error(const struct row_exchange *r)
{
    bool none = !r->status && !(r->flags & FLAG_UNKNOWN_FIELDS);
    return r->status >= 500 || r->status == 429 || none || r->end == END_SERVER_ABORT || (r->flags & FLAG_FAILED);
}

/* One is safe if all of its keys are: names of operations may fall together (TRIE_OTHER). */
static void note_safety(struct endpoint *e, bool safe, bool new)
{
    e->safe = safe && (new || e->safe);
}

uint32_t observe_endpoint(struct analysis *a, struct slice method, struct slice service, struct slice path,
                          bool literal, struct keys_operation operation)
{
    if (slice_eq(method, SLICE("HEAD")))
        method = SLICE("GET");
    struct slice known = knownroutes_find(a->options.routes, method, path);
    if (!known.p && literal)
        known = path; /* ALGORITHMS.md 6.3 */
    uint32_t before = a->endpoints.rows.used;
    uint32_t id = known.p ? trie_known(a->trie, method, service, known, operation.name)
                          : trie_find(a->trie, method, service, path, operation.name);
    if (id && operation.name.n)
        note_safety(endpoints_at(&a->endpoints, id), operation.safe, id >= before);
    if (id && literal && known.p == path.p)
        endpoints_at(&a->endpoints, id)->grpc = true;
    return id ? id : endpoints_other(&a->endpoints);
}

/* Latest complete full answer with a tag: 2xx but 206 (RFC 9110 section 8.8.3), GET. */
static bool names_content(const struct row_exchange *r)
{
    return r->etag && r->content && (r->flags & ROW_ELIGIBLE) && !(r->flags & REPLAY_HEAD) && r->status >= 200 &&
           r->status < 300 && r->status != 206;
}

static uint32_t whole_seconds(int64_t us)
{
    return (uint32_t)floor_div(us, 1000000);
}

/* Two full answers of a key in a row (ALGORITHMS.md 1.4): the same content under two strong tags is a tag that does not
 * hold, another content under the same one is a tag that lies. */
static void judge_tag(struct analysis *a, const struct key *key, const struct row_exchange *r, uint32_t seconds,
                      uint64_t *declared)
{
    bool strong = r->notes & NOTE(strong_etag, true);
    if (strong && key->tag && key->tag_strong && key->tag_content == r->content &&
        seconds - key->tag_s <= ETAG_PAIR_S) {
        declared[DECLARED_etag_pairs]++;
        declared[DECLARED_etag_unstable] += key->tag != r->etag;
    }
    if (!strong)
        return;
    uint32_t before = key->tag == r->etag ? key->tag_content : etags_content(&a->etags, key->hash, r->etag);
    declared[DECLARED_etag_lies] += cacheable_comparable(before, r->content) && before != r->content;
}

/* The key itself keeps its latest tag, the table those before: most keys never have a second one. */
static void learn_tag(struct analysis *a, struct key *key, const struct row_exchange *r, uint32_t seconds)
{
    if (key->tag && key->tag != r->etag)
        etags_learn(&a->etags, key->hash, key->tag, key->tag_content);
    key->tag = r->etag;
    key->tag_content = r->content;
    key->tag_s = seconds;
    key->tag_strong = r->notes & NOTE(strong_etag, true);
}

/* ep NULL: not counting. */
static void observe_validators(struct analysis *a, struct key *key, struct endpoint *ep, const struct row_exchange *r,
                               int64_t us)
{
    if (names_content(r)) {
        uint32_t seconds = whole_seconds(us);
        if (ep)
            judge_tag(a, key, r, seconds, ep->declared);
        learn_tag(a, key, r, seconds);
    }
    if (r->status == 200 && !(r->flags & (REPLAY_HEAD | FLAG_TRUNCATED)))
        key->full_bytes = r->response_bytes < UINT32_MAX ? (uint32_t)r->response_bytes : UINT32_MAX;
    if (!ep)
        return;
    if (r->status == 304)
        ep->declared[DECLARED_bytes_saved_by_304] += key->full_bytes;
    if (r->notes & NOTE(wasted_full, true))
        ep->declared[DECLARED_wasted_full_bytes] += r->response_bytes;
}

/* What an error says is not the content of the resource. */
static void observe_change(struct analysis *a, const struct fact *f, struct ladder_slot *slot, struct endpoint *ep,
                           int64_t now, uint32_t content)
{
    struct blocks *pool = &a->endpoints.lifetimes;
    struct changes_gap gap = changes_visit(&slot->changes, now, content, ep ? &ep->lifetimes : NULL, pool);
    if (ep && gap.known) {
        ep->observed_gaps++;
        ep->changes += gap.changed;
        if (!gap.multi) /* several answers that take turns: no write is why */
            bound_visit(a, f->key, ep, now, gap);
    }
}

/* What a look-up of this key is counted in; NULL: the endpoint's own sums, exactly. */
static struct sampling_tail *tail_of(const struct analysis *a, const struct endpoint *ep, const struct key *key)
{
    return ep && ep->tail && !key->hot ? endpoints_tail(&a->endpoints, ep) : NULL;
}

/* What caches do by the headers of today. Where the endpoint is sampled each key of the sample counts for others. */
static void observe_today(const struct row_exchange *r, const struct ladder_visit *v, struct ladder_slot *slot,
                          struct today *today, uint64_t *declared, uint64_t stands_for)
{
    struct today_visit visit = {.now_ms = (uint32_t)v->now,
                                .seen = v->error ? 0 : v->content,
                                .content = v->content,
                                .lifetime = r->lifetime,
                                .renews = (r->notes & NOTE_REASON) == REASON_REVALIDATED &&
                                          !(r->notes & NOTE(personal, true))};
    enum today_outcome o = today_visit(today, slot->today, &visit);
    slot->today |= o == TODAY_FILL;
    if (!declared)
        return;
    declared[DECLARED_today_fills] += o == TODAY_FILL ? stands_for : 0;
    if (o < TODAY_FRESH)
        return;
    declared[DECLARED_today_hits] += stands_for;
    declared[DECLARED_today_stale] += o == TODAY_STALE ? stands_for : 0;
    declared[DECLARED_today_unknown] += o == TODAY_UNKNOWN ? stands_for : 0;
    declared[DECLARED_today_bytes] += v->bytes * stands_for;
    declared[DECLARED_today_us] += v->server_us * stands_for;
}

static void observe_ladder(struct analysis *a, struct fact *f, struct key *key, struct endpoint *ep)
{
    const struct row_exchange *r = &f->row;
    struct ladder_visit v = {.now = f->ms,
                             .start = a->start_ms,
                             .purged = key->written_us == INT64_MIN ? INT64_MIN : floor_div(key->written_us, 1000),
                             .content = r->content,
                             .error = r->status >= 400,
                             .fillable = r->flags & ROW_FILLABLE,
                             .fetch_us =
                                 r->duration_us < 0 ? -1 : r->duration_us - (r->request_us > 0 ? r->request_us : 0),
                             .bytes = r->response_bytes,
                             .server_us = r->server_us < 0 ? 0 : (uint64_t)r->server_us};
    struct ladder_slot *slot = keys_slot(&a->keys, key, r->variant, v.now);
    if (!slot) {
        a->totals.keys_overflow += ep && (!ep->tail || key->hot);
        return;
    }
    struct sampling_tail *tail = tail_of(a, ep, key);
    uint32_t hit = ladder_visit(slot, &v, tail ? &tail->sums : ep ? &ep->ladder : NULL);
    if (today_matters(slot->today, r->lifetime))
        observe_today(r, &v, slot, keys_today(&a->keys, key), ep ? ep->declared : NULL,
                      tail ? UINT64_C(1) << tail->level : 1);
    if (ep && v.fillable)
        live_fill_many(&ep->live, &a->endpoints.live, ~hit, v.now, v.bytes, tail ? 1u << tail->level : 1);
    if (tail && sampling_note(tail, keys_counted(&a->keys, key), hit))
        endpoints_close_tail(&a->endpoints, ep);
    observe_change(a, f, slot, ep, v.now, v.error ? 0 : r->content);
}

/* The client's network: /24 of IPv4, /48 of IPv6. */
static uint64_t network_of(const struct analysis *a, const struct client *c, uint32_t address)
{
    if (address == c->from_id)
        return c->from_network;
    return address ? addresses_row(&a->addresses, address)->network : 0;
}

static bool is_anonymous(const struct row_exchange *r, const struct client *c)
{
    enum identity kind = (enum identity)(c->who >> 48);
    return (kind == IDENTITY_ADDRESS || kind == IDENTITY_FORWARDED) && !(r->notes & NOTE(cookie_present, true));
}

/* Whole answers that say what the resource is to this client (ALGORITHMS.md 5.3). Where its credential is not what it
 * is told by, many clients may have the same one: what they get says nothing of others. */
static inline __attribute__((always_inline)) bool as_shared(const struct analysis *a, const struct fact *f,
                                                            const struct key *key, struct sharing_visit *out)
{
    const struct row_exchange *r = &f->row;
    if (f->client == MAP_NONE || (r->flags & REPLAY_HEAD) || (r->managed & MANAGED_BESIDES))
        return false;
    const struct client *c = clients_at(&a->clients, f->client);
    *out = (struct sharing_visit){.context = key->hash + r->variant,
                                  .who = c->hash,
                                  .network = network_of(a, c, r->address),
                                  .anonymous = is_anonymous(r, c),
                                  .content = r->content,
                                  .now_ms = (uint32_t)f->ms};
    return r->status == 304 || (r->status >= 200 && r->status < 300 && r->status != 206);
}

bool observe_as_shared(const struct analysis *a, const struct fact *f, const struct key *key, struct sharing_visit *out)
{
    return as_shared(a, f, key, out);
}

static void observe_sharing(struct analysis *a, struct fact *f, const struct key *key, struct endpoint *ep)
{
    struct sharing_visit v = {0};
    f->given = as_shared(a, f, key, &v);
    if (f->given)
        sharing_visit(a->contexts, &v, ep ? &ep->sharing : NULL);
    else if (v.context)
        sharing_refuse(a->contexts, &v, f->row.status);
}

/* How many pairs of client and key are new; a client that there was no room for is a new one each time. */
static uint64_t new_pairs(struct analysis *a, const struct fact *f, const struct key *key)
{
    if (f->client == MAP_NONE)
        return 1;
    return pairs_meet(&a->pairs, f->pair ? f->pair : pairs_hash(key->hash, clients_at(&a->clients, f->client)->hash));
}

/* A look-up: repeats, then the ladder. ep NULL: not counting. Returns of how many keys this is a repeat: a key of the
 * sample stands for others. */
static uint32_t observe_eligible(struct analysis *a, struct fact *f, struct key *key, struct endpoint *ep)
{
    const struct row_exchange *r = &f->row;
    bool repeat = key->eligible;
    struct sampling_tail *tail = tail_of(a, ep, key);
    uint32_t stands_for = tail ? 1u << tail->level : 1;
    uint64_t pairs = new_pairs(a, f, key) * stands_for;
    if (tail)
        tail->n++;
    if (ep) {
        ep->declared[DECLARED_pairs] += pairs;
        uint32_t new = repeat ? 0 : ep->tail ? admission_stands_for(a, key->hash, r->endpoint) : 1;
        ep->keys += new;
        a->totals.keys += new;
        bool same = repeat && r->content && r->content == key->content;
        *(tail ? &tail->same : &ep->repeats_same) += same;
        a->totals.repeats_same += same ? stands_for : 0;
        if (repeat && f->client != MAP_NONE)
            sources_add(&ep->sources, (uint32_t)clients_at(&a->clients, f->client)->who);
    }
    key->eligible = true;
    key->content = r->content;
    observe_ladder(a, f, key, ep);
    observe_sharing(a, f, key, ep);
    observe_validators(a, key, ep, r, f->us);
    return repeat ? stands_for : 0;
}

static void observe_times(struct analysis *a, struct endpoint *ep, const struct row_exchange *r)
{
    if (r->end == END_COMPLETE && r->duration_us >= 0)
        hist_add(&ep->latency, &a->pages, (uint64_t)r->duration_us);
    if (r->server_us >= 0) {
        hist_add(&ep->server, &a->pages, (uint64_t)r->server_us);
        ep->server_us_total += (uint64_t)r->server_us;
    }
    if (r->arrival_us < ep->first_us)
        ep->first_us = r->arrival_us;
    if (r->arrival_us > ep->last_us)
        ep->last_us = r->arrival_us;
}

/* Those whose records are gone when an audit goes on are met as new ones: never more than there are. */
static void count_client(struct analysis *a, struct endpoint *ep, const struct fact *f)
{
    uint64_t all = f->clients;
    endpoints_client(&a->endpoints, ep, f->client, f->given);
    if (ep->clients > all)
        ep->clients = all;
    if (ep->sharing.given > all)
        ep->sharing.given = all;
}

static inline __attribute__((always_inline)) void observe_counts(struct analysis *a, const struct fact *f)
{
    const struct row_exchange *r = &f->row;
    struct endpoint *ep = endpoints_at(&a->endpoints, r->endpoint);
    ep->eligible += (r->flags & ROW_ELIGIBLE) != 0;
    ep->request_bytes += r->request_bytes;
    ep->response_bytes += r->response_bytes;
    bool throttled = r->flags & REPLAY_THROTTLED;
    if (f->error || throttled || !r->status) {
        ep->errors += f->error;
        ep->throttled += throttled;
        ep->unanswered += !r->status;
    }
    a->totals.endpoint_overflow += ep->other;
    if (f->client != MAP_NONE)
        count_client(a, ep, f);
    observe_times(a, ep, r);
    endpoints_declared(&a->endpoints, ep, r);
    endpoints_touch(&a->endpoints, r->endpoint);
}

/* What totals and minutes both want of some exchanges. */
struct some {
    uint64_t n, complete, unanswered, eligible, errors, repeats, request_bytes, response_bytes, server_us;
};

static inline void some_add(struct some *s, const struct row_exchange *r)
{
    s->n++;
    s->complete += r->end == END_COMPLETE && r->status;
    s->unanswered += !r->status;
    s->eligible += (r->flags & ROW_ELIGIBLE) != 0;
    s->request_bytes += r->request_bytes;
    s->response_bytes += r->response_bytes;
    s->server_us += r->server_us < 0 ? 0 : (uint64_t)r->server_us;
}

static void total_some(struct totals *t, const struct some *s)
{
    t->exchanges += s->n;
    t->complete += s->complete;
    t->unanswered += s->unanswered;
    t->eligible += s->eligible;
    t->request_bytes += s->request_bytes;
    t->response_bytes += s->response_bytes;
}

/* What is counted of each by itself. method: its place in the totals. */
static void observe_totals(struct analysis *a, const struct row_exchange *r, unsigned method)
{
    struct totals *t = &a->totals;
    t->networks += addresses_is_network(&a->addresses, r->address);
    t->late += (r->flags & FLAG_LATE) || r->arrival_us < a->greatest;
    if (r->arrival_us > a->greatest)
        a->greatest = r->arrival_us;
    t->protocol[r->proto]++;
    if (r->status)
        totals_status(t, r->status, 1);
    if (method)
        t->method[method - 1].count++;
}

static void minute_some(struct row_minute *m, const struct some *s)
{
    m->requests += s->n;
    m->errors += s->errors;
    m->eligible += s->eligible;
    m->repeats += s->repeats;
    m->request_bytes += s->request_bytes;
    m->response_bytes += s->response_bytes;
    m->server_us += s->server_us;
}

static bool is_first_of_minute(struct analysis *a, uint32_t client, int64_t minute)
{
    if (client == MAP_NONE || minute <= clients_at(&a->clients, client)->minute)
        return false;
    clients_at(&a->clients, client)->minute = minute;
    return true;
}

static inline void observe_client(struct analysis *a, struct fact *f)
{
    struct row_exchange *r = &f->row;
    struct client_visit v = {.us = r->arrival_us,
                             .bytes = r->request_bytes + r->response_bytes,
                             .address = r->address,
                             .error = f->error,
                             .throttled = r->flags & REPLAY_THROTTLED};
    clients_visit(&a->clients, f->client, &v);
    r->client = clients_id(&a->clients, f->client);
}

/* Those from f on that share a minute, of n, whatever their endpoints. Returns how many. */
static size_t observe_minute(struct analysis *a, struct fact *f, size_t n)
{
    struct some sum = {0};
    size_t i = 0;
    int64_t minute = floor_div(f->row.arrival_us, MINUTE_US), from = minute * MINUTE_US;
    struct row_minute *m = minutes_at(&a->minutes, minute);
    do {
        observe_client(a, &f[i]);
        some_add(&sum, &f[i].row);
        sum.errors += f[i].error;
        sum.repeats += f[i].repeats;
        m->clients += is_first_of_minute(a, f[i].client, minute);
        observe_totals(a, &f[i].row,
                       f[i].origin.counted ? f[i].origin.counted : totals_enter(&a->totals, f[i].x->method));
        i++;
    } while (i < n && f[i].row.arrival_us >= from && f[i].row.arrival_us < from + MINUTE_US);
    minute_some(m, &sum);
    total_some(&a->totals, &sum);
    return i;
}

static uint64_t read_of(struct analysis *a, const struct key *key)
{
    const struct origin *get = origins_find(&a->origins, SLICE("GET"), keys_service(&a->keys, key));
    return get->hash + take_text_hash(a, take_key_text(a, keys_target(&a->keys, key)).whole);
}

/* What a non-error answer to an unsafe method writes to: the key that GET has for the same target (RFC 9111 section
 * 4.4). */
static void observe_write(struct analysis *a, const struct fact *f, const struct key *key)
{
    const struct row_exchange *r = &f->row;
    if (!origin_writes(&f->origin) || (r->flags & ROW_ELIGIBLE) || r->status < 200 || r->status > 399 || key->safe)
        return;
    bound_write(a, f->key, r->endpoint, f->ms);
    uint32_t read = keys_find(&a->keys, f->text ? f->read : read_of(a, key));
    if (read != MAP_NONE)
        keys_at(&a->keys, read)->written_us = f->us;
}

/* A look-up of a key that is not followed: those that are speak for it, or it is lost. */
static void observe_untold(struct analysis *a, struct endpoint *ep)
{
    if (ep->tail)
        endpoints_tail(&a->endpoints, ep)->n++;
    else
        a->totals.keys_overflow++;
}

/* Slots, tags, last Vary and sets of clients; what the stored rows do not hold. */
static void rebuild(struct analysis *a, struct fact *f, struct key *key, uint32_t id)
{
    struct endpoint *ep = endpoints_at(&a->endpoints, id);
    uint64_t clients = ep->clients, given = ep->sharing.given;
    if (key && (f->row.flags & ROW_ELIGIBLE))
        observe_eligible(a, f, key, NULL);
    if (f->client != MAP_NONE)
        endpoints_client(&a->endpoints, ep, f->client, f->given);
    ep->clients = clients;
    ep->sharing.given = given;
}

void observe_key(struct analysis *a, struct fact *f, bool counting)
{
    struct row_exchange *r = &f->row;
    struct key *key = f->key == MAP_NONE ? NULL : keys_at(&a->keys, f->key);
    f->us = r->arrival_us;
    if (a->start_us == INT64_MAX) {
        a->start_us = f->us;
        a->start_ms = f->ms;
    }
    if (key) {
        if (f->us < key->last_us) {
            f->us = key->last_us;
            f->ms = floor_div(f->us, 1000);
        }
        key->last_us = f->us;
        r->endpoint = key->endpoint;
    }
    uint32_t id = r->endpoint = endpoints_resolve(&a->endpoints, r->endpoint);
    struct endpoint *ep = endpoints_at(&a->endpoints, id);
    if (key)
        key->endpoint = (uint16_t)id;
    f->clients = a->clients.rows.used;
    f->error = is_error(r);
    f->given = false;
    f->repeats = 0;
    if (key)
        observe_write(a, f, key);
    if (!counting) {
        rebuild(a, f, key, id);
        return;
    }
    ep->requests++; /* by which paths are united */
    if (key && (r->flags & ROW_ELIGIBLE))
        f->repeats = observe_eligible(a, f, key, ep);
    else if (r->flags & ROW_ELIGIBLE)
        observe_untold(a, ep);
}

void observe_sums(struct analysis *a, struct fact *f, size_t n)
{
    for (size_t i = 0; i < n;)
        i += observe_minute(a, f + i, n - i);
    for (size_t i = 0; i < n; i++)
        observe_counts(a, &f[i]);
}

static void observe_alone(struct analysis *a, const struct row_exchange *r, unsigned method)
{
    struct some sum = {0};
    some_add(&sum, r);
    total_some(&a->totals, &sum);
    observe_totals(a, r, method);
}

void observe_ignored(struct analysis *a, const struct row_exchange *row, struct slice method)
{
    a->totals.ignored++;
    observe_alone(a, row, totals_enter(&a->totals, method));
}

void observe_orphan(struct analysis *a, const struct row_exchange *row)
{
    a->totals.orphans++;
    observe_alone(a, row, 0);
}

void observe(struct analysis *a, struct fact *f, bool counting)
{
    observe_key(a, f, counting);
    if (!counting)
        return;
    observe_sums(a, f, 1);
}
