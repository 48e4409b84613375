/* restore: lets the analysis go on with the audit that a DB holds. */
#ifndef CMD_RESTORE_H
#define CMD_RESTORE_H

#include "analysis/analysis.h"
#include "capture/opaque.h"

/* Replays what the DB holds into `a`. *ended: the audit's last moment, or left alone when the DB holds none. False:
 * printed. */
bool restore_audit(const char *db, struct analysis *a, int64_t *ended);

/* The rows of connections that were not read go on from what is stored. False: said why on stderr. */
bool restore_opaque(const char *db, struct opaque *o);

#endif
