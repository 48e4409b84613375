/* trust: on stderr, why there is little to be had, where little or nothing could be decoded (CONTRACT section 1). What
 * is only partial stands in the documents themselves. */
#ifndef CMD_TRUST_H
#define CMD_TRUST_H

#include <stdbool.h>
#include <stdint.h>

struct capture_stats;
struct facts;
struct store_reader;

/* Of a DB or an audited capture, by the name it was given under. */
void trust_of(const struct facts *f, const char *name);
/* The same between store_read_begin and end. */
void trust_db(struct store_reader *r, const char *name);
/* Of packets that were read just now. keys: a key log was given. */
void trust_wire(const struct capture_stats *stats, uint64_t exchanges, bool live, bool keys);

#endif
