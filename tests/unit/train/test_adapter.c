/* Adapters: texts in which what readers care for is drowned by what they do not. */
#include "train/adapter.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/simd.h"

#include "../sanitized.h"
#include "sets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#define DIMS 24u
#define GROUPS 6u

/* The first GROUPS dimensions tell what readers like, faintly; the others are noise. */
static struct training_set *drowned(uint32_t groups_of_readers, uint64_t seed)
{
    struct training_set *s = set_make(300, 900, 15, groups_of_readers, false, DIMS, seed);
    struct rng rng;
    float v[DIMS];
    rng_init(&rng, seed + 1);
    for (uint32_t i = 0; i < s->items; i++) {
        for (uint32_t d = 0; d < DIMS; d++)
            v[d] = rng_normal(&rng) * (d < GROUPS ? .1f : .5f) + (d == i % GROUPS ? .35f : 0);
        normalise_f32(v, DIMS);
        half_from_f32(v, s->vectors + (size_t)i * DIMS, DIMS);
    }
    return s;
}

static json_t *trained(const struct training_set *s, struct adapter **out)
{
    struct fit_options o = {.seed = 42, .threads = 2};
    struct err_info e = {0};
    struct strbuf text;
    json_t *report;
    strbuf_init(&text, 0);
    assert_int_equal(adapter_train(s, &o, out, &text, &e), 0);
    assert_int_equal(json_parse((struct str){text.buf, text.n}, &report, &e), 0);
    strbuf_release(&text);
    return report;
}

static double number(const json_t *report, const char *part, const char *what)
{
    const json_t *v = json_object_get(
        json_object_get(json_array_get(json_object_get(report, "strengths"), 0), part), what);
    return json_number_value(json_is_object(v) ? json_object_get(v, "mean") : v);
}

static void test_what_readers_care_for_comes_forward(void **state)
{
    struct training_set *s = drowned(GROUPS, 5);
    struct adapter *a = NULL, *again = NULL;
    json_t *report = trained(s, &a), *second = trained(s, &again);
    (void)state;
    assert_true(number(report, "held_out", "difference") > .02);
    assert_true(number(report, "new_documents", "difference") > 0);
    assert_true(json_is_true(json_object_get(report, "promote")));
    assert_int_equal(json_array_size(json_object_get(report, "strengths")), ADAPTER_STRENGTHS);
    assert_string_equal(a->digest, again->digest); /* the same seed, the same adapter */
    double care = 0, noise = 0;                    /* how much of each dimension is left */
    for (uint32_t d = 0; d < DIMS; d++)
        *(d < GROUPS ? &care : &noise) += 1 + (double)a->matrix[d * DIMS + d];
    assert_true(care / GROUPS > 1.2 * noise / (DIMS - GROUPS));
    json_decref(report);
    json_decref(second);
    adapter_free(a);
    adapter_free(again);
    set_free(s);
}

static void test_nothing_to_learn_is_not_promoted(void **state)
{
    struct training_set *s = drowned(1, 6); /* readers read anything */
    struct adapter *a = NULL;
    json_t *report = trained(s, &a);
    (void)state;
    assert_true(json_is_false(json_object_get(report, "promote")));
    assert_true(strlen(json_string_value(json_object_get(report, "reason"))) > 0);
    json_decref(report);
    adapter_free(a);
    set_free(s);
}

static void test_too_few_and_cancelled(void **state)
{
    struct training_set *few = set_make(12, 30, 6, 1, false, DIMS, 1),
                        *none = set_make(240, 60, 6, 1, false, 0, 1), *s = drowned(GROUPS, 5);
    atomic_bool stop = true;
    struct fit_options o = {.seed = 42, .stop = &stop};
    struct adapter *a = NULL;
    struct strbuf text;
    struct err_info e = {0};
    (void)state;
    strbuf_init(&text, 0);
    assert_int_equal(adapter_train(few, &o, &a, &text, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.message, "needed"));
    assert_int_equal(adapter_train(none, &o, &a, &text, &e), ERR_CONFLICT);
    assert_int_equal(adapter_train(s, &o, &a, &text, &e), ERR_CANCELLED);
    assert_null(a);
    strbuf_release(&text);
    set_free(few);
    set_free(none);
    set_free(s);
}

static void test_file(void **state)
{
    float matrix[4] = {.5f, -.25f, 0, 1}, rows[4] = {.6f, .8f, 1, 0};
    struct adapter *a = adapter_new(2, matrix), *back = NULL;
    char path[] = "/tmp/akin-adapter-XXXXXX";
    struct err_info e = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(adapter_save(a, path, &e), 0);
    assert_int_equal(adapter_load(path, &back, &e), 0);
    assert_string_equal(a->digest, back->digest);
    adapter_apply(back, rows, 2); /* (.6, .8) -> (.7, 1.6); (1, 0) -> (1.5, 0) */
    assert_float_equal(rows[0], .7f / sqrtf(.7f * .7f + 1.6f * 1.6f), 1e-3f);
    assert_float_equal(rows[2], 1, 1e-6f);
    adapter_free(back);
    FILE *f = fopen(path, "r+b");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    for (long at = 0; at < size; at++) { /* each bit of a byte, a byte at a time */
        int was, bit = 1 << at % 8;
        fseek(f, at, SEEK_SET);
        was = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ bit, f);
        fflush(f);
        assert_int_not_equal(adapter_load(path, &back, &e), 0);
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fflush(f);
    }
    fseek(f, 0, SEEK_END);
    fputc(0, f);
    fflush(f);
    assert_int_equal(adapter_load(path, &back, &e), ERR_CORRUPT); /* something behind its end */
    assert_int_equal(truncate(path, size - 1), 0);
    assert_int_not_equal(adapter_load(path, &back, &e), 0);
    fclose(f);
    unlink(path);
    adapter_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_readers_care_for_comes_forward),
        cmocka_unit_test(test_nothing_to_learn_is_not_promoted),
        cmocka_unit_test(test_too_few_and_cancelled),
        cmocka_unit_test(test_file),
    };
    struct err_info e = {0};
    json_setup();
    if (simd_setup(&e) || dense_open(&e)) {
        print_message("OpenBLAS is not installed: %s\n", e.message);
        return 77;
    }
    return cmocka_run_group_tests_name("adapter", tests, NULL, NULL);
}
