/* httpdate: the three forms of HTTP dates (RFC 9110 section 5.6.7). Pure. */
#ifndef ANALYSIS_HTTPDATE_H
#define ANALYSIS_HTTPDATE_H

#include "base/slice.h"

/* Seconds since the Unix epoch. False when it is no date. Two-digit years: 70 to 99 are of the last century. */
bool httpdate_parse(struct slice text, int64_t *seconds);

#endif
