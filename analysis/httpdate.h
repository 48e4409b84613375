/* httpdate: the three forms of HTTP dates (RFC 9110 section 5.6.7). Pure. */
#ifndef ANALYSIS_HTTPDATE_H
#define ANALYSIS_HTTPDATE_H

#include "base/slice.h"

/* Seconds since the Unix epoch. False when it is no date. Two-digit years: 70 to 99 are of the last century. */
bool httpdate_parse(struct slice text, int64_t *seconds);

enum { HTTPDATE_MEMO = 64, HTTPDATE_TEXT = 39 };

/* Zero-initialise. */
struct httpdate_memo {
    struct httpdate_kept {
        int64_t seconds;
        bool is;
        uint8_t n; /* of the text; 0: free */
        char text[HTTPDATE_TEXT];
    } kept[HTTPDATE_MEMO];
};

/* httpdate_parse, remembered: dates come in crowds. */
bool httpdate_known(struct httpdate_memo *m, struct slice text, int64_t *seconds);

#endif
