/* From texts to readers, for documents that nobody has read yet, from the moment they are indexed.
 *
 *     profile = M * sum of weight_i * e_i,   M = (E'E + lambda I)^-1,   ridge(d) = e_d . profile
 *     new(d)  = ridge(d) + blend * (the mean of the score of the `near` known texts nearest to d,
 *               by the cube of their cosine)
 *
 * e: a text's vector less the mean of all, of length 1. The profile is one vector, so candidates
 * come from the vector index. `scale` and `offset` bring new(d) to the scale of the scores of known
 * documents; they are fitted on documents that training hid. Ridge from text to readers, see
 * Gantner et al.: Learning Attribute-to-Feature Mappings for Cold-Start Recommendations (ICDM
 * 2010), section III.C; anchors by measurement in ARCHITECTURE.md. Immutable: any thread. */
#ifndef RECOMMEND_TEXT_MODEL_H
#define RECOMMEND_TEXT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_model {
    uint32_t dims;
    float *mean;    /* dims */
    float *readers; /* M: dims x dims */
    uint32_t near;  /* known texts that speak for a new one; 20 */
    double blend, scale, offset;
};

/* out[dims]: vector less the mean, of length 1. False: nothing is left of it. */
bool text_model_centre(const struct text_model *t, const float *vector, float *out);
/* out[dims] += weight * M * centred: the share of the profile that one document has. */
void text_model_read(const struct text_model *t, const float *centred, float weight, float *out);
/* near_scores, near_cosines: of the known texts nearest to the document. */
double text_model_score(const struct text_model *t, const float *profile, const float *centred,
                        const float *near_scores, const float *near_cosines, size_t near_count);

#endif
