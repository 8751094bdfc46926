/* Passages, written: a row for each (version, document) that has them, and a row in `missing` for
 * each (version but the active one, document) that has not. */
#include "store/inside.h"
#include <string.h>

uint64_t passages_key(uint32_t version, uint32_t number)
{
    return (uint64_t)version << 32 | number;
}

enum err passages_add(struct writer *w, struct held_version *v, uint32_t number,
                      const struct document_record *d, const uint8_t text_digest[32], bool vectors,
                      struct err_info *e)
{
    size_t span_bytes = (size_t)d->passage_count * SPAN_BYTES, row_bytes = (size_t)v->dims * 2;
    size_t vector_bytes = vectors ? d->passage_count * row_bytes : 0;
    sqlite3_stmt *st;

    if (d->passage_count == 0 && !vectors)
        return ERR_OK;
    enum err err = conn_stmt(&w->conn, STMT_PASSAGE_SET, &st, e);
    if (err)
        return err;
    char *spans = xmalloc(span_bytes + vector_bytes + 1), *rows = spans + span_bytes;
    for (uint32_t i = 0; i < d->passage_count; i++) {
        const struct passage_record *p = &d->passages[i];
        const uint32_t span[3] = {p->start, p->end, p->tokens};
        memcpy(spans + (size_t)i * SPAN_BYTES, span, SPAN_BYTES);
        if (vectors)
            memcpy(rows + i * row_bytes, p->vector, row_bytes);
    }
    put_int(st, 1, (int64_t)passages_key(v->id, number));
    put_blob(st, 2, spans, span_bytes);
    if (vectors)
        put_blob(st, 3, rows, vector_bytes);
    else
        sqlite3_bind_null(st, 3);
    put_blob(st, 4, text_digest, PASSAGE_TEXT_BYTES);
    err = conn_run(&w->conn, st, e);
    free(spans);
    v->passages += d->passage_count;
    v->dirty = true;
    return err;
}

enum err passages_remove(struct writer *w, struct held_version *v, uint32_t number,
                         struct err_info *e)
{
    uint64_t key = passages_key(v->id, number), count;
    enum err err = writer_number(w, STMT_PASSAGE_COUNT, key, 0, &count, e);

    if (!err)
        err = writer_run_1(w, STMT_PASSAGE_REMOVE, key, e);
    v->passages -= count;
    v->dirty = true;
    return err;
}

enum err passages_set(struct writer *w, struct held_version *v, uint32_t number,
                      const struct document_record *d, const uint8_t text_digest[32], bool vectors,
                      struct err_info *e)
{
    uint64_t key = passages_key(v->id, number), count;
    enum err err;

    if (d->passage_count == 0 && !vectors)
        return passages_remove(w, v, number, e);
    err = writer_number(w, STMT_PASSAGE_COUNT, key, 0, &count, e);
    v->passages -= count;
    return err ? err : passages_add(w, v, number, d, text_digest, vectors, e);
}

/* A document that a new version has not been marked missing in yet is, unless it was embedded for
 * it already (schema.c). */
static enum err unmarked_missing(struct writer *w, const struct held_version *v, uint32_t number,
                                 bool *missing, struct err_info *e)
{
    uint64_t there;
    enum err err = writer_number(w, STMT_PASSAGE_EXISTS, passages_key(v->id, number), 0, &there, e);

    *missing = !there;
    return err;
}

static bool is_unmarked(const struct held_version *v, uint32_t number)
{
    return number > v->unmarked_after && number <= v->unmarked_last;
}

enum err missing_set(struct writer *w, struct held_version *v, uint32_t number, bool missing,
                     bool *changed, struct err_info *e)
{
    bool was;
    enum err err;

    if (is_unmarked(v, number)) {
        err = unmarked_missing(w, v, number, &was, e);
        *changed = !err && was != missing;
    } else {
        enum statement id = missing ? STMT_MISSING_ADD : STMT_MISSING_REMOVE;
        err = writer_run_1(w, id, passages_key(v->id, number), e);
        *changed = !err && sqlite3_changes(w->conn.db) == 1;
    }
    if (*changed)
        v->missing += missing ? 1 : -1;
    v->dirty |= *changed;
    return err;
}

enum err versions_miss(struct writer *w, struct held_collection *c, uint32_t number,
                       struct err_info *e)
{
    enum err err = ERR_OK;
    bool added;

    for (unsigned i = 0; i < c->version_count && !err; i++) {
        struct held_version *v = &c->versions[i];
        if (v->state == VERSION_ACTIVE)
            continue;
        err = missing_set(w, v, number, true, &added, e);
        if (!err && added)
            err = passages_remove(w, v, number, e);
    }
    return err;
}

enum err versions_drop(struct writer *w, struct held_collection *c, uint32_t number,
                       struct err_info *e)
{
    enum err err = ERR_OK;
    bool removed;

    for (unsigned i = 0; i < c->version_count && !err; i++) {
        struct held_version *v = &c->versions[i];
        if (v->state == VERSION_ACTIVE)
            continue;
        err = missing_set(w, v, number, false, &removed, e);
        if (!err && !removed)
            err = passages_remove(w, v, number, e);
    }
    return err;
}
