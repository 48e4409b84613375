#include "analysis/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/store/batch.h"
#include "analysis/store/block.h"
#include "analysis/store/schema.h"

enum { COMMIT_MS = 1000, CLOSED_MAX = 256, LEAVE_WAL_TRIES = 100 };

/* A closed block, or the open one as it is now, on its way to the writer. */
struct parcel {
    struct parcel *next;
    int64_t id, first_us, last_us;
    uint32_t n;
    bool pack;
    struct buf raw;
};

struct store {
    sqlite3 *db;
    int lock_fd; /* flock: one writer. Closed after SQLite: closing it earlier would drop SQLite's own locks */
    char path[512];
    struct store_options o;
    struct batch batch[2]; /* one is filled, one is written */
    struct block open;
    int64_t block_id;
    struct parcel *closed, **closed_end;
    unsigned n_closed;
    uint64_t dropped;
    /* the writer's side */
    pthread_t thread;
    pthread_mutex_t lock; /* guards job, parcels, stop, busy */
    pthread_cond_t moved;
    struct batch *job;
    struct parcel *parcels;
    bool stop, busy, fresh;
    _Atomic bool wants;
    _Atomic bool failed;
    char failure[256];
    struct batch_writer statements;
    uint64_t stored; /* exchange records in blocks */
};

/* ---- opening ---- */

static bool sql(struct store *s, const char *text)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int64_t ask(struct store *s, const char *text)
{
    sqlite3_stmt *q = NULL;
    int64_t v = 0;
    if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        v = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return v;
}

static void explain_open(const char *path, char why[256])
{
    char folder[256];
    int error = errno;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (error == ENOENT)
        snprintf(why, 256, "%.100s: the folder %.100s does not exist", path, folder);
    else if (error == EACCES || error == EROFS)
        snprintf(why, 256, "%.100s: uid %u may not write here; choose another place with -d, or run as its owner with --user", path,
                 (unsigned)geteuid());
    else
        snprintf(why, 256, "%.150s: %s", path, strerror(error));
}

/* Makes the file with its mode and takes the writer's lock. */
static bool take_file(struct store *s, char why[256])
{
    struct stat st;
    s->lock_fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, s->o.file_mode);
    if (s->lock_fd < 0) {
        explain_open(s->path, why);
        return false;
    }
    if (fstat(s->lock_fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        snprintf(why, 256, "%.200s is no ordinary file", s->path);
        return false;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, 256, "%.150s is in use by another spanwise that writes it; choose another DB with -d", s->path);
        return false;
    }
    if (fchmod(s->lock_fd, s->o.file_mode) != 0 || (s->o.group >= 0 && fchown(s->lock_fd, (uid_t)-1, (gid_t)s->o.group) != 0)) {
        if (st.st_uid == geteuid() || s->o.group >= 0) {
            explain_open(s->path, why);
            return false;
        }
    }
    return true;
}

static bool open_failed(struct store *s, char why[256])
{
    const char *slash = strrchr(s->path, '/');
    int error = sqlite3_errcode(s->db);
    if (error == SQLITE_CANTOPEN || error == SQLITE_READONLY)
        snprintf(why, 256, "%.90s: uid %u may not write in the folder %.*s, where SQLite keeps its journal; choose another with -d", s->path,
                 (unsigned)geteuid(), slash ? (int)(slash - s->path < 80 ? slash - s->path : 80) : 1, slash ? s->path : ".");
    else if (error == SQLITE_NOTADB)
        snprintf(why, 256, "%.200s is no DB; choose another with -d", s->path);
    else
        snprintf(why, 256, "%.120s: %.100s", s->path, sqlite3_errmsg(s->db));
    return false;
}

