#include "capture/memcached.h"

#include "capture/walk.h"

enum form { /* of a command, by its arguments and its answer */
            FORM_GET,
            FORM_GAT,    /* as GET; a lifetime comes first */
            FORM_STORE,  /* key, flags, lifetime, octets */
            FORM_EXTEND, /* the same, but the lifetime stays what it was */
            FORM_DELETE,
            FORM_COUNT,
            FORM_TOUCH,
            FORM_META,
            FORM_META_STORE,
            FORM_META_END,
            FORM_STATS,
            FORM_PLAIN, /* one line, whatever it says */
            FORM_QUIT,  /* no answer */
            FORM_WATCH, /* the connection is a log from then on */
};

enum { KEY_MOST = 250, QUIET = 2 };
enum { REQUEST = 0x80, RESPONSE = 0x81, NOT_FOUND = 1, VALUE_MOST = 1 << 30 };

static const struct cache_command texts[] = {
#define TEXT(name, kind, form) {#name, CACHE_##kind, FORM_##form, 0, 0, 0, 0, 0, 0},
#include "capture/memcached.def"
#undef TEXT
};

static const struct cache_command binaries[256] = {
#define BINARY(opcode, name, kind, form, quiet)                                                                        \
    [opcode] = {#name, CACHE_##kind, FORM_##form, 0, quiet ? QUIET : 0, 0, 0, 0, 0},
#include "capture/memcached.def"
#undef BINARY
};

static const struct cache_command *find(struct slice word)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (slice_eq(word, slice_str(texts[i].name)))
            return &texts[i];
    return NULL;
}

/* Below 30 days from now, above a date (memcached's protocol.txt). */
static int64_t lifetime(int64_t seconds, int64_t now_us)
{
    if (seconds <= 0)
        return seconds ? 1 : 0;
    if (seconds <= 60 * 60 * 24 * 30)
        return seconds * 1000000;
    int64_t at = seconds < INT64_C(100000000000) ? seconds * 1000000 : INT64_C(100000000000) * 1000000;
    return at > now_us ? at - now_us : 1;
}

/* ---- telling ---- */

static bool head_possible(const uint8_t *p, unsigned magic)
{
    uint32_t key = be16(p + 2), extras = p[4], body = be32(p + 8);
    return p[0] == magic && binaries[p[1]].name && key <= KEY_MOST && p[5] == 0 && extras <= 20 && body <= VALUE_MOST &&
           key + extras <= body;
}

enum cache_guess memcached_guess_binary(struct slice b)
{
    const uint8_t *p = (const uint8_t *)b.p;
    if (!b.n || p[0] != REQUEST || (b.n > 1 && !binaries[p[1]].name) || (b.n > 5 && p[5]))
        return CACHE_GUESS_NO;
    return b.n < MEMCACHED_HEAD ? CACHE_GUESS_MAYBE : head_possible(p, REQUEST) ? CACHE_GUESS_YES : CACHE_GUESS_NO;
}

static bool is_number(struct slice s)
{
    int64_t v;
    return resp_number(s, &v);
}

enum cache_guess memcached_guess_line(struct slice b, bool *sure)
{
    size_t end = slice_find(b, '\n', 0), word_end = 0;
    struct slice rest = slice_sub(b, 0, end), word;
    *sure = false;
    while (word_end < rest.n && rest.p[word_end] != ' ' && rest.p[word_end] != '\r')
        word_end++;
    if (word_end > 16)
        return CACHE_GUESS_NO;
    for (size_t i = 0; i < rest.n; i++)
        if ((unsigned char)rest.p[i] < ' ' && rest.p[i] != '\r')
            return CACHE_GUESS_NO;
    const struct cache_command *c = find(slice_sub(rest, 0, word_end));
    if (end == b.n)
        return c || word_end == rest.n ? CACHE_GUESS_MAYBE : CACHE_GUESS_NO;
    if (!c)
        return CACHE_GUESS_NO;
    unsigned numbers = 0, words = 0;
    while (slice_next(&rest, ' ', &word))
        numbers += words++ >= 2 && is_number(word);
    *sure = (c->rule == FORM_STORE || c->rule == FORM_EXTEND) && words >= 5 && numbers >= 3;
    return CACHE_GUESS_YES;
}

