/* Documents, written. What a document is and may become:
 *
 *     put with another digest, text digest, expiry, or vectors for a pending one  -> a new revision
 *     put with all of them equal                                                  -> unchanged
 *     (the number of attempts of a pending document is kept up to date without a revision)
 *     embedded: pending -> ready, a new revision
 *     delete: its row is gone, its number is never used again */
#include "store/inside.h"
#include <inttypes.h>
#include <string.h>

enum err stored_find(struct writer *w, const struct document_record *d, struct stored *out,
                     struct err_info *e)
{
    sqlite3_stmt *st;
    bool row;
    enum err err = conn_stmt(&w->conn, STMT_DOCUMENT_FIND, &st, e);

    memset(out, 0, sizeof *out);
    if (err)
        return err;
    put_int(st, 1, d->collection);
    put_str(st, 2, d->id);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err;
    out->key = (uint64_t)sqlite3_column_int64(st, 0);
    out->revision = (uint64_t)sqlite3_column_int64(st, 2);
    out->state = (enum document_state)sqlite3_column_int(st, 3);
    out->created_us = sqlite3_column_int64(st, 4);
    out->updated_us = sqlite3_column_int64(st, 5);
    out->expires_us = sqlite3_column_int64(st, 6);
    out->attempts = (uint32_t)sqlite3_column_int64(st, 7);
    get_digest(st, 8, out->digest);
    get_digest(st, 9, out->text_digest);
    return conn_run(&w->conn, st, e);
}

/* Asks the act's guard about the document that stands there. */
static enum err guard_ask(struct writer *w, const struct store_act *act, const struct stored *old,
                          bool *may, struct err_info *e)
{
    struct document_record d = {
        .id = act->document.id, .created_us = old->created_us, .updated_us = old->updated_us};
    sqlite3_stmt *st;
    bool row;
    *may = true;
    if (!act->guard || !old->key)
        return ERR_OK;
    enum err err = conn_stmt(&w->conn, STMT_PAYLOAD_GET, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)old->key);
    err = conn_step(&w->conn, st, &row, e);
    if (err || !row)
        return err ? err : err_set(e, ERR_CORRUPT, NULL, "a document has no payload");
    d.payload = (struct str){sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
    *may = act->guard(act->guard_ctx, &d);
    sqlite3_reset(st);
    return ERR_OK;
}

enum err quota_check(const struct quota_use *u, bool fresh, uint64_t before, uint64_t after,
                     struct err_info *e)
{
    if (fresh && u->documents_max && u->documents >= u->documents_max)
        return err_set(e, ERR_QUOTA, NULL,
                       "the collection holds %" PRIu64 " documents, its quota is %" PRIu64
                       ": delete some, or have the quota raised",
                       u->documents, u->documents_max);
    if (after > before && u->bytes_max && u->bytes - before + after > u->bytes_max)
        return err_set(e, ERR_QUOTA, NULL,
                       "the collection would hold %" PRIu64 " bytes of documents, its quota is"
                       " %" PRIu64 ": delete some, or have the quota raised",
                       u->bytes - before + after, u->bytes_max);
    return ERR_OK;
}

/* A payload comes, or takes the place of another, if the quotas leave room for it. */
static enum err bytes_move(struct held_collection *c, bool fresh, uint64_t before, uint64_t after,
                           struct err_info *e)
{
    const struct quota_use u = {c->documents, c->bytes, c->documents_max, c->bytes_max};
    enum err err = quota_check(&u, fresh, before, after, e);

    if (!err)
        c->bytes = c->bytes - before + after;
    return err;
}

static enum err payload_set(struct writer *w, uint64_t key, struct str payload, struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err = conn_stmt(&w->conn, STMT_PAYLOAD_SET, &st, e);

    if (err)
        return err;
    put_int(st, 1, (int64_t)key);
    put_blob(st, 2, payload.s, payload.n);
    return conn_run(&w->conn, st, e);
}

/* The counts of a collection follow a document from `old` to what it is now; those of passages were
 * moved with them. */
static void counts_move(struct held_collection *c, const struct stored *old, bool is, bool pending)
{
    struct held_version *v = held_active(c);

    c->documents += (uint64_t)is - (old->key != 0);
    c->dirty = true;
    v->missing += (uint64_t)pending - (old->key != 0 && old->state == DOCUMENT_PENDING);
    v->dirty = true;
}

/* That the passages of an act were made for the version that is the active one. */
static enum err version_check(const struct store_act *act, struct held_collection *c,
                              struct err_info *e)
{
    uint32_t active = held_active(c)->id, made = act->version.id;

