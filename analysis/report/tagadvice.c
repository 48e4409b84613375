#include "analysis/report/tagadvice.h"

#include <inttypes.h>

#include "base/human.h"

enum { PAIRS_LEAST = 30, LIES_LEAST = 3, WASTED_LEAST = 30 };

#define DEFECT 0.01 /* share from which it is one */

bool tag_advice_unstable(const struct row_endpoint *e)
{
    uint64_t pairs = e->declared[DECLARED_etag_pairs];
    return pairs >= PAIRS_LEAST && (double)e->declared[DECLARED_etag_unstable] > DEFECT * (double)pairs;
}

bool tag_advice_unheeded(const struct row_endpoint *e)
{
    uint64_t wasted = e->declared[DECLARED_wasted_full];
    return wasted >= WASTED_LEAST && (double)wasted > DEFECT * (double)e->declared[DECLARED_conditional];
}

enum advice_kind tag_advice_kind(const struct row_endpoint *e)
{
    if (e->declared[DECLARED_etag_lies] >= LIES_LEAST)
        return ADVICE_LIES;
    return tag_advice_unstable(e) || tag_advice_unheeded(e) ? ADVICE_TAGS : ADVICE_NONE;
}

void tag_advice_numbers(const struct row_endpoint *e, uint64_t *compared, uint64_t *wrong)
{
    const uint64_t *d = e->declared;
    bool lies = tag_advice_kind(e) == ADVICE_LIES, unstable = tag_advice_unstable(e);
    *compared = lies ? d[DECLARED_full] : unstable ? d[DECLARED_etag_pairs] : d[DECLARED_conditional];
    *wrong = lies ? d[DECLARED_etag_lies] : unstable ? d[DECLARED_etag_unstable] : d[DECLARED_wasted_full];
}

void tag_advice_action(const struct row_endpoint *e, struct buf *out)
{
    if (tag_advice_kind(e) == ADVICE_LIES)
        buf_str(out, "make the ETag differ whenever the body does: caches and clients keep what is wrong");
    else if (tag_advice_unstable(e))
        buf_str(out, "make ETags of the content alone: equal answers of all servers must have the same");
    else
        buf_str(out, "answer 304 where If-None-Match names what would be sent");
}

void tag_advice_why(const struct row_endpoint *e, struct buf *out)
{
    const uint64_t *d = e->declared;
    uint64_t compared, wrong;
    tag_advice_numbers(e, &compared, &wrong);
    if (tag_advice_kind(e) == ADVICE_LIES) {
        buf_printf(out, "%" PRIu64 " of %" PRIu64 " full answers had an ETag that stood for another body before", wrong,
                   compared);
        return;
    }
    if (tag_advice_unstable(e))
        buf_printf(out, "%" PRIu64 " of %" PRIu64 " pairs of equal answers within a minute had different ETags", wrong,
                   compared);
    if (tag_advice_unheeded(e))
        buf_printf(out, "%s%" PRIu64 " of %" PRIu64 " conditional requests were sent %s that the client had",
                   tag_advice_unstable(e) ? "; " : "", d[DECLARED_wasted_full], d[DECLARED_conditional],
                   human_bytes(d[DECLARED_wasted_full_bytes]).text);
}
