/* whatifshow: what a replay found, as text for a person or as JSON (CONTRACT section 6). */
#ifndef CMD_WHATIFSHOW_H
#define CMD_WHATIFSHOW_H

#include "analysis/replay.h"
#include "base/human.h"

struct whatifshow {
    const char *spec; /* as the user wrote it; NULL: no limit */
    struct limit limit;
    enum replay_per per;
    uint64_t capacity; /* bytes of each cache; 0: as many as it needs */
    const char *key;   /* as the user wrote it; NULL: the whole target */
    unsigned top;      /* rows of a table in text */
};

void whatifshow_text(const struct whatifshow *c, const struct replay_options *o, const struct replay *p,
                     struct buf *out);
void whatifshow_json(const struct whatifshow *c, const struct replay_options *o, const struct replay *p,
                     struct buf *out);

#endif
