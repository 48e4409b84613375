#include "tests/fuzz/replay.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int (*feed)(const uint8_t *data, size_t size);
static unsigned fed;

static void feed_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0) {
        perror(path);
        exit(1);
    }
    size_t n = (size_t)st.st_size;
    uint8_t *data = malloc(n ? n : 1);
    if (!data || fread(data, 1, n, f) != n) {
        perror(path);
        exit(1);
    }
    fclose(f);
    feed(data, n);
    free(data);
    fed++;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In order of names, so that two runs are alike. */
static void feed_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        feed_file(file);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

int replay(int (*target)(const uint8_t *data, size_t size), int n, char **paths)
{
    uint8_t *none = calloc(1, 1);
    if (!none)
        return 1;
    feed = target;
    feed(none, 0);
    free(none);
    for (int i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode))
            feed_folder(paths[i]);
        else
            feed_file(paths[i]);
    }
    printf("%s - %u inputs of %s\n", fed ? "ok" : "not ok", fed, n ? paths[0] : "no corpus");
    return fed ? 0 : 1;
}