bool memcached_answers(struct slice b)
{
    static const char *const words[] = {"VALUE ",      "END\r\n",       "STORED\r\n", "NOT_",   "EXISTS\r\n",
                                        "DELETED\r\n", "TOUCHED",       "VERSION ",   "OK\r\n", "STAT ",
                                        "ERROR\r\n",   "CLIENT_ERROR ", "VA ",        "HD",     "EN\r\n",
                                        "MN\r\n",      "SERVER_ERROR ", "NF",         "NS",     "EX",
                                        "ME ",         "RESET\r\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (memcmp(b.p, words[i], b.n < n ? b.n : n) == 0)
            return true;
    }
    size_t i = 0;
    while (i < b.n && ascii_digit(b.p[i]))
        i++;
    return i && i < b.n && b.p[i] == '\r'; /* of incr */
}

/* ---- commands on lines ---- */

static struct cacheop *begin_command(struct memcached *m, struct cache_env *e, const struct cache_command *c)
{
    struct cacheop *op = cacheops_add(&m->ops, e, &m->ops.waiting);
    if (!op)
        return NULL;
    op->command = m->command = c;
    op->t0 = m->begin_ts;
    op->begin = m->begin;
    op->lookup = c->kind == CACHE_READ;
    m->noreply = m->quiet = false;
    m->opaque = m->size = 0;
    return op;
}

static void finish_command(struct memcached *m, struct cache_env *e, const struct chunk *c, uint64_t end)
{
    struct cacheop *op = cacheops_last(&m->ops.waiting);
    op->t1 = c->ts;
    op->order = c->order;
    op->end = end;
    op->silent = m->noreply || (!m->binary && m->command->rule == FORM_QUIT);
    op->quiet = m->quiet;
    op->opaque = m->opaque;
    if (m->command->kind == CACHE_WRITE)
        op->value_bytes = m->size;
    m->ended |= m->command->rule == FORM_WATCH && !m->binary;
    cacheops_pass_silent(&m->ops, e);
}

static void add_key(struct memcached *m, struct cache_env *e, struct slice key)
{
    cacheops_add_key(&m->ops, e, &m->ops.waiting, key, key.n <= KEY_MOST);
}

/* Flags of a meta command: a letter, and what it says. */
static void meta_flag(struct memcached *m, struct cacheop *op, struct slice word, int64_t now)
{
    int64_t v;
    switch (word.p[0]) {
    case 'q':
        m->quiet |= word.n == 1;
        break;
    case 'O':
        m->opaque = hash_quick(&(struct hash_key){1, 2, 3}, word.p, word.n) | 1;
        break;
    case 'T':
        if (resp_number(slice_sub(word, 1, word.n), &v))
            op->ttl_us = lifetime(v, now);
        break;
    default:
        break;
    }
}

static void take_size(struct memcached *m, struct slice word)
{
    int64_t v;
    m->side[0].closes_line = true;
    m->size = resp_number(word, &v) && v >= 0 && v < VALUE_MOST ? (uint64_t)v : 0;
}

static void store_word(struct memcached *m, struct cache_env *e, struct cacheop *op, struct slice word, int64_t now)
{
    int64_t v;
    if (m->side[0].at == 1)
        add_key(m, e, word);
    else if (m->side[0].at == 3 && resp_number(word, &v))
        op->ttl_us = m->command->rule == FORM_EXTEND ? -1 : lifetime(v, now);
    else if (m->side[0].at == 4)
        take_size(m, word);
}