    if (made == active || (made == 0 && c->version_count == 1))
        return ERR_OK;
    if (made == 0)
        return err_set(e, ERR_CONFLICT, "version",
                       "the collection has several embedding versions: which one the passages were "
                       "made with must be said");
    return err_set(e, ERR_CONFLICT, "version",
                   "the passages were made with embedding version %u, version %u is active: embed "
                   "again",
                   made, active);
}

static enum change_kind put_kind(enum document_state s)
{
    return s == DOCUMENT_PENDING ? CHANGE_DOCUMENT_PENDING : CHANGE_DOCUMENT_PUT;
}

static enum err document_insert(struct writer *w, struct store_act *act, struct held_collection *c,
                                struct err_info *e)
{
    const struct document_record *d = &act->document;
    sqlite3_stmt *st;
    enum err err;

    err = version_check(act, c, e);
    if (!err)
        err = bytes_move(c, true, 0, d->payload.n, e);
    if (err)
        return err;
    if (c->last_number == UINT32_MAX)
        return err_set(e, ERR_FULL, NULL,
                       "all numbers of documents of this collection are used up");
    uint32_t number = ++c->last_number;
    uint64_t key = (uint64_t)c->id << 32 | number;
    err = writer_change(w, put_kind(d->state), c, number, d->id, &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_DOCUMENT_INSERT, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)key);
    put_int(st, 2, c->id);
    put_str(st, 3, d->id);
    put_int(st, 4, (int64_t)act->revision);
    put_int(st, 5, d->state);
    put_int(st, 6, d->created_us ? d->created_us : w->now_us);
    put_int(st, 7, d->updated_us ? d->updated_us : w->now_us);
    put_int(st, 8, d->expires_us);
    put_int(st, 9, d->attempts);
    put_blob(st, 10, d->digest, 32);
    put_blob(st, 11, d->text_digest, 32);
    err = conn_run(&w->conn, st, e);
    if (!err)
        err = payload_set(w, key, d->payload, e);
    if (!err)
        err = passages_add(w, held_active(c), number, d, d->text_digest, d->state == DOCUMENT_READY,
                           e);
    if (!err)
        err = versions_miss(w, c, number, e);
    counts_move(c, &(struct stored){0}, true, d->state == DOCUMENT_PENDING);
    act->id = number;
    act->status = ACT_CREATED;
    return err;
}

static enum err document_replace(struct writer *w, struct store_act *act, struct held_collection *c,
                                 const struct stored *old, struct err_info *e)
{
    const struct document_record *d = &act->document;
    bool keep = act->keep_passages;
    enum document_state state = keep ? old->state : d->state;
    bool other = memcmp(old->digest, d->digest, 32) != 0;
    uint32_t number = (uint32_t)old->key;
    uint64_t bytes = 0;
    sqlite3_stmt *st;
    enum err err = keep ? ERR_OK : version_check(act, c, e);

    if (!err && other)
        err = writer_number(w, STMT_PAYLOAD_BYTES, old->key, 0, &bytes, e);
    if (!err && other)
        err = bytes_move(c, false, bytes, d->payload.n, e);
    if (!err)
        err = writer_change(w, put_kind(state), c, number, d->id, &act->revision, e);
    if (!err)
        err = conn_stmt(&w->conn, STMT_DOCUMENT_UPDATE, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)old->key);
    put_int(st, 2, (int64_t)act->revision);
    put_int(st, 3, state);
    put_int(st, 4, d->updated_us ? d->updated_us : w->now_us);
    put_int(st, 5, d->expires_us);
    put_int(st, 6, d->attempts);
    put_blob(st, 7, d->digest, 32);
    put_blob(st, 8, d->text_digest, 32);
    err = conn_run(&w->conn, st, e);
    if (!err && other)
        err = payload_set(w, old->key, d->payload, e);
    if (!err && !keep)
        err =
            passages_set(w, held_active(c), number, d, d->text_digest, state == DOCUMENT_READY, e);
    if (!err && memcmp(old->text_digest, d->text_digest, 32) != 0)
        err = versions_miss(w, c, number, e);
    counts_move(c, old, true, state == DOCUMENT_PENDING);
    act->status = ACT_UPDATED;
    return err;
}

static bool document_same(const struct store_act *act, const struct stored *old)
{
    const struct document_record *d = &act->document;
    bool vectors_come =
        old->state == DOCUMENT_PENDING && d->state == DOCUMENT_READY && !act->keep_passages;

    return !vectors_come && old->expires_us == d->expires_us &&
           memcmp(old->digest, d->digest, 32) == 0 &&
           memcmp(old->text_digest, d->text_digest, 32) == 0;
}

