/* files: the merge. A file stays the current one while its frames are older than `limit`, the least time that any other
 * file can give next, so that the common cases (one file, or rotated ones) compare once a frame. */
#include "capture/files.h"

#include <stdio.h>
#include <stdlib.h>

enum file_state {
    FILE_CLOSED, /* seen up to its first frame; opened again when its time comes */
    FILE_OPEN,   /* head is its next frame, unless it is the current file */
    FILE_DONE,
};

struct file {
    char *path;
    enum file_state state;
    int64_t due; /* time of its next frame */
    uint64_t size, consumed;
    struct frame head;
    struct savefile save;
};

struct files {
    struct file *file; /* n of them, as named */
    uint32_t *order;   /* by first frame; [0, opened) have been opened */
    uint32_t *open;    /* n_open that are FILE_OPEN */
    uint32_t n, opened, n_open;
    struct file *current; /* the one whose frame was handed out last, NULL: choose */
    int64_t limit;
    const struct stream_wait *wait;
    struct tls_keys *secrets;
    char fault[512];
};

static void blame(struct files *all, const struct file *file, const char *why)
{
    snprintf(all->fault, sizeof all->fault, "%s: %s", strcmp(file->path, "-") ? file->path : "standard input", why);
}

/* Whether a comes before b: earlier, or as early and named first. */
static bool before(const struct file *a, const struct file *b)
{
    return a->due != b->due ? a->due < b->due : a < b;
}

/* Reads the next frame into head. */
static enum savefile_result advance(struct file *file)
{
    enum savefile_result r = savefile_next(&file->save, &file->head);
    file->due = file->head.ts;
    return r;
}

static void finish(struct files *all, struct file *file)
{
    file->consumed = file->save.in.consumed;
    file->state = FILE_DONE;
    savefile_close(&file->save);
    for (uint32_t i = 0; i < all->n_open; i++)
        if (&all->file[all->open[i]] == file)
            all->open[i] = all->open[--all->n_open];
    if (all->current == file)
        all->current = NULL;
}

static void enter(struct files *all, struct file *file)
{
    file->state = FILE_OPEN;
    all->open[all->n_open++] = (uint32_t)(file - all->file);
}

/* Opens the file a second time. False: damage; it was readable before. */
static bool reopen(struct files *all, struct file *file)
{
    if (file->state != FILE_CLOSED)
        return true;
    if (savefile_open(&file->save, file->path, all->wait, all->secrets)) {
        enter(all, file);
        if (advance(file) == SAVEFILE_FRAME)
            return true;
        finish(all, file);
    }
    file->state = FILE_DONE;
    blame(all, file, file->save.fault[0] ? file->save.fault : "changed while it was read");
    return false;
}

/* The oldest head among the open files and, when there are several, the second oldest. */
static void two_oldest(const struct files *all, struct file *two[2])
{
    two[0] = two[1] = NULL;
    for (uint32_t i = 0; i < all->n_open; i++) {
        struct file *file = &all->file[all->open[i]];
        if (!two[0] || before(file, two[0])) {
            two[1] = two[0];
            two[0] = file;
        } else if (!two[1] || before(file, two[1])) {
            two[1] = file;
        }
    }
}

/* Hands out the oldest head; opens files whose first frame is older than any. */
static enum savefile_result choose(struct files *all, struct frame *f)
{
    struct file *two[2], *unopened;
    for (;;) {
        two_oldest(all, two);
        unopened = all->opened < all->n ? &all->file[all->order[all->opened]] : NULL;
        if (!unopened || (two[0] && before(two[0], unopened)))
            break;
        all->opened++;
        if (!reopen(all, unopened))
            return SAVEFILE_DAMAGED;
    }
    if (!two[0])
        return SAVEFILE_END;
    all->limit = two[1] ? two[1]->due : INT64_MAX;
    if (unopened && unopened->due < all->limit)
        all->limit = unopened->due;
    all->current = two[0];
    *f = two[0]->head;
    return SAVEFILE_FRAME;
}

enum savefile_result files_next(struct files *all, struct frame *f)
{
    struct file *file = all->current;
    if (!file)
        return choose(all, f);
    enum savefile_result r = savefile_next(&file->save, f);
    if (__builtin_expect(r == SAVEFILE_FRAME && f->ts < all->limit, 1))
        return SAVEFILE_FRAME;
    if (r == SAVEFILE_FRAME) {
        file->head = *f;
        file->due = f->ts;
    } else {
        finish(all, file);
        if (r == SAVEFILE_DAMAGED) {
            blame(all, file, file->save.fault);
            return r;
        }
    }
    all->current = NULL;
    return choose(all, f);
}

