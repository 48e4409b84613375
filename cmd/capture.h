/* capture: what `capture` does, for the commands that audit a capture on the way to showing it. */
#ifndef CMD_CAPTURE_H
#define CMD_CAPTURE_H

/* Audits one capture file into a new DB, quietly. Returns an exit code; what went wrong was printed. */
int capture_file_into(const char *file, const char *db);

#endif
