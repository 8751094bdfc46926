/* Embedding versions, read. A version is looked up in the snapshot that its documents are read
 * from: one that was deleted meanwhile is not found, instead of looking empty. */
#include "store/inside.h"
#include <math.h>
#include <string.h>

void version_row(sqlite3_stmt *st, struct arena *a, struct version_record *out)
{
    memset(out, 0, sizeof *out);
    out->id = (uint32_t)sqlite3_column_int64(st, 0);
    out->collection = (uint32_t)sqlite3_column_int64(st, 1);
    out->state = (enum version_state)sqlite3_column_int(st, 2);
    out->model = get_str(st, 3, a);
    out->model_digest = get_str(st, 4, a);
    out->settings = get_blob(st, 5, a);
    out->dims = (uint32_t)sqlite3_column_int64(st, 6);
    out->mean_cosine =
        sqlite3_column_type(st, 7) == SQLITE_NULL ? NAN : (float)sqlite3_column_double(st, 7);
    out->missing = (uint64_t)sqlite3_column_int64(st, 8);
    out->passages = (uint64_t)sqlite3_column_int64(st, 9);
    out->created_us = sqlite3_column_int64(st, 10);
    out->updated_us = sqlite3_column_int64(st, 11);
    out->report = get_blob(st, 12, a);
    out->revision = (uint64_t)sqlite3_column_int64(st, 13);
}

enum err version_read(struct conn *c, struct arena *a, uint32_t version, struct version_record *out,
                      struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_VERSION_GET, &st, e);

    if (err)
        return err;
    put_int(st, 1, version);
    err = conn_step(c, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_NOT_FOUND, "version", "the embedding version does not exist");
    if (err)
        return err;
    version_row(st, a, out);
    return conn_run(c, st, e);
}

enum err store_version_get(struct store *s, struct arena *a, uint32_t version,
                           struct version_record *out, struct err_info *e)
{
    struct version_record v;
    struct conn *c;
    enum err err = read_begin(s, OP_VERSION_GET, &c, e);

    if (err)
        return err;
    err = version_read(c, a, version, &v, e);
    read_end(s, c, err);
    if (!err)
        *out = v;
    return err;
}

enum err store_version_list(struct store *s, struct arena *a, uint32_t collection,
                            struct version_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    bool row;
    enum err err = read_begin(s, OP_VERSION_LIST, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, STMT_VERSION_LIST, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        while (!(err = conn_step(c, st, &row, e)) && row)
            version_row(st, a, list_add(&list, a));
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

enum err store_version_passages(struct store *s, struct arena *a, uint32_t version,
                                const uint32_t *numbers, size_t count, unsigned parts,
                                struct document_record *out, struct err_info *e)
{
    struct version_record v;
    struct conn *c;
    enum err err = read_begin(s, OP_VERSION_PASSAGES, &c, e);

    if (err)
        return err;
    memset(out, 0, count * sizeof *out);
    err = version_read(c, a, version, &v, e);
    for (size_t i = 0; i < count && !err; i++)
        err = document_by_number(c, a, v.collection, numbers[i], parts, version, &out[i], e);
    read_end(s, c, err);
    return err;
}

enum err store_version_scan(struct store *s, uint32_t version, unsigned parts, document_fn *each,
                            void *ctx, struct position *position, struct err_info *e)
{
    const struct document_range range = {.version = version, .parts = parts};

    return documents_scan(s, &range, each, ctx, position, e);
}

/* The active one's are the pending documents. */
static enum err missing_read(struct conn *c, struct arena *a, const struct version_record *v,
                             uint32_t after, size_t limit, struct list *list, struct err_info *e)
{
    bool active = v->state == VERSION_ACTIVE;
    uint64_t base = (uint64_t)(active ? v->collection : v->id) << 32;
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, active ? STMT_DOCUMENT_WAITING : STMT_DOCUMENT_MISSING, &st, e);

    if (err)
        return err;
    put_int(st, 1, v->collection);
    put_int(st, 2, (int64_t)(base | after));
    put_int(st, 3, limit_clamp(limit));
    return documents_read(c, a, st, DOCUMENT_PAYLOAD, v->id, list, e);
}

enum err store_version_missing(struct store *s, struct arena *a, uint32_t version, uint32_t after,
                               size_t limit, struct document_record **out, size_t *count,
                               struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct version_record v;
    struct conn *c;
    enum err err = read_begin(s, OP_VERSION_MISSING, &c, e);

    if (err)
        return err;
    err = version_read(c, a, version, &v, e);
    if (!err)
        err = missing_read(c, a, &v, after, limit, &list, e);
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}
