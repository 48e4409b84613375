/* blockers: what keeps an endpoint's answers out of caches, and what each of them costs (ALGORITHMS.md 3.9): what a
 * cache would save in a day if that one were gone, at the lifetime that is advised and at the rate that was seen.
 *
 * A saved request is charged to what its own answer carries, so prices of an endpoint's blockers add up to no more than
 * what the lifetime saves in all. Where one blocker is in every answer that is what the ladder counted; where it is in
 * some, it is their share of it, between bounds that hold whichever look-ups were the hits. A 304 has the blockers of
 * the answers that it stands for.
 *
 * What is in the key in vain is priced by the hits that the records would have had without it, beyond those of today's
 * key, at the lifetime that stands without it (keyeffect.h).
 *
 * There is no price where no lifetime is advised: least of all where clients may not share. */
#ifndef REPORT_BLOCKERS_H
#define REPORT_BLOCKERS_H

#include "analysis/report/advice.h"
#include "base/json.h"

enum { BLOCKERS = 16 }; /* of an endpoint, at most */

struct blocker {
    const char *code, *words; /* code: of CONTRACT's declared.reasons, or one of its own; static */
    uint64_t seen, of;        /* answers, or comparisons of answers, with it, and in all */
    const char *unknown;      /* why there is no price; NULL: there is one */
    /* A day. NaN: not known. */
    double requests, requests_low, requests_high;
    double bytes, server_s;
};

struct blockers {
    unsigned n;                        /* what costs most first */
    struct blocker item[BLOCKERS + 1]; /* the last: one too many, not counted */
};

void blockers_of(struct blockers *b, const struct row_endpoint *e, const struct facts *f);
/* The member `blockers`. */
void blockers_json(struct json *j, const struct blockers *b);
/* "12.3k requests, 4.5 MB, 1h02m of server time a day"; why it is not known, else. */
void blocker_price(const struct blocker *b, struct buf *out);

/* Those with a price, of all endpoints, what costs most first; the others are counted. */
struct blocked {
    struct blocker blocker;
    struct buf target;
};

struct blocked_list {
    struct blocked *item;
    size_t n, cap;
    uint64_t unknown;
    bool failed; /* out of memory: some are missing */
};

/* Between store_read_begin and end. */
void blocked_list(struct blocked_list *l, struct store_reader *r, const struct facts *f);
void blocked_list_free(struct blocked_list *l);

#endif
