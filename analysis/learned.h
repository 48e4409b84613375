/* learned: what was learned of an endpoint's components, as stored, and what it means (ALGORITHMS.md 5.2 to 5.4). Pure.
 *
 * Errors are not alike: dropping a component that matters serves wrong answers, keeping one that does not costs hits.
 * So it takes no disagreement at all in so many comparisons that one in 200 is ruled out, at a level shared by all
 * dimensions that were tested. */
#ifndef ANALYSIS_LEARNED_H
#define ANALYSIS_LEARNED_H

#include "analysis/learning.h"
#include "analysis/interval.h"

struct learned_dim {
    char text[LEARN_NAME + 1];
    uint8_t kind;   /* enum part_kind */
    bool unique;    /* hardly any value came twice */
    bool varied;    /* more than one value was seen */
    uint8_t leader; /* the dimension it was tested with; itself when alone */
    uint64_t present, n, differing, near, near_same;
    uint64_t nominated; /* visits whose Vary names it */
    uint64_t seen;      /* a bit for each hash of a value */
    uint64_t first; /* the value that was there first, by which it is told whether there are more; 0: it was absent */
};

struct learned {
    uint64_t visits;
    uint64_t control_n, control_differing; /* sandwiches of equal requests */
    unsigned n;
    struct learned_dim dim[LEARN_DIMS];
};

/* False when the blob is damaged; then nothing was learned, as with an empty one. */
bool learned_read(struct learned *out, struct slice blob);
void learned_write(const struct learned *l, struct buf *out);
/* Dimensions that were compared at all: what tests share their level among. */
unsigned learned_tests(const struct learned *l);

enum learned_verdict {
    LEARNED_UNDECIDED,
    LEARNED_RELEVANT,
    LEARNED_IRRELEVANT,
    LEARNED_ALMOST,   /* disagreements, but too few to matter: never dropped */
    LEARNED_BUSTER,   /* never comes twice, and answers do not follow it: dropped on consent alone */
    LEARNED_CONSTANT, /* one value was seen */
    LEARNED_UNSTEADY, /* answers differ with it, but between equal requests hardly less */
};

struct learned_result {
    enum learned_verdict verdict;
    uint64_t n, differing; /* comparisons it stands on */
    uint64_t needed;       /* more without a difference; 0: does not apply */
    bool sure;             /* LEARNED_RELEVANT: between equal requests clearly fewer differed */
    double information;    /* bits of the content that it decides, about */
};

/* family: dimensions of all endpoints that were compared. steady: share of a key's answers within 5 s that are the
 * same. */
struct learned_result learned_judge(const struct learned *l, unsigned dim, unsigned family, double steady);
/* About how many values were seen, at most 255. */
double learned_values(const struct learned_dim *d);
const char *learned_name(enum learned_verdict v); /* "relevant", "irrelevant", ... */
const char *learned_kind(unsigned kind);          /* "query", "header", "cookie", "credential", "tenant" */

#endif
