/* capture: what `capture` does, for the commands that audit a capture on the way to showing it. */
#ifndef CMD_CAPTURE_H
#define CMD_CAPTURE_H

struct scope;

/* Audits one capture file into a new DB, quietly. scope stays the caller's; NULL: everything, inferred. Returns an exit
 * code; what went wrong was printed. */
int capture_file_into(const char *file, const struct scope *scope, const char *db);

#endif
