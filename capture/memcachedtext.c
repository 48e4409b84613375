#include "capture/memcachedtext.h"

#include "capture/memcachedop.h"

static const struct cache_command texts[] = {
#define TEXT(name, kind, form) {#name, CACHE_##kind, FORM_##form, 0, 0, 0, 0, 0, 0},
#include "capture/memcached.def"
#undef TEXT
};

static const struct cache_command *find(struct slice word)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (slice_eq(word, slice_str(texts[i].name)))
            return &texts[i];
    return NULL;
}

/* ---- telling ---- */

static bool is_number(struct slice s)
{
    int64_t v;
    return resp_number(s, &v);
}

enum cache_guess memcachedtext_guess(struct slice b, bool *sure)
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

bool memcachedtext_may_answer(struct slice b)
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

/* ---- commands ---- */

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
            op->ttl_us = memcachedop_lifetime(v, now);
        break;
    default:
        break;
    }
}

static void take_size(struct memcached *m, struct slice word)
{
    int64_t v;
    m->side[0].closes_line = true;
    m->size = resp_number(word, &v) && v >= 0 && v < MEMCACHED_VALUE ? (uint64_t)v : 0;
}

static void store_word(struct memcached *m, struct cache_env *e, struct cacheop *op, struct slice word, int64_t now)
{
    int64_t v;
    if (m->side[0].at == 1)
        memcachedop_key(m, e, word);
    else if (m->side[0].at == 3 && resp_number(word, &v))
        op->ttl_us = m->command->rule == FORM_EXTEND ? -1 : memcachedop_lifetime(v, now);
    else if (m->side[0].at == 4)
        take_size(m, word);
}

/* Word `at` of a line, not the first. */
static void argument(struct memcached *m, struct cache_env *e, struct slice word, int64_t now)
{
    struct cacheop *op = cacheops_last(&m->ops.waiting);
    uint32_t at = m->side[0].at;
    enum memcached_form form = m->command->rule;
    int64_t v;
    if (at > 1 && form != FORM_GET && form != FORM_GAT && slice_eq(word, SLICE("noreply")))
        m->noreply = true;
    switch (form) {
    case FORM_GET:
        memcachedop_key(m, e, word);
        break;
    case FORM_GAT:
        if (at > 1)
            memcachedop_key(m, e, word);
        else if (resp_number(word, &v))
            op->ttl_us = memcachedop_lifetime(v, now);
        break;
    case FORM_STORE:
    case FORM_EXTEND:
        store_word(m, e, op, word, now);
        break;
    case FORM_TOUCH:
        if (at == 2 && resp_number(word, &v))
            op->ttl_us = memcachedop_lifetime(v, now);
        if (at == 1)
            memcachedop_key(m, e, word);
        break;
    case FORM_META_STORE:
        if (at == 2)
            take_size(m, word);
        /* fall through */
    case FORM_META:
        if (at == 1)
            memcachedop_key(m, e, word);
        else if (form == FORM_META || at > 2)
            meta_flag(m, op, word, now);
        break;
    case FORM_DELETE:
    case FORM_COUNT:
        if (at == 1)
            memcachedop_key(m, e, word);
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
        if (!c || !memcachedop_begin(m, e, c))
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
        memcachedop_finish(m, e, c, end);
    return true;
}

bool memcachedtext_commands(struct memcached *m, struct cache_env *e, const struct chunk *c)
{
    struct memcached_side *s = &m->side[0];
    const char *p = c->p;
    size_t n = c->n;
    while (n && !m->ended) {
        if (s->skip) {
            if (!memcachedop_pass(s, &p, &n))
                return false;
            s->in_message = s->skip > 0;
            if (!s->skip)
                memcachedop_finish(m, e, c, c->offset + (c->n - n));
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

/* ---- answers ---- */

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
        !resp_number(octets, &n) || n < 0 || n > MEMCACHED_VALUE)
        return false;
    uint64_t hash = cachekeys_hash(e->keys, key);
    while (m->key_at < op->n_keys && cacheops_key(q, m->key_at)->hash != hash)
        memcachedop_tell(m, false, 0);
    if (m->key_at >= op->named)
        return false;
    memcachedop_tell(m, true, (uint64_t)n);
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
        memcachedop_tell(m, false, 0);
    m->result.untold = op->named - m->key_at;
    memcachedop_answer(m, e, c);
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
    enum memcached_form form = op->command->rule;
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
        memcachedop_answer(m, e, c);
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
    if (value && (!slice_next(&rest, ' ', &size) || !resp_number(size, &n) || n < 0 || n > MEMCACHED_VALUE))
        return false;
    if (!error && !among(word, "VA HD EN NS EX NF MN ME"))
        return false;
    struct answer_to a = meta_answer(e, word, rest);
    if (error && !cacheops_acknowledges(cacheops_first(&m->ops.waiting), m->ack_offset))
        return false;
    if (error) { /* it repeats nothing */
        m->result.failed = true;
        m->result.untold = cacheops_first(&m->ops.waiting)->named;
        memcachedop_answer(m, e, c);
        return true;
    }
    bool told = memcachedop_reach(m, e, &a, &lost);
    if (lost)
        return false;
    if (told) {
        const struct cacheop *op = cacheops_first(&m->ops.waiting);
        bool there = !among(word, "EN NF NS");
        if (op->lookup)
            memcachedop_tell(m, there, (uint64_t)n);
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
        memcachedop_answer(m, e, c);
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
    switch ((enum memcached_form)op->command->rule) {
    case FORM_META:
    case FORM_META_STORE:
    case FORM_META_END:
        return meta_line(m, e, word, rest, c);
    default:
        break;
    }
    if (!cacheops_acknowledges(op, m->ack_offset))
        return false;
    switch ((enum memcached_form)op->command->rule) {
    case FORM_GET:
    case FORM_GAT:
        return get_line(m, e, word, rest, c);
    case FORM_STATS:
        m->result.failed = is_error(word);
        if (m->result.failed || among(word, "END RESET OK"))
            memcachedop_answer(m, e, c);
        return true;
    default:
        return plain_line(m, e, word, c);
    }
}

bool memcachedtext_replies(struct memcached *m, struct cache_env *e, const struct chunk *c)
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
            bool good = memcachedop_pass(s, &p, &n);
            m->bytes += before - n;
            if (!good)
                return false;
            if (!s->skip && m->whole_leaves)
                memcachedop_answer(m, e, c);
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
