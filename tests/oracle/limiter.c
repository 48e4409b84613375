/* For limiter.py: argv[1] is a SPEC, stdin holds arrivals (microseconds, a line each); writes A or R for each, and how
 * long it waits when it does. */
#include <inttypes.h>
#include <stdio.h>

#include "analysis/limitspec.h"

int main(int argc, char **argv)
{
    struct limiter l = {0};
    struct limiter_key k = {0};
    char why[160];
    int64_t us;
    if (argc != 2 || !limitspec_parse(slice_str(argv[1]), &l.limit, why))
        return 2;
    while (scanf("%" SCNd64, &us) == 1) {
        struct limiter_answer answer = limiter_ask(&l, &k, us);
        putchar(answer.accepted ? 'A' : 'R');
        if (answer.wait_ms)
            printf("%" PRIu64, answer.wait_ms);
    }
    limiter_forget(&l, &k);
    return 0;
}
