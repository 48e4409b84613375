/* suspect: signs that a client is no ordinary one (ALGORITHMS.md 7.8). Pure. */
#ifndef ANALYSIS_SUSPECT_H
#define ANALYSIS_SUSPECT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUSPECT_STEPS = 50, /* consecutive ids that are judged */
    SUSPECT_SCAN = 20,  /* requests of a scan, at least */
    SUSPECT_MANY = 10,  /* credentials of an address, at least */
};

/* Whether ids go up one by one: +1 in 80 % of 50 consecutive ones of an endpoint. Zero-initialise. */
struct suspect_ids {
    uint64_t last, bits; /* bits: of the latest steps, 1: it was +1 */
    uint32_t endpoint, steps;
    bool monotone; /* it was so at some time */
};

void suspect_id(struct suspect_ids *s, uint32_t endpoint, uint64_t id);
/* Asks for ever other things and gets 4xx: 80 % of its requests since its first 4xx are different ones (`distinct` of
 * `since`), and half of all its requests are answered 4xx. */
bool suspect_scan(uint64_t requests, uint64_t refused, uint64_t since, uint64_t distinct);
/* Tries credentials: many from one address, and 90 % of its requests are answered 401 or 403. */
bool suspect_stuffing(uint64_t credentials, uint64_t requests, uint64_t denied);
/* The last segment of a path that is an integer, up to any `?`. False: there is none. */
bool suspect_id_of(const char *target, uint64_t n, uint64_t *id);

#endif
