#include "cmd/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

bool file_read(const char *option, const char *path, struct buf *out)
{
    char block[4096];
    FILE *in = fopen(path, "re");
    for (size_t n; in && out->n <= FILE_MOST && (n = fread(block, 1, sizeof block, in));)
        buf_add(out, block, n);
    bool ok = in && !ferror(in) && !out->failed;
    if (!ok)
        log_line("--%s %s: %s", option, path, strerror(errno));
    if (ok && out->n > FILE_MOST) {
        log_line("--%s %s: larger than %d MiB", option, path, FILE_MOST >> 20);
        ok = false;
    }
    if (in)
        fclose(in);
    buf_char(out, 0);
    return ok;
}
