#include "analysis/limitspec.h"

#include <stdio.h>

enum shape { SHAPE_NGINX, SHAPE_BUCKET, SHAPE_WINDOW, SHAPE_ENVOY };

static const struct {
    const char *name;
    enum shape shape;
    const char *help;
} models[LIMITER_MODELS] = {
#define MODEL(id, name, shape, help) {name, SHAPE_##shape, help},
#include "analysis/limiter.def"
#undef MODEL
};

/* What is being read, and the first complaint. */
struct spec {
    struct slice rest;
    char *why;
    bool bad;
};

static void refuse(struct spec *s, const char *what, struct slice got)
{
    if (!s->bad)
        snprintf(s->why, 160, "'%.*s' is no %s", got.n < 60 ? (int)got.n : 60, got.p ? got.p : "", what);
    s->bad = true;
}

static struct slice next(struct spec *s)
{
    size_t at = slice_find(s->rest, ':', 0);
    struct slice item = slice_sub(s->rest, 0, at);
    s->rest = at < s->rest.n ? slice_sub(s->rest, at + 1, s->rest.n) : (struct slice){NULL, 0};
    return item;
}

/* A decimal with at most `places` places, times 10^places. False: it is none, or above LIMITSPEC_MOST. */
static bool decimal(struct slice text, unsigned places, uint64_t *out)
{
    size_t dot = slice_find(text, '.', 0);
    struct slice fraction = slice_sub(text, dot + 1, text.n);
    uint64_t whole, part = 0, scale = 1;
    if (!slice_u64(slice_sub(text, 0, dot), &whole) || whole > LIMITSPEC_MOST)
        return false;
    if (dot < text.n && (!fraction.n || fraction.n > places || !slice_u64(fraction, &part)))
        return false;
    for (unsigned i = 0; i < places; i++) {
        scale *= 10;
        if (i >= fraction.n)
            part *= 10;
    }
    *out = whole * scale + part;
    return true;
}

static uint64_t number(struct spec *s, const char *what, unsigned places, uint64_t least)
{
    struct slice text = next(s);
    uint64_t n = 0;
    if (!decimal(text, places, &n) || n < least)
        refuse(s, what, text);
    return n;
}

static int64_t milliseconds(struct spec *s, const char *what)
{
    struct slice text = next(s);
    uint64_t n = 0;
    if (!decimal(text, 3, &n) || !n || n > LIMITSPEC_SECONDS * 1000ull)
        refuse(s, what, text);
    return (int64_t)n;
}

/* As nginx reads it: whole numbers, r/s or r/m, kept as thousandths a second by integer division. */
static void read_rate(struct spec *s, struct limit *l)
{
    struct slice text = next(s), digits = text;
    if (text.n > 3 && (slice_eq(slice_sub(text, text.n - 3, text.n), SLICE("r/s")) ||
                       slice_eq(slice_sub(text, text.n - 3, text.n), SLICE("r/m")))) {
        l->per_minute = text.p[text.n - 1] == 'm';
        digits.n -= 3;
    }
    if (!slice_u64(digits, &l->rate_text) || !l->rate_text || l->rate_text > LIMITSPEC_MOST) {
        refuse(s, "rate: 10, 10r/s or 90r/m", text);
        return;
    }
    l->rate = l->rate_text * 1000 / (l->per_minute ? 60 : 1);
}

static void read_nginx(struct spec *s, struct limit *l)
{
    static const struct slice delay = {"delay=", 6};
    uint64_t n = 0;
    read_rate(s, l);
    l->depth = number(s, "burst", 0, 0) * 1000;
    l->delay = -1;
    if (!s->rest.p)
        return;
    struct slice mode = next(s);
    if (slice_starts(mode, delay) && decimal(slice_sub(mode, delay.n, mode.n), 0, &n))
        l->delay = (int64_t)n * 1000;
    else if (!slice_eq(mode, SLICE("nodelay")))
        refuse(s, "way to delay: nodelay or delay=N", mode);
}

static void read_shape(struct spec *s, enum shape shape, struct limit *l)
{
    switch (shape) {
    case SHAPE_NGINX:
        read_nginx(s, l);
        break;
    case SHAPE_BUCKET:
        l->rate = number(s, "rate per second (up to 6 places)", 6, 1);
        l->depth = number(s, "depth of a bucket (1 or more)", 6, 1000000) * 1000;
        break;
    case SHAPE_WINDOW:
        l->depth = number(s, "number of requests", 0, 1);
        l->window_ms = milliseconds(s, "window in seconds");
        break;
    case SHAPE_ENVOY:
        l->depth = number(s, "number of tokens", 0, 1);
        l->fill = number(s, "number of tokens per fill", 0, 1);
        l->window_ms = milliseconds(s, "interval in seconds");
        break;
    }
}

bool limitspec_parse(struct slice text, struct limit *out, char why[160])
{
    struct spec s = {text, why, false};
    struct slice name = next(&s);
    *out = (struct limit){.delay = -1};
    for (int i = 0; i < LIMITER_MODELS; i++) {
        if (!slice_eq(name, slice_str(models[i].name)))
            continue;
        out->model = (enum limiter_model)i;
        if (s.rest.p)
            read_shape(&s, models[i].shape, out);
        else
            refuse(&s, "whole limit: its numbers follow after ':'", text);
        if (!s.bad && s.rest.p)
            refuse(&s, "part of it", s.rest);
        return !s.bad;
    }
    refuse(&s, "limiter that is known", name);
    return false;
}

/* value / 10^places without trailing zeros. */
static void say_decimal(struct buf *out, uint64_t value, unsigned places)
{
    uint64_t scale = 1;
    for (unsigned i = 0; i < places; i++)
        scale *= 10;
    buf_printf(out, "%llu", (unsigned long long)(value / scale));
    uint64_t part = value % scale;
    if (!part)
        return;
    for (; part % 10 == 0; part /= 10)
        places--;
    buf_printf(out, ".%0*llu", (int)places, (unsigned long long)part);
}

static void say_nginx(const struct limit *l, struct buf *out)
{
    buf_printf(out, "%llu r/%c, burst %llu, ", (unsigned long long)l->rate_text, l->per_minute ? 'm' : 's',
               (unsigned long long)(l->depth / 1000));
    if (l->delay < 0)
        buf_str(out, "nodelay");
    else
        buf_printf(out, "delay=%llu", (unsigned long long)(l->delay / 1000));
}

void limitspec_say(const struct limit *l, struct buf *out)
{
    buf_printf(out, "%s: ", models[l->model].name);
    switch (models[l->model].shape) {
    case SHAPE_NGINX:
        say_nginx(l, out);
        break;
    case SHAPE_BUCKET:
        say_decimal(out, l->rate, 6);
        buf_str(out, " a second, bucket ");
        say_decimal(out, l->depth, 9);
        break;
    case SHAPE_WINDOW:
        buf_printf(out, "%llu in ", (unsigned long long)l->depth);
        say_decimal(out, (uint64_t)l->window_ms, 3);
        buf_str(out, " s");
        break;
    case SHAPE_ENVOY:
        buf_printf(out, "%llu tokens, %llu more every ", (unsigned long long)l->depth, (unsigned long long)l->fill);
        say_decimal(out, (uint64_t)l->window_ms, 3);
        buf_str(out, " s");
        break;
    }
}

void limitspec_help(struct buf *out)
{
    for (int i = 0; i < LIMITER_MODELS; i++)
        buf_printf(out, "  %s:%s\n", models[i].name, models[i].help);
}
