/* What is judged: popularity and content, which need no training and stand beside every result, and
 * models with all their parts. Rankers hold no reader's data: scoring follows from the case alone.
 * Any thread may score. */
#ifndef TRAIN_RANKERS_H
#define TRAIN_RANKERS_H

#include "base/err.h"
#include "recommend/model.h"
#include "train/measure.h"

/* How many readers like each item of a set. */
float *set_readers(const struct training_set *s); /* free() */

/* By how many readers like it. `p` is borrowed. */
struct popularity {
    const float *readers; /* of each item */
    uint32_t items;
};
struct ranker ranker_popularity(const struct popularity *p);

/* The texts of a set: centred by the mean of those that have one, of length 1, items x dims. NULL
 * without texts. */
struct texts {
    uint32_t items, dims;
    float *rows; /* zeros: has none */
    bool *has;
};
struct texts *texts_new(const struct training_set *s);
void texts_free(struct texts *t);
/* The cosine with the mean of what was given, by its weights (centred profile). An item without a
 * text is not ranked. `t` is borrowed. */
struct ranker ranker_content(const struct texts *t);

/* All parts: rows or factors for documents that it knows, the text for others, with the nearest of
 * those that it knows. `m`, whose items are those of the set, is borrowed, the set's vectors are
 * read at once. `among`: items that will be asked for; NULL: all. */
struct model_ranker;
enum err model_ranker_new(const struct recommend_model *m, const struct training_set *s,
                          const uint8_t *among, unsigned threads, struct model_ranker **out,
                          struct err_info *e) MUST_CHECK;
void model_ranker_free(struct model_ranker *r); /* NULL is allowed */
struct ranker ranker_model(struct model_ranker *r, const char *name);

#endif
