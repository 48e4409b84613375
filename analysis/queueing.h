/* queueing: the queueing index of a backend (ALGORITHMS.md 8.5): how much further its slow answers are from its usual
 * ones when much is under way than when little is. p95/p50 of server time in the seconds of the greatest tenth of
 * concurrency, by the same of the least tenth. Seconds are put together by concurrency in QUEUEING_STEPS steps an
 * octave, so a tenth is the steps from that of the 90 % quantile on (to that of the 10 % quantile): at least a tenth.
 * Server times are told apart as histograms do (8.3). Bounded: QUEUEING_ROWS pairs of concurrency and time of all
 * backends, QUEUEING_PENDING answers of seconds that are not over; a backend that found no room has no index. */
#ifndef ANALYSIS_QUEUEING_H
#define ANALYSIS_QUEUEING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    QUEUEING_STEPS = 8,
    QUEUEING_SECONDS = 300, /* the least that say anything */
    QUEUEING_ANSWERS = 100, /* in each tenth */
    QUEUEING_ROWS = 1 << 18,
    QUEUEING_PENDING = 1 << 18,
};

enum queueing_refusal {
    QUEUEING_FITS,
    QUEUEING_FEW_SECONDS,
    QUEUEING_NARROW, /* concurrency hardly varied: both tenths are the same */
    QUEUEING_FEW_ANSWERS,
    QUEUEING_NO_TIME, /* the median of a tenth is 0 */
    QUEUEING_NO_ROOM,
    QUEUEING_REFUSALS
};

struct queueing_found {
    double index;      /* NaN unless refused is QUEUEING_FITS */
    double busy, idle; /* p95/p50 of the two tenths; as index */
    enum queueing_refusal refused;
};

struct queueing;

/* loads: backends. NULL: out of memory. */
struct queueing *queueing_new(uint32_t loads);
void queueing_free(struct queueing *q);
/* An answer of this backend that ended in this second. */
void queueing_answer(struct queueing *q, uint32_t load, int64_t second, uint64_t server_us);
/* That second is over; area_us: as of underway_second. Seconds that are not told of here do not count. */
void queueing_second(struct queueing *q, uint32_t load, int64_t second, uint64_t area_us);
/* Once, at the end. */
void queueing_end(struct queueing *q);
struct queueing_found queueing_of(const struct queueing *q, uint32_t load);
const char *queueing_refusal_name(enum queueing_refusal r);

#endif
