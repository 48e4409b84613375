/* apiversion: the version of an API that a request asks for in its header fields: a parameter or a part of a media type
 * in Accept (application/vnd.shop.v2+json, application/json;version=2), or a field of its own (X-API-Version: 2,
 * Stripe-Version: 2020-08-27). Numbers and dates alone are versions. Pure; the number is that of struct exchange. */
#ifndef CAPTURE_APIVERSION_H
#define CAPTURE_APIVERSION_H

#include "capture/exchange.h"

/* Whether a version may stand in this field. */
extern const bool apiversion_reads[TOKEN_COUNT];
/* 0: there is none. */
uint32_t apiversion_of(enum token t, struct slice value);
/* What api_version_format wrote. 0: it is none. */
uint32_t apiversion_parse(struct slice text);

#endif
