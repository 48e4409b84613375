#include "capture/identity.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prefetch.h"
#include "base/sixteen.h"
#include "capture/clientname.h"
#include "capture/credential.h"
#include "capture/piece.h"
#include "capture/redact.h"

enum { MEMO = 1024, PSEUDONYMS = 4096, ADDRESSES = 4096, PROXIES = 64, JWT_MAX = 4096, PREFIX_REST = 8 };

struct network {
    uint8_t ip[16];
    unsigned bits;
};

struct named {
    uint8_t n;
    char text[CLIENTNAME];
};

struct identifier {
    struct hash_key key;
    struct idorder order;            /* written out */
    bool said;                       /* something was: it may leave words out */
    struct slice key_field, session; /* names that stand for the usual ones; empty: those */
    enum token key_token;            /* the field's, where it has one */
    struct network proxies[PROXIES];
    unsigned n_proxies;
    struct {
        uint64_t token;
        struct identity_of who;
        struct identity_claims claims;
        struct named name;
    } memo[MEMO];                         /* decoded JWTs by hash of the whole token */
    uint8_t first[1 << IDWORDS];          /* by what is shown: place in the order of the first word to look at */
    uint8_t usual;                        /* what is shown where a token alone is, if that is looked at; else 0 */
    const struct identity_claims *claims; /* of the credential found last */
    struct identity_claims prefix;
    bool names;        /* are asked for */
    struct named name; /* of the credential found last */
    struct {
        uint64_t quick, hash;
    } pseudonyms[PSEUDONYMS]; /* of credentials, by hash_quick of them; direct-mapped; hash 0: free */
    struct {
        uint64_t ip[2], hash;
    } addresses[ADDRESSES]; /* direct-mapped; hash 0: free */
};

/* Of the words from n on the first that is shown, or the address, which always is. */
static unsigned next_shown(const struct identifier *i, unsigned shown, unsigned n)
{
    while (n < i->order.n && !((shown | 1u << IDWORD_ADDRESS) >> i->order.word[n] & 1))
        n++;
    return n;
}

static bool network_parse(struct slice text, struct network *out)
{
    size_t slash = slice_find(text, '/', 0);
    struct addr a;
    uint64_t bits = 128;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!addr_parse(slice_sub(text, 0, slash), &a))
        return false;
    bool v4 = memcmp(a.ip, mapped, 12) == 0;
    if (slash < text.n && (!slice_u64(slice_sub(text, slash + 1, text.n), &bits) || bits > (v4 ? 32u : 128u)))
        return false;
    memcpy(out->ip, a.ip, 16);
    out->bits = (unsigned)bits + (v4 && slash < text.n ? 96 : 0);
    return true;
}

struct identifier *identifier_new(const struct hash_key *key, const char *trusted, const struct idorder *order,
                                  char why[128])
{
    struct identifier *i = calloc(1, sizeof *i);
    if (!i) {
        snprintf(why, 128, "out of memory");
        return NULL;
    }
    i->key = *key;
    i->said = order->n;
    i->order = *order;
    i->order.n = 0;
    for (unsigned n = 0; n < idorder_count(order); n++)
        i->order.word[i->order.n++] = (uint8_t)idorder_at(order, n);
    i->key_field = slice_str(i->order.key_field);
    i->session = slice_str(i->order.session_cookie);
    i->key_token = token_find(i->key_field);
    for (unsigned shown = 0; shown < sizeof i->first; shown++)
        i->first[shown] = (uint8_t)next_shown(i, shown, 0);
    const unsigned alone = 1u << IDWORD_AUTHORIZATION;
    i->usual = i->order.word[i->first[alone]] == IDWORD_AUTHORIZATION ? alone : 0;
    struct slice rest = slice_str(trusted), item;
    while (slice_next(&rest, ',', &item)) {
        if (i->n_proxies < PROXIES && network_parse(item, &i->proxies[i->n_proxies])) {
            i->n_proxies++;
            continue;
        }
        snprintf(why, 128, "--trusted-proxies: '%.*s' is no network such as 10.0.0.0/8", (int)item.n, item.p);
        free(i);
        return NULL;
    }
    return i;
}

