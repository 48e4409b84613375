#include "cmd/faces.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

/* Runs ourselves again as another command. Returns the pid, or -1. */
static pid_t spawn(const char *const argv[], bool quiet)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    if (quiet) {
        int null = open("/dev/null", O_RDWR);
        if (null >= 0)
            dup2(null, STDIN_FILENO);
    }
    execv("/proc/self/exe", (char *const *)(unsigned long)argv); /* exec changes none of them */
    _exit(127);
}

bool faces_start(struct faces *f, const char *db)
{
    const char *top[] = {"spanwise", "top", "--wait", db, NULL};
    const char *serve[] = {"spanwise", "serve", "--wait", "--listen", f->serve, db, NULL};
    if (f->serve)
        f->serve_pid = spawn(serve, true);
    if (f->top)
        f->top_pid = spawn(top, false);
    if (f->serve_pid >= 0 && f->top_pid >= 0)
        return true;
    log_line("cannot start a process: %s", strerror(errno));
    return false;
}

void faces_end(struct faces *f)
{
    if (f->top_pid > 0)
        waitpid(f->top_pid, NULL, 0);
    if (f->serve_pid > 0) {
        kill(f->serve_pid, SIGTERM);
        waitpid(f->serve_pid, NULL, 0);
    }
}
