/* doctor: looks at an interface for some seconds, or at a file, as `capture` would, and says what is wrong with the
 * mirror. Nothing is analysed or stored. Interfaces are looked at at the same time, each for itself; files one after
 * the other. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/wall.h"
#include "cmd/checkup.h"
#include "cmd/commands.h"
#include "cmd/input.h"
#include "cmd/privilege.h"

enum { DOCTOR_FORMAT = 1, DOCTOR_SECONDS };
enum { SECONDS = 10, MEMORY_LEAST = 16 << 20, WIDTH = 80, WIDTH_MOST = 120, LOOK_EVERY = 64 };

struct doctor {
    struct input in;
    double seconds;
    bool json, timed;        /* timed: how long was said */
    struct checkup *checkup; /* one for each source */
    size_t n;
};

/* Of one source while it is looked at. */
struct patient {
    struct checkup *checkup;
    struct capture *capture;
};

static const struct arg table[] = {INPUT_WIRE_ARGS,
                                   {DOCTOR_SECONDS, 0, "seconds", "S", "live: look so long (default 10)"},
                                   {DOCTOR_FORMAT, 0, "format", "F", "text (default) or json"},
                                   {0}};

static const char usage[] =
    "usage: spanwise doctor -i IF… [--seconds S] [--format text|json]\n"
    "       spanwise doctor -r FILE… [--format text|json]   words behind -r FILE are further files\n"
    "Is this mirror port usable? What is wrong with it, with the numbers that show it, and what to do about each.\n";

static bool on_option(void *context, int id, const char *value)
{
    struct doctor *d = context;
    bool told = false;
    switch (id) {
    case DOCTOR_FORMAT:
        d->json = strcmp(value, "json") == 0;
        if (d->json || strcmp(value, "text") == 0)
            return true;
        log_line("--format: '%s' is neither text nor json", value);
        return false;
    case DOCTOR_SECONDS:
        d->timed = true;
        if (args_seconds(value, &d->seconds) && d->seconds >= 0.1 && d->seconds <= 86400)
            return true;
        log_line("--seconds: '%s' is no time from 0.1 s to a day", value);
        return false;
    case ARG_POSITIONAL:
        if (input_word(&d->in, value, &told))
            return true;
        if (!told)
            log_line("doctor: '%s' is no option; interfaces are given with -i, captures with -r", value);
        return false;
    default:
        return input_option(&d->in, id, value);
    }
}

static double monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one source ---- */

static void count(void *context, struct exchange *x)
{
    struct patient *p = context;
    struct checkup *c = p->checkup;
    bool asked = x->method.p != NULL, answered = x->cache ? x->cache->answered : x->status != 0;
    c->exchanges++;
    c->requests += asked;
    c->answers += answered;
    c->orphans += answered && !asked;
    c->unanswered += asked && !answered;
    c->protocols[x->proto]++;
    capture_give_back(p->capture, x);
}

static bool admit(struct doctor *d, struct patient *p, struct checkup *c, size_t together)
{
    struct capture_options o = d->in.capture;
    char why[128];
    *p = (struct patient){.checkup = c};
    o.memory = d->in.memory / together > MEMORY_LEAST ? d->in.memory / together : MEMORY_LEAST;
    o.packet.tally = &c->tally;
    o.sink = (struct exchange_sink){count, p};
    p->capture = capture_new(&o, why);
    if (!p->capture)
        log_line("%s", why);
    return p->capture != NULL;
}

static void discharge(struct patient *p, struct source *source, size_t i)
{
    struct checkup *c = p->checkup;
    capture_finish(p->capture);
    c->stats = *capture_counters(p->capture);
    if (c->live) {
        source_drops_of(source, i, &c->stats.kernel_dropped, &c->stats.interface_dropped);
    } else {
        source_drops(source, &c->stats.kernel_dropped, &c->stats.interface_dropped);
        c->stats.mistimed = source_mistimed(source);
        c->seconds = c->watch.frames ? (double)(c->watch.greatest - c->watch.least) / 1e6 : NAN;
    }
    capture_free(p->capture);
}

