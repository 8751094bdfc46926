#include "base/hash.h"
#include "base/hash_impl.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotr32(uint32_t x, int k)
{
    return (x >> k) | (x << (32 - k));
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* `a` is where the letter a stands in v at this round. */
static inline void round_portable(uint32_t v[8], int a, uint32_t kw)
{
    uint32_t va = v[a], vb = v[(a + 1) & 7], vc = v[(a + 2) & 7];
    uint32_t ve = v[(a + 4) & 7], vf = v[(a + 5) & 7], vg = v[(a + 6) & 7];
    uint32_t s1 = rotr32(ve, 6) ^ rotr32(ve, 11) ^ rotr32(ve, 25);
    uint32_t t1 = v[(a + 7) & 7] + s1 + ((ve & vf) ^ (~ve & vg)) + kw;
    uint32_t s0 = rotr32(va, 2) ^ rotr32(va, 13) ^ rotr32(va, 22);
    v[(a + 3) & 7] += t1;
    v[(a + 7) & 7] = t1 + s0 + ((va & vb) ^ (va & vc) ^ (vb & vc));
}

/* FIPS 180-4, section 6.2.2. */
static void block_portable(uint32_t h[8], const uint8_t *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++)
        w[i] = load_be32(p + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotr32(w[i - 15], 7) ^ rotr32(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotr32(w[i - 2], 17) ^ rotr32(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, h, sizeof v);
    for (int i = 0; i < 64; i += 8)
        for (int j = 0; j < 8; j++) /* the letters a-h move by one each round: so does j */
            round_portable(v, (8 - j) & 7, K[i + j] + w[i + j]);
    for (int i = 0; i < 8; i++)
        h[i] += v[i];
}

void sha256_blocks_portable(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    for (; blocks; blocks--, p += 64)
        block_portable(h, p);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

bool sha256_has_shani(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

/* Intel, "New Instructions Supporting the Secure Hash Algorithm" (2013): sha256rnds2 does two
 * rounds on the state kept as ABEF and CDGH; sha256msg1 and msg2 make the next four words. */
__attribute__((target("sha,sse4.1,ssse3"))) void
sha256_blocks_shani(uint32_t h[8], const uint8_t *p, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)h);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(h + 4));
    __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks; blocks--, p += 64) {
        __m128i abef_was = abef, cdgh_was = cdgh, w[4];
        for (int i = 0; i < 16; i++) {
            __m128i *now = &w[i & 3];
            if (i < 4) {
                *now = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
            } else {
                __m128i last = w[(i + 3) & 3];
                __m128i w9 = _mm_alignr_epi8(last, w[(i + 2) & 3], 4);
                __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]), w9);
                *now = _mm_sha256msg2_epu32(sum, last);
            }
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i));
            __m128i wk = _mm_add_epi32(*now, k);
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_was);
        cdgh = _mm_add_epi32(cdgh, cdgh_was);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}
#endif

typedef void sha256_blocks(uint32_t h[8], const uint8_t *p, size_t blocks);

static sha256_blocks *kernel(void)
{
    static _Atomic(sha256_blocks *) chosen;
    sha256_blocks *k = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (k)
        return k;
    k = sha256_blocks_portable;
#if defined(__x86_64__)
    const char *simd = getenv("AKIN_SIMD");
    if (sha256_has_shani() && !(simd && strcmp(simd, "scalar") == 0))
        k = sha256_blocks_shani;
#endif
    atomic_store_explicit(&chosen, k, memory_order_relaxed);
    return k;
}

void sha256_init(struct sha256 *s)
{
    *s = (struct sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                               0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_add(struct sha256 *s, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t held = s->bytes % 64;
    s->bytes += n;
    if (held) {
        size_t part = n < 64 - held ? n : 64 - held;
        memcpy(s->block + held, p, part);
        p += part;
        n -= part;
        if (held + part < 64)
            return;
        kernel()(s->h, s->block, 1);
    }
    kernel()(s->h, p, n / 64);
    if (n % 64)
        memcpy(s->block, p + n / 64 * 64, n % 64);
}

void sha256_end(struct sha256 *s, uint8_t out[32])
{
    uint64_t bits = s->bytes * 8;
    uint8_t tail[72] = {0x80};
    size_t zeros = (119 - s->bytes % 64) % 64;
    for (int i = 0; i < 8; i++)
        tail[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(s, tail, 9 + zeros);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void hmac_sha256(const void *key, size_t key_n, const void *p, size_t n, uint8_t out[32])
{
    struct sha256 s;
    uint8_t block[64] = {0}, pad[64];
    if (key_n > sizeof block) {
        sha256_init(&s);
        sha256_add(&s, key, key_n);
        sha256_end(&s, block);
    } else if (key_n) {
        memcpy(block, key, key_n);
    }
    for (int outer = 0; outer < 2; outer++) {
        for (size_t i = 0; i < sizeof block; i++)
            pad[i] = (uint8_t)(block[i] ^ (outer ? 0x5c : 0x36));
        sha256_init(&s);
        sha256_add(&s, pad, sizeof pad);
        if (outer)
            sha256_add(&s, out, 32);
        else if (n)
            sha256_add(&s, p, n);
        sha256_end(&s, out);
    }
}

void sha256_hex(const uint8_t digest[32], char out[65])
{
    for (int i = 0; i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[64] = 0;
}

/* XXH64, from its specification (Yann Collet, "xxHash fast digest algorithm", 0.1.1). */
static const uint64_t P1 = 0x9e3779b185ebca87, P2 = 0xc2b2ae3d27d4eb4f, P3 = 0x165667b19e3779f9,
                      P4 = 0x85ebca77c2b2ae63, P5 = 0x27d4eb2f165667c5;

static uint64_t rotl64(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t load_le64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static uint64_t load_le32(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t xxh_round(uint64_t acc, uint64_t lane)
{
    return rotl64(acc + lane * P2, 31) * P1;
}

static uint64_t xxh_stripes(const uint8_t **p, size_t *n, uint64_t seed)
{
    uint64_t acc[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
    for (; *n >= 32; *p += 32, *n -= 32)
        for (int i = 0; i < 4; i++)
            acc[i] = xxh_round(acc[i], load_le64(*p + 8 * i));
    uint64_t h = rotl64(acc[0], 1) + rotl64(acc[1], 7) + rotl64(acc[2], 12) + rotl64(acc[3], 18);
    for (int i = 0; i < 4; i++)
        h = (h ^ xxh_round(0, acc[i])) * P1 + P4;
    return h;
}

uint64_t checksum64(const void *data, size_t n, uint64_t seed)
{
    const uint8_t *p = data;
    size_t total = n;
    uint64_t h = n >= 32 ? xxh_stripes(&p, &n, seed) : seed + P5;
    h += total;
    for (; n >= 8; p += 8, n -= 8)
        h = rotl64(h ^ xxh_round(0, load_le64(p)), 27) * P1 + P4;
    if (n >= 4) {
        h = rotl64(h ^ load_le32(p) * P1, 23) * P2 + P3;
        p += 4;
        n -= 4;
    }
    for (; n; p++, n--)
        h = rotl64(h ^ *p * P5, 11) * P1;
    h = (h ^ (h >> 33)) * P2;
    h = (h ^ (h >> 29)) * P3;
    return h ^ (h >> 32);
}
