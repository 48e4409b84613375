#include "cmd/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/capture.h"

static char temporary[512]; /* a DB made for this process; empty: none */
static int code = 1;

int cmd_open_audit_code(void)
{
    return code;
}

static void remove_temporary(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char path[600];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", temporary, suffixes[i]);
        unlink(path);
    }
}

/* True when the file begins as SQLite files do (or is empty: a DB that nothing was written into). */
static bool is_db(int fd)
{
    char magic[16];
    ssize_t n = pread(fd, magic, sizeof magic, 0);
    return n == sizeof magic && memcmp(magic, "SQLite format 3", 16) == 0;
}

static const char *audit_capture(const char *path, char why[256])
{
    const char *folder = getenv("TMPDIR");
    why[0] = 0;
    snprintf(temporary, sizeof temporary, "%.400s/spanwise-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(temporary);
    if (fd < 0) {
        snprintf(why, 256, "%.150s: %s; set TMPDIR", temporary, strerror(errno));
        temporary[0] = 0;
        return NULL;
    }
    close(fd);
    atexit(remove_temporary);
    code = capture_file_into(path, temporary);
    return code ? NULL : temporary;
}

const char *cmd_open_audit(const char *path, char why[256])
{
    const char *from_environment = getenv("SPANWISE_DB");
    bool given = path != NULL;
    if (!path)
        path = from_environment && *from_environment ? from_environment : "spanwise.db";
    if (given && strcmp(path, "-") == 0)
        return audit_capture(path, why);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, 256, "%.150s: %s%s", path, strerror(errno),
                 given ? "" : "; name a DB or a capture, or make one with spanwise capture");
        code = given ? 3 : 1;
        return NULL;
    }
    bool db = is_db(fd);
    close(fd);
    return db ? path : audit_capture(path, why);
}
