/* stateless: what ties clients to a server, from what was counted of an endpoint: ten signals, each with its evidence,
 * and a grade from A to E (ALGORITHMS.md 9). Pure. A signal that cannot be told is undetermined and says what is
 * wanting; it takes nothing off, but for S2. */
#ifndef ANALYSIS_STATELESS_H
#define ANALYSIS_STATELESS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/exchange.h"

enum stateless_signal {
#define SIGNAL(id, name, deducts, says) STATELESS_##id,
#include "analysis/stateless.def"
#undef SIGNAL
    STATELESS_SIGNALS
};

enum {
    STATELESS_BACKENDS = 16,  /* of an endpoint that are told apart */
    STATELESS_REQUESTS = 100, /* for a grade, at least */
    STATELESS_CLIENTS = 5,
    STATELESS_UNCHANGED = 100, /* gaps that show that a GET changes nothing */
    STATELESS_FEW = 30,        /* pairs, moves, requests for a signal, at least */
};

/* How many, and how many of them failed (or differed, or stayed). */
struct stateless_share {
    uint64_t n, k;
};

/* Of an endpoint. Requests are those with a record; clients of `(other)` are nobody. */
struct stateless_seen {
    uint64_t requests, clients, answers;
    uint64_t sets_session;               /* answers that set a session cookie by its name */
    uint64_t kind[IDENTITY_COUNT];       /* requests by who asks */
    uint64_t with_cookie, in_url;        /* requests with a Cookie; with a session in their URL */
    uint64_t stays;                      /* WebSockets, and answers of server-sent events */
    bool reads;                          /* the method is safe and its answers are compared */
    struct stateless_share content;      /* sandwiched answers with and without cookies, all else equal; that differ */
    struct stateless_share class;        /* the same, by the class of their status alone */
    uint32_t server[STATELESS_BACKENDS]; /* 0: free */
    uint64_t served[STATELESS_BACKENDS], elsewhere; /* requests by backend; of further ones */
    struct stateless_share pairs; /* requests of a client in a row on different connections; on the same backend */
    uint64_t same_connection;     /* those that were on one, or where it is not known */
    struct stateless_share moved, stayed;   /* requests away from the backend that last served the session well, and at
                                               it; that failed */
    struct stateless_share before, without; /* S7: with another endpoint's success in the 10 minutes before, and without
                                               one; that failed. Of the pair that differs most */
    uint32_t prior;                         /* that endpoint */
    struct {
        uint64_t n; /* gaps between answers of `reader` with this GET in them and nothing else that is bound to it */
        double precision, base, z; /* share that a change ended; the same of gaps without it; of the difference */
        uint32_t reader;           /* the endpoint whose answers it changes most */
        bool proven;
    } changes; /* S8 */
};

/* What sharing says of the endpoint's answers (ALGORITHMS.md 5.3). */
enum stateless_replay {
    STATELESS_REPLAY_UNKNOWN,
    STATELESS_REPLAY_SAME,
    STATELESS_REPLAY_TENANTS,
    STATELESS_REPLAY_DIFFERS
};

enum stateless_state { STATELESS_UNDETERMINED, STATELESS_FREE, STATELESS_TIED };

struct stateless_result {
    enum stateless_state state;
    uint64_t n;   /* what it stands on */
    double value; /* share, kappa or excess; NaN: none */
    char says[96];
    uint32_t endpoint; /* the one that `says` calls "endpoint N"; 0: none */
};

struct stateless_grade {
    struct stateless_result signal[STATELESS_SIGNALS];
    int score;
    char grade;        /* 'A'..'E'; 0: too little was seen */
    uint64_t evidence; /* the weakest n among the signals that decided; 0: none did */
};

/* How many servers have a share of the requests that counts. */
unsigned stateless_backends(const struct stateless_seen *s);
void stateless_judge(const struct stateless_seen *s, enum stateless_replay replay, struct stateless_grade *out);
char stateless_letter(double score);
const char *stateless_name(enum stateless_signal s);   /* "session_set", ... */
const char *stateless_number(enum stateless_signal s); /* "S1", ... */
const char *stateless_says(enum stateless_signal s);   /* what it is when tied */
int stateless_deducts(enum stateless_signal s, enum stateless_state state);
/* Whether a target carries a session: PHPSESSID, sid, jsessionid or the like as a parameter of path or query. */
bool stateless_in_url(struct slice target);
/* z of the difference of two shares, a's less b's; 0: one is empty. */
double stateless_z(struct stateless_share a, struct stateless_share b);

#endif
