#include "cmd/checkup.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/human.h"
#include "base/json.h"

enum { INDENT = 9 };

static struct mirror mirror_of(const struct checkup *c)
{
    return (struct mirror){.stats = &c->stats,
                           .watch = c->opened ? &c->watch : NULL,
                           .tally = c->opened ? &c->tally : NULL,
                           .exchanges = c->exchanges,
                           .requests = c->requests,
                           .answers = c->answers,
                           .live = c->live,
                           .keys = c->keys,
                           .now_us = TIME_NONE};
}

void checkup_judge(struct checkup *c, bool denied, bool down, int64_t now_us)
{
    struct mirror m = mirror_of(c);
    m.denied = denied;
    m.down = down;
    m.now_us = now_us;
    c->n = mirror_judge(&m, c->found);
}

static unsigned of_severity(const struct checkup *c, enum mirror_severity s)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->found[i].severity == s;
    return n;
}

static bool found(const struct checkup *c, enum mirror_check check)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->found[i].check == check)
            return true;
    return false;
}

/* ---- text ---- */

/* Appends words, broken at `width`, further lines indented as the first is, and by its `first` word. */
static void wrap(struct buf *out, unsigned indent, const char *first, const char *text, unsigned width)
{
    unsigned column = indent + (unsigned)strlen(first);
    buf_printf(out, "%*s%s", (int)indent, "", first);
    for (bool begun = false; *text;) {
        unsigned n = (unsigned)strcspn(text, " ");
        if (begun && column + 1 + n > width) {
            column = indent + (unsigned)strlen(first);
            buf_printf(out, "\n%*s", (int)column, "");
        } else if (begun) {
            buf_char(out, ' ');
            column++;
        }
        buf_add(out, text, n);
        column += n;
        begun = true;
        text += n;
        text += *text == ' ';
    }
    buf_char(out, '\n');
}

/* A step with the interface's name in it. */
static void step_text(const struct checkup *c, const char *step, char *out, size_t room)
{
    static const char mark[] = "{if}";
    const char *name = c->live ? c->source : "IF";
    size_t at = 0;
    while (*step && at + 1 < room) {
        if (strncmp(step, mark, sizeof mark - 1) != 0) {
            out[at++] = *step++;
            continue;
        }
        step += sizeof mark - 1;
        for (const char *p = name; *p && at + 1 < room; p++)
            out[at++] = *p;
    }
    out[at] = 0;
}

static void finding_text(const struct checkup *c, const struct mirror_finding *f, unsigned width, struct buf *out)
{
    static const char *const words[] = {"note", "WARNING", "PROBLEM"};
    char text[640];
    buf_printf(out, "\n%-8s %s\n", words[f->severity], mirror_title(f->check));
    snprintf(text, sizeof text, "%s%s%s", f->evidence, f->brief ? ": " : "", f->brief ? f->brief : "");
    wrap(out, INDENT, "", text, width);
    for (unsigned i = 0; i < MIRROR_STEPS && f->step[i][0]; i++) {
        step_text(c, f->step[i], text, sizeof text);
        wrap(out, INDENT, "> ", text, width);
    }
}

static void list_names(struct buf *out, const char *lead, const char *name, uint64_t n, bool *begun)
{
    if (!n)
        return;
    buf_printf(out, "%s%" PRIu64 " %s", *begun ? ", " : lead, n, name);
    *begun = true;
}

static void exchanges_text(const struct checkup *c, unsigned width, struct buf *out)
{
    struct buf line = {0};
    double coverage = mirror_coverage(&c->stats);
    bool begun = false;
    buf_printf(&line, "%" PRIu64 " exchange%s", c->exchanges, human_s(c->exchanges));
    for (int p = 0; p < PROTO_COUNT; p++)
        list_names(&line, ": ", proto_name((enum proto)p), c->protocols[p], &begun);
    list_names(&line, ": ", "without answer", c->unanswered, &begun);
    list_names(&line, ": ", "answers without request", c->orphans, &begun);
    if (!isnan(coverage))
        buf_printf(&line, "; %.2f %% of the bytes sent were seen", 100 * coverage);
    buf_char(&line, 0);
    if (!line.failed)
        wrap(out, 2, "", line.p, width);
    buf_free(&line);
}

