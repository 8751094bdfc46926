/* Numbered migrations and the statement table.
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
 * (for each other): never a row with vectors.
 *
 * embedding_cache: appended to, so that values stay dense; `hash` is the first 8 bytes of the key,
 * `rest` the other 24. */
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
};
#define MIGRATIONS ((int)(sizeof migrations / sizeof *migrations))

#define COLLECTIONS                                                                                \
    "SELECT c.id, c.name, c.settings, v.model_digest, v.dims, c.created_us, c.updated_us,"         \
    " c.revision, c.documents, v.passages, v.missing, v.mean_cosine, c.last_number, c.version"     \
    " FROM collection c CROSS JOIN version v ON v.id = c.version"
#define VERSION_COLUMNS                                                                            \
    "id, collection, state, model, model_digest, settings, dims, mean_cosine, missing, passages,"  \
    " created_us, updated_us, report, revision"
#define DOCUMENT_HEADS                                                                             \
    "d.key, d.id, d.revision, d.state, d.created_us, d.updated_us, d.expires_us, d.attempts,"      \
    " d.digest, d.text_digest"
/* Of collections that are not being removed, with the active version: of collection ?1, of any. */
#define DOCUMENTS                                                                                  \
    "SELECT " DOCUMENT_HEADS ", a.version FROM collection a CROSS JOIN document d WHERE a.id = ?1"
