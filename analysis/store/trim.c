#include "analysis/store/trim.h"

#include <sqlite3.h>
#include <stdlib.h>

int64_t trim_stored(struct connection *c)
{
    return connect_ask(c, "SELECT ifnull(sum(n), 0) FROM exchange_block");
}

bool trim_blocks(struct connection *c, uint64_t *stored, uint64_t keep)
{
    while (*stored > keep) {
        int64_t oldest = connect_ask(c, "SELECT n FROM exchange_block ORDER BY id LIMIT 1");
        if (oldest <= 0 || (uint64_t)oldest > *stored - keep)
            return oldest >= 0;
        if (!connect_run(c, "DELETE FROM exchange_block WHERE id = (SELECT min(id) FROM exchange_block)"))
            return false;
        *stored -= (uint64_t)oldest;
    }
    return true;
}

/* What is left of a block, being made. */
struct cut {
    uint64_t skip;
    struct block left;
};

static void take(void *context, const struct row_exchange *x)
{
    struct cut *cut = context;
    if (cut->skip)
        cut->skip--;
    else
        block_add(&cut->left, x);
}

/* The oldest block without its first records, packed. */
static bool cut_oldest(struct connection *c, struct block_tools *tools, struct cut *cut, int64_t *id, struct buf *out)
{
    sqlite3_stmt *q = NULL;
    struct buf raw = {0};
    bool ok = sqlite3_prepare_v2(c->db, "SELECT id, n, format, data FROM exchange_block ORDER BY id LIMIT 1", -1, &q,
                                 NULL) == SQLITE_OK &&
              sqlite3_step(q) == SQLITE_ROW;
    if (ok) {
        *id = sqlite3_column_int64(q, 0);
        struct slice data = slice_of(sqlite3_column_blob(q, 3), (size_t)sqlite3_column_bytes(q, 3));
        ok = block_read(tools, sqlite3_column_int(q, 2), data, (uint32_t)sqlite3_column_int64(q, 1), take, cut) &&
             block_raw(&cut->left, &raw) && block_pack(tools, slice_of(raw.p, raw.n), out);
    }
    sqlite3_finalize(q);
    buf_free(&raw);
    return ok;
}

static bool put(struct connection *c, int64_t id, const struct block *b, struct slice data)
{
    sqlite3_stmt *q = NULL;
    bool ok =
        sqlite3_prepare_v2(
            c->db, "UPDATE exchange_block SET first_us = ?, last_us = ?, n = ?, format = ?, data = ? WHERE id = ?", -1,
            &q, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_bind_int64(q, 1, b->first_us);
        sqlite3_bind_int64(q, 2, b->last_us);
        sqlite3_bind_int64(q, 3, b->n);
        sqlite3_bind_int(q, 4, BLOCK_ZSTD);
        sqlite3_bind_blob64(q, 5, data.p, data.n, SQLITE_STATIC);
        sqlite3_bind_int64(q, 6, id);
        ok = sqlite3_step(q) == SQLITE_DONE;
    }
    sqlite3_finalize(q);
    return ok;
}

bool trim_rest(struct connection *c, struct block_tools *tools, uint64_t stored, uint64_t keep)
{
    int64_t id = 0;
    if (stored <= keep)
        return true;
    struct cut *cut = calloc(1, sizeof *cut);
    struct buf packed = {0};
    bool ok = cut && connect_run(c, "BEGIN IMMEDIATE");
    if (ok) {
        cut->skip = stored - keep;
        ok = cut_oldest(c, tools, cut, &id, &packed) && cut->left.n &&
             put(c, id, &cut->left, slice_of(packed.p, packed.n)) && connect_run(c, "COMMIT");
        if (!ok)
            connect_run(c, "ROLLBACK");
    }
    if (cut)
        block_free(&cut->left);
    free(cut);
    buf_free(&packed);
    return ok;
}
