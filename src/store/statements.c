/* Every statement that the store runs, but for its own check (check_sql.c). */
#include "store/schema.h"

#define COLLECTIONS                                                                                \
    "SELECT c.id, c.name, c.settings, v.model_digest, v.dims, c.created_us, c.updated_us,"         \
    " c.revision, c.documents, v.passages, v.missing, v.mean_cosine, c.last_number, c.version,"    \
    " c.bytes, c.documents_max, c.bytes_max FROM collection c CROSS JOIN version v ON v.id = "     \
    "c.version"
#define VERSION_COLUMNS                                                                            \
    "id, collection, state, model, model_digest, settings, dims, mean_cosine, missing, passages,"  \
    " created_us, updated_us, report, revision, unmarked_after, unmarked_last"
#define RECOMMENDER_COLUMNS                                                                        \
    "id, collection, state, kind, digest, bytes, version, change, acts, report, created_us,"       \
    " updated_us, revision, label"
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
#define SERVED_COLUMNS                                                                             \
    "id, collection, token, user, at_us, recommender, scenario, experiment, variant, payload"
#define TASK_COLUMNS "id, kind, state, created_us, updated_us, payload"
#define ALIASES                                                                                    \
    "SELECT a.name, c.name, a.collection, a.created_us, a.updated_us, a.revision FROM alias a"     \
    " CROSS JOIN collection c ON c.id = a.collection"
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
                                     " last_version, cache_bytes, last_recommender"
                                     " FROM state WHERE id = 1"},
    [STMT_STATE_SET] = {"state_set",
                        "UPDATE state SET change = ?1, pruned = ?2, last_collection = ?3,"
                        " last_task = ?4, last_version = ?5, cache_bytes = ?6,"
                        " last_recommender = ?7 WHERE id = 1"},
    [STMT_LINEAGE_SET] = {"lineage_set", "UPDATE state SET lineage = ?1 WHERE id = 1"},

    [STMT_COLLECTION_BY_NAME] = {"collection_by_name", COLLECTIONS " WHERE c.name = ?1"},
    [STMT_COLLECTION_BY_ID] = {"collection_by_id", COLLECTIONS " WHERE c.id = ?1"},
    [STMT_COLLECTION_LIST] = {"collection_list",
                              COLLECTIONS " WHERE c.name > ?1 ORDER BY c.name LIMIT ?2"},
    [STMT_COLLECTION_INSERT] = {"collection_insert",
                                "INSERT INTO collection (id, name, settings, created_us,"
                                " updated_us, revision, documents, last_number, version,"
                                " documents_max, bytes_max)"
                                " VALUES (?1, ?2, ?3, ?4, ?4, ?5, 0, 0, ?6, ?7, ?8)"},
    [STMT_COLLECTION_UPDATE] = {"collection_update",
                                "UPDATE collection SET settings = ?2, updated_us = ?3,"
                                " revision = ?4, documents_max = ?5, bytes_max = ?6"
                                " WHERE id = ?1"},
    [STMT_COLLECTION_VERSION] = {"collection_version",
                                 "UPDATE collection SET version = ?2, updated_us = ?3,"
                                 " revision = ?4 WHERE id = ?1"},
    [STMT_COLLECTION_COUNTS] = {"collection_counts",
                                "UPDATE collection SET documents = ?2, last_number = ?3, bytes = ?4"
                                " WHERE id = ?1"},
    [STMT_COLLECTION_REMOVE] = {"collection_remove", "DELETE FROM collection WHERE id = ?1"},

    [STMT_VERSION_GET] = {"version_get", "SELECT " VERSION_COLUMNS " FROM version WHERE id = ?1"},
    [STMT_VERSION_LIST] = {"version_list", "SELECT " VERSION_COLUMNS
                                           " FROM version WHERE collection = ?1 ORDER BY id"},
    [STMT_VERSION_INSERT] = {"version_insert",
                             "INSERT INTO version (" VERSION_COLUMNS ") VALUES"
                             " (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, 0, ?9, ?9, x'', ?10, 0, 0)"},
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
                             "UPDATE version SET missing = ?2, passages = ?3, unmarked_after = ?4,"
                             " unmarked_last = ?5 WHERE id = ?1"},
    [STMT_VERSION_REMOVE] = {"version_remove", "DELETE FROM version WHERE id = ?1"},
    [STMT_VERSION_REMOVE_ALL] = {"version_remove_all", "DELETE FROM version WHERE collection = ?1"},
    [STMT_VERSION_UNMARKED] = {"version_unmarked",
                               "SELECT id FROM version WHERE unmarked_last > 0 LIMIT 1"},

    [STMT_RECOMMENDER_GET] = {"recommender_get",
                              "SELECT " RECOMMENDER_COLUMNS " FROM recommender WHERE id = ?1"},
    [STMT_RECOMMENDER_LIST] = {"recommender_list",
                               "SELECT " RECOMMENDER_COLUMNS
                               " FROM recommender WHERE collection = ?1 ORDER BY id"},
    [STMT_RECOMMENDER_COUNT] = {"recommender_count",
                                "SELECT count(*) FROM recommender WHERE collection = ?1"
                                " AND label = ?2"},
    [STMT_RECOMMENDER_ACTIVE] = {"recommender_active", "SELECT id FROM recommender"
                                                       " WHERE collection = ?1 AND label = ?2"
                                                       " AND state = 1"},
    [STMT_RECOMMENDER_INSERT] = {"recommender_insert",
                                 "INSERT INTO recommender (" RECOMMENDER_COLUMNS ") VALUES"
                                 " (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12)"},
    [STMT_RECOMMENDER_STATE] = {"recommender_state",
                                "UPDATE recommender SET state = ?2, updated_us = ?3, revision = ?4"
                                " WHERE id = ?1"},
    [STMT_RECOMMENDER_REMOVE] = {"recommender_remove", "DELETE FROM recommender WHERE id = ?1"},
    [STMT_RECOMMENDER_REMOVE_ALL] = {"recommender_remove_all",
                                     "DELETE FROM recommender WHERE collection = ?1"},

    [STMT_MISSING_ADD] = {"missing_add", "INSERT OR IGNORE INTO missing (key) VALUES (?1)"},
    [STMT_MISSING_REMOVE] = {"missing_remove", "DELETE FROM missing WHERE key = ?1"},
    [STMT_MISSING_CLEAR] = {"missing_clear", "DELETE FROM missing WHERE key > ?1 AND key <= ?2"},
    /* ?1 and ?2: keys of documents, ?3: the version << 32 */
    [STMT_MISSING_FILL] = {"missing_fill",
                           "INSERT INTO missing (key) SELECT ?3 | (key & 0xffffffff)"
                           " FROM document d WHERE key > ?1 AND key <= ?2 AND NOT EXISTS"
                           " (SELECT 1 FROM passage p WHERE p.key = (?3 | (d.key & 0xffffffff)))"},
    [STMT_MISSING_FILL_LAST] = {"missing_fill_last",
                                "SELECT key FROM document WHERE key > ?1 AND key <= ?2"
                                " ORDER BY key LIMIT 1 OFFSET ?3"},
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
                               DOCUMENTS " AND d.state = 1 AND d.collection = ?1"
                                         " AND d.attempts < ?2"
                                         " ORDER BY d.attempts, d.revision LIMIT ?3"},
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
    [STMT_PAYLOAD_BYTES] = {"payload_bytes", "SELECT length(payload) FROM payload WHERE key = ?1"},
    [STMT_PAYLOAD_SET] = {"payload_set", "REPLACE INTO payload (key, payload) VALUES (?1, ?2)"},
    [STMT_PAYLOAD_REMOVE] = {"payload_remove", "DELETE FROM payload WHERE key = ?1"},
    [STMT_PASSAGE_GET] = {"passage_get", "SELECT spans, vectors FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SPANS] = {"passage_spans", "SELECT spans, typeof(vectors) = 'blob' FROM passage"
                                             " WHERE key = ?1"},
    [STMT_PASSAGE_COUNT] = {"passage_count",
                            "SELECT length(spans) / 12 FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_EXISTS] = {"passage_exists", "SELECT 1 FROM passage WHERE key = ?1"},
    [STMT_PASSAGE_SET] = {"passage_set", "REPLACE INTO passage (key, spans, vectors, text)"
                                         " VALUES (?1, ?2, ?3, ?4)"},
    [STMT_PASSAGE_REMOVE] = {"passage_remove", "DELETE FROM passage WHERE key = ?1"},

    [STMT_FEEDBACK_FIND] = {"feedback_find", "SELECT change FROM feedback WHERE event_hash = ?3"
                                             " AND event_id = ?2 AND collection = ?1"},
    [STMT_FEEDBACK_TIME] = {"feedback_time", "SELECT time_us FROM feedback"
                                             " WHERE change = ?2 AND collection = ?1"},
    [STMT_FEEDBACK_INSERT] = {"feedback_insert",
                              "INSERT INTO feedback (" FEEDBACK_COLUMNS ", event_hash, at_us)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"},
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
/* What stays of feedback that is removed: its number, its time and its collection. */
#define REMAINS                                                                                    \
    "INSERT INTO change (change, kind, at_us, collection, name, number, subject)"                  \
    " SELECT change, 6, at_us, collection, ifnull((SELECT name FROM collection c"                  \
    " WHERE c.id = f.collection), ''), 0, '' FROM feedback f"                                      \
    " WHERE change > (SELECT pruned FROM state WHERE id = 1) AND change IN "
#define OLDEST_OF_USER                                                                             \
    "(SELECT change FROM feedback WHERE collection = ?1 AND user = ?2 ORDER BY time_us LIMIT ?3)"
    [STMT_FEEDBACK_REMAINS_USER] = {"feedback_remains_user", REMAINS OLDEST_OF_USER},
    [STMT_FEEDBACK_REMOVE_USER] = {"feedback_remove_user",
                                   "DELETE FROM feedback WHERE change IN " OLDEST_OF_USER},
    [STMT_FEEDBACK_SCAN] = {"feedback_scan",
                            "SELECT " FEEDBACK_COLUMNS " FROM feedback WHERE change > ?2"
                            " AND change <= ?3 AND +collection = ?1" LIVE " ORDER BY change"},
    [STMT_FEEDBACK_SINCE] = {"feedback_since",
                             "SELECT 1 FROM feedback WHERE change > ?2 AND +collection = ?1"
                             " LIMIT ?3"},
    [STMT_FEEDBACK_READER] = {"feedback_reader",
                              "SELECT user FROM feedback WHERE collection = ?1 AND user > ?2" LIVE
                              " ORDER BY user LIMIT 1"},
    [STMT_SERVED_INSERT] = {"served_insert",
                            "INSERT OR IGNORE INTO served (collection, token, user, at_us,"
                            " recommender, scenario, experiment, variant, payload)"
                            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
    [STMT_SERVED_FORGET] = {"served_forget",
                            "DELETE FROM served WHERE id IN (SELECT id FROM served"
                            " WHERE collection = ?1 AND at_us < ?2 ORDER BY at_us LIMIT ?3)"},
    [STMT_SERVED_GET] = {"served_get", "SELECT " SERVED_COLUMNS " FROM served WHERE collection = ?1"
                                       " AND token = ?2" LIVE},
    [STMT_SERVED_BY_TIME] = {"served_by_time",
                             "SELECT " SERVED_COLUMNS " FROM served WHERE collection = ?1"
                             " AND (at_us, id) > (?2, ?3) AND at_us < ?4" LIVE
                             " ORDER BY at_us, id LIMIT ?5"},
    [STMT_SERVED_OF_USER] = {"served_of_user",
                             "SELECT " SERVED_COLUMNS " FROM served WHERE collection = ?1"
                             " AND user = ?2 AND (at_us, id) < (?3, ?4)" LIVE
                             " ORDER BY at_us DESC, id DESC LIMIT ?5"},
    [STMT_SERVED_REMOVE_USER] = {"served_remove_user",
                                 "DELETE FROM served WHERE id IN (SELECT id FROM served"
                                 " WHERE collection = ?1 AND user = ?2 ORDER BY at_us LIMIT ?3)"},

    [STMT_BROUGHT_GET] = {"brought_get",
                          "SELECT scores, updated_us FROM brought"
                          " WHERE collection = ?1 AND source = ?2 AND user = ?3" LIVE},
    [STMT_BROUGHT_SET] = {"brought_set",
                          "REPLACE INTO brought (collection, source, user, scores, updated_us)"
                          " VALUES (?1, ?2, ?3, ?4, ?5)"},
    [STMT_BROUGHT_REMOVE] = {"brought_remove", "DELETE FROM brought WHERE collection = ?1"
                                               " AND source = ?2 AND user = ?3"},
    [STMT_BROUGHT_CLEAR] = {"brought_clear",
                            "DELETE FROM brought WHERE collection = ?1 AND source = ?2 AND user <="
                            " (SELECT max(user) FROM (SELECT user FROM brought WHERE"
                            " collection = ?1 AND source = ?2 ORDER BY user LIMIT ?3))"},
/* Each source by a leap over the rows of the one before. */
#define SOURCES                                                                                    \
    "WITH RECURSIVE leap(source) AS (SELECT min(source) FROM brought WHERE collection = ?1"        \
    " UNION ALL SELECT (SELECT min(b.source) FROM brought b WHERE b.collection = ?1"               \
    " AND b.source > leap.source) FROM leap WHERE leap.source IS NOT NULL)"                        \
    " SELECT source FROM leap WHERE source IS NOT NULL"
    [STMT_BROUGHT_SOURCES] = {"brought_sources", SOURCES LIVE},
    [STMT_BROUGHT_REMOVE_USER] = {"brought_remove_user",
                                  "DELETE FROM brought WHERE collection = ?1 AND user = ?2"
                                  " AND source IN (" SOURCES ")"},

#define EXPERIMENT_COLUMNS                                                                         \
    "collection, name, state, payload, created_us, updated_us, revision, scenario"
    [STMT_EXPERIMENT_GET] = {"experiment_get", "SELECT " EXPERIMENT_COLUMNS " FROM experiment"
                                               " WHERE collection = ?1 AND name = ?2" LIVE},
    [STMT_EXPERIMENT_LIST] = {"experiment_list", "SELECT " EXPERIMENT_COLUMNS " FROM experiment"
                                                 " WHERE collection = ?1" LIVE " ORDER BY name"},
    [STMT_EXPERIMENT_COUNT] = {"experiment_count",
                               "SELECT count(*) FROM experiment WHERE collection = ?1 AND ?2 = 0"},
    [STMT_EXPERIMENT_RUNNING] = {"experiment_running",
                                 "SELECT name FROM experiment WHERE collection = ?1 AND state = 1"
                                 " AND scenario = ?2 AND name <> ?3 LIMIT 1"},
    [STMT_EXPERIMENT_SET] = {"experiment_set",
                             "REPLACE INTO experiment (" EXPERIMENT_COLUMNS ") VALUES"
                             " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [STMT_EXPERIMENT_REMOVE] = {"experiment_remove",
                                "DELETE FROM experiment WHERE collection = ?1 AND name = ?2"},
    [STMT_EXPERIMENT_REMOVE_ALL] = {"experiment_remove_all",
                                    "DELETE FROM experiment WHERE collection = ?1"},

#define KEY_COLUMNS "id, hash, old_hash, old_until_us, payload, created_us, updated_us, used_us"
    [STMT_KEY_LIST] = {"key_list", "SELECT " KEY_COLUMNS " FROM access_key WHERE id > ?1"
                                   " ORDER BY id LIMIT ?2"},
    [STMT_KEY_SET] = {"key_set", "REPLACE INTO access_key (" KEY_COLUMNS ") VALUES"
                                 " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [STMT_KEY_USED] = {"key_used",
                       "UPDATE access_key SET used_us = ?2 WHERE id = ?1 AND used_us < ?2"},
    [STMT_KEY_REMOVE] = {"key_remove", "DELETE FROM access_key WHERE id = ?1"},

    [STMT_ALIAS_GET] = {"alias_get", ALIASES " WHERE a.name = ?1"},
    [STMT_ALIAS_LIST] = {"alias_list", ALIASES " WHERE a.name > ?1 ORDER BY a.name LIMIT ?2"},
    [STMT_ALIAS_SET] = {"alias_set",
                        "REPLACE INTO alias (name, collection, created_us, updated_us, revision)"
                        " VALUES (?1, ?2, ?3, ?4, ?5)"},
    [STMT_ALIAS_REMOVE] = {"alias_remove", "DELETE FROM alias WHERE name = ?1"},
    [STMT_ALIAS_COUNT] = {"alias_count", "SELECT count(*) FROM alias WHERE collection = ?1"},
    [STMT_ALIAS_OF_COLLECTION] = {"alias_of_collection",
                                  "SELECT name FROM alias WHERE collection = ?1 LIMIT 10"},
#define KEPT_COLUMNS                                                                               \
    "key, request, rights, owner, collection, readers, at_us, state, status, headers, body"
    [STMT_KEPT_GET] = {"kept_get", "SELECT " KEPT_COLUMNS " FROM kept WHERE key = ?1"},
    [STMT_KEPT_BEFORE] = {"kept_before", "SELECT 1 FROM kept WHERE at_us < ?1 LIMIT 1"},
    [STMT_KEPT_ADD] = {"kept_add", "INSERT INTO kept (" KEPT_COLUMNS ") VALUES"
                                   " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    [STMT_KEPT_REMOVE] = {"kept_remove", "DELETE FROM kept WHERE key = ?1"},
    [STMT_KEPT_ANSWER] = {"kept_answer",
                          "UPDATE kept SET state = ?3, status = ?4, headers = ?5, body = ?6"
                          " WHERE key = ?1 AND at_us = ?2 AND state = 0"},
    [STMT_KEPT_ERASE] = {"kept_erase",
                         "UPDATE kept SET state = 2, request = zeroblob(32), headers = '',"
                         " body = x'' WHERE id IN (SELECT id FROM kept WHERE collection = ?1"
                         " AND readers = 1 AND state < 2 LIMIT ?2)"},
    [STMT_KEPT_FORGET] = {"kept_forget", "DELETE FROM kept WHERE id IN (SELECT id FROM kept"
                                         " WHERE at_us < ?1 ORDER BY at_us LIMIT ?2)"},
    [STMT_KEPT_BYTES] = {"kept_bytes", "SELECT bytes FROM kept_bytes WHERE owner = ?1"},
    [STMT_KEPT_OLDEST] = {"kept_oldest", "DELETE FROM kept WHERE id = (SELECT min(id) FROM kept)"},
    [STMT_KEPT_OLDEST_OF] = {"kept_oldest_of", "DELETE FROM kept WHERE id ="
                                               " (SELECT min(id) FROM kept WHERE owner = ?1)"},

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
    [STMT_TASK_OPEN] = {"task_open", "SELECT " TASK_COLUMNS " FROM task WHERE state < 2"
                                     " ORDER BY id LIMIT ?1"},
    [STMT_TASK_SET] = {"task_set",
                       "REPLACE INTO task (" TASK_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},

    [STMT_CHANGE_INSERT] = {"change_insert",
                            "INSERT INTO change (change, kind, at_us, collection, name,"
                            " number, subject) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [STMT_CHANGE_LIST] = {"change_list",
                          "SELECT change, kind, at_us, collection, name, number, subject"
                          " FROM change WHERE change > ?1 UNION ALL"
                          " SELECT change, 6, at_us, collection, ifnull((SELECT name FROM"
                          " collection c WHERE c.id = f.collection), ''), 0, event_id"
                          " FROM feedback f WHERE change > ?1 ORDER BY 1 LIMIT ?2"},
    [STMT_CHANGE_FORGET_USER] = {"change_forget_user",
                                 "UPDATE change SET subject = '' WHERE kind = 7"
                                 " AND collection = ?1 AND subject = ?2"},
    [STMT_CHANGE_ERASED] = {"change_erased",
                            "SELECT 1 FROM change WHERE kind = 8 AND collection = ?1"
                            " AND change > ?2 LIMIT 1"},
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
#define OLDEST_OF_ALL                                                                              \
    "(SELECT change FROM feedback WHERE collection = ?1 ORDER BY time_us LIMIT ?2)"
    [STMT_PURGE_FEEDBACK_REMAINS] = {"purge_feedback_remains", REMAINS OLDEST_OF_ALL},
    [STMT_PURGE_FEEDBACK] = {"purge_feedback",
                             "DELETE FROM feedback WHERE change IN " OLDEST_OF_ALL},
    [STMT_PURGE_SERVED] = {"purge_served", "DELETE FROM served WHERE id IN (SELECT id FROM served"
                                           " WHERE collection = ?1 ORDER BY at_us LIMIT ?2)"},
    [STMT_PURGE_USERS] = {"purge_users",
                          "DELETE FROM user WHERE collection = ?1 AND id <= (SELECT max(id) FROM"
                          " (SELECT id FROM user WHERE collection = ?1 ORDER BY id LIMIT ?2))"},
#define FIRST_SOURCE "(SELECT min(source) FROM brought WHERE collection = ?1)"
    [STMT_PURGE_BROUGHT] = {"purge_brought",
                            "DELETE FROM brought WHERE collection = ?1 AND source = " FIRST_SOURCE
                            " AND user <= (SELECT max(user) FROM (SELECT user FROM brought WHERE"
                            " collection = ?1 AND source = " FIRST_SOURCE
                            " ORDER BY user LIMIT ?2))"},
    [STMT_PURGE_KEPT] = {"purge_kept", "DELETE FROM kept WHERE id IN (SELECT id FROM kept"
                                       " WHERE collection = ?1 AND collection > 0 LIMIT ?2)"},
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