static enum err attempts_set(struct writer *w, const struct stored *old, uint32_t attempts,
                             struct err_info *e)
{
    sqlite3_stmt *st;
    enum err err;

    if (old->state != DOCUMENT_PENDING || old->attempts == attempts)
        return ERR_OK;
    err = conn_stmt(&w->conn, STMT_DOCUMENT_ATTEMPTS, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)old->key);
    put_int(st, 2, attempts);
    return conn_run(&w->conn, st, e);
}

enum err document_put(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct stored old;
    bool may;
    enum err err = writer_hold(w, act->document.collection, &c, e);

    if (!err)
        err = stored_find(w, &act->document, &old, e);
    if (!err)
        err = guard_ask(w, act, &old, &may, e);
    if (!err && !may)
        err = err_set(e, ERR_DENIED, "id", "this id is not available");
    if (!err)
        err = act_revision_check(act, old.revision, e);
    if (!err && act->keep_passages &&
        (!old.key || memcmp(old.text_digest, act->document.text_digest, 32) != 0))
        err = err_set(e, ERR_CONFLICT, "text_digest",
                      "the text changed meanwhile: its passages cannot be kept");
    if (err)
        return err;
    if (!old.key)
        return document_insert(w, act, c, e);
    act->id = (uint32_t)old.key;
    act->revision = old.revision;
    if (document_same(act, &old))
        return attempts_set(w, &old, act->document.attempts, e);
    return document_replace(w, act, c, &old, e);
}

/* The collection, and the document that has to be there. */
static enum err document_expect(struct writer *w, const struct store_act *act,
                                struct held_collection **c, struct stored *old, struct err_info *e)
{
    bool may;
    enum err err = writer_hold(w, act->document.collection, c, e);

    if (!err)
        err = stored_find(w, &act->document, old, e);
    if (!err)
        err = guard_ask(w, act, old, &may, e);
    if (!err && (!old->key || !may))
        err = err_set(e, ERR_NOT_FOUND, "id", "there is no document of this id");
    return err ? err : act_revision_check(act, old->revision, e);
}

enum err document_become_ready(struct writer *w, struct store_act *act, struct held_collection *c,
                               const struct stored *old, struct err_info *e)
{
    const struct document_record *d = &act->document;
    uint32_t number = (uint32_t)old->key;
    sqlite3_stmt *st;
    enum err err = writer_change(w, CHANGE_DOCUMENT_EMBEDDED, c, number, d->id, &act->revision, e);

    if (!err)
        err = conn_stmt(&w->conn, STMT_DOCUMENT_READY, &st, e);
    if (err)
        return err;
    put_int(st, 1, (int64_t)old->key);
    put_int(st, 2, (int64_t)act->revision);
    put_int(st, 3, w->now_us);
    err = conn_run(&w->conn, st, e);
    if (!err)
        err = passages_set(w, held_active(c), number, d, old->text_digest, true, e);
    counts_move(c, old, true, false);
    act->id = number;
    act->status = ACT_UPDATED;
    return err;
}

enum err document_embedded(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct stored old;
    enum err err = document_expect(w, act, &c, &old, e);

    if (!err && old.state != DOCUMENT_PENDING)
        err = err_set(e, ERR_CONFLICT, "state", "the document has its vectors already");
    if (!err)
        err = version_check(act, c, e);
    return err ? err : document_become_ready(w, act, c, &old, e);
}

enum err document_delete(struct writer *w, struct store_act *act, struct err_info *e)
{
    struct held_collection *c;
    struct stored old;
    uint64_t bytes = 0;
    enum err err = document_expect(w, act, &c, &old, e);

    if (!err)
        err = writer_number(w, STMT_PAYLOAD_BYTES, old.key, 0, &bytes, e);
    if (!err)
        err = writer_change(w, CHANGE_DOCUMENT_DELETED, c, (uint32_t)old.key, act->document.id,
                            &act->revision, e);
    if (!err)
        err = writer_run_1(w, STMT_DOCUMENT_REMOVE, old.key, e);
    if (!err)
        err = writer_run_1(w, STMT_PAYLOAD_REMOVE, old.key, e);
    if (!err)
        err = passages_remove(w, held_active(c), (uint32_t)old.key, e);
    if (!err)
        err = versions_drop(w, c, (uint32_t)old.key, e);
    if (err)
        return err;
    counts_move(c, &old, false, false);
    c->bytes -= bytes;
    act->id = (uint32_t)old.key;
    act->status = ACT_DELETED;
    return ERR_OK;
}
