/* writes: which writes change which reads, so that a purge on write can replace a short lifetime (ALGORITHMS.md 4.6).
 *
 * A write is bound to a read key by its name: the same URI, the same id (last variable segment, or the id of a body), a
 * path that is the parent or a child of the other's, or a common cache group; the first of these counts. Names are
 * noted with the endpoint of the write and when it came; the visits of read keys then ask whether a bound write lies in
 * the gap before them. Per pair of endpoints: how many changes had one, and how many would by chance, with writes as
 * Poisson at the rate seen for that key (for keys without one, at the average rate of the pair).
 *
 * Bounded: names by `most`, the least used go first (counted); three writers a name, 64 pairs a read endpoint, the
 * least counted is replaced (Space-Saving). 16 bytes a key for its name, 64 a name written to, 5 KiB a read endpoint
 * that met a bound write. A visit of a key that nothing was written to costs five look-ups in 8 KiB. */
#ifndef ANALYSIS_WRITES_H
#define ANALYSIS_WRITES_H

#include "analysis/slab.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"

enum writes_class { WRITES_SAME_URI, WRITES_SAME_ID, WRITES_COLLECTION, WRITES_GROUP, WRITES_CLASSES };

const char *writes_class_name(enum writes_class c); /* "same_uri", ... */

/* Of a key or of the target of a write; hashes, 0 is none. */
struct writes_name {
    uint32_t uri, path, parent, id;
};

/* `target` is the normalised path with its query; `id` the last variable segment, NULL for none. */
struct writes_name writes_name_of(const struct hash_key *key, struct slice service, struct slice target,
                                  struct slice id);
/* A member of Cache-Groups or Cache-Group-Invalidation (RFC 9875); groups are of one origin. */
uint32_t writes_group(const struct hash_key *key, struct slice service, struct slice member);

enum { WRITES_WRITERS = 3, WRITES_PAIRS = 64 };

struct writes_pair {
    uint32_t writer; /* endpoint, may be an alias by now; 0: free */
    uint8_t class;
    uint64_t count, error;       /* Space-Saving: bound writes met, and what was inherited of that */
    uint64_t seen, hits;         /* gaps with a bound write; of those, ended by a change: O */
    uint64_t tried, tried_ms;    /* changes of keys that have a rate of their own, and their gaps */
    uint64_t expected, variance; /* of hits among the tried, by chance; 1e-9 */
    uint64_t late, stale_reads;  /* same_uri: changes first seen after a visit that still had the old content, and
                                    how many such visits */
};

/* Of a read endpoint. M-approx. */
struct writes_sums {
    struct writes_pair pair[WRITES_PAIRS];
};

struct writes {
    struct slab names, sums; /* row 0 of sums is none */
    struct map map;
    uint64_t *filter;
    uint32_t hand;
    int64_t start; /* ms of the first event */
    uint64_t written, evicted;
};

/* Names that may be remembered, read endpoints that may have sums. False: out of memory. */
bool writes_init(struct writes *w, uint32_t names, uint32_t endpoints);
void writes_fini(struct writes *w);

/* A successful (2xx, 3xx) answer to an unsafe method, at `now`, ms, in order with visits. */
void writes_note(struct writes *w, uint32_t endpoint, const struct writes_name *name, const uint32_t *group, unsigned n,
                 int64_t now);

struct writes_visit {
    int64_t now;     /* ms */
    uint32_t gap_ms; /* since the last visit with a content that can be compared; analysis/changes.h */
    bool changed;
    const uint32_t *group; /* of the read's answer */
    unsigned n_group;
};

/* A visit of a read key that ends a gap. *sums: the endpoint's row, 0 at first; taken when a bound write is met.
 * sums NULL: count nothing. */
void writes_visit(struct writes *w, uint32_t *sums, const struct writes_name *name, const struct writes_visit *v);
/* Asks ahead for what writes_visit of this name will read, in two steps with some time between: the places of the
 * names that the filter lets through (`slots`); their rows. False: it lets none through. */
bool writes_prefetch(const struct writes *w, const struct writes_name *name, bool slots);

/* When the URI was written to last, ms; INT64_MIN: never, or forgotten. For stale_purgeable (3.3). */
int64_t writes_last(const struct writes *w, const struct writes_name *name);

static inline struct writes_sums *writes_sums_at(const struct writes *w, uint32_t row)
{
    return (struct writes_sums *)slab_at(&w->sums, row);
}

/* A fresh row for an endpoint, to be filled by writes_read; 0: none left. */
uint32_t writes_sums_take(struct writes *w);
void writes_merge(struct writes_sums *into, const struct writes_sums *from);
/* Appends JSON: [[writer, class, count, error, seen, hits, tried, tried_ms, expected, variance, late, stale_reads],
 * ...] */
void writes_write(const struct writes_sums *s, struct buf *out);
/* False when the text is damaged; then *s is empty. */
bool writes_read(struct writes_sums *s, struct slice text);

/* Of the read endpoint: its gaps and changes, from analysis/lifetime.h. */
struct writes_totals {
    uint64_t changes, changed_ms, observed_ms;
};

struct writes_result {
    uint32_t writer;
    enum writes_class class;
    double observed, expected, lift, z; /* O, P; lift and z NaN while nothing is expected */
    double recall, precision;           /* NaN: unknown */
    uint64_t late, stale_reads;
    bool advised; /* purge on this write */
    bool by_rfc;  /* a cache that sees the write does that by itself (RFC 9111 section 4.4) */
};

/* Pairs that met something, the most changes explained first; returns how many. */
unsigned writes_result(const struct writes_sums *s, const struct writes_totals *t,
                       struct writes_result out[WRITES_PAIRS]);

#endif
