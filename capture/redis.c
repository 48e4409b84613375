#include "capture/redis.h"

enum { BLOCKS = 1, NUMKEYS = 2, SUBSCRIBES = 4, ENDS = 8, LOOKUP = 16 };

enum rule { /* how an answer tells hit from miss */
            RULE_NONE,
            RULE_NIL,         /* nil is a miss */
            RULE_EACH,        /* an element a key, nil is a miss */
            RULE_ANY,         /* a hit if any element is there */
            RULE_HOW_MANY,    /* how many of the keys there are */
            RULE_ZERO,        /* 0 is a miss: there is nothing empty */
            RULE_ZERO_UNTOLD, /* 0 may also be said of a key that is there */
            RULE_EMPTY,       /* no elements: a miss */
            RULE_TTL,         /* -2 is a miss */
            RULE_TYPE,        /* "none" is a miss */
            RULE_UNTOLD,      /* looked up, and not told */
};

enum ttl { /* where a lifetime is said */
           TTL_NONE,
           TTL_SET,   /* among options from the third argument on; without: forever */
           TTL_GETEX, /* among options; without: unchanged */
           TTL_SECONDS,
           TTL_MILLIS,
           TTL_AT_SECONDS,
           TTL_AT_MILLIS, /* these four: the second argument */
           TTL_FOREVER,
};

enum option { OPTION_NONE, OPTION_EX, OPTION_PX, OPTION_EXAT, OPTION_PXAT };
enum client_reply { REPLY_ON = 1, REPLY_OFF, REPLY_SKIP };
enum { NAME_MAX = 24, WORD_KEPT = 24 };

