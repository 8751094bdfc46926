/* No statement of the store reads a whole table or sorts, but for those listed here with the
 * reason. */
#include "fixture.h"
#include "base/sqlite.h"
#include "store/schema.h"

open_fn *fixture_open = store_open;

static const struct {
    const char *statement, *detail, *why;
} allowed[] = {
    {"purge_next", "SCAN purge", "a handful of collections being removed, and LIMIT 1"},
    {"purge_version_next", "SCAN purge_version", "the same of versions"},
    {"cache_oldest", "SCAN embedding_cache", "in order of the key, and LIMIT"},
    {"task_open", "SCAN task USING INDEX task_open",
     "that index holds only tasks that have not ended, and LIMIT"},
    {"version_unmarked", "SCAN version USING INDEX version_unmarked",
     "that index holds only new versions, for a few seconds, and LIMIT 1"},
    {"brought_sources", "SCAN leap", "names that a leap each found, 32 at most"},
    {"brought_remove_user", "SCAN leap", "the same"},
};

#define ALLOWED (sizeof allowed / sizeof *allowed)
static bool met[ALLOWED];

static bool is_allowed(const char *statement, const char *detail)
{
    for (size_t i = 0; i < ALLOWED; i++)
        if (strcmp(allowed[i].statement, statement) == 0 && strcmp(allowed[i].detail, detail) == 0)
            return met[i] = true;
    return false;
}

static unsigned plan_faults(sqlite3 *db, const struct statement_text *t)
{
    char sql[2048];
    sqlite3_stmt *st;
    unsigned faults = 0;

    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", t->sql);
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
        print_error("%s: %s\n", t->name, sqlite3_errmsg(db));
        return 1;
    }
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);
        bool bad = (strncmp(detail, "SCAN", 4) == 0 && strcmp(detail, "SCAN CONSTANT ROW") != 0) ||
                   strstr(detail, "TEMP B-TREE") || strstr(detail, "AUTOMATIC");
        if (bad && !is_allowed(t->name, detail)) {
            print_error("%s: %s\n", t->name, detail);
            faults++;
        }
    }
    sqlite3_finalize(st);
    return faults;
}

static sqlite3 *database_of(struct fixture *f)
{
    sqlite3 *db;
    char path[128];

    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    ok(sqlite_open(path, true, DB_DURABLE, &db, NULL));
    return db;
}