static void seen_text(const struct checkup *c, unsigned width, struct buf *out)
{
    const struct capture_stats *s = &c->stats;
    bool begun = false;
    buf_printf(out, "  %" PRIu64 " packet%s (%" PRIu64 " not TCP), %s", s->packets, human_s(s->packets),
               s->other_packets, human_bytes(s->bytes).text);
    if (!isnan(c->seconds))
        buf_printf(out, " in %s", human_seconds(c->seconds).text);
    buf_printf(out, "; %" PRIu64 " TCP connection%s\n", s->flows, human_s(s->flows));
    exchanges_text(c, width, out);
    for (int e = 0; e < ENCAP_COUNT; e++)
        list_names(out, "  inside: ", encap_name((enum encapsulation)e), s->encapsulations[e], &begun);
    if (begun)
        buf_char(out, '\n');
}

static void fine_text(const struct checkup *c, unsigned width, struct buf *out)
{
    struct buf line = {0};
    struct mirror m = mirror_of(c);
    for (int check = 0; check < MIRROR_CHECKS; check++) {
        const char *fine = mirror_fine((enum mirror_check)check);
        if (*fine && !found(c, (enum mirror_check)check) && !(check == MIRROR_ONEWAY && found(c, MIRROR_SPLIT)))
            buf_printf(&line, "%s%" PRIu64 " %s", line.n ? ", " : "", mirror_count(&m, (enum mirror_check)check), fine);
    }
    buf_char(&line, 0);
    buf_char(out, '\n');
    if (line.n > 1 && !line.failed) {
        buf_str(out, "fine     ");
        size_t at = out->n;
        wrap(out, INDENT, "", line.p, width);
        memmove(out->p + at, out->p + at + INDENT, out->n - at - INDENT); /* the word stands in the indent */
        out->n -= INDENT;
    }
    buf_free(&line);
}

static void plural(struct buf *out, unsigned n, const char *what, bool *begun)
{
    if (!n)
        return;
    buf_printf(out, "%s%u %s%s", *begun ? ", " : "", n, what, n > 1 ? "s" : "");
    *begun = true;
}

void checkup_text(const struct checkup *c, unsigned width, struct buf *out)
{
    bool begun = false;
    buf_str(out, strcmp(c->source, "-") == 0 ? "standard input" : c->source);
    buf_str(out, ": ");
    if (of_severity(c, MIRROR_NOTE) == c->n) {
        buf_str(out, "nothing wrong");
        begun = true;
    }
    for (int s = MIRROR_PROBLEM; s >= MIRROR_NOTE; s--)
        plural(out, of_severity(c, (enum mirror_severity)s), mirror_severity_name((enum mirror_severity)s), &begun);
    buf_char(out, '\n');
    if (c->opened)
        seen_text(c, width, out);
    if (c->damage[0])
        buf_printf(out, "  damaged: %s\n", c->damage);
    for (int s = MIRROR_PROBLEM; s >= MIRROR_NOTE; s--)
        for (size_t i = 0; i < c->n; i++)
            if (c->found[i].severity == (enum mirror_severity)s)
                finding_text(c, &c->found[i], width, out);
    if (c->stats.packets)
        fine_text(c, width, out);
}

/* ---- JSON ---- */

