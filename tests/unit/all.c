/* All unit tests and the replays of fuzzing's inputs in one program, because to link a hundred takes longer than to run
 * them: the name that it is called by says which (build/opt/tests/test_hist is a link to it), or the first argument
 * (`all test_hist`). names.def is written by the Makefile. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/replay.h"

#define UNIT(name) int main_##name(void);
#define FUZZ(name) int fuzz_##name(const uint8_t *data, size_t size);
#include "names.def"
#undef UNIT
#undef FUZZ

static const struct {
    const char *name;
    int (*run)(void);
    int (*feed)(const uint8_t *data, size_t size);
} programs[] = {
#define UNIT(name) {"test_" #name, main_##name, NULL},
#define FUZZ(name) {"replay_" #name, NULL, fuzz_##name},
#include "names.def"
#undef UNIT
#undef FUZZ
};

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(last_name(argv[0]), "all") == 0) {
        argc--;
        argv++;
    }
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i].name, last_name(argv[0])) == 0)
            return programs[i].run ? programs[i].run() : replay(programs[i].feed, argc - 1, argv + 1);
    fprintf(stderr, "%s: no such test\n", argv[0]);
    return 2;
}
