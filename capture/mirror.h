/* mirror: what is wrong with a mirror, by what was counted of it, and what to do about each. A pure rule: `doctor` asks
 * it of an interface or a file, the report's first lines come from it as well. */
#ifndef CAPTURE_MIRROR_H
#define CAPTURE_MIRROR_H

#include "base/buf.h"
#include "capture/exchange.h"

enum mirror_check {
#define CHECK(id, name, title, fine) MIRROR_##id,
#include "capture/mirror.def"
#undef CHECK
    MIRROR_CHECKS
};

struct watch;
struct tally;

/* What is known. NULL: was not looked at, and nothing is said of it. */
struct mirror {
    const struct capture_stats *stats;
    const struct watch *watch;
    const struct tally *tally;
    uint64_t exchanges, requests, answers; /* requests and answers: those with the one and with the other */
    bool live;
    bool keys;         /* a key log was given */
    bool denied, down; /* the interface could not be opened */
    int64_t now_us;    /* the clock; TIME_NONE: unknown */
};

enum mirror_severity { MIRROR_NOTE, MIRROR_WARNING, MIRROR_PROBLEM };
/* What it does to an audit's figures: nothing, they are lower bounds, little or nothing is left of them. */
enum mirror_harm { MIRROR_UNHARMED, MIRROR_PARTIAL, MIRROR_LITTLE, MIRROR_NOTHING };

enum { MIRROR_NUMBERS = 6, MIRROR_STEPS = 3 };

struct mirror_number {
    const char *name; /* NULL: no more */
    double value;
};

struct mirror_finding {
    enum mirror_check check;
    enum mirror_severity severity;
    enum mirror_harm harm;
    bool headline;      /* important enough to stand before a report */
    char evidence[320]; /* what was seen, without a full stop */
    const char *brief;  /* what it means or what to do, in few words; NULL: the evidence says it */
    struct mirror_number number[MIRROR_NUMBERS]; /* what the evidence is made of */
    char step[MIRROR_STEPS][200];                /* what to do, "{if}" stands for the interface; empty: no more */
};

const char *mirror_name(enum mirror_check c);
const char *mirror_title(enum mirror_check c);
/* What is counted of it, for where that is little or nothing ("packets cut"); empty: nothing. */
const char *mirror_fine(enum mirror_check c);
uint64_t mirror_count(const struct mirror *m, enum mirror_check c);
const char *mirror_severity_name(enum mirror_severity s);
/* The findings in the order of mirror.def. Returns how many. */
size_t mirror_judge(const struct mirror *m, struct mirror_finding out[MIRROR_CHECKS]);
/* Appends the evidence and what it means or what to do: a sentence and a line end. */
void mirror_say(const struct mirror_finding *f, struct buf *out);
/* Share of the bytes sent that was seen; NaN: none was sent. */
double mirror_coverage(const struct capture_stats *s);

#endif