/* Word `at` of a line, not the first. */
static void argument(struct memcached *m, struct cache_env *e, struct slice word, int64_t now)
{
    struct cacheop *op = cacheops_last(&m->ops.waiting);
    uint32_t at = m->side[0].at;
    enum form form = m->command->rule;
    int64_t v;
    if (at > 1 && form != FORM_GET && form != FORM_GAT && slice_eq(word, SLICE("noreply")))
        m->noreply = true;
    switch (form) {
    case FORM_GET:
        add_key(m, e, word);
        break;
    case FORM_GAT:
        if (at > 1)
            add_key(m, e, word);
        else if (resp_number(word, &v))
            op->ttl_us = lifetime(v, now);
        break;
    case FORM_STORE:
    case FORM_EXTEND:
        store_word(m, e, op, word, now);
        break;
    case FORM_TOUCH:
        if (at == 2 && resp_number(word, &v))
            op->ttl_us = lifetime(v, now);
        if (at == 1)
            add_key(m, e, word);
        break;
    case FORM_META_STORE:
        if (at == 2)
            take_size(m, word);
        /* fall through */
    case FORM_META:
        if (at == 1)
            add_key(m, e, word);
        else if (form == FORM_META || at > 2)
            meta_flag(m, op, word, now);
        break;
    case FORM_DELETE:
    case FORM_COUNT:
        if (at == 1)
            add_key(m, e, word);
        break;
    default:
        if (slice_eq(word, SLICE("noreply")))
            m->noreply = true;
        break;
    }
}

/* A word is whole. False: it is no command. */
static bool client_word(struct memcached *m, struct cache_env *e, int64_t now)
{
    struct memcached_side *s = &m->side[0];
    struct slice word = slice_of(s->text, s->n < MEMCACHED_WORD ? s->n : MEMCACHED_WORD);
    s->in_word = false;
    if (s->at == 0) {
        const struct cache_command *c = find(word);
        s->closes_line = false;
        if (!c || !begin_command(m, e, c))
            return false;
    } else {
        argument(m, e, word, now);
    }
    s->at++;
    s->n = 0;
    return true;
}

/* The line ends; a value may follow. */
static bool client_line(struct memcached *m, struct cache_env *e, const struct chunk *c, uint64_t end)
{
    struct memcached_side *s = &m->side[0];
    bool any = s->at > 0;
    s->at = 0;
    if (any && s->closes_line) {
        s->skip = m->size + 2;
        s->in_message = true;
        return true;
    }
    s->in_message = false;
    if (any)
        finish_command(m, e, c, end);
    return true;
}

/* Passes by octets of a value and its line end. False: that is none. */
static bool pass_value(struct memcached_side *s, const char **p, size_t *n)
{
    while (*n && s->skip > (s->closes_line ? 2 : 0)) {
        uint64_t body = s->skip - (s->closes_line ? 2 : 0);
        size_t take = body < *n ? (size_t)body : *n;
        s->skip -= take;
        *p += take;
        *n -= take;
    }
    for (; *n && s->skip; (*p)++, (*n)--, s->skip--)
        if (**p != (s->skip == 2 ? '\r' : '\n'))
            return false;
    return true;
}

static bool feed_lines(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[0];
    const char *p = c->p;
    size_t n = c->n;
    while (n && !m->ended) {
        if (s->skip) {
            if (!pass_value(s, &p, &n))
                return false;
            s->in_message = s->skip > 0;
            if (!s->skip)
                finish_command(m, e, c, c->offset + (c->n - n));
            continue;
        }
        if (!s->in_message) {
            m->begin = c->offset + (c->n - n);
            m->begin_ts = c->ts;
            s->in_message = true;
        }
        char octet = *p++;
        n--;
        if (octet != ' ' && octet != '\r' && octet != '\n') {
            if (s->n < MEMCACHED_WORD)
                s->text[s->n] = octet;
            s->n += s->n <= MEMCACHED_WORD;
            s->in_word = true;
            continue;
        }
        if ((s->in_word && !client_word(m, e, c->ts)) ||
            (octet == '\n' && !client_line(m, e, c, c->offset + (c->n - n))))
            return false;
        if (m->ops.trust == CACHEOPS_LOST)
            return false;
    }
    return true;
}

