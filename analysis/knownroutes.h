/* knownroutes: routes that somebody wrote down, asked before any is inferred. From text: lines `METHOD /path/{name}`
 * (or the path alone: any method; `:name` is a parameter, too; `#` comments), or an OpenAPI 3 or Swagger 2 document in
 * JSON, with the paths of its servers in front. A literal segment comes before one with a parameter; `{name...}` at the
 * end takes all that is left. */
#ifndef ANALYSIS_KNOWNROUTES_H
#define ANALYSIS_KNOWNROUTES_H

#include "base/slice.h"

enum { KNOWNROUTES_MAX = 16384, KNOWNROUTES_DEPTH = 32 };

struct knownroutes;

/* NULL: the text is no list of routes, `why` says where. */
struct knownroutes *knownroutes_read(struct slice text, char why[256]);
void knownroutes_free(struct knownroutes *k); /* NULL is allowed */
unsigned knownroutes_count(const struct knownroutes *k);

/* The route of a normalised path without query, as it was written, beginning with `/`; {NULL, 0}: none. HEAD is asked
 * as GET. k NULL: none. */
struct slice knownroutes_find(const struct knownroutes *k, struct slice method, struct slice path);
/* Whether this is one of the routes, for any method. */
bool knownroutes_has(const struct knownroutes *k, struct slice route);

#endif
