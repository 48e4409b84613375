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

void windowed_json(struct json *j, const struct facts *f)
{
    if (!f->windowed)
        return;
    json_key(j, "window");
    json_open(j, '{');
    json_key_micros(j, "from", f->window.from_s * 1000000);
    json_key_micros(j, "to", f->window.to_s * 1000000);
    json_key(j, "unknown");
    json_open(j, '{');
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        json_key(j, unknown[i][0]);
        json_str(j, unknown[i][1]);
    }
    json_close(j, '}');
    json_close(j, '}');
}

void windowed_text(const struct facts *f, const char *lead, struct buf *out)
{
    if (!f->windowed)
        return;
    buf_printf(out,
               "%sonly %s to %s UTC, whole hours; what was fetched or asked for before counts for hits and repeats\n",
               lead, human_moment(f->window.from_s * 1000000).text, human_moment(f->window.to_s * 1000000).text);
    buf_printf(out, "%sadvice, sharing, peaks and packets are of the whole audit: leave out --from and --to\n", lead);
}
