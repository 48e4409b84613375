#include "capture/tlskeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 16, LINE = 512, READ = 1 << 16, TAIL = 64 };

struct entry {
    uint8_t random[TLS_RANDOM];
    uint8_t label; /* + 1; 0: free */
    struct tls_secret secret;
};

/* A file that is open, and how far it was read. */
struct reading {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
    struct timespec written; /* when it was, when last looked at */
    off_t at;
    char tail[TAIL]; /* what stands before `at`: another file may have been written over this one */
    size_t n_tail;
    char line[LINE]; /* the beginning of one whose end was not written yet */
    size_t n;
    bool skip; /* longer than any line of a key log */
};

/* A key log by its path. The file that was there before may still be written to by who has it open. */
struct followed {
    char *path;
    struct reading now, before;
    int error; /* why what is there now cannot be opened; 0: it is, or nothing is there */
};

struct tls_keys {
    struct hash_key key;
    struct entry *entry; /* open addressing, at most half full */
    size_t mask, used;
    struct followed file[FILES];
    unsigned files;
    uint64_t version, refused;
};

struct tls_keys *tls_keys_new(const struct hash_key *key)
{
    struct tls_keys *k = calloc(1, sizeof *k);
    if (k)
        k->key = *key;
    return k;
}

static void stop_reading(struct reading *r)
{
    if (r->fd >= 0)
        close(r->fd);
    explicit_bzero(r, sizeof *r);
    r->fd = -1;
}

void tls_keys_free(struct tls_keys *k)
{
    if (!k)
        return;
    for (unsigned i = 0; i < k->files; i++) {
        stop_reading(&k->file[i].now);
        stop_reading(&k->file[i].before);
        free(k->file[i].path);
    }
    if (k->entry)
        explicit_bzero(k->entry, (k->mask + 1) * sizeof *k->entry);
    free(k->entry);
    explicit_bzero(k, sizeof *k);
    free(k);
}

static struct entry *place(const struct tls_keys *k, enum tls_label label, const uint8_t random[TLS_RANDOM])
{
    size_t at = hash_bytes(&k->key, (uint8_t)label, random, TLS_RANDOM) & k->mask;
    while (k->entry[at].label &&
           (k->entry[at].label != label + 1 || memcmp(k->entry[at].random, random, TLS_RANDOM) != 0))
        at = (at + 1) & k->mask;
    return &k->entry[at];
}

const struct tls_secret *tls_keys_find(const struct tls_keys *k, enum tls_label label, const uint8_t random[TLS_RANDOM])
{
    if (!k || !k->entry)
        return NULL;
    const struct entry *e = place(k, label, random);
    return e->label ? &e->secret : NULL;
}

static bool grow(struct tls_keys *k)
{
    size_t had = k->entry ? k->mask + 1 : 0, size = had ? had * 2 : 64;
    struct entry *old = k->entry, *fresh = calloc(size, sizeof *fresh);
    if (!fresh)
        return false;
    k->entry = fresh;
    k->mask = size - 1;
    for (size_t i = 0; i < had; i++)
        if (old[i].label)
            *place(k, (enum tls_label)(old[i].label - 1), old[i].random) = old[i];
    if (old)
        explicit_bzero(old, had * sizeof *old);
    free(old);
    return true;
}

static bool hex_bytes(struct slice text, uint8_t *out, size_t room, size_t *n)
{
    if (!text.n || text.n % 2 || text.n / 2 > room)
        return false;
    for (size_t i = 0; i < text.n / 2; i++) {
        int high = ascii_hex(text.p[2 * i]), low = ascii_hex(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *n = text.n / 2;
    return true;
}

static int label_of(struct slice name)
{
    static const struct slice names[TLS_LABELS] = {[TLS_MASTER] = SLICE("CLIENT_RANDOM"),
                                                   [TLS_CLIENT_EARLY] = SLICE("CLIENT_EARLY_TRAFFIC_SECRET"),
                                                   [TLS_CLIENT_HANDSHAKE] = SLICE("CLIENT_HANDSHAKE_TRAFFIC_SECRET"),
                                                   [TLS_SERVER_HANDSHAKE] = SLICE("SERVER_HANDSHAKE_TRAFFIC_SECRET"),
                                                   [TLS_CLIENT_TRAFFIC] = SLICE("CLIENT_TRAFFIC_SECRET_0"),
                                                   [TLS_SERVER_TRAFFIC] = SLICE("SERVER_TRAFFIC_SECRET_0")};
    for (int i = 0; i < TLS_LABELS; i++)
        if (slice_eq(name, names[i]))
            return i;
    return -1;
}

/* Labels that are of no use here: exporters, QUIC, the RSA form. */
static bool other_label(struct slice name)
{
    if (!name.n)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] >= 'A' && name.p[i] <= 'Z') && !ascii_digit(name.p[i]) && name.p[i] != '_')
            return false;
    return true;
}

