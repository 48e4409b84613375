/* exchange: one request and its response (or the proof that there was none). The one thing that leaves capture/.
 * Text is borrowed from the exchange's own arena, or from what made it, and lives until the exchange is given back.
 * After seal it holds no credential.
 * Times are microseconds since the Unix epoch in packet time. */
#ifndef CAPTURE_EXCHANGE_H
#define CAPTURE_EXCHANGE_H

#include "base/hash.h"
#include "base/slice.h"

#define TIME_NONE INT64_MIN

enum end_state {
#define END(id, name) END_##id,
#include "capture/ends.def"
#undef END
    END_COUNT
};

enum proto { PROTO_HTTP10, PROTO_HTTP11, PROTO_H2, PROTO_H3, PROTO_REDIS, PROTO_MEMCACHED, PROTO_COUNT };

/* Who the client is (CONTRACT: client identity). */
enum identity {
#define IDENTITY(id, name) IDENTITY_##id,
#include "capture/identities.def"
#undef IDENTITY
    IDENTITY_COUNT
};

/* Odd things seen; printed by name in `flags`. */
enum {
#define FLAG(id, bit, name) FLAG_##id = 1u << (bit),
#include "capture/flags.def"
#undef FLAG
    FLAGS_ALL = 0
#define FLAG(id, bit, name) | FLAG_##id
#include "capture/flags.def"
#undef FLAG
};

/* Header fields somebody reads. TOKEN_OTHER: a field nominated by some Vary, known by its name alone. */
enum token {
    TOKEN_OTHER,
#define TOKEN(id, name, keep) TOKEN_##id,
#include "capture/tokens.def"
#undef TOKEN
    TOKEN_COUNT
};

/* What is known of an address: nothing (records may lack one), all, or which network it is in (--privacy strict). */
enum { ADDR_NONE, ADDR_WHOLE, ADDR_NETWORK };

struct addr {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d; of a network the rest is 0 */
    uint16_t port;  /* host order; 0 of a network */
    uint8_t known;  /* ADDR_* */
};

/* One header field, sealed: lower-case name, value in clear or `~` and 12 hex digits. Repeated fields are joined with
 * ", ". */
struct field {
    struct slice name, value;
    uint8_t token;
    bool response;
};

enum { GRPC_UNIMPLEMENTED = 12 };

/* A gRPC call; [0] the request's messages, [1] the response's. */
struct grpc_facts {
    uint32_t messages[2], compressed[2];
    uint64_t bytes[2];  /* of messages as sent, without their prefixes */
    int64_t timeout_us; /* the caller's deadline; -1: none */
    int16_t status;     /* grpc-status; -1: none seen */
    bool lost[2];       /* there may have been more messages */
};

/* What a WebSocket carried; [0] from the client, [1] from the server. */
struct websocket_facts {
    uint32_t messages[2], frames[2]; /* as they begin; without control frames */
    uint32_t control[2], compressed[2];
    uint64_t bytes[2];           /* payload of data frames, as sent */
    int64_t opened, duration_us; /* when the answer was whole; from then to the last octet */
    bool lost[2];                /* not all could be read: what is counted is the least */
    bool closed;                 /* a close frame was seen */
};

enum { OPERATION_TEXT = 250 };
enum operation_kind { OPERATION_GRAPHQL, OPERATION_RPC, OPERATION_SOAP };
/* Whether the answer was read for errors; if not, why. */
enum operation_answer {
    OPERATION_READ,
#define UNREAD(name, what) OPERATION_UNREAD_##name,
#include "capture/unread.def"
#undef UNREAD
    OPERATION_ANSWERS
};

/* An operation that the request names in its body, query or fields (capture/operation.h); of a batch all of them,
 * joined with ','. */
struct operation_facts {
    struct slice name; /* at most OPERATION_TEXT octets */
    bool safe;         /* certainly changes nothing: queries of GraphQL alone */
    uint8_t kind;      /* enum operation_kind */
    uint8_t answer;    /* enum operation_answer */
};

/* Server-sent events of an answer. */
struct event_facts {
    uint64_t events, bytes;            /* bytes: of their lines, codings taken off, without line ends */
    uint64_t gaps, gap_us, gap_max_us; /* between one event and the next; their sum, the longest */
    int64_t opened;                    /* first octet of the answer */
    uint64_t duration_us;              /* from then to its last octet */
    bool resumed;                      /* the client asked to go on where it had lost it (Last-Event-ID) */
    bool lost;                         /* not all could be read: what is counted is the least */
};

