/* The page as one file: what it would ask the service for is in it. It may load nothing and send nothing. */
#include <stdint.h>

#include "analysis/report/assets.h"
#include "analysis/report/series.h"
#include "analysis/report/writers.h"

enum { POINTS = 240 };

/* Text from traffic inside markup. */
static void escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        switch (text.p[i]) {
        case '<':
            buf_str(out, "&lt;");
            break;
        case '&':
            buf_str(out, "&amp;");
            break;
        default:
            buf_char(out, text.p[i]);
        }
}

/* JSON inside a script element: nothing in it may look like the element's end. A `<` stands in strings alone. */
static void embedded(struct buf *out, struct slice json)
{
    for (size_t i = 0; i < json.n; i++)
        if (json.p[i] == '<')
            buf_str(out, "\\u003c");
        else
            buf_char(out, json.p[i]);
}

static void series(struct store_reader *r, const struct facts *f, enum series_metric metric, const char *name,
                   struct buf *out)
{
    char why[512];
    struct json j = {out, false};
    int64_t minutes = (f->capture.ended_us - f->capture.started_us) / 60000000 / POINTS + 1;
    struct series s = {metric, INT64_MIN, INT64_MAX, f->any ? minutes * 60 : SERIES_STEP};
    buf_str(out, ",\"");
    buf_str(out, name);
    buf_str(out, "\":");
    series_write(&s, r, &j, why);
}

static void carried(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct buf json = {0};
    buf_str(&json, "{\"report\":");
    report_json(r, f, o, &json);
    series(r, f, SERIES_requests, "requests", &json);
    series(r, f, SERIES_errors, "errors", &json);
    buf_char(&json, '}');
    buf_str(out, "<script type=\"application/json\" id=\"carried\">");
    embedded(out, slice_of(json.p, json.n));
    buf_str(out, "</script>\n");
    out->failed |= json.failed;
    buf_free(&json);
}

static bool line_of(struct slice *rest, struct slice *line)
{
    if (!rest->n)
        return false;
    size_t end = slice_find(*rest, '\n', 0);
    *line = slice_sub(*rest, 0, end);
    *rest = slice_sub(*rest, end < rest->n ? end + 1 : end, rest->n);
    return true;
}

/* The modules of the page one after the other, as one. */
static void script(const char *path, struct buf *out)
{
    struct slice rest = assets_find(slice_str(path))->bytes, line;
    while (line_of(&rest, &line)) {
        if (slice_starts(line, SLICE("import ")))
            continue;
        if (slice_starts(line, SLICE("export ")))
            line = slice_sub(line, 7, line.n);
        buf_slice(out, line);
        buf_char(out, '\n');
    }
}

static void head(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    buf_str(out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n<style>\n");
    buf_slice(out, assets_find(SLICE("/page.css"))->bytes);
    buf_str(out, "</style>\n");
    carried(r, f, o, out);
    buf_str(out, "<script type=\"module\">\n");
    script("/draw.js", out);
    script("/words.js", out);
    script("/sheets.js", out);
    script("/page.js", out);
    buf_str(out, "</script>\n</head>\n");
}

static void without_script(struct store_reader *r, const struct facts *f, const struct report_options *o,
                           struct buf *out)
{
    struct buf text = {0};
    report_text(r, f, o, &text);
    buf_str(out, "<noscript><pre>\n");
    escaped(out, slice_of(text.p, text.n));
    buf_str(out, "</pre></noscript>\n");
    out->failed |= text.failed;
    buf_free(&text);
}

static bool refers(struct slice line)
{
    static const char mark[] = "=\"/";
    return line.n && memmem(line.p, line.n, mark, sizeof mark - 1);
}

/* Lines of the page that name an address of the service are left out. */
void report_html(struct store_reader *r, const struct facts *f, const struct report_options *o, struct buf *out)
{
    struct slice rest = assets_find(SLICE("/"))->bytes, line;
    while (line_of(&rest, &line)) {
        if (slice_eq(line, SLICE("</head>")))
            head(r, f, o, out);
        else if (!refers(line)) {
            buf_slice(out, line);
            buf_char(out, '\n');
        }
        if (slice_eq(line, SLICE("<body>")))
            without_script(r, f, o, out);
    }
}
