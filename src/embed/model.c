#include "embed/model.h"
#include "embed/remote.h"
#include "base/arena.h"
#include "math/dot.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model *model_ref(struct model *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void model_unref(struct model *m)
{
    if (!m || __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    tokenizer_free(m->tokenizer);
    pack_close(m->tokenizer_pack);
    bert_free(m->bert);
    adapter_free(m->adapter);
    remote_free(m->remote);
    free(m);
}

const struct model_info *model_info(const struct model *m)
{
    return &m->info;
}

const struct tokenizer *model_tokenizer(const struct model *m)
{
    return m->tokenizer;
}

/* --- running --- */

struct model_run {
    struct model *model;
    struct bert_work *work;
    float *full; /* of one block, if the model's vectors are cut to fewer dimensions */
    size_t tokens_batch;
};

struct model_run *model_run_new(struct model *m, unsigned tokens_batch)
{
    struct model_run *r = xcalloc(1, sizeof *r);
    assert(!m->remote); /* it runs elsewhere */
    r->model = model_ref(m);
    r->tokens_batch = tokens_batch > m->info.tokens_max ? tokens_batch : m->info.tokens_max;
    if (m->bert)
        r->work = bert_work_new(m->bert, r->tokens_batch);
    if (m->info.dims < m->info.dims_full)
        r->full = xcalloc(r->tokens_batch * m->info.dims_full, sizeof *r->full);
    return r;
}

void model_run_free(struct model_run *r)
{
    if (!r)
        return;
    bert_work_free(r->work);
    free(r->full);
    model_unref(r->model);
    free(r);
}

static enum err check_lengths(const struct model *m, const uint32_t *ids, const uint32_t *lengths,
                              size_t count, struct err_info *e)
{
    unsigned vocab = tokenizer_vocab_size(m->tokenizer);
    for (size_t i = 0; i < count; i++) {
        char field[32];
        snprintf(field, sizeof field, "/%zu", i);
        if (lengths[i] > m->info.tokens_max)
            return err_set(e, ERR_TOO_LARGE, field,
                           "text %zu has %u tokens; the model reads at most %u", i, lengths[i],
                           m->info.tokens_max);
        if (lengths[i] == 0)
            return err_set(e, ERR_INVALID, field, "text %zu has no tokens", i);
        for (uint32_t t = 0; t < lengths[i] && m->bert; t++)
            if (ids[t] >= vocab)
                return err_set(e, ERR_INVALID, field, "text %zu: token id %u of a vocabulary of %u",
                               i, ids[t], vocab);
        ids += lengths[i];
    }
    return ERR_OK;
}

/* Matryoshka: the first dimensions, of length 1 again. */
static void cut(const struct model_run *r, size_t count, float *out)
{
    size_t full = r->model->info.dims_full, dims = r->model->info.dims;
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * dims, r->full + i * full, dims * sizeof *out);
        normalise_f32(out + i * dims, dims);
    }
}

static void run_block(struct model_run *r, const uint32_t *ids, const uint32_t *lengths,
                      size_t count, float *out)
{
    const struct model *m = r->model;
    float *rows = r->full ? r->full : out;
    for (size_t k = 0, t = 0; !m->bert && k < count; t += lengths[k++])
        stub_embed(ids + t, lengths[k], m->info.precision - PRECISION_FP32, rows + k * STUB_DIMS);
    if (m->bert)
        bert_run(m->bert, r->work, ids, lengths, count, m->pooling, rows);
    if (r->full)
        cut(r, count, out);
    if (m->adapter)
        adapter_apply(m->adapter, out, count);
}

enum err model_embed_rows(struct model_run *r, const uint32_t *ids, uint32_t length, float *out,
                          struct err_info *e)
{
    const struct model *m = r->model;
    enum err err = check_lengths(m, ids, &length, 1, e);
    if (!err && m->bert)
        bert_run(m->bert, r->work, ids, &length, 1, BERT_ROWS, out);
    else if (!err)
        for (uint32_t t = 0; t < length; t++)
            stub_embed(ids + t, 1, m->info.precision - PRECISION_FP32, out + (size_t)t * STUB_DIMS);
    return err;
}

enum err model_embed(struct model_run *r, const uint32_t *ids, const uint32_t *lengths,
                     size_t count, float *out, struct err_info *e)
{
    const struct model *m = r->model;
    enum err err = check_lengths(m, ids, lengths, count, e);
    for (size_t i = 0; i < count && !err;) {
        size_t texts = 0, tokens = 0;
        while (i + texts < count && tokens + lengths[i + texts] <= r->tokens_batch)
            tokens += lengths[i + texts++];
        run_block(r, ids, lengths + i, texts, out + i * m->info.dims);
        ids += tokens;
        i += texts;
    }
    return err;
}