void identifier_free(struct identifier *i)
{
    free(i);
}

static bool in_network(const struct network *n, const uint8_t ip[16])
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->ip, ip, whole) != 0)
        return false;
    return !rest || ((n->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

static bool trusted(const struct identifier *i, const uint8_t ip[16])
{
    for (unsigned n = 0; n < i->n_proxies; n++)
        if (in_network(&i->proxies[n], ip))
            return true;
    return false;
}

#define HASH UINT64_C(0xffffffffffff)

static struct identity_of hashed(const struct hash_key *key, enum identity kind, struct slice value)
{
    return (struct identity_of){.kind = kind, .hash = hash_bytes(key, (uint8_t)('A' + kind), value.p, value.n) & HASH};
}

struct identity_of identity_of_address(const struct hash_key *key, const struct addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool v4 = memcmp(a->ip, mapped, 12) == 0;
    return hashed(key, IDENTITY_ADDRESS, slice_of(a->ip, v4 ? 16 : 8));
}

uint64_t identity_of_certificate(const struct hash_key *key, struct slice who)
{
    return hashed(key, IDENTITY_MTLS, who).hash;
}

static unsigned address_place(const uint64_t ip[2])
{
    return (unsigned)(hash_mix(ip[0] ^ ip[1]) % ADDRESSES);
}

uint64_t identifier_address(struct identifier *i, const struct addr *a)
{
    uint64_t ip[2];
    memcpy(ip, a->ip, sizeof ip);
    unsigned at = address_place(ip);
    if (!i->addresses[at].hash || i->addresses[at].ip[0] != ip[0] || i->addresses[at].ip[1] != ip[1]) {
        memcpy(i->addresses[at].ip, ip, sizeof ip);
        i->addresses[at].hash = identity_of_address(&i->key, a).hash;
    }
    return i->addresses[at].hash;
}

static inline uint64_t quick_of(const struct identifier *i, enum identity kind, struct slice value)
{
    return hash_mix(hash_quick(&i->key, value.p, value.n) + kind);
}

/* Hash of the credential that this is the quick_of; 0: not known. */
static inline uint64_t known_pseudonym(const struct identifier *i, uint64_t quick)
{
    unsigned at = (unsigned)(quick % PSEUDONYMS);
    return i->pseudonyms[at].quick == quick ? i->pseudonyms[at].hash : 0;
}

/* As hashed(). A credential comes again and again; it is kept nowhere. quick: quick_of it. */
static inline struct identity_of pseudonym_by(struct identifier *i, enum identity kind, struct slice value,
                                              uint64_t quick)
{
    uint64_t hash = known_pseudonym(i, quick);
    if (!hash) {
        unsigned at = (unsigned)(quick % PSEUDONYMS);
        hash = hashed(&i->key, kind, value).hash;
        i->pseudonyms[at].quick = quick;
        i->pseudonyms[at].hash = hash;
    }
    return (struct identity_of){.kind = kind, .hash = hash};
}

static struct identity_of pseudonym(struct identifier *i, enum identity kind, struct slice value)
{
    return pseudonym_by(i, kind, value, quick_of(i, kind, value));
}

static int base64url(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_digit(c))
        return c - '0' + 52;
    return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

/* Decodes base64 of either alphabet; stops at the first other character. Returns the length. */
static size_t base64_decode(struct slice s, char *out, size_t room)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < room; i++) {
        int v = base64url(s.p[i]);
        if (v < 0)
            break;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    return n;
}

/* A claim that names somebody; NULL: there is none. Many issuers write numbers, against RFC 7519; from 2^53 on two of
 * them may read alike. */
static const char *claim(const cJSON *claims, const char *name, char number[24])
{
    static const double exact = 9007199254740992.0;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(claims, name);
    const char *text = cJSON_GetStringValue(value);
    double n = cJSON_IsNumber(value) ? value->valuedouble : exact;
    if (text && *text)
        return text;
    if (!(n > -exact && n < exact) || n != (double)(long long)n)
        return NULL;
    snprintf(number, 24, "%lld", (long long)n);
    return number;
}

static void add_claim(const struct identifier *i, struct identity_claims *c, const char *name, struct slice value)
{
    if (c->n < IDENTITY_CLAIMS && value.n) {
        c->claim[c->n].name = name;
        c->claim[c->n++].id = redact_id(&i->key, value);
    }
}

/* Those of a kind go by several names; the first that is there counts. Lists are taken as they are written. */
static void find_claims(const struct identifier *i, const cJSON *claims, struct identity_claims *out)
{
    static const struct {
        const char *kind, *name;
    } known[] = {{"tenant", "tenant"}, {"tenant", "tenant_id"}, {"tenant", "tid"},
                 {"tenant", "org"},    {"tenant", "org_id"},    {"tenant", "organization"},
                 {"iss", "iss"},       {"scope", "scope"},      {"scope", "scp"}};
    out->n = 0;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(claims, known[k].name);
        char text[512] = "";
        if (!value || (out->n && strcmp(out->claim[out->n - 1].name, known[k].kind) == 0))
            continue;
        if (cJSON_IsString(value))
            snprintf(text, sizeof text, "%s", value->valuestring);
        else
            cJSON_PrintPreallocated((cJSON *)(uintptr_t)value, text, sizeof text, false);
        add_claim(i, out, known[k].kind, slice_str(text));
        explicit_bzero(text, sizeof text);
    }
}

