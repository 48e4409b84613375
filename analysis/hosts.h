/* hosts: addresses of a DB by number, whatever their port, and the networks that they are in, so that it can be told
 * where a call came to and where one comes from. */
#ifndef ANALYSIS_HOSTS_H
#define ANALYSIS_HOSTS_H

#include "analysis/store/read.h"

struct host {
    uint32_t number, network; /* number 0: unknown, or known by its network alone; network 0: nothing is known */
};

struct hosts {
    struct host *at; /* by id of an address, with or without port */
    size_t n;
};

/* Between store_read_begin and end. False: out of memory. */
bool hosts_load(struct hosts *h, struct store_reader *r);
void hosts_free(struct hosts *h);
static inline uint32_t hosts_of(const struct hosts *h, uint32_t address)
{
    return address < h->n ? h->at[address].number : 0;
}
static inline uint32_t hosts_network(const struct hosts *h, uint32_t address)
{
    return address < h->n ? h->at[address].network : 0;
}
/* Whether nothing but its network is known. */
static inline bool hosts_vague(const struct hosts *h, uint32_t address)
{
    return address < h->n && h->at[address].network && !h->at[address].number;
}

#endif
