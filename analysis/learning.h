/* learning: which components of a request decide its answer (ALGORITHMS.md 5.1 and 5.2). An endpoint's learner keeps up
 * to LEARN_DIMS dimensions (parameters of the query, header fields, cookies, the credential) and holds each against the
 * answers, all others equal (analysis/sandwich.h). For a claim of the credential, which is no component of its own, the
 * credential is held against the answers among those that make the same claim: whether it names the tenant.
 *
 * The identity of a request is the sum of its components' hashes, so that leaving one out is a subtraction. A component
 * that no dimension stands for takes part in the sum alone. What was shown not to matter, or never comes twice, is left
 * out of the contexts of the others, which would hardly ever come again with it; that can only add disagreements. As
 * can leaving out the address of a client without credentials. Dimensions that change together are tested together.
 *
 * What differs between equal requests, answers that have something random or that depend on what is not seen, would
 * make everything look as if it mattered. So equal requests are held against each other, too, as if a coin were one of
 * their parts: the control.
 *
 * Contexts are sampled by their hash, so that an exchange looks at two of them on average. Where all is decided, fewer
 * of them are, and fewer exchanges. */
#ifndef ANALYSIS_LEARNING_H
#define ANALYSIS_LEARNING_H

#include "analysis/sandwich.h"
#include "analysis/slab.h"
#include "base/buf.h"
#include "capture/exchange.h"

enum {
    LEARN_CONTROL = 32,
    /* in the place of a dimension */ LEARN_DIMS = 32,
    LEARN_NAME = 40,
    LEARN_SAMPLE = 32,
    LEARN_LISTS = 4,
    LEARN_NEAR_MS = 5000,
    LEARN_BURST = 256,
    LEARN_DECIDED = 4096, /* sandwiches from which on a sixteenth of the contexts will do */
    LEARN_CLEAR = 256,    /* differing ones that decide, too */
    LEARN_WAIT = 16,      /* looks at contexts whose memory is on its way */
    LEARN_LOOKS = 64      /* those of one answer more */
};

/* Some parts of a request; a repeated parameter is a part for each time. */
struct learn_parts {
    const struct part *part;
    unsigned n;
};

struct learn_visit {
    uint64_t base; /* hash of all that no part stands for: method, service, path */
    struct learn_parts parts[3];
    uint32_t content; /* not 0, unless refused */
    uint32_t now_ms;  /* modulo 2^32 */
    uint16_t list;    /* of the fields that its Vary names */
    bool refused;     /* as in sandwich.h */
};

/* What is looked at for every exchange; half a cache line. */
struct learn_row {
    uint64_t name, first; /* first: the value that was there first, 0 absent */
    uint64_t seen;        /* a bit for each hash of a value */
    uint32_t present;     /* visits with a value, saturating */
    uint32_t last;        /* value when changes were last compared */
};

/* What is looked at now and then. */
struct learn_dim {
    char text[LEARN_NAME];
    uint8_t text_n, kind;
    uint8_t sampled, sample_level; /* values whose hash has that many zero bits are counted */
    uint64_t n, differing;         /* sandwiches */
    uint64_t near, near_same;      /* answers within LEARN_NEAR_MS to another value; of them, with the same content */
    uint64_t nominated;            /* visits whose Vary named it, before this run */
    uint32_t sample[LEARN_SAMPLE];
    uint16_t times[LEARN_SAMPLE];
    uint32_t times_in_all; /* of the sample */
};

/* What most answers read and change comes first; bits are of dimensions. */
struct learner {
    uint64_t visits;                       /* that were taken */
    uint32_t looks;                        /* number of its last look */
    uint8_t n, barren_level, level;        /* level: of 2 to the power of it contexts one is looked at */
    uint32_t varied, out, unique, settled; /* settled: not unique */
    uint32_t tested, alone;                /* alone: in no group, and no claim */
    uint32_t decided;                      /* by so many sandwiches that fewer will do */
    uint32_t coded;                        /* chooses the content-coding */
    uint32_t claims, credentials;          /* credentials: and what changes with it */
    uint32_t barren;                       /* contexts of late that were not there, less those that were */
    uint32_t unlisted;                     /* visits with a list of Vary that is none of these */
    uint16_t list[LEARN_LISTS];            /* the first ones seen; 0: none */
    uint32_t listed[LEARN_LISTS];          /* visits by list */
    uint64_t control_n, control_differing; /* sandwiches of equal requests: what differs by itself */
    uint64_t fewest;                       /* sandwiches of a dimension that is not decided, when last looked */
    uint8_t index[64] __attribute__((aligned(64)));
    struct learn_row row[LEARN_DIMS];
    uint32_t dim[LEARN_DIMS];                   /* rows of the slab */
    uint32_t group[LEARN_DIMS];                 /* tested together with; 0: in the group of another */
    uint16_t changed[LEARN_DIMS];               /* comparisons in which it had changed */
    uint16_t both[LEARN_DIMS * LEARN_DIMS / 2]; /* ... in which two had, by pair */
    uint64_t candidate;                         /* a name that there is no room for, by majority */
    uint32_t candidate_count, next_free;
};

