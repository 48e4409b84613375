#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/human.h"

static void print_harmless(const char *text)
{
    for (struct slice rest = slice_str(text); rest.n;) {
        size_t n = human_printable(rest);
        if (n)
            fwrite(rest.p, 1, n, stderr);
        else
            fprintf(stderr, "\\x%02x", (unsigned char)rest.p[0]);
        rest = slice_sub(rest, n ? n : 1, rest.n);
    }
}

static const char *where;

void log_where(const char *place)
{
    where = place;
}

void log_line(const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs(isatty(STDERR_FILENO) ? "\r\033[Kspanwise: " : "spanwise: ", stderr);
    if (where) {
        print_harmless(where);
        fputs(": ", stderr);
    }
    print_harmless(text);
    putc('\n', stderr);
    fflush(stderr);
}

void log_stdout(int error)
{
    if (error != EPIPE)
        log_line("stdout: %s", strerror(error ? error : EIO));
}

void log_progress(const char *format, ...)
{
    char text[256];
    va_list args;
    if (!isatty(STDERR_FILENO))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "\r\033[K%s", text);
    fflush(stderr);
}