/* Live: now and then, whether it is time to end. */
static bool over(struct doctor *d, struct source *source, struct patient *patient, size_t n, double until)
{
    uint64_t kernel, interface;
    if (input_keys(d->in.capture.keys, d->in.keys))
        for (size_t i = 0; i < n; i++)
            capture_secrets(patient[i].capture);
    if (!d->in.n_interfaces)
        return false;
    source_drops(source, &kernel, &interface); /* counts in 32 bits */
    return monotonic() >= until;
}

/* From frames to what the captures counted. Returns an exit code. */
static int look(struct doctor *d, struct source *source, struct patient *patient, size_t n)
{
    double until = monotonic() + d->seconds;
    struct frame f[CAPTURE_FRAMES];
    int code = 0;
    unsigned n_frames;
    uint64_t frames = 0;
    input_wake(source);
    for (bool more = true; more;) {
        switch (source_next(source, f)) {
        case SOURCE_FRAME:
            n_frames = CAPTURE_FRAMES - (unsigned)(frames % CAPTURE_FRAMES);
            n_frames = 1 + source_more(source, f + 1, n_frames - 1);
            for (unsigned i = 0; i < n_frames; i++)
                watch_frame(&patient[f->input].checkup->watch, &f[i]);
            capture_frames(patient[f->input].capture, f, n_frames);
            frames += n_frames;
            more = frames % LOOK_EVERY || !over(d, source, patient, n, until);
            break;
        case SOURCE_TICK:
            for (size_t i = 0; i < n; i++)
                capture_tick(patient[i].capture, f->ts);
            more = !over(d, source, patient, n, until);
            break;
        case SOURCE_DAMAGE:
            capture_counters(patient->capture)->damaged++;
            log_line("%s", source_message(source));
            snprintf(patient->checkup->damage, sizeof patient->checkup->damage, "%s", source_message(source));
            break;
        case SOURCE_FAILED:
            log_line("%s", source_message(source));
            code = 1;
            more = false;
            break;
        case SOURCE_END:
            more = false;
            break;
        }
    }
    input_wake(NULL);
    over(d, source, patient, n, until);
    return code;
}

/* All sources of one `source`. */
static int examine(struct doctor *d, struct source *source, struct checkup *const *who, size_t n)
{
    struct patient *patient = calloc(n, sizeof *patient);
    size_t in = 0;
    double began = monotonic();
    int code = patient ? 0 : 1;
    while (!code && in < n)
        code = admit(d, &patient[in], who[in], n) ? (in++, 0) : 2;
    if (!code)
        code = look(d, source, patient, n);
    for (size_t i = 0; i < in; i++) {
        who[i]->seconds = monotonic() - began;
        discharge(&patient[i], source, i);
    }
    free(patient);
    return code;
}

/* ---- all of them ---- */

static struct checkup *new_checkup(struct doctor *d, const char *source, bool live)
{
    struct checkup *c = &d->checkup[d->n++];
    *c = (struct checkup){.source = source, .live = live, .keys = d->in.keys != NULL};
    c->stats.first_us = c->stats.last_us = TIME_NONE;
    return c;
}

static int examine_files(struct doctor *d)
{
    struct source_error error = {0};
    for (size_t i = 0; i < d->in.n_files; i++) {
        struct source *source = input_open_files(&d->in.files[i], 1, d->in.capture.keys, &error);
        if (!source) {
            log_line("%s", error.text);
            return error.exit_code;
        }
        struct checkup *c = new_checkup(d, d->in.files[i], false);
        c->opened = true;
        int code = examine(d, source, &c, 1);
        source_close(source);
        if (code)
            return code;
        checkup_judge(c, false, false, wall_us());
    }
    return 0;
}

