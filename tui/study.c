#include "tui/study.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/report/report.h"

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t wrote = write(fd, p, n);
        if (wrote < 0 && errno != EINTR)
            return false;
        p += wrote > 0 ? wrote : 0;
        n -= wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

/* In the process that studies: never returns. */
static void work(const char *db, int paper)
{
    static const struct report_options options = {0};
    char why[256];
    struct buf out = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct store_reader *r = store_read_open(db, why);
    bool ok = r && report_write(r, REPORT_JSON, &options, &out, why) && !out.failed && write_all(paper, out.p, out.n);
    _exit(ok ? 0 : 1);
}

static void forget(struct study *s)
{
    close(s->done);
    close(s->paper);
    s->pid = 0;
}

bool study_begin(struct study *s, const char *db, int64_t state, int64_t now_us)
{
    int ends[2];
    if (s->pid)
        return true;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    s->paper = memfd_create("report", MFD_CLOEXEC);
    pid_t pid = s->paper < 0 ? -1 : fork();
    if (pid == 0)
        work(db, s->paper); /* the pipe's end closes with it */
    close(ends[1]);
    s->done = ends[0];
    if (pid < 0) {
        forget(s);
        return false;
    }
    s->pid = pid;
    s->state = state;
    s->began_us = now_us;
    return true;
}

static struct insight *read_paper(int paper)
{
    struct stat st;
    struct insight *i = NULL;
    if (fstat(paper, &st) != 0 || st.st_size <= 0)
        return NULL;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, paper, 0);
    if (p == MAP_FAILED)
        return NULL;
    i = insight_read(slice_of(p, (size_t)st.st_size));
    munmap(p, (size_t)st.st_size);
    return i;
}

bool study_end(struct study *s, int64_t now_us, struct insight **out)
{
    struct pollfd fd = {s->done, POLLIN, 0};
    int status;
    *out = NULL;
    if (!s->pid || poll(&fd, 1, 0) <= 0)
        return false;
    while (waitpid((pid_t)s->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        *out = read_paper(s->paper);
    s->took_us = now_us - s->began_us;
    forget(s);
    return true;
}

void study_stop(struct study *s)
{
    if (!s->pid)
        return;
    kill((pid_t)s->pid, SIGKILL);
    while (waitpid((pid_t)s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    forget(s);
}