static struct named named(const struct identifier *i, struct slice text)
{
    struct named name = {0};
    if (i->names)
        name.n = (uint8_t)clientname(text, name.text);
    return name;
}

/* iss|sub, else client_id or azp (RFC 7519, RFC 9068). False: no such claim, or no JWT. */
static bool jwt_read(const struct identifier *i, struct slice token, char out[512], struct identity_claims *found,
                     struct named *name)
{
    char json[JWT_MAX], numbers[2][24];
    size_t dot = slice_find(token, '.', 0), end = slice_find(token, '.', dot + 1);
    found->n = 0;
    *name = (struct named){0};
    if (end >= token.n)
        return false;
    size_t n = base64_decode(slice_sub(token, dot + 1, end), json, sizeof json);
    cJSON *claims = cJSON_ParseWithLength(json, n);
    const char *subject = claim(claims, "sub", numbers[0]), *issuer = claim(claims, "iss", numbers[1]);
    if (!subject)
        subject = claim(claims, "client_id", numbers[0]);
    if (!subject)
        subject = claim(claims, "azp", numbers[0]);
    if (subject)
        snprintf(out, 512, "%s|%s", issuer ? issuer : "", subject);
    *name = named(i, slice_str(subject));
    find_claims(i, claims, found);
    cJSON_Delete(claims);
    explicit_bzero(json, sizeof json);
    explicit_bzero(numbers, sizeof numbers);
    return subject != NULL;
}

static __attribute__((noinline)) struct identity_of jwt(struct identifier *i, struct slice token)
{
    uint64_t h = hash_quick(&i->key, token.p, token.n);
    unsigned at = (unsigned)(h % MEMO);
    if (i->memo[at].token != h) {
        char subject[512];
        bool found = jwt_read(i, token, subject, &i->memo[at].claims, &i->memo[at].name);
        i->memo[at].token = h;
        i->memo[at].who =
            found ? hashed(&i->key, IDENTITY_JWT, slice_str(subject)) : hashed(&i->key, IDENTITY_BEARER, token);
        explicit_bzero(subject, sizeof subject);
    }
    i->claims = &i->memo[at].claims;
    i->name = i->memo[at].name;
    return i->memo[at].who;
}

static inline bool is_jwt(struct slice token)
{
    return slice_starts(token, SLICE("eyJ"));
}

static inline struct identity_of bearer(struct identifier *i, struct slice token)
{
    return is_jwt(token) ? jwt(i, token) : pseudonym(i, IDENTITY_BEARER, token);
}

