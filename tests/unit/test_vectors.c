/* Conversations as text (the .t files of tests/vectors), fed as they stand, cut at every byte, reordered, doubled and
 * overlapping: the same exchanges must come out. Format: `>>>` and `<<<` begin a segment of the client and the server;
 * its lines end in CRLF unless they end in `\c`; \r \n \\ and \xHH as in C. `>>> lost` and `<<< lost` were sent and not
 * captured; such conversations are fed as they stand alone, fast and slowly, since after a loss it counts where
 * segments begin. `fin >`, `rst <` end a side. After `===`: the exchanges, one summary line each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>

#include "tests/unit/wire.inc"

enum { STEPS = 256, SLOW_US = 300000 };

struct step {
    int role;
    char kind; /* 'd'ata, 'l'ost data, 'f'in, 'r'st */
    struct buf bytes;
};

struct vector {
    struct step step[STEPS];
    unsigned n;
    bool lossy;
    struct buf want;
};

static void unescape(struct buf *out, const char *line)
{
    bool end = true;
    for (const char *p = line; *p; p++) {
        if (*p != '\\') {
            buf_char(out, *p);
            continue;
        }
        p++;
        if (*p == 'c' && !p[1])
            end = false;
        else if (*p == 'x' && ascii_hex(p[1]) >= 0 && ascii_hex(p[2]) >= 0) {
            buf_char(out, (char)(ascii_hex(p[1]) << 4 | ascii_hex(p[2])));
            p += 2;
        } else
            buf_char(out, *p == 'r' ? '\r' : *p == 'n' ? '\n' : *p);
    }
    if (end)
        buf_str(out, "\r\n");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in order of text: arrival depends on how the bytes were put on the wire, the exchanges do not. */
static void sort_lines(struct buf *text)
{
    char *line[STEPS], *rest = text->p, *one;
    size_t n = 0;
    struct buf out = {0};
    while ((one = strsep(&rest, "\n")) && n < STEPS)
        if (*one)
            line[n++] = one;
    qsort(line, n, sizeof *line, by_text);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s\n", line[i]);
    buf_char(&out, 0);
    buf_free(text);
    *text = out;
}

static bool begins_segment(const char *line)
{
    return (!strncmp(line, ">>>", 3) || !strncmp(line, "<<<", 3)) && (!line[3] || !strcmp(line + 3, " lost"));
}

static void vector_read(const char *path, struct vector *v)
{
    char line[8192];
    FILE *in = fopen(path, "r");
    bool want = false;
    struct step *s = NULL;
    memset(v, 0, sizeof *v);
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (want) {
            buf_printf(&v->want, "%s\n", line);
        } else if (!strcmp(line, "===")) {
            want = true;
        } else if (begins_segment(line)) {
            assert_true(v->n < STEPS);
            s = &v->step[v->n++];
            *s = (struct step){line[0] == '<', line[3] ? 'l' : 'd', {0}};
            v->lossy |= line[3] != 0;
        } else if ((!strncmp(line, "fin ", 4) || !strncmp(line, "rst ", 4)) && line[5] == 0) {
            assert_true(v->n < STEPS);
            v->step[v->n++] = (struct step){line[4] == '<', line[0], {0}};
            s = NULL;
        } else if (s) {
            unescape(&s->bytes, line);
        }
    }
    fclose(in);
    buf_char(&v->want, 0);
    sort_lines(&v->want);
}

static void vector_free(struct vector *v)
{
    for (unsigned i = 0; i < v->n; i++)
        buf_free(&v->step[i].bytes);
    buf_free(&v->want);
}

/* How the bytes of a step are put on the wire. */
typedef void put_step(struct wire *w, const struct step *s, size_t at);

static void whole(struct wire *w, const struct step *s, size_t at)
{
    (void)at;
    wire_data(w, s->role, s->bytes.p, s->bytes.n);
}

/* So that every loss is known before the next packet comes. */
static void slowly(struct wire *w, const struct step *s, size_t at)
{
    whole(w, s, at);
}

