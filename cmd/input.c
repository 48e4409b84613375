#include "cmd/input.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "capture/ease.h"
#include "cmd/secret.h"

enum { PULSE_US = 100000, KEYS_EVERY = 64 };

/* Records of a pipe that stalls leave after twice that at most: with a commit a second that is less than two seconds.
 */
static const double SETTLE_S = 0.4;

static _Atomic bool stopped, hung_up;
static volatile sig_atomic_t opening;  /* files: a pipe may give nothing for long, and nothing is begun yet */
static bool has_terminal, keep_on;     /* keep_on: nohup, a terminal that goes away is no reason to end */
static struct source *_Atomic running; /* what a signal must wake */

void input_init(struct input *in)
{
    *in = (struct input){.memory = 512ull << 20};
    in->capture.packet = packet_options_default();
    in->capture.answer_timeout_us = 300000000;
}

static bool refuse(const char *option, const char *value, const char *want)
{
    log_line("--%s: '%s' is no %s", option, value, want);
    return false;
}

static bool ports(const char *option, const char *list, uint16_t *out, unsigned most, unsigned *n)
{
    struct slice rest = slice_str(list), item;
    uint64_t port;
    *n = 0;
    while (slice_next(&rest, ',', &item)) {
        if (!slice_u64(item, &port) || !port || port > 65535 || *n == most)
            return refuse(option, list, "list of TCP or UDP ports");
        out[(*n)++] = (uint16_t)port;
    }
    return *n ? true : refuse(option, list, "list of TCP or UDP ports");
}

static bool add_source(const char **list, size_t *n, const char *value)
{
    if (*n == INPUT_SOURCES_MAX)
        return refuse("read", value,
                      "source any more: 4096 are the most; go on with --append, or join some (mergecap)");
    list[(*n)++] = value;
    return true;
}

static bool number(struct input *in, int id, const char *value)
{
    unsigned long long bytes;
    double seconds;
    uint64_t n;
    switch (id) {
    case INPUT_MEMORY:
        if (!args_size(value, &bytes) || bytes < (16ull << 20))
            return refuse("memory", value, "size of at least 16M");
        in->memory = bytes;
        return true;
    case INPUT_SNAPLEN:
        if (!slice_u64(slice_str(value), &n) || n < 64 || n > 262144)
            return refuse("snaplen", value, "length from 64 to 262144");
        in->snaplen = (uint32_t)n;
        return true;
    default:
        if (!args_seconds(value, &seconds) || seconds < 1e-3)
            return refuse("answer-timeout", value, "time of a millisecond or more");
        in->capture.answer_timeout_us = (int64_t)(seconds * 1e6);
        return true;
    }
}

static bool identity(struct input *in, const char *list)
{
    char why[128];
    if (idorder_parse(slice_str(list), &in->capture.seal.order, why))
        return true;
    log_line("--identity: %s; it is a list of apikey[=FIELD], authorization, mtls, cookie[=NAME], forwarded, address",
             why);
    return false;
}

/* Lists add up: what a file of options hides, another list does not show. */
static bool redact(struct input *in, const char *list)
{
    static char all[4096];
    size_t n = in->capture.seal.redact.more_names ? strlen(all) : 0;
    if (n + strlen(list) + 2 > sizeof all)
        return refuse("redact", list, "list that has room beside the others: 4095 characters in all");
    snprintf(all + n, sizeof all - n, "%s%s", n ? "," : "", list);
    in->capture.seal.redact.more_names = all;
    return true;
}

