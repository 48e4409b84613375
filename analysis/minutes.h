/* minutes: what each minute of packet time brought; kept until written. The last few stay open for records that come
 * late. */
#ifndef ANALYSIS_MINUTES_H
#define ANALYSIS_MINUTES_H

#include "analysis/slab.h"
#include "analysis/store/rows.h"

enum { MINUTES_OPEN = 4 };

struct minutes {
    struct slab rows;          /* a ring of struct row_minute, in order of time */
    uint64_t first, end;       /* places in the ring, counted on for ever */
    uint64_t written;          /* all before this one are written as they are */
    uint64_t lost;             /* pushed out before they were written */
    struct row_minute *latest; /* the last one of the ring; NULL: none */
};

bool minutes_init(struct minutes *m, uint32_t most);
void minutes_fini(struct minutes *m);
static inline struct row_minute *minutes_row(const struct minutes *m, uint64_t place)
{
    return (struct row_minute *)slab_at(&m->rows, (uint32_t)(place % m->rows.most));
}

/* The row of a minute that is not the latest one's. */
struct row_minute *minutes_other(struct minutes *m, int64_t minute);

/* The row of a minute, to be added to; one that is gone is the oldest open one. */
static inline struct row_minute *minutes_at(struct minutes *m, int64_t minute)
{
    if (!m->latest || m->latest->minute != minute)
        return minutes_other(m, minute);
    m->written -= m->written == m->end; /* written again */
    return m->latest;
}

/* All are written: only the open ones stay. */
void minutes_written(struct minutes *m);

#endif
