#include "analysis/report/report.h"

#include <stdio.h>

#include "analysis/report/keyeffect.h"
#include "analysis/report/writers.h"

static const struct {
    const char *name;
    void (*write)(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out);
} formats[REPORT_FORMATS] = {[REPORT_TEXT] = {"text", report_text},
                             [REPORT_MARKDOWN] = {"markdown", report_markdown},
                             [REPORT_HTML] = {"html", report_html},
                             [REPORT_JSON] = {"json", report_json},
                             [REPORT_CSV] = {"csv", report_csv}};

bool report_format_by_name(const char *name, enum report_format *out)
{
    for (int i = 0; i < REPORT_FORMATS; i++)
        if (!strcmp(formats[i].name, name)) {
            *out = (enum report_format)i;
            return true;
        }
    return false;
}

const char *report_format_name(enum report_format f)
{
    return f < REPORT_FORMATS ? formats[f].name : "?";
}

bool report_write(struct store_reader *r, enum report_format format, const struct report_options *o, struct buf *out,
                  char why[256])
{
    struct facts f;
    struct rekey rekey = {0};
    if (!store_read_begin(r, why))
        return false;
    if (span_given(&o->span) && !span_choose(&o->span, r, why)) {
        store_read_end(r);
        return false;
    }
    if (o->n_others && !store_read_join(r, o->others, o->n_others, why)) {
        store_read_end(r);
        return false;
    }
    bool ok = facts_load(&f, r);
    if (ok)
        key_effects_read(&rekey, r, &f);
    if (ok)
        formats[format].write(r, &f, o, out);
    ok = ok && !out->failed;
    snprintf(why, 256, "%s", store_read_failure(r) ? store_read_failure(r) : ok ? "" : "out of memory");
    rekey_free(&rekey);
    facts_free(&f);
    store_read_end(r);
    return !*why;
}
