/* live: how much a cache of each lifetime would hold at once, were it never full (ALGORITHMS.md 3.4). What was filled
 * at f is there for exactly T, hit or not, so only fills are looked at. They wait in a queue per endpoint and lifetime
 * until T has passed; those of one 62nd of T share an entry, which goes when the last of them does. So the peak is at
 * least the true one and at most that of a lifetime longer by one part; where parts hold one fill each it is exact.
 * Bytes times seconds are exact, but for the one part that the end of the audit less T falls into if that holds three
 * fills or more; entries times seconds but for such parts of those that are there at the end.
 *
 * For the lifetimes of CONTRACT.md alone. An endpoint without fills has 8 bytes; with them 2 KiB from the pool, and 128
 * bytes to 2 KiB for each lifetime. There the last fills wait until there are LIVE_WAIT: each queue then takes all of
 * them at once, which changes nothing but the time that it takes. */
#ifndef ANALYSIS_LIVE_H
#define ANALYSIS_LIVE_H

#include "analysis/blocks.h"
#include "base/buf.h"

enum { LIVE_TTLS = 10, LIVE_PARTS = 62, LIVE_WAIT = 32 };

extern const uint32_t live_ttl_s[LIVE_TTLS];

struct live {
    uint32_t block;  /* 0: no fill yet */
    bool lost;       /* there was no room: nothing is known from then on */
    uint8_t waiting; /* fills that its queues do not know yet: LIVE_WAIT go there at once */
};

/* One look-up filled the lifetimes whose bits are set, numbered as the ladder numbers its rungs, with an answer of so
 * many bytes at `now`, ms since the epoch. */
void live_fill(struct live *l, struct blocks *pool, uint32_t filled, int64_t now, uint64_t bytes);
/* The same by `n` answers at once. */
void live_fill_many(struct live *l, struct blocks *pool, uint32_t filled, int64_t now, uint64_t bytes, uint32_t n);
/* Asks for what a fill would change. */
void live_prefetch(const struct live *l, const struct blocks *pool);
/* Of two that become one. Peaks add up, for when they were is not kept: an upper bound. */
void live_merge(struct live *into, const struct live *from, struct blocks *pool);
/* Gives everything back. */
void live_drop(struct live *l, struct blocks *pool);

/* Of one lifetime, as stored. */
struct live_sum {
    bool known;
    uint64_t peak_bytes, peak_entries;
    uint64_t byte_s, entry_s;   /* sum over the fills of bytes (of 1) times the seconds they were there by the end */
    uint64_t watched_ms;        /* from start to end */
    uint32_t byte_ms, entry_ms; /* beyond the whole seconds: 0 to 999 */
};

/* The sums with what is beyond whole seconds. */
static inline double live_byte_s(const struct live_sum *s)
{
    return (double)s->byte_s + s->byte_ms / 1e3;
}

static inline double live_entry_s(const struct live_sum *s)
{
    return (double)s->entry_s + s->entry_ms / 1e3;
}

/* As if the audit ended at `end`; both ms since the epoch, of arrivals, so that packets and records agree. */
void live_sums(const struct live *l, const struct blocks *pool, int64_t start, int64_t end,
               struct live_sum out[LIVE_TTLS]);
/* Goes on from what was stored; what was there when it was stored is not there any more. */
void live_load(struct live *l, struct blocks *pool, const struct live_sum from[LIVE_TTLS]);
/* Appends JSON: [[seconds, peak bytes, peak entries, byte seconds, entry seconds, watched ms, ms beyond the
 * byte seconds, beyond the entry seconds], ...], those known. */
void live_write(const struct live_sum s[LIVE_TTLS], struct buf *out);
/* False when the text is damaged; then nothing is known, as with empty text. */
bool live_read(struct live_sum out[LIVE_TTLS], struct slice text);

#endif
