/* analysis: exchanges in arrival order become facts, facts become rows for the store. One thread. The same exchanges
 * give the same rows, whenever they are written. Memory stays under options.memory; what does not fit is counted in the
 * totals *_overflow. */
#ifndef ANALYSIS_ANALYSIS_H
#define ANALYSIS_ANALYSIS_H

#include "analysis/ignore.h"
#include "analysis/knownroutes.h"
#include "analysis/restore.h"
#include "analysis/store/store.h"
#include "base/idorder.h"
#include "capture/exchange.h"

struct analysis_options {
    const struct hash_key *key; /* copied */
    bool fleeting;              /* it is of this run alone, and nothing to know the audit by */
    uint64_t memory;            /* bytes, the analysis' own share; below 8 MiB the bounds are tight but it works */
    uint64_t memory_ceiling;    /* of the whole program, for the report */
    bool clients_by_address;    /* a client is an address, whatever it presents */
    bool names;                 /* clients' names are kept */
    struct idorder order;       /* by what capture told clients apart; it is kept with the audit */
    bool strict_templates;      /* routes depend on the set of paths alone */
    const struct knownroutes *routes; /* asked before inference; borrowed; NULL: none */
    const struct ignore *ignore;      /* counted, not analysed; borrowed; NULL: nothing */
    bool live, from_records;
    const char *sources;                                         /* JSON list of text; borrowed */
    void (*record)(void *context, const struct row_exchange *x); /* sees what the store is given; NULL: nobody */
    void *context;
};

struct analysis;

enum { ANALYSIS_TOGETHER = 32 }; /* exchanges that are best taken at once */

/* store NULL: nothing is written. NULL: out of memory. */
struct analysis *analysis_new(const struct analysis_options *o, struct store *store);
void analysis_free(struct analysis *a);

/* Goes on with an audit; call before the first exchange. False: what is stored cannot be read back (then the analysis
 * is of no use). */
bool analysis_restore(struct analysis *a, const struct restore *r);
/* One exchange. */
void analysis_take(struct analysis *a, const struct exchange *x);
/* Several at once, in arrival order: the same; what each needs is asked for before the first is taken, so it is
 * faster when ANALYSIS_TOGETHER are at hand. */
void analysis_take_all(struct analysis *a, const struct exchange *const *x, size_t n);
/* The latest counters of the packets, cumulative since the program began. */
void analysis_stats(struct analysis *a, const struct capture_stats *s);
/* Writes what changed when the store wants it; call often. `final`: write in any case, the audit ended in order. */
void analysis_commit(struct analysis *a, bool final);

/* What would be written now, for tests and for those who have no store. Text is borrowed until the next call of any
 * kind. False: no such row (an id never given). */
bool analysis_endpoint_row(struct analysis *a, uint32_t id, struct row_endpoint *out);
bool analysis_client_row(struct analysis *a, uint32_t id, struct row_client *out);
uint64_t analysis_total(struct analysis *a, const char *name); /* of totals.def; 0 for others */
uint32_t analysis_endpoints(const struct analysis *a);         /* greatest id */
uint32_t analysis_clients(const struct analysis *a);
uint64_t analysis_memory(const struct analysis *a); /* bytes in use, about */

#endif
