#include "levels.h"
#include <stdlib.h>
#include <string.h>

static void test_environment(void **state)
{
    struct err_info e = {0};
    assert_int_equal(setenv("AKIN_SIMD", "mmx", 1), 0);
    assert_int_equal(simd_setup(&e), ERR_INVALID);
    assert_string_equal(e.field, "AKIN_SIMD");
    assert_non_null(strstr(e.message, "scalar, avx2, avx512"));

    assert_int_equal(setenv("AKIN_SIMD", "scalar", 1), 0);
    assert_int_equal(simd_setup(&e), ERR_OK);
    assert_int_equal(simd_level(), SIMD_SCALAR);
    assert_false(simd_bf16());

    for (int l = SIMD_AVX2; l < SIMD_LEVELS; l++) {
        assert_int_equal(setenv("AKIN_SIMD", simd_name((enum simd_level)l), 1), 0);
        struct err_info f = {0};
        bool has = simd_supported((enum simd_level)l);
        assert_int_equal(simd_setup(&f), has ? ERR_OK : ERR_UNSUPPORTED);
        if (has)
            assert_int_equal(simd_level(), l);
    }
    assert_int_equal(unsetenv("AKIN_SIMD"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_environment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
