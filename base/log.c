#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_harmless(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            fprintf(stderr, "\\x%02x", *p);
        else
            putc(*p, stderr);
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
