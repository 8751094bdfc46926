#include "tiny.h"
#include "base/hash.h"
#include "embed/pack.h"
#include <errno.h>

static char dir[64], path[128];
static uint8_t key[PACK_KEY_BYTES] = {1, 2, 3};
static uint8_t first[1000], second[64], third[1];

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/akin-pack-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.pack", dir);
    for (size_t i = 0; i < sizeof first; i++)
        first[i] = (uint8_t)(i * 7);
    memset(second, 9, sizeof second);
    return 0;
}

static int teardown(void **state)
{
    file_hook(NULL);
    assert_int_equal(file_remove_tree(dir, NULL), ERR_OK);
    return 0;
}

static enum err save(struct err_info *e)
{
    const struct pack_section sections[] = {{"first", first, sizeof first},
                                            {"second", second, sizeof second},
                                            {"third", third, sizeof third}};
    return pack_write(path, key, sections, 3, e);
}

static void test_round_trip(void **state)
{
    struct pack *p = NULL;
    const void *at = NULL;
    assert_int_equal(save(NULL), ERR_OK);
    assert_int_equal(pack_open(path, key, &p, NULL), ERR_OK);
    assert_int_equal(pack_check(p, NULL), ERR_OK);
    assert_int_equal(pack_take(p, "first", sizeof first, true, &at, NULL), ERR_OK);
    assert_memory_equal(at, first, sizeof first);
    assert_int_equal((uintptr_t)at % 64, 0);
    assert_int_equal(pack_take(p, "third", 1, true, &at, NULL), ERR_OK);
    assert_int_equal((uintptr_t)at % 64, 0);
    struct err_info e = {0};
    assert_int_equal(pack_take(p, "second", 63, true, &at, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "64 bytes instead of 63"));
    assert_int_equal(pack_take(p, "fourth", 1, true, &at, NULL), ERR_CORRUPT);
    struct str found = {0};
    assert_int_equal(pack_find(p, "second", &found, NULL), ERR_OK);
    assert_int_equal(found.n, sizeof second);
    assert_memory_equal(found.s, second, found.n);
    assert_int_equal(pack_find(p, "fourth", &found, NULL), ERR_CORRUPT);
    pack_close(p);
}

static void test_of_another(void **state)
{
    struct pack *p = NULL;
    uint8_t other[PACK_KEY_BYTES] = {1, 2, 4};
    assert_int_equal(pack_open(path, key, &p, NULL), ERR_NOT_FOUND);
    assert_int_equal(save(NULL), ERR_OK);
    assert_int_equal(pack_open(path, other, &p, NULL), ERR_CONFLICT);
    assert_null(p);
}

static void put(const char *bytes, size_t n)
{
    assert_int_equal(file_write_atomic(path, bytes, n, 0600, NULL), ERR_OK);
}

static void test_every_damage_is_seen(void **state)
{
    char *bytes = NULL;
    size_t n = 0;
    assert_int_equal(save(NULL), ERR_OK);
    assert_int_equal(file_read_all(path, 1u << 20, &bytes, &n, NULL), ERR_OK);
    const size_t table = 64 + 3 * 80;
    for (size_t i = 0; i < n; i += i < table ? 1 : 37) {
        struct pack *p = NULL;
        bytes[i] ^= 4;
        put(bytes, n);
        enum err err = pack_open(path, key, &p, NULL);
        if (i < table)
            assert_int_not_equal(err, ERR_OK);
        else if (i >= 320 && i < 1320) /* the first section: not the gap behind the table */
            assert_int_equal(err ? err : pack_check(p, NULL), ERR_CORRUPT);
        pack_close(err ? NULL : p);
        bytes[i] ^= 4;
    }
    for (size_t cut = 0; cut < n; cut++) {
        struct pack *p = NULL;
        put(bytes, cut);
        assert_int_not_equal(pack_open(path, key, &p, NULL), ERR_OK);
    }
    free(bytes);
}

/* A table whose checksum holds and that lies: sections outside, unaligned, over each other. */
static void test_a_pack_that_lies(void **state)
{
    static const struct {
        size_t at;
        uint64_t value;
    } lies[] = {{64 + 56, 1ull << 40},                      /* offset of the first */
                {64 + 56, 321},        {64 + 80 + 56, 320}, /* the second on the first */
                {64 + 64, 1ull << 40},                      /* bytes of the first */
                {64 + 64, UINT64_MAX}, {48, 1ull << 50}};   /* size of the file */
    char *bytes = NULL;
    size_t n = 0;
    assert_int_equal(save(NULL), ERR_OK);
    assert_int_equal(file_read_all(path, 1u << 20, &bytes, &n, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct pack *p = NULL;
        struct err_info e = {0};
        char *lie = xmalloc(n);
        memcpy(lie, bytes, n);
        memcpy(lie + lies[i].at, &lies[i].value, 8);
        uint64_t sum = checksum64(lie + 64, 3 * 80, checksum64(lie, 56, 0));
        memcpy(lie + 56, &sum, 8);
        put(lie, n);
        assert_int_equal(pack_open(path, key, &p, &e), ERR_CORRUPT);
        assert_null(strstr(e.message, "checksum"));
        free(lie);
    }
    free(bytes);
}

static int full(void *ctx, enum file_op op, const char *p, uint64_t offset, size_t n, size_t *torn)
{
    int *left = ctx;
    if (op != FILE_WRITE && op != FILE_SYNC && op != FILE_RENAME)
        return 0;
    return (*left)-- > 0 ? 0 : ENOSPC;
}

static void test_a_full_disk(void **state)
{
    for (int writes = 0; writes < 8; writes++) {
        char **names = NULL;
        size_t count = 0;
        int left = writes;
        file_hook(&(struct file_hook){.before = full, .ctx = &left});
        enum err err = save(NULL);
        file_hook(NULL);
        assert_int_equal(file_list(dir, &names, &count, NULL), ERR_OK);
        for (size_t i = 0; i < count; i++) {
            assert_null(strstr(names[i], ".tmp"));
            free(names[i]);
        }
        free(names);
        struct pack *p = NULL; /* whole or not there */
        if (count > 0)
            assert_int_equal(pack_open(path, key, &p, NULL), ERR_OK);
        if (err)
            assert_int_equal(err, ERR_FULL);
        pack_close(p);
        assert_int_equal(file_remove(path, NULL), ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_damage_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pack_that_lies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
