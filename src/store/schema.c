/* Numbered migrations and the statement table.
 *
 * A document is a row in each of three tables under one key (collection << 32 | number): what
 * lists, conditions and purges need (`document`), its payload, its passages. Heads stay small, so
 * that listing and scanning them reads few pages; keys rise, so that an import appends to all
 * three.
 *
 * passage.spans: 12 bytes a passage, little endian: start u32, end u32, tokens u32.
 * passage.vectors: float16 x dims a passage, in the same order; NULL while pending. */
#include "store/schema.h"
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
};
#define MIGRATIONS ((int)(sizeof migrations / sizeof *migrations))

#define COLLECTION_COLUMNS                                                                         \
    "id, name, settings, model_digest, dims, created_us, updated_us, revision, documents,"         \
    " passages, pending, mean_cosine, last_number"
#define DOCUMENT_COLUMNS                                                                           \
    "key, id, revision, state, created_us, updated_us, expires_us, attempts, passages, digest,"    \
    " text_digest"
#define FEEDBACK_COLUMNS                                                                           \
    "change, collection, event_id, user, document, type, session, recommendation_id, value,"       \
    " position, time_us"
#define TASK_COLUMNS "id, kind, state, created_us, updated_us, payload"
/* Rows of a collection that is being removed are not to be seen: its row in `collection` has gone.
 */
#define LIVE " AND EXISTS (SELECT 1 FROM collection c WHERE c.id = ?1)"

