/* args: options of a command from one table, which also writes its --help. Long and short forms, `--name=value`, and
 * the same names in a file (--config: lines `name = value`; the value may stand in quotes; `#` at the front of a line
 * or behind a blank begins a comment). */
#ifndef CMD_ARGS_H
#define CMD_ARGS_H

#include <stdbool.h>

struct arg {
    int id;            /* the caller's; 0 ends the table */
    char letter;       /* 0: none */
    const char *name;  /* long name */
    const char *value; /* name of its value in help; NULL: takes none */
    const char *help;
};

enum { ARG_POSITIONAL = -1, ARG_OK = 0, ARG_HELP = 1, ARG_BAD = 2 };

/* Called for each option, and for each word that is none (id ARG_POSITIONAL). False: the value is no good and the
 * reason was printed. */
typedef bool arg_handler(void *context, int id, const char *value);

/* `usage`: first lines of --help, without the option table. Prints help to stdout (then ARG_HELP) or what is wrong to
 * stderr (ARG_BAD). */
int args_parse(const char *usage, const struct arg *table, int argc, char **argv, arg_handler *on, void *context);

/* "512M", "64k", "1G": bytes. "90", "90s", "15m", "24h", "30d": seconds. False: unreadable. */
bool args_size(const char *text, unsigned long long *bytes);
bool args_seconds(const char *text, double *seconds);

#endif