bool input_option(struct input *in, int id, const char *value)
{
    unsigned n = 0;
    in->given |= UINT32_C(1) << (id - INPUT_INTERFACE);
    switch (id) {
    case INPUT_INTERFACE:
        return add_source(in->interfaces, &in->n_interfaces, value);
    case INPUT_READ:
        return add_source(in->files, &in->n_files, value);
    case INPUT_RECORDS:
        in->records = value;
        return true;
    case INPUT_FILTER:
        in->filter = value;
        return true;
    case INPUT_SECRET:
        in->secret = value;
        return true;
    case INPUT_USER:
        in->user = value;
        return true;
    case INPUT_KEYS:
        in->keys = value;
        return true;
    case INPUT_PORTS:
        return ports("ports", value, in->capture.ports, CAPTURE_PORTS_MAX, &in->capture.n_ports);
    case INPUT_VXLAN: {
        bool ok = ports("vxlan-ports", value, in->capture.packet.vxlan_ports, PACKET_VXLAN_PORTS_MAX, &n);
        in->capture.packet.n_vxlan_ports = (uint8_t)n;
        return ok;
    }
    case INPUT_MERGE:
        in->capture.merge_vlans = true;
        return true;
    case INPUT_DUPLICATES:
        in->capture.keep_duplicates = true;
        return true;
    case INPUT_REDACT:
        return redact(in, value);
    case INPUT_PROXIES:
        in->capture.seal.trusted_proxies = value;
        return true;
    case INPUT_IDENTITY:
        return identity(in, value);
    case INPUT_NAMES:
        in->capture.seal.show_names = true;
        return true;
    case INPUT_CLEAR:
        in->capture.seal.redact.clear_targets = true;
        return true;
    case INPUT_PRIVACY:
        in->capture.seal.redact.strict = strcmp(value, "strict") == 0;
        if (in->capture.seal.redact.strict || strcmp(value, "standard") == 0)
            return true;
        log_line("--privacy: '%s' is neither standard nor strict", value);
        return false;
    case INPUT_QUIET:
        in->quiet = true;
        return true;
    default:
        return number(in, id, value);
    }
}

static bool pipe_at(const char *path)
{
    struct stat st;
    return (strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(path, &st)) == 0 && !S_ISREG(st.st_mode);
}

bool input_piped(const struct input *in)
{
    bool piped = in->records && pipe_at(in->records);
    for (size_t i = 0; i < in->n_files; i++)
        piped |= pipe_at(in->files[i]);
    return piped;
}

bool input_word(struct input *in, const char *word, bool *told)
{
    *told = in->n_files == INPUT_SOURCES_MAX;
    return in->n_files && add_source(in->files, &in->n_files, word);
}

/* A key log may come later where packets do. */
static bool may_come(const struct input *in)
{
    return in->n_interfaces || input_piped(in);
}

/* Of files without a key log, too: a capture may bring its secrets along. */
static int open_keys(struct input *in)
{
    struct tls_keys *k = tls_keys_new(&in->capture.key);
    if (!k) {
        log_line("out of memory");
        return 1;
    }
    in->capture.keys = k;
    if (!in->keys)
        return 0;
    if (!tls_keys_follow(k, in->keys, may_come(in))) {
        log_line("--keys %s: %s", in->keys, strerror(errno));
        input_close(in);
        return 2;
    }
    if (!tls_keys_open(k) && !in->quiet)
        log_line("--keys %s: is not there yet; it is read when it comes", in->keys);
    if (tls_keys_refused(k))
        log_line("--keys %s: %llu lines are none of a key log (NSS format)", in->keys,
                 (unsigned long long)tls_keys_refused(k));
    return 0;
}

/* Options that not every source heeds. */
enum { OF_LIVE = 1, OF_FILES = 2, OF_RECORDS = 4, OF_STORED = 8 };
static const struct {
    int id;
    const char *name;
    unsigned of;
} heeded[] = {
    {INPUT_USER, "user", OF_LIVE},
    {INPUT_SNAPLEN, "snaplen", OF_LIVE},
    {INPUT_KEYS, "keys", OF_LIVE | OF_FILES},
    {INPUT_PORTS, "ports", OF_LIVE | OF_FILES},
    {INPUT_VXLAN, "vxlan-ports", OF_LIVE | OF_FILES},
    {INPUT_MERGE, "merge-vlans", OF_LIVE | OF_FILES},
    {INPUT_DUPLICATES, "keep-duplicates", OF_LIVE | OF_FILES},
    {INPUT_TIMEOUT, "answer-timeout", OF_LIVE | OF_FILES},
    {INPUT_PROXIES, "trusted-proxies", OF_LIVE | OF_FILES},
    {INPUT_MEMORY, "memory", OF_LIVE | OF_FILES | OF_RECORDS},
    {INPUT_REDACT, "redact", OF_LIVE | OF_FILES | OF_RECORDS},
    {INPUT_CLEAR, "clear-targets", OF_LIVE | OF_FILES | OF_RECORDS},
};

/* Whoever gives what does nothing here may expect something of it; but options may be those of another source's run, or
 * of a file of options for all. */
