/* A disk that fails: the Nth write, sync or truncation, for every N; a disk that is full for a
 * while; damage. Whatever was acknowledged is there afterwards, and the store opens again. */
#include "../sanitized.h"
#include "fixture.h"
#include "base/rng.h"
#include "base/sqlite.h"
#include <errno.h>
#include <stdatomic.h>

open_fn *fixture_open = store_open;

/* One hook for all: counts what changes the disk, and fails from a number on. */
static atomic_long disk_ops, disk_fail_at, disk_fail_count;
static atomic_int disk_errno, disk_torn;

static int disk_before(void *ctx, enum file_op op, const char *path, uint64_t offset, size_t n,
                       size_t *torn)
{
    if (op == FILE_READ || op == FILE_OPEN)
        return 0;
    long number = atomic_fetch_add(&disk_ops, 1) + 1, at = atomic_load(&disk_fail_at);
    if (at == 0 || number < at || number >= at + atomic_load(&disk_fail_count))
        return 0;
    if (op == FILE_WRITE && torn && atomic_load(&disk_torn) && n > 100)
        *torn = n / 2;
    return atomic_load(&disk_errno);
}

/* What a recorder saw of the WAL, in order. */
static atomic_bool wal_dirty; /* written to since its last sync */
static atomic_long wal_syncs;

static void disk_after(void *ctx, enum file_op op, const char *path, uint64_t offset,
                       const void *data, size_t n)
{
    size_t length = strlen(path);

    if (length < 4 || strcmp(path + length - 4, "-wal") != 0)
        return;
    if (op == FILE_WRITE)
        atomic_store(&wal_dirty, true);
    if (op == FILE_SYNC) {
        atomic_store(&wal_dirty, false);
        atomic_fetch_add(&wal_syncs, 1);
    }
}

static const struct file_hook disk = {disk_before, disk_after, NULL};

static void disk_fails(long at, long count, int errnum, bool torn)
{
    atomic_store(&disk_errno, errnum);
    atomic_store(&disk_torn, torn);
    atomic_store(&disk_fail_count, count);
    atomic_store(&disk_ops, 0);
    atomic_store(&disk_fail_at, at);
}

static int setup_disk(void **state)
{
    disk_fails(0, 0, 0, false);
    file_hook(&disk);
    return setup(state);
}

static int setup_disk_dir(void **state)
{
    disk_fails(0, 0, 0, false);
    file_hook(&disk);
    return setup_dir(state);
}

static int teardown_disk(void **state)
{
    disk_fails(0, 0, 0, false);
    int rc = teardown(state);
    file_hook(NULL);
    return rc;
}

/* Each acknowledgement comes after a sync of the WAL with nothing written to it since. */
static void test_synced(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");

    for (unsigned i = 0; i < 300; i++) {
        long before = atomic_load(&wal_syncs);
        done(f, act_put(f, c, str_c(arena_printf(f->a, "d%u", i % 200)),
                        arena_printf(f->a, "text %u", i)));
        assert_false(atomic_load(&wal_dirty));
        assert_true(atomic_load(&wal_syncs) > before);
    }
    done(f, act_delete(c, STR("d1")));
    assert_false(atomic_load(&wal_dirty));
}

#define DOCUMENTS 5
struct expected {
    const char *text;     /* as acknowledged; NULL: not there */
    const char *maybe[2]; /* refused since: may be there after all, if it was written before a sync
                             that failed */
};

/* Some writes; what was acknowledged is noted. Returns how many failed. */
static unsigned some_writes(struct fixture *f, uint32_t c, struct expected *want)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < DOCUMENTS * 2; i++) {
        struct expected *w = &want[i % DOCUMENTS];
        const char *text = arena_printf(f->a, "%u: a text that takes some room in the database", i);
        struct store_act act = act_put(f, c, str_c(arena_printf(f->a, "d%u", i % DOCUMENTS)), text);
        enum err err = store_write(f->s, &act, 1, false, NULL, NULL);
        if (err) {
            assert_true(err == ERR_IO || err == ERR_FULL);
            assert_int_equal(act.err, err);
            w->maybe[i / DOCUMENTS] = text;
            failed++;
        } else {
            assert_int_equal(act.err, 0);
            *w = (struct expected){.text = text};
        }
    }
    return failed;
}

