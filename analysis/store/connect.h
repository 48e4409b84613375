/* connect: the writer's way to the file: made with its mode, held by one writer, checked, WAL on and off. Internal to
 * the store. */
#ifndef STORE_CONNECT_H
#define STORE_CONNECT_H

#include <sqlite3.h>

#include "analysis/store/store.h"

struct connection {
    sqlite3 *db;
    int lock_fd; /* holds the flock: one writer. Closed after SQLite: closing it earlier would drop SQLite's own locks
                  */
    char path[512];
};

/* Opens or makes the file, in WAL mode, its tables made. As store_open: `why` and *usage. */
bool connect_open(struct connection *c, const char *path, const struct store_options *o, char why[256], bool *usage);
/* False: the file at the path is not (or no longer) the one that is open. */
bool connect_there(const struct connection *c);
/* Moves everything into the one file, so that whoever may read it can open it. Viewers hold the file open for moments
 * only, hence several tries. False: somebody keeps it open; the journal stays beside it. */
bool connect_leave_wal(struct connection *c, int tries);
void connect_close(struct connection *c);

/* Runs statements. False: sqlite3_errmsg says why. */
bool connect_run(struct connection *c, const char *sql);
/* The first number of the first row; 0 when there is no row, -1 when it could not be asked. */
int64_t connect_ask(struct connection *c, const char *sql);

#endif