/* Whether the interface can be opened at all: what keeps it from that is a finding. */
static int knock(struct doctor *d, const char *name, struct checkup **out)
{
    struct source_error error = {0};
    struct source_live how = {&name, 1, d->in.filter, d->in.snaplen, 1 << 20};
    struct source *source = source_open_live(&how, &error);
    bool denied = error.trouble == SOURCE_DENIED, down = error.trouble == SOURCE_DOWN;
    if (!source && !denied && !down) {
        log_line("%s", error.text);
        return error.exit_code;
    }
    *out = new_checkup(d, name, true);
    (*out)->opened = source != NULL;
    if (source)
        source_close(source);
    else
        checkup_judge(*out, denied, down, TIME_NONE);
    return 0;
}

static int examine_open(struct doctor *d, struct checkup *const *who, size_t n)
{
    struct source_error error = {0};
    struct privilege p;
    char why[256];
    const char *names[INPUT_SOURCES_MAX];
    for (size_t i = 0; i < n; i++)
        names[i] = who[i]->source;
    struct source_live how = {names, n, d->in.filter, d->in.snaplen, 0};
    if (!privilege_plan(d->in.user, &p, why, sizeof why)) {
        log_line("%s", why);
        return 2;
    }
    struct source *source = source_open_live(&how, &error);
    if (!source) {
        log_line("%s", error.text);
        return error.exit_code;
    }
    int code = 1;
    if (!privilege_drop(&p, why, sizeof why))
        log_line("%s", why);
    else
        code = examine(d, source, who, n);
    source_close(source);
    for (size_t i = 0; i < n; i++)
        checkup_judge(who[i], false, false, wall_us());
    return code;
}

/* Interfaces that cannot be opened are told of beside the others; then the exit code is 1. */
static int examine_interfaces(struct doctor *d)
{
    struct checkup *open[INPUT_SOURCES_MAX], *c = NULL;
    size_t n = 0;
    for (size_t i = 0; i < d->in.n_interfaces; i++) {
        int code = knock(d, d->in.interfaces[i], &c);
        if (code)
            return code;
        if (c->opened)
            open[n++] = c;
    }
    if (n && !d->in.quiet && isatty(STDERR_FILENO))
        log_progress("looking for %.0f s", d->seconds);
    int code = n ? examine_open(d, open, n) : 0;
    log_progress("%s", "");
    return code ? code : n < d->in.n_interfaces;
}

static unsigned width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < WIDTH)
        return WIDTH;
    return size.ws_col < WIDTH_MOST ? size.ws_col : WIDTH_MOST;
}

static bool show(const struct doctor *d)
{
    struct buf out = {0};
    if (d->json)
        checkup_json(d->checkup, d->n, &out);
    for (size_t i = 0; i < d->n && !d->json; i++) {
        if (i)
            buf_char(&out, '\n');
        checkup_text(&d->checkup[i], width(), &out);
    }
    bool ok = !out.failed && fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0;
    if (!ok)
        log_stdout(out.failed ? ENOMEM : errno);
    buf_free(&out);
    return ok;
}

static int run(struct doctor *d)
{
    d->checkup = calloc(d->in.n_files + d->in.n_interfaces, sizeof *d->checkup);
    if (!d->checkup) {
        log_line("out of memory");
        return 1;
    }
    int code = d->in.n_files ? examine_files(d) : examine_interfaces(d);
    if (d->n && (code == 0 || code == 1) && !show(d))
        code = 1;
    free(d->checkup);
    return code;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor d = {.seconds = SECONDS};
    input_init(&d.in);
    int parsed = args_parse(usage, table, argc, argv, on_option, &d);
    if (parsed)
        return parsed == ARG_HELP ? 0 : 2;
    if (!d.in.n_files && !d.in.n_interfaces) {
        log_line("doctor: which one? -i IF or -r FILE; `spanwise capture` lists the interfaces");
        return 2;
    }
    if (d.timed && !d.in.n_interfaces) {
        log_line("--seconds is for -i; a capture is looked at to its end");
        return 2;
    }
    int code = input_check(&d.in);
    if (code)
        return code;
    input_catch_signals();
    code = run(&d);
    input_close(&d.in);
    return code;
}
