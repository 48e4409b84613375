/* trace: which trace and which request a message says it is of, so that its hops can be told to be of one (W3C Trace
 * Context; X-Request-Id). Pure. */
#ifndef CAPTURE_TRACE_H
#define CAPTURE_TRACE_H

#include "base/hash.h"
#include "base/slice.h"

/* Keyed hash of the trace-id of a traceparent, whatever span and flags it has, so that it is the same at every hop. 0:
 * it is none (W3C Trace Context section 3.2.2: unknown version ff, other digits than lower-case hex, all zero). */
uint64_t trace_of(const struct hash_key *key, struct slice traceparent);
/* Keyed hash of an X-Request-Id; 0: it is empty. */
uint64_t trace_request(const struct hash_key *key, struct slice id);

#endif
