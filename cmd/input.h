/* input: what `capture` and `log` share: the options of the capture side, opening its source, and the loop from frames
 * to exchanges. */
#ifndef CMD_INPUT_H
#define CMD_INPUT_H

#include "capture/capture.h"
#include "capture/records.h"
#include "capture/source.h"
#include "cmd/args.h"
#include "cmd/recordfile.h"

enum { INPUT_SOURCES_MAX = 4096 };

struct input {
    struct capture_options capture;
    const char *interfaces[INPUT_SOURCES_MAX], *files[INPUT_SOURCES_MAX];
    size_t n_interfaces, n_files;
    const char *records, *filter, *secret, *user, *keys;
    bool fleeting; /* the secret is of this run alone: there is no place to keep it */
    unsigned long long memory;
    uint32_t snaplen, given; /* given: a bit for each of INPUT_* */
    bool quiet;
};

enum {
    INPUT_INTERFACE = 100,
    INPUT_READ,
    INPUT_RECORDS,
    INPUT_FILTER,
    INPUT_SECRET,
    INPUT_USER,
    INPUT_KEYS,
    INPUT_MEMORY,
    INPUT_SNAPLEN,
    INPUT_PORTS,
    INPUT_VXLAN,
    INPUT_MERGE,
    INPUT_DUPLICATES,
    INPUT_TIMEOUT,
    INPUT_REDACT,
    INPUT_PROXIES,
    INPUT_IDENTITY,
    INPUT_NAMES,
    INPUT_CLEAR,
    INPUT_PRIVACY,
    INPUT_CONFIG,
    INPUT_QUIET,
};

/* Rows for the option table of a command that reads traffic. */
#define INPUT_WIRE_ARGS                                                                                                \
    {INPUT_INTERFACE, 'i', "interface", "IF", "capture live on this interface (repeatable)"},                          \
        {INPUT_READ, 'r', "read", "FILE",                                                                              \
         "read captures, several in order of time: pcap, pcapng, .gz, .zst, .lz4; - for stdin"},                       \
        {INPUT_FILTER, 'f', "filter", "BPF", "capture filter, live only"},                                             \
        {INPUT_SECRET, 0, "secret", "FILE", "key of all pseudonyms (default: made once, kept in your configuration)"}, \
        {INPUT_USER, 0, "user", "NAME",                                                                                \
         "live: run as NAME once the interface is open (default: sudo's user, else nobody)"},                          \
        {INPUT_KEYS, 0, "keys", "FILE", "NSS key log of the TLS sessions, followed as it grows"},                      \
        {INPUT_MEMORY, 0, "memory", "SIZE", "ceiling for analysis and reassembly (default 512M)"},                     \
        {INPUT_SNAPLEN, 0, "snaplen", "N", "live: bytes of each packet (default 262144)"},                             \
        {INPUT_PORTS, 0, "ports", "LIST",                                                                              \
         "only connections with one of these ports, TCP or UDP (default: all, told by content)"},                      \
        {INPUT_VXLAN, 0, "vxlan-ports", "LIST", "UDP ports of VXLAN (default 4789,8472)"},                             \
        {INPUT_MERGE, 0, "merge-vlans", NULL,                                                                          \
         "VLAN ids and VNIs do not tell connections apart: for routes that differ by direction"},                      \
        {INPUT_DUPLICATES, 0, "keep-duplicates", NULL, "do not leave out second copies of packets"},                   \
        {INPUT_TIMEOUT, 0, "answer-timeout", "S", "give an unanswered request up after S seconds (default 300)"},      \
        {INPUT_CONFIG, 0, "config", "FILE", "read options from FILE: lines name = value"},                             \
    {                                                                                                                  \
        INPUT_QUIET, 'q', "quiet", NULL, "no progress line"                                                            \
    }