static void test_plans(void **state)
{
    sqlite3 *db = database_of(*state);
    unsigned faults = 0;

    for (unsigned i = 0; i < STMT_COUNT; i++) {
        assert_non_null(schema_statements[i].name);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(schema_statements[i].name, schema_statements[k].name);
        faults += plan_faults(db, &schema_statements[i]);
    }
    for (unsigned i = 0; i < schema_probes_count; i++)
        faults += plan_faults(db, &schema_probes[i]);
    assert_int_equal(faults, 0);
    for (size_t i = 0; i < ALLOWED; i++) /* the list holds nothing that is not so */
        if (!met[i])
            fail_msg("%s: '%s' is listed, but not in its plan", allowed[i].statement,
                     allowed[i].detail);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Where a lesser index would do without a scan or a sort, and still read far too much. */
static void test_best_index(void **state)
{
    static const struct {
        enum statement id;
        const char *detail;
    } want[] = {
        {STMT_DOCUMENT_BY_ID, "document_id (collection=? AND id=?)"},
        {STMT_DOCUMENT_FIND, "document_id (collection=? AND id=?)"},
        {STMT_DOCUMENT_BY_KEY, "d USING INTEGER PRIMARY KEY (rowid=?)"},
        {STMT_DOCUMENT_LIST, "document_id (collection=? AND id>?)"},
        {STMT_DOCUMENT_RANGE, "d USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {STMT_DOCUMENT_PENDING, "document_pending (collection=? AND attempts<?)"},
        {STMT_DOCUMENT_WAITING, "document_waiting (collection=? AND rowid>?)"},
        {STMT_DOCUMENT_MISSING, "m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {STMT_MISSING_FILL, "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {STMT_MISSING_WAITING, "document_waiting (collection=?)"},
        {STMT_WAITING_PASSAGES, "document_waiting (collection=?)"},
        {STMT_WAITING_REMOVE, "passage USING INTEGER PRIMARY KEY (rowid=?)"},
        {STMT_WAITING_READY, "document_waiting (collection=?)"},
        {STMT_WAITING_SET, "document USING INTEGER PRIMARY KEY (rowid=?)"},
        {STMT_VERSION_LIST, "version_collection (collection=?)"},
        {STMT_CACHE_FIND, "embedding_cache_hash (hash=?)"},
        {STMT_DOCUMENT_EXPIRED, "document_expires (expires_us>? AND expires_us<?)"},
        {STMT_FEEDBACK_FIND, "feedback_event (event_hash=?)"},
        {STMT_FEEDBACK_ALL, "feedback_time (collection=? AND time_us<?)"},
        {STMT_FEEDBACK_OF_USER, "feedback_user (collection=? AND user=? AND time_us<?)"},
        {STMT_FEEDBACK_OF_DOCUMENT,
         "feedback_document (collection=? AND document=? AND time_us<?)"},
        {STMT_FEEDBACK_OF_BOTH, "feedback_user (collection=? AND user=? AND time_us<?)"},
        {STMT_FEEDBACK_REMOVE_USER, "feedback_user (collection=? AND user=?)"},
        {STMT_FEEDBACK_REMAINS_USER, "feedback_user (collection=? AND user=?)"},
        {STMT_CHANGE_FORGET_USER, "change_user (collection=? AND subject=?)"},
        {STMT_CHANGE_ERASED, "change_erased (collection=? AND change>?)"},
        {STMT_SERVED_GET, "served_token (collection=? AND token=?)"},
        {STMT_SERVED_BY_TIME, "served_time (collection=? AND at_us>? AND at_us<?)"},
        {STMT_SERVED_OF_USER, "served_user (collection=? AND user=? AND at_us<?)"},
        {STMT_SERVED_REMOVE_USER, "served_user (collection=? AND user=?)"},
        {STMT_SERVED_FORGET, "served_time (collection=? AND at_us<?)"},
        {STMT_PURGE_FEEDBACK, "feedback_time (collection=?)"},
        {STMT_PURGE_SERVED, "served_time (collection=?)"},
        {STMT_FEEDBACK_SCAN, "feedback USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {STMT_FEEDBACK_SINCE, "feedback USING INTEGER PRIMARY KEY (rowid>?)"},
        {STMT_FEEDBACK_READER, "feedback_user (collection=? AND user>?)"},
        {STMT_RECOMMENDER_LIST, "recommender_collection (collection=?)"},
        {STMT_RECOMMENDER_ACTIVE, "recommender_collection (collection=?)"},
        {STMT_BROUGHT_GET, "PRIMARY KEY (collection=? AND source=? AND user=?)"},
        {STMT_BROUGHT_CLEAR, "PRIMARY KEY (collection=? AND source=? AND user<?)"},
        {STMT_BROUGHT_SOURCES, "PRIMARY KEY (collection=? AND source>?)"},
        {STMT_BROUGHT_REMOVE_USER, "PRIMARY KEY (collection=? AND source=? AND user=?)"},
        {STMT_ALIAS_GET, "PRIMARY KEY (name=?)"},
        {STMT_ALIAS_LIST, "PRIMARY KEY (name>?)"},
        {STMT_ALIAS_COUNT, "alias_collection (collection=?)"},
        {STMT_ALIAS_OF_COLLECTION, "alias_collection (collection=?)"},
        {STMT_EXPERIMENT_LIST, "PRIMARY KEY (collection=?)"},
        {STMT_USER_GET, "PRIMARY KEY (collection=? AND id=?)"},
        {STMT_USER_LIST, "PRIMARY KEY (collection=? AND id>?)"},
        {STMT_CHANGE_LIST, "INTEGER PRIMARY KEY (rowid>?)"},
    };
    sqlite3 *db = database_of(*state);

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const struct statement_text *t = &schema_statements[want[i].id];
        char sql[2048];
        sqlite3_stmt *st;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", t->sql);
        ok(sqlite_error(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL), NULL));
        bool found = false;
        while (sqlite3_step(st) == SQLITE_ROW)
            found |= strstr((const char *)sqlite3_column_text(st, 3), want[i].detail) != NULL;
        if (!found)
            fail_msg("%s: its plan has no '%s'", t->name, want[i].detail);
        sqlite3_finalize(st);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The test itself can fail: a scan and a sort are seen. */
static void test_faults_are_seen(void **state)
{
    sqlite3 *db = database_of(*state);
    const struct statement_text scan = {"scan", "SELECT id FROM document WHERE revision = 1"},
                                sort = {"sort", "SELECT id FROM collection ORDER BY created_us"};

    print_message("two complaints follow, as they should\n");
    assert_int_equal(plan_faults(db, &scan), 1);
    assert_true(plan_faults(db, &sort) >= 1);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_strict(void **state)
{
    sqlite3 *db = database_of(*state);
    sqlite3_stmt *st;

    ok(sqlite_error(
        db,
        sqlite3_prepare_v2(db,
                           "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND"
                           " schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict",
                           -1, &st, NULL),
        NULL));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 0);
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plans, setup, teardown),
        cmocka_unit_test_setup_teardown(test_best_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_are_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
    };

    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
