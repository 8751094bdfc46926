#include "embed/bert_impl.h"
#include "base/arena.h"
#include "math/attention.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/rows.h"
#include "math/simd.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that go through both feed-forward products before the next: the wide rows between them
 * then never leave the L2 cache. */
#define FEED_ROWS 56
#define BERT_PANEL 32 /* columns of a panel of LINEAR_HEADS */

static void *zeroed(size_t bytes)
{
    void *p = xaligned(bytes);
    memset(p, 0, bytes);
    return p;
}

/* Attention in bfloat16 reads the heads as panels. */
static bool heads_are_panels(const struct bert *b)
{
    return b->type != LINEAR_F32 && simd_bf16() &&
           b->shape.hidden / b->shape.heads % BERT_PANEL == 0;
}

struct bert_work *bert_work_new(const struct bert *b, size_t tokens_max)
{
    struct bert_work *w = xcalloc(1, sizeof *w);
    const struct layer *y = &b->layers[0];
    size_t hidden = b->shape.hidden;
    w->tokens_max = tokens_max;
    w->x = zeroed(tokens_max * hidden * sizeof *w->x);
    w->inputs = b->type == LINEAR_F32 ? NULL : zeroed(tokens_max * linear_row_bytes(&y->qkv));
    w->qkv = zeroed((tokens_max * 3 * hidden + 32) * sizeof(float));
    w->context = zeroed(tokens_max * hidden * sizeof *w->context);
    w->scratch = zeroed(attention_scratch(b->shape.positions, hidden / b->shape.heads));
    w->wide = zeroed((size_t)FEED_ROWS * b->shape.intermediate * sizeof *w->wide);
    w->wide_inputs = b->type == LINEAR_INT8 ? zeroed(FEED_ROWS * linear_row_bytes(&y->down)) : NULL;
    return w;
}

void bert_work_free(struct bert_work *w)
{
    if (!w)
        return;
    free(w->x);
    free(w->inputs);
    free(w->qkv);
    free(w->context);
    free(w->scratch);
    free(w->wide);
    free(w->wide_inputs);
    free(w);
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
    return t;
}

static void record(const struct bert_work *w, enum bert_product product, const float *x,
                   size_t rows)
{
    if (w->seen)
        linear_seen_add(w->seen[product], x, rows);
}

/* Rows of floats as the input rows of `l`: the floats themselves, or rows in `to`. */
static const void *input(const struct linear *l, const float *x, size_t rows, void *to)
{
    if (l->type == LINEAR_F32)
        return x;
    linear_input(l, x, rows, to);
    return to;
}

/* The rows of x from `t` on, normalised, and as the input rows of `next` in w->inputs. */
static void settle(const struct bert *b, struct bert_work *w, const struct norm *n, size_t t,
                   size_t rows, const struct linear *next)
{
    float *x = w->x + t * b->shape.hidden;
    if (!next || next->type == LINEAR_F32)
        layernorm_f32(x, rows, b->shape.hidden, n->gamma, n->beta, b->shape.epsilon);
    else
        linear_input_normed(next, x, rows, n->gamma, n->beta, b->shape.epsilon,
                            (char *)w->inputs + t * linear_row_bytes(next));
}

/* What settle made. */
static const void *settled(const struct bert *b, const struct bert_work *w, const struct linear *l,
                           size_t t)
{
    if (l->type == LINEAR_F32)
        return w->x + t * b->shape.hidden;
    return (const char *)w->inputs + t * linear_row_bytes(l);
}

/* Results of every token; `first_only`: of each text's first. */
static void attend(const struct bert *b, struct bert_work *w, const struct layer *y,
                   const uint32_t *lengths, size_t count, size_t tokens, bool first_only)
{
    size_t hidden = b->shape.hidden, t = 0;
    bool panels = heads_are_panels(b);
    record(w, BERT_QKV, w->x, tokens);
    linear_run(&y->qkv, settled(b, w, &y->qkv, 0), tokens, panels ? LINEAR_HEADS : LINEAR_SET,
               w->qkv);
    for (size_t i = 0; i < count; t += lengths[i++]) {
        struct attention a = {.tokens = lengths[i],
                              .queries = first_only ? 1 : lengths[i],
                              .heads = b->shape.heads,
                              .head_to = b->shape.heads,
                              .head_dims = hidden / b->shape.heads,
                              .bias = b->relative,
                              .bias_reach = b->shape.positions};
        if (panels)
            attention_bf16(&a, (const uint16_t *)w->qkv + t * BERT_PANEL, tokens, w->scratch,
                           w->context + t * hidden);
        else
            attention_f32(&a, (const float *)w->qkv + t * 3 * hidden, w->scratch,
                          w->context + t * hidden);
    }
}

