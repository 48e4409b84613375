/* writer: the thread that owns the connection. It writes blocks as they are closed and commits a batch at most once a
 * second. Internal to the store; all calls come from the analyzer's thread. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "analysis/store/batch.h"
#include "analysis/store/connect.h"
#include "base/buf.h"

/* The bytes of a closed block, or of the open one as it is now, on their way to the writer. */
struct parcel {
    struct parcel *next;
    int64_t id, first_us, last_us;
    uint32_t n;
    struct buf raw;
};

struct writer;

/* Takes the connection over (also when it fails). NULL: `why` says it. */
struct writer *writer_start(struct connection *c, const struct store_options *o, char why[256]);
/* The next block's id. */
int64_t writer_first_block(const struct writer *w);

/* A parcel to fill, used before where there is one. NULL: out of memory. */
struct parcel *writer_parcel(struct writer *w);
/* A closed block. When too many wait: offline until there is room, live the oldest is dropped. */
void writer_block(struct writer *w, struct parcel *p);
/* Counts a block that was lost on the way. */
void writer_drop(struct writer *w);

/* The writer is idle and the last commit began at least a second ago. */
bool writer_wants(const struct writer *w);
/* No commit is running or waiting. */
bool writer_idle(struct writer *w);
/* Swaps *filled with an empty batch and commits it, with the blocks handed over before and the open one (or NULL).
 * Waits while another commit runs. */
void writer_submit(struct writer *w, struct batch *filled, struct parcel *open);

const char *writer_failure(const struct writer *w); /* NULL, or why nothing more can be written; sticky */
uint64_t writer_dropped(struct writer *w);
/* Waits for the last commit, leaves WAL mode; as store_close. Frees w. */
bool writer_end(struct writer *w, char why[256]);

#endif