static void note_unheeded(const struct input *in)
{
    unsigned of = in->n_interfaces ? OF_LIVE : in->n_files ? OF_FILES : in->records ? OF_RECORDS : OF_STORED;
    for (size_t i = 0; i < sizeof heeded / sizeof *heeded; i++) {
        if (!(in->given >> (heeded[i].id - INPUT_INTERFACE) & 1) || heeded[i].of & of)
            continue;
        log_line("--%s does nothing for %s: it goes with %s", heeded[i].name,
                 of == OF_FILES     ? "a capture that is read"
                 : of == OF_RECORDS ? "exchange records"
                                    : "what a DB holds",
                 heeded[i].of & OF_FILES ? "-i or -r" : "-i");
    }
}

int input_check(struct input *in)
{
    int kinds = (in->n_interfaces != 0) + (in->n_files != 0) + (in->records != NULL);
    if (kinds > 1) {
        log_line("one kind of source at a time: -i, -r or --records");
        return 2;
    }
    if (in->filter && !in->n_interfaces) {
        log_line("-f filters live captures alone; for a file: tcpdump -r FILE -w - FILTER | spanwise capture -r -");
        return 2;
    }
    if (!in->quiet)
        note_unheeded(in);
    const char *shows = in->capture.seal.redact.clear_targets ? "clear-targets"
                        : in->capture.seal.show_names         ? "show-names"
                                                              : NULL;
    if (in->capture.seal.redact.strict && shows) {
        log_line("--privacy strict hides what --%s shows: give one of them", shows);
        return 2;
    }
    if (!secret_load(in->secret, &in->capture.key, &in->fleeting))
        return in->secret ? 2 : 1;
    return in->n_files || (in->n_interfaces && in->keys) ? open_keys(in) : 0;
}

void input_close(struct input *in)
{
    tls_keys_free(in->capture.keys);
    in->capture.keys = NULL;
}

struct source *input_open_files(const char *const paths[], size_t n, struct tls_keys *keys, struct source_error *error)
{
    opening = 1;
    struct source *s = source_open_files(paths, n, keys, error);
    opening = 0;
    return s;
}

int input_open(struct input *in, struct source **source, bool *live)
{
    struct source_error error = {0};
    *live = in->n_interfaces != 0;
    if (*live) {
        struct source_live how = {in->interfaces, in->n_interfaces, in->filter, in->snaplen, 0};
        *source = source_open_live(&how, &error);
    } else {
        *source = input_open_files(in->files, in->n_files, in->capture.keys, &error);
    }
    if (*source)
        return 0;
    log_line("%s", error.text);
    return error.exit_code;
}

/* ---- the loop ---- */

static void on_signal(int number)
{
    if (opening) {
        signal(number, SIG_DFL);
        raise(number);
    }
    atomic_store(&stopped, true);
    struct source *s = atomic_load(&running);
    if (s)
        source_stop(s);
}

static void on_hangup(int number)
{
    (void)number;
    atomic_store(&hung_up, true);
}

static bool terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void input_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = on_hangup;
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, &before);
    keep_on = before.sa_handler == SIG_IGN;
    has_terminal = terminal();
}

/* SIGHUP: the terminal went away, and the run ends in order; or somebody rotated the key log, which is read again. */
static void after_hangup(struct tls_keys *keys)
{
    if (!atomic_exchange(&hung_up, false))
        return;
    bool gone = has_terminal && !terminal();
    if (!keep_on && (gone || !keys))
        on_signal(SIGHUP);
    else if (keys)
        tls_keys_again(keys);
}

bool input_keys(struct tls_keys *keys, const char *path)
{
    static int told;
    uint64_t before = tls_keys_version(keys);
    after_hangup(keys);
    if (!keys)
        return false;
    tls_keys_look(keys);
    int error = tls_keys_error(keys);
    if (error && error != told)
        log_line("--keys %s: the file that is there now cannot be read (%s); what was open before is read on", path,
                 strerror(error));
    told = error;
    return tls_keys_version(keys) != before;
}

bool input_stopped(void)
{
    return atomic_load(&stopped);
}