#define COMMAND(name, kind, rule, ttl, first, last, step, value, flags)                                                \
    {#name, CACHE_##kind, RULE_##rule, TTL_##ttl, flags, first, last, step, value},
static const struct cache_command commands[] = {
#include "capture/redis.def"
};
#undef COMMAND
static const struct cache_command unknown = {.name = "OTHER", .kind = CACHE_OTHER};

static int compare(const char *name, struct slice word)
{
    size_t i = 0;
    for (; i < word.n && name[i]; i++) {
        int upper = word.p[i] >= 'a' && word.p[i] <= 'z' ? word.p[i] - 32 : word.p[i];
        if (name[i] != upper)
            return (unsigned char)name[i] < upper ? -1 : 1;
    }
    return i < word.n ? -1 : name[i] ? 1 : 0;
}

static const struct cache_command *find(struct slice word)
{
    size_t low = 0, high = sizeof commands / sizeof *commands;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = compare(commands[middle].name, word);
        if (!c)
            return &commands[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool is(const struct cacheop *op, const char *name)
{
    return op && strcmp(op->command->name, name) == 0;
}

static bool word_is(struct slice text, const char *upper)
{
    return compare(upper, text) == 0;
}

bool redis_knows_word(struct slice word)
{
    return find(word) != NULL;
}

/* ---- telling ---- */

/* "*3\r\n$3\r\nSET\r\n": as far as there are octets, and then the name. */
enum cache_guess redis_guess(struct slice b)
{
    struct resp r = {.keep = NAME_MAX};
    struct resp_item item;
    const char *p = b.p;
    size_t n = b.n;
    if (!b.n || b.p[0] != '*')
        return CACHE_GUESS_NO;
    enum resp_got got = resp_read(&r, &p, &n, &item);
    if (got == RESP_ITEM && (!item.open || item.n > 1 << 20))
        return CACHE_GUESS_NO;
    if (got == RESP_ITEM)
        got = resp_read(&r, &p, &n, &item);
    if (got == RESP_MORE)
        return r.state == RESP_IN_BULK && r.size > NAME_MAX          ? CACHE_GUESS_NO
               : r.depth && r.state == RESP_IN_LINE && r.type != '$' ? CACHE_GUESS_NO
                                                                     : CACHE_GUESS_MAYBE;
    if (got == RESP_BAD || item.type != '$' || item.nil || !item.n || item.n > NAME_MAX)
        return CACHE_GUESS_NO;
    for (size_t i = 0; i < item.text.n; i++)
        if (!ascii_alpha(item.text.p[i]) && item.text.p[i] != '_' && item.text.p[i] != '.' &&
            !ascii_digit(item.text.p[i]))
            return CACHE_GUESS_NO;
    return CACHE_GUESS_YES;
}

bool redis_answers(struct slice b)
{
    struct resp r = {0};
    struct resp_item item;
    const char *p = b.p;
    size_t n = b.n;
    return b.n && strchr("+-:$*_#,(!=~%>|", b.p[0]) && b.p[0] && resp_read(&r, &p, &n, &item) != RESP_BAD;
}

/* ---- requests ---- */

static bool is_key(const struct redis_request *q, int64_t i)
{
    const struct cache_command *c = q->command;
    return c && c->first && i >= c->first && i <= q->last_key && (i - c->first) % c->step == 0;
}

/* How much of the next argument is looked at. */
static uint32_t keep_next(const struct redis_request *q)
{
    const struct cache_command *c = q->command;
    if (q->at == 0)
        return NAME_MAX + 1;
    if (is_key(q, q->at))
        return RESP_KEPT;
    if (c->ttl || c->flags & NUMKEYS || (q->at <= 2 && strcmp(c->name, "CLIENT") == 0))
        return WORD_KEPT;
    return 0;
}

static int64_t until(int64_t now, int64_t at_us)
{
    return at_us > now ? at_us - now : 1; /* gone at once is no lifetime forever */
}

static void set_ttl(struct cacheop *op, int64_t v, enum option unit, int64_t now)
{
    int64_t most = INT64_C(100) * 365 * 86400;
    bool seconds = unit == OPTION_EX || unit == OPTION_EXAT;
    if (v > (seconds ? most : most * 1000))
        v = seconds ? most : most * 1000;
    v *= seconds ? 1000000 : 1000;
    op->ttl_us = unit == OPTION_EXAT || unit == OPTION_PXAT ? until(now, v) : v > 0 ? v : 1;
}

static void read_option(struct redis_request *q, struct cacheop *op, struct slice text, int64_t now)
{
    static const struct {
        const char *name;
        enum option option;
    } options[] = {{"EX", OPTION_EX}, {"PX", OPTION_PX}, {"EXAT", OPTION_EXAT}, {"PXAT", OPTION_PXAT}};
    int64_t v;
    if (q->option && resp_number(text, &v))
        set_ttl(op, v, q->option, now);
    q->option = OPTION_NONE;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (word_is(text, options[i].name))
            q->option = options[i].option;
    if (word_is(text, "KEEPTTL"))
        op->ttl_us = -1;
    if (word_is(text, "PERSIST"))
        op->ttl_us = 0;
    if (word_is(text, "GET") && q->command->ttl == TTL_SET)
        op->lookup = true;
}

static void read_ttl(struct redis_request *q, struct cacheop *op, struct slice text, int64_t now)
{
    static const enum option unit[] = {[TTL_SECONDS] = OPTION_EX,
                                       [TTL_MILLIS] = OPTION_PX,
                                       [TTL_AT_SECONDS] = OPTION_EXAT,
                                       [TTL_AT_MILLIS] = OPTION_PXAT};
    enum ttl ttl = q->command->ttl;
    int64_t v;
    if ((ttl == TTL_SET && q->at >= 3) || (ttl == TTL_GETEX && q->at >= 2))
        read_option(q, op, text, now);
    else if (ttl >= TTL_SECONDS && ttl <= TTL_AT_MILLIS && q->at == 2 && resp_number(text, &v))
        set_ttl(op, v, unit[ttl], now);
}

/* The number that says how many keys follow. */
static void read_numkeys(struct redis_request *q, struct slice text)
{
    int64_t v;
    if (q->at != q->command->first - 1)
        return;
    q->last_key = resp_number(text, &v) && v > 0 && v <= q->args ? q->command->first + v - 1 : 0;
}

static void read_client(struct redis_request *q, struct slice text)
{
    if (q->at == 1)
        q->client_reply = word_is(text, "REPLY");
    else if (q->at == 2 && q->client_reply)
        q->reply = word_is(text, "ON")     ? REPLY_ON
                   : word_is(text, "OFF")  ? REPLY_OFF
                   : word_is(text, "SKIP") ? REPLY_SKIP
                                           : 0;
}

static void read_name(struct redis *r, struct cacheop *op, struct slice text, int64_t size)
{
    struct redis_request *q = &r->request;
    const struct cache_command *c = size <= NAME_MAX ? find(text) : NULL;
    op->command = q->command = c ? c : &unknown;
    q->last_key = q->command->last < 0 ? q->args + q->command->last : q->command->last;
    if (q->command->flags & NUMKEYS)
        q->last_key = 0;
    op->lookup = (op->command->kind == CACHE_READ && op->command->rule != RULE_NONE) || op->command->flags & LOOKUP;
    op->ttl_us = op->command->ttl == TTL_SET || op->command->ttl == TTL_FOREVER ? 0 : -1;
}

/* One argument: its octets in all, and what was kept of them. */
static void read_argument(struct redis *r, struct cache_env *e, struct slice text, int64_t size, int64_t now)
{
    struct redis_request *q = &r->request;
    struct cacheop *op = cacheops_last(&r->ops.waiting);
    if (q->at == 0)
        read_name(r, op, text, size);
    else if (is_key(q, q->at))
        cacheops_add_key(&r->ops, e, &r->ops.waiting, text, size <= RESP_KEPT);
    else {
        const struct cache_command *c = q->command;
        if (c->kind == CACHE_WRITE && (!c->value || c->value == q->at))
            op->value_bytes += (uint64_t)size;
        if (c->ttl)
            read_ttl(q, op, text, now);
        if (c->flags & NUMKEYS)
            read_numkeys(q, text);
        if (strcmp(c->name, "CLIENT") == 0)
            read_client(q, text);
    }
    q->at++;
    r->side[0].keep = keep_next(q);
}

/* A command is whole: what the server will make of it. */
static void finish_request(struct redis *r, struct cache_env *e, const struct chunk *c, uint64_t end)
{
    struct redis_request *q = &r->request;
    struct cacheop *op = cacheops_last(&r->ops.waiting);
    bool to_on = q->reply == REPLY_ON;
    q->open = false;
    op->t1 = c->ts;
    op->order = c->order;
    op->end = end;
    op->extra = q->command->flags & SUBSCRIBES && q->args > 1 ? (uint32_t)(q->args - 1) : 1;
    op->silent = (!to_on && (r->mute || r->mute_next)) || q->reply == REPLY_OFF || q->reply == REPLY_SKIP;
    r->mute_next = q->reply == REPLY_SKIP && !r->mute;
    if (q->reply == REPLY_OFF || to_on)
        r->mute = !to_on;
    if (q->command->flags & ENDS)
        r->ended = true;
    explicit_bzero(r->side[0].kept, sizeof r->side[0].kept);
    cacheops_pass_silent(&r->ops, e);
}

static bool begin_request(struct redis *r, struct cache_env *e, int64_t args)
{
    struct cacheop *op = cacheops_add(&r->ops, e, &r->ops.waiting);
    if (!op)
        return false;
    op->command = &unknown;
    op->t0 = r->begin_ts;
    op->begin = r->begin;
    r->request = (struct redis_request){.args = args, .open = true};
    r->side[0].keep = NAME_MAX + 1;
    return true;
}

/* A line without framing: words between blanks. */
static bool inline_request(struct redis *r, struct cache_env *e, const struct chunk *c, uint64_t end)
{
    struct resp *s = &r->side[0];
    struct slice rest = slice_trim(slice_of(s->kept, s->kept_n)), counted = rest, word;
    int64_t args = 0;
    r->request.inline_line = false;
    while (slice_next(&counted, ' ', &word))
        args += word.n > 0;
    if (!args)
        return true;
    if (!begin_request(r, e, args))
        return false;
    while (slice_next(&rest, ' ', &word))
        if (word.n)
            read_argument(r, e, word, (int64_t)word.n, c->ts);
    finish_request(r, e, c, end);
    return true;
}

/* Octets of a line; true: there was trouble. */
static bool inline_octets(struct redis *r, struct cache_env *e, const struct chunk *c, const char **p, size_t *n)
{
    struct resp *s = &r->side[0];
    if (!r->request.inline_line) {
        r->request.inline_line = true;
        s->kept_n = 0;
    }
    while (*n) {
        char octet = *(*p)++;
        --*n;
        if (octet == '\n')
            return !inline_request(r, e, c, c->offset + (c->n - *n));
        if ((unsigned char)octet < ' ' && octet != '\r' && octet != '\t')
            return true;
        if (s->kept_n == RESP_KEPT)
            return true;
        s->kept[s->kept_n++] = octet;
    }
    return false;
}

static bool request_item(struct redis *r, struct cache_env *e, const struct chunk *c, uint64_t at,
                         const struct resp_item *item)
{
    if (!item->depth) {
        if (!item->open || item->n > INT32_MAX)
            return false;
        return item->last || begin_request(r, e, item->n);
    }
    if (item->type != '$' || item->nil || !r->request.open)
        return false;
    read_argument(r, e, item->text, item->n, c->ts);
    if (item->last)
        finish_request(r, e, c, at);
    return true;
}

/* False: this is not what a client of Redis says. */
static bool feed_client(struct redis *r, struct cache_env *e, const struct chunk *c)
{
    const char *p = c->p;
    size_t n = c->n;
    struct resp_item item;
    while (n && !r->ended) {
        bool idle = resp_idle(&r->side[0]) && !r->request.inline_line;
        if (idle) {
            r->begin = c->offset + (c->n - n);
            r->begin_ts = c->ts;
        }
        if (r->request.inline_line || (idle && *p != '*')) {
            if (inline_octets(r, e, c, &p, &n))
                return false;
            continue;
        }
        enum resp_got got = resp_read(&r->side[0], &p, &n, &item);
        if (got == RESP_BAD || (got == RESP_ITEM && !request_item(r, e, c, c->offset + (c->n - n), &item)))
            return false;
        if (r->ops.trust == CACHEOPS_LOST)
            return false;
    }
    return true;
}

/* ---- answers ---- */

static void tell(struct redis *r, struct cacheops_queue *q, bool hit)
{
    struct cacheop_key *k = cacheops_key(q, 0);
    *(hit ? &r->reply.result.hits : &r->reply.result.misses) += 1;
    if (k)
        k->outcome = hit ? CACHE_HIT : CACHE_MISS;
}

static void tell_count(struct redis *r, struct cacheops_queue *q, int64_t n)
{
    const struct cacheop *op = cacheops_first(q);
    uint32_t hits = n < 0 ? 0 : n > op->named ? op->named : (uint32_t)n;
    r->reply.result.hits += hits;
    r->reply.result.misses += op->named - hits;
    for (uint32_t i = 0; i < op->n_keys; i++)
        cacheops_key(q, i)->outcome = hits == op->named ? CACHE_HIT : !hits ? CACHE_MISS : CACHE_UNTOLD;
}

static void tell_each(struct redis *r, struct cacheops_queue *q, const struct resp_item *item)
{
    struct cacheop_key *k = cacheops_key(q, r->reply.element - 1);
    *(item->nil ? &r->reply.result.misses : &r->reply.result.hits) += 1;
    if (!k)
        return;
    k->outcome = item->nil ? CACHE_MISS : CACHE_HIT;
    k->bytes = item->nil ? 0 : (uint32_t)(item->n < 0 ? 0 : item->n);
}

/* An answer's first item, by the rule of its command. `depth` counts from the answer. */
static void first_item(struct redis *r, struct cacheops_queue *q, const struct resp_item *item)
{
    const struct cacheop *op = cacheops_first(q);
    struct cacheops_answer *a = &r->reply.result;
    bool number = item->type == ':';
    enum rule rule = op->command->ttl == TTL_SET ? RULE_NIL : op->command->rule;
    if (item->type == '-' || item->type == '!') {
        a->failed = true;
        if (op->lookup && slice_starts(item->text, SLICE("WRONGTYPE")))
            tell(r, q, true); /* there is something */
        else if (op->lookup)
            a->untold += op->named;
        return;
    }
    switch (rule) {
    case RULE_NIL:
        tell(r, q, !item->nil);
        break;
    case RULE_HOW_MANY:
        tell_count(r, q, item->n);
        break;
    case RULE_ZERO:
        tell(r, q, item->n != 0);
        break;
    case RULE_ZERO_UNTOLD:
        if (number && item->n == 0)
            a->untold++;
        else
            tell(r, q, true);
        break;
    case RULE_EMPTY:
        tell(r, q, !item->nil && (item->open ? item->n > 0 : true));
        break;
    case RULE_TTL:
        tell(r, q, item->n != -2);
        break;
    case RULE_TYPE:
        tell(r, q, !slice_eq(item->text, SLICE("none")));
        break;
    case RULE_EACH:
    case RULE_ANY:
        if (!item->open)
            a->untold += op->named;
        break;
    case RULE_UNTOLD:
        a->untold += op->named;
        break;
    case RULE_NONE:
        break;
    }
}

/* An item of the answer to the first command of q. */
static void answer_item(struct redis *r, struct cacheops_queue *q, const struct resp_item *item, unsigned depth)
{
    const struct cacheop *op = cacheops_first(q);
    struct redis_reply *a = &r->reply;
    enum rule rule = op->command->rule;
    if (depth == 0)
        first_item(r, q, item);
    if (depth == 1) {
        a->element++;
        a->any += !item->nil;
        if (rule == RULE_EACH)
            tell_each(r, q, item);
    }
    if (op->command->kind == CACHE_READ && !item->open && !item->nil && (item->type == '$' || item->type == '='))
        a->result.value_bytes += (uint64_t)item->n;
}

/* The answer to the first command of q is whole. */
static void answer_done(struct redis *r, struct cache_env *e, struct cacheops_queue *q, const struct chunk *c)
{
    struct redis_reply *a = &r->reply;
    const struct cacheop *op = cacheops_first(q);
    if (op->command->rule == RULE_ANY && a->element)
        tell(r, q, a->any > 0);
    a->result.t0 = a->t0;
    a->result.t1 = c->ts;
    a->result.bytes = a->bytes;
    cacheops_leave(&r->ops, e, q, &a->result, END_COMPLETE);
    a->result = (struct cacheops_answer){0};
    a->element = a->any = 0;
    a->bytes = 0; /* what follows in a transaction is its own */
}

/* Commands that were queued and are not carried out. */
static void drop_held(struct redis *r, struct cache_env *e, const struct chunk *c)
{
    while (r->ops.held.n) {
        r->reply.result.failed = true;
        r->reply.result.untold = cacheops_first(&r->ops.held)->lookup ? cacheops_first(&r->ops.held)->named : 0;
        r->reply.result.t0 = r->reply.t0;
        r->reply.result.t1 = c->ts;
        cacheops_leave(&r->ops, e, &r->ops.held, &r->reply.result, END_COMPLETE);
    }
    r->reply.result = (struct cacheops_answer){0};
    r->in_multi = false;
}

/* Whether the answer's type can be one to this command; what is said of few commands catches a slip by one. */
static bool possible(const struct cacheop *op, const struct resp_item *item)
{
    char t = item->type;
    if (t == '+' && slice_eq(item->text, SLICE("QUEUED")))
        return false; /* it is in a transaction whose beginning was not seen */
    if (t == '-' || t == '!' || op->command == &unknown)
        return true;
    switch (op->command->ttl == TTL_SET ? RULE_NIL : op->command->rule) {
    case RULE_EACH:
        return (t == '*' || t == '~') && (item->nil || item->n == op->named);
    case RULE_ANY:
    case RULE_EMPTY:
        return t == '*' || t == '~' || t == '%' || t == '$' || t == '_';
    case RULE_HOW_MANY:
    case RULE_ZERO:
    case RULE_TTL:
        return t == ':';
    case RULE_ZERO_UNTOLD:
        return t == ':' || t == '#';
    case RULE_TYPE:
        return t == '+';
    case RULE_NIL:
        if (op->command->ttl == TTL_SET)
            return (t == '+' && slice_eq(item->text, SLICE("OK"))) || item->nil || (op->lookup && t == '$');
        return t != '+' && t != '%' && t != '~';
    default:
        return true;
    }
}

static bool is_queued(const struct redis *r, const struct resp_item *item)
{
    return r->in_multi && item->type == '+' && slice_eq(item->text, SLICE("QUEUED"));
}

/* The first item of an answer. False: order is lost. */
static bool begin_answer(struct redis *r, struct cache_env *e, const struct resp_item *item)
{
    struct redis_reply *a = &r->reply;
    if (!cacheops_fits(&r->ops, e, a->ack_offset))
        return false;
    struct cacheop *op = cacheops_first(&r->ops.waiting);
    if (is(op, "EXEC") && item->open && item->type == '*') {
        a->kind = REDIS_EXEC;
        a->exec_fits = item->n == r->ops.held.n;
    }
    if ((a->kind == REDIS_EXEC && !a->exec_fits) || (!is_queued(r, item) && !possible(op, item))) {
        cacheops_lose(&r->ops, e);
        return false;
    }
    if (!is_queued(r, item) && a->kind != REDIS_EXEC)
        answer_item(r, &r->ops.waiting, item, 0);
    return true;
}

/* The answer is whole; some change what follows. */
static void end_answer(struct redis *r, struct cache_env *e, const struct resp_item *item, const struct chunk *c)
{
    struct cacheop *op = cacheops_first(&r->ops.waiting);
    bool good = !r->reply.result.failed;
    if (is_queued(r, item) && r->reply.kind == REDIS_ANSWER && !item->depth) {
        cacheops_hold(&r->ops, e);
        return;
    }
    if (is(op, "MULTI") && good)
        r->in_multi = true;
    if (is(op, "RESET") && good)
        r->subscribed = r->mute = false;
    if (is(op, "EXEC") || is(op, "DISCARD") || (is(op, "RESET") && good)) {
        struct cacheops_answer mine = r->reply.result;
        if (r->in_multi)
            drop_held(r, e, c);
        r->reply.result = mine;
    }
    answer_done(r, e, &r->ops.waiting, c);
}

/* Answers to commands of a transaction are the elements of its own. */
static void exec_item(struct redis *r, struct cache_env *e, const struct resp_item *item, const struct chunk *c)
{
    const struct resp *s = &r->side[1];
    if (!r->ops.held.n)
        return;
    answer_item(r, &r->ops.held, item, item->depth - 1u);
    if (item->last || (s->state == RESP_TYPE && s->depth == 1))
        answer_done(r, e, &r->ops.held, c);
}

/* ---- what is no answer ---- */

static bool confirms(struct slice text)
{
    static const char *const words[] = {"SUBSCRIBE",   "PSUBSCRIBE",   "SSUBSCRIBE",
                                        "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word_is(text, words[i]))
            return true;
    return false;
}

static bool is_message(struct slice text)
{
    return word_is(text, "MESSAGE") || word_is(text, "PMESSAGE") || word_is(text, "SMESSAGE");
}

static bool subscribes(const struct cacheop *op)
{
    return op && op->command->flags & SUBSCRIBES;
}

static void end_confirmation(struct redis *r, struct cache_env *e, const struct resp_item *item, const struct chunk *c)
{
    struct cacheop *op = cacheops_first(&r->ops.waiting);
    if (item->type == ':')
        r->subscribed = item->n > 0;
    if (!subscribes(op) || !cacheops_acknowledges(op, r->reply.ack_offset))
        return; /* one more of an UNSUBSCRIBE from all */
    if (--op->extra == 0)
        answer_done(r, e, &r->ops.waiting, c);
}

/* What the message is that begins with this item. */
static bool begin_reply(struct redis *r, struct cache_env *e, const struct resp_item *item)
{
    struct redis_reply *a = &r->reply;
    a->open = true;
    a->push = item->type == '>';
    a->elements = item->n;
    a->kind = REDIS_ANSWER;
    a->result = (struct cacheops_answer){0};
    a->element = a->any = 0;
    if (item->open && item->n > 0 &&
        (item->type == '>' || (item->type == '*' && (r->subscribed || subscribes(cacheops_first(&r->ops.waiting)))))) {
        a->kind = REDIS_UNSURE; /* its first element says it */
        return true;
    }
    return begin_answer(r, e, item);
}

/* The first element of what may be a message: false: order is lost. */
static bool decide(struct redis *r, struct cache_env *e, const struct resp_item *item)
{
    struct redis_reply *a = &r->reply;
    a->kind = confirms(item->text) ? REDIS_CONFIRM : a->push || is_message(item->text) ? REDIS_PUSH : REDIS_ANSWER;
    if (a->kind != REDIS_ANSWER)
        return true;
    return begin_answer(r, e, &(struct resp_item){.type = '*', .open = true, .n = a->elements});
}

static bool reply_item(struct redis *r, struct cache_env *e, const struct resp_item *item, const struct chunk *c)
{
    struct redis_reply *a = &r->reply;
    bool first = !a->open;
    if (item->aside)
        return true;
    if (first && !begin_reply(r, e, item))
        return false;
    if (!first && a->kind == REDIS_UNSURE && !decide(r, e, item))
        return false;
    if (!first && a->kind == REDIS_ANSWER && cacheops_first(&r->ops.waiting))
        answer_item(r, &r->ops.waiting, item, item->depth);
    if (!first && a->kind == REDIS_EXEC)
        exec_item(r, e, item, c);
    if (!item->last)
        return true;
    a->open = false;
    if (a->kind == REDIS_CONFIRM)
        end_confirmation(r, e, item, c);
    else if (a->kind != REDIS_PUSH && a->kind != REDIS_UNSURE)
        end_answer(r, e, item, c);
    cacheops_pass_silent(&r->ops, e);
    return r->ops.trust != CACHEOPS_LOST;
}

static bool feed_server(struct redis *r, struct cache_env *e, const struct chunk *c)
{
    const char *p = c->p;
    size_t n = c->n;
    struct resp_item item;
    struct resp *s = &r->side[1];
    struct redis_reply *a = &r->reply;
    while (n) {
        if (resp_idle(s)) {
            a->open = false;
            a->t0 = c->ts;
            a->bytes = 0;
            a->ack_offset = c->ack_offset;
            s->keep = 16;
        }
        size_t before = n;
        enum resp_got got = resp_read(s, &p, &n, &item);
        a->bytes += before - n;
        if (got == RESP_BAD)
            return false;
        if (got == RESP_ITEM && !reply_item(r, e, &item, c))
            return false;
    }
    return true;
}

/* ---- both ---- */

void redis_open(struct redis *r, struct cache_env *e, struct conn *conn, bool sure)
{
    *r = (struct redis){0};
    cacheops_open(&r->ops, e, conn, PROTO_REDIS, sure);
}

/* What was understood of either side is void. */
static void start_again(struct redis *r)
{
    r->side[0] = r->side[1] = (struct resp){0};
    r->request = (struct redis_request){0};
    r->reply = (struct redis_reply){0};
    r->subscribed = r->in_multi = r->mute = r->mute_next = false;
}

static bool between(const struct redis *r)
{
    return resp_idle(&r->side[0]) && resp_idle(&r->side[1]) && !r->request.inline_line;
}

void redis_feed(struct redis *r, struct cache_env *e, int role, const struct chunk *c)
{
    bool again, lost = r->ops.trust == CACHEOPS_LOST;
    bool begins = lost && role == 0 && redis_guess(slice_of(c->p, c->n)) == CACHE_GUESS_YES;
    if (!r->ended && cacheops_heed(&r->ops, role, c, begins, between(r), &again)) {
        if (again)
            start_again(r);
        if (!(role == 0 ? feed_client(r, e, c) : feed_server(r, e, c)))
            cacheops_lose(&r->ops, e);
        if (r->ended)
            cacheops_lose(&r->ops, e);
    }
    cacheops_heard(&r->ops, role, c);
}

void redis_gap(struct redis *r, struct cache_env *e, int role, uint64_t n)
{
    if (r->ops.trust != CACHEOPS_LOST && !resp_skip(&r->side[role], n))
        cacheops_lose(&r->ops, e);
}

void redis_close(struct redis *r, struct cache_env *e, enum end_state end)
{
    cacheops_close(&r->ops, e, end);
    explicit_bzero(r->side, sizeof r->side);
}
