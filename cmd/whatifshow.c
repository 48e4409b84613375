#include "cmd/whatifshow.h"

#include <math.h>

#include "analysis/limitspec.h"
#include "analysis/report/facts.h"
#include "base/floor.h"
#include "base/human.h"
#include "base/json.h"
#include "capture/exchange.h"

static const char *const many[] = {"clients", "addresses", "services", "endpoints"};

/* ---- json ---- */

static void json_sums(struct json *j, const struct ttlcache_sums *s, uint64_t untracked, uint64_t unkept)
{
    json_key_u64(j, "lookups", s->lookups);
    json_key_u64(j, "hits", s->hits);
    json_key_u64(j, "stale_hits", s->stale);
    json_key_u64(j, "unknown_hits", s->unknown);
    json_key_u64(j, "errors_masked", s->masked);
    json_key_u64(j, "coalesced", s->coalesced);
    json_key(j, "hit_ratio");
    json_double(j, facts_ratio(s->hits, s->lookups));
    json_key(j, "stale_ratio");
    json_double(j, facts_ratio(s->stale, s->hits - s->unknown));
    json_key_u64(j, "bytes_saved", s->bytes);
    json_key(j, "server_seconds_saved");
    json_micros(j, (int64_t)s->server_us);
    json_key_u64(j, "untracked", untracked);
    json_key_u64(j, "unkept", unkept);
    json_key_u64(j, "wrong_hits", s->wrong);
}

static void add_sums(struct ttlcache_sums *into, const struct ttlcache_sums *s)
{
    into->lookups += s->lookups;
    into->hits += s->hits;
    into->stale += s->stale;
    into->unknown += s->unknown;
    into->masked += s->masked;
    into->coalesced += s->coalesced;
    into->bytes += s->bytes;
    into->server_us += s->server_us;
    into->wrong += s->wrong;
}

enum { ENTRY_BYTES = 1024 }; /* what a cache keeps beside each body */

