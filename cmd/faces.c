#include "cmd/faces.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#ifndef NO_WEB
#include "web/listen.h"
#endif

bool faces_check(const struct faces *f)
{
    if (f->top && !isatty(STDOUT_FILENO)) {
        log_line("--top needs a terminal; without it the capture runs alone, and spanwise report tells what it saw");
        return false;
    }
#ifndef NO_WEB
    struct listen l;
    if (!f->serve)
        return true;
    if (!listen_parse(f->serve, &l)) {
        log_line("--serve %s: no address with a port, as in 127.0.0.1:8930", f->serve);
        return false;
    }
    if (!listen_loopback(&l)) {
        log_line("--serve %s can be reached by others: run `spanwise serve DB --listen %s --token-file FILE` beside it",
                 f->serve, f->serve);
        return false;
    }
#else
    (void)f;
#endif
    return true;
}

/* Runs ourselves again as another command and user. Returns the pid, or -1. */
static pid_t spawn(const char *const argv[], const struct privilege *become, bool quiet)
{
    char why[256];
    pid_t pid = fork();
    if (pid)
        return pid;
    if (quiet) {
        int null = open("/dev/null", O_RDWR);
        if (null >= 0)
            dup2(null, STDIN_FILENO);
    }
    if (become->change && !privilege_drop(become, why, sizeof why)) {
        log_line("%s", why);
        _exit(1);
    }
    if (quiet)
        prctl(PR_SET_PDEATHSIG, SIGTERM);                        /* nobody can quit it once we were killed */
    execv("/proc/self/exe", (char *const *)(unsigned long)argv); /* exec changes none of them */
    _exit(127);
}

/* While the dashboard has the terminal, what we and the service say waits for it to end. */
static void hold_messages(struct faces *f)
{
    fflush(stderr);
    f->held = isatty(STDERR_FILENO) ? memfd_create("messages", MFD_CLOEXEC) : -1;
    f->terminal = f->held < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (f->terminal >= 0)
        dup2(f->held, STDERR_FILENO);
}

static void tell_messages(struct faces *f)
{
    char text[4096];
    ssize_t n;
    if (f->terminal < 0)
        return;
    fflush(stderr);
    dup2(f->terminal, STDERR_FILENO);
    lseek(f->held, 0, SEEK_SET);
    while ((n = read(f->held, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)n, stderr);
    close(f->held);
    close(f->terminal);
    f->terminal = -1;
}

bool faces_start(struct faces *f, const char *db, const struct privilege *become)
{
    const char *top[] = {"spanwise", "top", "--wait", db, NULL};
    const char *serve[] = {"spanwise", "serve", "--wait", "--listen", f->serve, db, NULL};
    if (f->top) {
        f->top_pid = spawn(top, become, false);
        hold_messages(f);
    }
    if (f->serve)
        f->serve_pid = spawn(serve, become, true);
    if (f->serve_pid >= 0 && f->top_pid >= 0)
        return true;
    log_line("cannot start a process: %s", strerror(errno));
    return false;
}

void faces_end(struct faces *f, bool failed)
{
    if (f->top_pid > 0 && failed)
        kill(f->top_pid, SIGTERM);
    if (f->top_pid > 0)
        waitpid(f->top_pid, NULL, 0);
    if (f->serve_pid > 0 && kill(f->serve_pid, SIGTERM) == 0)
        waitpid(f->serve_pid, NULL, 0);
    if (f->top)
        tell_messages(f);
}
