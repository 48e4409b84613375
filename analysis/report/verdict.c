#include "analysis/report/verdict.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/report/eased.h"

/* What to do about connections that were told by content and are not decoded. */
static const char *advice_of(const char *reason)
{
    static const struct {
        const char *reason, *advice;
    } table[] = {{"tls", "tap behind the terminator or give --keys"},
                 {"tls_midstream", "their beginning was not captured; tap behind the terminator or capture longer"},
                 {"tls_suite", "of a version or suite that is not decrypted; tap behind the terminator"},
                 {"tls_broken", "the secrets of --keys are of other sessions"},
                 {"websocket", "an upgrade to another protocol, or one that could not be followed: nothing to do"},
                 {"connect", "tap behind the proxy"},
                 {"socks", "tap behind the proxy"},
                 {"unknown", "no protocol known here; is this the right port?"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].reason, reason))
            return table[i].advice;
    return "not decoded by this build";
}

static const struct facts_counter *largest_opaque(const struct facts *f, uint64_t *all)
{
    const struct facts_counter *most = NULL;
    *all = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct facts_counter *c = &f->counter[i];
        if (strcmp(c->what, "opaque") != 0 || !strcmp(c->name, "empty"))
            continue;
        *all += c->value;
        if (!most || c->value > most->value)
            most = c;
    }
    return most && most->value ? most : NULL;
}

static bool mostly_opaque(const struct facts *f, uint64_t opaque)
{
    return f->capture.flows && opaque * 2 > f->capture.flows;
}

static const char *nothing(const struct facts *f)
{
    if (!f->any)
        return "Nothing has been written to this DB yet.\n";
    if (f->windowed)
        return "Nothing arrived in this time.\n";
    if (f->capture.from_records)
        return "There was no exchange record to read.\n";
    return f->capture.live ? "No packet has been seen: is this interface the mirror port, and is it up?\n"
                           : "The capture holds no packets.\n";
}

static enum verdict say_split(const struct row_capture *c, enum verdict v, struct buf *lines)
{
    buf_printf(lines,
               "%" PRIu64 " of %" PRIu64
               " flows show one direction only, the other one came on another VLAN or VNI: give --merge-vlans.\n",
               c->flows_split, c->flows);
    return v == VERDICT_NOTHING ? v : VERDICT_LITTLE;
}

/* Nothing is wrong with the figures then, but with the mirror. */
static void say_duplicates(const struct row_capture *c, struct buf *lines)
{
    if (c->duplicates * 100 > c->packets)
        buf_printf(lines,
                   "%" PRIu64 " of %" PRIu64
                   " packets came twice and were left out the second time: two mirrors show the same traffic.\n",
                   c->duplicates, c->packets);
}

enum verdict verdict_of(const struct facts *f, struct buf *lines)
{
    const struct row_capture *c = &f->capture;
    uint64_t opaque, exchanges = facts_total(f, "exchanges");
    const struct facts_counter *most = largest_opaque(f, &opaque);
    double coverage = facts_coverage(f);
    enum verdict v = VERDICT_GOOD;
    if (!f->any || (c->from_records ? !exchanges : !c->packets)) {
        buf_str(lines, nothing(f));
        return VERDICT_NOTHING;
    }
    if (c->from_records)
        return VERDICT_GOOD;
    if (most && (mostly_opaque(f, opaque) || !exchanges)) {
        v = exchanges ? VERDICT_LITTLE : VERDICT_NOTHING;
        buf_printf(lines, "%" PRIu64 " flows, %.0f %% %s: %s.\n", c->flows, 100 * facts_ratio(most->value, c->flows),
                   strcmp(most->name, "tls") ? most->name : "TLS without keys", advice_of(most->name));
    }
    if (!exchanges && !most) {
        v = VERDICT_NOTHING;
        buf_printf(lines,
                   "%" PRIu64 " packets, %" PRIu64
                   " flows, no HTTP: is this the right port, and is HTTP in the clear on it?\n",
                   c->packets, c->flows);
    }
    if (c->flows_split)
        v = say_split(c, v, lines);
    else if (c->flows && c->flows_oneway * 2 > c->flows) {
        v = v == VERDICT_NOTHING ? v : VERDICT_LITTLE;
        buf_printf(lines,
                   "%" PRIu64 " of %" PRIu64 " flows show one direction only: mirror both directions of the port.\n",
                   c->flows_oneway, c->flows);
    }
    if (c->unparsed_packets * 2 > c->packets) {
        v = v == VERDICT_NOTHING ? v : VERDICT_LITTLE;
        buf_printf(lines,
                   "%" PRIu64 " of %" PRIu64
                   " packets could not be read: an encapsulation or link type unknown to this build.\n",
                   c->unparsed_packets, c->packets);
    }
    if (!isnan(coverage) && coverage < 0.98) {
        v = v == VERDICT_GOOD ? VERDICT_PARTIAL : v;
        buf_printf(lines,
                   "Only %.1f %% of the bytes that were sent were captured (%" PRIu64
                   " bytes missing): counts are lower bounds.\n",
                   100 * coverage, c->gap_bytes);
    }
    say_duplicates(c, lines);
    if (eased_line(f, lines))
        v = v == VERDICT_GOOD ? VERDICT_PARTIAL : v;
    if (c->kernel_dropped || c->interface_dropped) {
        v = v == VERDICT_GOOD ? VERDICT_PARTIAL : v;
        buf_printf(lines,
                   "%" PRIu64 " packets were dropped by the kernel and %" PRIu64
                   " by the interface before they could be read.\n",
                   c->kernel_dropped, c->interface_dropped);
    }
    return v;
}
