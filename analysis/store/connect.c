#include "analysis/store/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "analysis/store/schema.h"

enum {
    OPEN_BUSY_MS = 5000,
    WRITE_BUSY_MS = 30000,
    LEAVE_BUSY_MS = 50,
    PAGE_BYTES = 16384,      /* live: what changes in a second is in few rows of many tables */
    PAGE_BYTES_MUCH = 32768, /* much is written at once: a third less work for the kernel */
    WAL_BYTES = 16 << 20     /* until a checkpoint */
};

bool connect_run(struct connection *c, const char *sql)
{
    return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

int64_t connect_ask(struct connection *c, const char *sql)
{
    sqlite3_stmt *q = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(c->db, sql, -1, &q, NULL) == SQLITE_OK) {
        int step = sqlite3_step(q);
        v = step == SQLITE_ROW ? sqlite3_column_int64(q, 0) : step == SQLITE_DONE ? 0 : -1;
    }
    sqlite3_finalize(q);
    return v;
}

/* ---- the file ---- */

/* The folder of a path: borrowed from it, or ".". */
static struct slice folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return !slash ? SLICE(".") : slice_of(path, slash == path ? 1 : (size_t)(slash - path));
}

static void explain_open(const char *path, char why[256])
{
    struct slice folder = folder_of(path);
    int error = errno, shown = folder.n < 100 ? (int)folder.n : 100;
    if (error == ENOENT)
        snprintf(why, 256, "%.100s: the folder %.*s does not exist", path, shown, folder.p);
    else if (error == EACCES || error == EROFS)
        snprintf(why, 256,
                 "%.80s: uid %u may not write here (folder %.*s); choose another place with -d, or run as its owner "
                 "with --user",
                 path, (unsigned)geteuid(), shown < 50 ? shown : 50, folder.p);
    else if (error == EISDIR)
        snprintf(why, 256, "%.200s is a folder, no DB", path);
    else
        snprintf(why, 256, "%.150s: %s", path, strerror(error));
}

