#include "analysis/suspect.h"

void suspect_id(struct suspect_ids *s, uint32_t endpoint, uint64_t id)
{
    const uint64_t all = (UINT64_C(1) << SUSPECT_STEPS) - 1;
    bool same = s->endpoint == endpoint, up = same && id == s->last + 1;
    s->last = id;
    if (!same) {
        s->endpoint = endpoint;
        s->bits = s->steps = 0;
        return;
    }
    s->bits = (s->bits << 1 | up) & all;
    s->steps += s->steps < SUSPECT_STEPS;
    s->monotone |= s->steps == SUSPECT_STEPS && __builtin_popcountll(s->bits) * 10 >= SUSPECT_STEPS * 8;
}

bool suspect_scan(uint64_t requests, uint64_t refused, uint64_t since, uint64_t distinct)
{
    return since >= SUSPECT_SCAN && distinct * 10 >= since * 8 && refused * 2 >= requests;
}

bool suspect_stuffing(uint64_t credentials, uint64_t requests, uint64_t denied)
{
    return credentials >= SUSPECT_MANY && denied * 10 >= requests * 9;
}

bool suspect_id_of(const char *target, uint64_t n, uint64_t *id)
{
    bool found = false, number = false;
    uint64_t value = 0, digits = 0;
    for (uint64_t i = 0; i <= n; i++) {
        char c = i < n ? target[i] : '?';
        if (c == '/' || c == '?') {
            if (number && digits && digits < 19) {
                *id = value;
                found = true;
            }
            number = true;
            value = digits = 0;
        } else if (c >= '0' && c <= '9') {
            value = value * 10 + (uint64_t)(c - '0');
            digits++;
        } else {
            number = false;
        }
        if (c == '?')
            break;
    }
    return found;
}
