/* log: messages to people, on stderr. stdout carries results alone. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

/* One line "spanwise: ..."; control characters are shown harmlessly. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What the next lines are about, as in "FILE line 3": it stands before their text. Borrowed; NULL: nothing. */
void log_where(const char *place);
/* What went wrong with writing the result (errno; 0: not known). A reader that went away has what it wanted: nothing is
 * said. */
void log_stdout(int error);
/* A line that the next one overwrites ("": clears it); nothing when stderr is no terminal.. */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
