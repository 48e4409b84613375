/* json: writes one JSON document into a buf, in order; commas and escapes are its business, nesting is the caller's.
 * Numbers that could not be known are written with json_null, never as 0. Invalid UTF-8 is written as U+FFFD. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

struct json {
    struct buf *out;
    bool comma; /* the next value needs one */
};

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *name);
void json_key_slice(struct json *j, struct slice name);
void json_slice(struct json *j, struct slice s); /* NULL p: null */
void json_str(struct json *j, const char *s);    /* NULL: null */
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
/* Shortest form that reads back as the same double; not finite: null. */
void json_double(struct json *j, double v);
/* Microseconds as seconds with 6 decimals. */
void json_micros(struct json *j, int64_t us);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
/* A member of an object: its key and value. */
void json_key_u64(struct json *j, const char *key, uint64_t v);
void json_key_double(struct json *j, const char *key, double v);
void json_key_text(struct json *j, const char *key, struct slice v); /* NULL p: null */
/* Microseconds since the epoch, or of a span, as seconds; INT64_MIN: null. */
void json_key_micros(struct json *j, const char *key, int64_t us);
/* Bytes that are JSON already. */
void json_raw(struct json *j, struct slice s);

#endif
