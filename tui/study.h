/* study: has the report made by a process of its own, since reading all exchange records may take seconds and no key
 * should wait for that. One at a time. */
#ifndef TUI_STUDY_H
#define TUI_STUDY_H

#include "tui/insight.h"

struct study {
    int64_t pid;     /* 0: none is under way */
    int done, paper; /* done: readable when it has ended; paper: what it wrote */
    int64_t began_us, took_us;
    int64_t state; /* of the DB that was studied last, or is */
};

/* Zero-initialise. Begins, if none is under way. False: no process or memory could be had. */
bool study_begin(struct study *s, const char *db, int64_t state, int64_t now_us);
/* Whether it has ended: what it found then, NULL: it failed. */
bool study_end(struct study *s, int64_t now_us, struct insight **out);
/* Ends what is under way. */
void study_stop(struct study *s);

#endif
