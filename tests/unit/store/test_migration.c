/* A database that the first akin (format 1) made: with its statements, as they were then. */
#include "fixture.h"
#include "base/sqlite.h"
#include <math.h>
#include <stdatomic.h>

open_fn *fixture_open = store_open;

static const char format_1[] =
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
    "CREATE TABLE consumer (name TEXT PRIMARY KEY, change INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

static void sql(sqlite3 *db, const char *format, ...)
{
    char text[8192];
    va_list args;
    struct err_info e = {0};

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (sqlite_exec(db, text, &e))
        fail_msg("%s: %s", text, e.message);
}

static void hex_of(const void *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + i * 2, 3, "%02x", ((const uint8_t *)p)[i]);
    out[n * 2] = 0;
}

/* As the old code stored it. */
static void old_document(sqlite3 *db, struct store_act act, uint64_t number, uint64_t revision,
                         unsigned attempts)
{
    const struct document_record *d = &act.document;
    unsigned long long key = (unsigned long long)d->collection << 32 | number;
    char digest[65], text_digest[65], spans[1024], vectors[1024];

    hex_of(d->digest, 32, digest);
    hex_of(d->text_digest, 32, text_digest);
    sql(db,
        "INSERT INTO document VALUES (%llu, %u, '%.*s', %u, %d, 11, 12, 0, %u, %u, x'%s', x'%s')",
        key, d->collection, STR_ARG(d->id), (unsigned)revision, (int)d->state, attempts,
        d->passage_count, digest, text_digest);
    sql(db, "INSERT INTO payload VALUES (%llu, CAST('%.*s' AS BLOB))", key, STR_ARG(d->payload));
    for (uint32_t i = 0; i < d->passage_count; i++) {
        const struct passage_record *p = &d->passages[i];
        const uint32_t span[] = {p->start, p->end, p->tokens};
        hex_of(span, sizeof span, spans + i * sizeof span * 2);
        if (p->vector)
            hex_of(p->vector, DIMS * 2, vectors + (size_t)i * DIMS * 4);
    }
    if (d->passage_count && d->state == DOCUMENT_READY)
        sql(db, "INSERT INTO passage VALUES (%llu, x'%s', x'%s')", key, spans, vectors);
    else if (d->passage_count)
        sql(db, "INSERT INTO passage VALUES (%llu, x'%s', NULL)", key, spans);
}

/* Collections: 2 "news" with documents ready, pending, without passages; 3 "empty"; 4 was being
 * removed. */
