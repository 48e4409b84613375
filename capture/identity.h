/* identity: who the client of a request is (CONTRACT: client identity), by the first that is there of an order's words:
 * API key, Authorization, certificate of the client, session cookie, forwarded address behind trusted proxies, address.
 * Only the keyed hash leaves. */
#ifndef CAPTURE_IDENTITY_H
#define CAPTURE_IDENTITY_H

#include "base/idorder.h"
#include "capture/slot.h"

struct identity_of {
    enum identity kind;
    uint64_t hash; /* 48 bits */
    bool besides;  /* it has a credential, too, that does not tell: of a kind that the order leaves out, or NTLM and its
                      like */
};

/* What a credential says of whom it belongs to, coarser than itself: a tenant, perhaps (ALGORITHMS.md 5.3). */
enum { IDENTITY_CLAIMS = 4 };

struct identity_claims {
    unsigned n;
    struct {
        const char *name; /* "tenant", "iss", "scope", "key_prefix"; static */
        uint64_t id;      /* keyed hash of the value, 48 bits */
    } claim[IDENTITY_CLAIMS];
};

struct identifier;

/* NULL: out of memory, or `why`: the list of trusted proxies cannot be read. */
struct identifier *identifier_new(const struct hash_key *key, const char *trusted_proxies, const struct idorder *order,
                                  char why[128]);
void identifier_free(struct identifier *i);
/* The fields of a request from that number on: asks for what is known of the credential in them, as most of those that
 * have one write it. What it is looked for by; 0: there is none. */
uint64_t identifier_expect(const struct identifier *i, const struct rawhead *h, unsigned from);
/* As identity_of_address; most clients come again. */
uint64_t identifier_address(struct identifier *i, const struct addr *a);

/* A kind and its hash in one word; 0: not known. */
static inline uint64_t identity_packed(enum identity kind, uint64_t hash)
{
    return (uint64_t)kind << 48 | hash;
}

/* What a request says of who asks, as it came. Of slices those that are shown. */
struct asking {
    uint8_t shown;      /* words of the order that there is something of, a bit each */
    bool key_of_target; /* of no field */
    bool unread;        /* an API key in a field that the order says is none */
    const struct rawhead *head;
    const struct addr *peer;
    uint64_t who;   /* certificate or address: identity_packed; 0: none was seen, and the address was not looked for */
    uint64_t token; /* identifier_expect's; 0: it was not asked */
    struct slice key, authorization, cookies;
};

static inline void asking_begin(struct asking *a, const struct rawhead *head, const struct addr *peer, uint64_t who,
                                uint64_t token)
{
    a->shown = (uint8_t)((who >> 48 == IDENTITY_MTLS) << IDWORD_MTLS);
    a->key_of_target = a->unread = false;
    a->head = head;
    a->peer = peer;
    a->who = who;
    a->token = token;
}

/* Whether it says nothing, and the hash of its address is known: `who`. Then there is nothing to be found. */
static inline bool asking_is_address(const struct asking *a)
{
    return !a->shown && !a->unread && a->who;
}

/* Whether a field may say who asks; TOKEN_OTHER: one of them may, that of the name. */
bool identifier_reads(const struct identifier *i, enum token t);
bool identifier_named(const struct identifier *i, struct slice name);
/* One of these; of several of a kind the last one counts. */
void asking_field(struct asking *a, const struct identifier *i, enum token t, struct slice value);
/* Behind the fields: a key may be in the target's query, what stands behind its first `?`. */
void asking_query(struct asking *a, const struct identifier *i, struct slice query);
struct identity_of identifier_find(struct identifier *i, const struct asking *a);
/* Of the credential found last; as long as no other is looked for. */
const struct identity_claims *identifier_claims(const struct identifier *i);
/* From now on it is asked for names, too: JWT sub, else client_id, else azp; of Basic the user (--show-names). */
void identifier_show_names(struct identifier *i);
/* Of the credential found last, as it may be shown (capture/clientname.h), as long as no other is looked for; empty: it
 * has none, or names are not asked for. */
struct slice identifier_name(const struct identifier *i);
/* Whether a cookie of this name is a session: who asks. */
bool identity_session_name(struct slice name);
/* Whether a Set-Cookie begins a session: by its name, with a value of at least 8 characters. */
bool identity_sets_session(struct slice set_cookie);
/* The hash of a client that showed a certificate, from what that names it by (capture/tlscert.h). */
uint64_t identity_of_certificate(const struct hash_key *key, struct slice who);
/* The identity of an address alone (IPv6: its /64). */
struct identity_of identity_of_address(const struct hash_key *key, const struct addr *a);

#endif