static void add_line(struct tls_keys *k, struct slice line)
{
    struct slice part[3] = {{0}}, word;
    unsigned n = 0;
    line = slice_trim(line);
    if (!line.n || line.p[0] == '#')
        return;
    for (struct slice rest = line; n < 3 && slice_next(&rest, ' ', &word);)
        if (word.n)
            part[n++] = word;
    int label = label_of(part[0]);
    struct entry e = {0};
    size_t random = 0, secret = 0;
    if (label < 0) {
        k->refused += !other_label(part[0]);
        return;
    }
    if (!hex_bytes(part[1], e.random, TLS_RANDOM, &random) || random != TLS_RANDOM ||
        !hex_bytes(part[2], e.secret.bytes, TLS_SECRET_MAX, &secret) || secret < 16) {
        k->refused++;
        return;
    }
    if (k->used >= TLS_KEYS_MAX || ((!k->entry || k->used * 2 > k->mask) && !grow(k))) {
        k->refused++;
        return;
    }
    e.label = (uint8_t)(label + 1);
    e.secret.n = (uint8_t)secret;
    struct entry *to = place(k, (enum tls_label)label, e.random);
    k->used += !to->label;
    k->version++;
    *to = e;
    explicit_bzero(&e, sizeof e);
}

void tls_keys_add(struct tls_keys *k, struct slice text)
{
    struct slice line;
    while (slice_next(&text, '\n', &line))
        add_line(k, line);
}

/* ---- files ---- */

static void add_piece(struct tls_keys *k, struct reading *f, struct slice piece)
{
    while (piece.n) {
        size_t end = slice_find(piece, '\n', 0);
        bool whole = end < piece.n;
        size_t room = sizeof f->line - f->n, n = end < room ? end : room;
        memcpy(f->line + f->n, piece.p, n);
        f->n += n;
        f->skip |= n < end;
        if (whole) {
            if (f->skip)
                k->refused++;
            else
                add_line(k, slice_of(f->line, f->n));
            f->n = 0;
            f->skip = false;
        }
        piece = slice_sub(piece, whole ? end + 1 : end, piece.n);
    }
}

/* The last line as it is, without a line end: taken now, and once more should it go on. */
static void add_rest(struct tls_keys *k, const struct reading *r)
{
    uint64_t refused = k->refused;
    if (r->n && !r->skip)
        add_line(k, slice_of(r->line, r->n));
    k->refused = refused;
}

static void begin_anew(struct reading *r)
{
    r->at = 0;
    r->n = r->n_tail = 0;
    r->skip = false;
}

/* Whether what was read still stands there: a file that is cut and written again may be longer by now. */
static bool same_text(const struct reading *r)
{
    char there[TAIL];
    return pread(r->fd, there, r->n_tail, r->at - (off_t)r->n_tail) == (ssize_t)r->n_tail &&
           memcmp(there, r->tail, r->n_tail) == 0;
}

static void keep_tail(struct reading *r, const char *p, size_t n)
{
    size_t keep = n < TAIL ? TAIL - n : 0;
    if (keep > r->n_tail)
        keep = r->n_tail;
    memmove(r->tail, r->tail + r->n_tail - keep, keep);
    size_t more = n < TAIL ? n : TAIL;
    memcpy(r->tail + keep, p + n - more, more);
    r->n_tail = keep + more;
}