/* Of each text the one row that will be its vector moves to the front: how many there are. */
static size_t gather(const struct bert *b, struct bert_work *w, const uint32_t *lengths,
                     size_t count, enum bert_pooling pooling)
{
    size_t hidden = b->shape.hidden;
    for (size_t i = 0, t = 0; i < count; t += lengths[i++]) {
        size_t from = (pooling == BERT_LAST ? t + lengths[i] - 1 : t) * hidden;
        memmove(w->x + i * hidden, w->x + from, hidden * sizeof *w->x);
        memmove(w->context + i * hidden, w->context + from, hidden * sizeof *w->context);
    }
    return count;
}

/* From the results of attention to the input of the next layer (NULL: there is none). */
static void feed(const struct bert *b, struct bert_work *w, const struct layer *y,
                 const struct linear *next, size_t tokens)
{
    size_t hidden = b->shape.hidden;
    record(w, BERT_ATTENTION_OUT, w->context, tokens);
    linear_run(&y->attention_out, input(&y->attention_out, w->context, tokens, w->inputs), tokens,
               LINEAR_ADD, w->x);
    size_t chunks = (tokens + FEED_ROWS - 1) / FEED_ROWS;
    for (size_t t = 0; t < tokens; chunks--) {
        size_t rows = (tokens - t + chunks - 1) / chunks; /* even shares: no short last one */
        settle(b, w, &y->attention_norm, t, rows, &y->up);
        record(w, BERT_UP, w->x + t * hidden, rows);
        linear_run(&y->up, settled(b, w, &y->up, t), rows, LINEAR_GELU, w->wide);
        record(w, BERT_DOWN, w->wide, rows);
        const void *wide = w->wide; /* bfloat16 already, if that is what the layers take */
        if (y->down.type == LINEAR_INT8)
            wide = input(&y->down, w->wide, rows, w->wide_inputs);
        linear_run(&y->down, wide, rows, LINEAR_ADD, w->x + t * hidden);
        settle(b, w, &y->feed_norm, t, rows, next);
        t += rows;
    }
}

/* The rows of one text to its vector. */
static void pool(const struct bert *b, const float *x, uint32_t rows, float *out)
{
    size_t hidden = b->shape.hidden;
    memcpy(out, x, hidden * sizeof *out);
    for (uint32_t t = 1; t < rows; t++) /* the sum has the direction of the mean */
        rows_add(out, x + t * hidden, hidden);
    normalise_f32(out, hidden);
}

size_t bert_start(const struct bert *b, struct bert_work *w, const uint32_t *ids,
                  const uint32_t *lengths, size_t count)
{
    size_t tokens = look_up(b, w->x, ids, lengths, count);
    settle(b, w, &b->norm, 0, tokens, &b->layers[0].qkv);
    return tokens;
}

void bert_layer(const struct bert *b, struct bert_work *w, unsigned layer, const uint32_t *lengths,
                size_t count, size_t tokens)
{
    bool last = layer + 1 == b->shape.layers;
    attend(b, w, &b->layers[layer], lengths, count, tokens, false);
    feed(b, w, &b->layers[layer], last ? NULL : &b->layers[layer + 1].qkv, tokens);
}

void bert_run(const struct bert *b, struct bert_work *w, const uint32_t *ids,
              const uint32_t *lengths, size_t count, enum bert_pooling pooling, float *out)
{
    size_t hidden = b->shape.hidden, sum = 0;
    bool one_row = pooling == BERT_CLS || pooling == BERT_LAST;
    for (size_t i = 0; i < count; i++)
        sum += lengths[i];
    assert(sum <= w->tokens_max);
    size_t rows = bert_start(b, w, ids, lengths, count), tokens = rows;
    for (unsigned i = 0; i < b->shape.layers; i++) {
        bool last = i + 1 == b->shape.layers;
        attend(b, w, &b->layers[i], lengths, count, tokens, last && pooling == BERT_CLS);
        if (last && one_row)
            rows = gather(b, w, lengths, count, pooling);
        feed(b, w, &b->layers[i], last ? NULL : &b->layers[i + 1].qkv, rows);
    }
    if (pooling == BERT_ROWS) {
        memcpy(out, w->x, tokens * hidden * sizeof *out);
        return;
    }
    for (size_t i = 0, t = 0; i < count; i++) {
        pool(b, w->x + t * hidden, one_row ? 1 : lengths[i], out + i * hidden);
        t += one_row ? 1 : lengths[i];
    }
}