static bool check_audit(struct store *s, enum schema_state state, char why[256], bool *usage)
{
    if (state == SCHEMA_EMPTY)
        return true;
    if (state == SCHEMA_BROKEN)
        return open_failed(s, why);
    if (state != SCHEMA_GOOD) {
        schema_explain(state, s->path, s->db, why);
        return false;
    }
    if (s->o.mode == STORE_NEW && ask(s, "SELECT count(*) FROM capture")) {
        snprintf(why, 256, "%.130s holds an audit already: --append goes on with it, --fresh starts over", s->path);
        *usage = true;
        return false;
    }
    return true;
}

static bool open_db(struct store *s, char why[256], bool *usage)
{
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return open_failed(s, why);
    sqlite3_busy_timeout(s->db, 5000);
    if (!check_audit(s, schema_look(s->db), why, usage))
        return false;
    if (!sql(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF; PRAGMA wal_autocheckpoint = 4000;"
                "BEGIN IMMEDIATE") ||
        !schema_make(s->db) || !sql(s, "COMMIT") || !batch_prepare(&s->statements, s->db))
        return open_failed(s, why);
    s->fresh = s->o.mode == STORE_FRESH;
    s->block_id = s->fresh ? 1 : ask(s, "SELECT ifnull(max(id), 0) + 1 FROM exchange_block");
    s->stored = s->fresh ? 0 : (uint64_t)ask(s, "SELECT ifnull(sum(n), 0) FROM exchange_block");
    return true;
}

/* ---- the writer's thread ---- */

static void fail(struct store *s)
{
    if (atomic_load(&s->failed))
        return;
    int error = sqlite3_errcode(s->db);
    snprintf(s->failure, sizeof s->failure, "%.120s: %.80s%s", s->path, sqlite3_errmsg(s->db),
             error == SQLITE_FULL ? "; what was committed before is whole" : "");
    atomic_store(&s->failed, true);
}

static bool write_parcel(struct store *s, const struct parcel *p)
{
    sqlite3_stmt *q = NULL;
    struct buf packed = {0};
    struct slice data = slice_of(p->raw.p, p->raw.n);
    int format = BLOCK_RAW;
    if (p->pack && block_pack(data, &packed)) {
        data = slice_of(packed.p, packed.n);
        format = BLOCK_ZSTD;
    }
    bool ok = sqlite3_prepare_v2(s->db, "INSERT OR REPLACE INTO exchange_block VALUES(?,?,?,?,?,?)", -1, &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, p->id);
        sqlite3_bind_int64(q, 2, p->first_us);
        sqlite3_bind_int64(q, 3, p->last_us);
        sqlite3_bind_int64(q, 4, p->n);
        sqlite3_bind_int(q, 5, format);
        sqlite3_bind_blob64(q, 6, data.p ? data.p : "", data.n, SQLITE_STATIC);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    buf_free(&packed);
    return ok;
}

/* Whole blocks go from the old end beyond --exchanges. */
static bool trim(struct store *s)
{
    int64_t stored = ask(s, "SELECT ifnull(sum(n), 0) FROM exchange_block");
    while ((uint64_t)stored > s->o.exchanges) {
        int64_t oldest = ask(s, "SELECT n FROM exchange_block ORDER BY id LIMIT 1");
        if (!oldest || (uint64_t)(stored - oldest) < s->o.exchanges)
            return true;
        if (!sql(s, "DELETE FROM exchange_block WHERE id = (SELECT min(id) FROM exchange_block)"))
            return false;
        stored -= oldest;
    }
    return true;
}

static bool start_over(struct store *s)
{
    return sql(s, "DELETE FROM endpoint; DELETE FROM client; DELETE FROM minute; DELETE FROM capture; DELETE FROM key;"
                  "DELETE FROM address; DELETE FROM counter; DELETE FROM exchange_block; DELETE FROM meta");
}

