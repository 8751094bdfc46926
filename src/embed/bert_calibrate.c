#include "embed/bert_impl.h"
#include <assert.h>
#include <math.h>
#include <string.h>

size_t bert_amax_count(const struct bert_shape *shape)
{
    return shape->layers * (3 * (size_t)shape->hidden + shape->intermediate);
}

void bert_calibrate(const struct bert *fp32, const uint32_t *ids, const uint32_t *lengths,
                    size_t count, float *amax)
{
    assert(fp32->type == LINEAR_F32);
    uint32_t longest = 1;
    for (size_t i = 0; i < count; i++)
        longest = lengths[i] > longest ? lengths[i] : longest;
    float vector[8192];
    assert(fp32->shape.hidden <= sizeof vector / sizeof *vector);
    memset(amax, 0, bert_amax_count(&fp32->shape) * sizeof *amax);
    struct bert_work *w = bert_work_new(fp32, longest);
    w->amax = amax;
    for (size_t i = 0; i < count; ids += lengths[i++])
        bert_run(fp32, w, ids, &lengths[i], 1, BERT_MEAN, vector);
    bert_work_free(w);
}
