/* bind: values of row structs to and from SQLite statements, one pair of functions a column kind. Internal to the
 * store. */
#ifndef STORE_BIND_H
#define STORE_BIND_H

#include <sqlite3.h>

#include "analysis/store/rows.h"
#include "base/buf.h"

/* Parameters and columns are numbered from 1 and 0 by SQLite; `scratch` holds text that must live until the statement
 * ran. */
void bind_u64(sqlite3_stmt *q, int i, uint64_t v);
void bind_i64(sqlite3_stmt *q, int i, int64_t v); /* TIME_NONE: NULL */
void bind_real(sqlite3_stmt *q, int i, double v); /* NaN: NULL */
void bind_text(sqlite3_stmt *q, int i, struct slice v);
void bind_blob(sqlite3_stmt *q, int i, struct slice v);
void bind_ladder(sqlite3_stmt *q, int i, const struct row_rung *ttl, struct buf *scratch);
void bind_counts(sqlite3_stmt *q, int i, const uint64_t *counts, const char *const *names, int n);
void bind_envelope(sqlite3_stmt *q, int i, const double *rate, const double *burst, struct buf *scratch);

uint64_t column_u64(sqlite3_stmt *q, int i);
int64_t column_i64(sqlite3_stmt *q, int i);
double column_real(sqlite3_stmt *q, int i);
struct slice column_text(sqlite3_stmt *q, int i);
struct slice column_blob(sqlite3_stmt *q, int i);
void column_ladder(sqlite3_stmt *q, int i, struct row_rung *ttl);
void column_counts(sqlite3_stmt *q, int i, uint64_t *counts, const char *const *names, int n);
void column_envelope(sqlite3_stmt *q, int i, double *rate, double *burst);

#define BIND_ID(q, i, row, name, scratch) bind_u64(q, i, (uint64_t)(row)->name)
#define BIND_U32(q, i, row, name, scratch) bind_u64(q, i, (row)->name)
#define BIND_U64(q, i, row, name, scratch) bind_u64(q, i, (row)->name)
#define BIND_I64(q, i, row, name, scratch) bind_i64(q, i, (row)->name)
#define BIND_REAL(q, i, row, name, scratch) bind_real(q, i, (row)->name)
#define BIND_BOOL(q, i, row, name, scratch) bind_u64(q, i, (row)->name)
#define BIND_TEXT(q, i, row, name, scratch) bind_text(q, i, (row)->name)
#define BIND_BLOB(q, i, row, name, scratch) bind_blob(q, i, (row)->name)
#define BIND_LADDER(q, i, row, name, scratch) bind_ladder(q, i, (row)->name, scratch)
#define BIND_COUNTS(q, i, row, name, scratch)                                                                          \
    bind_counts(q, i, (row)->name, row_##name, sizeof(row)->name / sizeof *(row)->name)
#define BIND_ENVELOPE(q, i, row, name, scratch) bind_envelope(q, i, (row)->name##_rate, (row)->name##_burst, scratch)

#define READ_ID(q, i, row, name) (row)->name = (__typeof__((row)->name))column_u64(q, i)
#define READ_U32(q, i, row, name) (row)->name = (uint32_t)column_u64(q, i)
#define READ_U64(q, i, row, name) (row)->name = column_u64(q, i)
#define READ_I64(q, i, row, name) (row)->name = column_i64(q, i)
#define READ_REAL(q, i, row, name) (row)->name = column_real(q, i)
#define READ_BOOL(q, i, row, name) (row)->name = column_u64(q, i) != 0
#define READ_TEXT(q, i, row, name) (row)->name = column_text(q, i)
#define READ_BLOB(q, i, row, name) (row)->name = column_blob(q, i)
#define READ_LADDER(q, i, row, name) column_ladder(q, i, (row)->name)
#define READ_COUNTS(q, i, row, name)                                                                                   \
    column_counts(q, i, (row)->name, row_##name, sizeof(row)->name / sizeof *(row)->name)
#define READ_ENVELOPE(q, i, row, name) column_envelope(q, i, (row)->name##_rate, (row)->name##_burst)

#endif
