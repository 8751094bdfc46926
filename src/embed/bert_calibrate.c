#include "embed/bert_impl.h"
#include "base/arena.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct bert_calibration {
    const struct bert *fp32;
    struct bert_work *work; /* all texts as one block */
    uint32_t *lengths;
    size_t count, tokens;
    unsigned layer; /* the next one */
    struct linear_seen *seen[BERT_PRODUCTS];
};

struct bert_calibration *bert_calibration_new(const struct bert *fp32, const uint32_t *ids,
                                              const uint32_t *lengths, size_t count)
{
    assert(fp32->type == LINEAR_F32 && count > 0);
    struct bert_calibration *c = xcalloc(1, sizeof *c);
    c->fp32 = fp32;
    c->count = count;
    c->lengths = xcalloc(count, sizeof *lengths);
    memcpy(c->lengths, lengths, count * sizeof *lengths);
    for (size_t i = 0; i < count; i++)
        c->tokens += lengths[i];
    c->work = bert_work_new(fp32, c->tokens);
    bert_start(fp32, c->work, ids, lengths, count);
    return c;
}

static void forget(struct bert_calibration *c)
{
    for (unsigned i = 0; i < BERT_PRODUCTS; i++) {
        linear_seen_free(c->seen[i]);
        c->seen[i] = NULL;
    }
}

struct linear_seen *const *bert_calibration_next(struct bert_calibration *c)
{
    const struct bert_shape *s = &c->fp32->shape;
    assert(c->layer < s->layers);
    forget(c);
    for (unsigned i = 0; i < BERT_PRODUCTS; i++)
        c->seen[i] = linear_seen_new(i == BERT_DOWN ? s->intermediate : s->hidden);
    c->work->seen = c->seen;
    bert_layer(c->fp32, c->work, c->layer++, c->lengths, c->count, c->tokens);
    for (unsigned i = 0; i < BERT_PRODUCTS; i++)
        linear_seen_end(c->seen[i]);
    return c->seen;
}

void bert_calibration_free(struct bert_calibration *c)
{
    if (!c)
        return;
    forget(c);
    bert_work_free(c->work);
    free(c->lengths);
    free(c);
}
