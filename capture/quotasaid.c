#include "capture/quotasaid.h"

#include <inttypes.h>
#include <stdio.h>

enum number { LIMIT, REMAINING, RESET, WINDOW, NUMBERS };

static const char *const names[NUMBERS] = {"limit", "remaining", "reset", "window"};

/* What a number without a name is in each of the fields; NUMBERS: nothing. */
static enum number bare(enum token t)
{
    switch (t) {
    case TOKEN_RATELIMIT_LIMIT:
    case TOKEN_RATELIMIT_POLICY:
    case TOKEN_X_RATELIMIT_LIMIT:
    case TOKEN_X_RATE_LIMIT_LIMIT:
        return LIMIT;
    case TOKEN_RATELIMIT_REMAINING:
    case TOKEN_X_RATELIMIT_REMAINING:
    case TOKEN_X_RATE_LIMIT_REMAINING:
        return REMAINING;
    case TOKEN_RATELIMIT_RESET:
    case TOKEN_X_RATELIMIT_RESET:
    case TOKEN_X_RATE_LIMIT_RESET:
        return RESET;
    default:
        return NUMBERS;
    }
}

bool quotasaid_is(enum token t)
{
    return t == TOKEN_RATELIMIT || bare(t) != NUMBERS;
}

/* `q`, `r`, `t`, `w` are those of the latest draft. */
static enum number named(struct slice name)
{
    static const char letters[] = "qrtw";
    for (int i = 0; i < NUMBERS; i++)
        if (slice_ieq(name, slice_str(names[i])) || slice_eq(name, slice_of(letters + i, 1)))
            return (enum number)i;
    return NUMBERS;
}

/* The whole part of a number. */
static bool whole(struct slice text, uint64_t *out)
{
    text = slice_trim(text);
    text.n = slice_find(text, '.', 0);
    return slice_u64(text, out);
}

static void item(enum token t, struct slice text, uint64_t said[NUMBERS], bool has[NUMBERS])
{
    size_t eq = slice_find(text, '=', 0);
    enum number which = eq < text.n ? named(slice_trim(slice_sub(text, 0, eq))) : bare(t);
    struct slice value = eq < text.n ? slice_sub(text, eq + 1, text.n) : text;
    if (which != NUMBERS && !has[which])
        has[which] = whole(value, &said[which]);
}

size_t quotasaid(enum token t, struct slice value, char out[QUOTASAID_MOST])
{
    uint64_t said[NUMBERS];
    bool has[NUMBERS] = {false};
    size_t n = 0;
    for (size_t at = 0; at < value.n;) {
        size_t end = at;
        while (end < value.n && value.p[end] != ',' && value.p[end] != ';')
            end++;
        item(t, slice_trim(slice_sub(value, at, end)), said, has);
        at = end + 1;
    }
    for (int i = 0; i < NUMBERS; i++)
        if (has[i])
            n += (size_t)snprintf(out + n, QUOTASAID_MOST - n, "%s%s=%" PRIu64, n ? ", " : "", names[i], said[i]);
    return n;
}
