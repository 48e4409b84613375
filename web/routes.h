/* routes: what each address answers, without any HTTP library. Safe to call from several threads. */
#ifndef WEB_ROUTES_H
#define WEB_ROUTES_H

#include <pthread.h>

#include "web/access.h"
#include "web/answer.h"

enum { ROUTES_PARAMS = 16 };

struct query {
    struct access_request access;
    struct slice if_none_match, accept;
    struct {
        const char *name, *value; /* value NULL: it has none */
    } param[ROUTES_PARAMS];
    unsigned params; /* those beyond ROUTES_PARAMS are not looked at */
};

struct routes {
    const char *db; /* path */
    struct access access;
    bool tls;
    pthread_mutex_t lock; /* guards the newest report */
    struct body *report;
    int64_t report_state;
};

void routes_init(struct routes *r, const char *db, const struct access *access, bool tls);
void routes_fini(struct routes *r);
/* *a must be zero; it owns what it is given. */
void routes_answer(struct routes *r, const struct query *q, struct answer *a);
/* The next event of a stream, appended; *more: another one will follow in a second. */
void routes_event(struct routes *r, struct buf *out, bool *more);

#endif
