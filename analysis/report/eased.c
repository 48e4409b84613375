#include "analysis/report/eased.h"

#include <string.h>

#include "base/human.h"

/* In the order in which they are given up; names as in capture/ease.def. */
static const struct {
    const char *name, *what;
} steps[] = {{"bodies", "bodies were not looked into"},
             {"parts", "requests were not compared by their parts"},
             {"half", "half of the new connections was left out"},
             {"quarter", "three of four were"},
             {"eighth", "seven of eight were"}};

enum { STEPS = sizeof steps / sizeof *steps };

static void nulls(struct json *j)
{
    json_key(j, "degraded");
    json_null(j);
    json_key(j, "skipped");
    json_null(j);
}

void eased_json(struct json *j, const struct facts *f)
{
    if (f->capture.from_records || f->windowed) {
        nulls(j);
        return;
    }
    json_key(j, "degraded");
    json_open(j, '[');
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t times = facts_counted(f, "eased", steps[i].name);
        if (!times)
            continue;
        json_open(j, '{');
        json_key(j, "step");
        json_str(j, steps[i].name);
        json_key_u64(j, "times", times);
        json_key_micros(j, "seconds", (int64_t)facts_counted(f, "eased_us", steps[i].name));
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "skipped");
    json_open(j, '{');
    json_key_u64(j, "packets", facts_counted(f, "skipped", "packets"));
    json_key_u64(j, "flows", facts_counted(f, "skipped", "flows"));
    json_close(j, '}');
}

bool eased_line(const struct facts *f, struct buf *out)
{
    uint64_t packets = facts_counted(f, "skipped", "packets");
    unsigned n = 0;
    for (unsigned i = 0; i < STEPS && !f->windowed; i++) {
        if (!facts_counted(f, "eased", steps[i].name))
            continue;
        buf_printf(out, "%s%s for %s", n++ ? ", " : "This machine did not keep up: ", steps[i].what,
                   human_seconds((double)facts_counted(f, "eased_us", steps[i].name) / 1e6).text);
    }
    if (n && packets)
        buf_printf(out, " (%s packets of %s connections): counts are lower bounds", human_count(packets).text,
                   human_count(facts_counted(f, "skipped", "flows")).text);
    if (n)
        buf_str(out, ".\n");
    return n;
}
