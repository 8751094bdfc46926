/* What is selected where an invariant does not hold. */
#include "store/schema.h"

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
     " OR v.missing <> iif(v.state = 2, ifnull(d.n, 0), ifnull(m.n, 0) + (SELECT count(*)"
     " FROM document u WHERE u.key > ((v.collection << 32) | v.unmarked_after)"
     " AND u.key <= ((v.collection << 32) | v.unmarked_last) AND NOT EXISTS (SELECT 1 FROM passage"
     " WHERE key = ((v.id << 32) | (u.key & 0xffffffff)))))"
     " OR (v.state = 2 AND m.n > 0) LIMIT 1"},
    {"passage_fresh",
     "SELECT 'document ' || d.id || ' is missing in version ' || v.id || ' and should not be, or is"
     " not and should be' FROM document d CROSS JOIN version v ON v.collection = d.collection"
     " LEFT JOIN passage p ON p.key = ((v.id << 32) | (d.key & 0xffffffff))"
     " LEFT JOIN missing m ON m.key = ((v.id << 32) | (d.key & 0xffffffff))"
     " WHERE iif(v.state = 2, d.state = 0, m.key IS NULL) <> (typeof(p.vectors) = 'blob' AND"
     " ifnull(p.text = substr(d.text_digest, 1, 16), 1)) AND NOT (p.key IS NULL AND"
     " d.key & 0xffffffff > v.unmarked_after AND d.key & 0xffffffff <= v.unmarked_last) LIMIT 1"},
    {"recommender",
     "SELECT 'recommender ' || r.id || ' belongs to no collection, or is newer than the store'"
     " FROM recommender r, state s WHERE r.collection NOT IN (SELECT id FROM collection)"
     " OR r.id > s.last_recommender OR r.revision > s.change OR r.change > s.change"
     " OR r.state NOT BETWEEN 0 AND 2 LIMIT 1"},
    {"recommender_active",
     "SELECT 'collection ' || collection || ' has more than one active recommender ' || label"
     " FROM recommender WHERE state = 1 GROUP BY collection, label HAVING count(*) > 1 LIMIT 1"},
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
    {"served_orphan",
     "SELECT 'answer ' || id || ' of the log belongs to no collection' FROM served"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"user_orphan",
     "SELECT 'user ' || id || ' belongs to no collection' FROM user"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"brought_orphan",
     "SELECT 'scores of ' || source || ' belong to no collection' FROM brought"
     " WHERE collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"experiment_orphan",
     "SELECT 'experiment ' || name || ' belongs to no collection' FROM experiment"
     " WHERE collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"alias", "SELECT 'alias ' || name || ' is of no collection, or has the name of one' FROM alias"
              " WHERE collection NOT IN (SELECT id FROM collection)"
              " OR name IN (SELECT name FROM collection) LIMIT 1"},
    {"kept_orphan",
     "SELECT 'kept answer ' || id || ' belongs to no collection' FROM kept WHERE collection > 0"
     " AND collection" REMOVED " AND collection NOT IN (SELECT id FROM collection) LIMIT 1"},
    {"kept_bytes",
     "SELECT 'the size of the kept answers does not match their rows' WHERE"
     " (SELECT ifnull(sum(bytes), 0) FROM kept_bytes WHERE owner = '*') <>"
     " (SELECT ifnull(sum(512 + length(headers) + length(body)), 0) FROM kept) OR EXISTS"
     " (SELECT 1 FROM kept_bytes b WHERE owner <> '*' AND bytes <> (SELECT ifnull(sum(512 +"
     " length(headers) + length(body)), 0) FROM kept k WHERE k.owner = b.owner))"},
    {"changes",
     "SELECT 'the change log has a gap, or does not end at ' || s.change FROM state s WHERE"
     " s.pruned > s.change OR s.change - s.pruned <>"
     " (SELECT count(*) FROM change WHERE change > s.pruned AND change <= s.change)"
     " + (SELECT count(*) FROM feedback WHERE change > s.pruned AND change <= s.change)"
     " OR s.change < (SELECT ifnull(max(change), 0) FROM change)"
     " OR s.change < (SELECT ifnull(max(change), 0) FROM feedback)"},
    {"changes_twice", "SELECT 'change ' || f.change || ' is in the log twice' FROM feedback f"
                      " CROSS JOIN change c ON c.change = f.change LIMIT 1"},
    {"bytes", "SELECT 'the bytes of collection ' || c.name || ' do not match its documents'"
              " FROM collection c LEFT JOIN (SELECT key >> 32 AS collection,"
              " sum(length(payload)) AS n FROM payload GROUP BY 1) p ON p.collection = c.id"
              " WHERE c.bytes <> ifnull(p.n, 0) LIMIT 1"},
};
const unsigned schema_faults_count = sizeof schema_faults / sizeof *schema_faults;

#define ENDS(table, key)                                                                           \
    "SELECT 'ok' WHERE (SELECT min(" key ") FROM " table ") <= (SELECT max(" key ") FROM " table ")"
const struct statement_text schema_probes[] = {
    {"state", "SELECT CASE WHEN EXISTS (SELECT 1 FROM state WHERE id = 1) THEN 'ok'"
              " ELSE 'the row of the change counter is missing' END"},
    {"change",
     "SELECT CASE WHEN ifnull((SELECT max(change) FROM change), 0) <= s.change"
     " AND (s.pruned = s.change OR EXISTS (SELECT 1 FROM change g WHERE g.change = s.change)"
     " OR EXISTS (SELECT 1 FROM feedback f WHERE f.change = s.change))"
     " THEN 'ok' ELSE 'the change log does not end at the change counter' END"
     " FROM state s WHERE id = 1"},
    {"documents", ENDS("document", "key")},
    {"payloads", ENDS("payload", "key")},
    {"passages", ENDS("passage", "key")},
    {"missing", ENDS("missing", "key")},
    {"embeddings", ENDS("embedding_cache", "id")},
    {"feedback", ENDS("feedback", "change")},
    {"served", ENDS("served", "id")},
    {"kept", ENDS("kept", "id")},
    {"last_document",
     "SELECT ifnull((SELECT 'a document has no payload' FROM document d WHERE key ="
     " (SELECT max(key) FROM document) AND NOT EXISTS"
     " (SELECT 1 FROM payload p WHERE p.key = d.key)), 'ok')"},
};
const unsigned schema_probes_count = sizeof schema_probes / sizeof *schema_probes;