static void old_database(struct fixture *f)
{
    char path[128];
    sqlite3 *db;
    struct store_act none = act_put(f, 2, STR("none"), "");

    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    ok(sqlite_open(path, false, DB_DURABLE, &db, NULL));
    sql(db, "%s", format_1);
    sql(db, "INSERT INTO state VALUES (1, '0123456789ab', 8, 0, 4, 7)");
    sql(db, "PRAGMA application_id = %d; PRAGMA user_version = 1", 0x616b696e);
    none.document.passage_count = 0;
    old_document(db, act_put(f, 2, STR("a"), "the text of a"), 1, 2, 0);
    old_document(db, act_pending(f, 2, STR("b"), "the longer text of b"), 3, 3, 2);
    old_document(db, none, 5, 4, 0);
    sql(db, "INSERT INTO collection VALUES (2, 'news', CAST('{}' AS BLOB), 'stub', 8, 21, 22, 5, 3,"
            " 5, 1, 9, .25)");
    sql(db, "INSERT INTO collection VALUES (3, 'empty', CAST('{}' AS BLOB), 'stub', 16, 31, 32, 6,"
            " 0, 0, 0, 0, NULL)");
    old_document(db, act_put(f, 4, STR("x"), "of a collection that goes"), 1, 7, 0);
    sql(db, "INSERT INTO purge VALUES (4)");
    for (int i = 1; i <= 8; i++)
        sql(db, "INSERT INTO change VALUES (%d, %d, %d, 2, 'news', 1, 's')", i, i > 6 ? 6 : 0, i);
    sql(db, "INSERT INTO feedback VALUES (8, 2, 'e8', 'u', 'a', 'like', '', '', 1.0, -1, 80)");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void is_migrated(struct fixture *f)
{
    struct collection_record c;
    struct version_record v;
    struct document_record d;

    ok(store_check(f->s, &f->e));
    ok(store_collection_get(f->s, f->a, STR("news"), &c, NULL));
    assert_int_equal(c.id, 2);
    assert_true(str_eq_c(c.model_digest, "stub"));
    assert_int_equal(c.dims, DIMS);
    assert_true(c.created_us == 21 && c.updated_us == 22 && c.revision == 5);
    assert_true(c.documents == 3 && c.passages == 5 && c.pending == 1);
    assert_true(c.mean_cosine == .25f);
    ok(store_version_get(f->s, f->a, c.version, &v, NULL));
    assert_int_equal(v.collection, 2);
    assert_int_equal(v.state, VERSION_ACTIVE);
    assert_true(v.missing == 1 && v.passages == 5 && v.dims == DIMS && v.mean_cosine == .25f);
    assert_true(str_eq_c(v.model_digest, "stub"));
    ok(store_document_get(f->s, f->a, 2, STR("a"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d, NULL));
    struct store_act want = act_put(f, 2, STR("a"), "the text of a");
    assert_true(str_eq_c(d.payload, "the text of a"));
    assert_int_equal(d.passage_count, 2);
    assert_int_equal(d.passages[1].tokens, 2);
    assert_memory_equal(d.passages[1].vector, want.document.passages[1].vector, DIMS * 2);
    assert_true(d.revision == 2 && d.created_us == 11 && d.updated_us == 12);
    ok(store_document_get(f->s, f->a, 2, STR("b"), DOCUMENT_VECTORS, &d, NULL));
    assert_true(d.state == DOCUMENT_PENDING && d.attempts == 2 && d.passage_count == 3);
    ok(store_document_get(f->s, f->a, 2, STR("none"), DOCUMENT_VECTORS, &d, NULL));
    assert_true(d.state == DOCUMENT_READY && d.passage_count == 0);
    ok(store_collection_get(f->s, f->a, STR("empty"), &c, NULL));
    assert_int_equal(c.dims, 16);
    assert_true(isnan(c.mean_cosine));
    assert_int_equal(store_document_get(f->s, f->a, 4, STR("x"), 0, &d, NULL), ERR_NOT_FOUND);
}

/* Feedback is found by its event id, and told once; that of a removed reader is a number. */
static void feedback_is_migrated(struct fixture *f)
{
    struct store_act again = act_feedback(2, "e8", "u", "a", 80);
    struct change_record *list;
    size_t n;

    ok(store_changes(f->s, f->a, 6, 9, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(list[0].kind == CHANGE_FEEDBACK && str_eq_c(list[0].subject, ""));
    assert_true(list[1].kind == CHANGE_FEEDBACK && str_eq_c(list[1].subject, "e8"));
    assert_true(list[1].at_us == 8 && list[1].change == 8);
    again = done(f, again);
    assert_int_equal(again.status, ACT_UNCHANGED);
    assert_int_equal(again.revision, 8);
}

/* And what is done afterwards goes on from there. */
static void goes_on(struct fixture *f)
{
    struct store_act act = act_put(f, 2, STR("b"), "the longer text of b");
    struct version_record v;
    struct document_record d;
    uint32_t first;

    act.kind = ACT_DOCUMENT_EMBEDDED;
    done(f, act);
    assert_int_equal(done(f, act_put(f, 2, STR("a"), "the text of a")).status, ACT_UNCHANGED);
    assert_int_equal(done(f, act_put(f, 2, STR("c"), "new")).id, 10);
    act = (struct store_act){.kind = ACT_VERSION_CREATE,
                             .version = {.collection = 2, .dims = DIMS, .model_digest = STR("m")}};
    act = done(f, act);
    assert_true(act.id > 4); /* those of removed collections are not used again */
    ok(store_version_get(f->s, f->a, (uint32_t)act.id, &v, NULL));
    assert_int_equal(v.missing, 4);
    ok(store_document_get(f->s, f->a, 2, STR("a"), 0, &d, NULL));
    first = d.version;
    v.state = VERSION_READY;
    done(f, (struct store_act){.kind = ACT_VERSION_UPDATE, .version = v});
    done(f, (struct store_act){.kind = ACT_VERSION_ACTIVATE, .version = v});
    ok(store_check(f->s, &f->e));
    act = act_put(f, 2, STR("c"), "new");
    act.kind = ACT_VERSION_EMBEDDED;
    act.version.id = v.id;
    done(f, act);
    done(f, act_delete(2, STR("none")));
    done(f, (struct store_act){.kind = ACT_VERSION_ACTIVATE, .version = {.id = first}});
    ok(store_document_get(f->s, f->a, 2, STR("a"), DOCUMENT_VECTORS, &d, NULL));
    assert_int_equal(d.state, DOCUMENT_READY);
    ok(store_check(f->s, &f->e));
}

static void test_open(void **state)
{
    struct fixture *f = *state;

    old_database(f);
    ok(store_open(f->dir, NULL, &f->s, &f->e));
    is_migrated(f);
    feedback_is_migrated(f);
    reopen(f);
    is_migrated(f);
    feedback_is_migrated(f);
    goes_on(f);
    reopen(f);
    ok(store_check(f->s, &f->e));
}

/* A backup of format 1. */
static void test_restore(void **state)
{
    struct fixture *f = *state;
    char path[128], dir[128];

    old_database(f);
    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    snprintf(dir, sizeof dir, "%s/again", f->dir);
    ok(store_restore(dir, path, &f->e));
    ok(store_open(dir, NULL, &f->s, &f->e));
    is_migrated(f);
    feedback_is_migrated(f);
    goes_on(f);
}

/* What was being removed goes, with its passages. */
static void test_purge(void **state)
{
    struct fixture *f = *state;
    char path[128];
    sqlite3 *db;
    int64_t left = 1;

    old_database(f);
    ok(store_open(f->dir, NULL, &f->s, &f->e));
    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    ok(sqlite_open(path, true, DB_DURABLE, &db, NULL));
    for (int i = 0; i < 5000 && left; i++) {
        sqlite3_stmt *st;
        ok(sqlite_error(db,
                        sqlite3_prepare_v2(
                            db,
                            "SELECT (SELECT count(*) FROM purge) + (SELECT count(*) FROM"
                            " purge_version) + (SELECT count(*) FROM passage WHERE key >> 32 = 4)"
                            " + (SELECT count(*) FROM document WHERE collection = 4)",
                            -1, &st, NULL),
                        NULL));
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        left = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
        clock_sleep_ns(left ? 2000000 : 0);
    }
    assert_int_equal(left, 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    ok(store_check(f->s, &f->e));
}

/* Cut off anywhere, it is the old database or the new one, and the next opening ends it. */
static atomic_long fail_at, ops;

static int failing(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                   size_t *torn)
{
    return atomic_fetch_add(&ops, 1) + 1 == atomic_load(&fail_at) ? 5 : 0;
}

static void test_every_fault(void **state)
{
    static const struct file_hook hook = {.before = failing};
    struct fixture *f = *state;
    char path[128], kept[128];
    bool reached = true;
    long n = 1;

    old_database(f);
    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    snprintf(kept, sizeof kept, "%s/kept.db", f->dir);
    ok(file_copy(path, kept, NULL));
    for (; reached; n++) {
        file_hook(&hook);
        atomic_store(&ops, 0);
        atomic_store(&fail_at, n);
        enum err err = store_open(f->dir, NULL, &f->s, NULL);
        reached = atomic_load(&ops) >= n;
        atomic_store(&fail_at, 0); /* the store's own threads still write */
        if (!err)
            store_close(f->s);
        file_hook(NULL);
        f->s = NULL;
        ok(store_open(f->dir, NULL, &f->s, &f->e));
        is_migrated(f);
        feedback_is_migrated(f);
        store_close(f->s);
        f->s = NULL;
        ok(file_remove(path, NULL));
        ok(file_copy(kept, path, NULL));
    }
    print_message("%ld points of failure\n", n - 1);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define D(name) cmocka_unit_test_setup_teardown(name, setup_dir, teardown)
        D(test_open),
        D(test_restore),
        D(test_purge),
        D(test_every_fault),
    };

    return cmocka_run_group_tests_name("migration", tests, NULL, NULL);
}
