/* target: what a request names. Splits targets into path and query, and writes what stands for one in a key: the
 * RFC 3986-normalised path with the query as it is (CONTRACT: words, key). Pure. */
#ifndef ANALYSIS_TARGET_H
#define ANALYSIS_TARGET_H

#include "base/slice.h"

/* Path of the target (absolute form without scheme and authority) and its query with the '?', NULL p when there is
 * none. */
struct target {
    struct slice path, query;
};

struct target target_split(struct slice target);

/* Whether normalisation leaves the path alone. */
bool target_is_normal(struct slice path);
/* RFC 3986 section 6.2.2: escapes in upper case, unreserved characters decoded, dot segments removed, an empty path is
 * "/". Writes at most path.n + 1 bytes; returns how many. */
size_t target_normalise(struct slice path, char *out);

struct key_text {
    struct slice whole; /* normalised path, query */
    struct slice path;  /* within whole */
};

/* Whether the target is its own text: origin form, nothing in it that normalisation could change. May say no of one
 * that is. */
bool target_is_plain(struct slice target);
/* What stands for the target in a key; in `out`, which needs target.n + 1 bytes. */
struct key_text target_key(struct slice target, char *out);

#endif
