#include "recommend/text_model.h"

#include "base/arena.h"
#include "base/section.h"
#include "math/dot.h"
#include <math.h>
#include <stdlib.h>

bool text_model_centre(const struct text_model *t, const float *vector, float *out)
{
    for (uint32_t d = 0; d < t->dims; d++)
        out[d] = vector[d] - t->mean[d];
    return normalise_f32(out, t->dims) > 1e-6f;
}

void text_model_read(const struct text_model *t, const float *centred, float weight, float *out)
{
    for (uint32_t d = 0; d < t->dims; d++)
        out[d] += weight * dot_f32(t->readers + (size_t)d * t->dims, centred, t->dims);
}

double text_model_near(const float *near_scores, const float *near_cosines, size_t near_count)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < near_count; i++) {
        double cosine = near_cosines[i] > 0 ? (double)near_cosines[i] : 0,
               weight = cosine * cosine * cosine;
        sum += weight * (double)near_scores[i];
        weights += weight;
    }
    return weights > 0 ? sum / weights : 0;
}

double text_model_score(const struct text_model *t, const float *profile, const float *centred,
                        const float *near_scores, const float *near_cosines, size_t near_count)
{
    double ridge = (double)dot_f32(profile, centred, t->dims),
           near = text_model_near(near_scores, near_cosines, near_count);
    return t->offset + t->scale * (ridge + t->blend * near);
}

/* ---- in a section: u32 dims, u32 near; float64 blend, scale, offset,
 * deviation; float32 mean, M ---- */

void text_model_free(struct text_model *t)
{
    if (!t)
        return;
    free(t->mean);
    free(t->readers);
    free(t);
}

void text_model_save(const struct text_model *t, struct section_writer *w)
{
    const double numbers[] = {t->blend, t->scale, t->offset, t->deviation};
    section_put_u32(w, t->dims);
    section_put_u32(w, t->near);
    section_put(w, numbers, sizeof numbers);
    section_put(w, t->mean, t->dims * sizeof *t->mean);
    section_put(w, t->readers, (size_t)t->dims * t->dims * sizeof *t->readers);
}

static void head_get(struct section_reader *r, struct text_model *t)
{
    double numbers[4];
    t->dims = section_get_u32(r);
    t->near = section_get_u32(r);
    section_get(r, numbers, sizeof numbers);
    t->blend = numbers[0];
    t->scale = numbers[1];
    t->offset = numbers[2];
    t->deviation = numbers[3];
    if (!isfinite(t->blend) || !isfinite(t->scale) || !isfinite(t->offset) ||
        !(t->deviation >= 0) || !isfinite(t->deviation) || t->dims < 1 ||
        t->dims > TEXT_MODEL_DIMS_MAX || t->near < 1 || t->near > TEXT_MODEL_NEAR_MAX ||
        ((size_t)t->dims + 1) * t->dims > section_left(r) / sizeof(float))
        section_corrupt(r, "the text's part is wrong");
}

struct text_model *text_model_load(struct section_reader *r)
{
    struct text_model *t = xcalloc(1, sizeof *t);
    head_get(r, t);
    if (!section_error(r)) {
        t->mean = xmalloc(t->dims * sizeof *t->mean);
        t->readers = xmalloc((size_t)t->dims * t->dims * sizeof *t->readers);
        section_get_finite(r, t->mean, t->dims);
        section_get_finite(r, t->readers, (size_t)t->dims * t->dims);
    }
    if (!section_error(r))
        return t;
    text_model_free(t);
    return NULL;
}

size_t text_model_bytes(const struct text_model *t)
{
    return sizeof *t + ((size_t)t->dims + 1) * t->dims * sizeof(float);
}
