#include "capture/cachesaid.h"

static const struct slice hit = {"hit", 3}, miss = {"miss", 4}, other = {"other", 5};

static bool holds(struct slice text, struct slice word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (slice_ieq(slice_sub(text, i, i + word.n), word))
            return true;
    return false;
}

/* X-Cache and kin: no standard, but these words. Stale and updating are answers of the cache, too. */
static struct slice by_words(struct slice value)
{
    if (holds(value, SLICE("hit")) || holds(value, SLICE("stale")) || holds(value, SLICE("updating")))
        return hit;
    bool went_on = holds(value, SLICE("miss")) || holds(value, SLICE("expired")) || holds(value, SLICE("bypass")) ||
                   holds(value, SLICE("dynamic")) || holds(value, SLICE("revalidated"));
    return went_on ? miss : other;
}

/* Cache-Status (RFC 9211 section 2): one member a cache, `hit` or `fwd` among its parameters. */
static struct slice by_parameters(struct slice value)
{
    struct slice parameter, name, said = other;
    slice_next(&value, ';', &name); /* of the cache */
    while (slice_next(&value, ';', &parameter)) {
        size_t end = 0;
        while (end < parameter.n && parameter.p[end] != '=' && parameter.p[end] != ',')
            end++;
        name = slice_trim(slice_sub(parameter, 0, end));
        if (slice_eq(name, hit))
            return hit;
        if (slice_eq(name, SLICE("fwd")))
            said = miss;
    }
    return said;
}

/* X-Varnish: the request that is answered, and after it the one that fetched the object, if that was another. */
static struct slice by_ids(struct slice value)
{
    value = slice_trim(value);
    return slice_find(value, ' ', 0) < value.n ? hit : value.n ? miss : other;
}

struct slice cachesaid_word(enum token t, struct slice value)
{
    if (t != TOKEN_CACHE_STATUS && t != TOKEN_X_CACHE && t != TOKEN_X_CACHE_STATUS && t != TOKEN_CF_CACHE_STATUS &&
        t != TOKEN_X_VARNISH)
        return (struct slice){NULL, 0};
    if (slice_eq(value, hit) || slice_eq(value, miss) || slice_eq(value, other))
        return slice_eq(value, hit) ? hit : slice_eq(value, miss) ? miss : other;
    if (t == TOKEN_CACHE_STATUS)
        return by_parameters(value);
    return t == TOKEN_X_VARNISH ? by_ids(value) : by_words(value);
}
