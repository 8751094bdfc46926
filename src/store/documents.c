/* Documents, read. */
#include "store/inside.h"
#include <assert.h>
#include <string.h>

#define SCAN_STEP 256 /* documents read at once */

static enum err blob_corrupt(uint64_t key, struct err_info *e)
{
    return err_set(e, ERR_CORRUPT, NULL,
                   "the passages of document %u of collection %u have a wrong size", (uint32_t)key,
                   (uint32_t)(key >> 32));
}

static enum err payload_read(struct conn *c, struct arena *a, uint64_t key,
                             struct document_record *d, struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(c, STMT_PAYLOAD_GET, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)key);
    err = conn_step(c, st, &row, e);
    if (!err && !row)
        err = err_set(e, ERR_CORRUPT, NULL, "document %u of collection %u has no payload",
                      (uint32_t)key, (uint32_t)(key >> 32));
    if (err)
        return err;
    d->payload = get_blob(st, 0, a);
    sqlite3_reset(st);
    return ERR_OK;
}

/* Spans and, if asked for and there, vectors into d->passages. */
static enum err passages_fill(struct arena *a, uint64_t key, struct str spans, struct str vectors,
                              struct document_record *d, struct err_info *e)
{
    uint32_t n = (uint32_t)(spans.n / SPAN_BYTES);

    if (spans.n != (size_t)n * SPAN_BYTES || (n ? vectors.n % ((size_t)n * 2) : vectors.n) != 0)
        return blob_corrupt(key, e);
    d->passage_count = n;
    if (n == 0)
        return ERR_OK;
    d->passages = arena_array(a, n, sizeof *d->passages);
    size_t row_bytes = vectors.n / n;
    d->dims = (uint32_t)(row_bytes / 2);
    for (uint32_t i = 0; i < n; i++) {
        struct passage_record *p = &d->passages[i];
        uint32_t span[3];
        memcpy(span, spans.s + (size_t)i * SPAN_BYTES, SPAN_BYTES);
        p->start = span[0];
        p->end = span[1];
        p->tokens = span[2];
        p->vector = row_bytes ? (const uint16_t *)(const void *)(vectors.s + i * row_bytes) : NULL;
    }
    return ERR_OK;
}

/* The passages under d->version; *embedded: they have vectors. */
static enum err passages_read(struct conn *c, struct arena *a, unsigned parts,
                              struct document_record *d, bool *embedded, struct err_info *e)
{
    uint64_t key = passages_key(d->version, d->number);
    bool vectors = parts & DOCUMENT_VECTORS, row;
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, vectors ? STMT_PASSAGE_GET : STMT_PASSAGE_SPANS, &st, e);

    *embedded = false;
    if (err)
        return err;
    put_int(st, 1, (int64_t)key);
    err = conn_step(c, st, &row, e);
    if (err || !row)
        return err;
    *embedded = vectors ? sqlite3_column_type(st, 1) == SQLITE_BLOB : sqlite3_column_int(st, 1);
    if (parts & (DOCUMENT_PASSAGES | DOCUMENT_VECTORS)) {
        struct str spans = get_blob(st, 0, a);
        err = passages_fill(a, key, spans, vectors ? get_blob(st, 1, a) : STR(""), d, e);
    }
    sqlite3_reset(st);
    return err;
}

/* Of the active version, or of `version`: what is there of it decides the state, then. */
static enum err version_part(struct conn *c, struct arena *a, unsigned parts, uint32_t version,
                             struct document_record *d, struct err_info *e)
{
    bool embedded;
    enum err err = passages_read(c, a, parts, d, &embedded, e);

    if (!err && version)
        d->state = embedded ? DOCUMENT_READY : DOCUMENT_PENDING;
    else if (!err && d->state == DOCUMENT_READY && !embedded)
        err = err_set(e, ERR_CORRUPT, NULL, "document %u of collection %u has no passages",
                      d->number, d->collection);
    return err;
}

