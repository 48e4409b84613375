/* saying: what is known of an endpoint beside its numbers, in a few sentences: what to do, whether its answers may be
 * shared, how long they stay the same, what is declared. For faces with little room. */
#ifndef REPORT_SAYING_H
#define REPORT_SAYING_H

#include "analysis/report/advice.h"

/* Appends lines `label \t sentence \n`, UTF-8 and without control characters; nothing for what is not known. advised
 * NULL: nothing is advised. */
void saying_of(const struct row_endpoint *e, const struct facts *f, const struct advised *advised, struct buf *out);

#endif
