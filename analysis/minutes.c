#include "analysis/minutes.h"

bool minutes_init(struct minutes *m, uint32_t most)
{
    *m = (struct minutes){0};
    return slab_init(&m->rows, sizeof(struct row_minute), most);
}

void minutes_fini(struct minutes *m)
{
    slab_fini(&m->rows);
}

static uint64_t oldest_open(const struct minutes *m)
{
    return m->end - m->first > MINUTES_OPEN ? m->end - MINUTES_OPEN : m->first;
}

static struct row_minute *push(struct minutes *m, int64_t minute)
{
    if (m->end - m->first == m->rows.most) {
        m->lost += m->first >= m->written;
        m->first++;
    }
    if (m->written < m->first)
        m->written = m->first;
    m->latest = minutes_row(m, m->end++);
    *m->latest = (struct row_minute){.minute = minute};
    return m->latest;
}

struct row_minute *minutes_other(struct minutes *m, int64_t minute)
{
    if (!m->latest || minute > m->latest->minute)
        return push(m, minute);
    uint64_t place = m->end - 1, oldest = oldest_open(m);
    while (place > oldest && minutes_row(m, place)->minute > minute)
        place--;
    if (place < m->written)
        m->written = place; /* written again */
    return minutes_row(m, place);
}

void minutes_written(struct minutes *m)
{
    m->written = m->end;
    m->first = oldest_open(m);
}