static void cut(struct wire *w, const struct step *s, size_t at)
{
    at = s->bytes.n ? at % s->bytes.n : 0;
    if (at)
        wire_data(w, s->role, s->bytes.p, at);
    wire_data(w, s->role, s->bytes.p + at, s->bytes.n - at);
}

static void pieces(struct wire *w, const struct step *s, size_t size)
{
    for (size_t at = 0; at < s->bytes.n; at += size)
        wire_data(w, s->role, s->bytes.p + at, s->bytes.n - at < size ? s->bytes.n - at : size);
}

static void piece_at(struct wire *w, const struct step *s, size_t from, size_t to)
{
    uint32_t ack = w->seq[1 - s->role];
    if (to > s->bytes.n)
        to = s->bytes.n;
    if (from < to)
        wire_frame(w, s->role, TCP_ACK, w->seq[s->role] + (uint32_t)from, ack, s->bytes.p + from, to - from);
}

static void reversed(struct wire *w, const struct step *s, size_t size)
{
    size_t count = (s->bytes.n + size - 1) / size;
    for (size_t i = count; i-- > 0;)
        piece_at(w, s, i * size, (i + 1) * size);
    w->seq[s->role] += (uint32_t)s->bytes.n;
}

static void doubled(struct wire *w, const struct step *s, size_t size)
{
    for (size_t at = 0; at < s->bytes.n; at += size) {
        piece_at(w, s, at, at + size);
        piece_at(w, s, at ? at - size : 0, at + size);
    }
    w->seq[s->role] += (uint32_t)s->bytes.n;
}

static void overlapping(struct wire *w, const struct step *s, size_t size)
{
    for (size_t at = size; at < s->bytes.n + size; at += size)
        piece_at(w, s, at > size ? at - 2 : at, at + size + 3);
    piece_at(w, s, 0, size + 1);
    w->seq[s->role] += (uint32_t)s->bytes.n;
}

static void play(const char *path, const struct vector *v, put_step *put, size_t parameter, const char *how)
{
    struct wire w;
    wire_open(&w);
    wire_handshake(&w);
    w.step = put == slowly ? SLOW_US : w.step;
    for (unsigned i = 0; i < v->n; i++) {
        const struct step *s = &v->step[i];
        if (s->kind == 'd')
            put(&w, s, parameter);
        else if (s->kind == 'l')
            w.seq[s->role] += (uint32_t)s->bytes.n;
        else if (s->kind == 'f')
            wire_fin(&w, s->role);
        else
            wire_rst(&w, s->role);
    }
    wire_finish(&w);
    sort_lines(&w.log);
    if (strcmp(w.log.p, v->want.p) != 0) {
        fail_msg("%s %s %zu:\n%s--- wanted:\n%s", path, how, parameter, w.log.p, v->want.p);
    }
    wire_close(&w);
}

static size_t longest(const struct vector *v)
{
    size_t most = 1;
    for (unsigned i = 0; i < v->n; i++)
        if (v->step[i].bytes.n > most)
            most = v->step[i].bytes.n;
    return most < 3000 ? most : 3000;
}

static void one(const char *path)
{
    struct vector v;
    vector_read(path, &v);
    play(path, &v, whole, 0, "as it stands");
    play(path, &v, slowly, 0, "slowly");
    if (v.lossy) {
        vector_free(&v);
        return;
    }
    for (size_t at = 1; at < longest(&v); at++)
        play(path, &v, cut, at, "cut at");
    for (size_t size = 1; size < 40; size += 3) {
        play(path, &v, pieces, size, "in pieces of");
        play(path, &v, reversed, size, "reversed in pieces of");
        play(path, &v, doubled, size, "doubled in pieces of");
        play(path, &v, overlapping, size + 4, "overlapping in pieces of");
    }
    vector_free(&v);
}

static void all_vectors(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("tests/vectors/*.t", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 10);
    for (size_t i = 0; i < found.gl_pathc; i++)
        one(found.gl_pathv[i]);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
