#include "test.h"
#include "base/hash.h"
#include "base/hash_impl.h"
#include "base/rng.h"
#include <string.h>

static void hex_of(const void *p, size_t n, size_t step, char out[65])
{
    struct sha256 s;
    uint8_t digest[32];
    sha256_init(&s);
    for (size_t i = 0; i < n; i += step)
        sha256_add(&s, (const char *)p + i, n - i < step ? n - i : step);
    sha256_end(&s, digest);
    sha256_hex(digest, out);
}

/* FIPS 180-4 examples (NIST, "SHA256.pdf") and the empty message. */
static void sha256_known(void **state)
{
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[65];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hex_of(cases[i].text, strlen(cases[i].text), 7, hex);
        assert_string_equal(hex, cases[i].hex);
    }
    static char a[1000000];
    memset(a, 'a', sizeof a);
    hex_of(a, sizeof a, 4099, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_pieces_agree(void **state)
{
    char text[300], whole[65], parts[65];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 31);
    for (size_t n = 0; n <= sizeof text; n++) {
        hex_of(text, n, sizeof text, whole);
        hex_of(text, n, 1 + n % 67, parts);
        assert_string_equal(whole, parts);
    }
}

static void sha256_kernels_agree(void **state)
{
#if defined(__x86_64__)
    if (!sha256_has_shani())
        skip();
    uint8_t data[64 * 5];
    uint32_t a[8], b[8];
    struct rng r;
    rng_init(&r, 1);
    for (int round = 0; round < 1000; round++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)rng_next(&r);
        for (int i = 0; i < 8; i++)
            a[i] = b[i] = (uint32_t)rng_next(&r);
        sha256_blocks_portable(a, data, 5);
        sha256_blocks_shani(b, data, 5);
        assert_memory_equal(a, b, sizeof a);
    }
#else
    skip();
#endif
}

/* The sanity values of xxHash's own self-test: its generator, its lengths. */
static void checksum64_known(void **state)
{
    const uint64_t prime32 = 2654435761u, prime64 = 11400714785074694797u;
    uint8_t data[2367];
    uint64_t generator = prime32;
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(generator >> 56);
        generator *= prime64;
    }
    static const struct {
        size_t n;
        uint64_t seed, hash;
    } cases[] = {
        {0, 0, 0xef46db3751d8e999},
        {0, 2654435761u, 0xac75fda2929b17ef},
        {1, 0, 0xe934a84adb052768},
        {1, 2654435761u, 0x5014607643a9b4c3},
        {4, 0, 0x9136a0dca57457ee},
        {14, 0, 0x8282dcc4994e35c8},
        {14, 2654435761u, 0xc3bd6bf63deb6df0},
        {222, 0, 0xb641ae8cb691c174},
        {222, 2654435761u, 0x20cb8ab7ae10c14a},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(checksum64(data, cases[i].n, cases[i].seed), cases[i].hash);
}

static void checksum64_sees_every_bit(void **state)
{
    uint8_t data[97] = {0};
    uint64_t clean = checksum64(data, sizeof data, 3);
    for (size_t bit = 0; bit < 8 * sizeof data; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(checksum64(data, sizeof data, 3) != clean);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(checksum64(data, 96, 3) != clean);
}

/* RFC 4231, test cases 1, 2 and 6. */
static void hmac_known(void **state)
{
    uint8_t key[131], out[32];
    char hex[65];
    (void)state;
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, out);
    sha256_hex(out, hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    sha256_hex(out, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, 131);
    hmac_sha256(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
    sha256_hex(out, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_known),         cmocka_unit_test(sha256_pieces_agree),
        cmocka_unit_test(sha256_kernels_agree), cmocka_unit_test(hmac_known),
        cmocka_unit_test(checksum64_known),     cmocka_unit_test(checksum64_sees_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
