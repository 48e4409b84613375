/* operation: which operation of an API a request asks for where its path does not say so: GraphQL, JSON-RPC, SOAP
 * (ALGORITHMS.md 6.3). Told from the body of a POST that says it is JSON, from the query of a GET, or from the fields
 * of a SOAP call; and, of answers to the first two, whether they are errors whatever their status says (8.5). Decided
 * here and nowhere else; what leaves is a name and what came of it. Of bodies nothing is kept.
 *
 * Bounded: the first OPERATION_LOOKED octets of a body, codings taken off; OPERATION_LISTED names of a batch;
 * OPERATIONS_OPEN bodies at once, of which the one begun first gives way. Coded answers are read as long as there is
 * credit: OPERATION_CREDIT octets to begin with, and one for each OPERATION_SHARE octets of answers that pass. */
#ifndef CAPTURE_OPERATION_H
#define CAPTURE_OPERATION_H

#include "capture/head.h"

enum {
    OPERATION_LOOKED = 64 * 1024,
    OPERATION_LISTED = 8,
    OPERATIONS_OPEN = 256,
    OPERATION_CREDIT = 1 << 20,
    OPERATION_SHARE = 16,
};

struct operations;
struct operation; /* at one body */

/* memory: bytes that decoders may hold. NULL: out of memory. */
struct operations *operations_new(const struct hash_key *key, uint64_t memory);
void operations_free(struct operations *o);
/* Whether no other answers are read from now on. */
void operations_pause(struct operations *o, bool paused);

/* The head of a POST was read, or the target of a GET; `query`: what stands behind its `?`. `body`: all of the POST's
 * body, where it is here; n 0: not. It is handed on by operation_data all the same, if s->operation is there then. */
void operation_post(struct operations *o, struct slot_pool *pool, struct slot *s, const struct head *h,
                    struct slice body);
void operation_get(struct operations *o, struct slot_pool *pool, struct slot *s, struct slice query);
/* Octets of the body of the request (role 0) or the answer; `whole`: these are all of it. */
void operation_data(struct operation *k, int role, const char *p, size_t n, bool whole);
/* The request is as whole as it will get; its flags say how much that is. */
void operation_asked(struct operations *o, struct slot_pool *pool, struct slot *s);
/* The answer's head was read; its body is over. */
void operation_answer(struct operations *o, struct slot *s);
void operation_answered(struct operations *o, struct slot *s);
void operation_drop(struct operations *o, struct slot *s);
/* For another exchange with the same request; NULL for NULL, and without memory. */
struct operation_facts *operation_copy(struct slot_pool *pool, struct slot *to, const struct operation_facts *f);

/* Whether a text may be the name of operations. */
bool operation_is_name(struct slice name);

#endif
