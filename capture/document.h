/* document: which operations a GraphQL document holds, while it passes (GraphQL specification, sections 2.1, 2.3 and
 * 2.4; ALGORITHMS.md 6.3). Only names of operations are kept, and a hash of the document without its values, white
 * space and comments. What is no such document is told from one by its shape: a text that somebody searches for is
 * none. No allocation. */
#ifndef CAPTURE_DOCUMENT_H
#define CAPTURE_DOCUMENT_H

#include "capture/word.h"

enum { DOCUMENT_OPERATIONS = 16 };

enum document_kind { DOCUMENT_NONE, DOCUMENT_QUERY, DOCUMENT_MUTATION, DOCUMENT_SUBSCRIPTION };

struct document {
    const struct hash_key *key;
    uint64_t shape;   /* of the tokens so far */
    uint64_t current; /* hash of the name of the operation at hand; 0: none */
    uint32_t braces, parens;
    uint8_t lex, quotes, place, kind; /* kind: of the operation at hand */
    bool bad, any;                    /* any: the selection at hand has a member */
    bool awaits_name;
    uint8_t n, kinds;                     /* operations, up to DOCUMENT_OPERATIONS; a bit for each kind there was */
    uint8_t kind_of[DOCUMENT_OPERATIONS]; /* enum document_kind */
    uint64_t name[DOCUMENT_OPERATIONS];   /* word_hash of it; 0: none */
    struct word token, first;             /* first: name of the first operation, if name[0] */
};

void document_begin(struct document *d, const struct hash_key *key);
void document_feed(struct document *d, const char *p, size_t n);
/* No more comes. False: it is no document, or holds no operation. `whole`: it did not end for want of room. */
bool document_end(struct document *d, bool whole);
/* Kind of the operation with this name, that of the first where there is none. */
enum document_kind document_kind_of(const struct document *d, uint64_t name);
/* Whether what is asked for changes nothing: the operation with this name is a query, or all are. */
bool document_safe(const struct document *d, uint64_t name, bool whole);
const char *document_kind_name(enum document_kind k);

#endif