unsigned files_more(struct files *all, struct frame *f, unsigned most)
{
    return all->current ? savefile_more(&all->current->save, f, most, all->limit) : 0;
}

/* Up to the first frame. Regular files are then closed again when there are others, for who knows how many. */
static bool probe(struct files *all, struct file *file)
{
    if (!savefile_open(&file->save, file->path, all->wait, all->secrets)) {
        blame(all, file, file->save.fault);
        return false;
    }
    file->size = file->save.in.size;
    enum savefile_result r = advance(file);
    if (r == SAVEFILE_DAMAGED) {
        blame(all, file, file->save.fault);
        savefile_close(&file->save);
        return false;
    }
    enter(all, file);
    if (r == SAVEFILE_END) {
        finish(all, file);
    } else if (all->n > 1 && file->save.in.regular && strcmp(file->path, "-") != 0) {
        finish(all, file);
        file->state = FILE_CLOSED;
        file->consumed = 0;
    }
    return true;
}

static int by_due(const void *a, const void *b, void *files)
{
    const struct file *x = &((struct file *)files)[*(const uint32_t *)a];
    const struct file *y = &((struct file *)files)[*(const uint32_t *)b];
    return before(x, y) ? -1 : before(y, x);
}

/* The files that are to be opened again, oldest first. */
static void sort_closed(struct files *all)
{
    uint32_t closed = 0;
    for (uint32_t i = 0; i < all->n; i++)
        if (all->file[i].state == FILE_CLOSED)
            all->order[closed++] = i;
    qsort_r(all->order, closed, sizeof *all->order, by_due, all->file);
    all->opened = all->n - closed;
    memmove(all->order + all->opened, all->order, closed * sizeof *all->order);
}

static struct files *files_new(const char *const paths[], size_t n, const struct stream_wait *wait)
{
    struct files *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    *all = (struct files){.n = (uint32_t)n, .wait = wait};
    all->file = calloc(n, sizeof *all->file);
    all->order = calloc(n, sizeof *all->order);
    all->open = calloc(n, sizeof *all->open);
    bool good = all->file && all->order && all->open;
    for (size_t i = 0; good && i < n; i++) {
        all->file[i].state = FILE_DONE;
        all->file[i].path = strdup(paths[i]);
        good = all->file[i].path != NULL;
    }
    if (good)
        return all;
    files_close(all);
    return NULL;
}

struct files *files_open(const char *const paths[], size_t n, const struct stream_wait *wait, struct tls_keys *secrets,
                         char *why, size_t why_n)
{
    struct files *all = n && n < UINT32_MAX ? files_new(paths, n, wait) : NULL;
    if (all)
        all->secrets = secrets;
    if (!all) {
        snprintf(why, why_n, n ? "out of memory" : "no capture file");
        return NULL;
    }
    for (uint32_t i = 0; i < all->n; i++) {
        if (probe(all, &all->file[i]))
            continue;
        snprintf(why, why_n, "%s", all->fault);
        files_close(all);
        return NULL;
    }
    sort_closed(all);
    return all;
}

void files_close(struct files *all)
{
    if (!all)
        return;
    while (all->n_open)
        finish(all, &all->file[all->open[0]]);
    for (uint32_t i = 0; all->file && i < all->n; i++)
        free(all->file[i].path);
    free(all->file);
    free(all->order);
    free(all->open);
    free(all);
}

const char *files_fault(const struct files *all)
{
    return all->fault;
}

void files_progress(const struct files *all, uint64_t *done, uint64_t *total)
{
    bool known = true;
    *done = *total = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        const struct file *file = &all->file[i];
        *done += file->state == FILE_OPEN ? file->save.in.consumed : file->consumed;
        *total += file->size;
        known = known && file->size;
    }
    if (!known)
        *total = 0;
}

void files_drops(const struct files *all, uint64_t *kernel, uint64_t *interface)
{
    for (uint32_t i = 0; i < all->n; i++) {
        *kernel += all->file[i].save.dropped[0];
        *interface += all->file[i].save.dropped[1];
    }
}

uint64_t files_mistimed(const struct files *all)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < all->n; i++)
        n += all->file[i].save.mistimed;
    return n;
}