/* What stands before the last separator of a key, where eight characters follow: acme_live_0123456789. */
static void find_prefix(struct identifier *i, struct slice key)
{
    size_t n = key.n;
    while (n && key.p[n - 1] != '_' && key.p[n - 1] != '-' && key.p[n - 1] != '.')
        n--;
    i->prefix.n = 0;
    if (n > 1 && key.n - n >= PREFIX_REST)
        add_claim(i, &i->prefix, "key_prefix", slice_sub(key, 0, n - 1));
    i->claims = &i->prefix;
}

void identifier_show_names(struct identifier *i)
{
    i->names = true;
}

struct slice identifier_name(const struct identifier *i)
{
    return slice_of(i->name.text, i->name.n);
}

const struct identity_claims *identifier_claims(const struct identifier *i)
{
    return i->claims;
}

/* A token is often sent as a user without a password, or with any: then it is no name. */
static bool is_user(struct slice user)
{
    int class = piece_whole(user);
    return class < 0 || class == ROUTE_EMAIL;
}

/* Where no user is named the password is a token that some APIs take in this field. */
static struct identity_of basic(struct identifier *i, struct slice rest)
{
    char text[256];
    struct slice pair = slice_of(text, base64_decode(rest, text, sizeof text));
    struct slice user = slice_sub(pair, 0, slice_find(pair, ':', 0));
    bool is_named = user.n && user.n < sizeof text;
    struct identity_of who = pseudonym(i, IDENTITY_BASIC, is_named ? user : rest);
    if (is_named && user.n + 1 < pair.n && is_user(user))
        i->name = named(i, user);
    explicit_bzero(text, sizeof text);
    return who;
}

/* As authorization(). */
static __attribute__((noinline)) bool any_scheme(struct identifier *i, struct slice value, struct identity_of *out)
{
    size_t blank = slice_find(value, ' ', 0);
    struct slice scheme = slice_sub(value, 0, blank), rest = slice_trim(slice_sub(value, blank + 1, value.n)), who;
    if (slice_ieq(scheme, SLICE("basic"))) {
        *out = basic(i, rest);
        return true;
    }
    if (slice_ieq(scheme, SLICE("bearer")) || slice_ieq(scheme, SLICE("dpop"))) {
        *out = bearer(i, rest);
        return true;
    }
    switch (credential_read(scheme, rest, &who)) {
    case CREDENTIAL_USER:
        *out = pseudonym(i, IDENTITY_BASIC, who);
        if (is_user(who))
            i->name = named(i, who);
        return true;
    case CREDENTIAL_KEY:
        *out = pseudonym(i, IDENTITY_BEARER, who);
        return true;
    case CREDENTIAL_CONNECTION:
        return false;
    case CREDENTIAL_WHOLE:
        break;
    }
    *out = bearer(i, is_jwt(rest) ? rest : value); /* `JWT eyJ…`, `Token eyJ…` */
    return true;
}

/* The token, as most write it; p NULL: it may be another scheme. */
static inline struct slice usual_token(struct slice value)
{
    static const struct slice usual = SLICE("Bearer ");
    return slice_starts(value, usual) ? slice_trim(slice_sub(value, usual.n, value.n)) : (struct slice){NULL, 0};
}

uint64_t identifier_expect(const struct identifier *i, const struct rawhead *h, unsigned from)
{
    for (unsigned n = h->n_fields; n > from; n--) { /* the last one counts */
        if (h->fields[n - 1].token != TOKEN_AUTHORIZATION)
            continue;
        struct slice token = usual_token(raw_value(h, &h->fields[n - 1]));
        if (!token.p || is_jwt(token))
            return 0;
        uint64_t quick = quick_of(i, IDENTITY_BEARER, token);
        prefetch(&i->pseudonyms[quick % PSEUDONYMS]);
        return quick;
    }
    return 0;
}

