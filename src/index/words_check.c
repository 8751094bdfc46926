/* The full check: FTS5 against the terms beside it, both against what is in memory. */
#include "index/words_impl.h"

#include <string.h>

static enum err one_number(sqlite3 *db, const char *sql, sqlite3_int64 *out, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        *out = sqlite3_column_int64(st, 0);
    enum err err = sqlite_error(db, rc, e);
    sqlite3_finalize(st);
    return err;
}

static enum err check_pages(sqlite3 *db, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    enum err err = sqlite_error(db, rc, e);
    if (!err && strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
        err =
            err_set(e, ERR_CORRUPT, NULL, "words.db: %s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    return err ? err : sqlite_exec(db, "INSERT INTO fts(fts) VALUES('integrity-check')", e);
}

/* Each document's terms: their length, and how many postings there must be. */
static enum err check_documents(struct words *w, sqlite3_int64 *postings, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *db = w->writer.base.db;
    size_t documents = 0;
    int rc = sqlite3_prepare_v2(
        db, "SELECT number, length, revision, terms FROM lengths JOIN texts USING(number)", -1, &st,
        NULL);
    enum err err = sqlite_error(db, rc, e);
    while (!err && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct arena *a = arena_new(0);
        struct term_bag bag;
        uint32_t number = (uint32_t)sqlite3_column_int64(st, 0),
                 length = (uint32_t)sqlite3_column_int64(st, 1);
        bag_init(&bag, a);
        bool good = bag_unpack(
            &bag, (struct str){sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3)});
        if (!good || bag_length(&bag) != length || !docset_has(&w->all, number) ||
            w->lengths[number] != length ||
            w->revisions[number] != (uint64_t)sqlite3_column_int64(st, 2))
            err = err_set(e, ERR_CORRUPT, NULL, "words.db: document %u is not as it was indexed",
                          number);
        *postings += (sqlite3_int64)bag.count;
        documents++;
        arena_free(a);
    }
    if (!err)
        err = sqlite_error(db, rc, e);
    sqlite3_finalize(st);
    if (!err && documents != w->all.count)
        err = err_set(e, ERR_CORRUPT, NULL, "words.db: %zu documents are stored, %zu known",
                      documents, w->all.count);
    return err;
}

/* Each list in memory is the one on disk. */
static enum err check_lists(struct words *w, struct err_info *e)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < w->bucket_count; i++)
        for (struct term_list *l = w->buckets[i]; !err && l; l = l->next) {
            struct term_list *disk = xcalloc(1, sizeof *disk);
            uint64_t generation = 0;
            err = words_db_load(&w->writer.base, l->term, disk, &generation, e);
            if (!err && l->state == LIST_READY &&
                (disk->count != l->count ||
                 (l->count &&
                  (memcmp(disk->numbers, l->numbers, l->count * sizeof *l->numbers) != 0 ||
                   memcmp(disk->weights, l->weights, l->count * sizeof *l->weights) != 0))))
                err = err_set(e, ERR_CORRUPT, NULL,
                              "words: the list of \"%.*s\" differs from the disk's",
                              STR_ARG(l->term));
            list_free(disk);
        }
    return err;
}

/* Writer only, with no search under way. */
enum err words_check(struct words *w, struct err_info *e)
{
    sqlite3 *db = w->writer.base.db;
    sqlite3_int64 postings = 0, found = 0;
    enum err err = check_pages(db, e);
    if (!err)
        err = check_documents(w, &postings, e);
    if (!err)
        err = sqlite_exec(
            db,
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, fts, row)",
            e);
    if (!err)
        err = one_number(db, "SELECT coalesce(sum(doc), 0) FROM temp.vocabulary", &found, e);
    if (!err && found != postings)
        err = err_set(e, ERR_CORRUPT, NULL,
                      "words.db: FTS5 holds %lld postings, the documents %lld terms",
                      (long long)found, (long long)postings);
    return err ? err : check_lists(w, e);
}
