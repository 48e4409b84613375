#include "base/digits.h"

#include <string.h>

static size_t count(uint64_t v)
{
    static const uint64_t least[] = {0,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000,
                                     10000000000000000000u};
    size_t about = (size_t)(64 - __builtin_clzll(v | 1)) * 1233 >> 12; /* of binary digits; one less, or as many */
    return about + (v >= least[about]);
}

static inline char *put_pair(char *end, uint32_t v)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    memcpy(end - 2, pairs + v * 2, 2);
    return end - 2;
}

static inline char *put_four(char *end, uint32_t v)
{
    return put_pair(put_pair(end, v % 100), v / 100);
}

/* From the last digit to the first, several at a time: the store writes thousands of these a second. */
size_t digits_put(char *p, uint64_t v)
{
    if (v < 10) {
        *p = (char)('0' + v);
        return 1;
    }
    size_t n = count(v);
    char *end = p + n;
    for (; v >> 32; v /= 10000)
        end = put_four(end, (uint32_t)(v % 10000));
    uint32_t rest = (uint32_t)v;
    for (; rest >= 10000; rest /= 10000)
        end = put_four(end, rest % 10000);
    for (; rest >= 10; rest /= 100)
        end = put_pair(end, rest % 100);
    if (end > p)
        *p = (char)('0' + rest);
    return n;
}
