/* gaptable: the gaps of an endpoint (analysis/lifetime.h) in as little memory as they need: one of the pool's blocks of
 * 32 bytes a bucket, by open addressing on the bucket's number. Neighbours do not collide, and the largest table has a
 * place for each, so that a gap costs one cache line. 16 bytes for an endpoint without gaps; 128 to 4,096 from the pool
 * with them. */
#ifndef ANALYSIS_GAPTABLE_H
#define ANALYSIS_GAPTABLE_H

#include "analysis/blocks.h"
#include "analysis/lifetime.h"

struct gaptable {
    uint32_t table; /* block of 2^class words; 0: none yet */
    uint8_t class;
    uint64_t lost; /* gaps that no room was left for */
};

/* Asks for the count that a gap would most likely change. */
void gaptable_prefetch(const struct gaptable *t, const struct blocks *pool, uint32_t gap_ms);
/* One gap between two visits of a key whose contents are known and comparable. */
void gaptable_add(struct gaptable *t, struct blocks *pool, uint32_t gap_ms, bool changed);
void gaptable_merge(struct gaptable *into, const struct gaptable *from, struct blocks *pool);
/* Gives the table back. */
void gaptable_drop(struct gaptable *t, struct blocks *pool);
/* All of it, the way it is evaluated. */
void gaptable_get(const struct gaptable *t, const struct blocks *pool, struct lifetime *out);
/* Puts that into an empty one. */
void gaptable_load(struct gaptable *t, struct blocks *pool, const struct lifetime *from);

#endif