static void all_there(struct fixture *f, uint32_t c, const struct expected *want)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        struct document_record d;
        char id[16];
        snprintf(id, sizeof id, "d%u", i);
        enum err err = store_document_get(f->s, f->a, c, str_c(id), DOCUMENT_PAYLOAD, &d, NULL);
        if (err == ERR_NOT_FOUND && !want[i].text)
            continue;
        assert_int_equal(err, ERR_OK);
        bool is = want[i].text && str_eq_c(d.payload, want[i].text);
        for (unsigned k = 0; k < 2 && !is; k++)
            is = want[i].maybe[k] && str_eq_c(d.payload, want[i].maybe[k]);
        if (!is)
            fail_msg("document %s is neither what was acknowledged nor what was refused since", id);
    }
    ok(store_check(f->s, &f->e));
}

static bool one_fault(struct fixture *f, long n, int errnum, bool torn, long count)
{
    struct expected want[DOCUMENTS] = {{0}};
    char dir[96];

    snprintf(dir, sizeof dir, "%s/%ld-%d", f->dir, n, errnum);
    ok(store_open(dir, NULL, &f->s, NULL));
    uint32_t c = collection_made(f, "news");
    disk_fails(n, count, errnum, torn);
    unsigned failed = some_writes(f, c, want);
    bool reached = atomic_load(&disk_ops) >= n;
    disk_fails(0, 0, 0, false);
    for (unsigned i = 0; i < DOCUMENTS && failed;
         i++) /* refused is refused, as long as nobody crashes */
        want[i].maybe[0] = want[i].maybe[1] = NULL;
    all_there(f, c, want);
    done(f, act_put(f, c, STR("after"), "the disk is well again"));
    store_close(f->s);
    ok(store_open(dir, NULL, &f->s, &f->e));
    all_there(f, c, want);
    store_close(f->s);
    f->s = NULL;
    ok(file_remove_tree(dir, NULL));
    return reached;
}

static void every_fault(struct fixture *f, int errnum, bool torn, long count)
{
    long n = SLOW ? count : 1, step = SLOW ? 3 : 1; /* then each point by one of the three faults */

    while (one_fault(f, n, errnum, torn, count))
        n += step;
    print_message("%ld points of failure\n", n - 1);
    assert_true(n > 50);
    arena_reset(f->a);
}

static void test_every_write_eio(void **state)
{
    every_fault(*state, EIO, false, 1);
}

static void test_every_write_torn(void **state)
{
    every_fault(*state, EIO, true, 2);
}

static void test_every_write_full(void **state)
{
    every_fault(*state, ENOSPC, false, 3);
}

/* ---- embedding versions ---- */

struct switching {
    uint32_t collection, version[2], active; /* as acknowledged */
    bool embedded[DOCUMENTS];                /* for the second version */
};

static struct store_act act_of_document(struct fixture *f, const struct switching *w, unsigned i,
                                        enum act_kind kind, uint32_t version)
{
    struct store_act act =
        act_put(f, w->collection, str_c(arena_printf(f->a, "d%u", i)), "a text of two passages");

    act.kind = kind;
    act.version.id = version;
    return act;
}

static bool was_done(struct fixture *f, struct store_act act)
{
    enum err err = store_write(f->s, &act, 1, false, NULL, NULL);

    assert_true(err == ERR_OK || err == ERR_IO);
    assert_int_equal(act.err, err);
    return err == ERR_OK;
}

static void switching_make(struct fixture *f, struct switching *w)
{
    struct collection_record c;
    struct store_act act;

    *w = (struct switching){.collection = collection_made(f, "news")};
    for (unsigned i = 0; i < DOCUMENTS; i++)
        done(f, act_of_document(f, w, i, ACT_DOCUMENT_PUT, 0));
    ok(store_collection_get(f->s, f->a, STR("news"), &c, NULL));
    act = (struct store_act){
        .kind = ACT_VERSION_CREATE,
        .version = {.collection = c.id, .dims = DIMS, .model_digest = STR("other")}};
    w->version[0] = w->active = c.version;
    w->version[1] = act.version.id = (uint32_t)done(f, act).id;
    act.kind = ACT_VERSION_UPDATE;
    act.version.state = VERSION_READY;
    done(f, act);
}

