#include "capture/watch.h"

static const int64_t YEAR_2000_US = INT64_C(946684800000000);

static void watch_time(struct watch *w, int64_t ts)
{
    if (w->frames && ts < w->last) {
        w->back++;
        if (w->last - ts > w->back_us)
            w->back_us = w->last - ts;
    }
    w->pauses += w->frames && ts - w->last >= WATCH_PAUSE_US;
    w->untimed += ts < YEAR_2000_US;
    w->whole_ms += ts % 1000 == 0;
    w->whole_s += ts % 1000000 == 0;
    if (!w->frames || ts < w->least)
        w->least = ts;
    if (!w->frames || ts > w->greatest)
        w->greatest = ts;
    w->last = ts;
}

void watch_frame(struct watch *w, const struct frame *f)
{
    watch_time(w, f->ts);
    w->frames++;
    w->link = f->link;
    w->large += f->wire_n > WATCH_LARGE;
    if (f->wire_n > w->largest)
        w->largest = f->wire_n;
    if (f->n < f->wire_n) {
        w->cut++;
        if (f->n > w->cut_at)
            w->cut_at = f->n;
    }
    if (f->link == 1 && f->n) {
        w->ethernet++;
        w->group += f->data[0] & 1;
    }
}
