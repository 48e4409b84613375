#include "analysis/report/verdict.h"

#include <ctype.h>
#include <string.h>

#include "analysis/report/eased.h"
#include "base/human.h"
#include "capture/mirror.h"

static const char *nothing(const struct facts *f)
{
    if (!f->any)
        return "Nothing has been written to this DB yet.\n";
    if (f->windowed)
        return "No HTTP arrived in this time.\n";
    return "There was no exchange record to read.\n";
}

/* What the store has of a capture's counters: by the names that the capture gave them. */
static struct capture_stats counters_of(const struct facts *f)
{
    const struct row_capture *c = &f->capture;
    struct capture_stats s = {.packets = c->packets,
                              .kernel_dropped = c->kernel_dropped,
                              .interface_dropped = c->interface_dropped,
                              .duplicates = c->duplicates,
                              .unparsed_packets = c->unparsed_packets,
                              .flows = c->flows,
                              .flows_midstream = c->flows_midstream,
                              .flows_oneway = c->flows_oneway,
                              .flows_split = c->flows_split,
                              .gaps = c->gaps,
                              .gap_bytes = c->gap_bytes,
                              .acked_unseen_bytes = c->acked_unseen_bytes,
                              .stream_bytes = c->stream_bytes};
    for (int r = 0; r < OPAQUE_COUNT; r++)
        s.flows_opaque[r] = facts_counted(f, "opaque", opaque_name((enum opaque_reason)r));
    for (int r = 0; r < UNPARSED_COUNT; r++)
        s.unparsed_by[r] = facts_counted(f, "unparsed", unparsed_name((enum unparsed_reason)r));
#define PACKETS(member, name) s.member = facts_counted(f, "packets", name);
    CAPTURE_PACKETS(PACKETS)
#undef PACKETS
    return s;
}

/* Caches alone are an audit as well: what it has. */
static void say_caches(const struct facts *f, struct buf *lines)
{
    static const char *const names[FACTS_CACHES] = {"Redis", "memcached"};
    uint64_t all = facts_caches_alone(f);
    for (int i = 0, said = 0; i < FACTS_CACHES; i++)
        if (f->cached[i])
            buf_printf(lines, "%s%s %s to %s", said++ ? " and " : "", human_count(f->cached[i]).text,
                       f->cached[i] == 1 ? "command" : "commands", names[i]);
    if (all)
        buf_printf(lines, " %s read, and no HTTP.\n", all == 1 ? "was" : "were");
}

enum verdict verdict_of(const struct facts *f, struct buf *lines)
{
    static const enum verdict verdicts[] = {[MIRROR_UNHARMED] = VERDICT_GOOD,
                                            [MIRROR_PARTIAL] = VERDICT_PARTIAL,
                                            [MIRROR_LITTLE] = VERDICT_LITTLE,
                                            [MIRROR_NOTHING] = VERDICT_NOTHING};
    const struct row_capture *c = &f->capture;
    struct capture_stats stats = counters_of(f);
    struct mirror m = {.stats = &stats,
                       .exchanges = facts_total(f, "exchanges") + facts_caches_alone(f),
                       .live = c->live,
                       .now_us = TIME_NONE};
    struct mirror_finding found[MIRROR_CHECKS];
    enum verdict v = VERDICT_GOOD;
    if (!f->any || (c->from_records ? !m.exchanges : f->windowed && !c->packets)) {
        buf_str(lines, nothing(f));
        return VERDICT_NOTHING;
    }
    size_t n = c->from_records ? 0 : mirror_judge(&m, found);
    for (size_t i = 0; i < n; i++) {
        if (!found[i].headline)
            continue;
        mirror_say(&found[i], lines);
        v = verdicts[found[i].harm] > v ? verdicts[found[i].harm] : v;
    }
    const char *one_sided = facts_one_sided(f);
    if (one_sided)
        buf_printf(lines, "%c%s.\n", toupper(*one_sided), one_sided + 1);
    if (!c->from_records && eased_line(f, lines))
        v = v == VERDICT_GOOD ? VERDICT_PARTIAL : v;
    if (v < VERDICT_LITTLE)
        say_caches(f, lines);
    return v;
}