/* Documents are embedded for the second version, which becomes the active one on the way, and is
 * left again. */
static void switching_run(struct fixture *f, struct switching *w)
{
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        if (was_done(f, act_of_document(f, w, i, ACT_VERSION_EMBEDDED, w->version[1])))
            w->embedded[i] = true;
        if (i % 2 == 0)
            continue;
        uint32_t other = w->version[w->active == w->version[0]];
        if (was_done(f, (struct store_act){.kind = ACT_VERSION_ACTIVATE, .version.id = other}))
            w->active = other;
    }
}

static void switching_is(struct fixture *f, const struct switching *w)
{
    struct collection_record c;
    struct document_record *docs, d;
    size_t n, missing = 0;

    ok(store_check(f->s, &f->e));
    ok(store_collection_get(f->s, f->a, STR("news"), &c, NULL));
    assert_int_equal(c.version, w->active);
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        uint32_t number = i + 1;
        ok(store_version_passages(f->s, f->a, w->version[1], &number, 1, DOCUMENT_VECTORS, &d,
                                  NULL));
        assert_int_equal(d.state == DOCUMENT_READY, w->embedded[i]);
        missing += !w->embedded[i];
        ok(store_version_passages(f->s, f->a, w->version[0], &number, 1, DOCUMENT_VECTORS, &d,
                                  NULL));
        assert_int_equal(d.state, DOCUMENT_READY);
    }
    ok(store_version_missing(f->s, f->a, w->version[1], 0, 100, &docs, &n, NULL));
    assert_int_equal(n, missing);
    assert_int_equal(c.pending, w->active == w->version[1] ? missing : 0);
}

static void test_every_switch(void **state)
{
    struct fixture *f = *state;
    bool reached = true;
    long n = 1;

    for (; reached; n++) {
        struct switching w;
        char dir[96];
        snprintf(dir, sizeof dir, "%s/%ld", f->dir, n);
        ok(store_open(dir, NULL, &f->s, NULL));
        switching_make(f, &w);
        disk_fails(n, 1 + n % 2, EIO, n % 3 == 0);
        switching_run(f, &w);
        reached = atomic_load(&disk_ops) >= n;
        disk_fails(0, 0, 0, false);
        switching_is(f, &w);
        store_close(f->s);
        ok(store_open(dir, NULL, &f->s, &f->e));
        switching_is(f, &w);
        switching_run(f, &w); /* repeated: nothing is stored twice */
        switching_is(f, &w);
        store_close(f->s);
        f->s = NULL;
        ok(file_remove_tree(dir, NULL));
    }
    print_message("%ld points of failure\n", n - 1);
    assert_true(n > 30);
}

/* The same while opening: an error or a store, never damage. */
static void test_every_open(void **state)
{
    struct fixture *f = *state;
    bool reached = true;

    for (long n = 1; reached; n++) {
        char dir[96];
        snprintf(dir, sizeof dir, "%s/%ld", f->dir, n);
        disk_fails(n, 1, EIO, true);
        enum err err = store_open(dir, NULL, &f->s, NULL);
        reached = atomic_load(&disk_ops) >= n;
        disk_fails(0, 0, 0, false);
        if (err) {
            assert_int_not_equal(err, ERR_CORRUPT);
            f->s = NULL;
        } else {
            store_close(f->s);
        }
        ok(store_open(dir, NULL, &f->s, &f->e));
        collection_made(f, "news");
        ok(store_check(f->s, &f->e));
        store_close(f->s);
        f->s = NULL;
    }
}

/* A crash right after a fault: the files as they lie are copied, and opened as a store of their
 * own. */
