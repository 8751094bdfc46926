#include "tiny.h"
#include "embed/safetensors.h"

static void expect(const char *header, uint64_t data_bytes, enum err code, const char *word)
{
    struct safetensors s = {0};
    struct err_info e = {0};
    enum err err = safetensors_parse(str_c(header), data_bytes, &s, &e);
    if (err != code || (code && !strstr(e.message, word)))
        fail_msg("%s: got %d \"%s\", expected %d \"%s\"", header, err, e.message, code, word);
    safetensors_close(&s);
}

static void test_headers(void **state)
{
    expect("{}", 0, ERR_OK, "");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 24, ERR_OK, "");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, ERR_OK, "");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[0,0]}}", 0, ERR_OK, "");
    expect("", 0, ERR_CORRUPT, "header");
    expect("[]", 0, ERR_CORRUPT, "object");
    expect("{\"a\":1}", 9, ERR_CORRUPT, "tensor a");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 23, ERR_CORRUPT,
           "truncated");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,20]}}", 99, ERR_CORRUPT,
           "do not fit");
    expect("{\"a\":{\"dtype\":\"F99\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", 99, ERR_CORRUPT,
           "dtype");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,-3],\"data_offsets\":[0,24]}}", 99, ERR_CORRUPT,
           "shape");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 99,
           ERR_CORRUPT, "at most 8");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
           99, ERR_CORRUPT, "too large");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 99,
           ERR_CORRUPT, "do not fit");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}", 99, ERR_CORRUPT,
           "data_offsets");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 99, ERR_CORRUPT,
           "data_offsets");
    expect("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
           "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
           99, ERR_CORRUPT, "tensor b: its bytes overlap");
}

static void test_sixteen_bits(void **state)
{
    struct tiny t;
    char path[100];
    struct safetensors s = {0};
    float out[3];
    tiny_make(&t);
    static const char header[] =
        "{\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]},"
        "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[6,12]},"
        "\"i\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[12,20]}}";
    static const uint16_t data[10] = {0x3c00, 0xc000, 0x0001, 0x3f80, 0xc000, 0x4049};
    char file[400] = {0};
    file[0] = (char)(sizeof header - 1);
    file[0] = (char)((sizeof header - 1) & 255);
    file[1] = (char)((sizeof header - 1) >> 8);
    memcpy(file + 8, header, sizeof header - 1);
    memcpy(file + 8 + sizeof header - 1, data, sizeof data);
    tiny_put(&t, "x.safetensors", file, 8 + sizeof header - 1 + sizeof data);
    snprintf(path, sizeof path, "%s/x.safetensors", t.dir);
    assert_int_equal(safetensors_open(path, &s, NULL), ERR_OK);
    assert_int_equal(safetensors_read(&s, "h", 1, (uint64_t[]){3}, out, NULL), ERR_OK);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f);
    assert_int_equal(safetensors_read(&s, "b", 1, (uint64_t[]){3}, out, NULL), ERR_OK);
    assert_true(out[0] == 1 && out[1] == -2 && out[2] == 3.140625f);
    assert_int_equal(safetensors_read(&s, "i", 1, (uint64_t[]){1}, out, NULL), ERR_UNSUPPORTED);
    assert_int_equal(safetensors_read(&s, "h", 1, (uint64_t[]){4}, out, NULL), ERR_INVALID);
    assert_int_equal(safetensors_read(&s, "h", 2, (uint64_t[]){3, 1}, out, NULL), ERR_INVALID);
    assert_int_equal(safetensors_read(&s, "?", 1, (uint64_t[]){3}, out, NULL), ERR_NOT_FOUND);
    safetensors_close(&s);
    memset(file, 0xff, 8); /* a header of 2^64 - 1 bytes */
    tiny_put(&t, "x.safetensors", file, sizeof file);
    struct err_info e = {0};
    assert_int_equal(safetensors_open(path, &s, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "header"));
    tiny_release(&t);
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_headers),
                                       cmocka_unit_test(test_sixteen_bits)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
