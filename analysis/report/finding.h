/* finding: a piece of advice as three sentences: what is, the evidence for it, what to do. For those who read nothing
 * else. */
#ifndef REPORT_FINDING_H
#define REPORT_FINDING_H

#include "analysis/report/advice.h"

enum { FINDINGS = 5 }; /* that a first screen holds */

/* Zero-initialise. UTF-8 of one line each; names from traffic are in them as they came. */
struct finding {
    struct buf what, evidence, todo;
};

void finding_of(struct finding *out, const struct advised *a);
void finding_free(struct finding *f);

#endif
