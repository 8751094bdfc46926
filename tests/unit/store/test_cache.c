/* The embedding cache: what was put is found by its key alone, until it is the oldest. */
#include "fixture.h"
#include "base/sqlite.h"

open_fn *fixture_open = store_open;

#define ENTRY_BYTES (DIMS * 2 + 64)

static void key_of(unsigned i, uint8_t key[EMBEDDING_KEY])
{
    char text[32];

    snprintf(text, sizeof text, "text %u", i);
    digest_of(str_c(text), key);
}

static struct embedding_record *entries(struct fixture *f, unsigned from, unsigned n)
{
    struct embedding_record *rows = arena_array(f->a, n, sizeof *rows);

    for (unsigned i = 0; i < n; i++) {
        uint16_t *v = arena_array(f->a, DIMS, sizeof *v);
        for (unsigned k = 0; k < DIMS; k++)
            v[k] = (uint16_t)((from + i) * 31 + k);
        rows[i] = (struct embedding_record){.dims = DIMS, .tokens = from + i, .vector = v};
        key_of(from + i, rows[i].key);
    }
    return rows;
}

static struct store_act act_embeddings(struct fixture *f, unsigned from, unsigned n)
{
    return (struct store_act){
        .kind = ACT_EMBEDDINGS_PUT, .embeddings = entries(f, from, n), .embedding_count = n};
}

/* How many of [from, from + n) are there; those are checked. */
static unsigned found(struct fixture *f, unsigned from, unsigned n)
{
    struct embedding_record *want = entries(f, from, n), *out;
    uint8_t(*keys)[EMBEDDING_KEY] = arena_array(f->a, n, sizeof *keys);
    unsigned count = 0;

    out = arena_array(f->a, n, sizeof *out);
    for (unsigned i = 0; i < n; i++)
        memcpy(keys[i], want[i].key, EMBEDDING_KEY);
    ok(store_embedding_cache_get(f->s, f->a, (const uint8_t(*)[EMBEDDING_KEY])keys, n, out, &f->e));
    for (unsigned i = 0; i < n; i++) {
        assert_memory_equal(out[i].key, want[i].key, EMBEDDING_KEY);
        if (!out[i].vector)
            continue;
        count++;
        assert_int_equal(out[i].dims, DIMS);
        assert_int_equal(out[i].tokens, want[i].tokens);
        assert_memory_equal(out[i].vector, want[i].vector, DIMS * 2);
    }
    return count;
}

static void reopen_with(struct fixture *f, uint64_t bytes)
{
    const struct store_options o = {.embedding_cache_bytes = bytes};

    store_close(f->s);
    f->s = NULL;
    ok(fixture_open(f->dir, &o, &f->s, &f->e));
}

static int64_t row_count(struct fixture *f)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *st;

    snprintf(path, sizeof path, "%s/akin.db", f->dir);
    ok(sqlite_open(path, true, DB_DURABLE, &db, NULL));
    ok(sqlite_error(
        db, sqlite3_prepare_v2(db, "SELECT count(*) FROM embedding_cache", -1, &st, NULL), NULL));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void test_put_get(void **state)
{
    struct fixture *f = *state;
    struct position before, after;

    store_position(f->s, &before);
    assert_int_equal(found(f, 0, 10), 0);
    struct store_act act = done(f, act_embeddings(f, 0, 10));
    assert_int_equal(act.revision, 0);
    store_position(f->s, &after);
    assert_int_equal(before.change, after.change);
    assert_int_equal(found(f, 0, 20), 10);
    done(f, act_embeddings(f, 5, 10)); /* half of them are there */
    assert_int_equal(found(f, 0, 20), 15);
    assert_int_equal(row_count(f), 15);
    reopen(f);
    assert_int_equal(found(f, 0, 20), 15);
    ok(store_check(f->s, &f->e));
}

/* Each byte of the key counts: equal hashes in the index are told apart. */
static void test_near_keys(void **state)
{
    struct fixture *f = *state;
    struct embedding_record *rows = entries(f, 0, EMBEDDING_KEY), out[EMBEDDING_KEY];
    uint8_t keys[EMBEDDING_KEY][EMBEDDING_KEY];

    for (unsigned i = 0; i < EMBEDDING_KEY; i++) {
        memset(rows[i].key, 0, EMBEDDING_KEY);
        rows[i].key[i] = 1;
        memcpy(keys[i], rows[i].key, EMBEDDING_KEY);
    }
    done(f, (struct store_act){
                .kind = ACT_EMBEDDINGS_PUT, .embeddings = rows, .embedding_count = EMBEDDING_KEY});
    ok(store_embedding_cache_get(f->s, f->a, (const uint8_t(*)[EMBEDDING_KEY])keys, EMBEDDING_KEY,
                                 out, NULL));
    for (unsigned i = 0; i < EMBEDDING_KEY; i++) {
        assert_int_equal(out[i].tokens, i);
        assert_memory_equal(out[i].vector, rows[i].vector, DIMS * 2);
    }
}

