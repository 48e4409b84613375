#include "cmd/trust.h"

#include "analysis/report/verdict.h"
#include "base/log.h"
#include "capture/mirror.h"

void trust_of(const struct facts *f, const char *name)
{
    struct buf lines = {0};
    enum verdict v = verdict_of(f, &lines);
    struct slice rest = slice_of(lines.p, lines.n), line;
    while (v >= VERDICT_LITTLE && slice_next(&rest, '\n', &line))
        if (line.n)
            log_line("%s: %.*s", name, (int)line.n, line.p);
    buf_free(&lines);
}

void trust_db(struct store_reader *r, const char *name)
{
    struct facts f;
    if (facts_load(&f, r))
        trust_of(&f, name);
    facts_free(&f);
}

void trust_wire(const struct capture_stats *stats, uint64_t exchanges, bool live, bool keys)
{
    struct mirror m = {.stats = stats, .exchanges = exchanges, .live = live, .keys = keys, .now_us = TIME_NONE};
    struct mirror_finding found[MIRROR_CHECKS];
    size_t n = mirror_judge(&m, found);
    struct buf lines = {0};
    bool little = false;
    for (size_t i = 0; i < n; i++) {
        little |= found[i].headline && found[i].harm >= MIRROR_LITTLE;
        if (found[i].headline)
            mirror_say(&found[i], &lines);
    }
    struct slice rest = slice_of(lines.p, lines.n), line;
    while (little && slice_next(&rest, '\n', &line))
        if (line.n)
            log_line("%.*s", (int)line.n, line.p);
    buf_free(&lines);
}
