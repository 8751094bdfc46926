/* What the store does by itself: removing what was given up, keeping the WAL short, stopping reads
 * that take too long; and that all of it also runs under the seeded scheduler. */
#include "fixture.h"
#include "base/metrics.h"
#include "base/sqlite.h"
#include <stdatomic.h>
#include <sys/stat.h>

open_fn *fixture_open = store_open;

static sqlite3 *database_of(struct fixture *f)
{
    sqlite3 *db;
    char path[128];

    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    ok(sqlite_open(path, true, DB_DURABLE, &db, NULL));
    return db;
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st;
    int64_t n = -1;

    ok(sqlite_error(db, sqlite3_prepare_v2(db, sql, -1, &st, NULL), NULL));
    if (sqlite3_step(st) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

#define ROWS                                                                                       \
    "SELECT (SELECT count(*) FROM document) + (SELECT count(*) FROM payload) + (SELECT count(*) "  \
    "FROM passage) + (SELECT count(*) FROM purge_version)"                                         \
    " + (SELECT count(*) FROM feedback) + (SELECT count(*) FROM user) + (SELECT count(*) FROM "    \
    "served) + (SELECT count(*) FROM "                                                             \
    "purge)"

#define VERSION_ROWS                                                                               \
    "SELECT (SELECT count(*) FROM passage) + (SELECT count(*) FROM missing) + (SELECT count(*) "   \
    "FROM purge_version)"

static void rows_become(struct fixture *f, const char *sql, int64_t want)
{
    sqlite3 *db = database_of(f);
    int64_t n = -1;

    for (int i = 0; i < 5000 && n != want; i++) {
        n = number_of(db, sql);
        clock_sleep_ns(2000000);
    }
    assert_int_equal(n, want);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static uint32_t filled(struct fixture *f, const char *name, unsigned n)
{
    uint32_t c = collection_made(f, name);
    struct store_act *acts = arena_array(f->a, (size_t)n * 3, sizeof *acts);
    struct served_record *served = arena_array(f->a, n, sizeof *served);

    for (unsigned i = 0; i < n; i++) {
        char *id = arena_printf(f->a, "d%u", i);
        acts[i * 3] = act_put(f, c, str_c(id), id);
        acts[i * 3 + 1] = act_feedback(c, id, "u", id, i + 1);
        acts[i * 3 + 2] = act_user(c, id, "{}");
        served[i].collection = c;
        memcpy(served[i].token, &i, sizeof i);
    }
    ok(store_write(f->s, acts, (size_t)n * 3, true, NULL, NULL));
    done(f, (struct store_act){.kind = ACT_SERVED_ADD, .served = served, .served_count = n});
    return c;
}

static struct store_act act_drop(uint32_t c)
{
    return (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = c}};
}

static void test_purge(void **state)
{
    struct fixture *f = *state;
    uint32_t gone = filled(f, "gone", 1000);

    filled(f, "stays", 10);
    done(f, act_drop(gone));
    rows_become(f, ROWS, 60);
    ok(store_check(f->s, &f->e));
}

/* A version's rows, at any size, while its collection stays. */
static void test_purge_version(void **state)
{
    struct fixture *f = *state;
    uint32_t c = filled(f, "news", 1000);
    struct store_act act = {.kind = ACT_VERSION_CREATE, .version = {.collection = c, .dims = DIMS}};
    struct store_act *acts = arena_array(f->a, 600, sizeof *acts);

    act.version.id = (uint32_t)done(f, act).id;
    for (unsigned i = 0; i < 600; i++) {
        char *id = arena_printf(f->a, "d%u", i);
        acts[i] = act_put(f, c, str_c(id), id);
        acts[i].kind = ACT_VERSION_EMBEDDED;
        acts[i].version.id = act.version.id;
    }
    ok(store_write(f->s, acts, 600, true, NULL, NULL));
    ok(store_check(f->s, &f->e));
    rows_become(f, VERSION_ROWS, 1000 + 600 + 400);
    act.kind = ACT_VERSION_DELETE;
    done(f, act);
    ok(store_check(f->s, &f->e));
    reopen(f); /* goes on where it was cut off */
    rows_become(f, VERSION_ROWS, 1000);
    ok(store_check(f->s, &f->e));
    done(f, act_drop(c));
    rows_become(f, VERSION_ROWS, 0);
}

/* Cut off by closing, and gone on with after opening. */
static void test_purge_resumes(void **state)
{
    struct fixture *f = *state;
    uint32_t a = filled(f, "a", 1500), b = filled(f, "b", 1500);
    struct store_act acts[] = {act_drop(a), act_drop(b)};

    ok(store_write(f->s, acts, 2, false, NULL, NULL));
    store_close(f->s);
    ok(store_open(f->dir, NULL, &f->s, NULL));
    ok(store_check(f->s, &f->e));
    rows_become(f, ROWS, 0);
}

/* While writes never pause, too. */
static void test_purge_under_load(void **state)
{
    struct fixture *f = *state;
    uint32_t gone = filled(f, "gone", 1000), c = collection_made(f, "news");
    sqlite3 *db = database_of(f);

    done(f, act_drop(gone));
    for (unsigned i = 0; number_of(db, "SELECT count(*) FROM purge"); i++) {
        assert_true(i < 20000);
        done(f, act_put(f, c, STR("a"), arena_printf(f->a, "%u", i)));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_pruned_rows_go(void **state)
{
    struct fixture *f = *state;

    filled(f, "a", 1000);
    ok(store_changes_prune(f->s, 2500, NULL));
    rows_become(f,
                "SELECT (SELECT count(*) FROM change)"
                " + (SELECT count(*) FROM feedback WHERE change > 2500)",
                501);
    ok(store_check(f->s, &f->e));
}

static bool file_has(struct fixture *f, const char *name, const char *what)
{
    char path[128], *data;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    ok(file_read_all(path, 256 << 20, &data, &n, &f->e));
    bool has = n && memmem(data, n, what, strlen(what));
    free(data);
    return has;
}

/* Nothing of an erased reader is left in the files, though neither is made anew: not the rows, not
 * their indexes, not the log. */
static void test_erased_bytes_go(void **state)
{
    enum { ACTS = 3000 };
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act *acts = arena_array(f->a, ACTS, sizeof *acts);
    static const char *const traces[] = {"forget-me", "secret-session", "secret-event",
                                         "secret-name"};

    for (unsigned i = 0; i < ACTS; i++) {
        bool of = i % 3 == 0;
        acts[i] = act_feedback(c, arena_printf(f->a, of ? "secret-event%u" : "e%u", i),
                               of ? "forget-me" : "other", "d", i + 1);
        acts[i].feedback.session = of ? STR("secret-session") : STR("s");
    }
    ok(store_write(f->s, acts, ACTS, true, NULL, NULL));
    struct served_record answer = {.collection = c, .user = STR("forget-me"), .payload = STR("x")};
    done(f, (struct store_act){.kind = ACT_SERVED_ADD, .served = &answer, .served_count = 1});
    done(f, act_user(c, "forget-me", "{\"name\":\"secret-name\"}"));
    for (size_t i = 0; i < 4; i++)
        assert_true(file_has(f, "akin.db", traces[i]) || file_has(f, "akin.db-wal", traces[i]));
    done(f, (struct store_act){
                .kind = ACT_USER_DELETE, .user_collection = c, .user = {.id = STR("forget-me")}});
    for (unsigned i = 0; file_has(f, "akin.db-wal", "forget-me"); i++) {
        assert_true(i < 2000);
        clock_sleep_ns(5000000);
    }
    for (size_t i = 0; i < 4; i++)
        if (file_has(f, "akin.db", traces[i]) || file_has(f, "akin.db-wal", traces[i]))
            fail_msg("'%s' is still there", traces[i]);
    ok(store_check(f->s, &f->e));
}

struct heavy {
    struct fixture *f;
    uint32_t collection;
    unsigned number;
    uint64_t largest; /* bytes of the WAL */
};

static void heavy_write(void *arg)
{
    struct heavy *h = arg;
    char path[128], id[16], *text = calloc(1, 400001);
    struct file *wal;
    uint64_t size;

    memset(text, 'x', 400000);
    snprintf(id, sizeof id, "large%u", h->number);
    snprintf(path, sizeof path, "%s/akin.db-wal", h->f->dir);
    ok(file_open(path, FILE_READ_ONLY, &wal, NULL));
    for (unsigned i = 0; i < 125; i++) {
        struct fixture own = {.s = h->f->s};
        struct store_act act = {.kind = ACT_DOCUMENT_PUT,
                                .document = {.collection = h->collection, .id = str_c(id)}};
        snprintf(text, 10, "%09u", i);
        act.document.payload = (struct str){text, 400000};
        digest_of(act.document.payload, act.document.digest);
        done(&own, act);
        ok(file_size(wal, &size, NULL));
        h->largest = size > h->largest ? size : h->largest;
    }
    file_close(wal);
    free(text);
}

/* A slow disk under the database (not the WAL): a checkpoint is overtaken by writes before it ends.
 */
static int slow_sync(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                     size_t *torn)
{
    if (op == FILE_SYNC && strcmp(path + strlen(path) - 3, ".db") == 0)
        clock_sleep_ns(10000000);
    return 0;
}

static int setup_slow(void **state)
{
    static const struct file_hook slow = {.before = slow_sync};

    file_hook(&slow);
    return setup(state);
}

static int teardown_slow(void **state)
{
    int rc = teardown(state);

    file_hook(NULL);
    return rc;
}

/* 200 MB through the WAL, from writers that never let it rest. */
static void test_wal_bound(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct heavy heavy[4];
    struct thread *threads[4];

    for (unsigned i = 0; i < 4; i++) {
        heavy[i] = (struct heavy){f, c, i, 0};
        threads[i] = thread_start("heavy", heavy_write, &heavy[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        thread_join(threads[i]);
    for (unsigned i = 0; i < 4; i++)
        assert_true(heavy[i].largest < 100 << 20);
}

/* ---- reads that take too long ---- */

static atomic_llong jump_ns; /* the clock goes on by so much at each look */
static atomic_llong clock_ns;

static int64_t jumping_mono(void *ctx)
{
    return atomic_fetch_add(&clock_ns, atomic_load(&jump_ns));
}

static int64_t fixed_wall(void *ctx)
{
    return 1700000000000000;
}

static void no_sleep(void *ctx, int64_t ns)
{
}

static void test_read_timeout(void **state)
{
    struct fixture *f = *state;
    const struct clock_source jumping = {
        .mono_ns = jumping_mono, .wall_us = fixed_wall, .sleep_ns = no_sleep};
    struct document_record *list;
    struct err_info e = {0};
    size_t n;

    atomic_store(&jump_ns, 0);
    clock_replace(&jumping);
    ok(store_open(f->dir, NULL, &f->s, NULL));
    uint32_t c = filled(f, "news", 2000);
    atomic_store(&jump_ns, 6000000000);
    assert_int_equal(store_document_list(f->s, f->a, c, STR(""), 0, 10000, 0, &list, &n, &e),
                     ERR_TIMEOUT);
    assert_non_null(strstr(e.message, "time limit"));
    atomic_store(&jump_ns, 0); /* the connection is as good as before */
    ok(store_document_list(f->s, f->a, c, STR(""), 0, 10000, 0, &list, &n, NULL));
    assert_int_equal(n, 2000);
    store_close(f->s);
    f->s = NULL;
    clock_replace(NULL);
}

/* ---- the seeded scheduler ---- */

struct seeded {
    struct fixture *f;
    uint32_t collection;
    unsigned number;
};

static void seeded_write(void *arg)
{
    struct seeded *w = arg;
    struct fixture own = {.a = arena_new(0), .s = w->f->s};

    for (unsigned i = 0; i < 10; i++) {
        char *id = arena_printf(own.a, "%u-%u", w->number, i);
        uint64_t revision = done(&own, act_put(&own, w->collection, str_c(id), id)).revision;
        assert_true(store_changes_wait(own.s, revision - 1, 0));
    }
    arena_free(own.a);
}

static void test_seeded(void **state)
{
    struct fixture *f = *state;

    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct seeded work[3];
        struct thread *threads[3];
        char dir[96];
        struct position p;
        snprintf(dir, sizeof dir, "%s/%d", f->dir, (int)seed);
        sched_start(seed);
        ok(store_open(dir, NULL, &f->s, NULL));
        uint32_t c = collection_made(f, "news");
        for (unsigned i = 0; i < 3; i++) {
            work[i] = (struct seeded){f, c, i};
            threads[i] = thread_start("seeded", seeded_write, &work[i]);
        }
        for (unsigned i = 0; i < 3; i++)
            thread_join(threads[i]);
        store_position(f->s, &p);
        assert_int_equal(p.change, 31);
        ok(store_check(f->s, &f->e));
        store_close(f->s);
        f->s = NULL;
        sched_stop();
    }
}

static void test_metrics(void **state)
{
    struct strbuf out;
    const char *names[] = {"akin_db_connections{state=\"idle\"} 4",
                           "akin_db_connections{state=\"busy\"} 0", "akin_db_wait_seconds_count",
                           "akin_db_query_duration_seconds_count{query=\"document_get\"}",
                           "akin_db_errors_total"};

    strbuf_init(&out, 0);
    metrics_render(&out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(out.buf, names[i]))
            fail_msg("%s is missing", names[i]);
    strbuf_release(&out);
}

static void mode_is_private(struct fixture *f, const char *name)
{
    char path[128];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Whatever the umask: documents are nobody else's business, in a backup neither. */
static void test_private(void **state)
{
    struct fixture *f = *state;
    char path[128];

    collection_made(f, "news");
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    ok(store_backup(f->s, path, NULL, NULL, NULL));
    mode_is_private(f, "akin.db");
    mode_is_private(f, "akin.db-wal");
    mode_is_private(f, "backup.db");
    store_close(f->s);
    f->s = NULL;
    ok(store_restore(f->dir, path, &f->e));
    mode_is_private(f, "akin.db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define D(name) cmocka_unit_test_setup_teardown(name, setup_dir, teardown)
        T(test_metrics),
        T(test_private),
        T(test_purge),
        T(test_purge_version),
        T(test_purge_resumes),
        T(test_purge_under_load),
        T(test_pruned_rows_go),
        T(test_erased_bytes_go),
        cmocka_unit_test_setup_teardown(test_wal_bound, setup_slow, teardown_slow),
        D(test_read_timeout),
        D(test_seeded),
    };

    return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
