/* faces: `capture --top` and `--serve`: processes of their own, started before raw sockets are opened, that read the DB
 * alone. */
#ifndef CMD_FACES_H
#define CMD_FACES_H

#include <stdbool.h>
#include <sys/types.h>

struct faces {
    bool top;
    const char *serve; /* listen address; NULL: none */
    pid_t top_pid, serve_pid;
};

/* Starts what was asked for; they wait for the DB to appear. False: the reason was printed. */
bool faces_start(struct faces *f, const char *db);
/* Ends them: the dashboard is left to the user, who quits it; the web service gets SIGTERM. */
void faces_end(struct faces *f);

#endif
