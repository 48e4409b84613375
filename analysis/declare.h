/* declare: what an exchange declares about caching, as the notes that its row carries; from them alone the counts of an
 * endpoint are made (analysis/store/declared.def). Remembers verdicts: most answers of a service are alike. */
#ifndef ANALYSIS_DECLARE_H
#define ANALYSIS_DECLARE_H

#include "analysis/classify.h"
#include "analysis/heads.h"
#include "analysis/httpdate.h"

enum { DECLARE_MEMO = 256, DECLARE_TEXT = 108 };

/* Zero-initialise. */
struct declarer {
    struct httpdate_memo dates;
    struct declare_kept {
        uint64_t seen; /* all that decides but the text; 0: free */
        uint32_t notes, lifetime;
        uint32_t n;              /* of the text */
        char text[DECLARE_TEXT]; /* Cache-Control of the answer */
    } __attribute__((aligned(64))) kept[DECLARE_MEMO];
};

/* Fills row->notes and row->lifetime from the exchange. */
void declare(struct declarer *d, const struct exchange *x, const struct heads *h, enum classify_method method,
             struct row_exchange *row);

#endif
