/* join: the audits of several sensors as one (ALGORITHMS.md 0.4), in temporary tables that hide those of the file, as a
 * window does. What can be added up is added (classes M-sum and M-part): the ladder is then that of one cache for each
 * sensor, which is that of a single one where no key was seen by two of them. Clients are told by their pseudonyms, so
 * all need the same --secret. What cannot be added up is empty, as in a window; there are no exchange records.
 * Internal to the store. */
#ifndef STORE_JOIN_H
#define STORE_JOIN_H

#include <sqlite3.h>

#include "analysis/store/read.h"

/* `into` and `others` are between begin and end; db is that of `into`. *got: from the first hour to the last. False:
 * they cannot be joined, or trouble; `why` is one line. */
bool join_audits(sqlite3 *db, struct store_reader *into, struct store_reader *const *others, size_t n,
                 struct store_span *got, char why[256]);

#endif
