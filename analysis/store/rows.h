/* rows: the plain structs that travel between analysis, the store and its readers. Cumulative since the audit began,
 * unless a comment says otherwise. Times are microseconds since the epoch, text is borrowed (owner: the batch, or the
 * reader until its next step). Ids start at 1; 0 is none. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/slice.h"

enum { LADDER_RUNGS = 20, ENVELOPE_RATES = 24, ROW_CLIENTS_BITS = 12 /* of clients_met */ };

/* Why an answer may be stored or not. */
enum reason {
    REASON_NONE,
#define REASON(number, code, words) REASON_##code = number,
#include "analysis/store/reason.def"
#undef REASON
    REASON_COUNT
};

/* What is counted of an endpoint's declarations. */
enum declared {
#define DECLARED(name, bit, what) DECLARED_##name,
#include "analysis/store/declared.def"
#undef DECLARED
    DECLARED_COUNT
};

/* Codes and words of reasons, names of declared counts, by number. */
extern const char *const row_reasons[REASON_COUNT], *const row_reason_words[REASON_COUNT],
                                                        *const row_declared[DECLARED_COUNT];

/* The default ladder, seconds; envelope rates are 0.1 * 10^(i * 0.2083) per second (ladder.c and envelope.c own the
 * tables). */

struct row_rung {
    uint32_t ttl_s;
    uint64_t lookups;
#define RUNG_COLUMN(place, name, how, what) uint64_t name;
#include "analysis/store/rung.def"
#undef RUNG_COLUMN
};

struct row_endpoint {
    uint32_t id, alias; /* alias: this endpoint was united into that one; its counters moved there */
    struct slice method, service, route, operation;
    uint64_t requests, eligible, keys, clients;
    uint64_t request_bytes, response_bytes, errors, throttled, unanswered;
    uint64_t repeats_same;           /* eligible repeats whose content equals that of the key's previous answer */
    uint64_t observed_gaps, changes; /* consecutive known contents of a key; how many differed */
    uint64_t latency_n, server_n;
    uint64_t server_us_total; /* sum of server time over exchanges that have one */
    int64_t first_us, last_us;
    struct slice latency, server_time; /* histograms of duration and server time as blobs (base/hist.h) */
    struct row_rung ttl[LADDER_RUNGS];
    struct slice lifetimes;            /* gaps and versions as JSON (analysis/changes.h) */
    struct slice live;                 /* what a cache would hold, as JSON (analysis/live.h) */
    uint64_t declared[DECLARED_COUNT]; /* by enum declared */
    uint64_t reasons[REASON_COUNT];    /* exchanges by enum reason; [0]: from before reasons were kept */
    struct slice declared_ttl;         /* histogram of declared shared lifetimes, seconds */
    struct slice learned;              /* parts of requests held against answers, as a blob (analysis/learned.h) */
    struct slice writes;               /* which writes change its answers, as JSON (analysis/writes.h) */
    struct slice sharing;              /* answers to different credentials compared, as a blob (analysis/sharing.h) */
    struct slice sources;              /* who gave the repeats, as JSON (analysis/sources.h) */
    struct slice fields;               /* volatile fields of its bodies, as JSON (analysis/fields.h) */
    struct slice sampling;             /* what estimates rest on, as JSON (analysis/sampling.h); empty: all is exact */
    uint64_t websockets, websocket_us, websocket_messages_client, websocket_messages_server;
    uint64_t websocket_bytes_client, websocket_bytes_server, websocket_lost;
    uint64_t event_streams, event_stream_us, events, event_bytes, event_gaps, event_gap_us, event_gap_max_us;
    uint64_t event_streams_resumed, event_streams_lost;
    bool operation_safe;        /* the operation changes nothing, whatever the method */
    uint64_t operation_answers; /* answers to it that were read for errors of GraphQL and JSON-RPC */
};

/* What a name needs besides the route: a gRPC method is its path already. */
static inline struct slice row_operation_apart(const struct row_endpoint *e)
{
    bool is_path = e->route.n && slice_find(e->operation, '/', 0) < e->operation.n &&
                   slice_eq(e->operation, slice_sub(e->route, 1, e->route.n));
    return is_path ? (struct slice){NULL, 0} : e->operation;
}

