/* files: several capture files as one, in order of time: always the frame with the least time among the next of each
 * (ties: the file named first). Files that do not overlap are open one at a time, however many there are. */
#ifndef CAPTURE_FILES_H
#define CAPTURE_FILES_H

#include "capture/savefile.h"

struct files;

/* Opens every path and reads it up to its first frame, so that what is no capture, or damaged before its first frame,
 * is refused before anything is analysed. NULL with one line in why (why_n bytes). wait: see stream.h; secrets takes
 * what secrets blocks hold, NULL: nobody. */
struct files *files_open(const char *const paths[], size_t n, const struct stream_wait *wait, struct tls_keys *secrets,
                         char *why, size_t why_n);
void files_close(struct files *all);
/* The next frame, valid until the next call. SAVEFILE_DAMAGED: one file ends here, files_fault says which and why; call
 * on. */
enum savefile_result files_next(struct files *all, struct frame *f);
/* Up to `most` frames more, as far as they can be had at once; all since the last call of files_next stay valid until
 * the next. */
unsigned files_more(struct files *all, struct frame *f, unsigned most);
const char *files_fault(const struct files *all);
/* Bytes read of all files and their size; total is 0 when one of them has none (a pipe). */
void files_progress(const struct files *all, uint64_t *done, uint64_t *total);
/* Adds packets that the system or an interface lost while they were captured, as the files have said so far. */
void files_drops(const struct files *all, uint64_t *kernel, uint64_t *interface);
/* Frames so far whose time was astray (savefile.h). */
uint64_t files_mistimed(const struct files *all);

#endif
