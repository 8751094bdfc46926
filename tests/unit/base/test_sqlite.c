#include "test.h"
#include "test_folder.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include <errno.h>

static struct record record;
static struct err_info e;

static sqlite3 *open_or_fail(const char *name, bool read_only)
{
    sqlite3 *db = NULL;
    err_clear(&e);
    if (sqlite_open(path_of(name), read_only, DB_DURABLE, &db, &e))
        fail_msg("%s", e.message);
    return db;
}

static void exec_or_fail(sqlite3 *db, const char *sql)
{
    err_clear(&e);
    if (sqlite_exec(db, sql, &e))
        fail_msg("%s", e.message);
}

static long long value_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    long long v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return v;
}

static void settings_hold(void **state)
{
    sqlite3 *db = open_or_fail("settings.db", false);
    assert_int_equal(value_of(db, "SELECT journal_mode='wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(value_of(db, "PRAGMA synchronous"), 2);
    assert_int_equal(value_of(db, "PRAGMA foreign_keys"), 0);
    assert_int_equal(value_of(db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(value_of(db, "PRAGMA mmap_size"), 0);
    assert_int_equal(value_of(db, "PRAGMA busy_timeout"), 1000);
    sqlite3_close(db);
    assert_int_equal(sqlite_open(path_of("cache.db"), false, DB_CACHE, &db, &e), ERR_OK);
    assert_int_equal(value_of(db, "PRAGMA synchronous"), 0);
    sqlite3_close(db);
}

static void readers_see_commits(void **state)
{
    sqlite3 *w = open_or_fail("rw.db", false);
    exec_or_fail(w, "CREATE TABLE t(x INTEGER) STRICT; INSERT INTO t VALUES(1)");
    sqlite3 *r = open_or_fail("rw.db", true);
    exec_or_fail(w, "BEGIN; INSERT INTO t VALUES(2)");
    assert_int_equal(value_of(r, "SELECT count(*) FROM t"), 1);
    exec_or_fail(w, "COMMIT");
    assert_int_equal(value_of(r, "SELECT count(*) FROM t"), 2);
    assert_int_equal(sqlite_exec(r, "INSERT INTO t VALUES(3)", &e), ERR_DENIED);
    sqlite3_close(r);
    sqlite3_close(w);
}

static void commit_is_synced(void **state)
{
    sqlite3 *db = open_or_fail("sync.db", false);
    exec_or_fail(db, "CREATE TABLE t(x)");
    record_start(&record);
    exec_or_fail(db, "INSERT INTO t VALUES(1)");
    const char *write = strstr(record.text, "write sync.db-wal@");
    assert_non_null(write);
    const char *sync = strstr(write, "sync sync.db-wal@");
    assert_non_null(sync);
    assert_null(strstr(sync, "write")); /* nothing is written behind the sync */
    exec_or_fail(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_non_null(strstr(record.text, "write sync.db@"));
    assert_non_null(strstr(record.text, "sync sync.db@"));
    assert_non_null(strstr(record.text, "truncate sync.db-wal@0"));
    sqlite3_close(db);
    assert_non_null(strstr(record.text, "remove sync.db-wal"));
    file_hook(NULL);
}

static void cache_is_not_synced(void **state)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite_open(path_of("rebuildable.db"), false, DB_CACHE, &db, NULL), ERR_OK);
    exec_or_fail(db, "CREATE TABLE t(x)");
    record_start(&record);
    exec_or_fail(db, "INSERT INTO t VALUES(1)");
    assert_non_null(strstr(record.text, "write rebuildable.db-wal@"));
    assert_null(strstr(record.text, "sync"));
    file_hook(NULL);
    sqlite3_close(db);
}

/* Each failing operation gives an error and leaves the database as it was. */
static void faults_are_errors(void **state)
{
    static const struct {
        enum file_op op;
        int errnum;
        size_t torn;
        enum err rc;
    } cases[] = {
        {FILE_WRITE, ENOSPC, 0, ERR_FULL}, {FILE_WRITE, EIO, 0, ERR_IO},
        {FILE_WRITE, EIO, 13, ERR_IO},     {FILE_SYNC, EIO, 0, ERR_IO},
        {FILE_SYNC, ENOSPC, 0, ERR_FULL},
    };
    sqlite3 *db = open_or_fail("fault.db", false);
    exec_or_fail(db, "CREATE TABLE t(x); INSERT INTO t VALUES(1)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        record_start(&record);
        record.fail_op = cases[i].op;
        record.fail_errno = cases[i].errnum;
        record.torn = cases[i].torn;
        err_clear(&e);
        assert_int_equal(sqlite_exec(db, "INSERT INTO t VALUES(2)", &e), cases[i].rc);
        assert_non_null(strstr(e.message, "fault.db"));
        file_hook(NULL);
        assert_int_equal(value_of(db, "SELECT count(*) FROM t"), 1);
    }
    exec_or_fail(db, "INSERT INTO t VALUES(2)");
    sqlite3_close(db);
    db = open_or_fail("fault.db", false);
    assert_int_equal(value_of(db, "SELECT count(*) FROM t"), 2);
    sqlite3_close(db);
}

static void open_says_why(void **state)
{
    sqlite3 *db = NULL;
    err_clear(&e);
    assert_int_equal(sqlite_open(path_of("absent.db"), true, DB_DURABLE, &db, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "absent.db"));
    err_clear(&e);
    assert_int_equal(sqlite_open(path_of("no/folder.db"), false, DB_DURABLE, &db, &e),
                     ERR_NOT_FOUND);
    err_clear(&e);
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    assert_int_equal(file_write_atomic(path_of("junk.db"), junk, sizeof junk, 0600, NULL), ERR_OK);
    assert_int_equal(sqlite_open(path_of("junk.db"), false, DB_DURABLE, &db, &e), ERR_CORRUPT);
    record_start(&record);
    record.fail_op = FILE_OPEN;
    record.fail_errno = EACCES;
    assert_int_equal(sqlite_open(path_of("new.db"), false, DB_DURABLE, &db, NULL), ERR_DENIED);
    file_hook(NULL);
    assert_int_equal(sqlite_open("file:x?vfs=unix", false, DB_DURABLE, &db, NULL), ERR_INVALID);
    assert_null(db);
}

static void errors_have_codes(void **state)
{
    sqlite3 *a = open_or_fail("codes.db", false), *b = open_or_fail("codes.db", false);
    exec_or_fail(a, "CREATE TABLE t(x INTEGER PRIMARY KEY, y TEXT UNIQUE) STRICT");
    exec_or_fail(a, "INSERT INTO t VALUES(1,'a')");
    assert_int_equal(sqlite_exec(a, "INSERT INTO t VALUES(2,'a')", &e), ERR_CONFLICT);
    assert_int_equal(sqlite_exec(a, "nonsense", NULL), ERR_INVALID);
    exec_or_fail(a, "BEGIN IMMEDIATE");
    assert_int_equal(sqlite_exec(b, "BEGIN IMMEDIATE", NULL), ERR_BUSY);
    exec_or_fail(a, "COMMIT");
    assert_int_equal(sqlite_error(a, SQLITE_INTERRUPT, NULL), ERR_TIMEOUT);
    assert_int_equal(sqlite_error(NULL, SQLITE_CORRUPT_VTAB, NULL), ERR_CORRUPT);
    assert_int_equal(sqlite_error(a, SQLITE_ROW, NULL), ERR_OK);
    sqlite3_close(a);
    sqlite3_close(b);
}

static int64_t fixed_wall(void *ctx)
{
    return INT64_C(1767225600123456); /* 2026-01-01T00:00:00.123456Z */
}

static int64_t fixed_mono(void *ctx)
{
    return 1;
}

static void fixed_sleep(void *ctx, int64_t ns)
{
}

static void time_comes_from_base(void **state)
{
    sqlite3 *db = open_or_fail("time.db", false);
    clock_replace(&(struct clock_source){fixed_wall, fixed_mono, fixed_sleep, NULL});
    assert_int_equal(value_of(db, "SELECT strftime('%Y-%m-%d %H:%M:%f','now')="
                                  "'2026-01-01 00:00:00.123'"),
                     1);
    clock_replace(NULL);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_hold),     cmocka_unit_test(readers_see_commits),
        cmocka_unit_test(commit_is_synced),  cmocka_unit_test(cache_is_not_synced),
        cmocka_unit_test(faults_are_errors), cmocka_unit_test(open_says_why),
        cmocka_unit_test(errors_have_codes), cmocka_unit_test(time_comes_from_base),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
