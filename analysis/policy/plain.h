/* plain: which names of the traffic may stand in a policy file, and how (CONTRACT section 6). Whoever sends requests
 * chooses hosts and paths, so nothing is escaped: a service is written when it is a plain host name or address, a route
 * when its literal segments match [A-Za-z0-9._~-]+ and its classes are known; everything else never reaches a file.
 * Pure; slices are borrowed from what was given. */
#ifndef POLICY_PLAIN_H
#define POLICY_PLAIN_H

#include "base/buf.h"

enum { PLAIN_DEPTH = 16, PLAIN_HOST = 253 };

struct plain_service {
    bool tls;
    struct slice authority; /* host, and the port if it is not the scheme's own */
    struct slice host;      /* IPv6 with its brackets */
    uint16_t port;
    bool literal; /* an address, not a name */
};

/* "http://api.example:8081". False: it may not be written. */
bool plain_service(struct slice service, struct plain_service *out);
/* Appends an identifier that no other service has: letters, digits and '_'. */
void plain_name(const struct plain_service *s, struct buf *out);
/* "10.0.0.1:80" or "[::1]:80", as the store writes servers; host without brackets. False: it is none. */
bool plain_server(struct slice text, struct slice *host, uint16_t *port);

enum plain_class {
#define CLASS(id, label, pattern, letters) PLAIN_##id,
#include "analysis/policy/classes.def"
#undef CLASS
    PLAIN_CLASSES
};

/* before + something of the class + after: "items"; "cus_" {hex}; {int} ".json". */
struct plain_segment {
    enum plain_class class;
    struct slice before, after; /* a literal is `before` alone */
};

struct plain_route {
    struct plain_segment segment[PLAIN_DEPTH];
    unsigned n;
    bool slash;  /* ends in one */
    bool prefix; /* and whatever lies below */
};

/* NULL, or why it may not be written. */
const char *plain_route(struct slice route, struct plain_route *out);
/* The order in which patterns must be tried so that each path meets what its route is: along the path, a word before a
 * class, a narrow class before a wide one; what lies below a place after all that was seen there. */
int plain_compare(const struct plain_route *a, const struct plain_route *b);
/* Whether a path of `other` may match `r`, though it went another way at a place where `r` has a class: then `at` is
 * how many of its segments lead there. */
bool plain_shadows(const struct plain_route *r, const struct plain_route *other, unsigned *at);
/* Appends the path's pattern without anchors, in the language that PCRE, POSIX and RE2 share; no blank, quote,
 * backslash, '$' or '#' is in it. */
void plain_pattern(const struct plain_route *r, struct buf *out);
/* The same with {classes}, for comments. */
void plain_text(const struct plain_route *r, struct buf *out);

#endif