/* False: it does not say who asks. quick: of a usual one; 0: not known. */
static inline bool authorization(struct identifier *i, struct slice value, uint64_t quick, struct identity_of *out)
{
    struct slice token = usual_token(value);
    if (!token.p)
        return any_scheme(i, value, out);
    *out = quick ? pseudonym_by(i, IDENTITY_BEARER, token, quick) : bearer(i, token);
    return true;
}

static bool is_key_name(struct slice name)
{
    return (name.n == 3 && slice_ieq(name, SLICE("key"))) || (name.n == 6 && slice_ieq(name, SLICE("apikey"))) ||
           (name.n == 7 && slice_ieq(name, SLICE("api_key")));
}

#ifdef __SSE2__
/* Which of sixteen are a `y` that a `=` stands behind. */
static inline __m128i y_before(const char *p)
{
    __m128i y = _mm_cmpeq_epi8(_mm_or_si128(sixteen(p), _mm_set1_epi8(0x20)), _mm_set1_epi8('y'));
    return _mm_and_si128(y, _mm_cmpeq_epi8(sixteen(p + 1), _mm_set1_epi8('=')));
}
#endif

/* Names of keys end alike, so that most queries need no look at their parameters. */
static bool may_have_key(struct slice query)
{
#ifdef __SSE2__
    if (query.n > 16) {
        __m128i any = y_before(query.p + query.n - 17);
        for (size_t at = 0; at + 17 < query.n; at += 16)
            any = _mm_or_si128(any, y_before(query.p + at));
        return _mm_movemask_epi8(any);
    }
#endif
    for (size_t at = 1; at < query.n; at++)
        if (query.p[at] == '=' && ascii_lower(query.p[at - 1]) == 'y')
            return true;
    return false;
}

/* The value of query parameter api_key, key or apikey. */
static struct slice key_in(struct slice query)
{
    struct slice item;
    if (!may_have_key(query))
        return (struct slice){NULL, 0};
    while (slice_next(&query, '&', &item)) {
        size_t equals = slice_find(item, '=', 0);
        if (equals + 1 < item.n && is_key_name(slice_sub(item, 0, equals)))
            return slice_sub(item, equals + 1, item.n);
    }
    return (struct slice){NULL, 0};
}

static void show(struct asking *a, enum idword w, bool is)
{
    a->shown = (uint8_t)((a->shown & ~(1u << w)) | (unsigned)is << w);
}

static bool is_usual_key(enum token t)
{
    return t == TOKEN_API_KEY || t == TOKEN_X_API_KEY || t == TOKEN_OCP_KEY || t == TOKEN_X_GOOG_KEY;
}

bool identifier_named(const struct identifier *i, struct slice name)
{
    return i->key_token == TOKEN_OTHER && i->key_field.n && slice_ieq(name, i->key_field);
}

bool identifier_reads(const struct identifier *i, enum token t)
{
    return is_usual_key(t) || t == TOKEN_AUTHORIZATION || t == TOKEN_COOKIE || t == TOKEN_X_FORWARDED_FOR ||
           t == TOKEN_FORWARDED || (i->key_field.n && t == i->key_token);
}

/* An API key in the field that it was said to stand in, or a credential that nobody is told by. */
static void named_key(const struct identifier *i, struct asking *a, enum token t, struct slice value)
{
    if (t == i->key_token) {
        a->key = value;
        show(a, IDWORD_APIKEY, value.n);
    } else if (is_usual_key(t)) {
        a->unread |= value.n != 0;
    }
}

void asking_field(struct asking *a, const struct identifier *i, enum token t, struct slice value)
{
    if (t == TOKEN_AUTHORIZATION) {
        a->authorization = value;
        show(a, IDWORD_AUTHORIZATION, value.n);
    } else if (t == TOKEN_COOKIE) {
        a->cookies = value;
        show(a, IDWORD_COOKIE, value.n);
    } else if (t == TOKEN_X_FORWARDED_FOR || t == TOKEN_FORWARDED) {
        show(a, IDWORD_FORWARDED, true);
    } else if (i->key_field.n) {
        named_key(i, a, t, value);
    } else {
        a->key = value;
        show(a, IDWORD_APIKEY, value.n);
    }
}

