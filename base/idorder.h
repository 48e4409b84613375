/* idorder: in which order it is looked for who asks (CONTRACT: client identity). The capture side finds clients by it,
 * the store keeps it with the audit, and policies count by it. */
#ifndef BASE_IDORDER_H
#define BASE_IDORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum idword {
    IDWORD_APIKEY,
    IDWORD_AUTHORIZATION,
    IDWORD_MTLS,
    IDWORD_COOKIE,
    IDWORD_FORWARDED,
    IDWORD_ADDRESS,
    IDWORDS
};
extern const char *const idword_names[IDWORDS]; /* "apikey" */

enum {
    IDORDER_NAME = 48,                    /* the longest name is one octet less */
    IDORDER_TEXT = 64 + 2 * IDORDER_NAME, /* room for all words with commas and their names, and its end */
};

/* Zeroed: as when nothing was said, all words as they are listed above, with their usual names. */
struct idorder {
    uint8_t word[IDWORDS]; /* enum idword, the first that is there counts; the last one is the address, always there */
    uint8_t n;
    char key_field[IDORDER_NAME];      /* the field that an API key stands in, lower case; empty: the usual ones */
    char session_cookie[IDORDER_NAME]; /* the cookie that is a session, as it is written; empty: the usual ones */
};

/* A comma-separated list, `apikey=FIELD` and `cookie=NAME` among its words; the address is added at its end where it
 * lacks. False: `why` says which word is wrong. */
bool idorder_parse(struct slice list, struct idorder *out, char why[128]);
/* Of a DB: what cannot be read there is the order when nothing was said. */
struct idorder idorder_read(struct slice list);
void idorder_write(const struct idorder *o, char out[IDORDER_TEXT]);
/* How many words come before it; -1: it is not looked at. */
int idorder_place(const struct idorder *o, enum idword w);
/* The word as it is said, with its name. */
void idorder_word(const struct idorder *o, enum idword w, char out[IDORDER_TEXT]);
/* Whether there are credentials in fields that it does not look at. */
bool idorder_leaves_out(const struct idorder *o);
unsigned idorder_count(const struct idorder *o);
enum idword idorder_at(const struct idorder *o, unsigned place);
bool idorder_equal(const struct idorder *a, const struct idorder *b);
/* A client is its address, whatever it presents. */
struct idorder idorder_address(void);

#endif
