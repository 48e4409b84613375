/* source: the faces of files and of libpcap made one. libpcap's own waiting is not used: on a silent wire it never
 * returns. */
#include "capture/source.h"
#include "base/wall.h"
#include "capture/files.h"
#include "capture/interfaces.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    /* The kernel hands over a block of its ring that is not full after this time: so many blocks as there are in a ring
     * of 64 MB are some seconds of little traffic, in which this may be held up. */
    RETIRE_MS = 30,
    HOLD_US = 2 * RETIRE_MS * 1000, /* so what an empty ring gives next is no older than this */
};

/* A live interface. */
struct device {
    char *name;
    pcap_t *pcap; /* NULL: gone */
    int fd;
    uint16_t link;
    bool pending;     /* head is to be handed out */
    bool drained;     /* it went away, and its ring was looked into once more */
    int64_t clear;    /* no frame older than this will come, as long as there is none pending */
    uint32_t seen[2]; /* drop counters of kernel and interface when last asked */
    uint64_t drops[2];
    struct frame head;
};

struct source {
    struct files *files; /* NULL: live */
    struct device *devices;
    struct pollfd *polls; /* one for each device, and wake */
    size_t n_devices, n_alive;
    struct device *taken; /* whose frame was handed out last: its ring may be looked into again */
    int wake;             /* eventfd */
    struct stream_wait wait;
    atomic_bool stop;
    char message[640];
};

__attribute__((format(printf, 3, 4))) static void fail(struct source_error *error, int exit_code, const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->exit_code = exit_code;
}

int64_t source_lag(const struct source *s, const struct frame *f)
{
    return s->n_devices ? wall_us() - f->ts : 0;
}

static struct source *source_new(struct source_error *error)
{
    struct source *s = calloc(1, sizeof *s);
    if (s && (s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0) {
        s->wait.wake = s->wake;
        return s;
    }
    free(s);
    fail(error, 1, "no event descriptor: %s", strerror(errno));
    return NULL;
}

struct source *source_open_files(const char *const paths[], size_t n, struct tls_keys *secrets,
                                 struct source_error *error)
{
    struct source *s = source_new(error);
    if (!s)
        return NULL;
    error->exit_code = 3;
    s->files = files_open(paths, n, &s->wait, secrets, error->text, sizeof error->text);
    if (s->files)
        return s;
    source_close(s);
    return NULL;
}

/* Why an interface could not be opened. */
static void blame_activation(const struct device *d, int status, struct source_error *error)
{
    char names[400];
    switch (status) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
        interfaces_names(names, sizeof names);
        fail(error, 2, "no interface %.64s; there are: %s", d->name, names);
        break;
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        fail(error, 1,
             "no permission to capture on %.64s: run as root, or once: setcap cap_net_raw+ep $(which spanwise)",
             d->name);
        error->trouble = SOURCE_DENIED;
        break;
    case PCAP_ERROR_IFACE_NOT_UP:
        fail(error, 1, "interface %.64s is down: ip link set %.64s up", d->name, d->name);
        error->trouble = SOURCE_DOWN;
        break;
    default:
        fail(error, 1, "cannot capture on %.64s: %.256s", d->name,
             *pcap_geterr(d->pcap) ? pcap_geterr(d->pcap) : pcap_statustostr(status));
        break;
    }
}

static bool device_filter(struct device *d, const char *filter, struct source_error *error)
{
    struct bpf_program program;
    if (!filter)
        return true;
    if (pcap_compile(d->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN)) {
        fail(error, 2, "filter \"%.200s\": %.256s", filter, pcap_geterr(d->pcap));
        return false;
    }
    bool good = pcap_setfilter(d->pcap, &program) == 0;
    if (!good)
        fail(error, 1, "filter on %.64s: %.256s", d->name, pcap_geterr(d->pcap));
    pcap_freecode(&program);
    return good;
}

static bool device_activate(struct device *d, const struct source_live *live, struct source_error *error)
{
    uint64_t buffer = live->buffer ? live->buffer : SOURCE_BUFFER;
    pcap_set_snaplen(d->pcap, (int)(live->snaplen ? live->snaplen : SOURCE_SNAPLEN));
    pcap_set_promisc(d->pcap, 1);
    pcap_set_timeout(d->pcap, RETIRE_MS);
    pcap_set_buffer_size(d->pcap, buffer > INT32_MAX ? INT32_MAX : (int)buffer);
    int status = pcap_activate(d->pcap);
    if (status < 0)
        blame_activation(d, status, error);
    return status >= 0;
}

static bool device_open(struct device *d, const char *name, const struct source_live *live, struct source_error *error)
{
    char text[PCAP_ERRBUF_SIZE];
    d->name = strdup(name);
    d->pcap = d->name ? pcap_create(name, text) : NULL;
    if (!d->pcap) {
        fail(error, 1, "cannot capture on %.64s: %.256s", name, d->name ? text : "out of memory");
        return false;
    }
    if (!device_activate(d, live, error) || !device_filter(d, live->filter, error))
        return false;
    d->fd = pcap_get_selectable_fd(d->pcap);
    d->link = (uint16_t)pcap_datalink(d->pcap);
    if (d->fd >= 0 && pcap_setnonblock(d->pcap, 1, text) == 0)
        return true;
    fail(error, 1, "cannot wait on %.64s: no live device", name);
    return false;
}