/* What came since. False: it cannot be read, errno says why. */
static bool read_on(struct tls_keys *k, struct reading *r)
{
    struct stat s;
    if (r->fd < 0)
        return true;
    if (fstat(r->fd, &s) != 0)
        return false;
    bool written = s.st_mtim.tv_sec != r->written.tv_sec || s.st_mtim.tv_nsec != r->written.tv_nsec;
    r->written = s.st_mtim;
    if (s.st_size < r->at || ((written || s.st_size > r->at) && !same_text(r)))
        begin_anew(r);
    if (s.st_size == r->at)
        return true;
    char *block = malloc(READ);
    ssize_t n = 0;
    while (block && (n = pread(r->fd, block, READ, r->at)) > 0) {
        add_piece(k, r, slice_of(block, (size_t)n));
        keep_tail(r, block, (size_t)n);
        r->at += n;
    }
    int error = errno;
    if (block)
        explicit_bzero(block, READ);
    free(block);
    errno = error;
    return block && n >= 0;
}

/* The path leads to a file, or to another one: the old one was rotated away. It is read on as well, for who writes it
 * may not know yet. Without leave to open the new one the old is all there is. */
static void follow_path(struct tls_keys *k, struct followed *f)
{
    struct stat now;
    if (stat(f->path, &now) != 0) {
        f->error = errno == ENOENT ? 0 : errno;
        return;
    }
    if (f->now.fd >= 0 && now.st_dev == f->now.device && now.st_ino == f->now.inode)
        return;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    f->error = fd < 0 ? errno : 0;
    if (fd < 0)
        return;
    if (f->now.fd >= 0) {
        read_on(k, &f->before);
        add_rest(k, &f->before);
        stop_reading(&f->before);
        f->before = f->now;
    }
    f->now = (struct reading){.fd = fd, .device = now.st_dev, .inode = now.st_ino};
}

/* Files stay open: whoever gave up root could not open them again. */
static bool look(struct tls_keys *k, struct followed *f)
{
    follow_path(k, f);
    bool old = read_on(k, &f->before);
    return read_on(k, &f->now) && old;
}

bool tls_keys_follow(struct tls_keys *k, const char *path, bool may_come)
{
    if (k->files == FILES) {
        errno = EMFILE;
        return false;
    }
    struct followed *f = &k->file[k->files];
    *f = (struct followed){.path = strdup(path), .now.fd = -1, .before.fd = -1};
    bool good = f->path && look(k, f);
    if (!good || f->error || (f->now.fd < 0 && !may_come)) {
        int error = !f->path ? ENOMEM : !good ? errno : f->error ? f->error : ENOENT;
        stop_reading(&f->now);
        free(f->path);
        errno = error;
        return false;
    }
    k->files++;
    add_rest(k, &f->now);
    return true;
}

bool tls_keys_look(struct tls_keys *k)
{
    uint64_t before = k->version;
    for (unsigned i = 0; i < k->files; i++)
        look(k, &k->file[i]);
    return k->version != before;
}

void tls_keys_again(struct tls_keys *k)
{
    for (unsigned i = 0; i < k->files; i++) {
        begin_anew(&k->file[i].now);
        begin_anew(&k->file[i].before);
    }
    tls_keys_look(k);
}

void tls_keys_finish(struct tls_keys *k)
{
    for (unsigned i = 0; i < k->files; i++) {
        look(k, &k->file[i]);
        add_rest(k, &k->file[i].now);
        add_rest(k, &k->file[i].before);
    }
}

bool tls_keys_open(const struct tls_keys *k)
{
    for (unsigned i = 0; i < k->files; i++)
        if (k->file[i].now.fd < 0)
            return false;
    return true;
}

int tls_keys_error(const struct tls_keys *k)
{
    for (unsigned i = 0; k && i < k->files; i++)
        if (k->file[i].error)
            return k->file[i].error;
    return 0;
}

bool tls_keys_expected(const struct tls_keys *k)
{
    return k && (k->used || k->files);
}

uint64_t tls_keys_version(const struct tls_keys *k)
{
    return k ? k->version : 0;
}

uint64_t tls_keys_count(const struct tls_keys *k)
{
    return k->used;
}

uint64_t tls_keys_refused(const struct tls_keys *k)
{
    return k->refused;
}
