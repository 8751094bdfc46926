/* From texts to readers, for documents that nobody has read yet, from the moment they are indexed.
 *
 *     profile = M * sum of weight_i * e_i,   M = (E'E + lambda I)^-1,   ridge(d) = e_d . profile
 *     new(d)  = offset + scale * (ridge(d) + blend * (the mean of the score of the `near` known
 * texts nearest to d, by the cube of their cosine))
 *
 * e: a text's vector less the mean of all, of length 1. The profile is one vector, so candidates
 * come from the vector index. `scale` and `offset` bring new(d) to the scale of the scores of known
 * documents; they are fitted on documents that training takes for new ones. Ridge from text to
 * readers, see Gantner et al.: Learning Attribute-to-Feature Mappings for Cold-Start
 * Recommendations (ICDM 2010), section III.C; anchors by measurement in ARCHITECTURE.md. Immutable:
 * any thread. */
#ifndef RECOMMEND_TEXT_MODEL_H
#define RECOMMEND_TEXT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MODEL_DIMS_MAX 8192
#define TEXT_MODEL_NEAR_MAX 100

struct text_model {
    uint32_t dims;
    float *mean;    /* dims */
    float *readers; /* M: dims x dims */
    uint32_t near;  /* known texts that speak for a new one; 20 */
    double blend, scale, offset;
    double deviation; /* of the cosine of two centred texts; 0: not known */
};

/* out[dims]: vector less the mean, of length 1. False: nothing is left of it. */
bool text_model_centre(const struct text_model *t, const float *vector, float *out);
/* out[dims] += weight * M * centred: the share of the profile that one document has. */
void text_model_read(const struct text_model *t, const float *centred, float weight, float *out);
/* near_scores, near_cosines: of the known texts nearest to the document: what the model scores them
 * for this reader, and the dot products of their centred vectors with its own. */
double text_model_score(const struct text_model *t, const float *profile, const float *centred,
                        const float *near_scores, const float *near_cosines, size_t near_count);

/* The mean of the scores of known texts, by the cube of their cosine; 0 without any. */
double text_model_near(const float *near_scores, const float *near_cosines, size_t near_count);

void text_model_free(struct text_model *t); /* NULL is allowed */
/* In a section of the model file (model.h). Load: NULL, and the reader has an error. */
struct section_writer;
struct section_reader;
void text_model_save(const struct text_model *t, struct section_writer *w);
struct text_model *text_model_load(struct section_reader *r);
size_t text_model_bytes(const struct text_model *t);

#endif