static void commit(struct store *s, const struct batch *b, const struct parcel *parcels)
{
    bool ok = !atomic_load(&s->failed) && sql(s, "BEGIN IMMEDIATE");
    if (ok && s->fresh)
        ok = start_over(s);
    ok = ok && batch_write(&s->statements, b);
    for (const struct parcel *p = parcels; ok && p; p = p->next)
        ok = write_parcel(s, p);
    ok = ok && trim(s) && sql(s, "INSERT INTO meta VALUES('commits', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1") && sql(s, "COMMIT");
    if (ok && b->failed) {
        snprintf(s->failure, sizeof s->failure, "out of memory while writing %.120s", s->path);
        atomic_store(&s->failed, true);
    } else if (ok) {
        s->fresh = false;
    } else {
        fail(s);
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static void free_parcels(struct parcel *p)
{
    while (p) {
        struct parcel *next = p->next;
        buf_free(&p->raw);
        free(p);
        p = next;
    }
}

static struct timespec in_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Waits for a job; from `due` on it lets the analyzer know that it wants one. False: time to stop. */
static bool await_job(struct store *s, const struct timespec *due)
{
    while (!s->job && !s->stop) {
        if (atomic_load(&s->wants))
            pthread_cond_wait(&s->moved, &s->lock);
        else if (pthread_cond_timedwait(&s->moved, &s->lock, due) == ETIMEDOUT)
            atomic_store(&s->wants, true);
    }
    return s->job != NULL;
}

static void *writer(void *context)
{
    struct store *s = context;
    struct timespec due = in_ms(COMMIT_MS);
    pthread_setname_np(pthread_self(), "writer");
    pthread_mutex_lock(&s->lock);
    while (await_job(s, &due)) {
        struct batch *b = s->job;
        struct parcel *parcels = s->parcels;
        s->parcels = NULL;
        s->busy = true;
        due = in_ms(COMMIT_MS);
        pthread_mutex_unlock(&s->lock);
        commit(s, b, parcels);
        batch_clear(b);
        free_parcels(parcels);
        pthread_mutex_lock(&s->lock);
        s->job = NULL;
        s->busy = false;
        pthread_cond_broadcast(&s->moved);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static bool start_thread(struct store *s)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->lock, NULL);
    return pthread_create(&s->thread, NULL, writer, s) == 0;
}

static void discard(struct store *s)
{
    batch_finalize(&s->statements);
    sqlite3_close(s->db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
}

struct store *store_open(const char *path, const struct store_options *options, char why[256], bool *usage)
{
    struct store *s = calloc(1, sizeof *s);
    *usage = false;
    snprintf(why, 256, "out of memory");
    if (!s)
        return NULL;
    s->o = *options;
    s->lock_fd = -1;
    s->closed_end = &s->closed;
    if ((size_t)snprintf(s->path, sizeof s->path, "%s", path) >= sizeof s->path)
        snprintf(why, 256, "the DB's path is longer than 511 characters");
    else if (take_file(s, why) && open_db(s, why, usage) && start_thread(s))
        return s;
    discard(s);
    return NULL;
}

/* ---- the analyzer's side ---- */

bool store_wants(const struct store *s)
{
    return atomic_load_explicit(&s->wants, memory_order_relaxed);
}

#define FILLED(name) \
    struct row_##name *store_##name(struct store *s) \
    { \
        return batch_##name(&s->batch[0]); \
    }
FILLED(endpoint)
FILLED(client)
FILLED(key)
FILLED(address)
FILLED(minute)
#undef FILLED

struct row_capture *store_capture(struct store *s)
{
    s->batch[0].has_capture = true;
    s->batch[0].capture = (struct row_capture){.started_us = INT64_MIN, .ended_us = INT64_MIN};
    return &s->batch[0].capture;
}

void store_counter(struct store *s, const char *what, struct slice name, uint64_t value)
{
    struct slice copy = batch_copy(&s->batch[0], name);
    *batch_counter(&s->batch[0]) = (struct row_counter){what, copy, value};
}

struct slice store_text(struct store *s, struct slice text)
{
    return batch_copy(&s->batch[0], text);
}

/* Without memory for a parcel its records are lost, and counted. */
static struct parcel *parcel_of(struct store *s, bool pack)
{
    struct parcel *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    block_raw(&s->open, &p->raw);
    p->id = s->block_id;
    p->first_us = s->open.first_us;
    p->last_us = s->open.last_us;
    p->n = s->open.n;
    p->pack = pack;
    return p;
}

static void drop_oldest(struct store *s)
{
    struct parcel *p = s->closed;
    s->closed = p->next;
    if (!s->closed)
        s->closed_end = &s->closed;
    p->next = NULL;
    free_parcels(p);
    s->n_closed--;
    s->dropped++;
}

/* Too many closed blocks wait: offline until the writer is idle and asks for a batch; live the oldest goes. */
static void relieve(struct store *s)
{
    if (s->n_closed < CLOSED_MAX || store_failure(s)) {
        while (store_failure(s) && s->n_closed)
            drop_oldest(s);
        return;
    }
    if (!s->o.wait_when_behind) {
        drop_oldest(s);
        return;
    }
    pthread_mutex_lock(&s->lock);
    while (s->busy || s->job)
        pthread_cond_wait(&s->moved, &s->lock);
    atomic_store(&s->wants, true);
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

static void close_block(struct store *s)
{
    struct parcel *p = parcel_of(s, true);
    if (p) {
        *s->closed_end = p;
        s->closed_end = &p->next;
        s->n_closed++;
    } else {
        s->dropped++;
    }
    s->block_id++;
    block_clear(&s->open);
    relieve(s);
}

void store_exchange(struct store *s, const struct row_exchange *x)
{
    if (!s->o.exchanges)
        return;
    block_add(&s->open, x);
    if (s->open.n == BLOCK_RECORDS)
        close_block(s);
}

static void wait_idle(struct store *s)
{
    while (s->job || s->busy)
        pthread_cond_wait(&s->moved, &s->lock);
}

void store_submit(struct store *s)
{
    struct parcel *open = s->open.n ? parcel_of(s, false) : NULL;
    if (open) {
        *s->closed_end = open;
        s->closed_end = &open->next;
    }
    pthread_mutex_lock(&s->lock);
    wait_idle(s);
    struct batch filled = s->batch[0];
    s->batch[0] = s->batch[1];
    s->batch[1] = filled;
    s->parcels = s->closed;
    s->closed = NULL;
    s->closed_end = &s->closed;
    s->n_closed = 0;
    s->job = &s->batch[1];
    atomic_store(&s->wants, false);
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

const char *store_failure(const struct store *s)
{
    return atomic_load(&s->failed) ? s->failure : NULL;
}

uint64_t store_blocks_dropped(const struct store *s)
{
    return s->dropped;
}

/* Moves everything into the one file, so that whoever may read it can open it. Viewers hold the file open for moments only. */
static bool leave_wal(struct store *s)
{
    for (int i = 0; i < LEAVE_WAL_TRIES; i++) {
        sqlite3_stmt *q = NULL;
        bool left = false;
        sqlite3_busy_timeout(s->db, 50);
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = DELETE", -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
            left = strcmp((const char *)sqlite3_column_text(q, 0), "delete") == 0;
        sqlite3_finalize(q);
        if (left)
            return true;
    }
    return false;
}

bool store_close(struct store *s, char why[256])
{
    pthread_mutex_lock(&s->lock);
    wait_idle(s);
    s->stop = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    batch_finalize(&s->statements);
    if (!atomic_load(&s->failed) && !leave_wal(s)) {
        snprintf(s->failure, sizeof s->failure, "%.120s: somebody keeps the DB open; its journal stays beside it until they close", s->path);
        atomic_store(&s->failed, true);
    }
    bool ok = !atomic_load(&s->failed);
    snprintf(why, 256, "%s", s->failure);
    free_parcels(s->closed);
    batch_free(&s->batch[0]);
    batch_free(&s->batch[1]);
    block_free(&s->open);
    pthread_cond_destroy(&s->moved);
    pthread_mutex_destroy(&s->lock);
    discard(s);
    return ok;
}