void input_wake(struct source *source)
{
    atomic_store(&running, source);
    if (source && input_stopped())
        source_stop(source);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What tells whether a live capture keeps up. */
struct load {
    uint64_t lost; /* in the kernel, when last looked */
    int64_t at;    /* packet time when it last did not; TIME_NONE: it always did */
};

struct progress {
    double begun, shown;
    bool on;
};

static void show_progress(struct progress *p, const struct input_loop *loop)
{
    uint64_t done, total;
    double now = seconds_now();
    if (!p->on || now - p->shown < 0.5)
        return;
    p->shown = now;
    source_progress(loop->source, &done, &total);
    double rate = (double)done / (now - p->begun + 1e-9);
    if (total)
        log_progress("%3.0f %%  %.0f MB/s  %.0f s left", 100.0 * (double)done / (double)total, rate / 1e6,
                     (double)(total - done) / (rate + 1));
    else
        log_progress("%llu packets", (unsigned long long)capture_counters(loop->capture)->packets);
}

static void note_drops(const struct input_loop *loop)
{
    struct capture_stats *stats = capture_counters(loop->capture);
    source_drops(loop->source, &stats->kernel_dropped, &stats->interface_dropped);
    stats->mistimed = source_mistimed(loop->source);
}

/* A file that was not read to its end is cut short, whoever did it. What comes through a pipe ends when it is ended. */
static void note_interrupted(const struct input_loop *loop)
{
    uint64_t done, total;
    source_progress(loop->source, &done, &total);
    if (!input_stopped() || done >= total)
        return;
    capture_counters(loop->capture)->damaged++;
    log_line("interrupted after %.0f %% of the input: what comes behind is in no figure",
             floor(100.0 * (double)done / (double)total));
}

static const char *const eased[EASE_STEPS] = {
#define EASE(id, name, what) what,
#include "capture/ease.def"
#undef EASE
};

/* Behind is who hands frames on late, loses some in the kernel, or makes exchanges faster than they are analysed; and
 * for two seconds after, since none of that shows all the time. */
static bool is_behind(const struct input_loop *loop, struct load *l, const struct frame *f, bool late)
{
    uint64_t lost = capture_counters(loop->capture)->kernel_dropped;
    if (late || lost != l->lost || loop->waiting(loop->context) > capture_exchanges(loop->capture) / 2)
        l->at = f->ts;
    l->lost = lost;
    return l->at != TIME_NONE && f->ts - l->at < EASE_HOLD_US;
}

static void ease(const struct input_loop *loop, struct load *l, const struct frame *f, bool late)
{
    unsigned before = capture_eased(loop->capture);
    if (!capture_ease(loop->capture, f->ts, is_behind(loop, l, f, late)) || loop->quiet)
        return;
    unsigned now = capture_eased(loop->capture);
    if (now > before)
        log_line("this machine does not keep up: from now on %s", eased[now - 1]);
    else
        log_line("it keeps up: no longer so that %s", eased[now]);
}

static void look_at_keys(const struct input_loop *loop)
{
    if (input_keys(loop->keys, loop->keys_path))
        capture_secrets(loop->capture);
}

static void now_and_then(const struct input_loop *loop, struct progress *progress)
{
    note_drops(loop);
    look_at_keys(loop);
    if (loop->each)
        loop->each(loop->context);
    show_progress(progress, loop);
}

struct idling {
    const struct input_loop *loop;
    struct progress *progress;
    double pulsed;
};

/* A pipe gives nothing for now. Packet time stands still meanwhile: what a file would give, the pipe gives. */
static void idle(void *context)
{
    struct idling *i = context;
    double now = seconds_now();
    if (now - i->pulsed < PULSE_US / 1e6)
        return;
    i->pulsed = now;
    now_and_then(i->loop, i->progress);
}

int input_too_early(const char *what, int64_t by_us)
{
    log_line("%s %.3f s before the audit in the DB ends: what is appended comes in order of time", what,
             (double)by_us / 1e6);
    return 2;
}

/* What is appended must not precede the audit's end. */
static bool too_early(const struct input_loop *loop, int64_t ts)
{
    if (loop->not_before == TIME_NONE || ts >= loop->not_before)
        return false;
    input_too_early("this capture begins", loop->not_before - ts);
    return true;
}

/* Whether secrets may come while packets do: live, or through a pipe. */
static bool follows_keys(const struct input_loop *loop)
{
    uint64_t done, total;
    source_progress(loop->source, &done, &total);
    return loop->keys_path && !total;
}

/* The n next ones after `frames`, up to where something may be due; or what else there is. */
static inline enum source_event next_frames(struct source *s, struct frame *f, uint64_t frames, unsigned *n)
{
    unsigned most = CAPTURE_FRAMES - (unsigned)(frames % CAPTURE_FRAMES);
    *n = frames ? source_more(s, f, most) : 0;
    if (*n)
        return SOURCE_FRAME;
    enum source_event event = source_next(s, f);
    if (event == SOURCE_FRAME)
        *n = 1 + source_more(s, f + 1, most - 1);
    return event;
}

int input_run(const struct input_loop *loop)
{
    struct progress progress = {.begun = seconds_now(), .on = !loop->quiet && isatty(STDERR_FILENO)};
    struct frame f[CAPTURE_FRAMES];
    unsigned n;
    uint64_t frames = 0;
    int64_t last = TIME_NONE;
    int code = 0;
    struct load load = {.at = TIME_NONE};
    bool following = follows_keys(loop); /* a connection waits for its secrets for a mebibyte at most */
    struct idling idling = {loop, &progress, 0};
    source_on_wait(loop->source, idle, &idling);
    input_wake(loop->source);
    for (bool more = true; more;) {
        switch (next_frames(loop->source, f, frames, &n)) {
        case SOURCE_FRAME:
            if (!frames && too_early(loop, f->ts)) {
                code = 2;
                more = false;
                break;
            }
            capture_frames(loop->capture, f, n);
            frames += n;
            if (following && frames % KEYS_EVERY == 0)
                look_at_keys(loop);
            if (frames % 4096 == 0 || (loop->live && (last == TIME_NONE || f->ts - last >= PULSE_US))) {
                last = f->ts;
                now_and_then(loop, &progress);
                if (loop->waiting)
                    ease(loop, &load, f, source_lag(loop->source, f) > EASE_BEHIND_US);
            }
            break;
        case SOURCE_TICK:
            capture_tick(loop->capture, f->ts);
            now_and_then(loop, &progress);
            if (loop->waiting)
                ease(loop, &load, f, false);
            break;
        case SOURCE_DAMAGE:
            capture_counters(loop->capture)->damaged++;
            log_line("%s", source_message(loop->source));
            break;
        case SOURCE_FAILED:
            log_line("%s", source_message(loop->source));
            code = 1;
            more = false;
            break;
        case SOURCE_END:
            more = false;
            break;
        }
    }
    input_wake(NULL);
    source_on_wait(loop->source, NULL, NULL);
    note_drops(loop);
    note_interrupted(loop);
    if (loop->keys)
        tls_keys_finish(loop->keys);
    capture_finish(loop->capture);
    if (progress.on)
        log_progress("%s", "");
    return code;
}

/* ---- records ---- */

struct record_loop {
    struct records *records;
    void (*each)(void *context);
    void *context;
    double pulsed, settled;
};

/* A pipe gives nothing for now. */
static void record_idle(void *context)
{
    struct record_loop *loop = context;
    double now = seconds_now();
    if (now - loop->settled >= SETTLE_S) {
        records_settle(loop->records);
        loop->settled = now;
    }
    if (now - loop->pulsed >= PULSE_US / 1e6) {
        loop->each(loop->context);
        loop->pulsed = now;
    }
}

int input_run_records(struct recordfile *f, struct records *records, void (*each)(void *context), void *context)
{
    struct record_loop loop = {records, each, context, seconds_now(), seconds_now()};
    struct slice line;
    recordfile_on_wait(f, record_idle, &loop);
    while (recordfile_next(f, &line)) {
        const char *trouble = records_line(records, line);
        if (trouble)
            recordfile_refuse(f, trouble);
        if (f->number % 4096 == 0)
            each(context);
    }
    recordfile_on_wait(f, NULL, NULL);
    if (f->regular && input_stopped())
        log_line("interrupted after line %llu of %s: what comes behind is in no figure", f->number, f->path);
    if (f->refused > 5)
        log_line("%s: %llu lines in all were no records and are left out", f->path, f->refused);
    records_finish(records);
    if (!f->error)
        return 0;
    log_line("%s: %s", f->path, strerror(f->error));
    return 1;
}
