/* assets: the files of the page, built into the program. */
#ifndef REPORT_ASSETS_H
#define REPORT_ASSETS_H

#include "base/slice.h"

struct asset {
    const char *path, *type;
    struct slice bytes;
    char etag[24]; /* with its quotes */
};

/* NULL: no such file. */
const struct asset *assets_find(struct slice path);

#endif
