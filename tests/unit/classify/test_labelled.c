/* The labelled set: what is written is read, and a damaged file is refused. */
#include "classify/labelled.h"
#include "base/file.h"
#include "math/half.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static int start(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/akin-labelled-%ld", (long)getpid());
    return 0;
}

static int end(void **state)
{
    (void)state;
    return file_remove(path, NULL);
}

static struct labelled_writer *begin(void)
{
    struct labelled_about about = {.min_probability = .25, .version = 3, .position = 77};
    struct labelled_writer *w;
    snprintf(about.path, sizeof about.path, "attributes.topic");
    assert_int_equal(labelled_writer_open(path, 2, &about, &w, NULL), 0);
    return w;
}

static void test_written_and_read(void **state)
{
    const struct str ab[] = {STR("a"), STR("b"), STR("a")}, c = STR("c"), b = STR("b");
    uint16_t v[3][2] = {{half_of_float(1), 0}, {0, half_of_float(1)}, {half_of_float(-1), 0}};
    struct labelled_set *s;
    (void)state;
    struct labelled_writer *w = begin();
    labelled_put(w, STR("one"), v[0], ab, 3);
    labelled_put(w, STR("none"), v[0], NULL, 0);
    labelled_put(w, STR("two"), v[1], &c, 1);
    labelled_put(w, STR("three"), v[2], &b, 1);
    assert_int_equal(labelled_writer_end(w, false, true, NULL), 0);
    assert_int_equal(labelled_load(path, &s, NULL), 0);
    assert_int_equal(s->documents, 3);
    assert_int_equal(s->names_count, 3);
    assert_string_equal(s->names[2], "c");
    assert_string_equal(s->about.path, "attributes.topic");
    assert_true(s->about.multiple && !s->about.boolean && s->about.min_probability == .25);
    assert_int_equal(s->about.position, 77);
    assert_int_equal(s->start[1], 2);
    assert_int_equal(s->start[3], 4);
    assert_string_equal(s->names[s->labels[3]], "b");
    assert_memory_equal(s->vectors, v, sizeof v);
    assert_true(s->keys[0] != s->keys[1]);
    labelled_set_free(s);
}

static void test_more_names_than_any_label_has(void **state)
{
    uint16_t v[2] = {half_of_float(1), 0};
    char text[32];
    struct err_info e = {0};
    (void)state;
    struct labelled_writer *w = begin();
    for (unsigned i = 0; i <= LABELLED_NAMES_MAX; i++) {
        snprintf(text, sizeof text, "name %u", i);
        labelled_put(w, str_c(text), v, &(struct str){text, strlen(text)}, 1);
    }
    assert_int_equal(labelled_writer_end(w, false, false, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "65536 different values"));
}

static void test_damaged_or_foreign(void **state)
{
    uint16_t v[2] = {half_of_float(1), 0}, nan[2] = {0x7E00, 0};
    const struct str a = STR("a");
    struct labelled_set *s = NULL;
    struct file *f;
    char *bytes;
    size_t n;
    (void)state;
    struct labelled_writer *w = begin();
    labelled_put(w, a, v, &a, 1);
    assert_int_equal(labelled_writer_end(w, false, false, NULL), 0);
    assert_int_equal(file_read_all(path, 1 << 20, &bytes, &n, NULL), 0);
    for (size_t cut = 0; cut < n; cut += 3) { /* torn, and flipped */
        for (int flip = 0; flip < 2; flip++) {
            if (flip)
                bytes[cut] ^= 4;
            assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
            assert_int_equal(file_write(f, bytes, flip ? n : cut, NULL), 0);
            file_close(f);
            assert_int_not_equal(labelled_load(path, &s, NULL), 0);
            if (flip)
                bytes[cut] ^= 4;
        }
    }
    free(bytes);
    w = begin();
    labelled_put(w, a, nan, &a, 1);
    assert_int_equal(labelled_writer_end(w, false, false, NULL), 0);
    assert_int_equal(labelled_load(path, &s, NULL), ERR_CORRUPT);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_more_names_than_any_label_has),
        cmocka_unit_test(test_damaged_or_foreign),
    };
    return cmocka_run_group_tests(tests, start, end);
}
