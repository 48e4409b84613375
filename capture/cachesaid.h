/* cachesaid: what a cache on the way says of an answer, as one word: `hit`, `miss` or `other`. The fields it says it in
 * (RFC 9211 and those before it) name hosts and keys, which nobody here reads. Pure. */
#ifndef CAPTURE_CACHESAID_H
#define CAPTURE_CACHESAID_H

#include "capture/exchange.h"

/* Static text; p NULL: the field is not one of these. `hit` if any of several caches says so. A word stays itself. */
struct slice cachesaid_word(enum token t, struct slice value);

#endif
