/* Opening, and the writer. */
#include "index/words_impl.h"

#include "base/file.h"
#include "index/scalar.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- opening --- */

static enum err prepare(struct words *w, const char *sql, sqlite3_stmt **out, struct err_info *e)
{
    sqlite3 *db = w->writer.base.db;
    return sqlite_error(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL),
                        e);
}

static enum err prepare_all(struct words *w, struct err_info *e)
{
    struct writer *r = &w->writer;
    const struct {
        sqlite3_stmt **st;
        const char *sql;
    } all[] = {
        {&r->old, "SELECT terms FROM texts WHERE number=?1"},
        {&r->put_length, "INSERT OR REPLACE INTO lengths VALUES(?1,?2,?3)"},
        {&r->put_text, "INSERT OR REPLACE INTO texts VALUES(?1,?2,?3,?4,?5)"},
        {&r->drop_length, "DELETE FROM lengths WHERE number=?1"},
        {&r->drop_text, "DELETE FROM texts WHERE number=?1"},
        {&r->fts_put, "INSERT INTO fts(rowid, title, text, tags) VALUES(?1,?2,?3,?4)"},
        {&r->fts_drop,
         "INSERT INTO fts(fts, rowid, title, text, tags) VALUES('delete',?1,?2,?3,?4)"},
        {&r->meta, "UPDATE meta SET value=?2 WHERE key=?1"},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; !err && i < sizeof all / sizeof *all; i++)
        err = prepare(w, all[i].sql, all[i].st, e);
    return err;
}

static enum err load_meta(struct words *w, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    enum err err = prepare(w, "SELECT key, value FROM meta", &st, e);
    int rc = SQLITE_OK;
    while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(st, 0),
                   *value = (const char *)sqlite3_column_text(st, 1);
        if (key && value && strcmp(key, "position") == 0)
            snprintf(w->position, sizeof w->position, "%s", value);
        else if (key && value && strcmp(key, "generation") == 0)
            w->generation = strtoull(value, NULL, 10);
    }
    if (!err)
        err = sqlite_error(w->writer.base.db, rc, e);
    sqlite3_finalize(st);
    return err;
}

static enum err load_lengths(struct words *w, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    enum err err = prepare(w, "SELECT number, revision, length FROM lengths", &st, e);
    int rc = SQLITE_OK;
    while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        sqlite3_int64 number = sqlite3_column_int64(st, 0);
        if (number < 0 || number > DOCUMENT_NUMBER_MAX) {
            err = err_set(e, ERR_CORRUPT, NULL, "words.db: a document number is out of range");
            break;
        }
        words_numbers_grow(w, (uint32_t)number);
        w->revisions[number] = (uint64_t)sqlite3_column_int64(st, 1);
        w->lengths[number] = (uint32_t)sqlite3_column_int64(st, 2);
        w->length_sum += w->lengths[number];
        docset_add(&w->all, (uint32_t)number);
    }
    if (!err)
        err = sqlite_error(w->writer.base.db, rc, e);
    sqlite3_finalize(st);
    return err;
}

/* What SQLite says of a damaged file varies; for the caller it is one thing: remove and rebuild. */
static enum err as_corrupt(enum err err, struct err_info *e)
{
    if (err != ERR_INVALID && err != ERR_CONFLICT)
        return err;
    if (e)
        e->code = ERR_CORRUPT;
    return ERR_CORRUPT;
}

enum err words_open(const char *dir, const struct words_analyzer *analyzer, struct words **out,
                    struct err_info *e)
{
    struct words *w = xcalloc(1, sizeof *w);
    size_t n = strlen(dir) + sizeof "/words.db";
    w->path = xmalloc(n);
    snprintf(w->path, n, "%s/words.db", dir);
    w->analyzer = *analyzer;
    rwlock_init(&w->lock, LOCK_INDEX);
    lock_init(&w->seats_lock, LOCK_CACHE);
    cond_init(&w->seats_free);
    cond_init(&w->list_loaded);
    docset_init(&w->all);
    enum err err = file_mkdirs(dir, 0700, e);
    if (!err)
        err = as_corrupt(words_db_open(&w->writer.base, w->path, false, e), e);
    if (!err)
        err = as_corrupt(sqlite_exec(w->writer.base.db, "PRAGMA cache_size=-16000", e), e);
    if (!err)
        err = as_corrupt(prepare_all(w, e), e);
    if (!err)
        err = as_corrupt(load_meta(w, e), e);
    if (!err)
        err = as_corrupt(load_lengths(w, e), e);
    if (err) {
        words_close(w);
        return err;
    }
    w->writer.session = analyzer->session_new();
    *out = w;
    return ERR_OK;
}

