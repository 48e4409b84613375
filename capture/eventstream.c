#include "capture/eventstream.h"

#include "capture/media.h"

static const char data_name[] = "data";
static const char mark[] = "\xef\xbb\xbf";

enum { NAME_N = 4, MARK_N = 3, MISMATCH = 255 };

/* ---- lines ---- */

static void line_begin(struct eventstream *e)
{
    e->name = 0;
    e->named = false;
    e->empty = true;
}

/* The empty line that ends an event. Without data there is none. */
static void dispatch(struct eventstream *e)
{
    struct event_facts *f = &e->facts;
    if (e->data && !e->skipping) {
        f->events++;
        f->bytes += e->octets;
        if (e->last != TIME_NONE) {
            uint64_t gap = e->now > e->last ? (uint64_t)(e->now - e->last) : 0;
            f->gaps++;
            f->gap_us += gap;
            f->gap_max_us = gap > f->gap_max_us ? gap : f->gap_max_us;
        }
        e->last = e->now;
    }
    if (e->skipping)
        e->last = TIME_NONE; /* some may have been lost: how long it was to the one before is not known */
    e->octets = 0;
    e->data = e->skipping = false;
}

static void line_end(struct eventstream *e)
{
    if (e->empty)
        dispatch(e);
    else
        e->data |= e->name == NAME_N; /* its name is "data" alone */
    line_begin(e);
}

static void octet(struct eventstream *e, char c)
{
    if (c == '\n' && e->cr) { /* CR LF is one end */
        e->cr = false;
        return;
    }
    e->cr = c == '\r';
    if (e->cr || c == '\n') {
        line_end(e);
        return;
    }
    e->octets++;
    e->empty = false;
    if (e->named)
        return;
    if (c == ':')
        e->named = true;
    else if (e->name < NAME_N && c == data_name[e->name])
        e->name++;
    else {
        e->name = MISMATCH;
        e->named = true;
    }
}

/* A byte order mark at the beginning is passed over. What only begins like one is the beginning of a line. */
static size_t pass_mark(struct eventstream *e, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && e->bom < MARK_N && p[i] == mark[e->bom]) {
        e->bom++;
        i++;
    }
    if (i == n || e->bom == MARK_N)
        return i;
    if (e->bom) {
        e->octets += e->bom;
        e->empty = false;
        e->named = true;
        e->name = MISMATCH;
    }
    e->bom = MARK_N;
    return i;
}

/* Octets of a line whose name is over are passed over at once. */
static void read_plain(void *context, const char *p, size_t n)
{
    struct eventstream *e = context;
    size_t i = e->bom < MARK_N ? pass_mark(e, p, n) : 0;
    while (i < n) {
        if (e->named && p[i] != '\n' && p[i] != '\r') {
            size_t from = i;
            while (i < n && p[i] != '\n' && p[i] != '\r')
                i++;
            e->octets += i - from;
            e->cr = false;
            continue;
        }
        octet(e, p[i++]);
    }
}

/* ---- life ---- */

static bool is_event_stream(struct slice type)
{
    if (media_says_json(type))
        return false;
    type = slice_trim(slice_sub(type, 0, slice_find(type, ';', 0)));
    return slice_ieq(type, SLICE("text/event-stream"));
}

static bool asks_to_resume(const struct rawhead *h)
{
    for (unsigned i = 0; i < h->n_fields; i++)
        if (slice_ieq(slice_of(h->p + h->fields[i].name, h->fields[i].name_n), SLICE("last-event-id")))
            return true;
    return false;
}

struct eventstream *eventstream_begin(struct slot_pool *pool, struct codings *codings, struct slot *s,
                                      const struct head *answer)
{
    if (answer->status != 200 || !is_event_stream(head_field(answer, TOKEN_CONTENT_TYPE)))
        return NULL;
    struct eventstream *e = slot_alloc(pool, s, sizeof *e);
    if (!e)
        return NULL;
    memset(e, 0, sizeof *e);
    struct slice coding = slice_trim(head_field(answer, TOKEN_CONTENT_ENCODING));
    e->last = TIME_NONE;
    e->codings = codings;
    e->facts.opened = s->x.t_rsp0;
    e->facts.resumed = s->request.p && asks_to_resume(&s->request);
    if (coding.n && !slice_ieq(coding, SLICE("identity"))) {
        e->coding = coding_open(codings, coding, read_plain, e);
        e->deaf = e->facts.lost = !e->coding;
        if (e->coding)
            coding_endless(e->coding);
    }
    line_begin(e);
    return e;
}

static void drop_coding(struct eventstream *e)
{
    coding_close(e->codings, e->coding);
    e->coding = NULL;
}

static void give_up(struct eventstream *e)
{
    drop_coding(e);
    e->deaf = e->facts.lost = true;
}

void eventstream_data(struct eventstream *e, const char *p, size_t n, int64_t ts)
{
    uint64_t since = ts > e->facts.opened ? (uint64_t)(ts - e->facts.opened) : 0;
    e->now = ts;
    if (since > e->facts.duration_us)
        e->facts.duration_us = since;
    if (e->deaf)
        return;
    if (!e->coding)
        read_plain(e, p, n);
    else if (coding_feed(e->coding, p, n) != CODING_GOOD)
        give_up(e);
}

void eventstream_gap(struct eventstream *e)
{
    e->facts.lost = true;
    if (e->coding) {
        give_up(e);
        return;
    }
    line_begin(e);
    e->bom = MARK_N;
    e->empty = e->cr = false; /* what comes is the rest of a line, or seems so */
    e->named = e->skipping = true;
    e->name = MISMATCH;
}

void eventstream_end(struct eventstream *e)
{
    drop_coding(e);
}