/* The row of DOCUMENT_COLUMNS that `st` stands on, and the parts of it. */
static enum err document_row(struct conn *c, struct arena *a, sqlite3_stmt *st, unsigned parts,
                             uint32_t version, struct document_record *d, struct err_info *e)
{
    uint64_t key = (uint64_t)sqlite3_column_int64(st, 0);
    enum err err = ERR_OK;

    memset(d, 0, sizeof *d);
    d->collection = (uint32_t)(key >> 32);
    d->number = (uint32_t)key;
    d->id = get_str(st, 1, a);
    d->revision = (uint64_t)sqlite3_column_int64(st, 2);
    d->state = (enum document_state)sqlite3_column_int(st, 3);
    d->created_us = sqlite3_column_int64(st, 4);
    d->updated_us = sqlite3_column_int64(st, 5);
    d->expires_us = sqlite3_column_int64(st, 6);
    d->attempts = (uint32_t)sqlite3_column_int64(st, 7);
    get_digest(st, 8, d->digest);
    get_digest(st, 9, d->text_digest);
    d->version = version ? version : (uint32_t)sqlite3_column_int64(st, 10);
    if (parts & DOCUMENT_PAYLOAD)
        err = payload_read(c, a, key, d, e);
    if (!err && (version || (parts & (DOCUMENT_PASSAGES | DOCUMENT_VECTORS))))
        err = version_part(c, a, parts, version, d, e);
    return err;
}

enum err documents_read(struct conn *c, struct arena *a, sqlite3_stmt *st, unsigned parts,
                        uint32_t version, struct list *list, struct err_info *e)
{
    bool row;
    enum err err;

    while (!(err = conn_step(c, st, &row, e)) && row) {
        err = document_row(c, a, st, parts, version, list_add(list, a), e);
        if (err)
            break;
    }
    return err;
}

static enum err by_id(struct conn *c, struct arena *a, uint32_t collection, struct str id,
                      unsigned parts, struct document_record *out, bool *found, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, STMT_DOCUMENT_BY_ID, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_str(st, 2, id);
    err = conn_step(c, st, found, e);
    if (err || !*found)
        return err;
    err = document_row(c, a, st, parts, 0, out, e);
    sqlite3_reset(st);
    return err;
}

enum err store_document_get(struct store *s, struct arena *a, uint32_t collection, struct str id,
                            unsigned parts, struct document_record *out, struct err_info *e)
{
    struct document_record d;
    struct conn *c;
    bool found;
    enum err err = read_begin(s, OP_DOCUMENT_GET, &c, e);

    if (err)
        return err;
    err = by_id(c, a, collection, id, parts, &d, &found, e);
    if (!err && !found)
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no document of this id");
    read_end(s, c, err);
    if (!err)
        *out = d;
    return err;
}

enum err store_documents_by_id(struct store *s, struct arena *a, uint32_t collection,
                               const struct str *ids, size_t count, unsigned parts,
                               struct document_record *out, struct err_info *e)
{
    struct conn *c;
    bool found;
    enum err err = read_begin(s, OP_DOCUMENTS_BY_ID, &c, e);

    if (err)
        return err;
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count && !err; i++)
        err = by_id(c, a, collection, ids[i], parts, &out[i], &found, e);
    read_end(s, c, err);
    return err;
}

enum err document_by_number(struct conn *c, struct arena *a, uint32_t collection, uint32_t number,
                            unsigned parts, uint32_t version, struct document_record *out,
                            struct err_info *e)
{
    sqlite3_stmt *st;
    bool found;
    enum err err = conn_stmt(c, STMT_DOCUMENT_BY_KEY, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_int(st, 2, (int64_t)((uint64_t)collection << 32 | number));
    err = conn_step(c, st, &found, e);
    if (err || !found)
        return err;
    err = document_row(c, a, st, parts, version, out, e);
    sqlite3_reset(st);
    return err;
}

enum err store_documents_by_number(struct store *s, struct arena *a, uint32_t collection,
                                   const uint32_t *numbers, size_t count, unsigned parts,
                                   struct document_record *out, struct err_info *e)
{
    struct conn *c;
    enum err err = read_begin(s, OP_DOCUMENTS_BY_NUMBER, &c, e);