#define DOCUMENTS_OF_ANY(index)                                                                    \
    "SELECT " DOCUMENT_HEADS ", a.version FROM document d INDEXED BY " index                       \
    " CROSS JOIN collection a ON a.id = d.collection"
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

    [STMT_STATE_GET] = {"state_get", "SELECT lineage, change, pruned, last_collection, last_task,"
                                     " last_version, cache_bytes FROM state WHERE id = 1"},
    [STMT_STATE_SET] = {"state_set",
                        "UPDATE state SET change = ?1, pruned = ?2, last_collection = ?3,"
                        " last_task = ?4, last_version = ?5, cache_bytes = ?6 WHERE id = 1"},
    [STMT_LINEAGE_SET] = {"lineage_set", "UPDATE state SET lineage = ?1 WHERE id = 1"},

    [STMT_COLLECTION_BY_NAME] = {"collection_by_name", COLLECTIONS " WHERE c.name = ?1"},
    [STMT_COLLECTION_BY_ID] = {"collection_by_id", COLLECTIONS " WHERE c.id = ?1"},
    [STMT_COLLECTION_LIST] = {"collection_list",
                              COLLECTIONS " WHERE c.name > ?1 ORDER BY c.name LIMIT ?2"},
    [STMT_COLLECTION_INSERT] = {"collection_insert",
                                "INSERT INTO collection (id, name, settings, created_us,"
                                " updated_us, revision, documents, last_number, version)"
                                " VALUES (?1, ?2, ?3, ?4, ?4, ?5, 0, 0, ?6)"},
    [STMT_COLLECTION_UPDATE] = {"collection_update",
                                "UPDATE collection SET settings = ?2, updated_us = ?3,"
                                " revision = ?4 WHERE id = ?1"},
    [STMT_COLLECTION_VERSION] = {"collection_version",
                                 "UPDATE collection SET version = ?2, updated_us = ?3,"
                                 " revision = ?4 WHERE id = ?1"},
    [STMT_COLLECTION_COUNTS] = {"collection_counts",
                                "UPDATE collection SET documents = ?2, last_number = ?3"
                                " WHERE id = ?1"},
    [STMT_COLLECTION_REMOVE] = {"collection_remove", "DELETE FROM collection WHERE id = ?1"},

    [STMT_VERSION_GET] = {"version_get", "SELECT " VERSION_COLUMNS " FROM version WHERE id = ?1"},
    [STMT_VERSION_LIST] = {"version_list", "SELECT " VERSION_COLUMNS
                                           " FROM version WHERE collection = ?1 ORDER BY id"},
    [STMT_VERSION_INSERT] = {"version_insert",
                             "INSERT INTO version (" VERSION_COLUMNS ") VALUES"
                             " (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, 0, ?9, ?9, x'', ?10)"},
    [STMT_VERSION_UPDATE] = {"version_update",
                             "UPDATE version SET settings = ?2, report = ?3, mean_cosine = ?4,"
                             " state = ?5, updated_us = ?6, revision = ?7 WHERE id = ?1"},
    [STMT_VERSION_MODEL] = {"version_model",
                            "UPDATE version SET model_digest = ?2, dims = ?3, mean_cosine = ?4,"
                            " updated_us = ?5, revision = ?6 WHERE id = ?1"},
    [STMT_VERSION_STATE] = {"version_state",
                            "UPDATE version SET state = ?2, updated_us = ?3, revision = ?4"
                            " WHERE id = ?1"},
    [STMT_VERSION_COUNTS] = {"version_counts",
                             "UPDATE version SET missing = ?2, passages = ?3 WHERE id = ?1"},
    [STMT_VERSION_REMOVE] = {"version_remove", "DELETE FROM version WHERE id = ?1"},
    [STMT_VERSION_REMOVE_ALL] = {"version_remove_all", "DELETE FROM version WHERE collection = ?1"},

    [STMT_MISSING_ADD] = {"missing_add", "INSERT OR IGNORE INTO missing (key) VALUES (?1)"},
    [STMT_MISSING_REMOVE] = {"missing_remove", "DELETE FROM missing WHERE key = ?1"},
    [STMT_MISSING_CLEAR] = {"missing_clear", "DELETE FROM missing WHERE key > ?1 AND key <= ?2"},
    /* ?1: the collection, ?2: the version, both << 32 */
    [STMT_MISSING_FILL] = {"missing_fill",
                           "INSERT INTO missing (key) SELECT ?2 | (key & 0xffffffff) FROM document"
                           " WHERE key > ?1 AND key <= (?1 | 0xffffffff)"},
    [STMT_MISSING_WAITING] = {"missing_waiting",
                              "INSERT INTO missing (key) SELECT ?2 | (key & 0xffffffff)"
                              " FROM document WHERE state = 1 AND collection = ?1 >> 32"},
    [STMT_WAITING_PASSAGES] = {"waiting_passages",
                               "SELECT sum(length(p.spans) / 12) FROM document d CROSS JOIN"
                               " passage p ON p.key = (?2 | (d.key & 0xffffffff))"
                               " WHERE d.state = 1 AND d.collection = ?1 >> 32"},
    [STMT_WAITING_REMOVE] = {"waiting_remove",
                             "DELETE FROM passage WHERE key IN (SELECT ?2 | (key & 0xffffffff)"
                             " FROM document WHERE state = 1 AND collection = ?1 >> 32)"},
    [STMT_WAITING_READY] = {"waiting_ready", "UPDATE document SET state = 0, attempts = 0"
                                             " WHERE state = 1 AND collection = ?1 >> 32"},
    [STMT_WAITING_SET] = {"waiting_set", "UPDATE document SET state = 1, attempts = 0 WHERE key IN"
                                         " (SELECT ?1 | (key & 0xffffffff) FROM missing"
                                         " WHERE key > ?2 AND key <= (?2 | 0xffffffff))"},

    [STMT_DOCUMENT_BY_ID] = {"document_by_id", DOCUMENTS " AND d.collection = ?1 AND d.id = ?2"},
    [STMT_DOCUMENT_BY_KEY] = {"document_by_key", DOCUMENTS " AND d.key = ?2"},
    [STMT_DOCUMENT_LIST] = {"document_list", DOCUMENTS " AND d.collection = ?1 AND d.id > ?2"
                                                       " ORDER BY d.id LIMIT ?3 OFFSET ?4"},
    [STMT_DOCUMENT_RANGE] = {"document_range", DOCUMENTS " AND d.key > ?2 AND d.key <= ?3"
                                                         " ORDER BY d.key LIMIT ?4"},
    [STMT_DOCUMENT_PENDING] = {"document_pending",
                               DOCUMENTS_OF_ANY(
                                   "document_pending") " WHERE d.state = 1"
                                                       " ORDER BY d.attempts, d.revision LIMIT ?1"},
    [STMT_DOCUMENT_WAITING] = {"document_waiting",
                               DOCUMENTS " AND d.state = 1 AND d.collection = ?1 AND d.key > ?2"
                                         " ORDER BY d.key LIMIT ?3"},
    [STMT_DOCUMENT_MISSING] = {"document_missing",
                               "SELECT " DOCUMENT_HEADS ", a.version FROM collection a"
                               " CROSS JOIN missing m CROSS JOIN document d"
                               " ON d.key = ((?1 << 32) | (m.key & 0xffffffff)) WHERE a.id = ?1"
                               " AND m.key > ?2 AND m.key <= (?2 | 0xffffffff)"
                               " ORDER BY m.key LIMIT ?3"},
    [STMT_DOCUMENT_EXPIRED] =
        {"document_expired",
         DOCUMENTS_OF_ANY("document_expires") " WHERE d.expires_us > 0 AND d.expires_us <= ?1"
                                              " ORDER BY d.expires_us, d.key LIMIT ?2"},
    [STMT_DOCUMENT_FIND] = {"document_find", "SELECT " DOCUMENT_HEADS
                                             " FROM document d WHERE collection = ?1 AND id = ?2"},
    [STMT_DOCUMENT_INSERT] = {"document_insert",
                              "INSERT INTO document (key, collection, id, revision, state,"
                              " created_us, updated_us, expires_us, attempts, digest, text_digest)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    [STMT_DOCUMENT_UPDATE] = {"document_update",
                              "UPDATE document SET revision = ?2, state = ?3, updated_us = ?4,"
                              " expires_us = ?5, attempts = ?6, digest = ?7, text_digest = ?8"
                              " WHERE key = ?1"},
    [STMT_DOCUMENT_ATTEMPTS] = {"document_attempts",
                                "UPDATE document SET attempts = ?2 WHERE key = ?1"},
    [STMT_DOCUMENT_READY] = {"document_ready",
                             "UPDATE document SET revision = ?2, state = 0, attempts = 0,"
                             " updated_us = ?3 WHERE key = ?1"},
    [STMT_DOCUMENT_REMOVE] = {"document_remove", "DELETE FROM document WHERE key = ?1"},
    [STMT_PAYLOAD_GET] = {"payload_get", "SELECT payload FROM payload WHERE key = ?1"},
    [STMT_PAYLOAD_SET] = {"payload_set", "REPLACE INTO payload (key, payload) VALUES (?1, ?2)"},
    [STMT_PAYLOAD_REMOVE] = {"payload_remove", "DELETE FROM payload WHERE key = ?1"},
    [STMT_PASSAGE_GET] = {"passage_get", "SELECT spans, vectors FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SPANS] = {"passage_spans", "SELECT spans, typeof(vectors) = 'blob' FROM passage"
                                             " WHERE key = ?1"},
    [STMT_PASSAGE_COUNT] = {"passage_count",
                            "SELECT length(spans) / 12 FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SET] = {"passage_set", "REPLACE INTO passage (key, spans, vectors, text)"
                                         " VALUES (?1, ?2, ?3, ?4)"},
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
    [STMT_PURGE_VERSION_INSERT] = {"purge_version_insert",
                                   "INSERT INTO purge_version (version) VALUES (?1)"},
    [STMT_PURGE_VERSION_ALL] = {"purge_version_all",
                                "INSERT INTO purge_version (version)"
                                " SELECT id FROM version WHERE collection = ?1"},
    [STMT_PURGE_VERSION_NEXT] = {"purge_version_next",
                                 "SELECT version FROM purge_version ORDER BY version LIMIT 1"},
    [STMT_PURGE_VERSION_DONE] = {"purge_version_done",
                                 "DELETE FROM purge_version WHERE version = ?1"},
    [STMT_PURGE_DOCUMENTS_LAST] = {"purge_documents_last",
                                   "SELECT max(key) FROM (SELECT key FROM document"
                                   " WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3)"},
    [STMT_PURGE_PAYLOADS] = {"purge_payloads", "DELETE FROM payload WHERE key > ?1 AND key <= ?2"},
