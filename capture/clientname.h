/* clientname: what a credential calls who it belongs to, so that it may be shown (--show-names): foreign text, made
 * harmless once, where it comes in. */
#ifndef CAPTURE_CLIENTNAME_H
#define CAPTURE_CLIENTNAME_H

#include "base/slice.h"

enum { CLIENTNAME = 64 }; /* octets */

/* As it may be shown: well-formed UTF-8, cut at CLIENTNAME octets between characters; U+FFFD stands for what is no
 * UTF-8, for control characters and for those that turn the direction of text. Returns the length; 0: it is no name.
 * Of what it returned it makes the same. */
size_t clientname(struct slice text, char out[CLIENTNAME]);

#endif
