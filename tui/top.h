/* top: the dashboard on one DB, from the first refresh to the last key. */
#ifndef TUI_TOP_H
#define TUI_TOP_H

#include <stdbool.h>

/* On `db`, which people know as `name`. Runs until q, SIGINT, SIGTERM or SIGHUP; the terminal is then as it was.
 * `wait`: the DB may not be there yet. False: it never began, `why` is one line. */
bool top_run(const char *db, const char *name, bool wait, char why[256]);

#endif
