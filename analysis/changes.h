/* changes: when the content of a key changed, from its visits, and how long its versions lived (ALGORITHMS.md 4.2). A
 * visit is a look-up with a known content; between two that can be compared lies a gap. A reversal within a gap cannot
 * be seen: all rates are of detected changes.
 *
 * A version whose birth was not seen (the first of a key, or one after contents that cannot be compared) is left out of
 * the lifetimes, since long ones would be met more often. A version that is alive stands in the sums with what it has
 * lived so far, and is moved when that reaches another cell, so that the sums are whole at any moment.
 *
 * A key that came back to one of its last three contents five times within a minute is not one content that changes but
 * several answers that differ (replicas, experiments, languages without Vary): from then on it takes no part in the
 * lifetimes; what it added until then stays. */
#ifndef ANALYSIS_CHANGES_H
#define ANALYSIS_CHANGES_H

#include "analysis/gaptable.h"
#include "analysis/survival.h"

enum { CHANGES_RETURNS = 5, CHANGES_RETURNS_MS = 60000 };

/* Of a key and variant; 36 bytes, zero at first. */
struct changes {
    uint32_t content;                      /* of the last visit; 0: none yet */
    uint32_t visit;                        /* when, ms modulo 2^32 */
    uint32_t lived;                        /* last visit - b1, at most 45 days: the tail begins before */
    uint32_t born_within;                  /* b1 - b0 */
    uint32_t before[2];                    /* contents before this one, latest first */
    uint32_t returned;                     /* last return to one of them */
    uint16_t spacing[CHANGES_RETURNS - 2]; /* between the returns before, ms; latest first */
    uint8_t flags;
    uint8_t cell; /* where the version stands in the sums */
};

enum {
    CHANGES_BORN = 1,     /* the birth was seen: the version stands in the sums */
    CHANGES_RETURNED = 2, /* at least once */
    CHANGES_MULTI = 4,    /* multi-valued */
};

/* A key's last look-up may lie this far back; beyond, *c is to be zeroed before the visit. */
#define CHANGES_IDLE_MS (INT64_C(1) << 31)

/* Of an endpoint; M-sum, for splits of the traffic by key. */
struct changes_sums {
    struct gaptable gaps;
    struct survival survival;
    uint64_t multi_valued; /* keys and variants found to be so */
};

/* Asks for the counts that a visit at `now_ms` would change. */
void changes_prefetch(const struct changes *c, const struct changes_sums *sums, const struct blocks *pool,
                      int64_t now_ms);

struct changes_gap {
    uint32_t ms;
    bool known; /* there is one: the visit before and this one can be compared */
    bool changed;
    bool multi; /* the key is multi-valued: in the sums it has no part */
};

/* One look-up at `now` (ms since the epoch, never less than the last; t - Age where a cache answered), content 0 when
 * it is unknown; to be called for every look-up, known or not. sums NULL: rebuild the state, count nothing. */
struct changes_gap changes_visit(struct changes *c, int64_t now, uint32_t content, struct changes_sums *sums,
                                 struct blocks *pool);
void changes_merge(struct changes_sums *into, const struct changes_sums *from, struct blocks *pool);
void changes_drop(struct changes_sums *s, struct blocks *pool);
/* JSON: {"multi":n,"lost":[n,n],"gaps":[...],"versions":[...]}: keys that are multi-valued, gaps and versions that no
 * room was left for, and the lists of lifetime.h and survival.h. */
void changes_write(const struct changes_sums *s, const struct blocks *pool, struct buf *out);

/* What was stored, read back without a pool. */
struct changes_stored {
    struct lifetime lifetime;
    struct survival_list versions;
    uint64_t multi_valued, lost_gaps, lost_versions;
};

/* False when the text is damaged; then nothing was seen, as with empty text. */
bool changes_read(struct changes_stored *out, struct slice text);
/* Puts what was read into empty sums. */
void changes_load(struct changes_sums *s, struct blocks *pool, const struct changes_stored *from);

/* CONTRACT: staleness; NaN: unknown, as is all of a half that something was lost of. */
struct changes_result {
    struct lifetime_result poisson;
    struct survival_result versions;
};

struct changes_result changes_result(const struct changes_stored *s);
/* Whether versions live as changes at random would have it: the medians that the rate's interval allows meet the 95 %
 * interval of the one found without a model. True where either is unknown. Where they seem not to, it takes a hundred
 * estimates more to tell. */
bool changes_fit(const struct changes_stored *s, const struct changes_result *r);

#endif
