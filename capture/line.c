#include "capture/line.h"

enum line_state { LINE_OUT, LINE_WAITING, LINE_STRAGGLER, LINE_FINISHED };

void line_init(struct line *l, struct exchange_sink sink)
{
    /* No time has passed before the first packet: all is young. */
    *l = (struct line){.sink = sink, .now = 0, .released = INT64_MIN, .late_from = INT64_MAX, .due = INT64_MIN};
}

static bool before(const struct slot *a, const struct slot *b)
{
    return a->x.arrival != b->x.arrival ? a->x.arrival < b->x.arrival : a->x.order < b->x.order;
}

/* Who is last of those that arrived before s. Arrivals come nearly sorted, so it is looked for from the tail; but what
 * was late comes before all, and what waited for lost bytes comes many at a time, each behind the one before. */
static __attribute__((noinline)) struct slot *place_of(const struct line *l, const struct slot *s)
{
    struct slot *at = l->tail->line_prev, *near = l->placed;
    if (before(s, l->head))
        return NULL;
    if (near && !before(s, near) && (!near->line_next || before(s, near->line_next)))
        return near;
    while (at && before(s, at))
        at = at->line_prev;
    return at;
}

static inline void insert(struct line *l, struct slot *s)
{
    struct slot *at = l->tail, *next = NULL;
    if (at && before(s, at)) {
        at = place_of(l, s);
        next = at ? at->line_next : l->head;
        next->line_prev = s;
    } else {
        l->tail = s;
    }
    *(at ? &at->line_next : &l->head) = s;
    s->line_prev = at;
    s->line_next = next;
    l->placed = s;
    if (s->x.arrival + LINE_WAIT_US < l->due)
        l->due = s->x.arrival + LINE_WAIT_US;
}

static void unlink_from(struct slot **head, struct slot **tail, struct slot *s)
{
    *(s->line_prev ? &s->line_prev->line_next : head) = s->line_next;
    *(s->line_next ? &s->line_next->line_prev : tail) = s->line_prev;
}

static void leave(struct line *l, struct slot *s)
{
    if (s->x.arrival < l->released)
        s->x.flags |= FLAG_LATE;
    else
        l->released = s->x.arrival;
    s->x.seq = l->seq++;
    l->sink.take(l->sink.context, &s->x);
}

/* Also of who is the next to be looked at when the one before it goes. */
static void note_late(struct line *l, const struct slot *s)
{
    if (s && s->x.arrival < l->late_from)
        l->late_from = s->x.arrival;
    l->due = INT64_MIN;
}

static void strand(struct line *l, struct slot *s)
{
    note_late(l, s);
    s->line = LINE_STRAGGLER;
    s->line_prev = l->late_tail;
    s->line_next = NULL;
    *(l->late_tail ? &l->late_tail->line_next : &l->late_head) = s;
    l->late_tail = s;
}

static void drop_head(struct line *l)
{
    struct slot *s = l->head;
    if (l->placed == s)
        l->placed = NULL;
    unlink_from(&l->head, &l->tail, s);
}

static void advance(struct line *l)
{
    for (struct slot *s = l->head; s; s = l->head) {
        bool finished = s->line == LINE_FINISHED, young = l->now - s->x.arrival <= LINE_WAIT_US;
        if (young && (!finished || l->hold))
            return;
        drop_head(l);
        if (finished)
            leave(l, s);
        else
            strand(l, s);
    }
}

__attribute__((noinline)) void line_enter(struct line *l, struct slot *s)
{
    s->line = LINE_WAITING;
    insert(l, s);
}

void line_done(struct line *l, struct slot *s)
{
    if (s->line == LINE_STRAGGLER) {
        if (s->x.arrival >= l->late_from)
            note_late(l, s->line_next);
        unlink_from(&l->late_head, &l->late_tail, s);
    }
    if (s->line != LINE_WAITING)
        line_enter(l, s);
    s->line = LINE_FINISHED;
    advance(l);
}

void line_apart(struct line *l, struct slot *s)
{
    s->x.seq = l->seq++;
    l->sink.take(l->sink.context, &s->x);
}

bool line_push(struct line *l)
{
    struct slot *s = l->head;
    if (!s || s->line != LINE_FINISHED)
        return false;
    drop_head(l);
    leave(l, s);
    return true;
}

void line_tick(struct line *l, int64_t now)
{
    if (now <= l->now)
        return;
    l->now = now;
    if (l->head && now - l->head->x.arrival > LINE_WAIT_US)
        advance(l);
}