const struct statement_text schema_statements[STMT_COUNT] = {
    [STMT_BEGIN_READ] = {"begin_read", "BEGIN"},
    [STMT_BEGIN_WRITE] = {"begin_write", "BEGIN IMMEDIATE"},
    [STMT_COMMIT] = {"commit", "COMMIT"},
    [STMT_ROLLBACK] = {"rollback", "ROLLBACK"},
    [STMT_SAVE_ACT] = {"save_act", "SAVEPOINT act"},
    [STMT_RELEASE_ACT] = {"release_act", "RELEASE act"},
    [STMT_UNDO_ACT] = {"undo_act", "ROLLBACK TO act"},
    [STMT_SAVE_BATCH] = {"save_batch", "SAVEPOINT batch"},
    [STMT_RELEASE_BATCH] = {"release_batch", "RELEASE batch"},
    [STMT_UNDO_BATCH] = {"undo_batch", "ROLLBACK TO batch"},

    [STMT_STATE_GET] = {"state_get", "SELECT lineage, change, pruned, last_collection, last_task"
                                     " FROM state WHERE id = 1"},
    [STMT_STATE_SET] = {"state_set",
                        "UPDATE state SET change = ?1, pruned = ?2, last_collection = ?3,"
                        " last_task = ?4 WHERE id = 1"},
    [STMT_LINEAGE_SET] = {"lineage_set", "UPDATE state SET lineage = ?1 WHERE id = 1"},

    [STMT_COLLECTION_BY_NAME] = {"collection_by_name",
                                 "SELECT " COLLECTION_COLUMNS " FROM collection WHERE name = ?1"},
    [STMT_COLLECTION_BY_ID] = {"collection_by_id",
                               "SELECT " COLLECTION_COLUMNS " FROM collection WHERE id = ?1"},
    [STMT_COLLECTION_LIST] = {"collection_list",
                              "SELECT " COLLECTION_COLUMNS
                              " FROM collection WHERE name > ?1 ORDER BY name LIMIT ?2"},
    [STMT_COLLECTION_INSERT] = {"collection_insert",
                                "INSERT INTO collection (id, name, settings, model_digest, dims,"
                                " created_us, updated_us, revision, documents, passages, pending,"
                                " last_number, mean_cosine)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, 0, 0, 0, 0, NULL)"},
    [STMT_COLLECTION_UPDATE] = {"collection_update",
                                "UPDATE collection SET settings = ?2, model_digest = ?3, dims = ?4,"
                                " mean_cosine = ?5, updated_us = ?6, revision = ?7 WHERE id = ?1"},
    [STMT_COLLECTION_COUNTS] = {"collection_counts",
                                "UPDATE collection SET documents = ?2, passages = ?3, pending = ?4,"
                                " last_number = ?5 WHERE id = ?1"},
    [STMT_COLLECTION_REMOVE] = {"collection_remove", "DELETE FROM collection WHERE id = ?1"},

    [STMT_DOCUMENT_BY_ID] = {"document_by_id",
                             "SELECT " DOCUMENT_COLUMNS
                             " FROM document WHERE collection = ?1 AND id = ?2" LIVE},
    [STMT_DOCUMENT_BY_KEY] = {"document_by_key",
                              "SELECT " DOCUMENT_COLUMNS " FROM document WHERE key = ?2" LIVE},
    [STMT_DOCUMENT_LIST] = {"document_list", "SELECT " DOCUMENT_COLUMNS
                                             " FROM document WHERE collection = ?1 AND id > ?2" LIVE
                                             " ORDER BY id LIMIT ?3 OFFSET ?4"},
    [STMT_DOCUMENT_RANGE] = {"document_range", "SELECT " DOCUMENT_COLUMNS
                                               " FROM document WHERE key > ?2 AND key <= ?3" LIVE
                                               " ORDER BY key LIMIT ?4"},
    [STMT_DOCUMENT_PENDING] = {"document_pending",
                               "SELECT " DOCUMENT_COLUMNS " FROM document d WHERE state = 1"
                               " AND EXISTS (SELECT 1 FROM collection c WHERE c.id = d.collection)"
                               " ORDER BY attempts, revision LIMIT ?1"},
    [STMT_DOCUMENT_EXPIRED] = {"document_expired",
                               "SELECT " DOCUMENT_COLUMNS
                               " FROM document d WHERE expires_us > 0 AND expires_us <= ?1"
                               " AND EXISTS (SELECT 1 FROM collection c WHERE c.id = d.collection)"
                               " ORDER BY expires_us, key LIMIT ?2"},
    [STMT_DOCUMENT_FIND] = {"document_find", "SELECT " DOCUMENT_COLUMNS
                                             " FROM document WHERE collection = ?1 AND id = ?2"},
    [STMT_DOCUMENT_INSERT] = {"document_insert",
                              "INSERT INTO document (key, collection, id, revision, state,"
                              " created_us, updated_us, expires_us, attempts, passages, digest,"
                              " text_digest)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
    [STMT_DOCUMENT_UPDATE] = {"document_update",
                              "UPDATE document SET revision = ?2, state = ?3, updated_us = ?4,"
                              " expires_us = ?5, attempts = ?6, passages = ?7, digest = ?8,"
                              " text_digest = ?9 WHERE key = ?1"},
    [STMT_DOCUMENT_ATTEMPTS] = {"document_attempts",
                                "UPDATE document SET attempts = ?2 WHERE key = ?1"},
    [STMT_DOCUMENT_READY] = {"document_ready",
                             "UPDATE document SET revision = ?2, state = 0, attempts = 0,"
                             " passages = ?3, updated_us = ?4 WHERE key = ?1"},
    [STMT_DOCUMENT_REMOVE] = {"document_remove", "DELETE FROM document WHERE key = ?1"},
    [STMT_PAYLOAD_GET] = {"payload_get", "SELECT payload FROM payload WHERE key = ?1"},
    [STMT_PAYLOAD_SET] = {"payload_set", "REPLACE INTO payload (key, payload) VALUES (?1, ?2)"},
    [STMT_PAYLOAD_REMOVE] = {"payload_remove", "DELETE FROM payload WHERE key = ?1"},
    [STMT_PASSAGE_GET] = {"passage_get", "SELECT spans, vectors FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SPANS] = {"passage_spans", "SELECT spans FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SET] = {"passage_set",
                          "REPLACE INTO passage (key, spans, vectors) VALUES (?1, ?2, ?3)"},
    [STMT_PASSAGE_REMOVE] = {"passage_remove", "DELETE FROM passage WHERE key = ?1"},

    [STMT_FEEDBACK_FIND] = {"feedback_find",
                            "SELECT change FROM feedback WHERE collection = ?1 AND event_id = ?2"},
    [STMT_FEEDBACK_TIME] = {"feedback_time", "SELECT time_us FROM feedback"
                                             " WHERE change = ?2 AND collection = ?1"},
    [STMT_FEEDBACK_INSERT] = {"feedback_insert",
                              "INSERT INTO feedback (" FEEDBACK_COLUMNS
                              ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
#define FEEDBACK_PAGE                                                                              \
    " AND (time_us, change) < (?2, ?3)" LIVE " ORDER BY time_us DESC, change DESC LIMIT ?4"
    [STMT_FEEDBACK_ALL] = {"feedback_all", "SELECT " FEEDBACK_COLUMNS
                                           " FROM feedback WHERE collection = ?1" FEEDBACK_PAGE},
    [STMT_FEEDBACK_OF_USER] = {"feedback_of_user",
                               "SELECT " FEEDBACK_COLUMNS
                               " FROM feedback WHERE collection = ?1 AND user = ?5" FEEDBACK_PAGE},
    [STMT_FEEDBACK_OF_DOCUMENT] = {"feedback_of_document",
                                   "SELECT " FEEDBACK_COLUMNS " FROM feedback"
                                   " WHERE collection = ?1 AND document = ?5" FEEDBACK_PAGE},
    [STMT_FEEDBACK_OF_BOTH] = {"feedback_of_both",
                               "SELECT " FEEDBACK_COLUMNS " FROM feedback WHERE collection = ?1"
                               " AND user = ?5 AND +document = ?6" FEEDBACK_PAGE},
    [STMT_FEEDBACK_REMOVE_USER] = {"feedback_remove_user",
                                   "DELETE FROM feedback WHERE collection = ?1 AND user = ?2"},

    [STMT_USER_GET] = {"user_get", "SELECT id, revision, created_us, updated_us, payload FROM user"
                                   " WHERE collection = ?1 AND id = ?2" LIVE},
    [STMT_USER_LIST] = {"user_list",
                        "SELECT id, revision, created_us, updated_us, payload FROM user"
                        " WHERE collection = ?1 AND id > ?2" LIVE " ORDER BY id LIMIT ?3"},
    [STMT_USER_SET] = {"user_set",
                       "REPLACE INTO user (collection, id, revision, created_us, updated_us,"
                       " payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    [STMT_USER_REMOVE] = {"user_remove", "DELETE FROM user WHERE collection = ?1 AND id = ?2"},

    [STMT_TASK_GET] = {"task_get", "SELECT " TASK_COLUMNS " FROM task WHERE id = ?1"},
    [STMT_TASK_LIST] = {"task_list", "SELECT " TASK_COLUMNS
                                     " FROM task WHERE id < ?1 ORDER BY id DESC LIMIT ?2"},
    [STMT_TASK_SET] = {"task_set",
                       "REPLACE INTO task (" TASK_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},

    [STMT_CHANGE_INSERT] = {"change_insert",
                            "INSERT INTO change (change, kind, at_us, collection, name,"
                            " number, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [STMT_CHANGE_LIST] = {"change_list",
                          "SELECT change, kind, at_us, collection, name, number, subject"
                          " FROM change WHERE change > ?1 ORDER BY change LIMIT ?2"},
    [STMT_CONSUMER_GET] = {"consumer_get", "SELECT change FROM consumer WHERE name = ?1"},
    [STMT_CONSUMER_SET] = {"consumer_set", "REPLACE INTO consumer (name, change) VALUES (?1, ?2)"},

    [STMT_PURGE_INSERT] = {"purge_insert", "INSERT INTO purge (collection) VALUES (?1)"},
    [STMT_PURGE_NEXT] = {"purge_next", "SELECT collection FROM purge ORDER BY collection LIMIT 1"},
    [STMT_PURGE_DONE] = {"purge_done", "DELETE FROM purge WHERE collection = ?1"},
    [STMT_PURGE_DOCUMENTS_LAST] = {"purge_documents_last",
                                   "SELECT max(key) FROM (SELECT key FROM document"
                                   " WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3)"},
    [STMT_PURGE_PAYLOADS] = {"purge_payloads", "DELETE FROM payload WHERE key > ?1 AND key <= ?2"},
    [STMT_PURGE_PASSAGES] = {"purge_passages", "DELETE FROM passage WHERE key > ?1 AND key <= ?2"},
    [STMT_PURGE_DOCUMENTS] = {"purge_documents",
                              "DELETE FROM document WHERE key > ?1 AND key <= ?2"},
    [STMT_PURGE_FEEDBACK] = {"purge_feedback",
                             "DELETE FROM feedback WHERE change IN (SELECT change FROM feedback"
                             " WHERE collection = ?1 ORDER BY time_us LIMIT ?2)"},
    [STMT_PURGE_USERS] = {"purge_users",
                          "DELETE FROM user WHERE collection = ?1 AND id <= (SELECT max(id) FROM"
                          " (SELECT id FROM user WHERE collection = ?1 ORDER BY id LIMIT ?2))"},
    [STMT_PURGE_CHANGES] =
        {"purge_changes",
         "DELETE FROM change WHERE change <= min(?1, (SELECT min(change) FROM change)"
         " + ?2 - 1)"},
};

#define REMOVED " NOT IN (SELECT collection FROM purge)"
const struct statement_text schema_faults[] = {
    {"counts", "SELECT 'the counts of collection ' || c.name || ' do not match its documents'"
               " FROM collection c LEFT JOIN (SELECT collection, count(*) AS n, sum(passages) AS p,"
               " sum(state) AS w, max(key & 0xffffffff) AS m FROM document GROUP BY collection) d"
               " ON d.collection = c.id WHERE c.documents <> ifnull(d.n, 0)"
               " OR c.passages <> ifnull(d.p, 0) OR c.pending <> ifnull(d.w, 0)"
               " OR c.last_number < ifnull(d.m, 0) LIMIT 1"},
    {"keys", "SELECT 'document ' || id || ' is under a wrong key' FROM document"
             " WHERE key >> 32 <> collection OR key & 0xffffffff = 0 LIMIT 1"},
    {"document_orphan",
     "SELECT 'document ' || id || ' belongs to no collection' FROM document"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"payload_missing",
     "SELECT 'document ' || id || ' has no payload' FROM document d WHERE NOT EXISTS"
     " (SELECT 1 FROM payload p WHERE p.key = d.key) LIMIT 1"},
    {"payload_orphan", "SELECT 'a payload has no document: ' || key FROM payload p WHERE NOT EXISTS"
                       " (SELECT 1 FROM document d WHERE d.key = p.key) LIMIT 1"},
    {"passage_orphan", "SELECT 'passages have no document: ' || key FROM passage p WHERE NOT EXISTS"
                       " (SELECT 1 FROM document d WHERE d.key = p.key) LIMIT 1"},
    {"passage_size",
     "SELECT 'the passages of document ' || d.id || ' have a wrong size' FROM document d"
     " LEFT JOIN passage p ON p.key = d.key JOIN collection c ON c.id = d.collection"
     " WHERE ifnull(length(p.spans), 0) <> d.passages * 12 OR (d.state = 0 AND"
     " ifnull(length(p.vectors), 0) <> d.passages * c.dims * 2)"
     " OR (d.state = 1 AND p.vectors IS NOT NULL) LIMIT 1"},
    {"digest_size", "SELECT 'a digest of document ' || id || ' has a wrong size' FROM document"
                    " WHERE length(digest) <> 32 OR length(text_digest) <> 32 LIMIT 1"},
    {"revision", "SELECT 'document ' || d.id || ' is newer than the store' FROM document d, state s"
                 " WHERE d.revision > s.change LIMIT 1"},
    {"feedback_orphan",
     "SELECT 'feedback ' || change || ' belongs to no collection' FROM feedback"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"user_orphan",
     "SELECT 'user ' || id || ' belongs to no collection' FROM user"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"changes",
     "SELECT 'the change log has a gap, or does not end at ' || s.change FROM state s WHERE"
     " s.pruned > s.change OR s.change - s.pruned <>"
     " (SELECT count(*) FROM change WHERE change > s.pruned AND change <= s.change)"
     " OR s.change < (SELECT ifnull(max(change), 0) FROM change)"},
};
const unsigned schema_faults_count = sizeof schema_faults / sizeof *schema_faults;

#define ENDS(table, key)                                                                           \
    "SELECT 'ok' WHERE (SELECT min(" key ") FROM " table ") <= (SELECT max(" key ") FROM " table ")"
const struct statement_text schema_probes[] = {
    {"state", "SELECT CASE WHEN EXISTS (SELECT 1 FROM state WHERE id = 1) THEN 'ok'"
              " ELSE 'the row of the change counter is missing' END"},
    {"change",
     "SELECT CASE WHEN ifnull((SELECT max(change) FROM change), 0) <= s.change"
     " AND (s.pruned = s.change OR EXISTS (SELECT 1 FROM change g WHERE g.change = s.change))"
     " THEN 'ok' ELSE 'the change log does not end at the change counter' END"
     " FROM state s WHERE id = 1"},
    {"documents", ENDS("document", "key")},
    {"payloads", ENDS("payload", "key")},
    {"passages", ENDS("passage", "key")},
    {"feedback", ENDS("feedback", "change")},
    {"last_document",
     "SELECT ifnull((SELECT 'a document has no payload' FROM document d WHERE key ="
     " (SELECT max(key) FROM document) AND NOT EXISTS"
     " (SELECT 1 FROM payload p WHERE p.key = d.key)), 'ok')"},
};
const unsigned schema_probes_count = sizeof schema_probes / sizeof *schema_probes;

int schema_newest(void)
{
    return MIGRATIONS;
}

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
    for (int n = version + 1; n <= MIGRATIONS && !err; n++)
        err = migration_run(db, n, e);
    return err;
}
