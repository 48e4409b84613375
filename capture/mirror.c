#include "capture/mirror.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/human.h"
#include "capture/packet.h"
#include "capture/watch.h"

/* From which share on something is said, and from which on it is more than a note. */
static const double NOTED = 0.001, COUNTS = 0.01, MUCH = 0.1, MOST = 0.5;
static const double COVERAGE_WHOLE = 0.98, COVERAGE_POOR = 0.9; /* ALGORITHMS.md 8.7 */
enum {
    COPIES_FEW = 10,
    FRAMES_ENOUGH = 100,
    ORDER_FAR_US = 250000 /* longer than reassembly waits for what was acknowledged */
};

static const struct {
    const char *name, *title, *fine;
} checks[MIRROR_CHECKS] = {
#define CHECK(id, name, title, fine) {name, title, fine},
#include "capture/mirror.def"
#undef CHECK
};

const char *mirror_name(enum mirror_check c)
{
    return checks[c].name;
}

const char *mirror_title(enum mirror_check c)
{
    return checks[c].title;
}

const char *mirror_fine(enum mirror_check c)
{
    return checks[c].fine;
}

const char *mirror_severity_name(enum mirror_severity s)
{
    static const char *const names[] = {"note", "warning", "problem"};
    return names[s];
}

static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : NAN;
}

double mirror_coverage(const struct capture_stats *s)
{
    return share(s->stream_bytes, s->stream_bytes + s->gap_bytes);
}

/* ---- making a finding ---- */

static void rank(struct mirror_finding *f, enum mirror_severity severity, enum mirror_harm harm)
{
    f->severity = severity;
    f->harm = harm;
    f->headline = severity > MIRROR_NOTE;
}

