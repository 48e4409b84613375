#include "cmd/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/capture.h"
#include "cmd/scope.h"

enum { AUDITS = 2 };
static char temporary[AUDITS][512];  /* DBs made for this process; empty: none */
static const char *captures[AUDITS]; /* that they were made of, as given */
static unsigned n_temporary;
static int code = 1;

int cmd_open_audit_code(void)
{
    return code;
}

const char *cmd_audit_name(const char *db)
{
    for (unsigned k = 0; k < n_temporary; k++)
        if (strcmp(db, temporary[k]) == 0)
            return strcmp(captures[k], "-") == 0 ? "standard input" : captures[k];
    return db;
}

/* Also in a signal handler. */
static void remove_temporary(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char path[600];
    for (unsigned k = 0; k < n_temporary; k++)
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
            unlink(strcat(strcpy(path, temporary[k]), suffixes[i]));
}

static void on_signal(int number)
{
    remove_temporary();
    signal(number, SIG_DFL);
    raise(number);
}

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

/* They go with the process, however it ends; a command that catches signals itself ends in order. */
static void remove_at_end(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(ends[i], &action, NULL);
    atexit(remove_temporary);
}

/* True when the file begins as SQLite files do (or is empty: a DB that nothing was written into). */
static bool is_db(int fd)
{
    char magic[16];
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    return n == sizeof magic && memcmp(magic, "SQLite format 3", 16) == 0;
}

bool audit_is_db(const char *path)
{
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool db = fd >= 0 && is_db(fd);
    if (fd >= 0)
        close(fd);
    return db;
}

bool audit_overwrites(const char *path, const char *out)
{
    struct stat a, b;
    if (!out || stat(cmd_audit_awaited(path), &a) != 0 || stat(out, &b) != 0 || !S_ISREG(a.st_mode) ||
        a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return false;
    log_line("-o %s: that is what is read; give another file", out);
    return true;
}

/* Makes a temporary DB, of which from then on is known that it has to go: no signal comes between. */
static bool make_temporary(char *db)
{
    sigset_t held, before;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaddset(&held, ends[i]);
    sigprocmask(SIG_BLOCK, &held, &before);
    int fd = mkstemp(db), error = errno;
    if (fd >= 0 && !n_temporary++)
        remove_at_end();
    if (fd >= 0)
        close(fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return fd >= 0;
}

static const char *audit_capture(const char *path, const struct scope *scope, char why[256])
{
    const char *folder = getenv("TMPDIR");
    why[0] = 0;
    if (n_temporary == AUDITS) {
        snprintf(why, 256, "at most %d captures at a time", AUDITS);
        return NULL;
    }
    char *db = temporary[n_temporary];
    snprintf(db, sizeof temporary[0], "%.400s/spanwise-XXXXXX", folder && *folder ? folder : "/tmp");
    captures[n_temporary] = path;
    if (!make_temporary(db)) {
        snprintf(why, 256, "%.150s: %s; set TMPDIR", db, strerror(errno));
        return NULL;
    }
    code = capture_file_into(path, scope, db);
    return code ? NULL : db;
}

/* A DB, and nothing was given that only an audit could heed. */
static const char *ready(const char *path, const struct scope *scope, char why[256])
{
    if (!scope || !scope_given(scope))
        return path;
    snprintf(why, 256,
             "%.120s is audited already: --routes and --ignore go with spanwise capture, or with a capture here", path);
    code = 2;
    return NULL;
}

const char *cmd_open_audit(const char *path, char why[256])
{
    return cmd_open_audit_of(path, NULL, why);
}

const char *cmd_audit_awaited(const char *path)
{
    const char *from_environment = getenv("SPANWISE_DB");
    if (path)
        return path;
    return from_environment && *from_environment ? from_environment : "spanwise.db";
}

const char *cmd_open_audit_of(const char *path, const struct scope *scope, char why[256])
{
    bool given = path != NULL;
    path = cmd_audit_awaited(path);
    if (given && strcmp(path, "-") == 0)
        return audit_capture(path, scope, why);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, 256, "%.150s: %s%s", path, strerror(errno),
                 given ? "" : "; name a DB or a capture, or make one with spanwise capture");
        code = given ? 3 : 1;
        return NULL;
    }
    bool db = is_db(fd);
    close(fd);
    return db ? ready(path, scope, why) : audit_capture(path, scope, why);
}