#define FIRST_OF(table)                                                                            \
    "DELETE FROM " table                                                                           \
    " WHERE key > ?1 AND key <= (SELECT max(key) FROM (SELECT key FROM " table                     \
    " WHERE key > ?1 AND key <= (?1 | 0xffffffff) ORDER BY key LIMIT ?2))"
    [STMT_PURGE_PASSAGES] = {"purge_passages", FIRST_OF("passage")},
    [STMT_PURGE_MISSING] = {"purge_missing", FIRST_OF("missing")},
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

    [STMT_CACHE_FIND] = {"cache_find",
                         "SELECT rest, tokens, vector FROM embedding_cache WHERE hash = ?1"},
    [STMT_CACHE_ADD] = {"cache_add", "INSERT INTO embedding_cache (hash, rest, tokens, vector)"
                                     " VALUES (?1, ?2, ?3, ?4)"},
    [STMT_CACHE_OLDEST] = {"cache_oldest", "SELECT id, length(vector) FROM embedding_cache"
                                           " ORDER BY id LIMIT ?1"},
    [STMT_CACHE_REMOVE] = {"cache_remove", "DELETE FROM embedding_cache WHERE id <= ?1"},
};

#define REMOVED " NOT IN (SELECT collection FROM purge)"
const struct statement_text schema_faults[] = {
    {"counts", "SELECT 'the counts of collection ' || c.name || ' do not match its documents'"
               " FROM collection c LEFT JOIN (SELECT collection, count(*) AS n,"
               " max(key & 0xffffffff) AS m FROM document GROUP BY collection) d"
               " ON d.collection = c.id WHERE c.documents <> ifnull(d.n, 0)"
               " OR c.last_number < ifnull(d.m, 0) LIMIT 1"},
    {"version_active",
     "SELECT 'collection ' || c.name || ' has not one active version' FROM collection c WHERE"
     " (SELECT count(*) FROM version v WHERE v.collection = c.id AND v.state = 2) <> 1 OR NOT "
     "EXISTS"
     " (SELECT 1 FROM version v WHERE v.id = c.version AND v.collection = c.id AND v.state = 2)"
     " LIMIT 1"},
    {"version_orphan",
     "SELECT 'version ' || v.id || ' belongs to no collection, or is newer than the store'"
     " FROM version v, state s WHERE v.collection NOT IN (SELECT id FROM collection)"
     " OR v.id > s.last_version OR v.revision > s.change"
     " OR v.id IN (SELECT version FROM purge_version) LIMIT 1"},
    {"version_counts",
     "SELECT 'the counts of version ' || v.id || ' do not match its rows' FROM version v"
     " LEFT JOIN (SELECT key >> 32 AS version, sum(length(spans) / 12) AS n FROM passage"
     " GROUP BY 1) p ON p.version = v.id"
     " LEFT JOIN (SELECT key >> 32 AS version, count(*) AS n FROM missing GROUP BY 1) m"
     " ON m.version = v.id"
     " LEFT JOIN (SELECT collection, sum(state) AS n FROM document GROUP BY collection) d"
     " ON d.collection = v.collection WHERE v.passages <> ifnull(p.n, 0)"
     " OR v.missing <> iif(v.state = 2, ifnull(d.n, 0), ifnull(m.n, 0))"
     " OR (v.state = 2 AND m.n > 0) LIMIT 1"},
    {"passage_fresh",
     "SELECT 'document ' || d.id || ' is missing in version ' || v.id || ' and should not be, or is"
     " not and should be' FROM document d CROSS JOIN version v ON v.collection = d.collection"
     " LEFT JOIN passage p ON p.key = ((v.id << 32) | (d.key & 0xffffffff))"
     " LEFT JOIN missing m ON m.key = ((v.id << 32) | (d.key & 0xffffffff))"
     " WHERE iif(v.state = 2, d.state = 0, m.key IS NULL) <> (typeof(p.vectors) = 'blob' AND"
     " ifnull(p.text = substr(d.text_digest, 1, 16), 1)) LIMIT 1"},
    {"missing_orphan",
     "SELECT 'a version misses a document that is not there: ' || m.key FROM missing m"
     " LEFT JOIN version v ON v.id = m.key >> 32"
     " LEFT JOIN document d ON d.key = ((v.collection << 32) | (m.key & 0xffffffff))"
     " WHERE d.key IS NULL AND m.key >> 32 NOT IN (SELECT version FROM purge_version) LIMIT 1"},
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
    {"passage_orphan",
     "SELECT 'passages have no document or version: ' || p.key FROM passage p"
     " LEFT JOIN version v ON v.id = p.key >> 32"
     " LEFT JOIN document d ON d.key = ((v.collection << 32) | (p.key & 0xffffffff))"
     " WHERE d.key IS NULL AND p.key >> 32 NOT IN (SELECT version FROM purge_version) LIMIT 1"},
    {"passage_size",
     "SELECT 'the passages of document ' || (p.key & 0xffffffff) || ' in version ' || v.id ||"
     " ' have a wrong size' FROM passage p JOIN version v ON v.id = p.key >> 32"
     " WHERE length(p.spans) % 12 <> 0 OR (v.state <> 2 AND p.vectors IS NULL)"
     " OR length(p.vectors) <> length(p.spans) / 12 * v.dims * 2 OR length(p.text) <> 16 LIMIT 1"},
    {"cache",
     "SELECT 'the size of the embedding cache does not match its rows' FROM state s WHERE"
     " s.cache_bytes <> (SELECT ifnull(sum(length(vector) + 64), 0) FROM embedding_cache)"},
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
    {"missing", ENDS("missing", "key")},
    {"embeddings", ENDS("embedding_cache", "id")},
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
