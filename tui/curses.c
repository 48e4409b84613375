/* The terminal: paints grids, turns what comes in into key codes, keeps the time of refreshes, restores the terminal.
 * The only file that knows curses. */
#include "tui/top.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "tui/study.h"
#include "tui/view.h"

enum { REFRESH_MS = 1000, ESCAPE_MS = 25, STUDY_MS = 3000, STUDY_REST = 9 };

struct terminal {
    SCREEN *screen;
    FILE *in; /* the keyboard: stdin, or the terminal when stdin is something else */
    chtype style[STYLES];
    sigset_t awake; /* the mask while waiting */
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

/* Signals arrive while we wait, and only then. */
static void catch_signals(struct terminal *t)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction act = {.sa_handler = on_stop};
    sigset_t asleep;
    sigemptyset(&asleep);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        sigaction(ends[i], &act, NULL);
        sigaddset(&asleep, ends[i]);
    }
    sigaddset(&asleep, SIGWINCH);
    sigprocmask(SIG_BLOCK, &asleep, &t->awake);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigdelset(&t->awake, ends[i]);
    sigdelset(&t->awake, SIGWINCH);
}

/* ---- paint ---- */

static void set_styles(struct terminal *t)
{
    const char *no_color = getenv("NO_COLOR");
    static const struct {
        chtype attribute;
        short color; /* -1: the terminal's own */
    } look[STYLES] = {[STYLE_PLAIN] = {A_NORMAL, -1},
                      [STYLE_DIM] = {A_DIM, -1},
                      [STYLE_BOLD] = {A_BOLD, -1},
                      [STYLE_BAR] = {A_REVERSE, -1},
                      [STYLE_HERE] = {A_BOLD, -1},
                      [STYLE_HEAD] = {A_UNDERLINE, -1},
                      [STYLE_SORT] = {A_UNDERLINE | A_BOLD, -1},
                      [STYLE_GOOD] = {A_NORMAL, COLOR_GREEN},
                      [STYLE_WARN] = {A_BOLD, COLOR_YELLOW},
                      [STYLE_BAD] = {A_BOLD, COLOR_RED},
                      [STYLE_CHART] = {A_NORMAL, COLOR_CYAN},
                      [STYLE_KEY] = {A_BOLD, -1}};
    bool colors = !(no_color && *no_color) && has_colors() && start_color() == OK && use_default_colors() == OK;
    for (short i = 0; i < STYLES; i++) {
        t->style[i] = look[i].attribute;
        if (colors && look[i].color >= 0 && init_pair((short)(i + 1), look[i].color, -1) == OK)
            t->style[i] |= COLOR_PAIR(i + 1);
    }
}

/* A character the terminal's locale has, as wide as the grid thinks it is; else one of ASCII that resembles it. */
static wchar_t paintable(const struct cell *c)
{
    if (wcwidth((wchar_t)c->code) == c->width)
        return (wchar_t)c->code;
    if (c->code >= 0x2581 && c->code <= 0x2588)
        return (wchar_t) "_..:-=##"[c->code - 0x2581];
    switch (c->code) {
    case 0x2026:
        return L'~';
    case 0x2592:
        return L'+';
    case 0xb7:
        return L'.';
    case 0x25b8:
        return L'>';
    case 0x2500:
        return L'-';
    case 0x2502:
        return L'|';
    case 0x25bc:
        return L'v';
    case 0x25b2:
        return L'^';
    default:
        return c->code >= 0x2589 && c->code <= 0x258f ? L'=' : L'?';
    }
}

static void paint_cell(const struct terminal *t, const struct grid *g, unsigned y, unsigned x)
{
    const struct cell *c = &g->cell[(size_t)y * g->width + x];
    if (!c->width)
        return;
    wchar_t text[2] = {paintable(c), 0};
    cchar_t painted;
    attr_t attributes = t->style[c->style] & ~A_COLOR;
    short pair = (short)PAIR_NUMBER(t->style[c->style]);
    if (c->selected) {
        attributes = (attributes & ~(attr_t)A_DIM) ^ A_REVERSE;
        pair = 0;
    }
    setcchar(&painted, text, attributes, pair, NULL);
    mvadd_wch((int)y, (int)x, &painted);
    if (c->width == 2 && text[0] == L'?')
        mvaddch((int)y, (int)x + 1, ' ');
}

static void paint(const struct terminal *t, const struct grid *g)
{
    erase();
    for (unsigned y = 0; y < g->height; y++)
        for (unsigned x = 0; x < g->width; x++)
            paint_cell(t, g, y, x);
    move((int)g->height - 1, (int)g->width - 1);
    refresh();
}

/* ---- keys ---- */

static uint32_t key_code(wint_t code, bool named)
{
    static const struct {
        wint_t curses;
        uint32_t code;
    } names[] = {{KEY_UP, PRESS_UP},           {KEY_DOWN, PRESS_DOWN},     {KEY_LEFT, PRESS_LEFT},
                 {KEY_RIGHT, PRESS_RIGHT},     {KEY_PPAGE, PRESS_PAGE_UP}, {KEY_NPAGE, PRESS_PAGE_DOWN},
                 {KEY_HOME, PRESS_FIRST},      {KEY_END, PRESS_LAST},      {KEY_BTAB, PRESS_BACK_TAB},
                 {KEY_BACKSPACE, PRESS_ERASE}, {KEY_DC, PRESS_ERASE},      {KEY_ENTER, PRESS_ENTER}};
    if (!named)
        return code == 0x7f || code == '\b' ? PRESS_ERASE : code == '\n' ? PRESS_ENTER : (uint32_t)code;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].curses == code)
            return names[i].code;
    return 0;
}

