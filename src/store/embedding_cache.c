/* Vectors by the digest of what they were made from.
 *
 * Rows are appended, so that what an import adds stays dense; only the index on the first 8 bytes
 * of the key is written here and there. The oldest rows go first, whether they were used or not: a
 * read writes nothing. Their bytes are counted in the ledger; an act that passes the bound removes
 * as many as make a little room (64 KiB), so that not every act has to. */
#include "store/inside.h"
#include <string.h>

#define HASH_BYTES 8
#define ROW_BYTES 64 /* besides the vector: in both the store's check and here */
#define ROOM_BYTES 65536
#define EVICT_ROWS 256

static int64_t key_hash(const uint8_t key[EMBEDDING_KEY])
{
    int64_t hash;

    memcpy(&hash, key, sizeof hash);
    return hash;
}

/* Steps to the row of `key`; *found: `st` stands on it, and is to be reset. */
static enum err row_find(struct conn *c, const uint8_t key[EMBEDDING_KEY], sqlite3_stmt **out,
                         bool *found, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, STMT_CACHE_FIND, &st, e);

    if (err)
        return err;
    put_int(st, 1, key_hash(key));
    while (!(err = conn_step(c, st, found, e)) && *found) {
        const void *rest = sqlite3_column_blob(st, 0);
        if (sqlite3_column_bytes(st, 0) == EMBEDDING_KEY - HASH_BYTES &&
            memcmp(rest, key + HASH_BYTES, EMBEDDING_KEY - HASH_BYTES) == 0)
            break;
    }
    *out = st;
    return err;
}

static uint64_t bound_of(const struct writer *w)
{
    uint64_t bytes = w->store->options.embedding_cache_bytes;

    return bytes == EMBEDDING_CACHE_NONE ? 0 : bytes;
}

bool embeddings_over(const struct writer *w)
{
    return w->ledger.cache_bytes > bound_of(w);
}

static enum err row_add(struct writer *w, const struct embedding_record *r, struct err_info *e)
{
    sqlite3_stmt *st;
    bool found;
    enum err err = row_find(&w->conn, r->key, &st, &found, e);

    if (err)
        return err;
    if (found) {
        sqlite3_reset(st);
        return ERR_OK;
    }
    err = conn_stmt(&w->conn, STMT_CACHE_ADD, &st, e);
    if (err)
        return err;
    put_int(st, 1, key_hash(r->key));
    put_blob(st, 2, r->key + HASH_BYTES, EMBEDDING_KEY - HASH_BYTES);
    put_int(st, 3, r->tokens);
    put_blob(st, 4, r->vector, (size_t)r->dims * 2);
    w->ledger.cache_bytes += (uint64_t)r->dims * 2 + ROW_BYTES;
    w->ledger.dirty = true;
    return conn_run(&w->conn, st, e);
}

enum err embeddings_put(struct writer *w, const struct embedding_record *rows, size_t count,
                        struct err_info *e)
{
    enum err err = ERR_OK;

    if (bound_of(w) == 0)
        return ERR_OK;
    for (size_t i = 0; i < count && !err; i++)
        err = row_add(w, &rows[i], e);
    if (!err && embeddings_over(w))
        err = embeddings_evict(w, count * 2 + EVICT_ROWS, e);
    return err;
}

enum err embeddings_evict(struct writer *w, size_t rows, struct err_info *e)
{
    uint64_t bound = bound_of(w), room = bound / 64 < ROOM_BYTES ? bound / 64 : ROOM_BYTES;
    int64_t last = 0;
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_CACHE_OLDEST, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)rows);
    while (!(err = conn_step(&w->conn, st, &row, e)) && row &&
           w->ledger.cache_bytes > bound - room) {
        last = sqlite3_column_int64(st, 0);
        w->ledger.cache_bytes -= (uint64_t)sqlite3_column_int64(st, 1) + ROW_BYTES;
        w->ledger.dirty = true;
    }
    sqlite3_reset(st);
    if (!err && !last) { /* nothing is there: whatever was counted */
        w->ledger.cache_bytes = 0;
        w->ledger.dirty = true;
    }
    return err || !last ? err : writer_run_1(w, STMT_CACHE_REMOVE, (uint64_t)last, e);
}

static enum err embedding_read(struct conn *c, struct arena *a, struct embedding_record *out,
                               struct err_info *e)
{
    sqlite3_stmt *st;
    bool found;
    enum err err = row_find(c, out->key, &st, &found, e);

    if (err || !found)
        return err;
    out->tokens = (uint32_t)sqlite3_column_int64(st, 1);
    struct str vector = get_blob(st, 2, a);
    out->vector = (const uint16_t *)(const void *)vector.s;
    out->dims = (uint32_t)(vector.n / 2);
    sqlite3_reset(st);
    return ERR_OK;
}

enum err store_embedding_cache_get(struct store *s, struct arena *a,
                                   const uint8_t (*keys)[EMBEDDING_KEY], size_t count,
                                   struct embedding_record *out, struct err_info *e)
{
    struct conn *c;
    enum err err = ERR_OK;

    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count; i++)
        memcpy(out[i].key, keys[i], EMBEDDING_KEY);
    if (s->options.embedding_cache_bytes == EMBEDDING_CACHE_NONE)
        return ERR_OK;
    err = read_begin(s, OP_EMBEDDING_CACHE_GET, &c, e);
    if (err)
        return err;
    for (size_t i = 0; i < count && !err; i++)
        err = embedding_read(c, a, &out[i], e);
    read_end(s, c, err);
    return err;
}
