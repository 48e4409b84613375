/* A body of a POST, of an answer to one, or the query of a GET: the first octet says which, and how it is cut. However
 * it is cut the same is found; what is found is a name that may be shown. */
#include <stdlib.h>
#include <string.h>

#include "capture/operation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hash_key key;
static struct operations *all;
static struct slot_pool pool;

static void field(struct slot *s, struct rawhead *h, enum token token, const char *value)
{
    struct rawfield *f = slot_alloc(&pool, s, sizeof *f);
    h->p = slot_alloc(&pool, s, strlen(value));
    memcpy(h->p, value, strlen(value));
    h->n = (uint32_t)strlen(value);
    *f = (struct rawfield){.value_n = (uint16_t)h->n, .token = (uint8_t)token};
    h->fields = f;
    h->n_fields = 1;
}

static void feed(struct slot *s, int role, const uint8_t *p, size_t n, size_t piece)
{
    for (size_t at = 0; at < n && s->operation; at += piece) {
        size_t part = piece < n - at ? piece : n - at;
        char *copy = malloc(part);
        if (!copy)
            abort();
        memcpy(copy, p + at, part);
        operation_data(s->operation, role, copy, part, part == n);
        free(copy);
    }
}

static void ask(struct slot *s, const uint8_t *p, size_t n, size_t piece)
{
    static char type[] = "application/json";
    struct head h = {.raw = {type, sizeof type - 1}, .n_fields = 1};
    h.fields[0] = (struct rawfield){.value_n = sizeof type - 1, .token = TOKEN_CONTENT_TYPE};
    operation_post(all, &pool, s, &h, (struct slice){NULL, 0});
    feed(s, 0, p, n, piece);
    operation_asked(all, &pool, s);
}

static void answer(struct slot *s, const uint8_t *p, size_t n, size_t piece)
{
    static const char call[] = "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", query[] = "{\"query\":\"{ a }\"}";
    const char *asked = n & 1 ? call : query;
    ask(s, (const uint8_t *)asked, strlen(asked), 1000);
    if (!s->x.operation)
        abort();
    s->x.status = 200;
    field(s, &s->response, TOKEN_CONTENT_TYPE, "application/json");
    operation_answer(all, s);
    feed(s, 1, p, n, piece);
    operation_answered(all, s);
}

static void get(struct slot *s, const uint8_t *p, size_t n)
{
    char *query = malloc(n + !n);
    if (!query)
        abort();
    memcpy(query, p, n);
    operation_get(all, &pool, s, slice_of(query, n));
    free(query);
}

/* What is found as text, the flags behind it. */
static size_t run(unsigned how, const uint8_t *p, size_t n, size_t piece, char out[OPERATION_TEXT + 3])
{
    struct slot *s = slot_take(&pool);
    if (!s)
        abort();
    if (how == 0)
        get(s, p, n);
    else if (how == 1)
        answer(s, p, n, piece);
    else
        ask(s, p, n, piece);
    const struct operation_facts *f = s->x.operation;
    size_t length = 0;
    if (s->operation || (f && !operation_is_name(f->name)))
        abort();
    if (f) {
        memcpy(out, f->name.p, f->name.n);
        length = f->name.n;
        out[length++] = (char)f->safe;
        out[length++] = (char)f->answer;
        out[length++] = (s->x.flags & FLAG_FAILED) != 0;
    }
    slot_give(&pool, s);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char whole[OPERATION_TEXT + 3], cut[OPERATION_TEXT + 3];
    if (!size)
        return 0;
    if (!all) {
        key = hash_key_from("0123456789abcdef", 16);
        all = operations_new(&key, 1 << 20);
        if (!all || !slot_pool_init(&pool, 4, 1 << 20))
            abort();
    }
    size_t piece = 1 + (data[0] >> 2 & 15);
    size_t n = run(data[0] & 3, data + 1, size - 1, size, whole);
    if (run(data[0] & 3, data + 1, size - 1, piece, cut) != n || memcmp(whole, cut, n) != 0)
        abort();
    return 0;
}
