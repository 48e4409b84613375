/* hosts: addresses of a DB by number, whatever their port, so that it can be told where a call came to and where one
 * comes from. */
#ifndef ANALYSIS_HOSTS_H
#define ANALYSIS_HOSTS_H

#include "analysis/store/read.h"

struct hosts {
    uint32_t *number; /* by id of an address, with or without port; 0: unknown */
    size_t n;
};

/* Between store_read_begin and end. False: out of memory. */
bool hosts_load(struct hosts *h, struct store_reader *r);
void hosts_free(struct hosts *h);
static inline uint32_t hosts_of(const struct hosts *h, uint32_t address)
{
    return address < h->n ? h->number[address] : 0;
}

#endif
