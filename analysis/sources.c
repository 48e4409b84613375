#include "analysis/sources.h"

#include <string.h>

#include "analysis/numbers.h"
#include "base/json.h"

/* Shares stay what they are. */
static void halve(struct sources *s)
{
    s->n /= 2;
    for (int i = 0; i < SOURCES; i++) {
        s->top[i].count /= 2;
        s->top[i].error /= 2;
    }
}

static struct source_count *place_of(struct sources *s, uint32_t client)
{
    struct source_count *least = &s->top[0];
    for (int i = 0; i < SOURCES; i++) {
        if (s->top[i].client == client)
            return &s->top[i];
        if (s->top[i].count < least->count)
            least = &s->top[i];
    }
    return least;
}

void sources_add(struct sources *s, uint32_t client)
{
    client += !client;
    struct source_count *at = place_of(s, client);
    if (at->client != client)
        *at = (struct source_count){client, at->count, at->count};
    s->n++;
    if (++at->count == UINT32_MAX)
        halve(s);
}

static bool large(const struct sources *s)
{
    uint32_t most = 0;
    for (int i = 0; i < SOURCES; i++)
        most = s->top[i].count > most ? s->top[i].count : most;
    return most > UINT32_MAX / 2;
}

static void join(struct sources *into, const struct source_count *one)
{
    struct source_count *at = place_of(into, one->client);
    if (at->client != one->client && at->count > one->count)
        return;
    if (at->client != one->client)
        *at = (struct source_count){one->client, 0, 0};
    at->count += one->count;
    at->error += one->error;
}

/* A client that is not among the four of both keeps what it has in one: at least that. */
void sources_merge(struct sources *into, const struct sources *from)
{
    struct sources other = *from;
    while (large(into) || large(&other)) {
        halve(into);
        halve(&other);
    }
    for (int i = 0; i < SOURCES; i++)
        if (other.top[i].client)
            join(into, &other.top[i]);
    into->n += other.n;
}

double sources_share(const struct sources *s)
{
    uint32_t most = 0;
    for (int i = 0; i < SOURCES; i++)
        most = s->top[i].count - s->top[i].error > most ? s->top[i].count - s->top[i].error : most;
    return s->n ? (double)most / (double)s->n : 0;
}

double sources_excess(const struct sources *s)
{
    double share = sources_share(s);
    return share > SOURCES_MOST ? 1 - (1 - share) / (1 - SOURCES_MOST) : 0;
}

void sources_write(const struct sources *s, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '[');
    json_u64(&j, s->n);
    for (int i = 0; i < SOURCES && s->top[i].client; i++) {
        json_open(&j, '[');
        json_u64(&j, s->top[i].client);
        json_u64(&j, s->top[i].count);
        json_u64(&j, s->top[i].error);
        json_close(&j, ']');
    }
    json_close(&j, ']');
}

bool sources_read(struct sources *out, struct slice text)
{
    struct numbers n = numbers_of(text);
    *out = (struct sources){0};
    if (!text.n)
        return true;
    out->n = numbers_next(&n);
    for (int i = 0; i < SOURCES && numbers_more(&n); i++) {
        uint64_t client = numbers_next(&n), count = numbers_next(&n), error = numbers_next(&n);
        n.bad |= client > UINT32_MAX || count > out->n || count > UINT32_MAX || error > count;
        out->top[i] = (struct source_count){(uint32_t)client, (uint32_t)count, (uint32_t)error};
    }
    if (n.bad)
        *out = (struct sources){0};
    return !n.bad;
}
