/* fields: what was learned of the fields of an endpoint's JSON bodies, as it is stored: which differ without meaning
 * anything and which do mean something, their names, and the ladder of the answers that were looked into, compared
 * without the former (ALGORITHMS.md 4.3). */
#ifndef ANALYSIS_FIELDS_H
#define ANALYSIS_FIELDS_H

#include "analysis/sharing.h"
#include "analysis/store/rows.h"
#include "analysis/volatile.h"

enum { FIELDS_NAME = 64 };

struct fields {
    struct volatile_result learned;
    char name[VOLATILE_FIELDS][FIELDS_NAME]; /* of learned.field; empty: not known */
    struct row_rung ladder[LADDER_RUNGS];    /* lookups 0: nothing was compared under the mask yet */
    struct sharing sharing;                  /* the same answers, between credentials */
};

void fields_write(const struct fields *f, struct buf *out);
/* False: there is nothing, or it is damaged; then *f is empty. */
bool fields_read(struct fields *f, struct slice text);

/* Whether some fields are to be left out, and that was found with pairs enough. */
static inline bool fields_known(const struct fields *f)
{
    return f->learned.epoch && f->learned.masked;
}

#endif
