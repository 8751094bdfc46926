/* Which parameters: every kind has the same number of trials, each fitted on the training part and
 * judged on the validation part. First the grid of the kind, then what lies next to the best, so
 * that few trials find a good one. With `among`, new documents, the blend of the nearest texts is
 * tried too, on the model that was best: it is not fitted again for it. All that was tried is kept,
 * for the report. */
#ifndef TRAIN_SELECT_H
#define TRAIN_SELECT_H

#include "train/measure.h"
#include "train/steps.h"

#define TRIALS_MAX 16u
#define SELECT_BUDGET 10u

struct trial {
    struct recipe recipe;
    double metric; /* mean over the validation cases; NaN: could not be fitted */
    double seconds;
};
struct trials {
    struct trial all[TRIALS_MAX];
    unsigned count, best;
    /* With `among`, and all acts: the whole model of the best, else NULL. Whoever asked frees it.
     */
    struct recommend_model *model;
};
struct select_options {
    enum measure metric;
    unsigned budget;            /* fits, at most TRIALS_MAX - 4; 0: SELECT_BUDGET */
    const struct recipe *first; /* of this kind, tried ahead of the grid; NULL: none */
    const uint8_t *among;       /* measure.h */
    /* Trials are fitted on so many acts at most, those of the readers with the lowest digests; 0:
     * on all. Only for sets where each fit takes minutes. */
    size_t acts_max;
};
/* ERR_FULL, ERR_UNAVAILABLE, ERR_INVALID: of the last trial, if none could be fitted.
 * ERR_CANCELLED. */
enum err select_recipe(enum model_kind kind, const struct split *p, const struct select_options *o,
                       struct steps *steps, struct trials *out, struct err_info *e) MUST_CHECK;

/* The readers with the lowest digests that have at most `acts_max` together (0: all): borrows
 * items, numbers and vectors, and is freed by set_sample_free. */
struct training_set *set_sample(const struct training_set *s, size_t acts_max, uint64_t seed);
void set_sample_free(struct training_set *s);

#endif
