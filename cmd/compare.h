/* compare: the rules made from one audit, each held against what a later audit shows of it (docs/VERIFY.md). */
#ifndef CMD_COMPARE_H
#define CMD_COMPARE_H

#include "analysis/named.h"
#include "analysis/policy/policy.h"
#include "cmd/verifyshow.h"

struct compare {
    struct {
        struct store_reader *reader; /* between store_read_begin and end */
        const struct facts *facts;
    } before, after;
    struct named *named; /* of the audit after */
    struct rules *rules; /* of the audit before, with their figures; keeps the text of what is found */
    const struct policy_product *product;
    bool rate, force; /* whether limits were asked for, and rules without sound evidence */
};

/* Fills in the rules of `out` and how many have each verdict; free(out->rule) in any case. False: `why` is one line. */
bool compare_run(const struct compare *o, struct verify_show *out, char why[256]);

#endif
