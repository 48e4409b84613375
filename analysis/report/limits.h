/* limits: how much a client may ask, for all clients that are told apart by the same thing, so that nobody who behaves
 * is turned away (ALGORITHMS.md 7.5); and who would be. The policies print it, the report names it. */
#ifndef REPORT_LIMITS_H
#define REPORT_LIMITS_H

#include "analysis/behaviour.h"
#include "analysis/limitadvice.h"
#include "analysis/report/facts.h"
#include "base/json.h"

enum { LIMITS_WINDOW_S = 10 };

/* What a client is told by; each carries the credential in another field. */
enum carrier { CARRIER_APIKEY, CARRIER_AUTHORIZATION, CARRIER_COOKIE, CARRIER_ADDRESS, CARRIERS };
extern const char *const carrier_names[CARRIERS];
enum idword carrier_word(enum carrier c); /* its word in an order of identity */
/* The carrier of a client's identity ("bearer"), or CARRIERS when limits cannot be counted by it. */
enum carrier carrier_of(struct slice identity);

struct limits_client {
    double need[ENVELOPE_RATES];
    size_t name_at, name_n; /* in struct limits.names */
    bool abuse;             /* behaviour_abuses: not asked what is normal */
};

/* Clients of one carrier. */
struct limits_crowd {
    struct limits_client *client;
    struct limitadvice_client *judged; /* beside each, after limits_judge */
    size_t n, cap;
    uint64_t requests, unprofiled;
    struct limitadvice advice; /* rate NaN: no client is normal */
    const char *doubt;         /* why it is not advised; NULL: it is */
};

struct limits {
    struct limits_crowd crowd[CARRIERS];
    double rate[ENVELOPE_RATES];
    bool forwarded; /* there are clients told apart by what a proxy says */
    bool certified; /* by their certificates, which only who ends their TLS sees */
    struct buf names;
    bool failed; /* out of memory: nothing here holds */
};

/* Between store_read_begin and end. Profiles are of the whole audit: of a window there are none. */
void limits_load(struct limits *l, struct store_reader *r, const struct behaviour *b, const struct facts *f,
                 double headroom);
void limits_free(struct limits *l);
struct slice limits_name(const struct limits *l, const struct limits_client *c);
/* The bucket it needs at the advised rate of its carrier's. */
double limits_need(const struct limits *l, const struct limits_crowd *c, const struct limits_client *who);
/* Why a limit rests on too little, from what was watched; NULL: it does not. */
const char *limits_unseen(const struct facts *f);

/* The member `limits` of the report: a limit for each carrier, and who it would turn away. Null of a window. */
void limits_json(struct json *j, const struct limits *l, const struct facts *f);
/* The member `limit` of a client: that of its carrier's, the bucket it needs at its rate, and whether it would be
 * turned away. */
void limits_client_json(struct json *j, const struct limits *l, const struct row_client *c, const struct facts *f);

#endif
