/* records: exchanges read from text instead of packets, put into arrival order like captured ones. A record flagged
 * "late" leaves after all that stand before it, as it did when it was written. */
#ifndef CAPTURE_RECORDS_H
#define CAPTURE_RECORDS_H

#include "capture/line.h"
#include "capture/redact.h"

struct records_options {
    struct hash_key key;
    struct redact_options redact; /* records are redacted as packets are; what was hidden stays */
    uint64_t memory;              /* ceiling for records that wait for their order, bytes */
    struct exchange_sink sink;
    void (*reclaim)(void *context, bool wait); /* as in capture_options */
    void *reclaim_context;
    bool show_names;    /* what they say of clients' names is kept */
    int64_t not_before; /* what begins earlier is refused; TIME_NONE: nothing is */
};

struct records;

struct records *records_new(const struct records_options *o); /* NULL: out of memory */
/* One line. NULL: taken; else what is wrong with it. Empty lines are taken as nothing. */
const char *records_line(struct records *r, struct slice line);
/* To be called now and then while a pipe gives nothing: what was there at the call before leaves, in order. So in a
 * pipe that stalls a record waits as long as its reader likes, and not for a time that does not go on. */
void records_settle(struct records *r);
void records_finish(struct records *r);
void records_give_back(struct records *r, struct exchange *x);
uint64_t records_count(const struct records *r); /* taken so far */
void records_free(struct records *r);

#endif
