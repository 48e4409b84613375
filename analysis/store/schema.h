/* schema: the tables of a DB, its version, and what every opening must check. Internal to the store. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

enum { SCHEMA_VERSION = 3, SCHEMA_APPLICATION = 0x53504e57 /* "SPNW" */ };

enum schema_state { SCHEMA_EMPTY, SCHEMA_GOOD, SCHEMA_FOREIGN, SCHEMA_NEWER, SCHEMA_BROKEN };

/* What kind of file this is. */
enum schema_state schema_look(sqlite3 *db);
/* Makes the tables in an empty file, or brings older ones up to date. False: sqlite3_errmsg says why. */
bool schema_make(sqlite3 *db);
/* Drops every table but the number of commits, by which viewers see that something changed, and makes them as they are
 * now. Within a transaction. False: as above. */
bool schema_remake(sqlite3 *db);
/* One line on why a file in this state cannot be used. */
void schema_explain(enum schema_state state, const char *path, sqlite3 *db, char why[256]);

#endif
