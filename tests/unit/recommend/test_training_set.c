/* Training sets: what was saved is loaded, and what is not whole, or not as it should be, is not.
 */
#include "recommend/training_set.h"
#include "../base/test_folder.h"
#include "base/arena.h"
#include "base/section.h"
#include "math/half.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>

enum { ITEMS = 7, READERS = 4, DIMS = 3, ACTS = 9 };

static void *copied(const void *p, size_t n)
{
    void *to = xmalloc(n + 1);
    memcpy(to, p, n);
    return to;
}

static struct training_set *example(void)
{
    static const uint32_t numbers[ITEMS] = {1, 2, 5, 9, 10, 4000, 4000000000};
    static const int64_t created[ITEMS] = {10, 5, 0, -3, 1, 2, 7};
    static const uint64_t keys[READERS] = {3, 9, 1000, UINT64_MAX};
    static const size_t start[READERS + 1] = {0, 3, 3, 8, ACTS};
    static const struct training_act acts[ACTS] = {
        {6, 1, -5, 1},    {0, .2f, 3, 1},     {1, -1, 3, 0}, {0, .1f, 9, 2}, {3, 2, 9, 2},
        {5, .5f, 9, 300}, {2, 1.5f, 10, 300}, {6, 1, 11, 2}, {4, 1, 0, 0}};
    struct training_set *s = xcalloc(1, sizeof *s);
    s->items = ITEMS, s->readers = READERS, s->dims = DIMS, s->position = 12345;
    s->numbers = copied(numbers, sizeof numbers);
    s->created_us = copied(created, sizeof created);
    s->keys = copied(keys, sizeof keys);
    s->start = copied(start, sizeof start);
    s->acts = copied(acts, sizeof acts);
    s->vectors = xcalloc((size_t)ITEMS * DIMS, sizeof *s->vectors);
    for (int i = 0; i < ITEMS - 1; i++) { /* the last has none */
        float v[DIMS] = {sinf((float)i), cosf((float)i), 0};
        half_from_f32(v, s->vectors + (size_t)i * DIMS, DIMS);
    }
    return s;
}

static void same(const struct training_set *a, const struct training_set *b)
{
    size_t n = a->start[a->readers];
    assert_true(a->items == b->items && a->readers == b->readers && a->dims == b->dims &&
                a->position == b->position);
    assert_memory_equal(a->start, b->start, (a->readers + 1) * sizeof *a->start);
    assert_memory_equal(a->numbers, b->numbers, a->items * sizeof *a->numbers);
    assert_memory_equal(a->created_us, b->created_us, a->items * sizeof *a->created_us);
    assert_memory_equal(a->vectors, b->vectors, (size_t)a->items * a->dims * 2);
    assert_memory_equal(a->keys, b->keys, a->readers * sizeof *a->keys);
    assert_memory_equal(a->acts, b->acts, n * sizeof *a->acts);
}

static void round_trip(const struct training_set *s)
{
    struct training_set *again = NULL;
    assert_int_equal(training_set_save(s, path_of("set"), NULL), 0);
    assert_int_equal(training_set_load(path_of("set"), &again, NULL), 0);
    same(s, again);
    training_set_free(again);
}

static void test_saved_and_loaded(void **state)
{
    struct training_set *s = example(), none = {.start = (size_t[]){0}};
    round_trip(s);
    s->dims = 0; /* no vectors */
    round_trip(s);
    round_trip(&none);
    assert_false(file_exists(path_of("set.part")));
    training_set_free(s);
    training_set_free(NULL);
}

static char *saved(const struct training_set *s, size_t *n)
{
    char *bytes;
    assert_int_equal(training_set_save(s, path_of("set"), NULL), 0);
    assert_int_equal(file_read_all(path_of("set"), 1u << 20, &bytes, n, NULL), 0);
    return bytes;
}

static enum err loaded(const char *bytes, size_t n, struct err_info *e)
{
    struct training_set *s = NULL;
    struct file *f;
    err_clear(e);
    assert_int_equal(file_open(path_of("bad"), FILE_CREATE, &f, NULL), 0);
    assert_int_equal(file_write(f, bytes, n, NULL), 0);
    file_close(f);
    enum err err = training_set_load(path_of("bad"), &s, e);
    assert_true((err != 0) == (s == NULL));
    training_set_free(s);
    return err;
}