struct row_client {
    uint32_t id;
    struct slice client;    /* "bearer:9f2c61d0a4be" */
    struct slice identity;  /* "bearer" */
    struct slice addresses; /* joined with ',', in order of first use, at most 16 */
    uint64_t n_addresses;
    uint64_t requests, bytes, errors, throttled;
    uint64_t peak_1s, peak_10s, peak_60s;
    uint64_t sliding_1s, sliding_10s;
    double burstiness;      /* NaN: fewer than 2 gaps */
    double poller_period_s; /* NaN: no poller */
    int64_t first_us, last_us;
    double envelope_rate[ENVELOPE_RATES], envelope_burst[ENVELOPE_RATES];
    struct slice name; /* foreign text, as capture/clientname.h makes it; empty: none, or not asked for */
};

/* What a row of a cache is about. */
enum cache_row { CACHE_ROW_server, CACHE_ROW_command, CACHE_ROW_pattern, CACHE_ROW_key, CACHE_ROWS };
extern const char *const row_cache_names[CACHE_ROWS];

enum cache_count {
#define CACHE_COUNT(name, holds) CACHE_COUNT_##name,
#include "analysis/store/cache.def"
#undef CACHE_COUNT
    CACHE_COUNTS
};

/* A cache, one of its commands, patterns of keys, or keys. */
struct row_cache {
    uint32_t id;
    struct slice what, proto; /* name of enum cache_row; "redis", "memcached" */
    struct slice server;      /* "10.0.0.5:6379" */
    struct slice name;        /* the command, the pattern, or the keyed hash of a key */
    struct slice pattern;     /* keys: theirs */
#define CACHE_COUNT(name, holds) uint64_t name;
#include "analysis/store/cache.def"
#undef CACHE_COUNT
    int64_t first_us, last_us;
    struct slice latency, ttl, age, fill; /* histograms as blobs: us, ms, ms, us */
};

/* A name: "what" is one of method, status, protocol, total, opaque, encapsulation, eased, … (see docs/SCHEMA.md). */
struct row_counter {
    const char *what;
    struct slice name;
    uint64_t value;
};

/* One minute of packet time, closed or still open (then written again). Deltas, not cumulative. */
struct row_minute {
    int64_t minute; /* Unix time / 60 */
    uint64_t requests, errors, eligible, repeats, request_bytes, response_bytes, server_us, clients;
};

/* The capture as a whole; one row. */
struct row_capture {
    struct slice sources;         /* JSON list of text */
    bool live, ended;             /* ended: this audit was closed in order */
    int64_t started_us, ended_us; /* first and last packet or record; TIME_NONE (INT64_MIN) when there was none */
    uint64_t packets, bytes, kernel_dropped, interface_dropped, duplicates, unparsed_packets;
    uint64_t flows, flows_midstream, flows_oneway, flows_evicted;
    uint64_t gaps, gap_bytes, acked_unseen_bytes, overlap_bytes, stream_bytes;
    uint64_t memory_ceiling_bytes, memory_peak_bytes;
    bool from_records; /* packet counters are unknown, not 0 */
    int64_t window_us; /* beginning of the hour that is open; TIME_NONE: none */
    uint64_t retransmitted, flows_split;
    struct slice clients_met;    /* which clients there were, as HyperLogLog (base/hll.h); empty: all have rows */
    struct slice identity_order; /* base/idorder.h; empty: not known */
    struct slice secret_mark;    /* hash_key_mark; empty: not known */
};

struct row_key {
    uint32_t id, endpoint;
    struct slice method, service, target; /* target redacted */
    bool hot;                             /* followed although its endpoint is sampled */
    struct slice operation;               /* it asks for; empty: none was told */
    bool safe;                            /* that changes nothing */
};

struct row_address {
    uint32_t id;
    struct slice text; /* "10.0.0.1" */
};

