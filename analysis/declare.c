#include "analysis/declare.h"

#include "base/floor.h"

static struct classify_when when(struct declarer *d, struct slice text)
{
    struct classify_when w = {DATE_ABSENT, 0};
    if (text.p)
        w.is = httpdate_known(&d->dates, text, &w.seconds) ? DATE_GOOD : DATE_BAD;
    return w;
}

static bool lists(struct slice list, struct slice name)
{
    struct slice item;
    while (slice_next(&list, ',', &item))
        if (slice_ieq(item, name))
            return true;
    return false;
}

/* The fields in which caches speak; capture made one word of each. */
static const enum head said[] = {HEAD_cache_status, HEAD_x_cache, HEAD_cf_cache_status, HEAD_x_cache_status,
                                 HEAD_x_varnish};

static bool said_hit(const struct heads *h)
{
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (lists(heads_get(h, said[i]), SLICE("hit")))
            return true;
    return false;
}

static int64_t age_of(struct slice text)
{
    uint64_t seconds;
    return text.p && slice_u64(slice_trim(text), &seconds) ? (int64_t)seconds : -1;
}

static bool is_event_stream(const struct exchange *x)
{
    return x->content_type.n == 17 && slice_ieq(x->content_type, SLICE("text/event-stream"));
}

static bool expires_first(const struct exchange *x)
{
    for (unsigned i = 0; i < x->n_fields; i++)
        if (x->fields[i].response && (x->fields[i].token == TOKEN_EXPIRES || x->fields[i].token == TOKEN_CACHE_CONTROL))
            return x->fields[i].token == TOKEN_EXPIRES;
    return false;
}

/* The date of Last-Modified is not read: only a lifetime that nobody declares rests on it. */
static struct verdict verdict_of(struct declarer *d, const struct exchange *x, const struct heads *h,
                                 enum classify_method method)
{
    struct directives asked = directives_read(heads_get(h, HEAD_request_control)),
                      answered = directives_read(heads_get(h, HEAD_cache_control));
    struct slice location = heads_get(h, HEAD_content_location);
    struct classify_input in = {.method = method,
                                .status = x->status,
                                .damaged = x->end != END_COMPLETE || (x->flags & FLAG_UNKNOWN_FIELDS),
                                .authorization = heads_has(h, HEAD_authorization),
                                .cookie = heads_has(h, HEAD_cookie),
                                .set_cookie = heads_has(h, HEAD_set_cookie),
                                .vary_star = lists(heads_get(h, HEAD_vary), SLICE("*")),
                                .event_stream = is_event_stream(x),
                                .validator = heads_has(h, HEAD_etag) || heads_has(h, HEAD_last_modified),
                                .for_target = location.p && slice_eq(location, x->target),
                                .pragma_no_cache = !heads_has(h, HEAD_request_control) &&
                                                   lists(heads_get(h, HEAD_pragma), SLICE("no-cache")),
                                .hit = said_hit(h),
                                .request = &asked,
                                .response = &answered,
                                .targeted = heads_get(h, HEAD_cdn_cache_control),
                                .surrogate = heads_get(h, HEAD_surrogate_control),
                                .accel = heads_get(h, HEAD_x_accel_expires),
                                .expires = when(d, heads_get(h, HEAD_expires)),
                                .expires_first = expires_first(x),
                                .now = floor_div(x->t_rsp0 == TIME_NONE ? x->arrival : x->t_rsp0, 1000000),
                                .age = age_of(heads_get(h, HEAD_age))};
    if (in.expires.is != DATE_ABSENT)
        in.date = when(d, heads_get(h, HEAD_date));
    return classify(&in);
}

static uint32_t notes_of(const struct verdict *v)
{
    return (uint32_t)v->reason | NOTE(storable_shared, v->shared) | NOTE(storable_private, v->private) |
           NOTE(storable_cdn, v->cdn) | NOTE(nginx, v->nginx) | NOTE(varnish, v->varnish) |
           NOTE(needs_validation, v->needs_validation) | NOTE(forced_refresh, v->forced_refresh) |
           NOTE(cookie_present, v->cookie) | NOTE(immutable, v->immutable) | NOTE(from_cache, v->from_cache) |
           NOTE(personal, v->personal);
}