static void finding_json(const struct checkup *c, const struct mirror_finding *f, struct json *j)
{
    char text[640];
    json_open(j, '{');
    json_key_text(j, "id", slice_str(mirror_name(f->check)));
    json_key_text(j, "severity", slice_str(mirror_severity_name(f->severity)));
    json_key_text(j, "what", slice_str(mirror_title(f->check)));
    json_key_text(j, "says", slice_str(f->evidence));
    json_key_text(j, "means", slice_str(f->brief));
    json_key(j, "evidence");
    json_open(j, '{');
    for (unsigned i = 0; i < MIRROR_NUMBERS && f->number[i].name; i++)
        json_key_double(j, f->number[i].name, f->number[i].value);
    json_close(j, '}');
    json_key(j, "do");
    json_open(j, '[');
    for (unsigned i = 0; i < MIRROR_STEPS && f->step[i][0]; i++) {
        step_text(c, f->step[i], text, sizeof text);
        json_str(j, text);
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void named_json(struct json *j, const char *key, unsigned n, const uint64_t *value,
                       const char *(*name)(unsigned))
{
    json_key(j, key);
    json_open(j, '{');
    for (unsigned i = 0; i < n; i++)
        if (value[i])
            json_key_u64(j, name(i), value[i]);
    json_close(j, '}');
}

static const char *opaque_at(unsigned i)
{
    return opaque_name((enum opaque_reason)i);
}

static const char *encap_at(unsigned i)
{
    return encap_name((enum encapsulation)i);
}

static const char *unparsed_at(unsigned i)
{
    return unparsed_name((enum unparsed_reason)i);
}

static const char *proto_at(unsigned i)
{
    return proto_name((enum proto)i);
}

static void seen_json(const struct checkup *c, struct json *j)
{
    const struct capture_stats *s = &c->stats;
    json_key_double(j, "seconds", c->seconds);
    json_key_micros(j, "started", s->first_us);
    json_key_micros(j, "ended", s->last_us);
    json_key_u64(j, "packets", s->packets);
    json_key_u64(j, "bytes", s->bytes);
    json_key_u64(j, "not_tcp_packets", s->other_packets);
    json_key_u64(j, "udp_packets", s->udp_packets);
    json_key_u64(j, "quic_packets", s->quic_packets);
    json_key_u64(j, "unparsed_packets", s->unparsed_packets);
    named_json(j, "unparsed", UNPARSED_COUNT, s->unparsed_by, unparsed_at);
    named_json(j, "encapsulations", ENCAP_COUNT, s->encapsulations, encap_at);
    json_key_u64(j, "duplicates", s->duplicates);
    json_key_u64(j, "kernel_dropped", s->kernel_dropped);
    json_key_u64(j, "interface_dropped", s->interface_dropped);
    json_key_u64(j, "cut_packets", s->cut_segments);
    json_key_u64(j, "cut_bytes", s->cut_bytes);
    json_key_u64(j, "large_packets", c->watch.large);
    json_key_u64(j, "packets_back", c->watch.back);
    json_key_u64(j, "flows", s->flows);
    json_key_u64(j, "flows_midstream", s->flows_midstream);
    json_key_u64(j, "flows_oneway", s->flows_oneway);
    json_key_u64(j, "flows_split", s->flows_split);
    named_json(j, "flows_opaque", OPAQUE_COUNT, s->flows_opaque, opaque_at);
    json_key_u64(j, "gaps", s->gaps);
    json_key_u64(j, "gap_bytes", s->gap_bytes);
    json_key_u64(j, "acked_unseen_bytes", s->acked_unseen_bytes);
    json_key_double(j, "coverage", mirror_coverage(s));
    json_key_u64(j, "exchanges", c->exchanges);
    json_key_u64(j, "requests", c->requests);
    json_key_u64(j, "answers", c->answers);
    named_json(j, "protocols", PROTO_COUNT, c->protocols, proto_at);
}

static void source_json(const struct checkup *c, struct json *j)
{
    static const char *const verdicts[] = {"good", "partial", "little", "nothing"};
    enum mirror_harm worst = MIRROR_UNHARMED;
    for (size_t i = 0; i < c->n; i++)
        worst = c->found[i].harm > worst ? c->found[i].harm : worst;
    json_open(j, '{');
    json_key_text(j, "source", slice_str(c->source));
    json_key_text(j, "kind", slice_str(c->live ? "interface" : "file"));
    json_key_text(j, "verdict", slice_str(verdicts[worst]));
    json_key_text(j, "damage", slice_str(c->damage[0] ? c->damage : NULL));
    if (c->opened)
        seen_json(c, j);
    json_key(j, "findings");
    json_open(j, '[');
    for (int s = MIRROR_PROBLEM; s >= MIRROR_NOTE; s--)
        for (size_t i = 0; i < c->n; i++)
            if (c->found[i].severity == (enum mirror_severity)s)
                finding_json(c, &c->found[i], j);
    json_close(j, ']');
    json_close(j, '}');
}

void checkup_json(const struct checkup *all, size_t n, struct buf *out)
{
    struct json j = {out, false};
    json_open(&j, '{');
    json_key(&j, "tool");
    json_open(&j, '{');
    json_key_text(&j, "name", SLICE("spanwise"));
    json_key_text(&j, "version", SLICE(SPANWISE_VERSION));
    json_close(&j, '}');
    json_key(&j, "sources");
    json_open(&j, '[');
    for (size_t i = 0; i < n; i++)
        source_json(&all[i], &j);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_char(out, '\n');
}