/* Connections that were not read, summed up by who spoke with whom and how (capture/opaque.h). */
struct row_opaque {
    uint32_t id;
    struct slice client, server;               /* address; with port. Empty: those there was no room to tell apart */
    struct slice why;                          /* name in capture/opaquewhy.def */
    struct slice name, alpn, ja4;              /* of the client's hello; empty: it says none, or was not seen */
    struct slice version, cipher, alpn_chosen; /* of the server's */
    uint64_t connections, bytes_client, bytes_server, open_us, hellos, hello_us;
    int64_t first_us, last_us;
};

/* One exchange as kept in blocks. Everything the analysis reads of it, so that a restart can replay it. */
struct row_exchange {
    int64_t arrival_us;
    int64_t ttfb_us, duration_us, server_us; /* -1 unknown */
    uint64_t request_bytes, response_bytes;
    uint32_t content; /* 32 bits of the identity; 0 unknown */

    /* What few have, as block.c sees it: 0 for most. */
    uint32_t variant;            /* hash of what Vary nominates, 0 for none */
    int64_t request_us;          /* -1 unknown */
    uint64_t quota;              /* what its answer says of one (analysis/quota.h); 0: nothing */
    uint32_t etag;               /* 32 bits of the identity; 0 unknown */
    uint32_t body;               /* of the request's body; 0: none, or unknown */
    uint32_t trace;              /* 32 bits of the keyed hash of its traceparent's trace; 0: none */
    uint32_t request_id;         /* of its X-Request-Id */
    uint32_t window_us, loss_us; /* of the transfer: held up by the client's window, by loss */

    uint32_t key; /* id */

    /* Its peer and its shape, as block.def calls them: both are compared as octets. */
    uint32_t client, address; /* ids */
    uint32_t rtt;             /* 1 + round trip to the client, microseconds; 0: unknown */
    uint32_t conn;            /* number of the connection, modulo 2^32; 0: unknown */

    uint32_t endpoint, server; /* ids; server is an address with port */
    uint32_t flags;            /* FLAG_* of the exchange, plus ROW_* */
    uint32_t notes;            /* enum reason, and a bit for each declared count that has one */
    uint32_t lifetime;         /* 1 + seconds that it declares for a shared cache that may store it; 0: none */
    uint32_t accepts;     /* of Accept-Encoding, where Vary names it (analysis/vary.h: ACCEPTS_*); 0: it does not */
    uint32_t retry_after; /* 1 + seconds that a 429 or 503 asks to wait; 0: it says nothing */
    uint32_t version;     /* of the API, as its header fields name it (analysis/versions.h); 0: they name none */
    uint16_t status;
    uint8_t end, proto; /* enum end_state, enum proto */
    uint8_t managed;    /* MANAGED_* */
};

/* The bits of row_exchange.notes, from what they say; names: analysis/store/declared.def. */
enum {
    NOTE_REASON = 31,
#define DECLARED(name, bit, what) NOTE_AT_##name = bit,
#include "analysis/store/declared.def"
#undef DECLARED
};
#define NOTE(name, is) ((uint32_t)((is) != 0) << NOTE_AT_##name)

/* What fields of API management it carries; STAYS: it is a WebSocket, or an answer of server-sent events. KEY: the
 * request's Idempotency-Key. BESIDES: its client is told by something else than a credential that it has, whose kind is
 * not in the order of identity. */
enum { MANAGED_KEY = 1, MANAGED_DEPRECATION = 2, MANAGED_SUNSET = 4, MANAGED_STAYS = 8, MANAGED_BESIDES = 16 };

/* Stored numbers are not trusted to be times that can be added. */
#define ROW_SANE_US ((int64_t)1 << 60)
static inline int64_t row_sane_us(int64_t us)
{
    return us > ROW_SANE_US ? ROW_SANE_US : us < -ROW_SANE_US ? -ROW_SANE_US : us;
}

enum {
    ROW_TLS = 1u << 28,      /* came over TLS */
    ROW_ORPHAN = 1u << 29,   /* an answer without its request */
    ROW_FILLABLE = 1u << 30, /* could fill a cache slot (Model Z) */
    ROW_ELIGIBLE = 1u << 31,
};

#endif
