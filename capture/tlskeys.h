/* tlskeys: secrets of TLS sessions, by what they are for and the client's random: from NSS key log files (followed as
 * they grow) and from secrets blocks of captures. Nothing of them is ever shown or stored. */
#ifndef CAPTURE_TLSKEYS_H
#define CAPTURE_TLSKEYS_H

#include "base/hash.h"

enum tls_label {
    TLS_MASTER, /* CLIENT_RANDOM: the master secret of TLS 1.2 and before */
    TLS_CLIENT_EARLY,
    TLS_CLIENT_HANDSHAKE,
    TLS_SERVER_HANDSHAKE,
    TLS_CLIENT_TRAFFIC,
    TLS_SERVER_TRAFFIC,
    TLS_LABELS
};

enum { TLS_RANDOM = 32, TLS_SECRET_MAX = 48, TLS_KEYS_MAX = 1 << 20 };

struct tls_secret {
    uint8_t n, bytes[TLS_SECRET_MAX];
};

struct tls_keys;

struct tls_keys *tls_keys_new(const struct hash_key *key); /* NULL: out of memory */
void tls_keys_free(struct tls_keys *k);                    /* wipes them; NULL is allowed */
/* Lines of a key log; the last one may be whole without a line end. What is no such line is counted. */
void tls_keys_add(struct tls_keys *k, struct slice text);
/* Reads a file, and what is added to it whenever tls_keys_look is called. may_come: it need not be there yet. False: it
 * cannot be read, errno says why. */
bool tls_keys_follow(struct tls_keys *k, const char *path, bool may_come);
/* Whether secrets came since. Cheap enough for ten times a second. A file that was cut, or cut and written again, is
 * read from its beginning; where another one lies under the name (rotation) it is read, and the one before read on
 * until the next. */
bool tls_keys_look(struct tls_keys *k);
/* Reads all files from their beginning: for who asks for it (SIGHUP). */
void tls_keys_again(struct tls_keys *k);
/* The last look: takes a last line without its end as well. */
void tls_keys_finish(struct tls_keys *k);
/* Whether every file is there. */
bool tls_keys_open(const struct tls_keys *k);
/* Why a file that lies there now cannot be opened (errno; whoever gave up root may not be allowed to); 0: none such. */
int tls_keys_error(const struct tls_keys *k);
/* Whether any are there or may come. */
bool tls_keys_expected(const struct tls_keys *k);
/* NULL: not known (yet). Valid until the next call that may add. */
const struct tls_secret *tls_keys_find(const struct tls_keys *k, enum tls_label label,
                                       const uint8_t random[TLS_RANDOM]);
/* How often something was added: when it stands still, what was not found is still not there. */
uint64_t tls_keys_version(const struct tls_keys *k);
uint64_t tls_keys_count(const struct tls_keys *k);
uint64_t tls_keys_refused(const struct tls_keys *k); /* lines that are none, and those no room was left for */

#endif
