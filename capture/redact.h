/* redact: request targets and header values without secrets. A hidden value becomes `~` and 12 hex digits of its keyed
 * hash; of a hidden path segment, or piece of one, the last digit tells its class (base/route.h), so that its route can
 * still be named. What is shown of a target is valid UTF-8: bytes that are none are percent-encoded. */
#ifndef CAPTURE_REDACT_H
#define CAPTURE_REDACT_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/route.h"
#include "capture/piece.h"
#include "capture/slot.h"

enum { REDACTED = ROUTE_HIDDEN }; /* length of a hidden value */

struct redact_options {
    bool clear_targets;     /* hide sensitive names alone */
    const char *more_names; /* "apikey,ssn": parameters to hide besides the built-in ones; NULL: none */
    bool sealed;            /* targets come from records: what was hidden already stays as it is */
    bool strict;            /* ids in paths are hidden, too, each by its class; not with clear_targets */
};

struct redact;

struct redact *redact_new(const struct hash_key *key, const struct redact_options *o); /* NULL: out of memory */
void redact_free(struct redact *r);

/* The 48 bits that stand for a hidden value. */
uint64_t redact_id(const struct hash_key *key, struct slice value);
/* Writes `~` and 12 hex digits; the last one tells the class (enum route_class; -1: none). */
void redact_hide(const struct redact *r, struct slice value, int class, char out[REDACTED]);
/* What is to be known of a target before it is redacted, so that what was kept of it is near by then. */
enum { REDACT_UNKNOWN, REDACT_PLAIN, REDACT_QUERY }; /* or greater: a hash. QUERY: its path is plain */
uint64_t redact_expect(struct redact *r, struct slice target, struct target_seen *seen);
/* Appends the target as it may be shown. expected: what redact_expect() said, and mark, where it saw the query; or
 * REDACT_UNKNOWN. */
void redact_target(struct redact *r, struct slice target, uint64_t expected, size_t mark, struct buf *out);
/* Whether a parameter of this name carries a secret. */
bool redact_sensitive(const struct redact *r, struct slice name);
/* An authority without user and password, and without what is none behind it but its first character; valid UTF-8. Good
 * until the next call. */
struct slice redact_authority(struct redact *r, struct slice authority);

#endif
