/* restore: lets the analysis go on with the audit that a DB holds. */
#ifndef CMD_RESTORE_H
#define CMD_RESTORE_H

#include "analysis/analysis.h"
#include "capture/opaque.h"

/* Replays what the DB holds into `a`. *ended: the audit's last moment, or left alone when the DB holds none. Returns an
 * exit code; other than 0 is printed: 2 when its clients are told apart by another order than this one, or its
 * pseudonyms are of another key (NULL: whichever). */
int restore_audit(const char *db, const struct idorder *order, const struct hash_key *key, struct analysis *a,
                  int64_t *ended);

/* The rows of connections that were not read go on from what is stored. False: said why on stderr. */
bool restore_opaque(const char *db, struct opaque *o);

#endif
