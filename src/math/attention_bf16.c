/* Attention in bfloat16. A text's queries, keys and values lie in panels of 32 columns, one head
 * being one or more panels; keys are turned 16 at a time, values are interleaved by pairs of
 * tokens, and from there on everything is a product of 14 rows by two registers. */
#include "math/attention.h"
#include "math/simd.h"
#include "math/tile.h"
#include "math/vector.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#define BLOCK 16 /* keys in a register */
#define PAIRS (TILE_COLUMNS / 2)

/* 2^f for 0 <= f < 1, minimax in the relative error. */
#define EXP2_0 9.999252258e-01f
#define EXP2_1 6.958334928e-01f
#define EXP2_2 2.260672158e-01f
#define EXP2_3 7.802451350e-02f

#if SIMD_X86
static size_t blocks_of(size_t tokens)
{
    return (tokens + BLOCK - 1) / BLOCK;
}

/* One head's working memory. */
struct head {
    const struct attention *a;
    const uint16_t *queries; /* the first panel; further ones panel_stride behind each other */
    size_t panel_stride, panels;
    __m512i *keys;     /* [block][panel][pair of dims][16 keys] */
    uint16_t *values;  /* [panel][pair of tokens][32][2] */
    uint16_t *weights; /* TILE_ROWS x width */
    size_t width;      /* tokens up to pairs of blocks */
    const float *bias; /* of a key at the query's own place; NULL: none */
    float scale;       /* from a score to the exponent of 2 */
    /* of each row of a tile: what is taken from its exponents, and the sum of its weights */
    float tops[TILE_ROWS], sums[TILE_ROWS];
};

/* --- keys --- */

/* 16 x 16 elements of 4 bytes, rows to columns. */
TARGET_BF16 ALWAYS void turn(__m512i r[16])
{
    __m512i t[16];
    UNROLLED
    for (unsigned i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    UNROLLED
    for (unsigned i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    UNROLLED
    for (unsigned i = 0; i < 16; i += 8) {
        UNROLLED
        for (unsigned j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0xdd);
        }
    }
    UNROLLED
    for (unsigned j = 0; j < 8; j++) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xdd);
    }
}

TARGET_BF16 static void keys_turn(const struct head *h, const uint16_t *keys)
{
    for (size_t b = 0; b < blocks_of(h->a->tokens); b++) {
        size_t left = h->a->tokens - b * BLOCK;
        for (size_t p = 0; p < h->panels; p++) {
            const uint16_t *from = keys + p * h->panel_stride + b * BLOCK * TILE_COLUMNS;
            __m512i r[16];
            UNROLLED
            for (unsigned i = 0; i < 16; i++)
                r[i] =
                    i < left ? _mm512_loadu_si512(from + i * TILE_COLUMNS) : _mm512_setzero_si512();
            turn(r);
            __m512i *to = h->keys + (b * h->panels + p) * PAIRS;
            UNROLLED
            for (unsigned i = 0; i < 16; i++)
                to[i] = r[i];
        }
    }
}

/* --- values --- */

TARGET_BF16 static void values_pair(const struct head *h, const uint16_t *values)
{
    static const uint16_t low[32] = {0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                     8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    __m512i first = _mm512_loadu_si512(low),
            second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    size_t pairs = (h->a->tokens + 1) / 2;
    for (size_t p = 0; p < h->panels; p++) {
        const uint16_t *from = values + p * h->panel_stride;
        uint16_t *to = h->values + p * pairs * 2 * TILE_COLUMNS;
        for (size_t t = 0; t < h->a->tokens; t += 2) {
            __m512i a = _mm512_loadu_si512(from + t * TILE_COLUMNS);
            __m512i b = t + 1 < h->a->tokens ? _mm512_loadu_si512(from + (t + 1) * TILE_COLUMNS)
                                             : _mm512_setzero_si512();
            _mm512_store_si512(to + t * TILE_COLUMNS, _mm512_permutex2var_epi16(a, first, b));
            _mm512_store_si512(to + (t + 1) * TILE_COLUMNS,
                               _mm512_permutex2var_epi16(a, second, b));
        }
    }
}

/* --- weights --- */

/* 2^x: the fraction by a polynomial (relative error 1e-4, a twentieth of a bfloat16 step). */
TARGET_BF16 ALWAYS __m512 exp2_near(__m512 x, __mmask16 m)
{
    __m512 f = _mm512_reduce_ps(x, 1); /* x - floor(x) */
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(EXP2_3), f, _mm512_set1_ps(EXP2_2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_0));
    return _mm512_maskz_scalef_ps(m, p, x);
}

