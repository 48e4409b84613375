#include "analysis/store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/store/block.h"
#include "analysis/store/schema.h"
#include "analysis/store/trim.h"
#include "analysis/store/window.h"

enum { COMMIT_MS = 1000, CLOSED_MAX = 32, SPARE_MAX = 8, LEAVE_WAL_TRIES = 40 };

/* A block is packed where that makes it smaller by an eighth; where it did not, the next ones are not tried. */
enum { WORTH_PACKING = 8, UNTRIED = 15 };

struct writer {
    struct connection c;
    struct store_options o;
    int64_t first_block;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* anything of what the lock guards */

    /* under the lock */
    struct parcel *closed, **closed_end, *spare, *open;
    unsigned n_closed, n_spare;
    uint64_t dropped;
    struct batch *job, batch; /* job: NULL or &batch */
    unsigned job_blocks;      /* closed ones that belong to the job */
    bool stop;

    _Atomic bool wants, failed;
    char failure[256]; /* written before failed is set */

    /* the thread's own */
    struct timespec due;
    struct batch_writer statements;
    struct window window;
    sqlite3_stmt *insert_block;
    struct block_tools tools;
    struct buf packed;
    unsigned untried;  /* blocks still to be written as they are */
    uint64_t stored;   /* records in the table of blocks */
    int64_t last_id;   /* the last block written, which may have been open: it is written again then */
    uint32_t last_n;   /* its records */
    bool fresh, begun; /* begun: a transaction is open, that the next commit ends */
    bool committed;    /* something, so far */
};

static void parcel_free(struct parcel *p)
{
    while (p) {
        struct parcel *next = p->next;
        buf_free(&p->raw);
        free(p);
        p = next;
    }
}

/* ---- trouble ---- */

static void fail(struct writer *w, const char *what)
{
    if (atomic_load(&w->failed))
        return;
    snprintf(w->failure, sizeof w->failure, "%.120s: %.80s; what was committed before is whole", w->c.path, what);
    atomic_store(&w->failed, true);
}

/* ---- blocks that wait ---- */

/* Takes the oldest closed block out of the line. Under the lock. */
static struct parcel *next_closed(struct writer *w)
{
    struct parcel *p = w->closed;
    w->closed = p->next;
    if (!w->closed)
        w->closed_end = &w->closed;
    p->next = NULL;
    w->n_closed--;
    if (w->job_blocks)
        w->job_blocks--;
    return p;
}

/* Keeps a few for the blocks to come. Under the lock. */
static void give_back(struct writer *w, struct parcel *p)
{
    if (!p || w->n_spare == SPARE_MAX) {
        parcel_free(p);
        return;
    }
    p->next = w->spare;
    w->spare = p;
    w->n_spare++;
}

/* ---- committing ---- */

/* In the place of what was written of it while it was open. */
static bool write_block(struct writer *w, const struct parcel *p, enum block_format format, struct slice data)
{
    sqlite3_stmt *q = w->insert_block;
    sqlite3_bind_int64(q, 1, p->id);
    sqlite3_bind_int64(q, 2, p->first_us);
    sqlite3_bind_int64(q, 3, p->last_us);
    sqlite3_bind_int64(q, 4, p->n);
    sqlite3_bind_int(q, 5, format);
    sqlite3_bind_blob64(q, 6, data.p ? data.p : "", data.n, SQLITE_STATIC);
    bool ok = sqlite3_step(q) == SQLITE_DONE;
    sqlite3_reset(q);
    w->stored += p->n - (p->id == w->last_id ? w->last_n : 0);
    w->last_id = p->id;
    w->last_n = p->n;
    return ok;
}

static bool write_raw(struct writer *w, const struct parcel *p)
{
    return write_block(w, p, BLOCK_RAW, slice_of(p->raw.p, p->raw.n));
}

static bool write_packed(struct writer *w, const struct parcel *p)
{
    w->packed.n = 0;
    if (!block_pack(&w->tools, slice_of(p->raw.p, p->raw.n), &w->packed) ||
        w->packed.n > p->raw.n - p->raw.n / WORTH_PACKING) {
        w->untried = UNTRIED;
        w->packed.failed = false; /* out of memory: it goes as it is */
        return write_raw(w, p);
    }
    return write_block(w, p, BLOCK_ZSTD, slice_of(w->packed.p, w->packed.n));
}

static bool count_commit(struct writer *w)
{
    return connect_run(&w->c,
                       "INSERT INTO meta VALUES('commits', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1");
}