/* A command of a cache: what it is for, and what came of a key that was looked up. */
enum cache_kind {
    CACHE_OTHER,
    CACHE_READ,
    CACHE_WRITE,
    CACHE_DELETE,
    CACHE_KINDS,
};
enum cache_outcome { CACHE_UNTOLD, CACHE_HIT, CACHE_MISS };

struct cache_key {
    uint64_t hash;        /* 48 bits, keyed */
    struct slice pattern; /* lives as long as what made it */
    uint64_t bytes;       /* of its value, written or read; 0: none, or not told apart */
    uint8_t outcome;      /* enum cache_outcome */
};

enum { CACHE_KEYS_MOST = 128 };

/* A command of Redis or memcached; its name is the exchange's method. Values are not here, nor keys. */
struct cache_facts {
    uint8_t kind;  /* enum cache_kind */
    bool lookup;   /* it asks for keys: hits, misses and untold count them */
    bool answered; /* an answer was seen and is its own */
    bool failed;   /* the answer is an error */
    bool blocks;   /* the server may wait before it answers */
    bool queued;   /* answered with others of a transaction */
    uint32_t hits, misses, untold;
    uint32_t named;       /* keys it names */
    int64_t ttl_us;       /* lifetime it gives its keys; 0: forever; -1: it says nothing of it */
    uint64_t value_bytes; /* of values, written or read */
    uint32_t n;           /* of the keys, the first CACHE_KEYS_MOST */
    struct cache_key key[];
};

/* What an answer may depend on, besides the path (ALGORITHMS.md 5.1). */
enum part_kind { PART_QUERY, PART_HEADER, PART_COOKIE, PART_CREDENTIAL, PART_CLAIM, PART_KINDS };

struct part {
    uint64_t name;                /* part_name of it */
    uint64_t value;               /* hash of name and value; not 0 */
    struct slice text;            /* its name, lower case for fields */
    uint64_t id : 48;             /* keyed hash of the value, as redact_hide writes it */
    uint64_t kind : 8, coded : 8; /* enum part_kind; coded: it chooses the content-coding */
};

/* Those of a request's head; shared between exchanges. */
struct parts {
    unsigned n;
    struct part part[];
};

/* What a value of a JSON body looks like, from its text (ALGORITHMS.md 4.3). */
enum leaf_value {
#define LEAF(id, name) LEAF_##id,
#include "capture/leaves.def"
#undef LEAF
    LEAF_VALUES
};

enum { LEAVES_MOST = 256 };

/* All leaves of one path. */
struct leaf {
    uint64_t path, hash; /* hash: sum of those of its leaves */
    uint64_t order;      /* of the greatest time or integer: greater for greater ones, and keyed; 0 for others */
    struct slice name;   /* p NULL: there was no room for it; lives as long as what made it */
    uint8_t value;       /* enum leaf_value */
};

/* Those of an answer's body that was looked into. */
struct leaves {
    uint64_t sum; /* of all hashes, also of paths that are not here */
    unsigned n;
    struct leaf leaf[];
};

/* Where a version of an API is named. */
enum api_version { API_VERSION_ACCEPT = 1, API_VERSION_FIELD, API_VERSION_SHIFT = 2 };

/* A record need not say how large bodies were; packets do. */
enum { UNSIZED_REQUEST = 1, UNSIZED_RESPONSE = 2 };

/* In the order of cache lines: when and how it went; how much it was, and who asked; what was asked for; what else its
 * heads say; between whom; what few have, and what hardly any has. */
struct exchange {
    int64_t arrival; /* when the request was whole (orphans: first response byte); the order of analysis */
    uint64_t order;  /* capture order of the packet that made it whole; breaks ties */
    int64_t t_req0, t_req1, t_rsp0, t_rsp1; /* first and last byte of request and response; TIME_NONE when not seen */
    uint32_t flags;                         /* FLAG_* */
    uint16_t status;                        /* 0: none seen */
    uint8_t proto, end;                     /* enum proto, end_state */
    uint64_t seq;                           /* place in arrival order from 0 */

