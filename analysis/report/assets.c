#include "analysis/report/assets.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "base/hash.h"

/* The assembler copies the file in: `symbol` is its first byte, `symbol_end` the one after its last. */
#define ASSET(symbol, path, file, type)                                                                                \
    extern const char asset_##symbol[], asset_##symbol##_end[];                                                        \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".global asset_" #symbol "\n"                                                                              \
            "asset_" #symbol ": .incbin \"" file "\"\n"                                                                \
            ".global asset_" #symbol "_end\n"                                                                          \
            "asset_" #symbol "_end: .byte 0\n"                                                                         \
            ".popsection\n");
#include "analysis/report/assets.def"
#undef ASSET

enum {
#define ASSET(symbol, path, file, type) ASSET_##symbol,
#include "analysis/report/assets.def"
#undef ASSET
    ASSETS
};

static struct asset assets[ASSETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The ETag is made of the content alone: the same program gives the same one on every machine. */
static void fill(unsigned i, const char *path, const char *type, const char *begin, const char *end)
{
    struct hash_key key = hash_key_from("spanwise assets", 15);
    struct asset *a = &assets[i];
    *a = (struct asset){path, type, slice_of(begin, (size_t)((uintptr_t)end - (uintptr_t)begin)), ""};
    snprintf(a->etag, sizeof a->etag, "\"%016" PRIx64 "\"", hash_bytes(&key, 0, a->bytes.p, a->bytes.n));
}

static void fill_all(void)
{
#define ASSET(symbol, path, file, type) fill(ASSET_##symbol, path, type, asset_##symbol, asset_##symbol##_end);
#include "analysis/report/assets.def"
#undef ASSET
}

const struct asset *assets_find(struct slice path)
{
    pthread_once(&once, fill_all);
    for (unsigned i = 0; i < ASSETS; i++)
        if (slice_eq(slice_str(assets[i].path), path))
            return &assets[i];
    return NULL;
}