/* Of GET and HEAD: what was asked with a validator, and which validators whole answers carry. */
static uint32_t notes_of_read(const struct heads *h, const struct exchange *x, bool weak)
{
    bool conditional = heads_has(h, HEAD_if_none_match) || heads_has(h, HEAD_if_modified_since);
    bool full = x->status == 200 && x->end == END_COMPLETE, tag = full && heads_has(h, HEAD_etag);
    return NOTE(reads, true) | NOTE(conditional, conditional) | NOTE(not_modified, conditional && x->status == 304) |
           NOTE(full, full) | NOTE(strong_etag, tag && !weak) | NOTE(weak_etag, tag && weak) |
           NOTE(last_modified, full && heads_has(h, HEAD_last_modified));
}

static void judge(struct declarer *d, const struct exchange *x, const struct heads *h, enum classify_method method,
                  bool weak, struct row_exchange *row)
{
    struct verdict v = verdict_of(d, x, h, method);
    bool lifetime = v.shared && v.source != TTL_NONE && v.source != TTL_HEURISTIC, seen = heads_has(h, HEAD_age);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        seen |= heads_has(h, said[i]);
    row->notes = notes_of(&v) | NOTE(cache_seen, x->status && seen);
    if (method == METHOD_READ)
        row->notes |= notes_of_read(h, x, weak);
    row->lifetime = lifetime ? (uint32_t)(v.ttl < UINT32_MAX ? v.ttl + 1 : UINT32_MAX) : 0;
}

/* Fields of which only the presence decides; of an ETag, whether it is weak, too. */
enum {
    PRESENCE = 1u << HEAD_authorization | 1u << HEAD_cookie | 1u << HEAD_if_modified_since | 1u << HEAD_if_none_match |
               1u << HEAD_cache_control | 1u << HEAD_date | 1u << HEAD_etag | 1u << HEAD_last_modified |
               1u << HEAD_retry_after | 1u << HEAD_set_cookie | 1u << HEAD_vary
};

/* All that decides but the text of Cache-Control, in one word; 0: more does, or the text is too long to remember. */
static uint64_t seen_of(const struct exchange *x, const struct heads *h, enum classify_method method, bool weak,
                        struct slice text)
{
    struct slice vary = heads_get(h, HEAD_vary);
    if (h->present & ~(uint32_t)PRESENCE || text.n > DECLARE_TEXT || slice_find(vary, '*', 0) < vary.n)
        return 0;
    return (uint64_t)h->present << 32 | (uint64_t)x->status << 16 | (uint64_t)method << 8 | (uint64_t)weak << 3 |
           (uint64_t)is_event_stream(x) << 2 | (uint64_t)(x->end == END_COMPLETE) << 1 | 1;
}

static struct declare_kept *place(struct declarer *d, uint64_t seen, struct slice text)
{
    uint32_t end = 0;
    if (text.n >= sizeof end)
        memcpy(&end, text.p + text.n - sizeof end, sizeof end); /* where lifetimes differ */
    return &d->kept[((seen ^ seen >> 32 << 7 ^ end ^ text.n << 20) * 0x9e3779b97f4a7c15u) >> 56];
}

void declare(struct declarer *d, const struct exchange *x, const struct heads *h, enum classify_method method,
             struct row_exchange *row)
{
    struct slice text = heads_get(h, HEAD_cache_control);
    bool weak = heads_weak(heads_get(h, HEAD_etag));
    uint64_t seen = seen_of(x, h, method, weak, text);
    struct declare_kept *k = place(d, seen, text);
    if (!seen) {
        judge(d, x, h, method, weak, row);
        return;
    }
    if (k->seen != seen || !slice_eq(slice_of(k->text, k->n), text)) {
        judge(d, x, h, method, weak, row);
        *k = (struct declare_kept){seen, row->notes, row->lifetime, (uint32_t)text.n, {0}};
        if (text.n)
            memcpy(k->text, text.p, text.n);
    }
    row->notes = k->notes;
    row->lifetime = k->lifetime;
}