/* ---- which command an answer is of ---- */

/* What an answer repeats of its command. */
struct answer_to {
    uint8_t opcode;       /* binary */
    uint64_t opaque, key; /* 0: not repeated */
    struct slice word;    /* meta: what it says */
};

static bool fits(const struct memcached *m, const struct cacheop *op, const struct cacheop_key *key,
                 const struct answer_to *a)
{
    if (m->binary)
        return op->extra == a->opcode && op->opaque == a->opaque && (!a->key || (key && key->hash == a->key));
    if (op->command->rule == FORM_META_END)
        return slice_eq(a->word, SLICE("MN"));
    bool meta = op->command->rule == FORM_META || op->command->rule == FORM_META_STORE;
    if (!meta || slice_eq(a->word, SLICE("MN")) || op->opaque != a->opaque)
        return false;
    return !a->key || (key && key->hash == a->key);
}

static struct cacheop *op_at(struct cacheops_queue *q, uint32_t i)
{
    return &q->op[(q->head + i) & (q->cap - 1)];
}

/* The first of the commands that may have this answer, no farther than the first that is not quiet; *last: the last
 * such. q->n: none. */
static uint32_t find_command(struct memcached *m, const struct answer_to *a, uint32_t *last)
{
    struct cacheops_queue *q = &m->ops.waiting;
    uint32_t found = q->n, key = 0;
    *last = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        const struct cacheop *op = op_at(q, i);
        if (fits(m, op, op->n_keys ? &q->key[(q->key_head + key) & (q->key_cap - 1)] : NULL, a)) {
            found = found == q->n ? i : found;
            *last = i;
        }
        key += op->n_keys;
        if (!op->quiet)
            break;
    }
    return found;
}

/* The first command had no answer, being quiet: a read found nothing, the rest was done. */
static void leave_quiet(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    struct cacheops_answer a = {.t0 = TIME_NONE, .t1 = TIME_NONE};
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, 0);
    (void)c;
    a.misses = op->lookup && !m->blurred;
    a.untold = op->lookup && m->blurred;
    if (k)
        k->outcome = m->blurred ? CACHE_UNTOLD : op->command->kind == CACHE_READ ? CACHE_MISS : CACHE_HIT;
    cacheops_leave(&m->ops, e, &m->ops.waiting, &a, END_COMPLETE);
}

/* Commands before the one that is answered leave. False: it cannot be told which that is, and nothing is said of it;
 * *lost: there is none. */
static bool reach(struct memcached *m, struct cache_env *e, const struct answer_to *a, const struct chunk *c,
                  bool *lost)
{
    struct cacheops_queue *q = &m->ops.waiting;
    uint32_t last, at = find_command(m, a, &last);
    *lost = at == q->n || !cacheops_acknowledges(op_at(q, at), m->ack_offset) || (last > at && !op_at(q, last)->quiet);
    if (*lost)
        return false;
    bool quiet = op_at(q, at)->quiet;
    m->blurred |= last > at;
    if (m->blurred && quiet)
        return false;
    for (; at; at--)
        leave_quiet(m, e, c);
    m->blurred = false;
    return true;
}

/* ---- answers in lines ---- */

static void answer(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    m->result.t0 = m->t0;
    m->result.t1 = c->ts;
    m->result.bytes = m->bytes;
    cacheops_leave(&m->ops, e, &m->ops.waiting, &m->result, END_COMPLETE);
    m->result = (struct cacheops_answer){0};
    m->bytes = 0;
    m->key_at = 0;
    m->side[1].in_message = false;
    cacheops_pass_silent(&m->ops, e);
}

