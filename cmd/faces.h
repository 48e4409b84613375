/* faces: `capture --top` and `--serve`: processes of their own, started before raw sockets are opened, that read the DB
 * alone. */
#ifndef CMD_FACES_H
#define CMD_FACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "cmd/privilege.h"

struct faces {
    bool top;
    const char *serve; /* listen address; NULL: none */
    pid_t top_pid, serve_pid;
    int terminal, held; /* while the dashboard runs: where stderr went before, and what goes there now */
};

/* Whether the address to serve on is one, and only this machine can reach it: a token is `serve`'s own business. False:
 * the reason was printed; wrong usage. */
bool faces_check(const struct faces *f);
/* Starts what was asked for, as the user the capture will become; they wait for the DB to appear. False: the reason was
 * printed; faces_end is called all the same. */
bool faces_start(struct faces *f, const char *db, const struct privilege *become);
/* Ends them: the dashboard is left to the user, who quits it, unless the capture failed; the web service gets SIGTERM.
 * What was said meanwhile on the dashboard's terminal is printed now. */
void faces_end(struct faces *f, bool failed);

#endif