static void test_crash_after_fault(void **state)
{
    struct fixture *f = *state;

    for (long n = 1; n < 120; n += 3) {
        struct expected want[DOCUMENTS] = {{0}};
        char dir[96], copy[96], from[128], to[128];
        snprintf(dir, sizeof dir, "%s/a%ld", f->dir, n);
        snprintf(copy, sizeof copy, "%s/b%ld", f->dir, n);
        ok(store_open(dir, NULL, &f->s, NULL));
        uint32_t c = collection_made(f, "news");
        disk_fails(n, 1000000, n % 2 ? EIO : ENOSPC, true); /* it never recovers */
        (void)some_writes(f, c, want);
        disk_fails(0, 0, 0, false);
        ok(file_mkdirs(copy, 0700, NULL));
        for (int i = 0; i < 2; i++) {
            snprintf(from, sizeof from, "%s/akin.db%s", dir, i ? "-wal" : "");
            snprintf(to, sizeof to, "%s/akin.db%s", copy, i ? "-wal" : "");
            ok(file_copy(from, to, NULL));
        }
        store_close(f->s);
        ok(store_open(copy, NULL, &f->s, &f->e));
        all_there(f, c, want);
        store_close(f->s);
        f->s = NULL;
    }
}

/* Full: writes are refused as such, reads go on, and writes too as soon as there is room. */
static void test_full(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act act = act_put(f, c, STR("b"), "two");
    struct document_record d;
    struct err_info e = {0};
    struct position p, q;

    done(f, act_put(f, c, STR("a"), "one"));
    store_position(f->s, &p);
    disk_fails(1, 1000000, ENOSPC, false);
    for (int i = 0; i < 3; i++) {
        err_clear(&e);
        assert_int_equal(store_write(f->s, &act, 1, false, NULL, &e), ERR_FULL);
        assert_int_equal(act.err, ERR_FULL);
        assert_int_equal(e.code, ERR_FULL);
        ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_PAYLOAD, &d, NULL));
        assert_int_equal(store_document_get(f->s, f->a, c, STR("b"), 0, &d, NULL), ERR_NOT_FOUND);
    }
    char path[128];
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    assert_int_equal(store_backup(f->s, path, NULL, NULL, NULL), ERR_FULL);
    assert_false(file_exists(path));
    disk_fails(0, 0, 0, false);
    store_position(f->s, &q);
    assert_int_equal(p.change, q.change);
    assert_int_equal(done(f, act).revision, p.change + 1);
    ok(store_check(f->s, &f->e));
}

/* ---- what a damaged file is met with ---- */

static void database_path(struct fixture *f, char *out, size_t n)
{
    snprintf(out, n, "%s/akin.db", f->dir);
}

static void overwrite(const char *path, uint64_t offset, const void *p, size_t n)
{
    struct file *file;

    ok(file_open(path, FILE_READ_WRITE, &file, NULL));
    ok(file_pwrite(file, offset, p, n, NULL));
    file_close(file);
}

static void opens_as(struct fixture *f, enum err want, const char *words)
{
    struct err_info e = {0};

    assert_int_equal(store_open(f->dir, NULL, &f->s, &e), want);
    f->s = NULL;
    if (!strstr(e.message, words))
        fail_msg("'%s' does not say '%s'", e.message, words);
}

static void filled_and_closed(struct fixture *f)
{
    struct expected want[DOCUMENTS] = {{0}};

    ok(store_open(f->dir, NULL, &f->s, NULL));
    assert_int_equal(some_writes(f, collection_made(f, "news"), want), 0);
    store_close(f->s);
    f->s = NULL;
}

static void test_corrupt_header(void **state)
{
    struct fixture *f = *state;
    char path[128], noise[512];

    filled_and_closed(f);
    database_path(f, path, sizeof path);
    rng_bytes(noise, sizeof noise);
    overwrite(path, 0, noise, sizeof noise);
    opens_as(f, ERR_CORRUPT, "akin restore");
}

static void test_corrupt_pages(void **state)
{
    struct fixture *f = *state;
    char path[128], noise[4096 * 6];

    filled_and_closed(f);
    database_path(f, path, sizeof path);
    memset(noise, 0xee, sizeof noise);
    overwrite(path, 4096 * 2, noise, sizeof noise);
    opens_as(f, ERR_CORRUPT, "akin restore");
}