/* ALGORITHMS.md 3.7, and 3.4 for what to give it. */
static void json_capacity(struct json *j, const struct whatifshow *c, const struct replay *p, struct capacity *of)
{
    struct capacity_point curve[CAPACITY_TTLS * CAPACITY_IDLES];
    uint64_t bytes, entries;
    bool known = capacity_peak(of, &bytes, &entries);
    capacity_end(of, floor_div(p->from_us, 1000), floor_div(p->to_us, 1000), curve);
    json_key(j, "capacity");
    json_open(j, '{');
    json_key_u64(j, "bytes", c->capacity);
    json_key_double(j, "hit_ratio", capacity_lost(of) ? NAN : capacity_at(curve, (double)c->capacity));
    json_key_double(j, "live_bytes_peak", known ? (double)bytes : NAN);
    json_key_double(j, "live_entries_peak", known ? (double)entries : NAN);
    json_key_double(j, "recommended_bytes", known ? (double)capacity_recommended(bytes, entries, ENTRY_BYTES) : NAN);
    json_key_u64(j, "untracked", capacity_lost(of));
    json_close(j, '}');
    json_key(j, "capacity_curve");
    json_open(j, '[');
    for (int i = 0; i < CAPACITY_TTLS * CAPACITY_IDLES; i++) {
        json_open(j, '{');
        json_key_double(j, "ttl_s", isinf(curve[i].ttl_s) ? NAN : curve[i].ttl_s);
        json_key_double(j, "idle_s", curve[i].idle_s);
        json_key_double(j, "bytes", curve[i].bytes);
        json_key_double(j, "entries", curve[i].entries);
        json_key_double(j, "hit_ratio", curve[i].hit_ratio);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void json_ttl(struct json *j, const struct whatifshow *c, const struct replay_options *o, const struct replay *p)
{
    struct ttlcache_sums all = {0};
    uint64_t untracked = 0, unkept = 0;
    for (size_t i = 0; i < o->n_ttl; i++) {
        add_sums(&all, &o->ttl[i].sums);
        untracked += o->ttl[i].untracked;
        unkept += o->ttl[i].unkept;
    }
    json_open(j, '{');
    json_key(j, "profile");
    json_str(j, ttlcache_profiles[o->profile]);
    json_key(j, "key");
    json_str(j, c->key);
    json_sums(j, &all, untracked, unkept);
    json_key(j, "by_endpoint");
    json_open(j, '[');
    for (size_t i = 0; i < o->n_ttl; i++) {
        const struct replay_ttl *t = &o->ttl[i];
        json_open(j, '{');
        json_key_u64(j, "id", t->endpoint);
        json_key_text(j, "method", named_method(o->named, t->endpoint));
        json_key_text(j, "service", named_service(o->named, t->endpoint));
        json_key_text(j, "route", named_route(o->named, t->endpoint));
        json_key(j, "ttl_s");
        json_double(j, (double)t->ttl_us / 1e6);
        json_sums(j, &t->sums, t->untracked, t->unkept);
        if (t->capacity)
            json_capacity(j, c, p, t->capacity);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void json_counted(struct json *j, const struct replay_counted *c)
{
    json_open(j, '{');
    json_key_text(j, "client", c->name);
    json_key_u64(j, "requests", c->requests);
    json_key_u64(j, "rejected", c->rejected);
    json_key_micros(j, "first_rejected", c->rejected ? c->first_rejected_us : TIME_NONE);
    json_key_u64(j, "longest_rejected_run", c->longest_run);
    json_key_u64(j, "delayed", c->delayed);
    json_key(j, "longest_delay_s");
    json_micros(j, c->longest_wait_ms * 1000);
    json_close(j, '}');
}

static void json_limit(struct json *j, const struct whatifshow *c, const struct replay *p)
{
    json_open(j, '{');
    json_key(j, "spec");
    json_str(j, c->spec);
    json_key(j, "per");
    json_str(j, replay_pers[c->per]);
    json_key_u64(j, "requests", p->requests);
    json_key_u64(j, "rejected", p->rejected);
    json_key_u64(j, "clients_hit", p->hit);
    json_key_u64(j, "clients", p->n_counted);
    json_key_u64(j, "delayed", p->delayed);
    json_key_u64(j, "peak_admitted_1s", p->peak_admitted);
    json_key_u64(j, "untold", p->untold);
    json_key(j, "by_client");
    json_open(j, '[');
    for (size_t i = 0; i < p->n_counted; i++)
        json_counted(j, &p->counted[i]);
    json_close(j, ']');
    json_close(j, '}');
}

void whatifshow_json(const struct whatifshow *c, const struct replay_options *o, const struct replay *p,
                     struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '{');
    json_key(&j, "replay");
    json_open(&j, '{');
    json_key_u64(&j, "records", p->records);
    json_key_u64(&j, "exchanges", p->audited);
    json_key_micros(&j, "from", p->from_us);
    json_key_micros(&j, "to", p->to_us);
    json_close(&j, '}');
    json_key(&j, "ttl");
    if (o->n_ttl)
        json_ttl(&j, c, o, p);
    else
        json_null(&j);
    json_key(&j, "limit");
    if (o->limit)
        json_limit(&j, c, p);
    else
        json_null(&j);
    json_close(&j, '}');
    buf_char(out, '\n');
}

/* ---- text ---- */

static void text_head(const struct replay *p, struct buf *out)
{
    buf_printf(out, "%s exchange%s replayed", human_count(p->records).text, human_s(p->records));
    if (p->records)
        buf_printf(out, ", %s to %s UTC (%s)", human_moment(p->from_us).text, human_moment(p->to_us).text,
                   human_seconds((double)(p->to_us / 1000 - p->from_us / 1000) / 1e3).text);
    if (p->records < p->audited)
        buf_printf(out, "; the audit counted %s: older ones are not kept", human_count(p->audited).text);
    buf_char(out, '\n');
}

static void text_name(struct buf *out, const struct named *n, uint32_t endpoint)
{
    struct buf name = {0};
    buf_slice(&name, named_method(n, endpoint));
    if (name.n)
        buf_char(&name, ' ');
    buf_slice(&name, named_service(n, endpoint));
    buf_slice(&name, named_route(n, endpoint));
    human_cell(out, slice_of(name.p, name.n), 60);
    buf_free(&name);
}

static void text_ttl_row(struct buf *out, const char *ttl, const struct ttlcache_sums *s)
{
    buf_printf(out, "  %8s %8s %8s %8s %10s %10s  ", ttl, human_count(s->lookups).text,
               human_percent(facts_ratio(s->hits, s->lookups)).text,
               human_percent(facts_ratio(s->stale, s->hits - s->unknown)).text, human_bytes(s->bytes).text,
               human_seconds((double)s->server_us / 1e6).text);
}

static void text_ttl(const struct whatifshow *c, const struct replay_options *o, struct buf *out)
{
    struct ttlcache_sums all = {0};
    uint64_t untracked = 0, unkept = 0;
    buf_printf(out,
               "\nWITH A CACHE (%s)\n  served from the cache; of those, how many were out of date; what it saves. One "
               "copy for all clients:\n"
               "  what must stay private is not judged here.\n",
               ttlcache_profiles[o->profile]);
    buf_printf(out, "  %8s %8s %8s %8s %10s %10s  %s\n", "TTL", "look-ups", "hits", "stale", "bytes", "server",
               "endpoint");
    for (size_t i = 0; i < o->n_ttl; i++) {
        const struct replay_ttl *t = &o->ttl[i];
        add_sums(&all, &t->sums);
        untracked += t->untracked;
        unkept += t->unkept;
        if (i >= c->top)
            continue;
        text_ttl_row(out, human_seconds((double)t->ttl_us / 1e6).text, &t->sums);
        text_name(out, o->named, t->endpoint);
        buf_char(out, '\n');
    }
    if (o->n_ttl > c->top)
        buf_printf(out, "  ... and %zu more\n", o->n_ttl - c->top);
    if (o->n_ttl > 1) {
        text_ttl_row(out, "", &all);
        buf_str(out, "all of them\n");
    }
    if (c->key)
        buf_printf(out, "  key: %s; %s of the stale hits got a copy not a second old: what another key had asked for\n",
                   c->key, human_count(all.wrong).text);
    if (unkept)
        buf_printf(out, "  %s of the look-ups vary on fields that %s keeps no answers by\n", human_count(unkept).text,
                   ttlcache_profiles[o->profile]);
    if (untracked)
        buf_printf(out, "  %s look-ups more are not in it: their keys were not kept\n", human_count(untracked).text);
}

static void text_capacity(const struct whatifshow *c, const struct replay_options *o, const struct replay *p,
                          struct buf *out)
{
    buf_printf(out,
               "\nWITH %s EACH\n  what is asked for least goes first. Needed: to hold all that is fresh, a tenth more "
               "and %s an entry.\n",
               human_bytes(c->capacity).text, human_bytes(ENTRY_BYTES).text);
    buf_printf(out, "  %8s %8s %8s %10s  %s\n", "TTL", "hits", "at most", "needed", "endpoint");
    for (size_t i = 0; i < o->n_ttl && i < c->top; i++) {
        const struct replay_ttl *t = &o->ttl[i];
        struct capacity_point curve[CAPACITY_TTLS * CAPACITY_IDLES];
        uint64_t bytes, entries;
        bool known = capacity_peak(t->capacity, &bytes, &entries);
        capacity_end(t->capacity, floor_div(p->from_us, 1000), floor_div(p->to_us, 1000), curve);
        buf_printf(out, "  %8s %8s %8s %10s  ", human_seconds((double)t->ttl_us / 1e6).text,
                   human_percent(capacity_lost(t->capacity) ? NAN : capacity_at(curve, (double)c->capacity)).text,
                   human_percent(facts_ratio(t->sums.hits, t->sums.lookups)).text,
                   known ? human_bytes(capacity_recommended(bytes, entries, ENTRY_BYTES)).text : "-");
        text_name(out, o->named, t->endpoint);
        buf_char(out, '\n');
    }
}

static void text_limit_head(const struct whatifshow *c, const struct replay *p, struct buf *out)
{
    buf_str(out, "\nWITH THE LIMIT ");
    limitspec_say(&c->limit, out);
    buf_printf(out, "; one counter per %s\n", replay_pers[c->per]);
    if (!p->rejected)
        buf_printf(out, "  nobody is rejected: %s request%s, %zu %s\n", human_count(p->requests).text,
                   human_s(p->requests), p->n_counted, p->n_counted == 1 ? replay_pers[c->per] : many[c->per]);
    else
        buf_printf(out, "  %s of %s requests are rejected (%s); it hits %llu of %zu %s\n",
                   human_count(p->rejected).text, human_count(p->requests).text,
                   human_percent(facts_ratio(p->rejected, p->requests)).text, (unsigned long long)p->hit, p->n_counted,
                   p->n_counted == 1 ? replay_pers[c->per] : many[c->per]);
    if (p->delayed)
        buf_printf(out, "  %s are held back for a while\n", human_count(p->delayed).text);
    buf_printf(out, "  at most %s let through in one second\n", human_count(p->peak_admitted).text);
    if (p->untold)
        buf_printf(out, "  %s requests more are not in it: whose they were is not known\n",
                   human_count(p->untold).text);
}

static void text_limit(const struct whatifshow *c, const struct replay *p, struct buf *out)
{
    text_limit_head(c, p, out);
    if (p->hit)
        buf_printf(out, "  %8s %8s %8s %8s  %-19s  %s\n", "rejected", "of", "share", "in a row", "first, UTC",
                   replay_pers[c->per]);
    for (size_t i = 0; i < p->hit && i < c->top; i++) {
        const struct replay_counted *k = &p->counted[i];
        buf_printf(out, "  %8s %8s %8s %8s  %-19s  ", human_count(k->rejected).text, human_count(k->requests).text,
                   human_percent(facts_ratio(k->rejected, k->requests)).text, human_count(k->longest_run).text,
                   human_moment(k->first_rejected_us).text);
        human_cell(out, k->name, 60);
        buf_char(out, '\n');
    }
    if (p->hit > c->top)
        buf_printf(out, "  ... and %llu more (--top, --format json)\n", (unsigned long long)(p->hit - c->top));
}

static void without_trailing_blanks(struct buf *b)
{
    size_t to = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->p[i] == '\n')
            while (to && b->p[to - 1] == ' ')
                to--;
        b->p[to++] = b->p[i];
    }
    b->n = to;
}

void whatifshow_text(const struct whatifshow *c, const struct replay_options *o, const struct replay *p,
                     struct buf *out)
{
    text_head(p, out);
    if (o->n_ttl)
        text_ttl(c, o, out);
    if (c->capacity)
        text_capacity(c, o, p, out);
    if (o->limit)
        text_limit(c, p, out);
    without_trailing_blanks(out);
}
