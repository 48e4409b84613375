#include "web/http.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONTENT_POLICY                                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri "     \
    "'none'; "                                                                                                         \
    "form-action 'none'; frame-ancestors 'none'"

enum { STREAM_BLOCK = 4096, STACK_BYTES = 512 * 1024 };

/* What is called of libmicrohttpd. It brings ten libraries that all other commands would load for nothing, a third of
 * the time that they take to start, so it is loaded when it is needed. */
#define CALLED(DO)                                                                                                     \
    DO(add_response_header)                                                                                            \
    DO(create_response_from_buffer)                                                                                    \
    DO(create_response_from_buffer_with_free_callback_cls)                                                             \
    DO(create_response_from_callback)                                                                                  \
    DO(destroy_response)                                                                                               \
    DO(get_connection_info)                                                                                            \
    DO(get_connection_values)                                                                                          \
    DO(get_daemon_info)                                                                                                \
    DO(lookup_connection_value)                                                                                        \
    DO(queue_response)                                                                                                 \
    DO(start_daemon)                                                                                                   \
    DO(stop_daemon)
static struct {
#define POINTER(name) typeof(MHD_##name) *name;
    CALLED(POINTER)
#undef POINTER
} mhd;

static bool load(char why[256])
{
    void *library = dlopen(MICROHTTPD, RTLD_NOW);
    bool whole = library != NULL;
#define FIND(name) whole = whole && (mhd.name = (typeof(MHD_##name) *)dlsym(library, "MHD_" #name));
    CALLED(FIND)
#undef FIND
    if (!whole)
        snprintf(why, 256, "the web report needs libmicrohttpd: %.200s", dlerror());
    return whole;
}

struct http {
    struct MHD_Daemon *daemon;
    struct routes *routes;
    atomic_uint streams;
    pthread_mutex_t lock; /* with `wake`: streams sleep between events */
    pthread_cond_t wake;
    bool stopping;
};

/* ---- streams ---- */

struct stream {
    struct http *h;
    struct buf pending;
    size_t sent; /* of pending */
    bool begun, last;
};

/* A second, or less when the service ends. False: it does. */
static bool sleep_second(struct http *h)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    pthread_mutex_lock(&h->lock);
    while (!h->stopping && pthread_cond_timedwait(&h->wake, &h->lock, &until) == 0)
        ;
    bool stopping = h->stopping;
    pthread_mutex_unlock(&h->lock);
    return !stopping;
}

