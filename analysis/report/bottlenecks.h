/* bottlenecks: what costs users or backends time that could be saved, in one list (ALGORITHMS.md 8.8): in seconds an
 * hour, what is worth doing first. Savings overlap; they do not add up. */
#ifndef REPORT_BOTTLENECKS_H
#define REPORT_BOTTLENECKS_H

#include "analysis/behaviour.h"
#include "analysis/ranking.h"
#include "analysis/report/advice.h"
#include "analysis/report/capacities.h"
#include "analysis/ties.h"
#include "base/json.h"

enum bottleneck_kind {
    BOTTLENECK_CACHE,      /* answers that a cache would have given */
    BOTTLENECK_COALESCE,   /* the same asked for while it was under way */
    BOTTLENECK_RUNS,       /* many small requests where one would do */
    BOTTLENECK_ERRORS,     /* server time that ended in an error */
    BOTTLENECK_RETRIES,    /* server time of requests sent again */
    BOTTLENECK_SLOW,       /* slower than others with answers of that size */
    BOTTLENECK_TAIL,       /* what the slowest twentieth takes beyond the 95 % quantile */
    BOTTLENECK_REVALIDATE, /* full answers to clients that had them */
    BOTTLENECK_SATURATION, /* time beyond what a request alone takes, at a backend with a limit that was seen */
    BOTTLENECK_SESSION,    /* requests that failed because a server did not have their session */
    BOTTLENECK_AFFINITY,   /* clients that stay at one server, where others are quicker */
    BOTTLENECK_UNSAFE_GET, /* answers that could be kept, did not a GET change them */
    BOTTLENECK_RETRY_STORM,
    BOTTLENECK_POLLING,     /* polls that brought nothing new */
    BOTTLENECK_STAMPEDE,    /* requests for what was under way when a lifetime had ended */
    BOTTLENECK_FLOOD,       /* one client's requests beyond what all others keep within */
    BOTTLENECK_SLOW_SERVER, /* what one server takes beyond what its peers do for the same */
    BOTTLENECK_BAD_SERVER,  /* failures of one server that its peers do not have */
    BOTTLENECK_CHATTY,      /* chains of requests that are made again and again */
    BOTTLENECK_CONNECTIONS, /* handshakes of connections that are let go too soon */
};

struct bottleneck {
    enum bottleneck_kind kind;
    double seconds_per_hour, confidence, score;
    enum ranking_effort effort;
    uint64_t n;                     /* how often it was seen */
    uint32_t endpoint, client;      /* ids of what it is about; 0: not of one */
    struct buf target, why, action; /* one line each */
    struct buf evidence;            /* members of a JSON object */
};

struct bottleneck_list {
    struct bottleneck *item;
    size_t n, cap;
    bool failed; /* out of memory: some are missing */
};

/* Between store_read_begin and end; of the window, if one is read. */
void bottleneck_list(struct bottleneck_list *l, struct store_reader *r, const struct facts *f,
                     const struct behaviour *b, const struct ties *t, const struct advice_list *advice,
                     const struct loads *loads);
void bottleneck_list_free(struct bottleneck_list *l);
const char *bottleneck_name(enum bottleneck_kind k); /* for JSON */
/* bottleneckshow.c: the member `bottlenecks`; the section of the text. */
void bottleneck_json(struct json *j, const struct bottleneck_list *l);
/* Below which people are not shown it, seconds an hour: 1, or 0 where all are below that; *n: how many are left. */
double bottleneck_least(const struct bottleneck_list *l, size_t *n);
void bottleneck_text(const struct bottleneck_list *l, const struct facts *f, const struct behaviour *b, unsigned top,
                     struct buf *out);

#endif
