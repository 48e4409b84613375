/* human: numbers and foreign text as people read them, for terminals. */
#ifndef BASE_HUMAN_H
#define BASE_HUMAN_H

#include "base/buf.h"

struct human {
    char text[24];
};

struct human human_count(uint64_t n);                /* 950, 12.3k, 4.5M */
struct human human_bytes(uint64_t n);                /* 950 B, 12.3 kB, 4.5 MB */
struct human human_seconds(double s);                /* 850 us, 12 ms, 3.4 s, 5m12s, 3h04m; NaN: "-" */
struct human human_rate(uint64_t n, double seconds); /* 3.2/s, 14/min; unknown: "-" */
struct human human_moment(int64_t us);               /* 2026-11-24 05:17:00, UTC; INT64_MIN: "-" */
struct human human_percent(double ratio);            /* 12.3 %; NaN: "-" */
struct human human_short_percent(double ratio);      /* 12.3, 100; NaN: "-" */

/* "s" of what there are several of, as in "2 flows", "1 flow". */
static inline const char *human_s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* Length of the character that text (of a byte or more) begins with; 0: a terminal must not be shown its first byte,
 * for it begins a control, a mark of direction, or no character. */
size_t human_printable(struct slice text);
/* Appends text from traffic in a line of its own; `?` for each byte that must not be shown. */
void human_text(struct buf *out, struct slice text);
/* Appends text cut or padded to `width` terminal columns: control characters and invalid UTF-8 are shown harmlessly,
 * wide characters count two, what is cut ends in "…". */
void human_cell(struct buf *out, struct slice text, unsigned width);

#endif
