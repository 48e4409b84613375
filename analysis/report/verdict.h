/* verdict: can this audit be trusted, and if little could be decoded: why, and what to do. One pure rule for every
 * face. */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include "analysis/report/facts.h"
#include "base/buf.h"

enum verdict { VERDICT_GOOD, VERDICT_PARTIAL, VERDICT_LITTLE, VERDICT_NOTHING };

/* Appends one sentence a line, most important first; for VERDICT_GOOD one at most, of what there is where there is no
 * HTTP. */
enum verdict verdict_of(const struct facts *f, struct buf *lines);

#endif