/* Of a learner, whether it takes the next visit; for all of them in few lines, since that is asked for every answer. */
struct learn_turn {
    uint32_t asked; /* visits while it rests */
    bool rests;     /* all is decided: an eighth of the visits is taken, in bursts */
};

/* A look at a context that waits for its memory. */
struct learn_look {
    struct learner *learner;
    struct sandwich_visit visit;
    uint8_t dim;
};

struct learning {
    struct slab learners, turns, dims; /* row 0 is none; turns: of learners */
    uint32_t free_learner, free_dim;
    struct sandwich *table;
    uint32_t mask;                       /* places - 1 */
    bool full;                           /* every context is looked at, whatever it costs */
    uint64_t refused;                    /* endpoints without a learner, for want of room */
    struct learn_look look[LEARN_LOOKS]; /* a ring, by number */
    uint32_t looks, looked, expected;    /* how many there were; were done; have their memory on its way */
};

/* Room for so many; places is a power of two. */
bool learning_init(struct learning *l, uint32_t learners, uint32_t dims, uint32_t places);
void learning_fini(struct learning *l);

static inline struct learner *learning_at(const struct learning *l, uint32_t row)
{
    return (struct learner *)(void *)l->learners.base + row;
}

static inline struct learn_dim *learning_dim(const struct learning *l, const struct learner *r, unsigned i)
{
    return (struct learn_dim *)(void *)l->dims.base + r->dim[i];
}

static inline uint64_t learning_bytes(const struct learning *l)
{
    return slab_bytes(&l->learners) + slab_bytes(&l->turns) + slab_bytes(&l->dims) +
           (l->learners.used > 1 ? l->mask + 1 : 0) * sizeof *l->table;
}

/* A new learner; 0 when there is no room. */
uint32_t learning_open(struct learning *l);
void learning_close(struct learning *l, uint32_t row);

static inline struct learn_turn *learning_turn(const struct learning *l, uint32_t row)
{
    return (struct learn_turn *)(void *)l->turns.base + row;
}

/* Whether the next answer should be shown to it. */
static inline bool learning_wants(const struct learning *l, uint32_t row)
{
    struct learn_turn *t = learning_turn(l, row);
    return !t->rests || t->asked++ % (8 * LEARN_BURST) < LEARN_BURST;
}

/* Asks for what most answers change, if it will be shown the next one. */
static inline void learning_prefetch(const struct learning *l, uint32_t row)
{
    const struct learn_turn *t = learning_turn(l, row);
    if (!t->rests || t->asked % (8 * LEARN_BURST) < LEARN_BURST)
        prefetch_lines(learning_at(l, row), offsetof(struct learner, row[LEARN_DIMS / 8]));
}

/* One answer. The looks that it takes are done later, when their memory has come, in order; before the next answer of
 * the same learner. */
void learning_visit(struct learning *l, uint32_t row, const struct learn_visit *v);
/* Does the looks that wait; before anything is read. */
void learning_settle(struct learning *l);
/* Adds the sums of another; what cannot be added is dropped. */
void learning_merge(struct learning *l, uint32_t into, uint32_t from);

/* Whether a list of Vary names a field. */
typedef bool learn_names(const void *context, uint16_t list, struct slice field);

/* A blob; see learned.h for reading it. */
void learning_write(const struct learning *l, uint32_t row, learn_names *names, const void *context, struct buf *out);

struct learned;
/* Goes on from what was stored; row is new. */
void learning_load(struct learning *l, uint32_t row, const struct learned *from, const struct hash_key *key);

#endif
