/* stored: `log` from a DB: the exchange records that its blocks hold, as text. */
#ifndef CMD_STORED_H
#define CMD_STORED_H

#include "capture/record.h"

/* db NULL: the default. show_names: those that the DB has are printed, too. Prints to stdout. Returns an exit code;
 * what went wrong was printed. */
int stored_log(const char *db, enum record_format format, bool show_names);

#endif
