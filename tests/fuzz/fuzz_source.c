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

static uint64_t sum_of(const struct frame *f, uint64_t sum)
{
    for (uint32_t i = 0; i < f->n; i++)
        sum += f->data[i];
    if (f->wire_n < f->n)
        abort();
    return (sum + (uint64_t)f->ts) * 31 + f->wire_n + f->link;
}

/* Of all frames, up to `most` more at a time. */
static uint64_t drain(struct source *s, unsigned most)
{
    struct frame f[32];
    enum source_event event = SOURCE_FRAME;
    uint64_t sum = 0;
    for (unsigned i = 0; i < FRAMES_MAX && event != SOURCE_END; i++) {
        event = source_next(s, f);
        unsigned n = event == SOURCE_FRAME ? 1 + source_more(s, f + 1, i + most < FRAMES_MAX ? most : 0) : 0;
        for (unsigned k = 0; k < n; k++)
            sum = sum_of(&f[k], sum);
        i += n ? n - 1 : 0;
        if (event == SOURCE_DAMAGE && !*source_message(s))
            abort();
        else if (event == SOURCE_TICK || event == SOURCE_FAILED)
            abort();
    }
    return sum;
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
    uint64_t sum[2] = {0};
    for (unsigned i = 0; i < 2; i++) { /* one frame at a time and many: the same */
        struct source *s = source_open_files(paths, n % 2 + 1, keys, &error); /* alone, or merged with itself */
        if (!s && (!error.text[0] || error.exit_code != 3))
            abort();
        if (s)
            sum[i] = drain(s, i * (unsigned)(1 + n % 31));
        source_close(s);
    }
    if (sum[0] != sum[1])
        abort();
    tls_keys_free(keys);
    return 0;
}
