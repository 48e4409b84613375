/* seen: what the exchange records of an audit tell that its rows do not: which servers answered a service, how all its
 * clients together came, and by what the clients of an endpoint were told apart. Where no records were kept nothing of
 * it is known. */
#ifndef POLICY_SEEN_H
#define POLICY_SEEN_H

#include "analysis/envelope.h"
#include "analysis/store/read.h"

enum { SEEN_SERVERS = 64 };

struct seen_endpoint {
    uint32_t alias;    /* 0: none */
    uint32_t service;  /* place + 1 in the list of services; 0: not listed */
    uint32_t carriers; /* bit per enum carrier of its clients; CARRIERS: certificates */
};

struct seen_service {
    struct {
        uint32_t address;
        uint64_t answers;
    } server[SEEN_SERVERS];
    unsigned n_servers;
    struct envelope envelope;
    int64_t last_us;
    bool started;
};

struct seen {
    struct seen_endpoint *endpoint; /* by id */
    size_t n_endpoints;
    uint8_t *client; /* 1 + enum carrier, 1 + CARRIERS for certificates, by id; 0: unknown */
    size_t n_clients;
    struct seen_service *service; /* by place */
    size_t n_services;
    uint8_t *server; /* whether an address is one, by id */
    size_t n_servers;
    double rate[ENVELOPE_RATES];
    uint64_t records;
    bool certified; /* some show certificates */
    bool damaged;   /* a block could not be read */
    bool failed;    /* out of memory */
};

/* service_of: place + 1 of a service among n_services, 0: not of interest. Between store_read_begin and end. */
void seen_load(struct seen *s, struct store_reader *r, size_t n_services,
               uint32_t (*service_of)(const void *context, struct slice service), const void *context);
void seen_free(struct seen *s);
uint32_t seen_carriers(const struct seen *s, uint32_t endpoint);
/* Whether clients of it show certificates, as far as is known of `exchanges`: those that were not kept may be theirs.
 */
bool seen_certified(const struct seen *s, uint32_t endpoint, uint64_t exchanges);

#endif
