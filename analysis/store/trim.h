/* trim: which exchange records stay: the newest so many. While a capture runs only whole blocks go; when it ends the
 * oldest one is cut, too. Internal to the store. */
#ifndef STORE_TRIM_H
#define STORE_TRIM_H

#include "analysis/store/block.h"
#include "analysis/store/connect.h"

/* Records that there are; -1: SQLite failed. Reads a page or more of every block: the writer counts on from there. */
int64_t trim_stored(struct connection *c);
/* Within a transaction: whole blocks go from the old end as long as `keep` records stay, and are taken from *stored.
 * False: SQLite failed. */
bool trim_blocks(struct connection *c, uint64_t *stored, uint64_t keep);
/* In a transaction of its own: exactly the newest `keep` of those stored stay, or all where there are no more. False:
 * nothing changed, for want of memory, or SQLite failed, or the oldest block is damaged. */
bool trim_rest(struct connection *c, struct block_tools *tools, uint64_t stored, uint64_t keep);

#endif