/* Which of two blocks' keys there are. */
TARGET_BF16 ALWAYS uint32_t keys_of(const struct head *h, size_t block)
{
    size_t left = h->a->tokens - block * BLOCK;
    return (uint32_t)(0xffffffffull >> (left < 2 * BLOCK ? 2 * BLOCK - left : 0));
}

struct scores {
    __m512 of[2][TILE_ROWS];
};

/* With their bias, of some queries and one or two blocks of keys. */
TARGET_BF16 ALWAYS void score(const struct head *h, size_t query, size_t block, const unsigned rows,
                              const unsigned blocks, const bool biased, uint32_t m,
                              struct scores *s)
{
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        s->of[0][r] = s->of[1][r] = _mm512_setzero_ps();
        if (biased) {
            const float *bias = h->bias + block * BLOCK - query - r;
            s->of[0][r] = _mm512_maskz_loadu_ps((__mmask16)m, bias);
            s->of[1][r] = _mm512_maskz_loadu_ps((__mmask16)(m >> BLOCK), bias + BLOCK);
        }
    }
    size_t p = 0;
    do { /* there is at least one: as a plain loop gcc adds a way around it */
        const uint16_t *x = h->queries + p * h->panel_stride + query * TILE_COLUMNS;
        const __m512i *k0 = h->keys + (block * h->panels + p) * PAIRS, *k1 = k0;
        if (blocks > 1)
            k1 += h->panels * PAIRS;
        for (size_t i = 0; i < PAIRS; i++) {
            __m512bh w0 = (__m512bh)k0[i], w1 = (__m512bh)k1[i];
            UNROLLED
            for (unsigned r = 0; r < rows; r++) {
                int pair;
                memcpy(&pair, x + r * TILE_COLUMNS + 2 * i, sizeof pair);
                __m512bh v = (__m512bh)_mm512_set1_epi32(pair);
                s->of[0][r] = _mm512_dpbf16_ps(s->of[0][r], v, w0);
                if (blocks > 1)
                    s->of[1][r] = _mm512_dpbf16_ps(s->of[1][r], v, w1);
            }
        }
    } while (++p < h->panels);
}

/* Weights, not divided by their sum yet, straight from the registers of the scores. */
TARGET_BF16 ALWAYS void weigh(const struct head *h, size_t query, size_t block, const unsigned rows,
                              const unsigned blocks, const bool biased)
{
    struct scores s;
    uint32_t m = keys_of(h, block);
    score(h, query, block, rows, blocks, biased, m, &s);
    __m512 scale = _mm512_set1_ps(h->scale);
    uint16_t *to = h->weights + block * BLOCK;
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        __m512 top = _mm512_set1_ps(h->tops[r]), w1 = _mm512_setzero_ps();
        __m512 w0 = exp2_near(_mm512_fmsub_ps(s.of[0][r], scale, top), (__mmask16)m);
        if (blocks > 1)
            w1 = exp2_near(_mm512_fmsub_ps(s.of[1][r], scale, top), (__mmask16)(m >> BLOCK));
        _mm512_storeu_si512(to + r * h->width, (__m512i)_mm512_cvtne2ps_pbh(w1, w0));
    }
}

TARGET_BF16 ALWAYS void weigh_all(const struct head *h, size_t query, const unsigned rows,
                                  const bool biased)
{
    size_t blocks = blocks_of(h->a->tokens), b = 0;
    for (; b + 2 <= blocks; b += 2)
        weigh(h, query, b, rows, 2, biased);
    if (b < blocks)
        weigh(h, query, b, rows, 1, biased);
}

#define MAKE(n)                                                                                    \
    TARGET_BF16 static void weigh_##n(const struct head *h, size_t query)                          \
    {                                                                                              \
        if (h->bias)                                                                               \
            weigh_all(h, query, n, true);                                                          \
        else                                                                                       \
            weigh_all(h, query, n, false);                                                         \
    }
EACH_ROWS(MAKE)
#define NAME(n) weigh_##n,
static void (*const weigh_of_rows[])(const struct head *, size_t) = {NULL, EACH_ROWS(NAME)};

TARGET_BF16 static float greatest(const struct head *h, size_t query)
{
    __m512 low = _mm512_set1_ps(-INFINITY), max = low;
    for (size_t b = 0; b < blocks_of(h->a->tokens); b++) {
        uint32_t m = keys_of(h, b);
        struct scores s;
        if (h->bias)
            score(h, query, b, 1, 1, true, m, &s);
        else
            score(h, query, b, 1, 1, false, m, &s);
        max = _mm512_mask_max_ps(max, (__mmask16)m, max, s.of[0][0]);
    }
    return _mm512_reduce_max_ps(max);
}

