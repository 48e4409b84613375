/* spanwise: picks the command; nothing else. */
#include <signal.h>
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
          "usage: spanwise COMMAND [options]     spanwise COMMAND --help     spanwise --version\n\n",
          out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\nFirst steps:  spanwise report FILE.pcap     sudo spanwise capture -i eth0 -d audit.db     spanwise top "
          "audit.db\n",
          out);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of the write */
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("spanwise " SPANWISE_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(stdout);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    log_line("unknown command '%s'; spanwise --help lists them", argv[1]);
    return 2;
}