/* Who holds the flock of this file, as the kernel lists it; 0: cannot be told. */
static unsigned lock_holder(int fd)
{
    struct stat st;
    char line[256], want[64];
    unsigned pid = 0;
    FILE *f = fstat(fd, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
    if (!f)
        return 0;
    snprintf(want, sizeof want, " %02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
    while (!pid && fgets(line, sizeof line, f))
        if (strstr(line, " FLOCK ") && !strstr(line, "->") && strstr(line, want) &&
            sscanf(line, "%*s FLOCK %*s %*s %u", &pid) != 1)
            pid = 0;
    fclose(f);
    return pid;
}

static bool lock(const struct connection *c, char why[256])
{
    if (flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    unsigned pid = errno == EWOULDBLOCK ? lock_holder(c->lock_fd) : 0;
    if (pid)
        snprintf(why, 256, "%.150s is in use by another spanwise (pid %u) that writes it; choose another DB with -d",
                 c->path, pid);
    else
        snprintf(why, 256, "%.150s is in use by another spanwise that writes it; choose another DB with -d", c->path);
    return false;
}

static bool take_file(struct connection *c, const struct store_options *o, char why[256])
{
    struct stat st;
    c->lock_fd = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, o->file_mode);
    if (c->lock_fd < 0) {
        explain_open(c->path, why);
        return false;
    }
    if (fstat(c->lock_fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        snprintf(why, 256, "%.200s is no ordinary file", c->path);
        return false;
    }
    return lock(c, why);
}

/* Mode and group of a file that is ours to write; the files of the journal follow it. What belongs to somebody else
 * keeps its mode. */
static bool set_mode(const struct connection *c, const struct store_options *o, char why[256])
{
    struct stat st;
    if (fstat(c->lock_fd, &st) != 0 || (st.st_uid != geteuid() && o->group < 0))
        return true;
    if ((o->group < 0 || fchown(c->lock_fd, (uid_t)-1, (gid_t)o->group) == 0) && fchmod(c->lock_fd, o->file_mode) == 0)
        return true;
    snprintf(why, 256, "%.120s: uid %u may not give it mode %03o and group %d: %s", c->path, (unsigned)geteuid(),
             o->file_mode, o->group, strerror(errno));
    return false;
}

/* ---- what is in it ---- */

static bool open_failed(struct connection *c, char why[256])
{
    struct slice folder = folder_of(c->path);
    int error = sqlite3_errcode(c->db) & 0xff;
    if (error == SQLITE_CANTOPEN || error == SQLITE_READONLY)
        snprintf(why, 256,
                 "%.90s: uid %u may not write in the folder %.*s, where SQLite keeps its journal; choose another "
                 "with -d",
                 c->path, (unsigned)geteuid(), folder.n < 60 ? (int)folder.n : 60, folder.p);
    else if (error == SQLITE_NOTADB)
        snprintf(why, 256, "%.200s is no DB; choose another with -d", c->path);
    else
        snprintf(why, 256, "%.120s: %.100s", c->path, sqlite3_errmsg(c->db));
    return false;
}

static bool check_audit(struct connection *c, enum store_mode mode, char why[256], bool *usage)
{
    enum schema_state state = schema_look(c->db);
    if (state == SCHEMA_EMPTY)
        return true;
    if (state == SCHEMA_BROKEN)
        return open_failed(c, why);
    if (state != SCHEMA_GOOD) {
        schema_explain(state, c->path, c->db, why);
        return false;
    }
    int64_t audits = mode == STORE_NEW ? connect_ask(c, "SELECT count(*) FROM capture") : 0;
    if (audits < 0)
        return open_failed(c, why);
    if (audits) {
        snprintf(why, 256, "%.130s holds an audit already: --append goes on with it, --fresh starts over", c->path);
        *usage = true;
    }
    return !audits;
}

static bool prepare_db(struct connection *c, const struct store_options *o, char why[256], bool *usage)
{
    char pragmas[320];
    struct stat st;
    if (sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return open_failed(c, why);
    sqlite3_busy_timeout(c->db, OPEN_BUSY_MS);
    if (!check_audit(c, o->mode, why, usage) || !set_mode(c, o, why))
        return false;
    bool empty = fstat(c->lock_fd, &st) == 0 && st.st_size == 0; /* no journal of what is not there */
    bool again = empty && o->wait_when_behind;                   /* it can be made again, should the machine fail */
    int page = o->wait_when_behind ? PAGE_BYTES_MUCH : PAGE_BYTES;
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA page_size = %d; %sPRAGMA journal_mode = WAL; PRAGMA synchronous = %s; PRAGMA secure_delete = "
             "OFF; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;"
             "PRAGMA wal_autocheckpoint = %d; BEGIN IMMEDIATE",
             page, empty ? "PRAGMA journal_mode = MEMORY; " : "", again ? "OFF" : "NORMAL",
             WAL_BYTES / page); /* the size of pages of a DB that has some stays */
    bool stays = o->mode == STORE_FRESH && schema_look(c->db) == SCHEMA_GOOD; /* until the first commit */
    if (!connect_run(c, pragmas) || !(stays || schema_make(c->db)) || !connect_run(c, "COMMIT"))
        return open_failed(c, why);
    sqlite3_busy_timeout(c->db, WRITE_BUSY_MS);
    return true;
}

bool connect_open(struct connection *c, const char *path, const struct store_options *o, char why[256], bool *usage)
{
    *c = (struct connection){.lock_fd = -1};
    *usage = false;
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* nobody asks, and each allocation would take a lock to count itself */
    if ((size_t)snprintf(c->path, sizeof c->path, "%s", path) >= sizeof c->path)
        snprintf(why, 256, "the DB's path is longer than 511 characters");
    else if (take_file(c, o, why) && prepare_db(c, o, why, usage))
        return true;
    connect_close(c);
    return false;
}

bool connect_there(const struct connection *c)
{
    struct stat open, now;
    return fstat(c->lock_fd, &open) == 0 && stat(c->path, &now) == 0 && open.st_ino == now.st_ino &&
           open.st_dev == now.st_dev;
}

/* Leaving changes a few octets of the first page, which no end of the process tears: what they were is kept in memory
 * instead of a file. With that page all that was written before goes to the disk. */
bool connect_leave_wal(struct connection *c, int tries)
{
    bool left = false;
    sqlite3_busy_timeout(c->db, LEAVE_BUSY_MS);
    for (int i = 0; i < tries && !left; i++) {
        sqlite3_stmt *q = NULL;
        sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (connect_run(c, "PRAGMA synchronous = NORMAL") &&
            sqlite3_prepare_v2(c->db, "PRAGMA journal_mode = MEMORY", -1, &q, NULL) == SQLITE_OK &&
            sqlite3_step(q) == SQLITE_ROW)
            left = !strcmp((const char *)sqlite3_column_text(q, 0), "memory");
        sqlite3_finalize(q);
    }
    return left;
}

void connect_close(struct connection *c)
{
    sqlite3_close(c->db);
    c->db = NULL;
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    c->lock_fd = -1;
}