static bool turn(struct writer *w)
{
    const struct batch *b = &w->batch;
    return window_note(&w->window, b) && (!b->turns || window_close(&w->window, b->window_s, b->next_s));
}

static bool prepare(struct writer *w)
{
    if (!batch_prepare(&w->statements, w->c.db))
        return false;
    w->statements.next_key = connect_ask(&w->c, "SELECT ifnull(max(id), 0) + 1 FROM key");
    return w->statements.next_key > 0 &&
           window_open(&w->window, w->c.db, w->o.retain_s ? w->o.retain_s : INT64_MAX / 16, w->fresh) &&
           sqlite3_prepare_v2(w->c.db, "INSERT OR REPLACE INTO exchange_block VALUES(?,?,?,?,?,?)", -1,
                              &w->insert_block, NULL) == SQLITE_OK;
}

/* With --fresh what was there goes with the first commit, tables and all: they may be of an older make. */
static bool start_over(struct writer *w)
{
    w->stored = 0;
    return schema_remake(w->c.db) && prepare(w);
}

/* Nothing since the last commit is kept. */
static void give_up(struct writer *w)
{
    fail(w, w->window.failed ? "out of memory" : sqlite3_errmsg(w->c.db));
    sqlite3_exec(w->c.db, "ROLLBACK", NULL, NULL, NULL);
}

/* What is written from now on is seen with the next commit. False: nothing can be written any more. */
static bool begin(struct writer *w)
{
    if (atomic_load(&w->failed))
        return false;
    if (w->begun)
        return true;
    if (!connect_there(&w->c)) {
        fail(w, "the file was removed or replaced while it was written");
        return false;
    }
    w->begun = connect_run(&w->c, "BEGIN IMMEDIATE") && (!w->fresh || start_over(w));
    if (!w->begun)
        give_up(w);
    return w->begun;
}

/* The blocks first, as those before them: a page that left the cache and is written again in the same transaction has
 * SQLite read all that it wrote since, to sum it up anew. */
static void commit(struct writer *w, const struct parcel *open)
{
    if (!begin(w))
        return;
    if ((open && !write_raw(w, open)) || !batch_write(&w->statements, &w->batch) || !turn(w) ||
        !trim_blocks(&w->c, &w->stored, w->o.exchanges) || !count_commit(w) || !connect_run(&w->c, "COMMIT")) {
        give_up(w);
        return;
    }
    w->fresh = w->begun = false;
    w->committed = true;
    if (w->batch.failed)
        fail(w, "out of memory");
}

/* Within the transaction of the next commit. */
static void write_closed(struct writer *w, const struct parcel *p)
{
    if (!begin(w))
        return;
    bool plain = w->untried > 0;
    w->untried -= plain;
    if (!(plain ? write_raw(w, p) : write_packed(w, p)))
        give_up(w);
}

/* Writes one closed block; gives the lock up meanwhile. */
static void write_next(struct writer *w)
{
    struct parcel *p = next_closed(w);
    pthread_mutex_unlock(&w->lock);
    write_closed(w, p);
    pthread_mutex_lock(&w->lock);
    give_back(w, p);
    pthread_cond_broadcast(&w->moved);
}

/* ---- the thread ---- */

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

/* Commits the job; gives the lock up meanwhile. */
static void do_job(struct writer *w)
{
    struct parcel *open = w->open;
    w->open = NULL;
    w->due = in_ms(COMMIT_MS);
    pthread_mutex_unlock(&w->lock);
    commit(w, open);
    batch_clear(&w->batch);
    pthread_mutex_lock(&w->lock);
    give_back(w, open);
    w->job = NULL;
    pthread_cond_broadcast(&w->moved);
}

static void sleep_until_due(struct writer *w)
{
    if (atomic_load(&w->wants))
        pthread_cond_wait(&w->moved, &w->lock);
    else if (pthread_cond_timedwait(&w->moved, &w->lock, &w->due) == ETIMEDOUT)
        atomic_store(&w->wants, true);
}

/* The blocks of a job are written before it, those closed since after it: a commit never holds records that its
 * counters do not. */
