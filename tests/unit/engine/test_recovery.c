/* What a stop, a crash and a bad disk leave: the same documents, found as before. */
#include "help.h"
#include "base/rng.h"
#include <sys/wait.h>

static void fill(struct fixture *f, int from, int to)
{
    char text[160];
    for (int i = from; i < to; i++) {
        snprintf(text, sizeof text,
                 "{'id':'d%d','text':'document number%d about topic%d','tags':['t%d'],'n':%d}", i,
                 i, i % 5, i % 3, i);
        assert_int_equal(put(f, text).err, 0);
    }
}

static void check_found(struct fixture *f, int count)
{
    char q[40], id[20];
    for (int i = 0; i < count; i += 7) {
        snprintf(q, sizeof q, "number%d", i);
        snprintf(id, sizeof id, "d%d", i);
        for (int mode = 0; mode < 3; mode++) {
            struct find_answer answer = search(f, q, (enum search_mode)mode, "", 200);
            if (!found(&answer, id))
                fail_msg("%s not found, mode %d", id, mode);
        }
    }
}

static void reopened_is_the_same(void **state)
{
    struct fixture *f = *state;
    char before[65], after[65];
    create(f, "c");
    fill(f, 0, 100);
    delete_one(f, "d50");
    doctor(f, before);
    fixture_close(f);
    fixture_open(f);
    doctor(f, after);
    assert_string_equal(before, after);
    check_found(f, 50);
    struct find_answer answer = search(f, "number50", SEARCH_HYBRID, "", 200);
    assert_false(found(&answer, "d50"));
}

/* A child writes and ends without closing; only what it acknowledged counts. */
static void child_writes_and_dies(struct fixture *f, int from, int to, bool with_reopen)
{
    fixture_close(f); /* a process with threads does not fork well */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fixture_open(f);
        if (from == 0)
            create(f, "c");
        fill(f, from, to);
        if (with_reopen) { /* leaves a snapshot, then writes on */
            fixture_close(f);
            fixture_open(f);
        }
        fill(f, to, to + 30);
        delete_one(f, "d3");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    fixture_open(f);
}

static void a_crash_loses_nothing_acknowledged(void **state)
{
    struct fixture *f = *state;
    char before[65], after[65];
    child_writes_and_dies(f, 0, 60, false);
    doctor(f, before);
    check_found(f, 3);
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    assert_int_equal(info.documents, 89);
    fixture_close(f);
    fixture_open(f);
    doctor(f, after);
    assert_string_equal(before, after);
}

static void a_crash_after_a_snapshot_is_replayed(void **state)
{
    struct fixture *f = *state;
    child_writes_and_dies(f, 0, 60, true);
    doctor(f, NULL);
    struct find_answer answer = search(f, "number3", SEARCH_HYBRID, "", 200);
    assert_false(found(&answer, "d3"));
    answer = search(f, "number85", SEARCH_LEXICAL, "", 5);
    assert_true(found(&answer, "d85"));
}

/* The path of a file of the one collection: of its "documents", "words" or "vectors". */
static void index_path(struct fixture *f, const char *what, char out[600])
{
    char dir[400], **names;
    size_t count;
    snprintf(dir, sizeof dir, "%s/index", f->dir);
    OK(file_list(dir, &names, &count, e));
    assert_int_equal(count, 1);
    snprintf(dir + strlen(dir), sizeof dir - strlen(dir), "/%s", names[0]);
    free(names[0]);
    free(names);
    OK(file_list(dir, &names, &count, e));
    for (size_t i = 0; i < count; i++) {
        bool version = strcmp(names[i], "words") != 0 && strcmp(names[i], "documents") != 0;
        if (strcmp(what, "vectors") == 0 ? version : strcmp(names[i], what) == 0)
            snprintf(out, 600, "%s/%s/rows", dir, names[i]);
        free(names[i]);
    }
    free(names);
}

static void damage(const char *path, uint64_t where, bool truncate_it)
{
    char *bytes;
    size_t n;
    OK(file_read_all(path, 1u << 30, &bytes, &n, e));
    assert_true(n > 100);
    if (truncate_it)
        n = where % n;
    else
        bytes[where % n] ^= 0x40;
    OK(file_write_atomic(path, bytes, n, 0600, e));
    free(bytes);
}

static void damaged_rows_are_rebuilt(void **state)
{
    struct fixture *f = *state;
    char before[65], after[65], path[600];
    struct rng r;
    rng_init(&r, 7);
    create(f, "c");
    fill(f, 0, 60);
    doctor(f, before);
    for (int i = 0; i < 60; i++) {
        static const char *const kinds[] = {"documents", "vectors", "words"};
        fixture_close(f);
        index_path(f, kinds[i % 3], path);
        damage(path, i < 15 ? (uint64_t)i * 8 : rng_next(&r), i % 4 == 3);
        fixture_open(f);
        doctor(f, after);
        assert_string_equal(before, after);
    }
    check_found(f, 60);
}

