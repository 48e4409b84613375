/* cached: Redis and memcached as they were seen, in the documents: the members `redis` and `memcached` of the JSON
 * report, and a section of the others for each cache. Nothing where no such traffic was seen, or of a window. */
#ifndef REPORT_CACHED_H
#define REPORT_CACHED_H

#include "analysis/report/facts.h"
#include "base/json.h"

void cached_json(struct json *j, struct store_reader *r);
/* Of `capture`: what came over UDP, where any did. */
void cached_udp_json(struct json *j, const struct facts *f);
void cached_text(struct store_reader *r, const struct facts *f, unsigned top, unsigned width, struct buf *out);
/* `foreign` writes text from the wire so that it cannot format. */
void cached_markdown(struct store_reader *r, const struct facts *f, unsigned top, struct buf *out,
                     void (*foreign)(struct buf *out, struct slice text));

#endif