static void tell(struct memcached *m, bool hit, uint64_t bytes)
{
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, m->key_at);
    *(hit ? &m->result.hits : &m->result.misses) += 1;
    m->key_at++;
    m->result.value_bytes += bytes;
    if (!k)
        return;
    k->outcome = hit ? CACHE_HIT : CACHE_MISS;
    k->bytes = (uint32_t)bytes;
}

static bool is_error(struct slice word)
{
    return slice_eq(word, SLICE("ERROR")) || slice_eq(word, SLICE("CLIENT_ERROR")) ||
           slice_eq(word, SLICE("SERVER_ERROR"));
}

/* "VALUE key flags octets": keys before it that were asked for are not there. False: nobody asked for it. */
static bool value_line(struct memcached *m, struct cache_env *e, struct slice rest)
{
    struct cacheops_queue *q = &m->ops.waiting;
    const struct cacheop *op = cacheops_first(q);
    struct slice key, flags, octets;
    int64_t n;
    if (!slice_next(&rest, ' ', &key) || !slice_next(&rest, ' ', &flags) || !slice_next(&rest, ' ', &octets) ||
        !resp_number(octets, &n) || n < 0 || n > VALUE_MOST)
        return false;
    uint64_t hash = cachekeys_hash(e->keys, key);
    while (m->key_at < op->n_keys && cacheops_key(q, m->key_at)->hash != hash)
        tell(m, false, 0);
    if (m->key_at >= op->named)
        return false;
    tell(m, true, (uint64_t)n);
    m->side[1].skip = (uint64_t)n + 2;
    m->side[1].closes_line = true;
    return true;
}

static bool get_line(struct memcached *m, struct cache_env *e, struct slice word, struct slice rest,
                     const struct chunk *c)
{
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    if (slice_eq(word, SLICE("VALUE")))
        return value_line(m, e, rest);
    bool failed = is_error(word);
    if (!failed && !slice_eq(word, SLICE("END")))
        return false;
    m->result.failed = failed;
    while (m->key_at < op->named && !failed)
        tell(m, false, 0);
    m->result.untold = op->named - m->key_at;
    answer(m, e, c);
    return true;
}

static bool among(struct slice word, const char *words)
{
    struct slice rest = slice_str(words), one;
    while (slice_next(&rest, ' ', &one))
        if (slice_eq(one, word))
            return true;
    return false;
}

/* Whether a line of one word can be the answer; it tells whether there was something. */
static bool plain_line(struct memcached *m, struct cache_env *e, struct slice word, const struct chunk *c)
{
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    enum form form = op->command->rule;
    bool ok = is_error(word);
    m->result.failed = ok;
    if (form == FORM_STORE || form == FORM_EXTEND)
        ok |= among(word, "STORED NOT_STORED EXISTS NOT_FOUND");
    else if (form == FORM_DELETE)
        ok |= among(word, "DELETED NOT_FOUND");
    else if (form == FORM_TOUCH)
        ok |= among(word, "TOUCHED NOT_FOUND");
    else if (form == FORM_COUNT)
        ok |= is_number(word) || slice_eq(word, SLICE("NOT_FOUND"));
    else
        ok |= form == FORM_PLAIN || form == FORM_WATCH;
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, 0);
    if (k && ok && !m->result.failed)
        k->outcome = among(word, "NOT_FOUND NOT_STORED EXISTS") ? CACHE_MISS : CACHE_HIT;
    if (ok)
        answer(m, e, c);
    return ok;
}

/* What a meta answer repeats: its flags k and O. */
static struct answer_to meta_answer(const struct cache_env *e, struct slice word, struct slice rest)
{
    struct answer_to a = {.word = word};
    struct slice flag;
    while (slice_next(&rest, ' ', &flag)) {
        if (flag.n && flag.p[0] == 'O')
            a.opaque = hash_quick(&(struct hash_key){1, 2, 3}, flag.p, flag.n) | 1;
        if (flag.n > 1 && flag.p[0] == 'k')
            a.key = cachekeys_hash(e->keys, slice_sub(flag, 1, flag.n));
    }
    return a;
}

