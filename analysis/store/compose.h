/* compose: a window of the audit from its hours and days, in place of the whole: temporary tables of the same names
 * hide those of the file, so that every reader of rows reads the window. Internal to the store. */
#ifndef STORE_COMPOSE_H
#define STORE_COMPOSE_H

#include <sqlite3.h>

#include "analysis/store/read.h"

/* Within a transaction. As store_read_window. */
bool compose_window(sqlite3 *db, struct store_span asked, struct store_span *got, char why[256]);

#endif