/* They go with the act: with a put that changes nothing too, not with one that is refused. */
static void test_ride_along(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act act = act_put(f, c, STR("a"), "text");

    act.embeddings = entries(f, 0, 2);
    act.embedding_count = 2;
    done(f, act);
    assert_int_equal(found(f, 0, 10), 2);
    act.embeddings = entries(f, 2, 2);
    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    assert_int_equal(found(f, 0, 10), 4);
    act.embeddings = entries(f, 4, 2);
    act.if_revision = 77;
    refused(f, act, ERR_PRECONDITION);
    assert_int_equal(found(f, 0, 10), 4);
    struct store_act acts[] = {act_embeddings(f, 6, 2), act};
    assert_int_equal(store_write(f->s, acts, 2, true, NULL, NULL), ERR_PRECONDITION);
    assert_int_equal(found(f, 0, 10), 4);
    /* what they came with may go */
    done(f, act_delete(c, STR("a")));
    done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = c}});
    reopen(f);
    assert_int_equal(found(f, 0, 10), 4);
    ok(store_check(f->s, &f->e));
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    struct embedding_record *rows = entries(f, 0, 1);
    struct store_act act = {.kind = ACT_EMBEDDINGS_PUT, .embeddings = rows, .embedding_count = 1};

    rows->vector = NULL;
    refused(f, act, ERR_INVALID);
    rows = entries(f, 0, 1);
    act.embeddings = rows;
    rows->dims = 0;
    refused(f, act, ERR_INVALID);
    rows->dims = 100000;
    refused(f, act, ERR_INVALID);
    act.embedding_count = 1000000;
    refused(f, act, ERR_TOO_LARGE);
}

static void test_bound(void **state)
{
    struct fixture *f = *state;

    reopen_with(f, 100 * ENTRY_BYTES);
    for (unsigned i = 0; i < 300; i += 3)
        done(f, act_embeddings(f, i, 3));
    assert_int_equal(found(f, 205, 95), 95); /* the newest */
    assert_int_equal(found(f, 0, 200), 0);
    ok(store_check(f->s, &f->e));
    done(f, act_embeddings(f, 1000, 250)); /* more than there is room for, at once */
    assert_int_equal(found(f, 1155, 95), 95);
    assert_int_equal(found(f, 0, 1150), 0);
    ok(store_check(f->s, &f->e));
}

static void rows_become(struct fixture *f, int64_t most)
{
    for (int i = 0; i < 5000 && row_count(f) > most; i++)
        clock_sleep_ns(2000000);
    assert_in_range(row_count(f), most * 9 / 10, most);
    ok(store_check(f->s, &f->e));
}

/* A bound that is lower at the next start is reached without any write. */
static void test_lower_bound(void **state)
{
    struct fixture *f = *state;

    done(f, act_embeddings(f, 0, 2000));
    reopen_with(f, 50 * ENTRY_BYTES);
    rows_become(f, 50);
    assert_int_equal(found(f, 1955, 45), 45);
    reopen_with(f, EMBEDDING_CACHE_NONE);
    rows_become(f, 0);
    done(f, act_embeddings(f, 0, 10));
    assert_int_equal(found(f, 0, 10), 0);
    reopen_with(f, 0);
    assert_int_equal(found(f, 0, 10), 0);
    done(f, act_embeddings(f, 0, 10));
    assert_int_equal(found(f, 0, 10), 10);
}

static void test_backup(void **state)
{
    struct fixture *f = *state;
    char path[128], dir[128];

    done(f, act_embeddings(f, 0, 50));
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    snprintf(dir, sizeof dir, "%s/again", f->dir);
    ok(store_backup(f->s, path, NULL, NULL, &f->e));
    store_close(f->s);
    f->s = NULL;
    ok(store_restore(dir, path, &f->e));
    ok(fixture_open(dir, NULL, &f->s, &f->e));
    assert_int_equal(found(f, 0, 50), 50);
    done(f, act_embeddings(f, 40, 20));
    assert_int_equal(found(f, 0, 60), 60);
    ok(store_check(f->s, &f->e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_put_get), T(test_near_keys), T(test_ride_along),  T(test_refused),
        T(test_bound),   T(test_backup),    T(test_lower_bound),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
