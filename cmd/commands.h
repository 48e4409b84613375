/* commands: every command of the program, in the order of --help. Each takes its own argv (argv[0] is its name) and
 * returns the program's exit code: 0 done, 1 failed while running, 2 wrong usage, 3 not readable as a capture. */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#define COMMAND(name, help) int cmd_##name(int argc, char **argv);
#include "cmd/commands.def"
#undef COMMAND

#endif
