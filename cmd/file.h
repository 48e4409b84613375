/* file: a file that an option names, read whole. */
#ifndef CMD_FILE_H
#define CMD_FILE_H

#include <stdbool.h>

#include "base/buf.h"

enum { FILE_MOST = 16 << 20 };

/* Appends the file and a NUL that is part of the buffer. False: printed, with the option's name; also of a file that is
 * larger than FILE_MOST. */
bool file_read(const char *option, const char *path, struct buf *out);

#endif
