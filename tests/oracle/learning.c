/* For learning.py: stdin holds visits, a line each: milliseconds, content, coding (0..3), path, then name=value pairs;
 * every context is looked at. Writes name, sandwiches and differing ones of each dimension. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/cacheable.h"
#include "analysis/learned.h"

static const struct hash_key key = {11, 12, 13};

static bool no_list(const void *context, uint16_t list, struct slice field)
{
    (void)context;
    (void)list;
    (void)field;
    return false;
}

static struct part part_of(char *pair)
{
    char *equals = strchr(pair, '=');
    struct slice name = slice_of(pair, (size_t)(equals - pair));
    struct part p = {.name = part_name(&key, PART_QUERY, name), .text = name, .kind = PART_QUERY};
    p.value = part_value(p.name, strtoull(equals + 1, NULL, 10));
    p.coded = slice_eq(name, SLICE("encoding"));
    return p;
}

int main(void)
{
    static struct learning l;
    static struct learned out;
    char line[1024];
    struct buf blob = {0};
    if (!learning_init(&l, 4, 64, 1 << 22))
        return 2;
    l.full = true;
    uint32_t row = learning_open(&l);
    while (fgets(line, sizeof line, stdin)) {
        struct part parts[16];
        unsigned n = 0;
        char *rest = NULL, *ms = strtok_r(line, " \n", &rest), *content = strtok_r(NULL, " \n", &rest),
             *coding = strtok_r(NULL, " \n", &rest), *path = strtok_r(NULL, " \n", &rest), *pair;
        while (n < 16 && (pair = strtok_r(NULL, " \n", &rest)))
            parts[n++] = part_of(pair);
        struct learn_visit v = {.base = hash_mix(strtoull(path, NULL, 10) + 1),
                                .parts = {{parts, n}, {NULL, 0}, {NULL, 0}},
                                .content = (uint32_t)strtoul(content, NULL, 10) | (uint32_t)atoi(coding)
                                                                                      << CONTENT_CLASS_SHIFT,
                                .now_ms = (uint32_t)strtoull(ms, NULL, 10)};
        learning_visit(&l, row, &v);
    }
    learning_settle(&l);
    learning_write(&l, row, no_list, NULL, &blob);
    if (!learned_read(&out, slice_of(blob.p, blob.n)))
        return 1;
    for (unsigned i = 0; i < out.n; i++)
        printf("%s %" PRIu64 " %" PRIu64 "\n", out.dim[i].text, out.dim[i].n, out.dim[i].differing);
    printf("control %" PRIu64 " %" PRIu64 "\n", out.control_n, out.control_differing);
    buf_free(&blob);
    learning_fini(&l);
    return 0;
}
