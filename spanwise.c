/* spanwise: picks the command; nothing else. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/commands.h"

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, help) {#name, help, cmd_##name},
#include "cmd/commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *out)
{
    fputs("spanwise: a passive auditor of API traffic: what could be cached, who asks how much, where it hurts.\n\n"
          "usage: spanwise COMMAND [options]     spanwise help COMMAND     spanwise version\n\n",
          out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\nFirst steps:  spanwise report FILE.pcap     sudo spanwise capture -i eth0 -d audit.db     spanwise top "
          "audit.db\n",
          out);
}

static bool is(const char *word, const char *a, const char *b, const char *c)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    char flag[] = "--help", *ask[] = {argv[2], flag, NULL};
    bool of_command = strcmp(argv[1], "help") == 0 && argc > 2; /* `spanwise help COMMAND` is its --help */
    if (is(argv[1], "version", "--version", "-V")) {
        puts("spanwise " SPANWISE_VERSION);
        return 0;
    }
    if (!of_command && is(argv[1], "help", "--help", "-h")) {
        help(stdout);
        return 0;
    }
    const char *name = argv[of_command ? 2 : 1];
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return of_command ? commands[i].run(2, ask) : commands[i].run(argc - 1, argv + 1);
    log_line("unknown command '%s'; spanwise --help lists them", name);
    return 2;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of the write */
    int code = run(argc, argv);
    if (code || (fflush(stdout) == 0 && !ferror(stdout)))
        return code;
    log_stdout(errno);
    return 1;
}
