/* limitspec: a limit in words (CONTRACT: whatif --limit SPEC): `nginx:10r/s:20`, `token-bucket:2.5:10`,
 * `fixed-window:100:60`. The words are those of limiter.def. Numbers are plain decimals, rates and depths of buckets
 * with up to six places, seconds with up to three; anything else is refused, never rounded. */
#ifndef ANALYSIS_LIMITSPEC_H
#define ANALYSIS_LIMITSPEC_H

#include "analysis/limiter.h"
#include "base/buf.h"

/* Most of a rate, depth, burst or limit, and of a window or interval in seconds. */
enum { LIMITSPEC_MOST = 1000000000, LIMITSPEC_SECONDS = 31 * 86400 };

/* False: `why` is one line. */
bool limitspec_parse(struct slice text, struct limit *out, char why[160]);
/* The limit as people say it: "10 r/s, burst 20, nodelay". */
void limitspec_say(const struct limit *l, struct buf *out);
/* A line of help a model. */
void limitspec_help(struct buf *out);

#endif