    uint64_t conn;                          /* number of the connection from 1 */
    uint64_t request_bytes, response_bytes; /* body octets seen, after transfer decoding */
    uint64_t request_body_id, body_id;      /* keyed content identity; 0: not wholly seen */
    uint64_t client_hash;                   /* 48 bits: keyed hash of the identity */
    uint8_t identity;                       /* enum identity */
    bool tls;
    bool credential_besides; /* it has one that does not tell who asks: the order of identity leaves it out, or NTLM */
    uint8_t unsized; /* UNSIZED_REQUEST, UNSIZED_RESPONSE: how large that body was is not known; its size here is 0 */
    uint8_t n_fields;
    int32_t rtt_client, rtt_server; /* least round trips of the connection so far, us; -1 unknown */

    struct slice method;            /* p NULL: an orphan response */
    struct slice service;           /* scheme://authority, normalised */
    struct slice authority, target; /* as sent, target redacted */

    const struct field *fields;            /* n_fields of them, requests' first */
    const struct parts *parts;             /* NULL: none; lives as long as what made it */
    struct slice content_type, user_agent; /* p NULL: absent */
    const struct leaves *leaves;           /* NULL: the body was not looked into, or is no JSON */
    uint64_t decoded_id; /* identity of the body without codings, of JSON by its leaves; 0: not looked into */

    struct addr client, server;
    uint64_t trace_id, request_id; /* keyed hashes of those it was sent with; 0: none */
    uint32_t window_us, loss_us;   /* of the answer's transfer: held up by the client's window, by loss */

    const struct grpc_facts *grpc;           /* NULL: no gRPC */
    struct operation_facts *operation;       /* NULL: none is named, or it was not seen */
    const struct websocket_facts *websocket; /* NULL: no WebSocket */
    const struct event_facts *events;        /* NULL: no server-sent events */
    const struct cache_facts *cache;         /* NULL: HTTP */
    uint32_t stream;                         /* HTTP/2; 0: none */
    uint32_t api_version;  /* enum api_version, and above it one more than the number that api_version_format writes; 0:
                              the fields name none */
    struct slice encoding; /* p NULL: absent */

    struct slice upgrade;     /* p NULL: absent */
    struct slice client_name; /* p NULL: none, or not asked for (--show-names) */
    uint64_t gap_bytes;       /* bytes lost inside this exchange */
    uint64_t address_hash; /* as client_hash, of the client's address, where that is known as a network; 0: not known */
};

/* Counters of the packets, streams and flows behind the exchanges; what could not be decoded is here by name. */
enum opaque_reason {
#define OPAQUE(id, name) OPAQUE_##id,
#include "capture/opaque.def"
#undef OPAQUE
    OPAQUE_COUNT
};

enum encapsulation {
#define ENCAP(id, name) ENCAP_##id,
#include "capture/encaps.def"
#undef ENCAP
    ENCAP_COUNT
};

enum unparsed_reason {
#define UNPARSED(id, name, advice) UNPARSED_##id,
#include "capture/unparsed.def"
#undef UNPARSED
    UNPARSED_COUNT
};

/* Steps of what is given up when a live capture cannot keep up (capture/ease.h). */
enum ease_step {
#define EASE(id, name, what) EASE_##id,
#include "capture/ease.def"
#undef EASE
    EASE_STEPS
};

struct ease_count {
    uint64_t times, us; /* how often taken, how long in force, packet time */
};

enum memcached_udp_count {
#define COUNT(id, name) MEMCACHED_UDP_##id,
#include "capture/memcachedudp.def"
#undef COUNT
    MEMCACHED_UDP_COUNTS
};