static bool meta_line(struct memcached *m, struct cache_env *e, struct slice word, struct slice rest,
                      const struct chunk *c)
{
    struct slice size = SLICE("");
    int64_t n = 0;
    bool value = slice_eq(word, SLICE("VA")), lost, error = is_error(word);
    if (value && (!slice_next(&rest, ' ', &size) || !resp_number(size, &n) || n < 0 || n > VALUE_MOST))
        return false;
    if (!error && !among(word, "VA HD EN NS EX NF MN ME"))
        return false;
    struct answer_to a = meta_answer(e, word, rest);
    if (error && !cacheops_acknowledges(cacheops_first(&m->ops.waiting), m->ack_offset))
        return false;
    if (error) { /* it repeats nothing */
        m->result.failed = true;
        m->result.untold = cacheops_first(&m->ops.waiting)->named;
        answer(m, e, c);
        return true;
    }
    bool told = reach(m, e, &a, c, &lost);
    if (lost)
        return false;
    if (told) {
        const struct cacheop *op = cacheops_first(&m->ops.waiting);
        bool there = !among(word, "EN NF NS");
        if (op->lookup)
            tell(m, there, (uint64_t)n);
        else if (cacheops_key(&m->ops.waiting, 0))
            cacheops_key(&m->ops.waiting, 0)->outcome = there ? CACHE_HIT : CACHE_MISS;
    }
    if (value) {
        m->side[1].skip = (uint64_t)n + 2;
        m->side[1].closes_line = true;
        m->whole_leaves = told;
        return true;
    }
    if (told)
        answer(m, e, c);
    else
        m->side[1].in_message = false;
    return true;
}

/* A line of the server is whole. False: order is lost. */
static bool server_line(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[1];
    struct slice rest = slice_trim(slice_of(s->text, s->n < MEMCACHED_LINE ? s->n : MEMCACHED_LINE)), word;
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    if (!op || !slice_next(&rest, ' ', &word))
        return false;
    switch ((enum form)op->command->rule) {
    case FORM_META:
    case FORM_META_STORE:
    case FORM_META_END:
        return meta_line(m, e, word, rest, c);
    default:
        break;
    }
    if (!cacheops_acknowledges(op, m->ack_offset))
        return false;
    switch ((enum form)op->command->rule) {
    case FORM_GET:
    case FORM_GAT:
        return get_line(m, e, word, rest, c);
    case FORM_STATS:
        m->result.failed = is_error(word);
        if (m->result.failed || among(word, "END RESET OK"))
            answer(m, e, c);
        return true;
    default:
        return plain_line(m, e, word, c);
    }
}

static bool feed_answers(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[1];
    const char *p = c->p;
    size_t n = c->n;
    while (n) {
        size_t before = n;
        if (!s->in_message) {
            m->t0 = c->ts;
            m->ack_offset = c->ack_offset;
            m->bytes = 0;
            s->in_message = true;
        }
        if (s->skip) {
            bool good = pass_value(s, &p, &n);
            m->bytes += before - n;
            if (!good)
                return false;
            if (!s->skip && m->whole_leaves)
                answer(m, e, c);
            else if (!s->skip && !m->key_at)
                s->in_message = false; /* of a command that was not told */
            m->whole_leaves &= s->skip > 0;
            continue;
        }
        const char *end = memchr(p, '\n', n);
        size_t take = end ? (size_t)(end - p) + 1 : n;
        for (size_t i = 0; i < take && s->n + i < MEMCACHED_LINE; i++)
            s->text[s->n + i] = p[i];
        s->n += (uint32_t)take;
        p += take;
        n -= take;
        m->bytes += take;
        if (s->n > 1 << 16)
            return false;
        if (!end)
            break;
        s->n = s->n <= MEMCACHED_LINE ? s->n - 1 : MEMCACHED_LINE;
        bool good = server_line(m, e, c);
        s->n = 0;
        if (!good)
            return false;
    }
    return true;
}

