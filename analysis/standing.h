/* standing: how far a number can be relied upon (ALGORITHMS.md 0.6). Advice is printed when it is STANDING_OK; else on
 * demand, with the reason. */
#ifndef ANALYSIS_STANDING_H
#define ANALYSIS_STANDING_H

enum standing {
    STANDING_OK,
    STANDING_LOW_N,         /* too few events */
    STANDING_LOW_COVERAGE,  /* too much was lost on the way to us */
    STANDING_SHORT_WINDOW,  /* not watched long enough */
    STANDING_TRUNCATED,     /* a bound of memory was reached: some of it was left out */
    STANDING_SINGLE_SOURCE, /* too much of it is one client's (ALGORITHMS.md 11.1) */
};

/* Shares of the bytes sent that were captured. */
#define STANDING_COVERAGE 0.98 /* less: STANDING_LOW_COVERAGE */
#define STANDING_HOPELESS 0.90 /* less: no advice even on demand */

static inline const char *standing_name(enum standing s)
{
    switch (s) {
    case STANDING_OK:
        return "ok";
    case STANDING_LOW_N:
        return "low_n";
    case STANDING_LOW_COVERAGE:
        return "low_coverage";
    case STANDING_SHORT_WINDOW:
        return "short_window";
    case STANDING_TRUNCATED:
        return "truncated";
    case STANDING_SINGLE_SOURCE:
        return "single_source";
    }
    return "?";
}

#endif
