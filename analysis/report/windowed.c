#include "analysis/report/windowed.h"

#include "base/human.h"

static const char distinct[] = "distinct ones of hours do not add up", peak[] = "peaks are kept of the whole audit",
                  whole[] = "rests on the whole audit: report without --from and --to",
                  wire[] = "packets are not counted by the hour";

/* Members of the JSON report that are null in a window. */
static const char *const unknown[][2] = {{"capture.packets", wire},
                                         {"capture.coverage", wire},
                                         {"capture.degraded", wire},
                                         {"totals.keys", distinct},
                                         {"totals.repeat_ratio", distinct},
                                         {"endpoints.keys", distinct},
                                         {"endpoints.repeat_ratio", distinct},
                                         {"endpoints.clients", distinct},
                                         {"endpoints.latency.max", peak},
                                         {"endpoints.ttl.live_bytes_peak", peak},
                                         {"endpoints.staleness.median_low_s", whole},
                                         {"endpoints.key_advice", whole},
                                         {"endpoints.sharing", whole},
                                         {"endpoints.recommendation", whole},
                                         {"clients.peak", peak},
                                         {"clients.envelope", peak},
                                         {"recommendations", whole}};

static const char each[] = "rests on what was compared in each audit: report them alone",
                  same[] = "may be the same in several audits", moment[] = "when each audit had its own is not kept",
                  records[] = "records of several audits are not put in one order";

/* The same of audits that are read as one. */
static const char *const unknown_joined[][2] = {{"totals.keys", same},
                                                {"totals.repeat_ratio", same},
                                                {"endpoints.keys", same},
                                                {"endpoints.repeat_ratio", same},
                                                {"endpoints.clients", same},
                                                {"endpoints.concurrency", records},
                                                {"endpoints.latency.max", moment},
                                                {"endpoints.ttl.live_bytes_peak", moment},
                                                {"endpoints.ttl.repeat_ratio", records},
                                                {"endpoints.staleness.median_low_s", each},
                                                {"endpoints.key_advice", each},
                                                {"endpoints.sharing", each},
                                                {"endpoints.recommendation", each},
                                                {"clients.peak", moment},
                                                {"clients.envelope", moment},
                                                {"recommendations", each}};

void windowed_json(struct json *j, const struct facts *f)
{
    if (!f->windowed)
        return;
    json_key(j, f->joined ? "joined" : "window");
    json_open(j, '{');
    if (f->joined)
        json_key_u64(j, "audits", f->joined);
    json_key_micros(j, "from", f->window.from_s * 1000000);
    json_key_micros(j, "to", f->window.to_s * 1000000);
    json_key(j, "unknown");
    json_open(j, '{');
    size_t n = f->joined ? sizeof unknown_joined / sizeof *unknown_joined : sizeof unknown / sizeof *unknown;
    for (size_t i = 0; i < n; i++) {
        const char *const *u = f->joined ? unknown_joined[i] : unknown[i];
        json_key(j, u[0]);
        json_str(j, u[1]);
    }
    json_close(j, '}');
    json_close(j, '}');
}

void windowed_text(const struct facts *f, const char *lead, struct buf *out)
{
    if (!f->windowed)
        return;
    if (f->joined) {
        buf_printf(out,
                   "%s%zu audits added up: hits are those of a cache for each, and of one for all where no key was "
                   "seen by two\n",
                   lead, f->joined);
        buf_printf(out, "%sadvice, sharing and peaks are of each audit: report them alone\n", lead);
        return;
    }
    buf_printf(out,
               "%sonly %s to %s UTC, whole hours; what was fetched or asked for before counts for hits and repeats\n",
               lead, human_moment(f->window.from_s * 1000000).text, human_moment(f->window.to_s * 1000000).text);
    buf_printf(out, "%sadvice, sharing, peaks and packets are of the whole audit: leave out --from and --to\n", lead);
}