static void sql(struct fixture *f, const char *text)
{
    char path[128];
    sqlite3 *db;

    database_path(f, path, sizeof path);
    ok(sqlite_open(path, false, DB_DURABLE, &db, NULL));
    ok(sqlite_exec(db, text, &f->e));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_format(void **state)
{
    struct fixture *f = *state;

    filled_and_closed(f);
    sql(f, "PRAGMA user_version = 99");
    opens_as(f, ERR_UNSUPPORTED, "format 99");
    sql(f, "PRAGMA user_version = 2; PRAGMA application_id = 7");
    opens_as(f, ERR_UNSUPPORTED, "not one of akin");
}

/* Each invariant, broken by hand, is named by store_check; some already by opening. */
static void test_check_sees(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *sql, *words;
    } faults[] = {
        {"UPDATE collection SET documents = documents + 1", "counts"},
        {"UPDATE collection SET bytes = bytes + 1", "bytes of collection"},
        {"UPDATE version SET passages = passages + 1", "counts of version"},
        {"UPDATE version SET missing = 1", "counts of version"},
        {"UPDATE version SET collection = 9", "not one active version"},
        {"UPDATE version SET state = 3", "not one active version"},
        {"INSERT INTO version SELECT 2, 1, 2, model, model_digest, settings, dims, mean_cosine, 0,"
         " 0, 1, 1, report, 1, 0, 0 FROM version; UPDATE state SET last_version = 2",
         "not one active version"},
        {"INSERT INTO version SELECT 2, 9, 0, model, model_digest, settings, dims, mean_cosine, 0,"
         " 0, 1, 1, report, 1, 0, 0 FROM version; UPDATE state SET last_version = 2",
         "no collection"},
        {"UPDATE state SET last_version = 0", "newer"},
        {"INSERT INTO missing VALUES ((1 << 32) + 3)", "counts of version"},
        {"INSERT INTO missing VALUES ((7 << 32) + 3)", "not there"},
        {"INSERT INTO version SELECT 2, 1, 0, model, model_digest, settings, dims, mean_cosine, 5,"
         " 0, 1, 1, report, 1, 0, 0 FROM version; UPDATE state SET last_version = 2;"
         "INSERT INTO missing VALUES ((2 << 32) + 1), ((2 << 32) + 2), ((2 << 32) + 3),"
         " ((2 << 32) + 4), ((2 << 32) + 77)",
         "missing in version 2"},
        {"DELETE FROM passage WHERE key & 0xffffffff = 3;"
         "UPDATE version SET passages = (SELECT sum(length(spans) / 12) FROM passage)",
         "missing in version 1"},
        {"UPDATE passage SET text = zeroblob(16) WHERE key & 0xffffffff = 3",
         "missing in version 1"},
        {"UPDATE state SET cache_bytes = 1", "embedding cache"},
        {"UPDATE payload SET payload = CAST('x' AS BLOB) WHERE key & 0xffffffff = 3", "digest"},
        {"DELETE FROM payload WHERE key & 0xffffffff = 3", "no payload"},
        {"INSERT INTO payload VALUES (5, CAST('x' AS BLOB))", "no document"},
        {"INSERT INTO passage VALUES (5, zeroblob(12), NULL, NULL)", "no document"},
        {"INSERT INTO passage VALUES ((1 << 32) + 77, zeroblob(12), NULL, NULL);"
         "UPDATE version SET passages = passages + 1",
         "no document"},
        {"UPDATE passage SET vectors = CAST('x' AS BLOB) WHERE key & 0xffffffff = 3", "wrong size"},
        {"UPDATE passage SET spans = zeroblob(61) WHERE key & 0xffffffff = 3;"
         "UPDATE version SET passages = (SELECT sum(length(spans) / 12) FROM passage)",
         "wrong size"},
        {"UPDATE document SET state = 1 WHERE key & 0xffffffff = 3; UPDATE version SET missing = 1",
         "missing in version 1"},
        {"UPDATE document SET digest = CAST('x' AS BLOB) WHERE key & 0xffffffff = 3", "digest"},
        {"UPDATE document SET revision = 1000 WHERE key & 0xffffffff = 3", "newer"},
        {"DELETE FROM change WHERE change = 4", "gap"},
        {"INSERT INTO feedback VALUES (4, 1, 'e', 'u', 'd', 't', '', '', 1.0, 1, 1, 1, 1)", "gap"},
        {"INSERT INTO user VALUES (9, 'u', 1, 1, 1, CAST('x' AS BLOB))", "no collection"},
        {"INSERT INTO feedback VALUES (9, 9, 'e', 'u', 'd', 't', '', '', 1.0, 1, 1, 1, 1)",
         "no collection"},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct err_info e = {0};
        char path[128];
        filled_and_closed(f);
        sql(f, faults[i].sql);
        ok(store_open(f->dir, NULL, &f->s, &f->e));
        assert_int_equal(store_check(f->s, &e), ERR_CORRUPT);
        if (!strstr(e.message, faults[i].words))
            fail_msg("'%s' does not say '%s'", e.message, faults[i].words);
        snprintf(path, sizeof path, "%s/backup.db", f->dir);
        assert_int_equal(store_backup(f->s, path, NULL, NULL, NULL), ERR_CORRUPT);
        assert_false(file_exists(path));
        store_close(f->s);
        f->s = NULL;
        database_path(f, path, sizeof path);
        ok(file_remove(path, NULL));
    }
    filled_and_closed(f);
    sql(f, "UPDATE state SET change = 1000");
    opens_as(f, ERR_CORRUPT, "change counter");
}

