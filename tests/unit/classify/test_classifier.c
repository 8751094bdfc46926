/* The classifier: probabilities, what is chosen, the parts of a split, and its file. */
#include "classify/classifier.h"
#include "base/file.h"
#include "math/simd.h"

#include <math.h>
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
    snprintf(path, sizeof path, "/tmp/akin-classifier-%ld", (long)getpid());
    return simd_setup(NULL);
}

static int end(void **state)
{
    (void)state;
    return file_remove(path, NULL);
}

static struct classifier *make(bool multiple)
{
    struct labelled_about about = {.multiple = multiple, .min_probability = .5, .version = 4};
    snprintf(about.path, sizeof about.path, "attributes.topic");
    struct classifier *m = classifier_new(&about, 2, 3);
    const float w[] = {2, 0, 0, 2, -1, -1}, b[] = {0, .5f, 0};
    memcpy(m->weights, w, sizeof w);
    memcpy(m->bias, b, sizeof b);
    m->seed = 9;
    m->held_out = .2;
    classifier_name_set(m, 0, STR("one"));
    classifier_name_set(m, 1, STR("two"));
    classifier_name_set(m, 2, STR("three"));
    return m;
}

static void test_probabilities_of_one_label(void **state)
{
    const float v[] = {1, 0};
    float p[3];
    uint32_t out[3];
    (void)state;
    struct classifier *m = make(false);
    classifier_probabilities(m, v, p); /* scores 2, .5, -1 */
    double sum = exp(2) + exp(.5) + exp(-1);
    assert_float_equal(p[0], exp(2) / sum, 1e-6);
    assert_float_equal(p[1], exp(.5) / sum, 1e-6);
    assert_float_equal(p[2], exp(-1) / sum, 1e-6);
    assert_int_equal(classifier_choose(m, p, .5, 3, out), 1);
    assert_int_equal(out[0], 0);
    assert_int_equal(classifier_choose(m, p, .9, 3, out), 0);
    m->bias[0] = 1e30f; /* no overflow */
    classifier_probabilities(m, v, p);
    assert_true(p[0] == 1 && p[1] == 0 && p[2] == 0);
    classifier_free(m);
}

static void test_probabilities_of_several(void **state)
{
    const float v[] = {1, 0};
    float p[3];
    uint32_t out[3];
    (void)state;
    struct classifier *m = make(true);
    classifier_probabilities(m, v, p);
    assert_float_equal(p[0], 1 / (1 + exp(-2)), 1e-6);
    assert_float_equal(p[1], 1 / (1 + exp(-.5)), 1e-6);
    assert_float_equal(p[2], 1 / (1 + exp(1)), 1e-6);
    assert_int_equal(classifier_choose(m, p, .5, 3, out), 2);
    assert_true(out[0] == 0 && out[1] == 1);
    assert_int_equal(classifier_choose(m, p, 0, 3, out), 3);
    assert_int_equal(out[2], 2);
    const float rising[] = {.1f, .2f, .3f};
    assert_int_equal(classifier_choose(m, rising, 0, 2, out), 2);
    assert_true(out[0] == 2 && out[1] == 1);
    classifier_free(m);
}

static void test_parts_are_the_document_s_own(void **state)
{
    unsigned count[3] = {0}, moved = 0;
    (void)state;
    for (uint64_t key = 0; key < 20000; key++) {
        enum label_part p = label_part_of(key, 42, .2);
        assert_int_equal(p, label_part_of(key, 42, .2));
        moved += p != label_part_of(key, 43, .2);
        count[p]++;
    }
    assert_in_range(count[LABEL_TEST], 3800, 4200); /* .2, sd 57 */
    assert_in_range(count[LABEL_VALIDATION], 3000, 3400);
    assert_in_range(moved, 9000, 12000);
}

static void test_the_file(void **state)
{
    struct classifier *m = make(true), *again = NULL;
    char *bytes;
    size_t n;
    struct file *f;
    struct err_info e = {0};
    (void)state;
    assert_int_equal(classifier_save(m, path, &e), 0);
    assert_int_equal(classifier_load(path, &again, &e), 0);
    assert_memory_equal(again->weights, m->weights, 6 * sizeof(float));
    assert_memory_equal(again->bias, m->bias, 3 * sizeof(float));
    assert_string_equal(again->names[2], "three");
    assert_string_equal(again->about.path, "attributes.topic");
    assert_true(again->about.multiple && again->seed == 9 && again->held_out == .2 &&
                again->about.version == 4 && again->about.min_probability == .5);
    classifier_free(again);
    again = NULL;
    assert_int_equal(file_read_all(path, 1 << 20, &bytes, &n, NULL), 0);
    for (size_t at = 0; at < n; at += 5)
        for (int flip = 0; flip < 2; flip++) {
            if (flip)
                bytes[at] ^= 16;
            assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
            assert_int_equal(file_write(f, bytes, flip ? n : at, NULL), 0);
            file_close(f);
            assert_int_not_equal(classifier_load(path, &again, NULL), 0);
            if (flip)
                bytes[at] ^= 16;
        }
    assert_null(again);
    free(bytes);
    m->weights[1] = NAN;
    assert_int_equal(classifier_save(m, path, &e), 0);
    assert_int_equal(classifier_load(path, &again, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "not finite"));
    classifier_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities_of_one_label),
        cmocka_unit_test(test_probabilities_of_several),
        cmocka_unit_test(test_parts_are_the_document_s_own),
        cmocka_unit_test(test_the_file),
    };
    return cmocka_run_group_tests(tests, start, end);
}
