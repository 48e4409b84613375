#include "cmd/pipeline.h"

#include "base/pages.h"

enum { IDLE_MS = 100, COMMIT_EVERY = 256, MANY = 64 };

_Static_assert(COMMIT_EVERY % PIPELINE_BATCH == 0, "batches are whole");

static void keep_opaque(void *context, uint32_t id, const struct opaque_row *row)
{
    struct store *s = context;
    struct row_opaque *to = store_opaque(s);
    char text[64];
    const struct opaque_key *k = &row->key;
    const struct opaque_sums *n = &row->sums;
    *to = (struct row_opaque){.id = id,
                              .why = slice_str(opaque_why_name((enum opaque_why)k->why)),
                              .name = store_text(s, slice_str(k->hello.name)),
                              .alpn = store_text(s, slice_str(k->hello.alpn)),
                              .ja4 = store_text(s, slice_str(k->hello.ja4)),
                              .alpn_chosen = store_text(s, slice_str(k->chosen.alpn)),
                              .connections = n->connections,
                              .bytes_client = n->bytes[0],
                              .bytes_server = n->bytes[1],
                              .open_us = n->open_us,
                              .hellos = n->hellos,
                              .hello_us = n->hello_us,
                              .first_us = n->first_us,
                              .last_us = n->last_us};
    to->client = store_text(s, slice_of(text, k->client.known ? addr_format(&k->client, false, text) : 0));
    to->server = store_text(s, slice_of(text, k->server.known ? addr_format(&k->server, true, text) : 0));
    to->version = store_text(s, slice_of(text, opaque_version_text(k->chosen.version, text)));
    to->cipher = store_text(s, slice_of(text, opaque_cipher_text(k->chosen.cipher, text)));
}

static void commit(struct pipeline *p, bool final)
{
    if (!final && !store_wants(p->store))
        return;
    if (p->threaded)
        pthread_mutex_lock(&p->lock);
    if (p->has_stats)
        analysis_stats(p->analysis, &p->stats);
    if (p->threaded)
        pthread_mutex_unlock(&p->lock);
    if (p->opaque)
        opaque_changed(p->opaque, keep_opaque, p->store);
    analysis_commit(p->analysis, final);
}

/* They are analysed and go home. */
static void analyze_these(struct pipeline *p, struct exchange *const *x, unsigned n)
{
    analysis_take_all(p->analysis, (const struct exchange *const *)x, n);
    if (!p->threaded)
        p->give_back(p->owner, x, n);
    for (unsigned i = 0; p->threaded && i < n; i++)
        queue_push(&p->back, x[i]);
    p->taken += n;
}

static void analyze_batch(struct pipeline *p)
{
    analyze_these(p, p->batch, p->gathered);
    p->gathered = 0;
}

/* After each full batch. */
static void now_and_then(struct pipeline *p)
{
    if (p->taken == MANY)
        pages_heap_soon();
    if (p->taken % COMMIT_EVERY == 0)
        commit(p, false);
}

static void gather(struct pipeline *p, struct exchange *x)
{
    p->batch[p->gathered++] = x;
    if (p->gathered < PIPELINE_BATCH)
        return;
    analyze_batch(p);
    now_and_then(p);
}

/* The analyzer's thread. */
static void *analyze(void *context)
{
    struct pipeline *p = context;
    bool closed = false;
    pthread_setname_np(pthread_self(), "analyzer");
    while (!closed) {
        struct exchange *x = queue_pop(&p->forward, p->gathered ? 0 : IDLE_MS, &closed);
        if (x) {
            gather(p, x);
            continue;
        }
        analyze_batch(p);
        p->taken = 0;
        queue_flush(&p->back);
        commit(p, false);
    }
    analyze_batch(p);
    queue_flush(&p->back);
    commit(p, true);
    return NULL;
}

bool pipeline_start(struct pipeline *p, struct analysis *a, struct store *s, bool threaded, size_t depth)
{
    p->analysis = a;
    p->store = s;
    p->threaded = threaded;
    p->out = 0;
    p->taken = p->gathered = 0;
    p->has_stats = false;
    if (!threaded)
        return true;
    pthread_mutex_init(&p->lock, NULL);
    if (!queue_init(&p->forward, depth))
        return false;
    if (!queue_init(&p->back, depth * 2)) {
        queue_fini(&p->forward);
        return false;
    }
    return pthread_create(&p->thread, NULL, analyze, p) == 0;
}

static bool bring_home(struct pipeline *p, unsigned timeout_ms)
{
    struct exchange *x = queue_pop(&p->back, timeout_ms, NULL);
    if (!x)
        return false;
    p->give_back(p->owner, &x, 1);
    p->out--;
    return true;
}

void pipeline_take(void *pipeline, struct exchange *x)
{
    struct pipeline *p = pipeline;
    p->seen++;
    if (!p->threaded) {
        gather(p, x);
        return;
    }
    queue_push(&p->forward, x);
    queue_flush(&p->forward); /* a pipe may stall right behind it */
    if (++p->out % QUEUE_BATCH)
        return;
    while (bring_home(p, 0))
        ;
}

/* Full batches need not be gathered. */
void pipeline_take_all(void *pipeline, struct exchange *const *x, unsigned n)
{
    struct pipeline *p = pipeline;
    if (p->threaded || p->gathered || n != PIPELINE_BATCH) {
        for (unsigned i = 0; i < n; i++)
            pipeline_take(p, x[i]);
        return;
    }
    p->seen += n;
    analyze_these(p, x, n);
    now_and_then(p);
}

/* Live nothing waits: without a slot the capture side gives up what is least useful, and counts it. */
void pipeline_reclaim(void *pipeline, bool wait)
{
    struct pipeline *p = pipeline;
    if (!p->threaded && wait)
        analyze_batch(p);
    while (p->threaded && bring_home(p, 0))
        ;
}

void pipeline_pulse(struct pipeline *p, const struct capture_stats *stats)
{
    if (p->threaded)
        pthread_mutex_lock(&p->lock);
    if (stats) {
        p->stats = *stats;
        p->has_stats = true;
    }
    if (p->threaded) {
        pthread_mutex_unlock(&p->lock);
        queue_flush(&p->forward);
    } else if (pipeline_due(p)) {
        analyze_batch(p);
        commit(p, false);
    }
}

void pipeline_end(struct pipeline *p, const struct capture_stats *stats)
{
    pipeline_pulse(p, stats);
    if (!p->threaded) {
        analyze_batch(p);
        commit(p, true);
        return;
    }
    queue_close(&p->forward);
    while (p->out)
        bring_home(p, IDLE_MS);
    pthread_join(p->thread, NULL);
    queue_fini(&p->forward);
    queue_fini(&p->back);
    pthread_mutex_destroy(&p->lock);
}
