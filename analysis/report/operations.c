#include "analysis/report/operations.h"

/* Errors that a good status carries, among the answers that were read for them. */
static void errors(struct json *j, const struct row_endpoint *e, const struct behaviour_endpoint *seen)
{
    const char *why = !e->operation_answers
                          ? "none of its answers was read for errors: not JSON, cut, coded with no time "
                            "to take that off, or nothing in their first 64 KiB"
                      : !seen ? "the exchanges of this audit are not kept"
                              : NULL;
    json_key_u64(j, "answers_read", e->operation_answers);
    json_key(j, "application_errors");
    if (why)
        json_null(j);
    else
        json_u64(j, seen->class[ERRORS_APPLICATION]);
    json_key(j, "reason");
    if (why)
        json_str(j, why);
    else
        json_null(j);
}

void operations_json(struct json *j, const struct row_endpoint *e, const struct behaviour *b)
{
    json_key(j, "operation_facts");
    if (!row_operation_apart(e).n) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "safe");
    json_bool(j, e->operation_safe);
    errors(j, e, behaviour_endpoint(b, e->id));
    json_close(j, '}');
}