/* ---- binary ---- */

/* Octets of a head, then of what of the body is looked at: extras and key. True: both are there. */
static bool collect(struct memcached_side *s, const char **p, size_t *n)
{
    uint32_t want = MEMCACHED_HEAD;
    const uint8_t *head = (const uint8_t *)s->text;
    for (;;) {
        if (s->n >= MEMCACHED_HEAD)
            want = MEMCACHED_HEAD + be16(head + 2) + head[4];
        if (s->n >= want || !*n)
            return s->n >= MEMCACHED_HEAD && s->n >= want;
        size_t take = want - s->n < *n ? want - s->n : *n;
        memcpy(s->text + s->n, *p, take);
        s->n += (uint32_t)take;
        *p += take;
        *n -= take;
        if (s->n == MEMCACHED_HEAD && !head_possible(head, head[0]))
            return true; /* the caller sees it */
    }
}

static bool binary_command(struct memcached *m, struct cache_env *e)
{
    struct memcached_side *s = &m->side[0];
    const uint8_t *head = (const uint8_t *)s->text;
    uint32_t key = be16(head + 2), extras = head[4];
    const struct cache_command *command = &binaries[head[1]];
    struct cacheop *op = head_possible(head, REQUEST) ? begin_command(m, e, command) : NULL;
    if (!op)
        return false;
    if (key && command->rule != FORM_STATS && command->rule != FORM_PLAIN)
        add_key(m, e, slice_of(s->text + MEMCACHED_HEAD + extras, key));
    op = cacheops_last(&m->ops.waiting);
    const uint8_t *x = head + MEMCACHED_HEAD;
    if (command->rule == FORM_STORE && extras >= 8)
        op->ttl_us = lifetime(be32(x + 4), m->begin_ts);
    if ((command->rule == FORM_GAT || command->rule == FORM_TOUCH) && extras >= 4)
        op->ttl_us = lifetime(be32(x), m->begin_ts);
    op->extra = head[1];
    m->quiet = command->flags & QUIET;
    m->opaque = be32(head + 12);
    m->size = be32(head + 8) - key - extras;
    s->skip = m->size;
    s->closes_line = false;
    s->body = 1;
    return true;
}

static bool feed_binary(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[0];
    const char *p = c->p;
    size_t n = c->n;
    while (n) {
        if (!s->n) {
            m->begin = c->offset + (c->n - n);
            m->begin_ts = c->ts;
        }
        if (!s->body) {
            if (!collect(s, &p, &n))
                break;
            if (!binary_command(m, e))
                return false;
        }
        pass_value(s, &p, &n);
        if (s->skip)
            break;
        s->n = 0;
        s->body = 0;
        finish_command(m, e, c, c->offset + (c->n - n));
    }
    return true;
}

/* A whole answer but for its value. False: order is lost. */
static bool binary_answer(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[1];
    const uint8_t *head = (const uint8_t *)s->text;
    uint32_t key = be16(head + 2), extras = head[4], status = be16(head + 6);
    bool lost;
    if (!head_possible(head, RESPONSE))
        return false;
    const struct cache_command *command = &binaries[head[1]];
    bool repeats = key && command->kind == CACHE_READ;
    struct answer_to a = {.opcode = head[1],
                          .opaque = be32(head + 12),
                          .key =
                              repeats ? cachekeys_hash(e->keys, slice_of(s->text + MEMCACHED_HEAD + extras, key)) : 0};
    s->skip = be32(head + 8) - key - extras;
    s->closes_line = false;
    s->body = 1;
    m->whole_leaves = reach(m, e, &a, c, &lost);
    if (lost)
        return false;
    if (!m->whole_leaves)
        return true;
    const struct cacheop *op = cacheops_first(&m->ops.waiting);
    struct cacheop_key *k = cacheops_key(&m->ops.waiting, 0);
    m->result.failed = status > NOT_FOUND && status != 2 && status != 5; /* exists, not stored: no errors */
    if (op->lookup && !m->result.failed)
        tell(m, status == 0, status ? 0 : s->skip);
    else if (op->lookup)
        m->result.untold = 1;
    else if (k && !m->result.failed)
        k->outcome = status ? CACHE_MISS : CACHE_HIT;
    if (command->rule == FORM_STATS && (key || s->skip) && !status)
        m->whole_leaves = false; /* more of it follows */
    return true;
}

