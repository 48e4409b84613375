#include "capture/ease.h"

#include "capture/segment.h"

void ease_init(struct ease *e)
{
    *e = (struct ease){.last = TIME_NONE, .since = TIME_NONE};
}

static void count(const struct ease *e, int64_t us, struct ease_count counts[EASE_STEPS])
{
    if (us > 0 && us <= EASE_LONGEST_US)
        for (unsigned i = 0; i < e->step; i++)
            counts[i].us += (uint64_t)us;
}

bool ease_note(struct ease *e, int64_t now, bool behind, struct ease_count counts[EASE_STEPS])
{
    unsigned before = e->step;
    if (e->last != TIME_NONE && now < e->last)
        now = e->last;
    if (e->last != TIME_NONE)
        count(e, now - e->last, counts);
    e->last = now;
    if (e->since == TIME_NONE || behind != e->behind)
        e->since = now;
    e->behind = behind;
    if (behind && now - e->since >= EASE_AFTER_US && e->step < EASE_STEPS) {
        counts[e->step++].times++;
        e->since = now;
    } else if (!behind && now - e->since >= EASE_BACK_US && e->step) {
        e->step--;
        e->since = now;
    }
    return e->step != before;
}