/* What a former server had there goes; without a file of words they are made from the store. */
static void words_without_a_file_are_rebuilt(void **state)
{
    struct fixture *f = *state;
    char path[600], db[600];
    create(f, "c");
    fill(f, 0, 60);
    fixture_close(f);
    index_path(f, "words", path);
    OK(file_remove(path, e));
    snprintf(db, sizeof db, "%.*s/words.db", (int)(strlen(path) - strlen("/rows")), path);
    OK(file_write_atomic(db, "SQLite format 3", 15, 0600, e));
    fixture_open(f);
    assert_false(file_exists(db));
    doctor(f, NULL);
    check_found(f, 60);
}

static void a_snapshot_ahead_of_the_store_is_dropped(void **state)
{
    struct fixture *f = *state;
    char before[65], after[65];
    create(f, "c");
    fill(f, 0, 20);
    doctor(f, before);
    struct str backup, position;
    uint64_t bytes;
    OK(engine_backup_create(f->x, f->a, &backup, &bytes, &position, e));
    assert_true(bytes > 0);
    fill(f, 20, 60);
    fixture_close(f);
    OK(engine_restore(f->dir, backup.s, e));
    fixture_open(f);
    doctor(f, after);
    assert_string_equal(before, after);
    struct find_answer answer = search(f, "number40", SEARCH_HYBRID, "", 100);
    assert_false(found(&answer, "d40"));
    fill(f, 20, 30);
    doctor(f, NULL);
}

/* A snapshot from before a restore names a change that the restored store has reached again by
 * other writes. */
static void a_snapshot_of_another_lineage_is_dropped(void **state)
{
    struct fixture *f = *state;
    char path[600], before[65], after[65], *old;
    size_t n;
    create(f, "c");
    struct str backup, position;
    uint64_t bytes;
    OK(engine_backup_create(f->x, f->a, &backup, &bytes, &position, e));
    assert_true(bytes > 0);
    fill(f, 0, 20);
    fixture_close(f);
    index_path(f, "vectors", path);
    OK(file_read_all(path, 1u << 30, &old, &n, e));
    OK(engine_restore(f->dir, backup.s, e));
    fixture_open(f);
    fill(f, 100, 140);
    doctor(f, before);
    fixture_close(f);
    OK(file_write_atomic(path, old, n, 0600, e));
    free(old);
    fixture_open(f);
    doctor(f, after);
    assert_string_equal(before, after);
}

static void one_process_a_directory(void **state)
{
    struct fixture *f = *state;
    struct engine_options o = {.data_dir = f->dir, .model_dir = "stub"};
    struct engine *second;
    struct err_info info = {0};
    struct str url;
    OK(engine_set_address(f->x, "http://127.0.0.1:8000", e));
    assert_int_equal(engine_open(&o, &second, &info), ERR_CONFLICT);
    assert_non_null(strstr(info.message, "http://127.0.0.1:8000"));
    OK(engine_address(f->dir, f->a, &url, e));
    assert_true(str_eq_c(url, "http://127.0.0.1:8000"));
    fixture_close(f);
    assert_int_equal(engine_address(f->dir, f->a, &url, NULL), ERR_NOT_FOUND);
}

/* A process that was killed holds its lock until its files are closed: here, for a while longer. */
static void a_dying_process_is_waited_for(void **state)
{
    struct fixture *f = *state;
    char path[400], byte;
    int ready[2], status;
    struct file *lock;
    fixture_close(f);
    snprintf(path, sizeof path, "%s/LOCK", f->dir);
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, &status, 0), gone);
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        char text[64];
        snprintf(text, sizeof text, "%ld http://127.0.0.1:1 ", (long)gone);
        if (file_lock(path, &lock, NULL) || file_pwrite(lock, 0, text, strlen(text), NULL))
            _exit(1);
        (void)!write(ready[1], "x", 1);
        clock_sleep_ns(300000000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    fixture_open(f);
    assert_int_equal(waitpid(holder, &status, 0), holder);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ready[0]);
    close(ready[1]);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[400];
    struct err_info info = {0};
    struct engine_options o = {.data_dir = f->dir, .model_dir = "stub"};
    fixture_close(f);
    snprintf(path, sizeof path, "%s/FORMAT", f->dir);
    OK(file_write_atomic(path, "akin 2\n", 7, 0600, e));
    assert_int_equal(engine_open(&o, &f->x, &info), ERR_UNSUPPORTED);
    f->x = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reopened_is_the_same),
        TEST(a_crash_loses_nothing_acknowledged),
        TEST(a_crash_after_a_snapshot_is_replayed),
        TEST(damaged_rows_are_rebuilt),
        TEST(words_without_a_file_are_rebuilt),
        TEST(a_snapshot_ahead_of_the_store_is_dropped),
        TEST(a_snapshot_of_another_lineage_is_dropped),
        TEST(one_process_a_directory),
        TEST(a_dying_process_is_waited_for),
        TEST(a_newer_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