static void writer_close(struct words *w)
{
    struct writer *r = &w->writer;
    sqlite3_stmt *const all[] = {r->old,       r->put_length, r->put_text, r->drop_length,
                                 r->drop_text, r->fts_put,    r->fts_drop, r->meta};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sqlite3_finalize(all[i]);
    words_db_close(&r->base);
    if (r->session)
        w->analyzer.session_free(r->session);
}

void words_close(struct words *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < SEATS_MAX; i++) {
        assert(!w->seats[i].busy);
        words_db_close(&w->seats[i].db);
        if (w->seats[i].session)
            w->analyzer.session_free(w->seats[i].session);
    }
    writer_close(w);
    for (size_t i = 0; i < w->bucket_count; i++)
        for (struct term_list *l = w->buckets[i], *next; l; l = next) {
            next = l->next;
            list_free(l);
        }
    free(w->buckets);
    free(w->lengths);
    free(w->revisions);
    docset_release(&w->all);
    cond_release(&w->seats_free);
    cond_release(&w->list_loaded);
    lock_release(&w->seats_lock);
    rwlock_release(&w->lock);
    free(w->path);
    free(w);
}

/* --- a batch --- */

static enum err run(struct words *w, sqlite3_stmt *st, struct err_info *e)
{
    int rc = sqlite3_step(st);
    enum err err = rc == SQLITE_DONE ? ERR_OK : sqlite_error(w->writer.base.db, rc, e);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return err;
}

static void bind_text(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_text64(st, at, s.n ? s.s : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_blob64(st, at, s.n ? s.s : "", s.n, SQLITE_STATIC);
}

/* The terms that the document has now; *found: there is one. */
static enum err old_terms(struct words *w, uint32_t number, struct term_bag *bag, bool *found,
                          struct err_info *e)
{
    sqlite3_stmt *st = w->writer.old;
    sqlite3_bind_int64(st, 1, number);
    int rc = sqlite3_step(st);
    enum err err = sqlite_error(w->writer.base.db, rc, e);
    *found = rc == SQLITE_ROW;
    if (*found) {
        struct str blob = {sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0)};
        if (!bag_unpack(bag, blob))
            err = err_set(e, ERR_CORRUPT, NULL, "words.db: the terms of document %u are damaged",
                          number);
    }
    sqlite3_reset(st);
    return err;
}

static enum err fts_drop(struct words *w, const struct words_change *c, struct err_info *e)
{
    struct strbuf joined[FIELD_COUNT];
    for (unsigned f = 0; f < FIELD_COUNT; f++) {
        strbuf_init(&joined[f], 0);
        bag_join(&c->before, f, &joined[f]);
        bind_text(w->writer.fts_drop, 2 + (int)f, strbuf_str(&joined[f]));
    }
    sqlite3_bind_int64(w->writer.fts_drop, 1, c->number);
    enum err err = run(w, w->writer.fts_drop, e);
    for (unsigned f = 0; f < FIELD_COUNT; f++)
        strbuf_release(&joined[f]);
    return err;
}

static enum err remove_document(struct words *w, struct words_change *c, struct err_info *e)
{
    bool found = false;
    enum err err = old_terms(w, c->number, &c->before, &found, e);
    if (err || !found)
        return err;
    err = fts_drop(w, c, e);
    if (err || c->put)
        return err; /* the other rows are replaced */
    sqlite3_bind_int64(w->writer.drop_length, 1, c->number);
    err = run(w, w->writer.drop_length, e);
    sqlite3_bind_int64(w->writer.drop_text, 1, c->number);
    return err ? err : run(w, w->writer.drop_text, e);
}

static enum err put_rows(struct words *w, const struct words_change *c,
                         const struct words_document *d, const struct strbuf *joined,
                         struct err_info *e)
{
    struct writer *r = &w->writer;
    struct strbuf packed;
    strbuf_init(&packed, 0);
    bag_pack(&c->after, &packed);
    sqlite3_bind_int64(r->put_text, 1, c->number);
    bind_blob(r->put_text, 2, strbuf_str(&packed));
    bind_blob(r->put_text, 3, d->title);
    bind_blob(r->put_text, 4, d->text);
    bind_blob(r->put_text, 5, d->tags);
    enum err err = run(w, r->put_text, e);
    strbuf_release(&packed);
    sqlite3_bind_int64(r->put_length, 1, c->number);
    sqlite3_bind_int64(r->put_length, 2, (sqlite3_int64)c->revision);
    sqlite3_bind_int64(r->put_length, 3, c->length);
    if (!err)
        err = run(w, r->put_length, e);
    sqlite3_bind_int64(r->fts_put, 1, c->number);
    for (unsigned f = 0; f < FIELD_COUNT; f++)
        bind_text(r->fts_put, 2 + (int)f, strbuf_str(&joined[f]));
    return err ? err : run(w, r->fts_put, e);
}

