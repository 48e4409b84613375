/* admission: which keys are followed when there are more than memory holds (ALGORITHMS.md 3.6). While there is room,
 * all are. When there is none, the endpoint with the most keys that are not hot follows half as many from then on, and
 * so on until an eighth of the table is free. Hot keys are followed whatever their hash: those whose guaranteed count
 * among the look-ups of sampled endpoints is above the average that a row of the table stands for. */
#ifndef ANALYSIS_ADMISSION_H
#define ANALYSIS_ADMISSION_H

#include "analysis/keys.h"
#include "analysis/spacesaving.h"
#include "base/slice.h"

struct analysis;

struct admission {
    uint64_t seed;               /* of the sampling hash, which is independent of places in tables */
    struct spacesaving *popular; /* look-ups by key, of sampled endpoints; made with the first of them */
    uint64_t counted;            /* look-ups in it */
    uint32_t popular_most;
    bool sampled; /* some endpoint is */
    bool stuck;   /* nothing more can be dropped */
};

/* One request of a key. */
struct admission_visit {
    uint64_t hash;
    uint32_t row;      /* in keys, or MAP_NONE */
    uint32_t endpoint; /* as resolved */
    bool lookup;
    struct slice method, service, target;
    struct keys_operation operation;
};

void admission_init(struct admission *m, uint64_t seed, uint32_t popular_most);
/* Some endpoint is sampled. */
void admission_begin(struct admission *m);
void admission_fini(struct admission *m);
/* Drops keys until a new one with a name of so many bytes has room. False: it has none. Call between exchanges. */
bool admission_make_room(struct analysis *a, size_t name_n);
/* The row of the key, made if it is to be followed and new; MAP_NONE if it is not followed. */
uint32_t admission_row(struct analysis *a, const struct admission_visit *v);
/* How many keys this one stands for in a count of keys; 0: for none, being followed for its own sake. */
uint32_t admission_stands_for(const struct analysis *a, uint64_t hash, uint32_t endpoint);
/* The greatest level of an endpoint. */
uint32_t admission_level(const struct analysis *a);

#endif