/* The next step that a damaged store names does help; a backup that only the full check sees
 * through is refused. */
static void test_restore_helps(void **state)
{
    struct fixture *f = *state;
    struct err_info e = {0};
    struct position p, q;
    char path[128], bad[128], database[128], noise[512];
    sqlite3 *db;

    filled_and_closed(f);
    ok(store_open(f->dir, NULL, &f->s, NULL));
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    snprintf(bad, sizeof bad, "%s/bad.db", f->dir);
    ok(store_backup(f->s, path, NULL, NULL, NULL));
    store_position(f->s, &p);
    store_close(f->s);
    f->s = NULL;
    database_path(f, database, sizeof database);
    memset(noise, 0xee, sizeof noise);
    overwrite(database, 0, noise, sizeof noise);
    opens_as(f, ERR_CORRUPT, "akin restore");
    ok(file_copy(path, bad, NULL));
    ok(sqlite_open(bad, false, DB_DURABLE, &db, NULL));
    ok(sqlite_exec(db,
                   "UPDATE payload SET payload = CAST('forged' AS BLOB) WHERE key & 0xffffffff = 2",
                   NULL));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(store_restore(f->dir, bad, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "digest"));
    opens_as(f, ERR_CORRUPT, "akin restore");
    ok(store_restore(f->dir, path, &f->e));
    ok(store_open(f->dir, NULL, &f->s, &f->e));
    store_position(f->s, &q);
    assert_int_equal(p.change, q.change);
    assert_string_not_equal(p.lineage, q.lineage);
    ok(store_check(f->s, &f->e));
}

/* A backup with a flipped byte is refused, and what stood in its place stays. */
static void test_restore_damaged(void **state)
{
    struct fixture *f = *state;
    struct err_info e = {0};
    char path[128];
    uint64_t size;
    struct file *file;
    struct position p, q;

    filled_and_closed(f);
    ok(store_open(f->dir, NULL, &f->s, NULL));
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    ok(store_backup(f->s, path, NULL, NULL, NULL));
    store_position(f->s, &p);
    store_close(f->s);
    f->s = NULL;
    ok(file_open(path, FILE_READ_ONLY, &file, NULL));
    ok(file_size(file, &size, NULL));
    file_close(file);
    for (uint64_t at = 4096; at + 64 < size; at += 4096 * 3) {
        char noise[64];
        memset(noise, 0x5a, sizeof noise);
        overwrite(path, at, noise, sizeof noise);
    }
    assert_int_equal(store_restore(f->dir, path, &e), ERR_CORRUPT);
    ok(store_open(f->dir, NULL, &f->s, &f->e));
    store_position(f->s, &q);
    assert_string_equal(p.lineage, q.lineage);
    assert_int_equal(p.change, q.change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown_disk)
#define D(name) cmocka_unit_test_setup_teardown(name, setup_disk_dir, teardown_disk)
        T(test_synced),           T(test_full),
        D(test_every_write_eio),  D(test_every_write_torn),
        D(test_every_write_full), D(test_every_switch),
        D(test_every_open),       D(test_crash_after_fault),
        D(test_corrupt_header),   D(test_corrupt_pages),
        D(test_format),           D(test_check_sees),
        D(test_restore_damaged),  D(test_restore_helps),
    };

    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
