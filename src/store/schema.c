/* The tables, as numbered migrations.
 *
 * A document is a row in each of two tables under one key (collection << 32 | number): what lists,
 * conditions and purges need (`document`) and its payload; and a row of passages for each embedding
 * version (version << 32 | number). Heads stay small, so that listing and scanning them reads few
 * pages; keys rise, so that an import appends to all three.
 *
 * passage.spans: 12 bytes a passage, little endian: start u32, end u32, tokens u32.
 * passage.vectors: float16 x dims a passage, in the same order; NULL while pending, which only
 * documents of the active version are.
 * passage.text: the first 16 bytes of the text digest of what they were made from (with more, a
 * page would hold 4 instead of 5 rows of one passage of 384 dims); NULL in rows of format 1, which
 * were always of the document's text.
 *
 * A document without fresh passages has state 1 (for the active version) or a row in `missing`
 * (for each other): never a row with vectors. While version.unmarked_last > 0 the documents of
 * numbers over unmarked_after, up to unmarked_last, have no row in `missing` yet: those of them
 * without a row of passages are missing.
 *
 * feedback: appended to; `change` is its own change number, and the row is the row of that change
 * too (STMT_CHANGE_LIST puts both together), so that an act of feedback is written once. When it is
 * removed while its change is still to be told, a row of `change` without a subject stands in its
 * place: the log of changes has no gaps. event_hash: a digest of collection and event id, not
 * unique: 8 bytes in the index instead of some 40.
 *
 * A reader who is erased is named by no row any more: rows of changes about it (kinds 7 and 8) lose
 * their subject, freed space is overwritten with zeros (secure_delete), and the WAL is emptied as
 * soon as no reader of the database needs it, and at a start that finds one.
 *
 * embedding_cache: appended to, so that values stay dense; `hash` is the first 8 bytes of the key,
 * `rest` the other 24. */
#include "store/schema.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include "store/store.h"
#include <stdio.h>