/* The same interface twice would double every packet. */
static bool named_twice(const struct source_live *live, struct source_error *error)
{
    for (size_t i = 0; i < live->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(live->interfaces[i], live->interfaces[j]) == 0) {
                fail(error, 2, "interface %.64s is named twice", live->interfaces[i]);
                return true;
            }
    return false;
}

static bool devices_open(struct source *s, const struct source_live *live, struct source_error *error)
{
    s->devices = calloc(live->n + 1, sizeof *s->devices);
    s->polls = calloc(live->n + 1, sizeof *s->polls);
    if (!s->devices || !s->polls) {
        fail(error, 1, "out of memory");
        return false;
    }
    for (size_t i = 0; i < live->n; i++) {
        s->n_devices++;
        if (!device_open(&s->devices[i], live->interfaces[i], live, error))
            return false;
    }
    s->n_alive = live->n;
    return true;
}

struct source *source_open_live(const struct source_live *live, struct source_error *error)
{
    if (!live->n) {
        fail(error, 2, "no interface named");
        return NULL;
    }
    struct source *s = named_twice(live, error) ? NULL : source_new(error);
    if (s && devices_open(s, live, error))
        return s;
    source_close(s);
    return NULL;
}

static void device_drops(struct device *d)
{
    struct pcap_stat now;
    if (!d->pcap || pcap_stats(d->pcap, &now))
        return;
    d->drops[0] += (uint32_t)(now.ps_drop - d->seen[0]);
    d->drops[1] += (uint32_t)(now.ps_ifdrop - d->seen[1]);
    d->seen[0] = now.ps_drop;
    d->seen[1] = now.ps_ifdrop;
}

/* The interface went away. Its last counters are kept. */
static enum source_event device_lost(struct source *s, struct device *d)
{
    s->n_alive--;
    snprintf(s->message, sizeof s->message, "interface %.64s is lost: %.256s; %s", d->name, pcap_geterr(d->pcap),
             s->n_alive ? "going on with the others" : "no interface is left");
    device_drops(d);
    pcap_close(d->pcap);
    d->pcap = NULL;
    return s->n_alive ? SOURCE_DAMAGE : SOURCE_FAILED;
}