/* And of one that shows what was said on it. */
#define INPUT_ARGS                                                                                                     \
    INPUT_WIRE_ARGS,                                                                                                   \
        {INPUT_REDACT, 0, "redact", "LIST", "more query parameters whose values are hidden (repeatable)"},             \
        {INPUT_PROXIES, 0, "trusted-proxies", "LIST", "networks whose X-Forwarded-For and Forwarded are believed"},    \
        {INPUT_IDENTITY, 0, "identity", "LIST",                                                                        \
         "what tells clients apart, the first that is there counts, the rest is not looked at (default "               \
         "apikey,authorization,mtls,cookie,forwarded,address; apikey=FIELD and cookie=NAME: that one instead of the "  \
         "usual ones)"},                                                                                               \
        {INPUT_NAMES, 0, "show-names", NULL,                                                                           \
         "keep and show what credentials call clients: JWT sub, client_id or azp, user of Basic; as sent, also "       \
         "e-mail "                                                                                                     \
         "addresses"},                                                                                                 \
        {INPUT_CLEAR, 0, "clear-targets", NULL, "keep request targets as sent, but for sensitive names"},              \
    {                                                                                                                  \
        INPUT_PRIVACY, 0, "privacy", "P",                                                                              \
            "standard (default), or strict: ids in paths are hashed, clients' addresses become networks"               \
    }

void input_init(struct input *in);
/* Handles one of INPUT_*. False: the reason was printed. */
bool input_option(struct input *in, int id, const char *value);
/* A word that is no option: behind -r FILE it is one more file. False: it is none, or one too many (printed: *told). */
bool input_word(struct input *in, const char *word, bool *told);
/* Loads the key. Returns an exit code: 0, or 2 when the options contradict each other (printed). */
int input_check(struct input *in);

/* Whether a source is a pipe, which may be as slow as life: what it gives must not wait for more of it. */
bool input_piped(const struct input *in);

/* Forgets the secrets. */
void input_close(struct input *in);

/* source_open_files; a signal that ends us does so at once, also where signals are caught. */
struct source *input_open_files(const char *const paths[], size_t n, struct tls_keys *keys, struct source_error *error);
/* Opens files or interfaces; on failure prints why and returns its exit code. *live tells which. */
int input_open(struct input *in, struct source **source, bool *live);

struct input_loop {
    struct capture *capture;
    struct source *source;
    struct tls_keys *keys; /* NULL: none; looked at now and then */
    const char *keys_path; /* for messages */
    bool quiet, live;
    int64_t not_before; /* a first frame older than this is refused with exit code 2; TIME_NONE: no such bound */
    /* Now and then: every 4096 frames, at each tick, live every 100 ms, and of a pipe while it gives nothing. */
    void (*each)(void *context);
    void *context;
    /* Live: exchanges that wait for the analysis. NULL: nothing is given up for want of time (capture/ease.h). */
    size_t (*waiting)(void *context);
};
/* Reads frames until the source ends or a signal stops it, and finishes the capture. Returns an exit code. */
int input_run(const struct input_loop *loop);
/* Reads records (JSON lines) instead, from an open file of them. Lines that are no records are refused with their
 * number. `each`: as above. Returns an exit code. */
int input_run_records(struct recordfile *f, struct records *records, void (*each)(void *context), void *context);
/* Says that what is appended precedes the audit's end. Returns the exit code. */
int input_too_early(const char *what, int64_t by_us);
/* For a loop of one's own, now and then: looks at the key log (NULL: none), says what is wrong with it, and does what a
 * SIGHUP asks for. Whether secrets came. */
bool input_keys(struct tls_keys *keys, const char *path);
/* SIGINT and SIGTERM end input_run in order. SIGHUP has the key log read anew; it ends the run where there is none, or
 * where the terminal is gone. */
void input_catch_signals(void);
bool input_stopped(void);
/* For a loop of one's own: the source that signals wake from now on; NULL: none. */
void input_wake(struct source *source);

#endif
