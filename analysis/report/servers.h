/* servers: the servers behind each service, as every document says it: who was given how much, who is slower or fails
 * more than its peers, whose connections are not used again (analysis/backends.h). */
#ifndef REPORT_SERVERS_H
#define REPORT_SERVERS_H

#include "analysis/behaviour.h"
#include "base/json.h"

/* Their addresses. */
struct server_names {
    struct buf text;
    uint32_t *at, *end; /* by id of the address, into text */
    size_t n, n_end;
};

/* Between store_read_begin and end. What finds no memory has no name. */
void server_names_load(struct server_names *s, struct store_reader *r, const struct behaviour *b);
void server_names_free(struct server_names *s);
struct slice server_name(const struct server_names *s, uint32_t id); /* "10.0.0.1:80"; empty: unknown */

/* The member `backends`; null: no record is kept, or none names its server.
 * none: nothing was asked for. */
void servers_json(struct json *j, const struct behaviour *b, const struct server_names *names, bool none);
/* The sections: services with more than one server; nothing where there is none. caveat: one clause, or NULL. */
void servers_text(const struct behaviour *b, const struct server_names *names, const char *caveat, unsigned top,
                  unsigned width, struct buf *out);
void servers_markdown(const struct behaviour *b, const struct server_names *names, const char *caveat, unsigned top,
                      struct buf *out);

#endif
