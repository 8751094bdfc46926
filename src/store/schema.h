/* The tables, and every SQL statement that the store runs, in one place: a test EXPLAINs them all.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "base/err.h"
#include <sqlite3.h>
#include <stdbool.h>

#define SCHEMA_APPLICATION_ID 0x616b696e /* "akin" */

enum statement {
    STMT_BEGIN_READ,
    STMT_BEGIN_WRITE,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVE_ACT,
    STMT_RELEASE_ACT,
    STMT_UNDO_ACT,
    STMT_SAVE_BATCH,
    STMT_RELEASE_BATCH,
    STMT_UNDO_BATCH,

    STMT_STATE_GET,
    STMT_STATE_SET,
    STMT_LINEAGE_SET,

    STMT_COLLECTION_BY_NAME,
    STMT_COLLECTION_BY_ID,
    STMT_COLLECTION_LIST,
    STMT_COLLECTION_INSERT,
    STMT_COLLECTION_UPDATE,
    STMT_COLLECTION_VERSION,
    STMT_COLLECTION_COUNTS,
    STMT_COLLECTION_REMOVE,

    STMT_VERSION_GET,
    STMT_VERSION_LIST,
    STMT_VERSION_INSERT,
    STMT_VERSION_UPDATE,
    STMT_VERSION_MODEL,
    STMT_VERSION_STATE,
    STMT_VERSION_COUNTS,
    STMT_VERSION_REMOVE,
    STMT_VERSION_REMOVE_ALL,
    STMT_VERSION_UNMARKED,

    STMT_MISSING_ADD,
    STMT_MISSING_REMOVE,
    STMT_MISSING_CLEAR,
    STMT_MISSING_FILL,
    STMT_MISSING_FILL_LAST,
    STMT_MISSING_WAITING,
    STMT_WAITING_PASSAGES,
    STMT_WAITING_REMOVE,
    STMT_WAITING_READY,
    STMT_WAITING_SET,

    STMT_DOCUMENT_BY_ID,
    STMT_DOCUMENT_BY_KEY,
    STMT_DOCUMENT_LIST,
    STMT_DOCUMENT_RANGE,
    STMT_DOCUMENT_PENDING,
    STMT_DOCUMENT_WAITING,
    STMT_DOCUMENT_MISSING,
    STMT_DOCUMENT_EXPIRED,
    STMT_DOCUMENT_FIND,
    STMT_DOCUMENT_INSERT,
    STMT_DOCUMENT_UPDATE,
    STMT_DOCUMENT_ATTEMPTS,
    STMT_DOCUMENT_READY,
    STMT_DOCUMENT_REMOVE,
    STMT_PAYLOAD_GET,
    STMT_PAYLOAD_SET,
    STMT_PAYLOAD_REMOVE,
    STMT_PASSAGE_GET,
    STMT_PASSAGE_SPANS,
    STMT_PASSAGE_COUNT,
    STMT_PASSAGE_EXISTS,
    STMT_PASSAGE_SET,
    STMT_PASSAGE_REMOVE,

    STMT_FEEDBACK_FIND,
    STMT_FEEDBACK_TIME,
    STMT_FEEDBACK_INSERT,
    STMT_FEEDBACK_ALL,
    STMT_FEEDBACK_OF_USER,
    STMT_FEEDBACK_OF_DOCUMENT,
    STMT_FEEDBACK_OF_BOTH,
    STMT_FEEDBACK_REMOVE_USER,

    STMT_USER_GET,
    STMT_USER_LIST,
    STMT_USER_SET,
    STMT_USER_REMOVE,

    STMT_TASK_GET,
    STMT_TASK_LIST,
    STMT_TASK_SET,

    STMT_CHANGE_INSERT,
    STMT_CHANGE_LIST,
    STMT_CONSUMER_GET,
    STMT_CONSUMER_SET,

    STMT_PURGE_INSERT,
    STMT_PURGE_NEXT,
    STMT_PURGE_DONE,
    STMT_PURGE_VERSION_INSERT,
    STMT_PURGE_VERSION_ALL,
    STMT_PURGE_VERSION_NEXT,
    STMT_PURGE_VERSION_DONE,
    STMT_PURGE_DOCUMENTS_LAST,
    STMT_PURGE_PAYLOADS,
    STMT_PURGE_PASSAGES,
    STMT_PURGE_MISSING,
    STMT_PURGE_DOCUMENTS,
    STMT_PURGE_FEEDBACK,
    STMT_PURGE_USERS,
    STMT_PURGE_CHANGES,

    STMT_CACHE_FIND,
    STMT_CACHE_ADD,
    STMT_CACHE_OLDEST,
    STMT_CACHE_REMOVE,

    STMT_COUNT
};

struct statement_text {
    const char *name;
    const char *sql;
};
extern const struct statement_text schema_statements[STMT_COUNT];

/* The fixed checks of store_check: each selects a row (a text that says what is wrong) for a fault.
 * They read whole tables, and are run by no other caller. */
extern const struct statement_text schema_faults[];
extern const unsigned schema_faults_count;

/* The same for check_quick: each touches a few pages only, at the ends of a table. */
extern const struct statement_text schema_probes[];
extern const unsigned schema_probes_count;

/* Make or migrate the tables. ERR_UNSUPPORTED: written by a newer akin, or not akin's. `db` is
 * writable. */
enum err schema_migrate(sqlite3 *db, const char *path, struct err_info *e) MUST_CHECK;

#endif