static bool feed_binary_answers(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[1];
    const char *p = c->p;
    size_t n = c->n;
    while (n) {
        size_t before = n;
        if (!s->n && !s->in_message) {
            m->t0 = c->ts;
            m->bytes = 0;
            s->in_message = true;
        }
        if (!s->n)
            m->ack_offset = c->ack_offset;
        if (!s->body) {
            bool whole = collect(s, &p, &n);
            m->bytes += before - n;
            before = n;
            if (!whole)
                break;
            if (!binary_answer(m, e, c))
                return false;
        }
        pass_value(s, &p, &n);
        m->bytes += before - n;
        if (s->skip)
            break;
        s->n = 0;
        s->body = 0;
        if (m->whole_leaves)
            answer(m, e, c);
        else if (m->blurred)
            s->in_message = false;
    }
    return true;
}

/* ---- both ---- */

void memcached_open(struct memcached *m, struct cache_env *e, struct conn *conn, bool binary, bool sure)
{
    memset(m, 0, sizeof *m);
    m->binary = binary;
    cacheops_open(&m->ops, e, conn, PROTO_MEMCACHED, sure);
}

static void start_again(struct memcached *m)
{
    memset(m->side, 0, sizeof m->side);
    m->result = (struct cacheops_answer){0};
    m->bytes = 0;
    m->key_at = 0;
    m->blurred = m->whole_leaves = false;
}

static bool is_idle(const struct memcached_side *s)
{
    return !s->n && !s->skip && !s->body && !s->in_message;
}

static bool begins(const struct memcached *m, const struct chunk *c)
{
    struct slice b = slice_of(c->p, c->n);
    bool sure;
    return (m->binary ? memcached_guess_binary(b) : memcached_guess_line(b, &sure)) == CACHE_GUESS_YES;
}

void memcached_feed(struct memcached *m, struct cache_env *e, int role, const struct chunk *c)
{
    bool again, lost = m->ops.trust == CACHEOPS_LOST;
    bool starts = lost && role == 0 && begins(m, c), idle = is_idle(&m->side[0]) && is_idle(&m->side[1]);
    if (!m->ended && cacheops_heed(&m->ops, role, c, starts, idle, &again)) {
        if (again)
            start_again(m);
        bool good = m->binary ? (role ? feed_binary_answers(m, e, c) : feed_binary(m, e, c))
                              : (role ? feed_answers(m, e, c) : feed_lines(m, e, c));
        if (!good || m->ended)
            cacheops_lose(&m->ops, e);
    }
    cacheops_heard(&m->ops, role, c);
}

void memcached_gap(struct memcached *m, struct cache_env *e, int role, uint64_t n)
{
    struct memcached_side *s = &m->side[role];
    if (m->ops.trust == CACHEOPS_LOST)
        return;
    if (s->skip > n + 2)
        s->skip -= n;
    else
        cacheops_lose(&m->ops, e);
}

void memcached_close(struct memcached *m, struct cache_env *e, enum end_state end)
{
    cacheops_close(&m->ops, e, end);
    explicit_bzero(m->side, sizeof m->side);
}
