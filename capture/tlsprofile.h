/* tlsprofile: what a connection shows without being read: how much went each way and when; of TLS its hellos, wherever
 * segments and records cut them. One for each connection that may turn out not to be read; the sums go to
 * capture/opaque.h, long connections' every TLSPROFILE_TELL_US. */
#ifndef CAPTURE_TLSPROFILE_H
#define CAPTURE_TLSPROFILE_H

#include "capture/chunk.h"
#include "capture/opaque.h"
#include "capture/tls.h"

#define TLSPROFILE_TELL_US INT64_C(10000000)

struct tlsprofile;

/* inside: what it reads came out of another TLS. NULL: no memory within the bounds of env. */
struct tlsprofile *tlsprofile_new(const struct tls_env *env, bool inside);
void tlsprofile_free(struct tlsprofile *p, const struct tls_env *env); /* NULL is allowed */
bool tlsprofile_is_inside(const struct tlsprofile *p);
/* Bytes of one direction, in order; lost ones. */
void tlsprofile_feed(struct tlsprofile *p, const struct tls_env *env, int role, const struct chunk *c);
void tlsprofile_gap(struct tlsprofile *p, const struct tls_env *env, int role, uint64_t n, uint64_t offset);
/* Client and server were taken for each other. */
void tlsprofile_swap(struct tlsprofile *p);
/* Whether the client's hello was seen, be it one that could not be read. */
bool tlsprofile_begins(const struct tlsprofile *p);
/* At this time its sums are due. */
bool tlsprofile_due(const struct tlsprofile *p, int64_t now);
/* Adds what came since the last time. From the first time on its row stays the same. */
void tlsprofile_tell(struct tlsprofile *p, struct opaque *o, const struct conn *conn, enum opaque_why why);
/* What was told is taken back: it was read, or belongs to another row. */
void tlsprofile_withdraw(struct tlsprofile *p, struct opaque *o);

#endif
