/* list: which rows of a table are shown, in what order, and which one is chosen. The choice follows its row by id when
 * the moment changes; at the top it stays at the top, and at the end if it was sent there (LIST_END). */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include "tui/table.h"

enum { LIST_FILTER = 64, LIST_END = INT32_MAX };

struct list {
    unsigned sort;
    bool end;                 /* sent to the last row, whichever that is */
    bool reverse;             /* against the column's own way: numbers fall, text rises */
    char filter[LIST_FILTER]; /* substring, case of ASCII ignored */
    uint32_t *order;          /* rows of the moment */
    uint32_t n, at, top;
    uint32_t id; /* of the row chosen; 0: none */
};

void list_init(struct list *l, const struct table *t);
void list_free(struct list *l);
/* After the moment, the filter, the TTL or the order changed. False: out of memory, the list is then empty. */
bool list_refresh(struct list *l, const struct table *t, const struct table_view *v);
/* By rows, LIST_END: to the last, now and later; stops at both ends. */
void list_move(struct list *l, const struct table *t, const struct table_view *v, int64_t by);
/* Back to the first row. */
void list_top(struct list *l);
/* Brings the chosen row into the `rows` that fit. */
void list_scroll(struct list *l, uint32_t rows);
void list_sort_by(struct list *l, const struct table *t, int step);
/* The row chosen, NULL when the list is empty. */
const void *list_chosen(const struct list *l, const struct table *t, const struct moment *m);

#endif
