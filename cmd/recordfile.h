/* recordfile: the lines of a file of exchange records, or of a pipe that gives them as slowly as life. It is read up to
 * its first record before anything else is touched, so that what holds none costs nobody an audit. */
#ifndef CMD_RECORDFILE_H
#define CMD_RECORDFILE_H

#include "base/buf.h"
#include "base/hash.h"

struct recordfile {
    const char *path;
    int fd, error; /* error: why reading ended early, an errno; 0: it did not */
    bool regular, over;
    struct buf text;
    size_t at;                          /* unread bytes of text begin here */
    unsigned long long number, refused; /* of lines so far */
    bool again;                         /* the line handed out last is to be handed out once more */
    struct slice line;
    int64_t first; /* microseconds: when the first record begins; TIME_NONE: there is none */
    void (*idle)(void *context);
    void *context;
};

/* "-" is stdin. Reads up to the first record; lines before it that are none are refused. Returns an exit code: 3 is for
 * what cannot be read, or holds lines and no record among them (printed). An empty file is one without records, and
 * good. `key`: as for the analysis. Close it in any case. */
int recordfile_open(struct recordfile *f, const char *path, const struct hash_key *key);
/* idle is called, within recordfile_next, whenever a pipe gives nothing, and then every 100 ms; NULL: nobody. */
void recordfile_on_wait(struct recordfile *f, void (*idle)(void *context), void *context);
/* The next line, valid until the next call. False: the end, a signal, or trouble (f->error). */
bool recordfile_next(struct recordfile *f, struct slice *line);
/* The line handed out last is no record: says so, with its number. */
void recordfile_refuse(struct recordfile *f, const char *why);
void recordfile_close(struct recordfile *f);

#endif