/* Gives the model every key that is there. */
static enum wish take_keys(struct model *m)
{
    wint_t code;
    int got;
    while ((got = get_wch(&code)) != ERR) {
        enum wish wish = model_key(m, key_code(code, got == KEY_CODE_YES));
        if (wish == WISH_REDRAW)
            clearok(curscr, TRUE);
        if (wish == WISH_QUIT)
            return wish;
    }
    return WISH_NONE;
}

/* ---- time and data ---- */

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct feed {
    const char *db;
    struct store_reader *reader;
    bool wait;
    int64_t next_us; /* on the monotonic clock: when to look again */
    struct study study;
    int64_t study_us; /* when to study again, at the earliest */
};

/* Reads the DB when it has changed. */
static void look(struct feed *f, struct model *m)
{
    char why[256] = "";
    if (!f->reader && !(f->reader = store_read_open(f->db, why))) {
        snprintf(m->trouble, sizeof m->trouble, "%s", f->wait && !m->now ? "" : why);
        return;
    }
    if (!store_read_begin(f->reader, why)) {
        snprintf(m->trouble, sizeof m->trouble, "%s", why);
        return;
    }
    m->trouble[0] = 0;
    if (!m->now || m->now->state != store_read_state(f->reader)) {
        struct moment *now = moment_read(f->reader);
        if (now)
            model_take(m, now);
        else
            snprintf(m->trouble, sizeof m->trouble, "out of memory");
    }
    store_read_end(f->reader);
}

/* Each second; less often when reading takes long, so that keys are answered nine times in ten. */
static void look_if_due(struct feed *f, struct model *m)
{
    int64_t began = clock_us(CLOCK_MONOTONIC);
    if (began < f->next_us || m->paused)
        return;
    look(f, m);
    int64_t took = clock_us(CLOCK_MONOTONIC) - began;
    f->next_us = began + (took * 10 > REFRESH_MS * 1000 ? took * 10 : REFRESH_MS * 1000);
}

/* What a study found. */
static void take_study(struct feed *f, struct model *m)
{
    int64_t now = clock_us(CLOCK_MONOTONIC);
    struct insight *found;
    if (!study_end(&f->study, now, &found))
        return;
    model_take_insight(m, found, clock_us(CLOCK_REALTIME));
    int64_t rest = f->study.took_us * STUDY_REST;
    f->study_us = now + (rest > STUDY_MS * 1000 ? rest : STUDY_MS * 1000);
}

/* Where a screen needs it and the DB has changed; a tenth of one processor's time at most. */
static void study_if_due(struct feed *f, struct model *m)
{
    int64_t now = clock_us(CLOCK_MONOTONIC);
    take_study(f, m);
    if (!m->now || !m->now->any || m->paused || f->study.pid || !model_wants_insight(m) || now < f->study_us ||
        ((m->insight || m->insight_failed) && f->study.state == m->now->state))
        return;
    if (!study_begin(&f->study, f->db, m->now->state, now))
        f->study_us = now + STUDY_MS * 1000;
}

/* ---- the loop ---- */

/* Until a key, a signal, the end of a study or the next refresh. False: the terminal is gone. */
static bool wait_for_key(struct terminal *t, const struct study *s)
{
    struct pollfd fd[2] = {{fileno(t->in), POLLIN, 0}, {s->pid ? s->done : -1, POLLIN, 0}};
    struct timespec limit = {REFRESH_MS / 1000, REFRESH_MS % 1000 * 1000000L};
    int n = ppoll(fd, 2, &limit, &t->awake);
    return n < 0 ? errno == EINTR : !(n && fd[0].revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void run(struct terminal *t, struct feed *f, struct model *m)
{
    struct grid g = {0};
    do {
        look_if_due(f, m);
        study_if_due(f, m);
        m->wall_us = clock_us(CLOCK_REALTIME);
        if (grid_init(&g, (unsigned)COLS, (unsigned)LINES)) {
            view_draw(m, &g);
            paint(t, &g);
        }
        if (!wait_for_key(t, &f->study))
            break;
    } while (!stopped && take_keys(m) != WISH_QUIT);
    grid_free(&g);
}

static bool terminal_open(struct terminal *t, char why[256])
{
    setlocale(LC_ALL, "");
    t->in = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "r");
    if (!t->in) {
        snprintf(why, 256, "no keyboard: /dev/tty: %s", strerror(errno));
        return false;
    }
    t->screen = newterm(NULL, stdout, t->in);
    if (!t->screen) {
        const char *name = getenv("TERM");
        snprintf(why, 256, "the terminal '%.60s' is not known here; set TERM", name ? name : "");
        return false;
    }
    set_escdelay(ESCAPE_MS);
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    set_styles(t);
    catch_signals(t);
    return true;
}

static void terminal_close(struct terminal *t)
{
    endwin();
    delscreen(t->screen);
    if (t->in != stdin)
        fclose(t->in);
}

bool top_run(const char *db, const char *name, bool wait, char why[256])
{
    struct terminal t = {0};
    struct model m;
    struct feed f = {.db = db, .wait = wait};
    f.reader = store_read_open(db, why);
    if (!f.reader && !wait)
        return false;
    model_init(&m, name);
    bool ok = terminal_open(&t, why);
    if (ok) {
        run(&t, &f, &m);
        terminal_close(&t);
    }
    study_stop(&f.study);
    model_free(&m);
    store_read_close(f.reader);
    return ok;
}
