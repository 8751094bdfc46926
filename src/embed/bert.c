#include "embed/bert_impl.h"
#include "base/arena.h"
#include "math/attention.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rows.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that go through both feed-forward products before the next: the wide rows between them
 * then never leave the L2 cache. */
#define FEED_ROWS 84

struct bert_work {
    size_t tokens_max;
    float *x;       /* tokens x hidden: the residual stream */
    float *qkv;     /* tokens x 3 hidden, and 32 floats that attention may read */
    float *context; /* tokens x hidden */
    float *scratch;
    void *wide;       /* FEED_ROWS x intermediate, of the layers' type */
    uint16_t *narrow; /* tokens x hidden: an input as bfloat16 */
};

static float *floats(size_t n)
{
    float *p = xaligned(n * sizeof *p);
    memset(p, 0, n * sizeof *p);
    return p;
}

struct bert_work *bert_work_new(const struct bert *b, size_t tokens_max)
{
    struct bert_work *w = xcalloc(1, sizeof *w);
    size_t hidden = b->shape.hidden;
    w->tokens_max = tokens_max;
    w->x = floats(tokens_max * hidden);
    w->qkv = floats(tokens_max * 3 * hidden + 32);
    w->context = floats(tokens_max * hidden);
    w->scratch = floats(attention_scratch(b->shape.positions, hidden / b->shape.heads));
    w->wide = floats((size_t)FEED_ROWS * b->shape.intermediate);
    w->narrow = xaligned(tokens_max * hidden * sizeof *w->narrow);
    return w;
}

void bert_work_free(struct bert_work *w)
{
    if (!w)
        return;
    free(w->x);
    free(w->qkv);
    free(w->context);
    free(w->scratch);
    free(w->wide);
    free(w->narrow);
    free(w);
}

static void normalise(const struct bert *b, const struct norm *n, float *x, size_t rows)
{
    layernorm_f32(x, rows, b->shape.hidden, n->gamma, n->beta, b->shape.epsilon);
}

static void word(const struct bert *b, size_t id, float *out)
{
    size_t hidden = b->shape.hidden;
    if (b->form.words_half)
        half_to_f32((const uint16_t *)b->words + id * hidden, out, hidden);
    else
        memcpy(out, (const float *)b->words + id * hidden, hidden * sizeof *out);
}

static size_t look_up(const struct bert *b, float *x, const uint32_t *ids, const uint32_t *lengths,
                      size_t count)
{
    size_t hidden = b->shape.hidden, t = 0;
    for (size_t i = 0; i < count; i++) {
        assert(lengths[i] >= 1 && lengths[i] <= b->shape.positions);
        for (size_t p = 0; p < lengths[i]; p++, t++) {
            assert(ids[t] < b->shape.vocab);
            word(b, ids[t], x + t * hidden);
            rows_add(x + t * hidden, b->positions + p * hidden, hidden);
        }
    }
    normalise(b, &b->norm, x, t);
    return t;
}

/* The input of a product in the type that it wants. */
static const void *input(const struct bert *b, struct bert_work *w, const float *x, size_t rows)
{
    if (b->type == LINEAR_F32)
        return x;
    bf16_from_f32(x, w->narrow, rows * b->shape.hidden);
    return w->narrow;
}

static void attend(const struct bert *b, struct bert_work *w, const struct layer *y,
                   const uint32_t *lengths, size_t count, size_t tokens)
{
    size_t hidden = b->shape.hidden, t = 0;
    linear_run(&y->qkv, input(b, w, w->x, tokens), tokens, LINEAR_SET, w->qkv);
    for (size_t i = 0; i < count; t += lengths[i++])
        attention_f32(w->qkv + t * 3 * hidden, lengths[i], b->shape.heads, hidden / b->shape.heads,
                      w->scratch, w->context + t * hidden);
    linear_run(&y->attention_out, input(b, w, w->context, tokens), tokens, LINEAR_ADD, w->x);
    normalise(b, &y->attention_norm, w->x, tokens);
}

static void feed(const struct bert *b, struct bert_work *w, const struct layer *y, size_t tokens)
{
    for (size_t t = 0; t < tokens; t += FEED_ROWS) {
        size_t rows = tokens - t < FEED_ROWS ? tokens - t : FEED_ROWS;
        float *x = w->x + t * b->shape.hidden;
        linear_run(&y->up, input(b, w, x, rows), rows, LINEAR_GELU, w->wide);
        linear_run(&y->down, w->wide, rows, LINEAR_ADD, x);
        normalise(b, &y->feed_norm, x, rows);
    }
}

static void pool(const struct bert *b, const float *x, uint32_t length, enum bert_pooling pooling,
                 float *out)
{
    size_t hidden = b->shape.hidden;
    memcpy(out, pooling == BERT_LAST ? x + (length - 1) * hidden : x, hidden * sizeof *out);
    if (pooling == BERT_MEAN) /* the sum has the direction of the mean */
        for (uint32_t t = 1; t < length; t++)
            rows_add(out, x + t * hidden, hidden);
    normalise_f32(out, hidden);
}

void bert_run(const struct bert *b, struct bert_work *w, const uint32_t *ids,
              const uint32_t *lengths, size_t count, enum bert_pooling pooling, float *out)
{
    size_t hidden = b->shape.hidden, sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += lengths[i];
    assert(sum <= w->tokens_max);
    size_t tokens = look_up(b, w->x, ids, lengths, count);
    for (unsigned i = 0; i < b->shape.layers; i++) {
        attend(b, w, &b->layers[i], lengths, count, tokens);
        feed(b, w, &b->layers[i], tokens);
    }
    for (size_t i = 0, t = 0; i < count; t += lengths[i++])
        pool(b, w->x + t * hidden, lengths[i], pooling, out + i * hidden);
}
