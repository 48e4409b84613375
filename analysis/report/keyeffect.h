/* keyeffect: what leaving out of the cache key what does not matter would do (ALGORITHMS.md 5.4): hits under the
 * learned key beside today's, and what the difference is worth a day. From the exchange records that are kept, so that
 * it is of those; a lifetime counts as elsewhere, and what clients may not share has no price. */
#ifndef REPORT_KEYEFFECT_H
#define REPORT_KEYEFFECT_H

#include "analysis/recommend.h"
#include "analysis/rekey.h"
#include "analysis/report/facts.h"
#include "analysis/sharing.h"
#include "base/json.h"

#define KEY_EFFECT_WRONG 0.005 /* hits that differ within a second: more, and the key lacks something */

/* What one step gives, from the key before it. */
struct key_step {
    bool asked; /* false: nothing of the kind can leave the key */
    const struct rekey_side *from, *to;
    struct recommendation lifetime;                  /* under the new key */
    double hit_ratio, hit_ratio_before, wrong_ratio; /* at that lifetime; NaN: there is none, or no hit */
    const char *unpriced;                            /* why it is worth nothing that can be told; NULL: it is */
    double seconds;                                  /* that the look-ups are of */
    uint64_t requests, bytes, server_us;             /* hits gained */
    struct recommend_price price;
};

struct key_effect {
    bool any;            /* something may leave the key */
    const char *unknown; /* why nothing below is known; NULL: it is */
    const struct rekey_endpoint *seen;
    bool whole; /* of the whole audit */
    int64_t from_us, to_us;
    struct sharing_result sharing;
    struct key_step parts;   /* without what was shown not to matter */
    struct key_step busters; /* and then without what makes each key new; that takes consent */
};

/* Reads the records if an endpoint needs them; f->rekey is `out` from then on. Between store_read_begin and end. */
void key_effects_read(struct rekey *out, struct store_reader *r, struct facts *f);
void key_effect_of(struct key_effect *k, const struct row_endpoint *e, const struct facts *f);
/* The member `effect`. */
void key_effect_json(struct json *j, const struct row_endpoint *e, const struct facts *f);
/* "; at 1m00s 81.2 % of requests would be hits instead of 34.0 %". Nothing when there is no lifetime. */
void key_step_words(const struct key_step *s, struct buf *out);

#endif
