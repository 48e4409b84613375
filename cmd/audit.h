/* audit: where a command that shows an audit takes it from: a DB, or a capture that is audited first. */
#ifndef CMD_AUDIT_H
#define CMD_AUDIT_H

#include <stdbool.h>

struct scope;

/* path NULL: $SPANWISE_DB, else ./spanwise.db. A capture (told by content) is audited into a temporary DB that goes
 * with the process; two of them at most. NULL: `why` says what is wrong, and *code (may be NULL) what to exit with. The
 * result lives until the process ends. */
const char *cmd_open_audit(const char *path, char why[256]);
/* The same with what the audit of a capture is to be of; a DB has been audited already and is refused then. */
const char *cmd_open_audit_of(const char *path, const struct scope *scope, char why[256]);
int cmd_open_audit_code(void);
/* The DB's path, which may not exist yet: it is not looked into. path NULL: as above. */
const char *cmd_audit_awaited(const char *path);
/* Whether `out` (NULL: stdout) is the very file that the audit `path` (NULL: as above) is read from; says so then. */
bool audit_overwrites(const char *path, const char *out);
/* Whether the file begins as a DB does. False also when it cannot be read. */
bool audit_is_db(const char *path);
/* What people know it by: of the DB of an audited capture the capture's path, of another its own. */
const char *cmd_audit_name(const char *db);

#endif