struct capture_stats {
    int64_t first_us, last_us; /* least and greatest packet time; TIME_NONE: no packet */
    uint64_t packets, bytes;
    uint64_t kernel_dropped, interface_dropped;
    uint64_t duplicates, unparsed_packets;
    uint64_t flows, flows_midstream, flows_oneway, flows_evicted;
    uint64_t flows_opaque[OPAQUE_COUNT];
    uint64_t gaps, gap_bytes, acked_unseen_bytes, overlap_bytes;
    uint64_t retransmitted; /* segments whose bytes had all been seen, and that are no copies of packets */
    uint64_t flows_split;   /* of flows_oneway: those whose other direction came on another VLAN or VNI */
    uint64_t stream_bytes;  /* TCP payload delivered in order: what coverage is a share of */
    uint64_t encapsulations[ENCAP_COUNT];
    struct ease_count eased[EASE_STEPS];
    uint64_t flows_skipped, packets_skipped; /* of connections that were not read for want of time */
    uint64_t memory_bytes;                   /* reassembly and exchanges in flight now */
    uint64_t memory_peak_bytes;              /* and at most */
    uint64_t other_packets;                  /* read, and neither TCP nor memcached */
    uint64_t udp_packets, quic_packets;      /* UDP without a tunnel in it; of that, QUIC */
    uint64_t unparsed_by[UNPARSED_COUNT];    /* unparsed_packets by reason */
    uint64_t cut_segments, cut_bytes;        /* TCP segments cut by the snap length, and what is missing of them */
    uint64_t damaged;                        /* inputs that broke off before their end */
    uint64_t mistimed;                       /* packets that were given a neighbour's time (source_mistimed) */
    uint64_t memcached_udp[MEMCACHED_UDP_COUNTS];
    uint64_t heads_unread; /* longer than is read, or without memory for them */
};

/* Sums of packets that the store keeps by name. */
#define CAPTURE_PACKETS(X)                                                                                             \
    X(other_packets, "not_tcp")                                                                                        \
    X(udp_packets, "udp")                                                                                              \
    X(quic_packets, "quic")                                                                                            \
    X(cut_segments, "cut")                                                                                             \
    X(cut_bytes, "cut_bytes")                                                                                          \
    X(damaged, "damaged")                                                                                              \
    X(mistimed, "mistimed")

const char *end_name(enum end_state e);
const char *proto_name(enum proto p);
const char *identity_name(enum identity i);
const char *opaque_name(enum opaque_reason r);
const char *encap_name(enum encapsulation e);
const char *unparsed_name(enum unparsed_reason r);
const char *ease_name(enum ease_step e);
const char *memcached_udp_name(enum memcached_udp_count c);
const char *token_name(enum token t); /* lower case */
/* Token of a header name in any case, TOKEN_OTHER when none reads it. */
enum token token_find(struct slice name);
const char *operation_answer_name(enum operation_answer a);
const char *leaf_value_name(enum leaf_value v);
/* Name of the flag bit (0..31), NULL when there is none. */
const char *flag_name(unsigned bit);

/* FLAG_FAILED, FLAG_METHOD: what the status says. */
static inline uint32_t exchange_grpc_flags(const struct grpc_facts *g)
{
    uint32_t has = g->status >= 0 && g->status != GRPC_UNIMPLEMENTED ? FLAG_METHOD : 0;
    return has | (g->status > 0 ? FLAG_FAILED : 0);
}

/* The sealed field, or a slice with NULL p. */
struct slice exchange_field(const struct exchange *x, enum token t, bool response);

/* Hash of a part's kind and name, and of its value: `id` of one from a head, any hash of another. */
uint64_t part_name(const struct hash_key *key, enum part_kind kind, struct slice name);
static inline uint64_t part_value(uint64_t name, uint64_t id)
{
    uint64_t value = hash_mix(name + id * 0x9e3779b97f4a7c15u);
    return value ? value : 1;
}

/* "1.2.3.4:80", "[::1]:80"; without port when with_port is false. Of a network "1.2.3.0/24", "2001:db8:1::/48". Returns
 * the length; out holds 56 bytes. */
size_t addr_format(const struct addr *a, bool with_port, char out[56]);
/* Reads what addr_format wrote, port optional. */
bool addr_parse(struct slice text, struct addr *out);
/* The /24 (IPv4) or /48 that it is in, without port; what is not known stays so. */
struct addr addr_network(const struct addr *a);
/* The bits of that network; 0 of what is not known. */
uint64_t addr_network_bits(const struct addr *a);

/* "2", "2.1" or "2024-01-31"; without what names it. Returns the length; out holds 16 bytes. */
size_t api_version_format(uint32_t version, char out[16]);

/* "bearer:9f2c61d0a4be". Returns the length; out holds 32 bytes. */
size_t client_format(enum identity kind, uint64_t hash, char out[32]);

#endif
