#include "test.h"
#include "test_folder.h"
#include "base/arena.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct record record;
static struct err_info e;

static void write_text(const char *name, const char *text)
{
    assert_int_equal(file_write_atomic(path_of(name), text, strlen(text), 0600, NULL), ERR_OK);
}

static void assert_text(const char *name, const char *text)
{
    char *got;
    size_t n;
    assert_int_equal(file_read_all(path_of(name), 1 << 20, &got, &n, NULL), ERR_OK);
    assert_string_equal(got, text);
    assert_int_equal(n, strlen(text));
    free(got);
}

static size_t entries(const char *name)
{
    char **names;
    size_t n;
    assert_int_equal(file_list(path_of(name), &names, &n, NULL), ERR_OK);
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return n;
}

static void reads_and_writes(void **state)
{
    struct file *f;
    char buf[16];
    size_t got;
    uint64_t size;
    assert_int_equal(file_open(path_of("f"), FILE_CREATE, &f, NULL), ERR_OK);
    assert_int_equal(file_write(f, "hello ", 6, NULL), ERR_OK);
    assert_int_equal(file_write(f, "world", 5, NULL), ERR_OK);
    assert_int_equal(file_pwrite(f, 0, "H", 1, NULL), ERR_OK);
    assert_int_equal(file_sync(f, NULL), ERR_OK);
    assert_int_equal(file_size(f, &size, NULL), ERR_OK);
    assert_int_equal(size, 11);
    assert_string_equal(file_path(f), path_of("f"));
    assert_int_equal(file_pread(f, 6, buf, 5, NULL), ERR_OK);
    assert_memory_equal(buf, "world", 5);
    err_clear(&e);
    assert_int_equal(file_pread(f, 6, buf, 6, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "truncated"));
    file_close(f);
    assert_text("f", "Hello world");
    assert_int_equal(file_open(path_of("f"), FILE_APPEND, &f, NULL), ERR_OK);
    assert_int_equal(file_write(f, "!", 1, NULL), ERR_OK);
    file_close(f);
    assert_int_equal(file_open(path_of("f"), FILE_READ_ONLY, &f, NULL), ERR_OK);
    assert_int_equal(file_read(f, buf, sizeof buf, &got, NULL), ERR_OK);
    assert_int_equal(got, 12);
    assert_int_equal(file_read(f, buf, sizeof buf, &got, NULL), ERR_OK);
    assert_int_equal(got, 0);
    assert_int_equal(file_write(f, "x", 1, NULL), ERR_IO);
    file_close(f);
    file_close(NULL);
    assert_int_equal(file_open(path_of("f"), FILE_CREATE, &f, NULL), ERR_OK);
    file_close(f);
    assert_text("f", "");
    struct stat st;
    assert_int_equal(stat(path_of("f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void errors_name_the_file(void **state)
{
    struct file *f = NULL;
    char *text = NULL;
    err_clear(&e);
    assert_int_equal(file_open(path_of("absent"), FILE_READ_ONLY, &f, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "absent"));
    err_clear(&e);
    write_text("big", "12345");
    assert_int_equal(file_read_all(path_of("big"), 4, &text, NULL, &e), ERR_TOO_LARGE);
    assert_non_null(strstr(e.message, "larger than 4 bytes"));
    assert_int_equal(file_read_all(test_folder, 4, &text, NULL, NULL), ERR_IO);
    assert_null(text);
    assert_int_equal(file_read_all(path_of("big"), 5, &text, NULL, NULL), ERR_OK);
    free(text);
    assert_int_equal(file_read_all("/proc/self/status", 1 << 20, &text, NULL, NULL), ERR_OK);
    assert_memory_equal(text, "Name:", 5); /* a file that says it is empty */
    free(text);
}

static void atomic_write_syncs_then_renames(void **state)
{
    write_text("a", "old");
    record_start(&record);
    write_text("a", "new");
    file_hook(NULL);
    assert_text("a", "new");
    const char *p = record.text;
    static const char *const steps[] = {"open a.", "write a.", "sync a.", "rename a.",
                                        "sync akin-test"};
    for (size_t i = 0; i < 5; i++)
        assert_non_null(p = strstr(p, steps[i]));
}

/* Whatever fails, the old file stands (or the new one, if only the folder's sync failed), and
 * nothing is left beside it. */
static void atomic_write_survives_each_fault(void **state)
{
    static const struct {
        enum file_op op;
        int after;
        int errnum;
        size_t torn;
        enum err rc;
        const char *text;
    } cases[] = {
        {FILE_OPEN, 0, EACCES, 0, ERR_DENIED, "old"}, {FILE_WRITE, 0, ENOSPC, 0, ERR_FULL, "old"},
        {FILE_WRITE, 0, EIO, 2, ERR_IO, "old"},       {FILE_SYNC, 0, EIO, 0, ERR_IO, "old"},
        {FILE_RENAME, 0, EIO, 0, ERR_IO, "old"},      {FILE_SYNC, 1, EIO, 0, ERR_IO, "new"},
    };
    assert_int_equal(file_mkdirs(path_of("atomic"), 0700, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("atomic/a", "old");
        record_start(&record);
        record.fail_op = cases[i].op;
        record.fail_after = cases[i].after;
        record.fail_errno = cases[i].errnum;
        record.torn = cases[i].torn;
        assert_int_equal(file_write_atomic(path_of("atomic/a"), "new", 3, 0600, NULL), cases[i].rc);
        file_hook(NULL);
        assert_text("atomic/a", cases[i].text);
        assert_int_equal(entries("atomic"), 1);
    }
}

static void hook_sees_and_tears(void **state)
{
    struct file *f;
    char buf[4];
    record_start(&record);
    assert_int_equal(file_open(path_of("torn"), FILE_CREATE, &f, NULL), ERR_OK);
    assert_int_equal(file_write(f, "abc", 3, NULL), ERR_OK);
    record.fail_op = FILE_WRITE;
    record.fail_errno = EIO;
    record.fail_after = 0;
    record.torn = 2;
    err_clear(&e);
    assert_int_equal(file_write(f, "defg", 4, &e), ERR_IO);
    assert_non_null(strstr(e.message, "write"));
    assert_string_equal(record.text, "open torn@0+0\nwrite torn@0+3\n");
    record.fail_errno = EIO;
    record.fail_op = FILE_READ;
    record.fail_after = 0;
    assert_int_equal(file_pread(f, 0, buf, 1, NULL), ERR_IO);
    assert_int_equal(file_pread(f, 0, buf, 1, NULL), ERR_OK);
    file_close(f);
    assert_ptr_equal(file_hook_get()->ctx, &record);
    file_hook(NULL);
    assert_null(file_hook_get()->before);
    assert_text("torn", "abcde");
}

static void trees(void **state)
{
    char **names;
    size_t n;
    assert_int_equal(file_mkdirs(path_of("t//x/y/"), 0700, NULL), ERR_OK);
    assert_int_equal(file_mkdirs(path_of("t/x/y"), 0700, NULL), ERR_OK);
    assert_true(file_is_dir(path_of("t/x/y")));
    write_text("t/x/y/f", "1");
    write_text("t/b", "keep");
    write_text("t/B", "2");
    assert_int_equal(file_mkdirs(path_of("t/b/c"), 0700, NULL), ERR_IO);
    assert_int_equal(file_list(path_of("t"), &names, &n, NULL), ERR_OK);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "B");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "x");
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    assert_int_equal(file_list(path_of("none"), &names, &n, NULL), ERR_NOT_FOUND);
    /* Links go, what they point to stays. */
    assert_int_equal(symlink(path_of("t/b"), path_of("t/x/link")), 0);
    assert_int_equal(file_mkdirs(path_of("outside"), 0700, NULL), ERR_OK);
    write_text("outside/f", "keep");
    assert_int_equal(symlink(path_of("outside"), path_of("t/x/folder")), 0);
    assert_int_equal(symlink(path_of("outside"), path_of("link")), 0);
    assert_int_equal(file_remove_tree(path_of("t/x"), NULL), ERR_OK);
    assert_int_equal(file_remove_tree(path_of("link/"), NULL), ERR_OK);
    assert_false(file_exists(path_of("t/x")));
    assert_text("t/b", "keep");
    assert_text("outside/f", "keep");
    assert_int_equal(file_remove_tree(path_of("t/b"), NULL), ERR_OK); /* a plain file */
    assert_int_equal(file_remove_tree(path_of("t/x"), NULL), ERR_OK); /* absent */
    assert_false(file_exists(path_of("t/b")));
}

static void remove_tree_stops_at_a_fault(void **state)
{
    assert_int_equal(file_mkdirs(path_of("r/a/b"), 0700, NULL), ERR_OK);
    record_start(&record);
    record.fail_op = FILE_REMOVE;
    record.fail_errno = EIO;
    record.fail_after = 1;
    err_clear(&e);
    assert_int_equal(file_remove_tree(path_of("r"), &e), ERR_IO);
    assert_non_null(strstr(e.message, "r/a"));
    file_hook(NULL);
    assert_true(file_is_dir(path_of("r/a")));
    assert_int_equal(file_remove_tree(path_of("r"), NULL), ERR_OK);
}

static void copy_rename_remove(void **state)
{
    static char big[200001];
    memset(big, 'x', sizeof big - 1);
    write_text("c1", big);
    assert_int_equal(file_copy(path_of("c1"), path_of("c2"), NULL), ERR_OK);
    assert_text("c2", big);
    assert_int_equal(file_rename(path_of("c2"), path_of("c3"), NULL), ERR_OK);
    assert_false(file_exists(path_of("c2")));
    assert_int_equal(file_remove(path_of("c3"), NULL), ERR_OK);
    assert_int_equal(file_remove(path_of("c3"), NULL), ERR_OK);
    assert_int_equal(file_rename(path_of("c3"), path_of("c4"), NULL), ERR_NOT_FOUND);
    char hex[65];
    write_text("abc", "abc");
    assert_int_equal(file_sha256(path_of("abc"), hex, NULL), ERR_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(file_sha256(path_of("none"), hex, NULL), ERR_NOT_FOUND);
}

static void lock_excludes_others(void **state)
{
    struct file *f, *g = NULL;
    assert_int_equal(file_lock(path_of("LOCK"), &f, NULL), ERR_OK);
    err_clear(&e);
    assert_int_equal(file_lock(path_of("LOCK"), &g, &e), ERR_CONFLICT);
    assert_null(g);
    pid_t child = fork();
    if (child == 0)
        _exit(file_lock(path_of("LOCK"), &g, NULL) == ERR_CONFLICT ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(file_write(f, "1 http://x\n", 11, NULL), ERR_OK);
    file_close(f);
    assert_int_equal(file_lock(path_of("LOCK"), &g, NULL), ERR_OK);
    file_close(g);
    assert_text("LOCK", "1 http://x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(errors_name_the_file),
        cmocka_unit_test(atomic_write_syncs_then_renames),
        cmocka_unit_test(atomic_write_survives_each_fault),
        cmocka_unit_test(hook_sees_and_tears),
        cmocka_unit_test(trees),
        cmocka_unit_test(remove_tree_stops_at_a_fault),
        cmocka_unit_test(copy_rename_remove),
        cmocka_unit_test(lock_excludes_others),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