/* Runs in the connection's own thread: sleeping here holds nobody up. */
static ssize_t stream_read(void *context, uint64_t position, char *out, size_t most)
{
    struct stream *s = context;
    (void)position;
    if (s->sent == s->pending.n) {
        bool more;
        if (s->last || (s->begun && !sleep_second(s->h)))
            return MHD_CONTENT_READER_END_OF_STREAM;
        s->pending.n = s->sent = 0;
        if (!s->begun)
            buf_str(&s->pending, "retry: 3000\n\n");
        s->begun = true;
        routes_event(s->h->routes, &s->pending, &more);
        s->last = !more;
        if (s->pending.failed)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = s->pending.n - s->sent < most ? s->pending.n - s->sent : most;
    memcpy(out, s->pending.p + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

static void stream_free(void *context)
{
    struct stream *s = context;
    atomic_fetch_sub(&s->h->streams, 1);
    buf_free(&s->pending);
    free(s);
}

/* NULL: too many already, or out of memory. */
static struct MHD_Response *stream_response(struct http *h)
{
    struct stream *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->h = h;
    if (atomic_fetch_add(&h->streams, 1) >= HTTP_STREAMS) {
        stream_free(s);
        return NULL;
    }
    struct MHD_Response *response =
        mhd.create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, s, stream_free);
    if (!response)
        stream_free(s);
    return response;
}

/* ---- answers ---- */

static void body_done(void *body)
{
    body_release(body);
}

static struct MHD_Response *body_response(struct answer *a)
{
    struct slice bytes = body_bytes(a->body);
    if (!bytes.n)
        return mhd.create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        mhd.create_response_from_buffer_with_free_callback_cls(bytes.n, (void *)(uintptr_t)bytes.p, body_done, a->body);
    if (response)
        a->body = NULL; /* the response's now */
    return response;
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
    if (value && *value)
        mhd.add_response_header(r, name, value);
}

static void add_headers(struct MHD_Response *r, const struct answer *a)
{
    add(r, "Content-Type", a->type);
    add(r, "Cache-Control", a->fixed ? "no-cache" : "no-store");
    add(r, "ETag", a->etag);
    add(r, "Location", a->location);
    add(r, "Set-Cookie", a->cookie);
    add(r, "Allow", a->allow);
    add(r, "Retry-After", a->retry);
    add(r, "Content-Disposition", a->disposition);
    add(r, "WWW-Authenticate", a->challenge ? "Bearer realm=\"spanwise\"" : NULL);
    add(r, "Content-Security-Policy", CONTENT_POLICY);
    add(r, "X-Content-Type-Options", "nosniff");
    add(r, "X-Frame-Options", "DENY");
    add(r, "Referrer-Policy", "no-referrer");
    add(r, "Cross-Origin-Resource-Policy", "same-origin");
    add(r, "Cross-Origin-Opener-Policy", "same-origin");
    add(r, "X-Accel-Buffering", a->stream ? "no" : NULL); /* a proxy in front must not collect events */
}

static enum MHD_Result send_answer(struct http *h, struct MHD_Connection *c, const char *method, struct answer *a)
{
    bool stream = a->stream && strcmp(method, "HEAD") != 0;
    struct MHD_Response *response = stream ? stream_response(h) : body_response(a);
    if (!response && stream) {
        answer_error(a, 503, "too many event streams", NULL);
        snprintf(a->retry, sizeof a->retry, "10");
        response = body_response(a);
    }
    if (!response)
        return MHD_NO; /* out of memory: the connection ends */
    add_headers(response, a);
    enum MHD_Result result = mhd.queue_response(c, a->status, response);
    mhd.destroy_response(response);
    return result;
}

/* ---- queries ---- */

static enum MHD_Result take_param(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct query *q = context;
    (void)kind;
    if (q->params == ROUTES_PARAMS)
        return MHD_NO;
    q->param[q->params].name = name;
    q->param[q->params++].value = value;
    return MHD_YES;
}

static enum MHD_Result count_host(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    (void)value;
    *(unsigned *)context += slice_ieq(slice_str(name), SLICE("host"));
    return MHD_YES;
}

static struct slice header(struct MHD_Connection *c, const char *name)
{
    return slice_str(mhd.lookup_connection_value(c, MHD_HEADER_KIND, name));
}

/* GET and HEAD may bring one as well: nobody wants it. */
static bool brings_body(struct MHD_Connection *c)
{
    struct slice length = header(c, "Content-Length");
    return header(c, "Transfer-Encoding").n || (length.n && !slice_eq(length, SLICE("0")));
}

/* The address that the connection came in on, for a service that listens on all of them. */
static struct slice local_address(struct MHD_Connection *c, char text[64])
{
    const union MHD_ConnectionInfo *info = mhd.get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    text[0] = 0;
    if (!info || getsockname(info->connect_fd, (struct sockaddr *)&a, &n) != 0)
        return slice_str(text);
    struct in6_addr *v6 = &((struct sockaddr_in6 *)&a)->sin6_addr;
    if (a.ss_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, text, 64);
    else if (IN6_IS_ADDR_V4MAPPED(v6))
        inet_ntop(AF_INET, &v6->s6_addr[12], text, 64);
    else
        inet_ntop(AF_INET6, v6, text, 64);
    return slice_str(text);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct http *h = context;
    struct query q = {0};
    struct answer a = {0};
    char local[64];
    unsigned hosts = 0;
    (void)version;
    (void)upload;
    (void)upload_size;
    /* The library calls twice; who answers at the first call gives the connection up, which is right for what may bring
     * a body. */
    bool harmless = (!strcmp(method, "GET") || !strcmp(method, "HEAD")) && !brings_body(c);
    if (harmless && !*state) {
        *state = h;
        return MHD_YES;
    }
    q.access = (struct access_request){slice_str(method),          slice_str(url),      header(c, "Host"),
                                       header(c, "Authorization"), header(c, "Cookie"), local_address(c, local)};
    q.if_none_match = header(c, "If-None-Match");
    q.accept = header(c, "Accept");
    mhd.get_connection_values(c, MHD_HEADER_KIND, count_host, &hosts);
    mhd.get_connection_values(c, MHD_GET_ARGUMENT_KIND, take_param, &q);
    if (hosts > 1)
        answer_text(&a, 400, "More than one Host.");
    else
        routes_answer(h->routes, &q, &a);
    enum MHD_Result result = send_answer(h, c, method, &a);
    body_release(a.body);
    return result;
}

/* ---- */

static bool init_wake(struct http *h)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool ok = pthread_cond_init(&h->wake, &attributes) == 0 && pthread_mutex_init(&h->lock, NULL) == 0;
    pthread_condattr_destroy(&attributes);
    return ok;
}

static struct MHD_Daemon *start_daemon(struct http *h, const struct listen *l, const char *certificate, const char *key)
{
    bool v6 = l->address.ss_family == AF_INET6;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                     (v6 ? MHD_USE_DUAL_STACK : 0) | (certificate ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
                                   {MHD_OPTION_END, 0, NULL}};
    return mhd.start_daemon(flags, l->port, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, &l->address,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                            (unsigned)HTTP_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
                            (size_t)STACK_BYTES, MHD_OPTION_ARRAY, certificate ? tls : tls + 2, MHD_OPTION_END);
}

struct http *http_start(struct routes *r, struct listen *l, const char *certificate, const char *key, char why[256])
{
    char url[128];
    if (!load(why))
        return NULL;
    struct http *h = calloc(1, sizeof *h);
    if (!h || !init_wake(h)) {
        snprintf(why, 256, "out of memory");
        free(h);
        return NULL;
    }
    h->routes = r;
    errno = 0;
    h->daemon = start_daemon(h, l, certificate, key);
    if (!h->daemon) {
        snprintf(why, 256, "cannot listen on %s: %s", listen_url(l, certificate != NULL, url),
                 errno         ? strerror(errno)
                 : certificate ? "certificate or key cannot be used"
                               : "unknown reason");
        free(h);
        return NULL;
    }
    const union MHD_DaemonInfo *info = mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info)
        l->port = info->port;
    return h;
}

void http_stop(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_broadcast(&h->wake);
    pthread_mutex_unlock(&h->lock);
    mhd.stop_daemon(h->daemon);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
