#include "cmd/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { SECRET_MAX = 4096, SECRET_LEAST = 16, SECRET_MADE = 32 };

static bool read_key(const char *path, struct hash_key *key)
{
    char bytes[SECRET_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        errno = error;
        return false;
    }
    if (n < SECRET_LEAST) {
        errno = EINVAL;
        return false;
    }
    *key = hash_key_from(bytes, (size_t)n);
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

static bool own_path(char *path, size_t size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n;
    if (config && *config == '/') {
        n = snprintf(path, size, "%s", config);
    } else if (home && *home == '/') {
        n = snprintf(path, size, "%s/.config", home);
    } else {
        return false;
    }
    if (n < 0 || (size_t)n + 20 > size)
        return false;
    mkdir(path, 0700);
    strcat(path, "/spanwise");
    mkdir(path, 0700);
    strcat(path, "/secret");
    return true;
}

/* Written aside and linked into place, so that two first runs agree on one key. */
static bool make_key(const char *path)
{
    unsigned char bytes[SECRET_MADE];
    char aside[4200];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes;
    if (fd >= 0)
        close(fd);
    if (ok && link(aside, path) != 0 && errno != EEXIST)
        ok = false;
    unlink(aside);
    explicit_bzero(bytes, sizeof bytes);
    return ok;
}

bool secret_load(const char *given, struct hash_key *key, bool *fleeting)
{
    char path[4096];
    *fleeting = false;
    if (given) {
        if (read_key(given, key))
            return true;
        log_line("--secret %s: %s", given, errno == EINVAL ? "a secret has at least 16 bytes" : strerror(errno));
        return false;
    }
    errno = 0;
    if (own_path(path, sizeof path) && (read_key(path, key) || (make_key(path) && read_key(path, key))))
        return true;
    log_line("no place to keep a secret (%s): pseudonyms of this run match no other; give --secret FILE",
             errno ? strerror(errno) : "neither XDG_CONFIG_HOME nor HOME is set");
    *fleeting = true;
    return hash_key_random(key);
}
