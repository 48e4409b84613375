/* capacities: what each backend has under way and answers, where more at once gives no more, and how far it is from
 * there, now and with the caching that is advised (ALGORITHMS.md 8.4, 8.6). */
#ifndef REPORT_CAPACITIES_H
#define REPORT_CAPACITIES_H

#include "analysis/loads.h"
#include "analysis/report/advice.h"
#include "base/json.h"

/* What the lifetimes advised would take away from the origin, and whether enough was seen to say so. */
struct relief {
    double *hits; /* share of the requests of an endpoint that a cache would answer, by id */
    size_t n;
    bool windowed;      /* of a part of the time nothing is advised */
    const char *unsure; /* what was lost makes all of it too small: why, for JSON; NULL: nothing, or it is not known */
};

void relief_of(struct relief *r, struct store_reader *reader, const struct facts *f, const struct advice_list *advice);
void relief_free(struct relief *r);

/* How far a load is from the most that it can be. NaN: not known, and why, for JSON. */
struct headroom {
    double
        now; /* of the most throughput, the share that busy seconds (95 % of N) leave by the law; 0: beyond the knee */
    const char *now_why;
    double cached; /* the same with the caching advised */
    const char *cached_why;
    double busy_left; /* share of what is under way that would still come to it with that; NaN: nothing is advised */
};

struct headroom headroom_of(const struct loads *l, const struct load *x, const struct relief *r);
/* Throughput by the law at what busy seconds have under way; NaN: there is no law. */
double capacity_busy(const struct load *x);
/* Why there is no law, for JSON; NULL: there is one. */
const char *capacity_refusal(const struct load *x);
/* Time that calls took beyond what one alone takes (by the law), seconds; NaN: there is no law. */
double capacity_waited_s(const struct load *x);

/* The members `capacity`, `capacity_services`, `capacity_servers`, `capacity_endpoints` and `capacity_source`. */
void capacity_json(struct json *j, const struct loads *l, const struct relief *r, bool none);
/* capacityshow.c: the section of the text, and of the Markdown (with names escaped by `foreign`). */
void capacity_text(const struct loads *l, const struct relief *r, unsigned top, unsigned width, struct buf *out);
void capacity_markdown(const struct loads *l, const struct relief *r, unsigned top,
                       void (*foreign)(struct buf *out, struct slice text), struct buf *out);

#endif