/* Of the rounded weights, so that what they are divided by is what they are. */
TARGET_BF16 static float sum(const uint16_t *weights, size_t width)
{
    __m512 s = _mm512_setzero_ps();
    __m512bh one = (__m512bh)_mm512_set1_epi16(0x3f80);
    for (size_t t = 0; t < width; t += 2 * BLOCK)
        s = _mm512_dpbf16_ps(s, (__m512bh)_mm512_loadu_si512(weights + t), one);
    return _mm512_reduce_add_ps(s);
}

/* The usual scores are small enough for their exponentials as they are, and nothing searches for
 * the greatest before; if a row's sum comes near an end of the numbers, its greatest is sought and
 * the tile made again. */
#define SUM_LEAST 0x1p-64f
#define SUM_MOST 0x1p64f

TARGET_BF16 static void weigh_rows(struct head *h, size_t query, unsigned rows)
{
    bool again = false;
    memset(h->tops, 0, sizeof h->tops);
    weigh_of_rows[rows](h, query);
    for (unsigned r = 0; r < rows; r++) {
        h->sums[r] = sum(h->weights + r * h->width, h->width);
        if (h->sums[r] >= SUM_LEAST && h->sums[r] <= SUM_MOST)
            continue;
        h->tops[r] = greatest(h, query + r) * h->scale;
        again = true;
    }
    if (!again)
        return;
    weigh_of_rows[rows](h, query);
    for (unsigned r = 0; r < rows; r++)
        h->sums[r] = sum(h->weights + r * h->width, h->width);
}

/* --- one head --- */

TARGET_BF16 static void mix(const struct head *h, unsigned rows, float *out)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    size_t even = (h->a->tokens + 1) & ~(size_t)1, hidden = h->a->heads * h->a->head_dims;
    for (size_t p = 0; p < h->panels; p++, out += TILE_COLUMNS) {
        tile_bf16(h->weights, h->width, rows, even, h->values + p * even * TILE_COLUMNS, sums);
        for (unsigned r = 0; r < rows; r++) {
            __m512 f = _mm512_set1_ps(1 / h->sums[r]);
            const float *from = sums + r * TILE_COLUMNS;
            float *to = out + r * hidden;
            _mm512_storeu_ps(to, _mm512_mul_ps(_mm512_load_ps(from), f));
            _mm512_storeu_ps(to + 16, _mm512_mul_ps(_mm512_load_ps(from + 16), f));
        }
    }
}

TARGET_BF16 static void one_head(struct head *h, float *out)
{
    const struct attention *a = h->a;
    for (size_t t = 0; t < a->queries;) {
        unsigned rows = tile_share(a->queries - t);
        weigh_rows(h, t, rows);
        mix(h, rows, out + t * a->heads * a->head_dims);
        t += rows;
    }
}

void attention_bf16(const struct attention *a, const uint16_t *qkv, size_t panel_rows,
                    void *scratch, float *out)
{
    assert(simd_bf16() && a->tokens > 0 && a->queries <= a->tokens);
    assert(a->head_dims > 0 && a->head_dims % TILE_COLUMNS == 0);
    assert(!a->bias || a->tokens <= a->bias_reach);
    struct head h = {.a = a,
                     .panel_stride = panel_rows * TILE_COLUMNS,
                     .panels = a->head_dims / TILE_COLUMNS,
                     .scale = (float)M_LOG2E / sqrtf((float)a->head_dims),
                     .width = (blocks_of(a->tokens) + 1) / 2 * 2 * BLOCK};
    h.keys = scratch;
    h.values = (uint16_t *)(h.keys + h.width / BLOCK * h.panels * PAIRS);
    h.weights = h.values + h.width * a->head_dims;
    size_t part = a->heads * h.panels * h.panel_stride; /* from queries to keys to values */
    for (size_t i = a->head_from; i < a->head_to; i++) {
        h.queries = qkv + i * h.panels * h.panel_stride;
        keys_turn(&h, h.queries + part);
        values_pair(&h, h.queries + 2 * part);
        if (a->bias)
            h.bias = a->bias + i * (2 * a->bias_reach - 1) + a->bias_reach - 1;
        one_head(&h, out + i * a->head_dims);
    }
}
#else
void attention_bf16(const struct attention *a, const uint16_t *qkv, size_t panel_rows,
                    void *scratch, float *out)
{
    assert(!"no bfloat16 here");
}
#endif