void asking_query(struct asking *a, const struct identifier *i, struct slice query)
{
    if (a->shown >> IDWORD_APIKEY & 1 || i->key_field.n)
        return;
    a->key = key_in(query);
    a->key_of_target = a->key.n;
    show(a, IDWORD_APIKEY, a->key.n);
}

bool identity_session_name(struct slice name)
{
    static const struct slice words[] = {SLICE("sess"), SLICE("sid"), SLICE("laravel"), SLICE("asp.net")};
    for (size_t at = 0; at < name.n; at++) {
        char c = ascii_lower(name.p[at]);
        if (c != 's' && c != 'l' && c != 'a')
            continue;
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            if (slice_ieq(slice_sub(name, at, at + words[w].n), words[w]))
                return true;
    }
    return false;
}

/* The cookie that was said to be the session. */
static struct slice named_cookie(struct slice cookies, struct slice name)
{
    struct slice item;
    while (slice_next(&cookies, ';', &item)) {
        size_t equals = slice_find(item, '=', 0);
        if (equals + 1 < item.n && slice_eq(slice_sub(item, 0, equals), name))
            return slice_sub(item, equals + 1, item.n);
    }
    return (struct slice){NULL, 0};
}

/* The session cookie by name (ALGORITHMS: session-like value); at least 8 characters. */
static struct slice session_cookie(struct slice cookies)
{
    struct slice item;
    while (slice_next(&cookies, ';', &item)) {
        size_t equals = slice_find(item, '=', 0);
        struct slice value = slice_sub(item, equals + 1, item.n);
        if (value.n >= 8 && identity_session_name(slice_sub(item, 0, equals)))
            return value;
    }
    return (struct slice){NULL, 0};
}

bool identity_sets_session(struct slice set_cookie)
{
    return session_cookie(slice_sub(set_cookie, 0, slice_find(set_cookie, ';', 0))).p != NULL;
}

enum walk { WALK_ON, WALK_FOUND, WALK_ENDS };

/* Right to left past our own proxies: the first address that is not one of them (RFC 7239), else, of a client that is
 * in their networks, the last one. */
static enum walk walk_list(const struct identifier *i, struct slice list, bool forwarded, struct addr *out)
{
    while (list.n) {
        size_t at = list.n;
        while (at && list.p[at - 1] != ',')
            at--;
        struct slice item = slice_trim(slice_sub(list, at, list.n));
        list = slice_sub(list, 0, at ? at - 1 : 0);
        if (!item.n)
            continue;
        if (forwarded) {
            size_t f = 0;
            while (f + 4 <= item.n && !slice_ieq(slice_sub(item, f, f + 4), SLICE("for=")))
                f++;
            item = slice_sub(item, f + 4, slice_find(item, ';', f));
            while (item.n && (item.p[0] == '"' || item.p[item.n - 1] == '"'))
                item = item.p[0] == '"' ? slice_sub(item, 1, item.n) : slice_sub(item, 0, item.n - 1);
        }
        if (!addr_parse(item, out) || out->known != ADDR_WHOLE)
            return WALK_ENDS;
        if (!trusted(i, out->ip))
            return WALK_FOUND;
    }
    return WALK_ON;
}

/* Fields of one name are one list, the last field its end (RFC 9110 section 5.3). */
static bool walk_forwarded(const struct identifier *i, const struct rawhead *h, enum token name, struct addr *out)
{
    enum walk w = WALK_ON;
    out->known = ADDR_NONE;
    for (unsigned n = h->n_fields; n && w == WALK_ON; n--)
        if (h->fields[n - 1].token == name)
            w = walk_list(i, raw_value(h, &h->fields[n - 1]), name == TOKEN_FORWARDED, out);
    return w != WALK_ENDS && out->known == ADDR_WHOLE;
}

/* ---- a finder a word, where there is something to look at; false: it says nothing ---- */