/* Any byte that changed, any end that is missing, anything behind. */
static void test_torn_and_flipped(void **state)
{
    struct training_set *s = example();
    struct err_info e;
    size_t n;
    char *bytes = saved(s, &n);
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x41;
        if (loaded(bytes, n, &e) != ERR_CORRUPT)
            fail_msg("byte %zu of %zu", i, n);
        bytes[i] ^= 0x41;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_equal(loaded(bytes, i, &e), ERR_CORRUPT);
    assert_int_equal(loaded(bytes, n, &e), 0);
    bytes[n] = 0; /* the room of the NUL */
    assert_int_equal(loaded(bytes, n + 1, &e), ERR_CORRUPT);
    free(bytes);
    training_set_free(s);
}

static void refused(struct training_set *s, const char *why)
{
    struct err_info e;
    size_t n;
    char *bytes = saved(s, &n);
    assert_int_equal(loaded(bytes, n, &e), ERR_CORRUPT);
    if (!strstr(e.message, why))
        fail_msg("\"%s\" does not say \"%s\"", e.message, why);
    free(bytes);
    training_set_free(s);
}

/* Whole by its checksums, and yet not what it should be. */
static void test_not_as_it_should_be(void **state)
{
    struct training_set *s;
    s = example(), s->numbers[2] = 2, refused(s, "numbers do not rise");
    s = example(), s->keys[1] = 3, refused(s, "keys do not rise");
    s = example(), s->start[2] = 2, refused(s, "overlap");
    s = example(), s->start[0] = 1, refused(s, "add up");
    s = example(), s->acts[4].item = ITEMS, refused(s, "not there");
    s = example(), s->acts[4].weight = 0, refused(s, "weight");
    s = example(), s->acts[4].weight = NAN, refused(s, "weight");
    s = example(), s->acts[4].weight = -INFINITY, refused(s, "weight");
    s = example(), s->acts[5].time_us = 8, refused(s, "out of order");
    s = example(), s->acts[4].item = 0, refused(s, "out of order");
    s = example(), s->acts[7].item = 0, refused(s, "two acts");
    s = example(), s->vectors[4] = 0x7E00, refused(s, "length 1");
    s = example(), s->vectors[3] = 0x4000, refused(s, "length 1");
    s = example(), s->vectors[3] = s->vectors[4] = 0x2000, refused(s, "length 1");
}

/* Counts that no memory would hold are refused before any is taken. */
static void test_counts(void **state)
{
    static const size_t at[] = {8, 12, 16, 20, 24}; /* items, readers, dims, the 0, acts */
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (int large = 0; large < 2; large++) {
            uint8_t head[40 + 8] = "AKTRAIN1"; /* nobody and nothing, start[0] */
            struct training_set *s = NULL;
            struct file *f;
            memset(head + at[i], large ? 0xFF : 0x01, 4);
            assert_int_equal(file_open(path_of("head"), FILE_CREATE, &f, NULL), 0);
            struct section_writer *w = section_writer_new(f);
            section_put(w, head, sizeof head);
            assert_int_equal(section_writer_end(w, NULL), 0);
            file_close(f);
            assert_int_equal(training_set_load(path_of("head"), &s, NULL), ERR_CORRUPT);
        }
}

static void test_absent(void **state)
{
    struct training_set *s = NULL;
    assert_int_equal(training_set_load(path_of("nowhere"), &s, NULL), ERR_NOT_FOUND);
}

/* A disk that fails leaves the file that was there. */
static void test_disk_fails(void **state)
{
    static const int ops[] = {FILE_OPEN, FILE_WRITE, FILE_SYNC, FILE_RENAME};
    struct training_set *s = example();
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        static struct record r;
        assert_int_equal(training_set_save(s, path_of("set"), NULL), 0);
        record_start(&r);
        r.fail_op = ops[i], r.fail_errno = 28 /* ENOSPC */, r.torn = 5;
        struct training_set other = *s;
        other.position++;
        assert_int_not_equal(training_set_save(&other, path_of("set"), NULL), 0);
        file_hook(NULL);
        struct training_set *again = NULL;
        assert_int_equal(training_set_load(path_of("set"), &again, NULL), 0);
        same(s, again);
        training_set_free(again);
        assert_false(file_exists(path_of("set.part")));
    }
    training_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved_and_loaded),
        cmocka_unit_test(test_torn_and_flipped),
        cmocka_unit_test(test_not_as_it_should_be),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_disk_fails),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
