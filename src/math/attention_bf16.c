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
    float *scores;     /* TILE_ROWS x width */
    uint16_t *weights; /* TILE_ROWS x width */
    size_t width;      /* tokens up to whole blocks */
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

/* --- scores --- */

TARGET_BF16 ALWAYS void score_rows(const struct head *h, size_t query, size_t block,
                                   const unsigned rows, const unsigned blocks)
{
    __m512 sums[2][TILE_ROWS];
    UNROLLED
    for (unsigned r = 0; r < rows; r++)
        sums[0][r] = sums[1][r] = _mm512_setzero_ps();
    for (size_t p = 0; p < h->panels; p++) {
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
                sums[0][r] = _mm512_dpbf16_ps(sums[0][r], v, w0);
                if (blocks > 1)
                    sums[1][r] = _mm512_dpbf16_ps(sums[1][r], v, w1);
            }
        }
    }
    float *to = h->scores + block * BLOCK;
    UNROLLED
    for (unsigned r = 0; r < rows; r++) {
        _mm512_store_ps(to + r * h->width, sums[0][r]);
        if (blocks > 1)
            _mm512_store_ps(to + r * h->width + BLOCK, sums[1][r]);
    }
}

#define MAKE(n)                                                                                    \
    TARGET_BF16 static void score_##n(const struct head *h, size_t query)                          \
    {                                                                                              \
        size_t blocks = blocks_of(h->a->tokens), b = 0;                                            \
        for (; b + 2 <= blocks; b += 2)                                                            \
            score_rows(h, query, b, n, 2);                                                         \
        if (b < blocks)                                                                            \
            score_rows(h, query, b, n, 1);                                                         \
    }
EACH_ROWS(MAKE)
#define NAME(n) score_##n,
static void (*const score_of_rows[])(const struct head *, size_t) = {NULL, EACH_ROWS(NAME)};

/* --- softmax --- */

/* 2^x: the fraction by a polynomial (relative error 1e-4, a twentieth of a bfloat16 step). */
TARGET_BF16 ALWAYS __m512 exp2_near(__m512 x)
{
    __m512 f = _mm512_reduce_ps(x, 1); /* x - floor(x) */
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(EXP2_3), f, _mm512_set1_ps(EXP2_2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_1));
    return _mm512_scalef_ps(_mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_0)), x);
}

TARGET_BF16 ALWAYS float greatest(const float *scores, size_t width, unsigned rows, size_t tokens)
{
    __m512 low = _mm512_set1_ps(-INFINITY), max = low;
    for (unsigned r = 0; r < rows; r++, scores += width)
        for (size_t t = 0; t < tokens; t += BLOCK)
            max = _mm512_max_ps(max, _mm512_mask_load_ps(low, tail16(tokens - t), scores + t));
    return _mm512_reduce_max_ps(max);
}

/* Scores of one query, still to be multiplied by `scale` (log2 e within), to weights that are not
 * divided by their sum yet, which is returned. `max`: about the greatest score. */
TARGET_BF16 ALWAYS float weigh(const float *scores, size_t tokens, float scale, float max,
                               uint16_t *weights)
{
    __m512 sum = _mm512_setzero_ps();
    __m512 factor = _mm512_set1_ps(scale), top = _mm512_set1_ps(-max * scale);
    for (size_t t = 0; t < tokens; t += BLOCK) {
        __m512 x = _mm512_fmadd_ps(_mm512_load_ps(scores + t), factor, top);
        __m512 w = _mm512_maskz_mov_ps(tail16(tokens - t), exp2_near(x));
        sum = _mm512_add_ps(sum, w);
        _mm256_storeu_si256((__m256i *)(weights + t), (__m256i)_mm512_cvtneps_pbh(w));
    }
    return _mm512_reduce_add_ps(sum);
}

static void add_bias(const struct attention *a, size_t head, size_t query, float *scores)
{
    const float *bias = a->bias + head * (2 * a->bias_reach - 1) + a->bias_reach - 1 - query;
    for (size_t t = 0; t < a->tokens; t++)
        scores[t] += bias[t];
}

/* All rows of a tile by the greatest score among them, which costs one search instead of one a row;
 * a row that lies so far below it that its weights near the end of the numbers, by its own. */
#define SUM_LEAST 0x1p-64f

TARGET_BF16 static void weigh_rows(const struct head *h, unsigned rows, float scale, float *sums)
{
    size_t tokens = h->a->tokens, width = h->width;
    float max = greatest(h->scores, width, rows, tokens);
    for (unsigned r = 0; r < rows; r++)
        sums[r] = weigh(h->scores + r * width, tokens, scale, max, h->weights + r * width);
    for (unsigned r = 0; r < rows; r++)
        if (!(sums[r] >= SUM_LEAST))
            sums[r] =
                weigh(h->scores + r * width, tokens, scale,
                      greatest(h->scores + r * width, width, 1, tokens), h->weights + r * width);
}

/* --- one head --- */

TARGET_BF16 static void mix(const struct head *h, unsigned rows, const float *sums_of_rows,
                            float *out)
{
    _Alignas(64) float sums[TILE_ROWS * TILE_COLUMNS];
    size_t even = (h->a->tokens + 1) & ~(size_t)1, hidden = h->a->heads * h->a->head_dims;
    for (size_t p = 0; p < h->panels; p++, out += TILE_COLUMNS) {
        tile_bf16(h->weights, h->width, rows, even, h->values + p * even * TILE_COLUMNS, sums);
        for (unsigned r = 0; r < rows; r++) {
            __m512 f = _mm512_set1_ps(1 / sums_of_rows[r]);
            const float *from = sums + r * TILE_COLUMNS;
            float *to = out + r * hidden;
            _mm512_storeu_ps(to, _mm512_mul_ps(_mm512_load_ps(from), f));
            _mm512_storeu_ps(to + 16, _mm512_mul_ps(_mm512_load_ps(from + 16), f));
        }
    }
}

TARGET_BF16 static void one_head(const struct head *h, size_t head, float *out)
{
    const struct attention *a = h->a;
    float scale = 1 / sqrtf((float)a->head_dims), sums[TILE_ROWS];
    for (size_t t = 0; t < a->queries;) {
        unsigned rows = tile_share(a->queries - t);
        score_of_rows[rows](h, t);
        for (unsigned r = 0; r < rows && a->bias; r++)
            add_bias(a, head, t + r, h->scores + r * h->width);
        weigh_rows(h, rows, scale * (float)M_LOG2E, sums);
        mix(h, rows, sums, out + t * a->heads * a->head_dims);
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
                     .width = blocks_of(a->tokens) * BLOCK};
    h.keys = scratch;
    h.scores = (float *)(h.keys + h.width / BLOCK * h.panels * PAIRS);
    h.values = (uint16_t *)(h.scores + TILE_ROWS * h.width);
    h.weights = h.values + h.width * a->head_dims;
    size_t part = a->heads * h.panels * h.panel_stride; /* from queries to keys to values */
    for (size_t i = a->head_from; i < a->head_to; i++) {
        h.queries = qkv + i * h.panels * h.panel_stride;
        keys_turn(&h, h.queries + part);
        values_pair(&h, h.queries + 2 * part);
        one_head(&h, i, out + i * a->head_dims);
    }
}
#else
void attention_bf16(const struct attention *a, const uint16_t *qkv, size_t panel_rows,
                    void *scratch, float *out)
{
    assert(!"no bfloat16 here");
}
#endif
