/* unsafe: GETs that change what other requests are answered (signal S8 of ALGORITHMS.md 9.1, by the bindings of 4.6).
 *
 * A GET is bound to a read by its name: its path is the parent or a child of the read's, or both carry the same id (the
 * last integer of the path, else the parameter `id`). The gaps between consecutive answers of a key (of anybody, and,
 * apart from that, of one client) are told apart by what lies in them: nothing that is bound, or GETs of one
 * bound endpoint alone. Gaps with GETs of two, or with a write, count for nothing, since what did it cannot be told.
 * Longer gaps hold more changes and more GETs, so gaps are compared with those of their length, an octave wide
 * (Mantel and Haenszel). Calls come in order of arrival, microseconds. Bounded: pairs beyond UNSAFE_PAIRS are counted
 * as lost, what is remembered of names and keys gives way to newer ones, which only loses gaps. */
#ifndef ANALYSIS_UNSAFE_H
#define ANALYSIS_UNSAFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    UNSAFE_PAIRS = 4096,
    UNSAFE_OCTAVES = 32, /* of gaps, from 1 ms */
    UNSAFE_FEW = 20,     /* gaps with the GET, at least */
    UNSAFE_ENOUGH = 100, /* to say that a GET changes nothing */
};

enum unsafe_scope { UNSAFE_ALL, UNSAFE_OWN, UNSAFE_SCOPES }; /* answers to anybody; to the client that sent the GET */

/* What a key can be bound by; hashes, 0: none. Zero-initialise. */
struct unsafe_name {
    uint32_t path, parent, id;
    uint32_t service;
};

struct unsafe_call {
    uint32_t endpoint, key, client; /* client 0: unknown, or many */
    const struct unsafe_name *name;
    uint32_t content, variant; /* of an answer that can be compared with others of the key; 0: cannot */
    int64_t at_us, done_us;    /* done_us: when its answer began, or at_us where that is not known */
    uint64_t server_us;
    bool get, safe, good, created; /* good: answered 2xx or 3xx; created: 201 or 303 */
};

struct unsafe;

/* A GET and the endpoint whose answers were compared around it. */
struct unsafe_found {
    uint32_t writer, reader; /* endpoints */
    enum unsafe_scope scope;
    uint64_t n, changed;    /* gaps with the GET, of lengths that were seen without it, too; those ended by a change */
    double precision, base; /* changed / n; the same of gaps of these lengths without it; NaN while n is 0 */
    double z;
    bool proven;
    uint64_t idle, idle_us; /* answers of the reader that were the one before, with nothing bound in between: what a
                               copy kept until the GET would have given; server time of these */
};

/* Endpoint ids are below `endpoints`. NULL: out of memory. */
struct unsafe *unsafe_new(size_t endpoints);
void unsafe_free(struct unsafe *u);
struct unsafe_name unsafe_name_of(struct slice service, struct slice target);
void unsafe_take(struct unsafe *u, const struct unsafe_call *c);
/* Each pair that was met. */
void unsafe_each(const struct unsafe *u, void (*each)(void *context, const struct unsafe_found *f), void *context);
uint64_t unsafe_lost(const struct unsafe *u);

#endif
