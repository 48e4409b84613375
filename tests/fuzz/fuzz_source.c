/* Fuzzes the readers of capture files: the input is the file. Sums the frames, so that a pointer that is not borrowed
 * from readable memory is seen, and bounds what one file may make of itself. Build with -DSTREAM_WINDOW=16384: a full
 * window costs ten times the rest, and a small one is refilled more often. */
#include "capture/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FRAMES_MAX = 20000 }; /* what expands a thousandfold would only be slow */

static volatile uint32_t sink;

static void touch(const struct frame *f)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < f->n; i++)
        sum += f->data[i];
    for (uint32_t i = 0; f->soon && i < f->soon_n; i++)
        sum += f->soon[i];
    sink = sum;
    if (f->wire_n < f->n)
        abort();
}

static void drain(struct source *s)
{
    struct frame f;
    enum source_event event = SOURCE_FRAME;
    for (unsigned i = 0; i < FRAMES_MAX && event != SOURCE_END; i++) {
        event = source_next(s, &f);
        if (event == SOURCE_FRAME)
            touch(&f);
        else if (event == SOURCE_DAMAGE && !*source_message(s))
            abort();
        else if (event == SOURCE_TICK || event == SOURCE_FAILED)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int fd = -1;
    struct source_error error = {0};
    char path[32];
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (ftruncate(fd, 0) || pwrite(fd, data, n, 0) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const char *const paths[] = {path, path};
    struct hash_key key = hash_key_from("0123456789abcdef", 16);
    struct tls_keys *keys = tls_keys_new(&key);
    struct source *s = source_open_files(paths, n % 2 + 1, keys, &error); /* alone, or merged with itself */
    if (!s && (!error.text[0] || error.exit_code != 3))
        abort();
    if (s)
        drain(s);
    source_close(s);
    tls_keys_free(keys);
    return 0;
}
