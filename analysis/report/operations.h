/* operations: what is known of an endpoint that is one of several operations of its path (ALGORITHMS.md 6.3). */
#ifndef REPORT_OPERATIONS_H
#define REPORT_OPERATIONS_H

#include "analysis/behaviour.h"
#include "base/json.h"

/* The member `operation_facts`; null for an endpoint that its path names. */
void operations_json(struct json *j, const struct row_endpoint *e, const struct behaviour *b);

#endif
