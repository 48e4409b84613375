/* directives: a Cache-Control field, read (RFC 9111 section 5.2; RFC 5861, RFC 8246), and its targeted kin (RFC 9213).
 * Pure. */
#ifndef ANALYSIS_DIRECTIVES_H
#define ANALYSIS_DIRECTIVES_H

#include "base/slice.h"

enum {
    DIRECTIVE_NO_STORE = 1 << 0,
    DIRECTIVE_NO_CACHE = 1 << 1, /* unqualified: no-cache="field" restricts only that field */
    DIRECTIVE_PRIVATE = 1 << 2,  /* unqualified */
    DIRECTIVE_PUBLIC = 1 << 3,
    DIRECTIVE_MUST_REVALIDATE = 1 << 4,
    DIRECTIVE_PROXY_REVALIDATE = 1 << 5,
    DIRECTIVE_MUST_UNDERSTAND = 1 << 6,
    DIRECTIVE_IMMUTABLE = 1 << 7,
    DIRECTIVE_REFUSED =
        1 << 8, /* no-cache, no-store or private stands somewhere in the text, as nginx and Varnish look */
};

/* Seconds, at most 2^31 - 1; -1: not there. A repeated directive counts with its smallest value, a bad value as 0
 * (RFC 9111 section 4.2.1). */
struct directives {
    uint32_t bits;
    int32_t max_age, s_maxage, swr, sie;
    int32_t product; /* as nginx and Varnish read it: the first s-maxage, else the first max-age; bad is 0 */
};

struct directives directives_read(struct slice cache_control);
/* A targeted field: false when it is empty or no dictionary of RFC 8941, and then it counts as absent. */
bool directives_targeted(struct slice text, struct directives *out);

#endif
