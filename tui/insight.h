/* insight: what the report tells beyond the rows of the DB: bottlenecks, what ties clients to a server, how clients
 * behave, and the tables of its other lists. Read from the report's own JSON (CONTRACT section 4), so that a number
 * here is the number there, and a list that is not there is not here. Owns its text. */
#ifndef TUI_INSIGHT_H
#define TUI_INSIGHT_H

#include "tui/kept.h"

enum { INSIGHT_SIGNALS = 12, INSIGHT_SLOTS = 64, INSIGHT_COLUMNS = 12, INSIGHT_CURVES = 32 };

struct insight_hurt {
    uint32_t id, rank, endpoint; /* id: of what it says of whom; endpoint 0: not of one */
    struct slice client;         /* of one; empty: not */
    struct slice kind, says, target, why, action, name;
    struct slice place; /* the target without http:// */
    double seconds_per_hour, confidence;
    uint64_t seen;
    unsigned effort;
};

enum tied { TIED_UNKNOWN, TIED_NOT, TIED };

struct insight_signal {
    struct slice number, means, says;
    enum tied state;
    unsigned deducted;
    uint64_t n;
};

/* Of an endpoint. */
struct insight_ties {
    uint32_t id;
    struct slice grade;            /* "A"; empty: too little was seen */
    struct slice name, by, untold; /* numbers of the signals, "S1 S5" */
    double score;
    uint64_t requests, clients, servers, least;
    struct insight_signal signal[INSIGHT_SIGNALS];
    unsigned signals;
};

struct insight_client {
    struct slice client, says; /* a line each */
    struct slice by, not_advised;
    double rate, burst, needs;  /* the limit for all like it; NaN: none */
    double own_rate, own_burst; /* for it alone */
    bool turned_away;
    int64_t from_s, step_s; /* requests over time, in slots */
    unsigned slots;
    uint64_t slot[INSIGHT_SLOTS];
};

struct insight_head {
    struct slice title;
    bool number; /* at the right end */
};

/* A list of the report as a table of text; order: of the screen. */
struct insight_sheet {
    struct slice title, says;
    struct insight_head head[INSIGHT_COLUMNS];
    unsigned columns, order;
    struct slice *cell; /* row by row */
    uint32_t rows;
};

/* How throughput rises with what is under way at once (the universal scalability law). */
struct insight_curve {
    struct slice name;
    double gamma, sigma, kappa, knee, limit, peak; /* limit: throughput at most; peak: concurrency that was seen */
};

struct insight {
    struct insight_hurt *hurt;
    struct insight_ties *ties;     /* most requests first */
    uint32_t *ties_by_id;          /* places in it */
    struct insight_client *client; /* in the order of their names */
    struct insight_sheet *sheet;
    struct insight_curve curve[INSIGHT_CURVES];
    uint32_t hurts, n_ties, clients, sheets;
    unsigned curves;
    bool records; /* there are exchange records: without them much is not known */
    struct kept text;
};

/* NULL: that is no report, or out of memory. */
struct insight *insight_read(struct slice json);
void insight_free(struct insight *i);
const struct insight_client *insight_client(const struct insight *i, struct slice client); /* NULL: not there */
const struct insight_ties *insight_ties(const struct insight *i, uint32_t endpoint);
/* Throughput at this concurrency. */
double insight_throughput(const struct insight_curve *c, double concurrency);

#endif