static const char *const migrations[] = {
    /* 1: first light */
    "CREATE TABLE state ("
    " id INTEGER PRIMARY KEY CHECK (id = 1), lineage TEXT NOT NULL, change INTEGER NOT NULL,"
    " pruned INTEGER NOT NULL, last_collection INTEGER NOT NULL, last_task INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE collection ("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings BLOB NOT NULL,"
    " model_digest TEXT NOT NULL, dims INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " updated_us INTEGER NOT NULL, revision INTEGER NOT NULL, documents INTEGER NOT NULL,"
    " passages INTEGER NOT NULL, pending INTEGER NOT NULL, last_number INTEGER NOT NULL,"
    " mean_cosine REAL) STRICT;"
    "CREATE TABLE purge (collection INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE document ("
    " key INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL,"
    " revision INTEGER NOT NULL, state INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " updated_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " passages INTEGER NOT NULL, digest BLOB NOT NULL, text_digest BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX document_id ON document(collection, id);"
    "CREATE INDEX document_pending ON document(attempts, revision) WHERE state = 1;"
    "CREATE INDEX document_expires ON document(expires_us) WHERE expires_us > 0;"
    "CREATE TABLE payload (key INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;"
    "CREATE TABLE passage (key INTEGER PRIMARY KEY, spans BLOB NOT NULL, vectors BLOB) STRICT;"
    "CREATE TABLE feedback ("
    " change INTEGER PRIMARY KEY, collection INTEGER NOT NULL, event_id TEXT NOT NULL,"
    " user TEXT NOT NULL, document TEXT NOT NULL, type TEXT NOT NULL, session TEXT NOT NULL,"
    " recommendation_id TEXT NOT NULL, value REAL NOT NULL, position INTEGER NOT NULL,"
    " time_us INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX feedback_event ON feedback(collection, event_id);"
    "CREATE INDEX feedback_time ON feedback(collection, time_us);"
    "CREATE INDEX feedback_user ON feedback(collection, user, time_us);"
    "CREATE INDEX feedback_document ON feedback(collection, document, time_us);"
    "CREATE TABLE user ("
    " collection INTEGER NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, payload BLOB NOT NULL,"
    " PRIMARY KEY (collection, id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE task ("
    " id INTEGER PRIMARY KEY, kind TEXT NOT NULL, state INTEGER NOT NULL, created_us INTEGER NOT "
    "NULL,"
    " updated_us INTEGER NOT NULL, payload BLOB NOT NULL) STRICT;"
    "CREATE TABLE change ("
    " change INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at_us INTEGER NOT NULL,"
    " collection INTEGER NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, subject TEXT NOT "
    "NULL)"
    " STRICT;"
    "CREATE TABLE consumer (name TEXT PRIMARY KEY, change INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    /* 2: embedding versions. A collection's first version takes its number, so that the keys of
     * passages stay as they are. */
    "CREATE TABLE version ("
    " id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, state INTEGER NOT NULL,"
    " model TEXT NOT NULL, model_digest TEXT NOT NULL, settings BLOB NOT NULL,"
    " dims INTEGER NOT NULL, mean_cosine REAL, missing INTEGER NOT NULL,"
    " passages INTEGER NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,"
    " report BLOB NOT NULL, revision INTEGER NOT NULL) STRICT;"
    "CREATE INDEX version_collection ON version(collection);"
    "INSERT INTO version SELECT id, id, 2, '', model_digest, x'', dims, mean_cosine, pending,"
    " passages, created_us, updated_us, x'', revision FROM collection;"
    "CREATE TABLE missing (key INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE purge_version (version INTEGER PRIMARY KEY) STRICT;"
    "INSERT INTO purge_version SELECT collection FROM purge;"
    "CREATE TABLE collection_new ("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, settings BLOB NOT NULL,"
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " documents INTEGER NOT NULL, last_number INTEGER NOT NULL, version INTEGER NOT NULL) STRICT;"
    "INSERT INTO collection_new SELECT id, name, settings, created_us, updated_us, revision,"
    " documents, last_number, id FROM collection;"
    "DROP TABLE collection;"
    "ALTER TABLE collection_new RENAME TO collection;"
    "ALTER TABLE state ADD COLUMN last_version INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE state ADD COLUMN cache_bytes INTEGER NOT NULL DEFAULT 0;"
    "UPDATE state SET last_version = last_collection;"
    "ALTER TABLE passage ADD COLUMN text BLOB;"
    "INSERT OR IGNORE INTO passage SELECT key, x'', x'', NULL FROM document"
    " WHERE passages = 0 AND state = 0;"
    "ALTER TABLE document DROP COLUMN passages;"
    "CREATE INDEX document_waiting ON document(collection) WHERE state = 1;"
    "CREATE TABLE embedding_cache ("
    " id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, rest BLOB NOT NULL, tokens INTEGER NOT NULL,"
    " vector BLOB NOT NULL) STRICT;"
    "CREATE INDEX embedding_cache_hash ON embedding_cache(hash);",
    /* 3: a new version is marked missing in its documents in bounded steps; pending documents are
     * listed by collection. */
    "ALTER TABLE version ADD COLUMN unmarked_after INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE version ADD COLUMN unmarked_last INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX version_unmarked ON version(id) WHERE unmarked_last > 0;"
    "DROP INDEX document_pending;"
    "CREATE INDEX document_pending ON document(collection, attempts, revision) WHERE state = 1;",
    /* 4: what recommends, what was recommended, experiments, and scores that a team brings.
     * Feedback is its own change row, and is found by a digest of its event id. */
    "ALTER TABLE state ADD COLUMN last_recommender INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE recommender ("
    " id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, state INTEGER NOT NULL,"
    " kind TEXT NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL, version INTEGER NOT NULL,"
    " change INTEGER NOT NULL, acts INTEGER NOT NULL, report BLOB NOT NULL,"
    " created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT;"
    "CREATE INDEX recommender_collection ON recommender(collection);"
    "CREATE INDEX task_open ON task(id) WHERE state < 2;"
    "CREATE TABLE served ("
    " id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, token BLOB NOT NULL, user TEXT NOT NULL,"
    " at_us INTEGER NOT NULL, recommender INTEGER NOT NULL, scenario TEXT NOT NULL,"
    " experiment TEXT NOT NULL, variant TEXT NOT NULL, payload BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX served_token ON served(collection, token);"
    "CREATE INDEX served_user ON served(collection, user, at_us);"
    "CREATE INDEX served_time ON served(collection, at_us);"
    "CREATE TABLE experiment ("
    " collection INTEGER NOT NULL, name TEXT NOT NULL, state INTEGER NOT NULL,"
    " payload BLOB NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, scenario TEXT NOT NULL, PRIMARY KEY (collection, name))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE brought ("
    " collection INTEGER NOT NULL, source TEXT NOT NULL, user TEXT NOT NULL, scores BLOB NOT NULL,"
    " updated_us INTEGER NOT NULL, PRIMARY KEY (collection, source, user)) STRICT, WITHOUT ROWID;"
    "ALTER TABLE feedback ADD COLUMN event_hash INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE feedback ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;"
    "UPDATE feedback SET event_hash = akin_event_hash(collection, event_id), at_us = ifnull("
    "(SELECT at_us FROM change c WHERE c.change = feedback.change), time_us);"
    "DELETE FROM change WHERE kind = 6 AND change IN (SELECT change FROM feedback);"
    "UPDATE change SET subject = '' WHERE kind = 6;"
    "DROP INDEX feedback_event;"
    "CREATE INDEX feedback_event ON feedback(event_hash);"
    "UPDATE change SET subject = '' WHERE kind = 8;"
    "CREATE INDEX change_user ON change(collection, subject) WHERE kind = 7;"
    "CREATE INDEX change_erased ON change(collection, change) WHERE kind = 8;",
    /* 5: classifiers stand beside recommenders, by the label that they tell. */
    "ALTER TABLE recommender ADD COLUMN label TEXT NOT NULL DEFAULT '';",
    /* 6: keys */
    "CREATE TABLE access_key ("
    " id TEXT PRIMARY KEY, hash BLOB NOT NULL, old_hash BLOB NOT NULL,"
    " old_until_us INTEGER NOT NULL, payload BLOB NOT NULL, created_us INTEGER NOT NULL,"
    " updated_us INTEGER NOT NULL, used_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    /* 7: aliases: second names of collections */
    "CREATE TABLE alias ("
    " name TEXT PRIMARY KEY, collection INTEGER NOT NULL, created_us INTEGER NOT NULL,"
    " updated_us INTEGER NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX alias_collection ON alias(collection);",
    /* 8: answers to requests with an Idempotency-Key. Triggers count what rows take (store.h:
     * STORE_KEPT_ROW), of each owner and, under '*', of all: whoever changes rows keeps the sums.
     */
    "CREATE TABLE kept ("
    " id INTEGER PRIMARY KEY, key BLOB NOT NULL, request BLOB NOT NULL, rights BLOB NOT NULL,"
    " owner TEXT NOT NULL, collection INTEGER NOT NULL, readers INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL, state INTEGER NOT NULL, status INTEGER NOT NULL,"
    " headers TEXT NOT NULL, body BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX kept_key ON kept(key);"
    "CREATE INDEX kept_owner ON kept(owner);"
    "CREATE INDEX kept_time ON kept(at_us);"
    "CREATE INDEX kept_collection ON kept(collection) WHERE collection > 0;"
    "CREATE INDEX kept_readers ON kept(collection) WHERE readers = 1 AND state < 2;"
    "CREATE TABLE kept_bytes (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
#define KEPT_COUNT(owner, sign, row)                                                               \
    "INSERT INTO kept_bytes VALUES (" owner ", " sign "(512 + length(" row ".headers) +"           \
    " length(" row ".body))) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;"
#define KEPT_PLUS KEPT_COUNT("new.owner", "", "new") KEPT_COUNT("'*'", "", "new")
#define KEPT_MINUS                                                                                 \
    KEPT_COUNT("old.owner", "-", "old")                                                            \
    KEPT_COUNT("'*'", "-", "old") "DELETE FROM kept_bytes WHERE owner = old.owner AND bytes = 0;"
    "CREATE TRIGGER kept_in AFTER INSERT ON kept BEGIN " KEPT_PLUS "END;"
    "CREATE TRIGGER kept_out AFTER DELETE ON kept BEGIN " KEPT_MINUS "END;"
    "CREATE TRIGGER kept_other AFTER UPDATE OF headers, body ON kept BEGIN " KEPT_PLUS KEPT_MINUS
    "END;",
    /* 9: quotas of collections (0: none), and the bytes of their payloads */
    "ALTER TABLE collection ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE collection ADD COLUMN documents_max INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE collection ADD COLUMN bytes_max INTEGER NOT NULL DEFAULT 0;"
    "UPDATE collection SET bytes = (SELECT ifnull(sum(length(payload)), 0) FROM payload"
    " WHERE key > collection.id << 32 AND key < (collection.id + 1) << 32);",
};
#define MIGRATIONS ((int)(sizeof migrations / sizeof *migrations))

