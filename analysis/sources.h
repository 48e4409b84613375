/* sources: how much of an endpoint's evidence one client gave (ALGORITHMS.md 11.1: nobody alone decides what is
 * learned). The repeats of four clients are counted by Space-Saving (7.6): a client with more than a quarter of them is
 * always among the four, and has at least count - error. */
#ifndef ANALYSIS_SOURCES_H
#define ANALYSIS_SOURCES_H

#include "base/buf.h"

enum { SOURCES = 4 };

/* Of the evidence, what one client may give. */
#define SOURCES_MOST 0.25

struct sources {
    uint64_t n;
    struct source_count {
        uint32_t client; /* 32 bits of the pseudonym, 0: free */
        uint32_t count, error;
    } top[SOURCES];
};

void sources_add(struct sources *s, uint32_t client);
void sources_merge(struct sources *into, const struct sources *from);
/* Share of the evidence that the client with most gave, at least; 0 without evidence. */
double sources_share(const struct sources *s);
/* Share of the evidence that is too much of one client's: what is left when it is cut down to SOURCES_MOST of all that
 * counts is 1 - this. */
double sources_excess(const struct sources *s);
/* JSON: [n, [client, count, error] each]. */
void sources_write(const struct sources *s, struct buf *out);
/* False when the text is damaged; nothing is known then. */
bool sources_read(struct sources *out, struct slice text);

#endif
