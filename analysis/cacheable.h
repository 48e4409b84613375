/* cacheable: which answers take part in Model Z and what their content is (CONTRACT: ttl[]; ALGORITHMS.md 3.1, 4.1).
 * Pure. */
#ifndef ANALYSIS_CACHEABLE_H
#define ANALYSIS_CACHEABLE_H

#include "base/slice.h"

/* GET or HEAD (`reads`), answered, with a complete response. */
static inline bool cacheable_eligible(bool reads, uint16_t status, bool complete)
{
    return reads && complete && status;
}

enum negative {
    NEGATIVE_NO,    /* fillable whatever it declares, or never */
    NEGATIVE_MAYBE, /* fillable only if it declares a lifetime above 0 itself */
};

/* Whether an eligible answer of this status may fill a slot. */
bool cacheable_fills(uint16_t status, enum negative *negative);

/* Seconds the response declares for a shared cache: s-maxage, then max-age, else Expires - Date (RFC 9111
 * section 4.2.1). 0 when it declares none, a bad one or a past one. A repeated directive counts with its smallest
 * value. `now` stands in for a missing Date. */
int64_t cacheable_lifetime(struct slice cache_control, struct slice expires, struct slice date, int64_t now);

/* Content as the ladder compares it: 29 bits of the identity under three bits for its level and the class of its
 * content-coding, since bodies coded in different ways cannot be compared. 0: unknown. */
enum { CONTENT_CLASS_SHIFT = 29 };
uint32_t cacheable_content(uint64_t body_id, struct slice encoding);
/* By what it is without codings, which is a level of its own: not to be compared with those of the other function. */
uint32_t cacheable_decoded(uint64_t decoded_id);
/* Whether two known contents can be compared. */
static inline bool cacheable_comparable(uint32_t a, uint32_t b)
{
    return a && b && (a ^ b) >> CONTENT_CLASS_SHIFT == 0;
}

/* The one entity tag of an If-None-Match; NULL p for a list, for "*" and for none. */
struct slice cacheable_single_tag(struct slice if_none_match);

#endif
