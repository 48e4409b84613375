/* ignore: requests that are counted and not analysed: patterns `METHOD GLOB`. METHOD is exact or `*`; GLOB stands for
 * the path (without query) when it begins with `/`, else for service and path; `*` is any number of characters, `/`
 * too, `?` is one. */
#ifndef ANALYSIS_IGNORE_H
#define ANALYSIS_IGNORE_H

#include "base/slice.h"

enum { IGNORE_MAX = 64 };

struct ignore_pattern {
    struct slice method, glob; /* borrowed; method "*": any */
};

struct ignore {
    struct ignore_pattern pattern[IGNORE_MAX];
    unsigned n;
};

/* text stays borrowed. False: `why` is one line. A GLOB alone is for any method. */
bool ignore_add(struct ignore *g, const char *text, char why[128]);
bool ignore_takes(const struct ignore *g, struct slice method, struct slice service, struct slice target);

#endif
