/* tlsstate: a connection of TLS, for those who read it: its records (tls.c) and its handshake (tlshandshake.c). */
#ifndef CAPTURE_TLSSTATE_H
#define CAPTURE_TLSSTATE_H

#include "base/buf.h"
#include "capture/tls.h"

enum {
    TLS_HELLO_CLIENT = 1,
    TLS_HELLO_SERVER = 2,
    TLS_12 = 0x0303,
    TLS_13 = 0x0304,
    TLS_MARKS = 24,  /* packets of one record that are told apart */
    TLS_PLACES = 64, /* ends of records that acknowledgements are translated by */
};

/* Which secret of TLS 1.3 a direction is under. */
enum tls_phase { PHASE_EARLY, PHASE_HANDSHAKE, PHASE_TRAFFIC };

/* From byte `at` of the record on, these are what the packet said. */
struct tls_mark {
    uint32_t at;
    int64_t ts;
    uint64_t order, ack_offset;
};

/* A record that waits for its secret. */
struct tls_waiting {
    struct tls_waiting *next;
    uint8_t role;
    uint16_t marks;
    uint32_t n;
    uint64_t outer; /* offset of its end */
    struct tls_mark mark[TLS_MARKS];
    uint8_t bytes[];
};

struct tls_place {
    uint64_t outer, inner; /* ends of a record and of what it held */
};

struct tls_side {
    struct buf carry; /* a record that is not whole, or after a loss what is searched */
    struct tls_mark mark[TLS_MARKS];
    unsigned marks;
    struct tls_cipher *cipher, *next; /* next: from the coming change on (TLS 1.2) */
    struct tls_secret secret;         /* that of the cipher, for updates (TLS 1.3) */
    uint64_t seq;
    uint64_t outer, inner; /* offsets: of the carry, of what comes next inside */
    uint64_t lost_from;    /* while lost: offset of the first record that is missing */
    unsigned tries;        /* since then */
    struct tls_place place[TLS_PLACES];
    unsigned places;
    enum tls_phase phase;
    bool begun, protected, lost, blocked;
    bool proven;     /* a record was opened */
    bool guess;      /* some may be missing before the next one */
    bool deaf;       /* handshake messages have no known bounds any more */
    bool early;      /* some records may be of early data */
    uint8_t head[4]; /* of the handshake message being read */
    unsigned head_n;
    uint32_t left;
    struct buf hello;
};

struct tls {
    struct tls_side side[2];
    bool client_hello, server_hello, encrypt_then_mac;
    bool early_known, early_taken; /* whether the server took the early data */
    bool ending;                   /* nothing more comes */
    uint8_t random[2][TLS_RANDOM];
    uint16_t version;
    uint64_t certificate;                 /* tls_certificate's */
    bool shown;                           /* a certificate, in the last handshake */
    uint64_t offered[TLSSESSION_OFFERED]; /* sessions that the client would take up again (TLS 1.3) */
    const struct tls_suite *suite;
    uint64_t keys_seen; /* version of the keys when last looked */
    struct tls_waiting *first, **last;
    uint64_t held;
    enum tls_verdict verdict;
};

#endif
