/* checkup: what `doctor` found out about one interface or file, and how it is shown. */
#ifndef CMD_CHECKUP_H
#define CMD_CHECKUP_H

#include "base/buf.h"
#include "capture/mirror.h"
#include "capture/tally.h"
#include "capture/watch.h"

struct checkup {
    const char *source;
    bool live, opened;
    double seconds; /* live: how long it was looked at; of a file its length */
    struct capture_stats stats;
    struct watch watch;
    struct tally tally;
    uint64_t exchanges, requests, answers, orphans, unanswered;
    uint64_t protocols[PROTO_COUNT];
    bool keys;
    char damage[640]; /* where a file broke off; empty: nowhere */
    struct mirror_finding found[MIRROR_CHECKS];
    size_t n;
};

/* Fills found. now_us: the clock. */
void checkup_judge(struct checkup *c, bool denied, bool down, int64_t now_us);
/* A screen of text, lines of at most `width` columns. */
void checkup_text(const struct checkup *c, unsigned width, struct buf *out);
/* One JSON object; `all`: n of them. */
void checkup_json(const struct checkup *all, size_t n, struct buf *out);

#endif
