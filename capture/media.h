/* media: content types as nearly all write them, told at once. */
#ifndef CAPTURE_MEDIA_H
#define CAPTURE_MEDIA_H

#include "base/slice.h"

/* application/json in these letters, with parameters or without. Other types may be JSON, too. */
static inline bool media_says_json(struct slice type)
{
    return type.n >= 16 && memcmp(type.p, "application/json", 16) == 0 && (type.n == 16 || type.p[16] == ';');
}

#endif
