/* backends: the servers behind each service, side by side: what each was given, how it answered, whether it is slower
 * or fails more than the others do for the same requests, and whether its connections are used again. Calls come in
 * order of arrival, from the exchange records. A server that passes requests on to others of its service is no peer of
 * theirs. Bounded: what finds no room is counted. */
#ifndef ANALYSIS_BACKENDS_H
#define ANALYSIS_BACKENDS_H

#include "base/hist.h"

enum {
    BACKENDS_MOST = 4096,
    BACKENDS_CELLS = 1 << 16, /* pairs of server and endpoint */
    BACKENDS_CONNS = 1 << 19, /* connections */
    BACKENDS_HOSTS = 1 << 17, /* pairs of service and client address */
    BACKENDS_KEEP_S = 60,     /* an idle connection is worth keeping so long */
    BACKENDS_FEW = 30         /* requests that a comparison stands on, at least */
};

struct backends_call {
    uint32_t service, server, endpoint, address; /* number; ids; server not 0 */
    uint32_t client_host, server_host, conn;     /* 0: unknown */
    uint32_t client_network, server_network;     /* numbers; the client's: where no more of it is known, else 0 */
    int64_t start_us, end_us;
    int64_t server_us, rtt_us; /* rtt_us: client to server and back, of what is known; -1: unknown */
    bool failed, unanswered, tls;
};

/* Beside the others of its service, request for request: of each endpoint what the others need for it is expected.
 * Differences are in standard deviations of their sum. */
struct backend_beside {
    uint64_t n;                   /* requests that could be compared */
    double time_s, expected_s, z; /* server time; excess is the difference */
    double failed, expected_failed, z_failed;
    bool slow, bad; /* time: 1.25 times and 4 deviations; failures: twice, 5 more, 4 deviations */
};

struct backend {
    uint64_t hash;
    uint32_t service, server, host, network;
    bool relay;  /* passes requests on to others of its service */
    bool unsure; /* whether it does is not known: it may be who asks the others, known by a network alone */
    bool vague;  /* of some that opened connections no more is known than their network: reopened is unknown */
    uint64_t requests, failed, unanswered;
    uint64_t failed_us;              /* server time of those */
    uint64_t connections, used_once; /* connections, and those of one request; what is numbered */
    uint64_t reopened, reopened_us;  /* soon after the same address had let one go; the handshakes' round trips */
    int64_t first_us, last_us;
    struct hist server_time;
    struct backend_beside beside;
};

/* A service's servers: rows from..from + n of the list after backends_end. */
struct backend_group {
    uint32_t service, from, n;
    uint32_t peers;    /* that do not pass requests on; 0 when unsure */
    uint64_t requests; /* of the peers; when unsure of all that may be */
    double imbalance;  /* share of the one with most, as a multiple of the even one; NaN: fewer than two */
    bool unsure;       /* of one of them it is not known whether it passes requests on: they are not compared */
    bool uneven;       /* 1.5 and more, 4 deviations of even dice, all there from beginning to end */
};

struct backends;

struct backends *backends_new(void); /* NULL: out of memory */
void backends_free(struct backends *b);
void backends_add(struct backends *b, const struct backends_call *c);
/* It was seen to pass a request on to another server of the service. */
void backends_relays(struct backends *b, uint32_t service, uint32_t server);
/* Judges; what the functions below give is whole then. */
void backends_end(struct backends *b);

const struct backend *backends_list(const struct backends *b, uint32_t *n); /* by service, most requests first */
const struct backend_group *backends_groups(const struct backends *b, uint32_t *n); /* most requests first */
void backends_time(const struct backends *b, const struct backend *of, struct hist_dense *out);
uint64_t backends_untracked(const struct backends *b);
/* Whether it was given nothing more while its peers were: for a minute at least, and for longer than chance has it. */
bool backends_left(const struct backends *b, const struct backend_group *g, const struct backend *of);

#endif