    if (err)
        return err;
    memset(out, 0, count * sizeof *out);
    for (size_t i = 0; i < count && !err; i++)
        err = document_by_number(c, a, collection, numbers[i], parts, 0, &out[i], e);
    read_end(s, c, err);
    return err;
}

int64_t limit_clamp(size_t limit)
{
    return (int64_t)(limit < STORE_LIST_MAX ? limit : STORE_LIST_MAX);
}

enum err store_document_list(struct store *s, struct arena *a, uint32_t collection,
                             struct str after, size_t offset, size_t limit, unsigned parts,
                             struct document_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    enum err err;

    if (offset > STORE_OFFSET_MAX)
        return err_set(e, ERR_INVALID, "offset", "offset is %zu, at most %d; use the cursor",
                       offset, STORE_OFFSET_MAX);
    err = read_begin(s, OP_DOCUMENT_LIST, &c, e);
    if (err)
        return err;
    err = conn_stmt(c, STMT_DOCUMENT_LIST, &st, e);
    if (!err) {
        put_int(st, 1, collection);
        put_str(st, 2, after);
        put_int(st, 3, limit_clamp(limit));
        put_int(st, 4, (int64_t)offset);
        err = documents_read(c, a, st, parts, 0, &list, e);
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

static enum err document_step(struct conn *c, struct arena *a, uint32_t collection, uint32_t after,
                              unsigned parts, uint32_t version, struct list *list,
                              struct err_info *e)
{
    uint64_t base = (uint64_t)collection << 32;
    sqlite3_stmt *st;
    enum err err = conn_stmt(c, STMT_DOCUMENT_RANGE, &st, e);

    if (err)
        return err;
    put_int(st, 1, collection);
    put_int(st, 2, (int64_t)(base | after));
    put_int(st, 3, (int64_t)(base | UINT32_MAX));
    put_int(st, 4, SCAN_STEP);
    return documents_read(c, a, st, parts, version, list, e);
}

/* The next documents after `after`, copied: a snapshot of its own for each step, so that none is
 * held while the caller works. */
static enum err scan_step(struct store *s, struct arena *a, const struct document_range *range,
                          uint32_t after, struct list *list, struct err_info *e)
{
    struct version_record v = {.collection = range->collection};
    struct conn *c;
    enum err err = read_begin(s, range->version ? OP_VERSION_SCAN : OP_DOCUMENT_SCAN, &c, e);

    if (err)
        return err;
    if (range->version)
        err = version_read(c, a, range->version, &v, e);
    if (!err)
        err = document_step(c, a, v.collection, after, range->parts, range->version, list, e);
    read_end(s, c, err);
    return err;
}

enum err documents_scan(struct store *s, const struct document_range *range, document_fn *each,
                        void *ctx, struct position *position, struct err_info *e)
{
    struct arena *a = arena_new(0);
    struct position start;
    uint32_t after = 0;
    enum err err = ERR_OK;
    size_t n = SCAN_STEP;

    store_position(s, &start);
    while (!err && n == SCAN_STEP) {
        struct list list = {.size = sizeof(struct document_record)};
        err = scan_step(s, a, range, after, &list, e);
        n = list.count;
        const struct document_record *d = list.items;
        for (size_t i = 0; i < n && !err; i++) {
            after = d[i].number;
            err = each(ctx, &d[i]);
        }
        arena_reset(a);
    }
    arena_free(a);
    if (!err && position)
        *position = start;
    return err;
}

enum err store_document_scan(struct store *s, uint32_t collection, unsigned parts,
                             document_fn *each, void *ctx, struct position *position,
                             struct err_info *e)
{
    const struct document_range range = {.collection = collection, .parts = parts};

    return documents_scan(s, &range, each, ctx, position, e);
}

static enum err bound_list(struct store *s, struct arena *a, enum db_op op, enum statement id,
                           const int64_t *bound, int bounds, unsigned parts,
                           struct document_record **out, size_t *count, struct err_info *e)
{
    struct list list = {.size = sizeof **out};
    struct conn *c;
    sqlite3_stmt *st;
    enum err err = read_begin(s, op, &c, e);

    if (err)
        return err;
    err = conn_stmt(c, id, &st, e);
    if (!err) {
        for (int i = 0; i < bounds; i++)
            put_int(st, i + 1, bound[i]);
        err = documents_read(c, a, st, parts, 0, &list, e);
    }
    read_end(s, c, err);
    if (err)
        return err;
    *out = list.items;
    *count = list.count;
    return ERR_OK;
}

enum err store_pending_list(struct store *s, struct arena *a, uint32_t collection,
                            uint32_t attempts_max, size_t limit, struct document_record **out,
                            size_t *count, struct err_info *e)
{
    const int64_t bound[] = {collection, attempts_max, limit_clamp(limit)};

    return bound_list(s, a, OP_PENDING_LIST, STMT_DOCUMENT_PENDING, bound, 3,
                      DOCUMENT_PAYLOAD | DOCUMENT_PASSAGES, out, count, e);
}

enum err store_expired_list(struct store *s, struct arena *a, int64_t now_us, size_t limit,
                            struct document_record **out, size_t *count, struct err_info *e)
{
    const int64_t bound[] = {now_us, limit_clamp(limit)};

    return bound_list(s, a, OP_EXPIRED_LIST, STMT_DOCUMENT_EXPIRED, bound, 2, DOCUMENT_HEAD, out,
                      count, e);
}
