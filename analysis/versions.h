/* versions: the versions of APIs, in their paths, in header fields, in a parameter of the query, and who calls which.
 * Bounded: further versions and callers are counted as lost. */
#ifndef ANALYSIS_VERSIONS_H
#define ANALYSIS_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/slice.h"

enum { VERSIONS_MOST = 256, VERSIONS_CALLERS = 1 << 16, VERSIONS_NAME = 11, VERSIONS_PLACES = 1 << 14 };

enum versions_from { VERSIONS_PATH, VERSIONS_ACCEPT, VERSIONS_FIELD, VERSIONS_QUERY };

struct versions_row {
    uint64_t service; /* hash */
    enum versions_from from;
    uint32_t endpoint; /* one of it: the service's name is that of this one */
    uint32_t endpoints;
    char name[VERSIONS_NAME + 1]; /* "v1"; "2" or "2024-01-31" outside of paths */
    uint64_t requests, errors, clients;
    int64_t first_us, last_us; /* arrivals; mean nothing while requests is 0 */
};

struct versions_caller {
    uint64_t hash;
    uint32_t version, client; /* version: of struct versions.row */
    uint64_t requests;
    int64_t last_us;
};

struct versions_place {
    uint64_t hash; /* of version and endpoint */
};

/* Zero-initialise, then init. */
struct versions {
    struct versions_row row[VERSIONS_MOST];
    struct versions_caller *caller; /* after versions_end: by version, most requests first, then by client */
    struct map map;
    struct versions_place *place; /* endpoints of versions that are not told by the path */
    struct map places;
    uint32_t n, n_callers, n_places;
    uint64_t lost;
};

/* The first segment of a path that is a version: v1, v2.3, v1beta2; empty: none. */
struct slice versions_name(struct slice route);

/* The value of `api-version`, `api_version`, `apiversion` or `version` in a target's query, where it is a number or a
 * date; empty: none. */
struct slice versions_in_query(struct slice target);
const char *versions_from_name(enum versions_from f); /* "path", "accept", "field", "query" */

bool versions_init(struct versions *v); /* false: out of memory */
void versions_free(struct versions *v);
/* The version that an endpoint is of, 1 + its row; 0: none, or no room. Once for each endpoint. */
uint32_t versions_endpoint(struct versions *v, uint64_t service, struct slice route, uint32_t endpoint);
/* One that a request names, 1 + its row; 0: no room. */
uint32_t versions_named(struct versions *v, uint64_t service, enum versions_from from, struct slice name,
                        uint32_t endpoint);
/* That an endpoint was called with it. */
void versions_at(struct versions *v, uint32_t version, uint32_t endpoint);
/* client 0: unknown, or many. */
void versions_call(struct versions *v, uint32_t version, uint32_t client, int64_t at_us, bool error);
void versions_end(struct versions *v);

#endif
