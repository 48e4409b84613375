/* floods: clients that ask for far more than all others, and the server time that a limit which rejects none of the
 * others would have spared (ALGORITHMS.md 7.5: clients above the Tukey fence, against the bucket advised for those
 * below it). Clients that a limit counts by the same field are held against each other. The bucket is replayed,
 * exactly, over the requests of who stands out. */
#ifndef ANALYSIS_FLOODS_H
#define ANALYSIS_FLOODS_H

#include "analysis/store/read.h"

enum {
    FLOODS_CLIENTS = 1 << 16,
    FLOODS_NORMAL = 5,
    FLOODS_MOST = 256
}; /* compared; needed to say what is normal; who
      stand out */

struct flood {
    uint32_t client;    /* id */
    double rate, burst; /* of the bucket that the others keep */
    uint64_t requests, rejected, rejected_us;
    double level; /* of the bucket */
    int64_t last_us;
};

/* Zero-initialise. */
struct floods {
    struct flood item[FLOODS_MOST];
    uint32_t n;
};

/* Who stands out, from the stored envelopes. False: out of memory. */
bool floods_choose(struct floods *f, struct store_reader *r);
/* NULL: this client does not stand out. */
struct flood *floods_of(struct floods *f, uint32_t client);
/* A request of it, in order. */
void floods_take(struct flood *f, int64_t at_us, uint64_t server_us);

#endif
