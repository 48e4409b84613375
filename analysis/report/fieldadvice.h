/* fieldadvice: an endpoint that could be cached but for some fields of its bodies (ALGORITHMS.md 4.3): which these are,
 * what a lifetime would do without them and does with them. */
#ifndef REPORT_FIELDADVICE_H
#define REPORT_FIELDADVICE_H

#include "analysis/fields.h"
#include "analysis/recommend.h"
#include "analysis/report/facts.h"
#include "base/json.h"

struct field_advice {
    bool known; /* its bodies were looked into */
    struct fields seen;
    /* With the mask: the lifetime, from the answers that were looked into; what it saves, from all look-ups. */
    struct recommendation with;
    struct sharing_result sharing; /* of the answers without the fields */
    /* The same lifetime with the fields in place; NaN: no hit with a known content. */
    double stale_now;
};

void field_advice_of(struct field_advice *a, const struct row_endpoint *e, const struct facts *f);
/* Whether the lifetime without them stands, too. */
bool field_advice_settled(const struct field_advice *a);
/* Whether to leave the fields out is to be advised. */
bool field_advice_stands(const struct field_advice *a);
/* The members `volatile_fields` and `but_for`. */
void field_advice_json(struct json *j, const struct row_endpoint *e, const struct facts *f);
/* One line each. */
void field_advice_action(const struct field_advice *a, struct buf *out);
void field_advice_why(const struct field_advice *a, struct buf *out);

#endif