static enum err put_document(struct words *w, struct words_change *c,
                             const struct words_document *d, struct err_info *e)
{
    const struct str texts[FIELD_COUNT] = {d->title, d->text, d->tags};
    struct strbuf joined[FIELD_COUNT];
    enum err err = remove_document(w, c, e);
    for (unsigned f = 0; f < FIELD_COUNT; f++) {
        strbuf_init(&joined[f], 0);
        bag_analyze(&c->after, &w->analyzer, w->writer.session, texts[f], f, &joined[f]);
    }
    c->revision = d->revision;
    c->length = bag_length(&c->after);
    if (!err)
        err = put_rows(w, c, d, joined, e);
    for (unsigned f = 0; f < FIELD_COUNT; f++)
        strbuf_release(&joined[f]);
    return err;
}

static enum err put_meta(struct words *w, const char *key, struct str value, struct err_info *e)
{
    bind_text(w->writer.meta, 1, str_c(key));
    bind_text(w->writer.meta, 2, value);
    return run(w, w->writer.meta, e);
}

static enum err batch(struct words *w, struct arena *a, struct words_change *changes,
                      const struct words_document *put, size_t put_count, const uint32_t *removed,
                      size_t removed_count, struct str position, struct err_info *e)
{
    char generation[24];
    enum err err = ERR_OK;
    struct words_change *c = changes;
    for (size_t i = 0; !err && i < removed_count; i++, c++) {
        c->number = removed[i];
        bag_init(&c->before, a);
        err = remove_document(w, c, e);
    }
    for (size_t i = 0; !err && i < put_count; i++, c++) {
        c->number = put[i].number;
        c->put = true;
        bag_init(&c->before, a);
        bag_init(&c->after, a);
        err = put_document(w, c, &put[i], e);
    }
    snprintf(generation, sizeof generation, "%llu", (unsigned long long)w->generation + 1);
    if (!err)
        err = put_meta(w, "position", position, e);
    return err ? err : put_meta(w, "generation", str_c(generation), e);
}

static void publish(struct words *w, const struct words_change *changes, size_t count,
                    struct str position)
{
    uint64_t generation = w->generation + 1;
    for (size_t i = 0; i < count; i++)
        words_publish(w, &changes[i], generation);
    rwlock_write(&w->lock);
    w->generation = generation;
    memcpy(w->position, position.s, position.n);
    w->position[position.n] = 0;
    rwlock_drop(&w->lock);
}

enum err words_apply(struct words *w, const struct words_document *put, size_t put_count,
                     const uint32_t *removed, size_t removed_count, struct str position,
                     struct err_info *e)
{
    sqlite3 *db = w->writer.base.db;
    if (position.n > 63)
        return err_set(e, ERR_INVALID, NULL, "a position has at most 63 bytes");
    for (size_t i = 0; i < put_count; i++)
        assert(put[i].number <= DOCUMENT_NUMBER_MAX);
    struct arena *a = arena_new(0);
    size_t count = put_count + removed_count;
    struct words_change *changes = xcalloc(count + 1, sizeof *changes);
    enum err err = sqlite_exec(db, "BEGIN IMMEDIATE", e);
    if (!err) {
        err = batch(w, a, changes, put, put_count, removed, removed_count, position, e);
        if (!err)
            err = sqlite_exec(db, "COMMIT", e);
        if (err && !sqlite3_get_autocommit(db))
            (void)!sqlite_exec(db, "ROLLBACK", NULL);
    }
    if (!err)
        publish(w, changes, count, position);
    free(changes);
    arena_free(a);
    return err;
}

void words_position(struct words *w, char out[64])
{
    rwlock_read(&w->lock);
    memcpy(out, w->position, sizeof w->position);
    rwlock_drop(&w->lock);
}

size_t words_documents(struct words *w)
{
    rwlock_read(&w->lock);
    size_t n = w->all.count;
    rwlock_drop(&w->lock);
    return n;
}

static size_t bytes_of(const char *path, const char *suffix)
{
    char name[4096];
    uint64_t size = 0;
    struct file *f = NULL;
    int n = snprintf(name, sizeof name, "%s%s", path, suffix);
    if (n < 0 || (size_t)n >= sizeof name || file_open(name, FILE_READ_ONLY, &f, NULL))
        return 0;
    if (file_size(f, &size, NULL))
        size = 0;
    file_close(f);
    return (size_t)size;
}

size_t words_memory(struct words *w)
{
    rwlock_read(&w->lock);
    size_t bytes = sizeof *w + w->numbers_size * (sizeof *w->lengths + sizeof *w->revisions) +
                   w->all.word_count * sizeof *w->all.words + w->bucket_count * sizeof *w->buckets +
                   w->list_bytes;
    rwlock_drop(&w->lock);
    return bytes;
}

size_t words_bytes(struct words *w)
{
    return bytes_of(w->path, "") + bytes_of(w->path, "-wal");
}