static void *run(void *context)
{
    struct writer *w = context;
    pthread_setname_np(pthread_self(), "writer");
    pthread_mutex_lock(&w->lock);
    for (;;) {
        if (w->job && !w->job_blocks)
            do_job(w);
        else if (w->closed)
            write_next(w);
        else if (w->stop)
            break;
        else
            sleep_until_due(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool start_thread(struct writer *w)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->moved, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&w->lock, NULL);
    w->due = in_ms(COMMIT_MS);
    return pthread_create(&w->thread, NULL, run, w) == 0;
}

static void discard(struct writer *w)
{
    batch_finalize(&w->statements);
    window_fini(&w->window);
    sqlite3_finalize(w->insert_block);
    connect_close(&w->c);
    parcel_free(w->closed);
    parcel_free(w->spare);
    parcel_free(w->open);
    batch_free(&w->batch);
    block_tools_free(&w->tools);
    buf_free(&w->packed);
    free(w);
}

struct writer *writer_start(struct connection *c, const struct store_options *o, char why[256])
{
    struct writer *w = calloc(1, sizeof *w);
    snprintf(why, 256, "out of memory");
    if (!w) {
        connect_close(c);
        return NULL;
    }
    w->c = *c;
    w->o = *o;
    w->fresh = o->mode == STORE_FRESH;
    w->closed_end = &w->closed;
    w->first_block = w->fresh ? 1 : connect_ask(&w->c, "SELECT ifnull(max(id), 0) + 1 FROM exchange_block");
    int64_t stored = w->first_block > 1 ? trim_stored(&w->c) : 0;
    w->stored = (uint64_t)stored;
    if (w->first_block <= 0 || stored < 0 || (!w->fresh && !prepare(w)))
        snprintf(why, 256, "%.120s: %.100s", c->path, sqlite3_errmsg(w->c.db));
    else if (start_thread(w))
        return w;
    discard(w);
    return NULL;
}

/* ---- the analyzer's side ---- */

int64_t writer_first_block(const struct writer *w)
{
    return w->first_block;
}

struct parcel *writer_parcel(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    struct parcel *p = w->spare;
    if (p) {
        w->spare = p->next;
        w->n_spare--;
    }
    pthread_mutex_unlock(&w->lock);
    if (!p)
        return calloc(1, sizeof *p);
    p->next = NULL;
    p->raw.n = 0;
    return p;
}

/* Under the lock. */
static void make_room(struct writer *w)
{
    while (w->n_closed >= CLOSED_MAX && w->o.wait_when_behind && !atomic_load(&w->failed))
        pthread_cond_wait(&w->moved, &w->lock);
    if (w->n_closed >= CLOSED_MAX) {
        give_back(w, next_closed(w));
        w->dropped++;
    }
}

void writer_block(struct writer *w, struct parcel *p)
{
    pthread_mutex_lock(&w->lock);
    make_room(w);
    *w->closed_end = p;
    w->closed_end = &p->next;
    w->n_closed++;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

void writer_drop(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->dropped++;
    pthread_mutex_unlock(&w->lock);
}

bool writer_wants(const struct writer *w)
{
    return atomic_load_explicit(&w->wants, memory_order_relaxed);
}

bool writer_idle(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool idle = !w->job;
    pthread_mutex_unlock(&w->lock);
    return idle;
}

void writer_submit(struct writer *w, struct batch *filled, struct parcel *open)
{
    pthread_mutex_lock(&w->lock);
    while (w->job)
        pthread_cond_wait(&w->moved, &w->lock);
    struct batch empty = w->batch;
    w->batch = *filled;
    *filled = empty;
    w->open = open;
    w->job = &w->batch;
    w->job_blocks = w->n_closed;
    atomic_store(&w->wants, false);
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
}

const char *writer_failure(const struct writer *w)
{
    return atomic_load(&w->failed) ? w->failure : NULL;
}

uint64_t writer_dropped(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->dropped;
    pthread_mutex_unlock(&w->lock);
    return n;
}

bool writer_end(struct writer *w, char why[256])
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->moved);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    if (w->committed && !atomic_load(&w->failed))
        trim_rest(&w->c, &w->tools, w->stored,
                  w->o.exchanges); /* else a few more than asked for stay, as after a kill */
    batch_finalize(&w->statements);
    window_fini(&w->window);
    sqlite3_finalize(w->insert_block);
    w->insert_block = NULL;
    bool failed = atomic_load(&w->failed);
    bool left = connect_leave_wal(&w->c, failed ? 1 : LEAVE_WAL_TRIES);
    snprintf(why, 256, "%s", failed ? w->failure : "");
    if (!failed && !left)
        snprintf(why, 256, "%.120s is whole, but somebody keeps it open: its journal stays beside it", w->c.path);
    pthread_cond_destroy(&w->moved);
    pthread_mutex_destroy(&w->lock);
    discard(w);
    return !failed;
}
