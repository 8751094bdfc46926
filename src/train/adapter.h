/* A custom embedding, learned from feedback: a linear adapter (math/adapter.h) behind the frozen
 * encoder, so that texts that readers like together come nearer to each other.
 *
 * Each step takes readers, hides one document that each likes, and sums the others to a profile p;
 * the adapter shall put the hidden document ahead of the others among candidates:
 *
 *     minimise  -log( exp(s_j) / sum over candidates k of exp(s_k) )  +  decay |A|^2,
 *     s_k = f(p) . f(e_k) / temperature - log q_k
 *
 * Candidates: all documents that somebody likes; in a large set a sample in proportion to how many
 * like them, and q_k is what a sample expects of k, so that the popular are not pushed away for
 * being met more often (contrastive loss with sampled softmax: van den Oord, Li, Vinyals:
 * Representation Learning with Contrastive Predictive Coding, 2018; Yi et al.: Sampling-Bias-
 * Corrected Neural Modeling, RecSys 2019, section 3). Adam (Kingma, Ba, ICLR 2015); it ends when
 * readers who are held out are not served better any more. The encoder is not needed. */
#ifndef TRAIN_ADAPTER_H
#define TRAIN_ADAPTER_H

#include "math/adapter.h"
#include "recommend/training_set.h"
#include "train/recipe.h"

/* How much of A is applied: what search loses to it falls with it, and what readers gain, less. */
#define ADAPTER_STRENGTHS 3
extern const double adapter_strengths[ADAPTER_STRENGTHS]; /* 1, .5, .25 */

/* Judged on readers who are held out (recall@100 of what they liked) and on documents that are new
 * (recall@100 among those), by content alone, beside the vectors as they are. The report, a JSON
 * object:
 * {"kind":"adapter","seed","readers","items","acts","dims","steps","strengths":[{"strength",
 * "held_out":{"readers","recall@100":{"mean","low","high"},"before":{..},"difference","p"},
 * "new_documents":{the same},"gains"}],"promote","reason","seconds"}. gains: both gain, each with
 * p < .05; promote: at full strength at least. What search thinks of it is judged where the queries
 * are. ERR_CONFLICT: too few readers, or no texts; ERR_CANCELLED; ERR_UNAVAILABLE: no OpenBLAS. */
struct strbuf;
enum err adapter_train(const struct training_set *s, const struct fit_options *o,
                       struct adapter **out, struct strbuf *report, struct err_info *e) MUST_CHECK;

#endif
