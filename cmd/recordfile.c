#include "cmd/recordfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/records.h"
#include "cmd/input.h"

enum { READ = 1 << 16, LINE_MOST = 64 << 20, IDLE_MS = 100, SHOWN = 5, JUDGE_BYTES = 4 << 20 };

/* Waits for a pipe; false: a signal ended the run. */
static bool wait_readable(struct recordfile *f)
{
    struct pollfd fd = {.fd = f->fd, .events = POLLIN};
    for (int ms = 0; !f->regular; ms = IDLE_MS) {
        if (input_stopped())
            return false;
        int ready = poll(&fd, 1, ms);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; /* read() tells what is wrong */
        if (ready == 0 && f->idle)
            f->idle(f->context);
    }
    return true;
}

/* More bytes into the text. False: there are none. */
static bool read_more(struct recordfile *f)
{
    ssize_t n = -1;
    if (f->at)
        memmove(f->text.p, f->text.p + f->at, f->text.n - f->at);
    f->text.n -= f->at;
    f->at = 0;
    if (f->over || !wait_readable(f) || !buf_reserve(&f->text, READ)) {
        f->error = f->text.failed ? ENOMEM : f->error;
        f->over = true;
        return false;
    }
    while ((n = read(f->fd, f->text.p + f->text.n, READ)) < 0 && errno == EINTR && !input_stopped())
        ;
    if (n < 0 && errno != EINTR)
        f->error = errno;
    if (n > 0)
        f->text.n += (size_t)n;
    f->over = n <= 0;
    return n > 0;
}

bool recordfile_next(struct recordfile *f, struct slice *line)
{
    size_t looked = 0;
    const char *end = NULL;
    if (f->again) {
        f->again = false;
        *line = f->line;
        return true;
    }
    if (input_stopped())
        return false;
    for (;;) {
        size_t n = f->text.n - f->at;
        end = n > looked ? memchr(f->text.p + f->at + looked, '\n', n - looked) : NULL;
        if (end || n > LINE_MOST)
            break;
        looked = n;
        if (!read_more(f))
            break;
    }
    if (f->error || input_stopped() || f->at == f->text.n)
        return false;
    size_t n = end ? (size_t)(end - (f->text.p + f->at)) : f->text.n - f->at;
    f->line = *line = slice_of(f->text.p + f->at, n);
    f->at += n + (end != NULL);
    f->number++;
    return true;
}

void recordfile_refuse(struct recordfile *f, const char *why)
{
    if (f->refused++ < SHOWN)
        log_line("%s line %llu: %s; it is left out", f->path, f->number, why);
}

/* ---- the first record ---- */

struct judge {
    struct records *records;
    struct recordfile *file;
};

static void take(void *context, struct exchange *x)
{
    struct judge *j = context;
    j->file->first = x->t_req0 != TIME_NONE ? x->t_req0 : x->arrival;
    records_give_back(j->records, x);
}

/* gzip, zstd, lz4, xz, bzip2. */
static bool is_compressed(struct slice line)
{
    static const struct slice magic[] = {SLICE("\x1f\x8b"), SLICE("\x28\xb5\x2f\xfd"), SLICE("\x04\x22\x4d\x18"),
                                         SLICE("\xfd"
                                               "7zXZ"),
                                         SLICE("BZh")};
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
        if (slice_starts(line, magic[i]))
            return true;
    return false;
}

static int find_first(struct recordfile *f, struct records *r)
{
    struct slice line;
    if (recordfile_next(f, &line) && is_compressed(line)) {
        log_line("%s is compressed: zcat, zstdcat, … FILE | spanwise capture --records -", f->path);
        return 3;
    }
    f->again = f->number != 0;
    while (!records_count(r) && recordfile_next(f, &line)) {
        const char *trouble = records_line(r, line);
        f->again = records_count(r);
        if (trouble)
            recordfile_refuse(f, trouble);
    }
    records_finish(r);
    if (f->error) {
        log_line("%s: %s", f->path, strerror(f->error));
        return 3;
    }
    if (records_count(r) || !f->refused)
        return 0;
    log_line("%s holds no records: one JSON object a line with at least ts, client, method, authority, target, status",
             f->path);
    return 3;
}

int recordfile_open(struct recordfile *f, const char *path, const struct hash_key *key)
{
    struct stat st;
    bool standard = strcmp(path, "-") == 0;
    *f = (struct recordfile){.path = path, .first = TIME_NONE};
    f->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st)) {
        log_line("%s: %s", path, strerror(errno));
        return 3;
    }
    f->regular = S_ISREG(st.st_mode);
    struct judge j = {.file = f};
    struct records_options o = {.key = *key, .memory = JUDGE_BYTES, .sink = {take, &j}, .not_before = TIME_NONE};
    j.records = records_new(&o);
    if (!j.records) {
        log_line("out of memory");
        return 1;
    }
    int code = find_first(f, j.records);
    records_free(j.records);
    return code;
}

void recordfile_on_wait(struct recordfile *f, void (*idle)(void *context), void *context)
{
    f->context = context;
    f->idle = idle;
}

void recordfile_close(struct recordfile *f)
{
    if (f->fd > STDIN_FILENO)
        close(f->fd);
    f->fd = -1;
    buf_free(&f->text);
}
