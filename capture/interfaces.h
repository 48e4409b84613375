/* interfaces: what there is to capture on. */
#ifndef CAPTURE_INTERFACES_H
#define CAPTURE_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes a table of all interfaces: name, state, packets per second (received and sent, over half a second, which this
 * call takes), addresses. False: the kernel does not tell; errno says why. */
bool interfaces_list(FILE *out);
/* Their names, "eth0, lo", for messages. Returns the length; out holds n bytes and is always terminated. */
size_t interfaces_names(char *out, size_t n);

#endif
