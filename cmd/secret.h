/* secret: the key of all pseudonyms: --secret FILE, else one made once and kept 0600 in the user's configuration. */
#ifndef CMD_SECRET_H
#define CMD_SECRET_H

#include "base/hash.h"

/* path NULL: the user's own. *fleeting: there is no place to keep one, so it is of this run alone, which was said.
 * False: the reason was printed. */
bool secret_load(const char *path, struct hash_key *key, bool *fleeting);

#endif
