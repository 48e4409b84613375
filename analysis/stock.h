/* stock: what nginx and Varnish do as they come, where that is not what HTTP says: proxy_cache of nginx 1.22 without
 * proxy_cache_valid, the built-in VCL of Varnish 7.1 with its default lifetime of 120 s. Pure. */
#ifndef ANALYSIS_STOCK_H
#define ANALYSIS_STOCK_H

#include "analysis/classify.h"

/* Whether the answer would be stored and could be reused at least once. */
bool stock_nginx(const struct classify_input *in);
bool stock_varnish(const struct classify_input *in);

#endif
