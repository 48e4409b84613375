/* pathnames: what the paths of JSON bodies are called, `items[].price`. Names come from traffic and may be anything: a
 * member's name is shown if it is made of words, at most 32 characters of them; else it is `~` and 12 hex digits of its
 * keyed hash. Bounded: 4,096 paths; further ones have no name. Texts never move and live as long as this. */
#ifndef CAPTURE_PATHNAMES_H
#define CAPTURE_PATHNAMES_H

#include "base/hash.h"

enum { PATHNAMES_MOST = 4096, PATHNAMES_TEXT = 96 };

struct pathnames;

struct pathnames *pathnames_new(const struct hash_key *key); /* NULL: out of memory */
void pathnames_free(struct pathnames *n);
/* The name of a path; NULL p: none yet. */
struct slice pathnames_find(const struct pathnames *n, uint64_t path);
/* Gives it one, at most PATHNAMES_TEXT - 1 characters. NULL p: no room. */
struct slice pathnames_add(struct pathnames *n, uint64_t path, struct slice text);
/* Whether a member's name may be shown. */
bool pathnames_shown(struct slice member);

#endif
