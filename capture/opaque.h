/* opaque: what is known of connections that were not read, summed up by who spoke with whom and how: sizes, times; of
 * TLS the name asked for, the fingerprint of the client. Fixed capacity; what finds no room is summed up in row 0.
 * Written by the capture, read by the analysis' thread: the only thing here that two threads touch, under its own lock,
 * which is taken for connections, never for packets. */
#ifndef CAPTURE_OPAQUE_H
#define CAPTURE_OPAQUE_H

#include "capture/exchange.h"
#include "capture/tlshello.h"

enum opaque_why {
#define WHY(id, name, words) OPAQUE_WHY_##id,
#include "capture/opaquewhy.def"
#undef WHY
    OPAQUE_WHYS
};

/* Who, with whom, how. Compared as a whole: unused octets are 0. */
struct opaque_key {
    struct addr client, server; /* the client's without port; with --privacy strict its network, and where it is not
                                   certain who the client is, both are networks */
    struct tls_client_hello hello;
    struct tls_server_hello chosen;
    uint8_t why; /* enum opaque_why */
};

/* Of one connection, or of many. Roles: 0 client, 1 server. */
struct opaque_sums {
    uint64_t connections, bytes[2]; /* of TCP, lost ones as well */
    uint64_t open_us;               /* from the first byte to the last, each connection's */
    uint64_t hellos, hello_us;      /* connections whose hellos were both seen; from one to the other */
    int64_t first_us, last_us;      /* first and last byte; TIME_NONE: none */
};

struct opaque_row {
    uint64_t hash;
    struct opaque_key key;
    struct opaque_sums sums;
    bool changed;
};

struct opaque;

/* strict: clients are to be shown by their networks. NULL: out of memory. */
struct opaque *opaque_new(const struct hash_key *key, uint32_t most, bool strict);
void opaque_free(struct opaque *o); /* NULL is allowed */
bool opaque_strict(const struct opaque *o);
/* The row of this key, made if it is not there; 0: no room. */
uint32_t opaque_find(struct opaque *o, const struct opaque_key *key);
void opaque_add(struct opaque *o, uint32_t row, const struct opaque_sums *sums);
/* Rows that changed since the last call; `id` is row + 1. */
void opaque_changed(struct opaque *o, void (*each)(void *context, uint32_t id, const struct opaque_row *row),
                    void *context);
/* A row of an earlier run: in the order of their ids, before the first packet. */
void opaque_load(struct opaque *o, uint32_t id, const struct opaque_key *key, const struct opaque_sums *sums);

const char *opaque_why_name(enum opaque_why w);
/* "1.3", "TLS_AES_128_GCM_SHA256"; empty for 0. */
size_t opaque_version_text(uint16_t version, char out[8]);
size_t opaque_cipher_text(uint16_t cipher, char out[64]);
uint16_t opaque_version_of(struct slice text);
uint16_t opaque_cipher_of(struct slice text);

#endif