static bool find_apikey(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    find_prefix(i, a->key);
    *out = pseudonym(i, IDENTITY_APIKEY, a->key);
    return true;
}

static bool find_authorization(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    return authorization(i, a->authorization, a->token, out);
}

static bool find_cookie(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    struct slice session = i->session.n ? named_cookie(a->cookies, i->session) : session_cookie(a->cookies);
    if (!session.n)
        return false;
    *out = pseudonym(i, IDENTITY_COOKIE, session);
    return true;
}

static bool find_forwarded(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    struct addr from;
    if (!i->n_proxies || !trusted(i, a->peer->ip) ||
        (!walk_forwarded(i, a->head, TOKEN_X_FORWARDED_FOR, &from) &&
         !walk_forwarded(i, a->head, TOKEN_FORWARDED, &from)))
        return false;
    *out = identity_of_address(&i->key, &from);
    out->kind = IDENTITY_FORWARDED;
    return true;
}

static bool find_address(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    bool known = a->who && a->who >> 48 == IDENTITY_ADDRESS;
    *out = (struct identity_of){.kind = IDENTITY_ADDRESS, .hash = known ? a->who : identifier_address(i, a->peer)};
    return true;
}

static bool find_certificate(struct identifier *i, const struct asking *a, struct identity_of *out)
{
    (void)i;
    *out = (struct identity_of){.kind = IDENTITY_MTLS, .hash = a->who & HASH};
    return true;
}

static bool (*const finders[IDWORDS])(struct identifier *i, const struct asking *a, struct identity_of *out) = {
    [IDWORD_APIKEY] = find_apikey, [IDWORD_AUTHORIZATION] = find_authorization, [IDWORD_MTLS] = find_certificate,
    [IDWORD_COOKIE] = find_cookie, [IDWORD_FORWARDED] = find_forwarded,         [IDWORD_ADDRESS] = find_address};

static bool is_besides(const struct identifier *i, const struct asking *a, enum idword w)
{
    return a->shown >> w & 1 && idorder_place(&i->order, w) < 0;
}

/* A session that nobody is told by: cookies are not looked at, or one was said that this is not. */
static bool is_other_session(const struct identifier *i, const struct asking *a)
{
    if (!(a->shown >> IDWORD_COOKIE & 1))
        return false;
    bool other = is_besides(i, a, IDWORD_COOKIE) || (i->session.n && !named_cookie(a->cookies, i->session).n);
    return other && session_cookie(a->cookies).n;
}

/* A key in the query is part of what is asked for, whoever asks. */
static bool has_besides(const struct identifier *i, const struct asking *a)
{
    return a->unread || (is_besides(i, a, IDWORD_APIKEY) && !a->key_of_target) || is_besides(i, a, IDWORD_MTLS) ||
           is_besides(i, a, IDWORD_AUTHORIZATION) || is_other_session(i, a);
}

static __attribute__((noinline)) struct identity_of find_shown(struct identifier *i, const struct asking *a)
{
    struct identity_of who = {0};
    bool nameless = false;
    for (unsigned n = i->first[a->shown]; n < i->order.n; n = next_shown(i, a->shown, n + 1)) {
        enum idword w = (enum idword)i->order.word[n];
        if (finders[w](i, a, &who))
            break;
        nameless |= w == IDWORD_AUTHORIZATION;
    }
    who.besides = nameless || (i->said && has_besides(i, a));
    return who;
}

struct identity_of identifier_find(struct identifier *i, const struct asking *a)
{
    static const struct identity_claims none;
    i->claims = &none;
    i->name.n = 0;
    uint64_t known = a->token && a->shown == i->usual && !a->unread ? known_pseudonym(i, a->token) : 0;
    if (known) /* a usual token alone, that was seen before: nearly all that are sent */
        return (struct identity_of){.kind = IDENTITY_BEARER, .hash = known};
    if (a->shown || a->unread)
        return find_shown(i, a);
    struct identity_of who = {0};
    find_address(i, a, &who);
    return who;
}
