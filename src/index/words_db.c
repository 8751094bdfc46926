/* DIR/words.db:
 *
 *     meta(key, value)                                      position, generation
 *     lengths(number, revision, length)                     small, read whole when opened; length
 * in halves texts(number, terms, title, text, tags)               the terms (bag_pack) and our copy
 * of the text fts(title, text, tags)                                FTS5, contentless: term ->
 * numbers, with counts
 */
#include "index/words_impl.h"

#include <stdlib.h>
#include <string.h>

static const char schema_all[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('position',''),('generation','0');"
    "CREATE TABLE lengths(number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, length INTEGER "
    "NOT NULL) STRICT;"
    "CREATE TABLE texts(number INTEGER PRIMARY KEY, terms BLOB NOT NULL, title BLOB NOT NULL, text "
    "BLOB NOT NULL,"
    " tags BLOB NOT NULL) STRICT;"
    "CREATE VIRTUAL TABLE fts USING fts5(title, text, tags, content='', columnsize=0, "
    "tokenize='akin');"
    "PRAGMA user_version=1;"
    "COMMIT;";

/* --- FTS5: a tokenizer that splits at TERM_END, a function that collects a doclist --- */

static int tokenizer_create(void *ctx, const char **args, int count, Fts5Tokenizer **out)
{
    static char one;
    *out = (Fts5Tokenizer *)&one;
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *t)
{
}

static int tokenize(Fts5Tokenizer *t, void *ctx, int flags, const char *text, int n,
                    int (*token)(void *, int, const char *, int, int, int))
{
    int rc = SQLITE_OK;
    for (int at = 0; at < n && rc == SQLITE_OK;) {
        const char *end = memchr(text + at, TERM_END, (size_t)(n - at));
        int term = end ? (int)(end - text) - at : n - at;
        if (term)
            rc = token(ctx, 0, text + at, term, at, at + term);
        at += term + 1;
    }
    return rc;
}

static void collect(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int count,
                    sqlite3_value **args)
{
    struct term_list *list = count == 1 ? sqlite3_value_pointer(args[0], "term_list") : NULL;
    Fts5PhraseIter it;
    uint32_t weight = 0;
    int column = 0, offset = 0;
    if (!list)
        return;
    int rc = api->xPhraseFirst(fts, 0, &it, &column, &offset);
    for (; rc == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &it, &column, &offset))
        if (column < FIELD_COUNT && weight < UINT16_MAX)
            weight += field_weight[column];
    if (rc == SQLITE_OK)
        list_append(list, (uint32_t)api->xRowid(fts),
                    weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX);
    else
        sqlite3_result_error_code(ctx, rc);
}

static enum err fts_register(sqlite3 *db, struct err_info *e)
{
    fts5_api *api = NULL;
    sqlite3_stmt *st = NULL;
    fts5_tokenizer tokenizer = {tokenizer_create, tokenizer_delete, tokenize};
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_pointer(st, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(st);
    }
    sqlite3_finalize(st);
    if (!api)
        return err_set(e, ERR_UNSUPPORTED, NULL, "this SQLite has no FTS5");
    rc = api->xCreateTokenizer(api, "akin", NULL, &tokenizer, NULL);
    if (rc == SQLITE_OK)
        rc = api->xCreateFunction(api, "akin_collect", NULL, collect, NULL);
    return sqlite_error(db, rc, e);
}

/* --- opening --- */

static enum err schema_make(sqlite3 *db, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    int version = -1;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (version < 0)
        return sqlite_error(db, rc, e);
    if (version > 1)
        return err_set(e, ERR_CORRUPT, NULL, "words.db has format %d, this akin knows 1", version);
    return version ? ERR_OK : sqlite_exec(db, schema_all, e);
}

static enum err prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err_info *e)
{
    return sqlite_error(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL),
                        e);
}

enum err words_db_open(struct words_db *d, const char *path, bool read_only, struct err_info *e)
{
    enum err err = sqlite_open(path, read_only, DB_CACHE, &d->db, e);
    if (err)
        return err;
    err = fts_register(d->db, e);
    if (!err && !read_only)
        err = schema_make(d->db, e);
    if (!err)
        err =
            prepare(d->db, "SELECT akin_collect(fts, ?2) FROM fts WHERE fts MATCH ?1", &d->load, e);
    if (!err)
        err = prepare(d->db, "SELECT value FROM meta WHERE key='generation'", &d->generation, e);
    if (err)
        words_db_close(d);
    return err;
}

void words_db_close(struct words_db *d)
{
    sqlite3_finalize(d->load);
    sqlite3_finalize(d->generation);
    sqlite3_close(d->db);
    *d = (struct words_db){0};
}

/* --- a doclist --- */

static enum err load_rows(struct words_db *d, struct str term, struct term_list *out,
                          struct err_info *e)
{
    char quoted[2 * TERM_BYTES_MAX + 3];
    int n = 0, rc = SQLITE_ROW;
    quoted[n++] = '"';
    for (size_t i = 0; i < term.n; i++) {
        if (term.s[i] == '"')
            quoted[n++] = '"';
        quoted[n++] = term.s[i];
    }
    quoted[n++] = '"';
    sqlite3_bind_text(d->load, 1, quoted, n, SQLITE_STATIC);
    sqlite3_bind_pointer(d->load, 2, out, "term_list", NULL);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(d->load);
    enum err err = rc == SQLITE_DONE ? ERR_OK : sqlite_error(d->db, rc, e);
    sqlite3_reset(d->load);
    sqlite3_clear_bindings(d->load);
    return err;
}

static enum err load_generation(struct words_db *d, uint64_t *out, struct err_info *e)
{
    int rc = sqlite3_step(d->generation);
    enum err err =
        rc == SQLITE_ROW ? ERR_OK : sqlite_error(d->db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, e);
    if (!err)
        *out = (uint64_t)sqlite3_column_int64(d->generation, 0);
    sqlite3_reset(d->generation);
    return err;
}

enum err words_db_load(struct words_db *d, struct str term, struct term_list *out,
                       uint64_t *generation, struct err_info *e)
{
    enum err err = sqlite_exec(d->db, "BEGIN", e);
    if (err)
        return err;
    err = load_generation(d, generation, e);
    if (!err)
        err = load_rows(d, term, out, e);
    if (sqlite_exec(d->db, "COMMIT", NULL))
        (void)!sqlite_exec(d->db, "ROLLBACK", NULL);
    for (uint32_t i = 1; !err && i < out->count; i++)
        if (out->numbers[i - 1] >= out->numbers[i])
            err = err_set(e, ERR_CORRUPT, NULL, "words.db: the doclist of a term is not in order");
    return err;
}