static enum err pragma_int(sqlite3 *db, const char *sql, int *out, struct err_info *e)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? ERR_OK : sqlite_error(db, rc, e);
}

int64_t event_hash(uint32_t collection, struct str event_id)
{
    return (int64_t)checksum64(event_id.s, event_id.n, collection);
}

/* akin_event_hash(collection, event_id), for the rows of former formats. */
static void event_hash_sql(sqlite3_context *c, int count, sqlite3_value **v)
{
    const char *text = (const char *)sqlite3_value_text(v[1]);
    struct str id = {text ? text : "", text ? (size_t)sqlite3_value_bytes(v[1]) : 0};

    sqlite3_result_int64(c, event_hash((uint32_t)sqlite3_value_int64(v[0]), id));
}

static enum err migration_run(sqlite3 *db, int number, struct err_info *e)
{
    char sql[256], lineage[LINEAGE_DIGITS + 1];
    enum err err = sqlite_exec(db, "BEGIN IMMEDIATE", e);

    if (err)
        return err;
    err = sqlite_exec(db, migrations[number - 1], e);
    if (!err && number == 1) {
        rng_hex(lineage, LINEAGE_DIGITS);
        snprintf(sql, sizeof sql,
                 "INSERT INTO state VALUES (1, '%s', 0, 0, 0, 0); PRAGMA application_id = %d",
                 lineage, SCHEMA_APPLICATION_ID);
        err = sqlite_exec(db, sql, e);
    }
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", number);
    if (!err)
        err = sqlite_exec(db, sql, e);
    if (!err)
        err = sqlite_exec(db, "COMMIT", e);
    if (err && !sqlite3_get_autocommit(db)) {
        enum err ignored = sqlite_exec(db, "ROLLBACK", NULL);
        (void)ignored; /* the first error is the one to tell */
    }
    return err;
}

enum err schema_migrate(sqlite3 *db, const char *path, struct err_info *e)
{
    int version = 0, application = 0, tables = 0;
    enum err err = pragma_int(db, "PRAGMA user_version", &version, e);

    if (!err)
        err = pragma_int(db, "PRAGMA application_id", &application, e);
    if (!err)
        err = pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables, e);
    if (err)
        return err;
    if (tables > 0 && application != SCHEMA_APPLICATION_ID)
        return err_set(e, ERR_UNSUPPORTED, path, "%s is a database, but not one of akin", path);
    if (version > MIGRATIONS)
        return err_set(e, ERR_UNSUPPORTED, path,
                       "%s has format %d, this akin knows up to %d; use the akin that wrote it, or "
                       "a newer one",
                       path, version, MIGRATIONS);
    sqlite3_create_function(db, "akin_event_hash", 2, SQLITE_UTF8, NULL, event_hash_sql, NULL,
                            NULL);
    for (int n = version + 1; n <= MIGRATIONS && !err; n++)
        err = migration_run(db, n, e);
    return err;
}