/* Looks for the next frame of the ring. False: the interface is gone. */
static bool device_take(struct device *d)
{
    struct pcap_pkthdr *h;
    const u_char *data;
    int got = pcap_next_ex(d->pcap, &h, &data);
    d->pending = got == 1;
    if (d->pending)
        d->head = (struct frame){
            .ts = (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec,
            .data = data,
            .n = h->caplen,
            .wire_n = h->len > h->caplen ? h->len : h->caplen,
            .link = d->link,
        };
    return got >= 0;
}

/* The interface went away; what came just before may stand in a block of the ring that was not handed over yet, and is
 * within RETIRE_MS. False: there is nothing more. */
static bool device_drain(struct device *d)
{
    if (d->drained)
        return false;
    d->drained = true;
    poll(NULL, 0, 2 * RETIRE_MS);
    return device_take(d);
}

static struct device *oldest(const struct source *s)
{
    struct device *best = NULL;
    for (size_t i = 0; i < s->n_devices; i++) {
        struct device *d = &s->devices[i];
        if (d->pcap && d->pending && (!best || d->head.ts < best->head.ts))
            best = d;
    }
    return best;
}

/* How long (us) the frame must wait because a silent interface may still give an older one. Clocks that were set back
 * do not make it wait. */
static int64_t hold_for(const struct source *s, const struct frame *f)
{
    int64_t most = 0;
    for (size_t i = 0; i < s->n_devices; i++) {
        const struct device *d = &s->devices[i];
        int64_t hold = f->ts - d->clear;
        if (d->pcap && !d->pending && hold > most && hold <= 2 * HOLD_US)
            most = hold;
    }
    return most;
}

/* Whether every silent interface is known to have nothing older than the frame. */
static bool is_clear(const struct source *s, const struct frame *f)
{
    for (size_t i = 0; i < s->n_devices; i++) {
        const struct device *d = &s->devices[i];
        if (d->pcap && !d->pending && f->ts > d->clear)
            return false;
    }
    return true;
}

/* Looks into the ring of every interface without a pending frame. NULL, or the interface that is gone. */
static struct device *take_all(struct source *s)
{
    int64_t now = s->n_devices > 1 ? wall_us() : 0;
    for (size_t i = 0; i < s->n_devices; i++) {
        struct device *d = &s->devices[i];
        if (!d->pcap || d->pending)
            continue;
        if (!device_take(d) && !device_drain(d))
            return d;
        d->clear = now - HOLD_US;
    }
    return NULL;
}

/* Waits for the interfaces without a pending frame, or the end. False: nothing for so long. */
static bool wait_for_frames(struct source *s, int64_t us)
{
    size_t n = 0;
    s->polls[n++] = (struct pollfd){.fd = s->wake, .events = POLLIN};
    for (size_t i = 0; i < s->n_devices; i++)
        if (s->devices[i].pcap && !s->devices[i].pending)
            s->polls[n++] = (struct pollfd){.fd = s->devices[i].fd, .events = POLLIN};
    return poll(s->polls, n, (int)((us + 999) / 1000)) != 0; /* EINTR: look again, the stop flag decides */
}

static enum source_event hand_out(struct source *s, struct device *d, struct frame *f)
{
    *f = d->head;
    f->input = (uint16_t)(d - s->devices);
    d->pending = false;
    s->taken = d;
    return SOURCE_FRAME;
}

static enum source_event live_tick(struct frame *f)
{
    *f = (struct frame){.ts = wall_us() - HOLD_US};
    return SOURCE_TICK;
}

/* Frames of one interface come as they are. With several, the oldest pending one is handed out once no silent interface
 * can have an older one; each look at the silent ones clears a stretch of time, so that the looks are few under load.
 */
static enum source_event live_next(struct source *s, struct frame *f)
{
    bool silent = false;
    if (s->taken && s->taken->pcap && !device_take(s->taken))
        return device_lost(s, s->taken);
    s->taken = NULL;
    while (s->n_alive && !atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        struct device *best = oldest(s);
        if (best && (s->n_devices == 1 || is_clear(s, &best->head)))
            return hand_out(s, best, f);
        struct device *lost = take_all(s);
        if (lost)
            return device_lost(s, lost);
        best = oldest(s);
        int64_t hold = best ? hold_for(s, &best->head) : SOURCE_TICK_MS * 1000;
        if (best && !hold)
            return hand_out(s, best, f);
        if (!best && silent)
            return live_tick(f);
        silent = !wait_for_frames(s, hold) && !best;
    }
    return s->n_alive ? SOURCE_END : SOURCE_FAILED;
}

static enum source_event files_event(struct source *s, struct frame *f)
{
    enum savefile_result r = files_next(s->files, f);
    if (__builtin_expect(r == SAVEFILE_FRAME, 1))
        return SOURCE_FRAME;
    if (r == SAVEFILE_END || atomic_load_explicit(&s->stop, memory_order_relaxed)) /* a read given up is no damage */
        return SOURCE_END;
    snprintf(s->message, sizeof s->message, "%s", files_fault(s->files));
    return SOURCE_DAMAGE;
}

enum source_event source_next(struct source *s, struct frame *f)
{
    if (__builtin_expect(atomic_load_explicit(&s->stop, memory_order_relaxed), 0))
        return SOURCE_END;
    return s->files ? files_event(s, f) : live_next(s, f);
}

unsigned source_more(struct source *s, struct frame *f, unsigned most)
{
    if (!s->files || __builtin_expect(atomic_load_explicit(&s->stop, memory_order_relaxed), 0))
        return 0;
    return files_more(s->files, f, most);
}

const char *source_message(const struct source *s)
{
    return s->message;
}

void source_stop(struct source *s)
{
    int saved = errno;
    atomic_store(&s->stop, true);
    ssize_t ignored = write(s->wake, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored; /* a full counter wakes as well */
    errno = saved;
}

void source_on_wait(struct source *s, void (*idle)(void *context), void *context)
{
    s->wait.context = context;
    s->wait.idle = idle;
}

void source_drops(struct source *s, uint64_t *kernel, uint64_t *interface)
{
    *kernel = *interface = 0;
    if (s->files)
        files_drops(s->files, kernel, interface);
    for (size_t i = 0; i < s->n_devices; i++) {
        struct device *d = &s->devices[i];
        device_drops(d);
        *kernel += d->drops[0];
        *interface += d->drops[1];
    }
}

void source_drops_of(struct source *s, size_t i, uint64_t *kernel, uint64_t *interface)
{
    struct device *d = &s->devices[i];
    device_drops(d);
    *kernel = d->drops[0];
    *interface = d->drops[1];
}

uint64_t source_mistimed(const struct source *s)
{
    return s->files ? files_mistimed(s->files) : 0;
}

void source_progress(const struct source *s, uint64_t *done, uint64_t *total)
{
    *done = *total = 0;
    if (s->files)
        files_progress(s->files, done, total);
}

void source_close(struct source *s)
{
    if (!s)
        return;
    files_close(s->files);
    for (size_t i = 0; i < s->n_devices; i++) {
        struct device *d = &s->devices[i];
        if (d->pcap)
            pcap_close(d->pcap);
        free(d->name);
    }
    free(s->devices);
    free(s->polls);
    close(s->wake);
    free(s);
}