__attribute__((format(printf, 2, 3))) static void saw(struct mirror_finding *f, const char *format, ...)
{
    va_list args;
    size_t n = strlen(f->evidence);
    va_start(args, format);
    vsnprintf(f->evidence + n, sizeof f->evidence - n, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void do_this(struct mirror_finding *f, const char *format, ...)
{
    va_list args;
    unsigned i = 0;
    while (i + 1 < MIRROR_STEPS && f->step[i][0])
        i++;
    va_start(args, format);
    vsnprintf(f->step[i], sizeof f->step[i], format, args);
    va_end(args);
}

static void number(struct mirror_finding *f, const char *name, double value)
{
    unsigned i = 0;
    while (i + 1 < MIRROR_NUMBERS && f->number[i].name)
        i++;
    f->number[i] = (struct mirror_number){name, value};
}

/* ---- the checks, each: whether it is so ---- */

static bool denied(const struct mirror *m, struct mirror_finding *f)
{
    rank(f, MIRROR_PROBLEM, MIRROR_NOTHING);
    saw(f, "this user may not capture on the interface");
    do_this(f, "sudo spanwise doctor -i {if}");
    do_this(f, "or once, for everybody who may run it: setcap cap_net_raw+ep $(which spanwise)");
    return m->denied;
}

static bool down(const struct mirror *m, struct mirror_finding *f)
{
    rank(f, MIRROR_PROBLEM, MIRROR_NOTHING);
    saw(f, "the interface is down, or has no link");
    do_this(f, "ip link set {if} up promisc on");
    do_this(f, "still down? the cable, the optics, the port of the switch: ethtool {if}");
    return m->down;
}

static bool idle(const struct mirror *m, struct mirror_finding *f)
{
    rank(f, MIRROR_PROBLEM, MIRROR_NOTHING);
    if (m->stats->packets || m->denied || m->down)
        return false;
    if (!m->live) {
        saw(f, "The capture holds no packets");
        do_this(f, "was its filter right? a filter on ports or hosts does not see into VLAN tags: `vlan and tcp`");
        return true;
    }
    saw(f, "No packet has been seen");
    f->brief = "is this interface the mirror port, and is it up?";
    do_this(f, "spanwise capture lists the interfaces with packets per second; ip -s link show {if}");
    do_this(f, "on the switch: is the session on, its source right, its destination this port?");
    do_this(f, "in a cloud: does the mirror's filter accept, and do security groups let UDP 4789 or 6081 in?");
    return true;
}

static bool not_mirrored(const struct mirror *m, struct mirror_finding *f)
{
    const struct watch *w = m->watch;
    rank(f, MIRROR_PROBLEM, MIRROR_NOTHING);
    if (!w || w->ethernet < 20 || m->stats->flows || share(w->group, w->ethernet) < 0.95)
        return false;
    saw(f, "%" PRIu64 " of %" PRIu64 " frames are for everybody (broadcast, multicast), none of a TCP connection",
        w->group, w->ethernet);
    f->brief = "an ordinary port sees this much: nothing is mirrored to it";
    number(f, "group_frames", (double)w->group);
    number(f, "frames", (double)w->ethernet);
    do_this(f, "on the switch: is this port the destination of the mirror session?");
    do_this(f, "virtual: allow promiscuous mode on the port group (VMware), or set mirroring mode (Hyper-V)");
    return true;
}

/* What to do about connections that were told by content and are not decoded. */
static const char *advice_of(enum opaque_reason r)
{
    static const char *const table[OPAQUE_COUNT] = {
        [OPAQUE_TLS] = "tap behind the terminator or give --keys",
        [OPAQUE_TLS_MIDSTREAM] = "their beginning was not captured; tap behind the terminator or capture longer",
        [OPAQUE_TLS_SUITE] = "of a version or suite that is not decrypted; tap behind the terminator",
        [OPAQUE_TLS_BROKEN] = "the secrets of --keys are of other sessions",
        [OPAQUE_WEBSOCKET] = "an upgrade to another protocol, or one that could not be followed: nothing to do",
        [OPAQUE_CONNECT] = "tap behind the proxy",
        [OPAQUE_SOCKS] = "tap behind the proxy",
        [OPAQUE_UNKNOWN] = "no protocol known here; is this the right port?"};
    return table[r] ? table[r] : "not decoded by this build";
}

static bool is_tls(enum opaque_reason r)
{
    return r == OPAQUE_TLS || r == OPAQUE_TLS_MIDSTREAM || r == OPAQUE_TLS_SUITE || r == OPAQUE_TLS_BROKEN;
}

/* Flows that are not decoded, but for those without a byte; and the reason of most. */
static uint64_t opaque_flows(const struct mirror *m, enum opaque_reason *most)
{
    uint64_t all = 0;
    *most = OPAQUE_EMPTY;
    for (int r = 0; r < OPAQUE_COUNT; r++) {
        uint64_t n = m->stats->flows_opaque[r];
        if (r == OPAQUE_EMPTY || !n)
            continue;
        all += n;
        if (*most == OPAQUE_EMPTY || n > m->stats->flows_opaque[*most])
            *most = (enum opaque_reason)r;
    }
    return all;
}

static uint64_t tls_flows(const struct capture_stats *s)
{
    uint64_t n = 0;
    for (int r = 0; r < OPAQUE_COUNT; r++)
        n += is_tls((enum opaque_reason)r) ? s->flows_opaque[r] : 0;
    return n;
}

/* Whether they are what an audit has to be told of first: most, or all there is. */
static bool mostly_opaque(const struct mirror *m, enum opaque_reason *most)
{
    uint64_t all = opaque_flows(m, most);
    return *most != OPAQUE_EMPTY && (all * 2 > m->stats->flows || !m->exchanges);
}

static void list_opaque(const struct mirror *m, struct mirror_finding *f, bool tls)
{
    const char *comma = ": ";
    for (int r = 0; r < OPAQUE_COUNT; r++) {
        uint64_t n = m->stats->flows_opaque[r];
        if (r == OPAQUE_EMPTY || !n || is_tls((enum opaque_reason)r) != tls)
            continue;
        saw(f, "%s%" PRIu64 " %s", comma, n, opaque_name((enum opaque_reason)r));
        comma = ", ";
    }
}

static void tls_steps(const struct mirror *m, struct mirror_finding *f, enum opaque_reason most)
{
    do_this(f, "mirror behind what ends TLS (load balancer, ingress, sidecar), where HTTP is in the clear");
    if (most == OPAQUE_TLS_MIDSTREAM)
        do_this(f, "or capture longer: a session can be read from its handshake on; restart clients or the server");
    else if (m->keys)
        do_this(
            f,
            "is --keys the log of these sessions, and did it begin before them? it must be written by one end of each");
    else
        do_this(f, "or have one end write its secrets (SSLKEYLOGFILE=FILE) and give them: --keys FILE");
}

static bool tls(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    uint64_t n = tls_flows(s);
    enum opaque_reason most;
    bool first = mostly_opaque(m, &most);
    number(f, "tls", (double)n);
    number(f, "flows", (double)s->flows);
    tls_steps(m, f,
              first                                                                 ? most
              : s->flows_opaque[OPAQUE_TLS_MIDSTREAM] > s->flows_opaque[OPAQUE_TLS] ? OPAQUE_TLS_MIDSTREAM
                                                                                    : OPAQUE_TLS);
    if (first && is_tls(most)) {
        rank(f, MIRROR_PROBLEM, m->exchanges ? MIRROR_LITTLE : MIRROR_NOTHING);
        saw(f, "%" PRIu64 " flow%s, %.0f %% %s", s->flows, human_s(s->flows),
            100 * share(s->flows_opaque[most], s->flows),
            most != OPAQUE_TLS ? opaque_name(most)
            : m->keys          ? "TLS with other keys"
                               : "TLS without keys");
        f->brief = advice_of(most);
        return true;
    }
    if (!n || share(n, s->flows) < COUNTS)
        return false;
    rank(f, share(n, s->flows) < MUCH ? MIRROR_NOTE : MIRROR_WARNING, MIRROR_UNHARMED);
    f->headline = false;
    saw(f, "%" PRIu64 " of %" PRIu64 " flows", n, s->flows);
    list_opaque(m, f, true);
    return true;
}

static bool opaque(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    enum opaque_reason most;
    uint64_t all = opaque_flows(m, &most) - tls_flows(s);
    bool first = mostly_opaque(m, &most);
    number(f, "not_decoded", (double)all);
    number(f, "flows", (double)s->flows);
    if (first && !is_tls(most)) {
        rank(f, MIRROR_PROBLEM, m->exchanges ? MIRROR_LITTLE : MIRROR_NOTHING);
        saw(f, "%" PRIu64 " flow%s, %.0f %% %s", s->flows, human_s(s->flows),
            100 * share(s->flows_opaque[most], s->flows), opaque_name(most));
        f->brief = advice_of(most);
        do_this(f, "other protocols are left out of the audit: narrow the mirror, or -f 'tcp port 80 or 8080'");
        return true;
    }
    if (!all || share(all, s->flows) < COUNTS)
        return false;
    rank(f, MIRROR_NOTE, MIRROR_UNHARMED);
    saw(f, "%" PRIu64 " of %" PRIu64 " flows", all, s->flows);
    list_opaque(m, f, false);
    f->brief = "counted, and left out of the figures";
    return true;
}

static bool no_http(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    enum opaque_reason most;
    uint64_t tcp = s->packets - s->other_packets - s->unparsed_packets;
    if (!s->packets || m->exchanges || mostly_opaque(m, &most))
        return false;
    rank(f, MIRROR_PROBLEM, MIRROR_NOTHING);
    saw(f, "%" PRIu64 " packet%s, %" PRIu64 " flow%s, no HTTP", s->packets, human_s(s->packets), s->flows,
        human_s(s->flows));
    f->brief = "is this the right port, and is HTTP in the clear on it?";
    number(f, "packets", (double)s->packets);
    number(f, "flows", (double)s->flows);
    number(f, "tcp", (double)tcp);
    number(f, "udp", (double)s->udp_packets);
    do_this(f, "what is there? tcpdump -nn -c 50 -i {if}");
    return true;
}

static bool vxlan(const struct mirror *m, struct mirror_finding *f)
{
    const struct tally_port *p = m->tally ? tally_vxlan(m->tally) : NULL;
    if (!p || p->packets < 10 || share(p->packets, m->stats->packets) < MUCH)
        return false;
    rank(f, MIRROR_PROBLEM, MIRROR_LITTLE);
    saw(f, "%" PRIu64 " of %" PRIu64 " packets look like VXLAN on UDP port %u", p->packets, m->stats->packets, p->port);
    f->brief = "give --vxlan-ports";
    number(f, "packets", (double)p->packets);
    number(f, "port", p->port);
    do_this(f, "spanwise doctor -i {if} --vxlan-ports 4789,8472,%u   (and the same with capture)", p->port);
    return true;
}

static bool split(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    rank(f, MIRROR_PROBLEM, MIRROR_LITTLE);
    saw(f, "%" PRIu64 " of %" PRIu64 " flows show one direction only, the other one came on another VLAN or VNI",
        s->flows_split, s->flows);
    f->brief = "give --merge-vlans";
    number(f, "flows_split", (double)s->flows_split);
    number(f, "flows", (double)s->flows);
    do_this(f, "spanwise doctor -i {if} --merge-vlans   (and the same with capture)");
    return s->flows_split != 0;
}

static bool oneway(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    bool most = s->flows_oneway * 2 > s->flows;
    if (s->flows_split || !s->flows || share(s->flows_oneway, s->flows) < MUCH)
        return false;
    rank(f, most ? MIRROR_PROBLEM : MIRROR_WARNING, most ? MIRROR_LITTLE : MIRROR_UNHARMED);
    f->headline = most;
    saw(f, "%" PRIu64 " of %" PRIu64 " flows show one direction only", s->flows_oneway, s->flows);
    f->brief = "mirror both directions of the port";
    number(f, "flows_oneway", (double)s->flows_oneway);
    number(f, "flows", (double)s->flows);
    if (m->watch) {
        number(f, "requests", (double)m->requests);
        number(f, "answers", (double)m->answers);
    }
    if (m->requests && !m->answers)
        do_this(f, "requests alone are seen: mirror what the servers send as well (`both`, not `rx` or `tx`)");
    else if (m->answers && !m->requests)
        do_this(f, "answers alone are seen: mirror what the clients send as well (`both`, not `rx` or `tx`)");
    else if (!most)
        do_this(f, "tries that nobody answered, or routes that differ by direction: mirror both paths");
    else
        do_this(f, "on the switch: mirror `both`, not `rx` or `tx`");
    do_this(f, "the other direction comes on another interface (a tap)? spanwise capture -i {if} -i OTHER");
    return true;
}

static bool unparsed(const struct mirror *m, struct mirror_finding *f)
{
    static const char *const advice[] = {
#define UNPARSED(id, name, advice) advice,
#include "capture/unparsed.def"
#undef UNPARSED
    };
    const struct capture_stats *s = m->stats;
    double part = share(s->unparsed_packets, s->packets);
    int most = 0;
    if (!(part >= NOTED))
        return false;
    rank(f,
         part > MOST     ? MIRROR_PROBLEM
         : part < COUNTS ? MIRROR_NOTE
                         : MIRROR_WARNING,
         part > MOST ? MIRROR_LITTLE : MIRROR_UNHARMED);
    f->headline = part > MOST;
    saw(f, "%" PRIu64 " of %" PRIu64 " packets could not be read", s->unparsed_packets, s->packets);
    f->brief = "an encapsulation or link type unknown to this build";
    number(f, "unparsed_packets", (double)s->unparsed_packets);
    number(f, "packets", (double)s->packets);
    for (int r = 1; r < UNPARSED_COUNT; r++)
        most = s->unparsed_by[r] > s->unparsed_by[most] ? r : most;
    if (!s->unparsed_by[most]) /* by whom this is asked the reasons are not known */
        return true;
    saw(f, ", most of them (%" PRIu64 ") %s", s->unparsed_by[most], unparsed_name((enum unparsed_reason)most));
    if (most == UNPARSED_LINK && m->watch)
        saw(f, ", LINKTYPE %u", m->watch->link);
    number(f, unparsed_name((enum unparsed_reason)most), (double)s->unparsed_by[most]);
    f->brief = NULL;
    do_this(f, "%s", advice[most]);
    return true;
}

static bool snaplen(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    uint64_t all = s->stream_bytes + s->gap_bytes;
    if (!s->cut_segments)
        return false;
    double part = share(s->cut_bytes, all);
    rank(f, part > 1 - COVERAGE_WHOLE ? MIRROR_PROBLEM : MIRROR_WARNING, part > MOST ? MIRROR_LITTLE : MIRROR_PARTIAL);
    saw(f, "%" PRIu64 " packets were cut, %s of what was sent is missing for it", s->cut_segments,
        human_bytes(s->cut_bytes).text);
    if (m->watch)
        saw(f, " (%u bytes kept of a packet)", m->watch->cut_at);
    f->brief = "bodies cannot be compared, and what follows a cut head is lost";
    number(f, "cut_packets", (double)s->cut_segments);
    number(f, "cut_bytes", (double)s->cut_bytes);
    if (m->watch)
        number(f, "snaplen", m->watch->cut_at);
    do_this(f, m->live
                   ? "leave --snaplen out (262144 then); on the switch: no truncation in the mirror session"
                   : "capture again: tcpdump -s 0, dumpcap without -s; on the switch: no truncation in the session");
    return true;
}

/* What the snap length took is the snap length's. */
static bool loss(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    uint64_t lost = s->gap_bytes > s->cut_bytes ? s->gap_bytes - s->cut_bytes : 0;
    double coverage = mirror_coverage(s);
    bool low = !isnan(coverage) && coverage < COVERAGE_WHOLE;
    if (!(share(lost, s->stream_bytes + s->gap_bytes) >= NOTED) || lost * 10 < s->gap_bytes)
        return false;
    rank(f,
         coverage < COVERAGE_POOR ? MIRROR_PROBLEM
         : low                    ? MIRROR_WARNING
                                  : MIRROR_NOTE,
         low ? MIRROR_PARTIAL : MIRROR_UNHARMED);
    saw(f, "Only %.1f %% of the bytes that were sent were captured (%" PRIu64 " bytes missing)", 100 * coverage,
        s->gap_bytes);
    f->brief = "counts are lower bounds";
    number(f, "coverage", coverage);
    number(f, "gap_bytes", (double)s->gap_bytes);
    number(f, "acked_unseen_bytes", (double)s->acked_unseen_bytes);
    number(f, "gaps", (double)s->gaps);
    if (s->flows_oneway * 2 > s->flows)
        do_this(f, "what is acknowledged of the direction that is not mirrored counts as missing");
    else if (s->kernel_dropped || s->interface_dropped)
        do_this(f, "packets were dropped while this was captured, see below: that comes first");
    else
        do_this(f, "nothing was dropped here, so it was before: is the mirror port slower than what it mirrors? mirror "
                   "less, or to a faster port");
    if (m->live)
        do_this(f, "ethtool -S {if} | grep -iE 'drop|miss|fifo|err'; on the switch: drops of the destination port");
    return true;
}

static bool damaged(const struct mirror *m, struct mirror_finding *f)
{
    uint64_t n = m->stats->damaged;
    rank(f, MIRROR_WARNING, MIRROR_PARTIAL);
    if (m->live)
        saw(f, "%" PRIu64 " interface%s went away while captured", n, human_s(n));
    else if (n == 1)
        saw(f, "The capture breaks off before its end, cut short or damaged");
    else
        saw(f, "%" PRIu64 " captures break off before their end, cut short or damaged", n);
    f->brief = "what came after is in no figure";
    number(f, "damaged", (double)n);
    if (!m->live)
        do_this(f, "copy it again, once whoever writes it has ended (a full disk, a dumper that still ran?)");
    return n != 0;
}

/* Nothing is wrong with the figures then, but with the mirror. A copy or two prove nothing. */
static bool duplicates(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    if (s->duplicates < COPIES_FEW || s->duplicates * 100 <= s->packets)
        return false;
    rank(f, MIRROR_WARNING, MIRROR_UNHARMED);
    saw(f, "%" PRIu64 " of %" PRIu64 " packets came twice and were left out the second time", s->duplicates,
        s->packets);
    f->brief = "two mirrors show the same traffic";
    number(f, "duplicates", (double)s->duplicates);
    number(f, "packets", (double)s->packets);
    do_this(f, "mirror a port or its VLAN, not both; of several ports `rx` of each, not `both` of each");
    do_this(f, "harmless for the figures, but half of the mirror's capacity is wasted");
    return true;
}

static bool drops(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    rank(f, MIRROR_WARNING, MIRROR_PARTIAL);
    saw(f, "%" PRIu64 " packets were dropped by the kernel and %" PRIu64 " by the interface before they could be read",
        s->kernel_dropped, s->interface_dropped);
    number(f, "kernel_dropped", (double)s->kernel_dropped);
    number(f, "interface_dropped", (double)s->interface_dropped);
    number(f, "packets", (double)s->packets);
    if (s->interface_dropped)
        do_this(f, "a longer ring of the card: ethtool -G {if} rx 4096   (ethtool -g {if} shows the most)");
    if (s->kernel_dropped && m->live)
        do_this(f, "this machine is too slow for this mirror: leave out what is not HTTP (-f 'tcp port 80 or 8080'), "
                   "or mirror less");
    else if (s->kernel_dropped)
        do_this(f, "the file says so: who wrote it was too slow; give it a larger buffer (dumpcap -B 256) or leave out "
                   "what is not HTTP");
    return s->kernel_dropped || s->interface_dropped;
}

static bool order(const struct mirror *m, struct mirror_finding *f)
{
    const struct watch *w = m->watch;
    if (!w || !w->back)
        return false;
    bool far = w->back_us > ORDER_FAR_US;
    rank(f, far ? MIRROR_WARNING : MIRROR_NOTE, MIRROR_UNHARMED);
    f->headline = false;
    saw(f, "%" PRIu64 " of %" PRIu64 " packets are earlier than the one before, by %s at most", w->back, w->frames,
        human_seconds((double)w->back_us / 1e6).text);
    f->brief = far ? "orders and times are doubtful there" : "reassembly puts up with it";
    number(f, "packets_back", (double)w->back);
    number(f, "packets", (double)w->frames);
    number(f, "back_s", (double)w->back_us / 1e6);
    if (!m->live)
        do_this(f, "reordercap IN OUT puts a file in order; of several files give each with -r, or mergecap them");
    else if (far)
        do_this(f, "was the clock set? chronyc tracking");
    else if (m->live)
        do_this(f, "several queues of the card: ethtool -L {if} combined 1");
    return true;
}

/* One sentence of several that may be so. */
static void odd_time(struct mirror_finding *f, uint64_t n, const char *what)
{
    if (n)
        saw(f, "%s%" PRIu64 " %s", f->evidence[0] ? "; " : "", n, what);
}

/* What the times themselves say. */
static void odd_times(const struct mirror *m, const struct watch *w, struct mirror_finding *f)
{
    static const int64_t DAY_US = INT64_C(86400000000);
    bool enough = w->frames >= FRAMES_ENOUGH, future = m->now_us != TIME_NONE && w->greatest > m->now_us + DAY_US;
    odd_time(f, w->untimed, "packets are of before the year 2000");
    odd_time(f, future ? w->frames : 0, "packets end more than a day from now");
    if (enough && w->whole_s == w->frames)
        odd_time(f, w->frames, "packets have times of whole seconds");
    else if (enough && w->whole_ms == w->frames)
        odd_time(f, w->frames, "packets have times of whole milliseconds");
    number(f, "before_2000", (double)w->untimed);
    number(f, "future", future);
    number(f, "pauses", (double)w->pauses);
}

static bool odd_clock(const struct mirror *m, struct mirror_finding *f)
{
    const struct watch *w = m->watch && m->watch->frames ? m->watch : NULL;
    uint64_t mistimed = m->stats ? m->stats->mistimed : 0;
    if (w)
        odd_times(m, w, f);
    bool wrong = f->evidence[0];
    odd_time(f, mistimed,
             mistimed == 1 ? "time was a minute and more from those before and behind, and was replaced by one of them"
                           : "times were a minute and more from those before and behind, and were replaced by them");
    if (w)
        odd_time(f, w->pauses, "pauses of an hour and more between two packets");
    rank(f, wrong || mistimed ? MIRROR_WARNING : MIRROR_NOTE, MIRROR_UNHARMED);
    f->headline = mistimed;
    f->brief = wrong      ? "lifetimes, rates and latencies are no better than that"
               : mistimed ? "the file is damaged there; what else of it is wrong cannot be told"
                          : "two captures in one, or nobody asked";
    number(f, "mistimed", (double)mistimed);
    if (wrong)
        do_this(
            f,
            "the clock of the machine that captured: chronyc tracking; and a format with microseconds (pcap, pcapng)");
    else if (mistimed)
        do_this(f, "copy the file anew from where it was made, and compare: sha256sum");
    else
        do_this(f, "nothing, if it is so; two captures in one file: editcap -A and -B take them apart");
    return f->evidence[0];
}

static bool midstream(const struct mirror *m, struct mirror_finding *f)
{
    const struct capture_stats *s = m->stats;
    if (!m->watch || !s->flows || share(s->flows_midstream, s->flows) <= MOST)
        return false;
    rank(f, m->live || s->flows_midstream < s->flows ? MIRROR_NOTE : MIRROR_WARNING, MIRROR_UNHARMED);
    f->headline = false;
    saw(f, "%" PRIu64 " of %" PRIu64 " flows had begun before the capture", s->flows_midstream, s->flows);
    f->brief = m->live ? "usual in a few seconds of long connections"
                       : "TLS cannot be read there, and HTTP/2 lacks the fields that were sent before";
    number(f, "flows_midstream", (double)s->flows_midstream);
    number(f, "flows", (double)s->flows);
    do_this(f, "capture longer; for TLS and HTTP/2 have the connections begin anew (restart a client or the server)");
    return true;
}

static bool quic(const struct mirror *m, struct mirror_finding *f)
{
    double part = share(m->stats->quic_packets, m->stats->packets);
    if (!(part >= COUNTS))
        return false;
    rank(f, MIRROR_NOTE, MIRROR_UNHARMED);
    f->headline = part >= MUCH;
    saw(f, "%" PRIu64 " of %" PRIu64 " packets are QUIC", m->stats->quic_packets, m->stats->packets);
    f->brief = "HTTP/3 is not decoded, and is in no figure";
    number(f, "quic_packets", (double)m->stats->quic_packets);
    number(f, "packets", (double)m->stats->packets);
    do_this(f, "mirror behind what ends it; or offer HTTP/2 alone for the time of the audit (no Alt-Svc)");
    return true;
}

static bool super(const struct mirror *m, struct mirror_finding *f)
{
    const struct watch *w = m->watch;
    if (!w || !w->large)
        return false;
    rank(f, MIRROR_NOTE, MIRROR_UNHARMED);
    saw(f, "%" PRIu64 " of %" PRIu64 " packets are larger than a frame, the largest %u bytes", w->large, w->frames,
        w->largest);
    f->brief = "merged before they were captured (GRO, LRO, TSO), or jumbo frames; harmless";
    number(f, "large_packets", (double)w->large);
    number(f, "packets", (double)w->frames);
    number(f, "largest", w->largest);
    do_this(f, "nothing has to be done; packets as they are on the wire: ethtool -K {if} gro off lro off");
    return true;
}

uint64_t mirror_count(const struct mirror *m, enum mirror_check c)
{
    const struct capture_stats *s = m->stats;
    enum opaque_reason most;
    switch (c) {
    case MIRROR_TLS:
        return tls_flows(s);
    case MIRROR_OPAQUE:
        return opaque_flows(m, &most) - tls_flows(s);
    case MIRROR_ONEWAY:
        return s->flows_oneway;
    case MIRROR_UNPARSED:
        return s->unparsed_packets;
    case MIRROR_SNAPLEN:
        return s->cut_segments;
    case MIRROR_LOSS:
        return s->gap_bytes > s->cut_bytes ? s->gap_bytes - s->cut_bytes : 0;
    case MIRROR_DUPLICATES:
        return s->duplicates;
    case MIRROR_DROPS:
        return s->kernel_dropped + s->interface_dropped;
    case MIRROR_ORDER:
        return m->watch ? m->watch->back : 0;
    case MIRROR_MIDSTREAM:
        return s->flows_midstream;
    default:
        return 0;
    }
}

size_t mirror_judge(const struct mirror *m, struct mirror_finding out[MIRROR_CHECKS])
{
    static bool (*const rules[MIRROR_CHECKS])(const struct mirror *,
                                              struct mirror_finding *) = {[MIRROR_DENIED] = denied,
                                                                          [MIRROR_DOWN] = down,
                                                                          [MIRROR_IDLE] = idle,
                                                                          [MIRROR_NOT_MIRRORED] = not_mirrored,
                                                                          [MIRROR_TLS] = tls,
                                                                          [MIRROR_OPAQUE] = opaque,
                                                                          [MIRROR_NO_HTTP] = no_http,
                                                                          [MIRROR_VXLAN] = vxlan,
                                                                          [MIRROR_SPLIT] = split,
                                                                          [MIRROR_ONEWAY] = oneway,
                                                                          [MIRROR_UNPARSED] = unparsed,
                                                                          [MIRROR_SNAPLEN] = snaplen,
                                                                          [MIRROR_LOSS] = loss,
                                                                          [MIRROR_DAMAGED] = damaged,
                                                                          [MIRROR_DUPLICATES] = duplicates,
                                                                          [MIRROR_DROPS] = drops,
                                                                          [MIRROR_ORDER] = order,
                                                                          [MIRROR_CLOCK] = odd_clock,
                                                                          [MIRROR_MIDSTREAM] = midstream,
                                                                          [MIRROR_QUIC] = quic,
                                                                          [MIRROR_SUPER] = super};
    size_t n = 0;
    for (int c = 0; c < MIRROR_CHECKS; c++) {
        struct mirror_finding *f = &out[n];
        memset(f, 0, sizeof *f);
        f->check = (enum mirror_check)c;
        if (c == MIRROR_NO_HTTP && n && (f[-1].check == MIRROR_NOT_MIRRORED || f[-1].check == MIRROR_VXLAN))
            continue; /* why there is none is said */
        n += rules[c](m, f);
    }
    return n;
}

void mirror_say(const struct mirror_finding *f, struct buf *out)
{
    buf_printf(out, "%s%s%s%s\n", f->evidence, f->brief ? ": " : "", f->brief ? f->brief : "",
               f->brief && strchr(f->brief, '?') ? "" : ".");
}
